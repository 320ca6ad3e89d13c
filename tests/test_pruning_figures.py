"""What the figures of chapter 7 show of pruned machines."""

import numpy as np
import pytest
from scipy import stats

from lib import rng
from lib.rbm import pruning_figures, pruning_study
from lib.rbm.pruning_figures import curve, decay, departure, first_split, harmless, random_components, rise

RUN = {"training epochs": [0, 5, 10], "fine_tune_epochs": 2,
       "training weights left": [20, 20, 20], "control weights left": [20, 20, 20, 20],
       "pruning weights left": [20, 12, 11, 10, 9, 9, 8], "pruning components": [1, 1, 1, 2, 1, 3, 3],
       "training kl": [3.0, 0.1, 0.05], "control kl": [0.04, 0.05, 0.06, 0.05],
       "pruning kl": [0.05, 0.07, 0.2, 0.08, 0.12, 0.13, 0.14]}
SETTINGS = {"n_spins": 6, "field": 1.0, "n_hidden": 4, "n_samples": 5000, "epochs": 30, "measure_every": 10,
            "criterion": "magnitude", "n_steps": 8, "fine_tune_epochs": 1, "seed": 3, "n_control": 4}


@pytest.fixture(scope="module")
def run():
    return SETTINGS | pruning_study.pruning_run(**SETTINGS)


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
    with pytest.raises(ValueError, match="up to 60, .*got 80; try removed=50"):
        rise(RUN, "kl", 80)


def test_departures_are_those_that_the_run_reports(run):
    for name in pruning_study.ERRORS:
        assert departure(run, name) == run[f"departure {name}"]
    assert any(departure(run, name) for name in pruning_study.ERRORS)


def test_each_form_is_found_in_its_own_data():
    d = np.arange(30)
    noise = 0.002 * np.random.default_rng(1).standard_normal(30)
    power = decay(0.6 * np.maximum(d, 1.0) ** -0.25 + noise, 0.002, 1, 20)
    assert power.exponent == pytest.approx(0.25, abs=0.01) and power.preference > 100
    assert power.chi2_algebraic == pytest.approx(1, abs=0.8) and power.chi2_exponential > 10
    exponential = decay(0.6 * np.exp(-d / 4) + noise, np.full(30, 0.002), 1, 20)
    assert exponential.length == pytest.approx(4, abs=0.1) and exponential.preference < -100
    # The difference of the sums of squares, by another fit of the algebraic form.
    from scipy.optimize import curve_fit
    values = 0.6 * np.exp(-d / 4) + noise
    best, _ = curve_fit(lambda x, a, b: a * x**-b, d[1:21], values[1:21], p0=[0.6, 1])
    other = np.sum(((best[0] * d[1:21] ** -best[1] - values[1:21]) / 0.002) ** 2)
    assert exponential.chi2_algebraic * 18 == pytest.approx(other, rel=1e-6)
    assert exponential.preference == pytest.approx(18 * exponential.chi2_exponential - other, rel=1e-6)


def test_points_with_larger_errors_count_less():
    d = np.arange(12)
    values = np.maximum(d, 1.0) ** -0.5
    values[6:] = 0
    error = np.where(d < 6, 0.001, 10.0)
    assert decay(values, error, 1, 11).exponent == pytest.approx(0.5, abs=1e-3)
    assert decay(values, 0.001, 1, 11).exponent > 0.6


@pytest.mark.parametrize("first, last, error, message", [
    (1, 3, 0.1, "at least four distances within 1 ... 9, got 1 ... 3; try first=1, last=9"),
    (1, 10, 0.1, "got 1 ... 10"), (0, 9, 0.1, "got 0 ... 9"), (1, 9, 0.0, "positive errors")])
def test_bad_ranges_and_errors_are_refused(first, last, error, message):
    with pytest.raises(ValueError, match=message):
        decay(np.ones(10), error, first, last)


def test_rank_correlations_by_hand(run):
    assert pruning_figures.rank_correlations(run, "pruning", ["kl"])["kl"] == pytest.approx(1)
    found = pruning_figures.rank_correlations(run, "pruning", ["eROE", "mROE"])
    for name, value in found.items():
        assert value == pytest.approx(stats.spearmanr(run[f"pruning {name}"], run["pruning kl"]).statistic)


def test_components_of_random_graphs():
    counts = random_components(4, 2, [8, 1, 0], 3, rng.stream(1, "graphs"))
    np.testing.assert_array_equal(counts, [1, 5, 6])
    # Two weights of four: they meet in one unit (4 of 6 pairs, 2 components) or not (2 components of two units).
    assert random_components(2, 2, [2], 4000, rng.stream(1, "pairs"))[0] == pytest.approx(2, abs=1e-12)
    # Three of six weights of a 3 x 2 machine: 20 masks; a star of three leaves two units' worth of pieces.
    mean = random_components(3, 2, [3], 4000, rng.stream(1, "threes"))[0]
    assert mean == pytest.approx(2, abs=1e-12)  # no loop is possible with three edges, so always 5 - 3


def test_the_first_split_is_in_percent_of_all_weights():
    assert first_split(RUN) == pytest.approx(50)
    assert np.isnan(first_split(RUN | {"pruning components": [1] * 7}))
