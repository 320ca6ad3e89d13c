"""The ledger: the claims of all chapters together, and the verdicts accepted so far.

`data/thesis/verdicts.json` holds, by profile, the verdict of each claim that a person has accepted.  A build of
the laptop or paper profile fails where a verdict is worse; the smoke profile checks shapes only.
"""

from __future__ import annotations

from pathlib import Path

from lib import atomic
from lib.study.claims import NOT_RUN, VERDICTS, measured_text

VERDICTS_FILE = Path("data/thesis/verdicts.json")
SHAPES_ONLY = ("smoke",)


def collect(records: list[dict]) -> list[dict]:
    """All claims in the order of the book; raises `ValueError` where two chapters use one id or number key."""
    for entries, key in (("claims", "id"), ("numbers", "key")):
        seen: dict[str, str] = {}
        for record in records:
            for entry in record[entries]:
                name = entry[key]
                if name in seen:
                    raise ValueError(f"expected every {key} of {entries} once in the book, got {name!r} in "
                                     f"{seen[name]} and {record['chapter']}; try a prefix with the chapter's number")
                seen[name] = record["chapter"]
    return [claim for record in records for claim in record["claims"]]


def accepted(top: Path, profile: str) -> dict[str, str]:
    """The accepted verdicts of a profile, by id of the claim."""
    path = top / VERDICTS_FILE
    if not path.exists():
        return {}
    content = atomic.read_json(path)
    if not isinstance(content, dict) or not all(isinstance(verdicts, dict) for verdicts in content.values()):
        raise ValueError(f"{VERDICTS_FILE}: expected {{profile: {{claim: verdict}}}}; try git checkout {VERDICTS_FILE}")
    for name, verdict in content.get(profile, {}).items():
        if verdict not in VERDICTS:
            raise ValueError(f"{VERDICTS_FILE}: expected one of {', '.join(VERDICTS)} for {name}, got {verdict!r}")
    return content.get(profile, {})


def worse(claims: list[dict], accepted_verdicts: dict[str, str]) -> list[str]:
    """One line for each claim whose verdict is worse than the accepted one; a claim that is gone was not run."""
    now = {claim["id"]: claim for claim in claims}
    lines = []
    for name, before in accepted_verdicts.items():
        after = now[name]["verdict"] if name in now else NOT_RUN
        if VERDICTS.index(after) > VERDICTS.index(before):
            what = "no chapter registers it"
            if name in now:
                what = f"here {measured_text(now[name])}, on page {now[name]['page']}"
            lines.append(f"claim {name}: {before} -> {after} ({what})")
    return lines


def check(top: Path, profile: str, records: list[dict]) -> list[dict]:
    """The ledger of these runs; raises `ValueError` naming the claims that became worse than accepted."""
    claims = collect(records)
    if profile not in SHAPES_ONLY:
        lines = worse(claims, accepted(top, profile))
        if lines:
            raise ValueError("expected no verdict worse than the accepted one, got\n    " + "\n    ".join(lines)
                             + "\n    try to find the cause; if the new verdict is right: make accept")
    return claims


def accept(top: Path, profile: str, records: list[dict]) -> list[str]:
    """Make the verdicts of these runs the accepted ones; return what changed, one line a claim."""
    if profile in SHAPES_ONLY:
        raise ValueError(f"expected the laptop or paper profile, got {profile}, which checks shapes only")
    before = accepted(top, profile)
    after = {claim["id"]: claim["verdict"] for claim in collect(records)}
    content = atomic.read_json(top / VERDICTS_FILE) or {}
    atomic.write_json(top / VERDICTS_FILE, content | {profile: dict(sorted(after.items()))})
    return [f"{name}: {before.get(name, 'new')} -> {after.get(name, 'gone')}"
            for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
