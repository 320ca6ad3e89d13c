"""Files of measurements: our own packed bits (`save`, `load`), and QuCumber's plain text (`read_...`).

A packed file is an npz archive with the members
    format    "measurements 1"
    shape     (n_samples, n_spins)
    packed    uint8 (n_samples, ceil(n_spins / 8)), each row packed by itself with site 0 in the highest bit
    metadata  one JSON object
It holds no pickle and no time of day, so equal measurements give equal bytes, whose SHA-256 can be published.
"""

import io
import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lib import atomic
from lib.conventions import check_bits, check_state_vector

_FORMAT = "measurements 1"
_MEMBERS = ("format", "shape", "packed", "metadata")


def save(path: str | Path, bits: np.ndarray, *, metadata: dict | None = None) -> None:
    """Write measurements as packed bits; the file appears whole or not at all.

    path: ends in .npz; an existing file is replaced
    bits: zeros and ones, shape (n_samples, n_spins)
    metadata: what JSON can hold, for example {"field": 1.0, "seed": 3}

    A missing folder is made.  Raises ValueError for bits or metadata that cannot be stored, and for another
    ending than .npz; OSError as the system does, naming the path.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"expected a path that ends in .npz, got {path}; try {path.with_suffix('.npz')}")
    bits = check_bits(bits)
    try:
        text = json.dumps({} if metadata is None else metadata, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError("expected metadata of str, int, finite float, bool, list and dict, "
                         f"got {metadata!r} ({error}); try float(...) for numpy numbers") from None
    if not text.startswith("{"):
        raise ValueError(f"expected metadata as a dict, got {metadata!r}; try {{'note': ...}}")
    members = {"format": np.array(_FORMAT), "shape": np.array(bits.shape, dtype=np.int64),
               "packed": np.packbits(bits, axis=1), "metadata": np.array(text)}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name in _MEMBERS:
            array = io.BytesIO()
            np.lib.format.write_array(array, members[name], allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), array.getvalue())  # dated 1980, not now
    atomic.write_bytes(path, content.getvalue())


def load(path: str | Path) -> tuple[np.ndarray, dict]:
    """Read a file of `save`: (bits uint8 (n_samples, n_spins), metadata).

    Raises FileNotFoundError where there is none, and ValueError for a file that is cut, damaged, of another
    kind, or holds pickled objects, which are never loaded.
    """
    path = Path(path)
    hint = "try to copy or make the file again"
    if not path.exists():
        raise FileNotFoundError(f"expected a file of measurements, got no file at {path}; {hint}")
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("a single array")
        with archive:
            missing = [name for name in _MEMBERS if name not in archive.files]
            if missing:
                raise ValueError(f"no member {missing[0]!r} among {archive.files}")
            found, shape, packed, text = (archive[name] for name in _MEMBERS)
    # zlib.error and struct.error are among what a damaged archive can raise, without a common base class.
    except Exception as error:
        raise ValueError("expected measurements written by lib.spins.measurements.save, "
                         f"got something else in {path} ({_reason(error)}); {hint}") from error
    if str(found) != _FORMAT:
        raise ValueError(f"expected the format {_FORMAT!r}, got {str(found)!r} in {path}; "
                         "try the version of this package that wrote it")
    if shape.shape != (2,) or shape.dtype != np.int64 or min(shape) < 1 or packed.dtype != np.uint8 \
            or packed.shape != (shape[0], -(-shape[1] // 8)):
        raise ValueError(f"expected packed bits for the stored shape {shape.tolist()}, got {packed.dtype} "
                         f"{packed.shape} in {path}; {hint}")
    try:
        metadata = json.loads(str(text))
    except json.JSONDecodeError as error:
        raise ValueError(f"expected metadata in JSON, got {str(text)[:40]!r} in {path} ({error}); "
                         f"{hint}") from None
    return np.unpackbits(packed, axis=1, count=int(shape[1])), metadata


def read_text(path: str | Path, n_spins: int | None = None) -> np.ndarray:
    """Read measurements as QuCumber writes them, one a line, "1 0 1": uint8 bits (n_samples, n_spins).

    n_spins: the width the rows must have, if it is known

    Raises ValueError naming file and line for a value other than 0 and 1, a row of another width, no rows.
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
    """Read measurement bases, one letter X, Y or Z a spin, "X Z Z": array of str (n_rows, n_spins).

    n_spins: the width of the machine or of the measurements, if it is known

    Raises ValueError naming file and line for another letter, a row of another width, no rows.
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
    """Read a state vector, a line "real imaginary" for each basis state: complex128 (2^n_spins,).

    n_spins: the number of spins the state must have, if it is known

    Raises ValueError naming the file (and the line) for a number that does not parse or is not finite, for a
    length that is no power of two or not 2^n_spins, and for a norm that differs from 1 by more than 1e-6.
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


def _reason(error: Exception) -> str:
    text = str(error)
    if "pickle" in text.lower():
        return "pickled objects, which are never loaded"
    return text or type(error).__name__
