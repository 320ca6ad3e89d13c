"""Forms of decay are found in data that have them."""

import numpy as np
import pytest

from lib import rng
from lib.rbm.correlation_decay import covariance, decay, screening
from lib.spins import free_fermions


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
