"""Tables of pruned machines: weights removed before harm, rank correlations with the divergence (chapter 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from lib.figures import tables
from lib.figures.pruning import NAMES
from lib.rbm import pruning_growth, pruning_harm
from lib.rbm.pruning_harm import Run

#: The measures that are watched, by name: each alone, and the first of all.
WATCHED = {NAMES[name]: (name,) for name in pruning_harm.WATCHED} | {"first of all": pruning_harm.WATCHED}

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
