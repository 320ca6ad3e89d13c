"""Trials of chapter 5.4: machines beside other methods that take the same outcomes.

Every shot and every training takes a child of the seed that is given, named by what it is of.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from lib import rng
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.complex_training import fit
from lib.rbm.complex_trials import Plan, random_shots
from lib.rbm.mixed_trials import noisy_ghz, shots_in_turn
from lib.spins import bases, density, density_fit, ising, mps_averages, mps_fit, shadows

if TYPE_CHECKING:
    import pandas as pd  # of the book


def compared_averages(n_spins: int, n_shots: Iterable[int], n_sets: int, plan: Plan, *, seed: int) -> pd.DataFrame:
    """Errors of local and non-local averages of the critical Ising chain, by three methods from the same shots.

    Non-local are the correlation of the ends, and products of sx over half of the chain, with and without the last
    spin.

    Parameters
    ----------
    n_spins : int
        Length of the chain.
    n_shots : iterable of int
        Outcomes in random bases.
    n_sets : int
        Data sets of each number.
    plan : callable
        From a number of shots to how the machines are trained.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    pandas.DataFrame
        shots, set (from 1), kind (local, non-local), method (shadows, matrix product, machine), error (root mean
        square).

    """
    import pandas as pd

    ground, last = ising.ground_state(n_spins, 1.0)[1], n_spins - 1
    string = {i: "X" for i in range(n_spins // 2)}
    averages = {"local": [{i: "X"} for i in range(n_spins)] + [{i: "Z", i + 1: "Z"} for i in range(last)],
                "non-local": [{0: "Z", last: "Z"}, string, string | {last: "X"}]}
    found = []
    for n, number in itertools.product(n_shots, range(n_sets)):
        rows = random_shots(ground, n, "compared", n, number, seed=seed)
        own = rng.child_seed(seed, "compared", n, number)
        start = ComplexState.random(n_spins, n_spins, seed=own)
        machine = fit(start, rows, plan(n), seed=own).state.psi().numpy()
        bond = mps_fit.bond_for(n_spins, start.n_parameters)
        product = mps_fit.maximum_likelihood(rows, bond_dimension=bond, seed=own, max_steps=200).state
        methods = {"shadows": lambda paulis, rows=rows: shadows.expectation(rows, paulis).value,
                   "matrix product": lambda paulis, product=product: mps_averages.expectation(product, paulis),
                   "machine": lambda paulis, machine=machine: bases.expectation(machine, paulis)}
        for (method, average), (kind, paulis) in itertools.product(methods.items(), averages.items()):
            off = np.sqrt(np.mean([(average(p) - bases.expectation(ground, p)) ** 2 for p in paulis]))
            found.append((n, number + 1, kind, method, off))
    return pd.DataFrame(found, columns=["shots", "set", "kind", "method", "error"])


def compared_mixed(n_qubits: int, noise: float, n_shots: Iterable[int], n_sets: int, n_machines: int, plan: Plan, *,
                   seed: int) -> pd.DataFrame:
    """Fidelities with a noisy GHZ state, by four methods from the same shots in all Pauli bases in turn.

    Parameters
    ----------
    n_qubits, noise : int, float
        Of `noisy_ghz`.
    n_shots : iterable of int
        Outcomes.
    n_sets : int
        Data sets of each number.
    n_machines : int
        Machines whose density matrices are averaged.
    plan : callable
        From a number of shots to how they are trained.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    pandas.DataFrame
        shots, set (from 1), method, fidelity, error (one less the fidelity).

    """
    import pandas as pd

    rho, found = noisy_ghz(n_qubits, noise), []
    for n, number in itertools.product(n_shots, range(n_sets)):
        rows = shots_in_turn(rho, n, "compared mixed, fresh", n, number, seed=seed)
        own = [rng.child_seed(seed, "compared mixed", n, number, k) for k in range(n_machines)]
        machines = [fit(MixedState.random(n_qubits, 8 * n_qubits, seed=one), rows, plan(n),
                        seed=one).state.density_matrix().numpy() for one in own]
        methods = {"maximum likelihood": density_fit.maximum_likelihood(rows).rho,
                   "linear inversion": density_fit.nearest(density_fit.linear_inversion(rows)),
                   "one machine": machines[0], "mean of machines": np.mean(machines, axis=0)}
        found += [(n, number + 1, name, density.fidelity(matrix, rho)) for name, matrix in methods.items()]
    table = pd.DataFrame(found, columns=["shots", "set", "method", "fidelity"])
    return table.assign(error=1 - table.fidelity)
