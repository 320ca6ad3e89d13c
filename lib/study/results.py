"""Results of sweeps on disk: a file a point while they are computed, then one sorted text file, the record.

Each line of a record begins with a check sum of the rest.  `kind` "run" tells where and when points were computed, and
`kind` "point" has settings, results, the version of the experiment that gave them, and the name of its run.  While a
sweep computes, each point is a small file of its own in a folder, put there in one move: a killed run loses what it
was computing, and several processes may work on one record.  :func:`pack` moves them into the record.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import html
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lib import atomic
from lib.study.progress import duration

FORMAT = 2
KINDS = ("run", "point")
VALID, SUPERSEDED, FAILED, NOT_RUN = STATES = ("valid", "superseded", "failed", "not run")
_MERGE_MARKS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


def encode(body: Mapping) -> str:
    """One line for a mapping; raises `ValueError` for NaN, infinities and what JSON cannot hold."""
    try:
        text = json.dumps({"format": FORMAT, **body}, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"expected finite numbers, texts, lists and mappings, got: {error}") from None
    return f'{{"check":"{_check_sum(text)}",{text[1:]}\n'


def decode(line: str, kinds: tuple[str, ...] = KINDS) -> dict:
    """The mapping of a line without its end; raises `ValueError` where it is not what was written."""
    if line.startswith(_MERGE_MARKS):
        raise ValueError("a mark of a merge conflict; try to delete the marks and keep the lines of both sides")
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
    return _key_encoder.encode(settings)


_key_encoder = json.JSONEncoder(sort_keys=True, allow_nan=False)  # made once: there are many keys


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


def read(*places: Path) -> Record:
    """The record in files and in folders of points; what is missing has no points.

    Raises `ValueError` that names the file and the line where one is damaged or a run is missing.
    """
    record = Record()
    for place in places:
        for path in sorted(place.glob("*.jsonl")) if place.is_dir() else [place]:
            with contextlib.suppress(FileNotFoundError):  # another process has just packed it
                for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
                    if line:
                        record.add(_decoded(line, f"{path}, line {number}"))
    lost = {line["run"] for lines in record.points.values() for line in lines} - record.runs.keys()
    if lost:
        raise ValueError(f"{', '.join(map(str, places))}: expected the run of every point, got none named "
                         f"{', '.join(sorted(lost))}; try the file's last committed version")
    return record


def problems(top: Path) -> list[str]:
    """The records of the book that are damaged, one line each."""
    lines = []
    for path in sorted((top / "data" / "records").glob("*.jsonl")):
        try:
            read(path)
        except ValueError as error:
            lines.append(str(error).replace(f"{top}/", ""))
    return lines


def run_of(body: Mapping) -> dict:
    """A run with its name, which follows from what it says."""
    name = hashlib.sha256(settings_key(body).encode()).hexdigest()[:12]
    return {"kind": "run", "run": name, **body}


def point_file(folder: Path, point: Mapping) -> Path:
    """The file of one point in a folder of points; other versions have other files."""
    text = settings_key({name: point[name] for name in ("experiment", "version", "settings")})
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.jsonl"


def keep(folder: Path, run: Mapping, point: Mapping) -> None:
    """Put one point with its run into a folder, in one move."""
    content = encode(run) + encode({"kind": "point", **point, "run": run["run"]})
    with _alone(folder.parent, fcntl.LOCK_SH):  # or another process might take the empty folder away
        atomic.write_bytes(point_file(folder, point), content.encode())


def pack(path: Path, folder: Path) -> int:
    """Move the points of a folder into the record `path`, sorted; return how many there were.

    A failed point gives way to one that is done.
    """
    with _alone(folder.parent, fcntl.LOCK_EX):
        files = sorted(folder.glob("*.jsonl"))
        if files:
            write(path, read(path, *files))
        for file in files:
            file.unlink()
        with contextlib.suppress(OSError):  # where a killed run left half a file
            folder.rmdir()
    return len(files)


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


@contextlib.contextmanager
def _alone(place: Path, kind: int) -> Iterator[None]:
    """Keep other processes from packing meanwhile; a file system without locks has to do without.

    place: a folder that stays. A lock of one that is taken away and made again would be two.
    """
    place.mkdir(parents=True, exist_ok=True)
    handle = os.open(place, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, kind)
        yield
    finally:
        os.close(handle)


def _decoded(line: str, where: str) -> dict:
    try:
        return decode(line)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{where}: expected a line of a record, got {error}") from None


def _check_sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def summary(name: str, where: str | None, item: str, experiment: str, version: int,
            found: list[tuple[str, dict | None]], runs: Mapping[str, Mapping]) -> dict:
    """What the points of a table rest on, for the page and the ledger; `found` as `Record.find` gives it."""
    used = [line for state, line in found if state == VALID]
    made = [runs[line["run"]] for line in used]
    return {"name": name, "record": where, "item": item, "experiment": experiment, "version": version,
            "points": len(found), "states": {state: n for state, n in Counter(s for s, _ in found).items()},
            "errors": sorted({line["error"] for state, line in found if state == FAILED}),
            "core_seconds": round(sum(line["core_seconds"] for line in used), 1),
            "processors": sorted({run["processor"] for run in made}),
            "commits": sorted({run["commit"] or "unknown" for run in made}),
            "dirty": sum(bool(run["dirty"]) for run in made),
            "dates": [f(run["date"] for run in made) for f in (min, max)] if made else []}


def box(facts: Mapping) -> tuple[str, str]:
    """What a table rests on, as text and as HTML; `facts` as :func:`summary` gives them, with `audits` if known."""
    states = ", ".join(f"{n} {state}" for state, n in facts["states"].items())
    lines = [f"{facts['points']} points of {facts['experiment']}, version {facts['version']}: {states}"]
    if facts["dates"]:
        days = " to ".join(dict.fromkeys(date[:10] for date in facts["dates"]))
        commits = ", ".join(commit[:7] for commit in facts["commits"])
        changed = f" ({facts['dirty']} points: with uncommitted changes)" if facts["dirty"] else ""
        lines += [f"made {days}, commits {commits}{changed}, in {duration(facts['core_seconds'])} of processor time"]
    if facts.get("audits"):
        lines.append(facts["audits"]["text"])
    whole = set(facts["states"]) == {VALID} and not (facts.get("audits") or {}).get("contradicted")
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return (f"record {facts['name']}: " + "; ".join(lines),
            f'<div class="record-box{"" if whole else " record-partial"}"><p class="record-name">Record <code>'
            f'{html.escape(facts["name"])}</code></p><ul>{items}</ul></div>')
