"""Kernels of networks beside their limits, and training beside its linearization, each row by a second way."""

import numpy as np
import pytest

from lib import rng
from lib.kernels import fully_connected, neural_tangent, wide_networks
from lib.models import digits

POINTS = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]])


def test_kernel_distances_shrink_with_the_width_and_means_are_of_squares():
    table = wide_networks.kernel_distances(POINTS, (1, 2), (8, 512), 4, seed=7)
    assert len(table) == 2 * 2 * 2 * 4
    net = neural_tangent.FullyConnected((3, 8, 8, 1))
    one = neural_tangent.empirical(net, net.init(rng.child_seed(7, "kernels", 2, 8, 3)), POINTS).ntk
    limit = neural_tangent.analytic(POINTS, depth=2).ntk
    row = table[(table.kernel == "ntk") & (table.depth == 2) & (table.width == 8) & (table.seed == 3)].iloc[0]
    assert row.distance == pytest.approx(np.linalg.norm(one - limit) / np.linalg.norm(limit))
    typical = wide_networks.typical_distances(table)
    values = table[(table.kernel == "nngp") & (table.depth == 1) & (table.width == 8)].distance.to_numpy()
    assert typical.distance["nngp", 1, 8] == pytest.approx(np.sqrt(np.mean(values**2)))
    assert typical.error["nngp", 1, 8] == pytest.approx(np.std(values**2, ddof=1) / 2 / (
        2 * np.sqrt(np.mean(values**2))))
    wide, narrow = (typical.distance.unstack("width")[width] for width in (512, 8))
    assert (wide < narrow).all()


def test_odd_digits_are_images_of_the_training_part_with_their_parity():
    x, y, x_test = wide_networks.odd_digits(20, 5, seed=3)
    train, test, _ = digits.digits(3)
    assert x.shape == (20, 64) and x_test.tolist() == test.images[:5].tolist() and len(np.unique(x, axis=0)) == 20
    for image, sign in zip(x, y):
        (label,) = {*train.labels[(train.images == image).all(axis=1)].tolist()}
        assert sign == (1 if label % 2 else -1)


def test_wide_networks_end_closer_to_their_linearization():
    x, y = rng.stream(1, "lazy").standard_normal((12, 3)), np.where(np.arange(12) % 2, 1.0, -1.0)
    table = wide_networks.lazy_distances(x, y, x[:4] + 0.1, (4, 512), 2, 40, seed=9)
    assert list(table.width) == [4, 4, 512, 512] and list(table.seed) == [0, 1, 0, 1]
    means = table.groupby("width")[["distance", "change of kernel"]].mean()
    assert (means.loc[512] < means.loc[4] / 3).all()
    net = neural_tangent.FullyConnected((3, 4, 1))
    start = net.init(rng.child_seed(9, "lazy", 4, 1))
    both = fully_connected.train_linearized(net, start, x, y, x[:4] + 0.1, n_steps=40, learning_rate=0.2)
    off, moved = both.trained - both.linear, both.linear - both.start
    assert table.distance[1] == pytest.approx(np.sqrt((off**2).sum() / (moved**2).sum()))
    assert table.loss[1] == both.loss and table["linear loss"][1] == both.linear_loss


def test_mean_kernels_are_the_limit_at_any_width_and_no_other():
    found = wide_networks.mean_off_limit(POINTS, 4, 300, seed=1)
    assert found.shape == (2,) and (found < 4.5).all() and (found > 0).all()
    net = neural_tangent.FullyConnected((3, 4, 1))
    kernels = np.array([neural_tangent.empirical(net, net.init(rng.child_seed(1, "narrow", k)), POINTS).ntk
                        for k in range(300)])
    off = (kernels.mean(0) - neural_tangent.analytic(POINTS, depth=1).ntk) / kernels.std(0) * np.sqrt(300)
    assert found[1] == pytest.approx(np.abs(off).max())
