"""The pipeline end to end on a toy book: what is built, what is stale, and what a failure leaves."""

import contextlib
import json
import os
import re
import subprocess
import termios

from lib.pipeline import build
from lib.study import runs
from tests import toy_book
from tests.toy_site import fails, html, without_stamps

HOME = os.path.expanduser("~")


def test_the_site_holds_pages_with_their_numbers_and_downloads(reference):
    files = html(reference)
    page = files["01-first.html"].decode()
    total = runs.read_run(reference / "_build", "01-first").numbers[0].text
    assert f"The total is {total}" in re.sub("<[^>]+>", "", page) and "claim-reproduced" in page
    downloads = {name for name in files if name.startswith("downloads/01-first/")}
    assert downloads == {f"downloads/01-first/{name}" for name in
                         ("01-first-executed.ipynb", "01-first.ipynb", "01-first.md", "figures/fig-1.svg")}
    clean = json.loads(files["downloads/01-first/01-first.ipynb"])
    assert not any(cell.get("outputs") for cell in clean["cells"])
    assert "provenance" not in clean["metadata"]["companion"]
    assert files["downloads/01-first/01-first.md"] == (reference / "book/01-first.md").read_bytes()


def test_nothing_that_is_published_holds_a_path_of_this_machine(reference):
    for name, content in html(reference).items():
        for place in (str(reference), HOME + "/"):
            assert place.encode() not in content, f"{place} in {name}"
    executed = (reference / "_build/executed/01-first.ipynb").read_text("utf-8")
    assert "./data ~ ." in executed  # what the chapter printed: root, home, its own directory


def test_the_record_names_costs_and_origin(reference):
    origin = runs.read_run(reference / "_build", "01-first").provenance
    assert origin.parameters["n_points"] == 4 and origin.seed == 1 and origin.threads == 1
    assert origin.seconds > 0 and origin.core_seconds > 0 and origin.peak_memory_bytes > 10**7
    ledger = json.loads((reference / "_build/ledger.json").read_text("utf-8"))
    assert [claim["id"] for claim in ledger] == ["toy1-offset", "toy2-offset"]
    states = json.loads((reference / "_build/status.json").read_text("utf-8"))["chapters"]
    assert [chapter["state"] for chapter in states] == ["fresh", "fresh"]


def test_a_second_build_changes_no_file(top):
    before = toy_book.contents(top / "_build")
    done = toy_book.run(top, "book")
    assert done.returncode == 0 and "every chapter is up to date" in done.stdout
    after = toy_book.contents(top / "_build")
    kept = [name for name in before if not re.match(r"\.lock|cache", name)]
    assert {name: before[name] for name in kept} == {name: after.get(name) for name in kept}


def test_an_edited_module_makes_exactly_its_chapters_stale(top):
    assert build.stale_chapters(top, "laptop") == []
    toy_book.replace(top, "lib/toy/deep.py", "x * width", "x * width * 2")
    assert build.stale_chapters(top, "laptop") == ["01-first"]


def test_the_longest_chapter_is_started_first(bare):
    assert build.stale_chapters(bare, "laptop") == ["01-first", "02-second"]
    toy_book.replace(bare, "book/02-second.md", "budget_core_minutes: 1", "budget_core_minutes: 2")
    assert build.stale_chapters(bare, "laptop") == ["02-second", "01-first"]


def test_one_worker_and_two_give_the_same_site(reference, bare):
    done = toy_book.run(bare, "--jobs", "1", "book")
    assert done.returncode == 0, done.stdout + done.stderr
    assert without_stamps(html(bare)) == without_stamps(html(reference))
    for stem in ("01-first", "02-second"):
        one, two = runs.read_run(bare / "_build", stem), runs.read_run(reference / "_build", stem)
        assert all(getattr(one, key) == getattr(two, key) for key in ("inputs", "claims", "numbers", "figures"))


def test_a_cell_that_raises_leaves_the_site_and_is_named(top):
    before, kept = html(top), (top / "_build/executed/02-second.ipynb").read_bytes()
    toy_book.replace(top, "book/02-second.md", "import random\n", "import random\n\nraise KeyError('no such thing')\n")
    toy_book.replace(top, "book/01-first.md", "import random\n", "import random  # of Python\n")
    done = toy_book.run(top, "book")
    line = (top / "book/02-second.md").read_text().splitlines().index("raise KeyError('no such thing')") + 1
    fails(done, f"chapter 02-second failed in code cell 2 (02-second.md, line {line}): raise KeyError",
          "KeyError: 'no such thing'", "_build/failed/02-second.ipynb", "the last good output was left as it was")
    assert html(top) == before and (top / "_build/executed/02-second.ipynb").read_bytes() == kept
    assert "no such thing" in (top / "_build/failed/02-second.ipynb").read_text("utf-8")
    assert "01-first:" in done.stdout  # the other chapter went on
    shown = toy_book.run(top, "status").stdout
    assert f"code cell 2, line {line}: KeyError" in shown and "02-second  failed" in shown
    toy_book.replace(top, "book/02-second.md", "\nraise KeyError('no such thing')\n", "")
    assert toy_book.run(top, "book").returncode == 0
    assert not list((top / "_build/failed").iterdir()) and html(top) != before


