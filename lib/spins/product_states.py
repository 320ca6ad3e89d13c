"""Product states of a transverse-field Ising chain in the ferromagnet, and what their energies miss.

The best one has the lowest energy; the likeliest one is what a machine without correlations learns from measurements.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import ellipe

from lib.checks import check_number, require_count
from lib.spins import free_fermions

LEAST, MOST = 1e-4, 0.01  # errors that `field_of_error` is asked for
WEAK, STRONG = 0.02, 0.9  # fields between which it looks
APART = 0.03  # largest (h/J)^(n_spins / 2): with more the two ends know of each other


def relative_error(field: float) -> float:
    """By how much the energy of the best product state lies above the exact one, per spin of an infinite chain.

    That state has <sigma^x> = h/2J where h < 2J and the energy -J - h^2/4J; from there on the energy is -h. The exact
    energy is -(2/pi) (J + h) E(m), with E the complete elliptic integral of the second kind and m = 4Jh / (J + h)^2.

    Parameters
    ----------
    field : float
        h/J, at least 0.

    Returns
    -------
    float
        In units of the size of the exact energy.

    Raises
    ------
    ValueError
        For a negative field, or one that is no finite number.

    References
    ----------
    P. Pfeuty, Ann. Phys. 57, 79 (1970), for the exact energy.

    """
    field = check_number(field, "field", least=0.0)
    product = 1 + field**2 / 4 if field < 2 else field
    return float(1 - product / _exact(field))


def _exact(field: float) -> float:
    """The size of the energy of an infinite chain per spin, in units of J."""
    return 2 / np.pi * (1 + field) * ellipe(4 * field / (1 + field) ** 2)


def magnetization(n_spins: int, field: float) -> np.ndarray:
    """<sigma^z> of every spin of an open chain in the ferromagnet that is magnetized up.

    An end spin of a long chain has sqrt(1 - (h/J)^2), exactly, and spins that are far from each other are independent,
    so that each has its correlation with the further end over that.

    Parameters
    ----------
    n_spins : int
        Length of the chain, so large that (h/J)^(n_spins / 2) is at most 0.03.
    field : float
        h/J, at least 0 and below 1.

    Returns
    -------
    ndarray of float64, shape (n_spins,)
        Within 2 (h/J)^(n_spins / 2).

    Raises
    ------
    ValueError
        For another field and for shorter chains.

    References
    ----------
    P. Pfeuty, Ann. Phys. 57, 79 (1970), for the spin at the end.

    """
    require_count("n_spins", n_spins)
    field = check_number(field, "field", least=0.0)
    if not field < 1:
        raise ValueError(f"expected a field below 1, where a chain is magnetized, got {field:g}; try field=0.5")
    if field ** (n_spins / 2) > APART:
        raise ValueError(f"expected (h/J)^(n_spins / 2) of at most {APART}, so that the ends are far apart, got "
                         f"{field ** (n_spins / 2):.2g}; try n_spins={int(np.ceil(2 * np.log(APART) / np.log(field)))}")
    sites = np.arange(n_spins)
    from_end = free_fermions.correlation_zz(n_spins, field, site=0)[np.maximum(sites, n_spins - 1 - sites)]
    return np.minimum(1.0, from_end / np.sqrt(1 - field**2))


def likeliest_error(n_spins: int | None, field: float) -> float:
    """By how much the energy of the likeliest product state lies above the exact one, in the ferromagnet.

    The likeliest product of distributions of single spins has their exact `magnetization` m_i. Its root is a state with
    <sigma^x_i> = sqrt(1 - m_i^2) and the energy -J sum_i m_i m_(i+1) - h sum_i sqrt(1 - m_i^2): all that a machine can
    have learnt whose hidden units say at most in which valley the chain is. (Where they do, the root is that of the
    mean of two such distributions, which hardly overlap, and its energy is the same.)

    Parameters
    ----------
    n_spins : int or None
        As of `magnetization`; None for an infinite chain, per spin, where m = (1 - (h/J)^2)^(1/8).
    field : float
        As of `magnetization`.

    Returns
    -------
    float
        In units of the size of the exact energy.

    """
    if n_spins is None:
        m_squared = (1 - field**2) ** 0.25
        return float(1 - (m_squared + field * np.sqrt(1 - m_squared)) / _exact(field))
    m = magnetization(n_spins, field)
    energy = -m[:-1] @ m[1:] - field * np.sqrt(1 - m**2).sum()
    return float(1 - energy / free_fermions.ground_state_energy(n_spins, field))


def field_of_error(error: float, n_spins: int) -> float:
    """The field h/J in the ferromagnet from which on the likeliest product state has a larger error.

    Parameters
    ----------
    error : float
        Of `likeliest_error`, from 1e-4 to 0.01.
    n_spins : int
        Length of the chain, at least 20.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For another error and for shorter chains.

    """
    if not LEAST <= error <= MOST:
        raise ValueError(f"expected an error from {LEAST:g} to {MOST:g}, got {error}; try 0.002")
    require_count("n_spins", n_spins, least=20)
    strong = min(STRONG, 0.999 * APART ** (2 / n_spins))
    return float(brentq(lambda field: likeliest_error(n_spins, field) - error, WEAK, strong, xtol=1e-6))
