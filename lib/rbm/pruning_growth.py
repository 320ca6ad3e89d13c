"""How much the measures of a pruned machine grow, each alone and against another one (chapter 7, figure 7.5).

Runs are those of :mod:`lib.rbm.pruning_harm`. Numbers that a run does not have are NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.checks import as_floats
from lib.rbm import pruning_harm
from lib.rbm.pruning_harm import WATCHED, Run

if TYPE_CHECKING:
    import pandas as pd  # of the book

#: The measures that are quadratic in a small error of the state, with the power that makes them of first order.
POWER = {"kl": 0.5, "energy error": 0.5, "correlation mse": 0.5}


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
    grown = {name: pruning_harm.rise(run, name, share)[0] for name in WATCHED}
    grown["mROE"] *= scale
    return float(max(grown, key=grown.get) == "mROE")


def gains(runs: Sequence[Run]) -> pd.DataFrame:
    """How much `WATCHED` have grown at each percentage of the weights removed (`pruning_harm.rise`).

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
    rows = [(number, name, share, *pruning_harm.rise(run, name, share))
            for number, run in enumerate(runs) for name in WATCHED for share in shares]
    return pd.DataFrame(rows, columns=["run", "measure", "removed", "absolute", "relative"])


def rank_correlations(run: Mapping, stage: str, measures: Sequence[str], with_: str = "kl", *,
                      changes: bool = False) -> dict[str, float]:
    """Spearman's rank correlation of each measure with another one over the machines of a stage.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`.
    stage : {"training", "control", "pruning"}
        Whose machines.
    measures : sequence of str
        Their names.
    with_ : str
        The other measure, "kl" by default.
    changes : bool
        Of their changes from one machine to the next instead, from which a common trend has gone.

    Returns
    -------
    dict of str to float
        By the names of the measures.

    """
    import pandas as pd

    def values(name: str) -> pd.Series:
        found = pd.Series(run[f"{stage} {name}"], dtype=float)
        return found.diff() if changes else found

    return {name: float(values(name).corr(values(with_), method="spearman")) for name in measures}
