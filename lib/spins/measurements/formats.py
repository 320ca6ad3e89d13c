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
    pastaq,
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
    """One format.

    Attributes
    ----------
    reader : callable
        Takes (document or path, name of the source, options), and gives `Shots`.
    options : tuple of str
        Arguments of `read` that it takes.
    what : str
        What 1 means and where column 0 is, to choose among formats.
    holds : str
        What is read.
    checked : str
        The package and version whose own file or object a test reads, or what the layout rests on
        where none could be run.
    is_file : bool
        Whether the reader takes a path, False by default.

    """

    reader: Callable[..., Shots]
    options: tuple[str, ...]
    what: str
    holds: str
    checked: str
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


def _stim_file(kind: str, holds: str) -> Format:
    def reader(path: Path, source: str, **options) -> Shots:
        return stim.read_file(path, kind, **options)
    return Format(reader, ("limit", "n_sites", "shots"), "column 0 is the first record of Stim", holds,
                  "read from a file written by stim 1.16.0", is_file=True)


_SAID = "order= and one= say what the columns and 1 are"
_STIM = {"01": "a line of 0 and 1 a shot", "b8": "packed, lowest bit first", "r8": "lengths of runs of zeros",
         "ptb64": "packed, 64 shots a word", "hits": "places of the ones", "dets": "places of the ones, with a letter"}

FORMATS: dict[str, Format] = {
    "qiskit": Format(
        qiskit.read_document, ("limit", "expand", "n_sites", "shots", "register", "task"),
        "the last letter or lowest bit is classical bit 0, 0 is sz = +1",
        "results of a Sampler in RuntimeEncoder's JSON, of one or several registers; Result; counts, hexadecimal, "
        "whole numbers, or with spaces; memory; the objects",
        "read from files written by qiskit 2.6.2, qiskit-ibm-runtime 0.51.0"),
    "cirq": Format(
        cirq.read_document, ("limit", "shots", "register", "task", "repetition", "n_sites", "expand"),
        "columns as measured, the highest bit of a whole number first, 0 is sz = +1",
        "ResultDict: one key, many, a key measured again; a histogram of one key; the object",
        "read from files written by cirq-core 1.7.0"),
    "braket": Format(
        _braket, ("limit", "shots", "repetition", "expand"),
        "the first letter is the first measured qubit, 0 is sz = +1; analog: 1 is Rydberg",
        "results of gates, columns in any order; results of Rydberg arrays with missing atoms, empty sites, failed "
        "shots; counts of both; the objects",
        "read from files written by amazon-braket-sdk 1.127.5 (of the array: its schema, bits drawn)"),
    "pulser": Format(
        rydberg.read_pulser, ("limit", "shots", "task", "expand"), "the first letter is the first atom, 1 is Rydberg",
        "Results.to_abstract_repr, a counter, the objects",
        "read from a file written by pulser-core 1.9.1 (bits drawn)"),
    "bloqade": Format(
        rydberg.read_bloqade, ("limit", "shots", "task"), "1 is Rydberg", "batch, task, report",
        "read from a file written by bloqade-analog 0.16.9"),
    "pennylane": Format(
        simulators.read_pennylane, ("limit", "shots", "expand", "n_sites"),
        "the first letter is the first wire, 0 is sz = +1", "samples of wires and of observables, shadows, counts",
        "read from files written by pennylane 0.45.1"),
    "stim": Format(
        stim.read_array, ("n_sites", "shots"), "column 0 is the first record of Stim, 0 is sz = +1",
        "arrays of its samplers, bool or packed", "arrays of the same bits as the files, by the layout of stim 1.16.0"),
    **{kind: _stim_file(kind, holds) for kind, holds in _STIM.items()},
    "qucumber": Format(
        _qucumber, ("limit", "n_sites", "shots"), "bits with spaces, 1 is sz = +1", '"1 0 1" a line',
        "read from files published with QuCumber 1.3.3", is_file=True),
    "counts": Format(
        _counts, ("limit", "expand", "n_sites", "shots", "order", "one"), _SAID,
        '"0101,12" a line, a dictionary, a list of outcomes', "our own file"),
    "packed": Format(
        _packed, ("limit", "shots"), "our own files", "what lib.spins.measurements.save writes", "our own files",
        is_file=True),
    "pytket": Format(
        clients.read_pytket, ("limit", "shots", "expand"), "columns by register and index",
        "BackendResult.to_dict, the object", "read from a file written by pytket 2.18.5"),
    "ionq": Format(
        clients.read_ionq, ("limit", "n_sites", "shots", "expand", "task"),
        "whole numbers, whose lowest bit is qubit 0", "a job or its histogram; QPUResult of cirq-ionq",
        "layout from the source of cirq-ionq 1.7.0, not run"),
    "pyquil": Format(
        clients.read_pyquil, ("shots", "register", "order"), "columns are addresses of a register",
        "register maps, arrays, the object", "read from a file of the register map of pyquil 4.22.0 (PyQVM)"),
    "qutip": Format(
        simulators.read_qutip, ("shots",), "eigenvalues -1 and +1", "eigenvalues of measure_observable, a row a shot",
        "read from a file of values of qutip 5.3.1"),
    "tenpy": Format(
        simulators.read_tenpy, ("shots", "one"), "pairs of local states and amplitude", "pairs of sample_measurements",
        "read from a file of pairs of physics-tenpy 1.1.1"),
    "quimb": Format(
        simulators.read_quimb, ("shots",), "pairs of outcomes and probability", "pairs of MatrixProductState.sample",
        "read from a file of pairs of quimb 1.16.0"),
    "netket": Format(
        simulators.read_netket, ("shots",), "spins -1 and +1", "samples; outcomes with their bases",
        "read from a file of samples of netket 3.23.0; with bases: layout from its source, not run"),
    "pastaq": Format(
        pastaq.read_pastaq, ("limit", "shots"), "HDF5 of outcomes and bases", "HDF5, with the package h5py",
        "layout from the source of PastaQ.jl, not run"),
    "rows": Format(
        simulators.read_rows, ("n_sites", "shots", "order", "one"), _SAID, "a table of zeros and ones",
        "our own arrays"),
}
