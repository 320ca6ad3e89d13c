"""Drawings of machines show the numbers they are given."""


import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, FancyArrowPatch

from lib import plotting
from lib.figures import machines


@pytest.fixture(autouse=True)
def fresh_figures():
    with matplotlib.rc_context():
        plotting.use_style()
        yield
    plt.close("all")


def drawn_lines(ax):
    """The lines in the data area; those of the legend do not count."""
    return [line for line in ax.lines if len(line.get_xdata()) == 2]


def test_a_machine_has_one_line_for_each_weight_that_is_not_zero():
    weights = np.array([[1.0, -0.5], [0.0, 2.0], [-2.0, 0.25]])
    _, (ax,) = plotting.new_figure()
    assert machines.draw_machine(ax, weights, [0.1, -0.1, 0.0], [1.0, -1.0]) == 5
    lines = drawn_lines(ax)
    assert len(lines) == 5
    # Drawn from weak to strong: the width grows with the magnitude, colour and dashes tell the sign.
    widths = [line.get_linewidth() for line in lines]
    assert widths == sorted(widths) and widths[0] < widths[-1]
    signs = [1, -1, 1, 1, -1]  # of 0.25, -0.5, 1, and of 2 and -2, which are drawn in the order of the matrix
    assert [to_hex(line.get_color()).upper() for line in lines] == [
        plotting.POSITIVE if sign > 0 else plotting.NEGATIVE for sign in signs]
    assert [line.is_dashed() for line in lines] == [sign < 0 for sign in signs]
    assert len([patch for patch in ax.patches if isinstance(patch, Circle)]) == 5


def test_a_common_scale_compares_two_machines():
    widths = []
    for largest in (1.0, 4.0):
        _, (ax,) = plotting.new_figure()
        machines.draw_machine(ax, [[1.0, 0.5]], largest=largest)
        widths.append([line.get_linewidth() for line in drawn_lines(ax)])
    assert all(narrow < wide for wide, narrow in zip(*widths, strict=True))


@pytest.mark.parametrize("weights", [np.zeros((0, 2)), np.zeros(3), [[np.nan, 1.0]], [[np.inf]]])
def test_what_is_no_weight_matrix_is_refused(weights):
    _, (ax,) = plotting.new_figure()
    for draw in (lambda: machines.draw_machine(ax, weights), lambda: machines.weights_table(weights)):
        with pytest.raises(ValueError, match="expected finite weights"):
            draw()


def test_biases_and_scale_are_checked():
    _, (ax,) = plotting.new_figure()
    with pytest.raises(ValueError, match="expected visible_bias as 2 finite numbers"):
        machines.draw_machine(ax, np.ones((2, 3)), np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="expected a positive magnitude"):
        machines.draw_machine(ax, np.ones((2, 3)), largest=0.0)


def test_a_machine_without_weights_has_no_lines():
    _, (ax,) = plotting.new_figure()
    assert machines.draw_machine(ax, np.zeros((2, 2))) == 0
    assert drawn_lines(ax) == []


def test_the_table_of_weights_names_each_unit():
    table = machines.weights_table(np.arange(6.0).reshape(2, 3))
    assert list(table.columns) == ["visible", "hidden", "weight"]
    assert all(row.weight == 3 * row.visible + row.hidden for row in table.itertuples())


def test_a_chain_shows_its_bits():
    states = [[0, 1, 1], [1, 0], [1, 1, 0]]
    _, (ax,) = plotting.new_figure()
    machines.draw_gibbs_chain(ax, states)
    circles = [patch for patch in ax.patches if isinstance(patch, Circle)]
    filled = [to_hex(circle.get_facecolor()) != "#ffffff" for circle in circles]
    assert filled == [bool(bit) for state in states for bit in state]
    assert sum(isinstance(patch, FancyArrowPatch) for patch in ax.patches) == len(states)


@pytest.mark.parametrize("states", [[[0, 1]], [[0, 1], [1], [0]], [[0, 2], [1]], [[[0, 1]], [1]]])
def test_what_is_no_chain_is_refused(states):
    _, (ax,) = plotting.new_figure()
    with pytest.raises(ValueError, match="expected"):
        machines.draw_gibbs_chain(ax, states)
