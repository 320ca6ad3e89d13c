"""What the figures of chapter 7 show of pruned machines."""

import numpy as np
import pytest
from scipy import stats

from lib import rng
from lib.experiments import pruning
from lib.rbm import pruning_figures
from lib.rbm.pruning_figures import (
    covariance,
    curve,
    decay,
    departure,
    first_split,
    harmless,
    random_graphs,
    rise,
    screening,
    shift,
)
from lib.spins import free_fermions

RUN = {"training epochs": [0, 5, 10], "fine_tune_epochs": 2,
       "training weights left": [20, 20, 20], "control weights left": [20, 20, 20, 20],
       "pruning weights left": [20, 12, 11, 10, 9, 9, 8], "pruning components": [1, 1, 1, 2, 1, 3, 3],
       "training kl": [3.0, 0.1, 0.05], "control kl": [0.04, 0.05, 0.06, 0.05],
       "pruning kl": [0.05, 0.07, 0.2, 0.08, 0.12, 0.13, 0.14]}
SETTINGS = {"n_spins": 6, "field": 1.0, "n_hidden": 4, "n_samples": 5000, "epochs": 30, "measure_every": 10,
            "criterion": "magnitude", "n_steps": 8, "fine_tune_epochs": 1, "seed": 3, "n_control": 4}


@pytest.fixture(scope="module")
def run():
    return SETTINGS | pruning.pruning_run(**SETTINGS)


def test_a_curve_has_every_measurement_at_its_epoch():
    table = curve(RUN, ["kl"])
    assert list(table.stage) == ["training"] * 3 + ["control"] * 4 + ["pruning"] * 7
    assert list(table.epoch) == [0, 5, 10, 12, 14, 16, 18, 18, 20, 22, 24, 26, 28, 30]
    assert list(table.kl) == RUN["training kl"] + RUN["control kl"] + RUN["pruning kl"]
    assert table.step.isna().sum() == 3 and list(table.step[3:]) == [1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6]
    assert list(table["percent left"][-7:]) == pytest.approx([100, 60, 55, 50, 45, 45, 40])


def test_a_departure_needs_three_steps_above_the_band_and_the_factor():
    # The band: mean 0.05, s = 0.00816, times 5.841 (99%, three degrees of freedom) sqrt(1 + 1/4): up to 0.1033.
    half = stats.t.ppf(0.995, 3) * np.std(RUN["control kl"], ddof=1) * np.sqrt(1.25)
    assert 0.05 + half == pytest.approx(0.1033, abs=1e-4)
    assert departure(RUN, "kl") == 4 and departure(RUN, "kl", 2.2) == 4
    assert departure(RUN, "kl", 2.5) is None and departure(RUN | {"pruning kl": [0.05] * 7}, "kl") is None
    assert harmless(RUN, "kl") == pytest.approx(50) and harmless(RUN, "kl", 2.5) == pytest.approx(60)
    growth, relative = rise(RUN, "kl", 45)
    assert growth == pytest.approx(0.2 - 0.05) and relative == pytest.approx(0.15 / half)
    assert rise(RUN, "kl", 40)[0] == pytest.approx(0.02)
    # Each share of the schedule is its own step, also where the percentage has been rounded up.
    for step in range(1, 7):
        share = round(100 * (1 - RUN["pruning weights left"][step] / 20), 6)
        first = RUN["pruning weights left"].index(RUN["pruning weights left"][step])
        assert rise(RUN, "kl", share)[0] == pytest.approx(RUN["pruning kl"][first] - 0.05)
    with pytest.raises(ValueError, match="up to 60, .*got 80; try removed=50"):
        rise(RUN, "kl", 80)


def test_departures_are_those_that_the_run_reports(run):
    for name in pruning.ERRORS:
        assert departure(run, name) == run[f"departure {name}"]
    assert any(departure(run, name) for name in pruning.ERRORS)


def test_each_form_is_found_in_its_own_data():
    d = np.arange(30)
    noise = 0.002 * np.random.default_rng(1).standard_normal(30)
    power = decay(0.6 * np.maximum(d, 1.0) ** -0.25 + noise, 0.002, 1, 20)
    assert power.exponent == pytest.approx(0.25, abs=0.01) and power.preference > np.log(10)
    assert power.chi2_algebraic == pytest.approx(1, abs=0.8) and power.chi2_exponential > 10
    exponential = decay(0.6 * np.exp(-d / 4) + noise, np.full(30, 0.002), 1, 20)
    assert exponential.length == pytest.approx(4, abs=0.1) and exponential.preference < -np.log(10)
    # The ratio of the sums of squares, by another fit of the algebraic form.
    from scipy.optimize import curve_fit
    values = 0.6 * np.exp(-d / 4) + noise
    best, _ = curve_fit(lambda x, a, b: a * x**-b, d[1:21], values[1:21], p0=[0.6, 1])
    other = np.sum(((best[0] * d[1:21] ** -best[1] - values[1:21]) / 0.002) ** 2)
    assert exponential.chi2_algebraic * 18 == pytest.approx(other, rel=1e-6)
    assert exponential.preference == pytest.approx(np.log(18 * exponential.chi2_exponential / other), rel=1e-6)


