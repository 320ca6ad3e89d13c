"""`make status`: the four states of a chapter and the reasons, from text and JSON alone."""

import json

import pytest

from lib import atomic
from lib.pipeline import status
from lib.study import provenance, runs
from tests import toy_book
from tests.claim_parts import run, settled


@pytest.fixture
def top(tmp_path):
    """A toy book with a run of its first chapter that is taken as given."""
    top = toy_book.make(tmp_path)
    pretend_run(top, "01-first")
    return top


def pretend_run(top, stem):
    """Put a run in place, as `execute` would publish it."""
    inputs = provenance.chapter_inputs(top, top / "book" / f"{stem}.md", "laptop")
    atomic.write_bytes(top / f"_build/executed/{stem}.ipynb", b"{}")
    atomic.write_bytes(top / f"_build/files/{stem}/a.svg", b"<svg/>")
    run(stem, [settled(measured=1.25)], inputs=inputs,
        figures={"a.svg": atomic.sha256(top / f"_build/files/{stem}/a.svg")},
        notebook=atomic.sha256(top / f"_build/executed/{stem}.ipynb")).write(top / "_build")
    return inputs


def states(top, profile="laptop"):
    return [(chapter.state, chapter.reasons, chapter.error) for chapter in status.book_status(top, profile).chapters]


def test_fresh_and_never_run(top):
    assert states(top) == [("fresh", [], None), ("never run", [], None)]
    assert states(top, "smoke") == [("never run", [], None)] * 2


def test_an_edit_makes_a_chapter_stale_and_says_why(top):
    toy_book.replace(top, "lib/toy/deep.py", "x * width", "x + width")
    toy_book.write(top, "data/offset.txt", "0.6\n")
    assert states(top)[0] == ("stale", ["module lib.toy.deep changed", "data data/offset.txt changed"], None)
    toy_book.replace(top, "lib/toy/deep.py", "x + width", "x * width")
    toy_book.write(top, "data/offset.txt", "0.5\n")
    assert states(top)[0] == ("fresh", [], None)


def test_output_that_is_missing_or_changed_is_stale(top):
    (top / "_build/files/01-first/a.svg").write_text("<svg></svg>")
    assert states(top)[0] == ("stale", ["its output is missing or incomplete"], None)
    (top / "_build/files/01-first/a.svg").unlink()
    assert states(top)[0] == ("stale", ["its output is missing or incomplete"], None)
    pretend_run(top, "01-first")
    toy_book.replace(top, "_build/executed/01-first.json", "1.25", "1.35")  # a measured value, by hand
    assert states(top)[0] == ("stale", ["its output is missing or incomplete"], None)
    pretend_run(top, "01-first")
    (top / "_build/executed/01-first.ipynb").unlink()
    assert states(top)[0] == ("stale", ["its output is missing or incomplete"], None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}'])
def test_a_damaged_record_counts_as_never_run(top, text):
    (top / "_build/executed/01-first.json").write_text(text)
    assert states(top)[0][0] == "never run"


def test_a_failure_shows_its_error_until_the_inputs_change(top):
    inputs = provenance.chapter_inputs(top, top / "book/01-first.md", "laptop")
    failure = runs.Failure("01-first", "error", 2, 30, "x = 1", "ValueError: no\nmore", "all of it", inputs)
    atomic.write_json(top / "_build/failed/01-first.json", failure.plain())
    assert states(top)[0] == ("failed", [], "code cell 2, line 30: ValueError: no")
    toy_book.write(top, "data/offset.txt", "0.6\n")
    why = ["data data/offset.txt changed", "its last run, with other inputs, failed"]
    assert states(top)[0] == ("stale", why, None)
    runs.clear_failure(top / "_build", "01-first")
    assert states(top)[0] == ("stale", ["data data/offset.txt changed"], None)


def test_a_chapter_that_would_be_refused_is_failed(top):
    toy_book.replace(top, "book/01-first.md", "n_points: int = 4 ", "n_points: int = 400 ")
    assert states(top)[0][0] == "failed" and "expected n_points in [1, 100], got 400" in states(top)[0][2]


def test_the_command_prints_states_costs_and_budgets(top):
    toy_book.write(top, "data/offset.txt", "0.6\n")
    done = toy_book.run(top, "status")
    assert done.stdout.splitlines() == ["01-first   stale      0.5 of 1 core-minutes, 0.25 GB",
                                        "             data data/offset.txt changed", "02-second  never run"]
    assert done.returncode == 0 and not done.stderr


def test_the_status_is_plain_json(top):
    assert json.loads(json.dumps(status.book_status(top, "laptop").plain()))["chapters"][0]["budget_core_minutes"] == 1


def test_the_status_names_the_pages_whose_text_or_run_the_site_does_not_have(top):
    assert status.behind(top, "laptop") == ""  # there is none
    atomic.write_json(top / "_build/html" / status.SITE, {"pages": status.made_of(top, "laptop")})
    assert status.behind(top, "laptop") == ""
    for name in ("index", "01-first"):
        path = top / f"book/{name}.md"
        toy_book.write(top, f"book/{name}.md", path.read_text("utf-8") + "\nMore.\n")
    toy_book.write(top, "book/new.md", "# New\n")
    pretend_run(top, "02-second")
    done = toy_book.run(top, "status")
    assert done.stdout.splitlines()[0].startswith("01-first   fresh")
    assert done.stdout.splitlines()[-1] == "the site is older than 01-first, 02-second, index, new; try make book"
