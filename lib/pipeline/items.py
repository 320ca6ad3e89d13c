"""Figures, tables, equations and sections of the thesis that claims and sweeps name: each has to exist."""

from __future__ import annotations

import ast
import difflib
import re
from pathlib import Path

from lib.pipeline import thesis_index
from lib.study import claim_files, notebooks


def problems(top: Path) -> list[str]:
    """Items that the thesis does not have, one line each, with the file and line that names them."""
    entries = thesis_index.items(top)
    if not entries:
        return []
    items, chapters = [entry.item for entry in entries], {entry.place for entry in entries}
    if (top / thesis_index.EQUATIONS).exists() and (lines := thesis_index.problems(top)):
        return lines
    equations = [entry.item for entry in thesis_index.equations(top)]
    named = [(claim.place, claim.item) for claim in claim_files.read(top)[0].values() if not claim.own]
    for path in notebooks.chapter_files(top):
        named += [(f"{path.name}, line {line}", item) for line, item in _of_sweeps(notebooks.read_chapter(path))]
    return [f"{place}: {words}" for place, item in named if (words := _wrong(item, items, equations, chapters))]


def _wrong(item: str, items: list[str], equations: list[str], chapters: set[str]) -> str:
    """What is wrong with an item, if anything: of figures, tables and equations there are lists, of sections the
    chapters."""
    if re.fullmatch(r"own-\d\d", item):  # of a sweep whose results the thesis does not have
        return ""
    kind = re.match("eq|s", item)
    if not kind or (kind[0] == "eq" and equations):
        what, file, known = ("an equation", thesis_index.EQUATIONS, equations) if kind else (
            "a figure or table", thesis_index.ITEMS, items)
        if item in known:
            return ""
        near = difflib.get_close_matches(item, known, 2) or known
        return f"expected {what} of the thesis ({file}), got {item!r}; try {' or '.join(near)}"
    chapter = item[kind.end():].partition(".")[0]
    what = "an equation" if kind[0] == "eq" else "a section"
    return "" if chapter in chapters else (f"expected {what} of a chapter of the thesis, got {item!r}; try one of "
                                           f"{', '.join(f'{kind[0]}{name}.1' for name in sorted(chapters))}")


def _of_sweeps(chapter: notebooks.Chapter) -> list[tuple[int, str]]:
    """The items that sweeps of a chapter name, with their lines."""
    return [(line + node.lineno - 1, node.value.value) for node, line in chapter.nodes()
            if isinstance(node, ast.keyword) and node.arg == "item" and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str) and node.value.value]
