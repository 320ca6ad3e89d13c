"""Numbers of pruned machines, single ones and many: how far they are pruned before what is harmed (chapter 7).

A run is a result of `lib.experiments.pruning.pruning_run` with its settings, as in :mod:`lib.rbm.pruning_figures`.
Numbers that a run does not have are NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from lib.checks import as_floats
from lib.pruning import bands
from lib.rbm import pruning_figures

if TYPE_CHECKING:
    import pandas as pd  # of the book

Run = Mapping
#: The measures that are watched for harm.
WATCHED = ("kl", "infidelity", "eROE", "mROE", "correlation mse")
#: The measures that are quadratic in a small error of the state, with the power that makes them of first order.
POWER = {"kl": 0.5, "energy error": 0.5, "correlation mse": 0.5}


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


def removed(run: Run, measure: str, factor: float = 2.0) -> float:
    """Percent of the weights removed before a measure is harmed: `pruning_figures.harmless` with the factor 2.

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
    return pruning_figures.harmless(run, measure, factor)


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
    steps = [pruning_figures.departure(run, name) for name in WATCHED]
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


def leads(run: Run, scale: float = 1.0, share: float = 60) -> float:
    """Whether mROE has grown most of `WATCHED` in absolute numbers.

    Parameters
    ----------
    run : mapping
        A run.
    scale : float
        A factor to mROE, 1 by default.
    share : float
        Percent of the weights that are gone then.

    Returns
    -------
    float
        1 or 0; NaN where fewer are removed.

    """
    if run["pruning weights left"][-1] > (1 - share / 100) * run["pruning weights left"][0]:
        return float("nan")
    grown = {name: pruning_figures.rise(run, name, share)[0] for name in WATCHED}
    grown["mROE"] *= scale
    return float(max(grown, key=grown.get) == "mROE")


def order_while_energy_good(run: Run, bound: float = 0.002) -> float:
    """mROE at the last pruning step at which eROE is within a bound.

    Parameters
    ----------
    run : mapping
        A run.
    bound : float
        That of chapter 6 by default.

    Returns
    -------
    float
        NaN where eROE never is.

    """
    good = np.flatnonzero(as_floats(run["pruning eROE"], "eROE") <= bound)
    return run["pruning mROE"][good[-1]] if good.size else float("nan")


def growth(run: Run, measure: str, share: float) -> float:
    """Factor by which a measure has grown over the mean of the control.

    Parameters
    ----------
    run : mapping
        A run.
    measure : str
        Its name.
    share : float
        Percent of the weights that are gone then.

    Returns
    -------
    float
        NaN where fewer are removed.

    """
    return _at(run, measure, share) / np.mean(run[f"control {measure}"])


def gain(run: Run, measure: str, share: float) -> float:
    """What a measure has gained over the mean of the control, as in `growth`.

    Parameters
    ----------
    run : mapping
        A run.
    measure : str
        Its name.
    share : float
        Percent of the weights that are gone then.

    Returns
    -------
    float

    """
    return _at(run, measure, share) - np.mean(run[f"control {measure}"])


def relative_gain(run: Run, measure: str, other: str, share: float) -> float:
    """What a measure has gained in units of what another one has gained.

    Parameters
    ----------
    run : mapping
        A run.
    measure, other : str
        Their names.
    share : float
        Percent of the weights that are gone then.

    Returns
    -------
    float

    """
    return gain(run, measure, share) / gain(run, other, share)


def first_order_growth(run: Run, measure: str, share: float = 75) -> float:
    """The logarithm of `growth` to the power of `POWER`, of first order in a small error of the state.

    Parameters
    ----------
    run : mapping
        A run.
    measure : str
        Its name.
    share : float
        Percent of the weights that are gone then.

    Returns
    -------
    float

    """
    return POWER.get(measure, 1) * np.log(growth(run, measure, share))


def _at(run: Run, measure: str, share: float) -> float:
    """A measure at the first pruning step at which a share of the weights (%) is gone; NaN where fewer are removed."""
    left = as_floats(run["pruning weights left"], "weights left")
    gone = np.flatnonzero(100 * (1 - left / left[0]) >= share)
    return float(run[f"pruning {measure}"][gone[0]]) if gone.size else float("nan")


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


def order_loss(runs: Sequence[Run], first: int, last: int) -> pruning_figures.Shift:
    """Loss of the size of the magnetization at some pruning steps, in percent of the exact one.

    Parameters
    ----------
    runs : sequence of mapping
        Two runs or more.
    first, last : int
        The pruning steps, both included.

    Returns
    -------
    pruning_figures.Shift
        By `pruning_figures.shift`, positive where it gets smaller; `p_rise` is the probability of so large a loss by
        chance.

    """
    # A loss is a rise of the negative.
    negative = [{f"{stage} abs m": [-value for value in run[f"{stage} abs m"]] for stage in ("pruning", "control")}
                for run in runs]
    loss = pruning_figures.shift(negative, "abs m", first, last)
    percent = 100 / runs[0]["exact abs m"]
    return pruning_figures.Shift(loss.mean * percent, loss.error * percent, loss.p_rise)


def peaks(histogram: ArrayLike) -> np.ndarray:
    """Magnetizations per spin at the local maxima of their distribution, smoothed over three neighbours.

    Parameters
    ----------
    histogram : array_like, shape (n_spins + 1,)
        Probabilities of the magnetizations per spin -1 ... 1.

    Returns
    -------
    ndarray, shape (n_peaks,)

    """
    m = magnetizations(len(histogram) - 1)
    h = np.convolve(np.pad(as_floats(histogram, "histogram"), 1, mode="edge"), np.ones(3) / 3, "valid")
    h = np.r_[-1, h, -1]
    return m[(h[1:-1] > h[:-2]) & (h[1:-1] >= h[2:])]


def magnetizations(n_spins: int) -> np.ndarray:
    """The possible magnetizations per spin.

    Parameters
    ----------
    n_spins : int
        Spins.

    Returns
    -------
    ndarray, shape (n_spins + 1,)
        From -1 to 1.

    """
    return 2 * np.arange(n_spins + 1) / n_spins - 1


def gains(runs: Sequence[Run]) -> pd.DataFrame:
    """How much `WATCHED` have grown at each percentage of the weights removed (`pruning_figures.rise`).

    Parameters
    ----------
    runs : sequence of mapping
        Runs of one schedule.

    Returns
    -------
    pandas.DataFrame
        Run (its number), measure, removed (%), absolute, relative (in half widths of its band).

    """
    import pandas as pd

    left = as_floats(runs[0]["pruning weights left"], "weights left")
    shares = np.unique(100 * (1 - left[1:] / left[0]))
    rows = [(number, name, share, *pruning_figures.rise(run, name, share))
            for number, run in enumerate(runs) for name in WATCHED for share in shares]
    return pd.DataFrame(rows, columns=["run", "measure", "removed", "absolute", "relative"])
