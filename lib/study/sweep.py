"""Sweeps: one function at many settings, on many cores, with a record of what is done.

A :class:`Sweep` names a function, the points to compute it at, and the file that keeps the results.  `read` gives a
table of what is recorded; `run` computes what is missing, too.  joblib runs the points: in processes on this machine,
or wherever `joblib.parallel_config` says (a Dask or Ray cluster).  The page "Sweeps and records" has an example.
"""

from __future__ import annotations

import html
import itertools
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lib.study import session, workers
from lib.study.notebooks import root
from lib.study.progress import Progress, duration
from lib.study.records import settings_key
from lib.study.standing import CURRENT, DONE, EQUAL, FAILED, MEANING, SETTLED, STATES, SpotCheck, View, circumstances


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

    function: a function of a module (workers import it, and the digest of its code covers the module and all of
    `lib` that it imports), which takes settings by name and returns a mapping of finite numbers, texts, None, or
    lists of these.  points: settings, as from :func:`grid`.  record: the file; a text `data/...` is relative to the
    repository.  item: the thesis's figure.  data: files that the points read, relative to the repository.
    spot: the settings of a cheap point that is recorded too and computed again by every build.  tolerance: how far,
    per result, it may lie from the record on another machine or with other versions of the packages; results that
    are not named must be equal (but for rounding, 1e-9), and on one machine all must.  threads: of the numeric
    libraries, for each point.

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
        workers.module_of(self.function)
        points = [workers.settings_of(self.function, point) for point in self.points]
        taken = [name for name in ("state", "error") if any(name in point for point in points)]
        if taken:
            raise ValueError(f"expected settings with names of their own, got {', '.join(taken)}, as tables have")
        unique = {settings_key(point): point for point in points}
        if not unique:
            raise ValueError("expected at least one point, got none; try grid(seed=range(3))")
        object.__setattr__(self, "points", list(unique.values()))
        object.__setattr__(self, "_keys", list(unique))
        object.__setattr__(self, "data", (self.data,) if isinstance(self.data, str) else tuple(self.data))
        if self.spot is not None:
            object.__setattr__(self, "spot", workers.settings_of(self.function, self.spot))
        undeclared = sorted(workers.data_of(self.function) - set(self.data))
        if undeclared:
            raise ValueError(f"expected all data that {workers.name_of(self.function)} reads in data=, got none of "
                             f"{', '.join(undeclared)}; try data={tuple(undeclared)!r}")
        if isinstance(self.threads, bool) or not isinstance(self.threads, int) or self.threads < 1:
            raise ValueError(f"expected threads as an integer >= 1, got {self.threads!r}; try threads=1")
        workers.code_of(self.function)  # as it is now: what is edited later is not what this process runs
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
        comes out otherwise, and `ValueError` for a damaged file or one that has none of the points.
        """
        view = View(self)
        if not any(state in DONE for _, state, _ in view.states()):
            raise ValueError(f"expected recorded points in {self.record}, got none of the {len(self.points)} that are "
                             "asked for; try run(), or in a chapter make records CH=... with the same PARAMS")
        check = view.spot_check()
        return _report(self, view, check)

    def run(self, jobs: int | None = None, *, again: bool = False) -> pd.DataFrame:
        """Like :meth:`read`, after computing every point that is missing, has failed, or was made by earlier code.

        Results of earlier code are kept where the spot check passes, and `again` computes them anew.  In a build
        new points go to the build's own folder, and records under `data` stay as they are.  A point that raises an
        error is recorded as failed, and the others go on; without a record, `ValueError` says so in the end.  Where
        data that the missing points read are absent, or a GPU that they name, `ValueError`, before any is computed.
        jobs: points at once, :func:`workers.cores` if None.
        """
        if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1):
            raise ValueError(f"expected jobs as an integer >= 1 or None, got {jobs!r}; try jobs=2")
        view = View(self, live=True, again=again)
        check = view.spot_check()
        if self.record is not None and not session.in_build():
            view.remember(check)
        missing = [point for point, state, _ in view.states() if state not in SETTLED]
        absent = [name for name, digest in view.data.items() if digest is None]
        if missing and absent:
            raise ValueError(f"expected {', '.join(absent)} for {len(missing)} points of {self.name} that are not "
                             "computed yet, got nothing there; nothing was computed or recorded; try to get the data "
                             "as data/README.md says")
        if n_points := workers.without_gpu(missing):
            raise ValueError(f"expected a GPU, and a torch that was built for it, for {n_points} points of {self.name} "
                             "that are not computed yet, got none; nothing was computed or recorded; try it on a "
                             "machine that has one, as the page on scaling says")
        if missing:
            if self.record is not None and not session.in_build() and view.lacks_spot():
                _extend(self, view, [self.spot], jobs, (CURRENT,))  # so that later code can check what follows
                if view.lacks_spot():
                    error = view.state(settings_key(self.spot))[1]["error"]
                    raise ValueError(f"expected results at the spot point of {self.name}, without which later code "
                                     f"could not check the others, got {error}; nothing else was computed; try another "
                                     "spot, or none")
            _extend(self, view, missing, jobs)
        table = _report(self, view, check)
        failed = table[table.state == FAILED]
        if self.record is None and len(failed):
            raise ValueError(f"expected {len(table)} points of {workers.name_of(self.function)}, got {len(failed)} "
                             f"that failed; the first: {failed.error.iloc[0]}; the others are done")
        return table

    def progress(self) -> dict:
        """Counts by state, seconds of processor time spent and that the rest may take, errors; computes nothing."""
        view = View(self)
        found = list(view.states())
        done = [(point, line) for point, state, line in found if state in DONE]
        rest = [point for point, state, _ in found if state not in DONE]
        return {"points": len(self.points), "states": Counter(state for _, state, _ in found),
                "errors": Counter(line["error"] for _, state, line in found if state == FAILED),
                "spent": sum(line["core_seconds"] for _, line in done),
                "rest": None if rest and not done else _likely_seconds(rest, done)}


def _extend(sweep: Sweep, view: View, points: list[Mapping], jobs: int | None, enough: tuple = SETTLED) -> None:
    """Compute points and record each as it comes, but for those in a state that is enough."""
    target = view.target or _Memory(view)
    with Progress(sweep.name, len(points)) as progress:
        todo = _not_yet(view, points, progress, enough)
        for line in workers.compute_many(sweep.function, todo, view.code, sweep.threads, jobs):
            target.append({"kind": "point", **line, "data": view.data, **circumstances(view.in_tree)})
            progress.step(line["status"] == "failed")


class _Memory:
    """A record that lasts as long as the call, for a sweep that names no file."""

    def __init__(self, view: View):
        self.points: dict[str, list[dict]] = {}
        self.revalidations: list[dict] = []
        view.records.append(self)

    def append(self, body: dict) -> None:
        self.points.setdefault(settings_key(body["settings"]), []).append(body)

    def refresh(self) -> None:
        pass


def _not_yet(view: View, points: list[Mapping], progress: Progress, enough: tuple) -> Iterator[Mapping]:
    """The points, less those that another process has recorded in the meantime."""
    for point in points:
        for record in view.records:
            record.refresh()
        if view.state(settings_key(point))[0] in enough:
            progress.step()
        else:
            yield point


def _report(sweep: Sweep, view: View, check: SpotCheck) -> pd.DataFrame:
    """The table; what is in it is shown above it, and kept with the run in a build."""
    rows, states, used = [], Counter(), []
    for point, state, line in view.states():
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
               "name": sweep.name, "function": workers.name_of(sweep.function), "points": len(rows),
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
    failed = table[table.state == FAILED]
    for error in summary["errors"]:
        rows = failed.index[failed.error == error]
        print(f"{sweep.name}: {len(rows)} failed: {error}; the first: {sweep.points[rows[0]]}", file=sys.stderr)
    return table


def _boxes(summary: dict) -> tuple[str, str]:
    """What a table rests on, as text and as HTML."""
    states = [f"{count} {MEANING[state]}" for state, count in summary["states"].items()]
    spent = f"{duration(summary['core_seconds'])} of processor time" if summary["core_seconds"] else "no time yet"
    facts = [f"{summary['points']} points: {', '.join(states)}", spent, f"spot check: {summary['spot']}"]
    checked = summary["spot"] == EQUAL or "data set absent" in summary["spot"]
    good = set(summary["states"]) <= set(SETTLED) and checked
    text = f"record {summary['name']}: " + "; ".join(facts)
    items = "".join(f"<li>{html.escape(fact)}</li>" for fact in facts)
    return text, (f'<div class="record-box{"" if good else " record-partial"}"><p class="record-name">Record '
                  f'<code>{html.escape(summary["name"])}</code></p><ul>{items}</ul></div>')


def _likely_seconds(rest: list[Mapping], done: list[tuple[Mapping, dict]]) -> float:
    """The time of some points, each taken as the mean of the recorded ones with most settings in common.

    Seeds do not count: points that differ in nothing else take about the same time.
    """
    def kind(point: Mapping) -> str:
        return settings_key({name: value for name, value in point.items() if name != "seed"})

    known: dict[str, list[float]] = {}
    kinds = {kind(point): point for point, _ in done}
    for point, line in done:
        known.setdefault(kind(point), []).append(line["seconds"])
    total = 0.0
    for wanted, count in Counter(map(kind, rest)).items():
        asked = next(point for point in rest if kind(point) == wanted) if wanted not in known else kinds[wanted]
        shared = {key: sum(point[name] == value for name, value in asked.items() if name != "seed")
                  for key, point in kinds.items()}
        most = max(shared.values())
        times = [seconds for key, number in shared.items() if number == most for seconds in known[key]]
        total += count * sum(times) / len(times)
    return total
