"""Where a curve over widths has its top or bottom, and how sure that is (figure 3.8)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lib.checks import as_floats, require_count


def best_width(widths: ArrayLike, values: ArrayLike, *, n_draws: int = 2000, rng: np.random.Generator) -> np.ndarray:
    """The width of the largest mean value: percentiles over draws of the seeds (bootstrap).

    A draw takes as many seeds as there are, with repetition, and all widths of each.

    Parameters
    ----------
    widths : array_like, shape (n_widths,)
        Of the nets, a column of values each.
    values : array_like, shape (n_seeds, n_widths)
        A row a seed, of at least two seeds.
    n_draws : int, default 2000
        At least 1.
    rng : numpy.random.Generator
        Where the random numbers come from, such as `lib.rng.stream`.

    Returns
    -------
    ndarray of float64, shape (3,)
        The 16th, 50th and 84th percentile of the best width.

    Raises
    ------
    ValueError
        For other shapes (try ``table.pivot(index='seed', columns='width')``), NaN, fewer than two
        seeds, and an rng that is no generator.

    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"expected rng as a random generator, got {rng!r}; try rng=lib.rng.stream(1, 'best width')")
    widths, values = as_floats(widths, "widths", finite=True), as_floats(values, "values")
    if widths.ndim != 1 or values.ndim != 2 or values.shape[1] != len(widths) or len(values) < 2:
        raise ValueError("expected values with a row for each of at least two seeds and a column for each width, got "
                         f"{values.shape} for {widths.shape} widths; try table.pivot(index='seed', columns='width')")
    if not np.isfinite(values).all():
        raise ValueError("expected finite values, got NaN or infinity; try the seeds that have all widths")
    draws = rng.integers(0, len(values), (require_count("n_draws", n_draws), len(values)))
    winners = widths[values[draws].mean(1).argmax(1)]  # draw seed width -> draw width -> draw
    return np.percentile(winners, [16, 50, 84])


def closest_width(widths: ArrayLike, distances: ArrayLike) -> float:
    """The width of the smallest distance.

    It is that of a parabola in ln(width) through the smallest distance and its neighbours.

    Parameters
    ----------
    widths : array_like, shape (n_widths,)
        At least three, increasing from above 0.
    distances : array_like, shape (n_widths,)
        One a width.

    Returns
    -------
    float
        Where the smallest distance is the first or the last, that width as it is.

    Raises
    ------
    ValueError
        For other shapes and widths that do not increase from above 0: try
        ``table.sort_values('width')``.

    """
    widths, distances = as_floats(widths, "widths"), as_floats(distances, "distances")
    if widths.ndim != 1 or widths.shape != distances.shape or len(widths) < 3 or not (np.diff(widths) > 0).all() \
            or not widths[0] > 0 or not np.isfinite(distances).all():
        raise ValueError("expected at least three increasing widths above 0 and a finite distance for each, got "
                         f"shapes {widths.shape} and {distances.shape}; try table.sort_values('width')")
    lowest = int(distances.argmin())
    if lowest in (0, len(widths) - 1):
        return float(widths[lowest])
    around = slice(lowest - 1, lowest + 2)
    bend, slope, _ = np.polyfit(np.log(widths[around]), distances[around], 2)
    return float(np.exp(-slope / (2 * bend)))
