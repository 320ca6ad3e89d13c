"""Sweeps: one experiment at many settings, on many cores, with a record of what is done.

A :class:`Sweep` names an experiment, the points to compute it at, and the file that keeps the results.  `read` gives a
table of what is recorded; `run` computes what is missing, too.  joblib runs the points: in processes on this machine,
or wherever `joblib.parallel_config` says (a Dask cluster).  The page "Sweeps and records" has an example.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lib import atomic
from lib.study import dependence, guard, provenance, results, runs, session
from lib.study import points as computing
from lib.study.notebooks import root
from lib.study.record_lines import Point, Run
from lib.study.results import FAILED, VALID, settings_key


def grid(**axes: object) -> list[dict]:
    """All combinations of the axes as settings, the last axis fastest: `grid(n_spins=[8, 10], seed=range(3))`.

    A number, text, bool or None is the same for all points.  Add grids for a union: `grid(...) + grid(...)`.
    """
    values = [axis if isinstance(axis, Sequence) and not isinstance(axis, str) or hasattr(axis, "tolist")
              and getattr(axis, "ndim", 0) else [axis] for axis in axes.values()]
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*values)]


@dataclass(frozen=True)
class Sweep:
    """The points of a function, and where their results are kept.

    Parameters
    ----------
    function
        A function of a module, so that workers can import it, which takes settings by name and returns a mapping of
        finite numbers, texts, None, or lists of these. With a record it declares a version
        (:func:`lib.experiments.experiment`), and results of other versions do not count.
    points
        Settings, as from :func:`grid`.
    record
        The file; a text `data/...` is relative to the repository.
    item
        The thesis's figure.

    Raises
    ------
    ValueError
        For settings that the function does not take, that are no finite numbers, texts, or lists, and for a record of
        a function without a version.
    """

    function: Callable[..., Mapping]
    points: Sequence[Mapping]
    record: str | Path | None = None
    item: str = ""

    def __post_init__(self):
        home, name = sys.modules.get(self.function.__module__), self.function.__name__
        if self.function.__module__ == "__main__" or getattr(home, name, None) is not self.function:
            raise ValueError("expected a function of a module, which other processes can import, got "
                             f"{self.function!r}; try to move it to a module, such as one of lib/experiments")
        if self.record is not None and not computing.version_of(self.function):
            raise ValueError(f"expected a version of {computing.name_of(self.function)}, whose results are to be kept, "
                             "got none; try @experiment(version=1) of lib.experiments above it")
        unique = {settings_key(settings): settings
                  for settings in (computing.settings_of(self.function, point) for point in self.points)}
        if not unique:
            raise ValueError("expected at least one point, got none; try grid(seed=range(3))")
        object.__setattr__(self, "points", list(unique.values()))
        object.__setattr__(self, "_keys", list(unique))
        object.__setattr__(self, "_of_book", str(self.record).startswith("data/"))

    @property
    def name(self) -> str:
        """The name of the record, or of the function where there is none."""
        return Path(self.record).stem if self.record is not None else self.function.__name__

    @property
    def path(self) -> Path | None:
        """The file of the record; of one of the book in the tree that a copy of its commit computes for."""
        home = os.environ.get("COMPANION_HOME") or root()
        return self.record and (Path(home, self.record) if self._of_book else Path(self.record))

    def _folder(self, draft: bool, data: Mapping) -> Path | None:
        """Where the points of a run are, a file each; None for those that live as long as the call.

        data: what those of a build have read; they depend on the code, too.
        """
        if session.in_build():
            of = atomic.digest([dependence.function_digest(root(), self.function),
                                provenance.environment_digest(root()), data])
            return root() / "_build" / "points" / f"{self.function.__name__}-{of[:12]}"
        if self._of_book:
            return self.path.parents[2] / "_build" / ("drafts" if draft else "records") / self.name
        return self.record and self.path.with_suffix(".points")

    def read(self) -> pd.DataFrame:
        """A row for every point: settings, results, `state` (one of `results.STATES`) and `error`; nothing is computed.

        Raises `ValueError` for a damaged file or one that has none of the points.
        """
        record = results.read(self.path)
        if VALID not in [state for _, state, _ in self._found(record)]:
            raise ValueError(f"expected recorded points in {self.record}, got none of the {len(self.points)} that are "
                             f"asked for, of version {computing.version_of(self.function)}; try run(), or in a chapter "
                             "make records CH=... with the same PARAMS")
        return self._table(record)

    def run(self, jobs: int | None = None) -> pd.DataFrame:
        """Like :meth:`read`, after computing every point that is missing, has failed, or was made by another version.

        Each point is kept as soon as it is finished, and in the end all go into the record. In a build new points stay
        in the build's own folder; what a tree that differs from its commit adds to a record of the book are drafts. A
        point that raises an error is kept as failed, and the others go on; without a record, `ValueError` says so in
        the end. jobs: points at once, :func:`points.cores` if None.

        Raises
        ------
        ValueError
            Where data that the missing points read are absent, or a GPU that they name, before any is computed; where
            another process adds to the record.
        """
        own = self.record is None or session.in_build()  # nothing goes into a record
        # The commit now: hours later there may be another.
        commit, dirty = provenance.commit(root(), besides="data/records") if self.record is not None else (None, None)
        draft = self._of_book and not own and dirty is not False
        if draft:
            print(f"the tree {'differs from its' if commit else 'has no'} commit: what is computed now is a draft in "
                  "_build/drafts, not for the record (git status says more)", file=sys.stderr)
        data = self._data_read()
        folder = self._folder(draft, data)
        with contextlib.nullcontext() if own else results.alone(folder):
            record = results.read(self.path, folder)
            try:
                for run, point in self._computed(record, jobs, {"commit": commit, "dirty": dirty}, data):
                    if folder is not None:
                        results.keep(folder, run, point)
                    record.add(run)
                    record.add(point)
            finally:
                if not own and not draft:
                    results.pack(self.path, folder)
        table = self._table(record)
        failed = table[table.state == FAILED]
        if self.record is None and len(failed):
            raise ValueError(f"expected {len(table)} points of {computing.name_of(self.function)}, got {len(failed)} "
                             f"that failed; the first: {failed.error.iloc[0]}; the others are done")
        return table

    def progress(self) -> dict:
        """What there is, with what a run has kept and not yet packed: number of points, counts by state and by error,
        seconds of processor time that were spent (and what else :mod:`lib.study` says of a sweep); computes nothing."""
        facts = self._facts(results.read(self.path, self._folder(False, self._data_read())))
        return facts | {"spent": facts["core_seconds"]}

    def _facts(self, record: results.Record) -> dict:
        """What a table rests on, for the page and the ledger."""
        found = self._found(record)
        used = [line for _, state, line in found if state == VALID]
        made = [record.runs[line.run] for line in used]
        return {"name": self.name, "record": str(self.record), "item": self.item,
                "experiment": self.function.__name__, "version": computing.version_of(self.function),
                "points": len(found), "states": Counter(state for _, state, _ in found),
                "errors": Counter(line.error for _, state, line in found if state == FAILED),
                "core_seconds": round(sum(line.core_seconds for line in used), 1),
                "processors": sorted({run.processor for run in made}),
                "commits": sorted({run.commit or "unknown" for run in made}),
                "dirty": sum(bool(run.dirty) for run in made),
                "dates": [f(run.date for run in made) for f in (min, max)] if made else []}

    def _found(self, record: results.Record) -> list[tuple[Mapping, str, Point | None]]:
        """Every point with its state and the line that says so."""
        now = self.function.__name__, computing.version_of(self.function)
        return [(point, *record.find(key, *now)) for point, key in zip(self.points, self._keys, strict=True)]

    def _data_read(self) -> dict[str, str | None]:
        """Digests of the data that points read which are not in the record; from now on a build may read them."""
        missing = [point for point, state, _ in self._found(results.read(self.path)) if state != VALID]
        names = {name for point in missing for name in computing.data_of(self.function, point)}
        guard.allow(names)
        digests = {name: atomic.sha256(root() / name) for name in sorted(names)}
        for name, digest in digests.items():
            session.keep(runs.EXPERIMENTS_READ, {"name": name, "digest": digest}, "name", replace=True)
        return digests

    def _computed(self, record: results.Record, jobs: int | None, origin: dict, data: Mapping,
                  ) -> Iterator[tuple[Run, Point]]:
        """The points that a record lacks, each after its run, which begins with its `origin`."""
        missing = [point for point, state, _ in self._found(record) if state != VALID]
        if not missing:
            return
        if absent := [name for name, digest in data.items() if digest is None]:
            raise ValueError(f"expected {', '.join(absent)} for {len(missing)} points of {self.name}, got nothing "
                             "there; nothing was computed; try to get the data as data/README.md says")
        if n_points := computing.without_gpu(missing):
            raise ValueError(f"expected a GPU, and a torch built for it, for {n_points} points of {self.name}, got "
                             "none; nothing was computed; try a machine that has one (page Scaling out)")
        date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        origin = {**origin, "environment": provenance.environment_digest(root())}
        with session.progress(self.name, len(missing)) as bar:
            for found, machine in computing.compute_many(self.function, missing, jobs):
                read = {name: data[name] for name in computing.data_of(self.function, found.settings)}
                run = Run.named(**origin, **vars(machine), data=read, date=date)
                yield run, Point(**vars(found), run=run.run)
                bar.update()

    def _table(self, record: results.Record) -> pd.DataFrame:
        """The table; what is in it is shown above it, and kept with the run in a build."""
        found = self._found(record)
        table = pd.DataFrame([point | (line.results if state == VALID else {}) for point, state, line in found])
        table["state"] = [state for _, state, _ in found]
        table["error"] = [line.error if state == FAILED else None for _, state, line in found]
        if self.record is not None:
            facts = self._facts(record)
            session.keep("sweeps.json", facts, "name", replace=True)
            session.show(*results.box(facts), companion={"record": self.name})
            table.attrs["record"] = self.name
        for error, rows in table[table.state == FAILED].groupby("error").groups.items():
            print(f"{self.name}: {len(rows)} failed: {error}; the first: {self.points[rows[0]]}; the next run tries "
                  "them again", file=sys.stderr)
        return table
