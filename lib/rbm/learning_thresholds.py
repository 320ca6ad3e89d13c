"""From which size on half of the machines learn: success rates, half points, measurements needed (chapter 6).

Success is counted, 0 or 1 a machine; a size or a number of measurements is enough where half of the machines learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from lib.checks import as_array, as_floats

if TYPE_CHECKING:
    import pandas as pd  # of the book

#: One standard deviation of a normal distribution: the probability that all intervals of chapter 6 hold.
LEVEL = 0.683
#: Sizes of machines, and their outcomes.
Searched = tuple[ArrayLike, ArrayLike]


class Interval(NamedTuple):
    """A value with the ends of an interval; infinite where nothing that was tried bounds it.

    Attributes
    ----------
    value, low, high : float
        The value, the lower and the upper end.

    """

    value: float
    low: float
    high: float


def success_rate(learnt: ArrayLike, level: float = LEVEL) -> Interval:
    """The share of machines that learnt, with Jeffreys' interval.

    Parameters
    ----------
    learnt : array_like of 0 and 1, shape (n_machines,)
        Outcomes.
    level : float, 0 to 1
        Of the interval, `LEVEL` by default.

    Returns
    -------
    Interval

    Raises
    ------
    ValueError
        For no machine.

    """
    seen = _outcomes(learnt)
    k, n, tail = seen.sum(), seen.size, (1 - level) / 2
    low, high = stats.beta.ppf([tail, 1 - tail], k + 0.5, n - k + 0.5)
    return Interval(float(k / n), 0.0 if k == 0 else float(low), 1.0 if k == n else float(high))


def half_point(x: ArrayLike, learnt: ArrayLike, level: float = LEVEL, widest: float = 0.2) -> Interval:
    """Where half of the machines learn: x0 of the rate 1 / (1 + exp((x0 - x) / w)).

    It is integrated over its width w. The density of x0 is that of the outcomes, with an even prior
    for x0 between the smallest and the largest x and for ln w between a hundredth and `widest`, a
    fifth, of that span: below, a threshold cannot be told from a step, and beyond, there is none in
    the range. Stopping early does not bias it.

    Parameters
    ----------
    x : array_like, shape (n_machines,)
        Of each machine, the number of its hidden units, say.
    learnt : array_like of 0 and 1, shape (n_machines,)
        Outcomes.
    level : float, 0 to 1
        Of the interval, `LEVEL` by default.
    widest : float, > 0.01
        The largest width, as a share of the span; 0.2 by default.

    Returns
    -------
    Interval
        Its value is the median. Where no machine learnt, value and upper end are infinite and the
        lower end is the largest x; where all did, they are minus infinity and the smallest x.

    Raises
    ------
    ValueError
        For lists of different lengths, none, a single x with both outcomes, and widths of no range.

    """
    if not 0.01 < widest < np.inf:
        raise ValueError(f"expected widest above 0.01, a share of the range, got {widest!r}; try widest=0.2")
    x, seen = as_floats(x, "x"), _outcomes(learnt)
    if x.shape != seen.shape:
        raise ValueError(f"expected an x for each outcome, got {x.shape} and {seen.shape}; try one row a machine")
    if not seen.any():
        return Interval(np.inf, float(x.max()), np.inf)
    if seen.all():
        return Interval(-np.inf, -np.inf, float(x.min()))
    low, high = x.min(), x.max()
    if low == high:
        raise ValueError(f"expected machines of two sizes or more, got only {low:g}; try smaller and larger ones")
    return Interval(*map(float, _quantiles(x, seen, [0.5, (1 - level) / 2, (1 + level) / 2], widest)))


def tuned_apart(usual: Searched, others: Sequence[Searched]) -> tuple[float, float]:
    """By how much the best of several half points lies below the usual one, which is among those to choose from.

    That is D = min(x0, x1, ...) - x0. The half points are independent, each with the density of `half_point`, but D
    and x0 are not: where the usual one is the best, D is zero whatever x0 is. Mean and spread are sums over all
    combinations of 51 quantiles of each, so that what the terms of D share drops out and the choice of the best is in.

    Parameters
    ----------
    usual : (array_like, array_like)
        Sizes of machines and their outcomes, 0 or 1, as of `half_point`.
    others : sequence of (array_like, array_like)
        The same of other machines, for each of the others.

    Returns
    -------
    tuple of float
        Mean and standard deviation of D, at most 0 and at least 0.

    """
    several = [_quantiles(as_floats(x, "x"), _outcomes(learnt), (np.arange(51) + 0.5) / 51)
               for x, learnt in (usual, *others)]
    best = several[0]
    for quantiles in several[1:]:
        best = np.minimum(best[..., None], quantiles)
    gain = best - several[0].reshape(-1, *[1] * (best.ndim - 1))
    return float(gain.mean()), float(gain.std())


def bounds_apart(x: ArrayLike, wide: ArrayLike, tight: ArrayLike) -> tuple[float, float]:
    """By how much the half point of a tight bound lies above that of a wide one, from the same machines.

    A machine that is within the tight bound is within the wide one. With the rates 1 / (1 + exp((x_k - x) / w)) of
    `half_point`, of one width w, a machine of size x is within both with the rate of the tight bound, within the wide
    one alone with the difference of the two rates, and within none with what is left (a model of proportional odds).
    Each machine counts once, so that what the two half points share drops out of their difference. Priors are those of
    `half_point`, with the tight half point at least the wide one.

    Parameters
    ----------
    x : array_like, shape (n_machines,)
        Sizes.
    wide, tight : array_like of 0 and 1, shape (n_machines,)
        Which are within the one and within the other.

    Returns
    -------
    tuple of float
        Mean and standard deviation of the difference, which is not negative.

    Raises
    ------
    ValueError
        For lists of different lengths, a machine within the tight bound only, and where no machine is within the tight
        bound or all are within the wide one.

    """
    x, wide, tight = as_floats(x, "x"), _outcomes(wide), _outcomes(tight)
    if not x.shape == wide.shape == tight.shape or (tight & ~wide).any() or not tight.any() or wide.all():
        raise ValueError("expected for each size whether it is within the wide and within the tight bound, some within "
                         f"both and some within none, got {x.tolist()}, {wide.astype(int).tolist()}, "
                         f"{tight.astype(int).tolist()}; try bound <= 0.002 and bound <= 0.001")
    x0 = np.linspace(x.min(), x.max(), 401)
    between, (above, below) = wide & ~tight, np.tril_indices(len(x0))
    apart, log_likelihoods = x0[above] - x0[below], []
    for width in np.geomspace(0.01, 0.2, 20) * np.ptp(x):
        away = (x - x0[:, None]) / width  # x0 machine
        yes, no = -np.logaddexp(0, -away), -np.logaddexp(0, away)
        # The difference of two rates is the larger, times one less the smaller, times 1 - exp(-(x_1 - x_2) / w).
        of_tight = yes[:, tight].sum(1) + no[:, between].sum(1)
        of_wide = no[:, ~wide].sum(1) + yes[:, between].sum(1)
        with np.errstate(divide="ignore"):
            shared = between.sum() * np.log(-np.expm1(-apart / width)) if between.any() else 0.0
        log_likelihoods.append(of_tight[above] + of_wide[below] + shared)
    highest = max(one.max() for one in log_likelihoods)
    total = sum(np.exp(one - highest) for one in log_likelihoods)
    mean = float(total @ apart / total.sum())
    return mean, float(np.sqrt(total @ (apart - mean) ** 2 / total.sum()))


def first_success(steps: ArrayLike, learnt: ArrayLike) -> float:
    """The smallest step with which one machine learnt, as section 6.4.2 searches.

    Parameters
    ----------
    steps : array_like, shape (n_steps,)
        What was tried.
    learnt : array_like of 0 and 1, shape (n_steps,)
        Outcomes.

    Returns
    -------
    float
        Infinite where none did.

    """
    steps, seen = as_floats(steps, "steps"), _outcomes(learnt)
    return float(steps[seen].min()) if seen.any() else float("inf")


def measurements_table(runs: pd.DataFrame, eps: float, ratios: ArrayLike = (0.5,)) -> pd.DataFrame:
    """A row for each n_spins and n_hidden of runs: how many measurements half of the machines need.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning.learning_run`, with columns n_spins, n_hidden, n_samples, seed,
        bound; a bound that is missing is that of a machine whose training diverged.
    eps : float
        The largest bound that counts as learnt.
    ratios : array_like of float, default (0.5,)
        Hidden units a spin, which come in whole units: the nearest stands in the column ratio.

    Returns
    -------
    pandas.DataFrame
        With columns n_spins, n_hidden, ratio; half, low, high (`half_point` in ln M), half and low missing where the
        fewest that were tried are enough, all three where a single number has both outcomes; error, half the interval;
        weight and weight_error, half and error over n_spins n_hidden; printed, the mean over machines of the first
        number with which each learnt, with its standard error printed_error, at least that of the last step between
        the numbers that were tried, missing where one never did; seeds and machines, how many, and learnt, how many of
        the machines learnt.

    """
    import pandas as pd

    rows, ratios = [], as_floats(ratios, "ratios")
    for (n_spins, n_hidden), group in runs.groupby(["n_spins", "n_hidden"]):
        learnt = (group.bound <= eps).astype(int)
        alone = group.n_samples.nunique() == 1 and learnt.nunique() > 1  # a record that has only begun
        half = Interval(np.nan, np.nan, np.nan) if alone else half_point(np.log(group.n_samples), learnt)
        half = Interval(*(np.nan if end == -np.inf else float(np.exp(end)) for end in half))
        first = np.array([first_success(one.n_samples, (one.bound <= eps).astype(int))
                          for _, one in group.groupby("seed")])
        whole, error = np.isfinite(first).all() and first.size > 1, (half.high - half.low) / 2
        below = group.n_samples[group.n_samples < first.max()].max() if whole else np.nan
        rounded = (first.max() - (0 if np.isnan(below) else below)) / np.sqrt(12 * first.size)
        rows.append({"n_spins": n_spins, "n_hidden": n_hidden,
                     "ratio": float(ratios[np.abs(ratios - n_hidden / n_spins).argmin()]), "half": half.value,
                     "low": half.low, "high": half.high, "error": error, "weight": half.value / (n_spins * n_hidden),
                     "weight_error": error / (n_spins * n_hidden), "printed": first.mean() if whole else np.nan,
                     "printed_error": max(stats.sem(first), rounded) if whole else np.nan, "seeds": first.size,
                     "machines": len(group), "learnt": int(learnt.sum())})
    return pd.DataFrame(rows)


def _quantiles(x: np.ndarray, seen: np.ndarray, shares: ArrayLike, widest: float = 0.2) -> np.ndarray:
    """Quantiles of the density of the half point, as `half_point` explains it."""
    low, high = x.min(), x.max()
    sizes, place = np.unique(x, return_inverse=True)
    n, k = np.bincount(place), np.bincount(place, weights=seen)
    x0 = np.linspace(low, high, 401)
    widths = np.geomspace(0.01, widest, 20) * (high - low)
    away = (sizes - x0[:, None, None]) / widths[:, None]  # x0 width size
    log_likelihood = -(k * np.logaddexp(0, -away) + (n - k) * np.logaddexp(0, away)).sum(-1)
    density = np.exp(log_likelihood - log_likelihood.max()).sum(1)
    return np.interp(shares, np.cumsum(density) / density.sum(), x0)


def _outcomes(learnt: ArrayLike) -> np.ndarray:
    seen = as_array(learnt, "learnt")
    if seen.ndim != 1 or not seen.size or not np.isin(seen, (0, 1)).all():
        raise ValueError(f"expected outcomes 0 or 1, at least one, got {seen.tolist()!r}; try bound <= eps")
    return seen.astype(bool)
