"""Tables of chapter 2, each row by a second way or on numbers whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from lib import rng
from lib.kernels import fully_connected, gaussian_process, measured, neural_tangent, random_features
from lib.kernels.arc_cosine import arc_cosine, composed

POINTS = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]])


def test_targets_have_mean_zero_and_one_large_entry():
    found = measured.targets([3, 0])
    assert found[0].argmax() == 3 and found[1].argmax() == 0 and np.abs(found.sum(axis=1)).max() < 1e-12
    assert found.max() == 0.9 and found.min() == -0.1


def test_an_exponent_is_that_of_the_power():
    x = np.array([1.0, 2, 5, 10])
    assert measured.exponent(x, 3 * x**-0.5) == pytest.approx(-0.5)
    assert measured.root_mean_square([3, -4, 0, 0]) == 2.5


def test_double_descent_reads_each_choice_of_images_once_and_fits_all_beyond_the_threshold():
    table = measured.double_descent(50, [10, 50, 200], [0.0, 0.5], 2, seed=3)
    assert len(table) == 2 * 3 * 2 and sorted(table["size"].unique()) == [0.2, 1.0, 4.0]
    assert table[table.features == 200].training.max() < 1e-9 < table[table.features == 10].training.min()
    means = table.groupby(["noise", "features"]).test.mean()
    assert means[0.5, 200] > means[0.0, 200] and means[0.0, 200] < means[0.0, 10]
    pd.testing.assert_frame_equal(table, measured.double_descent(50, [10, 50, 200], [0.0, 0.5], 2, seed=3))


def test_sweet_spots_are_the_lowest_medians_below_the_threshold():
    rows = [(seed, 0.1, size, 0.0, test * (1 + seed)) for seed in (0, 1, 2)
            for size, test in ((0.2, 4.0), (0.5, 2.0), (0.9, 6.0), (2.0, 1.0))]
    found = measured.sweet_spots(pd.DataFrame(rows, columns=["seed", "noise", "size", "training", "test"]))
    assert found.sweet == {0.1: 0.5} and list(found.median.test[0.1]) == [8, 4, 12, 2]
    assert found.ratios[0.1].loc[2].tolist() == [2, 1, 3, 0.5]


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


def test_kernel_distances_shrink_with_the_width_and_means_are_of_squares():
    table = measured.kernel_distances(POINTS, (1, 2), (8, 512), 4, seed=7)
    assert len(table) == 2 * 2 * 2 * 4
    net = neural_tangent.FullyConnected((3, 8, 8, 1))
    one = neural_tangent.empirical(net, net.init(rng.child_seed(7, "kernels", 2, 8, 3)), POINTS).ntk
    limit = neural_tangent.analytic(POINTS, depth=2).ntk
    row = table[(table.kernel == "ntk") & (table.depth == 2) & (table.width == 8) & (table.seed == 3)].iloc[0]
    assert row.distance == pytest.approx(np.linalg.norm(one - limit) / np.linalg.norm(limit))
    typical = measured.typical_distances(table)
    values = table[(table.kernel == "nngp") & (table.depth == 1) & (table.width == 8)].distance.to_numpy()
    assert typical.distance["nngp", 1, 8] == pytest.approx(np.sqrt(np.mean(values**2)))
    assert typical.error["nngp", 1, 8] == pytest.approx(np.std(values**2, ddof=1) / 2 / (
        2 * np.sqrt(np.mean(values**2))))
    wide, narrow = (typical.distance.unstack("width")[width] for width in (512, 8))
    assert (wide < narrow).all()


def test_wide_networks_end_closer_to_their_linearization():
    x, y = rng.stream(1, "lazy").standard_normal((12, 3)), np.where(np.arange(12) % 2, 1.0, -1.0)
    table = measured.lazy_distances(x, y, x[:4] + 0.1, (4, 512), 2, 40, seed=9)
    assert list(table.width) == [4, 4, 512, 512] and list(table.seed) == [0, 1, 0, 1]
    means = table.groupby("width")[["distance", "change of kernel"]].mean()
    assert (means.loc[512] < means.loc[4] / 3).all()
    net = neural_tangent.FullyConnected((3, 4, 1))
    start = net.init(rng.child_seed(9, "lazy", 4, 1))
    both = fully_connected.train_linearized(net, start, x, y, x[:4] + 0.1, n_steps=40, learning_rate=0.2)
    off, moved = both.trained - both.linear, both.linear - both.start
    assert table.distance[1] == pytest.approx(np.sqrt((off**2).sum() / (moved**2).sum()))
    assert table.loss[1] == both.loss and table["linear loss"][1] == both.linear_loss


def test_weighted_draws_of_the_prior_have_the_posterior_mean():
    kernel = np.array([[1.0, 0.6], [0.6, 1.0]])
    values = gaussian_process.draw_prior(kernel, 50_000, seed=6)
    found = measured.weighted_prior(values, [1.5], noise=0.2)
    assert abs(found.mean[0] - 0.6 * 1.5 / 1.2) < 4.5 * found.error[0] and 1000 < found.n_effective < 50_000
    sure = measured.weighted_prior(np.array([[1.0, 0.0], [5.0, 100.0]]), [0.0], noise=0.1)
    assert sure.mean[0] == 1 and sure.n_effective == 1


def test_excess_kurtosis_of_known_distributions():
    assert measured.excess_kurtosis(np.array([1.0, -1, 1, -1]))[0] == -2
    assert measured.excess_kurtosis(np.array([0.0, 0, 0, 2, -2, 0, 0, 0]))[0] == pytest.approx(1)
    estimates = np.array([measured.excess_kurtosis(rng.stream(n, "normal").standard_normal(2000)) for n in range(100)])
    assert np.std(estimates[:, 0]) == pytest.approx(estimates[:, 1].mean(), rel=0.25)
    assert abs(estimates[:, 0].mean()) < 0.05
