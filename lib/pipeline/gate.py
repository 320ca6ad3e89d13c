"""The gate between a run and the book: nothing with an error, a gap or a path of this machine gets through."""

from __future__ import annotations

import json
import re
from pathlib import Path

from lib.pipeline.places import own_paths
from lib.study.notebooks import Chapter

CELL_FILE = re.compile(r"(?<!\S)\S{1,500}/ipykernel_\d+/\d+\.py")  # the name that a kernel gives to a cell, in warnings


class ChapterFailed(ValueError):
    """A chapter that could not be executed: `kind`, the code cell (counted from 1) and a line of the chapter's text."""

    def __init__(self, chapter: Chapter, kind: str, error: str, cell: int | None = None, line: int | None = None):
        self.chapter, self.kind, self.error, self.cell = chapter, kind, error, cell
        self.line = line or (chapter.cells[cell - 1].line if cell else None)
        self.first_line = chapter.cells[cell - 1].first_line if cell else None
        lines = chapter.cells[cell - 1].source.splitlines() if cell else []
        here = self.line - chapter.cells[cell - 1].line if line and cell else -1
        said = lines[here].strip() if 0 <= here < len(lines) else self.first_line
        place = f" in code cell {cell} ({chapter.path.name}, line {self.line}): {said}" if cell else ""
        super().__init__(f"chapter {chapter.stem} failed{place}\n    {error}")


def check_outputs(chapter: Chapter, notebook, figures: Path) -> None:
    """Refuse a notebook that holds an error, was not run to its end, or lacks a figure it promises."""
    def refuse(words: str, cell: int | None = None) -> None:
        raise ChapterFailed(chapter, "gate", words, cell)

    cells = [cell for cell in notebook.cells
             if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])]
    for number, cell in enumerate(cells, start=1):
        for output in cell.outputs:
            if output.output_type == "error":
                refuse(plain(f"{output.ename}: {output.evalue}"), number)
        if cell.source.strip() and not cell.execution_count:
            refuse("expected every cell to have run, got one without an execution count", number)
        figure = (cell.metadata.get("mystnb") or {}).get("figure")
        kinds = [kind for output in cell.outputs for kind in output.get("data", {})]
        if figure and not any(kind.startswith("image/") for kind in kinds):
            refuse(f"expected an image for figure {figure.get('name')!r}, got none", number)
        shown = [output for output in cell.outputs if output.output_type in ("display_data", "execute_result")
                 and not all(kind.startswith("application/papermill.record/") for kind in output["data"])]
        if figure and len(shown) > 1:  # each of them would become a figure of this name
            other = next((output for output in shown if "image/png" not in output["data"]), shown[-1])
            said = plain(str(other["data"].get("text/plain", "a picture"))).strip().splitlines()[0][:60]
            refuse(f"expected the picture as the one output of figure {figure.get('name')!r}, got {len(shown)}, among "
                   f"them {said!r}; try ; at the end of the last line, or a cell of its own for what else is shown",
                   number)
    for name in chapter.settings.get("figures", []):
        if not any(file.stat().st_size for file in figures.glob(f"{name}.*")):
            refuse(f"expected the declared figures/{name}.*, got none")


def merge_streams(cell) -> None:
    """Join what a cell wrote to the same stream, in place, as a terminal would show it in the end, stdout first.

    In time that grows as the length: the patterns of other tools take hours on a long line.
    """
    streams, others = {}, []
    for output in cell.outputs:
        if output.output_type != "stream":
            others.append(output)
        elif output.name not in streams:
            streams[output.name] = (output, [output.text])
            others.append(output)
        else:
            streams[output.name][1].append(output.text)
    for output, texts in streams.values():
        output.text = shown("".join(texts))
    cell.outputs = others
    for place, (one, two) in enumerate(zip(others, others[1:], strict=False)):
        if (one.get("name"), two.get("name")) == ("stderr", "stdout"):  # they come in any order
            others[place:place + 2] = [two, one]


def shown(text: str) -> str:
    """Text without what a carriage return or a backspace has taken back."""
    lines = []
    for line in text.split("\n") if "\r" in text or "\b" in text else [text]:
        ending = "\r" if line.endswith("\r") else ""
        line = line.rstrip("\r").rpartition("\r")[2]
        if "\b" in line:
            kept = []
            for letter in line:
                if letter != "\b":
                    kept.append(letter)
                elif kept:
                    kept.pop()
            line = "".join(kept)
        lines.append(line + ending)
    return "\n".join(lines)


def text_size(cell) -> int:
    """Characters of text that a cell shows on its page."""
    return sum(len(output.get("text", "")) + len(output.get("data", {}).get("text/plain", ""))
               for output in cell.outputs)


def scrub(notebook, top: Path, run: Path) -> None:
    """Take out, in place, what papermill adds and the paths of this machine that outputs show."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell["id"] = "injected-parameters"  # papermill draws it at random
            cell.metadata["tags"] = ["injected-parameters", "remove-cell"]
        if cell.cell_type == "code":
            cell.outputs = [_without_paths(output, own_paths(top, run)) for output in cell.outputs]


def texts_of(notebook, run: Path) -> dict[str, str]:
    """What a run has made and pages show as text, by name: the notebook, and text files among the figures."""
    return {"the notebook": json.dumps(notebook, ensure_ascii=False),
            **{f"figures/{file.name}": file.read_text("utf-8") for file in sorted((run / "figures").rglob("*"))
               if file.suffix in (".svg", ".csv", ".json", ".txt")}}


def check_paths(chapter: Chapter, texts: dict[str, str], top: Path, run: Path) -> None:
    """Refuse texts, by name, that still show a path of this machine."""
    for name, text in texts.items():
        for pattern, _ in own_paths(top, run):
            if match := pattern.search(text):
                raise ChapterFailed(chapter, "gate", f"expected no path of this machine in {name}, got {match[0]!r}")


def plain(text: str) -> str:
    """Text without terminal colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _without_paths(value, patterns: list[tuple[re.Pattern, str]]):
    """A nested value (the outputs of a cell) with the paths in its strings replaced; dictionaries keep their type."""
    if isinstance(value, str):
        for pattern, replacement in patterns:
            value = pattern.sub(replacement, value)
        if "ipykernel_" in value:
            value = CELL_FILE.sub("<cell>", value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            value[key] = _without_paths(inner, patterns)
    elif isinstance(value, list):
        value = [_without_paths(inner, patterns) for inner in value]
    return value
