"""What is drawn in chapter 5.4, against the tables it comes from."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from lib import plotting
from lib.figures import complex_states as figures


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_rotations_have_a_box_where_a_spin_is_turned_and_bars_below():
    turned = pd.DataFrame({"basis": ["ZZ"] * 4 + ["XZ"] * 4, "outcome": ["00", "01", "10", "11"] * 2,
                           "published state": np.arange(8) / 10, "twin": np.arange(8) / 20,
                           "measured": np.arange(8) / 9, "error": 0.05})
    above, other, below, last = figures.rotations(turned).axes
    assert texts(above).count("$z$") == texts(other).count("$z$") == 2
    assert texts(above).count("$H$") == 0 and texts(other).count("$H$") == 1
    turned_box = next(text for text in other.texts if text.get_text() == "$H$")
    assert turned_box.get_position() == (2.05, 1)  # the upper line, of the first qubit
    state, twin, measured = below.containers
    assert [bar.get_height() for bar in state] == [0, 0.1, 0.2, 0.3]
    assert [bar.get_height() for bar in last.containers[1]] == [0.2, 0.25, 0.3, 0.35]
    assert list(measured.lines[0].get_ydata()) == pytest.approx([0, 1 / 9, 2 / 9, 3 / 9])
    assert measured.lines[2][0].get_segments()[0][:, 1] == pytest.approx([-0.05, 0.05])
    assert "sigma^x" in last.get_xlabel() and "sigma^x" not in below.get_xlabel()


def test_training_has_a_thin_line_a_machine_and_a_thick_mean():
    curves = pd.DataFrame({"machine": [1, 1, 2, 2], "epoch": [0, 1, 0, 1], "fidelity": [0.1, 0.8, 0.3, 1.0],
                           "KL(mean)": [1, 0.1, 2, 0.3], "KL(sum)": [4, 0.4, 8, 1.2]})
    left, right = figures.training(curves).axes
    assert [list(line.get_ydata()) for line in left.lines] == [[0.1, 0.8], [0.3, 1], pytest.approx([0.2, 0.9])]
    assert left.lines[2].get_linewidth() > left.lines[0].get_linewidth()
    assert list(right.lines[2].get_ydata()) == pytest.approx([1.5, 0.2]) and right.get_yscale() == "log"
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["mean over bases", "sum over bases"]


def test_starts_are_all_left_and_the_chosen_right():
    small = pd.DataFrame({"kind": ["GHZ", "GHZ", "W"], "qubits": [3, 3, 4], "excess": [0.0, 0.5, 0.0],
                          "fidelity": [0.9, 0.2, 0.8], "chosen": [True, False, True]})
    left, right = figures.starts(small).axes
    assert list(left.lines[0].get_xdata()) == [1e-4, 0.5] and list(left.lines[0].get_ydata()) == [0.9, 0.2]
    assert [list(line.get_ydata()) for line in right.lines] == [[0.9], [0.8]] and list(right.get_xticks()) == [3, 4]


def test_the_chosen_start_of_a_chain_is_a_full_point():
    chain = pd.DataFrame({"shots": [10, 10, 100], "fidelity": [0.5, 0.7, 0.9], "energy error": [0.2, 0.1, 0.01],
                          "chosen": [0, 1, 1]})
    left, right = figures.shots(chain).axes
    every, chosen = left.lines
    assert list(every.get_ydata()) == pytest.approx([0.5, 0.3, 0.1]) and list(chosen.get_xdata()) == [10, 100]
    assert to_hex(chosen.get_markerfacecolor(), False) != to_hex(every.get_markerfacecolor(), False) == "#ffffff"
    assert list(right.lines[1].get_ydata()) == [0.1, 0.01]


def test_signs_have_a_marker_a_seed_and_a_line_where_amplitudes_are_equal():
    table = pd.DataFrame({"seed": [1, 1, 2], "exact": [0.5, -0.2, 0.5], "machine": [0.4, 0.0, 0.6]})
    one, two, equal, *_ = figures.signs(table).axes[0].lines
    assert list(one.get_xdata()) == [0.5, -0.2] and list(two.get_ydata()) == [0.6]
    assert one.get_marker() != two.get_marker() and one.get_color() != two.get_color()
    assert list(equal.get_xdata()) == list(equal.get_ydata()) == [-0.5, 0.5]


def test_mixed_states_have_points_of_machines_and_exact_lines():
    learnt = pd.DataFrame({"qubits": [2, 2, 3], "fidelity": [0.99, 0.98, 0.8], "purity": [0.8, 0.7, 0.6],
                           "purity exact": [0.75, 0.75, 0.65], "entropy": [0.3, 0.4, 0.5],
                           "entropy exact": [0.35, 0.35, 0.45]})
    left, right = figures.mixed(learnt).axes
    assert list(left.lines[0].get_ydata()) == [0.99, 0.98, 0.8] and left.get_ylim()[0] == 0.8
    assert [list(line.get_ydata()) for line in right.lines] == [[0.75, 0.65], [0.8, 0.7, 0.6], [0.35, 0.45],
                                                                [0.3, 0.4, 0.5]]
    assert list(left.get_xticks()) == [2, 3] and left.lines[0].get_linestyle() == "None"


def test_methods_have_root_mean_squares_of_averages_and_means_of_mixed_states():
    table = pd.DataFrame({"shots": [10, 10, 100, 10, 10], "kind": ["local"] * 3 + ["mixed state"] * 2,
                          "method": ["machine"] * 3 + ["one machine"] * 2, "error": [3.0, 4.0, 1.0, 0.1, 0.3]})
    left, right = figures.compared(table, {"local": "of averages", "mixed state": "of states"}).axes
    assert list(left.lines[0].get_ydata()) == pytest.approx([np.sqrt(12.5), 1])
    assert list(right.lines[0].get_ydata()) == pytest.approx([0.2]) and list(right.lines[1].get_ydata()) == [0.1, 0.3]
    assert [axes.get_ylabel() for axes in (left, right)] == ["of averages", "of states"]
    assert [text.get_text() for text in left.get_xticklabels()] == ["10", "100"]
    assert right.get_ylim()[0] == pytest.approx(0.04)
