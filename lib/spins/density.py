"""Density matrices over the basis of `lib.conventions`: noise, fidelity, purity and entropies."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lib.chain_checks import check_region
from lib.conventions import PAULI
from lib.spins.bases import check_vector_or_matrix


def density_matrix(state) -> np.ndarray:
    """rho of normalised amplitudes, ``|psi><psi|``; a density matrix as it is.

    Parameters
    ----------
    state : array_like, shape (2^n_spins,) or (2^n_spins, 2^n_spins)
        Normalised amplitudes along z, or a density matrix.

    Returns
    -------
    ndarray of complex128, shape (2^n_spins, 2^n_spins)

    Raises
    ------
    ValueError
        For a state that `bases.check_vector_or_matrix` refuses.

    """
    state = check_vector_or_matrix(state).astype(np.complex128)
    return np.outer(state, state.conj()) if state.ndim == 1 else state


def depolarized(state, chance: float) -> np.ndarray:
    """Each spin is replaced by the maximally mixed one with a chance.

    Parameters
    ----------
    state : array_like, shape (2^n_spins,) or (2^n_spins, 2^n_spins)
        Normalised amplitudes along z, or a density matrix.
    chance : float
        From 0 to 1.

    Returns
    -------
    ndarray of complex128, shape (2^n_spins, 2^n_spins)
        A density matrix.

    Raises
    ------
    ValueError
        As `density_matrix`, and for another chance.

    """
    return _noisy(state, chance, [(1 - 0.75 * _chance(chance), np.eye(2))] +
                  [(0.25 * chance, PAULI[letter]) for letter in "XYZ"])


def dephased(state, chance: float) -> np.ndarray:
    """Each spin loses its phases along z with a chance.

    Parameters
    ----------
    state : array_like, shape (2^n_spins,) or (2^n_spins, 2^n_spins)
        Normalised amplitudes along z, or a density matrix.
    chance : float
        From 0 to 1.

    Returns
    -------
    ndarray of complex128, shape (2^n_spins, 2^n_spins)
        A density matrix.

    Raises
    ------
    ValueError
        As `density_matrix`, and for another chance.

    """
    return _noisy(state, chance, [(1 - 0.5 * _chance(chance), np.eye(2)), (0.5 * chance, PAULI["Z"])])


def fidelity(one, other) -> float:
    """(Tr sqrt(sqrt(rho) sigma sqrt(rho)))^2 of two states.

    Parameters
    ----------
    one, other : array_like, shape (2^n_spins,) or (2^n_spins, 2^n_spins)
        rho and sigma, each amplitudes or a density matrix.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        As `density_matrix`, and for states of different numbers of spins.

    """
    one, other = density_matrix(one), density_matrix(other)
    if one.shape != other.shape:
        raise ValueError(f"expected two states of the same spins, got matrices of {one.shape} and {other.shape}; try "
                         "states of the same number of spins")
    values, vectors = np.linalg.eigh(one)
    root = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.conj().T
    return min(1.0, float(np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other @ root), 0.0)).sum() ** 2))


def purity(state) -> float:
    """Tr rho^2.

    Parameters
    ----------
    state : array_like, shape (2^n_spins,) or (2^n_spins, 2^n_spins)
        Normalised amplitudes along z, or a density matrix.

    Returns
    -------
    float
        From 1/2^n_spins to 1.

    Raises
    ------
    ValueError
        As `density_matrix`.

    """
    rho = density_matrix(state)
    return float(np.vdot(rho, rho).real)


def reduced(state, region: Iterable[int]) -> np.ndarray:
    """The density matrix of the sites of a region.

    Parameters
    ----------
    state : array_like, shape (2^n_spins,) or (2^n_spins, 2^n_spins)
        Normalised amplitudes along z, or a density matrix.
    region : iterable of int
        Sites, counted from 0.

    Returns
    -------
    ndarray of complex128, shape (2^n_sites, 2^n_sites)
        Sites in their given order.

    Raises
    ------
    ValueError
        As `density_matrix`, and for a region that `lib.chain_checks.check_region` refuses.

    """
    rho = density_matrix(state)
    n_spins = len(rho).bit_length() - 1
    inside = check_region(region, n_spins)
    rest = [site for site in range(n_spins) if site not in inside]
    order = [*inside, *rest, *(n_spins + site for site in inside), *(n_spins + site for site in rest)]
    parts = rho.reshape((2,) * (2 * n_spins)).transpose(order)
    parts = parts.reshape(2 ** len(inside), 2 ** len(rest), 2 ** len(inside), 2 ** len(rest))
    return np.einsum("arbr->ab", parts)


def entropy(state, region: Iterable[int] | None = None) -> float:
    """Von Neumann entropy -Tr rho ln rho in nats.

    Parameters
    ----------
    state : array_like, shape (2^n_spins,) or (2^n_spins, 2^n_spins)
        Normalised amplitudes along z, or a density matrix.
    region : iterable of int, optional
        Sites whose density matrix is taken; the whole if not given.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As `reduced`.

    """
    values = np.linalg.eigvalsh(density_matrix(state) if region is None else reduced(state, region))
    values = values[values > 1e-15]
    return max(0.0, float(-np.sum(values * np.log(values))))


def renyi2(state, region: Iterable[int] | None = None) -> float:
    """Second Renyi entropy -ln Tr rho^2 in nats.

    Parameters
    ----------
    state : array_like, shape (2^n_spins,) or (2^n_spins, 2^n_spins)
        Normalised amplitudes along z, or a density matrix.
    region : iterable of int, optional
        Sites whose density matrix is taken; the whole if not given.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As `reduced`.

    """
    return max(0.0, float(-np.log(purity(state if region is None else reduced(state, region)))))


def _chance(chance: float) -> float:
    if isinstance(chance, bool) or not 0 <= chance <= 1:
        raise ValueError(f"expected a chance from 0 to 1, got {chance!r}; try 0.05")
    return float(chance)


def _noisy(state, chance: float, channel: list) -> np.ndarray:
    """The same channel, pairs (weight, unitary), on every spin."""
    rho = density_matrix(state)
    n_spins = len(rho).bit_length() - 1
    for site in range(n_spins):
        halves = rho.reshape(2**site, 2, -1, 2**site, 2, 2 ** (n_spins - 1 - site))
        rho = sum(weight * np.einsum("ab,xbyzcw,dc->xayzdw", unitary, halves, unitary.conj())
                  for weight, unitary in channel).reshape(rho.shape)
    return rho
