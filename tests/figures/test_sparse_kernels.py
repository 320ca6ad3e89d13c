"""What is drawn in chapter 3.5, against the tables it comes from."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lib import plotting
from lib.figures import sparse_kernels as figures


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


def points(container):
    """Places, values and half bars of a series with errors."""
    line, _, (bars,) = container.lines
    return list(line.get_xdata()), list(line.get_ydata()), [np.diff(part[:, 1])[0] / 2 for part in bars.get_segments()]


def named(axes):
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines}


def test_single_masks_have_their_mean_and_the_printed_place():
    scan = pd.DataFrame({"connectivity": [0.01, 0.1], "monte_carlo": [1.01, 1.0], "error": [0.02, 0.01],
                         "closed_form": [1.0, 1.0], "printed": [1.5, 1.2]})
    figure, table = figures.one_mask(np.array([0.5, 1.0, 1.5, 1.5]), 1.34, scan)
    left, right = figure.axes
    mean, printed = left.lines
    assert set(mean.get_xdata()) == {1.125} and set(printed.get_xdata()) == {1.34}
    assert sum(patch.get_height() * patch.get_width() for patch in left.patches) == pytest.approx(1)
    assert points(right.containers[0])[1:] == ([1.01, 1.0], pytest.approx([0.02, 0.01]))
    assert named(right)["printed (3.25)"] == [1.5, 1.2] and table is scan


def test_the_bias_is_drawn_where_it_is_above_its_error():
    fixed = pd.DataFrame({"width": [16, 32], "exact": [0.3, 0.2], "error": [0.01, 0.02], "exact_bias": [1e-3, 1e-5],
                          "bias_error": [1e-4, 1e-4], "exact_variance": [0.29, 0.19], "closed_bias": [2e-3, 1e-3],
                          "closed": [0.31, 0.21], "printed_bias": [0.1, 0.2], "printed_variance": [0.3, 0.1]})
    figure, table = figures.bias(fixed)
    left, right = figure.axes
    assert points(left.containers[0]) == ([16], [1e-3], pytest.approx([1e-4]))
    assert named(right)["printed (3.29)"] == pytest.approx([0.4, 0.3]) and named(right)["its variance"] == [0.29, 0.19]
    assert points(right.containers[0])[1] == [0.3, 0.2] and table is fixed
    assert named(left)["second order"] == [2e-3, 1e-3]


def test_three_inputs_have_both_ways_to_count():
    rows = [{"data": data, "normalization": how, "last_layer": last, "width": n, "exact": n / 100 + last,
             "measured": n / 100 + last + 1, "measured_error": 0.1, "second_order": 0.5, "printed": 0.7}
            for data, how in (("gaussian", "global"), ("digits", "global"), ("digits", "pixel")) for last in (10, 0)
            for n in (8, 16)]
    figure, table = figures.three_inputs(pd.DataFrame(rows))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["normal inputs", "digits, one scale", "digits, by pixel"]
    first = figure.axes[0]
    assert named(first)["exact, dense last layer"] == [10.08, 10.16] and named(first)["exact, np = 8"] == [0.08, 0.16]
    assert [points(container)[1] for container in first.containers] == [[11.08, 11.16], [1.08, 1.16]]
    assert len(figure.legends[0].get_texts()) == 4 and len(table) == 12


def test_mnist_has_accuracies_above_distances():
    place = ["normalization", "dense", "width"]
    curves = pd.DataFrame([(how, dense, n, 80 + n / 10, 0.1, 3) for how, dense in (
        ("minibatch", False), ("minibatch", True), ("global", False)) for n in (8, 16)],
        columns=[*place, "mean", "sem", "size"]).set_index(place).sort_index()
    tuned = {"global": pd.DataFrame({8: [84.0, 86.0], 16: [88.0, 88.0]})}
    theory = pd.DataFrame([(how, start, n, left, 0.01 * n + 0.1 * left, 0.001, 0.02, 0.03, 0.04) for how, start in (
        ("minibatch", "normal"), ("minibatch", "uniform"), ("global", "normal")) for n, left in (
        (16, True), (8, True), (16, False))],
        columns=["normalization", "distribution", "width", "left", "measured", "measured_error", "exact",
                 "second_order", "printed"])
    figure, table = figures.mnist(curves, tuned, theory, {"minibatch": 12.0})
    top, other, bottom, last = figure.axes
    sparse, dense = top.containers
    assert sparse.get_label() == "sparse" and dense.get_label() == "dense" and points(sparse)[1] == [80.8, 81.6]
    best = other.containers[1]
    assert best.get_label() == "sparse, best of 4 rates" and points(best) == ([8, 16], [85, 88], pytest.approx([1, 0]))
    assert points(bottom.containers[0])[:2] == ([8, 16], pytest.approx([0.18, 0.26]))  # normal weights, left
    fixed = next(line for line in bottom.lines if line.get_label() == "exact, np = 8")
    assert list(fixed.get_xdata()) == [8, 16]
    assert [line.get_xdata()[0] for line in top.lines if line.get_color() == plotting.GREY] == [12]
    assert not [line for line in last.lines if line.get_color() == plotting.GREY]
    assert table.quantity.value_counts().to_dict() == {"accuracy": 6, "distance": 9}
