"""Numbers of weights by index: taken in another order, and summed over lanes."""

import numpy as np

from lib.native.lanes import N_LANES as LANES
from lib.native.switch import njit


@njit(cache=True)
def taken(numbers, order):
    """numbers[order]; numpy takes three times as long for an order in int32.

    Parameters
    ----------
    numbers : ndarray of float32, flat
        What is taken from.
    order : ndarray of int32, shape (n,)
        Which ones.

    Returns
    -------
    ndarray of float32, shape (n,)
        A new array.

    """
    out = np.empty(len(order), np.float32)
    for k in range(len(order)):
        out[k] = numbers[order[k]]
    return out


@njit(cache=True)
def lane_totals(result, order, out):
    """out[order[k]] = sum over lanes of result[k, lane], in the order of additions of numpy's sum.

    Parameters
    ----------
    result : ndarray of float32, shape (16 n_weights,)
        As `tiles.products` leaves it.
    order : ndarray of int32, shape (n_weights,)
        Where each weight's sum goes.
    out : ndarray of float32, shape (n_weights,)
        Where the sums go.

    """
    for k in range(len(order)):
        part = result[LANES * k:LANES * (k + 1)]
        a, b, c, d = part[0] + part[8], part[1] + part[9], part[2] + part[10], part[3] + part[11]
        e, f, g, h = part[4] + part[12], part[5] + part[13], part[6] + part[14], part[7] + part[15]
        out[order[k]] = ((a + b) + (c + d)) + ((e + f) + (g + h))
