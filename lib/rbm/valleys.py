"""The two valleys of the ferromagnet: a machine that fills one, how training loses their balance, and cures (5.2).

Every start and every training takes a child of the seed that is given, named by what it is of.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

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


class Lopsided(NamedTuple):
    """A machine that learnt a ferromagnet, with its valleys as they came out and in balance.

    Attributes
    ----------
    fidelity, symmetrized : float
        Of its state, and of that plus the same with all spins flipped.
    exact, summed : float
        Renyi entropy (5.11) of half of the chain: of the ground state, and of the machine's.
    swap : Estimate
        The same from samples of the machine.

    """

    fidelity: float
    symmetrized: float
    exact: float
    summed: float
    swap: observables.Estimate


def lopsided(n_spins: int, field: float, n_samples: int, settings: TrainingSettings, n_hidden: int, n_evaluation: int,
             n_chains: int, *, seed: int) -> Lopsided:
    """Learn the ground state at a low field, and see what its two valleys are worth.

    Parameters
    ----------
    n_spins : int
        Length of the chain.
    field : float
        h/J.
    n_samples : int
        Measurements.
    settings : TrainingSettings
        How to train.
    n_hidden : int
        Hidden units.
    n_evaluation, n_chains : int
        Samples of the machine, and the chains that they come from.
    seed : int
        Of all of it.

    Returns
    -------
    Lopsided

    """
    _, ground = ising.ground_state(n_spins, field)
    outcomes = ising.sample(ground, n_samples, rng=rng.stream(seed, "data", str(field)))
    start = Machine.random(n_spins, n_hidden, seed=rng.child_seed(seed, "low start"))
    state = PositiveState(train(start, outcomes, settings, seed=rng.child_seed(seed, "low")).machine)
    amplitudes, half = state.psi().numpy(), list(range(n_spins // 2))
    both = amplitudes + amplitudes[::-1]  # flipping all bits reverses the order of the states
    draws = state.sample(n_evaluation, seed=rng.child_seed(seed, "low draws"), start=outcomes, n_chains=n_chains)
    return Lopsided(metrics.fidelity(amplitudes, ground), metrics.fidelity(both / np.linalg.norm(both), ground),
                    ising.renyi2(ground, half), abs(ising.renyi2(amplitudes, half)),
                    observables.renyi2(state, draws, half))


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
