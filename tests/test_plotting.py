"""Figures: what is saved, that it is the same each time, and that drawings show the numbers they are given."""

import re
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lib import plotting
from lib.figures import machines
from lib.pipeline import site


@pytest.fixture(autouse=True)
def fresh_figures():
    with matplotlib.rc_context():
        plotting.use_style()
        yield
    plt.close("all")


@pytest.fixture
def table():
    return pd.DataFrame({"field": [0.5, 1.0, 2.0], "exact": [0.1, 1 / 3, np.nan], "mean": [0.11, 0.33, 0.9],
                         "error": [0.01, 0.02, 0.0]})


def drawn(table):
    fig, (ax,) = plotting.new_figure()
    plotting.draw_comparison(ax, table, x="field", exact="exact", estimate="mean", error="error")
    return fig, ax


def test_importing_it_imports_no_torch():
    code = "import sys, lib.plotting; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=plotting.Path(__file__).parents[1]).returncode == 0


def test_a_saved_figure_is_svg_png_and_its_numbers(tmp_path, table):
    fig, _ = drawn(table)
    assert plotting.save_figure((fig, table), "fig-5-2-magnetization", directory=tmp_path / "figures") is None
    saved = tmp_path / "figures"
    assert sorted(path.suffix for path in saved.iterdir()) == [".csv", ".png", ".svg", ".svg"]  # and one for phones
    assert (saved / "fig-5-2-magnetization.png").read_bytes().startswith(b"\x89PNG")
    svg = (saved / "fig-5-2-magnetization.svg").read_text()
    assert "<svg" in svg and "<text" not in svg and "dc:date" not in svg
    # No digit is lost on the way through the file.
    pd.testing.assert_frame_equal(pd.read_csv(saved / "fig-5-2-magnetization.csv"), table, check_exact=True)


def test_the_same_figure_gives_the_same_bytes(tmp_path, table):
    for run in ("one", "two"):
        fig, ax = drawn(table)
        ax.legend()
        plotting.save_figure(fig, "a", table, directory=tmp_path / run)
    for suffix in ("svg", "png", "csv"):
        assert (tmp_path / "one" / f"a.{suffix}").read_bytes() == (tmp_path / "two" / f"a.{suffix}").read_bytes()


def width_of(path):
    """The width of an SVG, in inches."""
    return float(re.search(r'width="([\d.]+)pt"', path.read_text())[1]) / 72


@pytest.mark.parametrize("rows, columns, shared, narrow", [
    (1, 1, False, True), (2, 1, False, True), (1, 2, False, False), (1, 2, True, True), (2, 2, True, True)])
def test_what_cannot_be_put_below_each_other_is_drawn_for_phones_too(tmp_path, table, rows, columns, shared, narrow):
    fig, panels = plt.subplots(rows, columns, sharey=shared, squeeze=False, figsize=(7.2, 3))
    for ax in panels.flat:
        ax.plot([0, 1000], [0, 1], label="a curve of many words")
        ax.plot([0, 1000], [1, 0], label="another curve of many words")
    legend = fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    plotting.save_figure(fig, "a", table, directory=tmp_path)
    assert width_of(tmp_path / "a.svg") == pytest.approx(7.2) and fig.get_size_inches() == pytest.approx([7.2, 3])
    assert fig.legends == [legend]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.csv", *["a.narrow.svg"] * narrow, "a.png", "a.svg"]
    if narrow:
        assert 3.5 < width_of(tmp_path / "a.narrow.svg") < 4.5
        assert "scale(0.1 -0.1)" in (tmp_path / "a.narrow.svg").read_text()  # letters of ten points
        assert plotting.NARROW == site.NARROW


@pytest.mark.parametrize("rows, columns, high, wanted", [
    (1, 4, 6, [(0, 0), (0, 1), (1, 0), (1, 1)]), (2, 2, 6, [(0, 0), (2, 0), (1, 0), (3, 0)]),
    (1, 3, 9, [(0, 0), (1, 0), (2, 0)])])
