"""Claims and numbers of records that are complete, incomplete, or not there yet."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lib.study import settling
from lib.study.results import NOT_RUN, VALID
from tests.claim_parts import ENTRY, repository

RECORD = SimpleNamespace(name="some-record")


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """What a page kept: claims or numbers."""
    top = repository(tmp_path, monkeypatch)
    return lambda name: json.loads((top / "run" / name).read_text("utf-8"))


@pytest.mark.parametrize("numbers, known", [
    ((2, 0.5), (2.0, 0.5)), ((2.0, np.nan), (2.0, None)), ((np.nan, 0.5), (None, None)), ((np.inf,), (None, None)),
    ((None, None), (None, None)),
])
def test_what_is_missing_or_not_finite_is_not_known(numbers, known):
    assert settling.known(*numbers) == known


def test_recorded_points_are_the_valid_ones():
    table = pd.DataFrame({"state": [NOT_RUN, VALID, NOT_RUN, VALID], "x": [1, 2, 3, 4]})
    found = settling.recorded(SimpleNamespace(read=lambda: table))
    assert list(found.x) == [2, 4] and list(found.index) == [0, 1]


def test_a_claim_without_a_value_was_not_run(kept):
    settling.settle(ENTRY["id"], np.nan, 0.1, source=RECORD)
    (claim,) = kept("claims.json")
    assert claim["measured"] is None and claim["uncertainty"] is None and claim["scale"].startswith("not run")


def test_a_claim_with_a_value_is_settled_at_its_scale(kept):
    settling.settle(ENTRY["id"], 0.7, 0.1, scale="N 10", source=RECORD, enough=False)
    (claim,) = kept("claims.json")
    assert (claim["measured"], claim["uncertainty"], claim["scale"]) == (0.7, 0.1, "N 10")
    assert claim["records"] == ["some-record"] and claim["enough"] is False


def test_several_claims_are_settled_alike(monkeypatch):
    settled = []
    monkeypatch.setattr(settling.claims, "settle", lambda id, **options: settled.append((id, options)))
    settling.settle_all({"one": 0.5, "two": (0.25, 0.1), "three": [3, 2]}, scale="N 10", enough=False)
    common = {"scale": "N 10", "enough": False}
    assert settled == [("one", {"measured": 0.5, "uncertainty": None} | common),
                       ("two", {"measured": 0.25, "uncertainty": 0.1} | common),
                       ("three", {"measured": [3, 2], "uncertainty": None} | common)]


@pytest.mark.parametrize("complete, value, live, measured, scale, source", [
    (True, 0.7, 0.6, 0.7, "full", "record"), (False, 0.7, 0.6, 0.6, "one machine, small", "live"),
    (True, None, 0.6, 0.6, "one machine, small", "live"), (True, np.nan, None, None, "not run", "record"),
    (False, 0.7, np.nan, None, "not run", "record"),
])
def test_a_record_counts_where_it_is_complete_and_else_this_build(kept, complete, value, live, measured, scale, source):
    settling.settle_by(RECORD, ENTRY["id"], complete, value, 0.1, live=live, scale="small", enough=False)
    (claim,) = kept("claims.json")
    assert claim["measured"] == measured and claim["scale"].startswith(scale) and claim["source"] == source
    assert claim["enough"] is (measured == 0.7) and claim["uncertainty"] == (0.1 if measured == 0.7 else None)


def test_numbers_are_not_run_unless_there_is_enough(kept):
    settling.notes_if("ch99", True, {"one": (".1f", 1.25)})
    settling.notes_if("ch99", False, {"two": (".2f", 2, 0.125)})
    assert [(entry["key"], entry["text"]) for entry in kept("numbers.json")] == [("ch99-one", "1.2")]


def test_numbers_have_a_prefix_and_those_that_are_missing_are_not_compared(kept):
    settling.notes("ch99", {"one": (".1f", 1.25), "two": (".2f", 2, 0.125), "none": ("d", np.nan)})
    found = {entry["key"]: entry["text"] for entry in kept("numbers.json")}
    assert found == {"ch99-one": "1.2", "ch99-two": "2.00 ± 0.12"}
