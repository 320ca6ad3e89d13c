"""The density matrix of a few spins from measurements in many bases, without any machine: the yardstick for those.

Among all density matrices `maximum_likelihood` finds the one that makes the outcomes likeliest: that minimizes

    -mean ln <outcome| rho |outcome>,  rho = T T* / Tr T T*,

over all complex matrices T (L-BFGS on exact gradients).  The problem is convex in rho, so that with as many columns
of T as there are basis states no start leads astray.  `linear_inversion` takes every Pauli average from the data
instead; its matrix may have negative eigenvalues, which `nearest` takes out.
Source: Z. Hradil, Phys. Rev. A 55, R1561 (1997); J. Smolin et al., Phys. Rev. Lett. 108, 070502 (2012), for `nearest`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from lib import rng
from lib.chain_checks import check_n_spins
from lib.conventions import PAULI, state_index
from lib.spins.bases import Measurements
from lib.spins.completeness import density_rank

MAX_SPINS = 5  # as `completeness.density_rank`, which says whether the bases determine the state


@dataclass(frozen=True, eq=False)
class Fit:
    """The likeliest density matrix, and how it was found.

    Attributes
    ----------
    rho : ndarray of complex128, shape (2^n_spins, 2^n_spins)
        The density matrix.
    negative_log_likelihood : float
        Of the data it was fitted to, nats a measurement.
    steps : int
        Iterations of L-BFGS.
    converged : bool
        Whether L-BFGS converged.

    """

    rho: np.ndarray
    negative_log_likelihood: float
    steps: int
    converged: bool


def maximum_likelihood(measurements: Measurements, *, rank: int | None = None, seed: int = 1, max_steps: int = 5000,
                       tolerance: float = 1e-12) -> Fit:
    """The likeliest density matrix.

    Parameters
    ----------
    measurements : lib.spins.bases.Measurements
        Of up to 5 spins in bases that determine a density matrix.
    rank : int, optional
        Columns of T, the largest rank of rho; None means 2^n_spins, all density matrices.
    seed : int, default 1
        Of the start, near the maximally mixed state.
    max_steps : int, default 5000
        Of L-BFGS.
    tolerance : float, default 1e-12
        Of L-BFGS, which stops where a step changes the likelihood by less, relative to it.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        For more spins, for bases that leave numbers of rho open (try all products of X, Y and Z),
        and for a rank out of range.

    """
    bras, shares = _frequencies(measurements)
    size = bras.shape[1]
    rank = size if rank is None else rank
    if isinstance(rank, bool) or rank not in range(1, size + 1):
        raise ValueError(f"expected rank from 1 to {size}, got {rank!r}; try rank=None")
    normal = rng.stream(seed, "density matrix").standard_normal((2, size, rank))
    start = np.eye(size, rank) + 0.01 * (normal[0] + 1j * normal[1])

    def loss(vector: np.ndarray) -> tuple[float, np.ndarray]:
        root = vector.view(np.complex128).reshape(size, rank)
        found = bras @ root  # outcome state, state column -> outcome column
        weights = np.maximum((found.real**2 + found.imag**2).sum(1), 1e-300)
        norm = np.vdot(root, root).real
        slope = root / norm - bras.conj().T @ ((shares / weights)[:, None] * found)
        return float(np.log(norm) - shares @ np.log(weights)), 2 * slope.reshape(-1).view(np.float64)

    done = minimize(loss, start.reshape(-1).view(np.float64), jac=True, method="L-BFGS-B",
                    options={"maxiter": max_steps, "maxfun": 2 * max_steps, "ftol": tolerance, "gtol": 1e-8})
    root = done.x.view(np.complex128).reshape(size, rank)
    rho = root @ root.conj().T
    return Fit(rho / np.trace(rho).real, float(done.fun), int(done.nit), bool(done.success))


def linear_inversion(measurements: Measurements) -> np.ndarray:
    """The Hermitian matrix of trace 1 whose Pauli averages are the measured ones.

    Each average of a product of Pauli operators is the mean over all measurements in bases that
    show it.

    Parameters
    ----------
    measurements : lib.spins.bases.Measurements
        Of up to 5 spins in bases that determine a density matrix.

    Returns
    -------
    ndarray of complex128, shape (2^n_spins, 2^n_spins)
        Its eigenvalues may be negative; `nearest` takes them out.

    Raises
    ------
    ValueError
        For gates other than X, Y and Z (try `maximum_likelihood`), and for what
        `maximum_likelihood` refuses.

    """
    _check(measurements)
    n_spins = measurements.n_spins
    letters = np.array(list(measurements.letters))[measurements.codes]
    if not np.isin(letters, list("XYZ")).all():
        raise ValueError("expected the bases X, Y and Z alone, got another gate; try maximum_likelihood")
    signs = np.where(measurements.bits == (letters != "X"), 1.0, -1.0)  # X has its outcome +1 at bit 0
    rho = np.zeros((2**n_spins, 2**n_spins), np.complex128)
    for number in range(4**n_spins):
        operator, chosen, product = np.ones((1, 1)), np.ones(len(signs), bool), np.ones(len(signs))
        for site in range(n_spins):
            letter = "1XYZ"[number // 4**site % 4]
            operator = np.kron(operator, np.eye(2) if letter == "1" else PAULI[letter])
            if letter != "1":
                chosen &= letters[:, site] == letter
                product *= signs[:, site]
        rho += product[chosen].mean() * operator
    return rho / 2**n_spins


def nearest(matrix: np.ndarray) -> np.ndarray:
    """The density matrix that is nearest to a Hermitian matrix of trace 1.

    Parameters
    ----------
    matrix : ndarray, shape (2^n_spins, 2^n_spins)
        Hermitian, of trace 1.

    Returns
    -------
    ndarray, shape (2^n_spins, 2^n_spins)
        Nearest by the sum of squared differences.

    """
    values, vectors = np.linalg.eigh(matrix)
    falling = values[::-1]
    sums = (np.cumsum(falling) - 1) / np.arange(1, len(values) + 1)
    shift = sums[np.flatnonzero(falling > sums)[-1]]
    return (vectors * np.maximum(values - shift, 0.0)) @ vectors.conj().T


def _check(measurements: Measurements) -> None:
    if not isinstance(measurements, Measurements):
        raise ValueError(f"expected measurements with their bases, got {type(measurements).__name__}; try "
                         "lib.spins.bases.measured(bits, bases)")
    check_n_spins(measurements.n_spins, largest=MAX_SPINS, hint="a machine, MixedState.random")
    rank, full = density_rank(measurements)
    if rank < full:
        raise ValueError(f"expected bases that determine a density matrix of {measurements.n_spins} spins, {full} "
                         f"numbers, got {len(measurements.distinct()[0])} that determine {rank} of them; try all "
                         "products of X, Y and Z")


def _frequencies(measurements: Measurements) -> tuple[np.ndarray, np.ndarray]:
    """Every outcome that occurs, as its bra along z, complex128 (n_outcomes, 2^n_spins), and its share of the data."""
    _check(measurements)
    _, place = measurements.distinct()
    index = place * 2**measurements.n_spins + state_index(measurements.bits)
    _, rows, counts = np.unique(index, return_index=True, return_counts=True)
    gates = measurements.gates[measurements.codes[rows], measurements.bits[rows]]  # outcome site bit
    bras = np.ones((len(rows), 1), np.complex128)
    for site in range(measurements.n_spins):
        bras = (bras[:, :, None] * gates[:, site, None, :]).reshape(len(rows), -1)
    return bras, counts / measurements.n_samples
