"""What every kernel takes, checked in one place, and kernels of many inputs filled block by block.

A kernel of n and m inputs is an array (n, m), but the steps of its formula need not be: `in_blocks` applies a formula
to some inputs at a time, so that all arrays besides the result stay at a few MiB.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from lib.checks import as_array, require_count
from lib.memory import require_memory

BLOCK = 256  # inputs on either side: half a MiB an array, so that those of a formula stay in the caches
_LENGTHS = 1e-70, 1e70  # so that products of two squared lengths neither vanish nor overflow

Formula = Callable[[np.ndarray, np.ndarray], np.ndarray]


def as_inputs(x: ArrayLike, name: str = "x") -> np.ndarray:
    """Inputs as a contiguous table of float64; what is so already is not copied.

    Parameters
    ----------
    x : array_like, shape (n_inputs, n_features)
        Nested lists, numpy array or torch tensor of real numbers; neither length is 0.
    name : str, default "x"
        What the messages call it.

    Returns
    -------
    ndarray of float64, shape (n_inputs, n_features)

    Raises
    ------
    ValueError
        For another number of axes, for what holds no numbers, for NaN and infinity, and for a row
        whose largest entry is above 1e70 or below 1e-70 (but not 0): the square of its squared
        length would overflow or vanish. Try to divide by the largest entry.

    """
    x = as_array(x, name)
    if x.ndim != 2 or 0 in x.shape:
        hint = "at least one input of one feature" if 0 in x.shape or x.ndim == 0 else \
            f"numpy.atleast_2d({name}) for one input" if x.ndim == 1 else f"{name}.reshape(len({name}), -1)"
        raise ValueError(f"expected {name} as a table (n_inputs, n_features), neither of them 0, got shape {x.shape}; "
                         f"try {hint}")
    x = np.ascontiguousarray(x, np.float64)
    largest = np.maximum(x.max(1), -x.min(1))  # of each row; NaN stays NaN
    if not np.isfinite(largest).all():
        row = int(np.argmin(np.isfinite(largest)))
        column = int(np.argmin(np.isfinite(x[row])))
        raise ValueError(f"expected {name} with finite entries, got {x[row, column]} in row {row}, column {column} "
                         "(counted from 0); try to clean that row")
    wrong = (largest > _LENGTHS[1]) | ((largest < _LENGTHS[0]) & (largest > 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"expected {name} with rows whose largest entry is 0 or from 1e-70 to 1e70, got "
                         f"{largest[row]:.3g} in row {row} (counted from 0); try {name} / numpy.abs({name}).max(), "
                         "or 0 in place of what is that small")
    return x


def as_pair(x: ArrayLike, y: ArrayLike | None) -> tuple[np.ndarray, np.ndarray, bool]:
    """Two sets of inputs as in `as_inputs`, and whether they are one.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Inputs, one a row.
    y : array_like, shape (m, d), or None
        None stands for x.

    Returns
    -------
    x : ndarray of float64, shape (n, d)
    y : ndarray of float64, shape (m, d)
    same : bool
        Whether y was None.

    Raises
    ------
    ValueError
        As `as_inputs`, and for inputs of different length.

    """
    x = as_inputs(x)
    if y is None:
        return x, x, True
    y = as_inputs(y, "y")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"expected x and y with the same number of features, got {x.shape[1]} and {y.shape[1]}; "
                         "try the columns that both have")
    return x, y, False


def in_blocks(function: Formula, x: ArrayLike, y: ArrayLike | None = None, *, rows: int | None = None,
              out: np.ndarray | None = None, limit_bytes: int | None = None) -> np.ndarray:
    """The array (n, m) of a formula of two sets of inputs, filled a square block at a time.

    Parameters
    ----------
    function : callable
        Takes inputs (b, d) and (c, d), gives (b, c), each entry from its own two inputs.
    x : array_like, shape (n, d)
        Inputs, one a row.
    y : array_like, shape (m, d), optional
        If not given it is x itself: then the formula is taken to be symmetric, half of it is
        computed, and the result is exactly symmetric.
    rows : int, default 256
        Inputs on either side of a block.
    out : ndarray of float64, shape (n, m), optional
        Where to write.
    limit_bytes : int, optional
        The memory that the result may take, else what is free.

    Returns
    -------
    ndarray of float64, shape (n, m)
        out, where it is given.

    Raises
    ------
    ValueError
        For a result that takes more memory: try `row_blocks`; and for an out of another shape or
        type.

    """
    x, y, same = as_pair(x, y)
    n, m = len(x), len(y)
    if out is None:
        require_results(n, m, limit_bytes=limit_bytes)
        out = np.empty((n, m))
    elif out.shape != (n, m) or out.dtype != np.float64:
        raise ValueError(f"expected out as float64 {(n, m)}, got {out.dtype} {out.shape}; try numpy.empty({(n, m)})")
    rows = BLOCK if rows is None else require_count("rows", rows)
    for block in _blocks(n, rows):
        for other in _blocks(m, rows, block.start if same else 0):
            part = function(x[block], y[other])
            if same and other == block:
                part = np.triu(part) + np.triu(part, 1).T
            out[block, other] = part
            if same and other != block:
                out[other, block] = part.T
    return out


def row_blocks(function: Formula, x: ArrayLike, y: ArrayLike | None = None, *,
               rows: int | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """The same as `in_blocks` a few rows at a time, for those who need not keep the whole.

    For instance ``row_blocks(arc_cosine, x)`` yields some rows of ``arc_cosine(x)`` at a time.

    Parameters
    ----------
    function : callable
        As in `in_blocks`; here it need not be symmetric.
    x : array_like, shape (n, d)
        Inputs, one a row.
    y : array_like, shape (m, d), optional
        x itself if not given.
    rows : int, optional
        How many rows at a time, else as many as make a block of 8 MiB.

    Returns
    -------
    iterator of (slice, ndarray)
        Which rows they are, and the block, shape (rows, m).

    """
    x, y, _ = as_pair(x, y)
    rows = max(1, 16 * BLOCK**2 // len(y)) if rows is None else require_count("rows", rows)
    return ((block, function(x[block], y)) for block in _blocks(len(x), rows))


def require_results(n: int, m: int, n_results: int = 1, *, limit_bytes: int | None = None) -> None:
    """Refuse, before the work, results (n, m) of float64 that take more memory than they may.

    Parameters
    ----------
    n, m : int
        Numbers of inputs.
    n_results : int, default 1
        How many arrays (n, m) there will be.
    limit_bytes : int, optional
        The memory that they may take, else what is free.

    Raises
    ------
    ValueError
        For results that take more: try `row_blocks`.

    """
    limit = available_memory() if limit_bytes is None else limit_bytes
    if limit is not None:
        what = f"{'the kernel' if n_results == 1 else f'{n_results} kernels'} of {n} and {m} inputs"
        require_memory(8 * n * m * n_results, what, limit=limit,
                       hint="lib.kernels.inputs.row_blocks(kernel, x, y), which needs a few rows of it at a time; of "
                            "analytic, kernel=lambda x, y: analytic(x, y, depth=3).ntk")


def available_memory() -> int | None:
    """Bytes that can be had without swapping, or None where the system does not say.

    Returns
    -------
    int or None

    """
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:  # no Linux
        return None
    return int(found[1]) * 1024 if found else None


def _blocks(n: int, rows: int, start: int = 0) -> Iterator[slice]:
    return (slice(begin, min(begin + rows, n)) for begin in range(start, n, rows))
