"""Families of widened networks beside what they cost, and beside table 3.1 of the thesis.

Tables are those of `families`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.models import resnet
from lib.models.families import curve

if TYPE_CHECKING:
    import pandas as pd  # of the book


def costs(table: pd.DataFrame) -> pd.Series:
    """Multiply-adds of one image.

    Parameters
    ----------
    table : pandas.DataFrame
        Networks.

    Returns
    -------
    pandas.Series
        By way, base_width, factor and image_size.

    """
    return table.groupby(["way", "base_width", "factor", "image_size"]).multiply_adds.first()


def hours(done: pd.DataFrame, spent: float, base: int, factor: int = 4, epochs: int = 300) -> float:
    """What one sparse network as long trained as the thesis's would take, at the speed of those that were trained.

    Parameters
    ----------
    done : pandas.DataFrame
        Networks that were trained: multiply_adds of one image, epochs.
    spent : float
        The seconds that they took, set-up included.
    base, factor : int
        Base width, and by how much it is widened.
    epochs : int, default 300
        Of as many images of 32 x 32 pixels.

    Returns
    -------
    float

    """
    plain = resnet.Architecture(base)
    work = resnet.multiply_adds(resnet.widened(plain, factor), 32, resnet.sparse_counts(plain, factor))
    return work * epochs * (spent / (done.multiply_adds * done.epochs).sum()) / 3600


def at_equal_cost(table: pd.DataFrame, column: str, factor: float, cost: Mapping) -> pd.Series:
    """Sparse accuracy of base width 8 minus that of a dense network of as many multiply-adds, seed by seed.

    The dense one lies between two that were trained, on a line over the logarithm of the cost.

    Parameters
    ----------
    table : pandas.DataFrame
        Networks.
    column : str
        What is compared.
    factor : float
        Of the sparse network.
    cost : pandas.Series
        `costs`.

    Returns
    -------
    pandas.Series

    """
    import pandas as pd

    rows = table[(table.base_width == 8) & (table.image_size == 16) & table.way.isin(("sparse", "dense"))]
    found = []
    for _, of_seed in rows.groupby("seed"):
        dense = of_seed[(of_seed.way == "dense") | (of_seed.factor == 1)].sort_values("factor")
        sparse = of_seed[(of_seed.way == "sparse") & (of_seed.factor == factor)]
        if len(dense) > 2 and len(sparse):
            known = [cost["dense" if f > 1 else "sparse", 8, f, 16] for f in dense.factor]
            there = np.log(cost["sparse", 8, factor, 16])
            found.append(sparse[column].iloc[0] - np.interp(there, np.log(known), dense[column]))
    return pd.Series(found, dtype=float)


def beside_costs(table: pd.DataFrame, cost: Mapping, networks: Sequence[tuple[str, int, float]],
                 column: str = "best") -> pd.DataFrame:
    """Accuracies of some networks beside what they cost, for a page.

    Parameters
    ----------
    table : pandas.DataFrame
        Networks at one learning rate, at 16 x 16 pixels.
    cost : mapping
        As `costs` gives it.
    networks : sequence of (str, int, float)
        Way to widen, base width, factor; a row each.
    column : str
        The accuracy.

    Returns
    -------
    pandas.DataFrame
        In words: network, test accuracy, its standard error (or why there is none), millions of multiply-adds.

    """
    import pandas as pd

    rows = []
    for way, base, factor in networks:
        found = curve(table, way, base, column).reindex([factor]).iloc[0]
        error = f"{found['sem']:.1f}" if found["count"] > 1 else "one seed" if found["count"] == 1 else "not run"
        name = f"{'dense' if factor == 1 else way}, {base * factor} channels"
        rows.append((name, found["mean"], error, cost.get((way, base, factor, 16), np.nan) / 1e6))
    return pd.DataFrame(rows, columns=["network", "test accuracy (%)", "standard error", "multiply-adds (million)"])


#: Table 3.1 of the thesis: top-1 accuracy on ImageNet in percent by width, of dense and of sparse networks.
TABLE_3_1 = {64: (68.03, None), 90: (69.11, 69.56), 128: (70.22, 70.02), 181: (70.91, 70.66), 256: (71.89, 70.53)}


def beside_table_3_1(table: pd.DataFrame, budgets: Sequence[tuple[int, tuple[int, int], str]],
                     column: str = "best") -> pd.DataFrame:
    """Table 3.1 of the thesis, and the same of networks here below it.

    Parameters
    ----------
    table : pandas.DataFrame
        Networks at one learning rate.
    budgets : sequence of (int, (int, int), str)
        Base width, pixels and epochs, and what a row says of them.
    column : str
        The accuracy.

    Returns
    -------
    pandas.DataFrame
        In words: set and budget, base width, widening factor, accuracies of dense and of sparse networks.

    """
    import pandas as pd

    rows = [("ImageNet, the thesis's", 64, f"{width / 64:.3g}", *values) for width, values in TABLE_3_1.items()]
    for base, budget, name in budgets:
        sparse, dense = (curve(table, way, base, column, budget)["mean"] for way in ("sparse", "dense"))
        for factor in sorted({*sparse.index, *dense.index}):
            first = sparse.get(1, np.nan) if factor == 1 else np.nan
            rows.append((name, base, f"{factor:g}", dense.get(factor, first),
                         sparse.get(factor) if factor > 1 else np.nan))
    names = ["set and budget", "base width", "widening factor", "dense (%)", "sparse (%)"]
    return pd.DataFrame(rows, columns=names).astype({"dense (%)": float, "sparse (%)": float})
