"""Lines of records and audits: what is written comes back, whatever is not as it was written is refused."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.study import record_lines
from lib.study.record_lines import Audit, Point, Repeat, Run, decode, encode
from tests.tree import ROOT

RUN = Run.named(commit=None, dirty=None, environment=None, processor="one", versions={}, data={"data/a": None},
                date="2026-01-02")
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text()
                      | st.floats(allow_nan=False, allow_infinity=False),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


def point(**values):
    """A point whose settings are these."""
    return Point(experiment="walk", version=1, settings=values, status="done", results={"y": 1}, seconds=1.5,
                 core_seconds=1.0, run=RUN.run)


def edited(line, change):
    """A line whose mapping was changed, with the right check sum."""
    body = change(json.loads("{" + line[28:]))
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return f'{{"check":"{record_lines._check_sum(text)}",{text[1:]}'


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_what_is_written_comes_back(values):
    line = encode(point(**values))
    assert line.endswith("\n") and line.count("\n") == 1
    back = decode(line[:-1])
    assert json.dumps(back.settings, sort_keys=True) == json.dumps(values, sort_keys=True)  # -0.0 and 1.0 too
    assert back == point(**values) and decode(encode(RUN)[:-1]) == RUN


@pytest.mark.parametrize("value", [math.nan, math.inf, {1: object()}, {"a": {1, 2}}])
def test_what_no_record_can_hold_is_refused(value):
    with pytest.raises((ValueError, TypeError)):
        encode(point(x=value))


def test_every_changed_character_is_found():
    line = encode(point(seed=1))[:-1]
    for place in range(len(line)):
        for other in ("0", "1", " ", "}"):
            if line[place] != other:
                with pytest.raises(ValueError, match="damaged or was edited"):
                    decode(line[:place] + other + line[place + 1:])


@pytest.mark.parametrize(("change", "words"), [
    (lambda body: body | {"speed": 1}, "expected the keys experiment, version, .* run, got 'speed'; try "),
    (lambda body: {key: body[key] for key in body if key != "seconds"}, "expected the keys .*, got no seconds; try "),
    (lambda body: body | {"version": "1"}, r"line 3: version: expected an integer, got '1'; try "),
    (lambda body: body | {"status": "lost"}, "line 3: status: expected 'done' or 'failed', got 'lost'; try "),
    (lambda body: body | {"format": 3}, "line 3: .* another format or kind .*; try "),
    (lambda body: body | {"kind": "audit"}, "line 3: .* another format or kind .*'audit'.*; try "),
    (lambda body: {"format": 2}, "line 3: .* another format or kind .*None.*; try "),
])
def test_a_line_of_another_form_is_named(tmp_path, change, words):
    path = tmp_path / "walk.jsonl"
    path.write_text(encode(RUN) + "\n" + edited(encode(point(seed=1))[:-1], change) + "\n")
    with pytest.raises(ValueError, match=words):
        list(record_lines.read(path))


def test_every_committed_line_is_written_again_byte_for_byte():
    folder = ROOT / "data/records"
    for kinds, paths in (((Run, Point), folder.glob("*.jsonl")), ((Audit, Repeat), folder.glob("audits/*.jsonl"))):
        paths = sorted(paths)
        assert len(paths) > 15
        for path in paths:
            assert "".join(map(encode, record_lines.read(path, kinds))) == path.read_text("utf-8"), path.name
