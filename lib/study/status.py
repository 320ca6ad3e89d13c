"""Which chapters are fresh, stale, failed or never run, and why: `make status`, the status page, the driver.

Quick on purpose: it reads text and JSON, and loads neither Jupyter nor torch.
"""

from __future__ import annotations

from pathlib import Path

from lib.study import parameters, provenance, runs
from lib.study.notebooks import chapter_files, check_chapter, read_chapter

COST = ("core_seconds", "seconds", "peak_memory_bytes", "commit", "dirty", "date")


def chapter_status(top: Path, path: Path, profile: str) -> dict:
    """The state of one chapter, as described in :mod:`lib.study`."""
    root = runs.profile_root(top, profile)
    record, failure = runs.read_record(root, path.stem), runs.read_failure(root, path.stem)
    status = {"chapter": path.stem, "number": path.stem[:2], "title": path.stem, "page": f"{path.stem}.html",
              "state": "never run", "reasons": [], "error": None, "budget_core_minutes": None,
              **{name: record["provenance"][name] if record else None for name in COST}}
    try:
        chapter = read_chapter(path)
        status |= {"title": chapter.title, "budget_core_minutes": chapter.budget}
        check_chapter(chapter)
        inputs = provenance.chapter_inputs(top, path, profile, last=record)
    except ValueError as error:
        return status | {"state": "failed", "error": str(error)}
    if failure and failure["inputs"] == inputs:
        return status | {"state": "failed", "error": one_line(failure)}
    if record:
        reasons = provenance.differences(record["inputs"], inputs)
        if not runs.is_complete(root, record):
            reasons.append("its output is missing or incomplete")
        if failure and reasons:
            reasons.append("its last run, with other inputs, failed")
        status |= {"state": "stale" if reasons else "fresh", "reasons": reasons}
    return status


def one_line(failure: dict) -> str:
    """Where and how a chapter failed."""
    place = f"code cell {failure['cell']}, line {failure['line']}: " if failure["cell"] else ""
    return place + (failure["error"].splitlines() or [""])[0]


def book_status(top: Path, profile: str) -> dict:
    """The state of every chapter."""
    return {"profile": profile, "chapters": [chapter_status(top, path, profile) for path in chapter_files(top)]}


def text(top: Path, profile: str) -> str:
    """The table of `make status`."""
    parameters.profile_values(top, profile)  # raises for one that cannot be read
    return table(book_status(top, profile))


def table(status: dict) -> str:
    """The status as lines for a terminal."""
    chapters = status["chapters"]
    width = max((len(chapter["chapter"]) for chapter in chapters), default=0)
    lines = []
    for chapter in chapters:
        cost = ""
        if chapter["core_seconds"] is not None:
            budget = chapter["budget_core_minutes"]
            of = f" of {budget:g}" if budget and status["profile"] == "laptop" else ""
            cost = f"{chapter['core_seconds'] / 60:.1f}{of} core-minutes, {chapter['peak_memory_bytes'] / 1e9:.2f} GB"
        lines.append(f"{chapter['chapter']:<{width}}  {chapter['state']:<9}  {cost}".rstrip())
        lines += [f"{'':<{width}}    {reason}" for reason in chapter["reasons"]]
        if chapter["error"]:
            lines.append(f"{'':<{width}}    {chapter['error']}")
    return "\n".join(lines)
