"""Outcomes with their counts: dictionaries, JSON and comma-separated text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lib.memory import require_memory
from lib.spins.measurements._keys import from_strings
from lib.spins.measurements.checking import check_shots, number, short, wrong
from lib.spins.measurements.shots import GATES, GATES_PLUS, LIMIT, SPIN_PLUS, UP, Shots

MEANING = {"up": (UP, SPIN_PLUS), "down": (GATES, GATES_PLUS)}


def meaning(one: str | None, source: str, example: str) -> tuple[str, Mapping[str, int]]:
    """What 1 means, where only the user can say it.

    Parameters
    ----------
    one : {"up", "down"} or None
        What the user says.
    source, example : str
        The source, and an example of "up", for the message.

    Returns
    -------
    words : str
        The convention in words.
    plus : dict of str to int
        The bit that means the eigenvalue +1 along each axis.

    Raises
    ------
    ValueError
        Where it is not said.

    """
    if one not in MEANING:
        raise wrong(source, 'one="up" or one="down": what 1 means is not in it', f"one={one!r}",
                    f'one="down" for the computational basis of gates, one="up" for sz = +1 ({example})')
    return MEANING[one]


def require_order(order: object, source: str) -> None:
    """The order of the columns, where only the user can say it.

    Parameters
    ----------
    order : object
        What the user says, None for nothing.
    source : str
        What messages call the source.

    Raises
    ------
    ValueError
        For None.

    """
    if order is None:
        raise wrong(source, "order=: which column is which site is not in it", "none",
                    'order="kept" (first letter or column is site 0), order="reverse" (the last is, as in Qiskit), or '
                    "a list of columns")


def is_list_of_strings(document: object) -> bool:
    """Whether it is one outcome a shot, as some packages list them.

    Parameters
    ----------
    document : object
        What was read.

    Returns
    -------
    bool

    """
    return isinstance(document, list) and bool(document) and all(isinstance(outcome, str) for outcome in document)


def keys_and_counts(counts: Mapping | list) -> tuple[list, list]:
    """The outcomes and how often each was counted.

    Parameters
    ----------
    counts : dict of str to int, or list of str
        In a list of outcomes each stands for one shot.

    Returns
    -------
    keys, counts : list

    """
    return (list(counts), list(counts.values())) if isinstance(counts, Mapping) else (counts, [1] * len(counts))


def counted(counts: Mapping | list, source: str, *, n_sites: int | None = None, shots: int | None = None,
            reported: object = None, expand: bool = True, limit: int = LIMIT,
            reverse: bool = False) -> tuple[np.ndarray, np.ndarray | None]:
    """Bits and weights of outcomes that are strings of 0 and 1.

    Parameters
    ----------
    counts : dict of str to int, or list of str
        Counts of outcomes, or the outcomes.
    source : str
        What messages call it.
    n_sites : int or None
        The number of bits, if known.
    shots, reported : int or None
        The number of shots that is asked for, and that the source tells.
    expand : bool
        As of `expanded`, True by default.
    limit : int, bytes
        As of `expanded`.
    reverse : bool
        Whether the last letter is column 0; False by default.

    Returns
    -------
    bits : ndarray of uint8, shape (n_rows, n_sites)
    weights : ndarray of int64, shape (n_rows,), or None
        None where every row is one shot.

    Raises
    ------
    ValueError
        For other outcomes and counts, and another number of shots.

    """
    keys, numbers = keys_and_counts(counts)
    other = next((key for key in keys if not isinstance(key, str)), None)
    if other is not None:
        raise wrong(source, "outcomes as strings of 0 and 1", short(other), 'format="ionq" for whole numbers')
    bits = from_strings(keys, source, n_sites)
    values = whole(numbers, keys, source)
    check_shots(sum(values.tolist()), reported, source, shots)
    bits, weights = expanded(bits[:, ::-1] if reverse else bits, values, source, expand, limit)
    return np.ascontiguousarray(bits), weights


def expanded(bits: np.ndarray, counts: np.ndarray, source: str, expand: bool,
             limit: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows repeated as often as they were counted, or the rows with their counts as weights.

    Parameters
    ----------
    bits : ndarray of uint8, shape (n_rows, n_sites)
        The outcomes.
    counts : ndarray of int64, shape (n_rows,)
        How often each was counted; those of 0 are left out.
    source : str
        What messages call it.
    expand : bool
        True repeats the rows.
    limit : int, bytes
        What repeated rows may take.

    Returns
    -------
    bits : ndarray of uint8, shape (n_rows, n_sites)
    weights : ndarray of int64, shape (n_rows,), or None
        None where rows are repeated.

    Raises
    ------
    ValueError
        For counts of 0 only, and for more memory than the limit.

    """
    present = counts > 0
    bits, counts = bits[present], counts[present]
    if not len(bits):
        raise wrong(source, "at least one shot", "counts of 0 only", "another file")
    if not expand:
        return np.ascontiguousarray(bits), counts
    total = sum(int(count) for count in counts)  # exact: the sum of int64 could wrap around
    require_memory(total * bits.shape[1], f"{total} shots of {bits.shape[1]} sites counted in {source}", limit=limit,
                   hint="expand=False, which keeps each outcome once with its weight")
    return np.repeat(bits, counts, axis=0), None


