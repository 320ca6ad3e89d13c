"""What chapter 6 reads off its searches: the laws of growth, and numbers by name.

As in `learning_searches`, numbers are (value, standard error), each None where the records do not hold it yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.rbm import learning_searches, missing_units
from lib.rbm.learning_searches import EPS, Numbers, known
from lib.rbm.learning_thresholds import bounds_apart
from lib.rbm.scaling_laws import Law, fitted, parameter, slope

if TYPE_CHECKING:
    import pandas as pd  # of the book

__all__ = ["argument_numbers", "fits", "law_numbers", "law_table", "tighter"]

SHORT = 12**-0.5  # the standard error of rounding to whole units
Fits = Mapping[tuple[str, float], Mapping[str, Law]]
Energy = Callable[[int, float], float]


def fits(found: pd.DataFrame, fields: Sequence[float]) -> Fits:
    """The laws of hidden units against the length of the chain, for each field and for each bound.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `learning_searches.search_table`.
    fields : sequence of float
        Which count.

    Returns
    -------
    dict of (str, float) to dict
        ("field", h/J) at the bound `EPS`, and ("eps", bound) at the critical field; of each the laws of
        `scaling_laws.fitted`.

    """
    at_bound, critical = found[(found.eps == EPS) & found.field.isin(fields)], found[found.field == 1.0]
    return {(column, value): fitted(rows) for column, table in (("field", at_bound), ("eps", critical))
            for value, rows in table.groupby(column)}


def law_table(found: pd.DataFrame, laws: Fits, text: Callable[..., str]) -> pd.DataFrame:
    """The laws as a table of text.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `learning_searches.search_table`.
    laws : mapping
        Of `fits`.
    text : callable
        From a value, its error and a format to text.

    Returns
    -------
    pandas.DataFrame
        A row for each field and each bound that has laws: the lengths at which something was found, slope, exponent
        and Akaike's criterion of each law.

    """
    import pandas as pd

    rows = {}
    for (column, value), several in laws.items():
        if not several or (column, value) == ("eps", EPS):  # that is the critical field again
            continue
        wanted = {"eps": EPS, "field": 1.0} | {column: value}
        at = found[(found.eps == wanted["eps"]) & (found.field == wanted["field"]) & np.isfinite(found.hidden)]
        rows[f"h/J = {value:g}" if column == "field" else f"h/J = 1, eps = {value:g}"] = {
            "lengths": ", ".join(map(str, at.n_spins)),
            "slope of a line": text(*parameter(several, "linear", 1), ".3f"),
            "exponent of a power": text(*parameter(several, "power", 1), ".3f"),
            **{f"AIC {name}": f"{fit.aic:.1f}" for name, fit in several.items()}}
    return pd.DataFrame(rows).T.rename_axis("record")


def tighter(runs: Sequence[Mapping], wide: float = EPS, tight: float = EPS / 2) -> Numbers:
    """How the slope changes with the bound, from machines that both searches have trained or either of them.

    Parameters
    ----------
    runs : sequence of dict
        Settings and results of `lib.experiments.learning.minimal_hidden` by one recipe; those at the critical field
        count, and machines of one size and seed are the same.
    wide, tight : float
        The bounds.

    Returns
    -------
    dict
        "steeper", the `slope` of the tight number less the wide one at the lengths where both searches found one, with
        the errors of `learning_thresholds.bounds_apart`; "both", how many lengths that are.

    """
    rows = []
    found = {(run["eps"], run["n_spins"]): run for run in runs
             if run["field"] == 1.0 and np.isfinite(learning_searches.minimal(run).value)}
    for n in sorted({n for eps, n in found if eps == wide} & {n for eps, n in found if eps == tight}):
        machines = {(size, seed): np.inf if bound is None else bound
                    for run in (found[wide, n], found[tight, n])
                    for size, seed, bound in zip(run["tried hidden"], run["tried seed"], run["tried bound"],
                                                 strict=True)}
        most = learning_searches.rising(found[tight, n])[0].max()
        machines = {of: bound for of, bound in machines.items() if of[0] <= most}
        sizes = [size for size, _ in machines] + [0]  # without hidden units nothing is learnt
        bounds = np.array([*machines.values(), np.inf])
        rows.append((n, found[tight, n]["smallest"] - found[wide, n]["smallest"],
                     bounds_apart(sizes, bounds <= wide, bounds <= tight)[1]))
    return {"steeper": slope(*np.array(rows).reshape(-1, 3).T), "both": known(len(rows))}


def law_numbers(found: pd.DataFrame, runs: Sequence[Mapping], laws: Fits, energy: Energy) -> Numbers:
    """What is said of the law, from all searches.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `learning_searches.search_table`.
    runs : sequence of dict
        The searches behind it.
    laws : mapping
        Of `fits`.
    energy : callable
        Of the ground state, from n_spins and field.

    Returns
    -------
    dict
        "found-N" and, times N, "weights-N" of each length at the critical point; "width", of the interval at 20 spins;
        "two-units-N" and "two-units-j-N", the bound with two units at h/J = 0.5 and the same in units of J;
        "ordered-most", "ordered-last" with "...-spins", hidden units there at most, and in the longest chain;
        "level-...", how level bounds are at 30 spins and that field; "two-share", hidden units a spin at h/J = 2 and
        the longest chain that has a number, "two-spins"; "saved" machines a search; "prior-..." of
        `learning_searches.prior_moves`; "tight-slope" at half of the bound, "steeper" and "both" of `tighter`;
        "rounded", share of searches (%) whose error is that of rounding; "aic-constant", "aic-gap"; "ordered-chi2";
        "close-exponent" at h/J = 0.8; "lengths", "searches" and "trained", counts.

    """
    critical, tight = laws.get(("field", 1.0), {}), laws.get(("eps", EPS / 2), {})
    at_bound = found[found.eps == EPS]
    at = at_bound[(at_bound.field == 1.0) & np.isfinite(at_bound.hidden)].set_index("n_spins")
    numbers = {"tight-slope": parameter(tight, "linear", 1), **tighter(runs),
               "close-exponent": parameter(laws.get(("field", 0.8), {}), "power", 1),
               "saved": known(found.saved.mean(), found.saved.sem())}
    for n in (10, 20, 30, 40, 50, 60, 100):
        row = at.reindex([n]).iloc[0]
        numbers |= {f"found-{n}": known(row.hidden), f"weights-{n}": known(n * row.hidden, n * row.error)}
    twenty, ordered = at.reindex([20]).iloc[0], at_bound[(at_bound.field == 0.5) & np.isfinite(at_bound.hidden)]
    numbers["width"] = known(twenty.high - twenty.low)
    for name, rows in (("ordered-most", ordered.sort_values("hidden")), ("ordered-last", ordered)):
        last = rows.iloc[-1:]
        numbers |= {name: known(last.hidden.max()), f"{name}-spins": known(last.n_spins.max())}
    for n in (10, 20, 30, 60):
        miss = missing_units.two_units(runs, n, 0.5)
        numbers |= {f"two-units-{n}": known(miss),
                    f"two-units-j-{n}": known(None if miss is None else -miss * energy(n, 0.5))}
    level = missing_units.tried_bounds(runs, 30, 0.5, at_least=5)
    two = at_bound[(at_bound.field == 2.0) & np.isfinite(at_bound.hidden)].iloc[-1:]
    moved = learning_searches.prior_moves(runs)
    aic = [fit.aic for fit in critical.values()] or [np.nan] * 3
    ordered_line = laws.get(("field", 0.5), {}).get("linear")
    return numbers | {name: known(value) for name, value in {
        "level-machines": len(level), "level-near": sum(abs(bound - EPS) <= EPS / 10 for bound in level),
        "level-low": min(level, default=None), "level-high": max(level, default=None),
        "two-share": (two.hidden / two.n_spins).max(), "two-spins": two.n_spins.max(),
        "prior-moves": moved.units.mean(), "prior-most": moved.units.max(),
        "prior-critical": moved.units[moved.field == 1.0].max(),
        "rounded": 100 * (found.error[np.isfinite(found.hidden)] <= SHORT).mean(), "lengths": len(at),
        "aic-constant": aic[0] - min(aic), "aic-gap": abs(aic[1] - aic[2]), "searches": len(found),
        "trained": found.machines.sum(), "ordered-chi2": ordered_line and ordered_line.chi2}.items()}


def argument_numbers(costs: pd.DataFrame, found: pd.DataFrame, energy: Energy, fields: Sequence[float]) -> Numbers:
    """What the argument says that a unit looks after two bonds, and what searches say of it.

    Parameters
    ----------
    costs : pandas.DataFrame
        Of `missing_units.missing_costs`.
    found : pandas.DataFrame
        Of `learning_searches.search_table`.
    energy : callable
        Of the ground state, from n_spins and field.
    fields : sequence of float
        Those at which the argument is held against searches; the first is the critical one.

    Returns
    -------
    dict
        "one-less", "one-less-20", the cost in J of one missing unit at 10 and 20 critical spins; "ratio" of the two;
        "two-less" and "three-less", costs of more units over that of one, 20 spins; "predicted-slope"; "spared-N",
        "predicted-N", units that may be missing and that are left at N spins; "missing-grown", largest ratio of the
        cost of one unit to that at 10 spins; "predictions", "predictions-met", "predictions-off", how many searches
        there are, where they meet the argument, how far they are off at most; "product", the field from which 20
        spins need no correlation.

    """
    critical = costs[costs.field == 1.0]
    one = critical[critical.missing == 1].set_index("n_spins").cost
    twenty = critical[critical.n_spins == 20].set_index("missing").cost
    numbers = {"one-less": one.get(10), "one-less-20": one.get(20), "ratio": one.get(20, np.nan) / one.get(10, np.nan),
               "two-less": twenty.get(2, np.nan) / twenty.get(1, np.nan),
               "three-less": twenty.get(3, np.nan) / twenty.get(1, np.nan),
               "predicted-slope": 0.5 - EPS * 4 / np.pi / (2 * one.get(10, np.nan))}
    for n in (10, 20, 30, 40, 50, 60):
        spared = missing_units.spared(-EPS * energy(n, 1.0), one.get(10))
        numbers |= {f"spared-{n}": spared, f"predicted-{n}": None if spared is None else n // 2 - spared}
    beyond = costs[(costs.field >= 1.0) & (costs.missing == 1)].pivot(index="n_spins", columns="field", values="cost")
    misses = missing_units.predictions(found, costs, energy, fields)
    strong = np.geomspace(4, 40, 400)
    enough = np.array([1 - 20 * h / -energy(20, h) for h in strong]) <= EPS
    return {name: known(value) for name, value in (numbers | {
        "missing-grown": (beyond / beyond.loc[10]).max().max() if 10 in beyond.index else None,
        "predictions": len(misses), "predictions-met": misses.count(0),
        "predictions-off": max(map(abs, misses), default=None), "product": strong[np.argmax(enough)]}).items()}
