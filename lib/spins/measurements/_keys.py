"""The bits that keys of counts mean, as texts or as whole numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from lib.spins.measurements.checking import number, short, wrong


def from_strings(keys: Sequence[str], source: str, n_sites: int | None = None) -> np.ndarray:
    """Strings of 0 and 1 as bits, the first letter in column 0.

    Parameters
    ----------
    keys : list of str
        The outcomes.
    source : str
        What messages call it.
    n_sites : int or None
        Their length, if it is known.

    Returns
    -------
    ndarray of uint8, shape (n_keys, n_sites)

    Raises
    ------
    ValueError
        For no outcome, other letters, and different lengths.

    """
    if not keys:
        raise wrong(source, "at least one outcome", "none", "another file")
    width = len(keys[0]) if n_sites is None else n_sites
    for place, key in enumerate(keys):
        if len(key) != width or not key:
            hint = "n_sites=, the number of bits, if leading zeros were dropped" if n_sites is None else \
                f"n_sites={len(key)}, or the file of {n_sites} sites"
            raise wrong(source, f"outcomes of {width} bits" + ("" if n_sites else ", as the first"),
                        f"{len(key)} in {short(key)}", hint, f"outcome {place + 1}")
    letters = np.frombuffer("".join(keys).encode("ascii", "replace"), dtype=np.uint8).reshape(len(keys), width)
    bad = (letters != ord("0")) & (letters != ord("1"))
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise wrong(source, "outcomes of the letters 0 and 1", f"{keys[row][column]!r} in {short(keys[row])}",
                    "to clean that outcome", f"outcome {row + 1}, letter {column + 1}")
    return letters & 1


def from_numbers(keys: Sequence, n_sites: object, source: str) -> np.ndarray:
    """Outcomes that are whole numbers as bits, the highest bit in column 0.

    Parameters
    ----------
    keys : list of int or str
        The outcomes.
    n_sites : int
        The number of qubits.
    source : str
        What messages call it.

    Returns
    -------
    ndarray of uint8, shape (n_keys, n_sites)

    Raises
    ------
    ValueError
        For an n_sites that is None or too small, and for other outcomes.

    """
    if n_sites is None:
        raise wrong(source, "n_sites=, the number of qubits, which whole numbers do not tell", "none", "n_sites=10")
    width = number(n_sites, source, "the number of qubits", least=1)
    values = [number(key, source, "an outcome", f"outcome {place + 1}") for place, key in enumerate(keys)]
    over = next((value for value in values if value >> width), None)
    if over is not None:
        raise wrong(source, f"outcomes below 2^{width} of {width} qubits", f"{over}", f"n_sites={over.bit_length()}")
    return from_strings([format(value, f"0{width}b") for value in values], source, width)


def are_numbers(keys: Sequence) -> bool:
    """Whether the outcomes are whole numbers, or such numbers as JSON writes names.

    Parameters
    ----------
    keys : sequence
        Outcomes.

    Returns
    -------
    bool
        False without any.

    """
    return bool(keys) and all(
        isinstance(key, (int, np.integer)) and not isinstance(key, (bool, np.bool_))
        or isinstance(key, str) and re.fullmatch("0|[1-9][0-9]*", key) is not None for key in keys)
