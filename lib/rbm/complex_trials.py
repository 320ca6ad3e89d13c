"""Trials of chapter 5.4: states with phases learnt from outcomes in many bases.

Every shot and every training takes a child of the seed that is given, named by what it is of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib import rng
from lib.rbm import metrics, rotations
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.complex_training import StateSettings, fit
from lib.spins import bases, chains, exact, ising, vectors
from lib.spins.bases import Measurements

if TYPE_CHECKING:
    import pandas as pd  # of the book

#: How to train on a number of shots.
Plan = Callable[[int], StateSettings]


def random_shots(state: np.ndarray, n_shots: int, *use: object, seed: int) -> Measurements:
    """Outcomes in a random Pauli basis each.

    Parameters
    ----------
    state : ndarray
        Amplitudes, or a density matrix.
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
    draw = rng.stream(seed, "shots", *use)
    return bases.sample(state, bases.random_bases(n_shots, len(state).bit_length() - 1, rng=draw), rng=draw)


def trained(rows: Measurements, n_hidden: int, settings: StateSettings, n_starts: int, *use: object, seed: int,
            n_hidden_phase: int | None = None) -> list[ComplexState]:
    """States from several random starts on the same measurements.

    Parameters
    ----------
    rows : Measurements
        To train on.
    n_hidden : int
        Hidden units of the machine for sizes.
    settings : StateSettings
        How to train.
    n_starts : int
        Trainings.
    *use : object
        What they are for, which names their random streams.
    seed : int, >= 0
        Fixes them.
    n_hidden_phase : int or None
        Hidden units of the machine for phases; None, the default: as many.

    Returns
    -------
    list of ComplexState

    """
    own = [rng.child_seed(seed, *use, number) for number in range(n_starts)]
    starts = [ComplexState.random(rows.n_spins, n_hidden, n_hidden_phase=n_hidden_phase, seed=one) for one in own]
    return [fit(start, rows, settings, seed=one).state for start, one in zip(starts, own)]


def likeliest(states: Sequence[ComplexState], rows: Measurements) -> tuple[ComplexState, list[float]]:
    """The state with the lowest loss.

    Parameters
    ----------
    states : sequence of ComplexState
        Candidates.
    rows : Measurements
        To judge them by.

    Returns
    -------
    best : ComplexState
    losses : list of float
        Of all, nats a measurement.

    """
    losses = [rotations.negative_log_likelihood(state, rows) for state in states]
    return states[int(np.argmin(losses))], losses


def small_states(max_qubits: int, n_shots: int, settings: StateSettings, n_starts: int, *, seed: int) -> pd.DataFrame:
    """GHZ, W and random states of a few qubits, each learnt from random bases and several starts.

    Parameters
    ----------
    max_qubits : int
        Largest size; W states have five qubits at most.
    n_shots : int
        Outcomes of each state.
    settings : StateSettings
        How to train.
    n_starts : int
        Trainings of each.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    pandas.DataFrame
        kind, qubits, start (from 1), hidden (units), loss (nats), fidelity, excess (over the lowest loss of the same
        state), chosen (whether it has that).

    """
    import pandas as pd

    kinds = (("GHZ", range(3, max_qubits + 1)), ("W", range(3, min(5, max_qubits) + 1)),
             ("random", range(2, max_qubits + 1)))
    found = []
    for kind, n in ((kind, n) for kind, sizes in kinds for n in sizes):
        truth = _target(kind, n, rng.stream(seed, kind, n))
        rows = random_shots(truth, n_shots, kind, n, seed=seed)
        units = max(n, 2 ** (n - 1)) if kind == "random" else n
        states = trained(rows, units, settings, n_starts, "small", kind, n, seed=seed)
        found += [(kind, n, number, units, loss, metrics.fidelity(state.psi(), truth))
                  for number, (state, loss) in enumerate(zip(states, likeliest(states, rows)[1]), start=1)]
    table = pd.DataFrame(found, columns=["kind", "qubits", "start", "hidden", "loss", "fidelity"])
    table["excess"] = table.loss - table.groupby(["kind", "qubits"]).loss.transform("min")
    return table.assign(chosen=table.excess == 0)


def _target(kind: str, n: int, draw: np.random.Generator) -> np.ndarray:
    if kind == "random":
        return vectors.random_state(n, rng=draw)
    return vectors.w(n, draw.uniform(0, 2 * np.pi, n)) if kind == "W" else vectors.ghz(n, draw.uniform(0, 2 * np.pi))


def held_back(rows: Measurements, sizes: Iterable[tuple[int, int]], settings: StateSettings, n_starts: int, *,
              seed: int) -> pd.DataFrame:
    """Machines of several sizes, trained on four fifths of the shots and judged by the rest.

    Parameters
    ----------
    rows : Measurements
        All shots.
    sizes : iterable of (int, int)
        Hidden units for sizes and for phases.
    settings : StateSettings
        How to train.
    n_starts : int
        Trainings of each size, of which the one with the lowest loss in training counts.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    pandas.DataFrame
        hidden, hidden, phase, parameters, loss on held back (nats).

    """
    import pandas as pd

    cut, found = rows.n_samples * 4 // 5, []
    shown, held = rows.rows(slice(cut)), rows.rows(slice(cut, None))
    for size in sizes:
        states = trained(shown, size[0], settings, n_starts, "sizes", *size, seed=seed, n_hidden_phase=size[1])
        best = likeliest(states, shown)[0]
        found.append((*size, best.n_parameters, rotations.negative_log_likelihood(best, held)))
    return pd.DataFrame(found, columns=["hidden", "hidden, phase", "parameters", "loss on held back"])


