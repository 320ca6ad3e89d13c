"""Behind `make records` and `make records-status`: extend the records of chapters, and say how far they are.

The sweeps of a chapter are declared in cells tagged `sweep`.  Only its parameters cell and these cells are executed
here, without a notebook; so a cell tagged `sweep` may use the parameters and what it imports itself.

Records are computed by a copy of the commit, so that every result has a commit that gives it, and editing goes on
meanwhile.  A tree that differs from its commit makes drafts, which no page reads.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path

from lib.study import parameters, provenance, runs, surroundings
from lib.study.notebooks import Chapter, chapter_files, find_chapter, read_chapter
from lib.study.progress import duration
from lib.study.results import FAILED, SUPERSEDED, VALID

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


def extend(top: Path, profile: str, chapter: str, jobs: int | None, params: str = "", dask: str = "") -> bool:
    """Compute the missing points of a chapter's records, in a copy of the commit that takes the place of this process,
    or, where the tree differs from its commit, as drafts in the tree itself; return whether any failed.
    """
    if "COMPANION_HOME" in os.environ:  # this is the copy
        top = Path(os.environ["COMPANION_ROOT"])
    elif copy := copy_of_commit(top):
        environment = surroundings.variables(os.environ) | {"COMPANION_HOME": str(top), "COMPANION_ROOT": str(copy)}
        os.chdir(copy)
        os.execve(sys.executable, surroundings.command(copy, "lib", *sys.argv[1:]), environment)
    else:
        os.environ["COMPANION_DRAFT"] = "1"
        why = "has no commit" if provenance.commit(top)[0] is None else "differs from its commit"
        print(f"the tree {why}: what is computed now is a draft in _build/drafts, not for the record "
              "(git status says more)", file=sys.stderr)
    compute_here(top)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an exit would be taken for an error of the point
    path = find_chapter(top, chapter)
    with _backend(dask):
        sweeps = declared_sweeps(top, read_chapter(path), profile, params)
        if not sweeps:
            print(f"chapter {path.stem} has no records: no cell tagged 'sweep' declares one")
        failed = sum((sweep.run(jobs).state == FAILED).sum() for sweep in sweeps.values())
    if failed:
        print(f"{failed} points failed; the same command tries them again", file=sys.stderr)
    return bool(failed)


def compute_here(top: Path) -> None:
    """Let this process compute points with the code of a tree."""
    os.environ.update(runs.numeric_environment(top) | {"COMPANION_ROOT": str(top)})


def copy_of_commit(top: Path) -> Path | None:
    """A clone of the tree at its commit, below `_build`; None where the tree differs from it, or has none.

    It shares the objects of the repository, and the data sets of the tree.
    """
    commit, dirty = provenance.commit(top, besides="data/records")
    if commit is None or dirty:
        return None
    copy = top / "_build" / "copies" / commit[:12]
    if not copy.is_dir():
        copy.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=copy.parent) as part:  # a stopped clone is never used
            _git(top, "clone", "--quiet", "--shared", "--template=", "--no-checkout", str(top), f"{part}/tree")
            _git(f"{part}/tree", "checkout", "--quiet", "--detach", commit)
            with contextlib.suppress(OSError):  # another process was faster
                os.rename(f"{part}/tree", copy)
    cache = copy / "data" / "cache"
    if (top / "data" / "cache").exists() and not os.path.lexists(cache):  # the data may come later
        cache.parent.mkdir(exist_ok=True)
        cache.symlink_to(top / "data" / "cache")
    return copy


def _git(top: Path | str, *arguments: str) -> None:
    done = surroundings.git(top, *arguments)
    if done.returncode:
        raise ValueError(f"expected a copy of the commit to compute with, got {done.stderr.strip()}; try git status")


def status(top: Path, profile: str) -> str:
    """A line for every record: points that exist, their cost, the likely cost of the rest; then what failed."""
    compute_here(top)
    rows = [("chapter", "record", "figure", "points", "spent", "rest, on one core", "")]
    failures = []
    for path in chapter_files(top):
        chapter = read_chapter(path)
        for name, sweep in declared_sweeps(top, chapter, profile).items():
            found = sweep.progress()
            states = found["states"]
            rest = "nothing" if states[VALID] == found["points"] else \
                "unknown, nothing is recorded" if found["rest"] is None else f"about {duration(found['rest'])}"
            notes = [f"{states[state]} {state}" for state in (SUPERSEDED, FAILED) if states[state]]
            rows.append((chapter.number, name, sweep.item or "-", f"{states[VALID]} of {found['points']}",
                         duration(found["spent"]), rest, ", ".join(notes)))
            failures += [f"{name}, {count} failed: {error}" for error, count in found["errors"].most_common(3)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows] + failures)


def _backend(dask: str) -> contextlib.AbstractContextManager:
    """Where the points run: on the Dask cluster at an address, where one is given."""
    if not dask:
        return contextlib.nullcontext()
    try:
        from dask.distributed import Client

        Client(dask, timeout="10s")  # stays the one that joblib asks for
    except (ImportError, OSError, ValueError) as error:
        raise ValueError(f"expected a Dask scheduler at {dask}, got {error}; try DASK=tcp://HOST:8786, as the "
                         "scheduler printed it (and make setup, where Dask is not installed)") from None
    import joblib

    return joblib.parallel_config(backend="dask")
