"""The page on writing a chapter: what it says of claims is what judges them, and what it includes is there."""

import inspect
import re

import pytest
import yaml

from lib.pipeline import site
from lib.study import claim_files, claims, verdicts
from tests.tree import ROOT

PAGE = (ROOT / "book/writing.md").read_text("utf-8")
SECTION = PAGE.split("\n## What a claim may expect\n")[1].split("\n## ")[0]
LINES = [line.strip("|").split("|") for line in SECTION.splitlines() if line.startswith("| `")]
ROWS = [[cell.strip() for cell in line] for line in LINES]
RELATIONS = [row for row in ROWS if len(row) == 4]
VERDICTS = [[row[0], row[1].partition(":")[0]] for row in ROWS if len(row) == 2]
TOLERANCE = {"absolute": 0.1, "reason": "a tenth"}


def code(cell):
    return re.search("`([^`]+)`", cell)[1]


def claim(expected, **more):
    entry = {"id": "a", "item": "5.1", "statement": "A.", "expected": yaml.safe_load(expected), "where": "there"}
    return claim_files.Claim.of(entry | more, "there", "05", False)


def of(row):
    """The claim of a line of the first table."""
    return claim(code(row[0]), **({"tolerance": TOLERANCE} if "tolerance" in row[0] else {}))


def verdict(one, *, measured, uncertainty=None, scale="full", enough=True, undecided=""):
    said = claim_files.Settlement("a", measured, uncertainty, scale, "live", [], enough, undecided)
    return verdicts.judge(one, said)


def test_every_relation_has_a_line_and_no_other_has():
    named = [of(row).expected.relation for row in RELATIONS]
    assert sorted(named) == sorted(claim_files.RELATIONS)
    for row in RELATIONS:
        if "tolerance" in row[0]:  # it must have one
            with pytest.raises(ValueError, match="expected a tolerance, got none"):
                claim(code(row[0]))


@pytest.mark.parametrize("row", RELATIONS, ids=lambda row: code(row[0]))
def test_the_examples_of_a_relation_agree_and_differ(row):
    values = [claims._measured(yaml.safe_load(code(cell)), of(row)) for cell in row[2:]]
    assert [verdict(of(row), measured=value) for value in values] == ["reproduced", "differs"]


@pytest.mark.parametrize("row", [row for row in RELATIONS if code(row[0]) != "holds"], ids=lambda row: code(row[0]))
def test_a_tolerance_widens_what_the_page_says_it_does(row):
    wide = claim(code(row[0]), tolerance={"absolute": 2.0, "reason": "two"})
    assert verdict(wide, measured=yaml.safe_load(code(row[3]))) == "reproduced"


def test_decide_leaves_what_is_near_the_bound_undecided():
    near = claim("{at least: 2}", decide=2)
    assert [verdict(near, measured=2.5, uncertainty=error) for error in (0.2, 0.3)] == ["reproduced", "undecided"]


@pytest.mark.parametrize("row", VERDICTS, ids=lambda row: code(row[0]))
def test_what_a_page_says_gives_the_verdict_that_stands_beside_it(row):
    given = eval(f"dict({code(row[0])})")
    assert verdict(claim("{equal: 2}", tolerance=TOLERANCE), **given) == row[1]
    inspect.signature(claims.settle).bind("a", **given)


def test_every_verdict_has_a_line():
    assert {row[1] for row in VERDICTS} == set(claim_files.VERDICTS)


def test_the_part_that_the_page_includes_is_there_and_tells_of_tests():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    start, end = (re.search(rf"^:{name}: (.+)$", PAGE, re.M)[1] for name in ("start-after", "end-before"))
    assert "```{include} CONTRIBUTING.md\n" in PAGE and text.count(start) == text.count(end) == 1
    shown = text[text.index(start):text.index(end)]
    assert re.findall("^## (.*)$", shown, re.M) == ["Where a line lives", "A function and its test",
                                                     "An observable and a claim about it"]
    (file,) = re.findall(r"python -m pytest (\S+)`", shown)
    assert (ROOT / file).is_file() and f"`lib/{file.removeprefix('tests/').replace('test_', '')}`" in shown


def test_what_the_page_includes_is_staged_beside_it_and_is_no_page(tmp_path):
    staged = site.sources(ROOT, {"root": "index"})
    assert staged[site.CONTRIBUTING] == (ROOT / site.CONTRIBUTING).read_bytes() and "writing.md" in staged
    assert site.CONTRIBUTING not in site.only(staged, {"root": "index"})  # a page of what-if needs none
    (tmp_path / "book").mkdir()
    for name, text in (("_config.yml", "title: A book without it\n"), ("constraints.txt", ""),
                       ("pyproject.toml", "[project]\n")):
        (tmp_path / name).write_text(text)
    without = site._digest(tmp_path, [], {})
    assert site.CONTRIBUTING not in site.sources(tmp_path, {"root": "index"})
    (tmp_path / site.CONTRIBUTING).write_text("# How\n")
    assert site.CONTRIBUTING in site.sources(tmp_path, {"root": "index"})
    assert site._digest(tmp_path, [], {}) != without  # an edit of it makes the site anew
