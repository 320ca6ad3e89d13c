"""Does the smallest distance of a kernel name the best width?  Trained networks and distances compared (figure 3.8).

Accuracies come by seed and width, as tables (seeds, widths) in percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lib import rng as streams
from lib.kernels import optimum, printed

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


class Choices(NamedTuple):
    """What records of accuracies and distances say, by normalization; `by_record` makes it."""

    main: pd.DataFrame  # networks at the published rates
    curves: pd.DataFrame  # their mean accuracy, its error and number, by normalization, dense and width
    theory: pd.DataFrame  # distances, with the printed one, and whether the last layer is taken off the first
    summary: dict[str, dict[str, float]]  # `compared`, where both records are complete
    exact: dict[str, pd.Series]  # exact distances by width
    tuned: dict[str, pd.DataFrame]  # `at_tuned_rates`
    edges: dict[str, int]
    shortfall: dict[tuple[str, str], tuple[float, float | None]]  # at the smallest distance, "published" and "tuned"


def by_record(nets: pd.DataFrame, theory: pd.DataFrame, published: pd.Series, widths: Sequence[int], n_seeds: int,
              n_scanned: int, seed: int) -> Choices:
    """Compare accuracies and distances of records that may not be complete.

    Parameters
    ----------
    nets : pandas.DataFrame
        A row a network: normalization, dense, width, learning_rate, seed, state, final (a share).
    theory : pandas.DataFrame
        A row a distance: normalization, distribution, n_first, width, connectivity, state, exact.
    published : pandas.Series
        Rates by dense and width.
    widths : sequence of int
        Those of sparse networks; the last one is not scanned.
    n_seeds, n_scanned : int
        Networks of each width, at the published rates and at others.
    seed : int
        Draws seeds, for errors of the best width.

    Returns
    -------
    Choices

    """
    done = nets[nets.state == "valid"].assign(accuracy=100 * nets.final)
    done = done.join(published.rename("published"), on=["dense", "width"])
    main = done[done.learning_rate == done.published]
    theory = theory[theory.state == "valid"].assign(left=theory.n_first == 6352 - 10 * theory.width)
    theory["printed"] = [sum(printed.distance(width, 784, p)) for width, p in zip(theory.width, theory.connectivity)]
    curves = main.groupby(["normalization", "dense", "width"]).accuracy.agg(["mean", "sem", "size"])
    found = Choices(main, curves, theory, {}, {}, {}, {}, {})
    for how in nets.normalization.unique():
        these = main.query("normalization == @how and not dense")
        rows = theory.query("normalization == @how and distribution == 'normal' and left").sort_values("width")
        if these.groupby("width").size().eq(n_seeds).sum() < len(widths) or len(rows) < 4:
            continue
        exact, by_seed = rows.set_index("width").exact, these.pivot(index="seed", columns="width", values="accuracy")
        found.exact[how] = exact
        found.summary[how] = compared(by_seed, exact, rng=streams.stream(seed, "best", how))
        found.shortfall[how, "published"] = shortfall(by_seed, exact.idxmin())
        asked = nets.query("normalization == @how and not dense and seed <= @n_scanned")
        if asked.state.isin(["valid", "failed"]).all():
            scanned = done.query("normalization == @how and not dense and seed <= @n_scanned")
            found.tuned[how], found.edges[how] = at_tuned_rates(scanned[scanned.width < widths[-1]])
            found.shortfall[how, "tuned"] = shortfall(found.tuned[how], exact.idxmin())
    return found


class Peak(NamedTuple):
    """How far the best width lies above the ends of a record, at the published rates; None where it is not complete.

    Attributes
    ----------
    gain : tuple of float or None
        `shortfall` of the better end.
    highest, narrow : float or None
        Mean accuracy of the best width, and of the narrow end.

    """

    gain: tuple[float | None, float | None]
    highest: float | None
    narrow: float | None


def peak(record: Choices, normalization: str, ends: tuple[int, int]) -> Peak:
    """Compare the best width of sparse networks with a narrow and a wide one.

    Parameters
    ----------
    record : Choices
        Of `by_record`.
    normalization : str
        Whose networks.
    ends : tuple of int
        The narrow width and the wide one.

    Returns
    -------
    Peak

    """
    if normalization not in record.summary:
        return Peak((None, None), None, None)
    these = record.main.query("normalization == @normalization and not dense")
    by_seed = these.pivot_table(index="seed", columns="width", values="accuracy")
    gain = min((shortfall(by_seed, width) for width in ends), key=lambda loss: loss[0])
    return Peak(gain, by_seed.mean().max(), by_seed[ends[0]].mean())


class Theory(NamedTuple):
    """Distances of one normalization beside the printed formula, the proxy of the infinite net, and uniform weights.

    Attributes
    ----------
    printed : tuple of float or None
        Measured over printed (3.29), mean over the widths that are looked at, with its error; None without them.
    excess : tuple of float or None
        By how many percent the printed one lies above the measured one there, least and most.
    proxy : float or None
        Largest relative change by a wide dense net in place of the infinite one, widths 9 to 599.
    uniform : float or None
        Mean ratio of 9 times the distance with uniform weights and that with normal ones, at the same widths.

    """

    printed: tuple[float | None, float | None]
    excess: tuple[float | None, float | None]
    proxy: float | None
    uniform: float | None


def theory(distances: pd.DataFrame, normalization: str, widths: Sequence[int]) -> Theory:
    """Compare measured distances with what should be the same, where there are any.

    Parameters
    ----------
    distances : pandas.DataFrame
        `Choices.theory`, with measured, measured_error and measured_proxy.
    normalization : str
        Whose distances.
    widths : sequence of int
        Where the printed formula is looked at.

    Returns
    -------
    Theory

    """
    used = distances[(distances.normalization == normalization) & (distances.distribution == "normal")
                     & distances.left].set_index("width")
    uniform = distances[distances.distribution == "uniform"].set_index("width")
    some = used.loc[[width for width in widths if width in used.index]]
    usual = used.index[(used.index > 8) & (used.index < 600)]
    ratio, excess = some.measured / some.printed, 100 * (some.printed / some.measured - 1)
    there = len(some) > 0
    return Theory(
        (ratio.mean(), (some.measured_error / some.printed).mean()) if there else (None, None),
        (excess.min(), excess.max()) if there else (None, None),
        (used.measured_proxy / used.measured - 1).abs()[usual].max() if len(usual) else None,
        (9 * uniform.measured / used.measured).loc[usual].mean() if len(uniform) and len(used) else None)


def beside_width(record: Choices, normalization: str, width: int) -> dict[str, tuple | float | None]:
    """What a width loses at tuned rates, where those have their best one, and how far its kernel is from the limit.

    Parameters
    ----------
    record : Choices
        Of `by_record`.
    normalization : str
        Whose networks.
    width : int
        Of the record.

    Returns
    -------
    dict of str
        "loss": accuracy lost against the best width, with its error.  "best": that width.  "far": the distance over the
        smallest one.  All None where the record is not complete.

    """
    table, exact = record.tuned.get(normalization), record.exact.get(normalization)
    if table is None:
        return {"loss": (None, None), "best": None, "far": None}
    return {"loss": shortfall(table, width), "best": table.mean().idxmax(), "far": exact[width] / exact.min()}
