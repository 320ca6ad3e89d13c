"""Training a ResNet-18 on colour images: the same loop for every trainer.

Minibatches, their augmentation and the schedule depend on the seed and the settings alone, so that all trainers, and
networks of every width, see the same images in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lib import image_sets, rng
from lib.checks import as_array
from lib.models.resnet.network import check_labels
from lib.models.resnet.trainers import NativeTrainer, TorchTrainer
from lib.models.resnet.training_settings import Settings


class Epoch(NamedTuple):
    """What an epoch gave.

    Attributes
    ----------
    epoch : int
        Its number, from 1.
    train_loss, train_accuracy : float
        Means over the training images as they were trained on.
    right : ndarray of bool, shape (n_test,)
        The right answers of the logits of the test images after it.

    """

    epoch: int
    train_loss: float
    train_accuracy: float
    right: np.ndarray


class _Steps:
    """An epoch of a trainer that goes step by step; its minibatches are put together here."""

    def __init__(self, trainer: TorchTrainer | NativeTrainer, size: int, shape: tuple[int, ...]):
        self._trainer, self._buffer = trainer, np.empty((size, *shape), np.float32)

    def __call__(self, images: np.ndarray, labels: np.ndarray, order: np.ndarray, rates: list[float], pad: int,
                 rng: np.random.Generator) -> tuple[float, int]:
        loss, n_right = 0.0, 0
        for rows, rate in zip(order, rates, strict=True):
            image_sets.augmented(images, rows, pad, rng=rng, out=self._buffer)
            batch_loss, batch_right = self._trainer.train_step(self._buffer, labels[rows], rate)
            loss, n_right = loss + batch_loss, n_right + batch_right
        return loss, n_right


def train(trainer: TorchTrainer | NativeTrainer, images: np.ndarray, labels: np.ndarray, settings: Settings, *,
          seed: int, test: tuple[np.ndarray, np.ndarray] | None = None,
          callback: Callable[[Epoch], None] | None = None) -> list[Epoch]:
    """Train and return what each epoch gave; trainer.to_torch() is then the trained network.

    Parameters
    ----------
    trainer : TorchTrainer or NativeTrainer
        Of the network.
    images : ndarray of float32, shape (n_images, 3, height, width)
        Normalized.
    labels : ndarray of int64, shape (n_images,)
        Their classes.
    settings : Settings
        How to train.
    seed : int
        Of the order of the images and of their augmentation.
    test : tuple of (images, labels), optional
        Such a pair, tested after every epoch.
    callback : callable, optional
        Called with the `Epoch` after each one.

    Returns
    -------
    list of Epoch

    Raises
    ------
    ValueError
        For fewer images than a minibatch, and labels that are no class.
    FloatingPointError
        Where the loss is no longer finite.

    """
    n_classes, size = trainer.network.architecture.n_classes, settings.batch_size
    images, labels = _check("images", images, labels, n_classes)
    test = None if test is None else _check("test", *test, n_classes)
    n_batches = len(images) // size
    if n_batches == 0:
        raise ValueError(f"expected at least {size} images, a minibatch, got {len(images)}; try a smaller batch_size")
    # A trainer that keeps the images where the network is goes through an epoch by itself.
    train_epoch = getattr(trainer, "train_epoch", None) or _Steps(trainer, size, images.shape[1:])
    history = []
    for epoch in range(settings.epochs):
        order = rng.stream(seed, "order", epoch).permutation(len(images))[:n_batches * size].reshape(n_batches, size)
        steps = range(epoch * n_batches, (epoch + 1) * n_batches)
        rates = [settings.rate(step, settings.epochs * n_batches) for step in steps]
        shifts = rng.stream(seed, "augmentation", epoch)
        loss, n_right = train_epoch(images, labels, order, rates, settings.pad, shifts)
        if not np.isfinite(loss):
            raise FloatingPointError(f"expected a finite loss, got {loss} in epoch {epoch + 1}; try a smaller "
                                     f"learning_rate than {settings.learning_rate}")
        n_seen = n_batches * size
        right = np.zeros(0, bool) if test is None else correct(trainer, *test, size)
        history.append(Epoch(epoch + 1, loss / n_seen, n_right / n_seen, right))
        if callback is not None:
            callback(history[-1])
    return history


def _check(name: str, images: np.ndarray, labels: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    images, labels = as_array(images, name), as_array(labels, "labels")
    if images.dtype != np.float32 or images.ndim != 4 or labels.shape != (len(images),) or len(images) == 0:
        raise ValueError(f"expected {name} as float32 (n_images, 3, height, width), each with a label, got "
                         f"{images.dtype} {images.shape} and labels {labels.shape}; try image_sets.normalized")
    return images, check_labels(labels, len(images), n_classes)


def correct(trainer: TorchTrainer | NativeTrainer, images: np.ndarray, labels: np.ndarray,
            batch_size: int) -> np.ndarray:
    """Which images are classified rightly.

    Parameters
    ----------
    trainer : TorchTrainer or NativeTrainer
        Of the network.
    images : ndarray of float32, shape (n_images, 3, height, width)
        Normalized.
    labels : ndarray of int64, shape (n_images,)
        Their classes.
    batch_size : int
        Images at a time.

    Returns
    -------
    ndarray of bool, shape (n_images,)

    Raises
    ------
    ValueError
        As in `train`.

    """
    images, labels = _check("images", images, labels, trainer.network.architecture.n_classes)
    return np.concatenate([trainer.logits(images[k:k + batch_size]).argmax(1) == labels[k:k + batch_size]
                           for k in range(0, len(images), batch_size)])
