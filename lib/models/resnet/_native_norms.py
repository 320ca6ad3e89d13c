"""Units of convolutions with the BatchNorm and ReLU behind them: what these do forwards and back, by native kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lib.models.resnet._flat_parameters import FlatParameters
from lib.models.sparse.convolution import SparseConvolution
from lib.models.sparse.layout import Layout
from lib.native import batch_norm

_EPSILON, _MOMENTUM = 1e-5, 0.1  # of BatchNorm: torch's defaults


class Unit(NamedTuple):
    """One convolution, or the two of a bottleneck, with the BatchNorm behind."""

    names: tuple[str, ...]
    convolutions: tuple[SparseConvolution, ...]
    z: tuple[np.ndarray, ...]  # what they give
    a: np.ndarray  # after BatchNorm and ReLU
    a_layout: Layout
    norm: str


class Norms:
    """The BatchNorms of a network: what they do, with the statistics of the last minibatch and the running ones."""

    def __init__(self, flat: FlatParameters, gradients: np.ndarray):
        self._flat, self._gradients = flat, gradients
        self.batch = {name: (np.zeros_like(mean), np.zeros_like(mean)) for name, (mean, _) in flat.running.items()}

    def forward(self, unit: Unit, train: bool, relu: bool = True, shortcut: np.ndarray | None = None,
                shortcut_layout: Layout | None = None) -> None:
        """From what the convolutions of a unit gave to `a`, with a shortcut added before ReLU."""
        layout, a, scale, shift = unit.convolutions[-1].out, unit.a_layout.place, *self._slices(unit)
        running_mean, running_variance = self._flat.running[unit.norm]
        mean, inverse = self.batch[unit.norm]
        if not train:
            mean, inverse = running_mean, 1 / np.sqrt(running_variance + np.float32(_EPSILON))
        add = shortcut is not None
        batch_norm.forward(unit.z[-1], layout.place, layout.pixels, self._flat.values[scale], self._flat.values[shift],
                           mean, inverse, train, _EPSILON, relu, shortcut if add else unit.a,
                           shortcut_layout.place if add else a, add, unit.a, a)
        if train:
            n = layout.n_images * layout.height * layout.width
            variance = (1 / inverse.astype(np.float64) ** 2 - _EPSILON) * n / max(n - 1, 1)
            running_mean += np.float32(_MOMENTUM) * (mean - running_mean)
            running_variance += np.float32(_MOMENTUM) * (variance.astype(np.float32) - running_variance)

    def backward(self, unit: Unit, grad_output: np.ndarray, g: np.ndarray, g_layout: Layout, relu: bool) -> None:
        """From the gradient by `a` to that by what the last convolution gave, in g, and those by scale and shift."""
        layout, scale, shift = unit.convolutions[-1].out, *self._slices(unit)
        mean, inverse = self.batch[unit.norm]
        batch_norm.backward(grad_output, layout.place, unit.a, unit.a_layout.place, relu, unit.z[-1], layout.place,
                            layout.pixels, self._flat.values[scale], mean, inverse, g, g_layout.place,
                            self._gradients[scale], self._gradients[shift], True)

    def _slices(self, unit: Unit) -> tuple[slice, slice]:
        return self._flat.slices[f"{unit.norm}.scale"], self._flat.slices[f"{unit.norm}.shift"]
