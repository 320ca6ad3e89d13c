"""How the answer of chapter 6 changes: with the training, with other chains, with one machine for all fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.rbm.learning_searches import EPS, Numbers, known, search_table

if TYPE_CHECKING:
    import pandas as pd  # of the book


def ways_needed(runs: pd.DataFrame) -> dict[tuple[int, str], int | None]:
    """The fewest hidden units with which half of the machines of each way learn.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning_ways.learning_way`.

    Returns
    -------
    dict of (int, str) to int or None
        By length and way; None where no size that was tried is enough.

    """
    found = {}
    for key, group in runs.groupby(["n_spins", "way"], sort=False):
        share = (group.bound <= EPS).groupby(group.n_hidden).mean()
        found[key] = int(share.index[share >= 0.5].min()) if (share >= 0.5).any() else None
    return found


def ways_table(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each length and way to train.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning_ways.learning_way`.

    Returns
    -------
    pandas.DataFrame
        Texts: how many machines, hidden units needed, and with half as many units as spins the median bound and the
        error of the size of the magnetization.

    """
    import pandas as pd

    needed, rows = ways_needed(runs), {}
    for (n, way), group in runs.groupby(["n_spins", "way"], sort=False):
        half = group[group.n_hidden == n // 2]
        rows[f"N = {n}", way] = {
            "machines": len(group), "hidden units needed": needed[n, way] or f"more than {group.n_hidden.max()}",
            "median bound with N/2": f"{half.bound.median():.5f}",
            "error of |m| with N/2 (%)": f"{100 * half['abs m error'].median():.1f}"}
    return pd.DataFrame(rows).T


def ways_numbers(runs: pd.DataFrame, ways: Sequence[str]) -> Numbers:
    """What ways to train have in common, and where they differ.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning_ways.learning_way`.
    ways : sequence of str
        All of them.

    Returns
    -------
    dict
        Of the shortest chain, "spins" long: "least" and "most" hidden units needed, "spread", their difference where
        every way found a number; "floor-low", "floor-high" and "floor", the extremes of the median bounds with one unit
        fewer than half of the spins, and their ratio where there are all ways; "natural-m", "other-m", error of the
        size of the magnetization (%) with half of the spins or more, by natural gradient, and the largest of the
        others. Of the longest, "long": "long-WAY", median bounds with half of the spins, "there" how many ways have
        one, "long-least", "long-most" hidden units needed. "tied", units that symmetric machines need more than PCD-1,
        where that is largest by size.

    """
    short, long = runs.n_spins.min(), runs.n_spins.max()
    needed = ways_needed(runs)
    first = [needed.get((short, way)) for way in ways]
    some, whole = [units for units in first if units], None not in first
    last = [units for (n, _), units in needed.items() if n == long and units]
    at = runs[runs.n_spins == short]
    floor = at[at.n_hidden == short // 2 - 1].groupby("way").bound.median()
    size = 100 * at[at.n_hidden >= short // 2].groupby("way")["abs m error"].median()
    halved = runs[(runs.n_spins == long) & (runs.n_hidden == long // 2)].groupby("way").bound.median()
    pairs = [(needed.get((n, "symmetric")), needed.get((n, "PCD-1"))) for n in runs.n_spins.unique()]
    tied = [own - free for own, free in pairs if own and free]
    return {name: known(value) for name, value in {
        "spins": short, "long": long, "least": min(some, default=None), "most": max(some, default=None),
        "spread": max(some) - min(some) if some and whole else None, "floor-low": floor.min(),
        "floor-high": floor.max(), "floor": floor.max() / floor.min() if len(floor) == len(ways) else None,
        "natural-m": size.get("natural gradient"), "other-m": size.drop("natural gradient", errors="ignore").max(),
        "there": len(halved), "long-least": min(last, default=None), "long-most": max(last, default=None),
        "tied": max(tied, key=abs, default=None), **{f"long-{way.lower()}": halved.get(way) for way in ways}}.items()}


def chains_table(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each search on several chains.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning_chains.minimal_hidden_chain`.

    Returns
    -------
    pandas.DataFrame
        As of `search_table`, with the parameter of the chain as its field, and the column model.

    """
    import pandas as pd

    parts = [search_table([]).assign(model="")]
    for name, rows in runs.groupby("model", sort=False):
        parts.append(search_table(rows.assign(field=rows.parameter).to_dict("records")).assign(model=name))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def joint_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Machines for all fields and machines of one field, a row a fit.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning_conditional.learning_conditional`.

    Returns
    -------
    pandas.DataFrame
        kind ("one a field", "degree 2"), n_samples, seed, parameters, and means over fields: kl, energy error, the
        largest energy error as worst, and held out energy error, held out kl.

    """
    import pandas as pd

    rows = [{"kind": f"degree {run['degree']}" if run["together"] else "one a field", "n_samples": run["n_samples"],
             "seed": run["seed"], "parameters": run["parameters"], "kl": np.mean(run["kl"]),
             "energy error": np.mean(run["energy error"]), "worst": np.max(run["energy error"]),
             "held out energy error": np.mean(run["held out energy error"]), "held out kl": np.mean(run["held out kl"])}
            for run in runs.to_dict("records")]
    columns = ("kind", "n_samples", "seed", "parameters", "kl", "energy error", "worst", "held out energy error",
               "held out kl")
    return pd.DataFrame(rows, columns=columns)


