"""Open chains of spins 1/2 with exchange between any neighbours, by exact diagonalization (XXZ, J1-J2).

H = sum_d J_d sum_i [S^x_i S^x_{i+d} + S^y_i S^y_{i+d} + anisotropy S^z_i S^z_{i+d}] with S = sigma / 2 and open ends:
{1: 1.0} with an anisotropy is the XXZ chain, {1: J1, 2: J2} the J1-J2 chain.  Its ground state has signs: where only
neighbours at odd distances are coupled, Marshall's rotation removes them, and with J2 it does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import eigsh

from lib.conventions import check_n_spins

MAX_SPINS = 16
_DENSE_SPINS = 8
_GAP = 1e-9  # below, relative to the energy, two states count as one energy


def hamiltonian(n_spins: int, couplings: Mapping[int, float], *, anisotropy: float = 1.0) -> csr_array:
    """The Hamiltonian as a sparse real matrix, float64 (2^n_spins, 2^n_spins).

    couplings: J_d of every distance d, in units of energy.

    Raises ValueError for more than 16 spins, a distance that the chain does not have, and numbers that are not finite.
    """
    n_spins = check_n_spins(n_spins, largest=MAX_SPINS)
    for distance, value in couplings.items():
        if distance not in range(1, max(2, n_spins)) or not math.isfinite(value):
            raise ValueError(f"expected finite couplings of distances 1 to {n_spins - 1}, got {value!r} at distance "
                             f"{distance!r}; try {{1: 1.0}}")
    if not math.isfinite(anisotropy):
        raise ValueError(f"expected a finite anisotropy, got {anisotropy!r}; try anisotropy=1.0")
    state = np.arange(2**n_spins)
    diagonal = np.zeros(state.size)
    rows, columns, values = [state], [state], [diagonal]
    for distance, coupling in couplings.items():
        for site in range(n_spins - distance):
            first, second = 1 << (n_spins - 1 - site), 1 << (n_spins - 1 - site - distance)
            unlike = ((state & first) == 0) != ((state & second) == 0)
            diagonal += 0.25 * coupling * anisotropy * np.where(unlike, -1.0, 1.0)
            # (XX + YY) / 4 exchanges unlike spins with amplitude 1/2 and does nothing to like ones.
            rows.append(state[unlike])
            columns.append(state[unlike] ^ (first | second))
            values.append(np.full(int(unlike.sum()), 0.5 * coupling))
    return csr_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
                     shape=(state.size, state.size))


def ground_state(n_spins: int, couplings: Mapping[int, float], *, anisotropy: float = 1.0) -> tuple[float, np.ndarray]:
    """The ground state as (energy, psi): real amplitudes, the largest of them positive, float64 (2^n_spins,).

    Raises ValueError where two states share the lowest energy, as in an antiferromagnet of an odd number of spins.
    """
    matrix = hamiltonian(n_spins, couplings, anisotropy=anisotropy)
    if n_spins <= _DENSE_SPINS:
        energies, vectors = np.linalg.eigh(matrix.toarray())
    else:
        start = np.random.default_rng(0).standard_normal(matrix.shape[0])  # fixed: the result repeats
        energies, vectors = eigsh(matrix, k=2, which="SA", v0=start, tol=0)
        order = np.argsort(energies)
        energies, vectors = energies[order], vectors[:, order]
    if energies[1] - energies[0] < _GAP * max(1.0, abs(energies[0])):
        raise ValueError(f"expected one state of lowest energy, got two at {energies[0]:.9g}; try an even number of "
                         "spins, or couplings that are not all zero or ferromagnetic")
    psi = vectors[:, 0]
    return float(energies[0]), psi * np.sign(psi[np.argmax(np.abs(psi))])


def marshall_signs(n_spins: int) -> np.ndarray:
    """The sign (-1)^(number of spins up on sites 1, 3, 5, ...) of every basis state: float64 (2^n_spins,).

    The amplitudes of an antiferromagnet with couplings of odd distance only are these signs times positive numbers, up
    to one overall sign (W. Marshall, Proc. R. Soc. A 232, 48 (1955)).
    """
    n_spins = check_n_spins(n_spins, largest=MAX_SPINS)
    odd = sum(1 << (n_spins - 1 - site) for site in range(1, n_spins, 2))
    return 1.0 - 2.0 * (np.bitwise_count(np.arange(2**n_spins) & odd) % 2)


def wrong_sign_weight(psi: np.ndarray, signs: np.ndarray) -> float:
    """The weight sum |psi|^2 of the amplitudes whose sign is not that of `signs`, for the better overall sign."""
    weight = float(np.sum(psi[psi * signs < 0] ** 2))
    return min(weight, 1.0 - weight)
