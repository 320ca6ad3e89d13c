"""Gates that turn a spin before it is measured along z (5.13): checked, with names of one letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from lib.checks import COMPLEX, as_array
from lib.conventions import (
    GATES,
)

UNITARY_TOLERANCE = 1e-6  # room for matrices that were printed with eight digits
# An element of a gate below this size is taken for zero: then the outcome tells nothing about phases.
SMALL = 1e-9


def check_gate(gate, name: str = "gate") -> np.ndarray:
    """A unitary 2x2 matrix as complex128.

    Parameters
    ----------
    gate : array_like, shape (2, 2)
        Unitary within 1e-6: room for matrices that were printed with eight digits.
    name : str, default "gate"
        What the error messages call it.

    Returns
    -------
    ndarray of complex128, shape (2, 2)

    Raises
    ------
    ValueError
        For another matrix, saying how far from unitary it is: try ``u, _, v =
        numpy.linalg.svd(gate)`` and ``u @ v``, the nearest unitary.

    """
    if gate is None or isinstance(gate, (str, bytes)):
        raise ValueError(f"expected gate {name!r} as a 2x2 matrix of numbers, got {type(gate).__name__}; try "
                         "[[1, 0], [0, 1j]]")
    matrix = as_array(gate, f"gate {name!r}", kinds=COMPLEX).astype(np.complex128)
    if matrix.shape != (2, 2):
        raise ValueError(f"expected gate {name!r} as a 2x2 matrix, got shape {matrix.shape}; try one matrix a spin, "
                         "complex (not real and imaginary part apart)")
    with np.errstate(invalid="ignore"):  # of infinity: NaN is refused below
        away = np.abs(matrix @ matrix.conj().T - np.eye(2)).max()
    if not away <= UNITARY_TOLERANCE:  # NaN is not
        raise ValueError(f"expected gate {name!r} unitary within {UNITARY_TOLERANCE:g}, got one with |U U* - 1| up to "
                         f"{away:.3g}; try u, _, v = numpy.linalg.svd(gate) and u @ v, the nearest unitary")
    return matrix


def gate_table(gates: Mapping[str, np.ndarray] | None) -> tuple[str, np.ndarray]:
    """All gates: X, Y and Z first, then those that are given.

    Parameters
    ----------
    gates : dict of str to array_like, shape (2, 2), or None
        Further unitaries by a letter; X, Y and Z may be replaced.

    Returns
    -------
    letters : str
        One a gate.
    matrices : ndarray of complex128, shape (n_gates, 2, 2)
        Rows are outcomes.

    Raises
    ------
    ValueError
        For names that are no letter, and as `check_gate` does.

    """
    if gates is not None and not isinstance(gates, Mapping):
        raise ValueError(f"expected gates as a dict from a letter to a matrix, got {type(gates).__name__}; "
                         'try {"T": matrix}')
    known = dict(GATES)
    for name, gate in (gates or {}).items():
        if not isinstance(name, str) or len(name) != 1 or name.isspace():
            raise ValueError(f"expected names of gates as one letter, got {name!r}; try 'T'")
        known[name] = check_gate(gate, name)
    return "".join(known), np.array(list(known.values()))


def basis_codes(bases, n_spins: int, letters: str) -> np.ndarray:
    """Which gate each letter of some bases names.

    Parameters
    ----------
    bases : str or iterable
        One basis, or one a row: strings, or lists of letters.
    n_spins : int
        Letters in a row.
    letters : str
        Of the gates, as `gate_table` gives them.

    Returns
    -------
    ndarray of uint8, shape (n_rows, n_spins)
        Places in `letters`.

    Raises
    ------
    ValueError
        For another width and for unknown letters, naming the row.

    """
    if isinstance(bases, str) or not isinstance(bases, Iterable):
        bases = [bases]
    rows = [row if isinstance(row, str) else tuple(row) if isinstance(row, Iterable) else (row,) for row in bases]
    if not rows:
        raise ValueError('expected at least one basis, got none; try "Z" * n_spins')
    if n_spins > 1 and all(len(row) == 1 for row in rows) and len(rows) == n_spins:  # a flat list of letters
        rows = [tuple(row[0] for row in rows)]
    code_of: dict = {}
    codes = np.empty((len(rows), n_spins), dtype=np.uint8)
    for number, row in enumerate(rows):
        if row not in code_of:
            if len(row) != n_spins:
                raise ValueError(f"expected bases with {n_spins} letters, one a spin, got {len(row)} in row {number} "
                                 f"(counted from 0), {row!r}; try the bases of these {n_spins} spins")
            for letter in row:
                if str(letter) not in letters or len(str(letter)) != 1:
                    raise ValueError(f"expected the letters {', '.join(letters)}, got {letter!r} in row {number} "
                                     f"(counted from 0) of the bases; try gates={{{str(letter)!r}: matrix}}, if that "
                                     "is a gate of yours")
            code_of[row] = [letters.index(str(letter)) for letter in row]
        codes[number] = code_of[row]
    return codes


def mixes(gates: np.ndarray) -> np.ndarray:
    """Which of the gates mix the two values along z.

    Parameters
    ----------
    gates : ndarray, shape (n_gates, 2, 2)
        Rows are outcomes.

    Returns
    -------
    ndarray of bool, shape (n_gates,)

    """
    return (np.abs(gates) > SMALL).all(axis=(1, 2))
