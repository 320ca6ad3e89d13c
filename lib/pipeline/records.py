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
from collections import Counter
from pathlib import Path

from lib.pipeline.status import columns
from lib.study import audits, parameters, provenance, runs, surroundings
from lib.study.notebooks import Chapter, chapter_files, find_chapter, read_chapter
from lib.study.results import FAILED, SUPERSEDED, VALID, duration
from lib.study.telling import telling


def declared_sweeps(top: Path, chapter: Chapter, profile: str, changes: str = "") -> dict:
    """The sweeps with records of a chapter by their names, at the parameters of a profile and those set by hand.

    Raises `ValueError` for parameters that are refused, and where a cell tagged `sweep` uses what it cannot have.
    """
    from lib.study.sweep import Sweep

    chosen = parameters.parse_assignments(changes, chapter)
    namespace = {"__name__": chapter.stem, **provenance.chapter_parameters(top, chapter, profile, chosen)}
    for cell in chapter.cells:
        if "sweep" in cell.tags:
            lines = "\n" * (cell.line - 1)  # so that errors name the lines of the text
            try:
                with telling(f"{chapter.stem}: loading what its sweeps use"):
                    exec(compile(lines + cell.source, str(chapter.path), "exec"), namespace)
            except NameError as error:
                raise ValueError(f"{chapter.path.name}, line {cell.line}: expected a cell tagged 'sweep' to use the "
                                 f"parameters and what it imports itself, got {error}; try to import or to "
                                 "compute it there") from None
    sweeps = [value for value in namespace.values() if isinstance(value, Sweep) and value.record is not None]
    if twice := [name for name, n in Counter(sweep.name for sweep in sweeps).items() if n > 1]:
        raise ValueError(f"{chapter.path.name}: expected every record once, got {', '.join(twice)} again")
    return {sweep.name: sweep for sweep in sweeps}


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
    compute_here(top)
    path = find_chapter(top, chapter)
    sweeps = declared_sweeps(top, read_chapter(path), profile, params)
    if not sweeps:
        print(f"chapter {path.stem} has no records: no cell tagged 'sweep' declares one")
    with _cluster(dask) if dask else contextlib.nullcontext():
        return any([(sweep.run(jobs).state == FAILED).any() for sweep in sweeps.values()])


def audit_chapter(top: Path, chapter: str, minutes: float) -> bool:
    """Compute points of a chapter's records again, and say of each record that its audits contradict; whether any is.
    """
    compute_here(top)
    path = find_chapter(top, chapter)
    sweeps = declared_sweeps(top, read_chapter(path), "paper")
    if not sweeps:
        raise ValueError(f"expected a chapter with records, got {path.stem}; try make records-status")
    audits.audit(top, {name: sweep.function for name, sweep in sweeps.items()}, minutes)
    messages = audits.contradicted(top)
    print("\n".join(messages), file=sys.stderr, end="\n" if messages else "")
    return bool(messages)


def compute_here(top: Path) -> None:
    """Let this process compute points with the code of a tree."""
    os.environ.update(runs.numeric_environment(top) | {"COMPANION_ROOT": str(top)})
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an exit would be taken for an error of the point


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
            provenance.git(top, "clone", "--quiet", "--shared", "--template=", str(top), f"{part}/tree")
            Path(part, "tree", "data").mkdir(exist_ok=True)
            Path(part, "tree", "data", "cache").symlink_to(top / "data" / "cache")  # where data may come later
            os.rename(f"{part}/tree", copy)
    return copy


def status(top: Path, profile: str) -> str:
    """A line for every record: points that exist, their cost, the likely cost of the rest; then the
    records without audits, with the reason, and what failed.
    """
    compute_here(top)
    rows, failures, unaudited = [("chapter", "record", "figure", "points", "spent", "rest, on one core", "")], [], {}
    for chapter in map(read_chapter, chapter_files(top)):
        for name, sweep in declared_sweeps(top, chapter, profile).items():
            facts = sweep.progress()
            states, spent, n = facts["states"], facts["spent"], facts["states"][VALID]
            rest = "nothing" if n == facts["points"] else "unknown, nothing is recorded" if not n else \
                f"about {duration(spent / n * (facts['points'] - n))}"
            rows.append((chapter.number, name, sweep.item or "-", f"{n} of {facts['points']}", duration(spent), rest,
                         ", ".join(f"{states[state]} {state}" for state in (SUPERSEDED, FAILED) if state in states)))
            failures += [f"{name}, {count} failed: {error}" for error, count in facts["errors"].items()]
            audited = audits.summary(top, name) if n else {"audited": None}
            if audited["audited"] == 0:
                unaudited[name] = f"{name}, {audited['text']}"
    return "\n".join(columns(rows) + [*unaudited.values()] + failures)


def _cluster(dask: str) -> contextlib.AbstractContextManager:
    """While points run on the Dask cluster at an address."""
    import joblib

    try:
        from dask.distributed import Client

        return joblib.parallel_config("dask", client=Client(dask, timeout="10s"), wait_for_workers_timeout=60)
    except (ImportError, OSError, ValueError) as error:
        raise ValueError(f"expected a Dask scheduler at {dask}, got {error}; try DASK=tcp://HOST:8786, as the "
                         "scheduler printed it (and make setup, where Dask is not installed)") from None
