"""Qiskit: results of its primitives (RuntimeEncoder's JSON, or the objects), results of backends, counts.

A BitArray is packed to the left of the first byte: classical bit 0 is the lowest bit of the last byte, and the bits
that fill up a row stand before the highest.  Here classical bit i of a register is column i of that register, and
registers follow each other in the order in which the circuit declared them.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Mapping

import numpy as np

from lib.checks import is_integer
from lib.spins.measurements._keys import are_numbers, from_numbers, from_strings
from lib.spins.measurements.checking import check_shots, check_size, mapping, member, number, short, unique_names, wrong
from lib.spins.measurements.counts import expanded, is_list_of_strings, keys_and_counts, whole
from lib.spins.measurements.documents import open_array
from lib.spins.measurements.shots import GATES, LIMIT, Shots

VERSIONS = (2, None)  # of the primitives' results; some simulators write none
CONVENTION = f"{GATES}; column i of a register is its classical bit i, registers in the order of the circuit"
_WRAPPERS = ("PrimitiveResult", "SamplerPubResult", "PubResult", "DataBin", "BitArray", "Result")


def read_document(document: object, source: str, *, limit: int = LIMIT, expand: bool = True,
                  n_sites: int | None = None, shots: int | None = None, register: object = None,
                  task: object = None) -> Shots:
    """Any of Qiskit's results.

    Parameters
    ----------
    document : dict, list of str, or object
        A parsed JSON document, counts, a list of outcomes (memory), or a live object.
    source : str
        What messages call it.
    limit, expand, n_sites, shots, register, task : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for what is no such result or not what was asked for.

    """
    kind, value = unwrapped(document)
    if kind == "PrimitiveResult":
        version = _metadata(value).get("version")
        if version not in VERSIONS:
            raise wrong(source, "a PrimitiveResult of version 2", f"version {short(version)}",
                        "to export it with qiskit 1 or 2, or its counts (get_counts)")
        results = member(value, "pub_results", source)
        kind, value = unwrapped(_choose(results, task, source, "pub"))
        task = task[1:] if isinstance(task, tuple) else None
    reported = None
    if kind in ("SamplerPubResult", "PubResult"):
        reported = _metadata(value).get("shots")
        kind, value = unwrapped(member(value, "data", source))
    if kind == "DataBin":
        return _registers(value, source, limit, shots, reported, register, task, n_sites)
    if kind == "BitArray":
        bits = _bit_array(value, source, limit, task)
        check_shots(len(bits), reported, source, shots)
        return Shots(bits, tuple(map(str, range(bits.shape[1]))), CONVENTION)
    if kind == "Result" or isinstance(value, Mapping) and "results" in value:
        return _backend_result(mapping(value, source, "a Result"), source, limit, expand, shots, register, task)
    if kind is not None:
        raise wrong(source, f"one of {', '.join(_WRAPPERS)}", f"a {short(kind)}",
                    "the result of a Sampler (an Estimator's holds mean values, no shots)")
    if not is_list_of_strings(value):
        value = mapping(value, source, "counts")
    return _counts(value, source, limit=limit, expand=expand, n_sites=n_sites, shots=shots, register=register)


def unwrapped(value: object) -> tuple[str | None, object]:
    """The name of Qiskit's type and its members, of JSON's wrapper and of the live object alike.

    Parameters
    ----------
    value : object
        Parsed, or live.

    Returns
    -------
    kind : str or None
        None where it is no type of Qiskit.
    members : object
        The value itself then.

    """
    if isinstance(value, Mapping) and "__type__" in value:
        return value["__type__"], value.get("__value__")
    names = [cls.__name__ for cls in type(value).__mro__ if cls.__module__.split(".")[0].startswith("qiskit")]
    if "PrimitiveResult" in names:
        return "PrimitiveResult", {"pub_results": list(value), "metadata": value.metadata}
    if "PubResult" in names:
        return "PubResult", {"data": value.data, "metadata": value.metadata}
    if "DataBin" in names:
        return "DataBin", {"field_names": list(value), "fields": {name: value[name] for name in value}}
    if "BitArray" in names:
        return "BitArray", {"array": value.array, "num_bits": value.num_bits}
    if "Result" in names:
        return "Result", value.to_dict()
    return None, value


def _metadata(value: object) -> Mapping:
    found = value.get("metadata") if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _choose(results: object, task: object, source: str, what: str) -> object:
    """One of several results: the only one, or the one that is asked for."""
    if not isinstance(results, list) or not results:
        raise wrong(source, f"a list of at least one {what}", short(results), "the result of a run with measurements")
    if task is None:
        if len(results) > 1:
            raise wrong(source, f"task=, which of its {len(results)} {what}s", "none", "task=0 for the first")
        return results[0]
    place = task[0] if isinstance(task, tuple) and task else task
    if not is_integer(place) or not 0 <= place < len(results):
        raise wrong(source, f"task from 0 to {len(results) - 1}", short(task), "task=0 for the first")
    return results[place]


def _registers(value: object, source: str, limit: int, shots: int | None, reported: object, register: object,
               task: object, n_sites: int | None) -> Shots:
    """All registers of a DataBin beside each other, or those that are asked for, in that order."""
    fields = mapping(member(mapping(value, source, "a DataBin"), "fields", source), source, "fields")
    names = unique_names(list(value.get("field_names") or fields), source, "registers")
    if sorted(names) != sorted(fields):
        raise wrong(source, f"registers {', '.join(names)}, as field_names tells", f"{', '.join(fields)}",
                    "to export the result again")
    chosen = _chosen(register, names, source)
    parts, sites = [], []
    for name in chosen:
        kind, content = unwrapped(fields[name])
        if kind != "BitArray":
            raise wrong(source, f"bits in register {name!r}", f"a {kind or type(content).__name__}",
                        "register=, one of the others, or a run with classified outcomes (meas_level 2)")
        bits = _bit_array(content, f"{source}, register {name!r}", limit, task)
        if parts and len(bits) != len(parts[0]):
            raise wrong(source, f"{len(parts[0])} shots in every register", f"{len(bits)} in {name!r}",
                        f"register={chosen[0]!r} alone")
        parts.append(bits)
        sites += [f"{name}[{bit}]" for bit in range(bits.shape[1])]
    bits = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    check_shots(len(bits), reported, source, shots)
    if n_sites is not None and bits.shape[1] != n_sites:
        raise wrong(source, f"{n_sites} classical bits", f"{bits.shape[1]}", f"n_sites={bits.shape[1]}")
    left = [name for name in names if name not in chosen]
    return Shots(bits, tuple(sites), CONVENTION, dropped={f"register {name!r}, not asked for": 1 for name in left})


def _chosen(register: object, names: tuple[str, ...], source: str) -> list[str]:
    if register is None:
        return list(names)
    chosen = [register] if isinstance(register, str) else list(register)
    missing = [name for name in chosen if name not in names]
    if missing or not chosen or len(set(chosen)) < len(chosen):
        raise wrong(source, f"registers among {', '.join(names)}, each once", short(register),
                    f"register={names[0]!r}")
    return chosen


def _bit_array(value: object, source: str, limit: int, task: object) -> np.ndarray:
    value = mapping(value, source, "a BitArray")
    width = number(member(value, "num_bits", source), source, "num_bits", least=1)
    packed = _array(member(value, "array", source), source, limit)
    if packed.dtype != np.uint8 or packed.ndim < 2 or packed.shape[-1] != -(-width // 8):
        raise wrong(source, f"uint8 (..., shots, {-(-width // 8)}) for {width} bits",
                    f"{packed.dtype} {packed.shape}", "to export the result again")
    inner = tuple(task) if isinstance(task, tuple) else ()
    if len(inner) != packed.ndim - 2:
        raise wrong(source, "task=(pub, ...), which parameters of a pub of shape "
                    f"{packed.shape[:-2]}", f"task={short(task)}", f"task={(0,) * (packed.ndim - 1)}")
    try:
        packed = packed[inner]
    except IndexError:
        raise wrong(source, f"parameters within {packed.shape[:-2]}", f"{inner}",
                    f"task={(0,) * (packed.ndim - 1)}") from None
    if not len(packed):
        raise wrong(source, "at least one shot", "none", "another pub")
    over = (packed[:, 0] >> ((width - 1) % 8 + 1)) != 0
    if over.any():
        raise wrong(source, f"zeros in the bits above the highest of {width}", "ones",
                    "the right num_bits, or to export the result again", f"shot {int(np.argmax(over)) + 1}")
    check_size(len(packed) * packed.shape[1] * 8, "bits", source, limit)
    # The bytes from the last to the first hold the bits from the lowest to the highest.
    return np.unpackbits(packed[:, ::-1], axis=1, count=width, bitorder="little")


def _array(value: object, source: str, limit: int) -> np.ndarray:
    """An array of RuntimeEncoder: base64 of zlib of an .npy file."""
    if isinstance(value, np.ndarray):
        return value
    kind, content = unwrapped(value)
    if kind != "ndarray" or not isinstance(content, str):
        raise wrong(source, "an ndarray in base64", short(value), "to export with RuntimeEncoder")
    again = "to export or copy the file again"
    try:
        stream = zlib.decompressobj()
        content = stream.decompress(base64.b64decode(content, validate=True), limit + 1)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise wrong(source, "an array as base64 of zlib", f"damaged text ({error})", again) from None
    check_size(len(content), "an array", source, limit)
    if not stream.eof or stream.unused_data:
        raise wrong(source, "a whole compressed array", "one that is cut, or more than one", again)
    return open_array(content, source, limit)


def _backend_result(value: Mapping, source: str, limit: int, expand: bool, shots: int | None, register: object,
                    task: object) -> Shots:
    """A Result of a backend: hexadecimal counts, or memory, and the sizes of the registers."""
    result = mapping(_choose(member(value, "results", source), task, source, "experiment"), source, "an experiment")
    data = mapping(member(result, "data", source), source, "data")
    header = result.get("header")
    header = header if isinstance(header, Mapping) else getattr(header, "__dict__", {})
    slots = header.get("memory_slots")
    if data.get("memory"):
        counts: Mapping = {}
        keys = list(data["memory"])
    else:
        counts = mapping(member(data, "counts", source), source, "counts")
        keys = list(counts)
    if slots is None:
        raise wrong(source, "memory_slots in the header, the number of classical bits", "none",
                    "n_sites= together with the counts alone: json.dump(result.get_counts())")
    bits = _hexadecimal(keys, number(slots, source, "memory_slots", least=1), source)
    values = whole(list(counts.values()), keys, source) if counts else np.ones(len(keys), dtype=np.int64)
    check_shots(int(values.sum()), result.get("shots"), source, shots)
    sizes = header.get("creg_sizes") or [["c", bits.shape[1]]]
    return _named(bits, [(str(name), int(size)) for name, size in sizes], values, source, limit, expand, register)


def _hexadecimal(keys: list, width: int, source: str) -> np.ndarray:
    strings = []
    for place, key in enumerate(keys):
        if not isinstance(key, str) or not re.fullmatch(r"0x[0-9a-fA-F]+", key) or int(key, 16) >> width:
            raise wrong(source, f"hexadecimal outcomes of {width} bits", short(key),
                        "the right number of bits (memory_slots, n_sites)", f"outcome {place + 1}")
        strings.append(format(int(key, 16), f"0{width}b"))
    return np.ascontiguousarray(from_strings(strings, source, width)[:, ::-1])


def _counts(counts: Mapping | list, source: str, *, limit: int, expand: bool, n_sites: int | None, shots: int | None,
            register: object) -> Shots:
    """Outcomes as "0x1f", whole numbers, or strings of bits with a space between registers, bit 0 at the right."""
    keys, numbers = keys_and_counts(counts)
    plain = are_numbers(keys) and not all(isinstance(key, str) and set(key) <= {"0", "1"} for key in keys)
    if not keys or not plain and not all(isinstance(key, str) for key in keys):
        raise wrong(source, "outcomes as strings", short(keys[0]) if keys else "none", "counts of get_counts()")
    if plain:
        bits, groups = from_numbers(keys, n_sites, source)[:, ::-1], [n_sites]
    elif keys[0].startswith("0x"):
        if n_sites is None:
            raise wrong(source, "n_sites=: hexadecimal outcomes do not tell the number of bits", "none",
                        f"n_sites={max(4 * (len(key) - 2) for key in keys)}, or the number of classical bits")
        bits = _hexadecimal(keys, n_sites, source)
        groups = [n_sites]
    else:
        groups = [len(group) for group in keys[0].split(" ")]
        for place, key in enumerate(keys):
            if [len(group) for group in key.split(" ")] != groups and (n_sites is None or len(groups) > 1):
                raise wrong(source, f"registers of {' and '.join(map(str, groups))} bits, as the first outcome",
                            short(key), "n_sites=, if leading zeros were dropped" if len(groups) == 1 else
                            "to make the counts again", f"outcome {place + 1}")
        joined = [key.replace(" ", "") for key in keys]
        if n_sites is not None and len(groups) == 1:
            if are_numbers(keys) and min(map(len, keys)) < n_sites and max(map(int, keys)) < 2**n_sites:
                raise wrong(source, f"outcomes of {n_sites} bits", f"{short(keys[0])}, which could be bits without "
                            "their leading zeros or a whole number", "get_counts() of the result, or hexadecimal keys")
            joined, groups = [key.rjust(n_sites, "0") for key in joined], [n_sites]
        bits = np.ascontiguousarray(from_strings(joined, source, n_sites)[:, ::-1])
    values = whole(numbers, keys, source)
    check_shots(sum(values.tolist()), None, source, shots)
    if len(groups) == 1:
        if register is not None:
            raise wrong(source, "no register=: outcomes without spaces name none", short(register),
                        "order=, a list of columns")
        bits, weights = expanded(bits, values, source, expand, limit)
        return Shots(bits, tuple(map(str, range(bits.shape[1]))), CONVENTION, weights=weights)
    # Names are not in the outcomes; the register that the circuit declared first stands last.
    sizes = [(f"register{place}", size) for place, size in enumerate(reversed(groups))]
    return _named(bits, sizes, values, source, limit, expand, register)


def _named(bits: np.ndarray, sizes: list[tuple[str, int]], values: np.ndarray, source: str, limit: int, expand: bool,
           register: object) -> Shots:
    """Columns named by register, where their sizes are known; the first register has the lowest bits."""
    names = unique_names([name for name, _ in sizes], source, "registers")
    if sum(size for _, size in sizes) != bits.shape[1]:
        raise wrong(source, f"registers of {bits.shape[1]} bits together", f"{sizes}", "to export the result again")
    starts = dict(zip(names, np.cumsum([0] + [size for _, size in sizes[:-1]]).tolist()))
    width = dict(sizes)
    chosen = _chosen(register, names, source)
    places = [starts[name] + bit for name in chosen for bit in range(width[name])]
    sites = [f"{name}[{bit}]" for name in chosen for bit in range(width[name])]
    bits, weights = expanded(bits[:, places], values, source, expand, limit)
    left = [name for name in names if name not in chosen]
    return Shots(np.ascontiguousarray(bits), tuple(sites), CONVENTION, weights=weights,
                 dropped={f"register {name!r}, not asked for": 1 for name in left})
