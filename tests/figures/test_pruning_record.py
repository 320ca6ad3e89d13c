"""What is drawn and listed of many pruned machines, against the runs it comes from."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lib import plotting
from lib.figures import pruning_record as figures
from lib.figures import tables
from lib.rbm import pruning_graphs, pruning_growth
from lib.study.claims import plus_minus
from tests.pruned_runs import run

NAN = float("nan")


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


def edges(band):
    table = pd.DataFrame(band.get_paths()[0].vertices, columns=["x", "y"]).groupby("x").y
    return table.min(), table.max()


def test_sensitivity_draws_means_over_runs_absolute_and_in_bands():
    gains = pruning_growth.gains([run(1), run(2, factor=3, **{"pruning kl": [0.01] + [0.001] * 5})])
    figure, table = figures.sensitivity(gains)
    left, right = figure.axes
    pd.testing.assert_frame_equal(table, gains)
    named = {line.get_label(): line for line in left.lines}
    assert list(named["mROE"].get_xdata()) == pytest.approx([50, 200 / 3, 250 / 3])
    assert list(named["mROE"].get_ydata()) == pytest.approx([0.19, 0.39, 0.59])
    kl = named["KL from the exact state"].get_ydata()  # (0.09 - 0.009) / 2, ...: falls in one of the two
    assert list(kl) == pytest.approx([0.0405, 0.0905, 0.1405])
    half = 5.8409 * 0.001 * np.sqrt(4 / 3 * 1.25)
    assert list(right.lines[3].get_ydata()) == pytest.approx(np.array([0.19, 0.39, 0.59]) / half, rel=1e-4)
    assert set(right.lines[-1].get_ydata()) == {1}
    fallen = figures.sensitivity(pruning_growth.gains([run(**{"pruning kl": [0.01] + [0.001] * 5})]))[0]
    assert np.isnan(fallen.axes[0].lines[0].get_ydata()).all()  # no logarithm of what has fallen


def test_graphs_are_drawn_in_percent_with_a_cross_at_the_cut_off():
    graphs = pruning_graphs.graphs({6: [run(5, left=(18, 9, 6))], 8: []}, 2, seed=1)
    ends = pd.DataFrame({"n": [6], "seed": [5], "cut off": [50.0]})
    figure, table = figures.graph(graphs, ends)
    pd.testing.assert_frame_equal(table, graphs)
    one, two = figure.axes
    machine, cross, random, least = one.lines
    assert list(machine.get_xdata()) == pytest.approx([100, 50, 100 / 3])
    assert list(machine.get_ydata()) == pytest.approx([100, 100, 500 / 6])
    assert list(cross.get_xdata()) == [50] and list(cross.get_ydata()) == [100] and cross.get_marker() == "x"
    assert random.get_xdata()[0] == 100 and len(random.get_xdata()) == (table[table.n == 6].seed == "random").sum()
    assert least.get_xdata()[0] == pytest.approx(100 * 8 / 18)
    assert two.get_title(loc="left") == "N = 8 (not run)" and len(two.lines) == 2


def test_fine_tuning_draws_geometric_means_and_a_range_from_three_runs_on():
    many = [run(seed, factor=factor) for seed, factor in ((1, 1), (2, 2), (3, 4))]
    figure, table = figures.fine_tuning({(1.0, 1): many, (1.0, 10): [], (2.0, 1): many[:2], (2.0, 10): [run(9)]})
    kl, other, order, _ = figure.axes
    line, = kl.lines
    assert line.get_label() == "1 (3 runs)"
    assert list(line.get_xdata()) == pytest.approx([0, 50, 200 / 3] + [250 / 3] * 3)
    assert list(line.get_ydata()) == pytest.approx([0.01, 0.2, 0.4, 0.6, 0.8, 1.0])
    low, high = edges(kl.collections[0])
    values = [0.1, 0.2, 0.4]
    assert low.loc[50] == pytest.approx(np.quantile(values, 0.16)) and high.loc[50] == pytest.approx(
        np.quantile(values, 0.84))
    assert [line.get_label() for line in other.lines] == ["1 (2 runs)", "10 (1 runs)"] and not other.collections
    assert list(order.lines[0].get_ydata()) == pytest.approx([0.01, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert other.lines[1].get_color() == plotting.COLORS[1] and len(table) == 6 * 6
    assert list(table[table.length == 10].kl) == run(9)["pruning kl"]


def test_criteria_are_drawn_by_rule_and_missing_ones_said():
    left = (20, 10, 8, 4)
    found = {(1.0, "magnitude"): [run(1, left=left), run(2, left=left, factor=4)], (1.0, "random"): [],
             (2.0, "magnitude"): [], (2.0, "random"): [run(3, left=left)]}
    figure, table = figures.criteria(found)
    one, two = figure.axes
    assert [line.get_label() for line in one.lines] == ["magnitude", "random (not run)"]
    assert list(one.lines[0].get_xdata()) == pytest.approx([0, 50, 60, 80])
    assert list(one.lines[0].get_ydata()) == pytest.approx([0.01, 0.2, 0.4, 0.6])
    assert list(two.lines[1].get_ydata()) == pytest.approx([0.01, 0.1, 0.2, 0.3])
    assert two.lines[1].get_linestyle() == "--" and set(table.rule) == {"magnitude", "random"}
    assert list(table[table.seed == 2].kl) == pytest.approx([0.01, 0.4, 0.8, 1.2])


def small(seed, anew, field=1.0):
    """A run whose machine after steps 1 and 3 was trained again on its mask, with these divergences."""
    missing = {f"{kind} {what}": [None, None] for kind in figures.RETRAINED for what in ("kl", "weights left")}
    return run(seed, field=field, **missing | {"retrained after": [1, 3], "same mask kl": anew,
                                               "same mask weights left": [9, 3]})


def test_machines_trained_anew_are_compared_with_the_pruned_ones_of_their_size():
    runs = [small(1, [0.2, 0.3]), small(2, [0.05, None]), run(3)]
    table = figures.small_machines({1.0: runs, 2.0: []})
    assert len(table) == 2 * 2 * 5 and list(table[(table.kind == "pruned") & (table.step == 3)].weights) == [3, 3]
    ratios = figures.over_pruned(table, "same mask")
    assert list(ratios.xs(1, level="step")) == pytest.approx([np.log(2), np.log(0.5)])
    assert list(ratios.xs(3, level="step").fillna(9)) == pytest.approx([0, 9])
    assert figures.over_pruned(table, "local mask").empty
    mean, error = figures.factor_over_pruned(table, "same mask", 1.0, 1)
    assert mean == pytest.approx(1) and error == pytest.approx(np.log(2))  # two logarithms, log 2 to either side
    assert figures.factor_over_pruned(table, "same mask", 1.0, 3) == (None, None)  # one of them diverged
    assert figures.factor_over_pruned(table, "same mask", 2.0, 1) == (None, None)
    figure, drawn = figures.retrained(table, [1.0, 2.0])
    one, two = figure.axes
    pd.testing.assert_frame_equal(drawn, table)
    labels = [line.get_label() for line in one.lines if not line.get_label().startswith("_")]
    assert labels == ["pruned", "same mask", "local mask (not run)", "random mask (not run)", "fewer units (not run)"]
    means = {line.get_label(): line for line in one.lines}
    assert list(means["same mask"].get_xdata()) == [3, 9]
    assert list(means["same mask"].get_ydata()) == pytest.approx([0.3, 0.1])  # geometric
    assert list(means["pruned"].get_ydata()) == pytest.approx([0.3, 0.1])
    assert len(two.lines) == 5 and all("not run" in line.get_label() for line in two.lines)


def test_without_machines_trained_anew_the_table_is_one_empty_row():
    table = figures.small_machines({1.0: [run(1)]})
    assert len(table) == 1 and table.kl.isna().all() and figures.over_pruned(table, "same mask").empty


def test_spreads_are_means_and_deviations_in_the_order_of_their_cells():
    table = tables.spreads({("b", "y"): [1, 3], ("b", "x"): [2], ("a", "y"): [], ("a", "x"): [10, 20, 30]}, plus_minus)
    assert list(table.index) == ["b", "a"] and list(table.columns) == ["y", "x"]
    assert tables.rounded(0.996, 0.004, ".2f") == "1.00 ± 0.00"
    assert table.loc["b"].tolist() == ["2 ± 1", "not run"] and table.loc["a"].tolist() == ["not run", "20 ± 10"]
