"""Tables of pruned machines: weights removed before harm, rank correlations with the divergence (chapter 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from lib.figures import tables
from lib.figures.pruning import NAMES
from lib.rbm import pruning_growth, pruning_harm
from lib.rbm.pruning_graphs import minimal
from lib.rbm.pruning_harm import Run
from lib.rbm.pruning_order import Shift

#: The measures that are watched, by name: each alone, and the first of all.
WATCHED = {NAMES[name]: (name,) for name in pruning_harm.WATCHED} | {"first of all": pruning_harm.WATCHED}

#: What happens to a measure, and the factor of `pruning_harm.removed` for it.
EVENTS = {"left its band": 1, "harmed": 2}

#: What is ranked against the divergence.
RANKED = ("energy error", "abs m error", "correlation mse", "infidelity")


def rank_of(run: Run, measure: str, kind: str) -> float:
    """The rank correlation of a measure with the KL divergence in a stage.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`.
    measure : str
        Its name.
    kind : str
        A stage, such as "pruning", or "pruning, step to step" for changes between machines.

    Returns
    -------
    float

    """
    stage, *changes = kind.split(", ")
    return pruning_growth.rank_correlations(run, stage, [measure], changes=bool(changes))[measure]


def ranks(runs: Mapping[float, Sequence[Run]], kinds: Sequence[str]) -> pd.DataFrame:
    """Rank correlations with the KL divergence as text, by field and stage.

    Parameters
    ----------
    runs : mapping of float to sequence of mapping
        By field.
    kinds : sequence of str
        As in `rank_of`.

    Returns
    -------
    pandas.DataFrame
        A column a measure of `RANKED`.

    """
    return tables.arranged({
        (f"h/J = {h:g}, {kind}", NAMES[name]): tables.where_reached(
            [rank_of(run, name, kind) for run in many], tables.rounded, ".2f")
        for h, many in runs.items() for kind in kinds for name in RANKED
    }).rename_axis("rank correlation with KL", axis=0)


def removed_text(run: Run, measures: Sequence[str], factor: float) -> str:
    """Percent of the weights removed before the first of some measures is harmed, ">" where none ever is.

    Parameters
    ----------
    run : mapping
        A run.
    measures : sequence of str
        Their names; those that the run does not have do not count.
    factor : float
        As in `lib.rbm.pruning_harm.departure`.

    Returns
    -------
    str

    """
    reached = any(pruning_harm.departure(run, name, factor) for name in measures)
    value = pruning_harm.first_of(run, lambda run, name: pruning_harm.removed(run, name, factor), measures)
    return f"{'' if reached else '> '}{value:.0f}"


def removed_here(runs: Mapping[float, Run]) -> pd.DataFrame:
    """Weights removed before each measure leaves its band and is harmed, as text, of one machine at each field.

    Parameters
    ----------
    runs : mapping of float to mapping
        A run by field.

    Returns
    -------
    pandas.DataFrame
        A column a field and event, a row a measure of `WATCHED`.

    """
    return tables.arranged({
        (name, f"h/J = {h:g}, {word}"): removed_text(run, some, factor)
        for name, some in WATCHED.items() for h, run in runs.items() for word, factor in EVENTS.items()
    }).rename_axis("removed before (%), this build's machine", axis=1)


def removed_of_record(runs: Mapping[float, Sequence[Run]], text: tables.Text) -> pd.DataFrame:
    """The same of many machines, as means with their scatter; there also before each measure has doubled.

    Parameters
    ----------
    runs : mapping of float to sequence of mapping
        By field.
    text : callable
        From a mean, a standard deviation and a format to text.

    Returns
    -------
    pandas.DataFrame
        A column a field and event, a row a measure of `WATCHED`.

    """
    words = {"left its band": pruning_harm.left_band, "doubled": pruning_harm.doubled, "harmed": pruning_harm.removed}
    return tables.spreads({
        (name, f"h/J = {h:g}, {word}"): [pruning_harm.first_of(run, number, some) for run in many]
        for name, some in WATCHED.items() for h, many in runs.items() for word, number in words.items()
    }, text).rename_axis("removed before (%), record", axis=1)


def losses(found: Mapping[tuple[float, int, tuple[int, int]], Shift]) -> pd.DataFrame:
    """Losses of the size of the magnetization as text, by field and length of fine-tuning.

    Parameters
    ----------
    found : mapping of (float, int, (int, int)) to Shift
        `lib.rbm.pruning_order.order_loss` by field, epochs a step, and first and last step; NaN is what was not run.

    Returns
    -------
    pandas.DataFrame
        A column a range of steps; a loss is negative there, with its error and its chance.

    """
    cells = {}
    for (h, length, (start, end)), loss in found.items():
        steps = f"step {start}" if start == end else f"steps {start} to {end}"
        cells[f"h/J = {h:g}, {length} epoch{'s' * (length > 1)} a step", steps] = (
            f"{-loss.mean:.2f} ± {loss.error:.2f} (p = {loss.p_rise:.2g})" if loss.mean == loss.mean else "not run")
    return tables.arranged(cells).rename_axis("change of the size of m (%)", axis=1)


def removed(runs: Mapping[str, Sequence[Run]], numbers: Mapping[str, Callable], text: tables.Text) -> pd.DataFrame:
    """Weights removed before something happens, as text, by measure, event and kind of runs.

    Parameters
    ----------
    runs : mapping of str to sequence of mapping
        By what is said of them.
    numbers : mapping of str to callable
        By what happens, from a run and a measure to percent, as `pruning_harm.removed`.
    text : callable
        From a mean, a standard deviation and a format to text.

    Returns
    -------
    pandas.DataFrame
        A column a kind of runs.

    """
    return tables.spreads({
        (f"{name}, {word}", kind): [pruning_harm.first_of(run, number, some) for run in many]
        for word, number in numbers.items() for name, some in WATCHED.items() for kind, many in runs.items()
    }, text).rename_axis("removed before (%)", axis=1)


def breaks(ends: pd.DataFrame, sizes: Sequence[int], text: tables.Text) -> pd.DataFrame:
    """How well machines of several chains start, and when their correlations and graphs break, as text.

    Parameters
    ----------
    ends : pandas.DataFrame
        `lib.rbm.pruning_correlations.ends`.
    sizes : sequence of int
        Lengths of the chains, a column each.
    text : callable
        From a mean, a standard deviation and a format to text.

    Returns
    -------
    pandas.DataFrame
        A row a number.

    """
    columns = []
    for n in sizes:
        runs = ends[ends.n == n]
        numbers = {
            "energy error (1e-3)": 1e3 * runs["energy error"], "eROE (1e-3)": 1e3 * runs["eROE"],
            "error of |m| (%)": 100 * runs["abs m error"], "error of C(d) harmed (% left)": runs["harmed"],
            "exponential closer (% left)": runs["turned"], "ξ below N/2 (% left)": runs["cut off"],
            "graph splits (% left)": runs["splits"], "middle and end apart (% left)": runs["apart"]}
        column = {"spins": n, "runs": len(runs)} | {name: tables.where_reached(values, text)
                                                    for name, values in numbers.items()}
        if n == 18:  # up to a quarter of the chain: four distances, too few to tell
            column["exponential closer (% left)"] = "–"
        columns.append(column | {"minimal tree (%)": f"{minimal(n):.1f}"})
    return pd.DataFrame(columns).set_index("spins").T
