"""The numbers that the text and the claims of chapter 6 name, from its tables.

Every function gives a dict of name to (value, standard error): the error is None where there is none, and the value is
None where the tables do not hold it yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.rbm import learning_figures as laws
from lib.rbm import quality

if TYPE_CHECKING:
    import pandas as pd

EPS = 0.002  # the bound of the records
Numbers = dict[str, tuple[float | None, float | None]]


def known(value: float | None, error: float | None = None) -> tuple[float | None, float | None]:
    """A value and its error, each None where it is missing or not finite.

    Parameters
    ----------
    value, error : float or None
        Numbers of a table.

    Returns
    -------
    tuple of (float or None, float or None)

    """
    value, error = (None if one is None or not np.isfinite(one) else float(one) for one in (value, error))
    return value, error if value is not None else None


def procedure(usual: pd.DataFrame, longer: pd.DataFrame, *, half: int) -> Numbers:
    """Of machines of one length: where half of them learn, how good smaller ones are, what the energy does not see.

    Parameters
    ----------
    usual, longer : pandas.DataFrame
        Machines of `lib.experiments.learning.learning_run` by the one recipe, and trained longer.
    half : int
        Half of the spins.

    Returns
    -------
    dict
        "half", "half low", "half high": `learning_figures.half_point`, the error half the interval; "first", fewest
        units of a machine that learnt; "below" and "longer below", the lowest bounds with fewer than `half`; "blind",
        mean error of the size of the magnetization of machines that learnt, "blind worst", "blind noise", the standard
        error of one, "blind rms", the root mean square less that; "chance", the part of the bound that is statistical.

    """
    passed = (usual.bound <= EPS).astype(int)
    point = laws.half_point(usual.n_hidden, passed) if len(usual) else laws.Interval(np.nan, np.nan, np.nan)
    inside = usual[passed == 1]
    blind = inside["abs m error"]
    chance = (inside["mROE"] - blind) / quality.DEVIATIONS
    # A machine without an error shows that of its samples.
    rms = np.sqrt(max(0.0, (blind**2 - chance**2).mean())) if len(blind) else None
    statistical = ((inside.bound - inside["energy error"]) / EPS).median()
    return {"half": known(point.value, (point.high - point.low) / 2), "half low": known(point.low),
            "half high": known(point.high), "first": known(inside.n_hidden.min()),
            "below": known(usual.bound[usual.n_hidden < half].min()),
            "longer below": known(longer.bound[longer.n_hidden < half].min()),
            "blind": known(blind.mean()), "blind worst": known(blind.max()), "blind noise": known(chance.mean()),
            "blind rms": known(rms), "chance": known(statistical)}


def compared(found: pd.DataFrame, first: float, second: float) -> Numbers:
    """Hidden units needed at one field less those at another, longest chain that has both.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `learning_figures.search_table`.
    first, second : float
        The fields.

    Returns
    -------
    dict
        "difference" and "n_spins".

    """
    both = found[(found.eps == EPS) & found.field.isin([first, second]) & np.isfinite(found.hidden)]
    counts = both.groupby("n_spins").field.nunique()
    longest = max(counts[counts == 2].index, default=None)
    if longest is None:
        return {"difference": (None, None), "n_spins": (None, None)}
    at = both[both.n_spins == longest].set_index("field")
    return {"difference": known(at.hidden[first] - at.hidden[second], np.hypot(at.error[first], at.error[second])),
            "n_spins": known(longest)}


def peak(found: pd.DataFrame, n_spins: int, least: int = 4) -> float | None:
    """The field at which most hidden units are needed.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `learning_figures.search_table`.
    n_spins : int
        Length of the chain.
    least : int, default 4
        Fewer fields tell of no peak.

    Returns
    -------
    float or None
        The lowest of fields that need equally many.

    """
    rows = found[(found.n_spins == n_spins) & (found.eps == EPS)].sort_values("field")
    return float(rows.field.iloc[int(np.argmax(rows.hidden.to_numpy()))]) if len(rows) >= least else None


def two_units(runs: Iterable[Mapping], n_spins: int, field: float) -> float | None:
    """The median bound of machines with two hidden units that searches have trained, at the tightest bound.

    Parameters
    ----------
    runs : iterable of dict
        Settings and results of `lib.experiments.learning.minimal_hidden`.
    n_spins : int
        Length of the chain.
    field : float
        h/J.

    Returns
    -------
    float or None

    """
    kept = [bound for run in runs if (run["n_spins"], run["field"], run["eps"]) == (n_spins, field, EPS)
            for bound, size in zip(run["tried bound"], run["tried hidden"], strict=True) if size == 2]
    return float(np.median(kept)) if kept else None


def prior_moves(runs: Iterable[Mapping]) -> pd.DataFrame:
    """How far half points move where the prior allows for thresholds as wide as the range that was tried.

    Parameters
    ----------
    runs : iterable of dict
        Settings and results of `lib.experiments.learning.minimal_hidden`.

    Returns
    -------
    pandas.DataFrame
        field and units, a row for each search that found something.

    """
    import pandas as pd

    rows = []
    for run in runs:
        if np.isfinite(laws.minimal(run).value):
            tried = np.append(run["tried hidden"], 0), np.append(run["tried learnt"], 0)
            ours, flat = laws.half_point(*tried), laws.half_point(*tried, widest=1.0)
            rows.append((run["field"], abs(flat.value - ours.value)))
    return pd.DataFrame(rows, columns=["field", "units"])


def spared(allowed: float, cost: float | None) -> int | None:
    """Hidden units fewer than half of the spins that an error of the energy allows, where each looks after two bonds.

    The first that is missing leaves one bond alone, each further one two.

    Parameters
    ----------
    allowed : float
        Error of the energy.
    cost : float or None
        Of a bond that is left alone, in the same units.

    Returns
    -------
    int or None

    """
    return None if cost is None else int((allowed / cost + 1) // 2)


def predictions(found: pd.DataFrame, costs: pd.DataFrame, energy: Callable[[int, float], float],
                fields: Sequence[float]) -> list[int]:
    """Units that searches find less those that `spared` leaves, with the cost of a bond at ten spins and that field.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `learning_figures.search_table`.
    costs : pandas.DataFrame
        Of `learning_figures.missing_costs`.
    energy : callable
        Of the ground state, from n_spins and field.
    fields : sequence of float
        Which.

    Returns
    -------
    list of int
        One for each search at these fields that found something.

    """
    of_one = costs[(costs.missing == 1) & (costs.n_spins == 10)].set_index("field").cost
    rows = found[(found.eps == EPS) & found.field.isin([h for h in fields if h in of_one]) & np.isfinite(found.hidden)]
    return [int(row.hidden) - row.n_spins // 2 + spared(-EPS * energy(row.n_spins, row.field), of_one[row.field])
            for row in rows.itertuples()]


def alike(found: pd.DataFrame, fields: Sequence[float]) -> Numbers:
    """The largest difference between fields of hidden units needed, longest chain that has all of them.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `learning_figures.search_table`.
    fields : sequence of float
        Which.

    Returns
    -------
    dict
        "spread" and "n_spins".

    """
    rows = found[(found.eps == EPS) & found.field.isin(fields) & np.isfinite(found.hidden)]
    table = rows.groupby("n_spins").hidden.agg(["count", "min", "max"])
    table = table[table["count"] == len(fields)]
    if not len(table):
        return {"spread": (None, None), "n_spins": (None, None)}
    return {"spread": known(table["max"].iloc[-1] - table["min"].iloc[-1]), "n_spins": known(table.index[-1])}


def shapes(machines: pd.DataFrame) -> Numbers:
    """The shape of sorted weights, means over machines with their standard errors.

    Parameters
    ----------
    machines : pandas.DataFrame
        Of `lib.experiments.learning.learning_run`, of one field and size.

    Returns
    -------
    dict
        The fields of `learning_figures.Decay`, and "noise", the mean of `learning_figures.noise_distance`.

    """
    import pandas as pd

    table = pd.DataFrame([laws.weight_decay(sizes) for sizes in machines.magnitudes], columns=laws.Decay._fields)
    table["noise"] = [laws.noise_distance(sizes) for sizes in machines.magnitudes]
    return {name: known(table[name].mean(), table[name].sem()) if len(table) else (None, None) for name in table}


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
        Of `learning_figures.search_table`.
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
    table = laws.search_table(runs.to_dict("records")).rename(columns={"hidden": "broken", "error": "broken error"})
    names = ["magnetization", "plain magnetization", "plain fidelity", "splitting"]
    table = table.merge(runs.reindex(columns=["n_spins", "field", *names]), on=["n_spins", "field"])
    allowed = [EPS * abs(energy(n, h)) for n, h in zip(table.n_spins, table.field)]
    table["half splitting"] = table.splitting / 2 / allowed
    beside = kept[kept.eps == EPS][["n_spins", "field", "hidden", "error"]]
    beside = beside.rename(columns={"hidden": "kept", "error": "kept error"})
    return table.merge(beside, "left", on=["n_spins", "field"])


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


def chains_table(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each search on several chains.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning_chains.minimal_hidden_chain`.

    Returns
    -------
    pandas.DataFrame
        As of `learning_figures.search_table`, with the parameter of the chain as its field, and the column model.

    """
    import pandas as pd

    parts = [laws.search_table([]).assign(model="")]
    for name, rows in runs.groupby("model", sort=False):
        parts.append(laws.search_table(rows.assign(field=rows.parameter).to_dict("records")).assign(model=name))
    return pd.concat(parts[1:] or parts, ignore_index=True)
