"""Every public function that takes an array, as one table: what `house/test_doors.py` walks through.

A door names one array argument, holds an array that is right there, and calls its function with one in its place. What
comes back is compared: an array, or a tuple of them.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch

from lib import chain_checks, conventions, datasets, image_sets
from lib.figures import machines as drawings
from lib.kernels import (
    arc_cosine,
    distance,
    fully_connected,
    gaussian_process,
    inputs,
    learning,
    neural_tangent,
    optimum,
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
from lib.pruning import bands, magnitude
from lib.rbm import (
    annealing,
    bootstrap,
    convergence,
    correlation_decay,
    distributions,
    ensembles,
    living,
    metrics,
    observables,
    operators,
    partition,
    pruning,
    quality,
    sampling,
    states,
    statistics,
    tempering,
    training,
)
from lib.rbm import machine as machines
from lib.spins import bases, chains, gates, ising, measurements, vectors
from lib.spins.measurements import checking, simulators, stim


class Door(NamedTuple):
    """kind: "bits", "real", "complex", "integer", "mask". dtypes: False where the function asks for one dtype."""

    name: str
    call: Callable[[Any], Any]
    good: np.ndarray
    kind: str = "real"
    dtypes: bool = True


_RNG = np.random.default_rng(7)
BITS = _RNG.integers(0, 2, (12, 4), dtype=np.uint8)
DRAWS = _RNG.integers(0, 2, (6, 4, 4), dtype=np.uint8)
X, Y = np.round(_RNG.normal(size=(2, 6, 3)) * 8) / 8 + 1 / 16  # few binary digits: exact in every precision
X_GOOD = X.astype(np.float64)
PSI = np.array([0.5, 0.5, 0.5, 0.5])
P = np.array([0.25, 0.5, 0.125, 0.125])
KERNEL = np.array([[2.0, 0.5, 0.25], [0.5, 2.0, 0.5], [0.25, 0.5, 2.0]])
MACHINE = machines.Machine.random(4, 3, seed=1)
STATE = states.PositiveState(MACHINE)
MASK = np.array([[True, False, True], [True, True, False], [False, True, True], [True, True, True]])
WEIGHTS = np.array([[0.5, -0.25, 1.5], [0.125, 2.0, -0.75], [1.0, 0.375, -1.25], [0.0625, 3.0, 0.875]])
VALUES = np.array([[1.0, 2.5], [0.5, 3.0], [1.5, 2.0], [2.25, 0.75]])
IMAGES = _RNG.random((5, 3, 9, 9)).astype(np.float32)
LABELS = np.array([0, 2, 1, 2, 0])
PAIRS = np.array([[0, 1], [2, 3], [1, 4]])


@functools.cache
def _net() -> mlp.SparseMLP:
    return mlp.SparseMLP.random(mlp.Architecture(6, 3, n_classes=3), seed=1)


@functools.cache
def _small_resnet() -> SparseResNet:
    return SparseResNet(_twin(), 5, 9)


@functools.cache
def _twin() -> resnet.ResNet:
    return resnet.ResNet(resnet.Architecture(2, n_classes=3), seed=1)


def _saved(bits):
    with tempfile.TemporaryDirectory() as folder:
        measurements.save(Path(folder, "bits.npz"), bits)
        return measurements.load(Path(folder, "bits.npz"))[0]


def _trained(data):
    result = training.train(MACHINE, data, training.TrainingSettings(epochs=1, batch_size=4, engine="torch"), seed=1)
    return result.machine.weights


def _trained_together(data):
    settings = training.TrainingSettings(epochs=1, batch_size=4, engine="torch")
    return ensembles.train_ensemble([MACHINE], data, settings, seeds=[1])[0].machine.weights


def _pruned(data):
    return [found.weights for found in pruning.prune(MACHINE, data, [8], training.TrainingSettings(epochs=1,
            engine="torch"), criterion="magnitude", seed=1)]


def _drawn(weights=WEIGHTS, bias=None, layers=None):
    fig, ax = plt.subplots()
    try:
        return drawings.draw_gibbs_chain(ax, layers) if layers else drawings.draw_machine(ax, weights, bias)
    finally:
        plt.close(fig)


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
_EXACT = quality.reference(4, 1.0, BITS, n_samples=10, rng=np.random.default_rng(1))
_CORRELATION = np.array([1.0, 0.5, 0.375, 0.25, 0.1875, 0.125])

DOORS = [
    # bits and spins
    Door("conventions.state_index", conventions.state_index, BITS, "bits"),
    Door("conventions.spins_from_bits", conventions.spins_from_bits, BITS, "bits"),
    Door("conventions.bits_from_spins", conventions.bits_from_spins, 2 * BITS.astype(np.int8) - 1, "spins"),
    Door("conventions.bits_from_index", lambda k: conventions.bits_from_index(k, 4), np.arange(9), "integer"),
    Door("measurements.checking.table", lambda v: checking.table(v, "here"), BITS, "bits"),
    Door("measurements.simulators.from_values", lambda v: simulators.from_values(v, "here", 1),
         2 * BITS.astype(np.int8) - 1, "spins"),
    Door("measurements.stim.read_array", lambda v: stim.read_array(v, "here").bits, BITS.astype(bool), "mask", False),
    Door("chain_checks.check_bits", chain_checks.check_bits, BITS, "bits"),
    Door("measurements.save", _saved, BITS, "bits"),
    Door("training.train data", _trained, BITS, "bits"),
    Door("ensembles.train_ensemble data", _trained_together, BITS, "bits"),
    Door("pruning.prune data", _pruned, BITS, "bits"),
    Door("pruning.moments data", lambda v: pruning.moments(MACHINE, chain_checks.check_bits(v), seed=1), BITS, "bits"),
    Door("sampling.sample start", lambda v: sampling.sample(MACHINE, 8, seed=1, start=v, n_chains=4, engine="torch"),
         BITS, "bits"),
    Door("sampling.gibbs", lambda v: sampling.gibbs(MACHINE, v, 2, seed=1, engine="torch"), BITS, "bits"),
    Door("annealing.log_partition data", lambda v: annealing.log_partition(MACHINE, seed=1, n_runs=20, n_temperatures=2,
                                                                           data=v), BITS, "bits"),
    Door("tempering.sample data", lambda v: tempering.sample(MACHINE, 4, seed=1, betas=[0, 1], n_chains=2, burn_in=1,
                                                             thin=1, data=v), BITS, "bits"),
    Door("quality.reference data", lambda v: quality.reference(4, 1.0, v, n_samples=10, rng=np.random.default_rng(1)
                                                               ).basis.frequencies, BITS, "bits"),
    Door("quality.sampled", lambda v: [quality.sampled(MACHINE, _EXACT, v)["energy"]], DRAWS, "bits"),
    Door("living.estimates", lambda v: [living.estimates(MACHINE, v, 1.0)["energy"]], BITS, "bits"),
    Door("living.exact", lambda v: [living.exact(v, 1.0)["energy"]], PSI, "complex"),
    Door("machine.energy visible", lambda v: distributions.energy(MACHINE, v, BITS[:, :3]), BITS, "bits*"),
    Door("machine.energy hidden", lambda h: distributions.energy(MACHINE, BITS, h), BITS[:, :3], "bits*"),
    Door("machine.effective_energy", lambda v: distributions.effective_energy(MACHINE, v), BITS, "bits*"),
    Door("machine.hidden_probability", lambda v: distributions.hidden_probability(MACHINE, v), BITS, "bits*"),
    Door("machine.visible_probability", lambda h: distributions.visible_probability(MACHINE, h), BITS[:, :3], "bits*"),
    Door("machine.effective_energy_gradient",
         lambda v: distributions.effective_energy_gradient(MACHINE, v), BITS, "bits*"),
    Door("machine.effective_energy_gradient probabilities",
         lambda p: distributions.effective_energy_gradient(MACHINE, BITS[:4], p), P, "bits*"),
    Door("machine.ising_energy", lambda s: distributions.ising_energy(MACHINE, s, np.ones((12, 3))),
         2 * BITS.astype(np.int8) - 1, "bits*"),
    Door("partition.log_probability", lambda v: partition.log_probability(MACHINE, v), BITS, "bits"),
    Door("metrics.negative_log_likelihood", lambda v: [metrics.negative_log_likelihood(MACHINE, v)], BITS, "bits"),
    Door("states.log_psi", STATE.log_psi, BITS, "bits"),
    Door("states.flip_log_ratios", lambda v: STATE.flip_log_ratios(v, engine="torch"), BITS, "bits"),
    Door("observables.magnetization_z", observables.magnetization_z, DRAWS, "bits"),
    Door("observables.absolute_magnetization", observables.absolute_magnetization, DRAWS, "bits"),
    Door("observables.correlation_zz", observables.correlation_zz, DRAWS, "bits"),
    Door("observables.magnetization_x", lambda v: observables.magnetization_x(STATE, v), DRAWS, "bits"),
    Door("observables.energy", lambda v: observables.energy(STATE, v, 1.0), DRAWS, "bits"),
    Door("observables.swap", lambda v: observables.swap(STATE, v, BITS, [0]), BITS, "bits"),
    Door("operators.Operator", lambda v: operators.pauli({0: "X"})(STATE, v), BITS, "bits"),
    Door("operators.Operator.rows", lambda v: operators.pauli({0: "X"}).rows(v), BITS, "bits"),
    Door("metrics.sampled_fidelity", lambda v: [metrics.sampled_fidelity(STATE, v, STATE, v).mean], BITS, "bits"),
    Door("bootstrap.resampled", lambda v: list(bootstrap.resampled(v, 2, seed=1)), BITS, "bits"),
    Door("observables.renyi2", lambda v: [observables.renyi2(STATE, v, [0]).mean], DRAWS, "bits"),
    # means and errors
    Door("statistics.of_means", lambda v: [statistics.of_means(lambda a: a * a, v).error], VALUES),
    Door("statistics.variance", lambda v: [statistics.variance(v).mean], VALUES, "complex"),
    Door("observables.estimate", lambda v: list(vars(observables.estimate(v)).values()), VALUES),
    Door("convergence.convergence", convergence.convergence, VALUES),
    Door("convergence.rhat", lambda v: [convergence.rhat(v)], VALUES),
    Door("tempering.sample betas", lambda b: tempering.sample(MACHINE, 4, seed=1, betas=b, n_chains=2, burn_in=1,
                                                              thin=1),
         np.array([0.0, 0.25, 1.0])),
    Door("observables.estimate one chain", lambda v: [observables.estimate(v).mean], VALUES[:, 0]),
    Door("bands.band", bands.band, VALUES[:, 0]),
    Door("bands.first_outside", lambda v: [bands.first_outside(v, (0, 1), in_a_row=1)], VALUES[:, 0]),
    Door("optimum.best_width values",
         lambda v: optimum.best_width([1, 2], v, n_draws=9, rng=np.random.default_rng(1)), VALUES),
    Door("optimum.best_width widths",
         lambda w: optimum.best_width(w, VALUES, n_draws=9, rng=np.random.default_rng(1)), np.array([1.0, 2.0])),
    Door("optimum.closest_width widths", lambda w: [optimum.closest_width(w, [3, 1, 2, 4])],
         np.array([1.0, 2.0, 4.0, 8.0])),
    Door("optimum.closest_width distances", lambda v: [optimum.closest_width([1, 2, 3, 4], v)], VALUES[:, 0]),
    # states
    Door("gates.check_gate", gates.check_gate, np.array([[0.0, 1.0], [1.0, 0.0]]), "complex"),
    Door("bases.check_vector_or_matrix", bases.check_vector_or_matrix, np.diag(P), "complex"),
    Door("vectors.w phases", lambda v: vectors.w(3, v), np.array([0.5, 0.25, 1.0])),
    Door("chains.ising field", lambda v: [chains.ising(3, v).terms[-1][0]], np.array([0.5, 0.25, 1.0])),
    Door("chain_checks.check_state_vector", chain_checks.check_state_vector, PSI, "complex"),
    Door("ising.magnetization_z", ising.magnetization_z, PSI, "complex"),
    Door("ising.absolute_magnetization", lambda v: [ising.absolute_magnetization(v)], PSI, "complex"),
    Door("ising.magnetization_x", ising.magnetization_x, PSI, "complex"),
    Door("ising.correlation_zz", ising.correlation_zz, PSI, "complex"),
    Door("ising.energy", lambda v: [ising.energy(v, 1.0)], PSI, "complex"),
    Door("ising.renyi2", lambda v: [ising.renyi2(v, [0])], PSI, "complex"),
    Door("ising.sample", lambda v: ising.sample(v, 5, rng=np.random.default_rng(1)), PSI, "complex"),
    Door("metrics.fidelity psi", lambda v: [metrics.fidelity(v, PSI)], PSI, "complex"),
    Door("metrics.fidelity target", lambda v: [metrics.fidelity(PSI, v)], PSI, "complex"),
    Door("metrics.kl_divergence target", lambda v: [metrics.kl_divergence(v, np.full(4, 0.25))], P, "complex*"),
    Door("metrics.kl_divergence model", lambda v: [metrics.kl_divergence(np.full(4, 0.25), v)], P, "complex*"),
    Door("metrics.entropy", lambda v: [metrics.entropy(v)], P, "complex*"),
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
    Door("machine.pruned", lambda m: MACHINE.pruned(machines.as_tensor(m, "mask")).weights, MASK, "mask"),
    Door("sparse.SparseConvolution", lambda m: SparseConvolution(m, 1, Layout(2, 3, 4, 4, 0))._indices,
         MASK[:, :, None, None], "mask"),
    Door("layers.SparseLinear", lambda m: SparseLinear(m, seed=1).weight, MASK, "mask"),
    Door("layers.SparseConv2d", lambda m: SparseConv2d(m, seed=1).weight, MASK[:, :, None, None], "mask"),
    Door("machines.weights_table", lambda w: drawings.weights_table(w).iloc[:, -1].to_numpy(), WEIGHTS),
    Door("machines.draw_machine", lambda w: [_drawn(w)], WEIGHTS),
    Door("machines.draw_machine bias", lambda b: [_drawn(bias=b)], np.array([0.5, 0.25, -1.0, 1.0])),
    Door("machines.draw_gibbs_chain", lambda v: [_drawn(layers=[v, BITS[0, :3], BITS[1]]) or 0], BITS[0], "bits"),
    # correlations of chapter 7
    Door("correlation_decay.covariance", lambda c: correlation_decay.covariance(c, 0, 100), KERNEL / 2, "real*"),
    Door("correlation_decay.decay", lambda c: [correlation_decay.decay(c, 0.003, 1, 5).exponent], _CORRELATION,
         "real*"),
    Door("correlation_decay.decay errors", lambda e: [correlation_decay.decay(_CORRELATION, e, 1, 5).exponent],
         np.full(6, 0.0078125), "real*"),
    Door("correlation_decay.screening", lambda c: [correlation_decay.screening(c, _CORRELATION, 0.003).rate],
         _CORRELATION / 2, "real*"),
    # images and labels
    Door("datasets.standardize", datasets.standardize, X_GOOD, "real*"),
    Door("image_sets.averaged", lambda p: image_sets.averaged(p, 2),
         _RNG.integers(0, 256, (2, 3, 4, 4), dtype=np.uint8), "real*", False),
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


def flattened(result) -> list[np.ndarray]:
    """What a door gave, as a list of arrays."""
    if isinstance(result, (list, tuple)):
        return [array for part in result for array in flattened(part)]
    if isinstance(result, torch.Tensor):
        return [result.detach().numpy()]
    return [np.asarray(result)]
