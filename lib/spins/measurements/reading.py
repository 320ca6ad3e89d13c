"""`read`: from a file or an object to shots, whichever package made it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lib.spins.measurements import (
    braket,
    cirq,
    clients,
    counts,
    packed,
    qiskit,
    rydberg,
    simulators,
    stim,
    text,
)
from lib.spins.measurements.documents import open_archive, open_array, read_json
from lib.spins.measurements.shots import (
    LIMIT,
    MISSING,
    SPIN_PLUS,
    UP,
    Shots,
    check_shots,
    check_size,
    short,
    wrong,
)


@dataclass(frozen=True)
class Format:
    """One format. reader: (document or path, name of the source, options). options: arguments of `read` that it takes.
    is_file: whether the reader takes a path. what: what 1 means and where column 0 is, to choose among formats.
    """

    reader: Callable[..., Shots]
    options: tuple[str, ...]
    what: str
    is_file: bool = False


def _braket(document: object, source: str, **options) -> Shots:
    """Both kinds of results have the one name of the package."""
    if isinstance(document, Mapping):
        header, rows = document.get("braketSchemaHeader"), document.get("measurements")
        analog = isinstance(header, Mapping) and "analog" in str(header.get("name")) or header is None \
            and isinstance(rows, list) and rows and isinstance(rows[0], Mapping)
    else:
        analog = "analog" in type(document).__name__.lower()
    unused = ("expand", "repetition") if analog else ()
    for name in unused:
        if options.pop(name, None) is not None and name == "repetition":
            raise wrong(source, f"no {name}= for analog results", "one", f"{name}=None")
    return (rydberg.read_braket if analog else braket.read_document)(document, source, **options)


def _qucumber(path: Path, source: str, *, limit: int = LIMIT, n_sites: int | None = None,
              shots: int | None = None) -> Shots:
    check_size(30 * path.stat().st_size, "text", source, limit)
    bits = text.read_text(path, n_sites)
    check_shots(len(bits), None, source, shots)
    return Shots(bits, tuple(map(str, range(bits.shape[1]))), f"{UP} (QuCumber's sigma-z); columns as in the file",
                 plus=SPIN_PLUS)


def _packed(path: Path, source: str, *, limit: int = LIMIT, shots: int | None = None) -> Shots:
    return packed.read_packed(path, limit=limit, shots=shots)


def _counts(document: object, source: str, **options) -> Shots:
    if isinstance(document, Path):
        return counts.read_table(document, **options)
    if not isinstance(document, Mapping):
        raise wrong(source, "outcomes with their counts", short(document), 'format="rows" for a table of bits')
    return counts.read_counts(document, source, **options)


def _stim_file(kind: str) -> Format:
    def reader(path: Path, source: str, **options) -> Shots:
        return stim.read_file(path, kind, **options)
    return Format(reader, ("limit", "n_sites", "shots"), "column 0 is the first record of Stim", is_file=True)


FORMATS: dict[str, Format] = {
    "qiskit": Format(qiskit.read_document, ("limit", "expand", "n_sites", "shots", "register", "task"),
                     "the last letter is classical bit 0, 0 is sz = +1"),
    "cirq": Format(cirq.read_document, ("limit", "shots", "register", "task", "repetition"),
                   "columns as measured, 0 is sz = +1"),
    "braket": Format(_braket, ("limit", "shots", "repetition", "expand"),
                     "the first letter is the first measured qubit, 0 is sz = +1; analog: 1 is Rydberg"),
    "pulser": Format(rydberg.read_pulser, ("limit", "shots", "task", "expand"),
                     "the first letter is the first atom, 1 is Rydberg"),
    "bloqade": Format(rydberg.read_bloqade, ("limit", "shots", "task"), "1 is Rydberg"),
    "pennylane": Format(simulators.read_pennylane, ("limit", "shots", "expand"),
                        "the first letter is the first wire, 0 is sz = +1"),
    "stim": Format(stim.read_array, ("n_sites", "shots"), "column 0 is the first record of Stim, 0 is sz = +1"),
    **{kind: _stim_file(kind) for kind in stim.FORMATS},
    "qucumber": Format(_qucumber, ("limit", "n_sites", "shots"), "bits with spaces, 1 is sz = +1", is_file=True),
    "counts": Format(_counts, ("limit", "expand", "n_sites", "shots", "order", "one"),
                     "order= and one= say what the columns and 1 are"),
    "packed": Format(_packed, ("limit", "shots"), "our own files", is_file=True),
    "pytket": Format(clients.read_pytket, ("limit", "shots", "expand"), "columns by register and index"),
    "ionq": Format(clients.read_ionq, ("limit", "n_sites", "shots", "expand", "task"),
                   "whole numbers, whose lowest bit is qubit 0"),
    "pyquil": Format(clients.read_pyquil, ("shots", "register", "order"), "columns are addresses of a register"),
    "qutip": Format(simulators.read_qutip, ("shots",), "eigenvalues -1 and +1"),
    "tenpy": Format(simulators.read_tenpy, ("shots", "one"), "pairs of local states and amplitude"),
    "quimb": Format(simulators.read_quimb, ("shots",), "pairs of outcomes and probability"),
    "netket": Format(simulators.read_netket, ("shots",), "spins -1 and +1"),
    "pastaq": Format(simulators.read_pastaq, ("limit", "shots"), "HDF5 of outcomes and bases"),
    "rows": Format(simulators.read_rows, ("n_sites", "shots", "order", "one"),
                   "order= and one= say what the columns and 1 are"),
}
_PACKAGES = {"qiskit": "qiskit", "qiskit_ibm_runtime": "qiskit", "qiskit_aer": "qiskit", "cirq": "cirq",
             "cirq_ionq": "ionq", "cirq_google": "cirq", "braket": "braket", "pulser": "pulser",
             "pulser_simulation": "pulser", "bloqade": "bloqade", "pennylane": "pennylane", "pytket": "pytket",
             "pyquil": "pyquil", "qcs_sdk": "pyquil", "h5py": "pastaq"}
_STRINGS = ["qiskit", "braket", "pulser", "pennylane", "counts"]  # dictionaries from strings of bits to counts


def read(source: object, format: str | None = None, *, n_sites: int | Mapping[str, int] | None = None,
         shots: int | None = None, register: str | Sequence[str] | None = None, task: int | tuple | None = None,
         repetition: int | None = None, order: str | Sequence[int | str] | None = None, one: str | None = None,
         flip: bool = False, bases: object = None, missing: str = "drop", expand: bool = True,
         limit: int = LIMIT) -> Shots:
    """Measurements from a file or an object of any of the packages in `FORMATS`.

    source: a path, a parsed JSON document, an array, or a result of an installed package. format: one of FORMATS; None
    recognizes it, and refuses what could be two. Nothing is guessed in silence: where the source leaves something open,
    the error names the argument that says it.

    n_sites: bits a shot. shots: how many there must be. register: the registers or keys that are wanted, in their
    order. task: which of several results (pubs, circuits, times). repetition: which of several measurements of one
    qubit in a shot. order: "kept", "reverse", or the wanted columns by number or name. one: "up" or "down", what 1 is
    along z. flip: exchange 0 and 1 at the end. bases: the letters of each shot where the source has none (a file of
    `read_bases`, rows, or one string for all). missing: "drop" shots with an empty site, or "keep" them, with MISSING
    in their bits. expand: repeat counted outcomes; False keeps each once with its weight. limit: bytes that the source
    may take in memory.

    Raises FileNotFoundError where there is no file, and ValueError naming the file, the place in it, what was expected
    and what to try.
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"expected a format among {', '.join(FORMATS)}, got {format!r}; try format=None, which "
                         "recognizes most of them")
    if missing not in ("drop", "keep"):
        raise ValueError(f'expected missing="drop" or missing="keep", got {missing!r}; try missing="drop"')
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if not path.is_file():
            raise FileNotFoundError(f"expected a file of measurements, got no file at {path}; try another path")
        name = str(path)
        kind, document = _open(path, format, limit)
    else:
        kind, document = format or _recognized(source), source
        name = f"{type(source).__module__}.{type(source).__name__}".removeprefix("builtins.")
        if FORMATS[kind].is_file:
            raise ValueError(f"expected a path for format {kind!r}, got {name}; try the name of the file")
    asked = {"n_sites": n_sites, "shots": shots, "register": register, "task": task, "repetition": repetition,
             "one": one}
    options = {option: value for option, value in asked.items() if value is not None}
    for option in options:
        if option not in FORMATS[kind].options:
            raise ValueError(f"expected no {option}= for {kind}, which needs none, got {short(options[option])} with "
                             f"{name}; try to leave it out")
    always = {"limit": limit, "expand": expand, "order": order}
    options |= {option: value for option, value in always.items() if option in FORMATS[kind].options}
    found = replace(FORMATS[kind].reader(document, name, **options), format=kind, source=name)
    return _finished(found, order, flip, bases, missing)


