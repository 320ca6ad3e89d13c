"""How far wide networks are from their limits: their kernels (2.22, 2.31), and their training from its linearization.

Each row of a table comes from its own seed, a child of the one that is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib import rng
from lib.kernels import fully_connected, neural_tangent
from lib.kernels.measured import root_mean_square
from lib.models import digits

if TYPE_CHECKING:
    import pandas as pd  # of the book


def kernel_distances(points: np.ndarray, depths: Sequence[int], widths: Sequence[int], n_seeds: int,
                     seed: int) -> pd.DataFrame:
    """How far the NNGP kernel and the NTK of random ReLU networks are from their limits (2.22, 2.31).

    Parameters
    ----------
    points : ndarray, shape (n_points, n_inputs)
        Inputs.
    depths, widths : sequence of int
        Hidden layers and their width.
    n_seeds : int
        Networks of each.
    seed : int
        Of all of them.

    Returns
    -------
    pandas.DataFrame
        kernel, depth, width, seed (its number), distance (relative to the limit).

    """
    import pandas as pd

    rows = []
    for depth in depths:
        limits = neural_tangent.analytic(points, depth=depth)
        for width in widths:
            net = neural_tangent.FullyConnected((points.shape[1], *depth * [width], 1))
            for number in range(n_seeds):
                start = net.init(rng.child_seed(seed, "kernels", depth, width, number))
                kernels = neural_tangent.empirical(net, start, points)
                rows += [(name, depth, width, number, np.linalg.norm(one - limit) / np.linalg.norm(limit))
                         for name, one, limit in zip(limits._fields, kernels, limits)]
    return pd.DataFrame(rows, columns=["kernel", "depth", "width", "seed", "distance"])


def typical_distances(table: pd.DataFrame) -> pd.DataFrame:
    """Root mean squares of `kernel_distances` over the networks, with their standard errors.

    Parameters
    ----------
    table : pandas.DataFrame
        `kernel_distances`.

    Returns
    -------
    pandas.DataFrame
        distance and error, by kernel, depth and width.

    """
    squares = table.assign(square=table.distance**2).groupby(["kernel", "depth", "width"]).square.agg(["mean", "sem"])
    squares["distance"] = np.sqrt(squares["mean"])
    squares["error"] = squares["sem"] / (2 * squares["distance"])
    return squares.drop(columns=["mean", "sem"])


def odd_digits(n_train: int, n_test: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of digits, and whether they are odd: what the networks of `lazy_distances` learn.

    Parameters
    ----------
    n_train, n_test : int
        Images to learn from, chosen by chance, and to compare at.
    seed : int
        Of the split and the choice.

    Returns
    -------
    x, y, x_test : ndarray of float64, shapes (n_train, 64), (n_train,) and (n_test, 64)
        y is 1 for odd digits and -1 for even ones.

    """
    train, test, _ = digits.digits(seed)
    rows = rng.stream(seed, "lazy", "images").permutation(len(train.labels))[:n_train]
    y = np.where(train.labels[rows] % 2, 1.0, -1.0)
    return train.images[rows].astype(np.float64), y, test.images[:n_test].astype(np.float64)


def lazy_distances(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, widths: Sequence[int], n_seeds: int, n_steps: int,
                   seed: int) -> pd.DataFrame:
    """How far networks of one hidden layer end from their linearization, trained from the same start.

    Parameters
    ----------
    x, y : ndarray, shapes (n_samples, n_inputs) and (n_samples,)
        What is learnt.
    x_test : ndarray, shape (n_test, n_inputs)
        Where they are compared.
    widths : sequence of int
        Of the hidden layer.
    n_seeds : int
        Networks of each width.
    n_steps : int
        Steps of gradient descent.
    seed : int
        Of all starts.

    Returns
    -------
    pandas.DataFrame
        width, seed (its number), distance (of the outputs, relative to how far training moved the linearization),
        change of kernel (relative), loss, linear loss.

    """
    import pandas as pd

    rows = []
    for width in widths:
        net = neural_tangent.FullyConnected((x.shape[1], width, 1))
        for number in range(n_seeds):
            start = net.init(rng.child_seed(seed, "lazy", width, number))
            both = fully_connected.train_linearized(net, start, x, y, x_test, n_steps=n_steps, learning_rate=0.2)
            moved = root_mean_square(both.linear - both.start)
            before, after = (neural_tangent.empirical(net, p, x_test).ntk for p in (start, both.parameters))
            change = np.linalg.norm(after - before) / np.linalg.norm(before)
            apart = root_mean_square(both.trained - both.linear) / moved
            rows.append((width, number, apart, change, both.loss, both.linear_loss))
    return pd.DataFrame(rows, columns=["width", "seed", "distance", "change of kernel", "loss", "linear loss"])


def mean_off_limit(points: np.ndarray, width: int, n_networks: int, seed: int) -> np.ndarray:
    """Distance of mean kernels from their limits at one hidden layer, where they should agree at every width.

    Parameters
    ----------
    points : ndarray, shape (n_points, n_inputs)
        Inputs.
    width : int
        Hidden units.
    n_networks : int
        Networks that are averaged over.
    seed : int
        Of all starts.

    Returns
    -------
    ndarray, shape (2,)
        The largest distance over all pairs of inputs, in standard errors: NNGP (2.22), NTK (2.31).

    """
    net = neural_tangent.FullyConnected((points.shape[1], width, 1))
    starts = (net.init(rng.child_seed(seed, "narrow", number)) for number in range(n_networks))
    found = np.array([neural_tangent.empirical(net, start, points) for start in starts])  # (net, kernel, point, point)
    scatter = found.std(axis=0) / np.sqrt(n_networks)
    off = np.abs(found.mean(axis=0) - np.array(neural_tangent.analytic(points, depth=1))) / scatter
    return off.max(axis=(1, 2))
