"""Below each term of the glossary: the pages that link to it."""

from __future__ import annotations

import re
from pathlib import Path

import companion_data as data
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

_ROLE = re.compile(r"\{term\}`(?:[^`<]*<)?([^`<>]+)>?`")


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", add_pages)


def add_pages(app: Sphinx, doctree: nodes.document) -> None:
    """Add links to the definitions of a page with a glossary."""
    glossaries = list(doctree.findall(addnodes.glossary))
    if not glossaries:
        return
    folder = data.repository(app.srcdir) / "book"
    for path in folder.glob("*.md"):
        app.env.note_dependency(str(path))
    linked = pages(folder)
    for item in (item for glossary in glossaries for item in glossary.findall(nodes.definition_list_item)):
        term, definition = item.children[0], item.children[-1]
        if found := linked.get(term.astext().lower()):
            definition += nodes.paragraph("", "Used on: ", *_links(found), classes=["term-pages"])


def pages(folder: Path) -> dict[str, list[str]]:
    """The pages that link to each term, which is in small letters: chapters in their order, then the others."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.md"), key=lambda path: (not path.stem[:2].isdigit(), path.stem.lstrip("0"))):
        for term in _ROLE.findall(path.read_text("utf-8")):
            names = found.setdefault(" ".join(term.split()).lower(), [])
            if path.stem not in names and path.stem != "glossary":
                names.append(path.stem)
    return {term: names for term, names in found.items() if names}


def _links(names: list[str]) -> list[nodes.Node]:
    words = [f"page {data.page_number(name)}" if name[:2].isdigit() else name for name in names]
    links = [nodes.reference("", text, internal=True, refuri=f"{name}.html")
             for text, name in zip(words, names, strict=True)]
    return [node for link in links for node in (link, nodes.Text(", "))][:-1]
