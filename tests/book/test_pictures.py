"""Pictures for light and for dark: contrast, colour blindness, and files that a browser can read."""

import itertools
import re
import xml.etree.ElementTree as xml
from types import SimpleNamespace

import companion_figures as figures
import matplotlib
import numpy as np
import pandas as pd
import pytest
from docutils import nodes

from lib import plotting

WHITE = "#ffffff"
# Machado, Oliveira and Fernandes (2009), full severity; rows red, green, blue of linear light.
BLINDNESS = {
    "none": np.eye(3),
    "red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.01182, 0.04294, 0.968881],
        ]
    ),
}
OKLAB = (
    np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    ),
    np.array(
        [
            [0.2104542553, 0.793617785, -0.0040720468],
            [1.9779984951, -2.428592205, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    ),
)


def linear(colour):
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """The contrast ratio of WCAG 2."""
    low, high = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def appearance(colour, seen):
    return OKLAB[1] @ np.cbrt(OKLAB[0] @ np.clip(seen @ linear(colour), 0, 1))


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A figure as chapters draw them, with every colour of the style."""
    with matplotlib.rc_context():
        plotting.use_style()
        figure, (axes, _) = plotting.new_figure(2)
        for number, colour in enumerate([*plotting.COLORS, plotting.GREY]):
            axes.plot(
                [0, 1], [0, number], "o-", color=colour, markerfacecolor="white", label=colour
            )
        axes.bar([0], [1], color=plotting.ORANGE, hatch="//", edgecolor="white")
        axes.text(0.5, 0.5, "black and $x^2$")
        folder = tmp_path_factory.mktemp("figures")
        plotting.save_figure(figure, "fig-all", pd.DataFrame({"a": [1]}), directory=folder)
    return (folder / "fig-all.svg").read_text("utf-8")


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", WHITE) == pytest.approx(21)
    assert contrast("#777777", WHITE) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode, ground", [(0, WHITE), (1, figures.PAPER)])
def test_every_curve_stands_out(mode, ground):
    drawn = {colour.lower() for colour in plotting.COLORS} - {plotting.BLACK}
    assert drawn == set(figures.CURVES)
    for colour in drawn:
        assert contrast(figures.in_both(colour)[mode], ground) >= 3, colour
    for colour in (
        plotting.BLACK,
        plotting.GREY,
        plotting.STYLE["axes.edgecolor"],
    ):  # those of letters, too
        assert contrast(figures.in_both(colour)[mode], ground) >= 4.5, colour


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("seen", BLINDNESS)
def test_curves_are_told_apart_by_the_colour_blind(mode, seen):
    shown = [figures.in_both(colour)[mode] for colour in plotting.COLORS]
    for one, other in itertools.combinations(shown, 2):
        distance = np.linalg.norm(
            appearance(one, BLINDNESS[seen]) - appearance(other, BLINDNESS[seen])
        )
        assert distance > 0.055, (one, other, distance)


def test_paper_and_ink_change_places_and_colour_maps_stay():
    assert figures.in_both("#FFFFFF") == (WHITE, figures.PAPER)
    assert figures.in_both("#000000") == ("#000000", figures.INK)
    assert figures.in_both("#440154") == ("#440154", "#440154")  # the lower end of viridis
    light, dark = figures.in_both("#dceaf5")  # a pale blue ground
    assert light == "#dceaf5" and contrast(dark, figures.PAPER) < 1.5 and dark[5:] > dark[1:3]


def test_a_picture_holds_both_sets_of_colours(picture):
    both = figures.both_modes(picture)
    root = xml.fromstring(both)
    assert root.get("id") == "dark"
    style = root[0].text
    for colour in (*figures.CURVES, "#ffffff", "#000000", "#dddddd"):
        light, dark = figures.in_both(colour)
        assert f"--c{colour[1:]}:{light}" in style and f"--c{colour[1:]}:{dark}" in style
    body = both.replace(style, "")
    assert not re.search(r"(?:fill|stroke)(?:: |=\")#", body)
    assert set(re.findall(r"var\(--(\w+)\)", body)) <= set(re.findall(r"--(\w+):", style))
    # All else is as it was drawn.
    drawn = re.sub(
        r"var\(--c(\w{6})\)",
        r"#\1",
        body.replace("<style></style>", "").replace('<svg id="dark"', "<svg", 1),
    )
    assert drawn == picture


def test_other_files_and_finished_ones_are_refused(picture):
    for text in ("<html></html>", figures.both_modes(picture)):
        with pytest.raises(ValueError, match="expected an SVG as matplotlib writes it"):
            figures.both_modes(text)


def test_copies_are_coloured_once(tmp_path, picture):
    (tmp_path / "_images").mkdir()
    copy, other = tmp_path / "_images/a.svg", tmp_path / "_images/b.png"
    copy.write_text(picture)
    other.write_bytes(b"\x89PNG")
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    figures.colour_copies(app, RuntimeError("a build that failed"))
    assert copy.read_text() == picture
    for _ in range(2):
        figures.colour_copies(app, None)
        assert copy.read_text() == figures.both_modes(picture) and other.read_bytes() == b"\x89PNG"


class Translator:
    """What the writer of pages does with an image."""

    builder = SimpleNamespace(srcdir="/nowhere", outdir="/nowhere")

    def __init__(self):
        self.body = []

    def visit_image(self, node):
        self.body.append(
            f'<img alt="{node["alt"]}" class="{" ".join(node["classes"])}" src="{node["uri"]}" />\n'
        )


def test_an_svg_is_shown_for_light_and_for_dark():
    translator = Translator()
    figures.show_both(translator, nodes.image(uri="_images/a.svg", alt="A curve.", candidates={}))
    tags = re.findall(r"<img [^>]*>", translator.body[0])
    assert ['alt="A curve."' in tag for tag in tags] == [True, True]
    assert 'class="only-light" src="_images/a.svg"' in tags[0]
    assert 'class="only-dark" src="_images/a.svg#dark"' in tags[1]


def test_the_first_picture_is_loaded_first_and_the_others_when_they_are_seen(tmp_path):
    (tmp_path / "a.svg").write_text('<?xml version="1.0"?>\n<svg width="75pt" height="33.2pt" viewBox="0 0 75 33.2"/>')
    translator = Translator()
    translator.builder = SimpleNamespace(srcdir=tmp_path, outdir=tmp_path)
    for given in ({}, {}, {"width": "50%"}):
        figures.show_both(translator, nodes.image(uri="a.svg", alt="A curve.", candidates={}, **given))
    tags = [re.findall(r"<img [^>]*>", written) for written in translator.body]
    loading = [["lazy" if 'decoding="async" loading="lazy"' in tag else "first" if 'fetchpriority="high"' in tag else ""
                for tag in both] for both in tags]
    assert loading == [["first", "lazy"], ["lazy", "lazy"], ["lazy", "lazy"]]
    assert [[' width="100" height="44"' in tag for tag in both] for both in tags] == [[True] * 2] * 2 + [[False] * 2]


def test_other_pictures_are_shown_once():
    translator = Translator()
    figures.show_both(
        translator, nodes.image(uri="_images/a.png", alt="A photograph.", candidates={})
    )
    assert translator.body == ['<img alt="A photograph." class="" src="_images/a.png" />\n']