def test_points_with_larger_errors_count_less():
    d = np.arange(12)
    values = np.maximum(d, 1.0) ** -0.5
    values[6:] = 0
    error = np.where(d < 6, 0.001, 10.0)
    assert decay(values, error, 1, 11).exponent == pytest.approx(0.5, abs=1e-3)
    assert decay(values, 0.001, 1, 11).exponent > 0.6


def test_covariance_is_that_of_means_over_samples():
    n, site = 8, 3
    samples = 1.0 - 2 * free_fermions.sample(n, 1.0, 200 * 500, rng=rng.stream(1)).reshape(500, 200, n)
    found = np.einsum("knj->kj", samples[..., [site]] * samples[..., site:]) / 200
    expected = covariance(free_fermions.correlation_zz(n, 1.0), site, 200)
    assert expected.shape == (5, 5) and np.abs(expected[0]).max() < 1e-12
    scale = np.sqrt(np.outer(*[np.diagonal(expected)[1:]] * 2))
    np.testing.assert_allclose(np.cov(found.T)[1:, 1:] / scale, expected[1:, 1:] / scale, atol=0.2)


def test_correlated_errors_are_decorrelated_first():
    d = np.arange(12)
    root = np.tril(np.random.default_rng(1).normal(size=(12, 12))) + 3 * np.eye(12)
    matrix = 1e-6 * root @ root.T
    chi2 = []
    for seed in range(200):
        noise = 1e-3 * root @ np.random.default_rng(seed).standard_normal(12)
        found = decay(np.exp(-d / 3) + noise, matrix, 1, 11)
        chi2.append(9 * found.chi2_exponential)
    assert np.mean(chi2) == pytest.approx(9, abs=4 * np.sqrt(2 * 9 / 200))


def test_screening_is_found_with_its_error():
    zz = free_fermions.correlation_zz(20, 1.0)
    exact, matrix = zz[9, 9:20], covariance(zz, 9, 10**5)
    for rate in (0.0, 0.02, 0.3):
        clean = screening(0.9 * np.exp(-rate * np.arange(11)) * exact, exact, matrix)
        assert clean.rate == pytest.approx(rate, abs=1e-7) and clean.amplitude == pytest.approx(0.9, abs=1e-6)
    root = np.linalg.cholesky(matrix[1:, 1:])
    draws = [screening(exact + np.r_[0, root @ np.random.default_rng(k).standard_normal(10)], exact, matrix)
             for k in range(200)]
    assert np.std([x.rate for x in draws]) == pytest.approx(draws[0].error, rel=0.25)
    assert abs(np.mean([x.rate for x in draws])) < 4 * draws[0].error / np.sqrt(200)


def test_screening_refuses_other_shapes_and_errors():
    with pytest.raises(ValueError, match=r"of one shape with three distances from 1 on, got \(5,\) and \(6,\); try"):
        screening(np.ones(5), np.ones(6), 0.1)
    with pytest.raises(ValueError, match="three distances"):
        screening(np.ones(3), np.ones(3), 0.1)
    for errors in (0.0, [-0.1] * 5, -np.eye(5)):
        with pytest.raises(ValueError, match="positive errors"):
            screening(np.ones(5), np.ones(5), errors)


@pytest.mark.parametrize("first, last, error, message", [
    (1, 3, 0.1, "at least four distances within 1 ... 9, got 1 ... 3; try first=1, last=9"),
    (1, 10, 0.1, "got 1 ... 10"), (0, 9, 0.1, "got 0 ... 9"), (1, 9, 0.0, "positive errors")])
def test_bad_ranges_and_errors_are_refused(first, last, error, message):
    with pytest.raises(ValueError, match=message):
        decay(np.ones(10), error, first, last)


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


def test_rank_correlations_by_hand(run):
    assert pruning_figures.rank_correlations(run, "pruning", ["kl"])["kl"] == pytest.approx(1)
    found = pruning_figures.rank_correlations(run, "pruning", ["eROE", "mROE"])
    for name, value in found.items():
        assert value == pytest.approx(stats.spearmanr(run[f"pruning {name}"], run["pruning kl"]).statistic)


def test_rank_correlations_of_changes(run):
    (found,) = pruning_figures.rank_correlations(run, "pruning", ["mROE"], changes=True).values()
    changes = [np.diff(run[f"pruning {name}"]) for name in ("mROE", "kl")]
    assert found == pytest.approx(stats.spearmanr(*changes).statistic)


def test_random_graphs_whose_pieces_are_known():
    counts, largest = random_graphs(4, 2, [8, 1, 0], 3, rng.stream(1, "graphs"))
    np.testing.assert_array_equal(counts, [1, 5, 6])
    np.testing.assert_array_equal(largest, [1, 0.25, 0.25])
    # Two weights of four: they meet in a unit (4 of 6 pairs, half of them in a hidden one) or not: 2 components.
    counts, largest = random_graphs(2, 2, [2], 4000, rng.stream(1, "pairs"))
    assert counts[0] == pytest.approx(2, abs=1e-12) and largest[0] == pytest.approx((1 + 2 / 6) / 2, abs=0.02)
    # Three of six weights of a 3 x 2 machine: no loop is possible with three edges, so always 5 - 3 components.
    assert random_graphs(3, 2, [3], 4000, rng.stream(1, "threes")).components[0] == pytest.approx(2, abs=1e-12)


def test_the_first_split_is_in_percent_of_all_weights():
    assert first_split(RUN) == pytest.approx(50)
    assert np.isnan(first_split(RUN | {"pruning components": [1] * 7}))
