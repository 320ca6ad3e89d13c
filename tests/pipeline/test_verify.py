"""make verify: a digit that a hand has changed in a page, a table, the ledger, a run or a record is named."""

import json
import re

import pandas as pd
import pytest

from lib import atomic
from lib.pipeline import command, verify
from lib.study import audits, claim_text, ledger, measures, record_lines
from lib.study.stored import plain
from tests import toy_book
from tests.claim_parts import run, settled

CHAPTER = """---
companion: {budget_core_minutes: 1}
---

# A page

```{code-cell} ipython3
:tags: [parameters]
```

```{code-cell} ipython3
claims.settle("offset", measured=claims.from_table("fig-1", "largest_distance", "x", "exact"))
claims.settle("size", measured=2.0)
```
"""
CLAIMS = """
- {id: offset, item: "5.1", statement: So., expected: {at most: 0.5}, where: p. 1}
- {id: size, item: "5.1", statement: So., expected: {between: [1, 3]}, where: p. 1, bound: ours, reason: so}
"""


@pytest.fixture
def top(tmp_path, monkeypatch):
    """A repository with one built chapter, one record, and the check sums of its site."""
    toy_book.write(tmp_path, "book/05-page.md", CHAPTER)
    toy_book.write(tmp_path, "book/parameters/smoke.yml", "{}\n")
    toy_book.write(tmp_path, "data/thesis/claims/05.yml", CLAIMS)
    place = {"commit": "c", "processor": "one", "versions": {}, "date": "2026-01-01"}
    run = record_lines.Run.named(**place, dirty=False, environment=None, data={})
    of = {"experiment": "f", "version": 1, "settings": {"x": 1}, "status": "done", "results": {"y": 1234},
          "seconds": 1.0, "core_seconds": 1.0}
    written = map(record_lines.encode, (run, record_lines.Point(**of, run=run.run)))
    toy_book.write(tmp_path, "data/records/fig-1.jsonl", "".join(written))
    audit = record_lines.Audit(**of, **place)
    toy_book.write(tmp_path, "data/records/audits/fig-1.jsonl", record_lines.encode(audit))
    monkeypatch.setattr(audits, "contradicted", lambda top: [])
    build(tmp_path)
    return tmp_path


def build(top):
    """What a build leaves: figures, an executed notebook, the record of the run, the ledger, a page."""
    root = top / "_build"
    rows = pd.DataFrame({"x": [1.25, 2.5], "exact": [1.0, 2.125]})
    toy_book.write(root, "files/05-page/fig-1.csv", rows.to_csv(index=False))
    toy_book.write(root, "executed/05-page.ipynb", '{"cells": []}\n')
    value = measures.from_table("fig-1", "largest_distance", "x", "exact", folder=root / "files/05-page")
    made = run("05-page", [settled("offset", value.value, table=value.source.plain()), settled("size", 2.0)],
               figures={"fig-1.csv": atomic.sha256(root / "files/05-page/fig-1.csv")},
               notebook=atomic.sha256(root / "executed/05-page.ipynb"))
    made.write(root)
    entries = ledger.check(top, "laptop", [made])
    atomic.write_json(root / "ledger.json", plain(entries))
    toy_book.write(root, "html/05-page.html", f"<p>It is 1234.</p>{claim_text.strip(entries)}")
    verify.seal(root)


def problems(top):
    return verify.problems(top, "laptop")[0]


def edit(top, name, old, new):
    """Change one place of a file by hand."""
    toy_book.write(top, name, re.sub(old, new, (top / name).read_text("utf-8"), count=1))


def test_what_was_built_is_verified_and_counted(top, capsys):
    assert command.main(["verify", "--root", str(top)]) == 0
    said = capsys.readouterr().out
    for words in ("1 pages, 5 files", "1 records, 1 of them audited, 3 lines", "1 measured values from their tables",
                  "2 verdicts", "Everything is as the build made it."):
        assert words in said, said


@pytest.mark.parametrize(("name", "old", "new", "words"), [
    ("_build/html/05-page.html", "1234", "1235", "html/05-page.html: expected what was published"),
    ("_build/files/05-page/fig-1.csv", "1.25", "1.35", "files/05-page/fig-1.csv: expected what the run saved"),
    ("_build/executed/05-page.ipynb", "cells", "cellz", "executed/05-page.ipynb: expected the notebook that was"),
    ("_build/executed/05-page.json", "2.0", "2.5", "executed/05-page.json: expected what was published"),
    ("_build/ledger.json", "2.0", "2.5", "ledger.json: claim size: expected measured 2.0, got 2.5"),
    ("_build/ledger.json", "reproduced", "differs", "ledger.json: claim offset: expected verdict 'reproduced'"),
    ("data/records/fig-1.jsonl", "1234", "1235", "data/records/fig-1.jsonl, line 2: expected the line that was"),
    ("data/records/audits/fig-1.jsonl", "1234", "1235", "data/records/audits/fig-1.jsonl, line 1: expected the line"),
])
def test_a_digit_changed_by_hand_is_named(top, capsys, name, old, new, words):
    edit(top, name, old, new)
    assert any(words in line for line in problems(top)), problems(top)
    assert command.main(["verify", "--root", str(top)]) == 1 and words in capsys.readouterr().err


