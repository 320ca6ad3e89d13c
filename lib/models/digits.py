"""Scikit-learn's handwritten digits (1797 images of 8 x 8 pixels), split and normalized: for experiments of seconds.

The images come with the package, so that nothing is downloaded. They stand in for MNIST where a page computes the
width effect of section 3.4.3, or the random labels of section 2.1, anew with every build.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from lib import rng
from lib.datasets import Images

N_PIXELS, N_CLASSES = 64, 10


def digits(seed: int) -> tuple[Images, Images, Images]:
    """Training images (two thirds) and the two halves of the test images.

    Each has the same share of every class. Pixels are shifted and scaled by the mean and standard
    deviation of all training pixels, as `datasets.mnist` does.

    Parameters
    ----------
    seed : int
        Fixes which image goes where.

    Returns
    -------
    tuple of (Images, Images, Images)
        Each with images of float32, shape (n_images, 64), and labels.

    """
    everything, labels = pixels()
    parts = [[], [], []]
    for label in range(N_CLASSES):
        rows = rng.stream(seed, "digits", "split", label).permutation(np.flatnonzero(labels == label))
        n_half = len(rows) // 6
        for part, some in zip(parts, (rows[2 * n_half:], rows[:n_half], rows[n_half:2 * n_half])):
            part.append(some)
    train, first_half, second_half = (np.sort(np.concatenate(part)) for part in parts)
    mean, deviation = everything[train].mean(), everything[train].std()
    return tuple(Images(((everything[rows] - mean) / deviation).astype(np.float32), labels[rows])
                 for rows in (train, first_half, second_half))


@cache
def pixels() -> tuple[np.ndarray, np.ndarray]:
    """All images on a scale from 0 to 1, and their labels.

    Returns
    -------
    images : ndarray of float64, shape (1797, 64)
    labels : ndarray of int64, shape (1797,)

    """
    from sklearn.datasets import load_digits  # half a second, which only those who ask for the images should wait
    found = load_digits()
    return found.data / 16, found.target.astype(np.int64)
