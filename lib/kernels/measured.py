"""What random features do: distances of their inner products from kernels, in closed form and by averages (chapter 2).

Each row comes from its own seed, a child of the one that is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from lib import rng
from lib.kernels import gaussian_process, random_features
from lib.kernels.arc_cosine import arc_cosine, composed

if TYPE_CHECKING:
    import pandas as pd  # of the book


def exponent(x: ArrayLike, y: ArrayLike) -> float:
    """The exponent of a power law, by a straight line through the logarithms.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Positive.

    Returns
    -------
    float

    """
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def quotient(value: float, error: float, other: float, other_error: float) -> tuple[float, float]:
    """A quotient of two independent numbers, with one standard error.

    Parameters
    ----------
    value, error : float
        What is divided, and its standard error.
    other, other_error : float
        By what, not zero.

    Returns
    -------
    ratio, error : float
        The error by linear propagation.

    """
    return value / other, np.hypot(error / other, value * other_error / other**2)


def root_mean_square(values: ArrayLike) -> float:
    """The root of the mean of squares.

    Parameters
    ----------
    values : array_like
        Any shape.

    Returns
    -------
    float

    """
    return np.sqrt(np.mean(np.square(values)))


def feature_distances(points: ArrayLike, activations: Sequence[str], n_features: Sequence[int], n_seeds: int,
                      seed: int) -> pd.DataFrame:
    """How far the inner products of random features are from their kernel (2.19 to 2.21).

    Parameters
    ----------
    points : array_like, shape (n_points, n_inputs)
        Inputs.
    activations : sequence of str
        Of `random_features.ACTIVATIONS`, or "cos".
    n_features : sequence of int
        Numbers of features.
    n_seeds : int
        Draws of each.
    seed : int
        Of all of them.

    Returns
    -------
    pandas.DataFrame
        activation, features, seed (its number), error (of the matrix, relative to the kernel), ratio (size of the
        products over the kernel), as printed (the same without 1 / n, as (2.21) has it).

    """
    import pandas as pd

    rows = []
    for activation in activations:
        limit = random_features.kernel(points, activation=activation)
        for n in n_features:
            for number in range(n_seeds):
                own = rng.child_seed(seed, "features", n, number)
                psi = random_features.features(points, n, seed=own, activation=activation)
                found = psi @ psi.T
                error = np.linalg.norm(found - limit) / np.linalg.norm(limit)
                rows.append((activation, n, number, error, (found * limit).sum() / (limit**2).sum()))
    table = pd.DataFrame(rows, columns=["activation", "features", "seed", "error", "ratio"])
    return table.assign(**{"as printed": table.ratio * table.features})  # sigma(ux) . sigma(ux') without 1/n


def arc_cosine_averages(n_weights: int, seed: int, n_angles: int = 13) -> pd.DataFrame:
    """The arc-cosine kernels of order 0, 1 and 2 at inputs of lengths 1.5 and 0.8, exact and by averages (2.23).

    Parameters
    ----------
    n_weights : int
        Weight vectors for each angle.
    seed : int
        Of all of them.
    n_angles : int
        Angles from 0 to pi.

    Returns
    -------
    pandas.DataFrame
        order, angle, exact, estimate, error (one standard error).

    """
    import pandas as pd

    rows, x = [], np.array([1.5, 0.0])
    for number, alpha in enumerate(np.linspace(0, np.pi, n_angles)):
        y = 0.8 * np.array([np.cos(alpha), np.sin(alpha)])
        w = rng.stream(seed, "arc-cosine", number).standard_normal((n_weights, 2))
        for order in (0, 1, 2):
            at_x, at_y = (np.where(w @ z > 0, (w @ z) ** order, 0.0) for z in (x, y))
            estimate, error = (at_x * at_y).mean(), (at_x * at_y).std() / np.sqrt(n_weights)
            rows.append((order, alpha, arc_cosine(x[None], y[None], order=order).item(), estimate, error))
    return pd.DataFrame(rows, columns=["order", "angle", "exact", "estimate", "error"])


def in_errors(values: np.ndarray, kernel: np.ndarray) -> float:
    """Largest distance of mean products of draws from a kernel, in standard errors.

    Parameters
    ----------
    values : ndarray, shape (n_draws, n_places)
        Independent draws.
    kernel : ndarray, shape (n_places, n_places)
        What the mean of the products should be.

    Returns
    -------
    float

    """
    mean = values.T @ values / len(values)  # draw place, draw place' -> place place'
    square = (values**2).T @ values**2 / len(values)
    return float((np.abs(mean - kernel) / np.sqrt((square - mean**2) / len(values))).max())


def compositions(points: np.ndarray, n_draws: int, seed: int) -> dict[tuple[int, int], float]:
    """Composed arc-cosine kernels against averages over draws of the pre-activations below, in standard errors.

    Parameters
    ----------
    points : ndarray, shape (n_points, n_inputs)
        Inputs.
    n_draws : int
        Draws of the pre-activations at all inputs.
    seed : int
        Of all of them.

    Returns
    -------
    dict of (int, int) to float
        The largest distance by order and depth.

    """
    found = {}
    for order, activation in enumerate(("step", "relu", "squared_relu")):
        for depth in (2, 3):
            below = composed(points, order=order, depth=depth - 1)
            drawn = gaussian_process.draw_prior(below, n_draws, seed=rng.child_seed(seed, "composition", order, depth))
            at = random_features.ACTIVATIONS[activation](drawn)
            found[order, depth] = in_errors(at, composed(points, order=order, depth=depth))
    return found
