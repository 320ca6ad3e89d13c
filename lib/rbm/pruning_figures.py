"""What the figures of chapter 7 show of pruned machines: curves, first departures, forms of decay, graphs.

All take results of `lib.experiments.pruning.pruning_run`, computed or read from a record: a mapping by name, which
also holds the settings epochs and fine_tune_epochs where `curve` needs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, optimize, stats

from lib.checks import as_array, as_floats
from lib.pruning import bands, magnitude

if TYPE_CHECKING:
    import pandas as pd  # of the book; `curve` and `rank_correlations` alone need it

#: The measures of figure 7.2 that are single numbers.
MEASURES = ("kl", "kl data", "infidelity", "eROE", "mROE", "correlation mse")
STAGES = ("training", "control", "pruning")


def curve(run: Mapping, measures: Sequence[str] = MEASURES) -> pd.DataFrame:
    """One row for each measurement of a run.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`, with its settings.
    measures : sequence of str
        Columns to take; MEASURES by default.

    Returns
    -------
    pandas.DataFrame
        Stage, epoch, step, weights left, percent left, and the measures.

    Notes
    -----
    epoch counts all epochs, fine-tuning too. step is the pruning step, or the round of the control,
    or missing in training. The machine after the last round of the control comes twice: as that and
    as pruning step 0.

    """
    import pandas as pd

    epochs = list(run["training epochs"])
    n_rounds, length = len(run["control weights left"]), run["fine_tune_epochs"]
    rounds, steps = np.arange(1, n_rounds + 1), np.arange(len(run["pruning weights left"]))
    epoch = {"training": epochs, "control": epochs[-1] + length * rounds,
             "pruning": epochs[-1] + length * (n_rounds + steps)}
    step = {"training": [None] * len(epochs), "control": rounds, "pruning": steps}
    n_weights = run["training weights left"][0]
    parts = []
    for stage in STAGES:
        left = as_array(run[f"{stage} weights left"], "weights left").astype(int)
        values = {name: np.array(run[f"{stage} {name}"], dtype=float) for name in measures}
        parts.append(pd.DataFrame({"stage": stage, "epoch": epoch[stage], "step": pd.array(step[stage], dtype="Int64"),
                                   "weights left": left, "percent left": 100 * left / n_weights} | values))
    return pd.concat(parts, ignore_index=True)


def departure(run: Mapping, measure: str, factor: float = 1.0) -> int | None:
    """The pruning step from which a measure is too large for three steps in a row.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`.
    measure : str
        Its name.
    factor : float
        Too large is what lies above the band of `bands.band` over the control, and above `factor`
        times the mean of the control: with 1, the default, the measure has left its band, with 2 it
        has also doubled.

    Returns
    -------
    int or None
        None where it never is.

    """
    control = run[f"control {measure}"]
    low, high = bands.band(control)
    first = bands.first_outside(run[f"pruning {measure}"][1:], (low, max(high, factor * float(np.mean(control)))))
    return None if first is None else first + 1


def harmless(run: Mapping, measure: str, factor: float = 1.0) -> float:
    """Percent of the weights gone at the last pruning step before the `departure` of a measure.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`.
    measure : str
        Its name.
    factor : float
        As in `departure`.

    Returns
    -------
    float
        In percent. Where there is no departure, the percentage after the last step: a lower bound.

    """
    left = as_floats(run["pruning weights left"], "weights left")
    step = departure(run, measure, factor)
    return float(100 * (1 - left[len(left) - 1 if step is None else step - 1] / left[0]))


def rise(run: Mapping, measure: str, removed: float) -> tuple[float, float]:
    """How much a measure has grown over its mean in the control, once many weights are gone.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`.
    measure : str
        Its name.
    removed : float
        Percent of the weights; the step is the first at which so many are gone.

    Returns
    -------
    growth : float
        The growth itself.
    in_band : float
        The growth in units of the half width of the band of `bands.band`.

    Raises
    ------
    ValueError
        For a percentage above the most that this run removes; try ``removed=50``.

    """
    left = as_floats(run["pruning weights left"], "weights left")
    gone = np.flatnonzero(100 * (1 - left / left[0]) >= removed - 1e-5)  # room for a percentage that was rounded
    if not gone.size:
        raise ValueError(f"expected a percentage up to {100 * (1 - left[-1] / left[0]):.0f}, the most that this run "
                         f"removes, got {removed!r}; try removed=50")
    values = run[f"pruning {measure}"]
    low, high = bands.band(run[f"control {measure}"])
    growth = values[gone[0]] - (low + high) / 2
    return float(growth), float(growth / max((high - low) / 2, 1e-300))


class Decay(NamedTuple):
    """Two forms fitted to C(d): amplitude d^-exponent and amplitude exp(-d / length).

    Neither need be a good fit.

    Attributes
    ----------
    exponent : float
        Of the algebraic form.
    length : float
        Of the exponential form, in sites.
    chi2_algebraic, chi2_exponential : float
        Squared misfit in units of the errors, per degree of freedom.
    preference : float
        Log of the exponential form's chi2 over the algebraic one's, positive where the algebraic
        form lies closer.

    """

    exponent: float
    length: float
    chi2_algebraic: float
    chi2_exponential: float
    preference: float


class Screening(NamedTuple):
    """A fit of amplitude exp(-rate d) times the exact C(d).

    Attributes
    ----------
    amplitude : float
        Of the fit.
    rate : float
        1 / xi of what cuts it off, per site.
    error : float
        Standard error of the rate.

    """

    amplitude: float
    rate: float
    error: float


def covariance(zz: ArrayLike, site: int, n_samples: int) -> np.ndarray:
    """Covariance of the estimates of C(d) to the right of a site from independent samples.

    Of spins without mean, whose squares are 1: <s_i s_j s_i s_k> = <s_j s_k>, so that it is
    (<s_j s_k> - C_j C_k) / n.

    Parameters
    ----------
    zz : array_like, shape (n_spins, n_spins)
        The correlations <s_j s_k> of all sites.
    site : int
        The site, counted from 0.
    n_samples : int
        The number n of independent samples.

    Returns
    -------
    ndarray, shape (n_spins - site, n_spins - site)
        Over d = 0, 1, ... along both axes.

    """
    zz = as_floats(zz, "zz", finite=True)
    zz = as_floats(zz, "zz", shape=(len(zz), len(zz)) if zz.ndim else ("n_spins", "n_spins"))
    right = zz[site:, site:]
    return (right - np.outer(right[0], right[0])) / n_samples


def decay(correlation: ArrayLike, errors: ArrayLike, first: int, last: int) -> Decay:
    """Fit both forms to C(first) ... C(last) by least squares, weighted with the errors.

    Parameters
    ----------
    correlation : array_like, shape (n_distances,)
        C(d) for d = 0, 1, ...
    errors : array_like, shape (n_distances,), () or (n_distances, n_distances)
        Standard errors of the same shape, one for all, or their covariance.
    first, last : int
        The range of distances d, both included.

    Returns
    -------
    Decay
        Both fits.

    Raises
    ------
    ValueError
        For fewer than four distances (try ``first=1``), errors that are not positive, and distances
        beyond the list.

    """
    correlation = _correlation(correlation)
    if not 1 <= first <= last - 3 or last >= correlation.size:
        raise ValueError(f"expected at least four distances within 1 ... {correlation.size - 1}, got {first} ... "
                         f"{last}; try first=1, last={correlation.size - 1}")
    distance = np.arange(first, last + 1.0)
    values, whiten = correlation[first:last + 1], _whitening(errors, correlation.size, first, last)
    scale = max(abs(values[0]), 1e-3)
    chi2, rates = [], []
    for abscissa, guess in ((np.log(distance / first), 0.25), (distance - first, 0.1)):
        def miss(parameters, abscissa=abscissa):
            return whiten @ (parameters[0] * np.exp(-parameters[1] * abscissa) - values)

        def slopes(parameters, abscissa=abscissa):
            form = np.exp(-parameters[1] * abscissa)
            return whiten @ np.column_stack([form, -parameters[0] * abscissa * form])

        # A decay has a rate >= 0; several starts, because a strongly pruned machine decays within one site.
        bounds = [-2, 0], [2, 20]
        fits = [optimize.least_squares(miss, [scale, start], slopes, bounds) for start in (guess, 10 * guess)]
        best = min(fits, key=lambda fit: fit.cost)
        chi2.append(max(2 * best.cost / (len(distance) - 2), 1e-300))
        rates.append(best.x[1])
    length = np.inf if rates[1] == 0 else 1 / rates[1]
    return Decay(float(rates[0]), float(length), *chi2, float(np.log(chi2[1] / chi2[0])))


def screening(correlation: ArrayLike, exact: ArrayLike, errors: ArrayLike, first: int = 1) -> Screening:
    """How fast C(d) falls below the exact one, by a fit to all distances from `first` on.

    The form is A exp(-rate d) C_exact(d). It needs no range in which the exact decay is a pure
    power, and knows where the chain ends. rate is 0 for the exact form, whatever its amplitude.

    Parameters
    ----------
    correlation, exact : array_like, shape (n_distances,)
        C(d) for d = 0, 1, ...
    errors : array_like
        As in `decay`.
    first : int
        The first distance, 1 by default.

    Returns
    -------
    Screening
        The fit.

    Raises
    ------
    ValueError
        For other shapes, fewer than three distances (try ``first=1``), and errors that are not
        positive.

    """
    correlation, exact = _correlation(correlation), _correlation(exact, "exact")
    if correlation.shape != exact.shape or not 1 <= first <= correlation.size - 3:
        raise ValueError(f"expected C(d) and the exact one of one shape with three distances from {first} on, got "
                         f"{correlation.shape} and {exact.shape}; try first=1")
    last = correlation.size - 1
    distance, whiten = np.arange(first, last + 1.0), _whitening(errors, correlation.size, first, last)

    def miss(parameters):
        form = np.exp(-parameters[1] * (distance - first)) * exact[first:]
        return whiten @ (parameters[0] * form - correlation[first:])

    def slopes(parameters):
        form = np.exp(-parameters[1] * (distance - first)) * exact[first:]
        return whiten @ np.column_stack([form, -parameters[0] * (distance - first) * form])

    fits = [optimize.least_squares(miss, [correlation[first] / exact[first], rate], slopes) for rate in (0.0, 0.1, 1.0)]
    best = min(fits, key=lambda fit: fit.cost)
    error = float(np.sqrt(np.linalg.inv(best.jac.T @ best.jac)[1, 1]))
    return Screening(float(best.x[0] * np.exp(best.x[1] * first)), float(best.x[1]), error)


def _correlation(values: ArrayLike, name: str = "correlation") -> np.ndarray:
    """C(d) as a list of finite numbers between -1 and 1, with room for noise, that are not all 0."""
    values = as_floats(values, name, shape=("n_distances",), finite=True)
    if not 0 < np.abs(values).max() <= 1.5:
        raise ValueError(f"expected {name} between -1 and 1, not all 0, got {values.min():g} to {values.max():g}; try "
                         "<sz_i sz_j> - <sz_i> <sz_j>")
    return values


def _whitening(errors: ArrayLike, size: int, first: int, last: int) -> np.ndarray:
    """The matrix that makes deviations of C(first) ... C(last) independent and of variance 1, from standard errors or
    a covariance: the inverse of its lower triangle."""
    errors, part = as_floats(errors, "errors"), slice(first, last + 1)
    if errors.shape not in ((), (size,), (size, size)):
        raise ValueError(f"expected errors as one number, {size} of them or a covariance ({size}, {size}), got shape "
                         f"{errors.shape}; try error=0.003, that of 1e5 samples")
    if errors.ndim < 2:
        deviations = np.broadcast_to(errors, size)[part]
        matrix = np.diag(deviations * np.abs(deviations))  # a negative one stays negative, and is refused
    else:
        matrix = errors[part, part]
    if not (np.diagonal(matrix) > 0).all():
        raise ValueError("expected positive errors, got some that are 0 or less; try error=0.003, that of 1e5 samples")
    return linalg.solve_triangular(np.linalg.cholesky(matrix), np.eye(len(matrix)), lower=True)


class Shift(NamedTuple):
    """Mean of a difference over runs.

    Attributes
    ----------
    mean : float
        The mean.
    error : float
        Its standard error.
    p_rise : float
        The probability of one so large or larger by chance.

    """

    mean: float
    error: float
    p_rise: float


def shift(runs: Sequence[Mapping], measure: str, first: int, last: int) -> Shift:
    """How far a measure at some pruning steps lies above the control of its own run, on average.

    Each run gives one number, its mean over these steps minus its mean over the rounds of the
    control.

    Parameters
    ----------
    runs : sequence of mapping
        Results of `lib.experiments.pruning.pruning_run`, at least two.
    measure : str
        Its name.
    first, last : int
        The pruning steps, both included.

    Returns
    -------
    Shift
        The probability ``p_rise`` is that of Student's one-sided test.

    Raises
    ------
    ValueError
        For fewer than two runs; try more seeds.

    """
    if len(runs) < 2:
        raise ValueError(f"expected at least 2 runs, got {len(runs)}; try more seeds")
    differences = [np.mean(run[f"pruning {measure}"][first:last + 1]) - np.mean(run[f"control {measure}"])
                   for run in runs]
    return Shift(float(np.mean(differences)), float(stats.sem(differences)),
                 float(stats.ttest_1samp(differences, 0, alternative="greater").pvalue))


def rank_correlations(run: Mapping, stage: str, measures: Sequence[str], with_: str = "kl", *,
                      changes: bool = False) -> dict[str, float]:
    """Spearman's rank correlation of each measure with another one over the machines of a stage.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`.
    stage : {"training", "control", "pruning"}
        Whose machines.
    measures : sequence of str
        Their names.
    with_ : str
        The other measure, "kl" by default.
    changes : bool
        Of their changes from one machine to the next instead, from which a common trend has gone.

    Returns
    -------
    dict of str to float
        By the names of the measures.

    """
    import pandas as pd

    def values(name: str) -> pd.Series:
        found = pd.Series(run[f"{stage} {name}"], dtype=float)
        return found.diff() if changes else found

    return {name: float(values(name).corr(values(with_), method="spearman")) for name in measures}


class RandomGraphs(NamedTuple):
    """Means over random masks.

    Attributes
    ----------
    components : ndarray, shape (len(left),)
        Connected components.
    largest : ndarray, shape (len(left),)
        The share of the spins in the largest.

    """

    components: np.ndarray
    largest: np.ndarray


def random_graphs(n_visible: int, n_hidden: int, left: Sequence[int], n_masks: int,
                  rng: np.random.Generator) -> RandomGraphs:
    """What random masks with these numbers of weights look like as graphs.

    Parameters
    ----------
    n_visible, n_hidden : int
        Numbers of units.
    left : sequence of int
        Numbers of weights.
    n_masks : int
        Masks behind each mean.
    rng : numpy.random.Generator
        Source of the random numbers.

    Returns
    -------
    RandomGraphs
        Two arrays (len(left),).

    """
    everything = np.ones((n_visible, n_hidden), dtype=bool)
    graphs = [[magnitude.connectivity(magnitude.at_random(everything, n, rng=rng)) for _ in range(n_masks)]
              for n in left]
    return RandomGraphs(np.array([np.mean([graph.n_components for graph in row]) for row in graphs]),
                        np.array([np.mean([graph.n_largest for graph in row]) for row in graphs]) / n_visible)


def first_split(run: Mapping) -> float:
    """Percent of the weights left at the first pruning step with more than one component.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`.

    Returns
    -------
    float
        NaN where there is none.

    """
    split = np.flatnonzero(as_array(run["pruning components"], "components") > 1)
    left = as_floats(run["pruning weights left"], "weights left")
    return float(100 * left[split[0]] / left[0]) if split.size else float("nan")
