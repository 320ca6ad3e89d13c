"""What is drawn of families of networks, against the tables they come from."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lib import plotting
from lib.figures import widened_resnets as figures
from tests.resnet_tables import network, record


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


@pytest.fixture
def done():
    return record()


def series(axes):
    """By label the points and half bars of each curve."""
    return {container.get_label(): (list(container.lines[0].get_xdata()), list(container.lines[0].get_ydata()), [
        np.diff(part[:, 1])[0] / 2 for part in container.lines[2][0].get_segments() if len(part)])
        for container in axes.containers}


def chosen(done):
    return done.drop(columns="learning_rate")


def test_single_seeds_have_rings_and_empty_curves_say_so():
    figure, (axes,) = plotting.new_figure()
    rows = pd.DataFrame({"mean": [1.0, 2.0], "sem": [0.1, np.nan], "count": [3, 1]}, index=[1, 2])
    figures.draw(axes, rows, "some", "o-", "black")
    figures.draw(axes, rows.iloc[:0], "none", "s-", "black")
    ring = next(line for line in axes.lines if line.get_markersize() == 11)
    assert list(ring.get_xdata()) == [2] and list(ring.get_ydata()) == [2]
    assert axes.lines[-1].get_label() == "none (not run)" and axes.get_xscale() == "log"


def test_families_stand_at_their_widths(done):
    figure, table = figures.by_width(done, done, chosen(done), 0.1)
    left, right = map(series, figure.axes)
    assert left["8: sparse"][0] == [8, 16, 32, 64] and left["8: sparse"][1] == [70, 73, 74, 72]
    assert left["8: sparse"][2] == pytest.approx([1 / np.sqrt(3)] * 4)
    assert left["8: dense"][:2] == ([8, 16, 32], [70, 74, 78]) and right["8: dense"][1] == [69, 73, 77]
    assert figure.axes[0].get_title(loc="left") == "one learning rate, 0.1"
    assert list(table.columns) == figures.COLUMNS and len(table) == 18


def test_each_rate_has_its_curve(done):
    both = pd.concat([done, done.assign(learning_rate=0.4, final=done.final + 5)])
    figure, table = figures.by_rate(both, (0.1, 0.4))
    found = series(figure.axes[0])
    assert found["learning rate 0.1"][1] == [69, 72, 73, 71] and found["learning rate 0.4"][1] == [74, 77, 78, 76]
    assert series(figure.axes[1])["learning rate 0.1"][1] == [80, 83, 84, 82]
    assert set(table.way) == {"sparse"} and len(table) == 24


def test_shares_stand_beside_each_other_and_training_accuracy_has_its_turn(done):
    figure, table = figures.shares(done, done, chosen(done))
    axes, trained = figure.axes
    one, other = series(axes)["8, one rate"], series(axes)["8, chosen rate"]
    assert one[1] == pytest.approx([0.75, 0.5]) and one[0] == pytest.approx([2 / 1.04, 4 / 1.04])
    assert other[0] == pytest.approx([2, 4]) and one[2] == pytest.approx(table.error.iloc[:2])
    turn = next(line for line in trained.lines if line.get_linestyle() == "--")
    assert turn.get_xdata()[0] == pytest.approx(4 / 1.02)
    assert list(table.protocol.unique()) == ["one rate", "chosen rate"] and len(table) == 4
    empty, nothing = figures.shares(done, done.iloc[:0], chosen(done).iloc[:0])
    assert empty.axes[0].texts[0].get_text() == "not run yet" and nothing.share.isna().all()


def test_costs_are_in_millions_with_the_widths_of_the_sparse_line(done):
    figure, table = figures.by_cost(done, done)
    found = series(figure.axes[0])
    assert found["base width 8, sparse"][0] == [1, 2, 4, 8] and found["base width 8, dense"][0] == [1, 4, 16]
    assert [text.get_text() for text in figure.axes[0].texts] == ["8", "16", "32", "64"]
    assert len(table) == 18


def test_bottlenecks_are_drawn_with_the_plain_network(done):
    more = pd.concat([done, pd.DataFrame([network("linear bottleneck", 1, 65), network("linear bottleneck", 2, 69),
                                          network("nonlinear bottleneck", 2, 71)])])
    figure, table = figures.bottlenecks(more, chosen(done), (0.1,))
    linear, nonlinear = map(series, figure.axes)
    assert linear["learning rate 0.1"][:2] == ([8, 16], [64, 68])
    assert nonlinear["learning rate 0.1"][:2] == ([8, 16], [69, 70])
    plain = next(line for line in figure.axes[0].lines if line.get_label() == "plain network, chosen rate")
    assert set(plain.get_ydata()) == {69}
    assert figure.axes[1].get_title(loc="left") == "Non-linear bottleneck" and len(table) == 6


def test_connectivities_are_those_of_the_networks(done):
    figure, table = figures.by_connectivity(done, [8])
    found = series(figure.axes[0])
    assert found["base 8: 64,000 weights"][0] == [1, 1 / 4, 1 / 16, 1 / 64]
    assert series(figure.axes[1])["base 8: 64,000 weights"][1] == [81, 84, 85, 83] and set(table.way) == {"sparse"}


def test_masks_of_kernels_stand_beside_those_of_weights(done):
    more = pd.concat([done, pd.DataFrame([network("sparse channels", 2, 76), network("sparse channels", 4, 77)])])
    figure, table = figures.dimensions(more)
    found = series(figure.axes[0])
    assert found["inputs and outputs only"][:2] == ([8, 16, 32], [70, 76, 77])
    assert found["all dimensions"][1] == [70, 73, 74, 72] and len(table) == 14


def test_two_trainings_have_their_budgets(done):
    longer = pd.DataFrame([network(factor=factor, best=90 + factor, size=32, epochs=30) for factor in (1, 2)])
    figure, table = figures.two_trainings(longer, pd.concat([done, pd.DataFrame([network(base=12)])]))
    found = series(figure.axes[0])
    assert found["sparse, 30 epochs at 32 x 32"][:2] == ([8, 16], [91, 92])
    assert found["sparse, 6 epochs at 16 x 16"][1] == [70, 73, 74, 72]
    assert found["dense, 6 epochs at 16 x 16"][1] == [70, 74, 78] and len(table) == 20
    assert "dense, 30 epochs at 32 x 32 (not run)" in [line.get_label() for line in figure.axes[0].lines]
