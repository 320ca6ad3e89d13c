"""From which pruning step on a measure of quality is outside the band in which it fluctuates anyway (figure 7.2).

A machine that is trained on without pruning does not stand still, and neither do machines from other seeds.  The band
of a measure is the prediction interval of one more such value: values x_1 ... x_n of it without pruning, taken as
normal, give mean +- t s sqrt(1 + 1/n), where s is their standard deviation (with n - 1) and t the quantile of
Student's distribution with n - 1 degrees of freedom.  A measure has left its band when several values in a row lie
outside, since one in a hundred does so by chance, and more of a measure that is a square and so has a long tail.  How
often that gives a false alarm chapter 7 counts in machines that are trained on without pruning.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from lib.checks import as_floats, require_count

SIDES = ("above", "below", "both")


def band(values: Sequence[float], *, confidence: float = 0.99) -> tuple[float, float]:
    """The interval (low, high) that holds one more value like these with the given probability.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        At least two finite numbers, taken without pruning.
    confidence : float, default 0.99
        The probability, between 0 and 1.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        For fewer than two values, for values that are not finite, and for a confidence that is not
        between 0 and 1.

    """
    values = _check(values, "values")
    if values.size < 2:
        raise ValueError(f"expected at least 2 values, whose spread makes the band, got {values.size}; try n_control=8")
    if not 0 < confidence < 1:
        raise ValueError(f"expected confidence between 0 and 1, got {confidence!r}; try confidence=0.99")
    quantile = stats.t.ppf((1 + confidence) / 2, values.size - 1)
    half_width = quantile * values.std(ddof=1) * np.sqrt(1 + 1 / values.size)
    return float(values.mean() - half_width), float(values.mean() + half_width)


def first_outside(values: Sequence[float], limits: tuple[float, float], *, side: str = "above",
                  in_a_row: int = 3) -> int | None:
    """The first index from which `in_a_row` values lie outside the band one after another.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        Of one measure after each pruning step.
    limits : (float, float)
        The band (low, high); values on its edge are inside.
    side : {"above", "below", "both"}, default "above"
        "above" asks for values above the band only, as for an error that grows, "below" for those
        below, "both" for any.
    in_a_row : int, default 3
        At least 1.

    Returns
    -------
    int or None
        None where no values do. Near the end of the values fewer than `in_a_row` of them may be
        left: these alone do not count.

    Raises
    ------
    ValueError
        For arguments other than these: try the limits of `band`.

    """
    values = _check(values, "values")
    if side not in SIDES:
        raise ValueError(f"expected side among {', '.join(SIDES)}, got {side!r}; try side='above'")
    require_count("in_a_row", in_a_row)
    low, high = limits
    if not low <= high:
        raise ValueError(f"expected limits (low, high) with low <= high, got {limits}; try band(values)")
    above, below = values > high, values < low
    outside = {"above": above, "below": below, "both": above | below}[side]
    run = 0
    for index, out in enumerate(outside):
        run = run + 1 if out else 0
        if run == in_a_row:
            return index - in_a_row + 1
    return None


def _check(values: Sequence[float], name: str) -> np.ndarray:
    values = as_floats(values, name)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"expected {name} as a list of finite numbers, got {values}; try one number a step")
    return values
