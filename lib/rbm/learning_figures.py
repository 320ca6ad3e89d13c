"""What the figures of chapter 6 show: success rates, half points, laws of growth, the shape of sorted weights.

Success is counted, 0 or 1 a machine; a size or a number of measurements is enough where half of the machines learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from lib.checks import as_array, as_floats

if TYPE_CHECKING:
    import pandas as pd  # of the book; the tables alone need it

#: One standard deviation of a normal distribution: the probability that all intervals of chapter 6 hold.
LEVEL = 0.683
#: Laws of growth: the number of their parameters, and the value at x.
LAWS = {"constant": (1, lambda x, a: a + 0 * x), "linear": (2, lambda x, a, b: a + b * x),
        "power": (2, lambda x, a, b: a * x**b)}


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


class Law(NamedTuple):
    """A fit.

    Attributes
    ----------
    name : str
        Of `LAWS`.
    parameters, errors : tuple of float
        The parameters with their standard errors.
    chi2 : float
        chi^2.
    aic : float
        Akaike's criterion, chi^2 + 2 parameters.

    """

    name: str
    parameters: tuple[float, ...]
    errors: tuple[float, ...]
    chi2: float
    aic: float


def laws(x: ArrayLike, y: ArrayLike, errors: ArrayLike) -> dict[str, Law]:
    """The `LAWS` fitted by least squares, weighted with the standard errors.

    They are constant a, linear a + b x, power a x^b. Where chi^2 exceeds its degrees of freedom,
    the errors of the parameters grow by the root of the ratio.

    Parameters
    ----------
    x, y, errors : array_like, shape (n_points,), > 0
        Sizes, values and their standard errors.

    Returns
    -------
    dict of str to Law
        By name.

    Raises
    ------
    ValueError
        For fewer than three points, an error that is not positive, and an x or y that is not.

    """
    x, y, errors = as_floats(x, "x"), as_floats(y, "y"), as_floats(errors, "errors")
    if not (x.shape == y.shape == errors.shape and x.ndim == 1 and x.size >= 3):
        raise ValueError(f"expected three points or more, each with an error, got {x.shape}, {y.shape}, {errors.shape};"
                         " try more sizes")
    if not all((values > 0).all() and np.isfinite(values).all() for values in (x, y, errors)):
        raise ValueError("expected finite positive sizes, values and errors, got others; try only sizes at which the "
                         "search has found something")
    found = {}
    for name, (n_parameters, law) in LAWS.items():
        rise, at_zero = np.polyfit(np.log(x), np.log(y), 1) if name == "power" else np.polyfit(x, y, 1)
        start = {"constant": [y.mean()], "linear": [at_zero, rise], "power": [np.exp(at_zero), rise]}
        fit = optimize.least_squares(lambda p, law=law: (law(x, *p) - y) / errors, start[name])
        best, covariance, chi2 = fit.x, np.linalg.inv(fit.jac.T @ fit.jac), 2 * float(fit.cost)
        wider = np.sqrt(max(1.0, chi2 / max(1, x.size - n_parameters)))
        found[name] = Law(name, tuple(map(float, best)), tuple(map(float, wider * np.sqrt(np.diag(covariance)))), chi2,
                          chi2 + 2 * n_parameters)
    return found


def minimal(run: Mapping) -> Interval:
    """The smallest number of hidden units that a search found, and an interval.

    The ends are those of `half_point` over its machines, rounded up, as hidden units come in ones;
    they take in the value.

    Parameters
    ----------
    run : dict
        Results of `lib.experiments.learning.minimal_hidden`.

    Returns
    -------
    Interval
        Where nothing was found, the value is infinite and the lower end the largest that was tried.

    """
    tried, learnt = as_array(run["tried hidden"], "tried hidden"), as_array(run["tried learnt"], "tried learnt")
    if run["smallest"] is None or np.isnan(run["smallest"]):
        return Interval(np.inf, float(tried.max()), np.inf)
    value = float(run["smallest"])
    found = half_point(np.append(tried, 0), np.append(learnt, 0))  # without hidden units nothing is learnt
    return Interval(value, min(value, float(np.ceil(found.low))), max(value, float(np.ceil(found.high))))


def saved(run: Mapping, n_seeds: int) -> float:
    """How many machines a scan of all sizes would train for each that the search has trained.

    Parameters
    ----------
    run : dict
        Results of `lib.experiments.learning.minimal_hidden`.
    n_seeds : int
        Machines of a size.

    Returns
    -------
    float
        The scan goes up to the size that was found.

    """
    return float(run["smallest"] * n_seeds / len(run["tried hidden"]))


def search_table(runs: Iterable[Mapping]) -> pd.DataFrame:
    """A row for each search.

    Parameters
    ----------
    runs : iterable of dict
        Settings and results of `lib.experiments.learning.minimal_hidden`.

    Returns
    -------
    pandas.DataFrame
        With columns n_spins, field, eps, hidden, low, high, error, machines, saved. The error is
        half the interval, but at least that of rounding to whole units, 1 / sqrt(12). hidden is
        infinite where nothing was found, with the largest that was tried as its lower end, and then
        error and saved are missing.

    """
    import pandas as pd

    rows = []
    for run in runs:
        hidden, low, high = minimal(run)
        found = np.isfinite(hidden)
        rows.append({"n_spins": run["n_spins"], "field": run["field"], "eps": run["eps"], "hidden": hidden, "low": low,
                     "high": high, "error": max((high - low) / 2, 12**-0.5) if found else np.nan,
                     "machines": len(run["tried hidden"]), "saved": saved(run, run["n_seeds"]) if found else np.nan})
    columns = ("n_spins", "field", "eps", "hidden", "low", "high", "error", "machines", "saved")
    return pd.DataFrame(rows, columns=columns).sort_values(["eps", "field", "n_spins"], ignore_index=True)


def missing_costs(runs: Iterable[Mapping], energy: Callable[[int, float], float]) -> pd.DataFrame:
    """What hidden units that are missing to n_spins // 2 cost.

    Machines whose training diverged do not count, and of searches with several bounds each machine
    counts once.

    Parameters
    ----------
    runs : iterable of dict
        Settings and results of `lib.experiments.learning.minimal_hidden`.
    energy : callable
        Of the ground state, from n_spins and field.

    Returns
    -------
    pandas.DataFrame
        With columns n_spins, field, missing, cost, low, high, machines. The cost is the median over
        the machines of the bound (6.2) times the size of the exact energy, in units of J; low and
        high are the extremes.

    """
    import pandas as pd

    rows = {(run["n_spins"], run["field"], run["n_spins"] // 2 - size, seed):
            bound * abs(energy(run["n_spins"], run["field"]))
            for run in runs for size, seed, bound in zip(run["tried hidden"], run["tried seed"], run["tried bound"],
                                                         strict=True)
            if bound is not None and size < run["n_spins"] // 2}
    table = pd.DataFrame([(*key, cost) for key, cost in rows.items()],
                         columns=["n_spins", "field", "missing", "seed", "cost"])
    found = table.groupby(["n_spins", "field", "missing"]).cost.agg(["median", "min", "max", "size"])
    return found.set_axis(["cost", "low", "high", "machines"], axis=1).reset_index()


def measurements_table(runs: pd.DataFrame, eps: float) -> pd.DataFrame:
    """A row for each n_spins and n_hidden of runs: how many measurements half of the machines need.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning.learning_run`, with columns n_spins, n_hidden, n_samples, seed,
        bound; a bound that is missing is that of a machine whose training diverged.
    eps : float
        The largest bound that counts as learnt.

    Returns
    -------
    pandas.DataFrame
        With columns n_spins, n_hidden; half, low, high (`half_point` in ln M); printed, the mean
        over machines of the first number with which each learnt, with its standard error
        printed_error, missing where one never did; and seeds, the number of machines.

    """
    import pandas as pd

    rows = []
    for (n_spins, n_hidden), group in runs.groupby(["n_spins", "n_hidden"]):
        learnt = (group.bound <= eps).astype(int)
        half = half_point(np.log(group.n_samples), learnt)
        first = np.array([first_success(one.n_samples, (one.bound <= eps).astype(int))
                          for _, one in group.groupby("seed")])
        whole = np.isfinite(first).all() and first.size > 1
        rows.append({"n_spins": n_spins, "n_hidden": n_hidden, "half": np.exp(half.value), "low": np.exp(half.low),
                     "high": np.exp(half.high), "printed": first.mean() if whole else np.nan,
                     "printed_error": stats.sem(first) if whole else np.nan, "seeds": first.size})
    return pd.DataFrame(rows)


class Decay(NamedTuple):
    """The shape of sorted weights, from the largest on.

    Attributes
    ----------
    large : float
        Share of the weights above a tenth of the largest.
    contrast : float
        Mean of the first 15% over the median of the rest.
    length : float
        Share of the weights over which the size falls by e, in the middle, from 20% to 80%.
    linear : float
        r^2 of the logarithm there.
    faster : float
        How many times faster it falls over the last tenth.

    """

    large: float
    contrast: float
    length: float
    linear: float
    faster: float


def weight_decay(magnitudes: ArrayLike) -> Decay:
    """The shape of sorted magnitudes.

    Parameters
    ----------
    magnitudes : array_like, shape (n_ranks,)
        At least 20, at evenly spaced ranks, largest first.

    Returns
    -------
    Decay

    Raises
    ------
    ValueError
        For other lists.

    """
    sizes = as_floats(magnitudes, "magnitudes")
    if sizes.ndim != 1 or sizes.size < 20 or not (np.diff(sizes) <= 0).all() or not sizes[0] > 0:
        raise ValueError(f"expected at least 20 sizes of weights, largest first, got {sizes.shape}; try np.sort")
    place = np.linspace(0, 1, sizes.size)
    logarithms = np.log(np.maximum(sizes, sizes[0] * 1e-12))
    middle, end = (place >= 0.2) & (place <= 0.8), place >= 0.9
    fit, last = stats.linregress(place[middle], logarithms[middle]), stats.linregress(place[end], logarithms[end])
    return Decay(float(np.mean(sizes > sizes[0] / 10)),
                 float(sizes[place <= 0.15].mean() / np.median(sizes[place > 0.15])),
                 float(-1 / fit.slope), float(fit.rvalue**2), float(last.slope / fit.slope))


def half_normal(n_ranks: int) -> np.ndarray:
    """Sorted sizes of normal noise with deviation 1, as weights without any order would look.

    Parameters
    ----------
    n_ranks : int
        How many.

    Returns
    -------
    ndarray of float64, shape (n_ranks,)
        Largest first, at evenly spaced ranks.

    """
    share = (np.arange(n_ranks) + 0.5) / n_ranks
    return stats.halfnorm.ppf(1 - share)


def noise_distance(magnitudes: ArrayLike) -> float:
    """How far sorted weights are from normal noise of the same median.

    Parameters
    ----------
    magnitudes : array_like, shape (n_ranks,)
        As of `weight_decay`.

    Returns
    -------
    float
        The root mean square of the logarithm of their ratio, from 30% to 95% of the way.

    Raises
    ------
    ValueError
        As `weight_decay` does.

    """
    weight_decay(magnitudes)
    sizes = as_floats(magnitudes, "magnitudes")
    noise, place = half_normal(sizes.size), np.linspace(0, 1, sizes.size)
    ratio = np.log(np.maximum(sizes, sizes[0] * 1e-12) / np.median(sizes) * np.median(noise) / noise)
    return float(np.sqrt(np.mean(ratio[(place >= 0.3) & (place <= 0.95)] ** 2)))


def jumps(bounds: Sequence[float], before: float, eps: float) -> np.ndarray:
    """The factors by which single steps of pruning after the first raise (6.2).

    Parameters
    ----------
    bounds : list of float
        (6.2) after each step.
    before : float
        (6.2) before the first.
    eps : float
        Steps count that start within it.

    Returns
    -------
    ndarray of float64
        One for each such step.

    """
    values = np.array([before, *bounds], dtype=float)
    factors = values[1:] / values[:-1]
    return factors[1:][values[1:-1] <= eps]


def _outcomes(learnt: ArrayLike) -> np.ndarray:
    seen = as_array(learnt, "learnt")
    if seen.ndim != 1 or not seen.size or not np.isin(seen, (0, 1)).all():
        raise ValueError(f"expected outcomes 0 or 1, at least one, got {seen.tolist()!r}; try bound <= eps")
    return seen.astype(bool)
