"""Where half of the machines learn, on outcomes whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import learning_thresholds
from lib.rbm.learning_thresholds import Interval, half_point, success_rate


@pytest.mark.parametrize("k, n", [(0, 1), (1, 1), (0, 5), (2, 5), (5, 5), (30, 100)])
def test_a_success_rate_lies_in_its_interval(k, n):
    rate = success_rate([1] * k + [0] * (n - k))
    assert rate.value == k / n and 0 <= rate.low <= rate.value <= rate.high <= 1
    assert (rate.low == 0) is (k == 0) and (rate.high == 1) is (k == n)


def test_intervals_of_rates_hold_as_often_as_they_say():
    """On average over the rate: single rates of few machines cannot."""
    dice = np.random.default_rng(1)
    rates = dice.uniform(0.05, 0.95, 2000)
    found = [success_rate(dice.random(20) < rate) for rate in rates]
    held = np.mean([one.low <= rate <= one.high for one, rate in zip(found, rates, strict=True)])
    assert held == pytest.approx(learning_thresholds.LEVEL, abs=0.04)


@pytest.mark.parametrize("threshold", [3.5, 10.5, 24.5])
def test_a_sharp_threshold_is_found_between_its_neighbours(threshold):
    x = np.repeat(np.arange(1, 31), 5)
    found = half_point(x, x > threshold)
    assert found.low < found.value < found.high and abs(found.value - threshold) < 0.1
    assert found.high - found.low < 1.2


def test_half_points_of_a_soft_threshold_hold_as_often_as_they_say():
    dice = np.random.default_rng(2)
    held, x = 0, np.repeat(np.arange(1, 21), 5)
    for _ in range(150):
        x0 = dice.uniform(6, 14)
        found = half_point(x, dice.random(x.size) < 1 / (1 + np.exp((x0 - x) / 1.5)))
        held += found.low <= x0 <= found.high
    assert 0.55 < held / 150 < 0.85


@pytest.mark.parametrize("x, learnt, found", [
    ([1, 2, 3], [0, 0, 0], Interval(np.inf, 3, np.inf)), ([4], [0], Interval(np.inf, 4, np.inf)),
    ([2, 3], [1, 1], Interval(-np.inf, -np.inf, 2))])
def test_a_half_point_outside_of_what_was_tried_is_a_bound(x, learnt, found):
    assert half_point(x, learnt) == found


def test_half_points_hardly_depend_on_the_widths_that_count_as_possible():
    """Of a sharp threshold, and of a soft one with five machines a size, by less than the interval that they state."""
    dice, x = np.random.default_rng(5), np.repeat(np.arange(1, 21), 5)
    for softness, most in ((0.05, 0.05), (1.0, 0.5)):
        moved = []
        for x0 in dice.uniform(6, 14, 40):
            learnt = dice.random(x.size) < 1 / (1 + np.exp((x0 - x) / softness))
            usual, other = half_point(x, learnt), half_point(x, learnt, widest=1.0)
            moved.append(abs(other.value - usual.value) / (usual.high - usual.low))
        assert max(moved) < most
    with pytest.raises(ValueError, match="widest above 0.01"):
        half_point(x, learnt, widest=0.0)


@pytest.mark.parametrize("arguments, message", [
    (([1, 2], [1]), "expected an x for each outcome"), (([], []), "expected outcomes 0 or 1, at least one"),
    (([1, 2], [0.5, 1]), "expected outcomes 0 or 1"), (([3, 3], [0, 1]), "expected machines of two sizes or more")])
def test_half_points_of_nothing_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        half_point(*arguments)


@pytest.mark.parametrize("learnt, first", [([0, 0, 1, 0, 1], 7500), ([1, 1, 1, 1, 1], 2500), ([0] * 5, np.inf)])
def test_the_first_success_is_what_counting_up_finds(learnt, first):
    assert learning_thresholds.first_success(2500 * np.arange(1, 6), learnt) == first


def test_the_table_of_measurements_has_half_points_and_the_mean_first_success():
    rows = [(n, 5, m, seed, 0.001 if m >= 5000 * (n // 10) * (1 + (seed == 3)) else 0.003)
            for n in (10, 20) for m in (2500, 5000, 10000, 20000, 40000) for seed in (1, 2, 3)]
    runs = pd.DataFrame(rows, columns=["n_spins", "n_hidden", "n_samples", "seed", "bound"])
    found = learning_thresholds.measurements_table(runs, 0.002).set_index("n_spins")
    assert found.printed[10] == pytest.approx(20000 / 3) and found.printed[20] == pytest.approx(40000 / 3)
    assert 3000 < found.half[10] < 7000 and 6000 < found.half[20] < 14000 and (found.low < found.half).all()
    runs.loc[(runs.n_spins == 20) & (runs.seed == 1), "bound"] = np.nan  # diverged
    again = learning_thresholds.measurements_table(runs, 0.002).set_index("n_spins")
    assert np.isnan(again.printed[20]) and again.half[20] > found.half[20] and again.seeds[20] == 3


def test_sizes_stand_beside_their_ratio_and_weights_count_for_each_measurement():
    rows = [(20, units, m, seed, 0.001 if m >= 5000 and units > 8 else 0.003)
            for units in (8, 10, 15) for m in (2500, 5000, 10000) for seed in (1, 2)]
    runs = pd.DataFrame(rows, columns=["n_spins", "n_hidden", "n_samples", "seed", "bound"])
    found = learning_thresholds.measurements_table(runs, 0.002, [0.4, 0.5, 0.75]).set_index("ratio")
    assert found.n_hidden.to_dict() == {0.4: 8, 0.5: 10, 0.75: 15}
    assert found.learnt.to_dict() == {0.4: 0, 0.5: 4, 0.75: 4} and set(found.machines) == {6}
    assert found.printed[0.5] == 5000 and found.printed_error[0.5] == pytest.approx(2500 / np.sqrt(24))  # no scatter
    assert np.isinf(found.half[0.4]) and found.weight[0.5] == pytest.approx(found.half[0.5] / 200)
    assert found.weight_error[0.75] == pytest.approx((found.high[0.75] - found.low[0.75]) / 2 / 300)


def test_a_record_that_has_only_begun_and_machines_that_all_learn_have_no_half_point():
    runs = pd.DataFrame({"n_spins": [10, 10, 20, 20], "n_hidden": 5, "n_samples": [2500, 5000, 2500, 2500],
                         "seed": [1, 1, 1, 2], "bound": [0.001, 0.001, 0.001, 0.01]})
    found = learning_thresholds.measurements_table(runs, 0.002).set_index("n_spins")
    assert np.isnan(found.half).all() and np.isnan(found.weight).all()
    assert found.high[10] == pytest.approx(2500) and np.isnan(found.high[20]) and found.learnt.tolist() == [2, 1]


def steps(size, machines=5):
    """A threshold that is only known to lie between two sizes, one apart: sizes and outcomes."""
    return np.repeat([size - 1.0, size], machines), np.repeat([0, 1], machines)


def test_the_gain_of_the_best_of_three_has_the_variance_of_what_it_shares_with_the_usual_one():
    """Three half points that are even over one range R: D = min of three less one of them, which share R^2 2 / 80."""
    mean, spread = learning_thresholds.tuned_apart(steps(10), [steps(10), steps(10)])
    one = half_point(*steps(10))
    size = (one.high - one.low) / learning_thresholds.LEVEL
    least, alone, shared = 3 / 80, 1 / 12, 2 / 80  # order statistics of three even numbers
    assert mean == pytest.approx(-size / 4, rel=0.05)
    assert spread == pytest.approx(size * (least + alone - 2 * shared) ** 0.5, rel=0.05)
    assert spread < 0.85 * size * (least + alone) ** 0.5
    assert learning_thresholds.tuned_apart(steps(10), [steps(12)]) == (0, 0)  # the usual one is the best for certain
    assert learning_thresholds.tuned_apart(steps(10), [steps(8)])[0] == pytest.approx(-2, abs=0.01)


def test_two_bounds_of_the_same_machines_that_agree_differ_by_less_than_independent_ones_may():
    sizes, learnt = steps(10)
    one = half_point(sizes, learnt)
    size = (one.high - one.low) / learning_thresholds.LEVEL
    mean, spread = learning_thresholds.bounds_apart(sizes, learnt, learnt)
    assert mean == pytest.approx(size / 3, rel=0.1) and spread == pytest.approx(size * 18**-0.5, rel=0.1)
    assert spread < 0.65 * size * 6**-0.5  # that of the difference of two independent ones
    sizes = np.arange(8, 13)
    mean, spread = learning_thresholds.bounds_apart(np.repeat(sizes, 50), np.repeat(sizes > 8, 50),
                                                    np.repeat(sizes > 10, 50))
    assert mean == pytest.approx(2, abs=0.1) and 0.5 * 6**-0.5 < spread < 6**-0.5  # two numbers in steps of their own


def test_the_difference_of_two_bounds_holds_as_often_as_it_says():
    """Machines with a known law, whose two half points are 1.2 apart and share every machine."""
    dice, sizes, inside, apart, ours, alone = np.random.default_rng(4), np.repeat(np.arange(6.0, 15), 20), 0, [], [], []
    for _ in range(120):
        dare = dice.logistic(size=sizes.size)
        wide, tight = (((sizes - x) / 0.8 > dare).astype(int) for x in (9.6, 10.8))
        mean, spread = learning_thresholds.bounds_apart(sizes, wide, tight)
        inside += abs(mean - 1.2) < spread
        apart.append(mean)
        ours.append(spread)
        halves = [half_point(sizes, seen) for seen in (wide, tight)]
        alone.append(np.hypot(*((one.high - one.low) / 2 for one in halves)))
    assert 0.58 < inside / 120 < 0.8 and np.mean(apart) == pytest.approx(1.2, abs=0.06)
    assert np.mean(ours) == pytest.approx(np.std(apart), rel=0.2) and np.mean(ours) < 0.9 * np.mean(alone)


@pytest.mark.parametrize("x, wide, tight", [([1, 2], [0, 1], [1, 1]), ([1, 2], [0, 1], [0, 0]),
                                            ([1, 2], [1, 1], [0, 1]), ([1, 2, 3], [0, 1], [0, 1])])
def test_bounds_that_cannot_be_compared_are_refused(x, wide, tight):
    with pytest.raises(ValueError, match="expected for each size whether it is within the wide and within the tight"):
        learning_thresholds.bounds_apart(x, wide, tight)
