"""Every public function about spins, their states and machines that takes an array."""

from __future__ import annotations

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from lib import chain_checks, conventions
from lib.figures import machines as drawings
from lib.kernels import (
    optimum,
)
from lib.pruning import bands
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
    statistics,
    tempering,
    training,
)
from lib.rbm import machine as machines
from lib.spins import bases, chains, gates, ising, measurements, vectors
from lib.spins.measurements import checking, simulators, stim
from tests.doors import (
    BITS,
    DRAWS,
    KERNEL,
    MACHINE,
    MASK,
    PSI,
    STATE,
    VALUES,
    WEIGHTS,
    Door,
    P,
)


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
    # machines
    Door("machine.pruned", lambda m: MACHINE.pruned(machines.as_tensor(m, "mask")).weights, MASK, "mask"),
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
]
