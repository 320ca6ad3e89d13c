"""Does the smallest distance of a kernel name the best width?  Trained networks and distances compared (figure 3.8).

Accuracies come by seed and width, as tables (seeds, widths) in percent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lib.kernels import optimum

if TYPE_CHECKING:
    import pandas as pd  # of the book


def at_tuned_rates(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Accuracy by seed and width at the learning rate that the other seeds prefer.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a network: seed, width, learning_rate, published (the rate that is the unit), accuracy (missing where
        training diverged; such a rate is not considered).

    Returns
    -------
    accuracies : pandas.DataFrame
        A row a seed, a column a width.
    n_edges : int
        At how many widths the best rate of all seeds is the smallest or the largest.

    """
    import pandas as pd

    rates = table.assign(factor=(table.learning_rate / table.published).round(1))
    by_rate = rates.pivot_table(index="seed", columns=["width", "factor"], values="accuracy").dropna(axis=1)
    means = by_rate.mean().unstack("factor")
    edge = means.idxmax(axis=1).isin([means.columns.min(), means.columns.max()]).sum()
    rows = {}
    for number in by_rate.index:
        others = by_rate.drop(index=number).mean().unstack("factor").idxmax(axis=1)
        rows[number] = {width: by_rate.loc[number, (width, others[width])] for width in others.index}
    return pd.DataFrame(rows).T.sort_index(axis=1), edge


def compared(accuracies: pd.DataFrame, distances: pd.Series, *, rng: np.random.Generator) -> dict[str, float]:
    """The best width beside that of the smallest distance.

    Parameters
    ----------
    accuracies : pandas.DataFrame
        A row a seed, a column a width.
    distances : pandas.Series
        By width.
    rng : numpy.random.Generator
        Draws seeds.

    Returns
    -------
    dict of str to float
        low, best, high (`optimum.best_width`), closest (`optimum.closest_width`), nearest (the width that was trained
        with the smallest distance), rank (correlation of distance and error).

    """
    low, best, high = optimum.best_width(list(accuracies.columns), accuracies, rng=rng)
    rank = distances.corr(-accuracies.mean(), method="spearman")
    return {"low": low, "best": best, "high": high, "closest": optimum.closest_width(distances.index, distances),
            "nearest": distances.idxmin(), "rank": rank}


def shortfall(accuracies: pd.DataFrame, width: float) -> tuple[float, float | None]:
    """How much accuracy a width loses against the best one, seed by seed.

    Parameters
    ----------
    accuracies : pandas.DataFrame
        A row a seed, a column a width.
    width : float
        One of them.

    Returns
    -------
    mean, error : float
        The error is None where the width is the best one.

    """
    difference = accuracies[accuracies.mean().idxmax()] - accuracies[width]
    return difference.mean(), difference.sem() or None
