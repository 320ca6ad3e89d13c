"""Sparse nets of one hidden layer beside their formulas: drawn kernels, integrals on a grid, tables of distances."""

import numpy as np
import pytest

from lib import rng
from lib.kernels import printed, sparse, sparse_nets
from lib.kernels.arc_cosine import arc_cosine_pairs


def pair(d, name="pair"):
    return rng.stream(1, name).standard_normal((2, d))


@pytest.mark.parametrize("connectivity", [1.0, 0.4])
def test_the_mean_of_drawn_kernels_is_that_over_masks(connectivity):
    x, y = pair(6)
    theta = sparse_nets.drawn_kernels(3, connectivity, 40_000, x, y, rng=rng.stream(2, "nets"))
    assert theta.shape == (40_000,)
    exact = sparse.enumerated([x], [y], connectivity)[0] / 6
    assert abs(theta.mean() - exact) < 4 * theta.std() / 200


def test_drawn_kernels_do_not_depend_on_where_a_batch_ends():
    x, y = pair(3)
    one = sparse_nets.drawn_kernels(50_000, 0.5, 3, x, y, rng=rng.stream(3, "nets"))  # two nets at a time
    stream = rng.stream(3, "nets")
    u = stream.standard_normal((2, 50_000, 3)) * (stream.random((2, 50_000, 3)) < 0.5) / np.sqrt(0.5)
    by_hand = (np.maximum(u @ x, 0) * np.maximum(u @ y, 0)).mean(axis=1) / 3
    np.testing.assert_allclose(one[:2], by_hand, rtol=1e-12)


def test_moments_of_dense_nets_are_those_of_the_infinite_one_and_fall_with_the_width():
    x, y = pair(6)
    k1 = arc_cosine_pairs([x], [y])[0]
    made_up = {4: k1 / 6 * np.array([0.5, 1.5]), 16: k1 / 6 * np.array([0.8, 1.4])}  # deviations 0.5 and 0.3
    mean, power = sparse_nets.dense_moments(made_up, x, y)
    assert mean == pytest.approx((1.1, 0.3 / np.sqrt(2))) and power == pytest.approx(2 * np.log(0.6) / np.log(4))
    drawn = {n: sparse_nets.drawn_kernels(n, 1.0, 20_000, x, y, rng=rng.stream(1, n)) for n in (2, 8)}
    mean, power = sparse_nets.dense_moments(drawn, x, y)
    assert abs(mean[0] - 1) < 4 * mean[1] and power == pytest.approx(-1, abs=0.1)


def test_single_masks_give_kernels_whose_mean_is_that_over_all_masks():
    x, y = pair(8)
    found = sparse_nets.single_masks(x, y, 0.5, 20_000, rng=rng.stream(1, "masks"))
    exact, error = sparse.enumerated([x], [y], 0.5)[0], found.kernels.std() / np.sqrt(20_000)
    assert abs(found.kernels.mean() - exact) < 4 * error and found.dense == arc_cosine_pairs([x], [y])[0]
    mean, square = 0.5 * (x @ y), 0.25 * ((x * y) ** 2).sum()  # of the scalar product: mean, and variance
    assert found.overlap == pytest.approx(mean**2 + square, rel=0.05)
    whole = sparse_nets.single_masks(x, y, 1.0, 3, rng=rng.stream(1, "masks"))
    np.testing.assert_allclose(whole.kernels, whole.dense)


@pytest.mark.parametrize("connectivity", [0.3, 1.0])
def test_the_integral_over_weights_is_the_sum_of_arc_cosine_kernels(connectivity):
    x, y = pair(2)
    expected = sparse.enumerated([x], [y], connectivity)[0]
    assert sparse_nets.integrated(x, y, connectivity) == pytest.approx(expected, rel=1e-5)
    assert sparse_nets.integrated(x, y, connectivity, step=0.2, reach=40) == pytest.approx(expected, rel=0.02)