def _finished(found: Shots, order: object, flip: bool, bases: object, missing: str) -> Shots:
    """Bases, order, missing sites and the exchange of 0 and 1, in this order."""
    if bases is not None:
        found = replace(found, bases=_bases(bases, found))
    if order is not None:
        found = found.ordered(order)
    gaps = (found.bits == MISSING).any(axis=1)
    if gaps.any():
        dropped = dict(found.dropped)
        if missing == "keep":
            dropped["empty sites, marked in the bits"] = int((found.bits == MISSING).sum())
            found = replace(found, dropped=dropped)
        elif gaps.all():
            raise wrong(found.source, "a shot with an atom at each site", f"{len(gaps)} shots, all with gaps",
                        'order=, fewer sites, or missing="keep"')
        else:
            dropped["shots with an empty site"] = int(gaps.sum())
            found = replace(found, bits=found.bits[~gaps], dropped=dropped,
                            bases=None if found.bases is None else found.bases[~gaps])
    return found.flipped() if flip else found


def _bases(bases: object, found: Shots) -> np.ndarray:
    if isinstance(bases, str) and re.fullmatch("[XYZ]+", bases):
        rows = np.tile(np.array(list(bases)), (len(found.bits), 1))
    elif isinstance(bases, (str, os.PathLike)):
        rows = text.read_bases(bases, found.n_sites)
    else:
        rows = simulators.letters(bases, found.source)
    if rows.shape != found.bits.shape:
        raise wrong(found.source, f"bases of shape {found.bits.shape}, one letter a bit", f"{rows.shape}",
                    "the bases that belong to these measurements")
    return rows


