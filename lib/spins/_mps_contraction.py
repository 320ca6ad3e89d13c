"""The step by which matrix product states are contracted from the left."""

from __future__ import annotations

import numpy as np


def transferred(left: np.ndarray, bra: np.ndarray, ket: np.ndarray) -> np.ndarray:
    """Environments moved over a site, from its left to its right.

    Parameters
    ----------
    left : ndarray, shape (..., bra bond, ket bond)
        What lies to the left of the site.
    bra, ket : ndarray, shape (left bond, 2, right bond)
        The tensors of the site.

    Returns
    -------
    ndarray, shape (..., bra bond, ket bond)

    """
    half = np.tensordot(left, ket, 1)  # ... bra ket, ket bit ket' -> ... bra bit ket'
    half = half.reshape(*left.shape[:-2], 2 * len(bra), ket.shape[2])
    return bra.conj().reshape(-1, bra.shape[2]).T @ half  # bra' (bra bit), ... (bra bit) ket' -> ... bra' ket'
