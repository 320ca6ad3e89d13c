"""Pruned machines of a record by their kind, what one measured all along, and means over many (chapter 7).

A run is a result of `lib.experiments.pruning.pruning_run` with its settings, computed or read from a record: a mapping
by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lib.checks import as_array, as_floats
from lib.rbm.pruning_harm import Run

if TYPE_CHECKING:
    import pandas as pd  # of the book


@dataclass(frozen=True)
class Recorded:
    """The runs of a record by their kind.

    Attributes
    ----------
    points : pandas.DataFrame
        All points that are declared, with their settings.
    done : pandas.DataFrame
        Those of them that are valid, with their results.
    field : float
        The field that is meant where none is named.

    """

    points: pd.DataFrame
    done: pd.DataFrame
    field: float

    def runs(self, n_spins: int = 18, field: float | None = None, length: int = 10, criterion: str = "magnitude",
             epochs: int = 500) -> list[dict]:
        """The valid runs of one kind, in the order of the record.

        Parameters
        ----------
        n_spins, field, length, criterion, epochs
            Settings of `pruning_run`; length is fine_tune_epochs.

        Returns
        -------
        list of dict
            Runs.

        """
        return self._rows(self.done, n_spins, field, length, criterion, epochs).to_dict("records")

    def complete(self, **kind: object) -> bool:
        """Whether every declared run of a kind is valid, two or more.

        Parameters
        ----------
        **kind
            Arguments of `runs`.

        Returns
        -------
        bool

        """
        settings = {"n_spins": 18, "field": None, "length": 10, "criterion": "magnitude", "epochs": 500} | kind
        return len(self._rows(self.done, **settings)) == len(self._rows(self.points, **settings)) >= 2

    def _rows(self, table, n_spins, field, length, criterion, epochs):
        wanted = {"n_spins": n_spins, "field": self.field if field is None else field, "fine_tune_epochs": length,
                  "criterion": criterion, "epochs": epochs}
        return table[np.logical_and.reduce([table[name] == value for name, value in wanted.items()])]


def mean_error(values: Iterable[float | None]) -> tuple[float, float] | tuple[None, None]:
    """The mean of some numbers and its standard error.

    Parameters
    ----------
    values : iterable of float or None
        None and what is not finite do not count.

    Returns
    -------
    tuple of float, or (None, None)
        The latter for fewer than two.

    """
    found = [value for value in values if value is not None and np.isfinite(value)]
    return (np.mean(found), np.std(found, ddof=1) / np.sqrt(len(found))) if len(found) > 1 else (None, None)


def paired(first: Iterable[Run], second: Iterable[Run],
           number: Callable[[Run], float]) -> tuple[float, float] | tuple[None, None]:
    """`mean_error` of the difference of a number between two kinds of runs with the same seeds.

    Parameters
    ----------
    first, second : iterable of mapping
        Runs; those whose seed the other kind does not have do not count.
    number : callable
        From a run to the number.

    Returns
    -------
    tuple of float, or (None, None)
        First minus second.

    """
    others = {run["seed"]: run for run in second}
    return mean_error(number(run) - number(others[run["seed"]]) for run in first if run["seed"] in others)


def as_factor(logarithm: tuple[float | None, float | None]) -> tuple[float, float] | tuple[None, None]:
    """The mean of a logarithm and its error as a factor with its error.

    Parameters
    ----------
    logarithm : tuple of float, or (None, None)
        As `mean_error` gives it.

    Returns
    -------
    tuple of float, or (None, None)

    """
    mean, error = logarithm
    return (None, None) if mean is None else (np.exp(mean), np.exp(mean) * error)


#: The measures of figure 7.2 that are single numbers.
MEASURES = ("kl", "kl data", "infidelity", "eROE", "mROE", "correlation mse")
STAGES = ("training", "control", "pruning")
def curve(run: Mapping, measures: Sequence[str] = MEASURES) -> pd.DataFrame:
    """One row for each measurement of a run.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`, with its settings.
    measures : sequence of str
        Columns to take; MEASURES by default.

    Returns
    -------
    pandas.DataFrame
        Stage, epoch, step, weights left, percent left, and the measures.

    Notes
    -----
    epoch counts all epochs, fine-tuning too. step is the pruning step, or the round of the control,
    or missing in training. The machine after the last round of the control comes twice: as that and
    as pruning step 0.

    """
    import pandas as pd

    epochs = list(run["training epochs"])
    n_rounds, length = len(run["control weights left"]), run["fine_tune_epochs"]
    rounds, steps = np.arange(1, n_rounds + 1), np.arange(len(run["pruning weights left"]))
    epoch = {"training": epochs, "control": epochs[-1] + length * rounds,
             "pruning": epochs[-1] + length * (n_rounds + steps)}
    step = {"training": [None] * len(epochs), "control": rounds, "pruning": steps}
    n_weights = run["training weights left"][0]
    parts = []
    for stage in STAGES:
        left = as_array(run[f"{stage} weights left"], "weights left").astype(int)
        values = {name: np.array(run[f"{stage} {name}"], dtype=float) for name in measures}
        parts.append(pd.DataFrame({"stage": stage, "epoch": epoch[stage], "step": pd.array(step[stage], dtype="Int64"),
                                   "weights left": left, "percent left": 100 * left / n_weights} | values))
    return pd.concat(parts, ignore_index=True)


def scheduled_step(left: Sequence[int], n_weights: int, share: float) -> int:
    """The pruning step, counted from 1, at which a schedule has removed a share of the weights.

    Parameters
    ----------
    left : sequence of int
        Weights left after each step.
    n_weights : int
        Those of the dense machine.
    share : float
        In percent.

    Returns
    -------
    int

    """
    return 1 + int(np.flatnonzero(100 * (1 - as_floats(left, "left") / n_weights) >= share)[0])


def mean_log(run: Run, measure: str, step: int, n_rounds: int = 5) -> float:
    """Mean logarithm of a measure over the rounds up to a pruning step.

    Parameters
    ----------
    run : mapping
        A run, also one without pruning, which has rounds without loss in place of steps.
    measure : str
        Its name.
    step : int
        The last step.
    n_rounds : int
        Rounds, the last one included; 5 by default.

    Returns
    -------
    float

    """
    return float(np.mean(np.log(run[f"pruning {measure}"][step + 1 - n_rounds:step + 1])))
