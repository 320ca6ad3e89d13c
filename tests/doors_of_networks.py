"""Every public function about kernels, networks, their weights and images that takes an array."""

from __future__ import annotations

import functools

import numpy as np

from lib import datasets, image_sets
from lib.kernels import (
    arc_cosine,
    distance,
    fully_connected,
    gaussian_process,
    inputs,
    learning,
    neural_tangent,
    random_features,
    sparse,
)
from lib.models import mlp, resnet
from lib.models.mlp import _kernels
from lib.models.resnet import training as resnet_training
from lib.models.resnet.native import SparseResNet
from lib.models.resnet.network import check_labels
from lib.models.resnet.trainers import TorchTrainer
from lib.models.resnet.training_settings import Settings
from lib.models.sparse.convolution import SparseConvolution
from lib.models.sparse.layers import SparseConv2d, SparseLinear
from lib.models.sparse.layout import Layout
from lib.pruning import magnitude
from tests.doors import (
    IMAGES,
    KERNEL,
    LABELS,
    MASK,
    PAIRS,
    VALUES,
    WEIGHTS,
    X_GOOD,
    Door,
    P,
    X,
    Y,
)


@functools.cache
def _net() -> mlp.SparseMLP:
    return mlp.SparseMLP.random(mlp.Architecture(6, 3, n_classes=3), seed=1)


@functools.cache
def _small_resnet() -> SparseResNet:
    return SparseResNet(_twin(), 5, 9)


@functools.cache
def _twin() -> resnet.ResNet:
    return resnet.ResNet(resnet.Architecture(2, n_classes=3), seed=1)


def _linearized(x=X, targets=X[:, 0], x_test=Y):
    net = neural_tangent.FullyConnected((3, 4, 1))
    return fully_connected.train_linearized(net, net.init(1), x, targets, x_test, n_steps=2, learning_rate=0.01)[:3]


def _problem(features=X, target=X[:, 0], probabilities=None):
    return learning.Problem(features, target, probabilities).best


def _parameters():
    return fully_connected.random_parameters([3, 4, 2], seed=1)


def _kernel_net():
    return distance.start_of_training(6, 8, 3, distribution="normal", seed=1)


_PROBLEM = learning.Problem(X, X[:, 0])
_COUNTS = np.ones((2, 6))

