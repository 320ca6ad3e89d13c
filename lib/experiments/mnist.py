"""One net of figure 3.5: a sparse perceptron trained on MNIST, and how well it does on the test set.

Version 1, 2026-11-28: the first with a number; all records of before were made by it.
"""

from __future__ import annotations

from functools import cache

from lib import datasets, rng
from lib.experiments import experiment
from lib.models import mlp


@experiment(version=1, data=("data/cache/MNIST/raw",))
def mnist_accuracy(*, width: int, last_connectivity: float, activation: str, n_weights: int, epochs: int,
                   batch_size: int, learning_rate: float, seed: int) -> dict:
    """Train one net and report its accuracies (figure 3.5).

    The net has biases, which are not counted.

    Parameters
    ----------
    width : int
        Hidden units, as in `mlp.Architecture`.
    last_connectivity : float
        As in `mlp.split`.
    activation : {"relu", "linear"}
        As in `mlp.Architecture`.
    n_weights : int
        As in `mlp.split`.
    epochs, batch_size : int
        As in `mlp.MLPSettings`.
    learning_rate : float
        As in `mlp.MLPSettings`.
    seed : int
        Of the random numbers.

    Returns
    -------
    dict
        "n_first" and "n_last" weights, the "connectivity" of the whole net, the "final" test
        accuracy, the "best" over all epochs on the test set itself (what the thesis reports of its
        ResNets), the "chosen" one, which no image has both selected and tested (the best epoch of
        one half of the test set tested on the other half, and the reverse, averaged), the
        "best_epoch", and "train_accuracy" and "train_loss" on training images in the last epoch.

    """
    train, first_half, second_half = _images()
    n_first, n_last = mlp.split(width, last_connectivity, n_weights)
    net = mlp.SparseMLP.random(mlp.Architecture(width, activation=activation), n_first, n_last,
                               seed=rng.child_seed(seed, "net", width, str(float(last_connectivity)), activation))
    settings = mlp.MLPSettings(epochs, batch_size, learning_rate)
    history = mlp.train(net, *train, settings, test=first_half, held_out=second_half,
                        seed=rng.child_seed(seed, "training", width, str(float(last_connectivity)), activation)).history
    return {"n_first": n_first, "n_last": n_last, "connectivity": net.connectivity, **accuracies(history),
            "train_accuracy": history[-1].train_accuracy, "train_loss": history[-1].train_loss}


def accuracies(history: list[mlp.Epoch]) -> dict:
    """The test accuracies of a training that was tested on two halves of test images.

    Parameters
    ----------
    history : list of mlp.Epoch
        Of the training. The halves count alike; "test" and "held out" are their names here.

    Returns
    -------
    dict
        "final", "best", "best_epoch" and "chosen".

    """
    halves = [[epoch.test_accuracy for epoch in history], [epoch.held_out_accuracy for epoch in history]]
    both = [(a + b) / 2 for a, b in zip(*halves, strict=True)]
    chosen = [tested[selecting.index(max(selecting))] for selecting, tested in (halves, halves[::-1])]
    return {"final": both[-1], "best": max(both), "best_epoch": history[both.index(max(both))].epoch,
            "chosen": sum(chosen) / 2}


@cache
def _images() -> tuple[datasets.Images, datasets.Images, datasets.Images]:
    """Training images and the two halves of the test images, read once a process."""
    test = datasets.mnist("test")
    middle = len(test.labels) // 2
    return (datasets.mnist("train"), datasets.Images(test.images[:middle], test.labels[:middle]),
            datasets.Images(test.images[middle:], test.labels[middle:]))
