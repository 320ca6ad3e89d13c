"""Kernels of sparse networks with one hidden layer, integrated, expanded, and in tables (section 3.5).

Inputs are x and y with d components; weights of the first layer exist with probability p and have the variance 1/p.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from lib import rng as streams
from lib.kernels import printed, sparse
from lib.kernels.arc_cosine import arc_cosine_pairs, from_moments

if TYPE_CHECKING:
    import pandas as pd  # of the book


def integrated(x: ArrayLike, y: ArrayLike, connectivity: float, step: float = 0.008, reach: int = 1000) -> float:
    """The first line of (3.10) for two components: an integral over weights for every mask, as a sum on a grid.

    Parameters
    ----------
    x, y : array_like, shape (2,)
        Two inputs.
    connectivity : float
        p, in (0, 1].
    step : float
        Of the grid, in standard deviations of a weight.
    reach : int
        Steps to both sides.

    Returns
    -------
    float

    """
    p, step = connectivity, step / np.sqrt(connectivity)
    grid, nothing = step * (np.arange(-reach, reach) + 0.5), np.zeros((1, 1))
    total = 0.0
    for first, second in ((0, 1), (1, 0), (1, 1)):  # the empty mask adds nothing
        n_ones = first + second
        v1, v2 = grid[:, None] if first else nothing, grid[None, :] if second else nothing
        f, g = (np.maximum(0, v1 * z[0] + v2 * z[1]) for z in (x, y))
        integral = np.sum(np.exp(-p * (v1**2 + v2**2) / 2) * f * g) * step**n_ones
        total += p**n_ones * (1 - p) ** (2 - n_ones) * (2 * np.pi / p) ** (-n_ones / 2) * integral
    return total


def remainder(order: int, power: float, terms: Mapping[float, float], q: float) -> float:
    """What is left of 2 pi K~_l / q^l at the angle of (3.22), after some terms and times q^power.

    Parameters
    ----------
    order : {1, 2}
        l.
    power : float
        Of q.
    terms : mapping of float to float
        Coefficients c of c q^-k, by k.
    q : float
        d p, the weights of a hidden unit.

    Returns
    -------
    float

    """
    norm = q * (1 - 1 / (2 * q)) if order == 1 else q**2  # |x|^l |y|^l as the thesis has them
    value = 2 * np.pi * from_moments(1.0, 1.0, 1 / np.sqrt(q), order) * norm / q**order
    return (value - sum(c * q**-k for k, c in terms.items())) * q**power


def distances(x: np.ndarray, y: np.ndarray, widths: Sequence[int], per_input: float, n_masks: int,
              seed: int) -> pd.DataFrame:
    """The distance (3.21) of pairs of inputs and its parts, exact, in closed form, and as printed (3.29).

    Parameters
    ----------
    x, y : ndarray, shape (n_pairs, d)
        Pairs of inputs.
    widths : sequence of int
        A row each.
    per_input : float
        n p, the weights of an input, the same at all widths.
    n_masks : int
        Random masks for every 500 pairs.
    seed : int
        Of the masks.

    Returns
    -------
    pandas.DataFrame
        width, connectivity, exact, exact_bias, exact_variance, error, bias_error, closed_bias, closed, printed_bias
        and printed_variance.

    """
    import pandas as pd

    rows = []
    for n in widths:
        p = per_input / n
        closed = sparse.second_order_distance(x, y, n, p)
        rows.append((n, p, *sparse.expected_distance(x, y, n, p, n_masks=n_masks, seed=seed), closed.squared_bias,
                     closed.value, *printed.distance(n, x.shape[1], p)))
    names = ["exact", "exact_bias", "exact_variance", "error", "bias_error", "closed_bias", "closed"]
    return pd.DataFrame(rows, columns=["width", "connectivity", *names, "printed_bias", "printed_variance"])


def mask_scan(x: np.ndarray, y: np.ndarray, connectivities: Sequence[float], n_masks: int, seed: int) -> pd.DataFrame:
    """The mean kernel over all masks (3.10) of two inputs, in units of the dense one: by chance, closed, as printed.

    Parameters
    ----------
    x, y : ndarray, shape (d,)
        Two inputs of length sqrt(d) with the scalar product sqrt(d).
    connectivities : sequence of float
        A row each.
    n_masks : int
        Random masks.
    seed : int
        Of the masks.

    Returns
    -------
    pandas.DataFrame
        connectivity, monte_carlo, error (one standard error), closed_form (to second order), printed (3.25).

    """
    import pandas as pd

    scan, whole = pd.DataFrame({"connectivity": connectivities}), arc_cosine_pairs([x], [y])[0]
    found = [sparse.monte_carlo([x], [y], p, n_masks=n_masks, seed=seed) for p in scan.connectivity]
    scan["monte_carlo"], scan["error"] = np.array([(k.value[0], k.error[0]) for k in found]).T / whole
    scan["closed_form"] = [sparse.second_order([x], [y], p)[0] / whole for p in scan.connectivity]
    scan["printed"] = [printed.masked_kernel(1, len(x), p, 1) / whole for p in scan.connectivity]
    return scan


def diagonal(inputs: np.ndarray, width: int, connectivity: float, n_masks: int,
             seed: int) -> dict[str, tuple[float, float]]:
    """What (3.27), (3.28) and (3.30) are about: moments of the kernel of an input with itself, and its distance.

    Parameters
    ----------
    inputs : ndarray, shape (n_inputs, d)
        Normal ones of variance 1.
    width : int
        n.
    connectivity : float
        p.
    n_masks : int
        Random masks.
    seed : int
        Of the masks.

    Returns
    -------
    dict of str to tuple of float
        "first": K~_1 in units of d / 2.  "second": a in K~_2 = 3 d^2 / 2 (1 + a / dp).  "distance": b in
        D = (5 / 4 + b / dp) / n.  Each with the standard error over the inputs.

    """
    n, d = inputs.shape
    first, second = (sparse.monte_carlo(inputs, inputs, connectivity, order=order, n_masks=n_masks, seed=seed).value
                     for order in (1, 2))
    relative = second / (1.5 * d**2)
    exact = sparse.mean_squared_distance((inputs**2).sum(1) / 2, first, second, width, d)
    return {"first": (first.mean() / (d / 2), first.std() / np.sqrt(n) / (d / 2)),
            "second": ((relative.mean() - 1) * d * connectivity, relative.std() / np.sqrt(n) * d * connectivity),
            "distance": ((width * exact.value - 1.25) * d * connectivity,
                         1.5 * relative.std() / np.sqrt(n) * d * connectivity)}


def closed_order(n_pairs: int, connectivity: float, seed: int) -> float:
    """The power of 1 / k with which what second order leaves of the mean kernel falls, as inputs are repeated k times.

    Parameters
    ----------
    n_pairs : int
        Pairs of inputs of four components, repeated two and four times.
    connectivity : float
        p.
    seed : int
        Of the inputs.

    Returns
    -------
    float

    """
    pair, left_over = streams.stream(seed, "closed form").standard_normal((2, n_pairs, 4)), []
    for k in (2, 4):
        x, y = np.tile(pair, (1, 1, k)) / np.sqrt(k)
        exact, closed = (way(x, y, connectivity) for way in (sparse.enumerated, sparse.second_order))
        left_over.append(np.linalg.norm(closed - exact))
    return float(np.log2(left_over[0] / left_over[1]))


def leading_best_width(widths: np.ndarray, n_weights: int, n_outputs: int = 10) -> int:
    """The width of the smallest distance (3.21) for two normal inputs, to leading order in 1 / n and 1 / dp.

    Parameters
    ----------
    widths : ndarray of int
        n, those that are compared.
    n_weights : int
        Of both layers; the last one is dense.
    n_outputs : int, default 10
        Weights of the last layer a hidden unit.

    Returns
    -------
    int

    """
    leading = (1 - 1 / np.pi**2) / (4 * widths) + 3 / (4 * (n_weights - n_outputs * widths))
    return int(widths[leading.argmin()])
