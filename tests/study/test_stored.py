"""Formats of JSON files: what was written comes back, byte for byte, and what is of another form is named."""

import json
from dataclasses import dataclass, field
from typing import Literal

import pytest

from lib import atomic
from lib.pipeline import status
from lib.study import claim_files, committed, ledger, provenance, runs
from lib.study.stored import Stored, absent, checked, named, plain
from tests.claim_parts import line, run, settled
from tests.tree import ROOT


@dataclass
class Leaf(Stored):
    size: float
    kind: Literal["a", "b"]
    why: str | None = absent()


@dataclass
class Tree(Stored):
    leaves: list[Leaf]
    by_name: dict[str, Leaf | None] = named("by name")
    value: float | bool | list | None = None
    notes: list[str] = field(default_factory=list)


WRITTEN = {"leaves": [{"size": 1, "kind": "a"}, {"size": 0.5, "kind": "b", "why": "so"}],
           "by name": {"x": None, "y": {"size": 2.0, "kind": "a"}}, "value": True, "notes": ["n"]}


def test_what_is_read_is_written_again_byte_for_byte():
    tree = Tree.of(json.loads(json.dumps(WRITTEN)), "tree.json")
    assert isinstance(tree.leaves[0].size, int) and tree.by_name["y"].kind == "a" and tree.leaves[0].why is None
    assert json.dumps(tree.plain()) == json.dumps(WRITTEN)
    assert Tree.of({"leaves": [], "by name": {}}, "x") == Tree([], {})


@pytest.mark.parametrize(("change", "words"), [
    ({"leaves": None}, "tree.json: leaves: expected a list, got None"),
    ({"leaves": [{"size": "1", "kind": "a"}]}, "tree.json: leaves[0].size: expected a number, got '1'"),
    ({"leaves": [{"size": True, "kind": "a"}]}, "tree.json: leaves[0].size: expected a number, got True"),
    ({"leaves": [{"size": 1, "kind": "c"}]}, "tree.json: leaves[0].kind: expected 'a' or 'b', got 'c'"),
    ({"leaves": [{"kind": "a"}]}, "tree.json: leaves[0]: expected the keys size, kind, why, got no size"),
    ({"leaves": [{"size": 1, "kind": "a", "x": 1}]},
     "tree.json: leaves[0]: expected the keys size, kind, why, got 'x'"),
    ({"by name": {"y": 3}}, "tree.json: by name.y: expected a mapping with size, kind, why, got 3"),
    ({"value": "x"}, "tree.json: value: expected a number or true or false or a list or null, got 'x'"),
    ({"notes": [1]}, "tree.json: notes[0]: expected a text, got 1"),
])
def test_another_form_is_named_by_file_and_key(change, words):
    with pytest.raises(ValueError) as error:
        Tree.of(WRITTEN | change, "tree.json")
    assert str(error.value).startswith(words) and "; try " in str(error.value)


def test_a_file_that_is_no_json_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match=r"a\.json: expected JSON, got"):
        Leaf.read(tmp_path / "a.json")
    with pytest.raises(FileNotFoundError):
        Leaf.read(tmp_path / "b.json")


def test_every_format_of_the_machinery_comes_back_as_it_was_written(tmp_path):
    table = {"figure": "f", "function": "only", "columns": ["x"], "where": {"epoch": 5, "kind": "a"}}
    made = run("05-first", [settled(), settled("b", [[1.0, 2.0]], table=table)], ["n"], [{"name": "s"}])
    made.write(tmp_path)
    assert runs.read_run(tmp_path, "05-first") == made and made.check == made.sum()
    failure = runs.Failure("05-first", "error", None, None, None, "KeyError", "all", made.inputs)
    states = status.BookStatus("laptop", [status.ChapterStatus("05-first", "05", "A", "05-first.html")])
    for value in (failure, states, claim_files.Entry.of(line(), "x"), made.provenance):
        text = json.dumps(value.plain())
        assert type(value).of(json.loads(text), "x") == value and json.dumps(plain(value)) == text
    assert "front matter" in made.inputs.plain()["code"] and isinstance(made.inputs, provenance.Inputs)


@pytest.mark.parametrize("name", ["mutations", "times", "verdicts"])
def test_what_is_committed_is_of_its_form_and_written_as_it_stands(name):
    path = ROOT / ("data/thesis" if name == "verdicts" else "data/records") / f"{name}.json"
    written = atomic.read_json(path)
    if name == "times":
        found = runs.read_times(ROOT)
    elif name == "verdicts":
        found = {profile: ledger.accepted(ROOT, profile) for profile in written}
    else:
        found = committed.read(ROOT, name)
    assert json.dumps(plain(found)) == json.dumps(written)


def test_a_damaged_entry_of_a_committed_file_is_named(tmp_path):
    path = tmp_path / runs.TIMES
    entry = {"core_seconds": "1", "processor": "p", "commit": None, "date": ""}
    atomic.write_json(path, {"laptop": {"05-first": entry}})
    with pytest.raises(ValueError, match=r"times\.json: laptop\.05-first\.core_seconds: expected a number"):
        runs.read_times(tmp_path)
    assert checked(dict, {}, "x") == {}
