"""Chapters as text: reading MyST notebooks, and refusing text that carries outputs or traces of a run.

Only the code cells and the front matter are read here, with line numbers, and without Jupyter's libraries:
`make status` has to be quick, and errors should name a line of the file that a person edits.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lib.study import yaml_lines

PYTHON_MAGICS = ("time", "timeit", "capture", "prun")  # of cells: what follows is Python all the same
FENCE = re.compile(r"^(`{3,}|~{3,}|:{3,})(.*)$")
CHAPTER_NAME = re.compile(r"[0-9]{2}-[a-z0-9-]+")
DEFAULT_TIME_LIMIT = 20.0  # minutes
COMPANION_KEYS = ("budget_core_minutes", "time_limit_minutes", "figures", "inputs")
OUTPUT_IN_TEXT = re.compile(r"data:image/[a-z+]+;base64,|^[`:~]{3,}\s*\{?(code-cell-)?output\}?\s*$")
# What only shapes a page is no code: a change of it needs no kernel.  All that is not in these lists is code.
DISPLAY_TAGS = ("hide-input", "hide-output", "hide-cell", "remove-input", "remove-output", "remove-cell")
DISPLAY_OPTIONS = ("code_prompt_show", "code_prompt_hide", "figure", "image", "merge_streams", "output_stderr",
                   "text_lexer", "error_lexer", "number_source_lines")  # below mystnb
DISPLAY_KEYS = ("budget_core_minutes", "inputs")  # below companion in the front matter; of inputs, the content counts
DISPLAY_FRONT = ("jupytext",)
FRONT_KEYS = ("jupytext", "kernelspec", "companion")
TAGS = ("parameters", "sweep", *DISPLAY_TAGS)
CELL_KEYS = {"tags": (), "mystnb": DISPLAY_OPTIONS}
INJECTED = "injected-parameters"  # the tag of the cell that papermill adds
RUN_TRACES = ("papermill", "execution", "widgets", "execution_count", "outputs", "ExecuteTime", "collapsed")


def root() -> Path:
    """The top of the repository: `COMPANION_ROOT` in a build, else the directory that holds `lib`."""
    named = os.environ.get("COMPANION_ROOT")
    return Path(named) if named else Path(__file__).resolve().parents[2]


def without_magic(source: str) -> str:
    """Python with as many lines as a code cell: its shell escapes and magic commands do nothing, or give None."""
    command = source.lstrip().split("\n")[0]
    if command.startswith("%%") and command[2:].split()[:1] not in ([name] for name in PYTHON_MAGICS):
        return ""  # the language of another program
    escaped = re.sub(r"^([ \t]*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)
    return re.sub(r"^([ \t]*[\w., \t]+=[ \t]*)[%!].*$", r"\1None", escaped, flags=re.MULTILINE)


def parsed(source: str, where: str, first: int = 1) -> ast.Module:
    """The tree of a module or code cell, in which lines that only IPython understands do nothing.

    Raises `ValueError` with the line of the file `where` in which the text begins at the line `first`.
    """
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with contextlib.suppress(SyntaxError):
        return compile(source, "", "exec", flags)
    try:
        return compile(without_magic(source), "", "exec", flags)
    except SyntaxError as error:
        raise ValueError(f"{where}, line {first + (error.lineno or 1) - 1}: expected Python, got {error.msg} "
                         f"in {(error.text or '').strip()!r}") from None


@dataclass(frozen=True)
class Cell:
    """A code cell: its source, options (`tags`, `mystnb`, ...) and the line of the file where its source starts."""

    source: str
    options: dict
    line: int

    @property
    def tags(self) -> list[str]:
        return list(self.options.get("tags") or [])

    @property
    def code(self) -> list:
        """What steers its execution: the source, and the options but those of display."""
        options = {key: value for key, value in self.options.items() if key not in CELL_KEYS}
        if isinstance(mystnb := self.options.get("mystnb"), dict):
            options |= {key: value for key, value in mystnb.items() if key not in DISPLAY_OPTIONS}
        return [self.source, [tag for tag in self.tags if tag not in DISPLAY_TAGS], options]

    @property
    def python(self) -> str:
        """The source without what only IPython understands."""
        return without_magic(self.source)

    @property
    def first_line(self) -> str:
        """The first line that does something."""
        lines = [line.strip() for line in self.source.splitlines()]
        return next((line for line in lines if line and not line.startswith("#")), "")


@dataclass(frozen=True)
class Chapter:
    """A chapter file `book/NN-topic.md`, read but not executed."""

    path: Path
    front_matter: dict
    title: str
    cells: tuple[Cell, ...]

    @property
    def stem(self) -> str:
        return self.path.stem

    @property
    def number(self) -> str:
        return self.stem[:2]

    @property
    def page(self) -> str:
        return f"{self.stem}.html"

    @property
    def settings(self) -> dict:
        return self.front_matter.get("companion") or {}

    @property
    def budget(self) -> float | None:
        """Core-minutes this chapter may take in the laptop profile."""
        return self.settings.get("budget_core_minutes")

    @property
    def time_limit(self) -> float:
        """Minutes of wall time after which its execution is stopped."""
        return float(self.settings.get("time_limit_minutes", DEFAULT_TIME_LIMIT))

    @property
    def code(self) -> dict:
        """What steers an execution, in digests: the front matter but what is display, and the code cells in order."""
        front = {key: value for key, value in self.front_matter.items() if key not in DISPLAY_FRONT}
        front["companion"] = {key: value for key, value in self.settings.items() if key not in DISPLAY_KEYS}
        return {"front matter": _digest(front), "cells": [_digest(cell.code) for cell in self.cells]}

    def nodes(self) -> Iterator[tuple[ast.AST, int]]:
        """The nodes of all that its cells execute, with the first line of their cells; none of a cell that is no
        Python, which is said elsewhere."""
        for cell in self.cells:
            with contextlib.suppress(ValueError):
                yield from ((node, cell.line) for node in ast.walk(parsed(cell.source, self.path.name, cell.line)))

    @property
    def parameters_cell(self) -> Cell:
        found = [cell for cell in self.cells if "parameters" in cell.tags]
        if len(found) != 1:
            raise ValueError(f"{self.path.name}: expected one code cell tagged 'parameters', got {len(found)}; "
                             "try ':tags: [parameters]' as the first line of the cell (it may be empty)")
        return found[0]


def chapter_files(top: Path) -> list[Path]:
    """The chapter files of a repository, in the order of their numbers."""
    found = sorted(path for path in (top / "book").glob("[0-9][0-9]-*.md"))
    for path in found:
        if not CHAPTER_NAME.fullmatch(path.stem):
            raise ValueError(f"expected a chapter file NN-topic.md in small letters, digits and '-', got {path.name}")
    numbers = [path.name[:2] for path in found]
    for number in numbers:
        if numbers.count(number) > 1:
            raise ValueError(f"expected every chapter number once, got {number} in "
                             + " and ".join(path.name for path in found if path.name.startswith(number)))
    return found


def stray_notebooks(top: Path) -> list[str]:
    """Notebooks among the sources, one line each: chapters are text, and Jupyter's own format would not be built."""
    found = sorted(path.relative_to(top).as_posix() for path in (top / "book").rglob("*.ipynb")
                   if ".ipynb_checkpoints" not in path.parts)
    return [f"{name}: expected chapters as text (NN-topic.md), got a notebook, which nothing would read; "
            f"try '.venv/bin/jupytext --to md:myst {name}', then delete it" for name in found]


