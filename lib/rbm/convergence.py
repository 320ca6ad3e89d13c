"""Have Markov chains converged? Rank-normalized split R-hat and effective sizes.

R-hat compares the spread between chains with that within them. Each chain is split into its halves, so that a drift
shows too, and values are replaced by normal scores of their ranks, so that infinite variances do no harm; the folded
values |x - median| show chains that differ in their spread alone. Below 1.01 nothing speaks against convergence.

Effective sizes allow for correlations along chains, negative ones too: antithetic chains count for more than their
length, up to the logarithm (base 10) of the number of draws. `observables.estimate` is about the error of a mean; its
time is never below 1.

Source: A. Vehtari, A. Gelman, D. Simpson, B. Carpenter, P.-C. Buerkner, Bayesian Analysis 16, 667 (2021).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import fft, stats

from lib.checks import as_array

_FEWEST_DRAWS = 4  # a half then has two, the fewest with a variance
_TAILS = 0.05, 0.95


class Convergence(NamedTuple):
    """What chains say about themselves.

    Attributes
    ----------
    rhat : float
        1 for equal chains.
    n_bulk : float
        As many independent draws would tell as much of where the values lie.
    n_tail : float
        As many would tell as much of their 5% and 95% quantiles.
    tau : float
        Integrated autocorrelation time 1 + 2 sum_t rho(t) in draws, below 1 for antithetic chains.

    """

    rhat: float
    n_bulk: float
    n_tail: float
    tau: float


def convergence(values) -> Convergence:
    """R-hat, effective sizes and autocorrelation time of chains.

    Chains that all stay at one and the same value give NaN: they say nothing about how they got
    there. Chains that stay each at a value of its own give infinity, and an effective size of at
    most one a chain.

    Parameters
    ----------
    values : array_like of float, shape (n_draws, n_chains) or (n_draws,)
        One number a draw.

    Returns
    -------
    Convergence
        All of it.

    Raises
    ------
    ValueError
        For fewer than four draws (try longer chains), NaN, infinity, and another number of axes
        (try ``values.T`` if each row is a chain).

    """
    x = _checked(values)
    if np.ptp(x) == 0:
        return Convergence(np.nan, np.nan, np.nan, np.nan)
    halves = _split(x)
    low, high = np.quantile(x, _TAILS)
    tails = min(_effective_size(_split((x <= bound).astype(np.float64))) for bound in (low, high))
    return Convergence(rhat(x), _effective_size(_normal_scores(halves)), tails, x.size / _effective_size(halves))


def rhat(values) -> float:
    """Rank-normalized split R-hat, the larger one of values and folded values.

    Parameters
    ----------
    values : array_like of float, shape (n_draws, n_chains) or (n_draws,)
        One number a draw.

    Returns
    -------
    float
        NaN and infinity as in `convergence`.

    Raises
    ------
    ValueError
        As `convergence`.

    """
    x = _checked(values)
    if np.ptp(x) == 0:
        return np.nan
    halves = _split(x)
    folded = np.abs(halves - np.median(halves))
    return max(_potential(_normal_scores(part)) for part in (halves, folded) if np.ptp(part) > 0)


def _potential(x: np.ndarray) -> float:
    """sqrt of the estimated variance over that within chains, of (n_draws, n_chains)."""
    n = len(x)
    between, within = n * x.mean(0).var(ddof=1), x.var(0, ddof=1).mean()
    if within <= 1e-20 * max(between, 1e-300):
        return np.inf if between > 0 else np.nan
    return float(np.sqrt((between / within + n - 1) / n))


def _effective_size(x: np.ndarray) -> float:
    """Effective size of (n_draws, n_chains) by Geyer's initial monotone sequence over all chains."""
    n, m = x.shape
    if np.ptp(x) == 0:  # an indicator that never changes
        return float(x.size)
    covariance = _autocovariance(x).mean(1)  # over chains, by lag
    if covariance[0] <= 1e-28 * max(np.abs(x).max() ** 2, 1e-300):  # every chain stays where it is
        return float(m)
    within = covariance[0] * n / (n - 1)
    total = covariance[0] + (x.mean(0).var(ddof=1) if m > 1 else 0.0)
    rho = 1 - (within - covariance) / total
    rho[0] = 1.0
    # Sums of neighbours at lags 2k and 2k + 1 are positive and fall in theory; where they stop to, noise begins.
    pairs = rho[:n // 2 * 2].reshape(-1, 2).sum(1)[:max(1, (n - 1) // 2)]
    noise = np.flatnonzero(pairs <= 0)
    positive = int(noise[0]) if noise.size else len(pairs) - 1
    last = max(rho[2 * positive], 0.0) if noise.size else rho[2 * positive]  # improves antithetic chains
    tau = -1 + 2 * np.minimum.accumulate(pairs[:positive]).sum() + last
    return float(x.size / max(tau, 1 / np.log10(x.size)))


def _autocovariance(x: np.ndarray) -> np.ndarray:
    """By lag and chain, each sum over draws divided by n."""
    n = len(x)
    size = fft.next_fast_len(2 * n, real=True)
    transform = fft.rfft(x - x.mean(0), size, axis=0)
    return fft.irfft(np.abs(transform) ** 2, size, axis=0)[:n] / n


def _normal_scores(x: np.ndarray) -> np.ndarray:
    """The normal quantiles of the ranks among all values, ties at their mean rank."""
    return stats.norm.ppf((stats.rankdata(x).reshape(x.shape) - 0.375) / (x.size + 0.25))


def _split(x: np.ndarray) -> np.ndarray:
    """The halves of all chains side by side; of an odd number of draws the middle one is left out."""
    half = len(x) // 2
    return np.concatenate([x[:half], x[-half:]], axis=1)


def _checked(values) -> np.ndarray:
    """Finite float64 (n_draws, n_chains)."""
    x = as_array(values, "values").astype(np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or len(x) < _FEWEST_DRAWS or x.shape[1] == 0:
        raise ValueError(f"expected values of shape (n_draws, n_chains) with at least {_FEWEST_DRAWS} draws, got "
                         f"{x.shape}; try longer chains, or values.T if each row is a chain")
    if not np.isfinite(x).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        raise ValueError(f"expected finite values, got {x[where]} at draw {where[0]} of chain {where[1]}; try to look "
                         "at the machine's weights: they are huge where training diverged")
    return x
