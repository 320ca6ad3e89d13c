"""Claims: files are read with their lines, pages settle them, bad input is refused."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib.study import claim_files, claim_text, claims, ledger
from tests.claim_parts import ENTRY, STORED, claim, repository, settled, write

ROOT = Path(__file__).resolve().parents[2]
BOUND = {"bound": "ours", "reason": "test"}


@pytest.fixture
def top(tmp_path, monkeypatch):
    return repository(tmp_path, monkeypatch)


def kept(top, name):
    return json.loads((top / "run" / name).read_text("utf-8"))


@pytest.mark.parametrize("changes", [
    dict(id="A claim"), dict(id=None), dict(item="5.1a"), dict(item="Fig. 5.1"), dict(item=5.1), dict(statement=" "),
    dict(where=None), dict(where=""), dict(tolerance=None), dict(expected=None), dict(expected=0.5),
    dict(expected={"=": 1}), dict(expected={"at least": 1, "at most": 2}), dict(expected={"at least": math.nan}),
    dict(expected={"at least": "1"}), dict(expected={"between": [2, 1]}), dict(expected={"between": 2}),
    dict(expected={"equal": "page"}), dict(expected={"equal": 1, "why": "so"}), dict(expected="holds"),
    dict(tolerance={"reason": "neither"}), dict(tolerance={"absolute": 1, "relative": 1, "reason": "both"}),
    dict(tolerance={"absolute": -1, "reason": "negative"}), dict(tolerance={"absolute": math.inf, "reason": "far"}),
    dict(tolerance={"absolute": 1}), dict(tolerance=0.1), dict(bound="ours"), dict(reason="no bound"),
    dict(bound="theirs", reason="so"), dict(decide=0), dict(expected="falls", decide=2),
    dict(expected="falls", tolerance={"relative": 0.1, "reason": "test"}), dict(depends_on="eq5.1"), dict(colour="red"),
    dict(reference="a book"), dict(item="own-05"), dict(item="own-07", where=None, reference="a book"),
])
def test_malformed_claims_are_refused_by_place_and_name(changes):
    with pytest.raises(ValueError, match=r"^05\.yml, line 1: .*expected"):
        claim(**changes)


@pytest.mark.parametrize("item", ["3.5", "T3.1", "B.1", "eq3.29", "eqB.3", "s6.4", "s6.4.1"])
def test_every_form_of_thesis_number_is_accepted(item):
    assert claim(item=item).item == item and not claim(item=item).own


def test_a_result_of_ours_has_a_reference_in_place_of_the_thesis():
    ours = claim(item="own-05", where=None, reference="a book")
    assert ours.own and ours.where == "a book"


def test_files_are_read_with_their_lines_and_what_is_wrong_is_named(tmp_path):
    folder = tmp_path / "data/thesis/claims"
    folder.mkdir(parents=True)
    good = "- id: {}\n  item: \"5.1\"\n  statement: So.\n  expected: {{at least: 1}}\n  where: p. 1\n"
    (folder / "05.yml").write_text("# a comment\n" + good.format("one") + good.format("two") + good.format("one"))
    (folder / "06.yml").write_text(good.format("three") + "  bound: ours\n\n" + good.format("four") + "  item: again\n")
    (folder / "07.yml").write_text("- id: [\n")
    (folder / "08.yml").write_text(good.format("five") + "  depends_on: [none-such]\n")
    found, problems = claim_files.read(tmp_path)
    assert {name: entry.place for name, entry in found.items()} == {
        "one": "data/thesis/claims/05.yml, line 2", "two": "data/thesis/claims/05.yml, line 7",
        "five": "data/thesis/claims/08.yml, line 1"}
    for words in ("05.yml, line 12: expected every id once, got 'one' again",
                  "06.yml, line 13: expected 'item' once", "07.yml, line 2: expected YAML",
                  "08.yml, line 1: claim five: expected depends_on"):
        assert any(words in line for line in problems), (words, problems)
    (folder / "06.yml").write_text(good.format("three") + "  bound: ours\n")
    assert any("06.yml, line 1: claim three: expected the reason of a bound" in line
               for line in claim_files.read(tmp_path)[1])


def test_the_claims_files_of_the_book_are_in_order_and_every_claim_is_settled_by_its_chapter():
    assert ledger.problems(ROOT) == []
    found, _ = claim_files.read(ROOT)
    assert len(found) > 200 and any(entry.own for entry in found.values())


def test_check_names_claims_that_no_page_settles_and_ids_that_no_file_has(tmp_path):
    chapter = '---\n{}\n---\n# A page\n\n```{{code-cell}} ipython3\n:tags: [parameters]\n```\n\n' \
              '```{{code-cell}} ipython3\n{}\n```\n'
    for number, code in (("05", 'claims.settle("a-clam", measured=1)'), ("06", 'claims.settle("a-claim", measured=1)')):
        path = tmp_path / f"book/{number}-page.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(chapter.format("{}", code))
    write(tmp_path, [ENTRY])
    write(tmp_path, [ENTRY | {"id": "lost"}], "data/thesis/claims/99.yml")
    problems = ledger.problems(tmp_path)
    for words in ("claim a-claim: expected 05-page.md to settle it, got none",
                  "05-page.md, line 11: expected a claim of the claims files, got 'a-clam'; try a-claim",
                  "06-page.md, line 11: expected a claim of chapter 06",
                  "claim lost: expected the number of a chapter"):
        assert any(words in line for line in problems), (words, problems)


def test_a_settlement_is_kept_and_shown_with_its_verdict(top, capsys):
    claims.settle("a-claim", measured=np.float32(1.05), uncertainty=0.01, scale="N = 6")
    assert kept(top, "claims.json") == [
        STORED | {"measured": pytest.approx(1.05), "uncertainty": 0.01, "scale": "N = 6"}]
    shown = capsys.readouterr().out
    assert "Fig. 1.1, p. 1" in shown and "1.05 ± 0.01" in shown and "reproduced at reduced scale" in shown


def test_an_unknown_claim_is_refused_with_near_names(top):
    with pytest.raises(ValueError, match="got 'a-clain'; try a-claim"):
        claims.settle("a-clain", measured=1.0)
    write(top, [ENTRY | {"tolerance": None}])
    with pytest.raises(ValueError, match="05.yml, line 2: claim a-claim: expected"):
        claims.settle("a-claim", measured=1.0)
    assert not (top / "run" / "claims.json").exists()


@pytest.mark.parametrize(("expected", "settings"), [
    ({"equal": 1}, dict(measured=math.nan)), ({"equal": 1}, dict(measured="1.0")), ({"equal": 1}, dict(measured=True)),
    ({"equal": 1}, dict(measured=[1, 2])), ({"equal": 1}, dict(measured=None)),
    ({"equal": 1}, dict(measured=1, uncertainty=math.nan)), ({"equal": 1}, dict(measured=1, uncertainty=-1)),
    ({"equal": 1}, dict(measured=1, scale="")), ({"equal": 1}, dict(measured=1, source="guess")),
    ({"equal": 1}, dict(measured=1, source=pd.DataFrame({"name": [1]}))),
    ("holds", dict(measured=1.0)), ("falls", dict(measured=1.0)), ("falls", dict(measured=[1.0])),
    ("falls", dict(measured=[1.0, math.inf])), ("falls", dict(measured="21")),
])
def test_values_that_a_claim_cannot_judge_are_refused_and_leave_no_entry(top, expected, settings):
    slack = {} if isinstance(expected, dict) else {"tolerance": None}
    write(top, [{key: value for key, value in (ENTRY | {"expected": expected} | slack).items() if value is not None}])
    with pytest.raises(ValueError, match="expected.*claim a-claim|claim a-claim: expected"):
        claims.settle("a-claim", **settings)
    assert not (top / "run" / "claims.json").exists()


def test_lists_arrays_and_columns_count_as_sequences(top):
    write(top, [{key: value for key, value in ENTRY.items() if key != "tolerance"} | {"expected": "falls", "id": name}
                for name in ("one", "two", "three")])
    claims.settle("one", measured=pd.Series([3, 2, 1]))
    claims.settle("two", measured=np.array([[3, 2], [9, 1]]))
    claims.settle("three", measured=[pd.Series([3.0, 2.0]), (5, 4, 3)])
    assert [entry["measured"] for entry in kept(top, "claims.json")] == [
        [3, 2, 1], [[3, 2], [9, 1]], [[3, 2], [5, 4, 3]]]


def test_a_record_is_named_by_its_sweep_or_by_its_table(top):
    class Sweep:
        name = "fig-1"

    table = pd.DataFrame({"x": [1]})
    table.attrs["record"] = "fig-2"
    claims.settle("a-claim", measured=1, source=[Sweep(), table, "data/records/bench.json"])
    (entry,) = kept(top, "claims.json")
    assert (entry["source"], entry["records"]) == ("record", ["bench", "fig-1", "fig-2"])


def test_names_are_unique_within_a_chapter(top):
    claims.settle("a-claim", measured=1)
    with pytest.raises(ValueError, match="a-claim"):
        claims.settle("a-claim", measured=1)
    claims.number("n", 1.0)
    with pytest.raises(ValueError, match="'n' again"):
        claims.number("n", 2.0)


def test_the_scale_names_every_setting_that_is_not_the_thesis_s():
    here = {"n_spins": 6, "n_samples": 4000, "seed": 1}
    assert claims.scale({"n_spins": 6}, here, at_least={"n_samples": 1000}) == "full"
    assert claims.scale({"n_spins": 10}, here, at_least={"n_samples": 100000}) == (
        "n_spins 6 (thesis 10), n_samples 4000 (thesis at least 100000)")
    with pytest.raises(KeyError):
        claims.scale({"n_hidden": 6}, here)


def test_measured_values_have_no_digits_beyond_their_error():
    def text(measured, uncertainty=None):
        return claim_text.measured_text(settled(measured=measured, uncertainty=uncertainty))

    assert text(59.5679, 4.51) == "59.6 ± 4.5" and text(78.5185, 0.22) == "78.52 ± 0.22"
    assert text(6.36729e-05) == "6.367e-05" and text(3970.0) == "3970" and text(11678912) == "11678912"
    assert text(1234.5, 120.0) == "1230 ± 120"
    assert text(-3.0, 290.0) == "0 ± 290" and text(-0.0) == "0" and text([-0.0, -1.0]) == "0, -1"
    assert text(0.25, 0.0) == "0.25 ± 0" and text(None) == "not run" and text(False) == "does not hold"
    assert text([3.0, 2.0, 1.5]) == "3, 2, 1.5" and "steps from -1 to -0.5" in text([3.0, 2.0, 1.5, 1.0, 0.5])


def test_numbers_are_formatted_and_kept(top):
    claims.number("total", 1234.56, fmt=",.1f", uncertainty=0.25, unit="J")
    claims.number("count", np.int64(100000), fmt=",d")
    claims.number("share", 78.518, fmt=".0f", uncertainty=0.22)
    claims.number("factor", 0.98864, fmt=",.1f", uncertainty=0.0038)
    claims.number("same", 0.0, fmt=".1f", uncertainty=0.0)
    assert [entry["text"] for entry in kept(top, "numbers.json")] == [
        "1,234.6 ± 0.2 J", "100,000", "78.5 ± 0.2", "0.989 ± 0.004", "0.0 ± 0.0"]
    assert claims.plus_minus(-0.001, 0.4, ".1f") == "0.0 ± 0.4" and claims.plus_minus(-0.001, None, "+.1f") == "+0.0"
    assert claims.plus_minus(-math.inf, None, ".1f") == "-inf" and claims.plus_minus(-1e-9, None, ".1e") == "-1.0e-09"
    assert claims.plus_minus(0.98864, 0.0038, ".1f") == "0.989 ± 0.004" and claims.plus_minus(2, None, "d") == "2"
    for value in (math.nan, "many"):
        with pytest.raises(ValueError, match="bad"):
            claims.number("bad", value)


def test_several_numbers_of_one_format_are_kept_as_one_by_one(top):
    claims.numbers(".1f", {"alone": 1.26, "pair": (2.0, 0.5), "none": None, "no error": (3.0, None)}, unit="J")
    assert [(entry["key"], entry["text"], entry["uncertainty"]) for entry in kept(top, "numbers.json")] == [
        ("alone", "1.3 J", None), ("pair", "2.0 ± 0.5 J", 0.5), ("no error", "3.0 J", None)]


def test_a_number_that_a_record_does_not_hold_yet_reads_not_run_and_is_not_compared(top):
    claims.number("missing", None, ".1f", math.nan)
    claims.number("there", 1.0)
    assert [entry["key"] for entry in kept(top, "numbers.json")] == ["there"]


def test_a_plain_session_displays_and_writes_nothing(top, monkeypatch, capsys):
    monkeypatch.delenv("COMPANION_RUN")
    claims.settle("a-claim", measured=1)
    claims.number("n", 1.0)
    assert "It is so." in capsys.readouterr().out and not list((top / "run").iterdir())
