"""Chapters as Jupyter's notebooks: made of the text, with the outputs of a run, and as readers download them."""

from __future__ import annotations

import re

from lib.study.notebooks import INJECTED, Chapter, skip_address_parser


def as_notebook(chapter: Chapter):
    """The text as jupytext converts it; `source_map` of its metadata has the line (from 0) where each cell starts.

    Raises `ValueError` where jupytext finds other code cells than our own reader.
    """
    skip_address_parser()
    from jupytext.myst import myst_to_notebook

    notebook = myst_to_notebook(chapter.path.read_text("utf-8"), add_source_map=True)
    n_code = sum(cell.cell_type == "code" for cell in notebook.cells)
    if n_code != len(chapter.cells):
        raise ValueError(f"{chapter.path.name}: expected {len(chapter.cells)} code cells, jupytext finds {n_code}; "
                         "try to start every code cell at the beginning of a line")
    settings = notebook.metadata.pop("jupyter", {}).get("jupytext", {})  # jupytext keeps them apart in texts
    notebook.metadata["jupytext"] = {**settings, **notebook.metadata.get("jupytext", {})}
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index}"  # they are drawn at random
    return notebook


def with_outputs(chapter: Chapter, executed):
    """The text of a chapter with the outputs of its last run, cell by cell in their order; its `source_map` has the
    lines of the cells in the text.

    Raises `ValueError` where a code cell is not the one that ran: its outputs would not be its own.
    """
    notebook, cells, lines = as_notebook(chapter), [], []
    ran = [cell for cell in executed.cells if cell.cell_type == "code"]
    for cell, line in zip(notebook.cells, notebook.metadata["source_map"], strict=True):
        cells.append(cell)
        lines.append(line)
        if cell.cell_type != "code":
            continue
        before = ran.pop(0) if ran else {"source": None}
        if _without_margins(before["source"]) != _without_margins(cell.source):
            raise ValueError(f"{chapter.path.name}: expected the code that was executed, got another cell "
                             f"{cell.source.splitlines()[:1]}; try make book")
        cell.outputs, cell.execution_count = before.outputs, before.execution_count
        if ran and INJECTED in ran[0].metadata.get("tags", []):
            cells.append(ran.pop(0))
            lines.append(line)
    if ran:
        raise ValueError(f"{chapter.path.name}: expected the code that was executed, got a cell less; try make book")
    notebook.cells, notebook.metadata = cells, executed.metadata
    notebook.metadata["source_map"] = lines
    notebook.metadata["companion"] = {**chapter.settings, "provenance": executed.metadata["companion"]["provenance"]}
    return notebook


def clean(executed: dict) -> dict:
    """The notebook as its author wrote it: no outputs, no injected parameters, no provenance."""
    cells = [cell | ({"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {})
             for cell in executed["cells"] if INJECTED not in cell["metadata"].get("tags", [])]
    metadata = dict(executed["metadata"])
    if "companion" in metadata:
        metadata["companion"] = {key: value for key, value in metadata["companion"].items() if key != "provenance"}
    return without_lines(executed | {"cells": cells, "metadata": metadata})


def without_lines(notebook: dict) -> dict:
    """A notebook that no longer tells the lines of a text."""
    metadata = {key: value for key, value in notebook["metadata"].items() if key != "source_map"}
    return notebook | {"metadata": metadata}


def _without_margins(source: str | None) -> str | None:
    """The source of a cell as `Cell` has it: blank lines above and blanks at its end are no code."""
    return source and re.sub(r"\A(\s*\n)+", "", source).rstrip()
