"""Load and fault: what a build survives beyond what other files try (book/tried/load.yml lists all of it)."""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys

import pytest

from lib.pipeline import build, status
from tests import patience, toy_book
from tests.load import book_of
from tests.toy_site import fails, html, processes_of, without_stamps

FILL = '''"""An extension of Sphinx that fills the disk after the pages are read, as another program may."""


def setup(app):
    app.connect("env-updated", fill)


def fill(app, env):
    if not app.config.companion_rehearsal:
        with open("{filler}", "wb", buffering=0) as file:
            try:
                while file.write(bytes(2**16)):
                    pass
            except OSError:
                pass
'''


def test_a_disk_that_fills_up_while_pages_are_rendered_is_named_and_keeps_the_site(small_disk, reference):
    top = shutil.copytree(reference, small_disk / "book")
    before, filler = html(top), small_disk / "filler"
    toy_book.write(top, "book/_ext/fill.py", FILL.format(filler=filler))
    toy_book.replace(top, "_config.yml", "sphinx:\n", "sphinx:\n  local_extensions:\n    fill: _ext\n")
    fails(toy_book.run(top, "book"), "the site was left as it was", "the disk is full; try to free some space")
    assert html(top) == before
    filler.unlink()
    toy_book.write(top, "book/_ext/fill.py", "def setup(app):\n    pass\n")
    assert toy_book.run(top, "book").returncode == 0 and set(html(top)) == set(before)


def without_network():
    """In a process that is about to become another one: a network of its own, with nothing but itself on it."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "no network of one's own")
    with socket.socket() as own:
        fcntl.ioctl(own, 0x8914, struct.pack("16sh14x", b"lo", 0x41))  # SIOCSIFFLAGS: up, running


def test_a_book_is_built_without_a_network(reference, tmp_path):
    top = shutil.copytree(reference, tmp_path / "book", ignore=shutil.ignore_patterns("_build"))
    ask = "import socket; socket.create_connection(('192.0.2.1', 80), 600)"
    try:
        done = subprocess.run([sys.executable, "-c", ask], preexec_fn=without_network, capture_output=True, text=True)
    except (OSError, subprocess.SubprocessError, AttributeError):
        pytest.skip("a network of one's own needs Linux and root")
    assert "Network is unreachable" in done.stderr
    done = subprocess.run(toy_book.command(top, "book"), cwd=top, env=toy_book.environment(top), capture_output=True,
                          text=True, preexec_fn=without_network)
    assert done.returncode == 0, done.stdout + done.stderr
    assert without_stamps(html(top)) == without_stamps(html(reference))


DAMAGE = {"half": lambda content: content[:len(content) // 2], "nothing": lambda content: b"",
          "noise": lambda content: bytes(255 - byte for byte in content)}
PLACES = ("cache", "rehearsal", "rehearsed.json", "render/.doctrees", "render/html", "render/facts.json",
          "render/state.json", "stage", "executed", "files", "html", "ledger.json", "status.json", "sums.json")


def test_whatever_is_damaged_below_the_build_folder_is_made_again(reference, top, drawn):
    """Each part of what a build keeps, cut in half, emptied or turned to noise, beside an edit of a page and alone."""
    cases = [(place, how, edited) for place in PLACES for how in DAMAGE for edited in (False, True)]
    for number, (place, how, edited) in enumerate(drawn(cases, 3)):
        found = [top / "_build" / place] if (top / "_build" / place).is_file() else [
            path for path in (top / "_build" / place).rglob("*") if path.is_file()]
        assert found, place
        for path in found:
            path.write_bytes(DAMAGE[how](path.read_bytes()))
        if edited:
            toy_book.write(top, "book/index.md", f"# Toy book\n\nEdit {number}. See {{doc}}`01-first`.\n")
        done = toy_book.run(top, "book")
        assert done.returncode == 0, f"{place}, {how}: {done.stdout}{done.stderr}"
        done = toy_book.run(top, "verify")
        assert done.returncode == 0, f"{place}, {how}: {done.stdout}{done.stderr}"
        if edited:
            assert f"Edit {number}. See" in html(top)["index.html"].decode(), (place, how)
    toy_book.write(top, "book/index.md", toy_book.FILES["book/index.md"])
    assert toy_book.run(top, "book").returncode == 0
    assert without_stamps(html(top)) == without_stamps(html(reference))


def test_ctrl_c_leaves_nothing_half_made(top):
    """As a terminal sends it: to all processes of the build at once, in the middle of a cell."""
    before = {name: content for name, content in toy_book.contents(top / "_build").items()}
    toy_book.replace(top, "lib/toy/first.py", '"""Toy module."""\n', "import time\n\ntime.sleep(10**6)\n")
    process = subprocess.Popen(toy_book.command(top, "book"), cwd=top, env=toy_book.environment(top), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                               # as in a terminal, also where these tests run in the background, which ignores it
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    patience.wait_for(lambda: any("lib.pipeline.kernel" in " ".join(found.cmdline()) for found in processes_of(top)))
    patience.wait_for(lambda: list((top / "_build/tmp").glob("*/ready")) or list((top / "_build/tmp").glob("*/run/*")))
    os.killpg(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=patience.LIMIT)
    assert process.returncode == 130 and "Traceback" not in out + errors, out + errors
    assert errors.strip() == "stopped; the last good output was left as it was"
    patience.wait_for(lambda: processes_of(top) == [])
    with build.locked(top):
        build.prepare(top, "laptop")
    after = toy_book.contents(top / "_build")
    aside = (".lock", "cache/", "logs/", "rehearsal/", "rehearsed.json")
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)
            and not name.startswith(aside)} == set()


def test_a_book_of_many_chapters_is_built_and_its_status_grows_as_their_number(tmp_path, drawn):
    """Of a hundred with --all; tests/load.py measures the times."""
    few, many = (book_of(tmp_path / f"{n}", n) for n in (3, 6 if len(drawn(range(100), 6)) < 100 else 100))
    n_few, n_many = (len(list((top / "book").glob("[0-9]*.md"))) for top in (few, many))
    done = toy_book.run(many, "book", limit=max(patience.LIMIT, 60 * n_many))
    assert done.returncode == 0, done.stdout + done.stderr
    assert {chapter.state for chapter in status.book_status(many, "laptop").chapters} == {"fresh"}
    assert len(list((many / "_build/html").glob("[0-9]*.html"))) == n_many
    steps = [patience.steps(lambda top=top: status.book_status(top, "smoke")) / n
             for top, n in ((few, n_few), (many, n_many))]
    assert steps[1] < 1.5 * steps[0]


def test_packages_of_other_versions_are_named_before_anything_runs(top):
    toy_book.replace(top, "constraints.txt", "psutil==", "psutil==0.")
    toy_book.replace(top, "constraints.txt", "papermill==", "no-such-package==1.0\npapermill==")
    toy_book.replace(top, "pyproject.toml", '    "papermill",\n', '    "papermill",\n    "no-such-package",\n')
    before = html(top)
    fails(toy_book.run(top, "book"), "no chapter was executed", "constraints.txt: expected psutil==0.",
          "pip install --constraint constraints.txt no-such-package==1.0", "no-such-package==1.0 installed, got none")
    assert html(top) == before
