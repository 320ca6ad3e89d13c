"""Layers with static sparse weights that take time for the weights which exist, and no others.

`Layout` says where the pixels of a minibatch lie in memory, and `SparseConvolution` is a convolution (or, with
kernel 1 on images of one pixel, a linear layer) between two such layouts: forward and both gradients by the kernels in
`lib.native.tiles`. `lib.models.resnet.native` builds a network of them; `lib.models.sparse.layers` has the same
layers for torch.
"""

from __future__ import annotations

import copy

import numba
import numpy as np

from lib.checks import as_array
from lib.models.sparse._index_lists import Call, Weights, band_of, listed, rows_of, sum_up
from lib.models.sparse.layout import Layout, zeros
from lib.native import tiles
from lib.native.tiles import LANES

_BLOCK = 2**19  # bytes of gradients: half of a second-level cache


def _checked(name: str, array: np.ndarray, size: int, exact: bool = False) -> np.ndarray:
    """The array, where the kernels, which check nothing, can work in it."""
    if not isinstance(array, np.ndarray) or array.dtype != np.float32 or array.ndim != 1 \
            or not array.flags.c_contiguous or array.size < size or exact and array.size != size:
        got = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f"expected {name} as a flat, contiguous float32 array of {size} numbers"
                         f"{'' if exact else ' or more'}, got {got}; try layout.zeros() and layout.pack(images, array)")
    return array


