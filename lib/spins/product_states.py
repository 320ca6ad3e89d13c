"""The best product state of a long transverse-field Ising chain, and what its energy misses."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import ellipe

from lib.checks import check_number

LEAST, MOST = 1e-6, 0.01  # errors that `field_of_error` is asked for


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
    exact = 2 / np.pi * (1 + field) * ellipe(4 * field / (1 + field) ** 2)
    product = 1 + field**2 / 4 if field < 2 else field
    return float(1 - product / exact)


def field_of_error(error: float) -> float:
    """The field h/J in the ferromagnet from which on no product state of a long chain has so small an error.

    Parameters
    ----------
    error : float
        Of `relative_error`, from 1e-6 to 0.01.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For another error.

    """
    if not LEAST <= error <= MOST:
        raise ValueError(f"expected an error from {LEAST:g} to {MOST:g}, got {error}; try 0.002")
    return float(brentq(lambda field: relative_error(field) - error, 1e-3, 1.0))
