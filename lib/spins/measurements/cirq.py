"""Cirq: ResultDict as its JSON or as the object, and histograms of one key.

Several keys stand in the file in the order in which a simulator met them, which follows the circuit's moments, not the
qubits.  Keys that differ in their numbers only, such as q0, q(1) or q(0, 1), are put in the order of the numbers;
others keep theirs.  A histogram has whole numbers for outcomes, whose highest bit is the first qubit of the key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from lib.checks import as_plain, is_integer
from lib.spins.measurements import counts
from lib.spins.measurements._keys import are_numbers, from_numbers
from lib.spins.measurements.checking import check_shots, check_size, mapping, member, number, short, table, wrong
from lib.spins.measurements.documents import open_array
from lib.spins.measurements.shots import GATES, LIMIT, Shots

TYPES = ("ResultDict", "Result", "TrialResult")


def read_document(document: object, source: str, *, limit: int = LIMIT, shots: int | None = None,
                  register: object = None, task: object = None, repetition: int | None = None,
                  n_sites: int | None = None, expand: bool = True) -> Shots:
    """A result of Cirq.

    Parameters
    ----------
    document : dict, list of dict, or object
        A parsed ResultDict, a list of them (of a sweep), cirq's own object, or `Result.histogram`
        of one key.
    source : str
        What messages call it.
    limit, shots, register, task, repetition, n_sites, expand : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what is no such result or not what was asked for.

    """
    document = choose(document, task, source)
    if isinstance(document, Mapping) and are_numbers(list(document)):
        return _histogram(document, source, limit, shots, n_sites, expand)
    names = [cls.__name__ for cls in type(document).__mro__ if cls.__module__.split(".")[0].startswith("cirq")]
    if names:
        records = {str(key): as_plain(value, source) for key, value in document.records.items()}
    else:
        document = mapping(document, source, "a ResultDict")
        if document.get("cirq_type") not in TYPES:
            raise wrong(source, 'cirq_type "ResultDict"', short(document.get("cirq_type")),
                        "cirq.to_json of the result of a run")
        records = {key: _unpacked(value, f"{source}, key {key!r}", limit) for key, value in
                   mapping(document.get("records", document.get("measurements")), source, "records").items()}
    if not records:
        raise wrong(source, "at least one measured key", "none", "a circuit with cirq.measure")
    keys, sorted_by = _ordered(list(records), register, source)
    parts, sites = [], []
    for key in keys:
        bits = _last(table_of(records[key], f"{source}, key {key!r}"), key, repetition, source)
        if parts and len(bits) != len(parts[0]):
            raise wrong(source, f"{len(parts[0])} repetitions of every key", f"{len(bits)} of {key!r}",
                        f"register={keys[0]!r} alone")
        parts.append(bits)
        sites += _sites(key, bits.shape[1])
    bits = table(np.concatenate(parts, axis=1), source)
    check_shots(len(bits), None, source, shots)
    if n_sites is not None and n_sites != len(sites):
        raise wrong(source, f"{n_sites} columns", f"{len(sites)}", f"n_sites={len(sites)}")
    left = [key for key in records if key not in keys]
    return Shots(bits, tuple(sites), f"{GATES}; within a key as measured, {sorted_by}",
                 dropped={f"key {key!r}, not asked for": 1 for key in left})


def _sites(key: str, n_columns: int) -> list[str]:
    """Names of the columns of a key: its qubits where it lists them, as the key that cirq gives by itself does."""
    if n_columns == 1:
        return [key]
    qubits = re.findall(r"(?:[^,(]|\([^()]*\))+", key)
    if len(qubits) == n_columns == len(set(qubits)):
        return qubits
    return [f"{key}[{column}]" for column in range(n_columns)]


def _histogram(document: Mapping, source: str, limit: int, shots: int | None, n_sites: object, expand: bool) -> Shots:
    bits = from_numbers(list(document), n_sites, source)
    values = counts.whole(list(document.values()), list(document), source)
    check_shots(sum(values.tolist()), None, source, shots)
    bits, weights = counts.expanded(bits, values, source, expand, limit)
    return Shots(bits, tuple(map(str, range(bits.shape[1]))), f"{GATES}; column i is qubit i of the key",
                 weights=weights)


def choose(document: object, task: object, source: str) -> object:
    """The only result, or the one that is asked for of a list.

    Parameters
    ----------
    document : object
        A result, or a list of them.
    task : int or None
        Which of the list; None where there is one.
    source : str
        What messages call it.

    Returns
    -------
    object
        One result.

    Raises
    ------
    ValueError
        Where several are there and none is asked for, or one that is not there.

    """
    if not isinstance(document, list):
        if task not in (None, 0):
            raise wrong(source, "no task=: there is one result", short(task), "task=None")
        return document
    if not document or task is None and len(document) > 1:
        raise wrong(source, f"task=, which of its {len(document)} results", "none", "task=0 for the first")
    place = 0 if task is None else task
    if not is_integer(place) or not 0 <= place < len(document):
        raise wrong(source, f"task from 0 to {len(document) - 1}", short(task), "task=0 for the first")
    return document[place]


def _unpacked(value: object, source: str, limit: int) -> np.ndarray:
    """The digits of a key: hexadecimal of packed bits, or of an .npy file where values beyond 1 occur."""
    value = mapping(value, source, "packed digits")
    again = "to export or copy the file again"
    try:
        content = bytes.fromhex(member(value, "packed_digits", source))
    except (TypeError, ValueError):
        raise wrong(source, "packed_digits of an even number of hexadecimal digits",
                    short(value.get("packed_digits"), 20), again) from None
    if not value.get("binary"):
        return open_array(content, source, limit)
    lengths = member(value, "shape", source)
    if not isinstance(lengths, list) or len(lengths) not in (2, 3):
        raise wrong(source, "a shape of 2 or 3 lengths", short(lengths), again)
    shape = tuple(number(length, source, "a length in shape", least=1) for length in lengths)
    size = shape[0] * shape[1] * (shape[2] if len(shape) == 3 else 1)
    check_size(size, f"bits of shape {shape}", source, limit)
    if len(content) != -(-size // 8):
        raise wrong(source, f"{-(-size // 8)} packed bytes for shape {shape}", f"{len(content)}", again)
    bits = np.unpackbits(np.frombuffer(content, dtype=np.uint8))
    if bits[size:].any():
        raise wrong(source, "zeros in the bits that fill up the last byte", "ones", again)
    return bits[:size].reshape(shape)


def table_of(digits: np.ndarray, source: str) -> np.ndarray:
    """Digits of a key as bits.

    Parameters
    ----------
    digits : ndarray of int or bool, shape (shots, qubits) or (shots, repetitions, qubits)
        Of one key.
    source : str
        What messages call it.

    Returns
    -------
    ndarray of uint8, shape (shots, repetitions, qubits)

    Raises
    ------
    ValueError
        For qudits, and for other shapes and types.

    """
    if digits.ndim == 2:
        digits = digits[:, None]
    if digits.ndim != 3 or 0 in digits.shape or digits.dtype.kind not in "bui":
        raise wrong(source, "digits (shots, repetitions, qubits)", f"{digits.dtype} {digits.shape}",
                    "to export the result again")
    if digits.dtype.kind != "b" and (digits.min() < 0 or digits.max() > 1):
        raise wrong(source, "qubits, outcomes 0 and 1", f"an outcome {digits.max()}",
                    "register=, the keys of qubits only")
    return digits.astype(np.uint8)


def _ordered(keys: list[str], register: object, source: str) -> tuple[list[str], str]:
    if register is not None:
        chosen = [register] if isinstance(register, str) else list(register)
        if not chosen or any(key not in keys for key in chosen) or len(set(chosen)) < len(chosen):
            raise wrong(source, f"keys among {', '.join(keys[:20])}, each once", short(register),
                        f"register={keys[0]!r}")
        return chosen, "keys as asked for"
    # Keys that differ in their numbers only: q3, q(3), q(1, 2).
    if len(keys) > 1 and len({re.sub(r"[0-9]+", "#", key) for key in keys}) == 1:
        return sorted(keys, key=lambda key: [int(part) for part in re.findall(r"[0-9]+", key)]), "keys by their numbers"
    return keys, "keys as in the file"


def _last(digits: np.ndarray, key: str, repetition: int | None, source: str) -> np.ndarray:
    """One of the times that a key was measured in a shot."""
    n_times = digits.shape[1]
    if repetition is None:
        if n_times > 1:
            raise wrong(source, f"repetition=, which of the {n_times} times that {key!r} was measured in a shot",
                        "none", "repetition=-1 for the last")
        return digits[:, 0]
    if not isinstance(repetition, int) or not -n_times <= repetition < n_times:
        raise wrong(source, f"repetition from 0 to {n_times - 1} for {key!r}", short(repetition), "repetition=-1")
    return digits[:, repetition]


def is_result(value: object) -> bool:
    """Whether it is a result of Cirq, as JSON holds it.

    Parameters
    ----------
    value : object
        What was read.

    Returns
    -------
    bool

    """
    return isinstance(value, Mapping) and value.get("cirq_type") in TYPES
