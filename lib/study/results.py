"""Results of sweeps on disk: a file a point while they are computed, then one sorted text file, the record.

Its lines (:mod:`lib.study.record_lines`) are runs, which tell where and when points were computed, and points.  While a
sweep computes, each point is a small file of its own in a folder, put there in one move: a killed run loses what it
was computing.  :func:`pack` moves them into the record.  One process extends a record at a time (:func:`alone`).
"""

from __future__ import annotations

import contextlib
import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lib import atomic
from lib.study import record_lines
from lib.study.record_lines import Point, Run, encode

VALID, SUPERSEDED, FAILED, NOT_RUN = STATES = ("valid", "superseded", "failed", "not run")


def settings_key(settings: Mapping) -> str:
    """The text by which a point is known: its settings, in the order of their names."""
    return json.dumps(settings, sort_keys=True, allow_nan=False)


@dataclass
class Record:
    """What one or more files hold: runs by name, and points by :func:`settings_key`."""

    runs: dict[str, Run] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)

    def add(self, line: Run | Point) -> None:
        """Take in one line, once."""
        if isinstance(line, Run):
            self.runs[line.run] = line
            return
        known = self.points.setdefault(settings_key(line.settings), [])
        if line not in known:
            known.append(line)

    def find(self, key: str, experiment: str, version: int) -> tuple[str, Point | None]:
        """The state of a point for this version of an experiment, and the line that says so.

        Of two results the older one counts, so that a point that two machines computed is always the same.
        """
        found = [point for point in self.points.get(key, ()) if point.experiment == experiment]
        done = [point for point in found if point.status == "done"]
        if valid := [point for point in done if point.version == version]:
            return VALID, min(valid, key=lambda point: (self.runs[point.run].date, point.run))
        if failed := [point for point in found if point.status == "failed" and point.version == version]:
            return FAILED, failed[-1]
        return (SUPERSEDED, done[-1]) if done else (NOT_RUN, None)


def read(*places: Path | None) -> Record:
    """The record in files and in folders of points; what is missing, or None, has no points.

    Raises `ValueError` that names the file and the line where one is damaged or a run is missing.
    """
    record = Record()
    files = [file for place in filter(None, places) for file in sorted(place.glob("*.jsonl")) or [place]]
    for path in files:
        for line in record_lines.read(path):
            record.add(line)
    lost = {point.run for same in record.points.values() for point in same} - record.runs.keys()
    if lost:
        raise ValueError(f"{', '.join(map(str, places))}: expected the run of every point, got none named "
                         f"{', '.join(sorted(lost))}; try the file's last committed version")
    return record


def problems(top: Path) -> Iterator[str]:
    """The records of the book that are damaged, one line each."""
    for path in sorted((top / "data" / "records").glob("*.jsonl")):
        try:
            read(path)
        except ValueError as error:
            yield str(error).replace(f"{top}/", "")


def keep(folder: Path, run: Run, point: Point) -> None:
    """Put one point with its run into a folder, in one move; another result of it, of this version, gives way."""
    name = atomic.digest({what: getattr(point, what) for what in ("experiment", "version", "settings")})
    atomic.write_bytes(folder / f"{name[:24]}.jsonl", (encode(run) + encode(point)).encode())


def pack(path: Path, folder: Path) -> None:
    """Move the points of a folder into the record `path`, sorted; a failed point gives way to one that is done."""
    if files := sorted(folder.glob("*.jsonl")):
        write(path, read(path, *files))
    for file in files:
        file.unlink()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder of points, which stays; `ValueError` where another process holds it."""
    with atomic.alone(folder / ".lock") as is_alone:
        if not is_alone:
            raise ValueError(f"expected one process that adds to the record {folder.stem}, got another at work; try "
                             "again when it has ended, or give it more JOBS")
        yield


def write(path: Path, record: Record) -> None:
    """Replace the file of a record: its runs by date, then its points by their settings."""
    points = []
    for _, same in sorted(record.points.items()):
        done = {(point.experiment, point.version) for point in same if point.status == "done"}
        points += sorted(encode(point) for point in same
                         if point.status == "done" or (point.experiment, point.version) not in done)
    runs = sorted(record.runs.values(), key=lambda run: (run.date, run.run))
    atomic.write_bytes(path, "".join([*map(encode, runs), *points]).encode())


def box(facts: Mapping) -> tuple[str, str]:
    """What a table rests on, as text and as HTML; `facts` as a sweep gives them, with `audits` if known."""
    lines = [f"{facts['points']} points of {facts['experiment']}, version {facts['version']}: "
             + ", ".join(f"{n} {state}" for state, n in facts["states"].items())]
    if facts["dates"]:
        days = " to ".join(dict.fromkeys(date[:10] for date in facts["dates"]))
        changed = f" ({facts['dirty']} points: with uncommitted changes)" if facts["dirty"] else ""
        lines.append(f"made {days}, commits {', '.join(commit[:7] for commit in facts['commits'])}{changed}, in "
                     f"{duration(facts['core_seconds'])} of processor time")
    audits = facts.get("audits") or {"contradicted": False}
    lines += [audits["text"]] if "text" in audits else []
    partial = "" if {*facts["states"]} == {VALID} and not audits["contradicted"] else " record-partial"
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return (f"record {facts['name']}: " + "; ".join(lines),
            f'<div class="record-box{partial}"><p class="record-name">Record <code>{html.escape(facts["name"])}</code>'
            f"</p><ul>{items}</ul></div>")


def duration(seconds: float) -> str:
    """A time in words, to two figures: `45 s`, `12 min`, `3.5 h`."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else \
        f"{seconds / 3600:.1f} h"
