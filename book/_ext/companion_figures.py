"""Pictures for light and for dark: one file holds both, and no chapter runs for it.

Chapters draw on white paper, in the colours of :mod:`lib.plotting`.  In the copies that pages show, each colour becomes
a variable of CSS with two values: one for light, one where the address of the picture ends with ``#dark``.  Pages show
every such picture twice, and the theme hides one of them (its classes `only-light` and `only-dark`).  What readers
download stays as it was drawn.
"""

from __future__ import annotations

import colorsys
import re
from pathlib import Path

import companion_narrow
from docutils import nodes
from sphinx.application import Sphinx

# Dark: the ground of the theme's pages, and what is written on it.
PAPER, INK = "#121212", "#e6ebf0"

#: Colours of curves, as drawn: on white, with a contrast of three to one at least, and in the dark.
CURVES = {
    "#0072b2": ("#0072b2", "#52aee0"),
    "#d55e00": ("#bf4000", "#f58747"),
    "#009e73": ("#009e73", "#30d0a0"),
    "#cc79a7": ("#d070a8", "#cc66a0"),
    "#e69f00": ("#c08a00", "#fbd156"),
    "#56b4e9": ("#3a98e8", "#91cff3"),
}
#: Screens that are given narrow variants, and the end of their names.
PHONES, NARROW = "(max-width: 34rem)", ".narrow.svg"
NEUTRAL = 40  # the largest difference between red, green and blue of a colour of paper, ink, frames and pale grounds

_COLOUR = re.compile(r'(\b(?:fill|stroke)(?:: |="))(#[0-9a-fA-F]{6})\b')
_ROOT = re.compile(r"<svg\b(?![^>]*\bid=)")
_ROOT_TAG, _SIZE = re.compile(r"<svg\b[^>]*>"), re.compile(r'\b(width|height)="([\d.]+)pt"')


def setup(app: Sphinx) -> None:
    app.add_node(nodes.image, override=True, html=(show_both, _depart))
    app.connect("build-finished", colour_copies)


def in_both(colour: str) -> tuple[str, str]:
    """How a drawn colour looks in light and in dark: from the table for curves; greys and pale grounds mirrored
    between paper and ink; all others, those of colour maps, as they are."""
    drawn = colour.lower()
    channels = [int(drawn[i : i + 2], 16) for i in (1, 3, 5)]
    if drawn in CURVES:
        return CURVES[drawn]
    return drawn, _mirrored(channels) if max(channels) - min(channels) <= NEUTRAL else drawn


def both_modes(picture: str) -> str:
    """A picture of matplotlib's with two values for every colour; raises `ValueError` for what is no such SVG."""
    if not _ROOT.search(picture):
        raise ValueError(
            f"expected an SVG as matplotlib writes it, got {picture[:60]!r}; try plotting.save_figure"
        )
    colours = {"#000000"}  # what matplotlib leaves out, as in most letters
    colours |= {found[2].lower() for found in _COLOUR.finditer(picture)}
    light, dark = (
        ";".join(f"--c{colour[1:]}:{in_both(colour)[mode]}" for colour in sorted(colours))
        for mode in (0, 1)
    )
    style = f"<style>:root{{{light};fill:var(--c000000)}}:root:target{{{dark}}}</style>"
    body = _COLOUR.sub(lambda found: f"{found[1]}var(--c{found[2][1:].lower()})", picture)
    return re.sub(
        r"(<svg\b[^>]*>)", rf"\1{style}", _ROOT.sub('<svg id="dark"', body, count=1), count=1
    )


def show_both(translator, node: nodes.image) -> None:
    """Show an SVG twice, for light and for dark, each with a narrow variant where there is one (`companion_narrow`);
    other pictures as they are.

    A browser loads the first picture of a page before all else, and every other one when it is about to be seen, which
    one of the other colours never is; it knows their sizes before.
    """
    visit, source = type(translator).visit_image, node["uri"]
    first = not getattr(translator, "has_pictures", False)
    translator.has_pictures = True
    if not source.endswith(".svg"):
        visit(translator, node)
        return
    node["classes"] = [*node["classes"], "only-light"]
    visit(translator, node)
    light = translator.body.pop().strip()
    given = {"width", "height", "scale"} & {*node.attributes}
    when = 'fetchpriority="high"' if first else 'decoding="async" loading="lazy"'
    light = light.replace("<img ", f"<img {when}{'' if given else size(Path(translator.builder.srcdir) / source)} ", 1)
    other, stacked = narrow_copy(translator.builder, node.get("narrow", ""), source, node["uri"])
    if other:
        mark = size(Path(translator.builder.outdir) / "_images" / other.rpartition("/")[2])
        mark += " data-stacked" if stacked else ""
        light = f'<picture><source media="{PHONES}" srcset="{other}"{mark}>{light}</picture>'
    dark = light.replace("only-light", "only-dark").replace('.svg"', '.svg#dark"')
    dark = dark.replace('fetchpriority="high"', 'decoding="async" loading="lazy"')
    translator.body.append(f'<span class="picture">{light}{dark}</span>\n')


def size(picture: Path) -> str:
    """The size of a picture of matplotlib's, in pixels, as attributes; "" where it does not tell."""
    root = _ROOT_TAG.search(picture.read_text("utf-8")) if picture.is_file() else None
    found = dict(_SIZE.findall(root[0])) if root else {}
    return "".join(f' {name}="{float(found[name]) * 4 / 3:.0f}"' for name in ("width", "height") if len(found) == 2)


def narrow_copy(builder, drawn: str, source: str, shown: str) -> tuple[str, bool]:
    """Where pages show a picture, leave its narrow variant beside it: the one that its page has drawn, or its panels
    below each other.  Returns its address, empty where it has none, and whether panels were moved."""
    own, path = Path(builder.srcdir) / drawn, Path(builder.srcdir) / source
    if own.is_file():
        picture = own.read_text("utf-8")
    else:
        picture = companion_narrow.narrow(path.read_text("utf-8")) if path.exists() else None
    if picture is None:
        return "", False
    copy = Path(builder.outdir) / "_images" / f"{Path(shown).stem}{NARROW}"
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(picture, "utf-8")
    return f"{shown.removesuffix('.svg')}{NARROW}", not own.is_file()


def colour_copies(app: Sphinx, exception: Exception | None) -> None:
    """Give the pictures that pages show their two sets of colours; those that have them stay."""
    if exception is not None or app.builder.format != "html":
        return
    for path in (Path(app.outdir) / "_images").glob("*.svg"):
        picture = path.read_text("utf-8")
        if _ROOT.search(picture):
            path.write_text(both_modes(picture), "utf-8")


def _depart(translator, node: nodes.image) -> None:
    type(translator).depart_image(translator, node)


def _mirrored(channels: list[int]) -> str:
    """A grey or pale colour in the dark: white becomes the paper there, and black the ink."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(value / 255 for value in channels))
    if max(channels) - min(channels) < 3:
        mixed = [
            lightness * int(PAPER[i : i + 2], 16) + (1 - lightness) * int(INK[i : i + 2], 16)
            for i in (1, 3, 5)
        ]
    else:
        mixed = [
            255 * value
            for value in colorsys.hls_to_rgb(hue, 0.1 + 0.82 * (1 - lightness), saturation)
        ]
    return "#" + "".join(f"{round(value):02x}" for value in mixed)
