"""Behind `make records` and `make records-status`: extend the records of chapters, and say how far they are.

The sweeps of a chapter are declared in cells tagged `sweep`.  Only its parameters cell and these cells are executed
here, without a notebook; so a cell tagged `sweep` may use the parameters and what it imports itself.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from lib.study import parameters, provenance, runs
from lib.study.notebooks import Chapter, chapter_files, find_chapter, read_chapter
from lib.study.progress import duration

TAG = "sweep"


def declared_sweeps(top: Path, chapter: Chapter, profile: str, changes: str = "") -> dict:
    """The sweeps with records of a chapter by their names, at the parameters of a profile and those set by hand.

    Raises `ValueError` for parameters that are refused, and where a cell tagged `sweep` uses what it cannot have.
    """
    from lib.study.sweep import Sweep

    chosen = parameters.parse_assignments(changes, chapter)
    namespace = {"__name__": chapter.stem, **provenance.chapter_parameters(top, chapter, profile, chosen)}
    for cell in chapter.cells:
        if TAG in cell.tags:
            source = "\n" * (cell.line - 1) + cell.source  # so that errors name the lines of the text
            try:
                exec(compile(source, str(chapter.path), "exec"), namespace)
            except NameError as error:
                raise ValueError(f"{chapter.path.name}, line {cell.line}: expected a cell tagged 'sweep' to use the "
                                 f"parameters and what it imports itself, got {error}; try to import or to "
                                 "compute it there") from None
    found = {}
    for value in namespace.values():
        if isinstance(value, Sweep) and value.record is not None:
            if value.name in found:
                raise ValueError(f"{chapter.path.name}: expected every record once, got {value.record} twice")
            found[value.name] = value
    return found


def extend(top: Path, name: str, profile: str, changes: str, jobs: int | None, again: bool) -> int:
    """Compute the missing points of a chapter's records; return how many failed."""
    chapter = read_chapter(find_chapter(top, name))
    sweeps = declared_sweeps(top, chapter, profile, changes)
    if not sweeps:
        print(f"chapter {chapter.stem} has no records: no cell tagged 'sweep' declares one")
    failed = 0
    for sweep in sweeps.values():
        table = sweep.run(jobs, again=again)
        failed += int((table.state == "failed").sum())
    return failed


def status_lines(top: Path, profile: str) -> list[str]:
    """A line for every record: points that exist, their cost, the likely cost of the rest; then what failed."""
    rows = [("chapter", "record", "figure", "points", "spent", "rest, on one core", "")]
    failures = []
    for path in chapter_files(top):
        chapter = read_chapter(path)
        for name, sweep in declared_sweeps(top, chapter, profile).items():
            found = sweep.progress()
            states = found["states"]
            done = sum(states[state] for state in ("current", "revalidated", "earlier code"))
            rest = "nothing" if done == found["points"] else \
                "unknown, nothing is recorded" if found["rest"] is None else f"about {duration(found['rest'])}"
            notes = [f"{states[state]} {words}" for state, words in (("earlier code", "by earlier code"),
                                                                     ("failed", "failed")) if states[state]]
            rows.append((chapter.number, name, sweep.item or "-", f"{done} of {found['points']}",
                         duration(found["spent"]), rest, ", ".join(notes)))
            failures += [f"{name}, {count} failed: {error}" for error, count in found["errors"].most_common(3)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return table + failures


@contextlib.contextmanager
def _backend(dask: str) -> Iterator[None]:
    """Run the points on the Dask cluster at an address, where one is given."""
    if not dask:
        yield
        return
    try:
        from dask.distributed import Client
    except ImportError:
        raise ValueError("expected Dask to be installed for DASK=..., got none; try "
                         ".venv/bin/python -m pip install '.[dask]'") from None
    import joblib

    try:
        client = Client(dask, timeout="10s")
    except (OSError, ValueError) as error:
        raise ValueError(f"expected a Dask scheduler at {dask}, got {error}; try DASK=tcp://HOST:8786, as the "
                         "scheduler printed it") from None
    with client, joblib.parallel_config(backend="dask"):
        yield


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 if all went well, 1 with a sentence on stderr if not."""
    parser = argparse.ArgumentParser(prog="python -m lib.study.longruns", description="Extend and list the records.")
    parser.add_argument("--root", type=Path, default=Path.cwd())
    parser.add_argument("--profile", default="paper")
    commands = parser.add_subparsers(dest="command", required=True)
    longer = commands.add_parser("extend", help="compute the missing points of a chapter's records")
    longer.add_argument("chapter")
    longer.add_argument("--params", default="")
    longer.add_argument("--jobs", help="points at once (default: all cores)")
    longer.add_argument("--dask", default="", help="address of a Dask scheduler")
    longer.add_argument("--again", action="store_true", help="compute anew what earlier code has made")
    commands.add_parser("status", help="how many points exist, what they cost, what the rest may cost")
    options = parser.parse_args(arguments)
    top = options.root.resolve()
    os.environ.update(runs.numeric_environment(top))
    os.environ["COMPANION_ROOT"] = str(top)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an exit would be taken for an error of the point
    try:
        parameters.profile_values(top, options.profile)  # raises for a profile that does not exist
        if options.command == "status":
            with contextlib.suppress(BrokenPipeError):  # what reads it, such as head, has seen enough
                print("\n".join(status_lines(top, options.profile)), flush=True)
                return 0
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor may Python's own last flush complain
            return 0
        if options.jobs is not None and (not options.jobs.isdecimal() or int(options.jobs) < 1):
            raise ValueError(f"expected JOBS, the points to compute at once, as a whole number from 1, got "
                             f"{options.jobs!r}; try JOBS=2")
        jobs = None if options.jobs is None else int(options.jobs)
        with _backend(options.dask):
            failed = extend(top, options.chapter, options.profile, options.params, jobs, options.again)
        if failed:
            print(f"{failed} points failed; the same command tries them again", file=sys.stderr)
        return 1 if failed else 0
    except ValueError as error:
        print(f"\n{error}", file=sys.stderr)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error
        print(f"\n{what}; what was recorded is safe, and the same command goes on", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstopped; what was recorded is safe, and the same command goes on", file=sys.stderr)
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
