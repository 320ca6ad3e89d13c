"""What is drawn in chapter 5, against the tables it comes from."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lib import plotting
from lib.figures import reconstruction as figures


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


def heights(line):
    return list(line.get_ydata())


def points(container):
    """Values and half lengths of the bars of a series with errors."""
    line, _, (bars,) = container.lines
    return heights(line), [np.diff(part[:, 1])[0] / 2 for part in bars.get_segments()]


def test_training_has_a_colour_a_machine_and_the_floor():
    curves = pd.DataFrame({"machine": [1, 1, 2, 2], "epoch": [0, 5, 0, 5], "fidelity": [0.1, 0.8, 0.2, 0.9],
                           "KL(exact)": [2, 0.1, 3, 0.2], "KL(data)": [2.1, 0.3, 3.1, 0.4]})
    left, right = figures.training(curves, 0.05).axes
    assert [heights(line) for line in left.lines] == [[0.1, 0.8], [0.2, 0.9]]
    assert [heights(line) for line in right.lines] == [[2, 0.1], [2.1, 0.3], [3, 0.2], [3.1, 0.4], [0.05, 0.05]]
    assert right.lines[1].get_linestyle() == "--" and right.lines[2].get_color() == left.lines[1].get_color()
    assert left.get_ylim()[0] == pytest.approx(0.95 * 0.8)  # the lowest at the end


def test_magnetization_has_markers_with_errors_beside_exact_lines():
    measured = pd.DataFrame({"field": [0.5, 1.0], "abs m": [0.9, 0.5], "abs m error": [0.1, 0.2], "z": [0.0, 0.1],
                             "z error": [0.3, 0.4], "x": [0.2, 0.6], "x error": [0.01, 0.02]})
    left, right = figures.magnetization(measured, pd.DataFrame({"field": [0, 1, 2], "abs m": [1, 0.5, 0.3],
                                                                "x": [0, 0.6, 0.9]})).axes
    assert heights(left.lines[0]) == [1, 0.5, 0.3] and heights(right.lines[0]) == [0, 0.6, 0.9]
    assert points(left.containers[0]) == ([0.9, 0.5], pytest.approx([0.1, 0.2]))
    assert points(left.containers[1]) == ([0, 0.1], pytest.approx([0.3, 0.4]))
    assert points(right.containers[0]) == ([0.2, 0.6], pytest.approx([0.01, 0.02]))


def test_the_histogram_has_the_fields_that_are_asked_for():
    table = pd.DataFrame({"field": [0.2, 0.2, 1.0, 1.0], "m": [-1, 1, -1, 1], "probability": [0.5, 0.5, 0.1, 0.9]})
    line, = figures.histogram(table, [1.0]).axes[0].lines
    assert heights(line) == [0.1, 0.9] and line.get_label() == "h/J = 1"


def test_many_machines_have_medians_from_worst_to_best_and_mean_errors():
    done = pd.DataFrame({"n_spins": [4] * 3 + [30] * 2, "field": [0.5] * 3 + [0.5] * 2,
                         "fidelity": [0.5, 0.9, 1.0, np.nan, np.nan], "x": [0.3, 0.5, 0.4, 0.4, 0.6],
                         "x exact": [0.2] * 3 + [0.1] * 2})
    left, right = figures.many_machines(done).axes
    assert len(left.containers) == 1 and len(right.containers) == 2
    segment = left.containers[0].lines[2][0].get_segments()[0]
    assert heights(left.containers[0].lines[0]) == [0.9] and list(segment[:, 1]) == pytest.approx([0.5, 1.0])
    assert points(right.containers[0]) == (pytest.approx([0.2]), pytest.approx([0.1 / np.sqrt(3)]))
    assert points(right.containers[1])[0] == pytest.approx([0.4])
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["N = 4", "N = 30"]


def test_zero_sweeps_are_the_exact_gradient():
    flow = pd.DataFrame({"k": [1, 1, 0, 0], "step": [0, 1, 0, 1], "m": [0.1, 0.9, 0.1, 0.0]})
    exact, one, _ = figures.two_valleys(flow).axes[0].lines
    assert (exact.get_label(), heights(exact)) == ("exact gradient", [0.1, 0])
    assert (one.get_label(), heights(one)) == ("CD-1", [0.1, 0.9])


def test_cures_have_a_style_a_way_and_one_label():
    table = pd.DataFrame({"way": ["b"] * 4 + ["a"] * 2, "seed": [0, 0, 1, 1, 0, 0], "epoch": [0, 2] * 3,
                          "fidelity": [0.1, 0.5, 0.2, 0.6, 0.3, 1.0]})
    axes, = figures.cures(table).axes
    assert [heights(line) for line in axes.lines[:3]] == [[0.1, 0.5], [0.2, 0.6], [0.3, 1.0]]
    assert axes.lines[0].get_linestyle() == axes.lines[1].get_linestyle() != axes.lines[2].get_linestyle()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["b", "a"]


def test_entropies_stand_beside_their_difference_from_exact():
    table = pd.DataFrame({"size": [1, 2], "S2": [0.5, 0.4], "S2 error": [0.1, 0.2], "S2 machine": [0.45, 0.35],
                          "S2 exact": [0.4, 0.3]})
    left, right = figures.renyi(table).axes
    assert points(left.containers[0]) == ([0.5, 0.4], pytest.approx([0.1, 0.2]))
    assert points(right.containers[0]) == (pytest.approx([0.1, 0.1]), pytest.approx([0.1, 0.2]))
    crosses = next(line for line in right.lines if line.get_marker() == "x")
    assert heights(crosses) == pytest.approx([0.05, 0.05]) and heights(left.lines[0]) == [0.4, 0.3]