def joint_gain(table: pd.DataFrame, kind: str, n_samples: int, column: str = "kl") -> tuple[float | None, float | None]:
    """By how much machines of one field are worse than one for all, from the same measurements.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `joint_table`.
    kind : str
        Of the machine for all fields.
    n_samples : int
        Measurements at each field.
    column : str, default "kl"
        What is compared.

    Returns
    -------
    tuple of (float or None, float or None)
        The mean over seeds of the ratio, and its standard error.

    """
    at = table[table.n_samples == n_samples].pivot(index="seed", columns="kind", values=column)
    if not {kind, "one a field"} <= {*at.columns}:
        return None, None
    ratios = (at["one a field"] / at[kind]).dropna()
    return known(ratios.mean(), ratios.sem())


def joint_numbers(table: pd.DataFrame) -> Numbers:
    """What one machine for all fields gains over machines of one field.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `joint_table`.

    Returns
    -------
    dict
        "few" and "many", measurements a field; "gain" and "late", `joint_gain` of the quadratic machine with either;
        "fewer", the ratio of the numbers of parameters, "ratio", gain over that; "between", error of the energy where
        nothing was measured, quadratic machine and most measurements, and of each kind in percent "between-KIND";
        "enough-KIND", the fewest measurements with which the mean error of the energy is within `EPS`; "left-KIND",
        the divergence with most measurements. KIND has dashes.

    """
    few, many = table.n_samples.min(), table.n_samples.max()
    gain, late = (joint_gain(table, "degree 2", n) for n in (few, many))
    sizes, last = table.groupby("kind").parameters.first(), table[table.n_samples == many].groupby("kind")
    fewer = sizes.get("one a field", np.nan) / sizes.get("degree 2", np.nan)
    numbers = {"few": known(few), "many": known(many), "gain": gain, "late": late, "fewer": known(fewer),
               "ratio": (None, None) if gain[0] is None else known(gain[0] / fewer, (gain[1] or np.nan) / fewer)}
    means, errors = (getattr(last[["held out energy error", "kl"]], name)() for name in ("mean", "sem"))
    for kind in ("degree 1", "degree 2", "one a field"):
        (between, left), (error, left_error) = (part.reindex([kind]).iloc[0] for part in (means, errors))
        learnt = table[table.kind == kind].groupby("n_samples")["energy error"].mean()
        dashed = kind.replace(" ", "-")
        numbers |= {f"between-{dashed}": known(100 * between, 100 * error), f"left-{dashed}": known(left, left_error),
                    f"enough-{dashed}": known(learnt.index[learnt <= EPS].min())}
        if kind == "degree 2":
            numbers["between"] = known(between, error)
    return numbers
