"""One net of figure 3.8a: a perceptron in the NTK parametrization, trained on a small part of MNIST.

Version 1, 2026-11-28: the first with a number; all records of before were made by it.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from lib import datasets, rng
from lib.checks import is_integer
from lib.experiments import experiment
from lib.models import mlp
from lib.models.mlp import parametrization

NORMALIZATIONS = ("minibatch", "pixel", "global")
TEST_BLOCK = 1000  # test images that are standardized together, by their own means, as those of a minibatch are
N_INPUTS, N_CLASSES = 784, 10

#: Learning rates of the published code, chosen there for each width: they go with uniform starting weights.
RATES = {"sparse": {8: 5.0, 32: 136.0, 128: 260.0, 216: 361.0, 328: 491.0, 512: 736.0, 635: 875.0},
         "dense": {8: 5.0, 32: 80.0, 128: 173.0, 216: 228.0, 328: 306.0, 512: 445.0, 635: 460.0}}


def first_layer_weights(width: int, n_weights: int, n_inputs: int = N_INPUTS, n_classes: int = N_CLASSES) -> int:
    """Weights that are left for the first layer, n_weights - n_classes width (figure 3.8).

    The last layer is dense.

    Parameters
    ----------
    width : int
        Hidden units.
    n_weights : int
        Of both layers.
    n_inputs, n_classes : int, default 784 and 10
        Of the net.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        Where none is left, or more than the layer has.

    """
    for name, value in (("width", width), ("n_weights", n_weights)):
        if not is_integer(value):
            raise ValueError(f"expected {name} as an integer, got {value!r}; try width=160, n_weights=6352")
    n_first = n_weights - n_classes * width
    if n_weights <= n_classes:
        raise ValueError(f"expected more than {n_classes} weights, so that a hidden unit fits, got {n_weights}; "
                         "try 6352")
    if not 1 <= n_first <= n_inputs * width:
        raise ValueError(f"expected a width from {-(-n_weights // (n_inputs + n_classes))} to "
                         f"{(n_weights - 1) // n_classes}, so that the first layer has some of the {n_weights} "
                         f"weights and no more than it can hold, got width={width}; try "
                         f"width={max(1, n_weights // (2 * n_classes))}")
    return n_first


@experiment(version=1, data=("data/cache/MNIST/raw",))
def subset_accuracy(*, width: int, dense: bool, n_weights: int, learning_rate: float, distribution: str,
                    normalization: str, n_train: int, epochs: int, batch_size: int, seed: int) -> dict:
    """Train one net on n_train images of MNIST without biases and test it on the whole test set.

    For figure 3.8a.

    Parameters
    ----------
    width : int
        Hidden units.
    dense : bool
        Keep all 794 width weights; otherwise n_weights in all, with a dense last layer.
    n_weights : int
        See dense.
    learning_rate : float
        On the stored weights of the NTK parametrization (appendix C).
    distribution : {"normal", "uniform"}
        Of these before training.
    normalization : {"minibatch", "pixel", "global"}
        Of the pixels, after that by the mean and deviation of all of them: "minibatch", each pixel
        to mean 0 and variance 1 within its minibatch, or block of 1000 test images (what the
        published code does); "pixel", the same with means and deviations of the n_train images; or
        "global", nothing more.
    n_train : int, >= 2
        Training images.
    epochs, batch_size : int
        As in `mlp.MLPSettings`.
    seed : int
        Of the choice of images, the mask, the weights and the order.

    Returns
    -------
    dict
        "n_first" weights, "connectivity" of the first layer, the test accuracy after the last epoch
        ("final"), the best of all tenth epochs ("best"), and accuracy and loss on the training
        images in the last epoch ("train_accuracy", "train_loss").

    Raises
    ------
    ValueError
        For settings out of range.

    """
    if normalization not in NORMALIZATIONS or not isinstance(dense, bool):
        raise ValueError(f"expected a normalization among {', '.join(NORMALIZATIONS)} and dense True or False, got "
                         f"{normalization!r} and {dense!r}; try normalization='minibatch', dense=False")
    everything, held_out = _images()
    if not 2 <= n_train <= len(everything.labels):
        raise ValueError(f"expected n_train from 2 to {len(everything.labels)}, got {n_train}; try n_train=2048")
    chosen = np.sort(rng.stream(seed, "subset").choice(len(everything.labels), n_train, replace=False))
    images, labels, test = everything.images[chosen], everything.labels[chosen], held_out.images
    prepare = datasets.standardize if normalization == "minibatch" else None
    if normalization == "minibatch":
        test = np.concatenate([datasets.standardize(test[i:i + TEST_BLOCK]) for i in range(0, len(test), TEST_BLOCK)])
    elif normalization == "pixel":
        images, test = datasets.standardize(images), datasets.standardize(test, images)
    name = "dense" if dense else "sparse"
    n_first = N_INPUTS * width if dense else first_layer_weights(width, n_weights)
    net = parametrization.draw("ntk", mlp.Architecture(width, bias=False), n_first, distribution=distribution,
                               seed=rng.child_seed(seed, "net", name, width))
    history = mlp.train(net.model, images, labels, mlp.MLPSettings(epochs, batch_size, net.rates(learning_rate)),
                        seed=rng.child_seed(seed, "training", name, width), every=10, prepare=prepare,
                        test=(test, held_out.labels)).history
    accuracies = [epoch.test_accuracy for epoch in history if epoch.test_accuracy is not None]
    return {"n_first": n_first, "connectivity": n_first / (N_INPUTS * width), "final": accuracies[-1],
            "best": max(accuracies), "train_accuracy": history[-1].train_accuracy,
            "train_loss": history[-1].train_loss}


@cache
def _images() -> tuple[datasets.Images, datasets.Images]:
    """Training and test images, read once a process."""
    return datasets.mnist("train"), datasets.mnist("test")
