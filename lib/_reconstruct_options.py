"""The command line of `python -m lib reconstruct`."""

from __future__ import annotations

import argparse
import math

from lib.spins import measurements


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of `python -m lib reconstruct`.

    Parameters
    ----------
    arguments : list of str
        As they are typed.

    Returns
    -------
    argparse.Namespace

    Raises
    ------
    SystemExit
        For options that it does not have, with what is wrong on standard error.

    """
    parser = argparse.ArgumentParser(prog="python -m lib reconstruct", description="From a file of measurements to a "
                                     "state: a saved machine, its observables with error bars, a plot.")
    parser.add_argument("file", help="measurements of any of the packages of lib.spins.measurements")
    parser.add_argument("--hidden", type=int, default=10, help="hidden units (10)")
    parser.add_argument("--epochs", type=int, help="passes through the shots (as many as make 3 million shots)")
    parser.add_argument("--error", type=float, default=0.01, help="the standard error that is wanted (0.01)")
    parser.add_argument("--field", type=float, help="h/J, to give the energy of the Ising chain -J zz - h x")
    parser.add_argument("--resamples", type=int, default=4, help="machines trained on resampled shots (4), "
                        "each in the time of the first; 0 for none, and errors of the Markov chains alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="beginning of the names of what is written (the name of the file, here)")
    parser.add_argument("--replace", action="store_true", help="take the place of the results of an earlier run")
    errors = parser.add_argument_group("readout errors, of the bits as the file has them (after --flip)")
    errors = errors.add_mutually_exclusive_group()
    errors.add_argument("--readout", type=_chances, help="chances to read 1 for 0 and 0 for 1, such as 0.02,0.05, or "
                        'a JSON file {"site": [0.02, 0.05], ...}')
    errors.add_argument("--calibration", nargs=2, metavar=("ZEROS", "ONES"), help="two files of shots: of 0 prepared "
                        "at every site, and of 1")
    parser.add_argument("--missing", choices=["drop", "keep"], default="drop", help="leave out shots with an empty "
                        "site (drop), or sum over what it could be (keep)")
    reading = parser.add_argument_group("what the file leaves open; see lib.spins.measurements.read")
    reading.add_argument("--format", choices=list(measurements.FORMATS))
    reading.add_argument("--n-sites", type=_widths, help="bits a shot; for dets with several letters M=10,D=4")
    reading.add_argument("--shots", type=int, help="how many there must be")
    reading.add_argument("--register", type=_names, help="registers or keys, with commas between")
    reading.add_argument("--task", type=_task, help="which of several results, such as 0; 0,1 within a pub of Qiskit")
    reading.add_argument("--repetition", type=int)
    reading.add_argument("--order", type=_order, help='"kept", "reverse", or columns with commas between')
    reading.add_argument("--one", choices=["up", "down"])
    reading.add_argument("--flip", action="store_true")
    reading.add_argument("--bases", help="a file of letters, or letters for all shots")
    reading.add_argument("--limit", type=int, default=measurements.LIMIT, help="bytes that the file may take in memory")
    options = parser.parse_args(arguments)
    for name, least in (("hidden", 1), ("epochs", 1), ("resamples", 0)):
        value = getattr(options, name)
        if value is not None and value < least:
            parser.error(f"expected --{name} of at least {least}, got {value}; try --{name} 10")
    if options.resamples == 1:
        parser.error("expected --resamples of 0, or of at least 2, since one machine has no spread, got 1; "
                     "try --resamples 4")
    if not 0 < options.error < 1:
        parser.error(f"expected --error between 0 and 1, got {options.error}; try --error 0.01")
    if options.field is not None and not math.isfinite(options.field):
        parser.error(f"expected a finite --field, got {options.field}; try --field 1.0")
    return options


def _chances(text: str) -> str | tuple[float, float]:
    """Two numbers, or the name of a file."""
    try:
        first, second = map(float, text.split(","))
    except ValueError:
        return text
    return first, second


def _widths(text: str) -> int | dict[str, int]:
    if "=" not in text:
        return int(text)
    return {letter: int(width) for letter, width in (part.split("=") for part in text.split(","))}


def _task(text: str) -> int | tuple[int, ...]:
    return tuple(map(int, text.split(","))) if "," in text else int(text)


def _names(text: str) -> str | list[str]:
    return text.split(",") if "," in text else text


def _order(text: str) -> str | list[int | str]:
    if text in ("kept", "reverse"):
        return text
    return [int(word) if word.isdigit() else word for word in text.split(",")]
