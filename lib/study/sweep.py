"""Sweeps: one function at many settings, on many cores, with a record of what is done.

A :class:`Sweep` names a function, the points to compute it at, and the file that keeps the results.  `read` gives a
table of what is recorded; `run` computes what is missing, too.  joblib runs the points: in processes on this machine,
or wherever `joblib.parallel_config` says (a Dask or Ray cluster).  The page "Sweeps and records" has an example.
"""

from __future__ import annotations

import contextlib
import datetime
import html
import inspect
import itertools
import json
import math
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import joblib
import pandas as pd
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import get_active_backend

from lib import atomic
from lib.study import provenance, session
from lib.study.notebooks import root
from lib.study.progress import Progress, duration
from lib.study.records import Record, settings_key

CURRENT, REVALIDATED, EARLIER, FAILED, NOT_RUN = STATES = (
    "current", "revalidated", "earlier code", "failed", "not run")
DONE = (CURRENT, REVALIDATED, EARLIER)  # the states of rows that hold results
ROUNDING = 1e-12  # relative; where arrays lie in memory can change the order of additions
MEANING = {CURRENT: "made by the present code", REVALIDATED: "made by earlier code that gives the same numbers",
           EARLIER: "made by earlier code, not compared with the present one", FAILED: "failed", NOT_RUN: "not run"}


class SpotCheckError(ValueError):
    """The present code does not give the numbers of a record."""


def grid(**axes: object) -> list[dict]:
    """All combinations of the axes as settings, the last axis fastest: `grid(n_spins=[8, 10], seed=range(3))`.

    A number, text, bool or None is the same for all points.  Add grids for a union: `grid(...) + grid(...)`.
    """
    values = [axis if isinstance(axis, Sequence) and not isinstance(axis, str) or hasattr(axis, "tolist")
              and getattr(axis, "ndim", 0) else [axis] for axis in axes.values()]
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*values)]


def cores() -> int:
    """How many points to compute at once: in a build the chapter's share (`COMPANION_CORES`), else every core."""
    share = os.environ.get("COMPANION_CORES", "")
    if share and not (share.isdecimal() and int(share)):
        raise ValueError(f"expected COMPANION_CORES as a whole number from 1, got {share!r}; try COMPANION_CORES=2")
    return int(share) if share else joblib.cpu_count()


