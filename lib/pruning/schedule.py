"""How many weights are left after each step of iterative pruning (section 7.3).

A schedule is data: a list with the number of weights left after each step.  The thesis removes 40% of all weights in
the first step and 5% of those that remain in every later one; 162 weights then give 97, 92, 87, 83, ...

A step removes its fraction of the weights that remain, rounded to the nearest integer and a half upwards, but at
least one weight.  A fraction counts as the decimal number that it is written as: 0.05 is 1/20, so that a half is
recognized.  A step with the fraction 0 removes none.
"""

import math
from collections.abc import Iterable
from fractions import Fraction

from lib.checks import is_integer, is_real, require_count


def steps(first: float, then: float, n_steps: int) -> list[float]:
    """The fractions of a schedule that begins with a larger step (section 7.3).

    Parameters
    ----------
    first, then : float
        Fractions of the weights that remain, in [0, 1): `first` once, then `then`.
    n_steps : int
        How many in all, at least 0.

    Returns
    -------
    list of float

    Raises
    ------
    ValueError
        For arguments other than these.

    """
    require_count("n_steps", n_steps, 0, hint="n_steps=32")
    _check_fraction(first, "first")
    _check_fraction(then, "then")
    return [first, *[then] * (n_steps - 1)] if n_steps else []


def weights_left(n_weights: int, fractions: Iterable[float]) -> list[int]:
    """The number of weights left after each step, rounded as the module's text says.

    Parameters
    ----------
    n_weights : int
        Before the first step, at least 1.
    fractions : iterable of float
        Of the remaining weights, one a step, each in [0, 1).

    Returns
    -------
    list of int
        One a step.

    Raises
    ------
    ValueError
        For a fraction outside [0, 1), and where a step would remove a weight and none is left: try
        fewer fractions.

    """
    left, counts = _check_weights(n_weights), []
    _check_list(fractions, "fractions", "[0.4, 0.05]")
    for step, fraction in enumerate(fractions, start=1):
        _check_fraction(fraction, f"the fraction of step {step}")
        if fraction > 0:
            if left == 0:
                raise ValueError(f"expected at most {step - 1} steps, after which none of {n_weights} weights is left, "
                                 f"got a step {step} that asks for more; try {step - 1} fractions")
            left -= max(1, math.floor(Fraction(repr(float(fraction))) * left + Fraction(1, 2)))
        counts.append(left)
    return counts


def check_schedule(n_weights: int, left: Iterable[int]) -> list[int]:
    """The schedule as a list of int.

    Parameters
    ----------
    n_weights : int
        Those that exist before its first step, at least 1.
    left : iterable of int
        Weights left after each step.

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        Naming the step that asks for more weights than there are, or for a negative number: try
        `weights_left`.

    """
    before, counts = _check_weights(n_weights), []
    _check_list(left, "the weights left after each step", f"[{n_weights // 2}]")
    for step, count in enumerate(left, start=1):
        if not is_integer(count) or not 0 <= count <= before:
            raise ValueError(f"expected an integer from 0 to {before}, the weights that there are before step {step}, "
                             f"got {count!r}; try weights_left({n_weights}, [0.4, 0.05])")
        before = int(count)
        counts.append(before)
    return counts


def _check_list(values: object, what: str, example: str) -> None:
    if not isinstance(values, Iterable):
        raise ValueError(f"expected {what} as a list, one number a step, got {values!r}; try {example}")


def _check_weights(n_weights: int) -> int:
    require_count("n_weights", n_weights, hint="n_visible * n_hidden")
    return int(n_weights)


def _check_fraction(fraction: float, what: str) -> None:
    if not is_real(fraction) or not 0 <= fraction < 1:  # NaN is not >= 0
        raise ValueError(f"expected {what} in [0, 1), got {fraction!r}; try 0.05 for 5 percent of the weights that "
                         "remain")
