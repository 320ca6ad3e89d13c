"""What random features and functions do, each row by a second way or on numbers whose answer is known."""

import numpy as np
import pytest

from lib import rng
from lib.kernels import gaussian_process, measured, random_features
from lib.kernels.arc_cosine import arc_cosine, composed

POINTS = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]])


def test_an_exponent_is_that_of_the_power():
    x = np.array([1.0, 2, 5, 10])
    assert measured.exponent(x, 3 * x**-0.5) == pytest.approx(-0.5)
    assert measured.root_mean_square([3, -4, 0, 0]) == 2.5


def test_a_quotient_has_the_error_of_both_numbers():
    assert measured.quotient(3.0, 0.3, 2.0, 0.0) == (1.5, 0.15)
    assert measured.quotient(3.0, 0.3, 2.0, 0.2) == (1.5, pytest.approx(0.15 * 2**0.5))  # both a tenth


def test_feature_distances_are_those_of_the_drawn_features():
    table = measured.feature_distances(POINTS, ("relu", "cos"), (20, 2000), 3, seed=5)
    psi = random_features.features(POINTS, 20, seed=rng.child_seed(5, "features", 20, 1), activation="relu")
    limit = random_features.kernel(POINTS, activation="relu")
    row = table[(table.activation == "relu") & (table.features == 20) & (table.seed == 1)].iloc[0]
    assert row.error == pytest.approx(np.sqrt(((psi @ psi.T - limit) ** 2).sum() / (limit**2).sum()))
    assert row["as printed"] == pytest.approx(20 * row.ratio) and len(table) == 12
    means = table.groupby(["activation", "features"]).error.mean().unstack()
    assert (means[2000] < means[20] / 4).all()


def test_arc_cosine_averages_are_within_their_errors_and_exact_ones_closed_forms():
    table = measured.arc_cosine_averages(4000, seed=2)
    assert len(table) == 39 and (np.abs(table.estimate - table.exact) <= 4.5 * table.error + 1e-12).all()
    order_1 = table[table.order == 1]
    np.testing.assert_allclose(order_1.exact, 1.2 * (np.sin(order_1.angle) + (np.pi - order_1.angle) * np.cos(
        order_1.angle)) / (2 * np.pi), atol=1e-12)


def test_distances_in_errors_see_a_wrong_kernel():
    kernel = arc_cosine(POINTS)
    values = gaussian_process.draw_prior(kernel, 20_000, seed=4)
    assert measured.in_errors(values, kernel) < 4 and measured.in_errors(values, 1.1 * kernel) > 6
    one = np.array([[1.0], [2.0], [3.0]])  # mean square 14 / 3, its standard error sqrt(98 / 3 - (14 / 3)^2) / sqrt(3)
    assert measured.in_errors(one, np.array([[4.0]])) == pytest.approx((2 / 3) / np.sqrt((98 / 3 - 196 / 9) / 3))


def test_compositions_agree_with_draws_of_the_layer_below():
    found = measured.compositions(POINTS, 20_000, seed=1)
    assert sorted(found) == [(order, depth) for order in (0, 1, 2) for depth in (2, 3)] and max(found.values()) < 4.5
    at = np.maximum(gaussian_process.draw_prior(composed(POINTS, order=1, depth=1), 20_000,
                                                seed=rng.child_seed(1, "composition", 1, 2)), 0)
    assert found[1, 2] == pytest.approx(measured.in_errors(at, composed(POINTS, order=1, depth=2)))
