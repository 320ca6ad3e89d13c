"""Tables of what random features and wide networks do: errors, distances from their limits, shapes (chapter 2).

Each row comes from its own seed, a child of the one that is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lib import rng
from lib.checks import as_floats
from lib.kernels import fully_connected, gaussian_process, neural_tangent, random_features
from lib.kernels.arc_cosine import arc_cosine, composed
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


def exponent(x: ArrayLike, y: ArrayLike) -> float:
    """The exponent of a power law, by a straight line through the logarithms.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Positive.

    Returns
    -------
    float

    """
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def root_mean_square(values: ArrayLike) -> float:
    """The root of the mean of squares.

    Parameters
    ----------
    values : array_like
        Any shape.

    Returns
    -------
    float

    """
    return np.sqrt(np.mean(np.square(values)))


def double_descent(n_train: int, n_features: Sequence[int], wrong: Sequence[float], n_seeds: int,
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
    """What the test errors of `double_descent` do, by the share of wrong labels.

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
        `double_descent`.

    Returns
    -------
    Descent

    """
    median = descent.groupby(["noise", "size"])[["training", "test"]].quantile(0.5)
    tests = {noise: rows.pivot(index="seed", columns="size", values="test") for noise, rows in descent.groupby("noise")}
    sweet = {noise: median.loc[noise].test.loc[:0.99].idxmin() for noise in tests}
    return Descent(median, sweet, {noise: test.div(test[sweet[noise]], axis=0) for noise, test in tests.items()})


def feature_distances(points: ArrayLike, activations: Sequence[str], n_features: Sequence[int], n_seeds: int,
                      seed: int) -> pd.DataFrame:
    """How far the inner products of random features are from their kernel (2.19 to 2.21).

    Parameters
    ----------
    points : array_like, shape (n_points, n_inputs)
        Inputs.
    activations : sequence of str
        Of `random_features.ACTIVATIONS`, or "cos".
    n_features : sequence of int
        Numbers of features.
    n_seeds : int
        Draws of each.
    seed : int
        Of all of them.

    Returns
    -------
    pandas.DataFrame
        activation, features, seed (its number), error (of the matrix, relative to the kernel), ratio (size of the
        products over the kernel), as printed (the same without 1 / n, as (2.21) has it).

    """
    import pandas as pd

    rows = []
    for activation in activations:
        limit = random_features.kernel(points, activation=activation)
        for n in n_features:
            for number in range(n_seeds):
                own = rng.child_seed(seed, "features", n, number)
                psi = random_features.features(points, n, seed=own, activation=activation)
                found = psi @ psi.T
                error = np.linalg.norm(found - limit) / np.linalg.norm(limit)
                rows.append((activation, n, number, error, (found * limit).sum() / (limit**2).sum()))
    table = pd.DataFrame(rows, columns=["activation", "features", "seed", "error", "ratio"])
    return table.assign(**{"as printed": table.ratio * table.features})  # sigma(ux) . sigma(ux') without 1/n


def arc_cosine_averages(n_weights: int, seed: int, n_angles: int = 13) -> pd.DataFrame:
    """The arc-cosine kernels of order 0, 1 and 2 at inputs of lengths 1.5 and 0.8, exact and by averages (2.23).

    Parameters
    ----------
    n_weights : int
        Weight vectors for each angle.
    seed : int
        Of all of them.
    n_angles : int
        Angles from 0 to pi.

    Returns
    -------
    pandas.DataFrame
        order, angle, exact, estimate, error (one standard error).

    """
    import pandas as pd

    rows, x = [], np.array([1.5, 0.0])
    for number, alpha in enumerate(np.linspace(0, np.pi, n_angles)):
        y = 0.8 * np.array([np.cos(alpha), np.sin(alpha)])
        w = rng.stream(seed, "arc-cosine", number).standard_normal((n_weights, 2))
        for order in (0, 1, 2):
            at_x, at_y = (np.where(w @ z > 0, (w @ z) ** order, 0.0) for z in (x, y))
            estimate, error = (at_x * at_y).mean(), (at_x * at_y).std() / np.sqrt(n_weights)
            rows.append((order, alpha, arc_cosine(x[None], y[None], order=order).item(), estimate, error))
    return pd.DataFrame(rows, columns=["order", "angle", "exact", "estimate", "error"])


def in_errors(values: np.ndarray, kernel: np.ndarray) -> float:
    """Largest distance of mean products of draws from a kernel, in standard errors.

    Parameters
    ----------
    values : ndarray, shape (n_draws, n_places)
        Independent draws.
    kernel : ndarray, shape (n_places, n_places)
        What the mean of the products should be.

    Returns
    -------
    float

    """
    mean = values.T @ values / len(values)  # draw place, draw place' -> place place'
    square = (values**2).T @ values**2 / len(values)
    return float((np.abs(mean - kernel) / np.sqrt((square - mean**2) / len(values))).max())


def compositions(points: np.ndarray, n_draws: int, seed: int) -> dict[tuple[int, int], float]:
    """Composed arc-cosine kernels against averages over draws of the pre-activations below, in standard errors.

    Parameters
    ----------
    points : ndarray, shape (n_points, n_inputs)
        Inputs.
    n_draws : int
        Draws of the pre-activations at all inputs.
    seed : int
        Of all of them.

    Returns
    -------
    dict of (int, int) to float
        The largest distance by order and depth.

    """
    found = {}
    for order, activation in enumerate(("step", "relu", "squared_relu")):
        for depth in (2, 3):
            below = composed(points, order=order, depth=depth - 1)
            drawn = gaussian_process.draw_prior(below, n_draws, seed=rng.child_seed(seed, "composition", order, depth))
            at = random_features.ACTIVATIONS[activation](drawn)
            found[order, depth] = in_errors(at, composed(points, order=order, depth=depth))
    return found


def kernel_distances(points: np.ndarray, depths: Sequence[int], widths: Sequence[int], n_seeds: int,
                     seed: int) -> pd.DataFrame:
    """How far the NNGP kernel and the NTK of random ReLU networks are from their limits (2.22, 2.31).

    Parameters
    ----------
    points : ndarray, shape (n_points, n_inputs)
        Inputs.
    depths, widths : sequence of int
        Hidden layers and their width.
    n_seeds : int
        Networks of each.
    seed : int
        Of all of them.

    Returns
    -------
    pandas.DataFrame
        kernel, depth, width, seed (its number), distance (relative to the limit).

    """
    import pandas as pd

    rows = []
    for depth in depths:
        limits = neural_tangent.analytic(points, depth=depth)
        for width in widths:
            net = neural_tangent.FullyConnected((points.shape[1], *depth * [width], 1))
            for number in range(n_seeds):
                start = net.init(rng.child_seed(seed, "kernels", depth, width, number))
                kernels = neural_tangent.empirical(net, start, points)
                rows += [(name, depth, width, number, np.linalg.norm(one - limit) / np.linalg.norm(limit))
                         for name, one, limit in zip(limits._fields, kernels, limits)]
    return pd.DataFrame(rows, columns=["kernel", "depth", "width", "seed", "distance"])


def typical_distances(table: pd.DataFrame) -> pd.DataFrame:
    """Root mean squares of `kernel_distances` over the networks, with their standard errors.

    Parameters
    ----------
    table : pandas.DataFrame
        `kernel_distances`.

    Returns
    -------
    pandas.DataFrame
        distance and error, by kernel, depth and width.

    """
    squares = table.assign(square=table.distance**2).groupby(["kernel", "depth", "width"]).square.agg(["mean", "sem"])
    squares["distance"] = np.sqrt(squares["mean"])
    squares["error"] = squares["sem"] / (2 * squares["distance"])
    return squares.drop(columns=["mean", "sem"])


def lazy_distances(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, widths: Sequence[int], n_seeds: int, n_steps: int,
                   seed: int) -> pd.DataFrame:
    """How far networks of one hidden layer end from their linearization, trained from the same start.

    Parameters
    ----------
    x, y : ndarray, shapes (n_samples, n_inputs) and (n_samples,)
        What is learnt.
    x_test : ndarray, shape (n_test, n_inputs)
        Where they are compared.
    widths : sequence of int
        Of the hidden layer.
    n_seeds : int
        Networks of each width.
    n_steps : int
        Steps of gradient descent.
    seed : int
        Of all starts.

    Returns
    -------
    pandas.DataFrame
        width, seed (its number), distance (of the outputs, relative to how far training moved the linearization),
        change of kernel (relative), loss, linear loss.

    """
    import pandas as pd

    rows = []
    for width in widths:
        net = neural_tangent.FullyConnected((x.shape[1], width, 1))
        for number in range(n_seeds):
            start = net.init(rng.child_seed(seed, "lazy", width, number))
            both = fully_connected.train_linearized(net, start, x, y, x_test, n_steps=n_steps, learning_rate=0.2)
            moved = root_mean_square(both.linear - both.start)
            before, after = (neural_tangent.empirical(net, p, x_test).ntk for p in (start, both.parameters))
            change = np.linalg.norm(after - before) / np.linalg.norm(before)
            apart = root_mean_square(both.trained - both.linear) / moved
            rows.append((width, number, apart, change, both.loss, both.linear_loss))
    return pd.DataFrame(rows, columns=["width", "seed", "distance", "change of kernel", "loss", "linear loss"])


class Weighted(NamedTuple):
    """What draws of the prior say, each weighted by how well it explains observations.

    Attributes
    ----------
    mean : ndarray, shape (n_places,)
        The posterior mean.
    error : ndarray, shape (n_places,)
        Its standard error.
    n_effective : float
        How many draws count.

    """

    mean: np.ndarray
    error: np.ndarray
    n_effective: float


def weighted_prior(values: np.ndarray, observed: ArrayLike, noise: float) -> Weighted:
    """The posterior by Bayes's theorem alone, from draws of the prior.

    Parameters
    ----------
    values : ndarray, shape (n_draws, n_places + n_observed)
        Functions drawn from the prior, at the places of interest and, last, where they are observed.
    observed : array_like, shape (n_observed,)
        What is observed there.
    noise : float
        Variance of the noise.

    Returns
    -------
    Weighted

    """
    observed = as_floats(observed, "observed")
    here, there = values[:, :-len(observed)], values[:, -len(observed):]
    likelihood = np.exp(-((there - observed) ** 2).sum(axis=1) / (2 * noise))
    likelihood /= likelihood.sum()
    mean = likelihood @ here
    error = np.sqrt((likelihood[:, None] ** 2 * (here - mean) ** 2).sum(axis=0))
    return Weighted(mean, error, float(1 / (likelihood**2).sum()))


def excess_kurtosis(values: np.ndarray) -> tuple[float, float]:
    """Excess kurtosis of draws of mean zero, with one standard error.

    Parameters
    ----------
    values : ndarray, shape (n_draws,)
        Draws.

    Returns
    -------
    estimate, error : float
        The error is that of the linear part of the estimate in each draw.

    """
    second, fourth = (values**2).mean(), (values**4).mean()
    excess = fourth / second**2 - 3
    influence = values**4 / second**2 - 2 * (excess + 3) * values**2 / second
    return float(excess), float(influence.std() / np.sqrt(len(values)))
