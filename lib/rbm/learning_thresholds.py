"""From which size on half of the machines learn: success rates, half points, measurements needed (chapter 6).

Success is counted, 0 or 1 a machine; a size or a number of measurements is enough where half of the machines learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from lib.checks import as_array, as_floats

if TYPE_CHECKING:
    import pandas as pd  # of the book

#: One standard deviation of a normal distribution: the probability that all intervals of chapter 6 hold.
LEVEL = 0.683


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
    sizes, place = np.unique(x, return_inverse=True)
    n, k = np.bincount(place), np.bincount(place, weights=seen)
    x0 = np.linspace(low, high, 401)
    widths = np.geomspace(0.01, widest, 20) * (high - low)
    away = (sizes - x0[:, None, None]) / widths[:, None]  # x0 width size
    log_likelihood = -(k * np.logaddexp(0, -away) + (n - k) * np.logaddexp(0, away)).sum(-1)
    density = np.exp(log_likelihood - log_likelihood.max()).sum(1)
    cumulative = np.cumsum(density) / density.sum()
    middle, *ends = np.interp([0.5, (1 - level) / 2, (1 + level) / 2], cumulative, x0)
    return Interval(float(middle), float(ends[0]), float(ends[1]))


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


def _outcomes(learnt: ArrayLike) -> np.ndarray:
    seen = as_array(learnt, "learnt")
    if seen.ndim != 1 or not seen.size or not np.isin(seen, (0, 1)).all():
        raise ValueError(f"expected outcomes 0 or 1, at least one, got {seen.tolist()!r}; try bound <= eps")
    return seen.astype(bool)
