"""SWEEP: a chapter at several values of one parameter, beside the book: a page with one table and one figure."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path

from lib import atomic
from lib.pipeline import site, status, whatif
from lib.study import ledger, runs
from lib.study.measures import is_number
from lib.study.notebooks import read_chapter
from lib.study.parameters import declared, parse_sweep

NAME = "sweep"  # of the page and of its picture
Row = tuple[str, list[dict]]  # id or key, and for each run its value, error and text


def build(top: Path, path: Path, profile: str, text: str, params: str, jobs: int) -> Path:
    """Execute the chapter at `path` once for each value of `text` (as typed after SWEEP=), with `params` (as after
    PARAMS=) in all of them, and make a page of what moved; return it.

    Values that have a run keep it; one that fails leaves the others.  Raises `ValueError` for what is refused, and,
    after the page is made, where a value failed.
    """
    chapter = read_chapter(path)
    name, values = parse_sweep(text, chapter)
    texts = [f"{params} {name}={typed}".strip() for typed in values]
    ended = whatif.executed(top, path, profile, texts, jobs)
    kept = {str(value): runs.read_run(place, path.stem)
            for value, (place, failed) in zip(values.values(), ended) if not failed}
    lost = [f"{typed}: {status.one_line(runs.read_failure(place, path.stem))} "
            f"(log: {(place / whatif.LOG).relative_to(top)})" for typed, (place, failed) in zip(texts, ended) if failed]
    told = "\n    ".join(lost)
    if len(kept) < 2:
        raise ValueError(f"the page was not made, since too few values came through:\n    {told}")
    entries = [ledger.entries(top, profile, [record]) for record in kept.values()]
    moved, same = rows(list(map(whatif.cells, kept.values(), entries)))
    head = ("", *(f"{name}={value}" for value in kept))
    shown = [(key, *(cell["text"] for cell in cells)) for key, cells in moved]
    print("\n" + whatif.terminal_table(shown, same, head), flush=True)
    words = whatif.names(path, [claim for claims in entries for claim in claims])
    book = runs.profile_root(top, profile).relative_to(top / "_build") / "html" / chapter.page
    parameter, others = declared(chapter)[name], f" with {whatif.code(params)}" if params else ""
    lines = [f"# {chapter.title}: {name} = {whatif.code(', '.join(kept))}", "",
             f'**This page is not part of the book.** The chapter <a href="../../../{book}">{chapter.title}</a> was '
             f"executed{others} for each value of `{name}` ({parameter.meaning}; the chapter has "
             f"{whatif.code(parameter.default)}); else all is as in the book ({profile} profile). A ▢ is the "
             "number that the row gives, ① and ② are those of the rows below, dots are others.", "",
             *(f"- {whatif.code(line)}" for line in lost), "",
             *whatif.markdown_table(("what", *map(whatif.code, head[1:])), whatif.in_words(shown, words)),
             "", f"{whatif.folded(same).capitalize()}.", ""]
    with tempfile.TemporaryDirectory(dir=runs.workspace(top)) as temporary:
        os.environ["MPLCONFIGDIR"] = str(top / "_build" / "cache" / "matplotlib")  # as in the runs
        drawn = draw(Path(temporary), parameter, list(kept), moved)
    if drawn:
        lines += [f"```{{figure}} {NAME}.svg", f":alt: The numbers of the table against {name}, a panel each.", "",
                  f"What moved, against `{name}`; bars are standard errors. "
                  f"{{download}}`The numbers as CSV <{NAME}.csv>`.", "```"]
    toc = {"format": "jb-book", "root": NAME}
    staged = site.only(site.sources(top, toc), toc) | drawn | {f"{NAME}.md": "\n".join(lines).encode()}
    digest = atomic.digest([profile, texts])[:8]
    place = top / "_build" / "whatif" / f"{path.stem}-{name}-{digest}"
    page = whatif.publish(top, place, place, staged, []) / f"{NAME}.html"
    if lost:
        raise ValueError(f"the page was made without what failed:\n    {told}\nThe page of the others: {page}")
    return page


def rows(runs: list[dict[str, dict]]) -> tuple[list[Row], int]:
    """The claims and numbers that are not the same in all runs, as `whatif.cells` gives them, and how many are."""
    moved, same = whatif.moved(runs)
    for row in moved.values():  # what moved less than the page's rounding shows
        if len({cell["text"] for cell in row}) == 1 and all(is_number(cell["value"]) for cell in row):
            row[:] = [cell | {"text": f"{cell['value']:.3g}"} for cell in row]
    return list(moved.items()), same


def draw(place: Path, parameter, values: list[str], moved: list[Row]) -> dict[str, bytes]:
    """Draw a panel for each number that moved; return picture and table by name, or nothing where there is none."""
    import pandas as pd
    from matplotlib import pyplot as plt

    from lib import plotting

    panels = [(key, cells) for key, cells in moved
              if all(is_number(cell["value"]) or cell["value"] is None for cell in cells)]
    if not panels:
        return {}
    numeric = parameter.type in ("int", "float")
    at = list(map(float, values)) if numeric else list(range(len(values)))
    n_rows = math.ceil(len(panels) / 3)
    plotting.use_style()
    figure, axes = plt.subplots(n_rows, 3, figsize=(plotting.TEXT_WIDTH, 0.4 + 1.7 * n_rows), squeeze=False)
    for panel in axes.flat[len(panels):]:
        panel.remove()
    for panel, (key, cells) in zip(axes.flat, panels):
        y, error = ([math.nan if cell[what] is None else cell[what] for cell in cells] for what in ("value", "error"))
        panel.errorbar(at, y, yerr=error, fmt="o-" if numeric else "o")
        panel.set_title(key.removeprefix("claim "), fontsize=8)
        panel.set_xlabel(parameter.name)
        if not numeric:
            panel.set_xticks(at, values)
    table = pd.DataFrame([{"what": key, parameter.name: value, "measured": cell["value"], "error": cell["error"]}
                          for key, cells in panels for value, cell in zip(values, cells, strict=True)])
    plotting.save_figure(figure, NAME, table, directory=place)
    plt.close(figure)
    return {name: (place / name).read_bytes() for name in (f"{NAME}.svg", f"{NAME}.csv")}
