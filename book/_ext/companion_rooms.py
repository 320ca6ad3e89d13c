"""The directive ``rooms``: which rooms of `lib` import which, drawn from the imports themselves."""

from __future__ import annotations

import html
from collections import Counter
from pathlib import Path

import companion_data as data
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_WIDTH, _HEIGHT, _ROW = 104, 40, 96  # of a box; from one row to the next


def setup(app: Sphinx) -> None:
    app.add_directive("rooms", Rooms)


class Rooms(SphinxDirective):
    """A picture with a box for each room, below those that import it; its text alternative is the list of imports."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / "_data" / "imports.json"))
        imports = data.staged(self.env.srcdir, "imports.json")
        if imports is None:  # a rehearsal of the texts
            return []
        return [nodes.raw("", drawn(Counter({(one, other): n for one, other, n in imports})), format="html")]


def rows(imports: Counter) -> list[list[str]]:
    """The rooms, each in a row below all rooms that import it; ValueError for rooms that import each other."""
    left, found = {room for pair in imports for room in pair}, []
    while left:
        row = sorted(room for room in left if not any(other == room and one in left for one, other in imports))
        if not row:
            raise ValueError(f"expected rooms of lib in an order, got some of {', '.join(sorted(left))} that import "
                             "each other; try to move what both need to a room below")
        found.append(row)
        left -= set(row)
    return found


def drawn(imports: Counter) -> str:
    """The picture as SVG; an arrow from a room to each that it imports, wider for more imports."""
    order = rows(imports)
    width = max(len(row) for row in order) * (_WIDTH + 60)
    places = {room: ((n + 0.5) * width / len(row), y * _ROW + _HEIGHT / 2 + 2)
              for y, row in enumerate(order) for n, room in enumerate(row)}
    arrows = [f'<path d="M{x:.0f} {y + _HEIGHT / 2:.0f} C{x:.0f} {y + 70:.0f} {to_x:.0f} {to_y - 70:.0f} '
              f'{to_x:.0f} {to_y - _HEIGHT / 2:.0f}" style="stroke-width:{1 + min(n, 90) ** 0.5 / 3:.1f}"/>'
              for (one, other), n in sorted(imports.items())
              for (x, y), (to_x, to_y) in [(places[one], places[other])]]
    boxes = [f'<rect x="{x - _WIDTH / 2:.0f}" y="{y - _HEIGHT / 2:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
             f'<text x="{x:.0f}" y="{y + 5:.0f}">{html.escape(room)}</text>' for room, (x, y) in places.items()]
    words = "; ".join(f"{one} imports {', '.join(other for a, other in sorted(imports) if a == one)}"
                      for one in sorted({one for one, _ in imports}))
    return (f'<svg class="rooms" role="img" aria-label="{html.escape(words)}" viewBox="0 0 {width:.0f} '
            f'{len(order) * _ROW - _ROW + _HEIGHT + 4}">{"".join(arrows + boxes)}</svg>')
