"""What searches for the smallest machine have found, at all lengths and fields (chapter 6, figures 6.1 and 6.2).

Functions that return a dict give (value, standard error) by name: the error is None where there is none, and the value
is None where the tables do not hold it yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from lib.checks import as_array
from lib.rbm import quality
from lib.rbm.learning_thresholds import Interval, half_point

if TYPE_CHECKING:
    import pandas as pd  # of the book

EPS = 0.002  # the bound of the records
#: What searches that are pooled have in common, and what they tell of each machine.
SETTINGS = ("model", "parameter", "n_spins", "field", "eps", "n_samples", "n_seeds", "seed", "n_updates",
            "learning_rate")
TRIED = ("tried hidden", "tried seed", "tried bound", "tried corrected", "tried learnt")
Numbers = dict[str, tuple[float | None, float | None]]


def known(value: float | None, error: float | None = None) -> tuple[float | None, float | None]:
    """A value and its error, each None where it is missing or not finite.

    Parameters
    ----------
    value, error : float or None
        Numbers of a table.

    Returns
    -------
    tuple of (float or None, float or None)

    """
    value, error = (None if one is None or not np.isfinite(one) else float(one) for one in (value, error))
    return value, error if value is not None else None


def pooled(runs: Iterable[Mapping]) -> list[dict]:
    """One search of several that differ only in the sizes where they begin and end.

    Larger machines need not be better ones where all have the same number of updates, and then a search may step over
    the sizes that are enough, which another that begins in between finds. The smallest of several is a lucky one where
    shares rise slowly; `minimal` gives the interval that is left.

    Parameters
    ----------
    runs : iterable of dict
        Settings and results of `lib.experiments.learning.minimal_hidden`.

    Returns
    -------
    list of dict
        In the order of the first of each kind, with the smallest number that any of them found and the machines of all,
        each once (those of one size and seed are the same).

    """
    kinds: dict[tuple, list[Mapping]] = {}
    for run in runs:
        kinds.setdefault(tuple((name, run[name]) for name in SETTINGS if name in run), []).append(run)
    merged = []
    for several in kinds.values():
        rows = {}
        for run in several:
            for row in zip(*(run[name] for name in TRIED if name in run), strict=True):
                rows.setdefault(row[:2], row)
        columns = zip((name for name in TRIED if name in several[0]), zip(*rows.values(), strict=True), strict=True)
        smallest = [run["smallest"] for run in several if np.isfinite(known(run["smallest"])[0] or np.nan)]
        merged.append({**several[0], **{name: list(column) for name, column in columns},
                       "smallest": min(smallest, default=None)})
    return merged


def rising(run: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """The machines of a search up to the largest size that was enough, and one without hidden units.

    Beyond, where the number of updates is no longer enough, the share of machines that learn may fall again.

    Parameters
    ----------
    run : dict
        Results of `lib.experiments.learning.minimal_hidden`, or of `pooled`.

    Returns
    -------
    sizes, outcomes : ndarray, shape (n_machines + 1,)
        The last has no hidden units, and has learnt nothing. All machines, where no size was enough.

    """
    tried, learnt = as_array(run["tried hidden"], "tried hidden"), as_array(run["tried learnt"], "tried learnt")
    enough = [size for size in np.unique(tried) if learnt[tried == size].mean() >= 0.5]
    inside = tried <= max(enough, default=np.inf)
    return np.append(tried[inside], 0), np.append(learnt[inside], 0)


def minimal(run: Mapping) -> Interval:
    """The smallest number of hidden units that a search found, and an interval.

    The ends are those of `half_point` over its `rising` machines, rounded up, as hidden units come
    in ones; they take in the value. That supposes a threshold, beyond which machines learn more and
    more often. Where there is none to be seen, the interval is wider: from the smallest size with
    any machine that learnt to the smallest from which on all sizes that were tried were enough.

    Parameters
    ----------
    run : dict
        Results of `lib.experiments.learning.minimal_hidden`, or of `pooled`.

    Returns
    -------
    Interval
        Where nothing was found, value and upper end are infinite, and the lower end is the largest
        size below which, and with which, no machine learnt.

    """
    sizes, outcomes = rising(run)
    shares = {size: outcomes[sizes == size].mean() for size in np.unique(sizes)}
    first = min((size for size, share in shares.items() if share > 0), default=np.inf)
    if run["smallest"] is None or np.isnan(run["smallest"]):
        return Interval(np.inf, float(max(size for size in shares if size < first)), np.inf)
    last = max(size for size, share in shares.items() if share < 0.5)
    value, found = float(run["smallest"]), half_point(sizes, outcomes)
    sure = min(size for size in shares if size > last)
    return Interval(value, float(min(value, np.ceil(found.low), first)), float(max(value, np.ceil(found.high), sure)))


def saved(run: Mapping, n_seeds: int) -> float:
    """How many machines a scan of all sizes would train for each that the search has trained.

    Parameters
    ----------
    run : dict
        Results of `lib.experiments.learning.minimal_hidden`.
    n_seeds : int
        Machines of a size.

    Returns
    -------
    float
        The scan goes up to the size that was found.

    """
    return float(run["smallest"] * n_seeds / len(run["tried hidden"]))


def search_table(runs: Iterable[Mapping]) -> pd.DataFrame:
    """A row for each search.

    Parameters
    ----------
    runs : iterable of dict
        Settings and results of `lib.experiments.learning.minimal_hidden`.

    Returns
    -------
    pandas.DataFrame
        With columns n_spins, field, eps, hidden, low, high, error, largest, machines, saved. The
        error is half the interval of `minimal`, but at least that of rounding to whole units,
        1 / sqrt(12); largest is the largest size that was tried. hidden is infinite where nothing
        was found, and then error and saved are missing.

    """
    import pandas as pd

    rows = []
    for run in runs:
        hidden, low, high = minimal(run)
        found = np.isfinite(hidden)
        rows.append({"n_spins": run["n_spins"], "field": run["field"], "eps": run["eps"], "hidden": hidden, "low": low,
                     "high": high, "error": max((high - low) / 2, 12**-0.5) if found else np.nan,
                     "largest": max(run["tried hidden"]), "machines": len(run["tried hidden"]),
                     "saved": saved(run, run["n_seeds"]) if found else np.nan})
    columns = ("n_spins", "field", "eps", "hidden", "low", "high", "error", "largest", "machines", "saved")
    return pd.DataFrame(rows, columns=columns).sort_values(["eps", "field", "n_spins"], ignore_index=True)


def procedure(usual: pd.DataFrame, longer: pd.DataFrame, *, half: int) -> Numbers:
    """Of machines of one length: where half of them learn, how good smaller ones are, what the energy does not see.

    Parameters
    ----------
    usual, longer : pandas.DataFrame
        Machines of `lib.experiments.learning.learning_run` by the one recipe, and trained longer.
    half : int
        Half of the spins.

    Returns
    -------
    dict
        "half", "half low", "half high": `half_point`, the error half the interval; "first", fewest
        units of a machine that learnt; "below" and "longer below", the lowest bounds with fewer than `half`; "blind",
        mean error of the size of the magnetization of machines that learnt, "blind worst", "blind noise", the standard
        error of one, "blind rms", the root mean square less that; "chance", the part of the bound that is statistical.

    """
    passed = (usual.bound <= EPS).astype(int)
    point = half_point(usual.n_hidden, passed) if len(usual) else Interval(np.nan, np.nan, np.nan)
    inside = usual[passed == 1]
    blind = inside["abs m error"]
    chance = (inside["mROE"] - blind) / quality.DEVIATIONS
    # A machine without an error shows that of its samples.
    rms = np.sqrt(max(0.0, (blind**2 - chance**2).mean())) if len(blind) else None
    statistical = ((inside.bound - inside["energy error"]) / EPS).median()
    return {"half": known(point.value, (point.high - point.low) / 2), "half low": known(point.low),
            "half high": known(point.high), "first": known(inside.n_hidden.min()),
            "below": known(usual.bound[usual.n_hidden < half].min()),
            "longer below": known(longer.bound[longer.n_hidden < half].min()),
            "blind": known(blind.mean()), "blind worst": known(blind.max()), "blind noise": known(chance.mean()),
            "blind rms": known(rms), "chance": known(statistical)}


def in_words(row: pd.Series | None) -> str:
    """What a search found, for a table of text.

    Parameters
    ----------
    row : pandas.Series or None
        Of `search_table`.

    Returns
    -------
    str
        The number; "> 50" where nothing up to 50 was enough; "not searched" for None.

    """
    if row is None:
        return "not searched"
    return f"{row.hidden:.0f}" if np.isfinite(row.hidden) else f"> {row.largest:.0f}"


def prior_moves(runs: Iterable[Mapping]) -> pd.DataFrame:
    """How far half points move where the prior allows for thresholds as wide as the range that was tried.

    Parameters
    ----------
    runs : iterable of dict
        Settings and results of `lib.experiments.learning.minimal_hidden`.

    Returns
    -------
    pandas.DataFrame
        field and units, a row for each search that found something.

    """
    import pandas as pd

    rows = []
    for run in runs:
        if np.isfinite(minimal(run).value):
            ours, flat = half_point(*rising(run)), half_point(*rising(run), widest=1.0)
            rows.append((run["field"], abs(flat.value - ours.value)))
    return pd.DataFrame(rows, columns=["field", "units"])
