"""What the symmetry under a flip of all spins changes in chapter 6: measurements without it, machines that have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.rbm import missing_units
from lib.rbm.learning_fields import peak
from lib.rbm.learning_searches import EPS, Numbers, in_words, known
from lib.spins.product_states import APART, likeliest_error

if TYPE_CHECKING:
    import pandas as pd  # of the book


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
        than free ones, the largest by size, with its error; "lengths", how many there are, "fewer" and "greater", where
        tied biases need fewer and more. "N-H", what tied biases need at N spins and H tenths of h/J; "share-N-H", the
        same in units of what free ones need; "highest-N-low" and "highest-N-high", the fields between which tied
        biases need most, at lengths with more than one.

    """
    import pandas as pd

    both = tied[tied.eps == EPS].merge(free[free.eps == EPS], "left", on=["field", "n_spins"], suffixes=("", " free"))
    by_free = {(row.field, row.n_spins): row for row in free[free.eps == EPS].itertuples()}
    rows = {(row.field, row.n_spins): {"free biases": in_words(by_free.get((row.field, row.n_spins))),
                                       "tied biases": in_words(row)} for row in tied[tied.eps == EPS].itertuples()}
    units = {}
    for row in both[np.isfinite(both.hidden)].to_dict("records"):
        at, share = f"{row['n_spins']}-{10 * row['field']:.0f}", row["hidden"] / row["hidden free"]
        units |= {at: known(row["hidden"]), f"share-{at}": known(
            share or None, share * np.hypot(row["error"] / row["hidden"], row["error free"] / row["hidden free"]))}
    for n, found in both[np.isfinite(both.hidden)].groupby("n_spins"):
        top = found.field[found.hidden == found.hidden.max()]
        units |= {f"highest-{n}-{name}": known(at) for name, at in (("low", top.min()), ("high", top.max()))
                  if len(found) > 1}
    both = both[(both.field == 1.0) & np.isfinite(both.hidden) & np.isfinite(both["hidden free"])]
    more, errors = both.hidden - both["hidden free"], np.hypot(both.error, both["error free"])
    most = max(zip(more.abs(), -errors, more, errors), default=(None,) * 4)  # of equals the surest
    index = pd.MultiIndex.from_tuples(list(rows), names=["h/J", "spins"]) if rows else None
    table = pd.DataFrame(list(rows.values()), index=index, columns=["free biases", "tied biases"])
    counts = {"lengths": len(both), "fewer": (more < 0).sum(), "greater": (more > 0).sum()}
    return table, {"more": known(*most[2:]), **{name: known(count) for name, count in counts.items()}} | units


def sizes_tried(runs: Sequence[Mapping], n_spins: int, field: float) -> Numbers:
    """How many sizes searches at one length and field have tried, and how many of them are enough.

    Parameters
    ----------
    runs : sequence of dict
        Of `learning_searches.pooled`.
    n_spins : int
        Length of the chain.
    field : float
        h/J; the bound is `EPS`.

    Returns
    -------
    dict
        "sizes" and "enough"; None where nothing was searched.

    """
    found = [run for run in runs if (run["n_spins"], run["field"], run["eps"]) == (n_spins, field, EPS)]
    learnt: dict[int, list[float]] = {}
    for run in found:
        for size, passed in zip(run["tried hidden"], run["tried learnt"], strict=True):
            learnt.setdefault(size, []).append(passed)
    counts = {"sizes": len(learnt), "enough": sum(np.mean(passed) >= 0.5 for passed in learnt.values())}
    return {name: known(count if found else None) for name, count in counts.items()}


def steps(kinds: Mapping[str, pd.DataFrame], *, to: float) -> pd.DataFrame:
    """Where in the ferromagnet one or two hidden units are enough, beside what the likeliest product state misses.

    Parameters
    ----------
    kinds : dict of str to pandas.DataFrame
        Of `search_table`, by what the symmetry of the measurements is.
    to : float
        Highest field that counts, in the ferromagnet; chains whose ends are not far apart do not count.

    Returns
    -------
    pandas.DataFrame
        A row for each search, by measurements, bound, field and length: "product state", the error
        `lib.spins.product_states.likeliest_error` in units of the bound; "hidden" and "largest" of the search; "as
        expected", whether the number that it found, if any, is at most two just where that is at most one.

    """
    import pandas as pd

    columns = ["measurements", "eps", "field", "n_spins", "product state", "hidden", "largest"]
    rows = [(kind, row.eps, row.field, row.n_spins, likeliest_error(row.n_spins, row.field) / row.eps, row.hidden,
             row.largest) for kind, found in kinds.items()
            for row in found[found.field <= to].sort_values(columns[1:4]).itertuples()
            if row.field ** (row.n_spins / 2) <= APART]
    table = pd.DataFrame(rows, columns=columns)  # kinds keep their order
    return table.assign(**{"as expected": (table["product state"] <= 1) == (table["hidden"] <= 2)})


def plateau(runs: Sequence[Mapping], n_spins: int, fields: Sequence[float], *, at_most: int = 8) -> list[float]:
    """What machines that are too small miss, in units of what the likeliest product state does.

    Parameters
    ----------
    runs : sequence of dict
        Settings and results of `lib.experiments.learning.minimal_hidden`.
    n_spins : int
        Length of the chain.
    fields : sequence of float
        In the ferromagnet; those at which no machine was trained are left out.
    at_most : int, default 8
        Hidden units.

    Returns
    -------
    list of float
        For each field the median bound (6.2) over `lib.spins.product_states.likeliest_error`.

    """
    bounds = {field: missing_units.tried_bounds(runs, n_spins, field, at_least=1, at_most=at_most) for field in fields}
    return [float(np.median(found)) / likeliest_error(n_spins, field) for field, found in bounds.items() if found]


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
        `learning_fields.peak`.

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
        and so on, the lowest and the highest field of `learning_fields.peak`; "spins", the longest chain with broken
        symmetry; of it "dmrg", the smallest plain fidelity; and, N spins and h/J = 0.8, "N-plain-magnetization",
        "N-plain-fidelity" and "N-half", the half splitting in percent.

    """
    numbers, lengths = {}, sorted(broken.n_spins.unique())
    for n in lengths:
        for kind, table in (("kept", kept), ("broken", broken)):
            numbers |= {f"{n}-{kind}-{10 * row.field:.0f}": known(row.hidden)
                        for row in table[table.n_spins == n].itertuples()}
            top = peak(table, n) or [None]
            numbers |= {f"{n}-{kind}-low": known(top[0]), f"{n}-{kind}-high": known(top[-1])}
        at = states.reindex([(n, 0.8)]).iloc[0]
        numbers |= {f"{n}-plain-magnetization": known(at["plain magnetization"]),
                    f"{n}-plain-fidelity": known(at["plain fidelity"]), f"{n}-half": known(100 * at["half splitting"])}
    longest = max(lengths, default=None)
    fidelities = states["plain fidelity"][states.index.get_level_values("n_spins") == longest]
    return numbers | {"spins": known(longest), "dmrg": known(fidelities.min())}
