"""Trials of chapter 5.4: mixed states learnt from outcomes in many bases, and their noise.

Every shot and every training takes a child of the seed that is given, named by what it is of.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from lib import rng
from lib.rbm import noisy
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.complex_training import StateSettings, fit
from lib.rbm.complex_trials import random_shots
from lib.spins import bases, density, vectors
from lib.spins.bases import Measurements

if TYPE_CHECKING:
    import pandas as pd  # of the book


def noisy_ghz(n_qubits: int, noise: float) -> np.ndarray:
    """A GHZ state of which each qubit is replaced by a random one with some chance.

    Parameters
    ----------
    n_qubits : int
        Its size.
    noise : float, 0 to 1
        The chance.

    Returns
    -------
    ndarray, shape (2^n_qubits, 2^n_qubits)
        A density matrix.

    """
    return density.depolarized(vectors.ghz(n_qubits, 1.0), noise)


def mixed_states(qubits: Iterable[int], noise: float, n_shots: int, settings: StateSettings, n_seeds: int, *,
                 seed: int) -> tuple[pd.DataFrame, MixedState, Measurements]:
    """Noisy GHZ states learnt with ancillas, from shots in random bases.

    Parameters
    ----------
    qubits : iterable of int
        Sizes.
    noise : float, 0 to 1
        Of `noisy_ghz`.
    n_shots : int
        Outcomes of each state.
    settings : StateSettings
        How to train.
    n_seeds : int
        Machines of each.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    table : pandas.DataFrame
        qubits, seed (from 1), fidelity, purity, purity exact, entropy, entropy exact (nats).
    last : MixedState
        The last machine.
    rows : Measurements
        What it has learnt from.

    """
    import pandas as pd

    found = []
    for n in qubits:
        rho = noisy_ghz(n, noise)
        rows = random_shots(rho, n_shots, "mixed", n, seed=seed)
        for number in range(n_seeds):
            own = rng.child_seed(seed, "mixed", n, number)
            last = fit(MixedState.random(n, 4 * n, seed=own), rows, settings, seed=own).state
            learnt = last.density_matrix().numpy()
            found.append((n, number + 1, density.fidelity(learnt, rho), density.purity(learnt), density.purity(rho),
                          density.entropy(learnt), density.entropy(rho)))
    columns = ["purity", "purity exact", "entropy", "entropy exact"]
    return pd.DataFrame(found, columns=["qubits", "seed", "fidelity", *columns]), last, rows


def shots_in_turn(rho: np.ndarray, n_shots: int, *use: object, seed: int) -> Measurements:
    """Outcomes in all products of Pauli bases in turn.

    Parameters
    ----------
    rho : ndarray, shape (2^n_qubits, 2^n_qubits)
        A density matrix.
    n_shots : int
        Outcomes.
    *use : object
        What they are for, which names their random stream.
    seed : int, >= 0
        Fixes them.

    Returns
    -------
    Measurements

    """
    products = itertools.product("XYZ", repeat=len(rho).bit_length() - 1)
    in_turn = ["".join(letters) for letters in itertools.islice(itertools.cycle(products), n_shots)]
    return bases.sample(rho, in_turn, rng=rng.stream(seed, *use))


def learnt_noise(n_qubits: int, noise: float, n_shots: int, n_sets: int, settings: tuple[StateSettings, StateSettings],
                 plain: StateSettings, n_starts: int, *, seed: int) -> pd.DataFrame:
    """Noisy GHZ states learnt as a pure state behind noise of an unknown chance, where the data speak for that.

    Four fifths of the shots teach such a state and a machine with ancillas. The state behind noise is the simpler one
    and is chosen, unless the rest of the shots is less likely under it by more than two standard errors. The chosen
    kind learns from all shots. Of several starts behind noise the one with the lowest loss in training counts.

    Parameters
    ----------
    n_qubits, noise : int, float
        Of `noisy_ghz`.
    n_shots : int
        Outcomes in all Pauli bases in turn.
    n_sets : int
        Data sets.
    settings : (StateSettings, StateSettings)
        How to train behind noise, in the first round and in three more.
    plain : StateSettings
        How to train with ancillas.
    n_starts : int
        Of each training behind noise.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    pandas.DataFrame
        set (from 1), gain (loss on held back of the machine with ancillas less that of the state behind noise, nats),
        error (one standard error of that), chance (0 where the machine was chosen), fidelity.

    """
    import pandas as pd

    def behind(shots: Measurements, *use: object) -> noisy.NoisyState:
        found = []
        for number in range(n_starts):
            own = rng.child_seed(seed, "learnt noise", *use, number)
            start = ComplexState.random(n_qubits, 2 * n_qubits, seed=own)
            first = noisy.fit(start, shots, settings[0], n_rounds=1, seed=own)
            found.append(noisy.fit(first.state, shots, settings[1], chance=first.chance, n_rounds=3, seed=own))
        return min(found, key=lambda state: state.negative_log_likelihood(shots))

    def with_ancillas(shots: Measurements, *use: object) -> MixedState:
        own = rng.child_seed(seed, "learnt noise", *use)
        return fit(MixedState.random(n_qubits, 8 * n_qubits, seed=own), shots, plain, seed=own).state

    rho, found = noisy_ghz(n_qubits, noise), []
    for number in range(n_sets):
        rows = shots_in_turn(rho, n_shots, "learnt noise", number, seed=seed)
        shown, held = rows.rows(slice(n_shots * 4 // 5)), rows.rows(slice(n_shots * 4 // 5, None))
        beside = noisy.NoisyState(with_ancillas(shown, "shown", number), 0.0)
        gains = behind(shown, "shown", number).log_likelihoods(held) - beside.log_likelihoods(held)
        gain, error = gains.mean(), gains.std(ddof=1) / np.sqrt(len(gains))
        if gain > -2 * error:
            chosen = behind(rows, number)
        else:
            chosen = noisy.NoisyState(with_ancillas(rows, number), 0.0)
        found.append((number + 1, gain, error, chosen.chance, density.fidelity(chosen.density_matrix(), rho)))
    return pd.DataFrame(found, columns=["set", "gain", "error", "chance", "fidelity"])
