"""Stim's result formats 01, b8, r8, ptb64, hits and dets, and the arrays of its samplers.

Only 01 holds the number of bits a shot; for the others it is n_sites.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lib.checks import as_plain, is_integer
from lib.spins.measurements.checking import check_shots, check_size, short, table, wrong
from lib.spins.measurements.shots import GATES, LIMIT, Shots

FORMATS = ("01", "b8", "r8", "ptb64", "hits", "dets")
CONVENTION = f"{GATES} (or a detection event); columns in the order of the records"


def read_file(path: Path, kind: str, *, limit: int = LIMIT, n_sites: int | Mapping[str, int] | None = None,
              shots: int | None = None) -> Shots:
    """A file of one of Stim's formats.

    Parameters
    ----------
    path : Path
        The file.
    kind : {"01", "b8", "r8", "ptb64", "hits", "dets"}
        Its format.
    limit, shots : optional
        As in `reading.read`.
    n_sites : int, or dict of str to int
        Bits a shot; for dets with several letters a number for each, {"M": 10, "D": 4, "L": 1}.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what is no such file, and where n_sites= is
        missing.

    """
    source = str(path)
    names = None
    if kind == "dets":
        bits, names = _dets(path, source, n_sites, limit)
    elif kind == "01":
        bits = _lines(path, source, None if n_sites is None else width(n_sites, source, kind), limit)
    else:
        reader = {"b8": _b8, "r8": _r8, "ptb64": _ptb64, "hits": _hits}[kind]
        bits = reader(path, source, width(n_sites, source, kind), limit)
    check_shots(len(bits), None, source, shots)
    return Shots(bits, names or tuple(map(str, range(bits.shape[1]))), CONVENTION)


def read_array(array: object, source: str, *, n_sites: int | None = None, shots: int | None = None) -> Shots:
    """What a sampler of Stim returns.

    Parameters
    ----------
    array : array_like of bool, shape (shots, bits), or of uint8, shape (shots, bytes)
        Bits, or packed bits, which need n_sites.
    source : str
        What messages call it.
    n_sites, shots : int, optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for another array, and where n_sites= is missing.

    """
    array = as_plain(array, source)
    if array.ndim != 2 or array.dtype not in (np.bool_, np.uint8) or 0 in array.shape:
        raise wrong(source, "bool (shots, bits) or uint8 (shots, bytes)", f"{array.dtype} {array.shape}",
                    'format="rows" for other tables')
    if array.dtype == np.uint8:  # Stim itself takes every uint8 array for packed bits
        n_bits = width(n_sites, source, "an array of uint8 (packed bits)")
        if array.shape[1] != -(-n_bits // 8):
            raise wrong(source, f"{-(-n_bits // 8)} bytes a shot for {n_bits} bits", f"{array.shape[1]}",
                        "array.astype(bool), if it holds one bit a column")
        bits = _unpacked(array, n_bits, source)
    else:
        bits = table(array, source, n_sites=n_sites)
    check_shots(len(bits), None, source, shots)
    return Shots(bits, tuple(map(str, range(bits.shape[1]))), CONVENTION)


def width(n_sites: object, source: str, kind: str) -> int:
    """The number of bits a shot, which has to be said.

    Parameters
    ----------
    n_sites : object
        What was said.
    source : str
        Where it comes from, for the message.
    kind : str
        The format, for the message.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        For anything but an integer from 1; try circuit.num_measurements.

    """
    if not is_integer(n_sites) or n_sites < 1:
        raise wrong(source, f"n_sites=, the number of bits a shot, which {kind} does not hold", short(n_sites),
                    "n_sites=circuit.num_measurements")
    return int(n_sites)


def _size(path: Path, source: str, bytes_a_bit: float, limit: int) -> int:
    size = path.stat().st_size
    check_size(int(size * bytes_a_bit), "bits", source, limit)
    if not size:
        raise wrong(source, "at least one shot", "an empty file", "to make or download it again")
    return size


def _unpacked(packed: np.ndarray, n_bits: int, source: str) -> np.ndarray:
    if n_bits % 8:
        over = packed[:, -1] >> (n_bits % 8)
        if over.any():
            raise wrong(source, f"zeros above bit {n_bits - 1} in the last byte of a shot", "ones",
                        "the right n_sites, or to make the file again", f"shot {int(np.argmax(over > 0)) + 1}")
    return np.unpackbits(packed, axis=1, count=n_bits, bitorder="little")


def _b8(path: Path, source: str, n_bits: int, limit: int) -> np.ndarray:
    size, row = _size(path, source, 8, limit), -(-n_bits // 8)
    if size % row:
        raise wrong(source, f"{row} bytes a shot for {n_bits} bits", f"{size} bytes, {size % row} too many",
                    "the right n_sites, or to copy the file again")
    return _unpacked(np.fromfile(path, dtype=np.uint8).reshape(-1, row), n_bits, source)


def _ptb64(path: Path, source: str, n_bits: int, limit: int) -> np.ndarray:
    size = _size(path, source, 8, limit)
    if size % (8 * n_bits):
        raise wrong(source, f"{8 * n_bits} bytes for 64 shots of {n_bits} bits", f"{size} bytes",
                    "the right n_sites, or to copy the file again")
    words = np.fromfile(path, dtype=np.uint8).reshape(-1, n_bits, 8)
    bits = np.unpackbits(words, axis=2, bitorder="little")  # group, bit, shot in the group
    return np.ascontiguousarray(bits.transpose(0, 2, 1)).reshape(-1, n_bits)


def _r8(path: Path, source: str, n_bits: int, limit: int) -> np.ndarray:
    """Each byte is a run of zeros and, below 255, the one after it; a shot ends with a one beyond its last bit."""
    size = _size(path, source, 24, limit)  # positions are int64
    runs = np.fromfile(path, dtype=np.uint8)
    ends = runs < 255
    after = np.cumsum(runs.astype(np.int64) + ends)
    n_shots, rest = divmod(int(after[-1]), n_bits + 1)
    place = after[ends] - 1
    shot, bit = place // (n_bits + 1), place % (n_bits + 1)
    if rest or not ends[-1] or int((bit == n_bits).sum()) != n_shots:
        last = np.zeros(n_shots + 1, dtype=bool)
        last[shot[bit == n_bits]] = True
        raise wrong(source, f"runs that fill shots of {n_bits} bits", f"{size} bytes that do not",
                    "the right n_sites, or to copy the file again", f"shot {int(np.argmin(last)) + 1}")
    check_size(n_shots * n_bits, "bits", source, limit)
    bits = np.zeros((n_shots, n_bits + 1), dtype=np.uint8)
    bits[shot, bit] = 1
    return np.ascontiguousarray(bits[:, :n_bits])


def _lines(path: Path, source: str, n_bits: int | None, limit: int) -> np.ndarray:
    _size(path, source, 3, limit)
    content = np.fromfile(path, dtype=np.uint8)
    content = content[content != ord("\r")]
    if not len(content):
        raise wrong(source, "at least one shot", "an empty file", "to make or download it again")
    if content[-1] != ord("\n"):
        content = np.append(content, np.uint8(ord("\n")))
    ends = np.flatnonzero(content == ord("\n"))
    lengths = np.diff(ends, prepend=-1) - 1
    n_bits = int(lengths[0]) if n_bits is None else n_bits
    if n_bits < 1 or (lengths != n_bits).any():
        line = int(np.argmax(lengths != n_bits)) if n_bits else 0
        raise wrong(source, f"{max(n_bits, 1)} bits a line", f"{int(lengths[line])}",
                    "to copy the file again, or the file once, if two were put together", f"line {line + 1}")
    rows = content.reshape(-1, n_bits + 1)[:, :n_bits]
    bad = (rows != ord("0")) & (rows != ord("1"))
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise wrong(source, "0 or 1", repr(chr(rows[row, column])), "to clean that line",
                    f"line {row + 1}, column {column + 1}")
    return rows & 1


def _hits(path: Path, source: str, n_bits: int, limit: int) -> np.ndarray:
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    if lines[-1].strip() == "":
        lines = lines[:-1]  # an empty line before the last is a shot without ones
    check_size(len(lines) * n_bits, "bits", source, limit)
    _size(path, source, 1, limit)
    bits = np.zeros((len(lines), n_bits), dtype=np.uint8)
    for row, line in enumerate(lines):
        for word in line.strip().split(",") if line.strip() else []:
            _set(bits, row, word, n_bits, source)
    return bits


def _set(bits: np.ndarray, row: int, word: str, n_bits: int, source: str, offset: int = 0) -> None:
    place = f"line {row + 1}"
    if not re.fullmatch(r"[0-9]{1,18}", word) or int(word) >= n_bits:
        raise wrong(source, f"places of ones from 0 to {n_bits - 1}", repr(word[:20]),
                    "the right n_sites, or to make the file again", place)
    if bits[row, offset + int(word)]:
        raise wrong(source, "each place once a shot", f"{word} twice", "to make the file again", place)
    bits[row, offset + int(word)] = 1


def _dets(path: Path, source: str, n_sites: object, limit: int) -> tuple[np.ndarray, tuple[str, ...]]:
    _size(path, source, 1, limit)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    letters = sorted(set(re.findall(r" ([MDL])", "\n".join(lines))), key="MDL".index)
    if isinstance(n_sites, Mapping):
        widths = {letter: width(number, source, "dets") for letter, number in n_sites.items()}
    elif len(letters) > 1:
        raise wrong(source, f"n_sites= with a number for each of {', '.join(letters)}", short(n_sites),
                    "n_sites=" + repr(dict.fromkeys(letters, 10)))
    else:
        widths = {letters[0] if letters else "M": width(n_sites, source, "dets")}
    offsets = dict(zip(widths, np.cumsum([0, *widths.values()]).tolist()))
    check_size(len(lines) * sum(widths.values()), "bits", source, limit)
    bits = np.zeros((len(lines), sum(widths.values())), dtype=np.uint8)
    for row, line in enumerate(lines):
        words = line.split()
        if words[:1] != ["shot"]:
            raise wrong(source, 'lines that begin with "shot"', short(line), "to copy the file again",
                        f"line {row + 1}")
        for word in words[1:]:
            if word[0] not in widths:
                raise wrong(source, f"places {', '.join(widths)} and a number", repr(word[:20]),
                            "n_sites= with a number for each letter", f"line {row + 1}")
            _set(bits, row, word[1:], widths[word[0]], source, offsets[word[0]])
    names = tuple(f"{letter}{place}" for letter, number in widths.items() for place in range(number))
    return bits, names
