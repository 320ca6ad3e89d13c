"""Amazon Braket's gate results: rows of measured qubits, put in the order of the qubits' numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lib.spins.measurements.checking import check_shots, mapping, number, short, table, wrong
from lib.spins.measurements.counts import counted, from_probabilities, is_list_of_strings
from lib.spins.measurements.shots import GATES, LIMIT, Shots

SCHEMA = "braket.task_result.gate_model_task_result"


def read_document(document: object, source: str, *, limit: int = LIMIT, shots: int | None = None,
                  repetition: int | None = None, expand: bool = True) -> Shots:
    """A result of gates, its columns by the qubits' numbers.

    Parameters
    ----------
    document : dict or object
        A parsed result (of which rows and qubits suffice), or the object of the SDK.
    source : str
        What messages call it.
    limit, shots, repetition, expand : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what is no such result or not what was asked for.

    """
    weights = None
    if not isinstance(document, Mapping):
        document = _members(document)
    check_header(document, SCHEMA, source)
    reported = mapping(document.get("taskMetadata") or {}, source, "taskMetadata").get("shots")
    qubits = document.get("measuredQubits")
    if document.get("measurements") is not None:
        bits = table(_numbers(document["measurements"]), source)
        check_shots(len(bits), reported, source, shots)
    elif document.get("measurementProbabilities"):
        probabilities = mapping(document["measurementProbabilities"], source, "measurementProbabilities")
        counts = from_probabilities(probabilities, reported if shots is None else shots, source)
        bits, weights = counted(counts, source, shots=shots, reported=reported, expand=expand, limit=limit)
    else:
        raise wrong(source, "measurements or measurementProbabilities", "neither", "a run with shots")
    if not isinstance(qubits, (list, tuple, np.ndarray)) or len(qubits) != bits.shape[1]:
        raise wrong(source, f"measuredQubits, a number for each of {bits.shape[1]} columns", short(qubits),
                    "to export the whole result")
    labels = [number(qubit, source, "a measured qubit") for qubit in qubits]
    places = _columns(labels, repetition, source)
    left = len(labels) - len(places)
    return Shots(np.ascontiguousarray(bits[:, places]), tuple(str(labels[place]) for place in places),
                 f"{GATES}, after the rotations into the measured basis; columns by the qubits' numbers",
                 dropped={"columns of qubits that were measured again": left} if left else {}, weights=weights)


def _numbers(rows: object) -> object:
    """Rows of numbers for rows of "0" and "1", which the local simulator writes; others as they are."""
    if isinstance(rows, list) and all(isinstance(row, list) for row in rows):
        digit = {"0": 0, "1": 1}
        return [[digit.get(bit, bit) if isinstance(bit, str) else bit for bit in row] for row in rows]
    return rows


def is_counts(document: object) -> bool:
    """Whether it is `measurement_counts`, or a list of such outcomes.

    Parameters
    ----------
    document : object
        What was read.

    Returns
    -------
    bool

    """
    return is_list_of_strings(document) or isinstance(document, Mapping) and bool(document) and all(
        isinstance(key, str) and set(key) <= {"0", "1"} for key in document)


def read_counts(document: Mapping | list, source: str, *, limit: int = LIMIT, shots: int | None = None,
                expand: bool = True) -> Shots:
    """The counts of a result, which name no qubits: the first letter is the first measured qubit.

    Parameters
    ----------
    document : dict of str to int, or list of str
        Counts, or outcomes.
    source : str
        What messages call it.
    limit, shots, expand : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what are no such outcomes, and another number of
        shots.

    """
    bits, weights = counted(document, source, shots=shots, expand=expand, limit=limit)
    return Shots(bits, tuple(map(str, range(bits.shape[1]))),
                 f"{GATES}, after the rotations into the measured basis; columns as measured", weights=weights)


def check_header(document: Mapping, name: str, source: str) -> None:
    """That the schema is one that was seen; small extracts without a header pass.

    Parameters
    ----------
    document : dict
        A parsed result.
    name : str
        Of the schema.
    source : str
        What messages call it.

    Raises
    ------
    ValueError
        For another schema, or another version than 1.

    """
    header = document.get("braketSchemaHeader")
    if header is None:
        return
    header = mapping(header, source, "braketSchemaHeader")
    if header.get("name") != name or str(header.get("version")) != "1":
        raise wrong(source, f"schema {name}, version 1", f"{short(header.get('name'))}, version "
                    f"{short(header.get('version'))}", "to export it with amazon-braket-schemas 1")


def _columns(labels: list[int], repetition: int | None, source: str) -> list[int]:
    """The columns by ascending qubit; of a qubit that was measured again, the one that is asked for."""
    where: dict[int, list[int]] = {}
    for place, label in enumerate(labels):
        where.setdefault(label, []).append(place)
    chosen = []
    for label in sorted(where):
        places = where[label]
        if repetition is None and len(places) > 1:
            raise wrong(source, f"repetition=, which of the {len(places)} times that qubit {label} was measured",
                        "none", "repetition=-1 for the last")
        if len(places) > 1 and not (isinstance(repetition, int) and -len(places) <= repetition < len(places)):
            raise wrong(source, f"repetition from 0 to {len(places) - 1}", short(repetition), "repetition=-1")
        chosen.append(places[repetition] if len(places) > 1 else places[0])
    return chosen


def _members(result: object) -> dict:
    """The members of the SDK's object, of its schema and of its own class alike."""
    if hasattr(result, "measuredQubits"):
        probabilities, measurements = result.measurementProbabilities, result.measurements
        qubits, metadata = result.measuredQubits, result.taskMetadata
    else:
        qubits, metadata = result.measured_qubits, result.task_metadata
        probabilities, measurements = result.measurement_probabilities, result.measurements
        if not result.measurements_copied_from_device:  # rows that were made by rounding probabilities
            measurements = None
    shots = getattr(metadata, "shots", None)
    return {"measurements": measurements, "measuredQubits": qubits, "measurementProbabilities": probabilities,
            "taskMetadata": {"shots": shots} if shots is not None else None}
