"""Trials of chapter 5: machines that learn the ground state of the Ising chain (5.2) from shots along z.

Every start and every training takes a child of the seed that is given, named by what it is of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lib import rng
from lib.conventions import all_states
from lib.rbm import metrics, observables, partition
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


def exact_magnetizations(n_spins: int, fields: Sequence[float]) -> tuple[dict[float, np.ndarray], pd.DataFrame]:
    """Ground states of the transverse-field chain and their magnetizations, exact (Fig. 5.2).

    Parameters
    ----------
    n_spins : int
        Length of the chain.
    fields : sequence of float
        h/J.

    Returns
    -------
    grounds : dict of float to ndarray, shape (2^n_spins,)
        By field.
    table : pandas.DataFrame
        field, abs m, x.

    """
    import pandas as pd

    grounds = {h: ising.ground_state(n_spins, h)[1] for h in fields}
    table = pd.DataFrame({"field": fields, "abs m": map(ising.absolute_magnetization, grounds.values()),
                          "x": [ising.magnetization_x(ground).mean() for ground in grounds.values()]})
    return grounds, table


class ByLength(NamedTuple):
    """What machines of many lengths and fields do.

    Attributes
    ----------
    miss, error : float
        Largest size of the mean distance in x from the exact value, over lengths and fields, and its standard error;
        the error is None where a length and field has one machine.
    size, field : float
        Where that is.
    short, long : int
        Shortest and longest chain whose fidelity was summed.
    lost : pandas.Series
        By length the largest field at which the median of the fidelity is below 0.9; no entry where it never is.
    lopsided : pandas.DataFrame
        The machines whose fidelity is below 0.9.

    """

    miss: float
    error: float | None
    size: int
    field: float
    short: int
    long: int
    lost: pd.Series
    lopsided: pd.DataFrame


def by_length(done: pd.DataFrame) -> ByLength:
    """Compare machines of a record by length and field.

    Parameters
    ----------
    done : pandas.DataFrame
        Results of `lib.experiments.reconstruction.magnetizations` with n_spins and field.

    Returns
    -------
    ByLength

    """
    off = (done.x - done["x exact"]).groupby([done.n_spins, done.field]).agg(["mean", "sem"])
    place, summed = off["mean"].abs().idxmax(), done[done.fidelity.notna()]
    medians = summed.groupby(["n_spins", "field"]).fidelity.median().reset_index()
    return ByLength(off["mean"].abs().max(), off["sem"][place] if off["sem"].notna().all() else None, *place,
                    summed.n_spins.min(), summed.n_spins.max(),
                    medians[medians.fidelity < 0.9].groupby("n_spins").field.max(), summed[summed.fidelity < 0.9])


def fidelities(data: np.ndarray, psi: np.ndarray, settings: TrainingSettings, n_hidden: int, epochs: Sequence[int], *,
               seed: int) -> dict[int, float]:
    """How close machines from one start come to a state, by the passes through its measurements.

    Parameters
    ----------
    data : ndarray of uint8, shape (n_samples, n_spins)
        Measurements.
    psi : ndarray, shape (2^n_spins,)
        The state.
    settings : TrainingSettings
        How to train, but for the epochs.
    n_hidden : int
        Hidden units.
    epochs : sequence of int
        Passes, a training each.
    seed : int
        Of the start and the training.

    Returns
    -------
    dict of int to float
        Fidelity by epochs.

    """
    start = Machine.random(data.shape[1], n_hidden, seed=rng.child_seed(seed, "tutorial start"))
    return {n: metrics.fidelity(PositiveState(train(start, data, replace(settings, epochs=n),
                                                    seed=rng.child_seed(seed, "tutorial")).machine), psi)
            for n in epochs}
