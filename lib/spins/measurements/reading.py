"""`read`: from a file or an object to shots, whichever package made it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lib.spins.measurements import recognition, simulators, text
from lib.spins.measurements.checking import short, wrong
from lib.spins.measurements.formats import FORMATS
from lib.spins.measurements.shots import LIMIT, MISSING, Shots


def read(source: object, format: str | None = None, *, n_sites: int | Mapping[str, int] | None = None,
         shots: int | None = None, register: str | Sequence[str] | None = None, task: int | tuple | None = None,
         repetition: int | None = None, order: str | Sequence[int | str] | None = None, one: str | None = None,
         flip: bool = False, bases: object = None, missing: str = "drop", expand: bool = True,
         limit: int = LIMIT) -> Shots:
    """Measurements from a file or an object of any of the packages in `FORMATS`.

    Nothing is guessed in silence: where the source leaves something open, the error names the
    argument that says it.

    Parameters
    ----------
    source : str, Path, or object
        A path, a parsed JSON document, an array, or a result of an installed package.
    format : str or None
        One of FORMATS; None, the default, recognizes it, and refuses what could be two.
    n_sites : int, or dict of str to int, optional
        Bits a shot.
    shots : int, optional
        How many there must be.
    register : str or list of str, optional
        The registers or keys that are wanted, in their order.
    task : int or tuple, optional
        Which of several results (pubs, circuits, times).
    repetition : int, optional
        Which of several measurements of one qubit in a shot.
    order : {"kept", "reverse"} or list of int or str, optional
        The wanted columns, by number or name in a list.
    one : {"up", "down"}, optional
        What 1 is along z.
    flip : bool
        Exchange 0 and 1 at the end; False by default.
    bases : str, Path, or rows of letters, optional
        The letters of each shot where the source has none: a file of `read_bases`, rows, or one
        string for all.
    missing : {"drop", "keep"}
        "drop", the default, leaves out shots with an empty site; "keep" keeps them, with MISSING in
        their bits.
    expand : bool
        Repeat counted outcomes, the default; False keeps each once with its weight, which
        `lib.rbm.readout.train` takes (and `reconstruct`); all other trainings take one row a shot.
    limit : int, bytes
        What the source may take in memory.

    Returns
    -------
    Shots

    Raises
    ------
    FileNotFoundError
        Where there is no file.
    ValueError
        Naming the file, the place in it, what was expected and what to try.

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
        kind, document = recognition.opened(path, format, limit)
    else:
        kind, document = format or recognition.recognized(source), source
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
    try:
        shots_found = FORMATS[kind].reader(document, name, **options)
    except AttributeError as error:
        if error.obj is not source:
            raise
        # An object of the package that is none of its results with shots.
        raise wrong(name, f"a result of {kind} with its shots", f"an object without {error.name!r}",
                    "the samples or counts that it gives") from None
    found = replace(shots_found, format=kind, source=name)
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
        counts = np.ones(len(gaps), dtype=np.int64) if found.weights is None else found.weights
        if missing == "keep":
            dropped["empty sites, marked in the bits"] = int(((found.bits == MISSING).sum(1) * counts).sum())
            found = replace(found, dropped=dropped)
        elif gaps.all():
            raise wrong(found.source, "a shot with an atom at each site", f"{counts.sum()} shots, all with gaps",
                        'order=, fewer sites, or missing="keep"')
        else:
            dropped["shots with an empty site"] = int(counts[gaps].sum())
            found = replace(found, bits=found.bits[~gaps], dropped=dropped,
                            weights=None if found.weights is None else found.weights[~gaps],
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