@dataclass(frozen=True)
class Sweep:
    """The points of a function, and where their results are kept.

    function: a function of a module (workers import it, and the digest of its code covers the module and all of
    `lib` that it imports), which takes settings by name and returns a mapping of finite numbers, texts, None, or
    lists of these.  points: settings, as from :func:`grid`.  record: the file; a text `data/...` is relative to the
    repository.  item: the thesis's figure.  data: files that the points read, relative to the repository.
    spot: the settings of a cheap point that is recorded too and computed again by every build.  tolerance: how far,
    per result, it may lie from the record on another machine or with other versions of the packages; results that
    are not named must be equal, and on one machine all must (but for rounding, 1e-12).  threads: of the numeric libraries, for each point.

    Raises `ValueError` for settings that the function does not take, that are no finite numbers, texts, or lists.
    """

    function: Callable[..., Mapping]
    points: Sequence[Mapping]
    record: str | Path | None = None
    item: str = ""
    data: tuple[str, ...] = ()
    spot: Mapping | None = None
    tolerance: Mapping[str, float] = field(default_factory=dict)
    threads: int = 1

    def __post_init__(self):
        _module_of(self.function)
        points = [_settings(self.function, point) for point in self.points]
        unique = {settings_key(point): point for point in points}
        if not unique:
            raise ValueError("expected at least one point, got none; try grid(seed=range(3))")
        object.__setattr__(self, "points", list(unique.values()))
        object.__setattr__(self, "data", (self.data,) if isinstance(self.data, str) else tuple(self.data))
        if self.spot is not None:
            object.__setattr__(self, "spot", _settings(self.function, self.spot))
        for name, value in self.tolerance.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise ValueError(f"expected the tolerance of {name} as a number >= 0, got {value!r}")

    @property
    def name(self) -> str:
        """The name of the record, or of the function where there is none."""
        return Path(self.record).stem if self.record is not None else self.function.__name__

    @property
    def path(self) -> Path | None:
        """The file of the record."""
        if self.record is None:
            return None
        inside = isinstance(self.record, str) and self.record.startswith("data/")
        return root() / self.record if inside else Path(self.record)

    def read(self) -> pd.DataFrame:
        """A row for every point: settings, results, `state` (one of `STATES`) and `error`; nothing is computed.

        The spot point is computed again first, where the record has one.  Raises :class:`SpotCheckError` where it
        comes out otherwise, and `ValueError` for a damaged file.
        """
        view = _View(self)
        check = view.spot_check()
        return _report(self, view, check)

    def run(self, jobs: int | None = None, *, again: bool = False) -> pd.DataFrame:
        """Like :meth:`read`, after computing every point that is missing, has failed, or was made by earlier code.

        Results of earlier code are kept where the spot check passes, and `again` computes them anew.  In a build
        new points go to the build's own folder, and records under `data` stay as they are.  A point that raises an
        error is recorded as failed, and the others go on.  jobs: points at once, :func:`cores` if None.
        """
        if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1):
            raise ValueError(f"expected jobs as an integer >= 1 or None, got {jobs!r}; try jobs=2")
        view = _View(self)
        check = view.spot_check(again=again)
        if self.record is not None and not session.in_build():
            view.remember(check)
            if self.spot is not None and view.state(self.spot)[0] not in (CURRENT, REVALIDATED):
                _extend(self, view, [self.spot], jobs)
        missing = [point for point in self.points if view.state(point)[0] not in (CURRENT, REVALIDATED)]
        if missing:
            _extend(self, view, missing, jobs)
        return _report(self, view, check)

    def progress(self) -> dict:
        """Counts by state, seconds spent, and the seconds that the rest may take, without computing anything."""
        view = _View(self)
        states = Counter(view.state(point)[0] for point in self.points)
        done = [(point, line["seconds"]) for point in self.points
                for state, line in [view.state(point)] if state in DONE]
        rest = [point for point in self.points if view.state(point)[0] not in (CURRENT, REVALIDATED, EARLIER)]
        seconds = [_likely_seconds(point, done) for point in rest]
        return {"points": len(self.points), "states": states, "spent": sum(value for _, value in done),
                "rest": None if rest and not done else sum(seconds)}


@dataclass(frozen=True)
class SpotCheck:
    """What came of computing the spot point again; `passed` are the origins whose numbers the present code gives."""

    text: str
    passed: frozenset = frozenset()
    recomputed: bool = False


