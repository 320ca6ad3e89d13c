"""What some commands measured and somebody committed, `data/records/NAME.json`, a list of rows that a page shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lib import atomic
from lib.study.stored import Stored, absent, checked, named, plain

FOLDER = Path("data/records")


@dataclass(frozen=True)
class Mutation(Stored):
    """An edit of the code, and what the anchors said to it: `make mutations`."""

    what: str
    files: list[str]
    harmless: bool
    moved: dict[str, str]  # the messages, by experiment
    as_expected: bool = named("as expected")
    commit: str | None = absent()
    dirty: bool | None = absent()
    date: str | None = absent()


@dataclass(frozen=True)
class End(Stored):
    """The package with one end of the ranges that it asks for: `make test-ranges`."""

    end: str  # "oldest" or "newest"
    python: str
    status: int  # of pytest
    tests: dict[str, int]  # how many passed, failed, were skipped
    packages: dict[str, str]  # their releases
    left: bool  # whether the installation left these as they were
    seconds: int
    commit: str
    date: str
    processor: str


ROWS = {"mutations": Mutation, "ranges": End}


def read(top: Path, name: str) -> list:
    """The rows of a file, none where nobody has committed one; raises `ValueError` that names a damaged row."""
    return rows(name, atomic.read_json(top / FOLDER / f"{name}.json") or [])


def rows(name: str, value: object) -> list:
    """The same of what JSON gives."""
    return checked(list[ROWS[name]], value, f"{name}.json")


def write(top: Path, name: str, found: list) -> None:
    """Replace a file."""
    atomic.write_json(top / FOLDER / f"{name}.json", plain(found))

