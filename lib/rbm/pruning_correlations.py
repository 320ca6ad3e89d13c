"""When the correlations of pruned machines are cut off, and when their graphs fall apart (chapter 7, figure 7.4).

Runs are results of `lib.experiments.pruning.pruning_run` with their settings; the fits to their correlations are those
of :mod:`lib.rbm.pruning_figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib import rng
from lib.checks import as_floats
from lib.rbm import pruning_figures, pruning_runs
from lib.spins import free_fermions

if TYPE_CHECKING:
    import pandas as pd  # of the book

Groups = Mapping[int, Sequence[Mapping]]
#: Independent samples of the exact state whose covariance weights all fits.
N_SAMPLES = 100_000


def exact_correlation(n_spins: int, field: float) -> np.ndarray:
    """C(d) of the ground state of a chain, from the middle spin to its right (7.6).

    Parameters
    ----------
    n_spins : int
        Length of the chain.
    field : float
        h/J.

    Returns
    -------
    ndarray
        For d = 0, 1, ... up to the end of the chain.

    """
    middle = (n_spins - 1) // 2
    return free_fermions.correlation_zz(n_spins, field)[middle, middle:]


def decays(groups: Groups, reach: Mapping[int, int], field: float) -> pd.DataFrame:
    """Both forms of `pruning_figures.decay`, and `pruning_figures.screening`, for every machine and pruning step.

    Parameters
    ----------
    groups : mapping of int to sequence of mapping
        Runs by the length of the chain.
    reach : mapping of int to int
        The last distance of the two forms by the length of the chain; screening is fitted to half the chain.
    field : float
        h/J.

    Returns
    -------
    pandas.DataFrame
        n, seed ("exact" for the ground state, there also with two distances more and with half the chain), last, step,
        left (%), the two forms, rate and rate_error (1 / xi).

    """
    import pandas as pd

    rows = []
    for n, runs in groups.items():
        zz, middle = free_fermions.correlation_zz(n, field), (n - 1) // 2
        half = slice(0, n // 2 + 1)
        exact = zz[middle, middle:][half]
        errors = pruning_figures.covariance(zz, middle, N_SAMPLES)[half, half]
        for last in sorted({reach[n], reach[n] + 2, n // 2}):
            rows.append((n, "exact", last, np.nan, np.nan, *pruning_figures.decay(exact, errors, 1, last), 0.0, 0.0))
        for run in runs:
            lefts = as_floats(run["pruning weights left"], "weights left")
            for step, (left, c) in enumerate(zip(lefts, run["pruning correlation"])):
                forms = pruning_figures.decay(c, errors, 1, reach[n])
                fit = pruning_figures.screening(c[:n // 2 + 1], exact, errors)
                rows.append((n, run["seed"], reach[n], step, 100 * left / lefts[0], *forms, fit.rate, fit.error))
    return pd.DataFrame(rows, columns=["n", "seed", "last", "step", "left", *pruning_figures.Decay._fields,
                                       "rate", "rate_error"])


def cut_off(fits: pd.DataFrame, n_spins: int) -> float:
    """Percent of the weights left at the first of two steps in a row at which 1 / xi > 2 / N.

    Parameters
    ----------
    fits : pandas.DataFrame
        The rows of `decays` of one run.
    n_spins : int
        The length N of the chain.

    Returns
    -------
    float
        NaN where there is none.

    """
    return _first(fits, fits.rate > 2 / n_spins, in_a_row=2)


def turned(fits: pd.DataFrame) -> float:
    """Percent of the weights left at the first of three steps in a row at which the exponential form lies closer.

    Parameters
    ----------
    fits : pandas.DataFrame
        The rows of `decays` of one run.

    Returns
    -------
    float
        NaN where there is none.

    """
    return _first(fits, fits.preference < 0, in_a_row=3)


def _first(fits: pd.DataFrame, holds: pd.Series, in_a_row: int) -> float:
    holds = holds.to_numpy()
    at = [step for step in range(len(holds) - in_a_row + 1) if holds[step:step + in_a_row].all()]
    return float(fits.left.iloc[at[0]]) if at else float("nan")


def apart(run: Mapping) -> float:
    """Percent of the weights left when no path joins the middle spin and the last one any more.

    Parameters
    ----------
    run : mapping
        A run.

    Returns
    -------
    float
        NaN where one always does.

    """
    left = as_floats(run["pruning weights left"], "weights left")
    gone = np.flatnonzero([row[-1] == 0 for row in run["pruning joined"]])
    return float(100 * left[gone[0]] / left[0]) if gone.size else float("nan")


def tree(n_spins: int) -> int:
    """The number of weights in a tree that joins N spins and N / 2 hidden units.

    Parameters
    ----------
    n_spins : int
        N.

    Returns
    -------
    int

    """
    return n_spins + n_spins // 2 - 1


def minimal(n_spins: int) -> float:
    """The same in percent of all weights.

    Parameters
    ----------
    n_spins : int
        N.

    Returns
    -------
    float

    """
    return 100 * tree(n_spins) / (n_spins * (n_spins // 2))


def ends(groups: Groups, fits: pd.DataFrame) -> pd.DataFrame:
    """How well each machine starts, and when its correlations and its graph break.

    Parameters
    ----------
    groups : mapping of int to sequence of mapping
        Runs by the length of the chain.
    fits : pandas.DataFrame
        Their `decays`.

    Returns
    -------
    pandas.DataFrame
        One row a run; NaN where something never happens. n, seed, n_hidden; of the dense machine energy error, eROE,
        abs m error; in percent of the weights left: harmed (C(d)), turned, cut off, splits (the graph), apart; path
        (1 or 0: whether one still joins middle and end when the correlations are cut off); starts exact, ends cut
        (True or False: 1 / xi below 0.5 / N at first, above 2 / N at last); starts power (True or False: up to the
        reach).

    """
    import pandas as pd

    rows = []
    for n, runs in groups.items():
        for run in runs:
            fit = fits[(fits.n == n) & (fits.seed == run["seed"])]
            cut = cut_off(fit, n)
            rows.append({
                "n": n, "seed": run["seed"], "n_hidden": run["n_hidden"],
                **{name: run[f"pruning {name}"][0] for name in ("energy error", "eROE", "abs m error")},
                "harmed": 100 - pruning_runs.removed(run, "correlation mse"), "turned": turned(fit), "cut off": cut,
                "splits": pruning_figures.first_split(run), "apart": apart(run), "path": _path(run, cut),
                "starts exact": abs(fit.rate.iloc[0]) < 0.5 / n, "ends cut": fit.rate.iloc[-1] > 2 / n,
                "starts power": fit.preference.iloc[0] > 0})
    return pd.DataFrame(rows, columns=[
        "n", "seed", "n_hidden", "energy error", "eROE", "abs m error", "harmed", "turned", "cut off", "splits",
        "apart", "path", "starts exact", "ends cut", "starts power"])


def _path(run: Mapping, percent_left: float) -> float:
    """Whether a path joins the middle spin and the last one when so many weights are left."""
    if not np.isfinite(percent_left):
        return float("nan")
    left = as_floats(run["pruning weights left"], "weights left")
    step = np.flatnonzero(np.isclose(100 * left / left[0], percent_left))[0]
    return float(run["pruning joined"][step][-1])


def graphs(groups: Groups, n_masks: int, seed: int) -> pd.DataFrame:
    """The graphs of pruned machines, and of random ones with from all weights down to fewer than a tree has.

    Parameters
    ----------
    groups : mapping of int to sequence of mapping
        Runs by the length of the chain.
    n_masks : int
        Random graphs for every number of weights.
    seed : int
        Of the streams "graphs".

    Returns
    -------
    pandas.DataFrame
        n, seed ("random" for the means over random graphs), left (weights), largest (percent of the spins in the
        largest component), components.

    """
    import pandas as pd

    rows = []
    for n, runs in groups.items():
        for run in runs:
            rows += [(n, run["seed"], left, 100 * largest / n, count) for left, largest, count in
                     zip(run["pruning weights left"], run["pruning largest"], run["pruning components"])]
        full = n * (n // 2)
        counts = np.unique(np.geomspace(minimal(n) * n * (n // 2) / 100 * 0.8, full, 12).astype(int))[::-1]
        found = pruning_figures.random_graphs(n, n // 2, counts, n_masks, rng.stream(seed, "graphs", n))
        rows += [(n, "random", left, 100 * largest, count) for left, count, largest in zip(counts, *found)]
    return pd.DataFrame(rows, columns=["n", "seed", "left", "largest", "components"])
