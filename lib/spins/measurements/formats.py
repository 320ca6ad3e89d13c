"""The formats that `read` takes, each with its reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

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
from lib.spins.measurements.checking import check_shots, check_size, short, wrong
from lib.spins.measurements.shots import LIMIT, SPIN_PLUS, UP, Shots


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
    """Both kinds of results have the one name of the package, and so have both kinds of counts."""
    if rydberg.is_letters(document) or braket.is_counts(document):
        if options.pop("repetition", None) is not None:
            raise wrong(source, "no repetition= for counts", "one", "repetition=None")
        return (rydberg.read_letters if rydberg.is_letters(document) else braket.read_counts)(
            document, source, **options)
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
    if not isinstance(document, Mapping) and not counts.is_list_of_strings(document):
        raise wrong(source, "outcomes with their counts", short(document), 'format="rows" for a table of bits')
    return counts.read_counts(document, source, **options)


def _stim_file(kind: str) -> Format:
    def reader(path: Path, source: str, **options) -> Shots:
        return stim.read_file(path, kind, **options)
    return Format(reader, ("limit", "n_sites", "shots"), "column 0 is the first record of Stim", is_file=True)


FORMATS: dict[str, Format] = {
    "qiskit": Format(qiskit.read_document, ("limit", "expand", "n_sites", "shots", "register", "task"),
                     "the last letter or lowest bit is classical bit 0, 0 is sz = +1"),
    "cirq": Format(cirq.read_document, ("limit", "shots", "register", "task", "repetition", "n_sites", "expand"),
                   "columns as measured, the highest bit of a whole number first, 0 is sz = +1"),
    "braket": Format(_braket, ("limit", "shots", "repetition", "expand"),
                     "the first letter is the first measured qubit, 0 is sz = +1; analog: 1 is Rydberg"),
    "pulser": Format(rydberg.read_pulser, ("limit", "shots", "task", "expand"),
                     "the first letter is the first atom, 1 is Rydberg"),
    "bloqade": Format(rydberg.read_bloqade, ("limit", "shots", "task"), "1 is Rydberg"),
    "pennylane": Format(simulators.read_pennylane, ("limit", "shots", "expand", "n_sites"),
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
