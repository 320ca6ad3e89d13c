"""Samples of PastaQ: HDF5 of outcomes and bases."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from pathlib import Path

from lib.checks import as_plain
from lib.spins.measurements.checking import check_size, member, short, table, wrong
from lib.spins.measurements.shots import GATES, LIMIT, Shots
from lib.spins.measurements.simulators import letters, numbered


def read_pastaq(source_or_file: object, source: str, *, limit: int = LIMIT, shots: int | None = None) -> Shots:
    """PastaQ's HDF5 file, through h5py: "outcomes", and "bases" where there are several.

    Julia writes columns first, so that h5py gives (sites, shots).

    Parameters
    ----------
    source_or_file : Path or object
        The file, or h5py's object of it.
    source : str
        What messages call it.
    limit, shots : optional
        As in `reading.read`.

    Returns
    -------
    Shots

    Raises
    ------
    ValueError
        Naming the source and the place in it, for a damaged file, and where h5py is not installed.

    """
    if not isinstance(source_or_file, Path):
        return _pastaq(source_or_file, source, limit, shots)
    try:
        h5py = importlib.import_module("h5py")
    except ImportError:
        raise wrong(source, "the package h5py for HDF5 files", "none installed", "pip install h5py") from None
    try:
        file = h5py.File(source_or_file, "r")
    except OSError as error:
        raise wrong(source, "an HDF5 file", f"a damaged one ({error})", "to copy the file again") from None
    with file:
        for name in file:
            _refuse_elsewhere(h5py, file, name, source)
        return _pastaq(file, source, limit, shots)


def _refuse_elsewhere(h5py: object, file: Mapping, name: str, source: str) -> None:
    """ValueError for a member whose numbers lie in another file, which nobody named."""
    link = file.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        other = link.filename
    elif (found := file.get(name)) is None:
        raise wrong(source, f"numbers in {name!r}", f"a link to {getattr(link, 'path', name)!r}, which is not there",
                    "to write the file again")
    elif isinstance(found, h5py.Dataset) and (found.is_virtual or found.external):
        other = found.virtual_sources()[0].file_name if found.is_virtual else found.external[0][0]
    else:
        return
    raise wrong(source, f"numbers in {name!r} itself", f"a link to another file, {short(other)}, which is not followed",
                "to copy them into one file (h5repack, or h5py's Group.copy with expand_external=True)")


def _pastaq(file: Mapping, source: str, limit: int, shots: int | None) -> Shots:
    if "inputs" in file:
        raise wrong(source, "measurements of a state", "process tomography, with input states",
                    "data of getsamples without process=true")
    outcomes = member(file, "outcomes", source)
    check_size(math.prod(outcomes.shape) * (8 + outcomes.dtype.itemsize), "outcomes", source, limit)
    bits = table(as_plain(outcomes, source).T, source)
    bases = None
    if "bases" in file:
        found = file["bases"]
        check_size(math.prod(found.shape) * (8 + found.dtype.itemsize), "bases", source, limit)
        words = as_plain(found, source).T
        bases = letters([[word.decode() if isinstance(word, bytes) else str(word) for word in row] for row in words],
                        source)
        if bases.shape != bits.shape:
            raise wrong(source, f"bases of shape {bits.shape}", f"{bases.shape}", "to write the file again")
    return numbered(bits, f"{GATES}; column i is qubit i + 1 of Julia", source, shots, bases=bases)
