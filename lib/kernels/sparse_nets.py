"""Sparse networks with one hidden layer beside their formulas: drawn, integrated, measured (section 3.5).

Inputs are x and y with d components; weights of the first layer exist with probability p and have the variance 1/p.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from lib.kernels import printed, sparse
from lib.kernels.arc_cosine import from_moments

if TYPE_CHECKING:
    import pandas as pd  # of the book


def drawn_kernels(width: int, connectivity: float, n_nets: int, x: np.ndarray, y: np.ndarray, *,
                  rng: np.random.Generator) -> np.ndarray:
    """The kernel Theta(x, y) (3.6) of many networks, a hundred thousand hidden units at a time.

    Parameters
    ----------
    width : int
        Hidden units.
    connectivity : float
        p, in (0, 1].
    n_nets : int
        Networks.
    x, y : ndarray, shape (d,)
        Two inputs.
    rng : numpy.random.Generator
        Draws weights, and which of them exist.

    Returns
    -------
    ndarray, shape (n_nets,)

    """
    values = []
    for some in np.diff(np.r_[np.arange(0, n_nets, max(1, 100_000 // width)), n_nets]):
        shape = (int(some), width, len(x))
        u = rng.standard_normal(shape) * (rng.random(shape) < connectivity) / np.sqrt(connectivity)
        values.append(np.mean(np.maximum(u @ x, 0) * np.maximum(u @ y, 0), axis=1) / len(x))
    return np.concatenate(values)


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


def pair_with_overlap(n_inputs: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two random inputs of length sqrt(d) with the scalar product sqrt(d), as typical normal ones have it.

    Parameters
    ----------
    n_inputs : int
        d.
    rng : numpy.random.Generator
        Draws the directions.

    Returns
    -------
    x, y : ndarray, shape (d,)

    """
    x, y = rng.standard_normal((2, n_inputs))
    x *= np.sqrt(n_inputs) / np.linalg.norm(x)
    y -= (x @ y) / n_inputs * x
    return x, x / np.sqrt(n_inputs) + y * np.sqrt((n_inputs - 1) / (y @ y))


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
