"""The perceptron with one hidden layer and static sparse weights (section 3.4.3, figure 3.5, appendix A.3).

Its logits are V f(W x + b) + c, with f the ReLU or, in the linear net, the identity. Only some of the weights W, V
of the dense net exist: chosen at random before training, they stay the same ones, so that a wider net of as many
weights is sparser. Biases do not count as weights. With 3970 of them an epoch of MNIST takes 0.1 s at any width.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from lib import rng
from lib.checks import as_array, as_tensor, is_integer, is_real
from lib.models import _mlp_kernels


@dataclass(frozen=True)
class Architecture:
    """The dense net of which a sparse one keeps a part; the defaults are those of figure 3.5.

    Attributes
    ----------
    width : int
        Hidden units.
    n_inputs : int
        Pixels of an image.
    n_classes : int
        Outputs.
    activation : {"relu", "linear"}
        Of the hidden units.
    bias : bool
        Whether both layers have biases.

    Raises
    ------
    ValueError
        For counts below 1 and unknown choices.

    """

    width: int
    n_inputs: int = 784
    n_classes: int = 10
    activation: str = "relu"
    bias: bool = True

    def __post_init__(self):
        _check_counts(width=self.width, n_inputs=self.n_inputs, n_classes=self.n_classes)
        if self.activation not in ("relu", "linear") or not isinstance(self.bias, bool):
            raise ValueError('expected activation "relu" or "linear" and bias True or False, got '
                             f'{self.activation!r} and {self.bias!r}; try activation="relu", bias=True')

    @property
    def n_weights(self) -> int:
        """Weights of the dense net, (n_inputs + n_classes) width."""
        return (self.n_inputs + self.n_classes) * self.width


def split(width: int, last_connectivity: float, n_weights: int = 3970, *, n_inputs: int = 784,
          n_classes: int = 10) -> tuple[int, int]:
    """How many weights (n_first, n_last) the two layers keep: a cell of figure 3.5.

    Parameters
    ----------
    width : int
        Hidden units.
    last_connectivity : float in (0, 1]
        n_last / (width n_classes); n_last is rounded to the nearest integer.
    n_weights : int, default 3970
        n_first + n_last, 3970 in the dense net of width 5.
    n_inputs, n_classes : int, default 784 and 10
        Of the net.

    Returns
    -------
    tuple of (int, int)

    Raises
    ------
    ValueError
        Where there is no such net: a layer would keep none of its weights, or more than it has.

    """
    n_last, low, high = _last_layer(width, last_connectivity, n_weights, n_inputs, n_classes)
    if low > high:
        raise ValueError(f"expected from 2 to {width * (n_inputs + n_classes)} weights at width {width}, got "
                         f"{n_weights}; try width={-(-n_weights // (n_inputs + n_classes))}, or n_weights=3970")
    if not low <= n_last <= high:
        dense = width * n_classes
        raise ValueError(f"expected from {low} to {high} weights in the last layer, so that the first of width "
                         f"{width} has from 1 to {width * n_inputs} of all {n_weights}, got {n_last} of {dense}; "
                         f"try last_connectivity={(low if n_last < low else high) / dense:.4g}")
    return n_weights - n_last, n_last


def valid_cells(widths: Iterable[int], last_connectivities: Iterable[float], n_weights: int = 3970, *,
                n_inputs: int = 784, n_classes: int = 10) -> list[tuple[int, float]]:
    """The pairs (width, last_connectivity) of a grid for which `split` finds a net.

    For widths 5, 10, 20, 40, ..., 640 and 1.0, 0.9, ..., 0.1 they are 67: 1, then 10 a width, and 6
    at width 640.

    Parameters
    ----------
    widths : iterable of int
        Hidden units.
    last_connectivities : iterable of float
        As in `split`.
    n_weights : int, default 3970
        As in `split`.
    n_inputs, n_classes : int, default 784 and 10
        Of the net.

    Returns
    -------
    list of (int, float)

    """
    cells = []
    for width, last_connectivity in itertools.product(widths, last_connectivities):
        n_last, low, high = _last_layer(width, last_connectivity, n_weights, n_inputs, n_classes)
        if low <= n_last <= high:
            cells.append((width, last_connectivity))
    return cells


class SparseLayer(NamedTuple):
    """The weights of a layer, listed by hidden unit.

    Unit j has those from starts[j] up to starts[j + 1].

    Attributes
    ----------
    starts : ndarray of int64, shape (width + 1,)
        Where the weights of each unit begin and end.
    index : ndarray of int64, shape (n_weights,)
        The input (first layer) or the class (last layer) at the other end of each weight,
        increasing within a unit.
    weights : ndarray of float32 or float64, shape (n_weights,)
        Their values.

    """

    starts: np.ndarray
    index: np.ndarray
    weights: np.ndarray

    @property
    def units(self) -> np.ndarray:
        """The hidden unit of each weight, int64 (n_weights,)."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


