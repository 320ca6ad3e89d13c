"""What the search of the site finds: a place for every section, and one for every claim and term, with its words.

Sphinx's own index drops numbers and words such as "Ising" (its stem is a stop word) and knows no sentences, which pages
opened from the disk could not fetch either.  Here each page that is written leaves its places beside what Sphinx has
read of it, and all of them become one script, which the search page hands to MiniSearch (``book/_search``).

A section that readers look for in words that it does not have says these in comments of markdown, which no page shows:
``% If you want to ...`` below the title, and ``% Asked for as: errors in the thesis; mistakes``.  Where one of them has
all words of a search, its section comes first.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

_ASKED = re.compile(r"^ *(?:If you want to|Asked for as:) (.+)$", re.MULTILINE)
_FILES = ("minisearch.js", "search.js", "LICENSE.txt")
_CLAIM = re.compile(r'<details class="claim [^"]*" id="(claim-[^"]+)"')
_AFTER = re.compile(r" Scale: |(?<=[.?]) (?:thesis|bound of ours|expected|here) ")  # the statement of a claim
_SKIPPED = ("companion-box provenance", "companion-box downloads", "figure-files",  # of how a page was made
            "reading-time", "computing-time", "code-behind")
_WRAPPED = re.compile(r"\\(?:math\w+|text\w*|operatorname|bm|hat|bar|tilde|vec)\s*\{([^{}]*)\}")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", _no_own_index)
    app.connect("doctree-resolved", keep_places, priority=900)  # the last words that a page gets
    app.connect("html-collect-pages", lambda app: [("search", {}, "search.html")])
    app.connect("build-finished", write_places)


def _no_own_index(app: Sphinx) -> None:
    if app.builder.format == "html":
        app.builder.search = False


def keep_places(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Keep the places of a page until all of them are written."""
    if app.builder.format == "html":
        numbers = app.env.toc_secnumbers.get(docname, {})
        found = list(places(doctree, docname, numbers))
        _kept(app, docname).write_text(json.dumps(found, ensure_ascii=False), "utf-8")


def write_places(app: Sphinx, exception: Exception | None) -> None:
    """Write the places of all pages, and the files that search them."""
    if exception is not None or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_search"
    target.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        shutil.copyfile(Path(app.srcdir) / "_search" / name, target / name)
    found = [place for docname in sorted(app.env.found_docs)
             for place in json.loads(_kept(app, docname).read_text("utf-8"))]
    text = ",\n".join(json.dumps(place, ensure_ascii=False) for place in found)
    (target / "places.js").write_text(f"window.companionPlaces = [\n{text}\n];\n", "utf-8")
    for name in ("searchtools.js", "language_data.js"):  # of the index that is not made
        (Path(app.outdir) / "_static" / name).unlink(missing_ok=True)


def places(doctree: nodes.document, page: str, numbers: dict) -> Iterator[dict]:
    """The places of a page: `page`, its `title`, the `heading` and `anchor` of a section, its `text` and `code`.

    Where a section says what it is `asked` for as, that, too.
    """
    title = ""
    for section in doctree.findall(nodes.section):
        heading = section.next_node(nodes.title)
        top = not isinstance(section.parent, nodes.section)
        anchor = "" if top else section["ids"][0]
        number = ".".join(map(str, numbers.get(f"#{anchor}" if anchor else "") or ()))
        words = f"{number}{'. ' if number and top else ' ' if number else ''}{_plain(heading)}"
        title = words if top else title
        place = {"page": page, "title": title, "heading": words, "anchor": anchor}
        own = [child for child in section.children if not isinstance(child, (nodes.section, nodes.title))]
        asked = [words for child in own if isinstance(child, nodes.comment) for words in _ASKED.findall(child.astext())]
        code = " ".join(block.astext() for child in own for block in child.findall(nodes.literal_block))
        text, claims = [], []
        for words in _texts(own):
            first, *split = _CLAIM.split(words)
            text.append(_stripped(first))
            claims += [(name, _stripped(f"<{rest}")) for name, rest in zip(split[::2], split[1::2], strict=True)]
        place_asked = {"asked": "; ".join(asked)} if asked else {}
        yield place | {"text": " ".join(filter(None, text)), "code": " ".join(code.split())} | place_asked
        for name, words in claims:
            statement = textwrap.shorten(_AFTER.split(words, maxsplit=1)[0], 90, placeholder=" …")
            yield place | {"heading": f"Claim: {statement}", "anchor": name, "text": words, "code": ""}
        for glossary in [found for child in own for found in child.findall(addnodes.glossary)]:
            for item in glossary.findall(nodes.definition_list_item):
                term, *meaning = item.children
                yield place | {"heading": f"Term: {_plain(term)}", "anchor": term["ids"][0], "code": "",
                               "text": " ".join(_stripped(words) for words in _texts(meaning))}


def _texts(children: list[nodes.Node]) -> Iterator[str]:
    """The words of nodes, block by block; HTML as it is, all else with its <, > and & escaped."""
    for node in children:
        if isinstance(node, nodes.raw):
            if node.get("format") == "html" and not any(name in node.astext() for name in _SKIPPED):
                yield node.astext()
        elif isinstance(node, (nodes.comment, nodes.target, nodes.math_block, nodes.literal_block, addnodes.glossary)):
            continue  # terms are places of their own
        elif isinstance(node, nodes.image):
            yield html.escape(node.get("alt", ""))
        elif isinstance(node, (nodes.TextElement, nodes.Text)):
            yield html.escape(_plain(node))
        else:
            yield from _texts(node.children)


def _plain(node: nodes.Node) -> str:
    """The words of a paragraph; formulas without the marks of TeX."""
    if isinstance(node, nodes.math):
        text = re.sub(r"\\[lr](?:angle|vert)\b ?", "", node.astext())
        text = re.sub(r"([_^])\{([^{}]*)\}", r"\1\2", _WRAPPED.sub(r"\1", text))
        text = re.sub(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1)/(\2)", text)
        return re.sub(r"\s+", " ", re.sub(r"[{}$]|\\[,;:!]|(?<!\w)\\(?=\w)", "", text).replace("\\", " "))
    if isinstance(node, nodes.Text) or not node.children:
        return node.astext()
    return "".join(_plain(child) for child in node.children if not isinstance(child, nodes.raw))


def _stripped(markup: str) -> str:
    """The words of HTML."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def _kept(app: Sphinx, docname: str) -> Path:
    return Path(app.doctreedir) / f"{docname}.places.json"
