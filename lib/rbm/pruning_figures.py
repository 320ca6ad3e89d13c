"""What the figures of chapter 7 show of pruned machines: curves, first departures, forms of decay, graphs.

All take results of `pruning_study.pruning_run`, computed or read from a record: a mapping by name, which also holds
the settings epochs and fine_tune_epochs where `curve` needs them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize

from lib.pruning import bands, magnitude

#: The measures of figure 7.2 that are single numbers.
MEASURES = ("kl", "kl data", "infidelity", "eROE", "mROE", "correlation mse")
STAGES = ("training", "control", "pruning")


def curve(run: Mapping, measures: Sequence[str] = MEASURES) -> pd.DataFrame:
    """One row a measurement of a run: stage, epoch, step, weights left, percent left, and the measures.

    epoch counts all epochs, fine-tuning too. step is the pruning step, or the round of the control, or missing in
    training. The machine after the last round of the control comes twice: as that and as pruning step 0.
    """
    epochs = list(run["training epochs"])
    n_rounds, length = len(run["control weights left"]), run["fine_tune_epochs"]
    rounds, steps = np.arange(1, n_rounds + 1), np.arange(len(run["pruning weights left"]))
    epoch = {"training": epochs, "control": epochs[-1] + length * rounds,
             "pruning": epochs[-1] + length * (n_rounds + steps)}
    step = {"training": [None] * len(epochs), "control": rounds, "pruning": steps}
    n_weights = run["training weights left"][0]
    parts = []
    for stage in STAGES:
        left = np.array(run[f"{stage} weights left"], dtype=int)
        values = {name: np.array(run[f"{stage} {name}"], dtype=float) for name in measures}
        parts.append(pd.DataFrame({"stage": stage, "epoch": epoch[stage], "step": pd.array(step[stage], dtype="Int64"),
                                   "weights left": left, "percent left": 100 * left / n_weights} | values))
    return pd.concat(parts, ignore_index=True)


def departure(run: Mapping, measure: str, factor: float = 1.0) -> int | None:
    """The pruning step from which a measure is too large for three steps in a row, None where it never is.

    Too large is what lies above the band of `bands.band` over the control, and above `factor` times the mean of the
    control: with 1 the measure has left its band, with 2 it has also doubled.
    """
    control = run[f"control {measure}"]
    low, high = bands.band(control)
    first = bands.first_outside(run[f"pruning {measure}"][1:], (low, max(high, factor * float(np.mean(control)))))
    return None if first is None else first + 1


def harmless(run: Mapping, measure: str, factor: float = 1.0) -> float:
    """Percent of the weights that were gone at the last pruning step before the `departure` of a measure.

    Where there is none, the percentage after the last step: a lower bound.
    """
    left = np.asarray(run["pruning weights left"], dtype=float)
    step = departure(run, measure, factor)
    return float(100 * (1 - left[len(left) - 1 if step is None else step - 1] / left[0]))


def rise(run: Mapping, measure: str, removed: float) -> tuple[float, float]:
    """How much a measure has grown since the last machine of full size, once `removed` percent of the weights are gone.

    Returns (the growth itself, the growth in units of the half width of the band of `bands.band`). The step is the
    first at which so many are gone.
    """
    left = np.asarray(run["pruning weights left"], dtype=float)
    gone = np.flatnonzero(100 * (1 - left / left[0]) >= removed - 1e-9)  # room for rounding
    if not gone.size:
        raise ValueError(f"expected a percentage up to {100 * (1 - left[-1] / left[0]):.0f}, the most that this run "
                         f"removes, got {removed!r}; try removed=50")
    values = run[f"pruning {measure}"]
    low, high = bands.band(run[f"control {measure}"])
    growth = values[gone[0]] - (low + high) / 2
    return float(growth), float(growth / max((high - low) / 2, 1e-300))


class Decay(NamedTuple):
    """Two forms fitted to C(d): amplitude d^-exponent and amplitude exp(-d / length).

    preference: chi^2 of the exponential form minus that of the algebraic one, which is the difference of their AIC, as
    both have two parameters: positive where the algebraic form fits better. chi2_*: per degree of freedom.
    """

    exponent: float
    length: float
    chi2_algebraic: float
    chi2_exponential: float
    preference: float


def decay(correlation: Sequence[float], error: Sequence[float] | float, first: int, last: int) -> Decay:
    """Fit both forms to C(first) ... C(last) by least squares weighted with the errors.

    correlation: C(d) for d = 0, 1, ...; error: standard errors of the same shape, or one for all.
    Raises ValueError for fewer than four distances, errors that are not positive, and distances beyond the list.
    """
    correlation = np.asarray(correlation, dtype=float)
    error = np.broadcast_to(np.asarray(error, dtype=float), correlation.shape)
    if not 1 <= first <= last - 3 or last >= correlation.size:
        raise ValueError(f"expected at least four distances within 1 ... {correlation.size - 1}, got {first} ... "
                         f"{last}; try first=1, last={correlation.size - 1}")
    distance = np.arange(first, last + 1.0)
    values, sigma = correlation[first:last + 1], error[first:last + 1]
    if not (sigma > 0).all():
        raise ValueError("expected positive errors, got some that are 0 or less; try error=0.003, that of 1e5 samples")
    scale = max(abs(values[0]), 1e-3)
    chi2, rates = [], []
    for abscissa, guess in ((np.log(distance / first), 0.25), (distance - first, 0.1)):
        def miss(parameters, abscissa=abscissa):
            return (parameters[0] * np.exp(-parameters[1] * abscissa) - values) / sigma

        # A decay has a rate >= 0; several starts, because a strongly pruned machine decays within one site.
        bounds = [-2, 0], [2, 20]
        fits = [optimize.least_squares(miss, [scale, start], bounds=bounds) for start in (guess, 10 * guess)]
        best = min(fits, key=lambda fit: fit.cost)
        chi2.append(2 * best.cost)
        rates.append(best.x[1])
    freedom = len(distance) - 2
    length = np.inf if rates[1] == 0 else 1 / rates[1]
    return Decay(float(rates[0]), float(length), chi2[0] / freedom, chi2[1] / freedom, chi2[1] - chi2[0])


def rank_correlations(run: Mapping, stage: str, measures: Sequence[str], with_: str = "kl") -> dict[str, float]:
    """Spearman's rank correlation of each measure with another one over the machines of a stage."""
    return {name: float(pd.Series(run[f"{stage} {name}"]).corr(pd.Series(run[f"{stage} {with_}"]), method="spearman"))
            for name in measures}


def random_components(n_visible: int, n_hidden: int, left: Sequence[int], n_masks: int,
                      rng: np.random.Generator) -> np.ndarray:
    """Mean number of connected components of random masks with these numbers of weights, (len(left),)."""
    everything = np.ones((n_visible, n_hidden), dtype=bool)
    return np.array([np.mean([magnitude.connectivity(magnitude.at_random(everything, n, rng=rng)).n_components
                              for _ in range(n_masks)]) for n in left])


def first_split(run: Mapping) -> float:
    """Percent of the weights left at the first pruning step with more than one component; NaN where there is none."""
    split = np.flatnonzero(np.asarray(run["pruning components"]) > 1)
    left = np.asarray(run["pruning weights left"], dtype=float)
    return float(100 * left[split[0]] / left[0]) if split.size else float("nan")
