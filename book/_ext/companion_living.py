"""The directive ``living-machine``: a trained machine whose chain runs in the page (``book/_static/living.js``).

Its argument names the table that the page's code has saved (:func:`lib.rbm.living.table`), with the machine, its
generators and exact values.  The figure of that table is what paper and browsers without scripts show instead.
"""

from __future__ import annotations

import companion_data as data
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def setup(app: Sphinx) -> None:
    app.add_directive("living-machine", LivingMachine)


class LivingMachine(SphinxDirective):
    """The place where the machine runs; the content is a word on how to use it."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        rows = data.saved_table(self, self.arguments[0])
        return [data.script_box(self, "living-machine", told(rows))] if rows else []


def told(rows: list[dict[str, str]]) -> dict:
    """What the script is given, from the rows of the table: numbers in all their digits."""
    numbers: dict[str, dict] = {}
    for row in rows:
        place = int(row["removed"]), int(row["i"]), int(row["j"])
        numbers.setdefault(row["what"], {})[place] = float(row["value"])

    def line(what: str, removed: int = 0) -> list[float]:
        return [value for (gone, *_), value in sorted(numbers[what].items()) if gone == removed]

    def values(name: str, removed: int = 0) -> dict:
        one = {what: line(f"{name} {what}", removed)[0] for what in ("order", "energy")}
        return one | {"correlation": line(f"{name} correlation", removed)}

    def matrix(what: str) -> list[list[float]]:
        found = numbers[what]
        return [[value for (_, i, _), value in sorted(found.items()) if i == row]
                for row in sorted({i for _, i, _ in found})]

    weights = matrix("weight")
    counts = range(len(weights) * len(weights[0]) + 1)
    generators = [[int(word) for word in words] for words in matrix("generator")]
    return {"field": line("field")[0], "weights": weights, "visible": line("visible bias"),
            "hidden": line("hidden bias"), "generators": generators, "ground": values("ground"),
            "exact": {name: [values(name, n) for n in counts] for name in ("kept", "lost")}}
