"""The perceptron with one hidden layer and static sparse weights (section 3.4.3, figure 3.5, appendix A.3).

Its logits are V f(W x + b) + c, with f the ReLU or, in the linear net, the identity. Only some of the weights W, V
of the dense net exist: chosen at random before training, they stay the same ones, so that a wider net of as many
weights is sparser. Biases do not count as weights. With 3970 of them an epoch of MNIST takes 0.1 s at any width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from lib import rng
from lib.checks import as_array, as_tensor, require_count
from lib.models.mlp import _kernels
from lib.models.mlp.architecture import Architecture


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
            if not _kernels.fits(layer, a.width, n_ends):
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
            require_count(f"n_{name}", n_weights, most=n_dense)
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
        """Logits of images, by dense torch products: the plain reference.

        Parameters
        ----------
        images : array_like, shape (n_images, n_inputs)
            Normalized.

        Returns
        -------
        Tensor, shape (n_images, n_classes)

        """
        first, hidden_bias, last, class_bias = self.dense()
        x = as_tensor(_kernels.check_images(images, self))
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
        return loss_and_accuracy(*_kernels.check_data((images, labels), self), kernel_arguments(self))


def _read_only(array) -> np.ndarray:
    """A copy that cannot be changed."""
    array = np.array(as_array(array, "a part of the net"), order="C")
    array.flags.writeable = False
    return array


def kernel_arguments(model: SparseMLP) -> tuple:
    """The net for the kernels, with values of its own.

    Parameters
    ----------
    model : SparseMLP
        The net; stays as it is.

    Returns
    -------
    tuple
        Pixels that some weight reads, first layer, hidden bias, last layer, class bias, and whether it has ReLUs.

    """
    pixels, place = np.unique(model.first.index, return_inverse=True)  # the pixels that some weight reads
    # All copied: for read-only arrays numba would compile the kernels a second time.
    first, last = (SparseLayer(*(part.copy() for part in layer)) for layer in (model.first, model.last))
    return (pixels, (first.starts, place, first.weights), model.hidden_bias.copy(), tuple(last),
            model.class_bias.copy(), model.architecture.activation == "relu")


def loss_and_accuracy(images: np.ndarray, labels: np.ndarray, values: tuple) -> tuple[float, float]:
    """Mean cross entropy and accuracy, by the kernels.

    Parameters
    ----------
    images : ndarray of float, shape (n_images, n_inputs)
        In the precision of the net.
    labels : ndarray of int, shape (n_images,)
        Their classes.
    values : tuple
        Of `kernel_arguments`.

    Returns
    -------
    loss, accuracy : float
        In nats, and from 0 to 1.

    """
    order, no_rate = np.arange(len(images)), images.dtype.type(0)
    loss, n_right = _kernels.run_epoch(images, labels, order, 128, *values, False, False, no_rate, no_rate)
    return loss / len(images), n_right / len(images)
