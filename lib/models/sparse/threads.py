"""Who may start the compiled loops, and when.

One caller at a time, as they take all threads anyway, and no process that was forked from a running one."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

import numba

_turn, _forked = threading.Lock(), False


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Around calls of the kernels by whoever may have company: they take all threads anyway.

    Their loops cannot be started twice at once everywhere.

    Yields
    ------
    None

    Raises
    ------
    RuntimeError
        In a process that cannot start them, see `usable`.

    """
    if not usable():
        raise RuntimeError("expected a process of its own for the native kernels, got one that was forked after their "
                           "threads had started, which do not outlive that; try the start method 'spawn', or the "
                           "environment variable NUMBA_THREADING_LAYER=workqueue")
    with _turn:
        yield


def usable() -> bool:
    """Whether this process can start the kernels.

    GNU OpenMP ends a process that was forked from a running one.

    Returns
    -------
    bool

    """
    return not _forked


def _after_fork() -> None:
    global _turn, _forked
    _turn = threading.Lock()  # another thread of the parent may have held it
    with contextlib.suppress(ValueError):  # raised where no loop has run yet
        _forked = numba.threading_layer() == "omp"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
