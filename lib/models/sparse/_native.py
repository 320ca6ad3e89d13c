"""The native path of the torch layers: images NCHW in and out, with the kernels of `lib.models.sparse` in between.

A few groups of sixteen images go into the layout of the kernels, through, and back before the next ones, so that they
are still in the cache when they are read again.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
import torch

from lib.models.sparse import _memory, threads
from lib.models.sparse.convolution import SparseConvolution
from lib.models.sparse.layout import Layout
from lib.native import batch_norm, packing
from lib.native.tiles import LANES

_AT_ONCE = 2**23  # bytes of images, in and out: a part of a last-level cache
_MOST_SIZES = 4  # of minibatches for which everything is prepared


@functools.lru_cache(maxsize=64)
def places(layout: Layout) -> np.ndarray:
    """Where the lanes of each pixel of the first group stand, int64 (n_channels height width,)."""
    channel, row, column = (np.arange(n) for n in (layout.n_channels, layout.height, layout.width))
    return (layout.origin + channel[:, None, None] * layout.channel + row[:, None] * layout.row
            + column * LANES).ravel()


class Images(NamedTuple):
    """A layout with what packing needs."""

    layout: Layout
    places: np.ndarray
    group: int
    size: int

    @staticmethod
    def of(layout: Layout) -> Images:
        return Images(layout, places(layout._replace(n_images=0)), layout.group, layout.size)

    def scratch(self, memory: _memory.Memory, use: str) -> np.ndarray:
        """An array of this layout within one call of the kernels: for one `use` at a time always the same place.

        Small layers then find it in the second-level cache. Where a border has to be zero, or the array is large, it is
        one that is taken.
        """
        kept = self.layout.border == 0 and 4 * self.size <= _memory.ROOM
        return memory.room(use, self.size) if kept else memory.take(self.layout)

    def pack(self, images: np.ndarray, begin: int, end: int, array: np.ndarray) -> np.ndarray:
        """Images from begin up to end, of a flat array, into an array of this layout, whose border is zero."""
        n = len(self.places)
        packing.pack(images[begin * n:end * n], array, end - begin, self.places, self.group)
        return array

    def unpack(self, array: np.ndarray, images: np.ndarray, begin: int, end: int) -> None:
        """The same back."""
        n = len(self.places)
        packing.unpack(array, images[begin * n:end * n], end - begin, self.places, self.group,
                        len(images) >= batch_norm.PAST)


def flat(images: torch.Tensor) -> np.ndarray:
    """The numbers of a tensor in a row, in its own memory where they are."""
    return images.detach().contiguous().numpy().reshape(-1)


class _Part(NamedTuple):
    """Images from begin up to end of a minibatch, and what they need."""

    begin: int
    end: int
    convolution: SparseConvolution
    x: Images
    out: Images
    g: Images
    by_x: Images


class Passes:
    """The three passes of a convolution between images NCHW, for minibatches of any size."""

    def __init__(self, convolution: SparseConvolution):
        self.convolution, self._parts = convolution, {}
        self.n_numbers = math.prod(convolution.x[1:4])  # of an image

    def parts(self, n_images: int) -> list[_Part]:
        """How a minibatch is divided: all parts have as many images but for the last."""
        parts = self._parts.get(n_images)
        if parts is None:
            while len(self._parts) >= _MOST_SIZES:
                del self._parts[next(iter(self._parts))]
            parts = self._parts[n_images] = self._divided(n_images)
        return parts

    def _divided(self, n_images: int) -> list[_Part]:
        whole, parts, same = self.convolution, [], {}
        # The sums of each weight pass by once a part as well.
        at_once = max(_AT_ONCE, 4 * LANES * whole.n_weights)
        step = LANES * max(1, at_once // (4 * (whole.x.group + whole.out.group)))
        for begin in range(0, n_images, step):
            n = min(step, n_images - begin)
            if n not in same:
                c = whole.of_images(-(-n // LANES) * LANES)
                layouts = c.x, c.out, c.out._replace(border=c.padding), c.x._replace(border=0)
                same[n] = c, *map(Images.of, layouts)
            parts.append(_Part(begin, begin + n, *same[n]))
        return parts


class Native(torch.autograd.Function):
    """The sparse convolution of float32 images on the CPU, with both gradients.

    x: any shape that holds whole images (n_in, height, width). shape: of the result, the same.
    """

    @staticmethod
    def forward(ctx, x, weight, passes, shape, memory):
        numbers, weights = flat(x), flat(weight)
        parts = passes.parts(len(numbers) // passes.n_numbers)
        ctx.passes, ctx.memory, first = passes, memory, parts[0]
        with threads.one_at_a_time():
            packed, out = first.x.scratch(memory, "x"), first.out.scratch(memory, "out")
            result = memory.take(shape)
            made = result.reshape(-1)
            for part in parts:
                part.x.pack(numbers, part.begin, part.end, packed)
                part.convolution.forward_unchecked(weights, packed, out)
                part.out.unpack(out, made, part.begin, part.end)
        ctx.save_for_backward(x, weight)
        return torch.from_numpy(result)

    @staticmethod
    def backward(ctx, grad_output):
        refuse_second_derivatives()
        x, weight = ctx.saved_tensors
        passes, memory, by_x, by_weight = ctx.passes, ctx.memory, None, None
        numbers, grad_outputs, weights = flat(x), flat(grad_output), flat(weight)
        parts, border = passes.parts(len(numbers) // passes.n_numbers), passes.convolution.padding
        first = parts[0]
        with threads.one_at_a_time():
            grad = first.g.scratch(memory, "out")
            if ctx.needs_input_grad[0]:
                out, by_x = first.by_x.scratch(memory, "x"), memory.take(tuple(x.shape))  # x is used before
                made = by_x.reshape(-1)
            if ctx.needs_input_grad[1]:
                packed, partial = first.x.scratch(memory, "x"), memory.partial(len(weights))
                by_weight = np.empty(len(weights), np.float32)
            for part in parts:
                part.g.pack(grad_outputs, part.begin, part.end, grad)
                if by_weight is not None:
                    part.x.pack(numbers, part.begin, part.end, packed)
                    part.convolution.weight_gradient_unchecked(packed, grad, border, by_weight, partial,
                                                               add=part.begin > 0)
                if by_x is not None:
                    part.convolution.backward_unchecked(weights, grad, border, out)
                    part.by_x.unpack(out, made, part.begin, part.end)
        results = [None if array is None else torch.from_numpy(array) for array in (by_x, by_weight)]
        return *results, None, None, None


def refuse_second_derivatives() -> None:
    """RuntimeError where autograd wants to differentiate a backward pass."""
    if torch.is_grad_enabled():
        raise RuntimeError('expected first derivatives of a native sparse layer, got create_graph=True; try '
                           'path="dense"')
