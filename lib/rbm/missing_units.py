"""What hidden units missing to half of the spins cost, and how many a bound on the energy spares (chapter 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.rbm.learning_searches import EPS

if TYPE_CHECKING:
    import pandas as pd  # of the book


def missing_costs(runs: Iterable[Mapping], energy: Callable[[int, float], float]) -> pd.DataFrame:
    """What hidden units that are missing to n_spins // 2 cost.

    Machines whose training diverged do not count, and of searches with several bounds each machine
    counts once.

    Parameters
    ----------
    runs : iterable of dict
        Settings and results of `lib.experiments.learning.minimal_hidden`.
    energy : callable
        Of the ground state, from n_spins and field.

    Returns
    -------
    pandas.DataFrame
        With columns n_spins, field, missing, cost, low, high, machines. The cost is the median over
        the machines of the bound (6.2) times the size of the exact energy, in units of J; low and
        high are the extremes.

    """
    import pandas as pd

    rows = {(run["n_spins"], run["field"], run["n_spins"] // 2 - size, seed):
            bound * abs(energy(run["n_spins"], run["field"]))
            for run in runs for size, seed, bound in zip(run["tried hidden"], run["tried seed"], run["tried bound"],
                                                         strict=True)
            if bound is not None and size < run["n_spins"] // 2}
    table = pd.DataFrame([(*key, cost) for key, cost in rows.items()],
                         columns=["n_spins", "field", "missing", "seed", "cost"])
    found = table.groupby(["n_spins", "field", "missing"]).cost.agg(["median", "min", "max", "size"])
    return found.set_axis(["cost", "low", "high", "machines"], axis=1).reset_index()


def costs_table(costs: pd.DataFrame, *, least: float) -> pd.DataFrame:
    """Costs of missing units in a table of text, a column for each number of them.

    Parameters
    ----------
    costs : pandas.DataFrame
        Of `missing_costs`.
    least : float
        Lowest field that is shown: deep in the ferromagnet units look after no bonds.

    Returns
    -------
    pandas.DataFrame
        Empty text where no machine of that size was trained.

    """
    table = costs[costs.field >= least].pivot_table(index=["field", "n_spins"], columns="missing", values="cost")
    table = table.rename_axis(index=["h/J", "spins"], columns="error of the energy (J); units missing to N/2:")
    return table.map(lambda cost: "" if np.isnan(cost) else f"{cost:.3f}")


def below(costs: pd.DataFrame, sampled: pd.DataFrame, energy: Callable[[int, float], float]) -> dict[str, float | None]:
    """Machines of 0.4 hidden units a spin, below the threshold: whether any of them has learnt.

    Parameters
    ----------
    costs : pandas.DataFrame
        Of `missing_costs`; 20 and 30 critical spins count.
    sampled : pandas.DataFrame
        Of `learning_thresholds.measurements_table`; 20 spins and more count.
    energy : callable
        Of the ground state, from n_spins and field.

    Returns
    -------
    dict
        "share", of the lengths of `costs` at which one has learnt from all measurements, "machines" and "best", their
        number and lowest bound; "learnt" of the "few" machines of `sampled`, and the "longest" chain of these. None
        where there are none.

    """
    fewest = costs[(costs.field == 1.0) & costs.n_spins.isin([20, 30]) & (10 * costs.missing == costs.n_spins)]
    rows = sampled[(sampled.ratio == 0.4) & (sampled.n_spins >= 20)]
    allowed = np.array([-EPS * energy(n, 1.0) for n in fewest.n_spins])
    return {"share": float((fewest.low <= allowed).mean()) if len(fewest) else None, "machines": fewest.machines.sum(),
            "best": EPS * (fewest.low / allowed).min() if len(fewest) else None, "few": rows.machines.sum(),
            "learnt": rows.learnt.sum() if len(rows) else None, "longest": rows.n_spins.max() if len(rows) else 0}


def tried_bounds(runs: Iterable[Mapping], n_spins: int, field: float, *, at_least: int,
                 at_most: float = np.inf) -> list[float]:
    """The bounds (6.2) of all machines of one length and field that searches have trained, each machine once.

    Parameters
    ----------
    runs : iterable of dict
        Settings and results of `lib.experiments.learning.minimal_hidden`.
    n_spins : int
        Length of the chain.
    field : float
        h/J.
    at_least, at_most : int
        Hidden units; smaller and larger machines, and those whose training diverged, do not count.

    Returns
    -------
    list of float

    """
    found = {(size, seed): bound for run in runs if (run["n_spins"], run["field"]) == (n_spins, field)
             for size, seed, bound in zip(run["tried hidden"], run["tried seed"], run["tried bound"], strict=True)
             if bound is not None and at_least <= size <= at_most}
    return list(found.values())


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
        Of `learning_searches.search_table`.
    costs : pandas.DataFrame
        Of `missing_costs`.
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


def infidelity_allowed(n_spins: int, eps: float) -> float:
    """The largest infidelity of a symmetric state whose energy is right to eps, critical open chain.

    A state above the ground state by dE has an infidelity of at most dE over the gap. The energies of free fermions at
    h = J are 4 sin((2k - 1) pi / (4N + 2)), and a state of the same parity has two of them.

    Parameters
    ----------
    n_spins : int, >= 2
        Spins of the chain.
    eps : float
        Relative error of the energy.

    Returns
    -------
    float
        At most 1.

    """
    energies = 4 * np.sin((2 * np.arange(n_spins) + 1) * np.pi / (4 * n_spins + 2))
    return min(1.0, float(eps * energies.sum() / 2 / energies[:2].sum()))
