"""What random features and random functions do: distances from their kernels, shapes, posteriors (chapter 2).

Each row comes from its own seed, a child of the one that is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lib import rng
from lib.checks import as_floats
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


class Weighted(NamedTuple):
    """What draws of the prior say, each weighted by how well it explains observations.

    Attributes
    ----------
    mean : ndarray, shape (n_places,)
        The posterior mean.
    error : ndarray, shape (n_places,)
        Its standard error.
    n_effective : float
        How many draws count.

    """

    mean: np.ndarray
    error: np.ndarray
    n_effective: float


def weighted_prior(values: np.ndarray, observed: ArrayLike, noise: float) -> Weighted:
    """The posterior by Bayes's theorem alone, from draws of the prior.

    Parameters
    ----------
    values : ndarray, shape (n_draws, n_places + n_observed)
        Functions drawn from the prior, at the places of interest and, last, where they are observed.
    observed : array_like, shape (n_observed,)
        What is observed there.
    noise : float
        Variance of the noise.

    Returns
    -------
    Weighted

    """
    observed = as_floats(observed, "observed")
    here, there = values[:, :-len(observed)], values[:, -len(observed):]
    likelihood = np.exp(-((there - observed) ** 2).sum(axis=1) / (2 * noise))
    likelihood /= likelihood.sum()
    mean = likelihood @ here
    error = np.sqrt((likelihood[:, None] ** 2 * (here - mean) ** 2).sum(axis=0))
    return Weighted(mean, error, float(1 / (likelihood**2).sum()))


def excess_kurtosis(values: np.ndarray) -> tuple[float, float]:
    """Excess kurtosis of draws of mean zero, with one standard error.

    Parameters
    ----------
    values : ndarray, shape (n_draws,)
        Draws.

    Returns
    -------
    estimate, error : float
        The error is that of the linear part of the estimate in each draw.

    """
    second, fourth = (values**2).mean(), (values**4).mean()
    excess = fourth / second**2 - 3
    influence = values**4 / second**2 - 2 * (excess + 3) * values**2 / second
    return float(excess), float(influence.std() / np.sqrt(len(values)))


def kurtosis_by_width(widths: Sequence[int], n_networks: int,
                      seed: int) -> tuple[dict[int, np.ndarray], pd.DataFrame]:
    """Outputs of random ReLU networks (2.32) at the input (1, 0), and how far from Gaussian they are.

    Given its hidden weights an output is Gaussian with a random variance; over all of them its excess kurtosis is
    15 / n for n units.

    Parameters
    ----------
    widths : sequence of int
        Hidden units.
    n_networks : int
        Networks of each width.
    seed : int
        Of all of them.

    Returns
    -------
    outputs : dict of int to ndarray, shape (n_networks,)
        By width, in units of their standard deviation.
    table : pandas.DataFrame
        width, exact, estimate, error: the excess kurtosis and its standard error.

    """
    import pandas as pd

    outputs = {n: random_features.network_outputs([[1.0, 0.0]], n, n_networks,
                                                  seed=rng.child_seed(seed, "limit", n))[:, 0] for n in widths}
    table = pd.DataFrame([(n, 15 / n, *excess_kurtosis(f)) for n, f in outputs.items()],
                         columns=["width", "exact", "estimate", "error"])
    return {n: f / np.sqrt(0.5) for n, f in outputs.items()}, table  # E f^2 = K_1(x, x) = 1/2 at every width


class PriorChecks(NamedTuple):
    """A Gaussian process and random networks by brute force; distances in standard errors, the largest of all places.

    Attributes
    ----------
    covariance, mean : float
        Of draws from the prior (2.34, 2.33).
    networks : float
        The covariance of the outputs of networks of finite width.
    posterior : float
        The posterior mean, from Bayes's theorem alone.
    n_effective : float
        How many draws of the prior explained the observations.

    """

    covariance: float
    mean: float
    networks: float
    posterior: float
    n_effective: float


def prior_checks(places: np.ndarray, at: np.ndarray, observed: ArrayLike, *, noise: float, width: int,
                 n_networks: int, n_draws: int, seed: int) -> PriorChecks:
    """Do draws and networks have the arc-cosine kernel as covariance, and is the posterior what Bayes's theorem says?

    Parameters
    ----------
    places, at : ndarray, shapes (n_places, n_inputs) and (n_observed, n_inputs)
        Where functions are looked at, and where they are observed.
    observed : array_like, shape (n_observed,)
        What is observed there.
    noise : float
        Variance of the noise.
    width, n_networks : int
        Hidden units and number of the networks.
    n_draws : int
        Functions drawn from the prior.
    seed : int
        Of all draws.

    Returns
    -------
    PriorChecks

    """
    kernel = arc_cosine(places)
    outputs = random_features.network_outputs(places, width, n_networks, seed=rng.child_seed(seed, "covariance"))
    draws = gaussian_process.draw_prior(kernel, n_draws, seed=rng.child_seed(seed, "draws"))
    both = arc_cosine(np.concatenate([places, at]))
    values = gaussian_process.draw_prior(both, n_draws, seed=rng.child_seed(seed, "Bayes"))
    weighted = weighted_prior(values, observed, noise=noise)
    after = gaussian_process.posterior(arc_cosine(at), arc_cosine(places, at), np.diagonal(kernel), observed,
                                       noise=noise)
    return PriorChecks(in_errors(draws, kernel),
                       np.abs(draws.mean(axis=0) / draws.std(axis=0) * np.sqrt(n_draws)).max(),
                       in_errors(outputs, kernel), (np.abs(weighted.mean - after.mean) / weighted.error).max(),
                       weighted.n_effective)
