"""What stands behind each claim within the site: its figure, the cell that shows it, functions of `lib`, records.

All of it is read from the staged pages: a strip belongs to the last figure of its section, and to the functions that
the code calls since the strip, the figure or the heading above it.
"""

from __future__ import annotations

import ast
import contextlib
import html
import json
import re
from pathlib import Path

import companion_code as code
import companion_data as data
import companion_numbers as numbers

_HEADING = re.compile(r"^#{1,4} ", re.MULTILINE)
_ROOMS = ("lib.study", "lib.pipeline", "lib.figures", "lib.plotting")  # that show results, and compute none


def links(srcdir: str | Path) -> dict[str, list[str]]:
    """By claim, what stands behind it, each a name and links as HTML."""
    ledger = {claim.id: claim for claim in data.ledger(srcdir)}
    documented = _paths(data.staged(srcdir, "api.json") or {})
    found: dict[str, list[str]] = {}
    for page in {claim.page for claim in ledger.values()}:
        path = Path(srcdir) / f"{page}.ipynb"
        if not path.exists():
            continue
        made = data.chapter(srcdir, page) or {}
        sweeps = {sweep["name"]: sweep for sweep in made.get("sweeps", []) if sweep["record"]}
        files = {entry["path"].rpartition("/")[2]: entry["path"] for entry in made.get("downloads", [])}
        for name, (cell, figure, called) in of_page(json.loads(path.read_text("utf-8")), page).items():
            records = ledger[name].records if name in ledger else []
            experiments = [sweep["experiment"] for record in records if (sweep := sweeps.get(record))]
            called = [found for found in documented if found.rpartition(".")[2] in experiments
                      and found.startswith("lib.experiments.")] + called
            found[name] = _lines(page, cell, figure, [path for path in called if path in documented], files)
            found[name] += [_record(record, sweeps[record]) for record in records if record in sweeps]
    return found


def of_page(notebook: dict, page: str) -> dict[str, tuple[int, tuple[str, str] | None, list[str]]]:
    """By claim of a notebook: the number of the cell that shows it, the figure above it with its number, and what is
    called of `lib`."""
    cells = notebook["cells"]
    figures = [name for cell in cells if (name := _figure(cell))]
    numbered = numbers.renumber_figures(dict.fromkeys(figures, ()), tuple(map(int, page[:2].lstrip("0"))))
    found, names = {}, {}
    number, figure, called = 0, None, {}
    for cell in cells:
        text = "".join(cell["source"])
        if cell["cell_type"] != "code":
            if _HEADING.search(text):
                figure, called = None, {}
            continue
        if "injected-parameters" in cell["metadata"].get("tags", []):
            continue
        number += 1
        if name := _figure(cell):
            figure = (name, ".".join(map(str, numbered[name])))
        called |= dict.fromkeys(_called(text, names))
        shown = [name for output in cell["outputs"]
                 for name in output.get("metadata", {}).get("companion", {}).get("claims", [])]
        found |= dict.fromkeys(shown, (number, figure, list(called)))
        if shown:
            called = {}
    return found


def _lines(page: str, cell: int, figure: tuple[str, str] | None, called: list[str], files: dict[str, str]) -> list[str]:
    lines = []
    if figure:
        name, number = figure
        lines.append(f'figure: <a href="{page}.html#{name}">{number}</a>')
        if f"{name}.csv" in files:
            lines[-1] += f', <a href="{html.escape(files[f"{name}.csv"])}" download>its numbers (CSV)</a>'
    lines.append(f'cell: <a href="{page}.html#cell-{cell}">{cell}</a>')
    if called:
        lines.append("functions: " + ", ".join(
            f'<a href="{code.entry(path)}"><code>{html.escape(path.removeprefix("lib."))}</code></a>'
            for path in dict.fromkeys(called)))
    return lines


def _record(name: str, sweep: dict) -> str:
    audits = (sweep.get("audits") or {}).get("text", "not audited yet").removeprefix("audited: ")
    return (f'record: <a href="records.html#record-{html.escape(name)}">{html.escape(name)}</a>, version '
            f"{sweep['version']}; audits: {html.escape(audits)}")


def _figure(cell: dict) -> str | None:
    return (cell["metadata"].get("mystnb") or {}).get("figure", {}).get("name")


def _called(text: str, names: dict[str, str]) -> list[str]:
    """The functions of `lib` that some code calls; `names` is what the code so far has imported of it, and grows."""
    tree = ast.Module([], [])
    with contextlib.suppress(SyntaxError):  # of cells that only IPython understands
        tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "lib":
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    calls = [ast.unparse(node.func).partition(".") for node in ast.walk(tree) if isinstance(node, ast.Call)
             and isinstance(node.func, (ast.Name, ast.Attribute))]
    found = [names[first] + dot + rest for first, dot, rest in calls if first in names]
    return [path for path in found if not path.startswith(_ROOMS)]


def _paths(rooms: dict) -> set[str]:
    """The names that the pages of the reference have an entry for."""
    return {member["path"] for room in rooms.values() for module in room for member in module["members"]}
