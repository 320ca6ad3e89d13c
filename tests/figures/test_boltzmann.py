"""What is drawn in chapter 4, against the tables it comes from."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lib import plotting
from lib.figures import boltzmann as figures


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


def test_a_chain_has_a_row_a_unit_of_each_layer():
    _, table = figures.gibbs_chain([np.array([0, 1]), np.array([1]), np.array([1, 1])])
    assert table.values.tolist() == [[0, "v", 1, 0], [0, "v", 2, 1], [1, "h", 1, 1], [1, "v", 1, 1], [1, "v", 2, 1]]


def test_dashed_lines_fall_at_the_rate_of_the_slowest_mode_and_dotted_ones_are_the_noise():
    curves = pd.DataFrame({"machine": ["weak"] * 3, "sweep": [0, 1, 2], "exact": [0.9, 0.1, 1e-9],
                           "sampled": [0.9, 0.2, 0.05]})
    axes, = figures.convergence(curves, {"weak": 0.5}, {"weak": 0.04}, 2000).axes
    exact, sampled, floor, slowest = axes.lines
    assert list(exact.get_ydata()) == [0.9, 0.1, 1e-9] and sampled.get_label() == "weak weights, 2,000 chains"
    assert list(floor.get_ydata()) == [0.04, 0.04] and floor.get_linestyle() == ":"
    assert list(slowest.get_ydata()) == pytest.approx([0.2, 0.1, 0.05])  # through the last exact value that counts


def test_the_bias_has_its_size_left_and_its_angle_right():
    bias = pd.DataFrame({"machine": ["weak", "weak", "strong"], "k": [1, 2, 1], "relative error": [0.1, 0.01, 0.5],
                         "angle": [5.0, 1.0, 30.0]})
    left, right = figures.divergence_bias(bias).axes
    assert [list(line.get_ydata()) for line in left.lines] == [[0.1, 0.01], [0.5]]
    assert [list(line.get_ydata()) for line in right.lines] == [[5, 1], [30]]
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["weak weights", "strong weights"]