class _View:
    """What is known about the points of a sweep: its record, and in a build also the points of earlier runs."""

    def __init__(self, sweep: Sweep):
        self.sweep = sweep
        top = root()
        self.data = {name: atomic.sha256(top / name) for name in sweep.data}
        self.code = _code(sweep.function)
        self.now = (self.code, json.dumps(self.data, sort_keys=True))
        self.records = [Record(sweep.path)] if sweep.path is not None else []
        if session.in_build():
            # Points that a build computes live with the build; other code, data or packages: another file.
            origin = provenance.text_digest(*self.now, provenance.environment_digest(top))
            name = f"{sweep.function.__module__}.{sweep.function.__name__}-{origin[:12]}.jsonl"
            self.records.append(Record(top / "_build" / "records" / name))
        self.same = {self.now}
        self._link(frozenset())

    @property
    def target(self) -> Record | None:
        """Where new points go."""
        return self.records[-1] if self.records else None

    def state(self, point: Mapping) -> tuple[str, dict | None]:
        """The state of a point, and the line that tells its results or its error."""
        lines = [line for record in self.records for line in record.points.get(settings_key(point), [])]
        done = [line for line in lines if line["status"] == "done"]
        for state, allowed in ((CURRENT, {self.now}), (REVALIDATED, self.same)):
            for line in done:
                if _origin(line) in allowed:
                    return state, line
        if done:
            return EARLIER, done[-1]
        return (FAILED, lines[-1]) if lines else (NOT_RUN, None)

    def spot_check(self, again: bool = False) -> SpotCheck:
        """Compute the spot point again and compare it with every version of it that the table rests on."""
        sweep = self.sweep
        if sweep.record is None:
            return SpotCheck("no record")
        if not sweep.path.exists():
            return SpotCheck("nothing is recorded yet")
        if sweep.spot is None:
            return SpotCheck("not checked: the sweep names no spot point")
        absent = [name for name, digest in self.data.items() if digest is None]
        if absent:
            return SpotCheck(f"not checked: data set absent ({', '.join(absent)})")
        needed = {_origin(line) for point in sweep.points for state, line in [self.state(point)] if state in DONE}
        if again:
            needed &= {self.now}
        spots = [line for line in self.records[0].points.get(settings_key(sweep.spot), [])
                 if line["status"] == "done" and _origin(line) in needed]
        if not spots:
            return SpotCheck("not checked: the spot point is not recorded")
        results = _spot_results(sweep.function, settings_key(sweep.spot), self.code, sweep.threads)
        texts = {_compare(sweep, line, results) for line in spots}
        passed = frozenset(_origin(line) for line in spots)
        self._link(passed)
        return SpotCheck("; ".join(sorted(texts)), passed, True)

    def remember(self, check: SpotCheck) -> None:
        """Note in the record which earlier code gives the same numbers, for machines that cannot check it."""
        earlier = sorted(check.passed - self._linked)
        if not earlier:
            return
        self.records[0].append({"kind": "revalidation", "settings": self.sweep.spot, "code": self.code,
                                "data": self.data, "earlier": [list(origin) for origin in earlier],
                                "check": check.text, **_circumstances()})
        self._link(frozenset())

    def _link(self, passed: frozenset) -> None:
        """Find every origin that gives the numbers of the present code, by spot checks now and recorded ones."""
        pairs = [(self.now, origin) for origin in passed]
        recorded = [(_origin(line), tuple(origin)) for record in self.records for line in record.revalidations
                    for origin in line["earlier"]]
        self._linked = _connected(self.now, recorded)
        self.same |= _connected(self.now, recorded + pairs)


def _connected(start: tuple, pairs: list[tuple]) -> set[tuple]:
    found = {start}
    while True:
        more = {origin for pair in pairs if found & set(pair) for origin in pair} - found
        if not more:
            return found
        found |= more


def _origin(line: dict) -> tuple[str, str]:
    return line["code"], json.dumps(line["data"], sort_keys=True)


def _extend(sweep: Sweep, view: _View, points: list[Mapping], jobs: int | None) -> None:
    """Compute points and record each as it comes."""
    circumstances = _circumstances()
    target = view.target or _Memory(view)
    with Progress(sweep.name, len(points)) as progress:
        todo = _not_yet(view, points, progress)
        for line in _results(sweep, view.code, todo, jobs):
            target.append({"kind": "point", **line, "data": view.data, **circumstances})
            progress.step(line["status"] == "failed")


class _Memory:
    """A record that lasts as long as the call, for a sweep that names no file."""

    def __init__(self, view: _View):
        self.points: dict[str, list[dict]] = {}
        self.revalidations: list[dict] = []
        view.records.append(self)

    def append(self, body: dict) -> None:
        self.points.setdefault(settings_key(body["settings"]), []).append(body)

    def refresh(self) -> None:
        pass


def _not_yet(view: _View, points: list[Mapping], progress: Progress) -> Iterator[Mapping]:
    """The points, less those that another process has recorded in the meantime."""
    for point in points:
        for record in view.records:
            record.refresh()
        if view.state(point)[0] in (CURRENT, REVALIDATED):
            progress.step()
        else:
            yield point


