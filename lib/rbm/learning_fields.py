"""What searches for the smallest machine say of several fields: where most units are needed, and how many more.

Functions that return a dict give (value, standard error) by name, as those of `lib.rbm.learning_searches`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.rbm.learning_searches import EPS, Numbers, known

if TYPE_CHECKING:
    import pandas as pd  # of the book


def compared(found: pd.DataFrame, first: float, second: float) -> Numbers:
    """Hidden units needed at one field less those at another, longest chain that has both.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `search_table`.
    first, second : float
        The fields.

    Returns
    -------
    dict
        "difference" and "n_spins".

    """
    both = found[(found.eps == EPS) & found.field.isin([first, second]) & np.isfinite(found.hidden)]
    counts = both.groupby("n_spins").field.nunique()
    longest = max(counts[counts == 2].index, default=None)
    if longest is None:
        return {"difference": (None, None), "n_spins": (None, None)}
    at = both[both.n_spins == longest].set_index("field")
    return {"difference": known(at.hidden[first] - at.hidden[second], np.hypot(at.error[first], at.error[second])),
            "n_spins": known(longest)}


def peak(found: pd.DataFrame, n_spins: int, *, least: int = 5) -> list[float]:
    """The fields at which most hidden units may be needed, as far as the intervals of the searches tell.

    Those whose interval reaches the largest of the lower ends. Where nothing was enough, the lower end is the largest
    size up to which no machine learnt, and the upper one infinite: such fields always are among them.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `search_table`, one kind of measurements.
    n_spins : int
        Length of the chain.
    least : int, default 5
        Fewer fields tell of no peak.

    Returns
    -------
    list of float
        In rising order; empty for too few fields.

    """
    rows = found[(found.n_spins == n_spins) & (found.eps == EPS)].sort_values("field")
    return rows.field[rows.high >= rows.low.max()].tolist() if len(rows) >= least else []


def middle(fields: Sequence[float], expected: float, near: float) -> tuple[float | None, bool]:
    """What is said of a peak that lies at one of several fields.

    Parameters
    ----------
    fields : sequence of float
        Of `peak`.
    expected, near : float
        Where the peak is looked for, and how far from there it may be.

    Returns
    -------
    value : float or None
        The middle of the lowest and the highest of the fields; None where there are none.
    told : bool
        Whether all of the fields, or none, are near enough.

    """
    inside = {bool(abs(field - expected) < near + 1e-9) for field in fields}
    return (fields[0] + fields[-1]) / 2 if fields else None, len(inside) == 1


def apart(first: pd.DataFrame, second: pd.DataFrame) -> tuple[float | None, float | None, str]:
    """Hidden units that one search needs less those of another, where one of them may have found nothing.

    Parameters
    ----------
    first, second : pandas.DataFrame
        Of `search_table`, one row each, or none.

    Returns
    -------
    value, error : float or None
        The difference and its error; where a search found nothing, the largest size up to which no machine learnt
        stands for its number. None where both found nothing, or one was not made.
    words : str
        "" for a difference, "at least" or "at most" where a search found nothing, and "unknown".

    """
    if len(first) != 1 or len(second) != 1:
        return None, None, "unknown"
    one, other = first.iloc[0], second.iloc[0]
    words = {(True, True): "", (False, True): "at least", (True, False): "at most"}.get(
        (bool(np.isfinite(one.hidden)), bool(np.isfinite(other.hidden))), "unknown")
    if words == "unknown":
        return None, None, words
    value = (one.low if words == "at least" else one.hidden) - (other.low if words == "at most" else other.hidden)
    return (*known(value, np.hypot(*np.nan_to_num([one.error, other.error]))), words)


def reach(found: pd.DataFrame, column: str, value: float) -> str:
    """How far searches go, in words: the longest chain at a field, or at a bound at the critical point.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `search_table`.
    column : {"field", "eps"}
        What is named; the other is the critical field 1, or `EPS`.
    value : float
        Its value.

    Returns
    -------
    str
        "full" for the 100 spins of the thesis.

    """
    wanted = {"field": 1.0, "eps": EPS} | {column: value}
    rows = found[(found.field == wanted["field"]) & (found.eps == wanted["eps"]) & np.isfinite(found.hidden)]
    most = int(rows.n_spins.max()) if len(rows) else 0
    return "full" if most == 100 else f"N to {most} (thesis to 100)"


def alike(found: pd.DataFrame, fields: Sequence[float]) -> Numbers:
    """The largest difference between fields of hidden units needed, longest chain that has all of them.

    Parameters
    ----------
    found : pandas.DataFrame
        Of `search_table`.
    fields : sequence of float
        Which.

    Returns
    -------
    dict
        "spread", with the error of the two numbers, and "n_spins".

    """
    rows = found[(found.eps == EPS) & found.field.isin(fields) & np.isfinite(found.hidden)]
    rows = rows[rows.groupby("n_spins").field.transform("nunique") == len(fields)]
    if not len(rows):
        return {"spread": (None, None), "n_spins": (None, None)}
    longest = rows[rows.n_spins == rows.n_spins.max()].sort_values("hidden")
    least, most = longest.iloc[0], longest.iloc[-1]
    return {"spread": known(most.hidden - least.hidden, np.hypot(least.error, most.error)),
            "n_spins": known(most.n_spins)}
