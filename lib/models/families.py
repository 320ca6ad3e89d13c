"""What a record of widened networks says: accuracies by width, gains over the base, shares, errors (chapter 3.4).

Tables have a row a network, results of `lib.experiments.resnet.resnet_accuracy` with their settings and accuracies in
percent.  A family is what one way to widen makes of one base width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd  # of the book

#: What makes a network, and a trained one.
NET = ["image_size", "epochs", "way", "base_width", "factor", "width"]
KIND = [*NET, "seed"]


def chosen_rate(done: pd.DataFrame) -> pd.DataFrame:
    """Accuracies where each kind of network takes the better of two learning rates, tested on other images.

    The rate is that with the higher mean over seeds on one half of the test images, the accuracy that on the other
    half; then the reverse, and the mean of both.

    Parameters
    ----------
    done : pandas.DataFrame
        Networks; those that were trained at one rate only do not count.

    Returns
    -------
    pandas.DataFrame
        `KIND` and final.

    """
    both = done.groupby(KIND).filter(lambda trained: trained.learning_rate.nunique() == 2)
    halves = []
    for chooses, tests in (("first_half", "second_half"), ("second_half", "first_half")):
        ranked = both.assign(mean=both.groupby([*NET, "learning_rate"])[chooses].transform("mean"))
        best = ranked.loc[ranked.groupby(KIND)["mean"].idxmax()] if len(both) else ranked
        halves.append(best.set_index(KIND)[tests])
    return (sum(halves) / 2).rename("final").reset_index()


def curve(table: pd.DataFrame, way: str, base: int, column: str = "final",
          budget: tuple[int, int] = (16, 6)) -> pd.DataFrame:
    """Mean, standard error and number of seeds of a family.

    Parameters
    ----------
    table : pandas.DataFrame
        Networks.
    way : str
        To widen; the plain network is the first of the family, but of the linear bottleneck.
    base : int
        Base width.
    column : str
        What is averaged.
    budget : tuple of int
        Image size and epochs.

    Returns
    -------
    pandas.DataFrame
        mean, sem (NaN for one seed), count, by the factor.

    """
    rows = table[(table.base_width == base) & (table.image_size == budget[0]) & (table.epochs == budget[1])]
    plain = (rows.way == "sparse") & (rows.factor == 1) & (way != "linear bottleneck")
    rows = rows[plain | (rows.way == way)] if (rows.way == way).any() else rows.iloc[:0]
    return rows.groupby("factor")[column].agg(["mean", "sem", "count"])


def deltas(table: pd.DataFrame, way: str, base: int, column: str = "final", start: str | None = None) -> pd.DataFrame:
    """Accuracies at 16 x 16 pixels and 6 epochs minus that of the network before widening, seed by seed.

    Parameters
    ----------
    table : pandas.DataFrame
        Networks.
    way : str
        To widen.
    base : int
        Base width.
    column : str
        What is compared.
    start : str or None
        The way of the network before widening; by default the plain one, but that of the linear bottleneck itself.

    Returns
    -------
    pandas.DataFrame
        A row a seed, a column a factor.

    """
    rows = table[(table.base_width == base) & (table.image_size == 16) & (table.epochs == 6)]
    wide = rows[rows.way == way].pivot_table(index="seed", columns="factor", values=column)
    start = start or (way if way == "linear bottleneck" else "sparse")
    first = rows[(rows.way == start) & (rows.factor == 1)].set_index("seed")[column]
    return wide.sub(first, axis=0).dropna(axis=1, how="all")


def fall(gains: pd.DataFrame) -> float:
    """From the highest mean over seeds to that of the largest factor.

    Parameters
    ----------
    gains : pandas.DataFrame
        `deltas`.

    Returns
    -------
    float

    """
    return gains.mean().max() - gains.mean().iloc[-1]


def inner_peak(gains: pd.DataFrame) -> float:
    """Highest mean between the ends minus the higher one at the ends.

    Parameters
    ----------
    gains : pandas.DataFrame
        `deltas`.

    Returns
    -------
    float

    """
    means = gains.mean()
    return means.iloc[1:-1].max() - max(means.iloc[0], means.iloc[-1])


def fewest_seeds(nets: pd.DataFrame, ways: Sequence[str], base: int, rates: Sequence[float]) -> int:
    """The smallest number of seeds that a network of some families at 16 x 16 pixels has.

    Parameters
    ----------
    nets : pandas.DataFrame
        All networks that are declared; done says which of them there are.
    ways, rates : sequence of str and of float
        Ways to widen, and learning rates; every pair of them is asked for.
    base : int
        Base width.

    Returns
    -------
    int
        0 where a pair is not declared.

    """
    rows = nets[nets.way.isin(ways) & (nets.base_width == base) & (nets.image_size == 16)]
    rows = rows[rows.learning_rate.isin(rates)]
    seeds = rows.groupby(["way", "learning_rate", "factor"]).done.sum().groupby(["way", "learning_rate"]).min()
    return int(seeds.min()) if len(seeds) == len(ways) * len(rates) else 0


def scatter(table: pd.DataFrame, column: str = "final", like: str = "sparse") -> float:
    """Standard deviation of a column between seeds: one for all networks with bottlenecks, one for all others.

    Parameters
    ----------
    table : pandas.DataFrame
        Networks.
    column : str
        Its name.
    like : str
        A way to widen, of one sort or the other.

    Returns
    -------
    float
        NaN where no network has two seeds.

    """
    rows = table[table.way.str.contains("bottleneck") == ("bottleneck" in like)]
    kinds = rows.groupby(["way", "base_width", "factor", "image_size", "epochs"])[column].agg(["var", "count"])
    kinds = kinds[kinds["count"] > 1]
    return np.sqrt(np.average(kinds["var"], weights=kinds["count"] - 1)) if len(kinds) else float("nan")


def error_between(table: pd.DataFrame, n_seeds: int, column: str = "final", one: str = "sparse",
                  other: str = "sparse") -> float:
    """Standard error of the difference of two kinds of networks, each a mean over seeds: by the scatter between seeds.

    Parameters
    ----------
    table : pandas.DataFrame
        Networks.
    n_seeds : int
        Of each mean; 0 counts as 1.
    column : str
        What is compared.
    one, other : str
        Ways to widen.

    Returns
    -------
    float

    """
    return np.hypot(scatter(table, column, one), scatter(table, column, other)) / np.sqrt(max(1, n_seeds))


def share(sparse: float, dense: float, sigma: float, n_seeds: int) -> tuple[float, float]:
    """Ratio of two gains over one base, and its standard error to first order.

    Parameters
    ----------
    sparse, dense : float
        The gains, means over seeds.
    sigma : float
        Standard deviation of one network between seeds.
    n_seeds : int
        Of each mean.

    Returns
    -------
    ratio, error : float

    """
    ratio = sparse / dense
    return ratio, sigma * np.sqrt((1 + (1 - ratio) ** 2 + ratio**2) / n_seeds) / dense


def share_of_width(table: pd.DataFrame, base: int, column: str) -> pd.DataFrame:
    """The share of the dense gain that sparse networks of the same width reach, of seeds that have all three networks.

    Parameters
    ----------
    table : pandas.DataFrame
        Networks.
    base : int
        Base width.
    column : str
        What is compared.

    Returns
    -------
    pandas.DataFrame
        share, error and seeds by factor, without those whose dense gain is below three of its errors.

    """
    import pandas as pd

    gains = [deltas(table, way, base, column) for way in ("sparse", "dense")]
    rows, sigma = [], scatter(table, column)
    for factor in gains[0].columns.intersection(gains[1].columns):
        sparse, dense = pd.concat([gain[factor] for gain in gains], axis=1).dropna().T.to_numpy()
        if len(dense) and dense.mean() > 3 * sigma * np.sqrt(2 / len(dense)):
            rows.append((factor, *share(sparse.mean(), dense.mean(), sigma, len(dense)), len(dense)))
    return pd.DataFrame(rows, columns=["factor", "share", "error", "seeds"]).set_index("factor")


def gain_over_plain(table: pd.DataFrame, base: int, sigma: float, column: str = "best") -> tuple[float, float]:
    """Best network of a sparse family minus the plain one of its base width, dense ones widened from base 8 included.

    Parameters
    ----------
    table : pandas.DataFrame
        Networks.
    base : int
        Base width.
    sigma : float
        Standard deviation of one network between seeds.
    column : str
        What is compared.

    Returns
    -------
    gain, error : float
        The error counts the fewest seeds of the family.

    """
    line = curve(table, "sparse", base, column)
    plain = table[(table.width == base) & (table.image_size == 16)]
    plain = plain[(plain.way == "dense") | ((plain.way == "sparse") & (plain.factor == 1))].drop_duplicates("seed")
    error = sigma * np.sqrt(1 / int(line["count"].min()) + 1 / len(plain))
    return line["mean"].max() - plain[column].mean(), error


def top(line: pd.DataFrame, sigma: float) -> tuple[float, float]:
    """Where a family is best, by a parabola through the best network and its neighbours.

    Parameters
    ----------
    line : pandas.DataFrame
        `curve`, whose best network is not at an end.
    sigma : float
        Standard deviation of one network between seeds.

    Returns
    -------
    exponent, error : float
        Binary logarithm of the factor, with its standard error.

    """
    best = line["mean"].idxmax()
    low, high, last = (line["mean"].get(best * step, np.nan) for step in (0.5, 1, 2))
    slope, bend = low - last, low - 2 * high + last
    by_point = np.array([1 / 2 - slope / bend / 2, slope / bend, -1 / 2 - slope / bend / 2]) / bend
    return np.log2(best) + slope / bend / 2, sigma * np.linalg.norm(by_point) / np.sqrt(int(line["count"].min()))
