"""Files, modules and commits that pages name become links: to the reference of `lib`, and to the repository.

A file or name of `lib` that is written as code leads to its entry of the reference, where it has one.  Everything else
leads to the repository, once `repository_url` in `_config.yml` says where that is: other files and folders, sources of
the reference, and commits (as :func:`companion_data.commit_markup` and "commit `b625210`" in a text write them).
"""

from __future__ import annotations

import re
from pathlib import Path

import companion_code as code
import companion_data as data
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

_PATH = re.compile(r"(?![._])[\w.-]+(/[\w.-]+)*/?|_(config|toc)\.yml")
_MADE = ("data/cache",)  # there only after something has run
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_SOURCE = re.compile(r"(\S+), line (\d+)")


def setup(app: Sphinx) -> None:
    app.add_config_value("repository_url", "", "env", str)
    app.connect("config-inited", check_address)
    app.connect("doctree-read", link_names, priority=700)  # after the boxes of a page are there


def check_address(app: Sphinx, config: Config) -> None:
    """Refuse what is no address of a repository, and take away a slash at its end."""
    address = config.repository_url.rstrip("/")
    if address and not re.fullmatch(r"https://[^/\s]+/\S+", address):
        raise ConfigError(f"_config.yml: expected the address of a repository as repository_url, got {address!r}; try "
                          "https://github.com/owner/name")
    config.repository_url = address


def link_names(app: Sphinx, doctree: nodes.document) -> None:
    address, places, top = app.config.repository_url, _places(app.srcdir), data.repository(app.srcdir)
    for literal in list(doctree.findall(nodes.literal)):
        if _inside(literal, nodes.reference, addnodes.pending_xref, nodes.title, nodes.term):
            continue
        place = places.get(_module(literal.astext()))
        if place:
            app.env.note_dependency(str(Path(app.srcdir) / "_data" / "names.json"))
        elif address:
            place = _in_repository(literal, address, top)
        if place:
            link = nodes.reference("", "", internal=not place.startswith("https://"), refuri=place)
            literal.replace_self(link)
            link += literal
    if address:
        _link_sources(doctree, address)
        for raw in doctree.findall(nodes.raw):
            if data.COMMIT.search(text := raw.astext()):
                raw.clear()
                raw += nodes.Text(linked_commits(text, address))


def linked_commits(text: str, address: str) -> str:
    """HTML with each commit in it as a link."""
    return data.COMMIT.sub(lambda found: f'<a href="{address}/commit/{found[1]}">{found[0]}</a>', text)


def _inside(node: nodes.Node, *kinds: type) -> bool:
    while node.parent is not None and not isinstance(node, kinds):
        node = node.parent
    return isinstance(node, kinds)


def _module(text: str) -> str:
    """`lib/rbm/states.py`, `lib/rbm/` and `lib/rbm` as `lib.rbm.states` and `lib.rbm`; other texts as they are."""
    if text.startswith("lib/"):
        return text.rstrip("/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return text.removesuffix("()")


def _places(srcdir: str | Path) -> dict[str, str]:
    """Where the reference describes a room, a module, a function, a class or a method of `lib`, by its dotted name."""
    found = {}
    for room, names in (data.staged(srcdir, "names.json") or {}).items():
        page = f"api-{room.partition('.')[2] or 'base'}.html"
        found |= {name: f"{page}#{code.anchor(name)}" for name in names}
        if room != "lib":  # the room itself may be no module with words of its own
            found.setdefault(room, page)
    return found


def _in_repository(literal: nodes.literal, address: str, top: Path) -> str:
    """Where the repository has a file, a folder or a commit; "" for other words."""
    text, before = literal.astext(), ""
    if (index := literal.parent.index(literal)) and isinstance(literal.parent[index - 1], nodes.Text):
        before = literal.parent[index - 1].astext()
    if _COMMIT.fullmatch(text) and re.search(r"\bcommits?\s+$", before):
        return f"{address}/commit/{text}"
    if not _PATH.fullmatch(text) or text.startswith(_MADE) or not (top / text).exists():
        return ""
    folder = (top / text).is_dir()
    if folder and "/" not in text:  # a word such as `data` may mean anything; `data/` does not
        return ""
    return f"{address}/{'tree' if folder else 'blob'}/HEAD/{text.rstrip('/')}"


def _link_sources(doctree: nodes.document, address: str) -> None:
    """Make "lib/rbm/states.py, line 12" below an entry of the reference a link to that line."""
    for paragraph in doctree.findall(nodes.paragraph):
        if "api-source" in paragraph["classes"] and (found := _SOURCE.fullmatch(paragraph.astext())):
            inner = paragraph.children
            paragraph.clear()
            paragraph += nodes.reference("", "", *inner, internal=False,
                                         refuri=f"{address}/blob/HEAD/{found[1]}#L{found[2]}")
