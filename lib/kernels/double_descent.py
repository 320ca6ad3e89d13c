"""Double descent, measured: errors of random features on digits, from too few parameters to far too many (Fig. 2.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lib import rng
from lib.kernels import random_features
from lib.models import digits

if TYPE_CHECKING:
    import pandas as pd  # of the book


def targets(labels: ArrayLike) -> np.ndarray:
    """One output for each of ten classes, of mean zero.

    Parameters
    ----------
    labels : array_like of int, shape (n_images,)
        Classes 0 to 9.

    Returns
    -------
    ndarray, shape (n_images, 10)
        0.9 for the class, -0.1 for all others.

    """
    return np.eye(10)[labels] - 0.1


def errors(n_train: int, n_features: Sequence[int], wrong: Sequence[float], n_seeds: int,
                   seed: int) -> pd.DataFrame:
    """Errors of random ReLU features on scikit-learn's digits, some of whose labels are replaced by random ones.

    Parameters
    ----------
    n_train : int
        Training images.
    n_features : sequence of int
        Sizes of the model.
    wrong : sequence of float
        Shares of labels that are replaced.
    n_seeds : int
        Choices of images, labels and features.
    seed : int
        Of all of them.

    Returns
    -------
    pandas.DataFrame
        seed (its number), noise (the share), features, size (per training image), training, test.

    """
    import pandas as pd

    rows = []
    for number in range(n_seeds):
        own = rng.child_seed(seed, "double descent", number)
        train, *halves = digits.digits(own)
        chosen = rng.stream(own, "images").permutation(len(train.labels))[:n_train]
        images, labels = train.images[chosen], train.labels[chosen]
        order = rng.stream(own, "which").random(n_train)
        other = rng.stream(own, "wrong labels").integers(0, 10, n_train)
        noisy = [targets(np.where(order < share, other, labels)) for share in wrong]
        test_images, test_labels = (np.concatenate(parts) for parts in zip(*halves))
        found = random_features.double_descent(images, noisy, test_images, targets(test_labels), n_features, seed=own)
        rows += [(number, share, row.n_features, row.n_features / n_train, row.train[k], row.test[k])
                 for row in found for k, share in enumerate(wrong)]
    return pd.DataFrame(rows, columns=["seed", "noise", "features", "size", "training", "test"])


class Descent(NamedTuple):
    """What the test errors of `errors` do, by the share of wrong labels.

    Attributes
    ----------
    median : pandas.DataFrame
        Training and test, by noise and size.
    sweet : dict of float to float
        The size below 1 where the median of the test error is lowest.
    ratios : dict of float to pandas.DataFrame
        Test errors in units of that at the sweet spot, a row a seed, a column a size.

    """

    median: pd.DataFrame
    sweet: Mapping[float, float]
    ratios: Mapping[float, pd.DataFrame]


def sweet_spots(descent: pd.DataFrame) -> Descent:
    """Where the classical part of each curve is lowest, and all errors in units of that one.

    Parameters
    ----------
    descent : pandas.DataFrame
        `errors`.

    Returns
    -------
    Descent

    """
    median = descent.groupby(["noise", "size"])[["training", "test"]].quantile(0.5)
    tests = {noise: rows.pivot(index="seed", columns="size", values="test") for noise, rows in descent.groupby("noise")}
    sweet = {noise: median.loc[noise].test.loc[:0.99].idxmin() for noise in tests}
    return Descent(median, sweet, {noise: test.div(test[sweet[noise]], axis=0) for noise, test in tests.items()})


class Shape(NamedTuple):
    """What the curves of double descent do, as the claims about Fig. 2.1 ask it.

    Attributes
    ----------
    start, threshold : tuple of float
        Test error at the smallest size and at the last below 1, in units of the sweet spot, at one share of wrong
        labels: median over the seeds, and half the distance of the quartiles.
    sweet : float
        The size of the sweet spot there.
    height : float
        The highest median of the test error there, in units of the sweet spot.
    training : pandas.DataFrame
        Mean training error, a row a share, a column a size; at least 1e-12.
    peak : float
        Size at which the median of the test error is highest, for the share where that is furthest from 1.
    beyond : list of pandas.Series
        Medians of the test error from the peak on, one a share.
    ends : dict of float to tuple of float
        Mean and standard error over the seeds of the last test error, in units of the sweet spot, by share.

    """

    start: tuple[float, float]
    threshold: tuple[float, float]
    sweet: float
    height: float
    training: pd.DataFrame
    peak: float
    beyond: list[pd.Series]
    ends: dict[float, tuple[float, float]]


def shape(descent: pd.DataFrame, shown: float) -> Shape:
    """Start, threshold, peaks and second descents of the curves of `errors`.

    Parameters
    ----------
    descent : pandas.DataFrame
        `errors`.
    shown : float
        The share of wrong labels whose classical part is looked at.

    Returns
    -------
    Shape

    """
    median, sweet, ratios = sweet_spots(descent)
    before = ratios[shown].loc[:, ratios[shown].columns < 1]
    start, threshold = ((ratio.median(), (ratio.quantile(0.75) - ratio.quantile(0.25)) / 2)
                        for ratio in (before.iloc[:, 0], before.iloc[:, -1]))
    tests = {noise: rows.groupby("size").test.median() for noise, rows in descent.groupby("noise")}
    peaks = {noise: float(test.idxmax()) for noise, test in tests.items()}
    training = descent.groupby(["noise", "size"]).training.mean().unstack("size").clip(lower=1e-12)
    height = median.test[shown].max() / median.test[shown, sweet[shown]]
    last = {noise: ratio.iloc[:, -1] for noise, ratio in ratios.items()}
    return Shape(start, threshold, sweet[shown], height, training, max(peaks.values(), key=lambda peak: abs(peak - 1)),
                 [test.loc[peaks[noise]:] for noise, test in tests.items()],
                 {noise: (end.mean(), end.sem()) for noise, end in last.items()})