def test_a_pair_has_the_lengths_and_the_overlap_that_are_typical():
    x, y = sparse_nets.pair_with_overlap(100, rng=rng.stream(4, "pair"))
    assert x @ x == pytest.approx(100) and y @ y == pytest.approx(100) and x @ y == pytest.approx(10)


@pytest.mark.parametrize("order, power, exact", [(1, 1.5, {0: 1, 0.5: np.pi / 2}), (2, 1.0, {0: np.pi / 2, 0.5: 4})])
def test_what_remains_after_right_terms_stays_and_after_wrong_ones_grows(order, power, exact):
    small, large = (abs(sparse_nets.remainder(order, power, exact, q)) for q in (1e4, 1e6))
    assert 0.3 < large / small < 3
    wrong = exact | {0.5: 2 * exact[0.5]}
    assert abs(sparse_nets.remainder(order, power, wrong, 1e6)) > 100 * abs(large)


def test_a_row_of_distances_holds_the_exact_the_closed_and_the_printed_one():
    x, y = rng.stream(5, "pairs").standard_normal((2, 30, 20))
    table = sparse_nets.distances(x, y, [16, 32], 8, 64, seed=1)
    assert table.width.tolist() == [16, 32] and table.connectivity.tolist() == [0.5, 0.25]
    row, exact = table.iloc[0], sparse.expected_distance(x, y, 16, 0.5, n_masks=64, seed=1)
    assert tuple(row[["exact", "exact_bias", "exact_variance", "error", "bias_error"]]) == tuple(exact)
    assert row.closed == sparse.second_order_distance(x, y, 16, 0.5).value
    assert (row.printed_bias, row.printed_variance) == printed.distance(16, 20, 0.5)
    assert arc_cosine_pairs(x[:1], y[:1]).shape == (1,)


def test_a_scan_is_in_units_of_the_dense_kernel_and_ends_there():
    x, y = sparse_nets.pair_with_overlap(64, rng=rng.stream(4, "pair"))
    scan, whole = sparse_nets.mask_scan(x, y, [0.25, 1.0], 2000, seed=1), arc_cosine_pairs([x], [y])[0]
    assert scan.monte_carlo[1] == pytest.approx(1) and scan.closed_form[1] == pytest.approx(1)
    assert abs(scan.monte_carlo[0] - scan.closed_form[0]) < 5 * scan.error[0] + 0.02
    assert list(scan.printed) == [printed.masked_kernel(1, 64, p, 1) / whole for p in (0.25, 1.0)]


def test_the_diagonal_has_the_moments_of_normal_inputs():
    inputs = rng.stream(6, "inputs").standard_normal((400, 60))
    found = sparse_nets.diagonal(inputs, 20, 0.2, 400, seed=1)
    for name, exact in (("first", 1.0), ("second", 3 - 0.2), ("distance", 1.5 * (3 - 0.2) - 0.0)):
        assert abs(found[name][0] - exact) < 6 * found[name][1] + 0.15, name


def test_the_closed_form_leaves_less_the_more_components_there_are():
    assert 1.5 < sparse_nets.closed_order(40, 0.7, seed=1) < 3


def test_the_leading_optimum_is_that_of_the_two_terms():
    widths, slope = np.arange(8, 635), 1 - 1 / np.pi**2
    exact = 6352 / (10 + np.sqrt(30 / slope))  # where slope / 4 n^2 = 30 / 4 (N - 10 n)^2
    assert abs(sparse_nets.leading_best_width(widths, 6352) - exact) <= 1


def test_moments_of_drawn_networks_are_those_of_the_sums_over_masks():
    x, y = pair(5)
    found = sparse_nets.few_inputs(x, y, 4, 0.5, 20_000, seed=1)
    assert list(found) == ["mean", "variance", "distance"]
    assert all(abs(ratio - 1) < 4.5 * error < 0.3 for ratio, error in found.values())
