"""Arc-cosine kernels against quadrature of the integral (2.23), against random networks, and at known angles."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from lib.kernels.arc_cosine import ORDERS, angle, angular, arc_cosine, arc_cosine_pairs, composed, from_moments

ACTIVATIONS = {0: lambda z: np.heaviside(z, 0.5), 1: lambda z: np.maximum(z, 0), 2: lambda z: np.maximum(z, 0) ** 2}


def by_quadrature(x, y, order):
    """(2.23) in the plane of x and y, in polar coordinates: the radial part is 2^l l!."""
    lengths = np.linalg.norm(x) * np.linalg.norm(y)
    alpha = math.acos(np.clip(x @ y / lengths, -1, 1))
    value, _ = quad(lambda t: math.cos(t) ** order * math.cos(t - alpha) ** order, alpha - math.pi / 2, math.pi / 2,
                    epsabs=1e-13, epsrel=1e-13)
    return lengths**order * 2**order * math.factorial(order) * value / (2 * math.pi)


def random_inputs(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) * np.linspace(0.5, 2, n)[:, None]


def at_angles(angles, d=7):
    """A unit vector, and others at the given angles to it."""
    basis = np.linalg.qr(np.random.default_rng(1).normal(size=(d, 2)))[0].T
    return basis[:1], np.cos(angles)[:, None] * basis[0] + np.sin(angles)[:, None] * basis[1]


@pytest.mark.parametrize("order", ORDERS)
def test_kernel_is_the_integral(order):
    x, y = random_inputs(6, 4), random_inputs(5, 4, seed=1)
    expected = [[by_quadrature(a, b, order) for b in y] for a in x]
    np.testing.assert_allclose(arc_cosine(x, y, order=order), expected, rtol=1e-10)
    np.testing.assert_allclose(arc_cosine_pairs(x[:5], y, order=order), np.diag(expected), rtol=1e-10)
    np.testing.assert_allclose(composed(x, y, order=order, depth=1), expected, rtol=1e-10)
    own = arc_cosine(x, order=order)
    np.testing.assert_allclose(own, [[by_quadrature(a, b, order) for b in x] for a in x], rtol=1e-7)
    assert (own == own.T).all()


def test_the_written_out_functions():
    for order, values in {0: (math.pi, math.pi / 2, 0), 1: (math.pi, 1, 0), 2: (3 * math.pi, math.pi / 2, 0)}.items():
        np.testing.assert_allclose(angular(order, [0, math.pi / 2, math.pi]), values, atol=1e-15)
    x, y = random_inputs(6, 4), random_inputs(5, 4, seed=1)
    lengths = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(y, axis=1)
    for order in ORDERS:
        np.testing.assert_allclose(lengths**order * angular(order, angle(x, y)) / (2 * np.pi),
                                   arc_cosine(x, y, order=order), rtol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_kernel_of_random_networks(depth, order):
    """Inner products of the outputs of random nets (2.29), (2.30), of a finite width and so with a bias of 1/width."""
    generator = np.random.default_rng([depth, order])
    x = generator.normal(size=(4, 3)) / (1.0 if order < 2 else 1.5)
    width, n_nets = 600, 60 if depth > 1 else 200
    found = np.empty((n_nets, 4, 4))
    for net in range(n_nets):
        h = x
        for _ in range(depth):
            weights = generator.standard_normal((width, h.shape[1]))
            h = ACTIVATIONS[order](h @ weights.T) / math.sqrt(width)
        found[net] = h @ h.T
    error = found.std(0, ddof=1) / math.sqrt(n_nets)
    expected = composed(x, order=order, depth=depth)
    assert (error < (0.04 if order < 2 else 0.2) * expected.max()).all()
    assert (np.abs(found.mean(0) - expected) < 4.5 * error + 1e-15).all()
    if depth > 1 and order < 2:  # another level would show
        assert (np.abs(found.mean(0) - composed(x, order=order, depth=depth - 1)) > 4.5 * error).any()


def test_composition_is_the_kernel_of_explicit_features():
    """Level two is the first-order kernel of inputs that have the kernel of level one as inner products."""
    x = random_inputs(6, 4)
    for order in (1, 2):
        hidden = np.linalg.cholesky(arc_cosine(x, order=order))
        np.testing.assert_allclose(composed(x, order=order, depth=2), arc_cosine(hidden, order=order), rtol=1e-9)
    # Equal lengths stay equal and angles shrink: the kernel of ReLUs tends to a constant.
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    deep = composed(unit, depth=300) * 2**300
    np.testing.assert_allclose(np.diag(deep), 1, rtol=1e-12)
    assert 0.999 < deep.min() < 1


def test_angles_are_accurate_at_both_ends():
    angles = np.array([0, 1e-15, 1e-12, 1e-9, 1e-7, 1e-5, 1e-3, 0.0099, 0.0101, 1.0, math.pi / 2])
    x, y = at_angles(angles)
    for scale in (1, 3.7, 1e-60, 1e60):
        np.testing.assert_allclose(angle(x, scale * y)[0], angles, rtol=1e-11, atol=1e-15)
        np.testing.assert_allclose(angle(x, -scale * y)[0], np.pi - angles, rtol=0, atol=1e-13)
    np.testing.assert_allclose(arc_cosine(x, y, order=0)[0], 0.5 - angles / (2 * np.pi), rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(arc_cosine(x, -y, order=0)[0], angles / (2 * np.pi), rtol=1e-12, atol=1e-15)
    pairs = arc_cosine_pairs(np.tile(x, (11, 1)), y, order=0)
    np.testing.assert_allclose(pairs, 0.5 - angles / (2 * np.pi), rtol=1e-15)
    some = random_inputs(50, 20)
    assert (np.diag(angle(some)) == 0).all() and (np.diag(arc_cosine(some, order=0)) == 0.5).all()
    assert (np.diag(composed(some, order=0, depth=5)) == 0.5).all()
    tiny = np.linspace(1e-9, 1e-6, 511)  # 260,000 close pairs, more than are gathered at a time
    np.testing.assert_allclose(angle(np.repeat(x, 511, 0), at_angles(tiny)[1]), np.tile(tiny, (511, 1)), rtol=1e-6)
    opposite = np.r_[np.linspace(0.05, 1e-9, 50), np.linspace(1e-4, 1e-6, 50)]
    for order, leading in ((1, opposite**3 / 3), (2, 4 * opposite**5 / 15)):  # J_l(pi - t) for small t
        found = arc_cosine(x, -at_angles(opposite)[1], order=order)[0]
        assert (found >= 0).all()
        np.testing.assert_allclose(2 * np.pi * found, leading, rtol=2e-3, atol=1e-14)


@settings(max_examples=30)
@given(order=st.sampled_from(ORDERS), seed=st.integers(0, 10_000), scale=st.floats(1e-3, 1e3), depth=st.integers(1, 3))
def test_composed_kernels_are_homogeneous_and_symmetric(order, seed, scale, depth):
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(8, 3)), generator.normal(size=(5, 3))
    kernel = composed(x, y, order=order, depth=depth)
    np.testing.assert_allclose(composed(scale * x, y, order=order, depth=depth), scale ** order**depth * kernel,
                               rtol=1e-9 if order else 1e-7)
    np.testing.assert_allclose(composed(y, x, order=order, depth=depth), kernel.T, rtol=1e-12)
    rotation = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    np.testing.assert_allclose(composed(x @ rotation, y @ rotation, order=order, depth=depth), kernel, rtol=1e-6)
    own = composed(x, order=order, depth=depth)
    assert np.linalg.eigvalsh(own)[0] > -1e-12 * np.trace(own) and (own >= 0).all()
    diagonal, squares = np.diag(own), (x**2).sum(1)
    for _ in range(depth):  # J_l(0) / (2 pi) = 1/2, 1/2, 3/2
        squares = (0.5, 0.5, 1.5)[order] * squares**order
    np.testing.assert_allclose(diagonal, squares, rtol=1e-12)
    assert (own <= np.sqrt(np.outer(diagonal, diagonal)) * (1 + 1e-12)).all()


def test_from_moments_broadcasts_and_is_zero_without_length(recwarn):
    x, y = random_inputs(6, 4), random_inputs(5, 4, seed=1)
    masks = np.random.default_rng(2).random((7, 4)) < 0.3
    masks[0] = False
    assert (masks.sum(1) == 0).any() and (masks.sum(1) > 1).any()
    for order in ORDERS:
        xx, yy = (np.einsum("nd,sd->sn", a**2, masks) for a in (x, y))
        xy = np.einsum("nd,md,sd->snm", x, y, masks)
        found = from_moments(xx[:, :, None], yy[:, None], xy, order)
        assert found.shape == (7, 6, 5)
        for s, mask in enumerate(masks):
            expected = np.zeros((6, 5)) if not mask.any() else arc_cosine(x * mask, y * mask, order=order)
            np.testing.assert_allclose(found[s], expected, rtol=1e-7, atol=2e-8)
    assert from_moments(4.0, 9.0, 6.0, 1) == pytest.approx(3, rel=1e-15)
    assert from_moments(0, 9, 0, 0) == 0 and from_moments(4, 9, -6.0000001, 1) == 0
    zero = np.zeros((1, 4))
    for order in (1, 2):
        assert (arc_cosine(np.r_[x, zero], y, order=order)[-1] == 0).all()
        assert composed(np.r_[x, zero], order=order, depth=3)[-1].tolist() == [0] * 7
        assert arc_cosine_pairs(zero, y[:1], order=order).tolist() == [0]
    assert not recwarn.list


@pytest.mark.parametrize("make, words", [
    (lambda: arc_cosine([[1.0]], order=3), "expected order 0, 1 or 2, got 3; try order=1"),
    (lambda: arc_cosine([[1.0]], order=True), "expected order 0, 1 or 2, got True"),
    (lambda: arc_cosine([[1.0]], order="1"), "expected order"),
    (lambda: angular(1.5, 0), "expected order"),
    (lambda: angular(1, 4), "expected alpha from 0 to pi, got 4.0"),
    (lambda: angular(1, [0, float("nan")]), "expected alpha from 0 to pi, got nan"),
    (lambda: angle([[1.0], [0.0]]), "expected x with rows other than 0, .* got 0 in row 1"),
    (lambda: arc_cosine([[1.0]], [[0.0]], order=0), "expected y with rows other than 0, .* arc_cosine of order 1"),
    (lambda: composed([[1.0], [0.0]], order=0, depth=2), "expected x with rows other than 0"),
    (lambda: arc_cosine_pairs([[0.0]], [[1.0]], order=0), "expected x with rows other than 0"),
    (lambda: arc_cosine_pairs(np.ones((2, 3)), np.ones((3, 3))), r"got \(2, 3\) and \(3, 3\); try arc_cosine\(x, y\)"),
    (lambda: composed([[1.0]], depth=0), "expected depth to be an integer >= 1, got 0"),
    (lambda: from_moments(-1, 1, 0, 1), "expected xx as squared lengths >= 0, got -1.0"),
    (lambda: from_moments(1, [1, float("nan")], 0, 1), "expected yy made of finite numbers, got nan"),
    (lambda: arc_cosine([[float("nan")]]), "expected x with finite entries"),
    (lambda: arc_cosine([[1.0, 2.0]], [[1.0]]), "same number of features, got 2 and 1"),
])
def test_bad_input_is_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()
