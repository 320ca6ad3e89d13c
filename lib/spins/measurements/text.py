"""QuCumber's plain text: measurements, the bases they were taken in, and state vectors."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lib.chain_checks import check_state_vector


def read_text(path: str | Path, n_spins: int | None = None) -> np.ndarray:
    """Read measurements as QuCumber writes them, one a line, "1 0 1".

    Parameters
    ----------
    path : str or Path
        The file.
    n_spins : int or None
        The width the rows must have, if it is known.

    Returns
    -------
    ndarray of uint8, shape (n_samples, n_spins)

    Raises
    ------
    ValueError
        Naming file and line, for a value other than 0 and 1, a row of another width, no rows.

    """
    bit_of = {"0": 0, "1": 1}
    values: list[int] = []
    n_rows, width = 0, n_spins
    for number, words in _rows(path, "rows of 0 and 1"):
        width = _check_width(path, number, words, width, n_spins, "bits")
        for column, word in enumerate(words):
            if word not in bit_of:
                bit_of[word] = _bit(path, number, column, word)
        values.extend(bit_of[word] for word in words)
        n_rows += 1
    return np.array(values, dtype=np.uint8).reshape(n_rows, width)


def read_bases(path: str | Path, n_spins: int | None = None) -> np.ndarray:
    """Read measurement bases, one letter X, Y or Z a spin, "X Z Z".

    Parameters
    ----------
    path : str or Path
        The file.
    n_spins : int or None
        The width of the machine or of the measurements, if it is known.

    Returns
    -------
    ndarray of str, shape (n_rows, n_spins)

    Raises
    ------
    ValueError
        Naming file and line, for another letter, a row of another width, no rows.

    """
    rows, width = [], n_spins
    for number, words in _rows(path, "rows of the letters X, Y, Z"):
        width = _check_width(path, number, words, width, n_spins, "letters")
        for column, word in enumerate(words):
            if word not in ("X", "Y", "Z"):
                raise ValueError(f"expected the letters X, Y, Z, got {word[:20]!r} in {path}, line {number}, "
                                 f"column {column + 1}; try upper-case letters with spaces between")
        rows.append(words)
    return np.array(rows)


def read_psi(path: str | Path, n_spins: int | None = None) -> np.ndarray:
    """Read a state vector, a line "real imaginary" for each basis state.

    Parameters
    ----------
    path : str or Path
        The file.
    n_spins : int or None
        The number of spins the state must have, if it is known.

    Returns
    -------
    ndarray of complex128, shape (2^n_spins,)

    Raises
    ------
    ValueError
        Naming the file (and the line), for a number that does not parse or is not finite, for a
        length that is no power of two or not 2^n_spins, and for a norm that differs from 1 by more
        than 1e-6.

    """
    amplitudes = []
    for number, words in _rows(path, "lines of real and imaginary part"):
        if len(words) != 2:
            raise ValueError(f"expected 2 numbers, the real and the imaginary part, got {len(words)} "
                             f"in {path}, line {number}; try to make or download the file again")
        try:
            real, imaginary = (float(word) for word in words)
        except ValueError:
            real = math.nan
        if not (math.isfinite(real) and math.isfinite(imaginary)):
            raise ValueError(f"expected two finite numbers, got {' '.join(words)[:60]!r} in {path}, "
                             f"line {number}; try to make or download the file again")
        amplitudes.append(complex(real, imaginary))
    return check_state_vector(np.array(amplitudes), n_spins, name=f"psi of {path}",
                              hint=f"psi = numpy.loadtxt({str(path)!r}) @ [1, 1j]; psi /= numpy.linalg.norm(psi), if "
                                   "only the norm is missing there")


def _rows(path: str | Path, what: str) -> Iterator[tuple[int, list[str]]]:
    """The words of every line with its number from 1; empty lines are allowed at the end only."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"expected a text file with {what}, got no file at {path}; try another path")
    # Bytes that are no text turn into a strange word, which the reader then refuses with its line.
    lines = path.read_text(encoding="utf-8", errors="replace").rstrip().split("\n")
    if lines == [""]:
        raise ValueError(f"expected {what}, got an empty file {path}; try to make or download it again")
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            raise ValueError(f"expected {what}, got an empty line in {path}, line {number} of {len(lines)}; "
                             "try to remove it, if nothing is missing there")
        yield number, words


def _check_width(path: str | Path, number: int, words: list[str], width: int | None, n_spins: int | None,
                 what: str) -> int:
    if width is not None and len(words) != width:
        if n_spins is not None:
            raise ValueError(f"expected {n_spins} {what} a line, one a spin, got {len(words)} in {path}, "
                             f"line {number}; try "
                             + (f"n_spins={len(words)}, or the file of {n_spins} spins" if number == 1
                                else "to clean that line, or to make or download the file again"))
        raise ValueError(f"expected {width} {what} as in line 1, got {len(words)} in {path}, line {number}; "
                         "try to download the file again, if it was cut, or to remove the line")
    return len(words)


def _bit(path: str | Path, number: int, column: int, word: str) -> int:
    """Other spellings of a bit, such as the 1.000e+00 of numpy.savetxt."""
    try:
        # Not 01 or 11: rows without spaces would read as one number.
        value = float(word) if "." in word or word == "-1" else math.nan
    except ValueError:
        value = math.nan
    if value not in (0.0, 1.0):
        hint = "bit = (spin + 1) / 2" if value == -1 else \
            "spaces between the bits" if len(word) > 1 and set(word) <= set("01,;") else "to clean that line"
        raise ValueError(f"expected 0 or 1, got {word[:20]!r} in {path}, line {number}, column {column + 1}; "
                         f"try {hint}")
    return int(value)
