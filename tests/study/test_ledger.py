"""The ledger: each claim is settled once, doubtful records and unmet claims show, a worse verdict stops a build."""


import pytest

from lib import atomic
from lib.study import ledger
from tests.claim_parts import ENTRY, repository, run, settled, write


@pytest.fixture
def top(tmp_path, monkeypatch):
    return repository(tmp_path, monkeypatch)


def test_a_changed_bound_changes_the_verdict_and_no_run(top):
    record = run("05-first", [settled(measured=1.5)])
    assert ledger.entries(top, "laptop", [record])[0].verdict == "differs"
    write(top, [ENTRY | {"expected": {"equal": 1.45}}])
    assert ledger.entries(top, "laptop", [record])[0].verdict == "reproduced"
    write(top, [{key: value for key, value in ENTRY.items() if key != "tolerance"} | {"expected": "falls"}])
    with pytest.raises(ValueError, match=r"05\.yml.*another kind of value for falls, got 1\.5.*make chapter CH=05"):
        ledger.entries(top, "laptop", [record])


def test_a_claim_that_no_page_settles_and_one_that_no_file_has_are_errors(top):
    write(top, [ENTRY, ENTRY | {"id": "lost"}])
    with pytest.raises(ValueError, match="every claim settled by a page, got\n.*05.yml, line .*: claim lost"):
        ledger.collect(top, "laptop", [run("05-first", [settled()])])
    with pytest.raises(ValueError, match="claim gone, settled by 05-first"):
        ledger.collect(top, "laptop", [run("05-first", [settled("gone")])])


def test_ids_and_keys_are_unique_over_the_book(top):
    write(top, [ENTRY, ENTRY | {"id": "b"}])
    both = [run("05-first", [settled()], ["n"]), run("06-b", [settled("b")], ["m"])]
    assert [entry.id for entry in ledger.collect(top, "laptop", both)] == ["a-claim", "b"]
    with pytest.raises(ValueError, match="'b' in 05-first and 06-b"):
        ledger.collect(top, "laptop", [run("05-first", [settled("b")]), run("06-b", [settled("b")])])
    with pytest.raises(ValueError, match="'n' in 05-first and 06-b"):
        ledger.collect(top, "laptop", [run("05-first", [], ["n"]), run("06-b", [], ["n"])])


@pytest.mark.parametrize(("sweep", "note"), [
    ({"name": "fig-1", "states": {"valid": 3, "superseded": 2}}, "record fig-1: 2 points of an earlier version"),
    ({"name": "fig-1", "states": {"valid": 3}, "audits": {"contradicted": True}}, "record fig-1: contradicted"),
    ({"name": "fig-1", "states": {"valid": 3, "not run": 1}, "audits": {"contradicted": False}}, None),
    ({"name": "fig-2", "states": {"valid": 2}}, "record fig-1: the page does not read it as a sweep"),
])
def test_a_record_that_is_not_verified_reproduces_nothing(top, sweep, note):
    record = run("05-first", [settled(source="record", records=["fig-1"])], sweeps=[sweep])
    (entry,) = ledger.entries(top, "laptop", [record])
    assert entry.verdict == ("undecided" if note else "reproduced")
    assert not note and not entry.notes or note in entry.notes[0]


def test_a_doubtful_record_concerns_its_own_claims_and_a_file_of_another_kind_is_no_record(top):
    sweeps = [{"name": "fig-1", "states": {"valid": 3}}, {"name": "fig-2", "states": {"superseded": 2}}]
    record = run("05-first", [settled(source="record", records=["fig-1"])], sweeps=sweeps)
    assert ledger.entries(top, "laptop", [record])[0].verdict == "reproduced"
    record = run("05-first", [settled(source="record", records=["bench"])])
    assert ledger.entries(top, "laptop", [record])[0].verdict == "undecided"
    (top / "data/records").mkdir(parents=True)
    (top / "data/records/bench.json").write_text("[]")
    assert ledger.entries(top, "laptop", [record])[0].verdict == "reproduced"


def test_a_claim_that_depends_on_one_that_differs_says_so(top):
    write(top, [ENTRY, ENTRY | {"id": "b", "depends_on": ["a-claim"]}])
    one, two = ledger.entries(top, "laptop", [run("05-first", [settled(measured=9.0), settled("b")])])
    assert (two.verdict, two.notes) == ("reproduced", ["depends on a-claim, which differs"]) and not one.notes


@pytest.mark.parametrize("verdict, said", [("reproduced", 1), ("undecided", 0), ("differs", 0)])
def test_check_says_where_a_claim_rests_on_one_that_differs(top, verdict, said):
    write(top, [ENTRY, ENTRY | {"id": "b", "depends_on": ["a-claim"]}])
    atomic.write_json(top / ledger.VERDICTS_FILE, {"laptop": {"a-claim": "differs", "b": verdict}})
    words = "claim b: expected it to rest on claims that do not differ"
    lines = [line for line in ledger.problems(top) if words in line]
    assert len(lines) == said and all("'a-claim'" in line and "laptop" in line for line in lines)


VALUES = {"reproduced": {}, "reproduced at reduced scale": {"scale": "N = 6"}, "undecided": {"enough": False},
          "differs": {"measured": 9.0}, "not run": {"measured": None, "scale": "not run"}}


@pytest.mark.parametrize(("before", "after", "is_worse"), [
    ("reproduced", "reproduced", False), ("reproduced", "reproduced at reduced scale", True),
    ("reproduced", "undecided", True), ("undecided", "differs", True), ("undecided", "reproduced", False),
    ("reproduced", "differs", True), ("reproduced", "not run", True), ("differs", "undecided", False),
    ("reproduced at reduced scale", "reproduced", False), ("differs", "reproduced", False),
    ("differs", "not run", True), ("not run", "differs", False),
])
def test_only_a_worse_verdict_stops_the_build(top, before, after, is_worse):
    ledger.accept(top, "laptop", [run("05-first", [settled(**VALUES[before])])])
    now = [run("05-first", [settled(**VALUES[after])])]
    if is_worse:
        with pytest.raises(ValueError, match=f"claim a-claim: {before} -> {after}"):
            ledger.check(top, "laptop", now)
    else:
        ledger.check(top, "laptop", now)
    ledger.check(top, "smoke", now)
    ledger.check(top, "paper", now)


def test_a_claim_that_is_gone_counts_as_not_run():
    assert ledger.worse([], {"x": "differs"}) == ["claim x: differs -> not run (no chapter settles it)"]
    assert ledger.worse([], {"x": "not run"}) == []


def test_accepting_one_profile_keeps_the_others_and_reports_changes(top):
    assert ledger.accept(top, "laptop", [run("05-first", [settled(measured=9.0)])]) == ["a-claim: new -> differs"]
    ledger.accept(top, "paper", [run("05-first", [settled()])])
    write(top, [ENTRY | {"id": "b"}])
    assert ledger.accept(top, "laptop", [run("05-first", [settled("b")])]) == ["a-claim: differs -> gone",
                                                                            "b: new -> reproduced"]
    assert ledger.accepted(top, "paper") == {"a-claim": "reproduced"}
    with pytest.raises(ValueError, match="shapes only"):
        ledger.accept(top, "smoke", [])


def test_a_damaged_verdict_file_is_named(tmp_path):
    path = tmp_path / ledger.VERDICTS_FILE
    path.parent.mkdir(parents=True)
    for text in ("{", "[]", '{"laptop": {"x": "fine"}}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="verdicts.json"):
            ledger.accepted(tmp_path, "laptop")
