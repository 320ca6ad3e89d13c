"""Small networks on scikit-learn's handwritten digits (1797 images of 8 x 8 pixels): experiments of seconds.

The images come with the package, so that nothing is downloaded. They stand in for MNIST where a page computes the
width effect of section 3.4.3, or the random labels of section 2.1, anew with every build.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from lib import rng
from lib.models import mlp

N_PIXELS, N_CLASSES = 64, 10


class Images(NamedTuple):
    """Normalized images (n_images, 64), float32, and their labels (n_images,), int64."""

    # Not the one of lib.datasets: whoever imports that module is taken to read MNIST from data/cache.
    images: np.ndarray
    labels: np.ndarray


def digits(seed: int) -> tuple[Images, Images, Images]:
    """Training images (two thirds) and the two halves of the test images, the same share of every class in each.

    seed: fixes which image goes where. Pixels are shifted and scaled by the mean and standard deviation of all training
    pixels, as `datasets.mnist` does.
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


def digits_accuracy(*, width: int, last_connectivity: float, activation: str, n_weights: int, epochs: int,
                    batch_size: int, learning_rate: float, seed: int, shuffled_labels: bool = False,
                    dense: bool = False) -> dict:
    """Train one net on the digits and report its accuracies, as `mnist_accuracy` does for MNIST.

    Settings as in `mlp.split`, `mlp.Architecture` and `mlp.MLPSettings`; with biases, which are not counted. seed:
    also of the split of the images, so that the spread over seeds knows about the choice of test images; nets of one
    seed see the same ones. shuffled_labels: permute the training labels, so that there is nothing to learn (section
    2.1); the test labels stay true. dense: keep all 74 width weights; n_weights and last_connectivity are then unused.

    Returns "n_first" and "n_last" weights, the "connectivity" of the whole net, the "final" test accuracy, the
    "best" over all epochs on the test set itself (what the thesis reports), the "chosen" one, which no image has both
    selected and judged (the best epoch of one half of the test set judged on the other half, and the reverse,
    averaged), the "best_epoch", and accuracy and loss on the training images after the last epoch.
    """
    if not isinstance(dense, bool) or not isinstance(shuffled_labels, bool):
        raise ValueError(f"expected dense and shuffled_labels as True or False, got {dense!r} and {shuffled_labels!r}; "
                         "try dense=False, shuffled_labels=False")
    train, first_half, second_half = digits(seed)
    if shuffled_labels:
        train = train._replace(labels=rng.stream(seed, "digits", "labels").permutation(train.labels))
    n_first, n_last = (N_PIXELS * width, N_CLASSES * width) if dense else mlp.split(
        width, last_connectivity, n_weights, n_inputs=N_PIXELS, n_classes=N_CLASSES)
    name = 1.0 if dense else float(last_connectivity)  # as in the sparse net that keeps all its weights
    net = mlp.SparseMLP.random(mlp.Architecture(width, N_PIXELS, N_CLASSES, activation), n_first, n_last,
                               seed=rng.child_seed(seed, "net", width, str(name), activation))
    result = mlp.train(net, *train, mlp.MLPSettings(epochs, batch_size, learning_rate), test=first_half,
                       held_out=second_half, seed=rng.child_seed(seed, "training", width, str(name), activation))
    history = result.history
    halves = [[epoch.test_accuracy for epoch in history], [epoch.held_out_accuracy for epoch in history]]
    both = [(a + b) / 2 for a, b in zip(*halves, strict=True)]
    chosen = [judging[selecting.index(max(selecting))] for selecting, judging in (halves, halves[::-1])]
    train_loss, train_accuracy = result.model.evaluate(*train)
    return {"n_first": n_first, "n_last": n_last, "connectivity": net.connectivity, "final": both[-1],
            "best": max(both), "best_epoch": history[both.index(max(both))].epoch, "chosen": sum(chosen) / 2,
            "train_accuracy": train_accuracy, "train_loss": train_loss}


@cache
def pixels() -> tuple[np.ndarray, np.ndarray]:
    """All images (1797, 64) on a scale from 0 to 1, float64, and their labels, int64."""
    from sklearn.datasets import load_digits  # half a second, which only those who ask for the images should wait
    found = load_digits()
    return found.data / 16, found.target.astype(np.int64)
