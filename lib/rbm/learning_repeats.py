"""What chapter 6 reads off searches that were repeated: with several schedules of training, with other data.

As in `learning_searches`, numbers are (value, standard error), each None where the records do not hold it yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.rbm import learning_searches
from lib.rbm.learning_searches import EPS, Numbers, known, search_table
from lib.rbm.learning_thresholds import tuned_apart
from lib.rbm.scaling_laws import fitted, parameter, slope

if TYPE_CHECKING:
    import pandas as pd  # of the book

LEAST = 0.05  # error of a difference of units, lest a length at which it is certain decide alone


def tuned(usual_runs: Sequence[Mapping], runs: pd.DataFrame) -> pd.DataFrame:
    """The best of several schedules at each length: which needs the fewest hidden units, the one recipe among them.

    The choice is made by what is then counted, so that it is optimistic: of several equally good schedules the luckiest
    is taken.

    Parameters
    ----------
    usual_runs : sequence of dict
        Settings and results of `lib.experiments.learning.minimal_hidden` by the one recipe; those at the bound `EPS`
        and the critical field count.
    runs : pandas.DataFrame
        Of `lib.experiments.learning.minimal_hidden` by other schedules, with n_updates and learning_rate, at one field
        and bound.

    Returns
    -------
    pandas.DataFrame
        As of `search_table`, a row for each length that has all schedules, and: schedule, "the one recipe" or its steps
        and rate; by recipe, and recipe error, what the one recipe needs; change error, the spread of
        `learning_thresholds.tuned_apart`, missing where the one recipe found nothing.

    """
    import pandas as pd

    groups = runs.groupby(["n_updates", "learning_rate"]) if len(runs) else ()
    several = [search_table(rows.to_dict("records")).assign(schedule=f"{steps:,} steps from {rate:g}")
               for (steps, rate), rows in groups]
    recipe = {run["n_spins"]: run for run in usual_runs if (run["eps"], run["field"]) == (EPS, 1.0)}
    usual = search_table(recipe.values()).assign(schedule="the one recipe")
    table = pd.concat([usual, *several], ignore_index=True)
    table = table[table.groupby("n_spins").schedule.transform("nunique") > max(1, len(several))]
    best = table.sort_values(["n_spins", "hidden"], kind="stable").drop_duplicates("n_spins")  # of equal ones the first
    beside = usual[["n_spins", "hidden", "error"]].set_axis(["n_spins", "by recipe", "recipe error"], axis=1)
    best = best.merge(beside, "left", on="n_spins").reset_index(drop=True)
    best = best.astype(dict.fromkeys(("hidden", "error", "by recipe", "recipe error"), float))  # empty tables too
    return best.assign(**{"change error": [_change_error(recipe[n], runs[runs.n_spins == n].to_dict("records"))
                                           for n in best.n_spins]})


def _change_error(usual: Mapping, others: Sequence[Mapping]) -> float:
    """Of the best schedule's number less that of the one recipe; a schedule that found nothing is not the best."""
    if not np.isfinite(learning_searches.minimal(usual).value):
        return np.nan
    found = [learning_searches.rising(run) for run in (usual, *others)
             if np.isfinite(learning_searches.minimal(run).value)]
    return max(LEAST, tuned_apart(found[0], found[1:])[1])


def tuned_numbers(best: pd.DataFrame) -> Numbers:
    """How much is gained where the schedule is tuned at each length.

    Parameters
    ----------
    best : pandas.DataFrame
        Of `tuned`.

    Returns
    -------
    dict
        "spared", hidden units by the one recipe less the tuned number, longest chain at which both found one, with the
        paired error of `tuned`, and "spins"; "errors", the same in units of its error; "slope" of a line through the
        tuned numbers, "recipe slope" at the same lengths; "slope change", the `slope` of the differences.

    """
    both = best[np.isfinite(best.hidden) & np.isfinite(best["by recipe"])]
    last = both.iloc[-1:]
    spared = known((last["by recipe"] - last.hidden).max(), last["change error"].max())
    return {"spared": spared, "spins": known(last.n_spins.max()), "slope": parameter(fitted(both), "linear", 1),
            "recipe slope": parameter(fitted(both, y="by recipe", error="recipe error"), "linear", 1),
            "errors": known(None if spared[0] is None else spared[0] / spared[1]),
            "slope change": slope(both.n_spins, both.hidden - both["by recipe"], both["change error"])}


def repeats(searches: Iterable[pd.DataFrame]) -> Numbers:
    """How far searches that were repeated by other machines agree.

    Parameters
    ----------
    searches : iterable of pandas.DataFrame
        Of `learning_searches.search_table`, one for each setting: a row for each repeat.

    Returns
    -------
    dict
        "settings" that were searched more than once, "equal", those with one result; "apart", the largest difference
        of hidden units; "scatter", the root of chi^2 over its degrees of freedom, of those that always found a size.

    """
    chi2, freedom, apart, equal, settings = 0.0, 0, [], 0, 0
    for rows in searches:
        if len(rows) < 2:
            continue
        settings += 1
        equal += rows.hidden.nunique() == 1  # one size, or none each time
        if np.isfinite(rows.hidden).all():
            weights = rows.error**-2.0
            mean = (weights * rows.hidden).sum() / weights.sum()
            chi2, freedom = chi2 + (weights * (rows.hidden - mean) ** 2).sum(), freedom + len(rows) - 1
            apart.append(rows.hidden.max() - rows.hidden.min())
    return {"settings": known(settings), "equal": known(equal), "apart": known(max(apart, default=None)),
            "scatter": known(np.sqrt(chi2 / freedom) if freedom else None)}