def chain_by_shots(ground: np.ndarray, rows: Measurements, n_shots: Sequence[int], size: tuple[int, int],
                   settings: StateSettings, n_starts: int, *, seed: int) -> tuple[pd.DataFrame, ComplexState]:
    """The critical Ising chain learnt from the first of its shots, and from more and more of them.

    Parameters
    ----------
    ground : ndarray, shape (2^n_spins,)
        Its exact ground state.
    rows : Measurements
        All shots.
    n_shots : sequence of int
        How many of them are learnt from.
    size : (int, int)
        Hidden units for sizes and for phases.
    settings : StateSettings
        How to train.
    n_starts : int
        Trainings of each.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    table : pandas.DataFrame
        shots, start (from 1), loss (nats), chosen (1 for the lowest loss), fidelity, energy (per spin, units of J),
        energy error.
    best : ComplexState
        The chosen one of the most shots.

    """
    import pandas as pd

    found, chosen, n_spins = [], {}, rows.n_spins
    for n in n_shots:
        some = rows.rows(slice(n))
        states = trained(some, size[0], settings, n_starts, "chain", n, seed=seed, n_hidden_phase=size[1])
        chosen[n], losses = likeliest(states, some)
        for number, (state, loss) in enumerate(zip(states, losses), start=1):
            psi = state.psi().numpy()
            found.append((n, number, loss, int(state is chosen[n]), metrics.fidelity(psi, ground),
                          ising.energy(psi, 1.0) / n_spins))
    table = pd.DataFrame(found, columns=["shots", "start", "loss", "chosen", "fidelity", "energy"])
    return table.assign(**{"energy error": table.energy - ising.energy(ground, 1.0) / n_spins}), chosen[max(n_shots)]


def frustrated_chain(n_spins: int, frustration: float) -> tuple[np.ndarray, np.ndarray]:
    """The ground state of the J1-J2 chain, and the signs that Marshall's rule gives it.

    Parameters
    ----------
    n_spins : int
        Its length.
    frustration : float
        J2 / J1.

    Returns
    -------
    psi : ndarray, shape (2^n_spins,)
        Real; of both overall signs the one that suits the rule better.
    signs : ndarray, shape (2^n_spins,)

    """
    psi, signs = exact.ground_state(chains.xxz(n_spins, 1.0, next_coupling=frustration))[1], \
        vectors.marshall_signs(n_spins)
    return psi * np.sign(np.sum(psi * abs(psi) * signs)), signs


def amplitudes(states: Iterable[ComplexState], psi: np.ndarray, signs: np.ndarray) -> pd.DataFrame:
    """Amplitudes of machines beside exact ones, with some signs taken out of both.

    Parameters
    ----------
    states : iterable of ComplexState
        One a seed.
    psi : ndarray, shape (2^n_spins,)
        Exact and real.
    signs : ndarray, shape (2^n_spins,)
        To take out.

    Returns
    -------
    pandas.DataFrame
        seed (from 1), exact, machine, machine imaginary (after the one phase that brings it closest to exact).

    """
    import pandas as pd

    tables = []
    for number, state in enumerate(states, start=1):
        vector = state.psi().numpy()
        overlap = np.vdot(vector, psi)
        vector = vector * overlap / abs(overlap)
        tables.append(pd.DataFrame({"seed": number, "exact": psi * signs, "machine": vector.real * signs,
                                    "machine imaginary": vector.imag * signs}))
    return pd.concat(tables, ignore_index=True)


def excess_loss(state: ComplexState | MixedState, rows: Measurements, truth: np.ndarray) -> float:
    """How much worse than the exact state a learnt one explains measurements; below zero it explains their noise.

    Parameters
    ----------
    state : ComplexState or MixedState
        Learnt.
    rows : Measurements
        To explain.
    truth : ndarray
        The amplitudes or the density matrix that they are of.

    Returns
    -------
    float
        Nats a measurement.

    """
    names, place = rows.distinct()
    exactly = [bases.probabilities(truth, basis) for basis in names]
    outcomes = rows.bits @ (1 << np.arange(rows.n_spins)[::-1])
    loss = np.mean([-np.log(exactly[basis][outcome]) for basis, outcome in zip(place, outcomes)])
    return float(rotations.negative_log_likelihood(state, rows) - loss)


def sign_fidelities(table: pd.DataFrame, psi: np.ndarray, signs: np.ndarray) -> tuple[list[float], list[float]]:
    """How close the machines of `amplitudes` come to a real state, with its signs and without.

    Parameters
    ----------
    table : pandas.DataFrame
        `amplitudes`.
    psi : ndarray, shape (2^n,)
        The state.
    signs : ndarray, shape (2^n,)
        Those that the table was made with.

    Returns
    -------
    fidelities, of_sizes : list of float
        A machine each; the second with the sizes of the amplitudes alone.

    """
    found = [(rows.machine + 1j * rows["machine imaginary"]).to_numpy() for _, rows in table.groupby("seed")]
    return ([metrics.fidelity(vector, psi * signs) for vector in found],
            [metrics.fidelity(np.abs(vector), np.abs(psi)) for vector in found])
