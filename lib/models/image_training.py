"""Training a ResNet-18 on colour images: the same loop for the native sparse network and for its torch twin.

Minibatches, their augmentation and the schedule depend on the seed and the settings alone, so that both twins, and
networks of every width, see the same images in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from lib import image_sets, rng
from lib.checks import as_array, as_tensor, is_integer, is_real
from lib.models import resnet
from lib.models.sparse_resnet import SparseResNet, check_labels

SCHEDULES = ("steps", "cosine", "triangle")


@dataclass(frozen=True)
class Settings:
    """How to train; the defaults are those of figure 3.6 (appendix A.3).

    Attributes
    ----------
    epochs : int, >= 1
        Passes through the images, each in a new random order; what is left over by whole
        minibatches is left out.
    batch_size : int, >= 2
        Images in a minibatch.
    learning_rate : float, >= 0
        The largest one of the schedule.
    momentum : float in [0, 1)
        Of stochastic gradient descent.
    weight_decay : float, >= 0
        Of stochastic gradient descent; it acts on every parameter, as in the thesis's public code.
    schedule : {"steps", "cosine", "triangle"}
        Of the learning rate. "steps" divides it by 10 after 1/6, 2/5 and 2/3 of the epochs (50, 120
        and 200 of 300), "cosine" lets it fall to 0 (table 3.1), "triangle" rises from 0 in the
        first fifth of all steps and falls to 0 in the rest (one cycle: for few epochs).
    pad : int, >= 0
        Pixels by which images are shifted at most, with flips.

    Raises
    ------
    ValueError
        For numbers out of range.

    """

    epochs: int = 300
    batch_size: int = 128
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "steps"
    pad: int = 4

    def __post_init__(self):
        for name, low in (("epochs", 1), ("batch_size", 2), ("pad", 0)):
            value = getattr(self, name)
            if not is_integer(value) or value < low:
                raise ValueError(f"expected {name} as an integer >= {low}, got {value!r}; try {name}={max(low, 4)}")
        for name, high in (("learning_rate", np.inf), ("momentum", 1), ("weight_decay", np.inf)):
            value = getattr(self, name)
            if not is_real(value) or not 0 <= value < high:
                raise ValueError(f"expected {name} as a number from 0 to below {high}, got {value!r}; try {name}=0.1")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"expected schedule as one of {SCHEDULES}, got {self.schedule!r}; try schedule='steps'")

    def rate(self, step: int, n_steps: int) -> float:
        """The learning rate of a step.

        Parameters
        ----------
        step : int
            Counted from 0.
        n_steps : int
            In all epochs.

        Returns
        -------
        float

        """
        part = step / n_steps
        if self.schedule == "steps":
            return self.learning_rate * 0.1 ** sum(part >= drop for drop in (1 / 6, 2 / 5, 2 / 3))
        if self.schedule == "cosine":
            return self.learning_rate * (1 + np.cos(np.pi * part)) / 2
        part = (step + 0.5) / n_steps
        return self.learning_rate * min(part / 0.2, (1 - part) / 0.8)


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


class TorchNet:
    """The torch twin itself, trained by torch's own stochastic gradient descent.

    It is used as `NativeNet` is.

    Parameters
    ----------
    twin : lib.models.resnet.ResNet
        The network, trained in place.
    settings : Settings
        Of which momentum and weight decay count here.

    """

    def __init__(self, twin: resnet.ResNet, settings: Settings):
        self.twin, self.device = twin, next(twin.parameters()).device
        self._optimizer = torch.optim.SGD(twin.parameters(), lr=1.0, momentum=settings.momentum,
                                          weight_decay=settings.weight_decay)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        array = np.ascontiguousarray(as_array(array, "images"))
        tensor = as_tensor(array)  # torch calculates in the memory order it is given
        dtype = next(self.twin.parameters()).dtype if array.dtype.kind == "f" else torch.int64
        return tensor.to(self.device, dtype)

    def _set_rate(self, rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def train_step(self, images: np.ndarray, labels: np.ndarray, rate: float) -> tuple[float, int]:
        """One step of stochastic gradient descent.

        Parameters
        ----------
        images : ndarray, shape (n_images, 3, height, width)
            Normalized.
        labels : ndarray of int, shape (n_images,)
            Their classes.
        rate : float
            The learning rate.

        Returns
        -------
        tuple of (float, int)
            The sum of the cross entropies and the number of right answers.

        """
        self.twin.train()
        labels = self._tensor(check_labels(labels, len(images), self.twin.architecture.n_classes))
        logits = self.twin(self._tensor(images))
        loss = functional.cross_entropy(logits, labels)
        self._optimizer.zero_grad()
        loss.backward()
        self._set_rate(rate)
        self._optimizer.step()
        return float(loss.detach()) * len(labels), int((logits.argmax(1) == labels).sum())

    def to_torch(self) -> resnet.ResNet:
        """The network as it is trained now."""
        return self.twin

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Of images (n_images, 3, height, width), in evaluation mode: (n_images, n_classes)."""
        self.twin.eval()
        with torch.no_grad():
            return self.twin(self._tensor(images)).cpu().numpy()