DOORS = [
    # kernels and their inputs
    Door("inputs.as_inputs", inputs.as_inputs, X_GOOD),
    Door("inputs.as_pair y", lambda y: inputs.as_pair(X, y)[1], Y),
    Door("inputs.in_blocks", lambda x: inputs.in_blocks(lambda a, b: a @ b.T, x), X_GOOD),
    Door("inputs.row_blocks", lambda x: [block for _, block in inputs.row_blocks(lambda a, b: a @ b.T, x)], X_GOOD),
    Door("arc_cosine x", lambda x: arc_cosine.arc_cosine(x, Y), X_GOOD),
    Door("arc_cosine y", lambda y: arc_cosine.arc_cosine(X, y), Y),
    Door("arc_cosine.angle", arc_cosine.angle, X_GOOD),
    Door("arc_cosine.angular", lambda a: arc_cosine.angular(1, a), np.array([0.0, 0.5, 2.0])),
    Door("arc_cosine.arc_cosine_pairs", lambda x: arc_cosine.arc_cosine_pairs(x, Y), X_GOOD),
    Door("arc_cosine.composed", lambda x: arc_cosine.composed(x, depth=2), X_GOOD),
    Door("arc_cosine.from_moments", lambda v: arc_cosine.from_moments(v, VALUES, 0.25, 1), VALUES),
    Door("neural_tangent.analytic", lambda x: neural_tangent.analytic(x, depth=1), X_GOOD),
    Door("neural_tangent.recursion", lambda v: neural_tangent.recursion(v, VALUES, VALUES / 2, depth=1), VALUES),
    Door("neural_tangent.gradients", lambda x: neural_tangent.gradients(
        net := neural_tangent.FullyConnected((3, 4, 1)), net.init(1), x), X_GOOD),
    Door("neural_tangent.empirical", lambda x: neural_tangent.empirical(
        net := neural_tangent.FullyConnected((3, 4, 1)), net.init(1), x), X_GOOD),
    Door("neural_tangent.apply", lambda x: (net := neural_tangent.FullyConnected((3, 4, 1))).apply(net.init(1), x),
         X_GOOD, "real*"),
    Door("random_features.features", lambda x: random_features.features(x, 5, seed=1), X_GOOD),
    Door("random_features.kernel", random_features.kernel, X_GOOD),
    Door("random_features.network_outputs", lambda x: random_features.network_outputs(x, 4, 2, seed=1), X_GOOD),
    Door("random_features.fit_minimum_norm psi", lambda x: random_features.fit_minimum_norm(x, X[:, 0]), X_GOOD),
    Door("random_features.fit_minimum_norm targets", lambda y: random_features.fit_minimum_norm(X, y), Y),
    Door("random_features.double_descent y_test", lambda y: [row.test for row in random_features.double_descent(
        X, [Y], Y, y, [2], seed=1)], X_GOOD),
    Door("random_features.double_descent y_train", lambda y: [row.test for row in random_features.double_descent(
        X, [y], Y, X, [2], seed=1)], X_GOOD),
    Door("gaussian_process.factor", gaussian_process.factor, KERNEL),
    Door("gaussian_process.draw_prior", lambda k: gaussian_process.draw_prior(k, 2, seed=1), KERNEL),
    Door("gaussian_process.draw_prior mean", lambda m: gaussian_process.draw_prior(KERNEL, 2, seed=1, mean=m),
         np.array([1.0, 2.0, 3.0])),
    Door("gaussian_process.posterior cross", lambda c: gaussian_process.posterior(
        KERNEL, c, KERNEL, [1, 2, 3], noise=0.5)[:2], KERNEL / 2),
    Door("gaussian_process.posterior test", lambda c: gaussian_process.posterior(
        KERNEL, KERNEL / 2, c, [1, 2, 3], noise=0.5)[:2], KERNEL),
    Door("gaussian_process.posterior targets", lambda y: gaussian_process.posterior(
        KERNEL, KERNEL / 2, KERNEL, y, noise=0.5)[:2], np.array([1.0, 2.0, 4.0])),
    Door("gaussian_process.log_marginal_likelihood", lambda y: [gaussian_process.log_marginal_likelihood(
        KERNEL, y, noise=0.5)], np.array([1.0, 2.0, 4.0])),
    Door("sparse.enumerated", lambda x: sparse.enumerated(x, Y, 0.5), X_GOOD),
    Door("sparse.second_order", lambda x: sparse.second_order(x, Y, 0.5), X_GOOD),
    Door("sparse.monte_carlo", lambda x: sparse.monte_carlo(x, Y, 0.5, n_masks=16, seed=1), X_GOOD),
    Door("sparse.expected_distance", lambda x: sparse.expected_distance(x, Y, 4, 0.5, n_masks=16, seed=1), X_GOOD),
    Door("sparse.second_order_distance", lambda x: sparse.second_order_distance(x, Y, 4, 0.5), X_GOOD),
    Door("sparse.mean_squared_distance", lambda k: sparse.mean_squared_distance(k, VALUES, VALUES**2, 4, 3), VALUES,
         "real*"),
    Door("distance.net_kernels images", lambda x: distance.net_kernels(_kernel_net(), x, PAIRS), X_GOOD),
    Door("distance.net_kernels pairs", lambda p: distance.net_kernels(_kernel_net(), X, p), PAIRS, "integer"),
    Door("distance.infinite_kernels images", lambda x: distance.infinite_kernels(x, PAIRS), X_GOOD),
    Door("distance.infinite_kernels pairs", lambda p: distance.infinite_kernels(X, p), PAIRS, "integer"),
    Door("learning.Problem features", lambda x: _problem(features=x), X_GOOD),
    Door("learning.Problem target", lambda y: _problem(target=y), X[:, 0].copy()),
    Door("learning.Problem probabilities", lambda p: _problem(X[:4], X[:4, 0], p), P),
    Door("learning.Problem.risk", _PROBLEM.risk, X_GOOD, "real*"),
    Door("learning.empirical_risk", lambda c: learning.empirical_risk(_PROBLEM, c, np.ones((2, 3))), _COUNTS, "real*"),
    Door("learning.minimize_empirical_risk", lambda c: learning.minimize_empirical_risk(_PROBLEM, c), _COUNTS, "real*"),
    Door("learning.descend", lambda c: learning.descend(_PROBLEM, c, n_steps=2, learning_rate=0.1), _COUNTS, "real*"),
    Door("fully_connected.preactivations", lambda x: fully_connected.preactivations(_parameters(), x), X_GOOD),
    Door("fully_connected.gradient x", lambda x: sum(fully_connected.gradient(_parameters(), x, Y[:, :2]), ()), X_GOOD),
    Door("fully_connected.gradient y",
         lambda y: sum(fully_connected.gradient(_parameters(), X, y), ()), Y[:, :2].copy()),
    Door("fully_connected.sgd y", lambda y: sum(fully_connected.sgd(_parameters(), X, y, n_epochs=1, batch_size=2,
                                                      learning_rate=0.01, seed=1), ()), Y[:, :2].copy()),
    Door("fully_connected.train_linearized x", lambda x: _linearized(x=x), X_GOOD),
    Door("fully_connected.train_linearized targets", lambda y: _linearized(targets=y), X[:, 0].copy()),
    Door("fully_connected.train_linearized x_test", lambda x: _linearized(x_test=x), Y),
    # weights and masks
    Door("magnitude.keep_largest", lambda w: magnitude.keep_largest(w, None, 5), WEIGHTS),
    Door("magnitude.keep_largest mask", lambda m: magnitude.keep_largest(WEIGHTS, m, 5), MASK, "mask"),
    Door("magnitude.by_magnitude", lambda w: magnitude.by_magnitude(w, None, 5), WEIGHTS),
    Door("magnitude.by_unit", lambda w: magnitude.by_unit(w, None, 6), WEIGHTS),
    Door("magnitude.by_fisher", lambda w: magnitude.by_fisher(w, np.full((4, 3), 0.5), None, 5), WEIGHTS),
    Door("magnitude.by_fisher moments", lambda w: magnitude.by_fisher(WEIGHTS, w, None, 5), np.abs(WEIGHTS) / 4),
    Door("magnitude.at_random", lambda m: magnitude.at_random(m, 5, rng=np.random.default_rng(1)), MASK, "mask"),
    Door("magnitude.components", magnitude.components, MASK, "mask"),
    Door("magnitude.connectivity", magnitude.connectivity, MASK, "mask"),
    Door("sparse.SparseConvolution", lambda m: SparseConvolution(m, 1, Layout(2, 3, 4, 4, 0))._indices,
         MASK[:, :, None, None], "mask"),
    Door("layers.SparseLinear", lambda m: SparseLinear(m, seed=1).weight, MASK, "mask"),
    Door("layers.SparseConv2d", lambda m: SparseConv2d(m, seed=1).weight, MASK[:, :, None, None], "mask"),
    # images and labels
    Door("datasets.standardize", datasets.standardize, X_GOOD, "real*"),
    Door("image_sets.averaged", lambda p: image_sets.averaged(p, 2),
         np.random.default_rng(8).integers(0, 256, (2, 3, 4, 4), dtype=np.uint8), "real*", False),
    Door("image_sets.normalized", image_sets.normalized, IMAGES, "real*", False),
    Door("image_sets.augmented", lambda v: image_sets.augmented(v, [1, 0], 1, rng=np.random.default_rng(1)), IMAGES,
         "real*", False),
    Door("image_sets.augmented rows", lambda r: image_sets.augmented(IMAGES, r, 1, rng=np.random.default_rng(1)),
         np.array([1, 0, 2]), "integer"),
    Door("mlp images", lambda v: _kernels.check_images(v, _net()), X.astype(np.float32), "real", False),
    Door("mlp labels", lambda v: _kernels.check_data((X[:5].astype(np.float32), v), _net())[1], LABELS, "integer"),
    Door("mlp forward", lambda v: _net().forward(v), X.astype(np.float32), "real", False),
    Door("resnet.check_labels", lambda v: check_labels(v, 5, 3), LABELS, "integer"),
    Door("resnet images", lambda v: _small_resnet().forward(v), IMAGES, "real*", False),
    Door("resnet_training.correct images", lambda v: resnet_training.correct(
        TorchTrainer(_twin(), Settings(epochs=1, batch_size=5)), v, LABELS, 5), IMAGES,
        "real*", False),
    Door("resnet_training.correct labels", lambda v: resnet_training.correct(
        TorchTrainer(_twin(), Settings(epochs=1, batch_size=5)), IMAGES, v, 5), LABELS,
        "integer"),
]