def test_a_run_that_is_kept_is_not_told_as_a_new_one(top):
    toy_book.replace(top, "book/01-first.md", "import random\n", "import random\nraise KeyError\n")
    fails(toy_book.run(top, "book"), "KeyError")
    toy_book.replace(top, "book/01-first.md", "raise KeyError\n", "")
    done = toy_book.run(top, "book")
    assert done.returncode == 0 and "every chapter is up to date" in done.stdout and " GB" not in done.stdout
    assert not list((top / "_build/failed").iterdir())


def test_a_log_is_shown_only_where_no_step_has_said_what_is_wrong(top):
    toy_book.write(top, "data/offset.txt", "half\n")
    done = toy_book.run(top, "book")
    fails(done, "could not convert string to float", "(log: _build/logs/01-first.log, _build/logs/02-second.log)")
    assert done.stderr.strip().count("\n") == 0
    toy_book.replace(top, "lib/pipeline/execute.py", "import contextlib\n", "raise RuntimeError('no plan')\n")
    done = toy_book.run(top, "--jobs", "1", "book")
    assert done.returncode == 1 and done.stderr.count("RuntimeError: no plan") == 2


def test_a_worse_verdict_stops_the_build_until_it_is_accepted(top):
    assert "toy1-offset: new -> reproduced" in toy_book.run(top, "accept").stdout
    times, record = json.loads((top / runs.TIMES).read_text()), runs.read_run(top / "_build", "01-first")
    assert set(times) == {"laptop"} and set(times["laptop"]) == {"01-first", "02-second"}
    known = times["laptop"]["01-first"]
    assert len(known) == 4 and known.items() <= vars(record.provenance).items()
    other = {"smoke": {"01-first": known | {"core_seconds": 1}}}  # measured by others
    toy_book.write(top, str(runs.TIMES), json.dumps({"laptop": {"09-gone": known}} | other))
    runs.note_times(top)
    assert json.loads((top / runs.TIMES).read_text()) == times | other
    before = html(top)
    toy_book.write(top, "data/offset.txt", "0.9\n")
    done = toy_book.run(top, "book")
    fails(done, "claim toy1-offset: reproduced -> differs (here 0.9, on page 01-first)", "make accept")
    assert html(top) == before
    assert toy_book.run(top, "accept").stdout.splitlines()[0] == "toy1-offset: reproduced -> differs"
    assert toy_book.run(top, "book").returncode == 0 and html(top) != before


def test_what_chapters_took_at_paper_settings_is_noted_when_it_is_accepted(top):
    toy_book.write(top, "book/parameters/paper.yml", '"01":\n  n_points: 5\n')
    assert toy_book.run(top, "--profile", "paper", "book").returncode == 0
    assert toy_book.run(top, "--profile", "paper", "accept").returncode == 0
    times, run = json.loads((top / runs.TIMES).read_text()), runs.read_run(top / "_build/paper", "01-first")
    assert set(times) == {"laptop", "paper"} and set(times["paper"]) == {"01-first", "02-second"}
    assert times["paper"]["01-first"].items() <= vars(run.provenance).items()
    assert run.provenance.parameters["n_points"] == 5 and run.provenance.profile == "paper"


def test_a_changed_bound_renders_the_page_and_starts_no_kernel(top):
    assert toy_book.run(top, "verify").returncode == 0
    toy_book.replace(top, "data/thesis/claims/01.yml", "expected: {equal: 0.5}", "expected: {equal: 0.9}")
    assert "claim toy1-offset: expected differs, got reproduced" in toy_book.run(top, "verify").stderr
    done = toy_book.run(top, "book")
    assert done.returncode == 0 and "every chapter is up to date" in done.stdout, done.stdout + done.stderr
    assert b'class="claim claim-differs" id="claim-toy1-offset"' in html(top)["01-first.html"]
    assert toy_book.run(top, "verify").returncode == 0


def test_a_warning_of_the_renderer_stops_the_build(top):
    before = html(top)
    toy_book.write(top, "book/index.md", "# Toy book\n\nSee {doc}`nowhere` and {glue:text}`no-such-number`.\n")
    fails(toy_book.run(top, "book"), "the site was left as it was", "index.md:3: WARNING", "nowhere",
          "no-such-number")
    assert html(top) == before


def test_a_terminal_shows_where_a_build_is_and_what_to_expect(bare):
    """In a terminal the state stays at the bottom; elsewhere it is a line now and then."""
    toy_book.replace(bare, "book/01-first.md", "import random\n", "import random\nimport time\n\ntime.sleep(3)\n")
    toy_book.replace(bare, "lib/study/telling.py", "LIVE_SECONDS = 15.0, 1.0", "LIVE_SECONDS = 0.5, 0.5")
    said = toy_book.run(bare, "book").stdout
    assert re.search(r"^    01-first: cell 2 of 3, \d+ s$", said, re.M) and "\r" not in said, said
    toy_book.replace(bare, "book/01-first.md", "time.sleep(3)\n", "time.sleep(3.0)\n")
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(toy_book.command(bare, "book"), cwd=bare, env=toy_book.environment(bare) | {
        "TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # the end, on Linux
        while part := os.read(ours, 2**16):
            said += part
    assert process.wait() == 0, said
    text = said.decode()
    assert re.search(r"\r    01-first: cell 2 of 3, \d+ s of about \d+ s", text), text
    shown = [line.rpartition("\r")[2].strip() for line in text.split("\r\n")]  # what stays in the terminal
    assert any(re.fullmatch(r"01-first: \d+ s, [\d.]+ GB", line) for line in shown), shown
    assert not any("of about" in line for line in shown), shown
