"""Which format a file or an object has, by its marks alone; what could be two is refused with both names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lib.spins.measurements import counts, stim
from lib.spins.measurements._keys import are_numbers
from lib.spins.measurements.checking import check_size, short, wrong
from lib.spins.measurements.documents import open_archive, open_array, read_json
from lib.spins.measurements.formats import FORMATS

_PACKAGES = {"qiskit": "qiskit", "qiskit_ibm_runtime": "qiskit", "qiskit_aer": "qiskit", "cirq": "cirq",
             "cirq_ionq": "ionq", "cirq_google": "cirq", "braket": "braket", "pulser": "pulser",
             "pulser_simulation": "pulser", "bloqade": "bloqade", "pennylane": "pennylane", "pytket": "pytket",
             "pyquil": "pyquil", "qcs_sdk": "pyquil", "h5py": "pastaq"}
_STRINGS = ["qiskit", "braket", "pulser", "pennylane", "counts"]  # dictionaries from strings of bits to counts


def opened(path: Path, kind: str | None, limit: int) -> tuple[str, object]:
    """The format of a file, and what its reader takes.

    Parameters
    ----------
    path : Path
        The file.
    kind : str or None
        Its format, where the user says it.
    limit : int, bytes
        What it may take in memory.

    Returns
    -------
    kind : str
        The format.
    source : Path or object
        The path, or what was parsed.

    Raises
    ------
    ValueError
        For an empty file, a pickle, which is never loaded, a gzip file, what could be two formats,
        and what has the marks of none.

    """
    with path.open("rb") as file:
        head = file.read(2**16)
    if not head:
        raise wrong(str(path), "measurements", "an empty file", "to make or download it again")
    if kind is None and path.suffix[1:] in stim.FORMATS or kind == "stim":
        kind = path.suffix[1:] if path.suffix[1:] in stim.FORMATS else kind
        if kind == "stim" and head[:6] != b"\x93NUMPY":
            raise wrong(str(path), f"which of Stim's formats {', '.join(stim.FORMATS)}", "an ending that names none",
                        'format="b8"')
    if kind is not None and FORMATS[kind].is_file:
        return kind, path
    if head[:2] == b"\x80\x04" or head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x05":
        raise wrong(str(path), "measurements", "a pickle, which is never loaded",
                    "numpy.savez or json.dump in the program that wrote it")
    if head[:2] == b"\x1f\x8b":
        raise wrong(str(path), "measurements", "a gzip file", "gunzip first")
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        return kind or "pastaq", path
    if head[:2] == b"PK":
        return _archive(path, kind, limit)
    if head[:6] == b"\x93NUMPY":
        check_size(path.stat().st_size, "an array", str(path), limit)
        document = open_array(path.read_bytes(), str(path), limit)
        return kind or _one_of(["stim", "pennylane", "rows"], "an array", str(path)), document
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        document = read_json(path, limit)
        return kind or _one_of(_of_document(document), "JSON", str(path)), document
    if kind not in (None, "counts"):
        raise wrong(str(path), f"JSON of {kind}", short(head[:40].decode("utf-8", "replace")),
                    "format=None, or to export the file again")
    return kind or _one_of(_of_text(head), "text", str(path)), path


def _archive(path: Path, kind: str | None, limit: int) -> tuple[str, object]:
    arrays = open_archive(path, limit)
    if kind is None and {"format", "packed"} <= set(arrays):
        return "packed", path
    if kind == "pennylane" or kind is None and {"bits", "recipes"} <= set(arrays):
        return "pennylane", arrays
    if kind is not None and len(arrays) == 1:
        return kind, next(iter(arrays.values()))
    if kind == "pyquil":
        return kind, arrays
    raise wrong(str(path), "an archive of packed measurements or of a shadow (bits, recipes)",
                f"members {', '.join(arrays) or 'none'}", "one array alone, with format=")


def _one_of(kinds: list[str], what: str, source: str) -> str:
    if len(kinds) == 1:
        return kinds[0]
    if not kinds:
        raise wrong(source, f"a known format ({', '.join(FORMATS)})", f"{what} without its marks",
                    "format=, if it is one of these")
    raise wrong(source, "one format", f"{what} that could be {' or '.join(kinds)}",
                " or ".join(f'format="{kind}" ({FORMATS[kind].what})' for kind in kinds))


def _of_text(head: bytes) -> list[str]:
    """The formats that the first lines could be."""
    lines = head.decode("utf-8", "replace").splitlines()
    lines = [line.strip() for line in (lines[:-1] if len(lines) > 1 else lines)][:1000]
    body = [line for line in lines if line]
    if not body or "\0" in head.decode("utf-8", "replace"):
        return []
    if all(re.match(r"shot\b", line) for line in body):
        return ["dets"]
    found = []
    if all(re.fullmatch(r"[01]+", line) for line in body):
        found.append("01")
    if all(re.fullmatch(r"[01](\.0+(e\+00)?)?(\s+[01](\.0+(e\+00)?)?)*", line) for line in body):
        found.append("qucumber")
    rows = body[1:] if len(body[0]) < 200 and re.fullmatch(r"[A-Za-z_ \"']+[,;\t ][A-Za-z_ \"']+", body[0]) else body
    if rows and all(re.fullmatch(r"[\"']?[01]{2,}[\"']?\s*[,;\t ]\s*-?[0-9.]+", line) for line in rows):
        found.append("counts")
    if rows is body and all(re.fullmatch(r"[0-9]+(,[0-9]+)*|", line) for line in lines) and any("," in x for x in body):
        found.append("hits")
    return found


def _of_document(document: object) -> list[str]:
    """The formats that a parsed JSON document or a dictionary could be."""
    first = document[0] if isinstance(document, list) and document else document
    if counts.is_list_of_strings(document):
        return _of_strings(document)
    if not isinstance(first, Mapping):
        return ["rows", "qutip", "pennylane"] if isinstance(document, list) and document else []
    marks = {"__type__": "qiskit", "cirq_type": "cirq", "braketSchemaHeader": "braket", "measuredQubits": "braket",
             "tagmap": "pulser", "shot_outputs": "bloqade", "task_result_ir": "bloqade", "recipes": "pennylane"}
    for mark, kind in marks.items():
        if mark in first:
            return [kind]
    if len(first) == 1 and str(next(iter(first))).startswith("bloqade.analog."):
        return ["bloqade"]
    if {"bits", "qubits"} <= set(first):
        return ["pytket"]
    if isinstance(first.get("data"), Mapping) and "histogram" in first["data"] or "histogram" in first:
        return ["ionq"]
    if isinstance(first.get("results"), list):
        return ["qiskit"]
    return _of_counts(first)


def _of_counts(found: Mapping) -> list[str]:
    keys, values = list(found), list(found.values())
    if not keys:
        return []
    if all(isinstance(value, (list, np.ndarray)) for value in values):
        return ["pyquil"]
    if not all(isinstance(value, (int, float, str, np.number)) for value in values):
        return []
    if all(isinstance(key, str) and re.fullmatch("[erg]+", key) for key in keys):
        return ["braket"]
    # Whole numbers: two packages count qubits from the lowest bit, one from the highest; shares are the service's.
    numbers = ["qiskit", "cirq", "ionq"] if all(isinstance(value, (int, np.integer)) for value in values) else ["ionq"]
    if not all(isinstance(key, str) for key in keys):
        return numbers if are_numbers(keys) else []
    if found := _of_strings(keys):
        if len(found) > 1 and are_numbers(keys):
            found += [kind for kind in numbers if kind not in found]
        return found
    return numbers if are_numbers(keys) else []


def _of_strings(keys: list[str]) -> list[str]:
    if all(re.fullmatch(r"0x[0-9a-fA-F]+", key) for key in keys) or all(re.fullmatch(r"[01]+( [01]+)+", key)
                                                                       for key in keys):
        return ["qiskit"]
    return list(_STRINGS) if all(re.fullmatch(r"[01]+", key) for key in keys) else []


def recognized(source: object) -> str:
    """The format of an object, by the package that defines its type; nothing is imported.

    Parameters
    ----------
    source : object
        A result, dictionary, list or array.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        For what could be two formats, and what has the marks of none.

    """
    for cls in type(source).__mro__:
        package = cls.__module__.split(".")[0]
        if package in _PACKAGES:
            return _PACKAGES[package]
    name = type(source).__name__
    if isinstance(source, Mapping):
        return _one_of(_of_document(source), "a dictionary", name)
    if isinstance(source, list) and source and isinstance(source[0], (Mapping, str)):
        return _one_of(_of_document(source), "a list", name)
    if isinstance(source, list) and source and not isinstance(source[0], (list, tuple, int)):
        package = type(source[0]).__module__.split(".")[0]
        if package in _PACKAGES:
            return _PACKAGES[package]
    kinds = {"ndarray": ["stim", "pennylane", "pyquil", "netket", "rows"], "tuple": ["pennylane", "netket"],
             "list": ["tenpy", "quimb", "qutip", "rows"]}
    return _one_of(kinds.get(name, []), f"a {name}", name)
