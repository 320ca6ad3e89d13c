"""Distances of sparse nets to the infinite dense one: against random nets, and in closed form."""

import numpy as np
import pytest

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
from tests.kernels.test_masked import inputs


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
