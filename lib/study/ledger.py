"""The ledger: the claims of all chapters together, their verdicts, and those accepted so far.

Pages store what came out, claims files say what was expected (:mod:`lib.study.claim_files`); the verdicts are computed
here from both, whenever the book is put together.  `data/thesis/verdicts.json` holds, by profile, the verdict of each
claim that a person has accepted.  A build of the laptop or paper profile fails where a verdict is worse; the smoke
profile checks shapes only.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lib import atomic
from lib.study import claim_files, notebooks, verdicts
from lib.study.claim_files import (
    ALONE,
    DIFFERS,
    NOT_RUN,
    REDUCED,
    REPRODUCED,
    UNDECIDED,
    VERDICTS,
    Claim,
    Entry,
    Settlement,
)
from lib.study.claim_text import measured_text
from lib.study.stored import checked

if TYPE_CHECKING:
    from lib.study.runs import Run

FILE, VERDICTS_FILE = "ledger.json", Path("data/thesis/verdicts.json")
SHAPES_ONLY = ("smoke",)


def problems(top: Path) -> list[str]:
    """What is wrong with the claims files, or with how chapters settle them, one line each; nothing is executed.

    A chapter settles a claim where its code names the id, as a text of its own, and so every claim of `NN.yml` has to
    stand in the code of chapter NN.
    """
    claims, lines = claim_files.read(top)
    broken = " ".join(lines)
    for path in notebooks.chapter_files(top):
        named, settled = _named_ids(path)
        chapter = path.stem[:2]
        lines += [f"{claim.place}: claim {claim.id}: expected {path.name} to settle it, got none that does; "
                  f"try claims.settle({claim.id!r}, measured=...)"
                  for claim in claims.values() if claim.chapter == chapter and claim.id not in named]
        for name, line in settled.items():
            if name not in claims and f"claim {name}:" not in broken:
                near = difflib.get_close_matches(name, claims, n=2, cutoff=0.5)
                lines.append(f"{path.name}, line {line}: expected a claim of the claims files, got {name!r}; "
                             + (f"try {' or '.join(near)}" if near else f"try to add it to {chapter}.yml"))
            elif name in claims and claims[name].chapter != chapter:
                lines.append(f"{path.name}, line {line}: expected a claim of chapter {chapter}, got {name!r} of "
                             f"{claims[name].place}")
    chapters = {path.stem[:2] for path in notebooks.chapter_files(top)}
    lines += [f"{claim.place}: claim {claim.id}: expected the number of a chapter as the file's name, got none that "
              f"book/{claim.chapter}-*.md has" for claim in claims.values() if claim.chapter not in chapters]
    for profile in ("laptop", "paper"):
        verdict = accepted(top, profile)
        lines += [f"{claim.place}: claim {claim.id}: expected it to rest on claims that do not differ, got {name!r}, "
                  f"accepted as {DIFFERS!r} ({profile} profile); try to settle it as undecided, and say why, or to "
                  "state it without that claim"
                  for claim in claims.values() for name in claim.depends_on
                  if verdict.get(name) == DIFFERS and verdict.get(claim.id) in (REPRODUCED, REDUCED)]
    return lines


def entries(top: Path, profile: str, found: list[Run]) -> list[Entry]:
    """The claims that these runs settled, with their verdicts, in the order of the runs.

    A record that a claim rests on counts only while it is verified: where one of its points is of an earlier version,
    an audit contradicts it, or the page has not read it as a sweep, what would be reproduced is undecided, and a note
    says why.  Raises `ValueError` for a
    settlement that no claims file has, or that its relation cannot judge.
    """
    claims, wrong = claim_files.read(top)
    lines = []
    for run in found:
        doubts = {sweep["name"]: _doubt(sweep) for sweep in run.sweeps}
        for settlement in run.claims:
            claim = claims.get(settlement.id)
            if claim is None:
                why = next((line for line in wrong if f"claim {settlement.id}:" in line), "got none there")
                raise ValueError(f"claim {settlement.id}, settled by {run.chapter}: expected it in a claims "
                                 f"file, {why}; try to mend it, or make chapter CH={run.chapter[:2]}")
            _refuse_other_kind(claim, settlement, run.chapter)
            entry = verdicts.entry(claim, settlement, run.chapter, profile)
            entry.notes = [f"record {name}: {doubt}" for name in settlement.records
                           if (doubt := doubts[name] if name in doubts else _unread(top, name))]
            if entry.notes and entry.verdict in (REPRODUCED, REDUCED):
                entry.verdict = UNDECIDED
            lines.append(entry)
    differ = {entry.id for entry in lines if entry.verdict == DIFFERS}
    for entry in lines:
        entry.notes += [f"depends on {name}, which differs" for name in entry.depends_on if name in differ]
    return lines


def read(root: Path) -> list[Entry]:
    """The ledger of the last site of a profile; raises `ValueError` that names a damaged entry."""
    return checked(list[Entry], atomic.read_json(root / FILE) or [], FILE)


def collect(top: Path, profile: str, found: list[Run]) -> list[Entry]:
    """All claims in the order of the book.

    Raises `ValueError` where two chapters use one id or number key, and where no chapter settles a claim.
    """
    for kind, key in (("claims", "id"), ("numbers", "key")):
        seen: dict[str, str] = {}
        for run in found:
            for name in (getattr(entry, key) for entry in getattr(run, kind)):
                if name in seen:
                    raise ValueError(f"expected every {key} of {kind} once in the book, got {name!r} in "
                                     f"{seen[name]} and {run.chapter}; try a prefix with the chapter's number")
                seen[name] = run.chapter
    lines = entries(top, profile, found)
    settled = {entry.id for entry in lines}
    claims, wrong = claim_files.read(top)
    missing = [f"{claim.place}: claim {name}" for name, claim in claims.items() if name not in settled]
    if missing or wrong:
        raise ValueError("expected claims files in order, and every claim settled by a page, got\n    "
                         + "\n    ".join([*wrong, *missing]))
    return lines


def accepted(top: Path, profile: str) -> dict[str, str]:
    """The accepted verdicts of a profile, by id of the claim."""
    path = top / VERDICTS_FILE
    if not path.exists():
        return {}
    return checked(dict[str, dict[str, Literal[VERDICTS]]], atomic.read_json(path), str(VERDICTS_FILE)).get(profile, {})


def worse(claims: list[Entry], accepted_verdicts: dict[str, str]) -> list[str]:
    """One line for each claim whose verdict is worse than the accepted one; a claim that is gone was not run."""
    now = {claim.id: claim for claim in claims}
    lines = []
    for name, before in accepted_verdicts.items():
        after = now[name].verdict if name in now else NOT_RUN
        if VERDICTS.index(after) > VERDICTS.index(before):
            what = "no chapter settles it"
            if name in now:
                what = "; ".join([f"here {measured_text(now[name])}, on page {now[name].page}", *now[name].notes])
            lines.append(f"claim {name}: {before} -> {after} ({what})")
    return lines


def check(top: Path, profile: str, found: list[Run]) -> list[Entry]:
    """The ledger of these runs; raises `ValueError` naming the claims that became worse than accepted."""
    claims = collect(top, profile, found)
    if profile not in SHAPES_ONLY:
        lines = worse(claims, accepted(top, profile))
        if lines:
            raise ValueError("expected no verdict worse than the accepted one, got\n    " + "\n    ".join(lines)
                             + "\n    try to find the cause; if the new verdict is right: make accept")
    return claims


def accept(top: Path, profile: str, found: list[Run]) -> list[str]:
    """Make the verdicts of these runs the accepted ones; return what changed, one line a claim."""
    if profile in SHAPES_ONLY:
        raise ValueError(f"expected the laptop or paper profile, got {profile}, which checks shapes only")
    before = accepted(top, profile)
    after = {claim.id: claim.verdict for claim in collect(top, profile, found)}
    content = atomic.read_json(top / VERDICTS_FILE) or {}
    atomic.write_json(top / VERDICTS_FILE, content | {profile: dict(sorted(after.items()))})
    return [f"{name}: {before.get(name, 'new')} -> {after.get(name, 'gone')}"
            for name in sorted({*before, *after}) if before.get(name) != after.get(name)]


def _doubt(sweep: dict) -> str:
    """Why the summary of a record does not count as verified, or nothing."""
    if sweep["states"].get("superseded"):
        return f"{sweep['states']['superseded']} points of an earlier version"
    return "contradicted by an audit" if (sweep.get("audits") or {}).get("contradicted") else ""


def _unread(top: Path, name: str) -> str:
    """Why a source that is no sweep of the page does not count, or nothing for a file that is no record of points."""
    return "" if (top / "data" / "records" / f"{name}.json").exists() else "the page does not read it as a sweep"


def _refuse_other_kind(claim: Claim, settlement: Settlement, chapter: str) -> None:
    """A changed relation may need another kind of measured value than the run stored."""
    relation, measured = claim.expected.relation, settlement.measured
    kind = bool if relation == "holds" else list if relation in ALONE else float
    if isinstance(measured, int) and not isinstance(measured, bool):
        measured = float(measured)
    if measured is not None and not isinstance(measured, kind):
        raise ValueError(f"{claim.place}: claim {claim.id}: expected another kind of value for {claim.expected}, got "
                         f"{measured_text(settlement)} from the last run; try make chapter CH={chapter[:2]}")


def _named_ids(path: Path) -> tuple[set[str], dict[str, int]]:
    """The texts in the code of a chapter, and the ids in calls of `settle`, with their lines."""
    named, settled = set(), {}
    with contextlib.suppress(ValueError):  # said elsewhere
        for node, line in notebooks.read_chapter(path).nodes():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named.add(node.value)
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "attr", getattr(called, "id", ""))
            if name == "settle" and node.args and isinstance(node.args[0], ast.Constant):
                settled[node.args[0].value] = line + node.lineno - 1
    return named, settled
