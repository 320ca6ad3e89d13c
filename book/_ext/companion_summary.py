"""The directive ``verdict-summary``: a sentence that can be quoted, and how many claims of which kind and chapter have
which verdict."""

from __future__ import annotations

import html
import re
from collections import Counter

import companion_data as data
import companion_tables
from sphinx.application import Sphinx

KINDS = {
    "": "figures and tables",
    "eq": "equations",
    "s": "other statements",
    "own-": "results that the thesis does not have",
}


def setup(app: Sphinx) -> None:
    app.add_directive("verdict-summary", VerdictSummary)


class VerdictSummary(companion_tables._Table):
    """Counts of verdicts: in a sentence, by kind of statement, and by page."""

    def html(self) -> str:
        ledger = data.ledger(self.env.srcdir)
        if not ledger:
            return '<p class="empty-note">No chapter has settled a claim yet.</p>'
        kinds = [
            (name, [claim for claim in ledger if kind(claim.item) == key])
            for key, name in KINDS.items()
        ]
        pages = data.in_order([{"chapter": page} for page in {claim.page for claim in ledger}])
        chapters = [
            (
                f'<a href="{page}.html">Page {data.page_number(page)}</a>',
                [claim for claim in ledger if claim.page == page],
            )
            for page in (entry["chapter"] for entry in pages)
        ]
        return (
            f'<p class="verdict-sentence">{html.escape(sentence(ledger))}</p>'
            + _counts("kind of statement", kinds)
            + f"<details><summary>The same by page</summary>{_counts('page', chapters)}</details>"
        )


def kind(item: str) -> str:
    """The key of :data:`KINDS` for the item of a claim."""
    return re.match(r"(own-|eq|s|)", item)[1]


def sentence(ledger: list) -> str:
    """All verdicts in words; results of our own are not counted."""
    claims = [claim for claim in ledger if kind(claim.item) != "own-"]
    counts = Counter(claim.verdict for claim in claims)
    words = {
        "reproduced": "reproduced",
        "reproduced at reduced scale": "reproduced at reduced scale",
        "differs": "found to differ",
        "undecided": "undecided",
        "not run": "not run",
    }
    parts = [f"{counts[verdict]} {word}" for verdict, word in words.items() if counts[verdict]]
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    profile = ", ".join(sorted({claim.profile for claim in claims}))
    return (
        f"Of {len(claims)} statements of the thesis put to the test, {listed} (profile {profile})."
    )


def _counts(name: str, groups: list[tuple[str, list]]) -> str:
    rows = []
    for words, claims in [*groups, ("all", [claim for _, some in groups for claim in some])]:
        counts = Counter(claim.verdict for claim in claims)
        rows += (
            [[words, *(str(counts[verdict] or "–") for verdict in data.SYMBOLS), str(len(claims))]] if claims else []
        )
    return data.table(
        [name, *(f"{symbol} {verdict}" for verdict, symbol in data.SYMBOLS.items()), "in all"],
        rows,
        "summary-table",
    )
