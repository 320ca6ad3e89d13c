"""The kernel of a sparse net of finite width at its start, and how far it is from the infinite dense one (section 3.5).

The net has one hidden layer of n ReLUs, each reading a random part of the d inputs, and stored weights of variance 1/p
that exist with probability p (3.1, 3.2). Its kernel Theta = [ux]+.[uy]+ / (n d) (3.6) has the mean and the variance

    E[Theta] = K~_1 / d                                                                     (3.15)
    Var[Theta] = (K~_2 - K~_1^2) / (n d^2)                                                  (3.20)
    K~_l(x, y) = p^-l E_s[K_l(x_s, y_s)]                                                    (3.10)

of which `lib.kernels.masked` has the last, K_l being the arc-cosine kernel and s a mask that keeps each input with
probability p; its names can be had from here as well. The infinite dense net has
K_1 / d, so that the mean squared distance (3.21) is

    D = (K~_1 - K_1)^2 / d^2 + (K~_2 - K~_1^2) / (n d^2),              squared bias + variance.

The average over masks is by Monte Carlo in `expected_distance`, and in closed form in `second_order_distance`. What the
thesis prints instead stands in `lib.kernels.printed`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lib import rng
from lib.checks import as_floats, require_count
from lib.kernels.arc_cosine import from_moments
from lib.kernels.masked import (
    _BLOCK,
    N_REPLICATES,
    ORDERS,
    Estimate,
    _Masks,
    _moments,
    _pairs,
    check_connectivity,
    enumerated,
    monte_carlo,
    second_order,
)

__all__ = ["N_REPLICATES", "ORDERS", "Distance", "Estimate", "enumerated", "expected_distance", "mean_squared_distance",
           "monte_carlo", "second_order", "second_order_distance"]


class Distance(NamedTuple):
    """The mean squared distance (3.21) averaged over pairs and its two parts.

    Attributes
    ----------
    value : float
        squared_bias + variance.
    squared_bias, variance : float
        The two parts.
    error : float, default 0.0
        Standard error of value over masks.
    bias_error : float, default 0.0
        Standard error of squared_bias over masks.

    """

    value: float
    squared_bias: float
    variance: float
    error: float = 0.0
    bias_error: float = 0.0  # of squared_bias


def mean_squared_distance(k1: np.ndarray, masked_k1: np.ndarray, masked_k2: np.ndarray, width: int,
                          n_inputs: int) -> Distance:
    """The distance (3.21) averaged over pairs, from K_1, K~_1 and K~_2 of each.

    Parameters
    ----------
    k1, masked_k1, masked_k2 : array_like, shape (n_pairs,) or ()
        K_1, K~_1 and K~_2, of the same shape.
    width : int
        n, at least 1.
    n_inputs : int
        d, at least 1.

    Returns
    -------
    Distance
        Its errors are 0.

    Raises
    ------
    ValueError
        For kernels of different shapes, and for other counts.

    """
    k1, masked_k1, masked_k2 = (as_floats(value, name) for name, value in (
        ("k1", k1), ("masked_k1", masked_k1), ("masked_k2", masked_k2)))
    if not np.shape(k1) == np.shape(masked_k1) == np.shape(masked_k2):
        raise ValueError("expected K_1, K~_1 and K~_2 of the same pairs, got shapes "
                         f"{np.shape(k1)}, {np.shape(masked_k1)} and {np.shape(masked_k2)}; try one call for all pairs")
    n_inputs = require_count("n_inputs", n_inputs)
    bias = np.mean((masked_k1 - k1)**2) / n_inputs**2
    variance = np.mean(masked_k2 - masked_k1**2) / n_inputs**2 / require_count("width", width)
    return Distance(float(bias + variance), float(bias), float(variance))


def expected_distance(x: ArrayLike, y: ArrayLike, width: int, connectivity: float, *, n_masks: int = 256,
                      seed: int) -> Distance:
    """The distance (3.21) averaged over pairs, with the expectation over masks by Monte Carlo.

    Parameters
    ----------
    x, y : array_like, shape (n_pairs, d)
        Inputs, one a row, row i of x with row i of y.
    width : int
        n, at least 1.
    connectivity : float
        p, in (0, 1].
    n_masks : int, default 256
        As for `monte_carlo`.
    seed : int
        Of the random numbers.

    Returns
    -------
    Distance
        The errors are those of the masks at these pairs.

    Raises
    ------
    ValueError
        For arguments other than these.

    Notes
    -----
    Squares of means are estimated without bias, from products of different masks.

    """
    (x, y), p, width = _pairs(x, y), check_connectivity(connectivity), require_count("width", width)
    biases, variances = [], []
    for start in range(0, len(x), _BLOCK):
        moments = _moments(x[start:start + _BLOCK], y[start:start + _BLOCK])
        k1 = from_moments(*(part.sum(1) for part in moments), 1)
        found = []
        for first, second in _Masks(moments, p).groups(n_masks, rng.stream(seed, "masks", start)):
            mean = first.mean(0)
            noise = first.var(0, ddof=1) / len(first)  # of the mean: what its square is too large by
            found.append((np.sum((mean - k1)**2 - noise), np.sum(second.mean(0) - mean**2 + noise) / width))
        squared_bias, variance = np.array(found).T / x.shape[1]**2
        biases.append(squared_bias)
        variances.append(variance)
    biases, variances = np.array(biases) / len(x), np.array(variances) / len(x)  # block group
    error, bias_error = (np.sqrt(np.sum(part.var(1, ddof=1)) / part.shape[1]) for part in (biases + variances, biases))
    squared_bias, variance = biases.mean(1).sum(), variances.mean(1).sum()
    return Distance(float(squared_bias + variance), float(squared_bias), float(variance), float(error),
                    float(bias_error))


def second_order_distance(x: ArrayLike, y: ArrayLike, width: int, connectivity: float) -> Distance:
    """The distance (3.21) averaged over pairs, with the closed form `second_order`.

    It is what (3.29) should have been.

    Parameters
    ----------
    x, y : array_like, shape (n_pairs, d)
        Inputs, one a row, row i of x with row i of y.
    width : int
        n, at least 1.
    connectivity : float
        p, in (0, 1].

    Returns
    -------
    Distance
        Its errors are 0.

    """
    moments = [part.sum(1) for part in _moments(x, y)]
    k1, k2 = (second_order(x, y, connectivity, order=order) for order in ORDERS)
    return mean_squared_distance(from_moments(*moments, 1), k1, k2, width, np.shape(x)[1])
