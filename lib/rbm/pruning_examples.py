"""Small machines and checks of chapter 7: one that is drawn, two gauges, measures by hand, the bound of the energy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lib import rng
from lib.conventions import all_states, spins_from_bits
from lib.pruning import schedule
from lib.rbm import living, metrics, observables, partition, quality, sampling
from lib.rbm.distributions import energy
from lib.rbm.machine import Machine
from lib.rbm.pruning import prune
from lib.rbm.states import PositiveState
from lib.rbm.training import TrainingSettings, train
from lib.spins import free_fermions, ising


class Drawn(NamedTuple):
    """A machine of few spins, before and after pruning.

    Attributes
    ----------
    psi : ndarray, shape (2^n_spins,)
        Ground state of the critical chain.
    data : ndarray of uint8, shape (n_samples, n_spins)
        Measurements.
    machine, pruned : Machine
        Trained on them, and with fewer weights.

    """

    psi: np.ndarray
    data: np.ndarray
    machine: Machine
    pruned: Machine


def drawn(epochs: int, seed: int, n_spins: int = 10, n_samples: int = 100_000) -> Drawn:
    """Train a machine with half as many hidden units as spins, and prune it by magnitude in eight steps (Fig. 7.1).

    Parameters
    ----------
    epochs : int
        Of training.
    seed : int
        Of measurements, start, training and pruning.
    n_spins : int, default 10
        Length of the critical chain.
    n_samples : int, default 100000
        Measurements.

    Returns
    -------
    Drawn

    """
    data = free_fermions.sample(n_spins, 1.0, n_samples, rng=rng.stream(seed, "ten"))
    common = {"batch_size": 100, "persistent": True, "n_chains": 128, "final_learning_rate": 0.001}
    n_hidden = n_spins // 2
    start = Machine.random(n_spins, n_hidden, seed=rng.child_seed(seed, "ten start"), scale=0.01, symmetric_biases=True)
    machine = train(start, data, TrainingSettings(epochs=epochs, learning_rate=0.3, **common),
                    seed=rng.child_seed(seed, "ten training")).machine
    left = schedule.weights_left(n_spins * n_hidden, schedule.steps(0.4, 0.05, 8))
    *_, pruned = prune(machine, data, left, TrainingSettings(epochs=10, learning_rate=0.1, **common),
                       criterion="magnitude", seed=rng.child_seed(seed, "ten pruning"))
    return Drawn(ising.ground_state(n_spins, 1.0)[1], data, machine, pruned)


def gauges(machine: Machine, psi: np.ndarray, n_gone: int) -> dict[str, tuple[float, float]]:
    """What a machine loses by its smallest weights, set to zero for units of 0 and 1, and for spins of -1 and 1.

    Parameters
    ----------
    machine : Machine
        The dense one.
    psi : ndarray, shape (2^n_visible,)
        What it has learnt.
    n_gone : int
        Weights that are set to zero.

    Returns
    -------
    dict of str to tuple of float
        "before", "bits" and "spins": size of the mean magnetization, and KL divergence from the state.

    """
    m, found = spins_from_bits(all_states(machine.n_visible)).mean(1), {}
    cut, same_fields = (living.without_smallest(machine, n_gone, keep_fields=keep) for keep in (False, True))
    for name, one in (("before", machine), ("bits", cut), ("spins", same_fields)):
        p = partition.probabilities(one).numpy()
        found[name] = abs(float(p @ m)), metrics.kl_divergence(psi**2, p)
    return found


def floor(n_spins: int, field: float, n_samples: int, seed: int) -> float:
    """KL divergence (7.2) of the frequencies of measurements from the state that they are of.

    Parameters
    ----------
    n_spins : int
        Length of the chain.
    field : float
        h/J.
    n_samples : int
        Measurements.
    seed : int
        Of them.

    Returns
    -------
    float

    """
    rows = free_fermions.sample(n_spins, field, n_samples, rng=rng.stream(seed, "floor", str(field)))
    frequencies = np.bincount(rows @ (1 << np.arange(n_spins)[::-1]), minlength=2**n_spins) / n_samples
    return metrics.kl_divergence(frequencies, ising.ground_state(n_spins, field)[1] ** 2)


class ByHand(NamedTuple):
    """Measures of a machine of six spins beside sums over all states of its layers.

    Attributes
    ----------
    fidelity, mean, correlation : float
        Distances of fidelity (7.3), magnetization (7.4) and correlations (7.6).
    all_up : float
        The sum of (7.4) as printed, for the state with all spins up.

    """

    fidelity: float
    mean: float
    correlation: float
    all_up: float


def by_hand(seed: int) -> ByHand:
    """Compute fidelity, magnetization and correlations of a random machine in two ways.

    Parameters
    ----------
    seed : int
        Of the machine and of measurements.

    Returns
    -------
    ByHand

    """
    six = Machine.random(6, 4, seed=rng.child_seed(seed, "six"), scale=1.0)
    joint = np.exp(-energy(six, all_states(6)[:, None, :], all_states(4)).numpy().astype(float))
    p, sz = joint.sum(1) / joint.sum(), spins_from_bits(all_states(6)).astype(float)
    overlap = (np.sqrt(p) @ ising.ground_state(6, 1.0)[1]) ** 2
    correlations = [p @ (sz[:, 2] * sz[:, j]) - (p @ sz[:, 2]) * (p @ sz[:, j]) for j in range(2, 6)]
    data = free_fermions.sample(6, 1.0, 1000, rng=rng.stream(seed, "six data"))
    exact = quality.reference(6, 1.0, data, n_samples=1000, rng=rng.stream(seed, "six"))
    measured = quality.summed(six, exact, n_samples=1000)
    return ByHand(abs(1 - measured["infidelity"] - overlap), abs(measured["m"] - p @ sz.mean(1)),
                  np.abs(np.array(measured["correlation"]) - correlations).max(), float(sz[-1].sum()))


class Coverage(NamedTuple):
    """How often the bound (7.5) on a mean of Gibbs chains holds.

    Attributes
    ----------
    printed, with_tau : float
        Share of chains: as printed, and with the autocorrelation time in it.
    tau : float
        That time, in sweeps.

    """

    printed: float
    with_tau: float
    tau: float


def coverage(machine: Machine, data: np.ndarray, n_chains: int, seed: int) -> Coverage:
    """Compare bounds on the size of the magnetization from chains of 500 sweeps with the sum over all states.

    Parameters
    ----------
    machine : Machine
        Whose chains.
    data : ndarray of uint8, shape (n_samples, n_visible)
        Where they start.
    n_chains : int
        Each gives a mean and a bound.
    seed : int
        Of the chains.

    Returns
    -------
    Coverage

    """
    draws = sampling.sample(machine, 500 * n_chains, seed=rng.child_seed(seed, "bound"), start=data, n_chains=n_chains,
                            burn_in=200, thin=1)
    sizes = observables.absolute_magnetization(draws)
    off = np.abs(sizes.mean(0) - ising.absolute_magnetization(PositiveState(machine).psi().numpy()))
    bound = quality.DEVIATIONS * sizes.std(0, ddof=1) / np.sqrt(len(draws))
    tau = observables.estimate(sizes).tau
    return Coverage(np.mean(off <= bound), np.mean(off <= bound * np.sqrt(tau)), tau)
