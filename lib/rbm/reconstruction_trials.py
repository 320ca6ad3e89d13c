"""Trials of chapter 5: machines that learn the ground state of the Ising chain (5.2) from shots along z.

Every start and every training takes a child of the seed that is given, named by what it is of.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib import rng
from lib.conventions import all_states
from lib.rbm import metrics, observables, partition
from lib.rbm.distributions import effective_energy_gradient, hidden_probability, visible_probability
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from lib.rbm.training import TrainingSettings, train
from lib.spins import ising

if TYPE_CHECKING:
    import pandas as pd  # of the book


def frequencies(bits: np.ndarray) -> np.ndarray:
    """How often every state occurs among some outcomes.

    Parameters
    ----------
    bits : ndarray of uint8, shape (n_samples, n_spins)
        Outcomes.

    Returns
    -------
    ndarray, shape (2^n_spins,)
        They add up to one.

    """
    n_spins = bits.shape[1]
    return np.bincount(bits @ (1 << np.arange(n_spins)[::-1]), minlength=2**n_spins) / len(bits)


def learning_curves(psi: np.ndarray, data: np.ndarray, settings: TrainingSettings, n_hidden: int, n_machines: int, *,
                    every: int, seed: int) -> tuple[list[Machine], pd.DataFrame]:
    """Machines trained from several starts, each watched on the way (Fig. 5.1).

    Parameters
    ----------
    psi : ndarray, shape (2^n_spins,)
        The exact amplitudes.
    data : ndarray of uint8, shape (n_samples, n_spins)
        Outcomes to train on.
    settings : TrainingSettings
        How to train.
    n_hidden, n_machines : int
        Hidden units, and starts.
    every : int
        Epochs between two rows of a machine.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    machines : list of Machine
        After the last epoch.
    curves : pandas.DataFrame
        machine (from 1), epoch, fidelity, KL(exact) and KL(data): divergences (nats) of the machine from the exact
        distribution and from the frequencies in the data.

    """
    import pandas as pd

    empirical, machines, curves = frequencies(data), [], []
    for number in range(n_machines):
        def watch(epoch, machine, number=number):
            p = partition.probabilities(machine)
            divergences = (metrics.kl_divergence(q, p) for q in (psi**2, empirical))
            curves.append((number + 1, epoch, metrics.fidelity(PositiveState(machine), psi), *divergences))

        start = Machine.random(data.shape[1], n_hidden, seed=rng.child_seed(seed, "start", number))
        result = train(start, data, settings, seed=rng.child_seed(seed, "training", number), every=every,
                       callback=watch)
        machines.append(result.machine)
    return machines, pd.DataFrame(curves, columns=["machine", "epoch", "fidelity", "KL(exact)", "KL(data)"])


def distributions(grounds: Mapping[float, np.ndarray]) -> pd.DataFrame:
    """How probable each magnetization of a single outcome is.

    Parameters
    ----------
    grounds : mapping of float to ndarray, shape (2^n_spins,)
        Amplitudes by field.

    Returns
    -------
    pandas.DataFrame
        field, m (per spin), probability.

    """
    import pandas as pd

    tables = []
    for field, ground in grounds.items():
        n_up = np.bitwise_count(np.arange(ground.size))
        tables.append(pd.DataFrame({"field": field, "m": np.linspace(-1, 1, n_up.max() + 1),
                                    "probability": np.bincount(n_up, ground**2)}))
    return pd.concat(tables, ignore_index=True)


def expected_training(psi: np.ndarray, sweeps: Iterable[int], *, n_steps: int, learning_rate: float,
                      seed: int) -> pd.DataFrame:
    """Training without noise, along the expected steps of contrastive divergence.

    After k sweeps the data distribution q has become q P^k, with P the chances of one sweep. As many hidden units as
    spins, and few: P has 4^n_spins entries.

    Parameters
    ----------
    psi : ndarray, shape (2^n_spins,)
        Positive amplitudes to learn.
    sweeps : iterable of int
        Numbers k; 0 for the exact gradient.
    n_steps : int
        Steps.
    learning_rate : float
        Their size.
    seed : int, >= 0
        Of the start.

    Returns
    -------
    pandas.DataFrame
        k, step, m (mean magnetization of the machine).

    """
    import pandas as pd

    n_spins = psi.size.bit_length() - 1
    states, data, curve = all_states(n_spins), psi**2, []
    for k in sweeps:
        machine = Machine.random(n_spins, n_spins, seed=seed)
        for step in range(n_steps + 1):
            p = partition.probabilities(machine).numpy()
            curve.append((k, step, float(p @ (2.0 * states.mean(axis=1) - 1))))
            model = data @ np.linalg.matrix_power(_sweep(machine, states), k) if k else p
            up, down = (effective_energy_gradient(machine, states, weights) for weights in (data, model))
            parts = zip((machine.weights, machine.visible_bias, machine.hidden_bias), up, down)
            machine = Machine(*(x - learning_rate * (u - d) for x, u, d in parts))
    return pd.DataFrame(curve, columns=["k", "step", "m"])


def _sweep(machine: Machine, states: np.ndarray) -> np.ndarray:
    """Chances to get from every visible state to every other by one sweep; both layers have the same states."""
    def given(on: np.ndarray) -> np.ndarray:
        return np.prod(np.where(states == 1, on[:, None, :], 1 - on[:, None, :]), axis=2)

    return given(hidden_probability(machine, states).numpy()) @ given(visible_probability(machine, states).numpy())


def cures(psi: np.ndarray, data: np.ndarray, ways: Mapping[str, TrainingSettings], n_hidden: int, n_seeds: int, *,
          every: int, seed: int) -> tuple[pd.DataFrame, Machine]:
    """Machines trained in several ways, from the same small and symmetric starts.

    Parameters
    ----------
    psi : ndarray, shape (2^n_spins,)
        The exact amplitudes.
    data : ndarray of uint8, shape (n_samples, n_spins)
        Outcomes to train on.
    ways : mapping of str to TrainingSettings
        How to train, by name.
    n_hidden, n_seeds : int
        Hidden units, and starts.
    every : int
        Epochs between two rows of a machine.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    table : pandas.DataFrame
        way, seed, epoch, fidelity.
    last : Machine
        The last machine.

    """
    import pandas as pd

    found = []
    for (way, settings), number in itertools.product(ways.items(), range(n_seeds)):
        start = Machine.random(data.shape[1], n_hidden, seed=rng.child_seed(seed, "cure start", number), scale=0.01,
                               symmetric_biases=True)
        result = train(start, data, settings, seed=rng.child_seed(seed, "cure", number), every=every,
                       callback=lambda epoch, machine: metrics.fidelity(machine, psi))
        found += [(way, number, epoch, value) for epoch, value in result.history]
    return pd.DataFrame(found, columns=["way", "seed", "epoch", "fidelity"]), result.machine


def entropies(state: PositiveState, psi: np.ndarray, samples: np.ndarray) -> pd.DataFrame:
    """Second Rényi entropies of the first sites of a chain: from samples (5.10), summed, and exact (Fig. 5.3).

    Parameters
    ----------
    state : PositiveState
        Of a machine.
    psi : ndarray, shape (2^n_spins,)
        The exact amplitudes.
    samples : ndarray of uint8, shape (n_samples, n_spins)
        Of the machine, as `PositiveState.sample` gives them.

    Returns
    -------
    pandas.DataFrame
        size (of the region), S2, S2 error, S2 machine, S2 exact (nats).

    """
    import pandas as pd

    rows, machine_psi = [], state.psi().numpy()
    for size in range(1, psi.size.bit_length() - 1):
        region = list(range(size))
        estimate = observables.renyi2(state, samples, region)
        rows.append((size, estimate.mean, estimate.error, ising.renyi2(machine_psi, region), ising.renyi2(psi, region)))
    return pd.DataFrame(rows, columns=["size", "S2", "S2 error", "S2 machine", "S2 exact"])


def estimators_off(state: PositiveState, field: float, region: Sequence[int]) -> dict[str, float]:
    """How far estimators, summed over all states, are from the operators that they estimate.

    Parameters
    ----------
    state : PositiveState
        Of a few spins: pairs of states are summed.
    field : float
        h/J, for the energy.
    region : sequence of int
        Of the entropy.

    Returns
    -------
    dict of str to float
        By equation: "5.9" (magnetization along x), "5.7" (energy), "5.10" (Rényi entropy), "5.11" (exchanging twice).

    """
    psi = state.psi().numpy()
    p, states = psi**2, all_states(psi.size.bit_length() - 1)
    first, second = (np.ascontiguousarray(states[k.ravel()]) for k in np.indices((psi.size, psi.size)))
    ratios = np.asarray(observables.swap(state, first, second, region))
    exchanged = first.copy(), second.copy()
    exchanged[0][:, region], exchanged[1][:, region] = second[:, region], first[:, region]
    twice = ratios * np.asarray(observables.swap(state, *exchanged, region))
    local_x, local_energy = (np.asarray(values) for values in (observables.magnetization_x(state, states),
                                                               observables.energy(state, states, field)))
    return {"5.9": abs(p @ local_x - ising.magnetization_x(psi).mean()),
            "5.7": abs(p @ local_energy - ising.energy(psi, field)),
            "5.10": abs(-np.log(np.outer(p, p).ravel() @ ratios) - ising.renyi2(psi, region)),
            "5.11": np.abs(twice - 1).max()}