def test_on_phones_panels_that_share_numbers_keep_their_width(tmp_path, table, rows, columns, high, wanted):
    fig, panels = plt.subplots(rows, columns, sharey="row", squeeze=False, figsize=(7.2, 3))
    for n, row in enumerate(panels):
        row[0].set_ylabel(f"row {n}")
    seen = []

    def look(path, **_):
        specs = [ax.get_subplotspec() for ax in panels.flat]
        seen.append((path.name, fig.get_size_inches()[1], [(s.rowspan.start, s.colspan.start) for s in specs],
                     [ax.yaxis.get_tick_params()["labelleft"] for ax in panels.flat],
                     [ax.get_ylabel() for ax in panels.flat]))

    fig.savefig = look
    plotting.save_figure(fig, "a", table, directory=tmp_path)
    first = [column == 0 for _, column in wanted]
    names = [f"row {n}" for n in range(rows) for _ in range(columns)]
    assert seen[0] == ("a.narrow.svg", high, wanted, first, [name if on else "" for name, on in zip(names, first)])
    assert seen[1][:2] == ("a.svg", 3) and seen[1][2] == [(n, m) for n in range(rows) for m in range(columns)]
    assert seen[1][3] == [m == 0 for n in range(rows) for m in range(columns)]
    assert seen[1][4] == [f"row {n}" if m == 0 else "" for n in range(rows) for m in range(columns)]


def test_on_phones_what_spans_all_columns_still_does(tmp_path, table):
    fig = plt.figure(figsize=(7.2, 4))
    grid = fig.add_gridspec(2, 2, height_ratios=[1, 3])
    panels = [fig.add_subplot(grid[0, :]), fig.add_subplot(grid[1, 0]), fig.add_subplot(grid[1, 1])]
    seen = []
    fig.savefig = lambda path, **_: seen.append([fig.get_size_inches()[1], *(
        (ax.get_subplotspec().rowspan.start, len(ax.get_subplotspec().colspan)) for ax in panels)])
    plotting.save_figure(fig, "a", table, directory=tmp_path)
    assert seen[0] == [7, (0, 1), (1, 1), (2, 1)] and seen[1] == [4, (0, 2), (1, 1), (1, 1)]


def test_drawings_take_more_of_a_phone(tmp_path, table):
    fig, (ax,) = plotting.new_figure(height=6)
    machines.draw_machine(ax, np.ones((6, 2)))
    plotting.save_figure(fig, "a", table, directory=tmp_path)
    assert 4.5 < width_of(tmp_path / "a.narrow.svg") < 5.6  # letters of nine points take eight pixels of 352


@pytest.mark.parametrize("name", ["", "Fig 5.1", "../a", "a/b", "a..b", ".a", "a-", "a.svg\n"])
def test_unsuitable_names_are_refused(tmp_path, table, name):
    fig, _ = drawn(table)
    with pytest.raises(ValueError, match="expected a name"):
        plotting.save_figure(fig, name, table, directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_tables_that_a_csv_would_not_hold_are_refused(tmp_path, table):
    fig, _ = drawn(table)
    for wrong, words in ((table.iloc[:0], "empty table"), (table.set_index("field"), "reset_index"),
                         (table.set_axis(["a", "a", "b", "c"], axis=1), "distinct column names")):
        with pytest.raises(ValueError, match=words):
            plotting.save_figure(fig, "a", wrong, directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_comparison_shows_every_point_and_the_known_line(table):
    shuffled = table.iloc[[2, 0, 1]]
    _, ax = drawn(shuffled)
    line, points = ax.lines[0], ax.containers[0]
    np.testing.assert_array_equal(line.get_xydata(), [[0.5, 0.1], [1.0, 1 / 3]])
    np.testing.assert_array_equal(points.lines[0].get_xydata(), table[["field", "mean"]])
    bars = [segment[:, 1] for segment in points.lines[2][0].get_segments()]
    np.testing.assert_allclose(np.diff(bars)[:, 0], 2 * table["error"])
    assert line.get_color() != points.lines[0].get_color()


def test_a_comparison_refuses_missing_columns_and_negative_errors(table):
    _, (ax,) = plotting.new_figure()
    with pytest.raises(ValueError, match="try adding \\['missing'\\]"):
        plotting.draw_comparison(ax, table, x="field", exact="missing", estimate="mean")
    with pytest.raises(ValueError, match="standard errors of at least 0"):
        plotting.draw_comparison(ax, table.assign(error=-0.1), x="field", exact="exact", estimate="mean", error="error")


def test_panels_come_as_a_list():
    fig, axes = plotting.new_figure(3)
    assert len(axes) == 3 and fig.get_facecolor() == (1, 1, 1, 1)
    with pytest.raises(ValueError, match="at least one panel"):
        plotting.new_figure(0)


def test_ticks_stand_at_the_values_and_nowhere_else():
    fig, (ax,) = plotting.new_figure()
    ax.loglog([1, 2000], [1, 2])
    plotting.set_ticks(ax, [3, 1000], "{:,d}")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["3", "1,000"]
    assert list(ax.get_xticks()) == [3, 1000] and list(ax.get_xticks(minor=True)) == []
