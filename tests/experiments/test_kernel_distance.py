"""The measured kernels of real nets: against their definition, the exact expectation and each other."""

import numpy as np
import pytest

from lib.experiments import kernel_distance as module
from lib.experiments.kernel_distance import inputs, kernel_distance
from lib.kernels import distance, sparse
from lib.kernels.arc_cosine import arc_cosine_pairs
from lib.kernels.distance import (
    infinite_kernels,
    measured_distance,
    net_kernels,
    random_pairs,
    start_of_training,
)
from lib.models import mlp

SETTINGS = {"data": "digits", "normalization": "global", "width": 30, "n_first": 200, "distribution": "normal",
            "n_pairs": 300, "n_starts": 5, "proxy_width": 0, "n_masks": 64, "seed": 1}


@pytest.mark.parametrize("n_first", [40, 900])
def test_kernels_of_a_net_by_their_definition(n_first):
    """Theta = sum_i df/dv_i(x) df/dv_i(y) with f = v.[ux]+ / sqrt(n d) (3.1, 3.3): a sparse and a crowded net."""
    images, net = np.random.default_rng(1).normal(size=(50, 30)), start_of_training(
        40, n_first, 30, distribution="normal", seed=2)
    pairs = random_pairs(50, 70, seed=3)
    u = net.dense()[0].numpy() * np.sqrt(30)
    assert np.count_nonzero(u) == n_first and u[u != 0].std() == pytest.approx(np.sqrt(1200 / n_first), rel=0.5)
    expected = [sum(max(row @ images[i], 0) * max(row @ images[j], 0) for row in u) / (40 * 30) for i, j in pairs]
    assert net_kernels(net, images, pairs) == pytest.approx(expected, rel=1e-10)


def test_kernels_do_not_depend_on_how_many_units_go_at_a_time(monkeypatch):
    images = np.random.default_rng(1).normal(size=(50, 30))
    pairs, net = random_pairs(50, 3000, seed=3), start_of_training(40, 90, 30, distribution="uniform", seed=2)
    whole = net_kernels(net, images, pairs)
    monkeypatch.setattr(distance, "_ENTRIES", 7 * 50)
    assert net_kernels(net, images, pairs) == pytest.approx(whole, rel=1e-12)


def test_pairs_are_of_different_images_and_all_are_equally_likely():
    pairs = random_pairs(4, 60_000, seed=1)
    assert pairs.shape == (60_000, 2) and (pairs[:, 0] != pairs[:, 1]).all() and pairs.min() == 0 and pairs.max() == 3
    counts = np.bincount(4 * pairs[:, 0] + pairs[:, 1], minlength=16)
    assert np.count_nonzero(counts) == 12 and (np.abs(counts[counts > 0] - 5000) < 5 * np.sqrt(5000)).all()
    assert (random_pairs(4, 10, seed=1) == pairs[:10]).all() or not (random_pairs(4, 10, seed=2) == pairs[:10]).all()


@pytest.mark.parametrize("distribution, scale", [("normal", 1), ("uniform", 1 / 3)])
def test_wide_dense_nets_have_the_infinite_kernel(distribution, scale):
    images = inputs("digits", "global")
    pairs = random_pairs(len(images), 200, seed=1)
    target = infinite_kernels(images, pairs, distribution)
    assert target == pytest.approx(scale * arc_cosine_pairs(images[pairs[:, 0]], images[pairs[:, 1]]) / 64)
    near, far = (measured_distance(images, pairs, width, width * 64, target, n_starts=4, distribution=distribution,
                                   seed=1).mean() for width in (4000, 40))
    assert near < 0.02 * np.mean(target**2) and far > 20 * near  # variance falls as 1 / width


@pytest.mark.parametrize("normalization", module.NORMALIZATIONS)
def test_measured_and_exact_distances_agree(normalization):
    """Over pairs that do not know of the nets, and many starts: both are about the same random masks and weights."""
    found = kernel_distance(**SETTINGS | {"normalization": normalization, "n_starts": 400, "n_masks": 1024})
    assert found["connectivity"] == 200 / (30 * 64)
    assert abs(found["measured"] - found["exact"]) < 4 * found["measured_error"] + 0.03 * found["exact"]
    assert found["exact"] == pytest.approx(found["exact_bias"] + found["exact_variance"], rel=1e-12)
    assert found["measured_error"] < 0.1 * found["measured"] and found["exact_error"] < 0.02 * found["exact"]


def test_a_wide_proxy_stands_for_the_infinite_net():
    found = kernel_distance(**SETTINGS | {"proxy_width": 5000})
    assert found["measured_proxy"] == pytest.approx(found["measured"], rel=0.05)
    assert found["measured_proxy"] != found["measured"]
    assert found == kernel_distance(**SETTINGS | {"proxy_width": 5000})
    assert kernel_distance(**SETTINGS)["measured_proxy"] == 0
    module._proxy.cache_clear()


def test_inputs_are_normalized_as_their_names_say():
    assert inputs("digits", "global").shape == (1797, 64) and inputs("gaussian", "global").shape == (1797, 784)
    whole = inputs("digits", "global")
    assert whole.mean() == pytest.approx(0, abs=1e-12) and whole.std() == pytest.approx(1)
    pixel = inputs("digits", "pixel")
    flat = np.ptp(whole, axis=0) == 0
    assert pixel[:, ~flat].mean(0) == pytest.approx(0, abs=1e-9) and pixel[:, ~flat].std(0) == pytest.approx(1)
    assert (pixel[:, flat] == 0).all() and flat.any()
    block = inputs("digits", "minibatch")[1000:]
    moving = np.ptp(block, axis=0) > 0
    assert block[:, moving].mean(0) == pytest.approx(0, abs=1e-9) and block[:, moving].std(0) == pytest.approx(1)
    with pytest.raises(ValueError, match="read-only"):
        whole[0, 0] = 1


@pytest.mark.parametrize("changes, words", [
    ({"data": "cifar"}, "data among mnist, digits, gaussian"),
    ({"normalization": "none"}, "normalization among global, pixel, minibatch"),
    ({"width": 0}, "expected width to be an integer >= 1"),
    ({"n_first": 30 * 64 + 1}, "n_first"),
    ({"distribution": "cauchy"}, "distribution among normal, uniform"),
    ({"n_pairs": 0}, "expected n_pairs to be an integer >= 1"),
    ({"n_masks": 8}, "n_masks of at least 16"),
    ({"n_starts": 1}, "n_starts"),
])
def test_settings_that_do_not_fit_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        kernel_distance(**SETTINGS | changes)


def test_nets_that_do_not_fit_are_refused():
    images, pairs = np.ones((4, 64)), np.array([[0, 1]])
    for net in (mlp.SparseMLP.random(mlp.Architecture(5, 64), seed=1),
                mlp.SparseMLP.random(mlp.Architecture(5, 64, activation="linear", bias=False), seed=1),
                mlp.SparseMLP.random(mlp.Architecture(5, 63, bias=False), seed=1)):
        with pytest.raises(ValueError, match="ReLU net without biases and images of 6. pixels"):
            net_kernels(net, images, pairs)
    assert sparse.ORDERS == (1, 2)
