"""Two qubits learnt from outcomes in turned bases, as in the thesis's example (figures 5.4 and 5.5).

Every shot and every training takes a child of the seed that is given, named by what it is of.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lib import rng
from lib.conventions import all_states
from lib.rbm import metrics, rotations
from lib.rbm.complex_state import ComplexState
from lib.rbm.complex_training import StateSettings, train
from lib.spins import bases, vectors
from lib.spins.bases import Measurements

if TYPE_CHECKING:
    import pandas as pd  # of the book


def turned(states: Mapping[str, np.ndarray], data: Measurements, in_bases: Sequence[str]) -> pd.DataFrame:
    """Probabilities of the outcomes of two qubits in some bases, exact and measured (Fig. 5.4).

    Parameters
    ----------
    states : mapping of str to ndarray, shape (4,)
        Amplitudes by name.
    data : Measurements
        Of two qubits, with rows in each of the bases.
    in_bases : sequence of str
        Such as "XZ".

    Returns
    -------
    pandas.DataFrame
        basis, outcome, a column a state, measured, error (one standard error).

    """
    import pandas as pd

    names, place = data.distinct()
    tables = []
    for basis in in_bases:
        rows = data.bits[place == names.index(basis)]
        share = np.bincount(rows @ [2, 1], minlength=4) / len(rows)
        of_states = {name: [abs(amplitude) ** 2 for amplitude in bases.rotate(state, basis)]
                     for name, state in states.items()}
        tables.append(pd.DataFrame({"basis": basis, "outcome": ["00", "01", "10", "11"], **of_states, "measured": share,
                                    "error": np.sqrt(share * (1 - share) / len(rows))}))
    return pd.concat(tables, ignore_index=True)


def printed_probabilities(state: np.ndarray) -> np.ndarray:
    """Probabilities of two qubits with the first turned, as (5.17) prints them; twice as much is right.

    Parameters
    ----------
    state : ndarray, shape (4,)
        Amplitudes.

    Returns
    -------
    ndarray, shape (4,)

    """
    (one, two), angle = np.abs(state).reshape(2, 2), np.angle(state).reshape(2, 2)
    interference = one * two * np.cos(angle[0] - angle[1]) / 2
    return np.concatenate([(one**2 + two**2) / 4 + interference, (one**2 + two**2) / 4 - interference])


def learning_curves(psi: np.ndarray, rows: Measurements, settings: StateSettings, n_hidden: int, n_machines: int, *,
                    seed: int) -> tuple[list[ComplexState], pd.DataFrame]:
    """Pairs of machines trained from several starts, each watched epoch by epoch (Fig. 5.5).

    Parameters
    ----------
    psi : ndarray, shape (2^n_spins,)
        The exact amplitudes.
    rows : Measurements
        To train on.
    settings : StateSettings
        How to train.
    n_hidden : int
        Hidden units of each of both machines.
    n_machines : int
        Starts.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    states : list of ComplexState
        After the last epoch.
    curves : pandas.DataFrame
        machine (from 1), epoch, fidelity, KL(mean) and KL(sum) over the bases of the rows, in nats.

    """
    import pandas as pd

    names, states, curve = rows.distinct()[0], [], []
    for number in range(n_machines):
        start = ComplexState.random(rows.n_spins, n_hidden, seed=rng.child_seed(seed, "qubits", "start", number))
        for step in train(start, rows, settings, seed=rng.child_seed(seed, "qubits", number)):
            kl = rotations.kl_divergences(psi, step.state, names)
            curve.append((number + 1, step.epoch, metrics.fidelity(step.state.psi(), psi), kl.mean(), kl.sum()))
        states.append(step.state)
    return states, pd.DataFrame(curve, columns=["machine", "epoch", "fidelity", "KL(mean)", "KL(sum)"])


def off_print(n_states: int, seed: int) -> float:
    """How far twice (5.17) as printed is from the probabilities of an X and a Z measurement, the largest of all states.

    Parameters
    ----------
    n_states : int
        Random ones.
    seed : int
        Of them.

    Returns
    -------
    float

    """
    states = [vectors.random_state(2, rng=rng.stream(seed, "random", k)) for k in range(n_states)]
    off = [2 * printed_probabilities(state) - np.abs(bases.rotate(state, "XZ")) ** 2 for state in states]
    return float(np.abs(off).max())


def slip_of_sums(states: Sequence[ComplexState]) -> float:
    """How far probabilities by log-amplitudes (5.13) are from those of rotated vectors, the largest in all bases.

    Parameters
    ----------
    states : sequence of ComplexState
        Of two qubits.

    Returns
    -------
    float

    """
    off = []
    in_bases = map("".join, itertools.product("XYZ", repeat=2))
    for basis, state in itertools.product(in_bases, states):
        p = np.exp(2 * rotations.log_amplitudes(state, bases.measured(all_states(2), basis)).real)
        off.append(np.abs(p / p.sum() - np.abs(bases.rotate(state.psi().numpy(), basis)) ** 2).max())
    return max(off)


class Blind(NamedTuple):
    """What machines learn that see outcomes along z alone.

    Attributes
    ----------
    slope : float
        Largest derivative of the loss by a parameter of the phases, at the states that were learnt from all bases.
    fidelity, sizes : list of float
        With the state, and of the sizes of the amplitudes alone.

    """

    slope: float
    fidelity: list[float]
    sizes: list[float]


def without_phases(psi: np.ndarray, rows: Measurements, learnt: Sequence[ComplexState], settings: StateSettings,
                   n_hidden: int, *, seed: int) -> Blind:
    """Train on outcomes along z alone, and look for slopes of the phases.

    Parameters
    ----------
    psi : ndarray, shape (4,)
        The state.
    rows : Measurements
        Along z.
    learnt : sequence of ComplexState
        States at which slopes are taken; as many are trained.
    settings : StateSettings
        Of the training, which allows that phases are not determined.
    n_hidden : int
        Hidden units of each machine.
    seed : int
        Of starts and training.

    Returns
    -------
    Blind

    """
    slopes = [part.abs().max() for state in learnt for part in rotations.gradient(state, rows).phase]
    blind = [state.psi().numpy()
             for state in learning_curves(psi, rows, settings, n_hidden, len(learnt), seed=seed)[0]]
    return Blind(max(map(float, slopes)), [metrics.fidelity(state, psi) for state in blind],
                 [metrics.fidelity(np.abs(state), np.abs(psi)) for state in blind])
