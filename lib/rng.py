"""Named random streams: everything random in the book follows from one seed and the name of its use.

A name fixes a stream, so that adding a draw in one place changes no number in another, and points of a sweep
give the same numbers in whichever order, and in however many processes, they run.
"""

import hashlib
import json

import numpy as np

from lib.checks import is_integer


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The generator of one use, such as ``stream(seed, "gibbs", chain)``.

    Equal arguments give equal numbers.

    Parameters
    ----------
    seed : int
        At least 0.
    *names : str or int
        The name of the use.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    ValueError
        For another seed, and for names that are neither str nor int.

    """
    return np.random.Generator(np.random.PCG64(int.from_bytes(_digest(seed, names))))


def child_seed(seed: int, *names: str | int) -> int:
    """A seed for one use, for code that takes a number instead of a generator.

    Parameters
    ----------
    seed : int
        At least 0.
    *names : str or int
        The name of the use.

    Returns
    -------
    int
        Between 0 and 2^63 - 1.

    Raises
    ------
    ValueError
        As `stream` does.

    """
    # 63 bits, because the seed must fit int64 in numba, torch and a table.
    return int.from_bytes(_digest(seed, names)[:8]) >> 1


def _digest(seed: int, names: tuple[str | int, ...]) -> bytes:
    if not is_integer(seed) or seed < 0:
        raise ValueError(f"expected seed to be an integer >= 0, got {seed!r}; try seed=1")
    for name in names:
        if not isinstance(name, str) and not is_integer(name):
            raise ValueError(f"expected names of a random stream to be str or int, got {name!r}; "
                             f"try {str(name)!r}")
    # JSON keeps 1 and "1" apart, and ("a", "b") and ("ab",).
    parts = [int(seed), *(name if isinstance(name, str) else int(name) for name in names)]
    return hashlib.sha256(json.dumps(parts).encode()).digest()
