"""Claims, what pages stored of them, and repositories that hold them: made for the tests of all three readers."""

import json

from lib.study import claim_files

ENTRY = {"id": "a-claim", "item": "5.1", "statement": "It is so.", "expected": {"equal": 1.0},
         "where": "Fig. 1.1, p. 1", "tolerance": {"absolute": 0.1, "reason": "test"}}
STORED = {"id": "a-claim", "measured": 1.0, "uncertainty": None, "scale": "full", "source": "live", "records": [],
          "enough": True, "undecided": ""}


def claim(**changes):
    """A claim with other keys; None takes one away."""
    entry = {key: value for key, value in (ENTRY | changes).items() if value is not None}
    own = str(entry["item"]).startswith("own-")
    return claim_files.Claim.of(entry, "05.yml, line 1", "05", own)


def write(top, entries, name="data/thesis/claims/05.yml"):
    path = top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries, indent=1))  # JSON is YAML


def run(chapter, settlements, numbers=(), sweeps=()):
    """The record of a run as far as the ledger reads it."""
    return {"chapter": chapter, "claims": list(settlements), "numbers": [{"key": key} for key in numbers],
            "sweeps": list(sweeps)}


def settled(name="a-claim", measured=1.0, **changes):
    return STORED | {"id": name, "measured": measured} | changes


def repository(top, monkeypatch):
    """A repository with one claims file, and the run directory of a chapter."""
    write(top, [ENTRY])
    (top / "run").mkdir()
    for name, value in (("ROOT", top), ("RUN", top / "run"), ("CHAPTER", "05-first"), ("PROFILE", "laptop")):
        monkeypatch.setenv(f"COMPANION_{name}", str(value))
    return top
