"""How the answer of chapter 6 changes: with the training, broken symmetry, other chains, one machine for all fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.rbm.learning_searches import EPS, Numbers, in_words, known, peak, search_table

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


def broken_states(runs: pd.DataFrame, energy: Callable[[int, float], float]) -> pd.DataFrame:
    """What the states with broken symmetry are, and what DMRG without parity ends in.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning_chains.minimal_hidden_broken`.
    energy : callable
        Of the ground state, from n_spins and field.

    Returns
    -------
    pandas.DataFrame
        A row for each search, by n_spins and field: "half splitting", by how much the energy of the broken state is
        above that of the ground state, as a share of the error that is allowed; magnetization, plain magnetization and
        plain fidelity as they were.

    """
    names = ["magnetization", "plain magnetization", "plain fidelity"]
    table = runs.reindex(columns=["n_spins", "field", "splitting", *names]).sort_values(["n_spins", "field"])
    allowed = [EPS * abs(energy(n, h)) for n, h in zip(table.n_spins, table.field)]
    table.insert(2, "half splitting", table.pop("splitting") / 2 / allowed)
    return table.set_index(["n_spins", "field"])


def tied_beside(tied: pd.DataFrame, free: pd.DataFrame) -> tuple[pd.DataFrame, Numbers]:
    """Searches of machines with biases tied to the symmetry, beside those with free ones.

    Parameters
    ----------
    tied, free : pandas.DataFrame
        Of `search_table`.

    Returns
    -------
    table : pandas.DataFrame
        A row for each field and length of the tied ones, as `in_words` has them.
    numbers : dict
        At the critical field, of the lengths where both found a number: "more", hidden units that tied biases need more
        than free ones, the largest by size, with its error; "lengths", how many there are.

    """
    import pandas as pd

    both = tied[tied.eps == EPS].merge(free[free.eps == EPS], "left", on=["field", "n_spins"], suffixes=("", " free"))
    by_free = {(row.field, row.n_spins): row for _, row in free[free.eps == EPS].iterrows()}
    rows = {(row.field, row.n_spins): {"free biases": in_words(by_free.get((row.field, row.n_spins))),
                                       "tied biases": in_words(row)} for _, row in both.iterrows()}
    both = both[(both.field == 1.0) & np.isfinite(both.hidden) & np.isfinite(both["hidden free"])]
    both = both.assign(more=both.hidden - both["hidden free"], size=(both.hidden - both["hidden free"]).abs())
    most = both.sort_values("size").iloc[-1:]
    index = pd.MultiIndex.from_tuples(list(rows), names=["h/J", "spins"]) if rows else None
    return pd.DataFrame(list(rows.values()), index=index, columns=["free biases", "tied biases"]), {
        "more": known(most.more.max(), np.hypot(most.error, most["error free"]).max()), "lengths": known(len(both))}


def steps(kinds: Mapping[str, pd.DataFrame], product: Callable[[int, float], float], *, to: float) -> pd.DataFrame:
    """Where in the ferromagnet one or two hidden units are enough, beside what the likeliest product state misses.

    Parameters
    ----------
    kinds : dict of str to pandas.DataFrame
        Of `search_table`, by what the symmetry of the measurements is.
    product : callable
        Error of that state from n_spins and field, as `lib.spins.product_states.likeliest_error`.
    to : float
        Highest field that counts, in the ferromagnet.

    Returns
    -------
    pandas.DataFrame
        A row for each search, by measurements, bound, field and length: "product state", its error; "within the bound",
        whether that is at most the bound; "units", as `in_words` has them; "as expected", whether the search found at
        most two units just there.

    """
    import pandas as pd

    rows = [{"measurements": kind, "bound": row.eps, "h/J": row.field, "spins": row.n_spins,
             "product state": product(row.n_spins, row.field), "units": in_words(row), "few": row.hidden <= 2}
            for kind, found in kinds.items() for _, row in found[found.field <= to].iterrows()]
    columns = ["measurements", "bound", "h/J", "spins", "product state", "units", "few"]
    table = pd.DataFrame(rows, columns=columns).astype({"spins": int}).sort_values(columns[:4], ignore_index=True)
    within = table["product state"] <= table["bound"]
    table.insert(5, "within the bound", within)
    return table.assign(**{"as expected": within == table.pop("few").astype(bool)})


def peaks_table(kinds: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Hidden units needed at every field, and at which fields most of them may be needed.

    Parameters
    ----------
    kinds : mapping of str to pandas.DataFrame
        Of `search_table`, by what the symmetry of the measurements is.

    Returns
    -------
    pandas.DataFrame
        Text: a row for each length and kind, a column for each field, and "most at", the fields of
        `learning_searches.peak`.

    """
    import pandas as pd

    every = pd.concat(kinds.values())
    rows = {}
    for n in sorted(every.n_spins.unique()):
        for kind, table in kinds.items():
            at = {row.field: row for row in table[table.n_spins == n].itertuples()}
            top = peak(table, n)
            rows[f"N = {n}", kind] = {
                **{f"{field:g}": in_words(at.get(field)) for field in sorted(every.field.unique())},
                "most at": "too few" if not top else " to ".join(f"{field:g}" for field in sorted({top[0], top[-1]}))}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(columns="h/J")


def broken_numbers(kept: pd.DataFrame, broken: pd.DataFrame, states: pd.DataFrame) -> Numbers:
    """Hidden units needed with broken symmetry and with the symmetry kept.

    Parameters
    ----------
    kept, broken : pandas.DataFrame
        Of `search_table`.
    states : pandas.DataFrame
        Of `broken_states`.

    Returns
    -------
    dict
        "N-broken-H" and "N-kept-H", hidden units at N spins and H tenths of h/J, and "N-broken-low", "N-broken-high"
        and so on, the lowest and the highest field of `learning_searches.peak`; "spins", the longest chain with broken
        symmetry; of it "dmrg", the smallest plain fidelity; and, N spins and h/J = 0.8, "N-plain-magnetization",
        "N-plain-fidelity" and "N-half", the half splitting in percent.

    """
    numbers, lengths = {}, sorted(broken.n_spins.unique())
    for n in lengths:
        for kind, table in (("kept", kept), ("broken", broken)):
            numbers |= {f"{n}-{kind}-{10 * row.field:.0f}": known(row.hidden, row.error)
                        for row in table[table.n_spins == n].itertuples()}
            top = peak(table, n) or [None]
            numbers |= {f"{n}-{kind}-low": known(top[0]), f"{n}-{kind}-high": known(top[-1])}
        at = states.reindex([(n, 0.8)]).iloc[0]
        numbers |= {f"{n}-plain-magnetization": known(at["plain magnetization"]),
                    f"{n}-plain-fidelity": known(at["plain fidelity"]), f"{n}-half": known(100 * at["half splitting"])}
    longest = max(lengths, default=None)
    fidelities = states["plain fidelity"][states.index.get_level_values("n_spins") == longest]
    return numbers | {"spins": known(longest), "dmrg": known(fidelities.min())}


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
