"""Native or dense: a choice by shape and density through a table, never by a timing taken during the run.

For each layer that was measured, `TABLE` tells the density at which the native sparse layer and the dense one of torch
take equally long for a training step: forward and both gradients. `python -m tests.benchmarks.sparse_table` derives
the rows from the committed measurements (data/records/bench.json); a test holds them equal. Between the rows, the
logarithms of crossover and speed are interpolated linearly in those of channels and image size; beyond them the nearest
row counts. Channels are the geometric mean of those that come in and go out; a linear layer is a 1x1 convolution of
images of one pixel.

The crossover is lower for a layer that stands in a torch network, as it has to bring its images into the layout of the
kernels and back, than for one in a network that stays in this layout (`lib.models.resnet.native`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from llvmlite.binding import get_host_cpu_features

from lib.native.tiles import LANES
from lib.pruning.distribution import connectivity

if TYPE_CHECKING:
    from lib.models import resnet

# The table was measured with AVX-512. With AVX2 alone whole networks take so much longer, dense ones being the measure
# (ResNet-18 of base 8 in data/records/bench.json; a test holds this equal). Elsewhere the choice is dense.
HAS_KERNELS = bool(get_host_cpu_features().get("avx2"))
HAS_AVX512, WITHOUT_AVX512 = bool(get_host_cpu_features().get("avx512f")), 1.4


class Row(NamedTuple):
    """One measured layer; crossovers above 1: native takes less time even with all weights.

    Attributes
    ----------
    kernel, stride : int
        Of the convolution.
    channels : float
        Geometric mean of in and out.
    out_size : int
        Pixels a side of what it gives.
    in_torch : float
        Crossover of a layer of `lib.models.sparse.layers`.
    in_layout : float
        Crossover of one that stays in the layout of the kernels.
    speed : float
        Of the dense layer's training step, in 10^9 multiply-adds a second.

    """

    kernel: int
    stride: int
    channels: float
    out_size: int
    in_torch: float
    in_layout: float
    speed: float


# rows begin
TABLE = (
    Row(1, 1, 32, 32, 0.268, 0.27, 35.5),
    Row(1, 1, 128, 32, 0.28, 0.418, 42.8),
    Row(1, 1, 64, 8, 0.321, 0.496, 39.4),
    Row(1, 1, 256, 8, 0.355, 0.404, 50.2),
    Row(1, 1, 250.4, 1, 1, 1.06, 16.3),
    Row(1, 1, 708.4, 1, 0.905, 0.776, 18.8),
    Row(1, 1, 1024, 1, 1.15, 1.02, 16),
    Row(1, 2, 22.63, 16, 0.286, 1.26, 13.4),
    Row(1, 2, 90.51, 16, 0.447, 0.582, 30.5),
    Row(1, 2, 45.25, 8, 0.403, 1.19, 20.3),
    Row(1, 2, 181, 8, 0.5, 0.636, 35.3),
    Row(1, 2, 90.51, 4, 0.696, 1.18, 24.2),
    Row(1, 2, 362, 4, 0.563, 0.714, 35.7),
    Row(3, 1, 8, 32, 1.13, 1.47, 24.1),
    Row(3, 1, 16, 32, 0.582, 0.659, 51.7),
    Row(3, 1, 32, 32, 0.716, 0.734, 52.1),
    Row(3, 1, 64, 32, 0.635, 0.679, 53.8),
    Row(3, 1, 128, 32, 0.681, 0.687, 56.9),
    Row(3, 1, 16, 16, 0.557, 0.769, 50.3),
    Row(3, 1, 32, 16, 0.452, 0.736, 52),
    Row(3, 1, 64, 16, 0.669, 0.725, 56.4),
    Row(3, 1, 128, 16, 0.678, 0.703, 57.3),
    Row(3, 1, 256, 16, 0.618, 0.609, 58.3),
    Row(3, 1, 32, 8, 0.541, 0.729, 47.2),
    Row(3, 1, 64, 8, 0.598, 0.681, 58.9),
    Row(3, 1, 128, 8, 0.632, 0.672, 61.5),
    Row(3, 1, 256, 8, 0.623, 0.626, 62.4),
    Row(3, 1, 512, 8, 0.639, 0.448, 58.6),
    Row(3, 1, 64, 4, 0.514, 0.625, 55.9),
    Row(3, 1, 128, 4, 0.59, 0.609, 62.6),
    Row(3, 1, 256, 4, 0.517, 0.586, 66.4),
    Row(3, 1, 512, 4, 0.584, 0.365, 63.4),
    Row(3, 2, 22.63, 16, 0.632, 0.788, 34),
    Row(3, 2, 90.51, 16, 0.525, 0.609, 49.3),
    Row(3, 2, 45.25, 8, 0.651, 0.886, 37.2),
    Row(3, 2, 181, 8, 0.601, 0.643, 53),
    Row(3, 2, 90.51, 4, 0.6, 0.68, 46.2),
    Row(3, 2, 362, 4, 0.573, 0.548, 50.8),
)
# BatchNorm with ReLU, both ways: nanoseconds a number.
NORM_NATIVE, NORM_DENSE = 0.867, 2.33
# rows end


def _interpolated(x: float, points: Iterable[tuple[float, float]]) -> float:
    """The value at x of straight lines between points (place, value), constant outside."""
    points = sorted(points)
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]


def _look_up(column: str, shape: tuple[int, ...], stride: int, out_size: float) -> float:
    """A column of the table for this layer: within each size by channels, then between sizes."""
    kernel = shape[2] if len(shape) == 4 else 1
    if len(shape) not in (2, 4) or shape[2:] != (kernel,) * (len(shape) - 2) or min(shape) < 1 or stride < 1 \
            or not out_size > 0:
        raise ValueError("expected the shape (n_out, n_in) or (n_out, n_in, kernel, kernel) of a layer, a stride >= 1 "
                         f"and out_size > 0, got {tuple(shape)}, {stride} and {out_size}; try (64, 64, 3, 3), 1 and 16")
    # Another kernel or stride: the rows of the nearest kernel, and among them of the nearest stride.
    near = min((abs(row.kernel - kernel), abs(row.stride - stride)) for row in TABLE)
    rows = [row for row in TABLE if (abs(row.kernel - kernel), abs(row.stride - stride)) == near]
    channels, sizes = 0.5 * math.log(shape[0] * shape[1]), {}
    for row in rows:
        sizes.setdefault(math.log(row.out_size), []).append((math.log(row.channels), math.log(getattr(row, column))))
    return math.exp(_interpolated(math.log(out_size), [(size, _interpolated(channels, points))
                                                       for size, points in sizes.items()]))


def crossover(shape: tuple[int, ...], stride: int, out_size: float, *, in_torch: bool = True) -> float:
    """The density below which the native layer takes less time than the dense one.

    The time is that of a training step.

    Parameters
    ----------
    shape : tuple of int
        (n_out, n_in, kernel, kernel), or (n_out, n_in) with out_size 1.
    stride : int, >= 1
        Of the convolution.
    out_size : float, > 0
        Pixels a side of its output.
    in_torch : bool, default True
        Whether the layer stands in a torch network, or in one that stays in the layout of the
        kernels.

    Returns
    -------
    float
        May exceed 1.

    Raises
    ------
    ValueError
        For another shape, stride or size.

    """
    return _look_up("in_torch" if in_torch else "in_layout", shape, stride, out_size)


def native_pays(shape: tuple[int, ...], stride: int, out_size: float, density: float, *, in_torch: bool = True) -> bool:
    """Whether a layer with this part of its weights should take the native path.

    Parameters
    ----------
    shape : tuple of int
        As in `crossover`.
    stride : int, >= 1
        As in `crossover`.
    out_size : float, > 0
        As in `crossover`.
    density : float
        The part of its weights that it has.
    in_torch : bool, default True
        As in `crossover`.

    Returns
    -------
    bool

    """
    return density < crossover(shape, stride, out_size, in_torch=in_torch)


def network_seconds(architecture: resnet.Architecture, image_size: int | None = None,
                    remaining: Iterable[int] | None = None) -> tuple[float, float]:
    """Predicted seconds an image of a training step, native and masked dense.

    They are those of one thread of the measured machine.

    Parameters
    ----------
    architecture : lib.models.resnet.Architecture
        The net.
    image_size : int, optional
        Height and width of the images in pixels, as in `lib.models.resnet.layers`.
    remaining : iterable of int, optional
        Weights left in each layer; None is the dense net.

    Returns
    -------
    native, dense : float
        In seconds.

    Notes
    -----
    Dense: multiply-adds of a layer over the table's speed. Native: that times density / crossover,
    as its time grows with its weights; this is too little far below the crossover, where there is
    nothing to decide. BatchNorm with ReLU: a fixed time for each number.

    """
    from lib.models import resnet  # torch comes with it; a page that only reads the table needs none

    table = resnet.layers(architecture, image_size)
    counts = [layer.n_weights for layer in table] if remaining is None else [int(count) for count in remaining]
    connectivity([layer.n_weights for layer in table], counts)  # refuses what is not a part of the net
    native = dense = 0.0
    for layer, count in zip(table, counts):
        # The inner one of a bottleneck has no BatchNorm.
        norm = layer.kind == "conv" and not layer.name.endswith("_in")
        times = _layer_seconds(layer.shape, layer.stride, layer.out_size, count, norm)
        native, dense = native + times[0], dense + times[1]
    return native, dense


def _layer_seconds(shape, stride: int, out_size: float, n_weights: int, norm: bool) -> tuple[float, float]:
    """Of one layer in `network_seconds`, with its BatchNorm and ReLU where it has them."""
    n_all = math.prod(shape)
    dense = 1e-9 * 3 * n_all * out_size**2 / _look_up("speed", shape, stride, out_size)
    native = dense * n_weights / n_all / crossover(shape, stride, out_size, in_torch=False)
    numbers = shape[0] * out_size**2 if norm else 0
    return native + 1e-9 * NORM_NATIVE * numbers, dense + 1e-9 * NORM_DENSE * numbers


def chain_pays(layers: Iterable[tuple[tuple[int, ...], int, float, int]], n_images: int) -> bool:
    """Whether convolutions should stay together in the layout of the kernels.

    Each has BatchNorm and ReLU behind. The answer is by the sums of `network_seconds`.

    Parameters
    ----------
    layers : iterable of (tuple of int, int, float, int)
        Shape, stride, out_size and number of weights of each.
    n_images : int
        In a minibatch.

    Returns
    -------
    bool

    """
    times = [_layer_seconds(*layer, True) for layer in layers]
    filled = n_images / (-(-n_images // LANES) * LANES)
    return HAS_KERNELS and sum(native for native, _ in times) / filled < sum(dense for _, dense in times)


def native_network_pays(architecture: resnet.Architecture, image_size: int | None = None,
                        remaining: Iterable[int] | None = None, n_images: int = 128) -> bool:
    """Whether `SparseResNet` should train this net, rather than the masked dense `ResNet`.

    By `network_seconds`, native `WITHOUT_AVX512` times longer where that is so; never for the stem "imagenet",
    which it has not, or on a processor without AVX2.

    Parameters
    ----------
    architecture : lib.models.resnet.Architecture
        The net.
    image_size : int, optional
        Height and width of the images in pixels, as in `lib.models.resnet.layers`.
    remaining : iterable of int, optional
        Weights left in each layer; None is the dense net.
    n_images : int, default 128
        In a minibatch; the kernels take sixteen at a time.

    Returns
    -------
    bool

    """
    native, dense = network_seconds(architecture, image_size, remaining)
    native *= 1 if HAS_AVX512 else WITHOUT_AVX512
    filled = n_images / (-(-n_images // LANES) * LANES)
    return HAS_KERNELS and architecture.stem == "cifar" and native / filled < dense