def whole(values: list, keys: list, source: str) -> np.ndarray:
    """Counts as int64, quickly where all are plain integers.

    Parameters
    ----------
    values, keys : list
        The counts, and the outcomes that were counted.
    source : str
        What messages call it.

    Returns
    -------
    ndarray of int64, shape (n_values,)

    Raises
    ------
    ValueError
        For a count that is no whole number of at least 0.

    """
    if all(type(value) is int and 0 <= value < 2**62 for value in values):
        return np.array(values, dtype=np.int64)
    return np.array([number(value, source, "a count", f"outcome {short(key)}") for key, value in zip(keys, values)],
                    dtype=np.int64)


def from_probabilities(probabilities: Mapping, shots: object, source: str) -> dict:
    """Counts behind relative frequencies.

    Rounding would make up shots: the sum over the rounded ones is not the number of shots.

    Parameters
    ----------
    probabilities : dict of str to float
        Relative frequencies of outcomes.
    shots : int
        Of how many shots.
    source : str
        What messages call it.

    Returns
    -------
    dict of str to int

    Raises
    ------
    ValueError
        Where they are no whole numbers of that many shots, and where shots is None.

    """
    if shots is None:
        raise wrong(source, "shots=: relative frequencies tell no number of shots", "none", "shots=1000")
    total = number(shots, source, "the number of shots", least=1)
    counts = {}
    for key, value in probabilities.items():
        try:
            share = float(value)
        except (TypeError, ValueError):
            share = float("nan")
        if not 0 <= share <= 1:
            raise wrong(source, "relative frequencies from 0 to 1", short(value), "counts, if these are counts",
                        f"outcome {short(key)}")
        counts[key] = round(share * total)
        if abs(share * total - counts[key]) > 1e-6 * total:
            raise wrong(source, f"relative frequencies of {total} shots", f"{share} = {share * total:.6g} shots",
                        "the shots of a device; probabilities that a simulator computed are no shots, and rounding "
                        "them would make some up", f"outcome {short(key)}")
    return counts


def read_table(path: Path, *, limit: int = LIMIT, expand: bool = True, n_sites: int | None = None,
               shots: int | None = None, order: object = None, one: str | None = None) -> Shots:
    """Counts in lines "0101,12" or "0101 12", after a line of names or none.

    Parameters
    ----------
    path : Path
        The file.
    limit, expand, n_sites, shots, order, one : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for other lines, and where order= or one= is missing.

    """
    source = str(path)
    counts: dict[str, str] = {}
    for place, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
        words = [word.strip().strip("\"'") for word in re.split(r"[,;\t ]+", line.strip())]
        if words == [""] or place == 1 and len(words) == 2 and re.search("[a-z]", line, re.IGNORECASE) \
                and not words[1].replace(".", "").isdigit() and words[1].lower() != "nan":
            continue
        if len(words) != 2:
            raise wrong(source, "an outcome and its count", f"{len(words)} words in {short(line)}",
                        "lines such as 0101,12", f"line {place}")
        if words[0] in counts:
            raise wrong(source, "each outcome once", f"{words[0]!r} again",
                        "to add up the counts, or the file once, if two were put together", f"line {place}")
        counts[words[0]] = words[1]
    return read_counts(counts, source, limit=limit, expand=expand, n_sites=n_sites, shots=shots, order=order, one=one)


def read_counts(counts: Mapping | list, source: str, *, limit: int = LIMIT, expand: bool = True,
                n_sites: int | None = None, shots: int | None = None, order: object = None,
                one: str | None = None) -> Shots:
    """Counts of which nobody knows who made them.

    Parameters
    ----------
    counts : dict of str to int, or list of str
        Counts of outcomes, or the outcomes.
    source : str
        What messages call it.
    limit, expand, n_sites, shots, order, one : optional
        As in `reading.read`; the order and the meaning of 1 are the user's to say.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for other outcomes and counts, and where order= or
        one= is missing.

    """
    require_order(order, source)
    words, plus = meaning(one, source, "as in chapter 5")
    bits, weights = counted(counts, source, n_sites=n_sites, shots=shots, expand=expand, limit=limit)
    return Shots(bits, tuple(map(str, range(bits.shape[1]))), f"{words}; the first letter is column 0", plus=plus,
                 weights=weights)
