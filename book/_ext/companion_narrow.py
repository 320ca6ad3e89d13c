"""Pictures for narrow screens: panels that stand side by side are put below each other, and letters keep their size.

A picture of a whole text column shrinks to two thirds on a phone, and letters of ten points to seven pixels.  Here its
panels, and what stands beside them such as a common legend, become pieces of their own: views of parts of the same
drawing.  Where there is one panel only, or panels share their numbers, `plotting.save_figure` draws the figure anew.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as xml
from typing import NamedTuple

SVG = "{http://www.w3.org/2000/svg}"
WIDTH = 262.0  # points; of a phone's column, so that letters have there the size that they have on paper
GAP = 6.0  # points; between pieces, and around them
TOUCHING = 2.0  # points; by which boxes of neighbours may overlap, as letters are measured roughly
SLIM = 40.0  # points; a frame that is narrower is a colour bar, and belongs to the panel beside it
LABELLED = 8.0  # points; that letters beside a frame take at least

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
_TRANSFORM = re.compile(r"(translate|rotate|scale)\(([^)]*)\)")
_ROOT = re.compile(r'(<svg\b[^>]*?) width="[\d.]+pt"([^>]*?) height="[\d.]+pt"([^>]*?) viewBox="[^"]*"([^>]*>)')


class Box(NamedTuple):
    """A rectangle in points, from its upper left corner to its lower right one."""

    left: float
    top: float
    right: float
    bottom: float

    def joined(self, other: Box) -> Box:
        return Box(min(self.left, other.left), min(self.top, other.top), max(self.right, other.right),
                   max(self.bottom, other.bottom))


def narrow(picture: str) -> str | None:
    """The picture of matplotlib's with its panels below each other; None where that would not make it narrower."""
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture)
    columns, beside = pieces(picture)
    if not size or len(columns) < 2:
        return None
    found = columns + beside
    width = max(WIDTH, *(box.right - box.left for box in found))
    if width > 0.8 * float(size[1]):
        return None
    shown, x, y, row = [], 0.0, 0.0, 0.0
    for number, box in enumerate(found, 1):
        wide, high = box.right - box.left, box.bottom - box.top
        if x + wide > width + TOUCHING or number == len(columns) + 1:
            x, y, row = 0.0, y + row + GAP, 0.0
        shown.append(f'<svg id="piece-{number}" x="{x:.2f}" y="{y:.2f}" width="{wide:.2f}" height="{high:.2f}" '
                     f'viewBox="{box.left:.2f} {box.top:.2f} {wide:.2f} {high:.2f}"><use href="#figure_1"/></svg>')
        x, row = x + wide + GAP, max(row, high)
    height = y + row
    root = rf'\1 width="{width:.2f}pt"\2 height="{height:.2f}pt"\3 viewBox="0 0 {width:.2f} {height:.2f}"\4'
    rest = _ROOT.sub(root, picture, count=1)
    rest = rest.replace('<g id="figure_1">', '<defs><g id="figure_1">', 1)
    return "</g></defs>".join(rest.rsplit("</g>", 1)).replace("</svg>", "\n".join(shown) + "\n</svg>")


