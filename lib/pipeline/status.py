"""Which chapters are fresh, stale, failed or never run, and why: `make status`, the status page, the driver.

Quick on purpose: it reads text and JSON, and loads neither Jupyter nor torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lib import atomic
from lib.study import parameters, provenance, runs
from lib.study.notebooks import chapter_files, check_chapter, read_chapter
from lib.study.stored import Stored


@dataclass
class ChapterStatus(Stored):
    """The state of a chapter, why it is not fresh, and what its last good run took; the last six null if never run."""

    chapter: str
    number: str
    title: str
    page: str
    state: Literal["fresh", "stale", "failed", "never run"] = "never run"
    reasons: list[str] = field(default_factory=list)
    error: str | None = None
    budget_core_minutes: float | None = None
    core_seconds: float | None = None
    seconds: float | None = None
    peak_memory_bytes: float | None = None
    commit: str | None = None
    dirty: bool | None = None
    date: str | None = None


@dataclass
class BookStatus(Stored):
    """The state of every chapter, `status.json`."""

    profile: str
    chapters: list[ChapterStatus]


SITE = ".companion.json"  # of what a site is made: inside it, so that it changes together with the pages
COST = ("core_seconds", "seconds", "peak_memory_bytes", "commit", "dirty", "date")


def chapter_status(top: Path, path: Path, profile: str) -> ChapterStatus:
    """The state of one chapter."""
    root = runs.profile_root(top, profile)
    run, failure = runs.read_run(root, path.stem), runs.read_failure(root, path.stem)
    status = ChapterStatus(path.stem, path.stem[:2], path.stem, f"{path.stem}.html",
                           **{name: getattr(run.provenance, name) for name in COST if run})
    try:
        chapter = read_chapter(path)
        status.title, status.budget_core_minutes = chapter.title, chapter.budget
        check_chapter(chapter)
        inputs = provenance.chapter_inputs(top, path, profile, last=run)
    except ValueError as error:
        status.state, status.error = "failed", str(error)
        return status
    if failure and failure.inputs == inputs:
        status.state, status.error = "failed", one_line(failure)
    elif run:
        status.reasons = provenance.differences(run.inputs, inputs)
        if not runs.is_complete(root, run):
            status.reasons.append("its output is missing or incomplete")
        if failure and status.reasons:
            status.reasons.append("its last run, with other inputs, failed")
        status.state = "stale" if status.reasons else "fresh"
    return status


def one_line(failure: runs.Failure | None) -> str:
    """Where and how a chapter failed; None where nothing was left of the run."""
    if failure is None:
        return "it ended"
    place = f"code cell {failure.cell}, line {failure.line}: " if failure.cell else ""
    return place + (failure.error.splitlines() or [""])[0]


def book_status(top: Path, profile: str) -> BookStatus:
    """The state of every chapter."""
    return BookStatus(profile, [chapter_status(top, path, profile) for path in chapter_files(top)])


def made_of(top: Path, profile: str) -> dict[str, list[str | None]]:
    """Digests of the text of each page, and of its last run where it is a chapter: what a site is made of."""
    root = runs.profile_root(top, profile)
    found = {path.stem: runs.read_run(root, path.stem) for path in chapter_files(top)}
    return {path.stem: [atomic.sha256(path), found[path.stem].notebook if found.get(path.stem) else None]
            for path in sorted((top / "book").glob("*.md"))}


def behind(top: Path, profile: str) -> str:
    """In which pages the site of a profile is behind their texts or runs; nothing where it is in none, or not there."""
    now = made_of(top, profile)
    shown = (atomic.read_json(runs.profile_root(top, profile) / "html" / SITE) or {}).get("pages", now)
    older = [name for name in sorted({*now, *shown}) if now.get(name) != shown.get(name)]
    return f"the site is older than {', '.join(older)}; try make book" if older else ""


def text(top: Path, profile: str) -> str:
    """The table of `make status`, and whether the site is behind the sources."""
    parameters.profile_values(top, profile)  # raises for one that cannot be read
    return "\n".join(filter(None, [table(book_status(top, profile)), behind(top, profile)]))


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """The lines of a table for a terminal, whose columns are as wide as their longest text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def table(status: BookStatus) -> str:
    """The status as lines for a terminal."""
    width = max((len(chapter.chapter) for chapter in status.chapters), default=0)
    lines = []
    for chapter in status.chapters:
        cost = ""
        if chapter.core_seconds is not None:
            budget = chapter.budget_core_minutes
            of = f" of {budget:g}" if budget and status.profile == "laptop" else ""
            cost = f"{chapter.core_seconds / 60:.1f}{of} core-minutes, {chapter.peak_memory_bytes / 1e9:.2f} GB"
        lines.append(f"{chapter.chapter:<{width}}  {chapter.state:<9}  {cost}".rstrip())
        lines += [f"{'':<{width}}    {reason}" for reason in chapter.reasons]
        if chapter.error:
            lines.append(f"{'':<{width}}    {chapter.error}")
    return "\n".join(lines)
