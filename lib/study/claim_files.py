"""What the claims files say: the statements of the thesis, and what each expects.

`data/thesis/claims/NN.yml` has an entry for each claim that chapter NN settles; results that the thesis does not have
stand in `data/claims/own/NN.yml`.  An entry::

    - id: fig5.1-fidelity             # a name, unique in the book
      item: "5.1"                     # T3.1, B.1, eq3.29, s6.4; own-05 in the files of our own results
      statement: The fidelity approaches one; lowest of the machines.
      expected: {at least: 0.995}     # or equal, at most, above, below, between: [a, b]; holds, falls, rises alone
      where: figure 5.1, p. 61        # in the thesis; `reference` for our own results
      bound: ours                     # where the thesis gives no number, and then
      reason: it shows about one, and half a percent is what the scatter between machines takes
      tolerance: {absolute: 0.01, reason: a hundredth of a nat}     # or relative
      decide: 2                       # undecided within so many standard errors of the bound
      depends_on: [eq5.1-state]       # claims without which this one says nothing

`falls` and `rises` judge a list of numbers (or several lists), `holds` a True or False, where nothing that could be
measured stands behind.  What only a page can compute is no expectation: it settles the difference, or the ratio.
The verdict on what came out is that of :mod:`lib.study.verdicts`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from lib.study import yaml_lines
from lib.study.measures import Table
from lib.study.stored import Stored, absent

VERDICTS = ("reproduced", "reproduced at reduced scale", "undecided", "differs", "not run")  # best first
REPRODUCED, REDUCED, UNDECIDED, DIFFERS, NOT_RUN = VERDICTS
WORDS = {"equal": "", "at least": "at least ", "at most": "at most ", "above": "more than ", "below": "less than "}
ALONE = ("holds", "falls", "rises")
RELATIONS = (*WORDS, "between", *ALONE)
THESIS, OWN = Path("data/thesis/claims"), Path("data/claims/own")
KEYS = ("id", "item", "statement", "expected", "where", "reference", "bound", "reason", "tolerance", "decide",
        "depends_on")
ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
ITEM = re.compile(r"(T|eq|s)?[0-9A-Z]+(\.[0-9]+)+")


@dataclass(frozen=True)
class Expected(Stored):
    """A value, a bound, an interval `[value, upper]`, a direction, or a statement that holds."""

    relation: str
    value: float | None = None
    upper: float | None = None

    @classmethod
    def said(cls, entry: object) -> Expected:
        """From a claims file; raises `ValueError` for what is none of the forms above."""
        if entry in ALONE:
            return cls(entry)
        words = ", ".join(RELATIONS)
        if not isinstance(entry, Mapping) or len(entry) != 1:
            raise ValueError(f"expected one relation ({words}) and its value, got {entry!r}; try {{at least: 0.5}}")
        ((relation, value),) = entry.items()
        if relation not in WORDS and relation != "between":
            raise ValueError(f"expected a relation among {words}, got {relation!r}")
        if relation != "between":
            return cls(relation, finite(value, "the expected value"))
        if not isinstance(value, list) or len(value) != 2:
            raise ValueError(f"expected two ends of the interval, got {value!r}; try {{between: [0, 1]}}")
        low, high = (finite(end, "an end of the interval") for end in value)
        if high < low:
            raise ValueError(f"expected the lower end first, got [{low:g}, {high:g}]")
        return cls(relation, low, high)

    def __str__(self):
        if self.relation == "between":
            return f"between {self.value:.6g} and {self.upper:.6g}"
        if self.relation in ALONE:
            return self.relation
        return f"{WORDS[self.relation]}{self.value:.6g}"


@dataclass(frozen=True)
class Tolerance(Stored):
    """How far the measured value may lie from the expected one, fixed in advance, and why."""

    absolute: float | None = None
    relative: float | None = None
    reason: str = ""

    @classmethod
    def said(cls, entry: object) -> Tolerance:
        """From a claims file; raises `ValueError` unless it has one size, zero or more, and a reason."""
        sizes = {"absolute", "relative"} & {*entry} if isinstance(entry, Mapping) else ()
        if len(sizes) != 1 or {*entry} - sizes - {"reason"}:
            raise ValueError(f"expected either an absolute or a relative tolerance, got {entry!r}; "
                             "try {absolute: 0.01, reason: ...}")
        name = next(iter(sizes))
        size = finite(entry[name], f"the {name} tolerance")
        if size < 0:
            raise ValueError(f"expected a tolerance of zero or more, got {size:g}")
        if not _text(entry.get("reason")):
            raise ValueError("expected the reason of the tolerance, got nothing; try reason: three standard errors")
        return cls(**{name: size}, reason=_text(entry["reason"]))

    def around(self, value: float) -> float:
        """The allowed distance from `value`, in its unit."""
        return self.absolute if self.absolute is not None else self.relative * abs(value)

    def __str__(self):
        size = f"{self.absolute:.3g}" if self.absolute is not None else f"{100 * self.relative:.3g} %"
        return f"{size} ({self.reason})"


@dataclass(frozen=True)
class Claim:
    """An entry of a claims file; `chapter` is the number of the chapter that has to settle it."""

    id: str
    item: str
    statement: str
    expected: Expected
    where: str
    chapter: str
    place: str
    tolerance: Tolerance | None = None
    ours: bool = False
    reason: str = ""
    decide: float | None = None
    depends_on: tuple[str, ...] = ()

    @property
    def own(self) -> bool:
        """Whether this is a result that the thesis does not have."""
        return self.item.startswith("own-")

    @classmethod
    def of(cls, entry: Mapping, place: str, chapter: str, own: bool) -> Claim:
        """From a claims file; raises `ValueError` that begins with the place and names what is wrong."""
        try:
            return cls._of(entry, place, chapter, own)
        except ValueError as error:
            name = entry.get("id", "") if isinstance(entry, Mapping) else ""
            raise ValueError(f"{place}: {f'claim {name}: ' if name else ''}{error}") from None

    @classmethod
    def _of(cls, entry: Mapping, place: str, chapter: str, own: bool) -> Claim:
        if not isinstance(entry, Mapping):
            raise ValueError(f"expected an entry with id, item, statement, expected and where, got {entry!r}")
        if unknown := [key for key in entry if key not in KEYS]:
            raise ValueError(f"expected keys among {', '.join(KEYS)}, got {', '.join(map(str, unknown))}")
        source = "reference" if own else "where"
        for key in ("id", "item", "statement", source):
            if not _text(entry.get(key)):
                raise ValueError(f"expected {key} as a text, got {entry.get(key)!r}"
                                 + ('; try item: "5.1", with quotes' if key == "item" and key in entry else ""))
        if ("where" if own else "reference") in entry:
            raise ValueError(f"expected {source}, since the thesis {'does not have' if own else 'has'} this result")
        if not ID.fullmatch(entry["id"]):
            raise ValueError(f"expected an id of small letters, digits, '-', '_' and '.', got {entry['id']!r}")
        if own and entry["item"] != f"own-{chapter}":
            raise ValueError(f"expected the item own-{chapter}, got {entry['item']!r}")
        if not own and not ITEM.fullmatch(entry["item"]):
            raise ValueError(f"expected a thesis number such as 5.1, T3.1, B.1, eq3.29 or s6.4, got {entry['item']!r}; "
                             "panels a and b count under one item")
        expected = Expected.said(entry.get("expected"))
        tolerance = Tolerance.said(entry["tolerance"]) if "tolerance" in entry else None
        if tolerance is None and expected.relation == "equal":
            raise ValueError("expected a tolerance, got none; try tolerance: {absolute: 0, reason: exact}")
        if tolerance and (expected.relation == "holds" or expected.relation in ALONE and tolerance.absolute is None):
            kind = "" if expected.relation == "holds" else "relative "
            raise ValueError(f"expected no {kind}tolerance with the relation {expected.relation!r}, got one")
        ours, reason = _ours(entry)
        decide = None if "decide" not in entry else finite(entry["decide"], "decide")
        if decide is not None and (decide <= 0 or expected.relation in ALONE):
            raise ValueError(f"expected decide as a number of standard errors from a bound, got {decide:g}")
        depends_on = entry.get("depends_on") or []
        if not isinstance(depends_on, list) or not all(map(_text, depends_on)):
            raise ValueError(f"expected depends_on as a list of ids, got {depends_on!r}")
        return cls(entry["id"], entry["item"], _text(entry["statement"]), expected, _text(entry[source]), chapter,
                   place, tolerance, ours, reason, decide, tuple(depends_on))


@dataclass(frozen=True)
class Settlement(Stored):
    """What a page stores of a claim, with its run; the verdict is not among it."""

    id: str
    measured: float | bool | list | None
    uncertainty: float | None
    scale: str
    source: Literal["live", "record", "thesis"]
    records: list[str]
    enough: bool
    undecided: str
    table: Table | None = absent()  # where the value is a function of the table of a figure


@dataclass(frozen=True)
class Reported(Expected):
    """What a claim expects, and where that stands."""

    where: str = ""


@dataclass
class Entry(Stored):
    """A line of the ledger: a claim, what came out, and the verdict."""

    id: str
    item: str
    statement: str
    expected: Reported
    bound: str | None  # the reason of a bound of ours
    tolerance: Tolerance | None
    decide: float | None
    depends_on: list[str]
    measured: float | bool | list | None
    uncertainty: float | None
    scale: str
    source: Literal["live", "record", "thesis"]
    records: list[str]
    enough: bool
    undecided: str
    profile: str
    verdict: Literal[VERDICTS]
    page: str | None
    notes: list[str] = field(default_factory=list)


def read(top: Path) -> tuple[dict[str, Claim], list[str]]:
    """All claims by id, in the order of the files, and what is wrong with these, one line each.

    A line begins with `FILE, line N`; a claim that is wrong, or whose id another one has, is left out.
    """
    files = [path for folder in (THESIS, OWN) for path in sorted((top / folder).glob("*.yml"))]
    claims, problems = _read(top, tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files))
    return dict(claims), list(problems)


@lru_cache(maxsize=4)
def _read(top: Path, files: tuple[tuple[Path, int, int], ...]) -> tuple[dict[str, Claim], list[str]]:
    """The same, once for each state of the files: a page asks for every claim that it settles."""
    claims, problems = {}, []
    for path, *_ in files:
        for claim in _of_file(top, path, path.parent == top / OWN, problems):
            if claim.id in claims:
                problems.append(f"{claim.place}: expected every id once, got {claim.id!r} again, "
                                f"after {claims[claim.id].place}")
            else:
                claims[claim.id] = claim
    for claim in claims.values():
        problems += [f"{claim.place}: claim {claim.id}: expected depends_on to name other claims, got {name!r}"
                     for name in claim.depends_on if name not in claims or name == claim.id]
    return claims, problems


def finite(value: object, what: str) -> float:
    """`value` as a float; raises `ValueError` that names `what` unless it is a finite number."""
    try:
        if isinstance(value, (str, bool)):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"expected a number for {what}, got {value!r}") from None
    if not math.isfinite(result):
        raise ValueError(f"expected a finite number for {what}, got {result}")
    return result


def _ours(entry: Mapping) -> tuple[bool, str]:
    """Whether the bound is ours and not the thesis's, and why it is this one."""
    bound, reason = entry.get("bound"), _text(entry.get("reason"))
    if bound not in (None, "ours"):
        raise ValueError(f"expected bound: ours, or nothing, got {bound!r}")
    if bound and not reason:
        raise ValueError("expected the reason of a bound of ours, got nothing; try reason: ...")
    if reason and not bound:
        raise ValueError("expected a reason only beside bound: ours, got one; that of a tolerance stands inside it")
    return bound == "ours", reason


def _of_file(top: Path, path: Path, own: bool, problems: list[str]) -> list[Claim]:
    name = path.relative_to(top).as_posix()
    try:
        entries = yaml_lines.read(path.read_text("utf-8"), name)
    except ValueError as error:
        problems.append(str(error))
        return []
    if not re.fullmatch("[0-9]{2}", path.stem):
        problems.append(f"{name}: expected the number of a chapter as the name, such as 05.yml")
        return []
    if not isinstance(entries, list):
        problems.append(f"{name}: expected a list of claims, got {type(entries).__name__}; try '- id: ...'")
        return []
    claims = []
    for entry in entries:
        try:
            claims.append(Claim.of(entry, f"{name}, line {getattr(entry, 'line', 0)}", path.stem, own))
        except ValueError as error:
            problems.append(str(error))
    return claims


def _text(value: object) -> str:
    """A text with single blanks, or nothing for anything else."""
    return " ".join(value.split()) if isinstance(value, str) else ""