def pieces(picture: str) -> tuple[list[Box], list[Box]]:
    """The boxes of the columns of panels, and of what stands beside all of them, in the order of reading; no columns
    where one shows no numbers of its own beside its frame, as it shares those of its neighbour."""
    figure = xml.fromstring(picture).find(f"{SVG}g[@id='figure_1']")
    panels, bars, others, edges = [], [], [], []
    for part in figure if figure is not None else []:
        name = part.get("id", "")
        boxes = list(_boxes(part))
        if name == "patch_1" or not boxes:
            continue
        if name.startswith("axes") and panels and boxes[0].right - boxes[0].left < SLIM:
            bars.append(_around(boxes))
        elif name.startswith("axes"):
            panels.append(_around(boxes))
            edges.append(boxes[0].left)
        elif name.startswith("legend"):
            title, entries = _entries(part, frame=_around(boxes))
            others += title + _columns(entries, apart=0.0)
        else:
            others.append(_around(boxes))
    for bar in bars:
        near = min(range(len(panels)), key=lambda n: abs(panels[n].right - bar.left) + abs(panels[n].top - bar.top))
        panels[near] = panels[near].joined(bar)
    columns, beside = _columns(panels, apart=-TOUCHING), sorted(others, key=lambda box: (round(box.top), box.left))
    if any(frame - panel.left < LABELLED for frame, panel in zip(edges, panels)):
        columns = []
    edge = GAP / 2
    return tuple([Box(box.left - edge, max([box.top - edge, *_above(box, beside)]), box.right + edge,
                      box.bottom + edge) for box in boxes] for boxes in (columns, beside))


def _above(box: Box, others: list[Box]) -> list[float]:
    """Where what lies right above a box ends, as a legend's title does: it is no part of what the box shows."""
    return [other.bottom for other in others if other.bottom < box.top + TOUCHING and other.left < box.right
            and box.left < other.right]


def _entries(legend: xml.Element, frame: Box) -> tuple[list[Box], list[Box]]:
    """The boxes of a legend's title, and of its entries: a sample and the words that follow it each."""
    title, entries, entry = [], [], []
    for part in legend:
        entry += [box for box in _boxes(part) if box != frame]
        if part.get("id", "").startswith("text") and entry:
            (entries if len(entry) > 1 else title).append(_around(entry))
            entry = []
    return title, entries


def _columns(boxes: list[Box], apart: float) -> list[Box]:
    """Boxes joined where less than this lies between them, from left to right."""
    found: list[Box] = []
    for box in sorted(boxes):
        if found and box.left < found[-1].right + apart:
            found[-1] = found[-1].joined(box)
        else:
            found.append(box)
    return found


def _around(boxes: list[Box]) -> Box:
    whole = boxes[0]
    for box in boxes[1:]:
        whole = whole.joined(box)
    return whole


def _boxes(part: xml.Element):
    """The boxes of all that is drawn in a part, but for what is clipped: that stays within its frame."""
    if part.tag in (f"{SVG}defs", f"{SVG}image") or part.get("clip-path"):
        return
    if part.get("transform"):
        if (box := _letters(part)) is not None:
            yield box
        return
    if part.tag == f"{SVG}path":
        numbers = [float(number) for number in _NUMBER.findall(part.get("d", ""))]
        if xs := numbers[::2]:
            yield Box(min(xs), min(numbers[1::2]), max(xs), max(numbers[1::2]))
    if part.tag == f"{SVG}use" and part.get("x"):  # a mark, centred on its place
        x, y = float(part.get("x")), float(part.get("y"))
        yield Box(x - 3, y - 3, x + 3, y + 3)
    for inner in part:
        yield from _boxes(inner)


def _letters(group: xml.Element) -> Box | None:
    """The box of a line of letters, from where it begins, its angle, its size and its last letter."""
    steps = {name: [float(number) for number in _NUMBER.findall(values)]
             for name, values in _TRANSFORM.findall(group.get("transform"))}
    last = [float(found[1]) for use in group.iter(f"{SVG}use")
            if (found := re.search(r"translate\((-?[\d.]+)", use.get("transform", "")))]
    if "translate" not in steps or "scale" not in steps:
        return None
    scale, (x, y), angle = steps["scale"][0], steps["translate"], math.radians(steps.get("rotate", [0.0])[0])
    width = (max(last, default=0.0) + 65) * scale
    cosine, sine = math.cos(angle), math.sin(angle)
    corners = [(x + along * cosine - down * sine, y + along * sine + down * cosine)
               for along in (0.0, width) for down in (-80 * scale, 22 * scale)]
    return Box(*map(min, zip(*corners)), *map(max, zip(*corners)))
