"""The directive ``code-behind``: the source of functions of `lib`, folded, with links to the API's entries."""

from __future__ import annotations

import ast
import html
from pathlib import Path

import companion_data as data
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def setup(app: Sphinx) -> None:
    app.add_directive("code-behind", CodeBehind)


class CodeBehind(SphinxDirective):
    """The functions that are named, such as ``lib.figures.pruning.decay``, each with the private ones that it calls."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        top, shown = data.repository(self.env.srcdir), []
        for name in self.arguments[0].split():
            module, _, function = name.rpartition(".")
            path = top / (module.replace(".", "/") + ".py")
            if not module.startswith("lib.") or not path.is_file():
                raise self.error(f"expected a function of a module of lib, got {name!r}; try "
                                 "lib.figures.pruning.decay")
            self.env.note_dependency(str(path))
            text = source(path, function)
            if not text:
                raise self.error(f"expected a public function of {module}, got {name!r}; try one of "
                                 f"{', '.join(public(path))}")
            shown += folded(name, text)
        return shown


def folded(name: str, text: str) -> list[nodes.Node]:
    """One function: a line that unfolds to its source, and a link to its entry of the API."""
    words = html.escape(name)
    link = f'<a href="{entry(name)}">{words} in the reference</a>'
    return [nodes.raw("", f'<details class="code-behind"><summary>The code behind: <code>{words}</code></summary>'
                      f"<p>{link}</p>", format="html"),
            nodes.literal_block(text, text, language="python"), nodes.raw("", "</details>", format="html")]


def entry(name: str) -> str:
    """Where the API describes a function, relative to the pages of the book."""
    parts = name.split(".")
    room = parts[1] if len(parts) > 3 else "base"
    return f"api-{room}.html#{anchor(name)}"


def anchor(path: str) -> str:
    """The anchor of an entry of the API: its path as it is, since names may differ in capitals alone."""
    return f"api-{path}"


def source(path: Path, function: str) -> str:
    """The function, and the private ones of its module that it calls, in the order of the file; "" for none."""
    text = path.read_text("utf-8")
    found = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    wanted, names = [function] if function in found and not function.startswith("_") else [], set()
    while wanted:
        name = wanted.pop()
        names.add(name)
        called = {node.id for node in ast.walk(found[name]) if isinstance(node, ast.Name)}
        wanted += [other for other in called if other in found and other.startswith("_") and other not in names]
    lines = text.splitlines()
    return "\n\n\n".join("\n".join(lines[_start(node) - 1:node.end_lineno])
                         for name, node in found.items() if name in names)


def public(path: Path) -> list[str]:
    """The public functions of a module."""
    return [node.name for node in ast.parse(path.read_text("utf-8")).body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


def _start(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(found.lineno for found in node.decorator_list)])
