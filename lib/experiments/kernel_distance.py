"""One point of figure 3.8b: how far the kernels of real sparse nets are from the infinite dense one.

Version 1, 2026-11-28: the first with a number; all records of before were made by it.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from lib import datasets, rng
from lib.checks import require_count
from lib.experiments import experiment
from lib.experiments.subset import TEST_BLOCK
from lib.kernels import sparse
from lib.kernels.distance import infinite_kernels, measured_distance, net_kernels, random_pairs, start_of_training
from lib.models import digits

DATA = ("mnist", "digits", "gaussian")
NORMALIZATIONS = ("global", "pixel", "minibatch")


@experiment(version=1, data=lambda settings: ("data/cache/MNIST/raw",) if settings["data"] == "mnist" else ())
def kernel_distance(*, data: str, normalization: str, width: int, n_first: int, distribution: str, n_pairs: int,
                    n_starts: int, proxy_width: int, n_masks: int, seed: int) -> dict:
    """One point of figure 3.8b: the mean squared distance of sparse nets to the infinite dense one.

    The distance is measured, and calculated exactly.

    Parameters
    ----------
    data : {"mnist", "digits", "gaussian"}
        "mnist" (the test images), "digits" (all 1797 of scikit-learn) or "gaussian" (1797 inputs
        with 784 components from N(0, 1)).
    normalization : {"global", "pixel", "minibatch"}
        "global" by one mean and deviation, "pixel" by those of each pixel, "minibatch" by those of
        each pixel in blocks of 1000 images.
    width : int
        Hidden units.
    n_first : int
        Weights of the first layer.
    distribution : {"normal", "uniform"}
        Of the weights.
    n_pairs : int
        Pairs of images.
    n_starts : int, >= 2
        Nets to measure.
    proxy_width : int
        Of the dense net that the thesis takes for the infinite one, or 0 for none.
    n_masks : int
        For every 500 pairs.
    seed : int
        Of the random numbers.

    Returns
    -------
    dict
        "connectivity"; "measured" with its standard error over n_starts nets ("measured_error"),
        against the exact infinite kernel, and "measured_proxy" against the proxy (0 without one);
        "exact" with "exact_error", its parts "exact_bias" and "exact_variance", by (3.21) for
        normal weights; and "second_order", its closed form.

    Raises
    ------
    ValueError
        For n_starts below 2, and for another data or normalization.

    """
    if require_count("n_starts", n_starts) < 2:
        raise ValueError(f"expected n_starts of at least 2, for an error bar, got {n_starts}; try n_starts=10")
    images = inputs(data, normalization)
    pairs = random_pairs(len(images), n_pairs, seed=seed)
    values = measured_distance(images, pairs, width, n_first, infinite_kernels(images, pairs, distribution),
                               n_starts=n_starts, distribution=distribution, seed=seed)
    against_proxy = 0.0
    if proxy_width:
        target = _proxy(data, normalization, n_pairs, distribution, proxy_width, seed)
        against_proxy = float(measured_distance(images, pairs, width, n_first, target, n_starts=n_starts,
                                                distribution=distribution, seed=seed).mean())
    connectivity = n_first / (width * images.shape[1])
    x, y = images[pairs[:, 0]], images[pairs[:, 1]]
    exact = sparse.expected_distance(x, y, width, connectivity, n_masks=n_masks, seed=seed)
    return {"connectivity": connectivity, "measured": float(values.mean()),
            "measured_error": float(values.std(ddof=1) / np.sqrt(n_starts)), "measured_proxy": against_proxy,
            "exact": exact.value, "exact_error": exact.error, "exact_bias": exact.squared_bias,
            "exact_variance": exact.variance,
            "second_order": sparse.second_order_distance(x, y, width, connectivity).value}


@cache
def inputs(data: str, normalization: str) -> np.ndarray:
    """The images or random inputs of `kernel_distance`.

    Parameters
    ----------
    data : {"mnist", "digits", "gaussian"}
        As in `kernel_distance`.
    normalization : {"global", "pixel", "minibatch"}
        As in `kernel_distance`.

    Returns
    -------
    ndarray of float64, shape (n_images, n_inputs)
        Read-only.

    Raises
    ------
    ValueError
        For another data or normalization.

    """
    if data not in DATA or normalization not in NORMALIZATIONS:
        raise ValueError(f"expected data among {', '.join(DATA)} and normalization among {', '.join(NORMALIZATIONS)}, "
                         f"got {data!r} and {normalization!r}; try data='digits', normalization='global'")
    if data == "mnist":
        images = datasets.mnist("test").images.astype(np.float64)
    elif data == "digits":
        images = digits.pixels()[0]
        images = (images - images.mean()) / images.std()
    else:
        images = rng.stream(0, "gaussian inputs").standard_normal((1797, 784))
    if normalization == "pixel":
        images = datasets.standardize(images)
    elif normalization == "minibatch":
        blocks = range(0, len(images), TEST_BLOCK)
        images = np.concatenate([datasets.standardize(images[start:start + TEST_BLOCK]) for start in blocks])
    images.flags.writeable = False
    return images


@cache
def _proxy(data: str, normalization: str, n_pairs: int, distribution: str, width: int, seed: int) -> np.ndarray:
    """Kernels of pairs in one dense net of this width; the same for all points of a figure, and slow."""
    images = inputs(data, normalization)
    net = start_of_training(width, width * images.shape[1], images.shape[1], distribution=distribution,
                            seed=rng.child_seed(seed, "proxy"))
    return net_kernels(net, images, random_pairs(len(images), n_pairs, seed=seed))
