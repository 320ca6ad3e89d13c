"""Chapters saved by JupyterLab: what nobody changed keeps its bytes, and what is new is written as a person would.

jupytext writes the whole text anew, with all options of cells reflowed.  :func:`merged` puts in place of every cell
that is in the file already the lines that are there; `make edit` saves so (:mod:`lib.pipeline.contents`).  Other
programs do not: :func:`problems` names the options that they have wrapped, and `make tidy CH=05` writes these again.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from lib import atomic
from lib.study import notebooks

OPTIONS = re.compile(r"^(`{3,}\{code-cell\}[^\n]*\n)---\n(.*?)^---[ ]*\n", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Piece:
    """A part of a text: its lines without blank ones around, what is above it up to the piece before, and what a
    notebook has of it."""

    text: str
    above: str
    content: str


def merged(before: str, after: str) -> str:
    """The text `after` as jupytext writes it, with the lines of `before` where a cell or the front matter is equal."""
    old_front, old = pieces(before)
    new_front, new = pieces(after)
    matches = difflib.SequenceMatcher(None, [piece.content for piece in old], [piece.content for piece in new], False)
    place = {new_at + n: old_at + n for old_at, new_at, size in matches.get_matching_blocks() for n in range(size)}
    front = old_front if before and _settings(old_front) == _settings(new_front) else new_front
    text = front
    for number, piece in enumerate(new):
        kept = place.get(number)
        neighbours = kept == 0 if number == 0 else kept is not None and place.get(number - 1) == kept - 1
        text += (old[kept] if neighbours else piece).above + (own_form(piece.text) if kept is None else old[kept].text)
    same_end = place.get(len(new) - 1) == len(old) - 1
    return text + (before[len(before.rstrip()):] if same_end else "\n")


def pieces(text: str) -> tuple[str, list[Piece]]:
    """The front matter of a text, and its cells in order; joined they are the text, but for blanks at its end."""
    notebooks.skip_address_parser()
    from jupytext.myst import myst_to_notebook

    notebook = myst_to_notebook(text, add_source_map=True)
    lines, cells = text.split("\n"), notebook.cells
    # jupytext counts the first line of what stands inside a fence, and here the fence counts
    starts = [line - (cell.cell_type != "markdown")
              for cell, line in zip(cells, notebook.metadata["source_map"], strict=True)]
    first = re.match(r"---\n.*?^(?:---|\.\.\.)[ ]*$", text, re.DOTALL | re.MULTILINE)
    front, at = (first[0], first.end()) if first else ("", 0)
    found, offsets = [], [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line) + 1)
    for number, (cell, start) in enumerate(zip(cells, starts, strict=True)):
        end = offsets[starts[number + 1]] if number + 1 < len(cells) else len(text)
        body = text[max(offsets[start], at):end]
        if number + 1 < len(cells) and cells[number + 1].cell_type == "markdown":
            body = re.sub(r"\n\+\+\+[^\n]*\n\s*\Z", "\n", body)  # a break between two cells of prose
        begin = max(offsets[start], at) + len(body) - len(body.lstrip())
        found.append(Piece(body.strip(), text[at:begin], _content(cell)))
        at = begin + len(body.strip())
    return front, found


def own_form(text: str) -> str:
    """A code cell with its options as they stand in our chapters: captions as blocks, all else on one line each."""
    if not (options := OPTIONS.match(text)):
        return text
    return options[1] + written(yaml.safe_load(options[2])) + text[options.end():]


def written(options: dict) -> str:
    """Options of a cell as YAML between two lines of dashes."""
    return "---\n" + yaml.dump(options, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6) + "---\n"


def problems(top: Path) -> list[str]:
    """Options of cells whose text a program has wrapped, one line each; nobody would edit them by hand."""
    return [f"{path.name}, line {line}: expected a text on one line or as a block (|), got one that a program wrapped; "
            f"try make tidy CH={path.stem[:2]}" for path in notebooks.chapter_files(top) for line in wrapped(path)]


def wrapped(path: Path) -> list[int]:
    """The lines of a chapter where an option begins that is neither on one line nor a block."""
    found, text = [], path.read_text("utf-8")
    for cell in OPTIONS.finditer(text):
        above = text.count("\n", 0, cell.start(2)) + 1
        for token in yaml.scan(cell[2]):
            if (isinstance(token, yaml.ScalarToken) and token.style not in ("|", ">")
                    and token.start_mark.line != token.end_mark.line):
                found.append(above + token.start_mark.line)
    return found


def tidied(top: Path, chapter: str) -> str:
    """Write such cells of a chapter again, and say how many there were."""
    path = notebooks.find_chapter(top, chapter)
    return f"{path.name}: {tidy(path)} cell(s) written again"


def tidy(path: Path) -> int:
    """Write the cells with such options again; return how many there were."""
    text, lines = path.read_text("utf-8"), wrapped(path)
    front, cells = pieces(text)
    count = 0
    for cell in cells:
        front += cell.above
        first = front.count("\n") + 1
        mine = any(line in range(first, first + cell.text.count("\n") + 1) for line in lines)
        count += mine
        front += cell.text
        if mine:
            text = text.replace(cell.text, own_form(cell.text), 1)
    if count:
        atomic.write_bytes(path, text.encode())
    return count


class _Dumper(yaml.SafeDumper):
    """YAML with texts of several lines as blocks, and lists of plain values on one line."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def _text(dumper: _Dumper, value: str) -> yaml.Node:
    block = "\n" in value and not re.search(r"[ \t]\n|\A[ \t\n]|\t", value)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if block else None)


def _list(dumper: _Dumper, value: list) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value,
                                     flow_style=not any(isinstance(part, (dict, list)) for part in value))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)


def _content(cell) -> str:
    """What a notebook has of a cell, without blanks around it."""
    return json.dumps([cell.cell_type, cell.source.strip("\n").rstrip(), cell.metadata], sort_keys=True, default=str)


def _settings(front: str) -> object:
    """What the front matter says of the chapter; the kernel is the book's, and jupytext's own lines are its own."""
    content = yaml.safe_load(front.strip().strip("-")) if front else None
    return {key: value for key, value in (content or {}).items() if key not in ("jupytext", "kernelspec")}
