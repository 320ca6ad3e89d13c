"""The directive ``tried``: in which surroundings the book was tried, from the files ``tried/*.yml`` of the book."""

from __future__ import annotations

import html
import re
from pathlib import Path

import companion_data as data
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FIELDS = ("kind", "tried", "happens", "test")


def setup(app: Sphinx) -> None:
    app.add_directive("tried", Tried)


class Tried(SphinxDirective):
    """A section with a table for every kind of surroundings: those of the files that are named, in their order, then
    those of all others."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        kinds: dict[str, list[dict]] = {}
        first = " ".join(self.arguments).split()
        files = sorted((Path(self.env.srcdir) / "tried").glob("*.yml"))
        for path in sorted(files, key=lambda path: first.index(path.stem) if path.stem in first else len(first)):
            self.env.note_dependency(str(path))
            for row in rows_of(path):
                kinds.setdefault(row["kind"], []).append(row)
        return [self._section(kind, rows) for kind, rows in kinds.items()]

    def _section(self, kind: str, rows: list[dict]) -> nodes.section:
        section = nodes.section("", nodes.title(kind, kind), ids=[nodes.make_id(f"tried {kind}")], names=[])
        cells = [[f'<div>{_text(row["tried"])}</div>', f'<div>{_text(row["happens"])}<ul class="claim-details"><li>'
                  f'<code>{data.breakable(row["test"])}</code></li></ul></div>'] for row in rows]
        section += nodes.raw("", data.table(["tried", "what happens"], cells, "tried-table"), format="html")
        return section


def rows_of(path: Path) -> list[dict]:
    """The rows of one file; raises ValueError for one that is not a list of rows with all fields, as texts."""
    rows = yaml.safe_load(path.read_text("utf-8")) or []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or set(row) != set(FIELDS) or not all(isinstance(row[key], str) for key in FIELDS):
            raise ValueError(f"tried/{path.name}, row {number}: expected the texts {', '.join(FIELDS)}, got {row!r}; "
                             "try quotes around a text with a colon or a number")
    return rows


def _text(text: str) -> str:
    """Text as HTML, with code between backticks."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
