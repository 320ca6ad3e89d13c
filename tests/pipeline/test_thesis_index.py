"""The index of the thesis: nothing is missing, twice or invented, and every link leads to what names the number."""
# ruff: noqa: E402  (the extension is no package: its folder has to be on the path first)

import json
import re
import shutil
import sys

import pytest

pytest.importorskip("sphinx")

from lib.pipeline import api, items, thesis_index
from lib.study import claim_files
from tests import toy_book
from tests.claim_parts import line
from tests.tree import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import companion_thesis

EQUATIONS = {"2": 34, "3": 35, "4": 26, "5": 19, "6": 2, "7": 7}  # the last number of each chapter of the thesis


@pytest.fixture(scope="module")
def rooms():
    return api.described(ROOT)


@pytest.fixture
def rows(tmp_path, monkeypatch, rooms):
    """The rows of the tables, with a ledger of two claims."""
    monkeypatch.setenv("COMPANION_ROOT", str(ROOT))
    ledger = [line(f"eq3.29-{name}", item="eq3.29", page="35-sparse-kernels", verdict=verdict)
              for name, verdict in (("bias", "differs"), ("variance", "reproduced"), ("third", "reproduced"))]
    for name, content in (("api", rooms), ("ledger", ledger)):
        toy_book.write(tmp_path, f"_data/{name}.json", json.dumps(content))
    return companion_thesis.table_rows(ROOT, tmp_path)


def test_the_numbers_of_every_chapter_have_no_gap():
    numbers = [entry.item[2:] for entry in thesis_index.equations(ROOT)]
    assert numbers == [f"{chapter}.{n}" for chapter, last in EQUATIONS.items() for n in range(1, last + 1)]
    assert all(entry.place.startswith(entry.chapter) for entry in thesis_index.equations(ROOT))


def test_equations_repeat_earlier_ones():
    seen = set()
    for entry in thesis_index.equations(ROOT):
        assert not entry.repeats or entry.repeats in seen, entry
        seen.add(entry.item)


def test_chapters_docstrings_and_claims_name_what_the_thesis_has(rooms):
    known = {entry.item for entry in [*thesis_index.equations(ROOT), *thesis_index.items(ROOT)]}
    assert thesis_index.problems(ROOT) == []
    assert set(thesis_index.in_lib(rooms)) - known == set()
    assert {claim.item for claim in claim_files.read(ROOT)[0].values() if re.match("eq", claim.item)} - known == set()


def test_every_equation_is_treated_in_a_chapter():
    treated = {*thesis_index.treated(ROOT)}
    assert [entry.item for entry in thesis_index.equations(ROOT) if not {entry.item, entry.repeats} & treated] == []


def test_every_link_leads_to_a_page_and_a_section_of_it(rows):
    pages = {path.stem: path.read_text("utf-8") for path in (ROOT / "book").glob("*.md")}
    names = {f"api-{path}" for found in thesis_index.in_lib(api.described(ROOT)).values() for _, path in found}
    for row in sum(rows.values(), []):
        for page, anchor in re.findall(r'href="([\w-]+)\.html(?:#([\w.-]+))?"', " ".join(row)):
            assert page in pages, row
            headings = {section.anchor for section in thesis_index.sections(ROOT / "book" / f"{page}.md")}
            assert not anchor or anchor.startswith("claim-") or anchor in headings | names or \
                f"name: {anchor}" in pages[page], (row[0], page, anchor)


def test_each_number_is_there_once_with_its_verdicts_and_errata(rows):
    listed = [row[0] for row in sum(rows.values(), [])]
    assert len(listed) == len({*listed}) == sum(EQUATIONS.values()) + 33
    row = next(row for row in rows["3"] if row[0] == "Equation 3.29")
    assert "1&nbsp;<a" in row[4] and "differs</span></a>" in row[4] and "2&nbsp;<a" in row[4]
    assert "erratum: A mean kernel that deviates too much</a>" in row[4]
    assert "kernels.<wbr>printed.<wbr>distance<" in row[3] and "The printed distance, and the exact one" in row[2]
    figure = next(row for row in rows["3"] if row[0] == "Figure 3.4")
    assert "03-wide-sparse-networks.html#fig-3-4-water-filling" in figure[2]
    assert "pruning.<wbr>distribution.<wbr>stages" in figure[3]
    repeated, first = (next(row for row in rows["3"] if row[0] == f"Equation {number}") for number in ("3.33", "3.10"))
    assert repeated[2:4] == first[2:4] and "repeats equation 3.10" in repeated[1]


