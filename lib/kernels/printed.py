"""The approximations of section 3.5.1 as the thesis prints them, to be compared; the right ones are in `sparse`.

They are for independent inputs x, y with d components from N(0, 1). `sign` is the thesis's xi, +1 or
-1, the sign of x.y.
"""

from __future__ import annotations

import math

import numpy as np

from lib.checks import is_real, require_count
from lib.kernels.masked import check_connectivity, check_order


def masked_kernel(order: int, n_inputs: int, connectivity: float, sign: int) -> float:
    """K~_1 (3.25) and K~_2 (3.26) of different inputs; at p = 1 the dense K_1 and K_2.

    Parameters
    ----------
    order : {1, 2}
        The order l.
    n_inputs : int
        d, at least 1.
    connectivity : float
        p, in (0, 1].
    sign : {1, -1}
        The thesis's xi, the sign of x.y.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For arguments other than these.

    """
    d, dp = require_count("n_inputs", n_inputs), n_inputs * check_connectivity(connectivity)
    if sign not in (1, -1):
        raise ValueError(f"expected sign 1 or -1, got {sign!r}; try sign=1, inputs with x.y > 0")
    if check_order(order) == 1:
        return d / (2 * math.pi) * (1 + math.pi * sign / (2 * math.sqrt(dp)) + 1 / (2 * dp))
    return d**2 / (2 * math.pi) * (math.pi / 2 + 4 * sign / math.sqrt(dp) + math.pi / dp + sign / (2 * dp**1.5))


def masked_kernel_diagonal(order: int, n_inputs: int, connectivity: float) -> float:
    """K~_1(x, x) (3.27) and K~_2(x, x) (3.28).

    Parameters
    ----------
    order : {1, 2}
        The order l.
    n_inputs : int
        d, at least 1.
    connectivity : float
        p, in (0, 1].

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For arguments other than these.

    """
    d, dp = require_count("n_inputs", n_inputs), n_inputs * check_connectivity(connectivity)
    return d / 2 if check_order(order) == 1 else 1.5 * d**2 * (1 + 2 / dp)


def distance(width: int, n_inputs: int, connectivity: float) -> tuple[float, float]:
    """The two terms of the mean squared distance between kernels of different inputs (3.29, 3.35).

    Parameters
    ----------
    width : int
        n, at least 1.
    n_inputs : int
        d, at least 1.
    connectivity : float
        p, in (0, 1].

    Returns
    -------
    squared_bias, variance : float

    Raises
    ------
    ValueError
        For arguments other than these.

    """
    d, p = require_count("n_inputs", n_inputs), check_connectivity(connectivity)
    return (1 / math.sqrt(p) - 1)**2 / (16 * d), (1 - 1 / math.pi**2) / (4 * require_count("width", width))


def distance_diagonal(width: int, n_inputs: int, connectivity: float) -> float:
    """The mean squared distance between kernels of an input with itself (3.30).

    Parameters
    ----------
    width : int
        n, at least 1.
    n_inputs : int
        d, at least 1.
    connectivity : float
        p, in (0, 1].

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For arguments other than these.

    """
    dp = require_count("n_inputs", n_inputs) * check_connectivity(connectivity)
    return (5 / 4 + 3 / dp) / require_count("width", width)


def best_connectivity(weights_per_input: float, n_inputs: int) -> float:
    """The connectivity p* of the smallest distance at a fixed number of weights an input (3.31).

    Parameters
    ----------
    weights_per_input : float
        n p, above 0.
    n_inputs : int
        d, at least 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For arguments other than these.

    """
    if not is_real(weights_per_input) \
            or not 0 < weights_per_input < 1e12:
        raise ValueError(f"expected weights_per_input as a number above 0, got {weights_per_input!r}; try 8")
    return math.sqrt(weights_per_input / (4 * require_count("n_inputs", n_inputs)))


def scanned_connectivity(weights_per_input: float, n_inputs: int) -> float:
    """The connectivity of the smallest distance (3.29) on a fine grid from 0.05 to 1, to compare (3.31) with.

    Parameters
    ----------
    weights_per_input : float
        n p, above 0.
    n_inputs : int
        d, at least 1.

    Returns
    -------
    float

    """
    shares = np.linspace(0.05, 1, 100_001)
    times_4d = 0.25 * (shares**-0.5 - 1) ** 2 + n_inputs * shares / weights_per_input * (1 - 1 / np.pi**2)
    return float(shares[times_4d.argmin()])
