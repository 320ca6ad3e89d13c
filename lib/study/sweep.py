"""Sweeps: one experiment at many settings, on many cores, with a record of what is done.

A :class:`Sweep` names an experiment, the points to compute it at, and the file that keeps the results.  `read` gives a
table of what is recorded; `run` computes what is missing, too.  joblib runs the points: in processes on this machine,
or wherever `joblib.parallel_config` says (a Dask cluster).  The page "Sweeps and records" has an example.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pandas as pd

from lib import atomic
from lib.study import guard, progress, provenance, results, runs, session
from lib.study import points as computing
from lib.study.notebooks import root
from lib.study.results import FAILED, NOT_RUN, STATES, SUPERSEDED, VALID, settings_key

__all__ = ["FAILED", "NOT_RUN", "STATES", "SUPERSEDED", "VALID", "Sweep", "grid"]


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
    threads
        Of the numeric libraries, for each point.

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
    threads: int = 1

    def __post_init__(self):
        computing.check_function(self.function)
        if self.record is not None and not computing.version_of(self.function):
            raise ValueError(f"expected a version of {computing.name_of(self.function)}, whose results are to be kept, "
                             "got none; try @experiment(version=1) of lib.experiments above it")
        points = [computing.settings_of(self.function, point) for point in self.points]
        taken = [name for name in ("state", "error") if any(name in point for point in points)]
        if taken:
            raise ValueError(f"expected settings with names of their own, got {', '.join(taken)}, as tables have")
        unique = {settings_key(point): point for point in points}
        if not unique:
            raise ValueError("expected at least one point, got none; try grid(seed=range(3))")
        if isinstance(self.threads, bool) or not isinstance(self.threads, int) or self.threads < 1:
            raise ValueError(f"expected threads as an integer >= 1, got {self.threads!r}; try threads=1")
        object.__setattr__(self, "points", list(unique.values()))
        object.__setattr__(self, "_keys", list(unique))

    @property
    def name(self) -> str:
        """The name of the record, or of the function where there is none."""
        return Path(self.record).stem if self.record is not None else self.function.__name__

    @property
    def path(self) -> Path | None:
        """The file of the record."""
        in_tree = isinstance(self.record, str) and self.record.startswith("data/")
        return home() / self.record if in_tree else self.record and Path(self.record)

    @property
    def folder(self) -> Path | None:
        """Where the points of a run are, a file each; None for those that live as long as the call."""
        if session.in_build():
            of = _live_digest(self.function)
            if self._live_data:
                of = atomic.digest([of, self._live_data])[:12]
            return root() / "_build" / "points" / f"{self.function.__name__}-{of}"
        if self.record is None or not self.path.is_relative_to(home() / "data"):
            return self.record and self.path.with_suffix(".points")
        return home() / "_build" / ("drafts" if is_draft() else "records") / self.name

    def read(self) -> pd.DataFrame:
        """A row for every point: settings, results, `state` (one of `STATES`) and `error`; nothing is computed.

        Raises `ValueError` for a damaged file or one that has none of the points.
        """
        record = self._recorded()
        found = self._found(record)
        if not any(state == VALID for state, _ in found):
            raise ValueError(f"expected recorded points in {self.record}, got none of the {len(self.points)} that are "
                             f"asked for, of version {computing.version_of(self.function)}; try run(), or in a chapter "
                             "make records CH=... with the same PARAMS")
        return self._table(record, found)

    def run(self, jobs: int | None = None) -> pd.DataFrame:
        """Like :meth:`read`, after computing every point that is missing, has failed, or was made by another version.

        Each point is kept as soon as it is finished, and in the end all go into the record. In a build new points stay
        in the build's own folder. A point that raises an error is kept as failed, and the others go on; without a
        record, `ValueError` says so in the end. jobs: points at once, :func:`points.cores` if None.

        Raises
        ------
        ValueError
            Where data that the missing points read are absent, or a GPU that they name, before any is computed; for a
            record of the book where the tree differs from its commit.
        """
        if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1):
            raise ValueError(f"expected jobs as an integer >= 1 or None, got {jobs!r}; try jobs=2")
        if session.in_build():
            for name, digest in self._live_data.items():
                session.keep(runs.EXPERIMENTS_READ, {"name": name, "digest": digest}, "name", replace=True)
        record = self._recorded(self.folder)
        missing = [point for point, (state, _) in zip(self.points, self._found(record), strict=True) if state != VALID]
        if missing:
            self._refuse(missing)
            self._refuse_changes()
            try:
                for run, line in self._computed(missing, jobs):
                    record.add(run)
                    record.add(line)
            finally:
                if self.record is not None and not session.in_build() and not is_draft():
                    results.pack(self.path, self.folder)
        found = self._found(record)
        failed = [line for state, line in found if state == FAILED]
        table = self._table(record, found)
        if self.record is None and failed:
            raise ValueError(f"expected {len(found)} points of {computing.name_of(self.function)}, got {len(failed)} "
                             f"that failed; the first: {failed[0]['error']}; the others are done")
        return table

    def progress(self) -> dict:
        """Counts by state, seconds of processor time spent and that the rest may take, errors; computes nothing."""
        found = self._found(self._recorded(self.folder))
        done = [line for state, line in found if state == VALID]
        rest = [point for point, (state, _) in zip(self.points, found, strict=True) if state != VALID]
        return {"points": len(found), "states": Counter(state for state, _ in found),
                "errors": Counter(line["error"] for state, line in found if state == FAILED),
                "spent": sum(line["core_seconds"] for line in done),
                "rest": None if rest and not done else sum(_likely_seconds(point, done) for point in rest)}

    def _recorded(self, folder: Path | None = None) -> results.Record:
        places = [place for place in (self.path, folder) if place is not None]
        return results.read(*places)

    def _found(self, record: results.Record) -> list[tuple[str, dict | None]]:
        version = computing.version_of(self.function)
        return [record.find(key, self.function.__name__, version) for key in self._keys]

    def _refuse(self, missing: list[Mapping]) -> None:
        """Say before anything is computed what the points lack."""
        names = {name for point in missing for name in self._data(point)}
        absent = sorted(name for name in names if not (root() / name).exists())
        if absent:
            raise ValueError(f"expected {', '.join(absent)} for {len(missing)} points of {self.name} that are not "
                             "computed yet, got nothing there; nothing was computed or recorded; try to get the data "
                             "as data/README.md says")
        if n_points := computing.without_gpu(missing):
            raise ValueError(f"expected a GPU, and a torch that was built for it, for {n_points} points of {self.name} "
                             "that are not computed yet, got none; nothing was computed or recorded; try it on a "
                             "machine that has one, as the page on scaling says")

    def _refuse_changes(self) -> None:
        """A record of the book holds only what a commit gives; `make records` takes care of that itself."""
        own = self.record is not None and self.path.is_relative_to(home() / "data") and not session.in_build()
        if own and not is_draft() and "COMPANION_HOME" not in os.environ:
            commit, dirty = provenance.commit(root(), besides="data/records")
            if commit is None or dirty:
                raise ValueError(f"expected a tree without changes, since {self.record} names the commit of its "
                                 "points, got one that differs from its commit; nothing was computed or recorded; try "
                                 "git commit, or make records, which makes drafts then")

    @cached_property
    def _live_data(self) -> dict[str, str | None]:
        """In a build: the digests of the data that points read which no record has, and which may be read from now."""
        record = self._recorded()
        names = sorted({name for point, (state, _) in zip(self.points, self._found(record), strict=True)
                        if state != VALID for name in self._data(point)})
        guard.allow(names)
        return {name: atomic.sha256(root() / name) for name in names}

    def _data(self, point: Mapping) -> tuple[str, ...]:
        return computing.data_of(self.function, point)

    def _computed(self, missing: list[Mapping], jobs: int | None) -> Iterator[tuple[dict, dict]]:
        """The missing points with their runs, each kept as it comes; those that another process has kept are read."""
        digests = {name: atomic.sha256(root() / name) for point in missing for name in self._data(point)}
        # The commit now: hours later there may be another.
        commit = provenance.commit(root(), besides="data/records") if self.record is not None else (None, None)
        named = {"experiment": self.function.__name__, "version": computing.version_of(self.function)}

        @cache
        def packed(stamp: tuple | None) -> results.Record:
            """The record as it is now, where another process has packed what it had computed."""
            return results.Record() if stamp == at_first else results.read(self.path)

        def kept(point: Mapping) -> results.Record:
            """What a process, this one or another, has kept of a point since the run began."""
            if self.folder is None:
                return results.Record()
            alone = results.read(results.point_file(self.folder, named | {"settings": point}))
            return alone if alone.points else packed(_stamp(self.path))

        def todo() -> Iterator[Mapping]:
            for point in missing:
                if kept(point).find(settings_key(point), *named.values())[0] == VALID:
                    bar.update()
                else:
                    yield point

        at_first, n_failed, began = _stamp(self.path), 0, computing.now()
        with progress.bar(self.name, len(missing)) as bar:
            for line in computing.compute_many(self.function, todo(), self.threads, jobs):
                data = {name: digests[name] for name in self._data(line["settings"])}
                run = computing.this_run(line.pop("run"), *commit, data, began)
                if self.folder is not None:
                    results.keep(self.folder, run, line)
                if line["status"] == "failed":
                    bar.set_postfix_str(f"{(n_failed := n_failed + 1)} failed", refresh=False)
                bar.update()
                yield run, {"kind": "point", **line, "run": run["run"]}
        for point in missing:
            record = kept(point)
            yield from ((record.runs[line["run"]], line) for line in record.points.get(settings_key(point), ()))

    def _table(self, record: results.Record, found: list[tuple[str, dict | None]]) -> pd.DataFrame:
        """The table; what is in it is shown above it, and kept with the run in a build."""
        rows = []
        for point, (state, line) in zip(self.points, found, strict=True):
            rows.append(dict(point) | (line["results"] if state == VALID else {})
                        | {"state": state, "error": line["error"] if state == FAILED else None})
        table = pd.DataFrame(rows)
        table = table[[name for name in table.columns if name not in ("state", "error")] + ["state", "error"]]
        if self.record is not None:
            summary = results.summary(self.name, str(self.record), self.item, self.function.__name__,
                                      computing.version_of(self.function), found, record.runs)
            session.keep("sweeps.json", summary, "name", replace=True)
            session.show(*results.box(summary), companion={"record": self.name})
            table.attrs["record"] = self.name
        failed = table[table.state == FAILED]
        for error in sorted(set(failed.error)):
            rows = failed.index[failed.error == error]
            print(f"{self.name}: {len(rows)} failed: {error}; the first: {self.points[rows[0]]}", file=sys.stderr)
        return table


def home() -> Path:
    """The tree that keeps the records: `COMPANION_HOME` where a copy of its commit computes, else that of `lib`."""
    return Path(os.environ.get("COMPANION_HOME") or root())


def is_draft() -> bool:
    """Whether points are computed by a tree that differs from its commit, and so are not for the record."""
    return bool(os.environ.get("COMPANION_DRAFT"))


def _stamp(path: Path | None) -> tuple | None:
    """What changes when a file is replaced."""
    if path is None or not path.exists():
        return None
    facts = path.stat()
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


@cache
def _live_digest(function: Callable) -> str:
    """The code that a point of a build depends on, and the packages: points of other code are computed anew."""
    file = Path(sys.modules[function.__module__].__file__)
    code = provenance.function_digest(root(), function.__module__, file, function.__name__)
    return atomic.digest([code, provenance.environment_digest(root())])[:12]


def _likely_seconds(point: Mapping, done: list[dict]) -> float:
    """The time of a point: the mean of the recorded ones with most settings in common, but for the seed."""
    shared = [sum(line["settings"][name] == value for name, value in point.items() if name != "seed") for line in done]
    times = [line["seconds"] for line, n in zip(done, shared, strict=True) if n == max(shared)]
    return sum(times) / len(times)
