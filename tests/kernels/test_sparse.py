"""Kernels of sparse nets: all masks against random nets, Monte Carlo and the closed form against all masks."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from lib.kernels import printed
from lib.kernels.arc_cosine import arc_cosine_pairs
from lib.kernels.sparse import (
    Distance,
    enumerated,
    expected_distance,
    mean_squared_distance,
    monte_carlo,
    second_order,
    second_order_distance,
)


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


def test_dense_nets_have_the_arc_cosine_kernel():
    x, y = inputs(d=20)
    for order in (1, 2):
        k = arc_cosine_pairs(x, y, order=order)
        assert second_order(x, y, 1.0, order=order) == pytest.approx(k, rel=1e-12)
        assert monte_carlo(x, y, 1.0, order=order, n_masks=16, seed=1).value == pytest.approx(k, rel=1e-10, abs=1e-12)
    for seed in range(20):  # what is left is rounding, which must not be divided by rounding
        x, y = np.random.default_rng(seed).normal(size=(2, 30, 784))
        found, closed = expected_distance(x, y, 8, 1.0, n_masks=64, seed=seed), second_order_distance(x, y, 8, 1.0)
        assert found.value == pytest.approx(closed.value, rel=1e-10) and abs(found.squared_bias) < 1e-12 * found.value


def distances_of_nets(x, y, p, width, n_nets, seed):
    """Squared distances of the kernels (3.6) of random nets to the infinite dense one (3.7), one mean a net."""
    dice, d = np.random.default_rng(seed), x.shape[1]
    k1, values = arc_cosine_pairs(x, y), []
    for _ in range(n_nets):
        u = dice.normal(size=(width, d)) / np.sqrt(p) * (dice.random((width, d)) < p)
        theta = np.sum(np.maximum(u @ x.T, 0) * np.maximum(u @ y.T, 0), 0) / (width * d)
        values.append(np.mean((theta - k1 / d)**2))
    return np.mean(values), np.std(values) / np.sqrt(n_nets)


@pytest.mark.parametrize("p, width", [(0.05, 200), (0.4, 5)])
def test_the_distance_is_that_of_random_nets(p, width):
    x, y = inputs(40, d=12, seed=8)
    x[:, 0] *= 6  # few inputs that matter, so that the bias counts
    measured, error = distances_of_nets(x, y, p, width, 4000, seed=9)
    found = expected_distance(x, y, width, p, n_masks=4096, seed=3)
    exact = mean_squared_distance(arc_cosine_pairs(x, y), enumerated(x, y, p), enumerated(x, y, p, order=2), width, 12)
    assert abs(exact.value - measured) < 4.5 * error
    assert abs(exact.value - found.value) < 4.5 * found.error and found.error < 0.02 * found.value
    assert found.squared_bias == pytest.approx(exact.squared_bias, rel=0.1)
    assert found.variance == pytest.approx(exact.variance, rel=0.05)


def test_the_squared_bias_is_estimated_without_bias():
    """Few masks give the same on average as the sum over all of them, also where the bias is next to nothing."""
    x, y = inputs(50, d=14, seed=10)
    exact = mean_squared_distance(arc_cosine_pairs(x, y), enumerated(x, y, 0.5), enumerated(x, y, 0.5, order=2), 30, 14)
    found = [expected_distance(x, y, 30, 0.5, n_masks=16, seed=seed) for seed in range(300)]
    for name in ("squared_bias", "variance", "value"):
        values = np.array([getattr(one, name) for one in found])
        assert abs(values.mean() - getattr(exact, name)) < 4 * values.std() / np.sqrt(300)
    for name, error in (("value", "error"), ("squared_bias", "bias_error")):
        errors, values = (np.array([getattr(one, kind) for one in found]) for kind in (error, name))
        assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(), rel=0.2)


def test_many_pairs_go_in_blocks_and_one_seed_gives_one_result():
    x, y = np.random.default_rng(11).normal(size=(2, 1203, 10))
    found = expected_distance(x, y, 20, 0.3, n_masks=64, seed=1)
    assert found == expected_distance(x, y, 20, 0.3, n_masks=64, seed=1)
    assert found != expected_distance(x, y, 20, 0.3, n_masks=64, seed=2)
    exact = mean_squared_distance(arc_cosine_pairs(x, y), enumerated(x, y, 0.3), enumerated(x, y, 0.3, order=2), 20, 10)
    assert abs(found.value - exact.value) < 5 * found.error


def test_printed_formulas_at_the_numbers_of_the_text():
    first, second = printed.distance(328, 784, 8 / 328)
    assert first == pytest.approx((np.sqrt(41) - 1)**2 / 16 / 784) and second == pytest.approx(0.8986788 / 4 / 328)
    assert first + second == pytest.approx(3.0e-3, rel=0.02)
    assert sum(printed.distance(635, 784, 8 / 635)) == pytest.approx(5.3e-3, rel=0.03)
    widths = np.arange(100, 250)  # the smallest printed distance is near the width 8 / p*
    best = widths[np.argmin([sum(printed.distance(int(n), 784, 8 / n)) for n in widths])]
    assert printed.best_connectivity(8, 784) == pytest.approx(np.sqrt(8 / 3136))
    assert best * printed.best_connectivity(8, 784) == pytest.approx(8, rel=0.2)
    assert printed.masked_kernel_diagonal(1, 784, 0.1) == 392
    assert printed.masked_kernel_diagonal(2, 784, 0.1) == pytest.approx(1.5 * 784**2 * (1 + 2 / 78.4))
    assert printed.distance_diagonal(100, 784, 0.1) == pytest.approx((1.25 + 3 / 78.4) / 100)
    # Where no weight is missing, (3.25) and (3.26) are kernels of inputs at the angle whose cosine is sign / sqrt(d).
    x, y = np.zeros((2, 1, 784))
    x[0, 0] = y[0, 0] = 1
    for sign in (1, -1):
        x[0, :2], y[0, :2] = [28, 0], [28 * sign / 28, 28 * np.sqrt(1 - 1 / 784)]
        for order, rel in ((1, 1e-3), (2, 2e-3)):
            assert printed.masked_kernel(order, 784, 1.0, sign) == pytest.approx(
                arc_cosine_pairs(x, y, order=order)[0], rel=rel)


@pytest.mark.parametrize("call, words", [
    (lambda x: enumerated(x, x, 0.0), "connectivity above 0 and up to 1, got 0.0"),
    (lambda x: enumerated(x, x, 1.5), "connectivity above 0 and up to 1, got 1.5"),
    (lambda x: second_order(x, x, float("nan")), "connectivity above 0 and up to 1, got nan"),
    (lambda x: enumerated(x, x, 0.5, order=0), r"order 1 \(the mean\) or 2"),
    (lambda x: enumerated(np.ones((2, 17)), np.ones((2, 17)), 0.5), "at most 16 features .* got 17; try monte_carlo"),
    (lambda x: second_order(x, x[:2], 0.5), "x and y of the same shape, row i of one paired with row i"),
    (lambda x: second_order(x, x[:, :2], 0.5), "same shape"),
    (lambda x: monte_carlo(x, x, 0.5, n_masks=15, seed=1), "n_masks of at least 16, got 15"),
    (lambda x: expected_distance(x, x, 0, 0.5, seed=1), "expected width to be an integer >= 1, got 0"),
    (lambda x: expected_distance(x * np.nan, x, 5, 0.5, seed=1), "finite entries, got nan"),
    (lambda x: second_order(x, x, 1e-300), "connectivity above 0"),
    (lambda x: second_order(x, x, 0.5, order=np.array([1, 2])), "expected order 1"),
    (lambda x: mean_squared_distance(x[0], x[0], x, 5, 4), "of the same pairs, got shapes"),
    (lambda x: mean_squared_distance(x[0], x[0], x[0], 5, 0), "n_inputs to be an integer >= 1"),
    (lambda x: printed.distance(5, 0, 0.5), "n_inputs to be an integer >= 1"),
    (lambda x: printed.masked_kernel(3, 784, 0.5, 1), "expected order 1"),
    (lambda x: printed.masked_kernel_diagonal(0, 784, 0.5), "expected order 1"),
    (lambda x: printed.masked_kernel(1, 784, 0.5, 0), "expected sign 1 or -1, got 0"),
    (lambda x: printed.best_connectivity(-8, 784), "weights_per_input as a number above 0, got -8"),
    (lambda x: printed.best_connectivity(float("nan"), 784), "weights_per_input as a number above 0"),
])
def test_arguments_that_do_not_fit_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(np.ones((3, 4)))


def test_inputs_of_length_zero_have_kernel_zero():
    x, y = np.zeros((1, 5)), np.ones((1, 5))
    for order in (1, 2):
        assert enumerated(x, y, 0.5, order=order) == second_order(x, y, 0.5, order=order) == 0
        assert monte_carlo(x, y, 0.5, order=order, n_masks=16, seed=1).value == 0
    assert second_order_distance(x, y, 5, 0.5) == Distance(0, 0, 0)