def find_chapter(top: Path, name: str) -> Path:
    """The file of the chapter `name`: a number (`05`, `5`) or a stem."""
    files = chapter_files(top)
    for path in files:
        if name in (path.stem, path.name, path.name[:2]) or name.zfill(2) == path.name[:2]:
            return path
    raise ValueError(f"expected a chapter, got {name!r}; try one of " + ", ".join(path.stem for path in files))


def read_text(path: Path) -> str:
    """The text of a source of the book; raises `ValueError` where it is in another encoding."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: expected text in UTF-8, got byte {error.object[error.start]:#x} at position "
                         f"{error.start}; try to save it as UTF-8") from None


def read_chapter(path: Path) -> Chapter:
    """Read a MyST text notebook; raises `ValueError` with the line where the text is malformed."""
    return _read(path, read_text(path))


@cache
def _read(path: Path, text: str) -> Chapter:
    lines = text.splitlines()
    front_matter, start = _front_matter(path, lines)
    cells, title, fence = [], "", None
    position = start
    while position < len(lines):
        line = lines[position]
        match = FENCE.match(line)
        if fence is None and match and match[1][0] == "`" and match[2].strip().startswith("{code-cell}"):
            cell, position = _code_cell(path, lines, position, match[1])
            cells.append(cell)
            continue
        if match and fence is None:
            fence = match[1]
        elif match and match[1].startswith(fence) and not match[2].strip():
            fence = None
        elif fence is None and not title and line.startswith("# "):
            title = line[2:].strip()
        position += 1
    return Chapter(path, front_matter, title or path.stem, tuple(cells))


def checked_chapter(path: Path) -> Chapter:
    """A chapter that :func:`check_chapter` does not refuse."""
    chapter = read_chapter(path)
    check_chapter(chapter)
    return chapter


def check_chapter(chapter: Chapter) -> None:
    """Refuse a chapter that carries outputs or traces of a run, or settings that nothing reads.

    An executed notebook saved over its text would put results into the source, where they go stale unseen.
    """
    name = chapter.path.name
    if not chapter.cells:
        raise ValueError(f"{name}: expected code cells, got none; a page without code needs no chapter number")
    traces = [key for key in RUN_TRACES if key in chapter.front_matter]
    if traces:
        raise ValueError(f"{name}: expected front matter without traces of a run, got {', '.join(traces)}; "
                         "try to delete them (make edit never writes them)")
    for cell in chapter.cells:
        found = [key for key in RUN_TRACES if key in cell.options]
        if INJECTED in cell.tags:
            found.append(f"the tag {INJECTED}")
        if found:
            raise ValueError(f"{name}, line {cell.line}: expected a cell as a person wrote it, got {', '.join(found)}; "
                             "try to delete it (make edit never writes it)")
        _check_options(name, cell)
        parsed(cell.source, name, cell.line)
    for number, line in enumerate(chapter.path.read_text("utf-8").splitlines(), start=1):
        if OUTPUT_IN_TEXT.search(line):
            raise ValueError(f"{name}, line {number}: expected no outputs in the text, got {line.strip()[:60]!r}; "
                             "try to delete it: outputs belong in _build")
    _check_settings(chapter)
    chapter.parameters_cell  # noqa: B018  (raises where it is missing)


def skip_address_parser() -> None:
    """Before Jupyter's libraries are imported: they would build a parser of internet addresses in all scripts, which
    takes two seconds and which no notebook needs."""
    sys.modules.setdefault("rfc3987_syntax", None)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _check_options(name: str, cell: Cell) -> None:
    """Refuse options of a cell that nothing reads: a misspelt one would show what should be hidden, say."""
    mystnb = cell.options.get("mystnb") or {}
    below = mystnb if isinstance(mystnb, dict) else []
    for what, found, known in (("tag", cell.tags, TAGS), ("option", cell.options, CELL_KEYS),
                               ("option below mystnb", below, CELL_KEYS["mystnb"])):
        _refuse_others(found, known, f"{name}, above line {cell.line}: expected as {what} one of {', '.join(known)}")


def _refuse_others(words: Iterable, known: Iterable[str], expected: str) -> None:
    """Refuse the first word that is none of the known ones, with the nearest of these."""
    for word in words:
        if word not in known:
            near = difflib.get_close_matches(str(word), known, 1) or [f"to delete {word}"]
            raise ValueError(f"{expected}, got {word!r}; try {near[0]}")


def _check_settings(chapter: Chapter) -> None:
    name, settings = chapter.path.name, chapter.settings
    _refuse_others(chapter.front_matter, FRONT_KEYS,
                   f"{name}: expected keys {', '.join(FRONT_KEYS)} in the front matter")
    if not isinstance(settings, dict):
        raise ValueError(f"{name}: expected 'companion' in the front matter to be a mapping, got {settings!r}")
    _refuse_others(settings, COMPANION_KEYS, f"{name}: expected keys {', '.join(COMPANION_KEYS)} under 'companion'")
    for key in COMPANION_KEYS[:2]:
        value = settings.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
            raise ValueError(f"{name}: expected a positive number of minutes for {key}, got {value!r}")
    figures = settings.get("figures", [])
    if not isinstance(figures, list) or not all(isinstance(figure, str) for figure in figures):
        raise ValueError(f"{name}: expected a list of names for figures, got {figures!r}")


def _front_matter(path: Path, lines: list[str]) -> tuple[dict, int]:
    if not lines or lines[0].rstrip() != "---":
        return {}, 0
    for end in range(1, len(lines)):
        if lines[end].rstrip() in ("---", "..."):
            return _yaml(path, lines[1:end], 2), end + 1
    raise ValueError(f"{path.name}, line 1: expected the front matter to end with '---', got the end of the file")


def _code_cell(path: Path, lines: list[str], opening: int, fence: str) -> tuple[Cell, int]:
    """The code cell whose fence opens at index `opening`, and the index after its closing fence."""
    closing = next((index for index in range(opening + 1, len(lines))
                    if set(lines[index].rstrip()) == {"`"} and len(lines[index].rstrip()) >= len(fence)), None)
    if closing is None:
        raise ValueError(f"{path.name}, line {opening + 1}: expected the code cell to end with {fence!r}, "
                         "got the end of the file")
    body, options, start = lines[opening + 1:closing], {}, 0
    if body and body[0].rstrip() == "---":
        end = next((index for index in range(1, len(body)) if body[index].rstrip() == "---"), None)
        if end is None:
            raise ValueError(f"{path.name}, line {opening + 2}: expected the options of the cell to end with '---'")
        options, start = _yaml(path, body[1:end], opening + 3), end + 1
    else:
        while start < len(body) and re.match(r"^:[A-Za-z_][\w-]*:", body[start]):
            options |= _yaml(path, [body[start][1:].replace(":", ": ", 1)], opening + 2 + start)
            start += 1
    while start < len(body) and not body[start].strip():
        start += 1
    tags = options.get("tags") or []
    if not isinstance(tags, list):
        raise ValueError(f"{path.name}, line {opening + 2}: expected a list of tags, got {tags!r}; try [{tags}]")
    return Cell("\n".join(body[start:]).rstrip(), options, opening + 2 + start), closing + 1


def _yaml(path: Path, lines: list[str], first: int) -> dict:
    content = yaml_lines.read("\n".join(lines), path.name, first) or {}
    if not isinstance(content, dict):
        raise ValueError(f"{path.name}, line {first}: expected 'key: value', got {content!r}")
    return content
