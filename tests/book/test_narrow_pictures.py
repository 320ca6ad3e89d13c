"""Pictures on phones: the panels are found with all that belongs to them, and stand below each other."""

import itertools
import re
import xml.etree.ElementTree as xml
from types import SimpleNamespace

import companion_figures as figures
import companion_narrow
import matplotlib
import numpy as np
import pandas as pd
import pytest
from docutils import nodes

from lib import plotting
from tests.book.test_pictures import Translator


@pytest.fixture(scope="module")
def panels(tmp_path_factory):
    """A figure of three panels, one with a colour bar, and a legend of their own below; its picture and its boxes."""
    with matplotlib.rc_context():
        plotting.use_style()
        figure, axes = plotting.new_figure(3, height=3)
        for number, one in enumerate(axes[:2]):
            one.plot([0, 1000], [0, 1], label=f"the curve of number {number}")
            one.set(xlabel="steps", ylabel="what comes out", title="A title")
        image = axes[2].imshow(np.eye(3))
        figure.colorbar(image, ax=axes[2], label="a share")
        axes[1].tick_params(axis="x", rotation=45)
        figure.legend(loc="outside lower center", ncols=2)
        folder = tmp_path_factory.mktemp("figures")
        plotting.save_figure(figure, "fig-panels", pd.DataFrame({"a": [1]}), directory=folder)
        boxes = [one.get_tightbbox() for one in [*figure.axes, *figure.legends]]
        high = figure.bbox.height
        scale = 72 / figure.dpi
        boxes = [(box.x0 * scale, (high - box.y1) * scale, box.x1 * scale, (high - box.y0) * scale) for box in boxes]
    return (folder / "fig-panels.svg").read_text("utf-8"), boxes


def test_panels_are_found_with_all_that_belongs_to_them(panels):
    picture, boxes = panels
    found, entries = companion_narrow.pieces(picture)
    assert (len(found), len(entries)) == (3, 2)  # the last panel has the bar
    wanted = [*boxes[:2], companion_narrow.Box(*boxes[2]).joined(companion_narrow.Box(*boxes[3]))]
    for piece, box in zip(found, wanted):
        assert np.abs(np.subtract(piece, box) - [-3, -3, 3, 3]).max() < 4, (piece, box)
    left, top, right, _ = boxes[4]
    assert all(left - 8 < box.left and box.right < right + 8 and box.top > top - 8 for box in entries)
    assert entries[1].left - left > 40 and entries[0].left - left < 12  # marks too


def test_samples_of_a_legend_stay_with_their_words(tmp_path):
    """Also where a sample is a mark that lies far from its words, and where the legend has a title."""
    with matplotlib.rc_context():
        plotting.use_style()
        figure, panels = plotting.new_figure(2, height=3)
        for axes in panels:
            axes.set(xlabel="steps", ylabel="what comes out")
        marks = [panels[0].scatter([0, 1], [0, 1], label=f"marks {number}") for number in range(3)]
        figure.legend(handles=marks, loc="outside lower center", ncols=3, title="fields", fontsize=14)
        plotting.save_figure(figure, "fig-marks", pd.DataFrame({"a": [1]}), directory=tmp_path)
    picture = (tmp_path / "fig-marks.svg").read_text("utf-8")
    _, entries = companion_narrow.pieces(picture)
    title, *entries = entries
    assert len(entries) == 3 and all(box.right - box.left > 60 for box in entries)
    letters = title.bottom - companion_narrow.GAP / 2  # no box shows the lower ends of those of the title
    over = [box for box in entries if box.left < title.right and title.left < box.right]
    assert over and all(box.top >= letters for box in over)


def test_on_phones_panels_stand_below_each_other(panels):
    picture, _ = panels
    text = companion_narrow.narrow(picture)
    root = xml.fromstring(text)
    svg = "{http://www.w3.org/2000/svg}"
    width = float(root.get("viewBox").split()[2])
    assert root.get("width") == f"{width:.2f}pt" and width < 0.8 * 518
    shown = root.findall(f"{svg}svg")
    places = [[float(piece.get(name)) for name in ("x", "y", "width", "height")] for piece in shown]
    assert all(x + across <= width + 2.1 for x, _, across, _ in places)
    for one, other in itertools.combinations(places, 2):  # none lies on another
        assert any(one[n] + one[n + 2] <= other[n] or other[n] + other[n + 2] <= one[n] for n in (0, 1))
    assert [piece.get("viewBox").split()[2:] for piece in shown] == [[f"{w:.2f}", f"{h:.2f}"] for *_, w, h in places]
    assert root.find(f"{svg}defs/{svg}g").get("id") == "figure_1" and text.count("<use href=\"#figure_1\"/>") == 5
    assert figures.both_modes(text).count('id="dark"') == 1
    assert not figures._ROOT.search(figures.both_modes(text))  # it is coloured once


@pytest.mark.parametrize("columns", [1, 2])
def test_one_panel_and_panels_that_share_their_numbers_stay_together(tmp_path, columns):
    with matplotlib.rc_context():
        plotting.use_style()
        figure, panels = plotting.plt.subplots(1, columns, sharey=True, squeeze=False)
        for axes in panels.flat:
            axes.plot([0, 1], [0, 1])
        plotting.save_figure(figure, "fig-one", pd.DataFrame({"a": [1]}), directory=tmp_path)
    assert companion_narrow.narrow((tmp_path / "fig-one.svg").read_text("utf-8")) is None
    assert companion_narrow.narrow("<svg xmlns='http://www.w3.org/2000/svg'/>") is None


@pytest.mark.parametrize("drawn", [False, True])
def test_pages_show_the_narrow_variant_where_there_is_one(panels, tmp_path, drawn):
    (tmp_path / "a.svg").write_text(panels[0])
    if drawn:
        (tmp_path / "own.narrow.svg").write_text("<svg/>")
    translator = Translator()
    translator.builder = SimpleNamespace(srcdir=tmp_path, outdir=tmp_path / "html")
    (tmp_path / "html").mkdir()
    image = nodes.image(uri="a.svg", alt="A curve.", candidates={}, narrow="own.narrow.svg")
    figures.show_both(translator, image)
    sources = re.findall(r'<source media="([^"]+)" srcset="([^"]+)"[^>]*?( data-stacked)?>', translator.body[0])
    mark = "" if drawn else " data-stacked"
    assert sources == [(figures.PHONES, "a.narrow.svg", mark), (figures.PHONES, "a.narrow.svg#dark", mark)]
    wanted = "<svg/>" if drawn else companion_narrow.narrow(panels[0])
    assert (tmp_path / "html/_images/a.narrow.svg").read_text() == wanted
