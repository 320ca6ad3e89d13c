"""The directive ``api``: the public names of one room of `lib`, as :mod:`lib.pipeline.api` has read them."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import companion_code as code
import companion_data as data
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_LONGEST = 84  # characters of a signature in one line


def setup(app: Sphinx) -> None:
    app.add_directive("api", Api)


class Api(SphinxDirective):
    """A section for every module of a room, and in it one for every public function and class."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / "_data" / "api.json"))
        rooms = data.staged(self.env.srcdir, "api.json")
        if rooms is None:  # a rehearsal of the texts
            return []
        if self.arguments[0] not in rooms:
            raise self.error(f"expected a room of lib, got {self.arguments[0]!r}; try one of {', '.join(rooms)}")
        return [module(found) for found in rooms[self.arguments[0]]]


def module(found: dict) -> nodes.section:
    section = _section(found["name"], found["name"])
    section += paragraphs(found["text"])
    for item in found["members"]:
        section += member(item)
    return section


def member(found: dict) -> nodes.section:
    """A function or class: how it is called, what its docstring says, and its methods."""
    section = _section(found["path"], found["name"])
    signature = _called(found)
    section += nodes.literal_block(signature, signature, language="python", classes=["api-signature"])
    for part in found["sections"]:
        if part["title"]:
            section += nodes.rubric("", part["title"], classes=["api-part"])
        section += _items(part["items"]) if "items" in part else paragraphs(part["text"])
    section += nodes.paragraph("", "", nodes.inline("", f"{found['file']}, line {found['line']}"),
                               classes=["api-source"])
    for item in found["members"]:
        section += member(item)
    return section


def paragraphs(text: str) -> list[nodes.Node]:
    """The blocks of a docstring: indented ones, and examples, as they are written, all others as paragraphs and lists.

    Nothing in them is markup but code between backticks.
    """
    shown: list[nodes.Node] = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.splitlines()
        if not block.strip():
            continue
        if all(line.startswith("    ") for line in lines) or block.lstrip().startswith(">>>"):
            code = textwrap.dedent(block)
            shown.append(nodes.literal_block(code, code, language="python" if ">>>" in code else "none"))
        elif lines[0].startswith(("* ", "- ")):
            shown.append(_list(re.split(r"^[*-] ", block, flags=re.M)[1:]))
        elif re.match(r"(\w+(, \w+)*|`[^`]+`(, `[^`]+`)*)  ", block):  # names with what they are, a line each
            block = re.sub(r"^\w+(, \w+)*(?=  )", lambda names: re.sub(r"\w+", r"`\g<0>`", names[0]), block, flags=re.M)
            shown.append(_list(re.split(r"^(?=`)", block, flags=re.M)[1:]))
        else:
            shown.append(_paragraph(block))
    return shown


def _list(entries: list[str]) -> nodes.bullet_list:
    return nodes.bullet_list("", *(nodes.list_item("", _paragraph(entry)) for entry in entries))


def _paragraph(text: str) -> nodes.paragraph:
    return nodes.paragraph("", "", *_inline(" ".join(text.split())))


def _inline(words: str) -> list[nodes.Node]:
    parts = re.split(r"(?::\w+:)?`+([^`]+)`+", words)
    return [nodes.literal(part, part) if n % 2 else nodes.Text(part) for n, part in enumerate(parts) if part]


def _items(items: list[list[str]]) -> nodes.definition_list:
    """Arguments, results or errors: the name, what it is, and what it means."""
    rows = []
    for name, kind, text in items:
        term = nodes.term()
        if name:
            term += [nodes.literal(name, name), nodes.Text(": " if kind else "")]
        term += _inline(kind)
        rows.append(nodes.definition_list_item("", term, nodes.definition("", *paragraphs(text))))
    return nodes.definition_list("", *rows, classes=["api-items"])


def _called(found: dict) -> str:
    """`name(arguments)`, an argument a line where it is long."""
    start = "class " if found["kind"] == "class" else ""
    given = found["signature"]
    short = f"{start}{found['name']}({', '.join(given)})"
    if not given and (found["kind"] == "class" or found["property"]):
        return f"{start}{found['name']}"
    if len(short) <= _LONGEST:
        return short
    lines = textwrap.wrap(", ".join(text.replace(" ", "\0") for text in given), _LONGEST - 4, break_on_hyphens=False,
                          break_long_words=False)
    return f"{start}{found['name']}(\n" + "\n".join(f"    {line}" for line in lines).replace("\0", " ") + ")"


def _section(path: str, heading: str) -> nodes.section:
    name = code.anchor(path)
    return nodes.section("", nodes.title("", "", nodes.literal(heading, heading)), ids=[name], names=[name])
