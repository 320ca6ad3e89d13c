"""SWEEP: a chapter at several values of one parameter, with one table and one figure."""

import csv
import re
import shutil

import pytest

from lib.pipeline import vary, whatif
from lib.study import lifeline, notebooks, parameters, runs
from lib.study.claims import Number
from tests import toy_book
from tests.claim_parts import run


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A toy book whose first chapter cannot have the width 3, with what draws pictures."""
    top = toy_book.make(tmp_path_factory.mktemp("reference"))
    for name in ("plotting", "checks"):
        shutil.copy(toy_book.ROOT / f"lib/{name}.py", top / f"lib/{name}.py")
    toy_book.replace(top, "book/01-first.md", "import random\n", "import random\n\nassert width != 3, 'too wide'\n")
    return top


@pytest.fixture
def top(reference, tmp_path):
    return shutil.copytree(reference, tmp_path / "book")


@pytest.mark.parametrize(("sweep", "words"), [
    ("n_spins=1,2", "SWEEP: expected parameters of 01-first, got n_spins; try n_points, width"),
    ("n_points=1,2.5", "SWEEP: expected n_points as int, got 2.5 (float); try "),
    ("n_points=1,101", "SWEEP: expected n_points in [1, 100], got 101"),
    ("label=plain,thin", "SWEEP: expected label in {plain, bold}, got 'thin'"),
    ("heights=[1],[3]", "SWEEP: expected element 0 of heights in [0, 2], got 3"),
    ("width=1", "SWEEP: expected two values of width or more, each once, got 1; try SWEEP=\"width=...,...\", or"),
    ("width=1,2,1.0", "SWEEP: expected two values of width or more, each once, got 1, 2, 1.0"),
    ("width=1,2 seed=3", "SWEEP: expected one parameter, got width, seed; try PARAMS for the others"),
    ("width", "SWEEP: expected name=value,value, got 'width'; try SWEEP=\"width=...,...\""),
    ("width=[1,2]", "SWEEP: expected values of width, each as float, got [1,2]; try SWEEP=\"width=1,2\""),
    ("heights=0.5,1", "each as list[float], got 0.5,1; try SWEEP=\"heights=[0.5],[1]\""),
    ("=1,2", "SWEEP: expected name=value"),
])
def test_what_is_no_sweep_is_refused(reference, sweep, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        parameters.parse_sweep(sweep, notebooks.read_chapter(reference / "book/01-first.md"))


def test_lists_stand_in_their_brackets(reference):
    chapter = notebooks.read_chapter(reference / "book/01-first.md")
    assert parameters.parse_sweep("heights=[1], [0.5,2]", chapter) == (
        "heights", {"[1]": [1.0], "[0.5,2]": [0.5, 2.0]})


@pytest.mark.parametrize(("sweep", "others", "words"), [
    ("width=1", "", "SWEEP: expected two values of width or more"),
    ("width=1,2", "seed=1000000", "PARAMS: expected seed in [0, 1000]"),
    ("width=1,2", "width=3", "expected width in SWEEP or in PARAMS, got it in both"),
])
def test_nothing_is_executed_where_one_value_is_refused(reference, sweep, others, words):
    done = toy_book.run(reference, "chapter", "01", "--sweep", sweep, "--params", others)
    assert done.returncode == 1 and words in done.stderr, done.stdout + done.stderr
    assert "Traceback" not in done.stderr and not (reference / "_build/whatif").exists()


def test_a_value_that_fails_leaves_the_others_and_what_was_computed_is_kept(top):
    """The toy chapter's total is its width times a sum, so that doubling one doubles the other."""
    done = toy_book.run(top, "chapter", "1", "--sweep", "width=1, 3,2", "--params", "seed=5")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "seed=5 width=3: code cell 2, line 28: AssertionError: too wide (log: _build/whatif/" in done.stderr
    page = re.search(r"The page of the others: (.*)", done.stderr)[1]
    totals, kept = {}, sorted((top / "_build/whatif").glob("*/executed/01-first.json"))
    for path in kept:
        record = runs.read_run(path.parents[1], "01-first")
        totals[record.inputs.parameters["width"]] = record.numbers[0]
        assert record.inputs.parameters["seed"] == 5
    assert set(totals) == {1.0, 2.0}
    assert totals[2.0].value - 0.5 == pytest.approx(2 * (totals[1.0].value - 0.5))
    shown = [totals[width].text for width in (1.0, 2.0)]
    assert re.search(rf"toy1-total +{shown[0]} +{shown[1]}\n", done.stdout)
    assert "1 check unchanged within rounding" in done.stdout and not (top / "_build/executed").exists()

    with open(page) as file:
        markup = file.read()
    text = " ".join(re.sub("<[^>]+>", " ", markup).split())
    for words in ("Toy chapter 1: width = 1.0, 2.0", "This page is not part of the book", "seed=5",
                  f"The total is ▢. ( toy1-total ) {shown[0]} {shown[1]}", "AssertionError: too wide"):
        assert words in text, text
    assert markup.count("<table") == 1 and len(re.findall(r"_images/[^\"]*\.svg", markup)) >= 1
    place = top / "_build/whatif"
    (table,) = place.glob("*/html/_downloads/*/sweep.csv")
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["what"], row["width"]) for row in rows] == [("toy1-total", "1.0"), ("toy1-total", "2.0")]
    assert [float(row["measured"]) for row in rows] == [totals[width].value for width in (1.0, 2.0)]

    before = {path: path.read_bytes() for path in kept}
    done = toy_book.run(top, "chapter", "1", "--sweep", "width=2,1,0.5", "--params", "seed=5")
    assert done.returncode == 0 and done.stdout.count(": kept") == 2, done.stdout + done.stderr
    assert "The page of the sweep: " in done.stdout and {path: path.read_bytes() for path in kept} == before


def test_what_moved_below_the_rounding_of_its_text_is_told_with_more_digits():
    records = [run("01-first") for _ in range(2)]
    for record, value in zip(records, (0.0059, 0.0144)):
        record.numbers = [Number("a", value, None, "", "0.01"), Number("b", 10 * value, None, "", f"{10 * value:.2f}")]
    moved, same = vary.rows([whatif.cells(record, []) for record in records])
    assert {key: [cell["text"] for cell in cells] for key, cells in moved} == {
        "a": ["0.0059", "0.0144"], "b": ["0.06", "0.14"]} and same == 0


def test_too_few_values_make_no_page(top):
    done = toy_book.run(top, "chapter", "1", "--sweep", "width=1,3")
    assert done.returncode in (1, lifeline.TOLD) and "too few values came through" in done.stderr
    assert not list((top / "_build/whatif").glob("*/html"))