def _results(sweep: Sweep, code: str, todo: Iterator[Mapping], jobs: int | None) -> Iterator[dict]:
    """The lines of the points, in the order in which they are finished."""
    elsewhere = type(get_active_backend()[0]).__name__ != "LokyBackend"  # the caller chose a cluster, or threads
    jobs = jobs or (None if elsewhere else cores())
    if jobs == 1 and not elsewhere:
        with _thread_limit(sweep.threads):
            for point in todo:
                yield _compute(sweep.function, point, code)
        return
    in_flight: dict[str, Mapping] = {}
    trouble: list[Exception] = []

    def tasks():
        try:
            for point in todo:
                in_flight[settings_key(point)] = point
                yield joblib.delayed(_compute)(sweep.function, point, code, sweep.threads)
        except Exception as error:  # joblib asks in a thread of its own, where nobody would hear of it
            trouble.append(error)

    def parallel(calls, n_jobs, ahead):
        local = joblib.parallel_config(backend="loky", inner_max_num_threads=sweep.threads)
        with contextlib.nullcontext() if elsewhere else local:
            return joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1,
                                   pre_dispatch=ahead)(calls)

    calls = tasks()
    while True:
        try:
            # A local worker gets its next point when it asks; one far away has a second one waiting.
            for line in parallel(calls, jobs, "2 * n_jobs" if elsewhere else "n_jobs"):
                in_flight.pop(settings_key(line["settings"]))
                yield line
            break
        except TerminatedWorkerError:
            # Which of the points in flight has ended its process?  Each gets a process of its own now.
            for point in list(in_flight.values()):
                try:
                    call = joblib.delayed(_compute)(sweep.function, point, code, sweep.threads)
                    (line,) = parallel([call], 2, "n_jobs")
                except TerminatedWorkerError:
                    line = _failure(sweep.function, point, code, "the process that computed this point was killed; "
                                    "most often the memory was not enough: try fewer points at once")
                in_flight.pop(settings_key(point))
                yield line
    if trouble:
        raise trouble[0]


def _compute(function: Callable, settings: Mapping, code: str, threads: int | None = None) -> dict:
    """Compute one point where this runs; what it raises becomes a line that says so."""
    if threads is not None:
        _limit_worker(threads)
    if _code(function) != code:  # a worker on another machine, with another version of the package
        raise ValueError(f"expected workers with the code of the process that asks for points, got other code for "
                         f"{_name(function)} on {platform.node()}; try to install the same version there")
    started, used = time.perf_counter(), time.process_time()
    try:
        results = function(**settings)
        if not isinstance(results, Mapping):
            raise ValueError(f"expected a mapping of results, got {type(results).__name__}; try return {{...}}")
        results = {name: _plain(value, f"result {name}") for name, value in results.items()}
        taken = [name for name in results if name in settings or name in ("state", "error")]
        if taken:
            raise ValueError(f"expected results with names of their own, got {', '.join(taken)}")
    except Exception as error:  # whatever a point raises, the others go on
        return _failure(function, settings, code, f"{type(error).__name__}: {error}")
    return {"function": _name(function), "settings": settings, "status": "done", "results": results, "code": code,
            "seconds": round(time.perf_counter() - started, 4), "core_seconds": round(time.process_time() - used, 4),
            "processor": provenance.processor(), "versions": _versions()}


def _failure(function: Callable, settings: Mapping, code: str, message: str) -> dict:
    return {"function": _name(function), "settings": settings, "status": "failed", "error": message[:2000],
            "code": code, "seconds": 0.0, "core_seconds": 0.0, "processor": provenance.processor(),
            "versions": _versions()}


