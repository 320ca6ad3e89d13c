"""What is known of the points of a sweep: recorded or not, by which code, and whether the present code agrees."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from lib import atomic
from lib.study import provenance, session, workers
from lib.study.notebooks import root
from lib.study.records import Record, settings_key

CURRENT, REVALIDATED, EARLIER, FAILED, NOT_RUN = STATES = (
    "current", "revalidated", "earlier code", "failed", "not run")
DONE = (CURRENT, REVALIDATED, EARLIER)  # the states of rows that hold results
SETTLED = (CURRENT, REVALIDATED)  # of those that the present code stands for
ROUNDING = 1e-9  # relative, and absolute below 1: sums differ with the processor and with where arrays lie in memory
EQUAL = "equal to the record, number by number"
MEANING = {CURRENT: "made by the present code", REVALIDATED: "made by earlier code, confirmed by the present one",
           EARLIER: "made by earlier code, not compared with the present one", FAILED: "failed", NOT_RUN: "not run"}


class SpotCheckError(ValueError):
    """The present code does not give the numbers of a record."""


@dataclass(frozen=True)
class SpotCheck:
    """What came of computing the spot point again; `equal` are the origins of which the numbers are just the same."""

    text: str
    equal: frozenset = frozenset()


class View:
    """What is known about the points of a sweep: its record; `live` in a build also what earlier builds computed."""

    def __init__(self, sweep, *, live: bool = False, again: bool = False):
        self.sweep = sweep
        self.again = again  # nothing that earlier code has made counts
        self.function = workers.name_of(sweep.function)
        top = root()
        self.data = {name: atomic.sha256(top / name) for name in sweep.data}
        self.code = workers.code_of(sweep.function)
        self.now = (self.code, self._data_text(self.data))
        self.in_tree = workers.is_below(sweep.function, top)
        circumstances(self.in_tree)  # asks for the commit now: hours later there may be another
        self.records = [Record(sweep.path)] if sweep.path is not None else []
        if session.in_build() and live:
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

    def states(self) -> Iterator[tuple[Mapping, str, dict | None]]:
        """Every point of the sweep with what :meth:`state` says of it."""
        for point, key in zip(self.sweep.points, self.sweep._keys, strict=True):
            yield point, *self.state(key)

    def state(self, key: str) -> tuple[str, dict | None]:
        """The state of the point with a :func:`settings_key`, and the line that tells its results or its error."""
        lines = [line for record in self.records for line in record.points.get(key, ())
                 if line["function"] == self.function]
        present = [line for line in lines if self._origin(line) == self.now]
        done = [line for line in present if line["status"] == "done"]
        if done:
            _refuse_contradictions(self.sweep, done)
            return CURRENT, done[0]
        if present:  # what earlier code could do counts no longer
            return FAILED, present[-1]
        done = [line for line in lines if line["status"] == "done"]
        for line in done:
            if self._origin(line) in self.same:
                return REVALIDATED, line
        if done:
            return EARLIER, done[-1]
        return (FAILED, lines[-1]) if lines else (NOT_RUN, None)

    def lacks_spot(self) -> bool:
        """Whether the spot point has not been recorded by the very code and data that are here."""
        return self.sweep.spot is not None and self.state(settings_key(self.sweep.spot))[0] != CURRENT

    def spot_check(self) -> SpotCheck:
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
        needed = {self._origin(line) for _, state, line in self.states() if state in DONE}
        if self.again:
            needed &= {self.now}
        spots = [line for line in self.records[0].points.get(settings_key(sweep.spot), [])
                 if line["status"] == "done" and line["function"] == self.function and self._origin(line) in needed]
        if not spots:
            what = "the spot point is not recorded" if needed else "none of the points is recorded yet"
            return SpotCheck(f"not checked: {what}")
        results = spot_results(sweep.function, settings_key(sweep.spot), self.now, sweep.threads)
        texts = {self._origin(line): _compare(sweep, line, results) for line in spots}
        self._link(frozenset(texts))
        equal = frozenset(origin for origin, text in texts.items() if text == EQUAL)
        return SpotCheck("; ".join(sorted(set(texts.values()))), equal)

    def remember(self, check: SpotCheck) -> None:
        """Note in the record which earlier code gives the same numbers, for machines that cannot check it.

        Numbers that are only within the tolerance are not noted: of such steps a chain could lead anywhere.
        """
        earlier = sorted(check.equal - self._linked)
        if not earlier:
            return
        self.records[0].append({"kind": "revalidation", "settings": self.sweep.spot, "code": self.code,
                                "data": self.data, "earlier": [list(origin) for origin in earlier],
                                "result": check.text, **circumstances(self.in_tree)})
        self._link(frozenset())

    def _origin(self, line: dict) -> tuple[str, str]:
        """What a line was made by: code and data."""
        return line["code"], self._data_text(line["data"])

    def _data_text(self, data: Mapping) -> str:
        """Digests of data as text; those of data that are absent here cannot be compared, and are left out."""
        return json.dumps({name: digest for name, digest in data.items() if self.data.get(name)},
                          sort_keys=True) if data else "{}"

    def _link(self, passed: frozenset) -> None:
        """Find every origin that gives the numbers of the present code, by spot checks now and recorded ones."""
        pairs = [(self.now, origin) for origin in passed]
        recorded = [(self._origin(line), (code, self._data_text(json.loads(data)))) for record in self.records
                    for line in record.revalidations for code, data in line["earlier"]]
        self._linked = _connected(self.now, recorded)
        self.same = {self.now} if self.again else self.same | _connected(self.now, recorded + pairs)


def _compare(sweep, line: dict, again: dict) -> str:
    """How the spot point of a record and the same point computed now compare, in words; or SpotCheckError."""
    if again["status"] != "done":
        raise SpotCheckError(f"record {sweep.name}: expected the numbers of its spot point {dict(sweep.spot)}, "
                             f"got an error: {again['error']}")
    alike = line["processor"] == again["processor"] and line["versions"] == again["versions"]
    then, now = line["results"], again["results"]
    if then.keys() == now.keys() and all(_close(then[name], now[name], 0.0) for name in then):
        return EQUAL
    for name in {**then, **now}:
        allowed = 0.0 if alike else sweep.tolerance.get(name, 0.0)
        if name not in then or name not in now or not _close(then[name], now[name], allowed):
            where = "the machine and packages are the same" if alike else f"tolerance {allowed:g}"
            raise SpotCheckError(
                f"record {sweep.name}: expected the present code to give the recorded numbers at its spot point "
                f"{dict(sweep.spot)}, got {name} = {now.get(name, 'nothing')}, recorded "
                f"{then.get(name, 'nothing')} ({where}); try to find what changed, or, if the change is meant, make "
                "the record anew: make records CH=... AGAIN=1 for a chapter, run(again=True) elsewhere")
    return "not equal to the record, which another machine or other versions made, but within its tolerance"


def _close(then, now, allowed: float) -> bool:
    if isinstance(then, list) and isinstance(now, list):
        return len(then) == len(now) and all(_close(a, b, allowed) for a, b in zip(then, now, strict=True))
    if isinstance(then, (int, float)) and isinstance(now, (int, float)):
        return abs(then - now) <= max(allowed, ROUNDING * max(1.0, abs(then)))
    return then == now


@cache
def spot_results(function: Callable, key: str, now: tuple[str, str], threads: int) -> dict:
    """The spot point, computed once a process."""
    with workers.thread_limit(threads):
        return workers.compute(function, json.loads(key), now[0])


def _refuse_contradictions(sweep, lines: list[dict]) -> None:
    """Two results of one point by one code on one machine agree, or something is wrong with the point or the file."""
    for line in lines[1:]:
        alike = all(line[name] == lines[0][name] for name in ("processor", "versions"))
        if alike and not (line["results"].keys() == lines[0]["results"].keys() and all(
                _close(value, line["results"][name], 0.0) for name, value in lines[0]["results"].items())):
            raise ValueError(f"record {sweep.name}: expected one result of a point, got two from the same code and "
                             f"machine, {lines[0]['results']} and {line['results']}, at {line['settings']}; try to "
                             "find what the function depends on besides its settings")


def _connected(start: tuple, pairs: list[tuple]) -> set[tuple]:
    found = {start}
    while True:
        more = {origin for pair in pairs if found & set(pair) for origin in pair} - found
        if not more:
            return found
        found |= more


def circumstances(in_tree: bool) -> dict:
    """What a line says of the tree, where the function belongs to it, as it was at first, and the day."""
    commit, dirty = _tree() if in_tree else (None, None)
    return {"commit": commit, "dirty": dirty,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}


@cache
def _tree() -> tuple[str | None, bool | None]:
    """The commit when this process first asked; changes in `data/records` alone do not make a tree dirty."""
    return provenance.commit(root(), besides="data/records")
