"""Kernels averaged over masks: all masks against random units, Monte Carlo and the closed form against all masks."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from lib.kernels.arc_cosine import arc_cosine_pairs
from lib.kernels.masked import enumerated, monte_carlo, second_order


def inputs(n_pairs=6, d=9, seed=1):
    """Pairs of inputs; the last three pairs are equal, opposite and perpendicular."""
    x, y = np.random.default_rng(seed).normal(size=(2, n_pairs, d))
    y[-3], y[-2] = x[-3], -x[-2]
    x[-1, ::2] = y[-1, 1::2] = 0
    return x, y


def net_estimate(x, y, p, order, n_units, seed):
    """K~_l as the mean over hidden units with weights of variance 1/p that exist with probability p (3.2)."""
    dice = np.random.default_rng(seed)
    w = dice.normal(size=(n_units, x.shape[1])) / np.sqrt(p) * (dice.random((n_units, x.shape[1])) < p)
    values = np.maximum(w @ x.T, 0)**order * np.maximum(w @ y.T, 0)**order
    return values.mean(0), values.std(0) / np.sqrt(n_units)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("p", [0.1, 0.5, 1.0])
def test_the_sum_over_masks_is_the_mean_over_random_units(p, order):
    x, y = inputs()
    value, error = net_estimate(x, y, p, order, 400_000, seed=2)
    assert np.abs(enumerated(x, y, p, order=order) - value) == pytest.approx(0, abs=1e-12 + 5 * error.max())
    assert (np.abs(enumerated(x, y, p, order=order) - value) <= 5 * error + 1e-12).all()


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("p", [0.02, 0.3, 0.9])
def test_monte_carlo_is_the_sum_over_masks_within_its_errors(p, order):
    x, y = inputs(30)
    exact = enumerated(x, y, p, order=order)
    scores = []
    for seed in range(20):
        found = monte_carlo(x, y, p, order=order, n_masks=400, seed=seed)
        scores.append((found.value - exact) / np.maximum(found.error, 1e-13 * np.abs(exact).max()))
    scores = np.array(scores)[:, np.r_[:27, 29]]  # of equal and opposite inputs there is nothing random, or little
    assert np.abs(scores.mean()) < 0.3  # pairs share their masks
    assert 0.8 < np.sqrt(np.mean(scores**2)) < 1.8  # Student's t with seven degrees of freedom: 1.18
    assert (found.error[:27] < 0.5 * exact[:27]).all()


def test_the_linear_part_is_worth_subtracting():
    """Errors far below those of plain averages over as many masks."""
    x, y = np.random.default_rng(4).normal(size=(2, 5, 400))
    masks = np.random.default_rng(5).random((400, 400)) < 0.25
    plain = np.array([arc_cosine_pairs(x * mask, y * mask) for mask in masks]).std(0) / 0.25 / 20
    assert (monte_carlo(x, y, 0.25, n_masks=400, seed=1).error < 0.2 * plain).all()


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("p", [0.5, 0.8])
def test_the_closed_form_is_second_order(order, p):
    """With every input k times, fluctuations fall as k^-1/2: the correction as 1/k, and what is left as 1/k^2."""
    base = np.random.default_rng(6).normal(size=(2, 40, 4))
    errors, corrections = [], []
    for k in (1, 2, 4):
        x, y = np.tile(base, (1, 1, k)) / np.sqrt(k)
        exact, dense = enumerated(x, y, p, order=order), arc_cosine_pairs(x, y, order=order)
        errors.append(np.linalg.norm(second_order(x, y, p, order=order) - exact))
        corrections.append(np.linalg.norm(exact - dense))
    assert errors[2] / errors[1] < 0.36 and errors[1] / errors[0] < 0.6
    assert corrections[2] / corrections[1] == pytest.approx(0.5, abs=0.1)


def test_the_closed_form_holds_where_many_inputs_matter():
    x, y = np.random.default_rng(7).normal(size=(2, 12, 784))
    for order in (1, 2):
        found = monte_carlo(x, y, 0.1, order=order, n_masks=12000, seed=2)
        k = arc_cosine_pairs(x, y, order=order)
        moved = found.value - k
        assert (np.abs(second_order(x, y, 0.1, order=order) - found.value) < 5 * found.error + 0.003 * k).all()
        assert np.corrcoef(second_order(x, y, 0.1, order=order) - k, moved)[0, 1] > 0.98


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(p=strategies.floats(0.05, 1), scale=strategies.floats(0.1, 10), seed=strategies.integers(0, 999))
def test_symmetry_homogeneity_and_equal_inputs(p, scale, seed):
    x, y = inputs(d=6, seed=seed)
    for order in (1, 2):
        for kernel in (enumerated, second_order):
            k = kernel(x, y, p, order=order)
            size = np.abs(k).max()
            assert kernel(y, x, p, order=order) == pytest.approx(k, abs=1e-10 * size)
            scaled = kernel(scale * x, y, p, order=order)
            assert scaled == pytest.approx(scale**order * k, abs=1e-9 * scale**order * size)
        # K~_1(x, x) = |x|^2 / 2, whatever p (3.27), and K~_2(x, x) = 3/2 (|x|^4 + (1 - p)/p sum x^4).
        x2 = x * x
        equal = x2.sum(1) / 2 if order == 1 else 1.5 * (x2.sum(1)**2 + (1 - p) / p * (x2**2).sum(1))
        assert enumerated(x, x, p, order=order) == pytest.approx(equal, rel=1e-10)
        assert second_order(x, x, p, order=order) == pytest.approx(equal, rel=1e-6)
        gram = enumerated(np.repeat(x, len(x), 0), np.tile(x, (len(x), 1)), p, order=order).reshape(len(x), len(x))
        assert np.linalg.eigvalsh(gram).min() > -1e-9 * np.trace(gram)
