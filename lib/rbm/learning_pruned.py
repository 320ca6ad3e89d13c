"""How many weights machines need that were pruned as long as they stayed learnt (chapter 6, table 6.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.rbm.learning_searches import EPS

if TYPE_CHECKING:
    import pandas as pd  # of the book


def weights_needed(runs: pd.DataFrame) -> pd.DataFrame:
    """The weights with which pruned machines stay learnt, for every length and limit of rounds.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of `lib.experiments.learning.learning_run`, with prune_updates.

    Returns
    -------
    pandas.DataFrame
        A row for each two machines or more that have learnt: n_spins, prune_rounds; left, the mean; error, its
        standard error, but at least that of rounding to whole weights, 1 / sqrt(12); learnt and machines, how many.

    """
    import pandas as pd

    rows = []
    for (n, rounds), several in runs.groupby(["n_spins", "prune_rounds"]):
        left = several["weights needed"].dropna().astype(float)
        if len(left) > 1:
            rows.append((n, rounds, left.mean(), max(left.sem(), 12**-0.5), len(left), len(several)))
    return pd.DataFrame(rows, columns=["n_spins", "prune_rounds", "left", "error", "learnt", "machines"])


def fewest(needed: pd.DataFrame) -> pd.DataFrame:
    """The limit of rounds that leaves the fewest weights, for every length.

    Parameters
    ----------
    needed : pandas.DataFrame
        Of `weights_needed`.

    Returns
    -------
    pandas.DataFrame
        Its rows that are left, by increasing length.

    """
    return needed.sort_values(["n_spins", "left", "error"]).drop_duplicates("n_spins").reset_index(drop=True)


def beside_thesis(thesis: Mapping[int, tuple[int, int]], originals: Mapping[int, tuple[float | None, float | None]],
                  needed: pd.DataFrame, rounds: Sequence[int], text: Callable[..., str]) -> pd.DataFrame:
    """Table 6.1 beside the numbers of the thesis.

    Parameters
    ----------
    thesis : mapping of int to (int, int)
        By length, weights needed without pruning and with it.
    originals : mapping of int to (float or None, float or None)
        Ours without pruning, with errors.
    needed : pandas.DataFrame
        Of `weights_needed`.
    rounds : sequence of int
        Limits of rounds.
    text : callable
        From a value, its error and a format to text.

    Returns
    -------
    pandas.DataFrame
        A column for each length; "not run" where the records do not hold it yet.

    """
    import pandas as pd

    rows = {}
    for n, (dense, left) in thesis.items():
        here = "not run" if originals[n][0] is None else text(*originals[n], ".0f")
        rows[n] = {"thesis: original": dense, "thesis: pruned": left, "here: original": here}
        rows[n] |= {f"here: pruned, {limit} round(s)": "not run" for limit in rounds}
    for one in needed.itertuples():
        learnt = "" if one.learnt == one.machines else f" ({one.learnt} of {one.machines} learnt)"
        rows[one.n_spins][f"here: pruned, {one.prune_rounds} round(s)"] = text(one.left, one.error, ".0f") + learnt
    return pd.DataFrame(rows).rename_axis("spins", axis=1)


def jumps(bounds: Sequence[float], before: float, eps: float) -> np.ndarray:
    """The factors by which single steps of pruning after the first raise (6.2).

    Parameters
    ----------
    bounds : list of float
        (6.2) after each step.
    before : float
        (6.2) before the first.
    eps : float
        Steps count that start within it.

    Returns
    -------
    ndarray of float64
        One for each such step.

    """
    values = np.array([before, *bounds], dtype=float)
    factors = values[1:] / values[:-1]
    return factors[1:][values[1:-1] <= eps]


def all_jumps(runs: Iterable[Mapping], eps: float = EPS) -> np.ndarray:
    """The `jumps` of many machines.

    Parameters
    ----------
    runs : iterable of dict
        Settings and results of `lib.experiments.learning.learning_run`, with prune_updates.
    eps : float, default 0.002
        As of `jumps`.

    Returns
    -------
    ndarray of float64

    """
    parts = [jumps(run["pruned bound"], run["bound"], eps) for run in runs if len(run["pruned bound"])]
    return np.concatenate(parts) if parts else np.array([])
