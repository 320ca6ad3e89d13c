"""How small a matrix product state may be: the lowest energy of the Ising chain at a given bond dimension.

`lowest` minimizes over one tensor after the other, from end to end, each minimum an eigenvector: the density matrix
renormalization group of one site (U. Schollwoeck, Ann. Phys. 326, 96 (2011), section 6.3). DMRG of two sites
(`lib.spins.dmrg`) optimizes a larger state and cuts it down, which is no minimum; this is one. `lowest_uniform` repeats
one tensor along the chain, between two vectors, and minimizes over all its numbers at once.

Both are minima that a search from several starts has found: the true one may lie lower, never higher. They may break
the symmetry under a flip of all spins. The sum of such a state and its mirror image has the same error of the energy
where the two hardly overlap, twice the bond dimension, and no further number.

Numbers that a state needs are counted without those that only change how it is written: at every bond a matrix and its
inverse may be put in, and the length of the state does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from scipy.optimize import minimize

from lib import rng
from lib.chain_checks import check_n_spins
from lib.checks import check_number, require_count
from lib.spins import free_fermions
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


class Uniform(NamedTuple):
    """The lowest energy that was found; psi(v) = left A[v_0] A[v_1] ... right, not normalised.

    Attributes
    ----------
    energy : float
        In units of J.
    left, right : ndarray, shape (bond,)
        The vectors at the ends.
    tensor : ndarray, shape (bond, 2, bond)
        The tensor A.

    """

    energy: float
    left: np.ndarray
    tensor: np.ndarray
    right: np.ndarray


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


def lowest_uniform(n_spins: int, field: float, bond_dimension: int, *, seed: int, n_starts: int = 4,
                   start: Uniform | None = None) -> Uniform:
    """The lowest energy of states that repeat one tensor between two vectors.

    For the open Ising chain (5.2).

    Parameters
    ----------
    n_spins : int
        Sites of the chain.
    field : float, >= 0
        The field h, in units of J.
    bond_dimension : int, 1 to 16
        Of the tensor.
    seed : int
        Of the random numbers.
    n_starts : int, >= 1, default 4
        As in `lowest`.
    start : Uniform, optional
        Begin there, too, as with the result for another length.

    Returns
    -------
    Uniform

    Raises
    ------
    ValueError
        As `lowest`.

    """
    check_n_spins(n_spins)
    field = check_number(field, "field", least=0, hint="its absolute value, which has the same energies")
    _check_search(bond_dimension, n_starts)
    starts = [] if start is None else [np.concatenate([start.left, start.tensor.ravel(), start.right])]
    for number in range(n_starts):
        generator = rng.stream(seed, "lowest uniform state", number)
        left, right = (np.eye(bond_dimension)[0] + NOISE * generator.standard_normal(bond_dimension) for _ in range(2))
        tensor = NOISE * generator.standard_normal((bond_dimension, 2, bond_dimension))
        tensor[0, :, 0] += (0.6, 0.8)
        starts.append(np.concatenate([left, tensor.ravel(), right]))

    def value(vector: np.ndarray) -> tuple[float, np.ndarray]:
        numbers = torch.from_numpy(vector).requires_grad_()
        energy = _uniform_energy(numbers, n_spins, field, bond_dimension)
        energy.backward()
        return float(energy.detach()) / n_spins, numbers.grad.numpy() / n_spins

    done = min((minimize(value, begin, jac=True, method="L-BFGS-B",
                         options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-13, "gtol": 1e-8, "maxcor": 30})
                for begin in starts), key=lambda one: one.fun)
    left, tensor, right = np.split(done.x, [bond_dimension, len(done.x) - bond_dimension])
    return Uniform(float(done.fun) * n_spins, left, tensor.reshape(bond_dimension, 2, bond_dimension), right)


def needed(sizes: Sequence[int], fields: Sequence[float], bounds: Sequence[float], *, seed: int) -> list[dict]:
    """The smallest bond dimensions at which the energy is within relative errors.

    Parameters
    ----------
    sizes : sequence of int
        Lengths of the chain.
    fields : sequence of float, >= 0
        In units of J.
    bounds : sequence of float, > 0
        Relative errors of the energy.
    seed : int
        Of the random numbers.

    Returns
    -------
    list of dict
        A row for each length, field and bound: n_spins, field, eps; bond and parameters of states
        with a tensor for each spin (`lowest`), and error, the relative one that they reach; uniform
        bond, uniform parameters and uniform error of those with one tensor.

    Raises
    ------
    ValueError
        As `lowest`, and for a bound that is not positive.

    """
    for bound in bounds:
        if not bound > 0:
            raise ValueError(f"expected bounds above 0, got {bound!r}; try 0.002")
    rows = []
    for field in fields:
        near: dict[int, Uniform] = {}
        for n_spins in sorted(sizes):
            own, repeated = (_first_within(n_spins, field, min(bounds), seed, known) for known in (None, near))
            for bound in bounds:
                bond, uniform = (next(d for d, error in one.items() if error <= bound) for one in (own, repeated))
                rows.append({"n_spins": n_spins, "field": field, "eps": bound, "bond": bond,
                             "parameters": n_parameters(n_spins, bond), "error": own[bond], "uniform bond": uniform,
                             "uniform parameters": n_parameters_uniform(uniform), "uniform error": repeated[uniform]})
    return rows


def relative_error(n_spins: int, field: float, energy: float) -> float:
    """How far an energy lies above that of the ground state, relative to its size.

    Parameters
    ----------
    n_spins : int
        Sites of the chain.
    field : float, >= 0
        The field h, in units of J.
    energy : float
        In units of J.

    Returns
    -------
    float

    """
    exact = free_fermions.ground_state_energy(n_spins, field)
    return (energy - exact) / abs(exact)


def _first_within(n_spins: int, field: float, bound: float, seed: int,
                  near: dict[int, Uniform] | None) -> dict[int, float]:
    """Relative errors by bond dimension, up to the first within a bound; with `near`, by bond dimension the last
    uniform states that were found, those of uniform states."""
    errors: dict[int, float] = {}
    while min(errors.values(), default=np.inf) > bound:
        bond = len(errors) + 1
        if near is None:
            energy = lowest(n_spins, field, bond, seed=seed).energy
        else:
            near[bond] = lowest_uniform(n_spins, field, bond, seed=seed, n_starts=2, start=near.get(bond))
            energy = near[bond].energy
        errors[bond] = relative_error(n_spins, field, energy)
    return errors


def bond_sizes(n_spins: int, bond_dimension: int) -> list[int]:
    """The sizes of all n_spins + 1 bonds, the outer two 1.

    Near the ends they need no more than 2, 4, 8, ...
    """
    return [min(bond_dimension, 2 ** min(i, n_spins - i, 30)) for i in range(n_spins + 1)]


def n_parameters(n_spins: int, bond_dimension: int) -> int:
    """Real numbers that a real state of this bond dimension needs.

    They are those in its tensors, less those of the gauge.

    Parameters
    ----------
    n_spins : int, >= 1
        Sites of the chain.
    bond_dimension : int, >= 1
        Of all bonds that are long enough for it.

    Returns
    -------
    int

    """
    check_n_spins(n_spins)
    _check_counts(bond_dimension=bond_dimension)
    bonds = bond_sizes(n_spins, bond_dimension)
    inside = sum(bond**2 for bond in bonds[1:-1])
    return sum(2 * left * right for left, right in zip(bonds, bonds[1:])) - inside - 1


def n_parameters_uniform(bond_dimension: int) -> int:
    """The same for one tensor between two vectors.

    Their numbers less a matrix, and less two lengths.
    """
    _check_counts(bond_dimension=bond_dimension)
    return 2 * bond_dimension**2 + 2 * bond_dimension - bond_dimension**2 - 2


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


def _uniform_energy(numbers: torch.Tensor, n_spins: int, field: float, bond: int) -> torch.Tensor:
    """<H> of a uniform state by powers of the matrix that takes a site in, with H as a product of operators.

    Between two sites H is in one of three states: not begun, a z to be met by the next one, done.
    """
    left, tensor, right = numbers.split([bond, 2 * bond**2, bond])
    down, up = tensor.reshape(bond, 2, bond).unbind(1)
    norm, z = torch.kron(down, down) + torch.kron(up, up), torch.kron(up, up) - torch.kron(down, down)
    x = torch.kron(down, up) + torch.kron(up, down)
    nothing = torch.zeros_like(norm)
    blocks = [[norm, z, -field * x], [nothing, nothing, -z], [nothing, nothing, norm]]
    power = torch.linalg.matrix_power(torch.cat([torch.cat(row, 1) for row in blocks]), n_spins)
    first, last = torch.kron(left, left), torch.kron(right, right)
    size = bond**2
    return (first @ power[:size, 2 * size:] @ last) / (first @ power[:size, :size] @ last)
