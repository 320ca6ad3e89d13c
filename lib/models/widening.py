"""Tables of what width does at a fixed number of weights: layers, costs, accuracies of small networks (chapter 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lib.models import resnet
from lib.pruning import distribution

if TYPE_CHECKING:
    import pandas as pd  # of the book

#: The dense network whose number of weights all others of figure 3.5 have: width, connectivity of the last layer.
BASELINE = (5, 1.0)


class Maximum(NamedTuple):
    """The best cell of a map of accuracies; in percent, NaN where there is nothing, errors over the seeds.

    Attributes
    ----------
    width : float
        Of the best cell.
    share : float
        The connectivity of its last layer.
    best, best_error : float
        Its accuracy.
    chosen : float
        The same at an epoch chosen on other images.
    final : float
        The highest accuracy after the last epoch.
    baseline, baseline_error : float
        The accuracy of `BASELINE`.
    below, below_error : float
        What is lost at the best cell of some widths.

    """

    width: float
    share: float
    best: float
    best_error: float
    chosen: float
    final: float
    baseline: float
    baseline_error: float
    below: float
    below_error: float


def thinned(base: resnet.Architecture, factors: Iterable[float]) -> pd.DataFrame:
    """How many weights each layer of a widened network keeps by water-filling (Fig. F.1).

    Parameters
    ----------
    base : Architecture
        Whose number of weights all have.
    factors : iterable of float
        By which it is widened.

    Returns
    -------
    pandas.DataFrame
        width, number (of the layer, from 1), layer, dense, left, connectivity.

    """
    import pandas as pd

    tables = []
    for factor in factors:
        wide = resnet.widened(base, factor)
        layers, left = resnet.layers(wide), resnet.sparse_counts(base, factor)
        sizes = [layer.n_weights for layer in layers]
        tables.append(pd.DataFrame({
            "width": wide.width, "number": np.arange(len(layers)) + 1, "layer": [layer.name for layer in layers],
            "dense": sizes, "left": left, "connectivity": distribution.connectivity(sizes, left)}))
    return pd.concat(tables, ignore_index=True)


def multiply_adds(base: resnet.Architecture, factors: Iterable[float]) -> pd.DataFrame:
    """What these networks cost to compute, beside dense ones of their width.

    Parameters
    ----------
    base : Architecture
        Whose number of weights all have.
    factors : iterable of float
        By which it is widened.

    Returns
    -------
    pandas.DataFrame
        factor, sparse, dense (10^6 multiply-adds an image).

    """
    import pandas as pd

    found = []
    for factor in factors:
        wide, left = resnet.widened(base, factor), resnet.sparse_counts(base, factor)
        found.append((factor, resnet.multiply_adds(wide, remaining=left) / 1e6, resnet.multiply_adds(wide) / 1e6))
    return pd.DataFrame(found, columns=["factor", "sparse", "dense"])


def maximum(nets: pd.DataFrame, activation: str, widths: Sequence[int]) -> Maximum:
    """The best cell of networks of one kind, and what is lost at some widths (Fig. 3.5).

    Parameters
    ----------
    nets : pandas.DataFrame
        activation, width, last_connectivity, best, chosen, final (shares of images); a row a network.
    activation : str
        Of the networks that count.
    widths : sequence of int
        Where it might have been.

    Returns
    -------
    Maximum
        Errors are NaN for one seed.

    """
    cells = nets[nets.activation == activation].groupby(["width", "last_connectivity"])
    means, errors = cells[["best", "chosen", "final"]].mean(), 100 * cells.best.sem()
    if means.empty:
        return Maximum(*[np.nan] * len(Maximum._fields))
    top = means.best.idxmax()
    nearby = means.best[means.index.get_level_values("width").isin(widths)]
    close = top if nearby.empty else nearby.idxmax()
    apart = np.hypot(errors[top], errors[close]) if close != top else np.nan
    return Maximum(*top, 100 * means.best[top], errors[top], 100 * means.chosen[top], 100 * means.final.max(),
                   100 * means.best.get(BASELINE, np.nan), errors.get(BASELINE, np.nan),
                   100 * (means.best[close] - means.best[top]), apart)


def spread_of_best(nets: pd.DataFrame, activation: str, widths: Sequence[int]) -> tuple[float, float]:
    """How far the best cells of some widths lie apart, and the typical error of one of them.

    Parameters
    ----------
    nets, activation
        As for `maximum`.
    widths : sequence of int
        Those that are compared.

    Returns
    -------
    spread, error : float
        In percent; NaN without networks, or seeds.

    """
    cells = nets[(nets.activation == activation) & nets.width.isin(widths)].groupby(["width", "last_connectivity"])
    if not len(cells):
        return np.nan, np.nan
    best = cells.best.mean().groupby("width").agg(["max", "idxmax"])
    return 100 * (best["max"].max() - best["max"].min()), \
        100 * cells.best.sem().reindex(best["idxmax"]).pow(2).mean() ** 0.5


def gains(nets: pd.DataFrame, activation: str, base: int, wider: int) -> dict[str, tuple[float, float]]:
    """What width alone gives, and what width and weights give together, seed by seed on the same images.

    Parameters
    ----------
    nets : pandas.DataFrame
        activation, dense, width, seed, last_connectivity, chosen (shares of images); a row a network.
    activation : str
        Of the networks that count, those with a whole last layer.
    base, wider : int
        Widths.

    Returns
    -------
    dict of str to (float, float)
        "base" (accuracy), "gain", "dense gain" and "part" (of the two gains), in percent, each with its error; that of
        the ratio to first order.

    """
    whole = nets[(nets.activation == activation) & (nets.last_connectivity == 1.0)]
    accuracy = 100 * whole.set_index(["dense", "width", "seed"]).sort_index().chosen
    start = accuracy[False, base]
    gain, dense_gain = accuracy[False, wider] - start, accuracy[True, wider] - start
    part = gain.mean() / dense_gain.mean()
    error = (gain - part * dense_gain).sem() / abs(dense_gain.mean())
    return {"base": (start.mean(), start.sem()), "gain": (gain.mean(), gain.sem()),
            "dense gain": (dense_gain.mean(), dense_gain.sem()), "part": (100 * part, 100 * error)}
