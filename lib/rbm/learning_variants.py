"""How the answer of chapter 6 changes: with the training, broken symmetry, other chains, one machine for all fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lib.rbm.learning_searches import EPS, known, search_table

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


def broken_table(kept: pd.DataFrame, runs: pd.DataFrame, energy: Callable[[int, float], float]) -> pd.DataFrame:
    """What searches with broken symmetry found, beside those with the symmetry kept.

    Parameters
    ----------
    kept : pandas.DataFrame
        Of `search_table`.
    runs : pandas.DataFrame
        Of `lib.experiments.learning_chains.minimal_hidden_broken`.
    energy : callable
        Of the ground state, from n_spins and field.

    Returns
    -------
    pandas.DataFrame
        A row for each search: n_spins, field; "half splitting", by how much the energy of the broken
        state is above that of the ground state, as a share of the error that is allowed; magnetization,
        plain magnetization, plain fidelity as they were; kept and broken, the hidden units needed, with
        kept error and broken error.

    """
    table = search_table(runs.to_dict("records")).rename(columns={"hidden": "broken", "error": "broken error"})
    names = ["magnetization", "plain magnetization", "plain fidelity", "splitting"]
    table = table.merge(runs.reindex(columns=["n_spins", "field", *names]), on=["n_spins", "field"])
    allowed = [EPS * abs(energy(n, h)) for n, h in zip(table.n_spins, table.field)]
    table["half splitting"] = table.splitting / 2 / allowed
    beside = kept[kept.eps == EPS][["n_spins", "field", "hidden", "error"]]
    beside = beside.rename(columns={"hidden": "kept", "error": "kept error"})
    return table.merge(beside, "left", on=["n_spins", "field"])


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
