"""Where the pixels of a minibatch lie in memory: groups of sixteen images, side by side, within a border of zeros."""

from __future__ import annotations

import mmap
from typing import NamedTuple

import numpy as np

from lib.native.tiles import LANES

_PAGE = 2**21  # bytes of a huge page
_STAGGER = 5 * LANES  # between groups of images: those of 2^n pixels would compete for the same places in the cache


def zeros(n: int) -> np.ndarray:
    """n float32 zeros from a multiple of 64 bytes on, in huge pages where the system has them.

    A tile touches hundreds of channels, each on another page: with pages of 4 kB their addresses
    would not fit the processor's table.

    Parameters
    ----------
    n : int
        How many.

    Returns
    -------
    ndarray of float32, shape (n,)

    """
    n_bytes = max(4 * n, 64)
    if n_bytes < _PAGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return _aligned(np.zeros(n_bytes // 4 + LANES, np.float32), n)
    area = mmap.mmap(-1, n_bytes + _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        area.madvise(mmap.MADV_HUGEPAGE)
    except OSError:  # a system built without them: the same numbers, more slowly
        pass
    raw = np.frombuffer(area, np.uint8)
    begin = -raw.ctypes.data % _PAGE
    return raw[begin:begin + 4 * n].view(np.float32)


def empty(n: int) -> np.ndarray:
    """n float32 numbers, whatever they are, that start at a multiple of 64 bytes.

    Registers of sixteen numbers that lie across two lines of the cache take twice the time.

    Parameters
    ----------
    n : int
        How many.

    Returns
    -------
    ndarray of float32, shape (n,)

    """
    return _aligned(np.empty(n + LANES, np.float32), n)


def _aligned(raw: np.ndarray, n: int) -> np.ndarray:
    begin = -raw.__array_interface__["data"][0] % 64 // 4
    return raw[begin:begin + n]


class Arena:
    """Arrays of zeros one after another in a few large areas, for what lives as long as they do.

    An array of its own would be rounded up to whole huge pages.
    """

    _AREA = 2**24  # numbers

    def __init__(self):
        self._free = np.zeros(0, np.float32)

    def zeros(self, n: int) -> np.ndarray:
        """As the function `zeros`, out of larger areas.

        Parameters
        ----------
        n : int
            How many numbers.

        Returns
        -------
        ndarray of float32, shape (n,)
            All zero.

        """
        whole = -(-n // LANES) * LANES
        if len(self._free) < whole:
            self._free = zeros(max(whole, self._AREA))  # memory that is never touched takes no place
        array, self._free = self._free[:n], self._free[whole:]
        return array


class Layout(NamedTuple):
    """Images in groups of sixteen, [group, channel, row, column, lane], within a border of zeros.

    The last group is filled up with lanes of zeros.

    Attributes
    ----------
    n_images, n_channels : int
        Images of the minibatch, and channels of each.
    height, width : int
        Of an image, in pixels.
    border : int
        Pixels on each side, 0 by default; a convolution reads into it.

    """

    n_images: int
    n_channels: int
    height: int
    width: int
    border: int = 0

    @property
    def n_groups(self) -> int:
        """Groups of sixteen images, the last one perhaps with empty lanes."""
        return -(-self.n_images // LANES)

    @property
    def row(self) -> int:
        """Numbers from a row to the next."""
        return (self.width + 2 * self.border) * LANES

    @property
    def channel(self) -> int:
        """Numbers from a channel to the next."""
        return (self.height + 2 * self.border) * self.row

    @property
    def group(self) -> int:
        """Numbers from a group of images to the next."""
        return self.n_channels * self.channel + _STAGGER

    @property
    def origin(self) -> int:
        """Where the first pixel inside the border stands."""
        return self.border * (self.row + LANES)

    @property
    def size(self) -> int:
        """Numbers in all."""
        return self.n_groups * self.group

    @property
    def pixels(self) -> tuple[int, int, int]:
        """n_images, height and width."""
        return self.n_images, self.height, self.width

    @property
    def place(self) -> tuple[int, int, int, int]:
        """Numbers from a group, channel and row to the next, and where the first pixel stands."""
        return self.group, self.channel, self.row, self.origin

    def zeros(self) -> np.ndarray:
        """A flat array of this layout, all zero.

        Returns
        -------
        ndarray of float32, shape (size,)

        """
        return zeros(self.size)

    def clear_border(self, array: np.ndarray) -> None:
        """Set the border to zero, after the array has served another layout.

        Parameters
        ----------
        array : ndarray of float32, shape (size,)
            Of this layout; changed in place.

        """
        whole = self._replace(height=self.height + 2 * self.border, width=self.width + 2 * self.border, border=0)
        view, b = whole.view(array), self.border
        if b:
            view[:, :, :b], view[:, :, -b:], view[:, :, :, :b], view[:, :, :, -b:] = 0, 0, 0, 0

    def rows(self, first: int, step: int, n: int, column: int) -> np.ndarray:
        """Where column `column` of some rows of every group stands.

        Parameters
        ----------
        first, step, n : int
            The rows first, first + step, ..., n of them, counted from the first inside the border.
        column : int
            The column, counted likewise.

        Returns
        -------
        ndarray of int64, shape (n_groups * n,)
            Places in a flat array of this layout.

        """
        rows = self.origin + (first + step * np.arange(n)) * self.row + column * LANES
        return (np.arange(self.n_groups)[:, None] * self.group + rows).ravel()

    def view(self, array: np.ndarray) -> np.ndarray:
        """The pixels within the border, without copying.

        Parameters
        ----------
        array : ndarray of float32
            Flat, of this layout.

        Returns
        -------
        ndarray, shape (n_groups, n_channels, height, width, 16)

        """
        strides = tuple(4 * step for step in (self.group, self.channel, self.row, LANES, 1))
        shape = (self.n_groups, self.n_channels, self.height, self.width, LANES)
        return np.lib.stride_tricks.as_strided(array[self.origin:], shape, strides)

    def pack(self, images: np.ndarray, array: np.ndarray) -> None:
        """Write images into an array of this layout.

        Parameters
        ----------
        images : ndarray, shape (n_images, n_channels, height, width)
            What to write.
        array : ndarray of float32
            Flat, of this layout.

        """
        view, n_full = self.view(array), len(images) // LANES
        whole = images[:n_full * LANES].reshape(n_full, LANES, *images.shape[1:])
        view[:n_full] = whole.transpose(0, 2, 3, 4, 1)
        if n_full < self.n_groups:
            view[n_full, ..., :len(images) - n_full * LANES] = images[n_full * LANES:].transpose(1, 2, 3, 0)

    def unpack(self, array: np.ndarray) -> np.ndarray:
        """The images in an array of this layout, as an array of their own.

        Parameters
        ----------
        array : ndarray of float32
            Flat, of this layout.

        Returns
        -------
        ndarray of float32, shape (n_images, n_channels, height, width)

        """
        view, n_full = self.view(array).transpose(0, 4, 1, 2, 3), self.n_images // LANES
        images = np.empty((self.n_images, *view.shape[2:]), np.float32)
        images[:n_full * LANES].reshape(n_full, LANES, *view.shape[2:])[:] = view[:n_full]
        if n_full < self.n_groups:
            images[n_full * LANES:] = view[n_full, :self.n_images - n_full * LANES]
        return images