@pytest.mark.parametrize(("text", "items_"), [
    ("the risk (2.2), or (2.4): both", "eq2.2 eq2.4"), ("(thesis 2.14 to 2.16)", "eq2.14 eq2.15 eq2.16"),
    ("(2.14) to (2.16)", "eq2.14 eq2.15 eq2.16"), ("(4.20-4.22)", "eq4.20 eq4.21 eq4.22"),
    ("(3.13 to 3.15, 3.19)", "eq3.13 eq3.14 eq3.15 eq3.19"), ("(5.1 with 4.3, 4.5)", "eq5.1 eq4.3 eq4.5"),
    ("Thesis\nequations 4.1 and 4.2.", "eq4.1 eq4.2"), ("(7.4, with the 1/N that is missing)", "eq7.4"),
    ("eq. (4.1), p. 46", "eq4.1"), ("section 3.4.3 and (section 2.2, p. 12)", ""), ("Page 5.4 is (page 5.6)", ""),
    ("about 2.5 times, float64 (1.0e-10), version (3.11.2)", ""), ("(2.0, 2.0)", ""),
    ("figure 3.6a and B.1", "3.6 B.1"), ("(Fig 3.4, Appendices D)", "3.4"), ("table 6.1", "T6.1"),
    ("(Fig. 4.2; 4.9, 4.10)", "4.2"), ("thesis section 5.3", ""), ("(thesis figures 3.1, 3.3)", "3.1 3.3"),
])
def test_numbers_are_found_in_the_forms_that_texts_have(text, items_):
    assert thesis_index.named(text) == {*items_.split()}


@pytest.fixture
def top(tmp_path):
    """A book of one chapter with the thesis's numbers."""
    for path in (thesis_index.EQUATIONS, thesis_index.ITEMS):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, tmp_path / path)
    toy_book.write(tmp_path, "book/05-a.md", "---\nx: 1\n---\n\n# Title\n\nSee (5.1).\n\n## Part\n\n```\n(9.9)\n```\n\n"
                   "In $x (9.8)$.\n")
    return tmp_path


def test_code_and_formulas_name_nothing(top):
    assert items.problems(top) == []
    assert {item: [place.link for place in places] for item, places in thesis_index.treated(top).items()} == {
        "eq5.1": ["05-a.html"]}


@pytest.mark.parametrize(("words", "hint"), [
    ("as (5.20) says", "try 5.1 to 5.19"), ("equation 8.1", "chapter 8 has none"), ("table 5.1", "chapter 5 has none"),
    ("(thesis 5.18 to 5.20)", "try 5.1 to 5.19")])
def test_a_number_that_the_thesis_does_not_have_is_named(top, words, hint):
    toy_book.replace(top, "book/05-a.md", "## Part\n", f"## Part\n\n{words}\n")
    (line,) = items.problems(top)
    assert line.startswith("05-a.md, line 11: expected a number of the thesis") and hint in line


def test_a_claim_on_an_equation_that_does_not_exist_is_named(top):
    toy_book.write(top, "data/thesis/claims/05.yml", '- id: first\n  item: "eq5.20"\n  statement: A first one.\n'
                   "  expected: {at least: 1}\n  where: p. 1\n")
    (line,) = items.problems(top)
    assert line.startswith("data/thesis/claims/05.yml, line 1: expected an equation of the thesis (data/thesis/equa")
    assert line.endswith("got 'eq5.20'; try eq5.2 or eq5.12")


@pytest.mark.parametrize("entry", ["  2.1: {words: x}", "  '2.1': {what: x, why: y}", "  '2.0': x"])
def test_a_wrong_entry_is_named(top, entry):
    toy_book.write(top, "data/thesis/equations.yml", f"'2.2':\n{entry}\n")
    (line,) = items.problems(top)
    assert line.startswith("data/thesis/equations.yml: expected a number in quotes")


@pytest.mark.parametrize("text", ["", "- a\n", "'2.2': x\n", "'2.2': {\n"])
def test_a_file_of_another_form_is_named(top, text):
    toy_book.write(top, "data/thesis/equations.yml", text)
    (line,) = items.problems(top)
    assert line.startswith("data/thesis/equations.yml") and ": expected " in line
