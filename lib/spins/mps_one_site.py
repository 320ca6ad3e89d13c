"""The lowest energy of the Ising chain at a given bond dimension, over one tensor after the other, from end to end.

Each minimum is an eigenvector: the density matrix renormalization group of one site (U. Schollwoeck, Ann. Phys. 326, 96
(2011), section 6.3). DMRG of two sites (`lib.spins.dmrg`) optimizes a larger state and cuts it down, which is no
minimum; this is one. `lib.spins.mps_variational` has the same for states that repeat one tensor.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from lib import rng
from lib.chain_checks import check_n_spins
from lib.checks import check_number, require_count
from lib.spins.mps import MatrixProductState

MOST_BOND = 16  # the matrix of one site, 2 bond^2 wide, is diagonalized as it is
MOST_SWEEPS = 500
TOLERANCE = 1e-9  # relative change of the energy in a sweep there and back
NOISE = 0.1  # of the tensors to begin with, beside those of a product state


class Lowest(NamedTuple):
    """The lowest energy that was found, and its state.

    Attributes
    ----------
    energy : float
        In units of J.
    state : lib.spins.mps.MatrixProductState
        Of this energy.
    sweeps : int
        Of the start that led there.

    """

    energy: float
    state: MatrixProductState
    sweeps: int


def lowest(n_spins: int, field: float, bond_dimension: int, *, seed: int, n_starts: int = 3) -> Lowest:
    """The lowest energy of all matrix product states of one bond dimension.

    For the open Ising chain (5.2).

    Parameters
    ----------
    n_spins : int
        Sites of the chain.
    field : float, >= 0
        The field h, in units of J.
    bond_dimension : int, 1 to 16
        Of all bonds that are long enough for it.
    seed : int
        Of the random numbers.
    n_starts : int, >= 1, default 3
        Product states with random numbers in all tensors; the best result counts.

    Returns
    -------
    Lowest

    Raises
    ------
    ValueError
        For counts below 1 and field < 0, and for a bond dimension beyond 16.

    """
    check_n_spins(n_spins)
    field = check_number(field, "field", least=0, hint="its absolute value, which has the same energies")
    _check_search(bond_dimension, n_starts)
    bonds = np.array(bond_sizes(n_spins, bond_dimension))
    found = []
    for start in range(n_starts):
        generator = rng.stream(seed, "lowest matrix product state", start)
        tensors = np.zeros((n_spins, bonds.max(), 2, bonds.max()))
        for site, (left, right) in enumerate(zip(bonds, bonds[1:])):
            tensors[site, :left, :, :right] = NOISE * generator.standard_normal((left, 2, right))
            tensors[site, 0, :, 0] += (0.6, 0.8)
        energy, sweeps = _minimize(tensors, bonds, field, MOST_SWEEPS, TOLERANCE)
        found.append((energy, start, sweeps, tensors))
    energy, _, sweeps, tensors = min(found)
    return Lowest(energy, MatrixProductState(
        tuple(tensors[site, :left, :, :right] for site, (left, right) in enumerate(zip(bonds, bonds[1:])))), sweeps)


def bond_sizes(n_spins: int, bond_dimension: int) -> list[int]:
    """The sizes of all n_spins + 1 bonds, the outer two 1.

    Near the ends they need no more than 2, 4, 8, ...

    Parameters
    ----------
    n_spins : int, >= 1
        Sites of the chain.
    bond_dimension : int, >= 1
        Of all bonds that are long enough for it.

    Returns
    -------
    list of int

    """
    return [min(bond_dimension, 2 ** min(i, n_spins - i, 30)) for i in range(n_spins + 1)]


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        require_count(name, count)


def _check_search(bond_dimension: int, n_starts: int) -> None:
    _check_counts(bond_dimension=bond_dimension, n_starts=n_starts)
    if bond_dimension > MOST_BOND:
        raise ValueError(f"expected bond_dimension of at most {MOST_BOND}, for a search without large matrices, got "
                         f"{bond_dimension}; try lib.spins.dmrg")


@njit(cache=True)
def _minimize(tensors, bonds, field, most, tolerance):
    """Sweep until the energy stays, the tensors, (n_spins, bond, 2, bond), in place; they end right-canonical.

    Beside the state, on either side of a bond, stand the energy of that side and the z of its last spin, both as
    matrices between the states of the bond.
    """
    n_spins, size = tensors.shape[0], tensors.shape[1]
    left, right = np.zeros((n_spins + 1, 2, size, size)), np.zeros((n_spins + 1, 2, size, size))
    for site in range(n_spins - 1, -1, -1):
        _to_the_left(tensors, bonds, field, right, site)
    before, energy = np.inf, np.inf
    for sweep in range(most):
        for site in range(n_spins - 1):
            energy = _best(tensors, bonds, field, left[site], right[site + 1], site)
            _to_the_right(tensors, bonds, field, left, site)
        for site in range(n_spins - 1, -1, -1):
            energy = _best(tensors, bonds, field, left[site], right[site + 1], site)
            _to_the_left(tensors, bonds, field, right, site)
        if abs(before - energy) <= tolerance * abs(energy):
            return energy, sweep + 1
        before = energy
    return energy, most


@njit(cache=True)
def _best(tensors, bonds, field, left, right, site):
    """Put the tensor of lowest energy at a site; returns that energy."""
    a, b = bonds[site], bonds[site + 1]
    matrix = np.zeros((2 * a * b, 2 * a * b))
    for i in range(a):
        for s in range(2):
            z = 2.0 * s - 1.0
            for j in range(b):
                row = (2 * i + s) * b + j
                matrix[row, (2 * i + 1 - s) * b + j] -= field
                for k in range(a):
                    matrix[row, (2 * k + s) * b + j] += left[0, i, k] - z * left[1, i, k]
                for m in range(b):
                    matrix[row, (2 * i + s) * b + m] += right[0, j, m] - z * right[1, j, m]
    values, vectors = np.linalg.eigh(matrix)
    tensors[site, :a, :, :b] = np.ascontiguousarray(vectors[:, 0]).reshape(a, 2, b)
    return values[0]


@njit(cache=True)
def _to_the_right(tensors, bonds, field, left, site):
    """Make the tensor of a site left-canonical, and take the site into what lies left of the next bond."""
    a, b = bonds[site], bonds[site + 1]
    q = np.linalg.qr(np.ascontiguousarray(tensors[site, :a, :, :b]).reshape(2 * a, b))[0]
    tensors[site, :a, :, :b] = np.ascontiguousarray(q).reshape(a, 2, b)
    _take_in(np.ascontiguousarray(q).reshape(a, 2, b), field, left[site], left[site + 1])


@njit(cache=True)
def _to_the_left(tensors, bonds, field, right, site):
    """The same from the other side."""
    a, b = bonds[site], bonds[site + 1]
    flat = np.ascontiguousarray(tensors[site, :a, :, :b]).reshape(a, 2 * b)
    q = np.linalg.qr(np.ascontiguousarray(flat.T))[0]
    tensor = np.ascontiguousarray(q.T).reshape(a, 2, b)
    tensors[site, :a, :, :b] = tensor
    _take_in(np.ascontiguousarray(tensor.transpose(2, 1, 0)), field, right[site + 1], right[site])


@njit(cache=True)
def _take_in(tensor, field, before, after):
    """Energy and z of one side with one more site: tensor (bond before, bit, bond after), orthonormal in the last."""
    a, _, b = tensor.shape
    applied, turned = np.zeros((a, 2, b)), np.zeros((a, 2, b))
    for s in range(2):
        z = 2.0 * s - 1.0
        for k in range(a):
            for j in range(b):
                turned[k, s, j] = z * tensor[k, s, j]
                applied[k, s, j] -= field * tensor[k, 1 - s, j]
                for i in range(a):
                    applied[k, s, j] += (before[0, k, i] - z * before[1, k, i]) * tensor[i, s, j]
    flat = np.ascontiguousarray(tensor.reshape(2 * a, b).T)
    after[0, :b, :b] = flat @ applied.reshape(2 * a, b)
    after[1, :b, :b] = flat @ turned.reshape(2 * a, b)
