"""Arrays of layouts and results that are used again: fresh pages of the system take longer than what is written there.

The layers in `lib.models.sparse.layers` hold one `Memory` together; it goes with the last of them.
"""

from __future__ import annotations

import math
import threading
import weakref

import numpy as np

from lib.models.sparse.layout import Layout, empty, zeros
from lib.native.tiles import LANES

MOST = 2**30  # bytes that are kept for the next call
SMALL = 2**20  # bytes of an array that is not worth it
ROOM = 2**24  # bytes of a scratch array that is kept for its use


class Memory:
    """Arrays that nobody refers to any more, by what they were made for; those of the least recent use go first."""

    def __init__(self):
        self._free: dict[Layout | tuple[int, ...], list[np.ndarray]] = {}
        self._rooms: dict[str, np.ndarray] = {}
        self._changing = threading.RLock()  # an array may be left in the middle of anything, in the same thread too

    @property
    def n_bytes(self) -> int:
        """Bytes that are kept and not in use."""
        with self._changing:
            return sum(array.nbytes for arrays in self._free.values() for array in arrays)

    def take(self, key: Layout | tuple[int, ...]) -> np.ndarray:
        """A flat float32 array of a layout, zero in its border, or one of this shape; what else is in it is left over.

        It returns to here when nobody refers to it.
        """
        size, border = (key.size, key.border) if isinstance(key, Layout) else (math.prod(key), 0)
        shape = (size,) if isinstance(key, Layout) else key
        if 4 * size < SMALL:
            return (zeros(size) if border else empty(size)).reshape(shape)
        with self._changing:
            free = self._free.pop(key, [])
            whole = free.pop() if free else None
            if free:
                self._free[key] = free  # as the most recent
            while whole is None and self._free and self.n_bytes + 4 * size > MOST:
                del self._free[next(iter(self._free))]
        if whole is None:
            whole = zeros(size)
        # This very object is what a tensor's storage holds on to; views of it by others refer to the tensor.
        array = whole.reshape(shape)
        weakref.finalize(array, _give_back, weakref.ref(self), key, whole).atexit = False
        return array

    def partial(self, n_weights: int) -> np.ndarray:
        """Room for sixteen sums a weight, the same for all layers."""
        return self.room("partial", LANES * n_weights)

    def room(self, use: str, size: int) -> np.ndarray:
        """So many numbers or more; whoever asks next for the same use gets the same place."""
        room = self._rooms.get(use)
        if room is None or len(room) < size:
            room = self._rooms[use] = zeros(size)
        return room


def _give_back(memory: weakref.ref, key: Layout | tuple[int, ...], whole: np.ndarray) -> None:
    memory = memory()
    if memory is not None:
        with memory._changing:
            if memory.n_bytes + whole.nbytes <= MOST:
                memory._free.setdefault(key, []).append(whole)


_SHARED: weakref.ref | None = None


def shared() -> Memory:
    """The memory of all who hold it; a new one where nobody does."""
    global _SHARED
    memory = _SHARED() if _SHARED is not None else None
    if memory is None:
        memory = Memory()
        _SHARED = weakref.ref(memory)
    return memory
