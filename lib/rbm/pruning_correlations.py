"""When the correlations of pruned machines are cut off, and in what state their graphs are then (figure 7.4).

Runs are those of :mod:`lib.rbm.pruning_harm`; the fits to their correlations are those of
:mod:`lib.rbm.correlation_decay`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.checks import as_floats
from lib.rbm import correlation_decay, pruning_graphs, pruning_harm
from lib.rbm.pruning_graphs import Groups
from lib.rbm.recorded_runs import mean_error
from lib.spins import free_fermions

if TYPE_CHECKING:
    import pandas as pd  # of the book

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
    """Both forms of `correlation_decay.decay`, and `correlation_decay.screening`, for every machine and pruning step.

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
        errors = correlation_decay.covariance(zz, middle, N_SAMPLES)[half, half]
        for last in sorted({reach[n], reach[n] + 2, n // 2}):
            rows.append((n, "exact", last, np.nan, np.nan, *correlation_decay.decay(exact, errors, 1, last), 0.0, 0.0))
        for run in runs:
            lefts = as_floats(run["pruning weights left"], "weights left")
            for step, (left, c) in enumerate(zip(lefts, run["pruning correlation"])):
                forms = correlation_decay.decay(c, errors, 1, reach[n])
                fit = correlation_decay.screening(c[:n // 2 + 1], exact, errors)
                rows.append((n, run["seed"], reach[n], step, 100 * left / lefts[0], *forms, fit.rate, fit.error))
    return pd.DataFrame(rows, columns=["n", "seed", "last", "step", "left", *correlation_decay.Decay._fields,
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
                "harmed": 100 - pruning_harm.removed(run, "correlation mse"), "turned": turned(fit), "cut off": cut,
                "splits": pruning_graphs.first_split(run), "apart": pruning_graphs.apart(run),
                "path": pruning_graphs.path_at(run, cut),
                "starts exact": abs(fit.rate.iloc[0]) < 0.5 / n, "ends cut": fit.rate.iloc[-1] > 2 / n,
                "starts power": fit.preference.iloc[0] > 0})
    return pd.DataFrame(rows, columns=[
        "n", "seed", "n_hidden", "energy error", "eROE", "abs m error", "harmed", "turned", "cut off", "splits",
        "apart", "path", "starts exact", "ends cut", "starts power"])


def means(ends: pd.DataFrame, sizes: Sequence[int]) -> dict[tuple[str, int], tuple]:
    """Means of what breaks over the machines of each chain, with their errors, as the text of page 7.2 has them.

    Parameters
    ----------
    ends : pandas.DataFrame
        As `ends` gives it.
    sizes : sequence of int
        Lengths of chains.

    Returns
    -------
    dict of (str, int) to tuple of float, or (None, None)
        By name and length: "cut", percent of the weights removed when correlations are cut off; "spin", the weights a
        visible unit has left then; "turn", percent left when the exponential lies closer; "tree", the weights left at
        the cut-off over those of a smallest tree.  Nothing for fewer than two machines.

    """
    columns = {"cut": 100 - ends["cut off"], "spin": ends["cut off"] / 100 * ends["n_hidden"], "turn": ends.turned,
               "tree": ends["cut off"] / ends.n.map(pruning_graphs.minimal)}
    return {(name, n): mean_error(column[ends.n == n]) for name, column in columns.items() for n in sizes}