class NativeNet:
    """`SparseResNet` with stochastic gradient descent, momentum and decay (torch's rule).

    `train_step` is one step of it, at a learning rate, and returns the sum of the cross entropies
    and the number of right answers; `logits` is of images.

    It starts from the twin, which stays behind while it trains: `to_torch` brings it up to date.

    Parameters
    ----------
    twin : lib.models.resnet.ResNet
        Where to start.
    settings : Settings
        Of which minibatch, momentum and weight decay count here.
    image_size : int
        Height and width of the images in pixels.

    """

    def __init__(self, twin: resnet.ResNet, settings: Settings, image_size: int):
        self.twin, self.net, self._settings = twin, SparseResNet(twin, settings.batch_size, image_size), settings
        self._velocity = np.zeros_like(self.net.parameters)

    def train_step(self, images: np.ndarray, labels: np.ndarray, rate: float) -> tuple[float, int]:
        """One step, as `TorchNet.train_step` says."""
        result = self.net.step(images, labels)
        self._velocity *= np.float32(self._settings.momentum)
        self._velocity += self.net.gradients
        self._velocity += np.float32(self._settings.weight_decay) * self.net.parameters
        self.net.parameters -= np.float32(rate) * self._velocity
        return result

    def to_torch(self) -> resnet.ResNet:
        """The twin, with the weights and statistics as they are trained now.

        It is there to save, or to go on with in torch.
        """
        self.net.store(self.twin)
        return self.twin

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Of images (n_images, 3, height, width): (n_images, n_classes)."""
        images, size, parts = as_array(images, "images"), self.net.n_images, []
        for begin in range(0, len(images), size):
            these = images[begin:begin + size]
            full = np.zeros((size, *images.shape[1:]), images.dtype)
            full[:len(these)] = these
            parts.append(self.net.forward(full)[:len(these)])
        return np.concatenate(parts)


class _Steps:
    """An epoch of a net that is trained step by step; its minibatches are put together here."""

    def __init__(self, net: TorchNet | NativeNet, size: int, shape: tuple[int, ...]):
        self._net, self._buffer = net, np.empty((size, *shape), np.float32)

    def __call__(self, images: np.ndarray, labels: np.ndarray, order: np.ndarray, rates: list[float], pad: int,
                 rng: np.random.Generator) -> tuple[float, int]:
        loss, n_right = 0.0, 0
        for rows, rate in zip(order, rates, strict=True):
            image_sets.augmented(images, rows, pad, rng=rng, out=self._buffer)
            batch_loss, batch_right = self._net.train_step(self._buffer, labels[rows], rate)
            loss, n_right = loss + batch_loss, n_right + batch_right
        return loss, n_right


def train(net: TorchNet | NativeNet, images: np.ndarray, labels: np.ndarray, settings: Settings, *, seed: int,
          test: tuple[np.ndarray, np.ndarray] | None = None,
          every: Callable[[Epoch], None] | None = None) -> list[Epoch]:
    """Train and return what each epoch gave; net.to_torch() is then the trained network.

    Parameters
    ----------
    net : TorchNet or NativeNet
        What to train.
    images : ndarray of float32, shape (n_images, 3, height, width)
        Normalized.
    labels : ndarray of int64, shape (n_images,)
        Their classes.
    settings : Settings
        How to train.
    seed : int
        Of the order of the images and of their augmentation.
    test : tuple of (images, labels), optional
        Such a pair, judged after every epoch.
    every : callable, optional
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
    n_classes, size = net.twin.architecture.n_classes, settings.batch_size
    images, labels = _check("images", images, labels, n_classes)
    test = None if test is None else _check("test", *test, n_classes)
    n_batches = len(images) // size
    if n_batches == 0:
        raise ValueError(f"expected at least {size} images, a minibatch, got {len(images)}; try a smaller batch_size")
    # A net that keeps the images where it is goes through an epoch by itself.
    train_epoch = getattr(net, "train_epoch", None) or _Steps(net, size, images.shape[1:])
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
        right = np.zeros(0, bool) if test is None else judge(net, *test, size)
        history.append(Epoch(epoch + 1, loss / n_seen, n_right / n_seen, right))
        if every is not None:
            every(history[-1])
    return history


def _check(name: str, images: np.ndarray, labels: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    images, labels = as_array(images, name), as_array(labels, "labels")
    if images.dtype != np.float32 or images.ndim != 4 or labels.shape != (len(images),) or len(images) == 0:
        raise ValueError(f"expected {name} as float32 (n_images, 3, height, width), each with a label, got "
                         f"{images.dtype} {images.shape} and labels {labels.shape}; try image_sets.normalized")
    return images, check_labels(labels, len(images), n_classes)


def judge(net: TorchNet | NativeNet, images: np.ndarray, labels: np.ndarray, batch_size: int) -> np.ndarray:
    """Which images are classified rightly.

    Parameters
    ----------
    net : TorchNet or NativeNet
        What to judge.
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
    images, labels = _check("images", images, labels, net.twin.architecture.n_classes)
    return np.concatenate([net.logits(images[k:k + batch_size]).argmax(1) == labels[k:k + batch_size]
                           for k in range(0, len(images), batch_size)])
