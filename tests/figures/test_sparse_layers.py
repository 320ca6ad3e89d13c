"""What is drawn in chapter 3.6, against the tables it comes from."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from lib import plotting
from lib.figures import sparse_layers as figures

SPEEDS = pd.DataFrame({
    "name": ["3x3, 64 to 64 channels, 16x16"] * 2 + ["3x3, 8 to 8 channels, 4x4", "3x3, stride 2, 64 to 64", "1x1, 64"],
    "kernel": [3, 3, 3, 3, 1], "stride": [1, 1, 1, 2, 1], "n_in": [64, 64, 8, 64, 64], "out_size": [16, 16, 4, 16, 16],
    "densities": [0.1, 0.5, 0.1, 0.2, 0.3], "layout": [8.0, 2, 9, 7, 6], "torch": [4.0, 1, 5, 3, 2],
    "gflops": [10.0, 20, 30, 40, 50], "gbytes": [5.0, 4, 3, 2, 1]})


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


def test_speeds_of_some_large_layers_of_stride_one_are_shown():
    left, right = figures.speed(SPEEDS).axes
    assert len(left.lines) == len(right.lines) == 2 and left.lines[0].get_label() == "64 to 64 channels, 16x16"
    assert list(left.lines[0].get_ydata()) == [8, 2] and list(right.lines[0].get_ydata()) == [4, 1]
    assert list(left.lines[1].get_ydata()) == [1, 1]  # where native begins to pay


def test_limits_have_all_layers_by_kind_and_the_peak_of_the_machine():
    left, right = figures.limits(SPEEDS, {"gflops_cache": 60.0, "gbytes": 6.0}).axes
    assert [list(line.get_ydata()) for line in left.lines] == [[10, 20, 30], [40], [50], [60, 60]]
    assert [list(line.get_ydata()) for line in right.lines] == [[5, 4, 3], [2], [1], [6, 6]]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["triad in memory"]
    assert len(left.get_legend().get_texts()) == 4


def test_goals_have_a_table_a_machine_with_shares_in_percent():
    table = pd.DataFrame({"machine": ["b", "a", "b"], "name": ["x", "y", "z"], "ratio": [2.0, 3.0, 4.0], "threads": 1,
                          "gflops": [10.0, None, 30.0], "of peak, gflops": [0.5, None, 0.25], "gbytes": None,
                          "of peak, gbytes": None, "missed by": [0.0, 0.125, 0.0]})
    first, second = figures.goals(table)
    assert first.caption == "b" and list(first.data.columns) == [
        "name", "ratio", "Gop/s", "of the peak", "GB/s", "of a triad", "missed by"]
    html = first.to_html()
    assert html.count(">50%<") == 1 and html.count(">2.00<") == 1 and ">–<" in html and 'class="dataframe"' in html
    assert "12%" in second.to_html()
