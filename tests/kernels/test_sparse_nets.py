"""Sparse nets of one hidden layer beside their formulas: integrals on a grid, tables of distances."""

import numpy as np
import pytest

from lib import rng
from lib.kernels import printed, sparse, sparse_drawn, sparse_nets
from lib.kernels.arc_cosine import arc_cosine_pairs
from tests.kernels.test_sparse_drawn import pair


@pytest.mark.parametrize("connectivity", [0.3, 1.0])
def test_the_integral_over_weights_is_the_sum_of_arc_cosine_kernels(connectivity):
    x, y = pair(2)
    expected = sparse.enumerated([x], [y], connectivity)[0]
    assert sparse_nets.integrated(x, y, connectivity) == pytest.approx(expected, rel=1e-5)
    assert sparse_nets.integrated(x, y, connectivity, step=0.2, reach=40) == pytest.approx(expected, rel=0.02)


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
    x, y = sparse_drawn.pair_with_overlap(64, rng=rng.stream(4, "pair"))
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