# --- which format


def _open(path: Path, kind: str | None, limit: int) -> tuple[str, object]:
    """The format of a file, and what its reader takes: the path, or what was parsed."""
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
    if all(isinstance(key, (int, np.integer)) for key in keys):
        return ["ionq"]
    if not all(isinstance(key, str) for key in keys):
        return []
    if all(re.fullmatch(r"0x[0-9a-fA-F]+", key) for key in keys) or all(re.fullmatch(r"[01]+( [01]+)+", key)
                                                                       for key in keys):
        return ["qiskit"]
    if all(re.fullmatch(r"[01]+", key) for key in keys):
        equal = len({len(key) for key in keys}) == 1
        return [*_STRINGS, *([] if equal and len(keys[0]) > 1 and any(key[0] == "0" for key in keys) else ["ionq"])]
    return ["ionq"] if all(re.fullmatch(r"[0-9]+", key) for key in keys) else []


def _recognized(source: object) -> str:
    """The format of an object, by the package that defines its type; nothing is imported."""
    for cls in type(source).__mro__:
        package = cls.__module__.split(".")[0]
        if package in _PACKAGES:
            return _PACKAGES[package]
    name = type(source).__name__
    if isinstance(source, Mapping):
        return _one_of(_of_document(source), "a dictionary", name)
    if isinstance(source, list) and source and isinstance(source[0], Mapping):
        return _one_of(_of_document(source), "a list", name)
    if isinstance(source, list) and source and not isinstance(source[0], (list, tuple, int)):
        package = type(source[0]).__module__.split(".")[0]
        if package in _PACKAGES:
            return _PACKAGES[package]
    kinds = {"ndarray": ["stim", "pennylane", "pyquil", "netket", "rows"], "tuple": ["pennylane", "netket"],
             "list": ["tenpy", "quimb", "qutip", "rows"]}
    return _one_of(kinds.get(name, []), f"a {name}", name)
