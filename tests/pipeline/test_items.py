"""What a claims file or a sweep may name: wrong items, keys and relations are said with file and line, unexecuted."""

import json

import pytest

from lib.pipeline import items
from lib.study import claim_files
from tests import toy_book

CLAIM = """- id: first
  item: "1.1"
  statement: A first one.
  expected: {equal: 1}
  where: p. 1
  tolerance: {absolute: 0, reason: exact}
- id: fig5.1-fidelity
  item: "5.1"
  statement: The fidelity approaches one.
  expected: {at least: 0.9}
  where: figure 5.1, p. 61
"""
LISTED = [{"item": name, "chapter": name.lstrip("T").split(".")[0], "title": "-"}
          for name in ("1.1", "5.1", "5.2", "T5.1", "B.1")]
CHAPTER = ('---\nx: 1\n---\n\n# Title\n\n```{code-cell} ipython3\n%matplotlib inline\ntable = sweep(\n    f,\n    '
           'item="{item}",\n)\n```\n')


@pytest.fixture
def top(tmp_path):
    toy_book.write(tmp_path, "data/thesis/items.json", json.dumps(LISTED))
    toy_book.write(tmp_path, "data/thesis/claims/05.yml", CLAIM)
    toy_book.write(tmp_path, "book/05-a.md", CHAPTER.replace("{item}", "5.2"))
    return tmp_path


def said(top):
    return claim_files.read(top)[1] + items.problems(top)


@pytest.mark.parametrize("item", ["5.3", "5.11", "T5.2", "T1.1", "C.1", "9.1", "eq9.1", "s8.2", "eqC.3", "5.10"])
def test_an_item_that_the_thesis_does_not_have_is_named(top, item):
    toy_book.replace(top, "data/thesis/claims/05.yml", '"5.1"', f'"{item}"')
    (line,) = said(top)
    assert line.startswith("data/thesis/claims/05.yml, line 7: expected ") and f"got {item!r}; try " in line


@pytest.mark.parametrize("item", ["5.1", "5.2", "T5.1", "B.1", "eq5.3", "eq1.29", "s5.4", "s5.4.3", "eqB.2"])
def test_an_item_of_the_thesis_is_in_order(top, item):
    toy_book.replace(top, "data/thesis/claims/05.yml", '"5.1"', f'"{item}"')
    toy_book.replace(top, "book/05-a.md", "5.2", item)
    assert said(top) == []


@pytest.mark.parametrize("item", ["5.3", "fig5.1", "Figure 5.1", "5", "eq9.9"])
def test_a_sweep_with_a_wrong_item_is_named(top, item):
    toy_book.replace(top, "book/05-a.md", "5.2", item)
    (line,) = said(top)
    assert line.startswith("05-a.md, line 11: expected a") and f"got {item!r}; try " in line


@pytest.mark.parametrize(("old", "new", "words"), [
    ('item: "5.1"', "item: 5.1", "expected item as a text, got 5.1; try item: \"5.1\", with quotes"),
    ('item: "5.1"', 'item: "5.1a"', "expected a thesis number such as 5.1"),
    ('item: "5.1"', 'item: "Fig. 5.1"', "expected a thesis number such as 5.1"),
    ('item: "5.1"', 'item: "own-05"', "expected a thesis number such as 5.1"),
    ('item: "5.1"', 'itme: "5.1"', "expected keys among id, item"),
    ("at least", "atleast", "expected a relation among equal, at least"),
    ("at least", "at_least", "expected a relation among equal, at least"),
    ("at least", "'>='", "expected a relation among equal, at least"),
    ("{at least: 0.9}", "about one", "expected one relation (equal, at least"),
    ("{at least: 0.9}", "{at least: 0.9, at most: 1}", "expected one relation (equal, at least"),
    ("{at least: 0.9}", "{at least: high}", "expected a number for the expected value, got 'high'"),
    ("{at least: 0.9}", "{between: [1, 0]}", "expected the lower end first"),
    ("{at least: 0.9}", "{between: 1}", "expected two ends of the interval"),
    ("{at least: 0.9}", "hold", "expected one relation (equal, at least"),
    ("{at least: 0.9}", "{equal: 0.9}", "expected a tolerance, got none"),
    ("  where: figure 5.1, p. 61", "  were: figure 5.1, p. 61", "expected keys among id, item"),
    ("  where: figure 5.1, p. 61", "  where: figure 5.1\n  tolerence: {absolute: 1}", "expected keys among id, item"),
    ("  where: figure 5.1, p. 61", "  where: x\n  tolerance: {absolut: 1, reason: x}",
     "expected either an absolute or"),
    ("  where: figure 5.1, p. 61", "  where: x\n  tolerance: {absolute: 1}", "expected the reason of the tolerance"),
    ("  where: figure 5.1, p. 61", "  where: x\n  bound: our", "expected bound: ours, or nothing"),
    ("  where: figure 5.1, p. 61", "  where: x\n  bound: ours", "expected the reason of a bound of ours"),
    ("  where: figure 5.1, p. 61", "  where: x\n  decide: two", "expected a number for decide"),
    ("  where: figure 5.1, p. 61", "  where: x\n  depends_on: [frist]", "expected depends_on to name other claims"),
    ("  where: figure 5.1, p. 61", "  where: x\n  depends_on: first", "expected depends_on as a list of ids"),
    ("id: fig5.1-fidelity", "id: first", "expected every id once, got 'first' again"),
    ("id: fig5.1-fidelity", "id: Fig5.1 fidelity", "expected an id of small letters"),
    ("statement: The fidelity approaches one.", "statement:", "expected statement as a text"),
])
def test_a_wrong_claim_is_named_with_its_file_and_line(top, old, new, words):
    toy_book.replace(top, "data/thesis/claims/05.yml", old, new)
    lines = said(top)
    assert any(line.startswith("data/thesis/claims/05.yml, line 7: ") and words in line for line in lines), lines


def test_the_items_of_the_book_are_those_of_the_thesis():
    assert items.problems(toy_book.ROOT) == []


@pytest.mark.parametrize(("was", "is_now"), [("table = sweep(", "table = = sweep("), ("    f,", "    f f,"),
                                             ("table = ", "  table = "), ("%matplotlib inline", "def"),
                                             ('item="5.2"', 'item="5.2'), ("\n)", "\n")])
def test_a_cell_that_is_no_python_is_left_to_the_check_that_names_its_line(top, was, is_now):
    text = CHAPTER.replace("{item}", "5.2")
    assert was in text
    toy_book.write(top, "book/05-a.md", text.replace(was, is_now))
    assert items.problems(top) == []