def test_a_lost_run_of_a_record_is_named(top):
    lines = (top / "data/records/fig-1.jsonl").read_text("utf-8").splitlines(True)
    toy_book.write(top, "data/records/fig-1.jsonl", lines[1])
    assert any("expected the run of every point" in line for line in problems(top))


def test_a_record_that_audits_contradict_is_named(top, monkeypatch):
    monkeypatch.setattr(audits, "contradicted", lambda top: ["record fig-1: expected others"])
    assert problems(top) == ["record fig-1: expected others"]


def test_a_value_that_does_not_follow_from_its_table_is_named_even_with_fresh_sums(top):
    root = top / "_build"
    edit(root, "files/05-page/fig-1.csv", "1.25", "1.5")
    record = atomic.read_json(root / "executed/05-page.json")
    record["figures"]["fig-1.csv"] = atomic.sha256(root / "files/05-page/fig-1.csv")
    atomic.write_json(root / "executed/05-page.json", record)
    verify.seal(root)
    (line,) = [line for line in problems(top) if "from the largest_distance of x, exact in fig-1.csv" in line]
    assert line.startswith("claim offset: expected 0.375")


def test_files_that_were_added_or_lost_are_named(top):
    (top / "_build/html/extra.html").write_text("")
    (top / "_build/files/05-page/fig-1.csv").unlink()
    found = problems(top)
    assert any("html/extra.html: expected no file" in line for line in found)
    assert any("files/05-page/fig-1.csv: expected the file that was published, got none" in line for line in found)


def test_a_changed_bound_is_named_until_the_site_is_made_again(top):
    edit(top, "data/thesis/claims/05.yml", "0.5", "0.25")
    found = problems(top)
    assert any("ledger.json: claim offset: expected expected" in line for line in found)
    assert any("html/05-page.html: claim offset: expected differs, got reproduced" in line for line in found)
    build(top)
    assert problems(top) == []


def test_a_worse_verdict_than_accepted_and_an_unpublished_site_are_named(top):
    toy_book.write(top, "data/thesis/verdicts.json", json.dumps({"laptop": {"gone": "reproduced"}}))
    assert any("claim gone: reproduced -> not run" in line for line in problems(top))
    (top / "_build/sums.json").unlink()
    (top / "_build/ledger.json").unlink()
    toy_book.write(top, "data/thesis/verdicts.json", "{}")
    assert problems(top) == ["sums.json: expected the check sums of a published site, got none; try make book"]


def table(**columns):
    return pd.DataFrame(columns)


@pytest.mark.parametrize(("function", "columns", "where", "value"), [
    ("smallest", ["y"], {}, -4.0), ("largest", ["y"], {}, 16.0), ("mean", ["y"], {"kind": "a"}, 2.5),
    ("largest_size", ["y"], {"kind": "b"}, 16.0), ("only", ["y"], {"x": 1, "kind": "a"}, 1.0),
    ("largest_distance", ["y", "x"], {}, 12.0), ("largest_distance", ["y", "x", "error"], {}, 24.0),
    ("largest_mean_distance", ["y", "x", "kind"], {}, 2.0), ("smallest_median", ["y", "kind"], {}, 2.5),
    ("ratio", ["y", "x"], {"x": 4, "kind": "b"}, 4.0), ("exponent", ["x", "z"], {}, 2.0),
])
def test_measures_of_a_table(tmp_path, function, columns, where, value):
    rows = table(x=[1, 2, 4, 4], y=[1.0, 4.0, -4.0, 16.0], z=[3.0, 12.0, 48.0, -48.0], kind=["a", "a", "b", "b"],
                 error=[0.5] * 4)
    if function == "ratio":
        rows = rows.iloc[[0, 1, 3]]
    rows.to_csv(tmp_path / "fig-1.csv", index=False)
    found = measures.from_table("fig-1", function, *columns, where=where, folder=tmp_path)
    assert found.value == pytest.approx(value)
    assert found.source == measures.Table("fig-1", function, [*columns], where)


@pytest.mark.parametrize(("arguments", "where", "words"), [
    (("fig-2", "mean", "x"), {}, "saved already"), (("fig-1", "median", "x"), {}, "a function among"),
    (("fig-1", "mean", "y"), {}, "expected columns of fig-1, got y"), (("fig-1", "mean", "x"), {"x": 9}, "got none"),
    (("fig-1", "only", "x"), {}, "expected one row, got 2"),
])
def test_what_a_table_does_not_have_is_refused(tmp_path, arguments, where, words):
    table(x=[1, 2]).to_csv(tmp_path / "fig-1.csv", index=False)
    with pytest.raises(ValueError, match=words):
        measures.from_table(*arguments, where=where, folder=tmp_path)
