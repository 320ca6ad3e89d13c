"""What the form of a machine can do and what its training reaches, from records of chapter 6."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lib.rbm.learning_searches import EPS, Numbers, known

if TYPE_CHECKING:
    import pandas as pd  # of the book

CRITERIA = {"bound": EPS, "summed infidelity": 0.01, "summed correlation mse": 1e-4}  # what counts as learnt, by each


def forms_table(runs: pd.DataFrame) -> pd.DataFrame:
    """The likeliest machine of each length, number of missing units and start.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning_starts.learning_form`.

    Returns
    -------
    pandas.DataFrame
        A row for each: start, n_spins, missing (to n_spins // 2); of the start that ended nearest (fewest nats):
        cost in units of J, "energy error", infidelity; "worst cost" of all starts, and how many starts.

    """
    table = runs.assign(missing=runs.n_spins // 2 - runs.n_hidden).sort_values("nats")
    groups = table.groupby(["start", "n_spins", "missing"])
    best = groups[["cost", "energy error", "infidelity"]].first()
    best["worst cost"], best["starts"] = groups.cost.max(), groups.size()
    return best.reset_index()


def form_limits(table: pd.DataFrame, *, at: int) -> Numbers:
    """What the likeliest machines say about a longer chain.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `forms_table`; rows that start laid out count.
    at : int
        Spins of the longer chain.

    Returns
    -------
    dict
        "missing ratio", cost of one missing unit, longest chain over 10 spins; "missing", that of the longest, and its
        "infidelity"; "infidelity at 10"; "n_spins", the longest; "continued low" and "continued high", the relative
        error of machines that miss none at `at` spins, the smallest and the largest of lines and parabolas through all
        lengths and all but the shortest: without noise no residual tells how far one may go on; None where there are
        fewer than five lengths.

    """
    laid = table[table.start == "laid out"]
    one = laid[laid.missing == 1].set_index("n_spins")
    last, ten = (one.reindex([n]).iloc[0] for n in (one.index.max(), 10))
    whole = laid[laid.missing == 0]
    ends = [float(np.polyval(np.polyfit(rows.n_spins, rows["energy error"], degree), at))
            for degree in (1, 2) for rows in (whole, whole[1:]) if len(whole) >= 5]
    return {"missing ratio": known(last.cost / ten.cost if last.name > 10 else None), "missing": known(last.cost),
            "infidelity": known(last.infidelity), "infidelity at 10": known(ten.infidelity),
            "n_spins": known(last.name), "continued low": known(min(ends, default=None)),
            "continued high": known(max(ends, default=None))}


def needed_by(runs: pd.DataFrame) -> pd.DataFrame:
    """The fewest hidden units with which half of the machines satisfy each of the `CRITERIA`.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning.learning_run`.

    Returns
    -------
    pandas.DataFrame
        A row for each length, a column for each criterion: NaN where no size that was tried is enough; the smallest
        that was tried is an upper bound.

    """
    import pandas as pd

    found = {}
    for n, group in runs.groupby("n_spins"):
        for name, limit in CRITERIA.items():
            share = (group[name] <= limit).groupby(group.n_hidden).mean()
            enough = share.index[share >= 0.5]
            found.setdefault(n, {})[name] = float(enough.min()) if len(enough) else np.nan
    return pd.DataFrame.from_dict(found, orient="index", columns=[*CRITERIA]).rename_axis("n_spins")


def recipes_table(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each recipe that was tried on a long chain.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning_starts.learning_start`.

    Returns
    -------
    pandas.DataFrame
        By start, way, n_hidden and n_updates: machines, learnt, and the best and the median bound.

    """
    groups = runs.groupby(["start", "way", "n_hidden", "n_updates"], sort=False).bound
    return groups.agg(machines="size", learnt=lambda bounds: int((bounds <= EPS).sum()), best="min", median="median")
