"""Networks before training are random functions; wide ones are of a Gaussian process (2.32 to 2.34)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lib import rng
from lib.checks import as_floats
from lib.kernels import gaussian_process, random_features
from lib.kernels.arc_cosine import arc_cosine
from lib.kernels.measured import in_errors

if TYPE_CHECKING:
    import pandas as pd  # of the book


class Functions(NamedTuple):
    """Random functions on a line, of networks and of the Gaussian process that they become.

    Attributes
    ----------
    drawn : dict of str to ndarray, shape (n_drawn, n_places)
        "width n" for each width, "prior", and "posterior" after observations.
    deviation : ndarray, shape (n_places,)
        Of the prior.
    posterior : tuple of ndarray, shape (n_places,)
        Mean and standard deviation.

    """

    drawn: dict[str, np.ndarray]
    deviation: np.ndarray
    posterior: tuple[np.ndarray, np.ndarray]


def draw(places: np.ndarray, at: np.ndarray, observed: ArrayLike, *, noise: float, widths: Sequence[int],
         n_drawn: int, seed: int) -> Functions:
    """Draw random ReLU networks, and functions of the Gaussian process with their kernel (2.32 to 2.34).

    Parameters
    ----------
    places, at : ndarray, shapes (n_places, n_inputs) and (n_observed, n_inputs)
        Where functions are looked at, and where they are observed.
    observed : array_like, shape (n_observed,)
        What is observed there.
    noise : float
        Variance of the noise.
    widths : sequence of int
        Hidden units of the networks.
    n_drawn : int
        Functions of each kind.
    seed : int
        Of all draws.

    Returns
    -------
    Functions

    """
    prior = arc_cosine(places)
    after = gaussian_process.posterior(arc_cosine(at), arc_cosine(places, at), prior, observed, noise=noise)
    drawn = {f"width {n}": random_features.network_outputs(places, n, n_drawn, seed=rng.child_seed(seed, "networks", n))
             for n in widths}
    for name, covariance, mean in (("prior", prior, None), ("posterior", after.covariance, after.mean)):
        drawn[name] = gaussian_process.draw_prior(covariance, n_drawn, seed=rng.child_seed(seed, name), mean=mean)
    return Functions(drawn, np.sqrt(np.diagonal(prior)), (after.mean, np.sqrt(np.diagonal(after.covariance))))


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
