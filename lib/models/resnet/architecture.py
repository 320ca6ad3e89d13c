"""ResNet-18 of any width: its layers as a list, its weights and multiply-adds counted, and the torch module.

The families of figures 3.1, 3.3, 3.6, B.1-B.3, E.1 and F.1 and of table 3.1. A stem, four stages of two blocks of two
3x3 convolutions with 1, 2, 4 and 8 times the stem's channels, and a linear layer (appendix F); the first block of
stages 2 to 4 has stride 2 and a 1x1 convolution on its shortcut. What the book calls weights are the entries of the
convolutions and of the linear matrix; BatchNorm and the last bias are not counted and never sparse (appendix A.2).

Three ways to widen at a fixed number of weights (figure 3.2). Static sparsity (section 3.4.3): `sparse_counts` says
how many weights a layer keeps, `lib.pruning.masks.layer_masks` which, `ResNet(..., masks)` trains them. The two
bottlenecks (section 3.4.2) are variants of the architecture, with d_b channels at the narrow places. The thesis leaves
open which layers of the net they change and how d_b is rounded, and its code for them is not public. Here:

- "linear bottleneck": every convolution, stem and shortcuts included, becomes two with nothing between them, no
  BatchNorm and no ReLU: one with its kernel and stride to d_b channels, then a 1x1. Before widening d_b is the rank
  that the kernel can have, min(kernel^2 n_in, n_out), so that no function is lost. For n_in = n_out that is the
  thesis's d_b = d; where a stage doubles the channels its bound min(n_in, n_out) would lose half the rank.
- "nonlinear bottleneck": the pair is the two convolutions of a block. The channels between them narrow to d_b, those
  outside widen, and ReLU and BatchNorm stay where they were; before widening this is the plain net. Shortcuts join
  wide to wide and stay whole, so that they grow as the square of the width and bound it, to about 7 times the base.
- Both keep the total number of weights of the variant before widening, for the linear one some 13% more than in the
  plain net. All d_b shrink by one common factor, rounded down to at least 1, the mildest that keeps the total within
  this number; the next step of the factor is then taken layer by layer, in order, where the total still allows it.
  From base width 8 on it falls short of the number by up to 2.5% at factors to 4, and by up to 5% at factors to 16.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from lib.checks import is_integer, is_real, require_count
from lib.pruning import distribution

VARIANTS = ("plain", "linear bottleneck", "nonlinear bottleneck")
STEMS = {"cifar": (3, 1, 8, 32), "imagenet": (7, 2, 32, 224)}  # kernel, stride, reduction of the whole net, image size
BLOCKS = [f"stage{stage}_block{block}" for stage in range(1, 5) for block in (1, 2)]


@dataclass(frozen=True)
class Architecture:
    """A dense ResNet-18; the defaults are those of CIFAR-10.

    Attributes
    ----------
    width : int
        Channels of the stem and of the first stage.
    n_classes : int
        Outputs.
    stem : {"cifar", "imagenet"}
        "cifar" (3x3, stride 1; in the thesis SVHN too) or "imagenet" (7x7, stride 2, then 3x3
        max-pooling of stride 2).
    variant : {"plain", "linear bottleneck", "nonlinear bottleneck"}
        One of VARIANTS.
    base_width : int or None
        For the bottlenecks the width before widening, None for width itself; the plain net has
        none.

    Raises
    ------
    ValueError
        For counts below 1, unknown choices, base_width above width, and a width at which no
        bottleneck is narrow enough.

    """

    width: int
    n_classes: int = 10
    stem: str = "cifar"
    variant: str = "plain"
    base_width: int | None = None

    def __post_init__(self):
        for name in ("width", "n_classes", *(() if self.base_width is None else ("base_width",))):
            require_count(name, getattr(self, name))
        for name, value, choices in (("stem", self.stem, tuple(STEMS)), ("variant", self.variant, VARIANTS)):
            if value not in choices:
                raise ValueError(f"expected {name} to be one of {choices}, got {value!r}; try {name}={choices[0]!r}")
        if self.base_width is not None and (self.variant == "plain" or self.base_width > self.width):
            raise ValueError(f"expected base_width for a bottleneck, at most width={self.width}, got {self.base_width} "
                             f"for variant {self.variant!r}; try base_width=None")
        _bottlenecks(self)


class Layer(NamedTuple):
    """A layer with weights.

    Attributes
    ----------
    name : str
        In `ResNet.layers`.
    kind : {"conv", "linear"}
        What it is.
    shape : tuple of int
        (n_out, n_in, kernel, kernel), of the linear one (n_classes, n_in).
    stride : int
        Of a convolution.
    out_size : int
        Height and width of what it gives, in pixels.

    """

    name: str
    kind: str  # "conv" or "linear"
    shape: tuple[int, ...]
    stride: int
    out_size: int  # height and width of what it gives, in pixels

    @property
    def n_weights(self) -> int:
        """Weights of the dense layer."""
        return math.prod(self.shape)

    @property
    def fan_in(self) -> int:
        """Weights of one unit of the dense layer, n_in kernel^2."""
        return math.prod(self.shape[1:])


def layers(architecture: Architecture, image_size: int | None = None) -> list[Layer]:
    """The layers with weights, in order, the shortcut of a block after its two convolutions.

    Parameters
    ----------
    architecture : Architecture
        The dense net.
    image_size : int, optional
        Height and width of the images in pixels; None is 32, or 224 with the imagenet stem. Strides
        divide it by 8 (32), rounding up.

    Returns
    -------
    list of Layer

    Raises
    ------
    ValueError
        Where the last stage would have one pixel, all but the centre of its 3x3 kernels reading the
        zero border alone.

    """
    _, _, reduction, default = STEMS[architecture.stem]
    size = default if image_size is None else image_size
    if not is_integer(size) or size <= reduction:
        raise ValueError(f"expected image_size to be an integer >= {reduction + 1}, so that the last stage has 2 x 2 "
                         f"pixels or more, got {image_size!r}; try image_size={default}")
    result, size = [], int(size)
    for name, shape, stride in _shapes(architecture, architecture.width, _bottlenecks(architecture)):
        if "shortcut" not in name:  # it works beside the convolutions of its block, whose stride is in the size already
            size = -(-size // stride) if len(shape) == 4 else 1
        result.append(Layer(name, "conv" if len(shape) == 4 else "linear", shape, stride, size))
        if name in ("stem", "stem_out") and architecture.stem == "imagenet":
            size = -(-size // 2)  # max-pooling
    return result


def n_weights(architecture: Architecture) -> int:
    """Weights of the dense net, such as 180952 at width 8 with 100 classes (figure 3.6).

    Parameters
    ----------
    architecture : Architecture
        Of the net.

    Returns
    -------
    int

    """
    return sum(layer.n_weights for layer in layers(architecture))


def multiply_adds(architecture: Architecture, image_size: int | None = None,
                  remaining: Iterable[int] | None = None) -> int:
    """Products of a weight and an activation in one forward pass of one image.

    Those with the zero border are included. A weight works once for each output pixel, so that
    equal numbers of weights are not equal work.

    Parameters
    ----------
    architecture : Architecture
        The dense net.
    image_size : int, optional
        Height and width of the images in pixels, as in `layers`.
    remaining : iterable of int, optional
        Weights left in each layer, as `sparse_counts` gives; None is the dense net.

    Returns
    -------
    int

    """
    table = layers(architecture, image_size)
    counts = sizes = [layer.n_weights for layer in table]
    if remaining is not None:
        distribution.connectivity(sizes, counts := list(remaining))  # refuses what is not a part of the net
    return sum(int(count) * layer.out_size**2 for count, layer in zip(counts, table))


def widened(architecture: Architecture, widening_factor: float) -> Architecture:
    """The net of the nearest width to widening_factor times this one's.

    It is of the same variant and from the same base. 64 times 1.4 gives the 90 channels of table
    3.1, the root of 2 gives 91.

    Parameters
    ----------
    architecture : Architecture
        To widen.
    widening_factor : float, >= 1
        Of the width.

    Returns
    -------
    Architecture

    Raises
    ------
    ValueError
        For factors below 1.

    """
    if not is_real(widening_factor) or not 1 <= widening_factor < 1e6:
        raise ValueError(f"expected widening_factor as a number >= 1, got {widening_factor!r}; try widening_factor=2")
    base = None if architecture.variant == "plain" else architecture.base_width or architecture.width
    return replace(architecture, width=round(architecture.width * widening_factor), base_width=base)


def sparse_counts(architecture_base: Architecture, widening_factor: float) -> np.ndarray:
    """Weights left in each of layers(widened(...)) when it keeps as many as its base (figure F.1).

    They are shared out by water-filling (appendices D and F).

    Parameters
    ----------
    architecture_base : Architecture
        Of the variant "plain".
    widening_factor : float, >= 1
        As in `widened`.

    Returns
    -------
    ndarray of int64, shape (n_layers,)

    Raises
    ------
    ValueError
        For a bottleneck: it is the other way to widen.

    """
    if architecture_base.variant != "plain":
        raise ValueError(f"expected a plain architecture to widen by sparsity, got a {architecture_base.variant}; "
                         'try variant="plain", base_width=None')
    wide = layers(widened(architecture_base, widening_factor))
    return distribution.remaining([layer.n_weights for layer in wide], n_weights(architecture_base))


def _convolutions(architecture: Architecture, width: int, narrow: dict[str, int]) -> Iterator[tuple]:
    """Name, shape and stride of the convolutions; the blocks named in `narrow` have that many channels inside."""
    kernel, stride, _, _ = STEMS[architecture.stem]
    yield "stem", (width, 3, kernel, kernel), stride
    n_in = width
    for place, block in enumerate(BLOCKS):
        n_out, stride = width * 2 ** (place // 2), 2 if place in (2, 4, 6) else 1
        inner = narrow.get(block, n_out)
        yield f"{block}_conv1", (inner, n_in, 3, 3), stride
        yield f"{block}_conv2", (n_out, inner, 3, 3), 1
        if stride == 2:
            yield f"{block}_shortcut", (n_out, n_in, 1, 1), stride
        n_in = n_out


def _shapes(architecture: Architecture, width: int, narrow: dict[str, int]) -> Iterator[tuple]:
    """Name, shape and stride of all layers; the convolutions named in `narrow` are two, that many channels between."""
    for name, shape, stride in _convolutions(architecture, width, narrow):
        if name in narrow:
            yield f"{name}_in", (narrow[name], *shape[1:]), stride
            yield f"{name}_out", (shape[0], narrow[name], 1, 1), 1
        else:
            yield name, shape, stride
    yield "linear", (architecture.n_classes, 8 * width), 1


def _bottlenecks(architecture: Architecture) -> dict[str, int]:
    """The channels d_b of each bottleneck, by block (nonlinear) or convolution (linear), as the module says."""
    if architecture.variant == "plain":
        return {}
    base = architecture.base_width or architecture.width
    plain = list(_convolutions(architecture, base, {}))
    if architecture.variant == "linear bottleneck":
        full = {name: min(math.prod(shape[1:]), shape[0]) for name, shape, _ in plain}
    else:
        full = {name.removesuffix("_conv2"): shape[0] for name, shape, _ in plain if name.endswith("_conv2")}
    top = max(full.values())

    def count(narrow: dict[str, int], width: int = architecture.width) -> int:
        return sum(math.prod(shape) for _, shape, _ in _shapes(architecture, width, narrow))

    def scaled(level: int) -> dict[str, int]:
        return {name: max(1, level * channels // top) for name, channels in full.items()}

    total = count(full, base)
    level = bisect.bisect_right(range(1, top + 1), False, key=lambda level: count(scaled(level)) > total)
    if level == 0:
        widest = bisect.bisect_right(range(1, architecture.width), False, key=lambda w: count(scaled(1), w) > total)
        raise ValueError(f"expected a width at which a {architecture.variant} of base_width={base} has its {total} "
                         f"weights, got {architecture.width}; try width={widest}")
    result = scaled(level)
    for name, channels in scaled(min(level + 1, top)).items():
        if count(result | {name: channels}) <= total:
            result[name] = channels
    return result
