"""What the figures of chapter 6 show, on tables whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import learning_figures as figures
from lib.rbm.learning_figures import Interval, half_point, laws, minimal, success_rate, weight_decay


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
    assert held == pytest.approx(figures.LEVEL, abs=0.04)


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


@pytest.mark.parametrize("name, law, parameters", [
    ("constant", lambda x: 2 + 0 * x, (2,)), ("linear", lambda x: 1 + 0.5 * x, (1, 0.5)),
    ("power", lambda x: 0.3 * x**1.4, (0.3, 1.4))])
def test_each_law_is_found_where_it_holds(name, law, parameters):
    x = np.array([10.0, 20, 30, 40, 60])
    found = laws(x, law(x), np.full(5, 0.2))
    assert min(found.values(), key=lambda fit: fit.aic).name == name
    assert found[name].parameters == pytest.approx(parameters, rel=1e-3) and found[name].chi2 < 1e-6
    wrong = laws(x, law(x) + np.array([0.9, -0.9, 0.9, -0.9, 0.9]), np.full(5, 0.2))[name]
    assert all(after > before for before, after in zip(found[name].errors, wrong.errors, strict=True))


def test_intervals_of_exponents_hold_as_often_as_they_say():
    dice, x, held = np.random.default_rng(3), np.array([10.0, 20, 30, 40]), 0
    for _ in range(150):
        fit = laws(x, 0.5 * x + dice.normal(0, 0.5, 4), np.full(4, 0.5))["power"]
        held += abs(fit.parameters[1] - 1) <= fit.errors[1]
    assert 0.6 < held / 150 < 0.9


@pytest.mark.parametrize("x, y, errors", [([1, 2], [1, 2], [1, 1]), ([1, 2, 3], [1, 2, 3], [1, 0, 1]),
                                          ([1, 2, 3], [1, np.inf, 3], [1, 1, 1]), ([1, 2, 3], [1, 2], [1, 1, 1]),
                                          ([0, 1, 2], [1, 2, 3], [1, 1, 1])])
def test_laws_through_too_few_points_or_none_are_refused(x, y, errors):
    with pytest.raises(ValueError, match="expected (three points|finite positive)"):
        laws(x, y, errors)


def test_the_smallest_machine_of_a_search_has_an_interval_around_it():
    run = {"smallest": 10, "tried hidden": [10, 10, 10, 6, 6, 6, 8, 8, 8, 9, 9, 9, 9],
           "tried learnt": [1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]}
    found = minimal(run)
    assert found.value == 10 and 8 < found.low <= 10 <= found.high <= 11
    assert figures.saved(run, 5) == pytest.approx(50 / 13)
    alone = minimal({"smallest": 1, "tried hidden": [2, 1], "tried learnt": [1, 1]})
    assert alone == Interval(1, 1, 1)
    nothing = minimal({"smallest": None, "tried hidden": [3, 5, 8], "tried learnt": [0, 0, 0]})
    assert nothing == Interval(np.inf, 8, np.inf)
    assert minimal({"smallest": np.nan, "tried hidden": [3], "tried learnt": [0]}).value == np.inf  # as tables have it


@pytest.mark.parametrize("learnt, first", [([0, 0, 1, 0, 1], 7500), ([1, 1, 1, 1, 1], 2500), ([0] * 5, np.inf)])
def test_the_first_success_is_what_counting_up_finds(learnt, first):
    assert figures.first_success(2500 * np.arange(1, 6), learnt) == first


def test_the_table_of_searches_has_a_row_for_each_and_says_where_nothing_was_found():
    shared = {"n_spins": 20, "eps": 0.002, "n_seeds": 5}
    runs = [shared | {"field": 1.0, "smallest": 2, "tried hidden": [2, 1], "tried learnt": [1, 0]},
            shared | {"field": 0.5, "smallest": None, "tried hidden": [4, 6], "tried learnt": [0, 0]}]
    table = figures.search_table(runs)
    assert list(table.field) == [0.5, 1.0] and list(table.hidden) == [np.inf, 2] and list(table.machines) == [2, 2]
    assert table.low[0] == 6 and np.isnan(table.error[0]) and table.error[1] >= 12**-0.5 and table.saved[1] == 5
    assert figures.search_table([]).empty


def test_missing_units_have_their_cost_in_units_of_the_energy_and_each_machine_counts_once():
    tried = {"tried hidden": [10, 9, 9, 8], "tried seed": [1, 1, 2, 1], "tried bound": [0.001, 0.003, 0.005, None]}
    runs = [{"n_spins": 20, "field": 1.0, "eps": eps} | tried for eps in (0.002, 0.005)]
    table = figures.missing_costs(runs, lambda n_spins, field: -25.0)
    assert len(table) == 1 and dict(table.iloc[0]) == pytest.approx(
        {"n_spins": 20, "field": 1.0, "missing": 1, "cost": 0.1, "low": 0.075, "high": 0.125, "machines": 2})


def test_the_table_of_measurements_has_half_points_and_the_mean_first_success():
    rows = [(n, 5, m, seed, 0.001 if m >= 5000 * (n // 10) * (1 + (seed == 3)) else 0.003)
            for n in (10, 20) for m in (2500, 5000, 10000, 20000, 40000) for seed in (1, 2, 3)]
    runs = pd.DataFrame(rows, columns=["n_spins", "n_hidden", "n_samples", "seed", "bound"])
    found = figures.measurements_table(runs, 0.002).set_index("n_spins")
    assert found.printed[10] == pytest.approx(20000 / 3) and found.printed[20] == pytest.approx(40000 / 3)
    assert 3000 < found.half[10] < 7000 and 6000 < found.half[20] < 14000 and (found.low < found.half).all()
    runs.loc[(runs.n_spins == 20) & (runs.seed == 1), "bound"] = np.nan  # diverged
    again = figures.measurements_table(runs, 0.002).set_index("n_spins")
    assert np.isnan(again.printed[20]) and again.half[20] > found.half[20] and again.seeds[20] == 3


def test_weights_that_fall_exponentially_have_that_length():
    place = np.linspace(0, 1, 201)
    found = weight_decay(5 * np.exp(-place / 0.1))
    assert found.length == pytest.approx(0.1) and found.linear == pytest.approx(1) and found.faster == pytest.approx(1)
    assert found.large == pytest.approx(0.23, abs=0.01)
    step = weight_decay(np.where(place <= 0.15, 3.0, 0.01 * (1.1 - place)))
    assert step.large == pytest.approx(0.15, abs=0.01) and step.contrast > 300 and step.faster > 1.5


def test_sorted_noise_is_what_it_is():
    dice = np.abs(np.random.default_rng(4).standard_normal(20_000))
    ours = figures.half_normal(201)
    theirs = np.sort(dice)[::-1][np.linspace(0, 19_999, 201).astype(int)]
    assert np.abs(ours - theirs)[5:].max() < 0.06
    assert weight_decay(ours).faster > 2  # noise, too, falls faster at its end
    few_large = np.sort(np.concatenate([dice[:19_000] / 50, 1 + dice[19_000:]]))[::-1]
    for sizes in (dice, few_large):
        assert figures.noise_distance(np.sort(sizes)[::-1][np.linspace(0, 19_999, 201).astype(int)]) < 0.15
    assert figures.noise_distance(np.exp(-np.linspace(0, 8, 201))) > 0.5


@pytest.mark.parametrize("sizes", [[1.0] * 5, list(range(30)), [0.0] * 30, [[1.0] * 30]])
def test_lists_that_are_no_sorted_weights_are_refused(sizes):
    with pytest.raises(ValueError, match="expected at least 20 sizes of weights, largest first"):
        weight_decay(sizes)


def test_jumps_are_counted_from_steps_that_began_within_the_bound():
    assert figures.jumps([0.001, 0.0015, 0.006, 0.9], 0.0005, 0.002) == pytest.approx([1.5, 4])
    assert figures.jumps([], 0.001, 0.002).size == 0