def _compare(sweep: Sweep, line: dict, again: dict) -> str:
    """How the spot point of a record and the same point computed now compare, in words; or SpotCheckError."""
    if again["status"] != "done":
        raise SpotCheckError(f"record {sweep.name}: expected the numbers of its spot point {dict(sweep.spot)}, "
                             f"got an error: {again['error']}")
    alike = line["processor"] == again["processor"] and line["versions"] == again["versions"]
    then, now = line["results"], again["results"]
    for name in {**then, **now}:
        allowed = 0.0 if alike else sweep.tolerance.get(name, 0.0)
        if name not in then or name not in now or not _close(then[name], now[name], allowed):
            where = "the machine and packages are the same" if alike else f"tolerance {allowed:g}"
            raise SpotCheckError(
                f"record {sweep.name}: expected the present code to give the recorded numbers at its spot point "
                f"{dict(sweep.spot)}, got {name} = {now.get(name, 'nothing')}, recorded "
                f"{then.get(name, 'nothing')} ({where}); try to find what changed, or, if the change is meant, make "
                "the record anew: make records with AGAIN=1")
    return "equal to the record, number by number" if alike else \
        "within the tolerance of the record, which another machine or other versions made"


def _close(then, now, allowed: float) -> bool:
    if isinstance(then, list) and isinstance(now, list):
        return len(then) == len(now) and all(_close(a, b, allowed) for a, b in zip(then, now, strict=True))
    if isinstance(then, (int, float)) and isinstance(now, (int, float)):
        return abs(then - now) <= max(allowed, ROUNDING * abs(then))
    return then == now


@cache
def _spot_results(function: Callable, key: str, code: str, threads: int) -> dict:
    """The spot point, computed once a process."""
    with _thread_limit(threads):
        return _compute(function, json.loads(key), code)


def _report(sweep: Sweep, view: _View, check: SpotCheck) -> pd.DataFrame:
    """The table; what is in it is shown above it, and kept with the run in a build."""
    rows, states, used = [], Counter(), []
    for point in sweep.points:
        state, line = view.state(point)
        states[state] += 1
        row = dict(point)
        if state in DONE:
            row |= line["results"]
            used.append(line)
        rows.append(row | {"state": state, "error": line.get("error") if state == FAILED else None})
    table = pd.DataFrame(rows)
    ends = ["state", "error"]
    table = table[[name for name in table.columns if name not in ends] + ends]
    summary = {"record": str(sweep.record) if sweep.record is not None else None, "item": sweep.item,
               "name": sweep.name, "function": _name(sweep.function), "points": len(rows),
               "states": {state: states[state] for state in STATES if states[state]},
               "errors": sorted({row["error"] for row in rows if row["error"]}),
               "core_seconds": round(sum(line["core_seconds"] for line in used), 1),
               "processors": sorted({line["processor"] for line in used}),
               "commits": sorted({line["commit"] or "unknown" for line in used}),
               "dates": [f(line["date"] for line in used) for f in (min, max)] if used else [],
               "spot": check.text}
    if sweep.record is not None:
        session.keep("sweeps.json", summary, "name", replace=True)
        session.show(*_boxes(summary))
    for error in summary["errors"]:
        print(f"{sweep.name}: a point failed: {error}", file=sys.stderr)
    return table


def _boxes(summary: dict) -> tuple[str, str]:
    """What a table rests on, as text and as HTML."""
    states = [f"{count} {MEANING[state]}" for state, count in summary["states"].items()]
    spent = f"{duration(summary['core_seconds'])} of processor time" if summary["core_seconds"] else "no time yet"
    facts = [f"{summary['points']} points: {', '.join(states)}", spent, f"spot check: {summary['spot']}"]
    good = set(summary["states"]) <= {CURRENT, REVALIDATED}
    text = f"record {summary['name']}: " + "; ".join(facts)
    items = "".join(f"<li>{html.escape(fact)}</li>" for fact in facts)
    return text, (f'<div class="record-box{"" if good else " record-partial"}"><p class="record-name">Record '
                  f'<code>{html.escape(summary["name"])}</code></p><ul>{items}</ul></div>')


