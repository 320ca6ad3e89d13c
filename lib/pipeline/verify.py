"""Is everything that is published what the build made?  `make verify` answers without a kernel, in seconds.

It recomputes the check sums of every page, figure, table, notebook and record, every measured value that is a function
of a stored table, and all verdicts from what pages stored and the claims files; and it looks whether the pages show
these verdicts.  The sums of a site are written when it is published (:func:`seal`), those of runs and records stand in
them.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

from lib import atomic
from lib.study import ledger, measures, results, runs
from lib.study.claim_files import Settlement
from lib.study.claim_text import CSS_CLASS
from lib.study.notebooks import chapter_files
from lib.study.runs import Run

SUMS = "sums.json"  # below the root of a profile
METADATA = "ro-crate-metadata.json"  # at the top of an unpacked crate (:mod:`lib.pipeline.crate`)
ROUNDING = 1e-9  # relative: what another version of a library may add otherwise


def seal(root: Path) -> None:
    """Note the check sums of a published site, and of the runs and the ledger that it was made from."""
    atomic.write_json_if_changed(root / SUMS, {name: atomic.sha256(path) for name, path in _published(root)})


def verify(top: Path, profile: str) -> str:
    """Say what was looked at, in a tree or an unpacked crate; raises `ValueError` with a line for all that differs."""
    lines, seen = problems(top, profile)
    crate = (top / METADATA).exists()
    lines += packed(top, profile, seen) if crate else []
    looked = f"Looked at {'; '.join(seen)}."
    if lines:
        hint = ("Try the crate again, from where it was published." if crate else
                "Try make book, which makes again what differs, or git checkout for what is committed.")
        raise ValueError("\n".join([looked, *lines, hint]))
    return f"{looked}\nEverything is as the build made it."


def problems(top: Path, profile: str) -> tuple[list[str], list[str]]:
    """What is not as the build made it, one line each, and what was looked at, in words."""
    root, seen = runs.profile_root(top, profile), []
    lines = [*published(root, seen), *_records(top, seen)]
    found = []
    for path in chapter_files(top):
        record = runs.read_run(root, path.stem)
        if record is None:
            lines.append(f"{path.stem}: expected the record of a run, got none; try make book")
            continue
        found.append(record)
        lines += _run(root, record)
    lines += _measured([(root / "files" / run.chapter, settlement) for run in found for settlement in run.claims
                        if settlement.table], seen)
    lines += _verdicts(top, profile, root, found, seen)
    return lines, seen


def packed(top: Path, profile: str, seen: list[str]) -> Iterator[str]:
    """The files of an unpacked crate are those that its metadata name."""
    from lib.pipeline import crate

    try:
        sums = {entity["@id"]: entity["sha256"] for entity in json.loads((top / METADATA).read_text("utf-8"))["@graph"]
                if entity["@type"] == "File"}
    except (ValueError, TypeError, KeyError) as error:
        yield f"{METADATA}: expected what was packed, with a check sum a file, got a damaged one ({error!r})"
        return
    seen.append(f"{len(sums)} files of the crate")
    yield from _others(sums, {name: top / name for name in crate.packed(top, profile)}, "packed")


def _published(root: Path) -> Iterator[tuple[str, Path]]:
    """The files that the check sums cover, by their names below `root`."""
    for place in ("html", "executed", "files"):
        for path in sorted((root / place).rglob("*")):
            if path.is_file():
                yield path.relative_to(root).as_posix(), path
    if (root / "ledger.json").exists():
        yield "ledger.json", root / "ledger.json"


def published(root: Path, seen: list[str]) -> Iterator[str]:
    """The files of a site, and of the runs and the ledger that it was made from, are those that were published."""
    sums = atomic.read_json(root / SUMS)
    if not isinstance(sums, dict):
        yield f"{SUMS}: expected the check sums of a published site, got none; try make book"
        return
    now = dict(_published(root))
    seen.append(f"{sum(name.endswith('.html') for name in sums)} pages, {len(sums)} files")
    yield from _others(sums, now, "published")


def _others(sums: dict[str, str], now: dict[str, Path], done: str) -> Iterator[str]:
    """The files that are not those of some check sums, nor as they were `done`: packed, or published."""
    for name, digest in sums.items():
        if name not in now:
            yield f"{name}: expected the file that was {done}, got none"
        elif atomic.sha256(now[name]) != digest:
            yield f"{name}: expected what was {done}, got a file that was changed since"
    yield from (f"{name}: expected no file that was not {done}, got one" for name in now if name not in sums)


def _records(top: Path, seen: list[str]) -> Iterator[str]:
    """Every line of records and audits has its check sum, every point its run, and no audit contradicts a record."""
    from lib.study import audits  # loads numpy

    paths = sorted((top / "data" / "records").glob("*.jsonl"))
    audited = sorted((top / "data" / "records" / "audits").glob("*.jsonl"))
    n_lines, damaged = 0, False
    for path in [*paths, *audited]:
        name = path.relative_to(top).as_posix()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            n_lines += 1
            text = "{" + line[28:]
            if line and line[:28] != f'{{"check":"{hashlib.sha256(text.encode()).hexdigest()[:16]}",':
                damaged = True
                yield f"{name}, line {number}: expected the line that was recorded, got one that was changed since"
    seen.append(f"{len(paths)} records, {len(audited)} of them audited, {n_lines} lines")
    if damaged:
        return
    try:
        for path in paths:
            results.read(path)
        yield from audits.contradicted(top)
    except ValueError as error:
        yield str(error).replace(f"{top}/", "")


def _run(root: Path, run: Run) -> Iterator[str]:
    """The notebook and the figures of a run are those that its record names."""
    stem = run.chapter
    if atomic.sha256(root / "executed" / f"{stem}.ipynb") != run.notebook:
        yield f"executed/{stem}.ipynb: expected the notebook that was executed, got another"
    for name, digest in run.figures.items():
        if atomic.sha256(root / "files" / stem / name) != digest:
            yield f"files/{stem}/{name}: expected what the run saved, got another file or none"


def _measured(found: list[tuple[Path, Settlement]], seen: list[str]) -> Iterator[str]:
    """Values that follow from the table of a figure, computed again; with the folder of each."""
    for folder, settlement in found:
        table = settlement.table
        what = f"{table.function} of {', '.join(table.columns)} in {table.figure}.csv"
        try:
            value = measures.from_table(table.figure, table.function, *table.columns, where=table.where,
                                        folder=folder).value
        except ValueError as error:
            yield f"claim {settlement.id}: {error}"
            continue
        if not math.isclose(value, settlement.measured, rel_tol=ROUNDING, abs_tol=1e-12):
            yield (f"claim {settlement.id}: expected {settlement.measured!r}, as measured, from the {what}, "
                   f"got {value!r}")
    seen.append(f"{len(found)} measured values from their tables")


def _verdicts(top: Path, profile: str, root: Path, records: list[Run], seen: list[str]) -> Iterator[str]:
    """The ledger follows from the runs and the claims files, no verdict is worse than accepted, and pages show it."""
    yield from ledger.problems(top)
    try:
        now = {entry.id: entry for entry in ledger.check(top, profile, records)}
    except ValueError as error:
        yield str(error)
        return
    seen.append(f"{len(now)} verdicts")
    if not (root / SUMS).exists():  # nothing is published, which one line says
        return
    try:
        stored = {entry.id: entry for entry in ledger.read(root)}
    except ValueError as error:
        yield str(error)
        return
    for name in sorted({*now, *stored}):
        if name not in stored or name not in now:
            yield f"ledger.json: claim {name}: expected {'no such' if name in stored else 'an'} entry"
            continue
        differ = [f"{key} {value!r}, got {getattr(stored[name], key)!r}" for key, value in vars(now[name]).items()
                  if value != getattr(stored[name], key)]
        if differ:
            yield f"ledger.json: claim {name}: expected {'; '.join(differ)}"
    for record in records:
        page = root / "html" / f"{record.chapter}.html"
        if not page.exists():
            yield f"html/{page.name}: expected a page, got none; try make book"
            continue
        lines = re.findall(r'class="claim claim-([a-z-]+)" id="claim-([^"]+)"', page.read_text("utf-8"))
        shown = {name: kind for kind, name in lines}
        for settlement in record.claims:
            verdict = now[settlement.id].verdict
            if shown.get(settlement.id) != CSS_CLASS[verdict]:
                yield (f"html/{page.name}: claim {settlement.id}: expected {verdict}, got "
                       f"{shown.get(settlement.id, 'no line')}")
