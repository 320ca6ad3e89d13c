"""The directive ``rooms``: which rooms of `lib` import which, drawn from the imports themselves."""

from __future__ import annotations

import html
from collections import Counter
from pathlib import Path

import companion_data as data
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_WIDTH, _HEIGHT, _ROW = 104, 36, 76  # of a box; from one row to the next


def setup(app: Sphinx) -> None:
    app.add_directive("rooms", Rooms)


class Rooms(SphinxDirective):
    """A picture with a box for each room, below those that import it; its text alternative lists all imports."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / "_data" / "imports.json"))
        imports = data.staged(self.env.srcdir, "imports.json")
        if imports is None:  # a rehearsal of the texts
            return []
        return [nodes.raw("", drawn(Counter({(one, other): n for one, other, n in imports})), format="html")]


def rows(imports: Counter) -> list[list[str]]:
    """The rooms, each in the row right above the last of those that it imports; ValueError for rooms that import each
    other."""
    left, found = {room for pair in imports for room in pair}, []
    while left:
        row = sorted(room for room in left if not any(one == room and other in left for one, other in imports))
        if not row:
            raise ValueError(f"expected rooms of lib in an order, got some of {', '.join(sorted(left))} that import "
                             "each other; try to move what both need to a room below")
        found.insert(0, row)
        left -= set(row)
    return found


def direct(imports: Counter) -> list[tuple[str, str]]:
    """The imports that do not follow from others: of a room that is not reached by way of a third."""
    def reached(room: str) -> set[str]:
        below = {other for one, other in imports if one == room}
        return below.union(*map(reached, below))

    return sorted(pair for pair in imports
                  if not any(pair[1] in reached(other) for one, other in imports if one == pair[0]))


def drawn(imports: Counter) -> str:
    """The picture as SVG: a line from a room to each that it imports, but for those that follow from others."""
    order = rows(imports)
    width = max(len(row) for row in order) * (_WIDTH + 60)
    places = {room: ((n + 0.5) * width / len(row), y * _ROW + _HEIGHT / 2 + 2)
              for y, row in enumerate(order) for n, room in enumerate(row)}
    lines = [f'<path d="M{x:.0f} {y + _HEIGHT / 2:.0f} L{to_x:.0f} {to_y - _HEIGHT / 2:.0f}"/>'
             for one, other in direct(imports) for (x, y), (to_x, to_y) in [(places[one], places[other])]]
    boxes = [f'<rect x="{x - _WIDTH / 2:.0f}" y="{y - _HEIGHT / 2:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
             f'<text x="{x:.0f}" y="{y + 5:.0f}">{html.escape(room)}</text>' for room, (x, y) in places.items()]
    words = "; ".join(f"{one} imports {', '.join(other for a, other in sorted(imports) if a == one)}"
                      for one in sorted({one for one, _ in imports}))
    return (f'<svg class="rooms" role="img" aria-label="{html.escape(words)}" viewBox="0 0 {width:.0f} '
            f'{len(order) * _ROW - _ROW + _HEIGHT + 4}">{"".join(lines + boxes)}</svg>')
