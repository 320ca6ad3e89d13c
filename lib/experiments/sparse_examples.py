"""What page 3.5 computes around points of figure 3.8 in every build: a table of distances, and published rates.

They have no versions, since nothing is kept of them but with the code that made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.experiments import kernel_distance, subset
from lib.kernels import printed

if TYPE_CHECKING:
    import pandas as pd  # of the book


def published_rate(width: int, dense: bool, factor: float = 1.0) -> float:
    """The learning rate of the published code (`subset.RATES`), between its widths by straight lines.

    Parameters
    ----------
    width : int
        Hidden units.
    dense : bool
        Whether all weights exist.
    factor : float, default 1
        What the rate is multiplied by, rounded before and after to a tenth.

    Returns
    -------
    float

    """
    rates = subset.RATES["dense" if dense else "sparse"]
    rate = round(float(np.interp(width, list(rates), list(rates.values()))), 1)
    return rate if factor == 1 else round(rate * factor, 1)


def published_rates(widths: Sequence[int]) -> pd.Series:
    """`published_rate` of sparse and dense networks.

    Parameters
    ----------
    widths : sequence of int
        Hidden units.

    Returns
    -------
    pandas.Series
        By dense and width.

    """
    import pandas as pd

    rates = {(dense, width): published_rate(width, dense) for dense in (False, True) for width in widths}
    return pd.Series(rates).rename_axis(["dense", "width"])


def distance_table(data: str, normalization: str, widths: Sequence[int], base_weights: int, last_layer: int,
                   **settings) -> pd.DataFrame:
    """`kernel_distance` at several widths of normal weights, beside the distance as printed (3.29).

    Parameters
    ----------
    data, normalization : str
        As in `kernel_distance`.
    widths : sequence of int
        Hidden units, from 8.
    base_weights : int
        Weights of the first layer at width 8; no layer gets more than it has.
    last_layer : int
        Weights a further hidden unit takes off the first layer.
    settings
        n_pairs, n_starts, n_masks and seed of `kernel_distance`.

    Returns
    -------
    pandas.DataFrame
        width, what `kernel_distance` returns, printed, data, normalization, last_layer.

    """
    import pandas as pd

    rows, d = [], kernel_distance.inputs(data, normalization).shape[1]
    for n in widths:
        n_first = min(base_weights - last_layer * (n - 8), n * d)
        point = kernel_distance.kernel_distance(data=data, normalization=normalization, width=n, n_first=n_first,
                                                distribution="normal", proxy_width=0, **settings)
        rows.append({"width": n, **point, "printed": sum(printed.distance(n, d, point["connectivity"]))})
    return pd.DataFrame(rows).assign(data=data, normalization=normalization, last_layer=last_layer)


def typical_score(table: pd.DataFrame) -> tuple[float, int]:
    """How far measured distances are from the exact ones, in standard errors, where a unit keeps more than one weight.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of `distance_table`.

    Returns
    -------
    typical : float
        Root mean square over the points.
    n_points : int
        How many count.

    """
    score = (table.measured - table.exact) / np.hypot(table.measured_error, table.exact_error)
    usable = table.connectivity * table.data.map({"gaussian": 784, "digits": 64}) > 1
    return np.sqrt((score[usable] ** 2).mean()), usable.sum()


def bias_at_widest(table: pd.DataFrame) -> pd.Series:
    """The share of the squared bias in the exact distance of the widest networks at a fixed np, in percent.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of `distance_table`; those with last_layer 0 count.

    Returns
    -------
    pandas.Series
        By data and normalization.

    """
    widest = table.query("last_layer == 0").groupby(["data", "normalization"]).last()
    return 100 * widest.exact_bias / widest.exact
