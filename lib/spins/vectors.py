"""State vectors that need no diagonalization: GHZ and W states with phases, random states; and Marshall's signs."""

from __future__ import annotations

import math

import numpy as np

from lib.chain_checks import check_n_spins
from lib.checks import as_floats
from lib.memory import require_memory


def ghz(n_spins: int, phase: float = 0.0) -> np.ndarray:
    """``(|00...0> + e^{i phase} |11...1>) / sqrt 2``.

    Parameters
    ----------
    n_spins : int
        At least 1.
    phase : float, default 0.0
        In radians.

    Returns
    -------
    ndarray of complex128, shape (2^n_spins,)

    Raises
    ------
    ValueError
        For a vector that would take more than 2 GiB, and for a phase that is not finite.

    """
    psi = _zeros(n_spins)
    psi[0], psi[-1] = 0.5**0.5, 0.5**0.5 * np.exp(1j * _finite(phase, "phase"))
    return psi


def w(n_spins: int, phases=None) -> np.ndarray:
    """The sum of all states with one spin up, each with a phase, over sqrt n_spins.

    Parameters
    ----------
    n_spins : int
        At least 1.
    phases : array_like, shape (n_spins,), optional
        That of the state with spin i up, in radians; zero if not given.

    Returns
    -------
    ndarray of complex128, shape (2^n_spins,)

    Raises
    ------
    ValueError
        For a vector that would take more than 2 GiB, and for other phases.

    """
    psi = _zeros(n_spins)
    phases = np.zeros(n_spins) if phases is None else as_floats(phases, "phases")
    if phases.shape != (n_spins,) or not np.isfinite(phases).all():
        raise ValueError(f"expected {n_spins} finite phases, one a spin, got shape {phases.shape}; try "
                         f"numpy.zeros({n_spins})")
    psi[2 ** np.arange(n_spins)[::-1]] = np.exp(1j * phases) / math.sqrt(n_spins)
    return psi


def random_state(n_spins: int, *, rng: np.random.Generator) -> np.ndarray:
    """A state drawn with equal chances from all (Haar).

    Its real and imaginary parts are normal numbers, normalised.

    Parameters
    ----------
    n_spins : int
        At least 1.
    rng : numpy.random.Generator
        Where the random numbers come from, such as `lib.rng.stream`.

    Returns
    -------
    ndarray of complex128, shape (2^n_spins,)

    Raises
    ------
    ValueError
        For a vector that would take more than 2 GiB.

    """
    psi = _zeros(n_spins)
    psi[:] = rng.standard_normal(psi.size) + 1j * rng.standard_normal(psi.size)
    return psi / np.linalg.norm(psi)


def marshall_signs(n_spins: int) -> np.ndarray:
    """The sign (-1)^(number of spins up on sites 1, 3, 5, ...) of every basis state.

    Parameters
    ----------
    n_spins : int
        At least 1.

    Returns
    -------
    ndarray of float64, shape (2^n_spins,)

    Raises
    ------
    ValueError
        For signs that would take more than 2 GiB.

    Notes
    -----
    The amplitudes of an antiferromagnet with exchange of odd distance only are these signs times
    positive numbers, up to one overall sign.

    References
    ----------
    By W. Marshall, Proc. R. Soc. A 232, 48 (1955).

    """
    n_spins = check_n_spins(n_spins)
    require_memory(24 * 2**n_spins, f"the signs of 2^{n_spins} states")
    odd = sum(1 << (n_spins - 1 - site) for site in range(1, n_spins, 2))
    return 1.0 - 2.0 * (np.bitwise_count(np.arange(2**n_spins) & odd) % 2)


def wrong_sign_weight(psi: np.ndarray, signs: np.ndarray) -> float:
    """The weight sum ``|psi|^2`` of real amplitudes whose sign is not that of `signs`.

    Parameters
    ----------
    psi : ndarray, shape (2^n_spins,)
        Normalised real amplitudes.
    signs : ndarray, shape (2^n_spins,)
        Such as `marshall_signs`.

    Returns
    -------
    float
        For the better overall sign.

    """
    weight = float(np.sum(psi[psi * signs < 0] ** 2))
    return min(weight, 1.0 - weight)


def _zeros(n_spins: int) -> np.ndarray:
    n_spins = check_n_spins(n_spins)
    require_memory(48 * 2**n_spins, f"a vector of 2^{n_spins} complex amplitudes and its parts")
    return np.zeros(2**n_spins, dtype=np.complex128)


def _finite(value: float, name: str) -> float:
    if not math.isfinite(value):
        raise ValueError(f"expected a finite {name}, got {value!r}; try {name}=0.0")
    return float(value)
