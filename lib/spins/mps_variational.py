"""How small a matrix product state may be: the lowest energy of the Ising chain at a given bond dimension.

`lowest` (of `lib.spins.mps_one_site`) minimizes over one tensor after the other, from end to end. `lowest_uniform`
repeats one tensor along the chain, between two vectors, and minimizes over all its numbers at once.

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
from scipy.optimize import minimize

from lib import rng
from lib.chain_checks import check_n_spins
from lib.checks import check_number
from lib.spins import free_fermions
from lib.spins.mps_one_site import NOISE, _check_counts, _check_search, bond_sizes, lowest


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
    """Real numbers that a state of one tensor between two vectors needs.

    Their numbers less a matrix, and less two lengths.

    Parameters
    ----------
    bond_dimension : int, >= 1
        Of the tensor.

    Returns
    -------
    int

    """
    _check_counts(bond_dimension=bond_dimension)
    return 2 * bond_dimension**2 + 2 * bond_dimension - bond_dimension**2 - 2


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
