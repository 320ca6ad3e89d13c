"""Training a sparse perceptron by stochastic gradient descent, an epoch at a time (appendix A.3)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lib import rng
from lib.checks import is_real, require_count
from lib.models.mlp import _kernels
from lib.models.mlp.network import SparseMLP, kernel_arguments, loss_and_accuracy


@dataclass(frozen=True)
class MLPSettings:
    """How to train; the defaults are those of figure 3.5: plain SGD at a constant rate.

    Attributes
    ----------
    epochs : int, >= 1
        Passes through the data, each in a new random order.
    batch_size : int, >= 1
        Images in a step; where the number of images is no multiple, the last minibatch of an epoch
        is smaller and its loss the mean over its own images (as torch's DataLoader does).
    learning_rate : float or tuple of (float, float), >= 0
        Of both layers, or a pair (first, last): a net in the NTK parametrization (appendix C) at
        rate r is this one at (r / n_inputs, r / width).

    Raises
    ------
    ValueError
        For numbers out of range.

    """

    epochs: int = 300
    batch_size: int = 100
    learning_rate: float | tuple[float, float] = 0.1

    def __post_init__(self):
        require_count("epochs", self.epochs)
        require_count("batch_size", self.batch_size)
        right = [is_real(r) and 0 <= r < math.inf for r in self.rates]
        if right != [True, True]:
            raise ValueError("expected learning_rate as a number or a pair, finite and >= 0, got "
                             f"{self.learning_rate!r}; try learning_rate=0.1")

    @property
    def rates(self) -> tuple[float, float]:
        """Learning rates of the first and the last layer."""
        return self.learning_rate if isinstance(self.learning_rate, tuple) else (self.learning_rate, self.learning_rate)


class Epoch(NamedTuple):
    """What an epoch gave.

    Attributes
    ----------
    epoch : int
        Its number, from 1.
    train_loss, train_accuracy : float
        Means over its images, each taken just before its own step.
    test_accuracy : float or None
        After the epoch; None where it was not measured.
    held_out_accuracy : float or None
        The same on images that are neither learnt nor reported.

    """

    epoch: int
    train_loss: float
    train_accuracy: float
    test_accuracy: float | None  # after the epoch; None where it was not measured
    held_out_accuracy: float | None = None  # the same on images that are neither learnt nor reported


class MLPResult(NamedTuple):
    """A trained net, what each epoch gave, and the seconds of training alone.

    Attributes
    ----------
    model : SparseMLP
        After training.
    history : list of Epoch
        One for each epoch.
    seconds : float
        Of training alone.

    """

    model: SparseMLP
    history: list[Epoch]
    seconds: float

    @property
    def final(self) -> Epoch:
        """The last epoch."""
        return self.history[-1]

    @property
    def best(self) -> Epoch:
        """The first epoch with the largest test accuracy.

        It is what the thesis reports, chosen on the test set itself.

        Raises
        ------
        ValueError
            Where nothing was tested.

        """
        tested = [row for row in self.history if row.test_accuracy is not None]
        if not tested:
            raise ValueError(f"expected a test accuracy to choose the best epoch by, got none in {len(self.history)} "
                             "epochs; try train(..., test=(images, labels))")
        return max(tested, key=lambda row: row.test_accuracy)


def train(model: SparseMLP, images, labels, settings: MLPSettings, *, seed: int, every: int = 1,
          test=None, held_out=None, prepare: Callable[[np.ndarray], np.ndarray] | None = None) -> MLPResult:
    """Minimize the cross entropy by stochastic gradient descent; the given net is left as it is.

    Parameters
    ----------
    model : SparseMLP
        Where to begin.
    images : array_like, shape (n_images, n_inputs)
        Normalized floats.
    labels : array_like of int, shape (n_images,)
        From 0 to n_classes - 1.
    settings : MLPSettings
        How to train.
    seed : int
        Fixes the order of the images in each epoch.
    every : int, >= 1, default 1
        Epochs from one test to the next; the last epoch is tested as well.
    test, held_out : tuple of (images, labels), optional
        What is tested; the second is there to choose an epoch by.
    prepare : callable, optional
        What to do with the images of each minibatch (n, n_inputs) before its step, such as
        `datasets.standardize`; test images are taken as they come.

    Returns
    -------
    MLPResult

    Raises
    ------
    ValueError
        For data that do not fit, and when the training diverges.

    """
    if not isinstance(settings, MLPSettings):
        raise ValueError(f"expected settings as MLPSettings, got {type(settings).__name__}; try MLPSettings(epochs=10)")
    require_count("every", every)
    images, labels = _kernels.check_data((images, labels), model)
    others = [pair if pair is None else _kernels.check_data(pair, model) for pair in (test, held_out)]
    pixels, first, hidden_bias, last, class_bias, relu = values = kernel_arguments(model)
    batch_size, rates = min(settings.batch_size, len(images)), [model.dtype.type(rate) for rate in settings.rates]
    history, seconds = [], 0.0
    for epoch in range(1, settings.epochs + 1):
        began = time.perf_counter()
        order = rng.stream(seed, "train", "order", epoch).permutation(len(images))
        data = images, labels, order
        if prepare is not None:
            rows = np.split(order, range(batch_size, len(order), batch_size))
            prepared = np.concatenate([prepare(images[some]) for some in rows])
            data = *_kernels.check_data((prepared, labels[order]), model), np.arange(len(order))
        loss, n_right = _kernels.run_epoch(*data, batch_size, *values, True, model.architecture.bias, *rates)
        seconds += time.perf_counter() - began
        if not all(np.isfinite(value).all() for value in (first[2], hidden_bias, last[2], class_bias)):
            raise ValueError(f"expected finite weights, got NaN or infinity in epoch {epoch} at learning_rate="
                             f"{settings.learning_rate}: the training diverged; try {min(settings.rates) / 10:.2g}")
        measured = epoch % every == 0 or epoch == settings.epochs
        accuracies = [loss_and_accuracy(*pair, values)[1] if measured and pair is not None else None for pair in others]
        history.append(Epoch(epoch, loss / len(images), n_right / len(images), *accuracies))
    first, last = model.first._replace(weights=first[2]), model.last._replace(weights=last[2])
    return MLPResult(SparseMLP(model.architecture, first, last, hidden_bias, class_bias), history, seconds)
