"""Sparse networks with one hidden layer, and masks, drawn by chance: their kernels beside the formulas (section 3.5).

Inputs are x and y with d components; weights of the first layer exist with probability p and have the variance 1/p.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from lib import rng as streams
from lib.kernels import sparse
from lib.kernels.arc_cosine import arc_cosine_pairs, from_moments


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


class DenseMoments(NamedTuple):
    """Moments of the kernel of drawn dense networks beside (3.7) and (3.8).

    Attributes
    ----------
    mean : tuple of float
        Of the widest ones, over the infinite network's, with its standard error.
    power : float
        The power of the width with which the variance falls.

    """

    mean: tuple[float, float]
    power: float


def dense_moments(drawn: Mapping[int, np.ndarray], x: np.ndarray, y: np.ndarray) -> DenseMoments:
    """Compare `drawn_kernels` of dense networks of several widths with the infinite one.

    Parameters
    ----------
    drawn : mapping of int to ndarray, shape (n_nets,)
        Kernels by width.
    x, y : ndarray, shape (d,)
        The two inputs.

    Returns
    -------
    DenseMoments

    """
    k1, widest = arc_cosine_pairs([x], [y])[0], drawn[max(drawn)]
    mean, error = (part * len(x) / k1 for part in (widest.mean(), widest.std() / np.sqrt(len(widest))))
    power = np.polyfit(np.log([*drawn]), np.log([theta.var() for theta in drawn.values()]), 1)[0]
    return DenseMoments((mean, error), power)


class SingleMasks(NamedTuple):
    """What single masks of one hidden unit make of the kernel of two inputs.

    Attributes
    ----------
    kernels : ndarray, shape (n_masks,)
        The kernel with each mask, over p.
    dense : float
        The kernel without masks.
    overlap : float
        Mean square of the scalar product of the masked inputs (3.22).

    """

    kernels: np.ndarray
    dense: float
    overlap: float


def single_masks(x: np.ndarray, y: np.ndarray, connectivity: float, n_masks: int, *,
                 rng: np.random.Generator) -> SingleMasks:
    """Draw masks of the weights of one hidden unit, and compute the kernel K_1 that each of them gives.

    Parameters
    ----------
    x, y : ndarray, shape (d,)
        Two inputs.
    connectivity : float
        p, in (0, 1].
    n_masks : int
        Masks.
    rng : numpy.random.Generator
        Draws which weights exist.

    Returns
    -------
    SingleMasks

    """
    masks = rng.random((n_masks, len(x))) < connectivity
    products = masks @ (x * y)
    kernels = from_moments(masks @ x**2, masks @ y**2, products, 1) / connectivity
    return SingleMasks(kernels, arc_cosine_pairs([x], [y])[0], np.mean(products**2))


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


def few_inputs(x: np.ndarray, y: np.ndarray, width: int, connectivity: float, n_nets: int,
               seed: int) -> dict[str, tuple[float, float]]:
    """Moments of the kernel of drawn networks over what the sums over all masks say (3.19 to 3.21).

    Parameters
    ----------
    x, y : ndarray, shape (d,)
        Two inputs of few components.
    width : int
        n.
    connectivity : float
        p.
    n_nets : int
        Networks.
    seed : int
        Of the networks.

    Returns
    -------
    dict of str to tuple of float
        "mean", "variance" and "distance" to the infinite dense network, each a ratio with its standard error.

    """
    d, k1 = len(x), arc_cosine_pairs([x], [y])[0]
    exact = {order: sparse.enumerated([x], [y], connectivity, order=order)[0] for order in (1, 2)}
    theta = drawn_kernels(width, connectivity, n_nets, x, y, rng=streams.stream(seed, "sparse"))
    squared = (theta - k1 / d) ** 2
    formula = sparse.mean_squared_distance(k1, exact[1], exact[2], width, d)
    return {name: (found / expected, spread / np.sqrt(n_nets) / expected) for name, found, spread, expected in (
        ("mean", theta.mean(), theta.std(), exact[1] / d),
        ("variance", theta.var(), ((theta - theta.mean()) ** 2).std(), (exact[2] - exact[1] ** 2) / width / d**2),
        ("distance", squared.mean(), squared.std(), formula.value))}
