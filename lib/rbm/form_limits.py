"""What the form of a machine can do and what its training reaches, from records of chapter 6."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
            "continued high": known(max(ends, default=None)), "whole": known(whole["energy error"].iloc[-1:].max()),
            "whole at 10": known(whole[whole.n_spins == 10]["energy error"].max()),
            "stuck": known(table[table.start == "random"]["worst cost"].max())}


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


def criteria_numbers(runs: pd.DataFrame, needed: pd.DataFrame) -> Numbers:
    """What the criteria come to at the longest chain.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning.learning_run`.
    needed : pandas.DataFrame
        Of `needed_by`, of the same machines.

    Returns
    -------
    dict
        "spins"; "energy", "fidelity" and "correlations", hidden units needed there, and "more fidelity" and "more
        correlations", the latter two less the first, with the error of two whole numbers; "least", the smallest size
        that was tried; "near", "near-low", "near-high", median and extremes of the infidelity with one unit fewer than
        half of the spins; "few" and "many", machines of a size; "lengths", and "fewer", at how many of them the
        fidelity asks for fewer units than the energy.

    """
    energy, fidelity = needed["bound"], needed["summed infidelity"]
    last, one = runs[runs.n_spins == needed.index.max()], needed.iloc[-1:]
    units = [one[name].max() for name in CRITERIA]
    missing = last[last.n_spins // 2 - last.n_hidden == 1]["summed infidelity"]
    sizes = runs.groupby(["n_spins", "n_hidden"]).size()
    rounding = 6**-0.5  # 1/12 for each of two whole numbers
    return {"more fidelity": known(units[1] - units[0], rounding),
            "more correlations": known(units[2] - units[0], rounding)} | {name: known(value) for name, value in {
                "energy": units[0], "fidelity": units[1], "correlations": units[2], "spins": needed.index.max(),
                "least": last.n_hidden.min(), "near": missing.median(), "near-low": missing.min(),
                "near-high": missing.max(), "few": sizes.min(), "many": sizes.max(), "lengths": len(needed),
                "fewer": (fidelity < energy).sum()}.items()}


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


def hundred(runs: pd.DataFrame, by_recipe: pd.Series) -> Numbers:
    """What machines of a hundred spins reach.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning_starts.learning_start`.
    by_recipe : pandas.Series
        Bounds of other machines with half as many units as spins.

    Returns
    -------
    dict
        Of those with half as many units: "lowest" bound, how many were "tried", and have "learnt"; "there", how many
        machines runs holds; "laid-out" and "at-random", median bounds of symmetric ones from either start, with
        "...-machines" how many: the former trained for the shortest time among them, 300,000 updates in the record.

    """
    half = np.concatenate([by_recipe, runs[2 * runs.n_hidden == runs.n_spins].bound])
    kinds = runs[(runs.way == "symmetric") & (2 * runs.n_hidden == runs.n_spins)]
    laid, random = kinds[kinds.start == "laid out"], kinds[kinds.start == "random"].bound
    laid = laid[laid.n_updates == laid.n_updates.min()].bound
    return {"lowest": known(half.min() if len(half) else None), "tried": (len(half), None),
            "learnt": (int((half <= EPS).sum()), None), "there": (len(runs), None), "laid-out": known(laid.median()),
            "laid-out-machines": (len(laid), None), "at-random": known(random.median()),
            "at-random-machines": (len(random), None)}


class Judged(NamedTuple):
    """What becomes of a judgement when chains have more time to forget their start.

    Attributes
    ----------
    table : pandas.DataFrame
        A row for each judge, a column for each machine: how far the energy is above the exact one, as text.
    numbers : dict
        "start", at the exact samples, and "first", after the fewest sweeps: means over machines; "moved", what the
        longest burn-in changes of the latter, and "tempered", what tempered chains do, of the machine where that is
        largest, by size. All in percent of the error that is allowed; "machines", how many.

    """

    table: pd.DataFrame
    numbers: Numbers


def judged(runs: pd.DataFrame) -> Judged:
    """The same machines by several judges.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning_starts.learning_judged`, of one list of burn-ins; machines that diverged are left
        out.

    Returns
    -------
    Judged

    """
    import pandas as pd

    share, columns, moves, tempered = 100 / EPS, {}, [(None, None)], [(None, None)]
    runs = [run for run in runs.to_dict("records") if run["above"]]
    for number, run in enumerate(runs, start=1):
        by_chains = list(zip(run["above"], run["above error"], strict=True))
        others = {name: (run[f"{name} above"], run[f"{name} above error"]) for name in ("start", "tempered")}
        after = {f"{n:,} sweeps": one for n, one in zip(run["burn_ins"], by_chains, strict=True)}
        rows = {"exact samples": others["start"], **after, "tempered chains": others["tempered"]}
        columns[f"machine {number}"] = {name: f"{share * mean:.1f} ± {share * error:.1f}"
                                        for name, (mean, error) in rows.items()}
        for kept, (mean, error) in ((moves, by_chains[-1]), (tempered, others["tempered"])):
            kept.append((share * abs(mean - by_chains[0][0]), share * np.hypot(error, by_chains[0][1])))
    means = {name: np.mean([share * value(run) for run in runs]) if runs else None
             for name, value in (("start", lambda run: run["start above"]), ("first", lambda run: run["above"][0]))}
    largest = {name: known(*max(kept, key=lambda one: one[0] or 0.0))
               for name, kept in (("moved", moves), ("tempered", tempered))}
    return Judged(pd.DataFrame(columns), {name: known(mean) for name, mean in means.items()} | largest
                  | {"machines": (len(runs), None)})
