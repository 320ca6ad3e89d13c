"""What is drawn of pruned machines: lines, bands, ticks and labels against the runs they are drawn from."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from lib import plotting
from lib.figures import pruning as figures
from lib.rbm.machine import Machine
from lib.rbm.pruning_correlations import decays, exact_correlation
from lib.rbm.recorded_runs import curve
from tests.pruned_runs import run


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


def bounds(band):
    """The lowest and highest value of each x of a filled band."""
    table = pd.DataFrame(band.get_paths()[0].vertices, columns=["x", "y"]).groupby("x").y
    return table.min(), table.max()


def test_a_machine_stands_above_what_is_left_of_it():
    machine = Machine.random(3, 2, seed=1, scale=1.0)
    kept = machine.weights.numpy().copy()
    kept[0, 0] = kept[2, 1] = 0
    after = Machine(torch.from_numpy(kept), machine.visible_bias, machine.hidden_bias)
    figure, table = figures.before_and_after(machine, after)
    top, bottom = figure.axes
    assert [axes.get_title(loc="left") for axes in (top, bottom)] == ["before pruning: 6 weights",
                                                                        "after pruning: 4 weights"]
    np.testing.assert_array_equal(table.weight, machine.weights.numpy().ravel())
    np.testing.assert_array_equal(table.pruned, kept.ravel())
    widest = [max(line.get_linewidth() for line in axes.lines) for axes in (top, bottom)]
    assert widest[0] == pytest.approx(4.0) and len(bottom.lines) == 4 and top.get_legend() is None
    small = Machine(after.weights / 2, after.visible_bias, after.hidden_bias)
    _, below = figures.before_and_after(machine, small)[0].axes
    assert max(line.get_linewidth() for line in below.lines) < 2.4  # one scale for both


def test_measures_stand_at_training_control_and_steps_and_have_bands():
    runs = {1.0: run(1), 2.0: run(1, field=2.0, factor=2)}
    many = [run(seed, factor=factor) for seed, factor in ((2, 0.5), (3, 3))]
    figure, table = figures.measures(runs, {1.0: many, 2.0: []})
    panels = np.array([axes for axes in figure.axes if axes.get_subplotspec()]).reshape(3, 2)
    expected = pd.concat([curve(found).assign(field=h) for h, found in runs.items()])
    pd.testing.assert_frame_equal(table, expected)
    kl, kl_data, infidelity, exact = panels[0, 0].lines
    assert [line.get_label() for line in (kl, kl_data, infidelity)] == ["KL from the exact state", "KL from the data",
                                                                      "1 - fidelity"]
    # Four steps wide: epochs 0, 5 and 10 of ten, four rounds of the control that end at 0, then the steps.
    assert list(kl.get_xdata()) == [-8, -6, -4, -3, -2, -1, 0, 0, 1, 2, 3, 4, 5]
    control = [0.009, 0.011, 0.009, 0.011]
    assert list(kl.get_ydata()) == pytest.approx([1, 0.1, 0.01, *control, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert list(exact.get_ydata()) == [0.5, 0.5] and panels[0, 0].get_yscale() == "log"
    low, high = bounds(next(band for band in panels[1, 0].collections if len(band.get_paths()[0].vertices) > 8))
    assert low.loc[5] == pytest.approx(0.25) and high.loc[5] == pytest.approx(1.5) and low.loc[-8] == high.loc[-8] == 1
    assert not [band for band in panels[1, 1].collections if len(band.get_paths()[0].vertices) > 8]
    assert [text.get_text() for text in panels[2, 0].get_xticklabels()][:5] == ["0", "5", "10\nepochs", "0", "2"]
    top, = panels[0, 0].child_axes
    assert [text.get_text() for text in top.get_xticklabels()] == ["100%", "33%", "17%"]


def test_order_has_the_record_as_a_band_and_distributions_of_five_steps():
    found = run(**{"pruning m": [0, 0.1, -0.1, 0, 0.2, 0], "pruning abs m": [0.5, 0.5, 0.4, 0.3, 0.2, 0.1]})
    others = [found | {"pruning abs m": [value + shift for value in found["pruning abs m"]]} for shift in (-0.1, 0.3)]
    figure, table = figures.order(found, others)
    left, right = figure.axes
    assert list(table["abs m"]) == found["pruning abs m"] and list(table.m) == found["pruning m"]
    size, exact, mean, zero = left.lines
    assert list(size.get_ydata()) == found["pruning abs m"] and list(mean.get_ydata()) == found["pruning m"]
    assert set(exact.get_ydata()) == {0.5} and set(zero.get_ydata()) == {0.0}
    low, high = bounds(left.collections[0])
    assert low.loc[2] == pytest.approx(0.3) and high.loc[2] == pytest.approx(0.7)
    first, *shown = right.lines
    np.testing.assert_allclose(first.get_xdata(), np.linspace(-1, 1, 7))
    assert [line.get_label() for line in shown] == ["step 0: 100% left", "step 1: 50% left", "step 2: 33% left",
                                                    "step 4: 17% left", "step 5: 17% left"]
    assert list(shown[2].get_ydata()) == found["pruning histogram"][2]
    short = [other | {"pruning abs m": [1, 2], "pruning m": [1, 2]} for other in others]
    assert not figures.order(found, short)[0].axes[0].collections  # another schedule


def test_decay_has_correlations_after_five_steps_and_the_rates_of_all_machines():
    exact = exact_correlation(12, 1.0)
    runs = [run(seed, n_spins=12, n_hidden=6, left=(50, 40, 30, 20, 10, 5), **{"pruning correlation": [
        list(np.exp(-0.1 * seed * step * np.arange(7)) * exact[:7]) for step in range(6)]}) for seed in (1, 2)]
    fits = decays({12: runs, 14: [], 16: []}, {12: 4, 14: 4, 16: 4}, 1.0)
    figure, table = figures.decay({12: runs[1], 14: None, 16: None}, fits, 1.0)
    top, bottom = figure.axes[0], figure.axes[3]
    truth, *shown = top.lines
    np.testing.assert_allclose(truth.get_ydata(), exact[1:7])
    assert [line.get_label() for line in shown] == ["100%", "80%", "60%", "40%", "10%"]
    np.testing.assert_allclose(shown[2].get_ydata(), runs[1]["pruning correlation"][2][1:])
    rates = [line for line in bottom.lines if len(line.get_xdata()) == 6]
    assert len(rates) == 2 and list(rates[0].get_xdata()) == [100, 80, 60, 40, 20, 10]
    np.testing.assert_allclose(rates[1].get_ydata(), 0.2 * np.arange(6), atol=1e-6)
    assert [list(line.get_ydata()) for line in bottom.lines[2:]] == [[2 / 12, 2 / 12], [0, 0]]
    titles = [axes.get_title(loc="left") for axes in figure.axes[:3]]
    assert titles == ["N = 12", "N = 14 (not run)", "N = 16 (not run)"]
    third = table[(table.n == 12) & (table.step == 2)]
    assert list(third.distance) == [1, 2, 3, 4, 5, 6] and (third.left == 60).all()
    np.testing.assert_allclose(third.correlation, runs[1]["pruning correlation"][2][1:])
    np.testing.assert_allclose(third.exact, exact[1:7])
    assert len(table) == 6 + 36 + 7 + 8 and set(table.step.dropna()) == set(range(6))  # five drawn, six kept


def test_negative_correlations_have_no_logarithm():
    found = run(1, n_spins=12, n_hidden=6, left=(50, 40, 30, 20, 10),
                **{"pruning correlation": [[1, 0.5, 0.2, 0.1, 0.1, 0.1, -0.01]] * 5})
    fits = decays({12: [found]}, {12: 4}, 1.0)
    figure, table = figures.decay({12: found, 14: None, 16: None}, fits, 1.0)
    assert np.isnan(figure.axes[0].lines[1].get_ydata()[-1]) and (table.correlation == -0.01).sum() == 5


def test_errors_stand_against_the_divergence_of_the_same_machines():
    runs = {1.0: run(**{"pruning mROE": [3, 1, 4, 1, 5, 9]}), 2.0: run(field=2.0)}
    figure, table = figures.against_divergence(runs)
    middle = figure.axes[1]
    assert middle.get_title(loc="left") == "mROE" and len(middle.lines) == 4
    training, pruning, _, other = middle.lines
    assert [line.get_label() for line in (training, pruning)] == ["h/J = 1, training", "h/J = 1, pruning"]
    assert list(training.get_xdata()) == [1, 0.1, 0.01] and training.get_markerfacecolor() == "none"
    assert list(pruning.get_ydata()) == [3, 1, 4, 1, 5, 9]
    assert list(pruning.get_xdata()) == runs[1.0]["pruning kl"]
    assert other.get_marker() == "s" and other.get_color() != pruning.get_color()
    assert list(table.field.unique()) == [1.0, 2.0] and len(table) == 2 * 13
