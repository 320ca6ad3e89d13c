"""The machine that runs in the page of chapter 7: its chain, what it measures, and what the page is told of it.

`book/_static/living.js` runs `chain` and `estimates` in the browser; tests compare every spin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lib.chain_checks import check_bits
from lib.checks import require_count
from lib.conventions import spins_from_bits
from lib.pruning import magnitude
from lib.rbm import observables, partition, sampling
from lib.rbm.machine import Machine, check_machine
from lib.rbm.states import PositiveState
from lib.spins import ising

if TYPE_CHECKING:
    import pandas as pd  # of the book; `table` alone needs it

N_SEEDS = 20  # chains that the page can run, by the seeds 1 to this


def without_smallest(machine: Machine, n_removed: int, *, keep_fields: bool) -> Machine:
    """The machine without its smallest weights.

    Parameters
    ----------
    machine : Machine
        Any.
    n_removed : int
        Weights to remove, from 0 to those that exist.
    keep_fields : bool
        Whether the biases take over the fields that removed weights had in terms of spins +-1, half of the weight
        for either bit (4.24): then a machine that is symmetric under a flip of all spins stays so.

    Returns
    -------
    Machine
        In float64, with a mask.

    Raises
    ------
    ValueError
        For more weights than there are.

    """
    machine = check_machine(machine).to(dtype=sampling.PRECISIONS["float64"])
    require_count("n_removed", n_removed, 0)
    mask = None if machine.mask is None else machine.mask.numpy()
    cut = machine.pruned(magnitude.by_magnitude(machine.weights.numpy(), mask, machine.n_weights - n_removed))
    if not keep_fields:
        return cut
    lost = machine.weights - cut.weights
    return Machine(cut.weights, cut.visible_bias + lost.sum(1) / 2, cut.hidden_bias + lost.sum(0) / 2, cut.mask)


def chain(machine: Machine, n_sweeps: int, seed: int) -> np.ndarray:
    """The bits after each sweep of the chain that the page runs, from all ones.

    Parameters
    ----------
    machine : Machine
        Whose distribution the chain samples.
    n_sweeps : int, >= 1
        Block Gibbs sweeps, in float64.
    seed : int, >= 0
        Of the page: 1 to `N_SEEDS`.

    Returns
    -------
    ndarray of uint8, shape (n_sweeps, n_visible)

    """
    start = np.ones((1, machine.n_visible), np.uint8)
    return sampling.sample(machine, n_sweeps, seed=seed, start=start, n_chains=1, burn_in=0, thin=1,
                           engine="numba", precision="float64")[:, 0]


def estimates(machine: Machine, bits: np.ndarray, field: float) -> dict:
    """Order, energy and correlations from samples of a machine.

    Parameters
    ----------
    machine : Machine
        Whose samples they are.
    bits : array_like of 0 and 1, shape (n_samples, n_visible)
        Such as `chain` gives.
    field : float
        Transverse field, in units of J.

    Returns
    -------
    dict
        order, the mean of abs(m); energy in units of J; correlation, C(d) of the middle spin (7.6) for d from 0 to
        the end of the chain.

    Raises
    ------
    ValueError
        For bits of another width or value.

    """
    bits = check_bits(bits, check_machine(machine).n_visible, name="bits")
    spins = 2.0 * bits - 1
    middle = (machine.n_visible - 1) // 2
    means = spins.mean(0)
    return {"order": float(observables.absolute_magnetization(bits).mean()),
            "energy": float(observables.energy(PositiveState(machine), bits, field).mean()),
            "correlation": (observables.correlation_zz(bits)[middle] - means[middle] * means)[middle:]}


class AtWork(NamedTuple):
    """A machine without some of its weights, at work.

    Attributes
    ----------
    removed : int
        Weights.
    bits : ndarray of uint8, shape (n_sweeps, n_visible)
        Its `chain`.
    means : dict of str to tuple of float
        Mean and standard error over the chain of "order", "energy", and "C(d)" for each d.

    """

    removed: int
    bits: np.ndarray
    means: dict[str, tuple[float, float]]


def at_work(machine: Machine, field: float, removed: int, *, distances: Sequence[int], n_sweeps: int = 2000,
            seed: int = 1) -> AtWork:
    """Let a machine run without its smallest weights, biases keeping the fields, and average over its chain.

    Parameters
    ----------
    machine : Machine
        Any.
    field : float
        Transverse field, in units of J.
    removed : int
        Weights to remove.
    distances : sequence of int
        From the middle spin; correlations are those of a state without magnetization, <s_i s_j>.
    n_sweeps, seed : int, default 2000 and 1
        As of `chain`.

    Returns
    -------
    AtWork

    """
    alive = without_smallest(machine, removed, keep_fields=True)
    bits = chain(alive, n_sweeps, seed=seed)
    spins, middle = spins_from_bits(bits).astype(float), (alive.n_visible - 1) // 2
    values = {"order": np.abs(spins.mean(1)), "energy": observables.energy(PositiveState(alive), bits, field)}
    values |= {f"C({d})": spins[:, middle] * spins[:, middle + d] for d in distances}
    found = {name: observables.estimate(series) for name, series in values.items()}
    return AtWork(removed, bits, {name: (one.mean, one.error) for name, one in found.items()})


def exact(psi: np.ndarray, field: float) -> dict:
    """What `estimates` gives, of a state, by sums over all configurations.

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Normalized amplitudes.
    field : float
        Transverse field, in units of J.

    Returns
    -------
    dict
        As `estimates` gives.

    Raises
    ------
    ValueError
        For amplitudes that are not normalized, or not of 2^n.

    """
    means = ising.magnetization_z(psi)
    middle = (len(means) - 1) // 2
    return {"order": ising.absolute_magnetization(psi), "energy": ising.energy(psi, field),
            "correlation": (ising.correlation_zz(psi)[middle] - means[middle] * means)[middle:]}


def table(machine: Machine, field: float) -> pd.DataFrame:
    """All that the page is told: the machine, its generators, and exact values after every removal.

    Parameters
    ----------
    machine : Machine
        Of so few visible units that their states can be counted, with all its weights.
    field : float
        Transverse field of the ground state that it has learnt, in units of J.

    Returns
    -------
    pandas.DataFrame
        One row a number: what it is, removed (weights, for exact values), i, j, value. The exact values are named
        kept or lost, for `without_smallest` with and without keep_fields, and ground.

    """
    import pandas as pd

    machine = machine.to(dtype=sampling.PRECISIONS["float64"])
    rows = [("field", 0, 0, 0, field)]
    for name, values in (("weight", machine.weights), ("visible bias", machine.visible_bias[:, None]),
                         ("hidden bias", machine.hidden_bias[None])):
        rows += [(name, 0, i, j, value) for (i, j), value in np.ndenumerate(values.numpy())]
    for seed in range(1, N_SEEDS + 1):
        rows += [("generator", 0, seed, j, int(word)) for j, word in enumerate(sampling.generators(seed, 1)[0])]
    states = [("ground", 0, ising.ground_state(machine.n_visible, field)[1])]
    for name, keep in (("kept", True), ("lost", False)):
        for n_removed in range(machine.n_weights + 1):
            cut = without_smallest(machine, n_removed, keep_fields=keep)
            states.append((name, n_removed, np.sqrt(partition.probabilities(cut).numpy())))
    for name, n_removed, psi in states:
        found = exact(psi, field)
        rows += [(f"{name} {what}", n_removed, 0, 0, found[what]) for what in ("order", "energy")]
        rows += [(f"{name} correlation", n_removed, d, 0, value) for d, value in enumerate(found["correlation"])]
    return pd.DataFrame(rows, columns=["what", "removed", "i", "j", "value"])
