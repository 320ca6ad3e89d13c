"""Drawn sparse networks and masks: their kernels against sums over all masks."""

import numpy as np
import pytest

from lib import rng
from lib.kernels import sparse, sparse_drawn
from lib.kernels.arc_cosine import arc_cosine_pairs


def pair(d, name="pair"):
    return rng.stream(1, name).standard_normal((2, d))


@pytest.mark.parametrize("connectivity", [1.0, 0.4])
def test_the_mean_of_drawn_kernels_is_that_over_masks(connectivity):
    x, y = pair(6)
    theta = sparse_drawn.drawn_kernels(3, connectivity, 40_000, x, y, rng=rng.stream(2, "nets"))
    assert theta.shape == (40_000,)
    exact = sparse.enumerated([x], [y], connectivity)[0] / 6
    assert abs(theta.mean() - exact) < 4 * theta.std() / 200


def test_drawn_kernels_do_not_depend_on_where_a_batch_ends():
    x, y = pair(3)
    one = sparse_drawn.drawn_kernels(50_000, 0.5, 3, x, y, rng=rng.stream(3, "nets"))  # two nets at a time
    stream = rng.stream(3, "nets")
    u = stream.standard_normal((2, 50_000, 3)) * (stream.random((2, 50_000, 3)) < 0.5) / np.sqrt(0.5)
    by_hand = (np.maximum(u @ x, 0) * np.maximum(u @ y, 0)).mean(axis=1) / 3
    np.testing.assert_allclose(one[:2], by_hand, rtol=1e-12)


def test_moments_of_dense_nets_are_those_of_the_infinite_one_and_fall_with_the_width():
    x, y = pair(6)
    k1 = arc_cosine_pairs([x], [y])[0]
    made_up = {4: k1 / 6 * np.array([0.5, 1.5]), 16: k1 / 6 * np.array([0.8, 1.4])}  # deviations 0.5 and 0.3
    mean, power = sparse_drawn.dense_moments(made_up, x, y)
    assert mean == pytest.approx((1.1, 0.3 / np.sqrt(2))) and power == pytest.approx(2 * np.log(0.6) / np.log(4))
    drawn = {n: sparse_drawn.drawn_kernels(n, 1.0, 20_000, x, y, rng=rng.stream(1, n)) for n in (2, 8)}
    mean, power = sparse_drawn.dense_moments(drawn, x, y)
    assert abs(mean[0] - 1) < 4 * mean[1] and power == pytest.approx(-1, abs=0.1)


def test_single_masks_give_kernels_whose_mean_is_that_over_all_masks():
    x, y = pair(8)
    found = sparse_drawn.single_masks(x, y, 0.5, 20_000, rng=rng.stream(1, "masks"))
    exact, error = sparse.enumerated([x], [y], 0.5)[0], found.kernels.std() / np.sqrt(20_000)
    assert abs(found.kernels.mean() - exact) < 4 * error and found.dense == arc_cosine_pairs([x], [y])[0]
    mean, square = 0.5 * (x @ y), 0.25 * ((x * y) ** 2).sum()  # of the scalar product: mean, and variance
    assert found.overlap == pytest.approx(mean**2 + square, rel=0.05)
    whole = sparse_drawn.single_masks(x, y, 1.0, 3, rng=rng.stream(1, "masks"))
    np.testing.assert_allclose(whole.kernels, whole.dense)


def test_a_pair_has_the_lengths_and_the_overlap_that_are_typical():
    x, y = sparse_drawn.pair_with_overlap(100, rng=rng.stream(4, "pair"))
    assert x @ x == pytest.approx(100) and y @ y == pytest.approx(100) and x @ y == pytest.approx(10)


def test_moments_of_drawn_networks_are_those_of_the_sums_over_masks():
    x, y = pair(5)
    found = sparse_drawn.few_inputs(x, y, 4, 0.5, 20_000, seed=1)
    assert list(found) == ["mean", "variance", "distance"]
    assert all(abs(ratio - 1) < 4.5 * error < 0.3 for ratio, error in found.values())
