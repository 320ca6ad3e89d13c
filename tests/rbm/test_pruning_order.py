"""Losses of order and peaks of its distribution, on numbers that are known."""

import numpy as np
import pytest
from scipy import stats

from lib.rbm import pruning_order
from lib.rbm.pruning_order import shift
from tests.pruned_runs import run


def test_a_shift_is_paired_with_the_control_of_its_own_run():
    generator = np.random.default_rng(1)
    runs = []
    for level in (1.0, 5.0, 9.0, 13.0):
        control = level + 0.1 * generator.standard_normal(8)
        steps = level + 0.5 + 0.1 * generator.standard_normal(4)
        runs.append({"control x": list(control), "pruning x": [level, *steps]})
    found = shift(runs, "x", 1, 4)
    differences = [np.mean(r["pruning x"][1:5]) - np.mean(r["control x"]) for r in runs]
    assert found.mean == pytest.approx(np.mean(differences)) and 0.4 < found.mean < 0.6
    assert found.error == pytest.approx(stats.sem(differences)) and found.error < 0.1
    assert found.p_rise == pytest.approx(stats.ttest_1samp(differences, 0, alternative="greater").pvalue)
    assert found.p_rise < 0.01 < 0.99 < 1 - found.p_rise
    with pytest.raises(ValueError, match="at least 2 runs, got 1; try"):
        shift(runs[:1], "x", 1, 4)


def test_losses_of_order_are_in_percent_and_positive():
    many = [run(**{"control abs m": [0.5 + a] * 4, "pruning abs m": [0.5 + a, *([0.49 + a - 0.001 * k] * 5)]})
            for k, a in enumerate((0.0, 0.1, 0.2))]
    loss = pruning_order.order_loss(many, 1, 4)
    assert loss.mean == pytest.approx(100 * 0.011 / 0.5) and loss.p_rise < 0.01
    assert loss.p_rise == pytest.approx(1 - shift(many, "abs m", 1, 4).p_rise)


def test_no_loss_is_known_from_a_single_run():
    assert np.isnan(pruning_order.order_loss([run()], 1, 4)).all()


def test_modes_are_those_of_the_first_and_last_distribution():
    found = pruning_order.modes(run(n_spins=4, **{
        "exact histogram": [0.5, 0.1, 0.0, 0.2, 0.2],
        "pruning histogram": [[9, 5, 1, 6, 8], [1, 1, 1, 1, 1], [1, 2, 9, 2, 1]]}))
    assert (found.exact, found.dense, found.off_two) == (1.0, 1.0, 0) and list(found.last) == [0]
    single = pruning_order.modes(run(n_spins=4, **{"pruning histogram": [[0, 1, 4, 9, 4], [9, 5, 1, 6, 8]]}))
    assert (single.dense, single.off_two) == (0.5, 1) and list(single.last) == [-1, 1]  # no peak below zero
    five = [0, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0]
    assert pruning_order.modes(run(**{"pruning histogram": [five, five]})).off_two == 2  # three below zero


def test_peaks_are_the_maxima_of_a_smoothed_distribution():
    np.testing.assert_allclose(pruning_order.magnetizations(4), [-1, -0.5, 0, 0.5, 1])
    assert list(pruning_order.peaks([1, 2, 3, 2, 1])) == [0] and list(pruning_order.peaks([9, 5, 1, 5, 9])) == [-1, 1]
    assert list(pruning_order.peaks([1, 2, 3, 2.5, 3, 2, 1])) == [0]  # a dip of one value is no valley
