"""Results of sweeps on disk: a file a point while they are computed, then one sorted text file, the record.

Each line of a record begins with a check sum of the rest.  `kind` "run" tells where and when points were computed, and
`kind` "point" has settings, results, the version of the experiment that gave them, and the name of its run.  While a
sweep computes, each point is a small file of its own in a folder, put there in one move: a killed run loses what it
was computing.  :func:`pack` moves them into the record.  One process extends a record at a time (:func:`alone`).
"""

from __future__ import annotations

import contextlib
import hashlib
import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lib import atomic

FORMAT = 2
KINDS = ("run", "point")
VALID, SUPERSEDED, FAILED, NOT_RUN = STATES = ("valid", "superseded", "failed", "not run")


def encode(body: Mapping) -> str:
    """One line for a mapping of what JSON can hold; raises `ValueError` for NaN and infinities."""
    text = json.dumps({"format": FORMAT, **body}, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return f'{{"check":"{_check_sum(text)}",{text[1:]}\n'


def decode(line: str, kinds: tuple[str, ...] = KINDS) -> dict:
    """The mapping of a line without its end; raises `ValueError` where it is not what was written."""
    head, rest = line[:28], "{" + line[28:]
    if head != f'{{"check":"{_check_sum(rest)}",':
        raise ValueError("a line that is damaged or was edited (its check sum is wrong); try the file's last "
                         "committed version (git checkout), or delete the line: make records computes its point again, "
                         "and until then tables lack it")
    body = json.loads(rest)
    if body.pop("format") != FORMAT or body["kind"] not in kinds:
        raise ValueError(f"a line of another format or kind ({body['kind']!r}); try a newer version of this package")
    return body


def settings_key(settings: Mapping) -> str:
    """The text by which a point is known: its settings, in the order of their names."""
    return json.dumps(settings, sort_keys=True, allow_nan=False)


@dataclass
class Record:
    """What one or more files hold: runs by name, and points by :func:`settings_key`."""

    runs: dict[str, dict] = field(default_factory=dict)
    points: dict[str, list[dict]] = field(default_factory=dict)

    def add(self, body: dict) -> None:
        """Take in one decoded line, once."""
        if body["kind"] == "run":
            self.runs[body["run"]] = body
            return
        lines = self.points.setdefault(settings_key(body["settings"]), [])
        if body not in lines:
            lines.append(body)

    def find(self, key: str, experiment: str, version: int) -> tuple[str, dict | None]:
        """The state of a point for this version of an experiment, and the line that says so.

        Of two results the older one counts, so that a point that two machines computed is always the same.
        """
        lines = [line for line in self.points.get(key, ()) if line["experiment"] == experiment]
        done = [line for line in lines if line["status"] == "done"]
        if valid := [line for line in done if line["version"] == version]:
            return VALID, min(valid, key=lambda line: (self.runs[line["run"]]["date"], line["run"]))
        if failed := [line for line in lines if line["status"] == "failed" and line["version"] == version]:
            return FAILED, failed[-1]
        return (SUPERSEDED, done[-1]) if done else (NOT_RUN, None)


def read(*places: Path | None) -> Record:
    """The record in files and in folders of points; what is missing, or None, has no points.

    Raises `ValueError` that names the file and the line where one is damaged or a run is missing.
    """
    record = Record()
    files = [file for place in filter(None, places) for file in sorted(place.glob("*.jsonl")) or [place]]
    for path in files:
        for line in lines_of(path):
            record.add(line)
    lost = {line["run"] for lines in record.points.values() for line in lines} - record.runs.keys()
    if lost:
        raise ValueError(f"{', '.join(map(str, places))}: expected the run of every point, got none named "
                         f"{', '.join(sorted(lost))}; try the file's last committed version")
    return record


def lines_of(path: Path, kinds: tuple[str, ...] = KINDS) -> Iterator[dict]:
    """The lines of a file, decoded, none where it is missing; raises `ValueError` that names a damaged one."""
    for number, line in enumerate(path.read_text("utf-8").splitlines() if path.is_file() else (), start=1):
        try:
            if line:
                yield decode(line, kinds)
        except (ValueError, KeyError) as error:
            raise ValueError(f"{path}, line {number}: expected a line of a record, got {error}") from None


def problems(top: Path) -> Iterator[str]:
    """The records of the book that are damaged, one line each."""
    for path in sorted((top / "data" / "records").glob("*.jsonl")):
        try:
            read(path)
        except ValueError as error:
            yield str(error).replace(f"{top}/", "")


def run_of(body: Mapping) -> dict:
    """A run with its name, which follows from what it says."""
    return {"kind": "run", "run": atomic.digest(body)[:12], **body}


def keep(folder: Path, run: Mapping, point: Mapping) -> None:
    """Put one point with its run into a folder, in one move; another result of it, of this version, gives way."""
    name = atomic.digest({what: point[what] for what in ("experiment", "version", "settings")})
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
    for _, lines in sorted(record.points.items()):
        done = {(line["experiment"], line["version"]) for line in lines if line["status"] == "done"}
        kept = [line for line in lines
                if line["status"] == "done" or (line["experiment"], line["version"]) not in done]
        points += sorted(map(encode, kept))
    runs = sorted(record.runs.values(), key=lambda run: (run["date"], run["run"]))
    atomic.write_bytes(path, "".join([*map(encode, runs), *points]).encode())


def _check_sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
