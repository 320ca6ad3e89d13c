"""Ways into the book: the directive ``where-to-go``, what each page is good for as it says of itself, and ``answers``,
questions with the lines of the ledger that answer them."""

from __future__ import annotations

import difflib
import re

import companion_data as data
import companion_tables
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

#: How a page says it: a comment of markdown, which the page itself does not show.
WANTED = re.compile(r"^% If you want to (.+)$", re.MULTILINE)


def setup(app: Sphinx) -> None:
    app.add_directive("where-to-go", WhereToGo)
    app.add_directive("answers", Answers)


class WhereToGo(SphinxDirective):
    """A table of the pages that say who should read them, in the order of the table of contents."""

    def run(self) -> list[nodes.Node]:
        book = data.repository(self.env.srcdir) / "book"
        lines = ["| If you want to | go to |", "|---|---|"]
        for page in data.pages(self.env.srcdir):
            path = book / f"{page}.md"
            self.env.note_dependency(str(path))
            if found := WANTED.search(path.read_text("utf-8")):
                lines.append(f"| {found[1]} | [](/{page}) |")
        box = nodes.container()
        self.state.nested_parse(StringList(lines, self.env.docname), self.content_offset, box)
        return box.children


class Answers(companion_tables._Table):
    """Questions, a line each behind the claim that answers it: `fig5.1-fidelity: How near ...?`"""

    has_content = True

    def html(self) -> str:
        known = data.known_claims(self.env.srcdir)
        ledger = {claim.id: claim for claim in data.ledger(self.env.srcdir)}
        words, rows = data.claim_words(self.env.srcdir), []
        for line in filter(str.strip, self.content):
            name, _, question = line.partition(": ")
            if name not in known:
                near = difflib.get_close_matches(name, known, 1) or ["fig5.1-fidelity: How near?"]
                raise self.error(f"expected a claim of the claims files and a question, got {line!r}; try {near[0]}")
            if name in ledger:
                rows.append(_answer(ledger[name], question, words))
        if not rows:
            return '<p class="empty-note">No chapter has settled such a claim yet.</p>'
        return data.table(["question", "answer", "thesis, or compared with", "verdict", "where"], rows, "answers-table")


def _answer(claim, question: str, words) -> list[str]:
    expected = words.shown(words.expected_text(claim)) + (" (ours)" if claim.bound else "")
    where = f'<a href="{claim.page}.html#claim-{claim.id}">Page {data.page_number(claim.page)}</a>'
    return [f"<span>{data.markup(question)}</span>", f'<strong>{words.shown(words.measured_text(claim))}</strong>',
            expected, data.badge(claim.verdict), where]
