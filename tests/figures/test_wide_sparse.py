"""What is drawn in chapter 3, against the tables it comes from."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from lib import plotting
from lib.figures import wide_sparse as figures


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


def points(container):
    """Places, values and half lengths of the bars of a series with errors."""
    line, _, (bars,) = container.lines
    return list(line.get_xdata()), list(line.get_ydata()), [np.diff(part[:, 1])[0] / 2 for part in bars.get_segments()]


def ticks(axes):
    return [text.get_text() for text in axes.get_xticklabels()]


def test_weights_that_are_left_are_filled_and_removed_ones_outlined():
    figure, table = figures.water_filling([np.array([2, 1]), np.array([1, 1])])
    full, cut = figure.axes
    filled = [[to_hex(square.get_facecolor(), keep_alpha=True) != "#00000000" for square in axes.patches]
              for axes in (full, cut)]
    assert filled == [[True, True, True], [True, False, True]]
    assert [axes.get_title(loc="left") for axes in (full, cut)] == ["0 removed", "1 removed"]
    assert table.to_dict("list") == {"layer 1": [2, 1], "layer 2": [1, 1]}


def test_layers_have_a_curve_a_width_in_both_panels():
    thinned = pd.DataFrame({"width": [8, 8, 16, 16], "number": [1, 2, 1, 2], "left": [10, 20, 15, 15],
                            "connectivity": [1, 1, 0.5, 0.1]})
    left, right = figures.layers(thinned).axes
    assert [list(line.get_ydata()) for line in left.lines] == [[10, 20], [15, 15]]
    assert [list(line.get_ydata()) for line in right.lines] == [[1, 1], [0.5, 0.1]]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["width 8", "width 16"]


def test_multiply_adds_have_ticks_at_the_factors():
    axes, = figures.multiply_adds(pd.DataFrame({"factor": [1, 4], "sparse": [1, 6], "dense": [1, 16]})).axes
    assert {line.get_label(): list(line.get_ydata()) for line in axes.lines} == {
        "dense, this width": [1, 16], "sparse, equal weights": [1, 6]}
    assert ticks(axes) == ["1", "4"]


def test_the_star_of_a_map_is_at_its_best_cell_and_a_kind_may_be_missing():
    means = pd.Series({("relu", 5, 1.0): 90.0, ("relu", 10, 1.0): 93.0, ("relu", 10, 0.5): 95.0},
                      name="best").rename_axis(["activation", "width", "last_connectivity"])
    relu, other, _ = figures.mnist(means, [5, 10, 20], [1.0, 0.5]).axes
    star, = relu.lines
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (1, 0)
    shown = relu.images[0].get_array()
    assert shown.filled(np.nan)[1].tolist()[:2] == [90, 93] and np.isnan(shown.filled(np.nan)[0, 0])
    assert ticks(relu) == ["1 (5)", "0.5 (10)", "0.25 (20)"] and relu.get_title(loc="left") == "ReLU"
    assert other.texts[0].get_text() == "not run"


def test_dense_networks_on_digits_begin_at_the_narrow_one():
    rows = [(kind, dense, share, width, seed, value + seed / 10 - (kind == "linear") / 10)
            for kind in ("relu", "linear") for dense, share, width, value in (
                (False, 1.0, 4, 0.5), (False, 1.0, 16, 0.6), (False, 0.5, 16, 0.7), (True, 1.0, 16, 0.8))
            for seed in (0, 1)]
    nets = pd.DataFrame(rows, columns=["activation", "dense", "last_connectivity", "width", "seed", "chosen"])
    figure, table = figures.digits(nets)
    sparse, half, dense = map(points, figure.axes[0].containers)
    assert sparse == ([4, 16], pytest.approx([55, 65]), pytest.approx([5, 5]))
    assert half[1] == pytest.approx([75]) and dense[:2] == ([4, 16], pytest.approx([55, 85]))
    assert points(figure.axes[1].containers[2])[1] == pytest.approx([45, 75]) and ticks(figure.axes[0]) == ["4", "16"]
    assert list(table.columns) == ["activation", "kind", "width", "mean", "sem"] and len(table) == 8


def test_labels_are_true_left_and_shuffled_right():
    rows = [("relu", shuffled, width, training - seed, 50 + shuffled + seed) for shuffled in (False, True)
            for width, training in ((8, 90.0), (16, 100.0)) for seed in (0, 2)] + [("linear", True, 16, 40.0, 10.0)] * 2
    figure, table = figures.random_labels(
        pd.DataFrame(rows, columns=["activation", "shuffled_labels", "width", "training", "test"]))
    true, shuffled = figure.axes
    assert points(true.containers[0]) == ([8, 16], [89, 99], pytest.approx([1, 1]))
    assert points(shuffled.containers[1])[1] == [52, 52] and ticks(shuffled) == ["8", "16"]
    assert list(table.columns) == ["activation", "shuffled_labels", "width", "training mean", "training sem",
                                   "test mean", "test sem"] and len(table) == 5
