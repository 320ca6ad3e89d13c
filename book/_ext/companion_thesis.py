"""The directive ``thesis-index``: every figure, table and equation of the thesis, and where it is treated.

:mod:`lib.pipeline.thesis_index` says what there is and where it is named; verdicts come from the ledger of this build.
"""

from __future__ import annotations

import re
from pathlib import Path

import companion_code as code
import companion_data as data
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def setup(app: Sphinx) -> None:
    app.add_directive("thesis-index", ThesisIndex)


class ThesisIndex(SphinxDirective):
    """A section with a table for every chapter and appendix that has a figure, table or equation."""

    def run(self) -> list[nodes.Node]:
        top, srcdir = data.repository(self.env.srcdir), Path(self.env.srcdir)
        for path in (*srcdir.glob("_data/*.json"), *srcdir.glob("[0-9][0-9]-*"), srcdir / "errata.md",
                     top / "data/thesis/items.json", top / "data/thesis/equations.yml"):
            self.env.note_dependency(str(path))
        return [_section(chapter, rows) for chapter, rows in table_rows(top, srcdir).items()]


def table_rows(top: Path, srcdir: str | Path) -> dict[str, list[list[str]]]:
    """The rows of all tables, by chapter: number, what it is, where in the book, where in `lib`, and what was found."""
    index, words = data.thesis_index(srcdir), data.claim_words(srcdir)
    figures, treated, errata = index.figures(top), index.treated(top), index.errata(top)
    in_lib, pages = index.in_lib(data.staged(srcdir, "api.json") or {}), api_pages(top)
    claims: dict[str, list] = {}
    for claim in data.ledger(srcdir):
        claims.setdefault(claim.item, []).append(claim)
    rows: dict[str, list[list[str]]] = {}
    for entry in [*index.items(top), *index.equations(top)]:
        names = [entry.item, entry.repeats]
        shown = [f'<a href="{page}.html#{nodes.make_id(name)}">{data.page_number(page)}, figure</a>'
                 for page, name in figures.get(entry.item, [])]
        shown = shown or [f'<a href="{place.link}">{data.page_number(place.page)}, {_words(place.heading)}</a>'
                          for place in _first(treated, names)]
        own = claims.get(entry.item, [])
        shown = shown or [f'<a href="{page}.html#claim-{claim.id}">{data.page_number(page)}, claim</a>'
                          for claim in own[:1] for page in [claim.page]]
        library = [_api_link(pages[room], path) for room, path in _first(in_lib, names)]
        what = data.markup(entry.what)
        if entry.repeats:
            what += f" (repeats {words.item_text(entry.repeats).lower()})"
        found = [_verdicts(verdict, alike) for verdict in data.SYMBOLS
                 if (alike := [claim for claim in own if claim.verdict == verdict])]
        found += [f'<a href="{place.link}">erratum: {_words(re.sub(r" [(][^()]*[)]$", "", place.heading))}</a>'
                  for place in errata.get(entry.item, [])]
        rows.setdefault(entry.chapter, []).append(
            [words.item_text(entry.item), f"<span>{what}</span>", *(_listed(cell) for cell in (shown, library, found))])
    return rows


def api_pages(top: Path) -> dict[str, str]:
    """The page of each room of `lib`: the one whose directive ``api`` names it."""
    return {room: path.stem for path in sorted((top / "book").glob("api*.md"))
            for room in re.findall(r"^```\{api\} (\S+)$", path.read_text("utf-8"), re.MULTILINE)}


def _first(found: dict, names: list[str]) -> list:
    """What was found for the first of some names that has anything."""
    return next((found[name] for name in names if name in found), [])


def _words(heading: str) -> str:
    return data.markup(heading.replace("`", ""))


def _verdicts(verdict: str, claims: list) -> str:
    """How many claims have a verdict, and the verdict as a link to the first of them."""
    return f'{len(claims)}&nbsp;<a href="{claims[0].page}.html#claim-{claims[0].id}">{data.badge(verdict)}</a>'


def _api_link(page: str, path: str) -> str:
    name = data.breakable(path.removeprefix("lib."))
    return f'<a href="{page}.html#{code.anchor(path)}"><code>{name}</code></a>'


def _listed(cells: list[str]) -> str:
    return f'<ul class="index-links">{"".join(f"<li>{cell}</li>" for cell in cells)}</ul>' if cells else "–"


def _section(chapter: str, rows: list[list[str]]) -> nodes.section:
    title = f"Chapter {chapter}" if chapter.isdigit() else f"Appendix {chapter}"
    section = nodes.section("", nodes.title(title, title), ids=[nodes.make_id(f"thesis {title}")], names=[])
    head = ["number", "what it is", "in the book", "in lib", "verdicts and errata"]
    section += nodes.raw("", data.table(head, rows, "index-table"), format="html")
    return section
