"""What a build survives: a second one in the tree, a place that cannot be written, a full disk, signals and kills."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from lib.pipeline import build, command
from tests import patience, toy_book
from tests.toy_site import fails, html, processes_of, without_stamps


def test_a_second_build_in_the_tree_is_refused(top):
    with build.locked(top):
        fails(toy_book.run(top, "book"), f"expected no other build in this tree, got one (process {os.getpid()}, since")
    assert toy_book.run(top, "book").returncode == 0


def test_the_rest_of_a_dead_build_is_named(bare, monkeypatch):
    dead = subprocess.Popen(["true"])
    dead.wait()
    (bare / "_build/.lock").write_text(f"process {dead.pid}, since 12:00:00")
    hold = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, 2); print(1, flush=True); time.sleep(10**6)"
    monkeypatch.setattr(build, "DEAD_DRIVER_WAIT", 0.3)
    with subprocess.Popen([sys.executable, "-c", hold, str(bare / "_build/.lock")], stdout=subprocess.PIPE) as rest:
        rest.stdout.readline()
        words = rf"its driver \(process {dead.pid}, since 12:00:00\) is dead.*try again.*kill {rest.pid}$"
        with pytest.raises(build.BuildError, match=words), build.locked(bare):
            pass
        rest.kill()


def test_a_file_in_the_place_of_the_build_directory_is_named(bare):
    shutil.rmtree(bare / "_build")
    (bare / "_build").write_text("in the way")
    fails(toy_book.run(bare, "book"), "_build", "a file is where a directory should be")


@pytest.mark.parametrize(("number", "words"), [
    (30, "the file system is read-only"), (28, "the disk is full"), (13, "no permission to write")])
def test_errors_of_the_place_are_told_in_words(bare, monkeypatch, capsys, number, words):
    def refuse(*arguments, **settings):
        raise OSError(number, os.strerror(number), "somewhere")

    monkeypatch.setattr(build, "prepare", refuse)
    assert command.main(["--root", str(bare), "book"]) == 1
    assert f"somewhere: {os.strerror(number)}: {words}" in capsys.readouterr().err


def test_a_read_only_tree_is_named_and_keeps_its_site(small_disk, reference):
    top = shutil.copytree(reference, small_disk / "book")
    before = toy_book.contents(top)
    toy_book.replace(top, "data/offset.txt", "0.5", "0.6")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    fails(toy_book.run(top, "book"), "_build", "the file system is read-only; try a copy of the tree")
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    changed = {name for name, content in toy_book.contents(top).items() if before.get(name) != content}
    assert changed == {"data/offset.txt"}


def test_a_full_disk_is_named_and_keeps_the_site(small_disk, reference):
    top = shutil.copytree(reference, small_disk / "book")
    before = html(top)
    toy_book.replace(top, "book/01-first.md", "import random\n",
                     "import random\nopen('big', 'wb').write(bytes(10**9))\n")
    fails(toy_book.run(top, "book"), "chapter 01-first failed in code cell 2", "No space left on device")
    assert html(top) == before
    (small_disk / "filler").write_bytes(bytes(80 * 2**20))
    fails(toy_book.run(top, "book"), "_build", "MiB left", "the disk is full; try to free some space")
    assert html(top) == before


def test_a_build_killed_at_random_moments_ends_in_the_same_site(reference, bare, drawn):
    """Some of a hundred times: start a build and kill all of it at a random moment, after a change or where the last
    one got; then let one finish."""
    for attempt, number in enumerate(drawn(range(100), 6)):
        if attempt % 4 == 0:
            toy_book.write(bare, "data/offset.txt", f"0.5{attempt:02d}\n")
        process = subprocess.Popen(toy_book.command(bare, "book"), cwd=bare, env=toy_book.environment(bare),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=random.Random(number).uniform(0.3, 7.0))
        except subprocess.TimeoutExpired:
            tree = psutil.Process(process.pid)
            for each in [tree, *tree.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            process.wait()
        if (bare / "_build/html").exists():  # whatever is there is a whole site
            assert set(html(bare)) == set(html(reference))
    toy_book.write(bare, "data/offset.txt", "0.5\n")
    done = toy_book.run(bare, "book")
    assert done.returncode == 0, done.stdout + done.stderr
    assert without_stamps(html(bare)) == without_stamps(html(reference))
    assert not list((bare / "_build/tmp").iterdir()) and not list((bare / "_build").rglob(".*.old"))
    patience.wait_for(lambda: processes_of(bare) == [])  # kernels notice within a second or two


@pytest.mark.some(2)
@pytest.mark.parametrize("arguments", [["book"], ["chapter", "1", "--params", "seed=3"]])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_stopped_build_stops_all_that_it_started(bare, arguments, number, status):
    """Only the driver gets the signal, as from the system when memory is short."""
    toy_book.replace(bare, "lib/toy/first.py", '"""Toy module."""\n', "import time\n\ntime.sleep(10**6)\n")
    process = subprocess.Popen(toy_book.command(bare, *arguments), cwd=bare, env=toy_book.environment(bare),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patience.wait_for(lambda: any("lib.pipeline.kernel" in " ".join(found.cmdline()) for found in processes_of(bare)))
    process.send_signal(number)
    assert process.wait(timeout=patience.LIMIT) == status
    patience.wait_for(lambda: processes_of(bare) == [])
    with build.locked(bare):
        assert not list((bare / "_build").glob("whatif/*"))