def _likely_seconds(point: Mapping, done: list[tuple[Mapping, float]]) -> float:
    """The mean time of the recorded points that have most settings in common with this one."""
    shared = [(sum(other[name] == value for name, value in point.items()), seconds) for other, seconds in done]
    most = max((count for count, _ in shared), default=0)
    nearest = [seconds for count, seconds in shared if count == most]
    return sum(nearest) / len(nearest) if nearest else 0.0


def _settings(function: Callable, point: Mapping) -> dict:
    """The settings of a point with the function's defaults, in its order, as plain JSON values."""
    parameters = inspect.signature(function).parameters
    unknown = [name for name in point if name not in parameters]
    missing = [name for name, parameter in parameters.items()
               if name not in point and parameter.default is inspect.Parameter.empty]
    if unknown or missing:
        got = f"unknown {', '.join(unknown)}" if unknown else f"none for {', '.join(missing)}"
        raise ValueError(f"expected the settings of {_name(function)} ({', '.join(parameters)}), got {got}")
    settings = {}
    for name, parameter in parameters.items():
        value = _plain(point.get(name, parameter.default), f"setting {name}")
        if parameter.annotation in (float, "float") and type(value) is int:
            value = float(value)  # 1 and 1.0 are one point
        if parameter.annotation in (int, "int") and type(value) is not int:
            raise ValueError(f"expected setting {name} of {_name(function)} as an integer, got {value!r}")
        settings[name] = value
    return settings


def _plain(value: object, what: str) -> object:
    """A number, text, None or list as JSON holds it; raises `ValueError` for NaN, infinities and other things."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple, range)):
        return [_plain(element, what) for element in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if not isinstance(value, float):
        raise ValueError(f"expected {what} as a number, text, None or list, got {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"expected {what} to be finite, got {value}; try None where there is no value")
    return value


def _module_of(function: Callable) -> str:
    """The module from which workers import the function; raises `ValueError` where they cannot."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    found = sys.modules.get(module or "")
    if module == "__main__" or getattr(found, name, None) is not function or not getattr(found, "__file__", None):
        raise ValueError(f"expected a function of a module, which other processes can import, got {function!r}; "
                         "try to move it to a module, such as one of lib")
    return module


def _name(function: Callable) -> str:
    return f"{function.__module__}.{function.__name__}"


@cache
def _code(function: Callable) -> str:
    """Digest of the code that the function depends on, as it is on this machine."""
    module = _module_of(function)
    top = Path(provenance.__file__).resolve().parents[2]
    return provenance.function_digest(top, module, Path(sys.modules[module].__file__), function.__name__)


@cache
def _versions() -> dict[str, str]:
    return provenance.versions(root())


def _circumstances() -> dict:
    """What every line says of the tree and the day; changes in `data/records` alone do not make a tree dirty."""
    commit, dirty = provenance.commit(root(), besides="data/records")
    return {"commit": commit, "dirty": dirty,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}


def _limit_worker(threads: int) -> None:
    """Cap the threads of the numeric libraries in this process for good, not anew for every point (some ms)."""
    if _limit_worker.threads != threads:
        _thread_limit(threads).__enter__()
        _limit_worker.threads = threads


_limit_worker.threads = None


class _thread_limit:
    """Cap the threads of the numeric libraries: then a point's numbers do not depend on the machine's cores."""

    def __init__(self, threads: int):
        self.threads = threads

    def __enter__(self):
        import threadpoolctl

        self._pools = threadpoolctl.threadpool_limits(self.threads)
        self._torch = sys.modules.get("torch")
        if self._torch is not None:
            self._before = self._torch.get_num_threads()
            self._torch.set_num_threads(self.threads)
        return self

    def __exit__(self, *_):
        self._pools.unregister()
        if self._torch is not None:
            self._torch.set_num_threads(self._before)
