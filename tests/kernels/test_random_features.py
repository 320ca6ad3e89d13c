"""Features against kernels by Monte Carlo with standard errors; least squares against numpy's lstsq and pinv."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf

from lib.kernels import random_features as rf

ACTIVATIONS = list(rf.ACTIVATIONS)
X = np.random.default_rng(0).normal(size=(5, 3)) * [[0.3], [1.0], [2.0], [1.0], [0.5]]
Y = np.random.default_rng(1).normal(size=(4, 3))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_inner_products_are_the_kernel_within_their_standard_error(activation):
    n = 400_000
    psi = rf.features(np.concatenate([X, Y]), n, seed=1, activation=activation, length_scale=1.3)
    products = n * psi[:5, None] * psi[None, 5:]  # x, y, feature: each term an estimate of the kernel
    estimate, error = products.mean(axis=2), products.std(axis=2) / np.sqrt(n)
    exact = rf.kernel(X, Y, activation=activation, length_scale=1.3)
    assert (np.abs(estimate - exact) < 4.5 * error).all()
    assert error.max() < 0.01 * max(np.abs(exact).max(), 1)
    np.testing.assert_allclose(psi[:5] @ psi[5:].T, estimate, rtol=1e-10)


@pytest.mark.parametrize("activation, function", [("erf", erf), ("relu", lambda z: np.maximum(z, 0))])
def test_kernels_by_quadrature(activation, function):
    """E over the two numbers u.x and u.y, by a grid in two dimensions, with no random numbers."""
    x, y = X[:1], Y[:1]
    root = np.linalg.cholesky(np.array([[(x @ x.T).item(), (x @ y.T).item()], [(x @ y.T).item(), (y @ y.T).item()]]))
    grid = np.linspace(-9, 9, 3001)
    weight = np.exp(-(grid**2) / 2)
    first = root[0, 0] * grid[:, None]
    second = root[1, 0] * grid[:, None] + root[1, 1] * grid
    total = (weight[:, None] * weight * function(first) * function(second)).sum() / weight.sum() ** 2
    assert rf.kernel(x, y, activation=activation).item() == pytest.approx(total, rel=1e-5)


def test_the_kernel_of_cosines_is_the_gaussian():
    distances = np.linalg.norm(X[:, None] - Y, axis=2)
    np.testing.assert_allclose(rf.kernel(X, Y, activation="cos", length_scale=0.7),
                               np.exp(-(distances**2) / 2 / 0.49), rtol=1e-12)
    np.testing.assert_allclose(np.diagonal(rf.kernel(X, activation="cos")), 1, rtol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_error_falls_as_one_over_the_root_of_the_number(activation):
    exact = rf.kernel(X, Y, activation=activation)
    error = [np.mean([((psi[:5] @ psi[5:].T - exact) ** 2).mean() for psi in (
        rf.features(np.concatenate([X, Y]), n, seed=seed, activation=activation) for seed in range(60))])
        for n in (50, 3200)]
    assert 64 / 2 < error[0] / error[1] < 64 * 2  # the square of the error falls 64 times


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_more_features_continue_the_first(activation, monkeypatch):
    few, many = (np.sqrt(n) * rf.features(X, n, seed=2, activation=activation) for n in (7, 50))
    np.testing.assert_allclose(many[:, :7], few, rtol=1e-12)
    assert np.abs(rf.features(X, 7, seed=3, activation=activation) - few / np.sqrt(7)).max() > 0.01
    monkeypatch.setattr(rf, "_BLOCK", 9)  # three features at a time
    np.testing.assert_allclose(np.sqrt(50) * rf.features(X, 50, seed=2, activation=activation), many, rtol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("x", [X, X[:2]], ids=["more inputs than dimensions", "fewer"])
def test_outputs_of_networks_have_the_kernel_as_covariance_at_any_width(activation, x, monkeypatch):
    monkeypatch.setattr(rf, "_BLOCK", 2**15)  # several blocks
    n_networks = 60_000
    exact = rf.kernel(x, activation=activation)
    for width in (1, 6):
        outputs = rf.network_outputs(x, width, n_networks, seed=4, activation=activation)
        products = outputs[:, :, None] * outputs[:, None]
        error = products.std(axis=0) / np.sqrt(n_networks)
        assert (np.abs(products.mean(axis=0) - exact) < 4.5 * error).all()
        assert error.max() < 0.05 * exact.max()


def test_the_excess_kurtosis_of_relu_networks_is_15_over_the_width():
    """Given u, an output is normal with variance s = mean of relu^2; E s^2 / (E s)^2 = 1 + 5 / width."""
    width, n_networks = 8, 400_000
    f = rf.network_outputs([[0.6, 0.8]], width, n_networks, seed=5)[:, 0]
    f2 = f**2
    estimate = (f2**2).mean() / f2.mean() ** 2 - 3
    error = np.std(f2**2 / f2.mean() ** 2 - 2 * (estimate + 3) * f2 / f2.mean()) / np.sqrt(n_networks)  # delta method
    assert abs(estimate - 15 / width) < 4.5 * error < 0.5


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 12), p=st.integers(1, 12), rank=st.integers(1, 12))
def test_fit_is_the_minimum_norm_solution(seed, n, p, rank):
    generator = np.random.default_rng(seed)
    rank = min(rank, n, p)
    psi = generator.normal(size=(n, rank)) @ generator.normal(size=(rank, p))
    targets = generator.normal(size=(n, 2))
    ours = rf.fit_minimum_norm(psi, targets)
    theirs = np.linalg.pinv(psi, rcond=1e-10) @ targets
    scale = np.linalg.norm(theirs) + 1e-12
    if np.linalg.svd(psi)[1][rank - 1] > 1e-4:  # else the rank itself is in doubt
        np.testing.assert_allclose(ours, theirs, atol=1e-8 * scale)
        np.testing.assert_allclose(ours, np.linalg.lstsq(psi, targets, rcond=None)[0], atol=1e-8 * scale)
        np.testing.assert_allclose(rf.fit_minimum_norm(psi, targets[:, 0]), ours[:, 0], atol=1e-10 * scale)


@pytest.mark.parametrize("shape", [(9, 4), (9, 30), (7, 7)])
def test_ridge_solves_the_penalized_normal_equations(shape):
    generator = np.random.default_rng(6)
    psi, targets = generator.normal(size=shape), generator.normal(size=(shape[0], 3))
    ours = rf.fit_minimum_norm(psi, targets, ridge=0.3)
    np.testing.assert_allclose(psi.T @ (psi @ ours - targets) + 0.3 * ours, 0, atol=1e-10)
    small, large = (np.linalg.norm(rf.fit_minimum_norm(psi, targets, ridge=ridge)) for ridge in (1e-3, 10.0))
    assert large < np.linalg.norm(ours) < small


def test_double_descent_fits_every_set_of_targets_with_the_same_features():
    generator = np.random.default_rng(7)
    x, x_test = generator.normal(size=(20, 3)), generator.normal(size=(9, 3))
    clean, test = x[:, :2], x_test[:, :2]
    noisy = clean + generator.normal(size=clean.shape)
    rows = rf.double_descent(x, [clean, noisy], x_test, test, [5, 80], seed=8)
    for row in rows:
        alone = rf.double_descent(x, [noisy], x_test, test, [row.n_features], seed=8)[0]
        for ours, theirs in ((row.train, alone.train), (row.test, alone.test), (row.norm, alone.norm)):
            assert ours[1] == pytest.approx(theirs[0], rel=1e-6, abs=1e-20)
        psi = rf.features(np.concatenate([x, x_test]), row.n_features,
                          seed=rf.rng.child_seed(8, "double descent", row.n_features))
        coefficients = np.linalg.lstsq(psi[:20], noisy, rcond=None)[0]
        assert row.test[1] == pytest.approx(((psi[20:] @ coefficients - test) ** 2).sum() / 9, rel=1e-6)
        assert row.train[1] == pytest.approx(((psi[:20] @ coefficients - noisy) ** 2).sum() / 20, rel=1e-6, abs=1e-20)
        assert row.norm[1] == pytest.approx(np.linalg.norm(coefficients), rel=1e-6)
    assert [row.n_features for row in rows] == [5, 80]
    assert rows[0].train.min() > 0.1 and rows[1].train.max() < 1e-20


@pytest.mark.parametrize("make, words", [
    (lambda: rf.features(X, 0, seed=1), "expected n_features to be an integer >= 1, got 0"),
    (lambda: rf.features(X, 3, seed=1, activation="tanh"), "among step, relu, squared_relu, erf, cos, got 'tanh'"),
    (lambda: rf.features(X, 3, seed=1, length_scale=0.0), "length_scale as a finite number above 0, got 0.0"),
    (lambda: rf.features(X[0], 3, seed=1), "expected x as a table"),
    (lambda: rf.features(X, 3, seed=-1), "seed"),
    (lambda: rf.kernel(X, activation="tanh"), "among step, relu"),
    (lambda: rf.kernel(X, Y[:, :2], activation="erf"), "same number of features"),
    (lambda: rf.network_outputs(X, 3, 0, seed=1), "expected n_networks"),
    (lambda: rf.network_outputs(X, 3, 2, seed=1, activation="cos"), "without phases"),
    (lambda: rf.fit_minimum_norm(X, np.ones(4)), r"targets as \(5,\) or \(5, n_outputs\), .* got shape \(4,\)"),
    (lambda: rf.fit_minimum_norm(X, [1, 2, 3, 4, np.nan]), "finite targets"),
    (lambda: rf.fit_minimum_norm(X, np.ones(5), ridge=-1.0), "expected ridge to be a finite number >= 0, got -1.0"),
    (lambda: rf.double_descent(X, [X], Y, Y[:, :2], [3], seed=1), "expected y_test with one row for each"),
])
def test_bad_input_is_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()
