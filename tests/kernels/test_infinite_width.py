"""Kernels of infinitely wide networks: the fused loops against the formulas, and those against quadrature."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.kernels._fused import TILE, arcsine_and_square
from lib.kernels.arc_cosine import arc_cosine
from lib.kernels.infinite_width import ACTIVATIONS, analytic, recursion


def random_inputs(n, d=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) * np.linspace(0.3, 2, n)[:, None]


def by_recursion(x, y, **arguments):
    d = x.shape[1]
    return recursion((x**2).sum(1)[:, None] / d, (y**2).sum(1) / d, x @ y.T / d, **arguments)


def by_quadrature(x, y, depth, activation, weight_variance, bias_variance):
    """Both kernels of two inputs with Gauss-Hermite sums for the expectations, in the form of the recursion."""
    phi, slope = {"relu": (lambda u: np.maximum(u, 0), lambda u: 1.0 * (u > 0)),
                  "erf": (lambda u: torch.erf(torch.tensor(u)).numpy(),
                          lambda u: 2 / math.sqrt(math.pi) * np.exp(-u * u))}[activation]
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    weights = np.outer(weights, weights) / (2 * math.pi)
    inner = np.stack([x, y])
    s = weight_variance * inner @ inner.T / len(x) + bias_variance
    t = s
    for _ in range(depth):
        root = np.linalg.cholesky(s)
        u = [root[0, 0] * nodes[:, None] + 0 * nodes, root[1, 0] * nodes[:, None] + root[1, 1] * nodes]
        means = [np.array([[(weights * f(a) * f(b)).sum() for b in u] for a in u]) for f in (phi, slope)]
        s = weight_variance * means[0] + bias_variance
        t = s + weight_variance * means[1] * t
    return s, t


@settings(max_examples=25)
@given(n=st.sampled_from([1, 2, TILE - 1, TILE, TILE + 1, 3 * TILE + 5]), m=st.sampled_from([1, 7, TILE, 2 * TILE + 3]),
       depth=st.integers(1, 4), activation=st.sampled_from(ACTIVATIONS), weight_variance=st.floats(0.1, 4),
       bias_variance=st.one_of(st.just(0.0), st.floats(0.01, 2)))
def test_fused_loops_do_the_recursion(n, m, **arguments):
    x, y = random_inputs(n), random_inputs(m, seed=1)
    for kernel, expected in zip(analytic(x, y, **arguments), by_recursion(x, y, **arguments)):
        np.testing.assert_allclose(kernel, expected, rtol=1e-7, atol=1e-13)
        assert np.median(np.abs(kernel / expected - 1)) < 1e-14
    off = ~np.eye(n, dtype=bool)
    for kernel, expected in zip(analytic(x, **arguments), by_recursion(x, x, **arguments)):
        np.testing.assert_allclose(kernel[off], expected[off], rtol=1e-7, atol=1e-13)
        np.testing.assert_allclose(np.diag(kernel), np.diag(expected), rtol=1e-7)
        assert (kernel == kernel.T).all()


def test_arcsine_of_the_fused_loops():
    ratios = np.r_[np.linspace(-1, 1, 20_001), 0.5, np.nextafter(0.5, 1), -np.geomspace(1e-300, 1, 500),
                   1 - np.geomspace(1e-16, 0.5, 500)]
    found = np.array([arcsine_and_square(ratio, 1.0) for ratio in ratios])
    np.testing.assert_allclose(found[:, 0], np.arcsin(ratios), rtol=6e-16)
    np.testing.assert_allclose(found[:, 1], (1 - ratios) * (1 + ratios), rtol=6e-16)
    np.testing.assert_allclose(arcsine_and_square(-1.5, 3.0), (-math.pi / 6, 6.75), rtol=6e-16)
    assert arcsine_and_square(2 + 1e-15, 2.0) == (math.pi / 2, 0) and arcsine_and_square(0.0, 0.0) == (0, 0)
    assert np.isnan(arcsine_and_square(math.nan, 1.0)).any() and np.isnan(arcsine_and_square(0.5, math.nan)).any()


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("activation, tolerance", [("erf", 1e-9), ("relu", 0.02)])  # a kink costs the sums digits
def test_kernels_are_those_of_the_expectations(activation, tolerance, depth):
    x, y = random_inputs(2)
    for variances in ((2.0, 0.0), (1.3, 0.4)):
        own = analytic(np.stack([x, y]), depth=depth, activation=activation, weight_variance=variances[0],
                       bias_variance=variances[1])
        for kernel, expected in zip(own, by_quadrature(x, y, depth, activation, *variances)):
            np.testing.assert_allclose(kernel, expected, rtol=tolerance)


@settings(max_examples=20)
@given(depth=st.integers(1, 5), seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3))
def test_diagonals_scales_and_depths_follow_their_identities(depth, seed, scale):
    x = np.random.default_rng(seed).normal(size=(9, 4))
    nngp, ntk = analytic(x, depth=depth)
    squares = (x**2).sum(1) / 4
    np.testing.assert_allclose(np.diag(nngp), 2 * squares, rtol=1e-13)  # a^2 = 2 keeps the scale
    np.testing.assert_allclose(np.diag(ntk), 2 * (depth + 1) * squares, rtol=1e-13)  # each layer adds as much
    for kernel, scaled in zip((nngp, ntk), analytic(scale * x, x, depth=depth)):
        np.testing.assert_allclose(scaled, scale * kernel, rtol=1e-7)
    if depth == 1:
        for a2 in (2.0, 0.7):
            np.testing.assert_allclose(analytic(x, depth=1, weight_variance=a2).nngp,
                                       a2**2 / 4 * arc_cosine(x), rtol=1e-12, atol=1e-15)
    for activation, bias_variance in itertools.product(ACTIVATIONS, (0.0, 0.5)):
        nngp, ntk = analytic(x, depth=depth, activation=activation, bias_variance=bias_variance)
        for kernel in (nngp, ntk, ntk - nngp):
            assert np.linalg.eigvalsh(kernel)[0] > -1e-12 * np.trace(kernel)
    odd = analytic(x, -x, depth=depth, activation="erf")  # an odd activation
    even = analytic(x, depth=depth, activation="erf")
    np.testing.assert_allclose(odd.ntk, -even.ntk, rtol=1e-12)


def test_error_functions_of_large_numbers_are_their_signs():
    """The kernels tend to those of a step from -1 to 1, a^2 (1 - 2 alpha / pi)."""
    x = random_inputs(4)
    for kernel in (analytic(1e9 * x, depth=1, activation="erf", weight_variance=1.0).nngp,
                   by_recursion(1e9 * x, 1e9 * x, depth=1, activation="erf", weight_variance=1.0).nngp):
        np.testing.assert_allclose(kernel, 4 * arc_cosine(x, order=0) - 1, atol=1e-7)
    for scale, tolerance in ((1, 1e-14), (10, 1e-12), (1e3, 1e-8), (1e9, 1)):
        s = scale**2 * (x**2).sum(1) / 5  # E[phi'^2] = 4 / (pi sqrt(1 + 4 S)) for one variable
        expected = 2 / np.pi * np.arcsin(2 * s / (1 + 2 * s)) + 4 / np.pi / np.sqrt(1 + 4 * s) * s
        for other in (None, scale * x):
            found = np.diag(analytic(scale * x, other, depth=1, activation="erf", weight_variance=1.0).ntk)
            np.testing.assert_allclose(found, expected, rtol=1e-14 if other is None else tolerance)
