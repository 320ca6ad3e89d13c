"""The directive ``knob``: a figure of a table that the page stores, with a knob to turn (``book/_static/knobs.js``).

::

    ```{knob} fig-3-5-mnist
    :knob: last_connectivity | connectivity of the last layer
    :x: width | width | log
    :y: best accuracy (%) | test accuracy (%)
    :series: activation
    A word on what to look at.
    ```

Each option names a column, what it is called, `log` for a logarithmic axis (`linear` is the other one), and the ends of
the vertical axis (``| 0.01 1``) where those of the numbers would not do.  Besides: ``where``, rows to take
(``n = 18, kind = local``); ``pick``, a column whose values one chooses from a list; ``compare``, a column with exact
results; ``say``, words for a position of the knob, with columns in braces (``step {step:.0f}``).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator

import companion_data as data
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

MOST_CURVES = 4  # as many as the script has looks for


def setup(app: Sphinx) -> None:
    app.add_directive("knob", Knob)


class Knob(SphinxDirective):
    """A figure with a knob; the content is a word on how to use it."""

    required_arguments = 1
    has_content = True
    option_spec = dict.fromkeys(("knob", "x", "y", "series", "where", "pick", "compare", "say"),
                                directives.unchanged_required)

    def run(self) -> list[nodes.Node]:
        if missing := {"knob", "x", "y"} - self.options.keys():
            raise self.error(f"expected the columns of knob, x and y, got none for {', '.join(sorted(missing))}; try "
                             f"':{min(missing)}: a column'")
        rows = data.saved_table(self, self.arguments[0])
        try:
            told = chosen(rows, self.options) if rows else {}
        except ValueError as error:
            raise self.error(str(error)) from None
        return [data.script_box(self, "knob", told)] if told.get("charts") else []


def chosen(rows: list[dict[str, str]], options: dict[str, str]) -> dict:
    """What the script is given: for each value of `pick` a chart, in it for each value of the knob the curves.

    Raises `ValueError` for a column that the table does not have, too many curves, and two values for one place.
    """
    axes = {name: [part.strip() for part in options[name].split("|")] for name in ("knob", "x", "y")}
    pick, series, compare = (options.get(name) for name in ("pick", "series", "compare"))
    pick, pick_words = [part.strip() for part in f"{pick}|{pick}".split("|")][:2] if pick else ("", "")
    wanted = dict(_equalities(options.get("where", "")))
    columns = [axes[name][0] for name in axes] + [name for name in (pick, series, compare, *wanted) if name]
    for name in columns:
        if name not in rows[0]:
            near = (difflib.get_close_matches(name, rows[0], 1) or list(rows[0]))[0]
            raise ValueError(f"expected a column of the table, got {name!r}; try {near}")
    knob, x, y = (axes[name][0] for name in axes)
    label = {name: (parts[1:] or parts)[0] for name, parts in axes.items()}
    rows = [row for row in rows if row[x] and row[y] and row[knob]
            and all(_value(row[name]) == value for name, value in wanted.items())]
    charts = []
    for name in _distinct(rows, pick) if pick else [""]:
        there = [row for row in rows if not pick or _value(row[pick]) == name]
        names = _distinct(there, series) if series else [""]
        if len(names) > MOST_CURVES:
            raise ValueError(f"expected at most {MOST_CURVES} curves, got {len(names)} values of {series}; try where")
        settings = []
        for place in _distinct(there, knob):
            here = [row for row in there if _value(row[knob]) == place]
            curves = [{"look": look, "name": _text(one) or label["y"],
                       "points": _points([row for row in here if not series or _value(row[series]) == one], x, y)}
                      for look, one in enumerate(names)]
            if compare:
                known = [row for row in here if row[compare]]
                curves.insert(0, {"look": "exact", "name": compare, "points": _points(known, x, compare)})
            settings.append({"text": _said(options["say"], here[0]) if "say" in options else _text(place),
                             "curves": curves})
        charts.append({"name": _text(name), "settings": settings})
    told = {name: {"label": label[name], "log": axes[name][2:3] == ["log"]} for name in ("x", "y")}
    if len(axes["y"]) > 3:
        told["y"]["range"] = _ends(axes["y"][3])
    return told | {"knob": label["knob"], "pick": pick_words, "charts": charts}


def _points(rows: list[dict[str, str]], x: str, y: str) -> list[list[float]]:
    """The places of a curve, to six digits, from left to right; what is infinite or missing has none."""
    found: dict[float, float] = {}
    for row in rows:
        place, value = (float(f"{float(row[name]):.6g}") for name in (x, y))
        if math.isfinite(place * value) and found.setdefault(place, value) != value:
            raise ValueError(f"expected one value at {x} = {place:g}, got {found[place]:g} and {value:g}; try series, "
                             "pick or where")
    return [list(point) for point in sorted(found.items())]


def _said(pattern: str, row: dict[str, str]) -> str:
    """The words for a position of the knob, with the columns of its first row."""
    try:
        return pattern.format(**{name: _value(text) for name, text in row.items()})
    except (LookupError, ValueError) as error:
        raise ValueError(f"expected words with columns of the table in braces, got {pattern!r} ({error}); try one of "
                         f"{', '.join(row)}") from None


def _ends(text: str) -> list[float]:
    """The lower and the upper end of an axis."""
    try:
        low, high = map(float, text.split())
    except ValueError:
        raise ValueError(f"expected two ends of the vertical axis, got {text!r}; try 0.01 1") from None
    return [low, high]


def _distinct(rows: list[dict[str, str]], column: str) -> list:
    """The values of a column: numbers in their order, words in that of the table."""
    found = list(dict.fromkeys(_value(row[column]) for row in rows if row[column]))
    return sorted(found) if all(isinstance(value, float) for value in found) else found


def _equalities(text: str) -> Iterator[tuple[str, float | str]]:
    """The columns and values of ``n = 18, kind = local``."""
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        yield name, _value(value)


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _value(text: str) -> float | str:
    """A number where it is one."""
    try:
        return float(text)
    except ValueError:
        return text
