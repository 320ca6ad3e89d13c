"""The table at the top of the errata: a line an entry, taken from the entry, and nothing that it cannot read."""
# ruff: noqa: E402  (the extension is no package: its folder has to be on the path first)

import re
import sys

import pytest

pytest.importorskip("sphinx")

from lib.pipeline import thesis_index
from tests.tree import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import companion_errata

ERRATA = ROOT / "book/errata.md"
ENTRY = "### {}\n\n**Printed.** One.\n\n**Should be.** Two.\n\n**Consequence.** {}\n"


def read(tmp_path, *entries):
    path = tmp_path / "errata.md"
    path.write_text("# Errata\n\nWords.\n\n## Chapter 7\n\n" + "\n".join(entries), "utf-8")
    return companion_errata.entries(thesis_index.sections(path))


def test_every_entry_of_the_book_has_its_line():
    text = ERRATA.read_text("utf-8")
    found = companion_errata.entries(thesis_index.sections(ERRATA))
    assert [what for what, *_ in found] == re.findall(r"^### (.+) \([^()]+\)$", text, re.MULTILINE)
    assert len(found) == len({anchor for *_, anchor, _ in found}) == text.count("\n### ")
    assert sum(changes == companion_errata.RIGHT for *_, changes in found) == text.count("\n### Right, although")
    assert all(re.fullmatch(r"[\d;, and-]+", pages) and "p." not in where for _, where, pages, *_ in found)


def test_a_line_says_where_what_and_whether_a_result_changes(tmp_path):
    found = read(tmp_path, ENTRY.format("A missing $1/N$ (equation 7.4, p. 92)", "None."),
                 ENTRY.format("Two (section 3.4.3, pp. 31 and 33; section 3.6, p. 43)", "A number changes: it is 3."),
                 ENTRY.format("More (before equation 7.5, pp. 92-93; figure 7.2)", "A conclusion changes. It is open."),
                 "### Right (equation 7.6, p. 93)\n\nIt looks odd.\n")
    assert found == [
        ("A missing $1/N$", "Equation 7.4", "92", "a-missing-1-n-equation-7-4-p-92", "no"),
        ("Two", "Section 3.4.3; section 3.6", "31 and 33; 43", "two-section-3-4-3-pp-31-and-33-section-3-6-p-43",
         "yes, a number"),
        ("More", "Before equation 7.5; figure 7.2", "92-93", "more-before-equation-7-5-pp-92-93-figure-7-2",
         "yes, a conclusion"),
        ("Right", "Equation 7.6", "93", "right-equation-7-6-p-93", "no, it is right"),
    ]
    assert companion_errata.sentence([changes for *_, changes in found]) == (
        "4 entries. In 1 a conclusion of the thesis changes, in 1 a number; in the 2 others none does.")


@pytest.mark.parametrize(("heading", "consequence", "said"), [
    ("A missing factor", "None.", "got 'A missing factor'"),
    ("A missing factor (equation 7.4)", "None.", "got 'A missing factor (equation 7.4)'"),
    ("A factor (equation 7.4, p. 92)", "Nothing.", "got 'Nothing.' at 'A factor (equation 7.4, p. 92)'"),
])
def test_an_entry_that_cannot_be_read_is_named(tmp_path, heading, consequence, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        read(tmp_path, ENTRY.format(heading, consequence))


def test_an_entry_without_its_consequence_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"got None at 'One \(equation 7.4, p. 92\)'"):
        read(tmp_path, "### One (equation 7.4, p. 92)\n\n**Printed.** One.\n")
