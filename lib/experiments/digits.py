"""A small network on scikit-learn's handwritten digits: the experiment of figure 3.5 in seconds, without a download.

Version 1, 2026-11-28: the first with a number; all records of before were made by it.
"""

from __future__ import annotations

from lib import rng
from lib.experiments import experiment
from lib.experiments.mnist import accuracies
from lib.models import mlp
from lib.models.digits import N_CLASSES, N_PIXELS, digits


@experiment(version=1)
def digits_accuracy(*, width: int, last_connectivity: float, activation: str, n_weights: int, epochs: int,
                    batch_size: int, learning_rate: float, seed: int, shuffled_labels: bool = False,
                    dense: bool = False) -> dict:
    """Train one net on the digits and report its accuracies, as `mnist_accuracy` does for MNIST.

    The net has biases, which are not counted.

    Parameters
    ----------
    width : int
        Hidden units, as in `mlp.Architecture`.
    last_connectivity : float
        As in `mlp.split`; unused where dense.
    activation : {"relu", "linear"}
        As in `mlp.Architecture`.
    n_weights : int
        As in `mlp.split`; unused where dense.
    epochs, batch_size : int
        As in `mlp.MLPSettings`.
    learning_rate : float
        As in `mlp.MLPSettings`.
    seed : int
        Also of the split of the images, so that the spread over seeds knows about the choice of
        test images; nets of one seed see the same ones.
    shuffled_labels : bool, default False
        Permute the training labels, so that there is nothing to learn (section 2.1); the test
        labels stay true.
    dense : bool, default False
        Keep all 74 width weights.

    Returns
    -------
    dict
        "n_first" and "n_last" weights, the "connectivity" of the whole net, the "final" test
        accuracy, the "best" over all epochs on the test set itself (what the thesis reports), the
        "chosen" one, which no image has both selected and tested (the best epoch of one half of the
        test set tested on the other half, and the reverse, averaged), the "best_epoch", and
        "train_accuracy" and "train_loss" on the training images after the last epoch.

    Raises
    ------
    ValueError
        For dense or shuffled_labels other than True and False, and as `mlp.split` and `mlp.train`.

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
    train_loss, train_accuracy = result.model.evaluate(*train)
    return {"n_first": n_first, "n_last": n_last, "connectivity": net.connectivity, **accuracies(result.history),
            "train_accuracy": train_accuracy, "train_loss": train_loss}
