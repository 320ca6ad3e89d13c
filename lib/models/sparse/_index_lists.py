"""Index lists of sparse convolutions: which weights and rows of pixels a call of `lib.native.tiles` goes through."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from lib.models.sparse.layout import Layout
from lib.native import tiles


@functools.lru_cache(maxsize=512)
def rows_of(layout: Layout, rows: tuple[int, ...]) -> np.ndarray:
    """Rows of a layout, kept: to make them takes as long as the kernel of a small layer."""
    return layout.rows(*rows)


class Weights(NamedTuple):
    """Index lists for one call of `sums` or `products`: see there; for minibatches of any size but for the rows."""

    steps: int
    rows: tuple[int, ...]  # as `Layout.rows` takes them
    other_rows: tuple[int, ...]
    n_columns: int
    band: int
    starts: np.ndarray
    offsets: np.ndarray
    order: np.ndarray  # of the weights, in the order of the mask, for this call


class Call(NamedTuple):
    """All that one call of `sums` or `products` takes but for the numbers."""

    steps: int
    rows: np.ndarray
    other_rows: np.ndarray
    n_columns: int
    band: int
    channel: int
    starts: np.ndarray
    offsets: np.ndarray
    order: np.ndarray


def sum_up(calls: list[Call], weights: np.ndarray, source: np.ndarray, out: np.ndarray, add: bool) -> None:
    for c in calls:
        if not (add and c.starts[-1, -1] == 0):
            tiles.sums(c.steps, source, c.rows, out, c.other_rows, c.n_columns, c.band, c.channel, c.starts,
                        c.offsets, tiles.taken(weights, c.order), int(add))


def band_of(n_columns: int) -> int:
    """Rows that together fill a tile, however narrow the last columns are."""
    if n_columns == 1:
        return tiles.COLUMN
    last = n_columns & -n_columns
    return max(1, min(8, tiles.PIXELS // min(last, tiles.PIXELS)))


def listed(owner: np.ndarray, source: np.ndarray, offset: np.ndarray, n_owners: int, n_sources: int):
    """starts, offsets and order of weights by segment and owner (the channel that is summed for).

    A segment is of so many source channels that an owner has about eight weights in it, and at least eight channels.
    """
    n = max(1, len(owner))
    size = max(8, -(-8 * n_owners * n_sources // n))
    segment = source // size
    n_segments = -(-n_sources // size)
    order = np.lexsort((offset, owner, segment))
    counts = np.bincount(segment * n_owners + owner, minlength=n_segments * n_owners)
    ends = np.cumsum(counts).reshape(n_segments, n_owners)
    starts = np.concatenate([ends[:, :1] - counts.reshape(ends.shape)[:, :1], ends], axis=1)
    return starts.astype(np.int64), offset[order].astype(np.int32), order.astype(np.int32)
