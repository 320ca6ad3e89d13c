"""Claims: verdicts are computed, bad input is refused, the ledger is unique and compared with what was accepted."""

import json
import math

import numpy as np
import pytest

from lib.study import claims, ledger
from lib.study.claims import Expected, Tolerance, judge

SLACK = Tolerance(absolute=0.1, reason="test")
HERE = dict(where="Fig. 1.1, p. 1")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run directory as a chapter sees it; gives a reader of its lists."""
    monkeypatch.setenv("COMPANION_RUN", str(tmp_path))
    monkeypatch.setenv("COMPANION_CHAPTER", "01-first")
    monkeypatch.setenv("COMPANION_PROFILE", "laptop")
    return lambda name: json.loads((tmp_path / name).read_text("utf-8"))


def register(**changes):
    settings = dict(id="a-claim", item="5.1", statement="It is so.", expected=Expected(1.0, **HERE), measured=1.0,
                    tolerance=SLACK)
    claims.register(**(settings | changes))


@pytest.mark.parametrize(("expected", "measured", "verdict"), [
    (Expected(1.0, **HERE), 1.0999, "reproduced"),
    (Expected(1.0, **HERE), 0.8999, "differs"),
    (Expected(-1.0, **HERE), -1.05, "reproduced"),
    (Expected(1.0, ">=", **HERE), 7.0, "reproduced"),
    (Expected(1.0, ">=", **HERE), 0.95, "reproduced"),
    (Expected(1.0, ">=", **HERE), 0.85, "differs"),
    (Expected(1.0, "<=", **HERE), -7.0, "reproduced"),
    (Expected(1.0, "<=", **HERE), 1.05, "reproduced"),
    (Expected(1.0, "<=", **HERE), 1.15, "differs"),
    (Expected(1.0, "between", 2.0, **HERE), 2.05, "reproduced"),
    (Expected(1.0, "between", 2.0, **HERE), 2.15, "differs"),
    (Expected(1.0, "between", 2.0, **HERE), 0.85, "differs"),
    (Expected(relation="holds", **HERE), True, "reproduced"),
    (Expected(relation="holds", **HERE), False, "differs"),
])
def test_the_verdict_follows_from_relation_and_tolerance(expected, measured, verdict):
    assert judge(expected, measured, SLACK, "full") == verdict
    reduced = {"reproduced": "reproduced at reduced scale", "differs": "differs"}[verdict]
    assert judge(expected, measured, SLACK, "N = 6") == reduced
    assert judge(expected, None, SLACK, "needs N = 10") == "not run"


def test_a_relative_tolerance_scales_with_the_expected_value():
    tolerance = Tolerance(relative=0.1, reason="test")
    assert judge(Expected(-200.0, **HERE), -181.0, tolerance, "full") == "reproduced"
    assert judge(Expected(-200.0, **HERE), -179.0, tolerance, "full") == "differs"


@pytest.mark.parametrize("make", [
    lambda: Expected(1.0),
    lambda: Expected(1.0, "=", **HERE),
    lambda: Expected(math.nan, **HERE),
    lambda: Expected(None, **HERE),
    lambda: Expected(1.0, "between", **HERE),
    lambda: Expected(1.0, "between", 0.5, **HERE),
    lambda: Expected(1.0, "<=", 2.0, **HERE),
    lambda: Expected(1.0, "holds", **HERE),
    lambda: Tolerance(reason="neither"),
    lambda: Tolerance(absolute=0.1, relative=0.1, reason="both"),
    lambda: Tolerance(absolute=-0.1, reason="negative"),
    lambda: Tolerance(absolute=math.inf, reason="infinite"),
    lambda: Tolerance(absolute=0.1),
])
def test_malformed_expectations_and_tolerances_are_refused(make):
    with pytest.raises(ValueError, match="^expected"):
        make()


@pytest.mark.parametrize("changes", [
    dict(measured=math.nan), dict(measured=math.inf), dict(measured="1.0"), dict(measured=True), dict(measured=None),
    dict(uncertainty=math.nan), dict(uncertainty=-0.1), dict(tolerance=None), dict(id="A claim"), dict(item="5.1a"),
    dict(item="Fig. 5.1"),
    dict(statement=" "), dict(scale=""), dict(source="guess"),
    dict(expected=Expected(relation="holds", **HERE), measured=1.0),
])
def test_malformed_claims_are_refused_and_leave_no_entry(run, changes, tmp_path):
    with pytest.raises(ValueError, match="expected"):
        register(**changes)
    assert not (tmp_path / "claims.json").exists()


@pytest.mark.parametrize("item", ["3.5", "T3.1", "B.1", "eq3.29", "eqB.3", "s6.4", "s6.4.1"])
def test_every_form_of_thesis_number_is_accepted(run, item):
    register(item=item)
    assert run("claims.json")[0]["item"] == item


def test_a_claim_is_written_with_all_its_fields(run, capsys):
    register(measured=np.float32(1.05), uncertainty=0.01, scale="N = 6")
    assert run("claims.json") == [{
        "id": "a-claim", "item": "5.1", "statement": "It is so.",
        "expected": {"value": 1.0, "relation": "==", "upper": None, "where": "Fig. 1.1, p. 1"},
        "measured": pytest.approx(1.05), "uncertainty": 0.01,
        "tolerance": {"absolute": 0.1, "relative": None, "reason": "test"}, "scale": "N = 6", "profile": "laptop",
        "source": "live", "verdict": "reproduced at reduced scale", "page": "01-first"}]
    shown = capsys.readouterr().out
    assert "1 (Fig. 1.1, p. 1)" in shown and "1.05 ± 0.01" in shown and "reproduced at reduced scale" in shown


def test_numpy_truth_values_count_as_true_and_false(run):
    register(expected=Expected(relation="holds", **HERE), measured=np.bool_(True), tolerance=None)
    assert run("claims.json")[0]["measured"] is True


def test_names_are_unique_within_a_chapter(run):
    register()
    with pytest.raises(ValueError, match="a-claim"):
        register()
    claims.number("n", 1.0)
    with pytest.raises(ValueError, match="'n' again"):
        claims.number("n", 2.0)


def test_the_box_escapes_its_text_and_carries_the_verdict(run):
    register(statement="1 < 2 & so on", measured=7.0)
    box = claims.html_box(run("claims.json")[0])
    assert "1 &lt; 2 &amp; so on" in box and 'class="claim-box claim-differs"' in box and 'id="claim-a-claim"' in box


def test_the_scale_names_every_setting_that_is_not_the_thesis_s():
    here = {"n_spins": 6, "n_samples": 4000, "seed": 1}
    assert claims.scale({"n_spins": 6}, here, at_least={"n_samples": 1000}) == "full"
    assert claims.scale({"n_spins": 10}, here, at_least={"n_samples": 100000}) == (
        "n_spins 6 (thesis 10), n_samples 4000 (thesis at least 100000)")
    with pytest.raises(KeyError):
        claims.scale({"n_hidden": 6}, here)


def test_measured_values_have_no_digits_beyond_their_error():
    def text(measured, uncertainty):
        return claims.measured_text({"measured": measured, "uncertainty": uncertainty})

    assert text(59.5679, 4.51) == "59.6 ± 4.5" and text(78.5185, 0.22) == "78.52 ± 0.22"
    assert text(6.36729e-05, None) == "6.36729e-05" and text(1234.5, 120.0) == "1230 ± 1.2e+02"
    assert text(0.25, 0.0) == "0.25 ± 0"


def test_numbers_are_formatted_and_kept(run):
    claims.number("total", 1234.56, fmt=",.1f", uncertainty=0.25, unit="J")
    claims.number("count", np.int64(100000), fmt=",d")
    claims.number("share", 78.518, fmt=".0f", uncertainty=0.22)
    claims.number("factor", 0.98864, fmt=",.1f", uncertainty=0.0038)
    claims.number("same", 0.0, fmt=".1f", uncertainty=0.0)
    assert [entry["text"] for entry in run("numbers.json")] == [
        "1,234.6 ± 0.2 J", "100,000", "78.5 ± 0.2", "0.989 ± 0.004", "0.0 ± 0.0"]
    assert claims.plus_minus(0.98864, 0.0038, ".1f") == "0.989 ± 0.004" and claims.plus_minus(2, None, "d") == "2"
    for value in (math.nan, "many"):
        with pytest.raises(ValueError, match="bad"):
            claims.number("bad", value)


def test_a_number_that_a_record_does_not_hold_yet_reads_not_run_and_is_not_compared(run):
    claims.number("missing", None, ".1f", math.nan)
    claims.number("there", 1.0)
    assert [entry["key"] for entry in run("numbers.json")] == ["there"]


def test_a_plain_session_displays_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("COMPANION_RUN", raising=False)
    monkeypatch.chdir(tmp_path)
    register()
    claims.number("n", 1.0)
    assert "It is so." in capsys.readouterr().out and not list(tmp_path.iterdir())


def record(chapter, verdicts, numbers=()):
    entries = [{"id": name, "verdict": verdict, "measured": 1.0, "uncertainty": None, "page": chapter}
               for name, verdict in verdicts.items()]
    return {"chapter": chapter, "claims": entries, "numbers": [{"key": key} for key in numbers]}


def test_ids_and_keys_are_unique_over_the_book():
    both = [record("01-a", {"x": "differs"}, ["n"]), record("02-b", {"y": "differs"}, ["m"])]
    assert [claim["id"] for claim in ledger.collect(both)] == ["x", "y"]
    with pytest.raises(ValueError, match="'x' in 01-a and 02-b"):
        ledger.collect([record("01-a", {"x": "differs"}), record("02-b", {"x": "differs"})])
    with pytest.raises(ValueError, match="'n' in 01-a and 02-b"):
        ledger.collect([record("01-a", {}, ["n"]), record("02-b", {}, ["n"])])


@pytest.mark.parametrize(("before", "after", "is_worse"), [
    ("reproduced", "reproduced", False), ("reproduced", "reproduced at reduced scale", True),
    ("reproduced", "differs", True), ("reproduced", "not run", True), ("reproduced", None, True),
    ("reproduced at reduced scale", "reproduced", False), ("differs", "reproduced", False),
    ("differs", "not run", True), ("not run", "differs", False), ("not run", None, False),
])
def test_only_a_worse_verdict_stops_the_build(tmp_path, before, after, is_worse):
    ledger.accept(tmp_path, "laptop", [record("01-a", {"x": before})])
    now = [record("01-a", {} if after is None else {"x": after})]
    if is_worse:
        with pytest.raises(ValueError, match=f"claim x: {before} -> {after or 'not run'}"):
            ledger.check(tmp_path, "laptop", now)
    else:
        ledger.check(tmp_path, "laptop", now)
    ledger.check(tmp_path, "smoke", now)
    ledger.check(tmp_path, "paper", now)


def test_accepting_one_profile_keeps_the_others_and_reports_changes(tmp_path):
    assert ledger.accept(tmp_path, "laptop", [record("01-a", {"x": "differs"})]) == ["x: new -> differs"]
    ledger.accept(tmp_path, "paper", [record("01-a", {"x": "reproduced"})])
    assert ledger.accept(tmp_path, "laptop", [record("01-a", {"y": "differs"})]) == [
        "x: differs -> gone", "y: new -> differs"]
    assert ledger.accepted(tmp_path, "paper") == {"x": "reproduced"}
    with pytest.raises(ValueError, match="shapes only"):
        ledger.accept(tmp_path, "smoke", [])


def test_a_damaged_verdict_file_is_named(tmp_path):
    path = tmp_path / ledger.VERDICTS_FILE
    path.parent.mkdir(parents=True)
    for text in ("{", "[]", '{"laptop": {"x": "fine"}}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="verdicts.json"):
            ledger.accepted(tmp_path, "laptop")


@pytest.mark.parametrize(("measured", "folded"), [(1.0, True), (7.0, False)])
def test_a_compact_box_is_folded_only_where_the_claim_is_reproduced(run, monkeypatch, measured, folded):
    boxes = []
    monkeypatch.setattr(claims.session, "show", lambda text, markup: boxes.append(markup))
    register(measured=measured, compact=True)
    assert boxes[0].startswith("<details") is folded