class SparseConvolution:
    """A convolution whose weights exist where mask is True, from images in layout x to layout out.

    Pixels outside the image count as zero (padding kernel // 2).

    Parameters
    ----------
    mask : ndarray of bool, shape (n_out, n_in, kernel, kernel)
        Where weights exist, kernel odd; weights are numbers in the order of ``np.nonzero(mask)``.
    stride : {1, 2}
        An image of `size` pixels becomes one of ceil(size / stride).
    x : Layout
        Of the images, n_in channels within a border of kernel // 2 or more.
    out_border : int
        Pixels around the result, 0 by default.

    Attributes
    ----------
    x, out : Layout
        Of the images and of the result.
    mask_shape : tuple of int
        (n_out, n_in, kernel, kernel).
    padding, stride : int
        kernel // 2, and the stride.
    n_weights : int
        Weights that exist.

    Raises
    ------
    ValueError
        For what does not fit together, and for 2^31 numbers or more in sixteen images (try smaller
        images, or a dense layer).

    """

    def __init__(self, mask: np.ndarray, stride: int, x: Layout, out_border: int = 0):
        mask = as_array(mask, "mask")
        if mask.dtype != bool or mask.ndim != 4 or mask.shape[2] != mask.shape[3] or mask.shape[2] % 2 == 0 \
                or 0 in mask.shape:
            raise ValueError(f"expected a bool mask (n_out, n_in, kernel, kernel) with an odd kernel, got {mask.dtype} "
                             f"of shape {mask.shape}; try mask[:, :, None, None] for a linear layer")
        self.padding, self.stride = mask.shape[2] // 2, stride
        if isinstance(stride, bool) or stride not in (1, 2) or x.n_channels != mask.shape[1] or x.border < self.padding:
            raise ValueError(f"expected stride 1 or 2 and images of {mask.shape[1]} channels within a border of "
                             f"{self.padding} or more, got stride={stride} and {x}")
        self.x, self.mask_shape = x, mask.shape
        self.out = Layout(x.n_images, mask.shape[0], -(-x.height // stride), -(-x.width // stride), out_border)
        self._indices = np.flatnonzero(mask).astype(np.int32 if mask.size < 2**31 else np.int64)
        self.n_weights = len(self._indices)
        largest = max(x.group, self.out._replace(border=max(out_border, self.padding)).group)
        if largest >= 2**31:  # offsets are int32
            raise ValueError(f"expected fewer than 2^31 numbers in sixteen images, got {largest}; try smaller images, "
                             "or a dense layer")
        self._lists: dict[object, list[Weights]] = {}
        self._calls: dict[object, object] = {}  # prepared for this size of a minibatch

    def of_images(self, n_images: int) -> SparseConvolution:
        """The same convolution for minibatches of another size; both share their index lists.

        Parameters
        ----------
        n_images : int
            Images of a minibatch, at least 1.

        Returns
        -------
        SparseConvolution

        """
        other = copy.copy(self)
        other._calls = {}
        other.x, other.out = self.x._replace(n_images=n_images), self.out._replace(n_images=n_images)
        return other

    @property
    def multiply_adds(self) -> int:
        """Of a weight and a pixel, in one forward pass of one image."""
        return self.n_weights * self.out.height * self.out.width

    @property
    def _places(self) -> tuple[np.ndarray, ...]:
        """Output, input, row and column of each weight, int64."""
        return np.unravel_index(self._indices, self.mask_shape)

    @property
    def _forward(self) -> Weights:
        if "forward" not in self._lists:
            n_out, n_in, (channel, source, y, x) = *self.mask_shape[:2], self._places
            offset = source * self.x.channel + y * self.x.row + x * LANES
            rows = -self.padding, self.stride, self.out.height, -self.padding
            self._lists["forward"] = [Weights(
                self._steps(self.stride, 1), rows, (0, 1, self.out.height, 0), self.out.width,
                band_of(self.out.width), *listed(channel, source, offset, n_out, n_in))]
        return self._lists["forward"][0]

    def forward(self, weights: np.ndarray, x: np.ndarray, out: np.ndarray, add: bool = False) -> None:
        """Convolve x into out.

        Parameters
        ----------
        weights : ndarray of float32, shape (n_weights,)
            In the order of the mask.
        x, out : ndarray of float32
            Flat arrays of the two layouts.
        add : bool
            Add to out rather than replace it; False by default.

        Raises
        ------
        ValueError
            For arrays that are not flat, contiguous and float32, or of a length that does not fit.

        """
        _checked("weights", weights, self.n_weights, exact=True)
        _checked("x", x, self.x.size), _checked("out", out, self.out.size)
        self.forward_unchecked(weights, x, out, add)

    def forward_unchecked(self, weights: np.ndarray, x: np.ndarray, out: np.ndarray, add: bool = False) -> None:
        """`forward` for who knows that the arrays fit.

        The kernels check no bounds, and checks take as long as they.

        Parameters
        ----------
        weights : ndarray of float32, shape (n_weights,)
            Of the weights that exist.
        x, out : ndarray of float32
            Images and results, flat, in the layouts `x` and `out`.
        add : bool
            Whether the result is added to what out holds; else it takes its place.

        """
        if "forward" not in self._calls:
            self._calls["forward"] = [self._call(self._forward, self.x, self.out)]
        sum_up(self._calls["forward"], weights, x, out, add)

    @staticmethod
    def _call(w: Weights, source: Layout, out: Layout) -> Call:
        return Call(w.steps, rows_of(source, w.rows), rows_of(out, w.other_rows), w.n_columns, w.band, out.channel,
                     w.starts, w.offsets, w.order)

    def _backward(self, g: Layout) -> list[Weights]:
        """Pixels of x an even and an odd number of strides away from a border feel different weights."""
        if g.border not in self._lists:
            n_out, n_in, (channel, source, y, x) = *self.mask_shape[:2], self._places
            s, lists = self.stride, []
            for y0 in range(min(s, self.x.height)):
                for x0 in range(min(s, self.x.width)):
                    dy, dx = y0 + self.padding - y, x0 + self.padding - x
                    felt = np.flatnonzero((dy % s == 0) & (dx % s == 0))
                    offset = (channel * g.channel + dy // s * g.row + dx // s * LANES)[felt]
                    n_rows, n_columns = -(-(self.x.height - y0) // s), -(-(self.x.width - x0) // s)
                    starts, offsets, order = listed(source[felt], channel[felt], offset, n_in, n_out)
                    lists.append(Weights(self._steps(1, s), (0, 1, n_rows, 0), (y0, s, n_rows, x0), n_columns,
                                          band_of(n_columns), starts, offsets, felt[order].astype(np.int32)))
            self._lists[g.border] = lists
        return self._lists[g.border]

    def backward(self, weights: np.ndarray, g: np.ndarray, g_border: int, out: np.ndarray, add: bool = False) -> None:
        """Gradient by x, from the gradient g by the output.

        Parameters
        ----------
        weights : ndarray of float32, shape (n_weights,)
            In the order of the mask.
        g : ndarray of float32
            Flat, of layout out within a border of g_border.
        g_border : int
            Pixels around g, at least `padding`.
        out : ndarray of float32
            For the gradient by x: flat, of layout x without border.
        add : bool
            Add to out rather than replace it; False by default.

        Raises
        ------
        ValueError
            For a narrower border, and for arrays that are not flat, contiguous and float32, or of a
            length that does not fit.

        """
        _checked("weights", weights, self.n_weights, exact=True)
        _checked("g", g, self._grad_layout(g_border).size), _checked("out", out, self.x._replace(border=0).size)
        self.backward_unchecked(weights, g, g_border, out, add)

    def backward_unchecked(self, weights: np.ndarray, g: np.ndarray, g_border: int, out: np.ndarray,
                           add: bool = False) -> None:
        """`backward` for who knows that the arrays fit.

        Parameters
        ----------
        weights : ndarray of float32, shape (n_weights,)
            Of the weights that exist.
        g : ndarray of float32
            Errors of the output, flat, in its layout with the border g_border.
        g_border : int
            Pixels of border around them.
        out : ndarray of float32
            Where the errors of the input go, flat, in its layout without a border.
        add : bool
            Whether the result is added to what out holds; else it takes its place.

        """
        if g_border not in self._calls:
            plain, g_layout = self.x._replace(border=0), self._grad_layout(g_border)
            self._calls[g_border] = [self._call(b, g_layout, plain) for b in self._backward(g_layout)]
        sum_up(self._calls[g_border], weights, g, out, add)

    def weight_gradient(self, x: np.ndarray, g: np.ndarray, g_border: int, out: np.ndarray,
                        partial: np.ndarray | None = None, add: bool = False) -> None:
        """Gradient by the weights, from x and the gradient g by the output.

        Parameters
        ----------
        x : ndarray of float32
            Flat, of layout x.
        g : ndarray of float32
            Flat, of layout out within a border of g_border.
        g_border : int
            Pixels around g.
        out : ndarray of float32, shape (n_weights,)
            For the gradient.
        partial : ndarray of float32, shape (16 n_weights,) or longer, or None
            Room for 16 sums a weight, which layers can share; None, the default, takes some.
        add : bool
            On top of the sums that a call for other images has left in partial; False by default.

        Raises
        ------
        ValueError
            For arrays that are not flat, contiguous and float32, or of a length that does not fit.

        """
        _checked("x", x, self.x.size), _checked("g", g, self.out._replace(border=g_border).size)
        _checked("the gradient by the weights", out, self.n_weights, exact=True)
        n_partial = LANES * self.n_weights
        partial = zeros(n_partial) if partial is None else _checked("partial", partial, n_partial)
        self.weight_gradient_unchecked(x, g, g_border, out, partial, add)

    def weight_gradient_unchecked(self, x: np.ndarray, g: np.ndarray, g_border: int, out: np.ndarray,
                                  partial: np.ndarray, add: bool = False) -> None:
        """`weight_gradient` for who knows that the arrays fit.

        Parameters
        ----------
        x : ndarray of float32
            Images, flat, in the layout `x`.
        g : ndarray of float32
            Errors of the output, flat, in its layout with the border g_border.
        g_border : int
            Pixels of border around them.
        out : ndarray of float32, shape (n_weights,)
            Where the gradient goes.
        partial : ndarray of float32
            Room for 16 sums a weight, as in `weight_gradient`.
        add : bool
            On top of the sums that a call for other images has left in partial; False by default.

        """
        key = "products", g_border
        if key not in self._calls:
            g_layout = self.out._replace(border=g_border)
            call = self._call(self._forward._replace(other_rows=(0, 1, self.out.height, 0)), self.x, g_layout)
            # Errors of so many rows stay in the second-level cache while the segments pass by.
            bands = _BLOCK // (4 * LANES * self.out.n_channels * call.n_columns * call.band)
            self._calls[key] = call, call.band * max(1, bands)
        f, block = self._calls[key]
        tiles.products(f.steps, x, f.rows, g, f.other_rows, f.n_columns, f.band, f.channel, f.starts, f.offsets,
                        partial, numba.get_num_threads(), block, int(add))
        tiles.lane_totals(partial, f.order, out)

    def _grad_layout(self, border: int) -> Layout:
        if border < self.padding:
            raise ValueError(f"expected the gradient by the output within a border of {self.padding} or more, got "
                             f"{border}; try out._replace(border={self.padding})")
        return self.out._replace(border=border)

    @staticmethod
    def _steps(x_step: int, out_step: int) -> int:
        return tiles.STEPS.index((x_step, out_step))