@dataclass(frozen=True, eq=False, repr=False)
class SparseMLP:
    """A sparse net: which weights exist, and their values, all float32 or all float64.

    The net has read-only copies of the arrays it is given.

    Attributes
    ----------
    architecture : Architecture
        The dense net of which this is a part.
    first, last : SparseLayer
        The weights that exist.
    hidden_bias : ndarray, shape (width,)
        Is 0 in a net without biases.
    class_bias : ndarray, shape (n_classes,)
        Is 0 in a net without biases.

    Raises
    ------
    ValueError
        For parts that do not fit together, and for NaN and infinity.

    """

    architecture: Architecture
    first: SparseLayer
    last: SparseLayer
    hidden_bias: np.ndarray
    class_bias: np.ndarray

    def __post_init__(self):
        # The kernels check no bounds: what is checked below must not change afterwards.
        for name in ("first", "last"):
            object.__setattr__(self, name, SparseLayer(*(_read_only(part) for part in getattr(self, name))))
        for name in ("hidden_bias", "class_bias"):
            object.__setattr__(self, name, _read_only(getattr(self, name)))
        a, values = self.architecture, (self.first.weights, self.last.weights, self.hidden_bias, self.class_bias)
        for name, layer, n_ends in (("first", self.first, a.n_inputs), ("last", self.last, a.n_classes)):
            if not _mlp_kernels.fits(layer, a.width, n_ends):
                raise ValueError(f"expected the {name} layer as weights listed by {a.width} hidden units, index below "
                                 f"{n_ends}, got shapes {[part.shape for part in layer]}; try SparseMLP.random(...)")
        shapes, dtypes = [value.shape for value in values[2:]], {str(value.dtype) for value in values}
        if shapes != [(a.width,), (a.n_classes,)] or dtypes not in ({"float32"}, {"float64"}) \
                or not np.isfinite(np.hstack(values)).all():
            raise ValueError(f"expected finite values, all float32 or all float64, with biases of shapes ({a.width},) "
                             f"and ({a.n_classes},), got {dtypes}, {shapes}; try SparseMLP.random(...)")

    def __reduce__(self):  # copies, and nets that come from another process, are checked and read-only as well
        return SparseMLP, (self.architecture, self.first, self.last, self.hidden_bias, self.class_bias)

    def __repr__(self) -> str:
        n_weights = f"{len(self.first.index)} + {len(self.last.index)} of {self.architecture.n_weights} weights"
        return f"SparseMLP(width {self.architecture.width}, {n_weights}, {self.architecture.activation}, {self.dtype})"

    @property
    def dtype(self) -> np.dtype:
        """Of all values, float32 or float64."""
        return self.first.weights.dtype

    @property
    def connectivity(self) -> float:
        """Weights that exist over those of the dense net of this width (section 3.4.3)."""
        return (len(self.first.index) + len(self.last.index)) / self.architecture.n_weights

    @staticmethod
    def random(architecture: Architecture, n_first: int | None = None, n_last: int | None = None, *, seed: int,
               dtype=np.float32) -> SparseMLP:
        """A net before training, with exactly n_first and n_last weights.

        All choices of them are equally likely. Weights and biases of a layer are uniform between
        +-1/sqrt(fan_in p), with fan_in the inputs of its units and p its connectivity: for p = 1
        torch's own choice (appendix A.3).

        Parameters
        ----------
        architecture : Architecture
            The dense net.
        n_first, n_last : int, optional
            Weights of the two layers; None keeps the layer dense.
        seed : int
            Of the random numbers.
        dtype : dtype, default float32
            Of the values, float32 or float64.

        Returns
        -------
        SparseMLP

        Raises
        ------
        ValueError
            For less than one weight in a layer, and more than it has.

        """
        a, layers, biases = architecture, [], []
        for name, n_ends, fan_in, n_outputs, n_weights in (("first", a.n_inputs, a.n_inputs, a.width, n_first),
                                                           ("last", a.n_classes, a.width, a.n_classes, n_last)):
            n_dense = a.width * n_ends
            n_weights = n_dense if n_weights is None else n_weights
            _check_counts(n_dense, **{f"n_{name}": n_weights})
            places = np.sort(rng.stream(seed, "mlp", name, "mask").choice(n_dense, n_weights, replace=False))
            starts = np.searchsorted(places, n_ends * np.arange(a.width + 1)).astype(np.int64)
            bound = 1 / math.sqrt(fan_in * n_weights / n_dense)
            weights = rng.stream(seed, "mlp", name, "weights").uniform(-bound, bound, n_weights)
            bias = rng.stream(seed, "mlp", name, "bias").uniform(-bound, bound, n_outputs) * a.bias
            layers.append(SparseLayer(starts, places % n_ends, weights.astype(dtype)))
            biases.append(bias.astype(dtype))
        return SparseMLP(a, *layers, *biases)

    def dense(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """W, b, V and c as in torch.nn.Linear, with 0 where no weight exists.

        Returns
        -------
        tuple of Tensor, shapes (width, n_inputs), (width,), (n_classes, width), (n_classes,)

        """
        first = np.zeros((self.architecture.width, self.architecture.n_inputs), self.dtype)
        first[self.first.units, self.first.index] = self.first.weights
        last = np.zeros((self.architecture.n_classes, self.architecture.width), self.dtype)
        last[self.last.index, self.last.units] = self.last.weights
        return tuple(torch.tensor(value) for value in (first, self.hidden_bias, last, self.class_bias))

    def forward(self, images) -> torch.Tensor:
        """Logits of images, by dense torch products: the plain twin.

        Parameters
        ----------
        images : array_like, shape (n_images, n_inputs)
            Normalized.

        Returns
        -------
        Tensor, shape (n_images, n_classes)

        """
        first, hidden_bias, last, class_bias = self.dense()
        x = as_tensor(_mlp_kernels.check_images(images, self))
        hidden = x @ first.T + hidden_bias  # image pixel, unit pixel -> image unit
        hidden = hidden.relu() if self.architecture.activation == "relu" else hidden
        return hidden @ last.T + class_bias  # image unit, class unit -> image class

    def evaluate(self, images, labels) -> tuple[float, float]:
        """Mean cross entropy and accuracy on images.

        Parameters
        ----------
        images : array_like, shape (n_images, n_inputs)
            Normalized.
        labels : array_like of int, shape (n_images,)
            The class of each image.

        Returns
        -------
        tuple of (float, float)

        """
        return _judge(*_mlp_kernels.check_data((images, labels), self), _arguments(self))


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
        _check_counts(epochs=self.epochs, batch_size=self.batch_size)
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
        Means over its images, each judged just before its own step.
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
        Epochs from one judgement to the next; the last epoch is judged as well.
    test, held_out : tuple of (images, labels), optional
        What is judged; the second is there to choose an epoch by.
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
    _check_counts(every=every)
    images, labels = _mlp_kernels.check_data((images, labels), model)
    others = [pair if pair is None else _mlp_kernels.check_data(pair, model) for pair in (test, held_out)]
    pixels, first, hidden_bias, last, class_bias, relu = values = _arguments(model)
    batch_size, rates = min(settings.batch_size, len(images)), [model.dtype.type(rate) for rate in settings.rates]
    history, seconds = [], 0.0
    for epoch in range(1, settings.epochs + 1):
        began = time.perf_counter()
        order = rng.stream(seed, "train", "order", epoch).permutation(len(images))
        data = images, labels, order
        if prepare is not None:
            rows = np.split(order, range(batch_size, len(order), batch_size))
            prepared = np.concatenate([prepare(images[some]) for some in rows])
            data = *_mlp_kernels.check_data((prepared, labels[order]), model), np.arange(len(order))
        loss, n_right = _mlp_kernels.run_epoch(*data, batch_size, *values, True, model.architecture.bias, *rates)
        seconds += time.perf_counter() - began
        if not all(np.isfinite(value).all() for value in (first[2], hidden_bias, last[2], class_bias)):
            raise ValueError(f"expected finite weights, got NaN or infinity in epoch {epoch} at learning_rate="
                             f"{settings.learning_rate}: the training diverged; try {min(settings.rates) / 10:.2g}")
        measured = epoch % every == 0 or epoch == settings.epochs
        accuracies = [_judge(*pair, values)[1] if measured and pair is not None else None for pair in others]
        history.append(Epoch(epoch, loss / len(images), n_right / len(images), *accuracies))
    first, last = model.first._replace(weights=first[2]), model.last._replace(weights=last[2])
    return MLPResult(SparseMLP(model.architecture, first, last, hidden_bias, class_bias), history, seconds)


def _arguments(model: SparseMLP) -> tuple:
    """The net for the kernels, with values of its own: pixels, first layer, hidden bias, last, class bias, relu."""
    pixels, place = np.unique(model.first.index, return_inverse=True)  # the pixels that some weight reads
    # All copied: for read-only arrays numba would compile the kernels a second time.
    first, last = (SparseLayer(*(part.copy() for part in layer)) for layer in (model.first, model.last))
    return (pixels, (first.starts, place, first.weights), model.hidden_bias.copy(), tuple(last),
            model.class_bias.copy(), model.architecture.activation == "relu")


def _judge(images: np.ndarray, labels: np.ndarray, values: tuple) -> tuple[float, float]:
    """Mean cross entropy and accuracy, for values of `_arguments`."""
    order, no_rate = np.arange(len(images)), images.dtype.type(0)
    loss, n_right = _mlp_kernels.run_epoch(images, labels, order, 128, *values, False, False, no_rate, no_rate)
    return loss / len(images), n_right / len(images)


def _read_only(array) -> np.ndarray:
    """A copy that cannot be changed."""
    array = np.array(as_array(array, "a part of the net"), order="C")
    array.flags.writeable = False
    return array


def _last_layer(width: int, connectivity: float, n_weights: int, n_inputs: int, n_classes: int) -> tuple[int, int, int]:
    """How many weights the last layer keeps, and the smallest and largest number that it can keep."""
    _check_counts(width=width, n_weights=n_weights, n_inputs=n_inputs, n_classes=n_classes)
    if not is_real(connectivity) or not 0 < connectivity <= 1:
        raise ValueError(f"expected last_connectivity above 0 and up to 1, got {connectivity!r}; try 1.0")
    return (round(connectivity * width * n_classes), max(1, n_weights - width * n_inputs),
            min(width * n_classes, n_weights - 1))


def _check_counts(largest: int | None = None, **counts: int) -> None:
    for name, value in counts.items():
        if not is_integer(value) or value < 1 or (largest and value > largest):
            raise ValueError(f"expected {name} to be an integer >= 1{f' and <= {largest}' if largest else ''}, got "
                             f"{value!r}; try {name}={largest or 10}")
