"""Error bars of means over chains: autocorrelation, repeated experiments, chains that are stuck or short."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from lib.rbm.autocorrelation import Estimate, estimate


# --- error bars
def autoregressive(phi, n_draws, n_chains, rng):
    """x_t = phi x_{t-1} + noise from its stationary distribution N(0, 1): tau = (1 + phi) / (1 - phi)."""
    noise = rng.standard_normal((n_draws, n_chains)) * np.sqrt(1 - phi**2)
    noise[0] /= np.sqrt(1 - phi**2)
    return lfilter([1], [1, -phi], noise, axis=0)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 0.98])
@pytest.mark.parametrize("n_chains", [1, 20])
def test_autocorrelation_time_of_a_known_process(phi, n_chains):
    tau = (1 + phi) / (1 - phi)
    values = autoregressive(phi, 400_000 // n_chains, n_chains, np.random.default_rng(1))
    result = estimate(values)
    assert result.tau == pytest.approx(tau, rel=4 * np.sqrt(20 * tau / 400_000))  # Madras and Sokal
    assert result.n_effective == pytest.approx(400_000 / result.tau)
    assert result.error == pytest.approx(np.sqrt(result.tau * values.var() / 400_000), rel=1e-5)
    assert result.mean == pytest.approx(values.mean())


@pytest.mark.parametrize("phi, n_draws, n_chains", [
    (0.0, 1, 300),  # independent draws
    (0.0, 300, 1),
    (0.9, 4000, 1),  # one chain
    (0.9, 1000, 8),  # some chains
    (0.9, 20, 200),  # chains as short as tau
])
def test_error_bars_cover_the_truth_as_often_as_they_promise(phi, n_draws, n_chains):
    rng = np.random.default_rng(8)
    results = [estimate(autoregressive(phi, n_draws, n_chains, rng)) for _ in range(600)]
    deviation = np.array([result.mean / result.error for result in results])
    assert np.mean(np.abs(deviation) < 1) == pytest.approx(0.683, abs=0.057)  # 3 binomial standard deviations
    assert np.mean(np.abs(deviation) < 2) == pytest.approx(0.954, abs=0.03)


def test_short_chains_have_the_time_of_their_means():
    """Chains of L draws: n error^2 / variance = 1 + 2 sum_{t<L} (1 - t/L) phi^t, and not the limit 19."""
    t = np.arange(1, 20)
    expected = 1 + 2 * np.sum((1 - t / 20) * 0.9**t)
    values = autoregressive(0.9, 20, 20_000, np.random.default_rng(1))
    assert estimate(values).tau == pytest.approx(expected, rel=0.02)


def test_a_short_single_chain_errs_on_the_known_side():
    """10 tau of one chain: the error is too small, as the docstring says, but not by much."""
    rng = np.random.default_rng(8)
    results = [estimate(autoregressive(0.9, 200, 1, rng)) for _ in range(2000)]
    assert 0.54 < np.mean([abs(result.mean) < result.error for result in results]) < 0.65


def test_anticorrelated_draws_earn_no_credit():
    result = estimate(autoregressive(-0.5, 1000, 4, np.random.default_rng(8)))
    assert result.tau == 1 and result.n_effective == 4000


def test_stuck_chains_show_in_the_error():
    """Half the chains in each of two wells (a ferromagnet): the draws look settled, the chains disagree."""
    rng = np.random.default_rng(0)
    wells = np.where(np.arange(10) % 2, 1.0, -1.0)
    result = estimate(wells + 0.1 * rng.standard_normal((5000, 10)))
    assert result.error == pytest.approx(np.sqrt(1 / 9), rel=0.02)
    assert result.n_effective == pytest.approx(9, rel=0.05)


def test_a_slow_motion_too_small_for_the_window_shows_between_chains():
    rng = np.random.default_rng(0)
    offsets = 0.1 * rng.standard_normal(50)  # 1% of the variance never relaxes
    values = offsets + rng.standard_normal((20_000, 50))
    assert estimate(values).error == pytest.approx(offsets.std(ddof=1) / np.sqrt(50), rel=0.1)
    assert estimate(values).tau > 100


def test_values_without_spread_and_single_values():
    assert estimate(np.full((10, 3), 0.1)) == Estimate(pytest.approx(0.1), 0.0, 1.0, 30.0)
    assert estimate([2.5]).error == float("inf")
    assert estimate(torch.tensor([[1.0, 2.0], [3.0, 4.0]])).mean == 2.5
    assert str(Estimate(1.23456789, 0.0123, 1.0, 10.0)) == "1.23457 +- 0.012"


def test_estimate_is_of_the_same_numbers_in_any_unit():
    values = autoregressive(0.7, 500, 4, np.random.default_rng(3))
    plain, scaled = estimate(values), estimate(1e-3 * values - 5)
    assert scaled.mean == pytest.approx(1e-3 * plain.mean - 5)
    assert scaled.error == pytest.approx(1e-3 * plain.error)
    assert scaled.tau == pytest.approx(plain.tau)


@pytest.mark.parametrize("bad, message", [
    ([[1.0, 2.0], [float("nan"), 1.0]], "expected finite values, got nan at draw 1 of chain 0"),
    ([float("inf")], "got inf"), ([], "shape"), (np.zeros((2, 2, 2)), "shape"), (np.zeros((0, 3)), "shape"),
])
def test_bad_values_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        estimate(bad)


def test_estimates_of_very_large_and_very_small_values():
    x = np.random.default_rng(0).normal(1, 1, (50, 20))
    wanted = estimate(x)
    for power in (-1000, 900):
        found = estimate(np.ldexp(x, power))
        assert found.mean == np.ldexp(wanted.mean, power) and found.error == np.ldexp(wanted.error, power)
        assert found.tau == wanted.tau
    with pytest.raises(ValueError, match="real numbers, got dtype complex128"):
        estimate(x + 1j)
