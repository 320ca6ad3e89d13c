"""Results of pytket, IonQ and pyQuil."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lib.spins.measurements._keys import from_numbers
from lib.spins.measurements.checking import check_shots, mapping, member, number, short, table, unique_names, wrong
from lib.spins.measurements.cirq import choose
from lib.spins.measurements.counts import expanded, from_probabilities, whole
from lib.spins.measurements.shots import GATES, LIMIT, Shots

# --- pytket


def read_pytket(document: object, source: str, *, limit: int = LIMIT, shots: int | None = None,
                expand: bool = True) -> Shots:
    """Shots or counts of pytket.

    The packed columns are in the order of `bits` (get_bitlist), not in that of get_shots, which
    sorts them. Here they are sorted by register and index.

    Parameters
    ----------
    document : dict or object
        A parsed `BackendResult.to_dict`, or the object.
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
        Naming the source and the place in it, for what is no such result.

    """
    if not isinstance(document, Mapping):
        document = document.to_dict()
    names = []
    for bit in member(document, "bits", source):
        if not isinstance(bit, list) or len(bit) != 2 or not isinstance(bit[1], list):
            raise wrong(source, "bits as [register, [index]]", short(bit), "BackendResult.to_dict")
        names.append((str(bit[0]), tuple(number(index, source, "an index") for index in bit[1])))
    unique_names([f"{name}{list(index)}" for name, index in names], source, "bits")
    if document.get("shots") is not None:
        bits = _outcomes(document["shots"], source, len(names))
        values = np.ones(len(bits), dtype=np.int64)
    elif document.get("counts") is not None:
        entries = [mapping(entry, source, "an outcome with its count") for entry in document["counts"]]
        parts = [_outcomes(member(entry, "outcome", source), source, len(names)) for entry in entries]
        if not parts:
            raise wrong(source, "at least one outcome", "none", "a run with shots")
        bits = np.concatenate(parts)
        values = whole([member(entry, "count", source) for entry in entries], list(range(len(entries))), source)
    else:
        raise wrong(source, "shots or counts", "neither", "a run with shots: states hold none")
    check_shots(int(values.sum()), None, source, shots)
    order = sorted(range(len(names)), key=names.__getitem__)
    bits, weights = expanded(bits[:, order], values, source, expand, limit)
    sites = tuple(names[place][0] + "".join(f"[{index}]" for index in names[place][1]) for place in order)
    return Shots(np.ascontiguousarray(bits), sites, f"{GATES}; columns by register name and index", weights=weights)


def _outcomes(value: object, source: str, n_bits: int) -> np.ndarray:
    value = mapping(value, source, "packed outcomes")
    width = number(member(value, "width", source), source, "width", least=1)
    rows = member(value, "array", source)
    try:
        packed = np.atleast_2d(np.array(rows))
        if packed.dtype.kind not in "iu" or packed.size and not 0 <= packed.min() <= packed.max() <= 255:
            raise ValueError
    except ValueError:
        raise wrong(source, "packed bytes from 0 to 255 in rows of one width", short(rows), "to export it again") \
            from None
    if width != n_bits or packed.ndim != 2 or packed.shape[1] != -(-width // 8):
        raise wrong(source, f"{-(-n_bits // 8)} bytes an outcome for {n_bits} bits", f"{packed.shape}, width {width}",
                    "to export it again")
    packed = packed.astype(np.uint8)
    over = packed[:, -1] & (0xFF >> ((width - 1) % 8 + 1))
    if over.any():
        raise wrong(source, "zeros in the bits that fill up the last byte", "ones", "to export it again",
                    f"outcome {int(np.argmax(over > 0)) + 1}")
    return np.unpackbits(packed, axis=1, count=width)


# --- IonQ


def read_ionq(document: object, source: str, *, limit: int = LIMIT, n_sites: int | None = None,
              shots: int | None = None, expand: bool = True, task: object = None) -> Shots:
    """A job or a histogram of IonQ's service, or cirq-ionq's QPUResult.

    Qubit 0 is the lowest bit of the key. A histogram holds relative frequencies; where the job does
    not tell the shots and the qubits, shots= and n_sites= have to.

    Parameters
    ----------
    document : dict, list of dict, or object
        Parsed, or the object.
    source : str
        What messages call it.
    limit, n_sites, shots, expand, task : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what is no such result, and for probabilities of
        a simulator.

    """
    reverse = True
    if not isinstance(document, (Mapping, list)):
        if not hasattr(document, "counts"):
            raise wrong(source, "counts of a device", f"{type(document).__name__}, probabilities of a simulator",
                        "to_cirq_result(seed=...), which draws shots")
        reported, n_reported, reverse = None, document.num_qubits(), False  # cirq-ionq turns the keys around
        histogram = dict(document.counts())
    else:
        job = mapping(choose(document, task if isinstance(document, list) else None, source), source, "a job")
        reported, n_reported = _shots_reported(job), _qubits_reported(job)
        data = job.get("data")
        histogram = data.get("histogram") if isinstance(data, Mapping) else None
        histogram = mapping(histogram or job.get("histogram") or job.get("probabilities") or job, source, "a histogram")
        if histogram and isinstance(next(iter(histogram.values())), Mapping):
            histogram = choose(list(histogram.values()), task, source)
    bits = from_numbers(list(histogram), n_reported if n_sites is None else n_sites, source)
    if any(isinstance(value, (float, str)) for value in histogram.values()):
        histogram = from_probabilities(histogram, reported if shots is None else shots, source)
    counts = whole(list(histogram.values()), list(histogram), source)
    check_shots(sum(counts.tolist()), reported, source, shots)
    bits, weights = expanded(bits[:, ::-1] if reverse else bits, counts, source, expand, limit)
    return Shots(np.ascontiguousarray(bits), tuple(map(str, range(bits.shape[1]))), f"{GATES}; column i is qubit i",
                 weights=weights)


def _shots_reported(job: Mapping) -> object:
    metadata = job.get("metadata")
    found = job.get("shots", metadata.get("shots") if isinstance(metadata, Mapping) else None)
    return int(found) if isinstance(found, str) and found.isdigit() else found


def _qubits_reported(job: Mapping) -> object:
    stats = job.get("stats")
    found = job.get("qubits", stats.get("qubits") if isinstance(stats, Mapping) else None)
    return int(found) if isinstance(found, str) and found.isdigit() else found


# --- pyQuil


def read_pyquil(document: object, source: str, *, shots: int | None = None, register: object = None,
                order: object = None) -> Shots:
    """Registers of pyQuil.

    Column i of a register is its address i; column 0 of `sample_bitstrings` is the highest qubit.

    Parameters
    ----------
    document : dict, object or array_like
        A register map {"ro": rows}, the object that has one, or an array, whose order only the user
        knows.
    source : str
        What messages call it.
    shots, register, order : optional
        As in `reading.read`; order is applied there, and here only asked for.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for an array without order=, and for another
        register.

    """
    if hasattr(document, "get_register_map"):
        document = document.get_register_map()
    elif hasattr(document, "readout_data"):
        document = document.readout_data
    if not isinstance(document, Mapping):
        if order is None:
            raise wrong(source, 'order=: an array tells no order', "none",
                        'order="kept" for a register, order="reverse" for sample_bitstrings, whose column 0 is the '
                        "highest qubit")
        bits = table(document, source)
        check_shots(len(bits), None, source, shots)
        return Shots(bits, tuple(map(str, range(bits.shape[1]))), f"{GATES}; columns as in the array")
    maps = {str(name): rows for name, rows in document.items() if rows is not None}
    if register is None and len(maps) != 1:
        raise wrong(source, f"register=, one of {', '.join(maps) or 'none'}", "none",
                    f"register={next(iter(maps), 'ro')!r}")
    name = next(iter(maps)) if register is None else register
    if name not in maps:
        raise wrong(source, f"register, one of {', '.join(maps)}", short(register), f"register={next(iter(maps))!r}")
    bits = table(maps[name], f"{source}, register {name!r}")
    check_shots(len(bits), None, source, shots)
    left = [other for other in document if other != name]
    return Shots(bits, tuple(f"{name}[{place}]" for place in range(bits.shape[1])),
                 f"{GATES}; column i is address i of the register",
                 dropped={f"register {other!r}, not asked for": 1 for other in left})
