"""When the measures of a pruned machine are harmed, and how many of its weights are gone by then (chapter 7).

A run is a result of `lib.experiments.pruning.pruning_run`, computed or read from a record: a mapping by name. Its
control, rounds of fine-tuning without pruning, says how much each measure moves anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lib.checks import as_floats
from lib.pruning import bands

Run = Mapping
#: The measures that are watched for harm.
WATCHED = ("kl", "infidelity", "eROE", "mROE", "correlation mse")
def departure(run: Mapping, measure: str, factor: float = 1.0) -> int | None:
    """The pruning step from which a measure is too large for three steps in a row.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`.
    measure : str
        Its name.
    factor : float
        Too large is what lies above the band of `bands.band` over the control, and above `factor`
        times the mean of the control: with 1, the default, the measure has left its band, with 2 it
        has also doubled.

    Returns
    -------
    int or None
        None where it never is.

    """
    control = run[f"control {measure}"]
    low, high = bands.band(control)
    first = bands.first_outside(run[f"pruning {measure}"][1:], (low, max(high, factor * float(np.mean(control)))))
    return None if first is None else first + 1
def harmless(run: Mapping, measure: str, factor: float = 1.0) -> float:
    """Percent of the weights gone at the last pruning step before the `departure` of a measure.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`.
    measure : str
        Its name.
    factor : float
        As in `departure`.

    Returns
    -------
    float
        In percent. Where there is no departure, the percentage after the last step: a lower bound.

    """
    left = as_floats(run["pruning weights left"], "weights left")
    step = departure(run, measure, factor)
    return float(100 * (1 - left[len(left) - 1 if step is None else step - 1] / left[0]))


def rise(run: Mapping, measure: str, removed: float) -> tuple[float, float]:
    """How much a measure has grown over its mean in the control, once many weights are gone.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`.
    measure : str
        Its name.
    removed : float
        Percent of the weights; the step is the first at which so many are gone.

    Returns
    -------
    growth : float
        The growth itself.
    in_band : float
        The growth in units of the half width of the band of `bands.band`.

    Raises
    ------
    ValueError
        For a percentage above the most that this run removes; try ``removed=50``.

    """
    left = as_floats(run["pruning weights left"], "weights left")
    gone = np.flatnonzero(100 * (1 - left / left[0]) >= removed - 1e-5)  # room for a percentage that was rounded
    if not gone.size:
        raise ValueError(f"expected a percentage up to {100 * (1 - left[-1] / left[0]):.0f}, the most that this run "
                         f"removes, got {removed!r}; try removed=50")
    values = run[f"pruning {measure}"]
    low, high = bands.band(run[f"control {measure}"])
    growth = values[gone[0]] - (low + high) / 2
    return float(growth), float(growth / max((high - low) / 2, 1e-300))


def removed(run: Run, measure: str, factor: float = 2.0) -> float:
    """Percent of the weights removed before a measure is harmed: `harmless` with the factor 2.

    Parameters
    ----------
    run : mapping
        A run.
    measure : str
        Its name.
    factor : float
        1 for the step at which it leaves its band.

    Returns
    -------
    float

    """
    return harmless(run, measure, factor)


def left_band(run: Run, measure: str) -> float:
    """`removed` before a measure leaves its band, by however little.

    Parameters
    ----------
    run : mapping
        A run.
    measure : str
        Its name.

    Returns
    -------
    float

    """
    return removed(run, measure, 1)


def doubled(run: Run, measure: str) -> float:
    """Percent of the weights removed before a measure has doubled three steps in a row, whatever its band.

    Parameters
    ----------
    run : mapping
        A run.
    measure : str
        Its name.

    Returns
    -------
    float

    """
    return _removed_below(run, measure, 2 * np.mean(run[f"control {measure}"]))


def doubled_since_training(run: Run, measure: str = "kl") -> float:
    """The same with what the measure was after training in place of the mean of the control.

    Parameters
    ----------
    run : mapping
        A run.
    measure : str
        Its name.

    Returns
    -------
    float

    """
    return _removed_below(run, measure, 2 * run[f"training {measure}"][-1])


def _removed_below(run: Run, measure: str, threshold: float) -> float:
    """Percent removed before the first of three steps with a measure above a threshold, or at the last step."""
    left = as_floats(run["pruning weights left"], "weights left")
    step = bands.first_outside(run[f"pruning {measure}"][1:], (-np.inf, threshold))
    return float(100 * (1 - left[-1 if step is None else step] / left[0]))


def first_of(run: Run, number: Callable[[Run, str], float] = removed, measures: Sequence[str] = WATCHED) -> float:
    """The smallest of a number over measures.

    Parameters
    ----------
    run : mapping
        A run.
    number : callable
        From a run and the name of a measure; `removed` by default.
    measures : sequence of str
        Their names; those that the run does not have (None, in long chains) do not count.

    Returns
    -------
    float

    """
    return min(number(run, name) for name in measures if run[f"pruning {name}"][0] is not None)


def later(run: Run, measure: str, others: Sequence[str], factor: float) -> float:
    """Percent of the weights removed between the first `removed` of some measures and that of another.

    Parameters
    ----------
    run : mapping
        A run.
    measure : str
        The other one; negative where it is before all of them.
    others : sequence of str
        The measures.
    factor : float
        As in `removed`.

    Returns
    -------
    float

    """
    return removed(run, measure, factor) - min(removed(run, other, factor) for other in others)


def first_step(run: Run) -> int:
    """The pruning step at which the first of `WATCHED` leaves its band.

    Parameters
    ----------
    run : mapping
        A run.

    Returns
    -------
    int
        One past the last step where none does.

    """
    steps = [departure(run, name) for name in WATCHED]
    return min((step for step in steps if step), default=len(run["pruning weights left"]))


def edge(run: Run, measure: str) -> float:
    """The upper edge of a measure's band, in units of its mean in the control.

    Parameters
    ----------
    run : mapping
        A run.
    measure : str
        Its name.

    Returns
    -------
    float

    """
    control = run[f"control {measure}"]
    return bands.band(control)[1] / np.mean(control)
