"""The lines of records and of audits: a check sum, the format, the kind, and what the kind has.

A line is refused where its check sum, its kind or its keys are not those that were written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from lib import atomic
from lib.study.stored import Stored, absent

FORMAT = 2


@dataclass(frozen=True)
class Machine:
    """Where a point was computed."""

    processor: str
    versions: dict[str, str]  # of packages


@dataclass(frozen=True)
class Run(Stored):
    """Where and when points were computed."""

    kind: ClassVar[str] = "run"
    run: str  # its name
    commit: str | None
    dirty: bool | None
    environment: str | None  # a digest of what was pinned
    processor: str
    versions: dict[str, str]  # of packages
    data: dict[str, str | None]  # digests of what was read
    date: str

    @classmethod
    def named(cls, **facts: object) -> Run:
        """With the name that follows from what it says."""
        return cls(run=atomic.digest(facts)[:12], **facts)


@dataclass(frozen=True, kw_only=True)
class Computed(Stored):
    """An experiment at some settings, and what came of it; both differ between experiments."""

    experiment: str
    version: int
    settings: dict
    status: Literal["done", "failed"]
    results: dict | None = absent()
    error: str | None = absent()
    seconds: float
    core_seconds: float  # of the processor, all threads


@dataclass(frozen=True, kw_only=True)
class Point(Computed):
    """A point of a record."""

    kind: ClassVar[str] = "point"
    run: str


@dataclass(frozen=True, kw_only=True)
class Audit(Computed):
    """A point that was computed again, of which the results that are compared are kept."""

    kind: ClassVar[str] = "audit"
    commit: str
    processor: str
    versions: dict[str, str]
    date: str


@dataclass(frozen=True, kw_only=True)
class Repeat(Audit):
    """Another seed of an audited point."""

    kind: ClassVar[str] = "repeat"


def encode(line: Run | Point | Audit) -> str:
    """The text of a line; raises `ValueError` for NaN and infinities."""
    body = {"format": FORMAT, "kind": line.kind, **line.plain()}
    text = json.dumps(body, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return f'{{"check":"{_check_sum(text)}",{text[1:]}\n'


def decode(text: str, kinds: tuple[type, ...] = (Run, Point), where: str = "a line") -> Run | Point | Audit:
    """The line of a text without its end; raises `ValueError` that names `where` if it is not what was written."""
    rest, known = "{" + text[28:], {kind.kind: kind for kind in kinds}
    if text[:28] != f'{{"check":"{_check_sum(rest)}",':
        raise ValueError(f"{where}: expected a line of a record, got a line that is damaged or was edited (its check "
                         "sum is wrong); try the file's last committed version (git checkout), or delete the line: "
                         "make records computes its point again, and until then tables lack it")
    body = json.loads(rest)
    form, kind = body.pop("format", None), body.pop("kind", None)
    if form != FORMAT or not isinstance(kind, str) or kind not in known:
        raise ValueError(f"{where}: expected a line of a record, got a line of another format or kind ({kind!r}); try "
                         "a newer version of this package")
    return known[kind].of(body, where)


def read(path: Path, kinds: tuple[type, ...] = (Run, Point)) -> Iterator[Run | Point | Audit]:
    """The lines of a file, none where it is missing; raises `ValueError` that names a damaged one."""
    for number, text in enumerate(path.read_text("utf-8").splitlines() if path.is_file() else (), start=1):
        if text:
            yield decode(text, kinds, f"{path}, line {number}")


def _check_sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
