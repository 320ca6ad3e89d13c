"""The graphs of pruned machines: when they fall apart, and random ones beside them (chapter 7).

Runs are those of :mod:`lib.rbm.pruning_harm`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lib import rng
from lib.checks import as_array, as_floats
from lib.pruning import magnitude

if TYPE_CHECKING:
    import pandas as pd  # of the book

Groups = Mapping[int, Sequence[Mapping]]


def tree(n_spins: int) -> int:
    """The number of weights in a tree that joins N spins and N / 2 hidden units.

    Parameters
    ----------
    n_spins : int
        N.

    Returns
    -------
    int

    """
    return n_spins + n_spins // 2 - 1


def minimal(n_spins: int) -> float:
    """The same in percent of all weights.

    Parameters
    ----------
    n_spins : int
        N.

    Returns
    -------
    float

    """
    return 100 * tree(n_spins) / (n_spins * (n_spins // 2))


def first_split(run: Mapping) -> float:
    """Percent of the weights left at the first pruning step with more than one component.

    Parameters
    ----------
    run : mapping
        Result of `lib.experiments.pruning.pruning_run`.

    Returns
    -------
    float
        NaN where there is none.

    """
    split = np.flatnonzero(as_array(run["pruning components"], "components") > 1)
    left = as_floats(run["pruning weights left"], "weights left")
    return float(100 * left[split[0]] / left[0]) if split.size else float("nan")


def apart(run: Mapping) -> float:
    """Percent of the weights left when no path joins the middle spin and the last one any more.

    Parameters
    ----------
    run : mapping
        A run.

    Returns
    -------
    float
        NaN where one always does.

    """
    left = as_floats(run["pruning weights left"], "weights left")
    gone = np.flatnonzero([row[-1] == 0 for row in run["pruning joined"]])
    return float(100 * left[gone[0]] / left[0]) if gone.size else float("nan")


def path_at(run: Mapping, percent_left: float) -> float:
    """Whether a path joins the middle spin and the last one when so many weights are left.

    Parameters
    ----------
    run : mapping
        Of a pruned machine.
    percent_left : float
        One of its steps, or NaN.

    Returns
    -------
    float
        0, 1, or NaN for NaN.

    """
    if not np.isfinite(percent_left):
        return float("nan")
    left = as_floats(run["pruning weights left"], "weights left")
    step = np.flatnonzero(np.isclose(100 * left / left[0], percent_left))[0]
    return float(run["pruning joined"][step][-1])


class RandomGraphs(NamedTuple):
    """Means over random masks.

    Attributes
    ----------
    components : ndarray, shape (len(left),)
        Connected components.
    largest : ndarray, shape (len(left),)
        The share of the spins in the largest.

    """

    components: np.ndarray
    largest: np.ndarray


def random_graphs(n_visible: int, n_hidden: int, left: Sequence[int], n_masks: int,
                  rng: np.random.Generator) -> RandomGraphs:
    """What random masks with these numbers of weights look like as graphs.

    Parameters
    ----------
    n_visible, n_hidden : int
        Numbers of units.
    left : sequence of int
        Numbers of weights.
    n_masks : int
        Masks behind each mean.
    rng : numpy.random.Generator
        Source of the random numbers.

    Returns
    -------
    RandomGraphs
        Two arrays (len(left),).

    """
    everything = np.ones((n_visible, n_hidden), dtype=bool)
    graphs = [[magnitude.connectivity(magnitude.at_random(everything, n, rng=rng)) for _ in range(n_masks)]
              for n in left]
    return RandomGraphs(np.array([np.mean([graph.n_components for graph in row]) for row in graphs]),
                        np.array([np.mean([graph.n_largest for graph in row]) for row in graphs]) / n_visible)


def graphs(groups: Groups, n_masks: int, seed: int) -> pd.DataFrame:
    """The graphs of pruned machines, and of random ones with from all weights down to fewer than a tree has.

    Parameters
    ----------
    groups : mapping of int to sequence of mapping
        Runs by the length of the chain.
    n_masks : int
        Random graphs for every number of weights.
    seed : int
        Of the streams "graphs".

    Returns
    -------
    pandas.DataFrame
        n, seed ("random" for the means over random graphs), left (weights), largest (percent of the spins in the
        largest component), components.

    """
    import pandas as pd

    rows = []
    for n, runs in groups.items():
        for run in runs:
            rows += [(n, run["seed"], left, 100 * largest / n, count) for left, largest, count in
                     zip(run["pruning weights left"], run["pruning largest"], run["pruning components"])]
        full = n * (n // 2)
        counts = np.unique(np.geomspace(minimal(n) * n * (n // 2) / 100 * 0.8, full, 12).astype(int))[::-1]
        found = random_graphs(n, n // 2, counts, n_masks, rng.stream(seed, "graphs", n))
        rows += [(n, "random", left, 100 * largest, count) for left, count, largest in zip(counts, *found)]
    return pd.DataFrame(rows, columns=["n", "seed", "left", "largest", "components"])
