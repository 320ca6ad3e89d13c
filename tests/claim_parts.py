"""Claims, what pages stored of them, and repositories that hold them: made for the tests of all three readers."""

import json

from lib.study import claim_files, provenance, runs, verdicts
from lib.study.claims import Number

ENTRY = {"id": "a-claim", "item": "5.1", "statement": "It is so.", "expected": {"equal": 1.0},
         "where": "Fig. 1.1, p. 1", "tolerance": {"absolute": 0.1, "reason": "test"}}
STORED = {"id": "a-claim", "measured": 1.0, "uncertainty": None, "scale": "full", "source": "live", "records": [],
          "enough": True, "undecided": ""}
INPUTS = provenance.Inputs(provenance.Code("0", ["0"]), {"seed": 1}, {}, {}, "0")
ORIGIN = provenance.Origin(None, None, "laptop", {"seed": 1}, 1, {"python": "3.11.7"}, "a processor", "cpu", 1, 31.0,
                           30.0, 250_000_000, 1, 20, "2025-01-31T12:00:00+00:00")


def claim(**changes):
    """A claim with other keys; None takes one away."""
    entry = {key: value for key, value in (ENTRY | changes).items() if value is not None}
    own = str(entry["item"]).startswith("own-")
    return claim_files.Claim.of(entry, "05.yml, line 1", "05", own)


def write(top, entries, name="data/thesis/claims/05.yml"):
    path = top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries, indent=1))  # JSON is YAML


def run(chapter, settlements=(), numbers=(), sweeps=(), inputs=INPUTS, figures=None, notebook="0"):
    """A run that settled some claims, and named some numbers."""
    return runs.Run(runs.FORMAT, chapter, chapter[:2], "A page", f"{chapter}.html", inputs, [], ORIGIN,
                    list(settlements), [Number(key, 1.0, None, "", "1") for key in numbers], list(sweeps),
                    figures or {}, notebook)


def settled(name="a-claim", measured=1.0, **changes):
    """What a page stored of a claim."""
    return claim_files.Settlement.of(STORED | {"id": name, "measured": measured} | changes, name)


def line(name="a-claim", **changes):
    """A line of the ledger, as its file holds it."""
    return verdicts.entry(claim(id=name), settled(name), "05-first", "laptop").plain() | changes


def entries(*lines):
    """Lines of the ledger as they are read."""
    return [claim_files.Entry.of(found, "ledger.json") for found in lines]


def repository(top, monkeypatch):
    """A repository with one claims file, and the run directory of a chapter."""
    write(top, [ENTRY])
    (top / "run").mkdir()
    for name, value in (("ROOT", top), ("RUN", top / "run"), ("CHAPTER", "05-first"), ("PROFILE", "laptop")):
        monkeypatch.setenv(f"COMPANION_{name}", str(value))
    return top
