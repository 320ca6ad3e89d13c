"""How many weights machines need that were pruned as long as they stayed learnt (chapter 6, table 6.1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def jumps(bounds: Sequence[float], before: float, eps: float) -> np.ndarray:
    """The factors by which single steps of pruning after the first raise (6.2).

    Parameters
    ----------
    bounds : list of float
        (6.2) after each step.
    before : float
        (6.2) before the first.
    eps : float
        Steps count that start within it.

    Returns
    -------
    ndarray of float64
        One for each such step.

    """
    values = np.array([before, *bounds], dtype=float)
    factors = values[1:] / values[:-1]
    return factors[1:][values[1:-1] <= eps]
