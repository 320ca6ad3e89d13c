"""The directive ``errata-summary``: a line for every entry of the errata, taken from the entries themselves.

A heading says what is wrong, and in brackets where, with the page: "A missing $1/N$ (equation 7.4, p. 92)".  The words
after **Consequence.** begin with what becomes of the results of the thesis: one of :data:`CONSEQUENCES`.  An entry
that has no consequence at all is one of something that looks wrong and is right.
"""

from __future__ import annotations

import re
from collections import Counter

import companion_data as data
import companion_tables
from docutils import nodes
from sphinx.application import Sphinx

#: How a consequence begins, and what the table says of it.
CONSEQUENCES = {"None": "no", "A number changes": "yes, a number", "A conclusion changes": "yes, a conclusion"}
RIGHT = "no, it is right"
_HEADING = re.compile(r"(?P<what>.+) \((?P<places>[^()]+)\)")
_PAGES = re.compile(r",? ?\bpp?\. (\d+(?:-\d+)?(?:(?:, | and )\d+(?:-\d+)?)*)")


def setup(app: Sphinx) -> None:
    app.add_directive("errata-summary", ErrataSummary)


class ErrataSummary(companion_tables._Table):
    """Where, on which page, what is wrong, and whether a result of the thesis changes."""

    def html(self) -> str:
        path = data.repository(self.env.srcdir) / "book" / f"{self.env.docname}.md"
        self.env.note_dependency(str(path))
        try:
            found = entries(data.thesis_index(self.env.srcdir).sections(path))
        except ValueError as error:
            raise self.error(str(error)) from None
        rows = [[where, pages, f'<a href="#{anchor}">{data.markup(what)}</a>',
                 f"<strong>{changes}</strong>" if changes.startswith("yes") else changes]
                for what, where, pages, anchor, changes in found]
        head = ["where", "page", "what is wrong", "result changes"]
        return f"<p>{sentence([entry[-1] for entry in found])}</p>{data.table(head, rows, 'errata-table')}"


def entries(sections: list) -> list[tuple[str, str, str, str, str]]:
    """What is wrong, where, on which pages, the anchor of the entry, and whether a result changes.

    Entries are the sections with a place and a page in their heading, or with a consequence; raises ValueError for one
    that lacks any of these or whose consequence begins otherwise.
    """
    found = []
    for section in sections:
        consequence = re.search(r"\*\*Consequence\.\*\*\s+(.+)", section.text)
        heading = _HEADING.fullmatch(section.heading)
        if not heading and not consequence:
            continue  # a chapter
        pages = _PAGES.findall(section.heading)
        if not heading or not pages:
            raise ValueError(f"expected a heading that ends with a place and a page, got {section.heading!r}; try "
                             "one like 'A missing $1/N$ (equation 7.4, p. 92)'")
        begins = [word for word in CONSEQUENCES if consequence and consequence[1].startswith(word)]
        if not begins and (consequence or "**Printed.**" in section.text):
            raise ValueError(f"expected a consequence that begins with one of {', '.join(CONSEQUENCES)}, got "
                             f"{consequence and consequence[1]!r} at {section.heading!r}; try the first where no "
                             "result of the thesis changes")
        where = _PAGES.sub("", heading["places"])
        changes = CONSEQUENCES[begins[0]] if begins else RIGHT
        found.append((heading["what"], where[0].upper() + where[1:], "; ".join(pages), nodes.make_id(section.heading),
                      changes))
    return found


def sentence(changes: list[str]) -> str:
    """How many entries there are, and in how many a result changes."""
    counts = Counter(changes)
    numbers, conclusions = (counts[CONSEQUENCES[word]] for word in ("A number changes", "A conclusion changes"))
    return (f"{len(changes)} entries. In {conclusions} a conclusion of the thesis changes, in {numbers} a number; in "
            f"the {len(changes) - numbers - conclusions} others none does.")
