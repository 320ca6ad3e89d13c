"""Sweeps and their records: what is recorded is read, what is missing is computed once, what does not count stays."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from lib.study import provenance, results, session
from lib.study.notebooks import root
from lib.study.sweep import Sweep, grid
from tests import patience, sweep_points, toy_book
from tests.study.test_sweep import n_lines


def count(table):
    return table.state.value_counts().to_dict()


def test_recorded_points_are_read_and_not_computed(tmp_path, record):
    log = tmp_path / "log"
    points = grid(a=range(4), log=str(log), seconds=0.0)
    Sweep(sweep_points.logged, points[:2], record=record).run(1)
    assert list(Sweep(sweep_points.logged, points, record=record).run(1).y) == [0, 1, 4, 9]
    assert [entry.split()[0] for entry in log.read_text().splitlines()] == ["0", "1", "2", "3"]


def test_a_point_that_fails_is_recorded_and_tried_again(tmp_path, record, capsys):
    flag = tmp_path / "flag"
    asked = Sweep(sweep_points.uneven, grid(a=range(4), flag=str(flag)), record=record)
    table = asked.run(1)
    assert list(table.state) == ["valid", "valid", "failed", "valid"]
    assert table.error[2] == "RuntimeError: bad luck" and list(table.y.isna()) == [False, False, True, False]
    assert "1 failed: RuntimeError: bad luck; the first: {'a': 2," in capsys.readouterr().err
    assert count(asked.read())["failed"] == 1
    flag.touch()
    assert count(asked.run(1)) == {"valid": 4} and n_lines(record) == 4


@pytest.mark.parametrize(("function", "message"), [
    (sweep_points.not_finite, "expected result loss as a finite number, text, None or list, got nan"),
    (sweep_points.not_a_mapping, "'list' object has no attribute"),
    (sweep_points.clash, "expected settings and results with names of their own, got a"),
    (sweep_points.odd_result, "expected result when as a finite number, text, None or list, got object"),
])
def test_results_that_no_record_can_hold_fail_by_name(function, message, record):
    table = Sweep(function, [{"a": 1}], record=record).run(1)
    assert list(table.state) == ["failed"] and message in table.error[0]


def test_a_line_says_where_a_number_comes_from(record):
    Sweep(sweep_points.line, [{"a": 2}], record=record).run(1)
    found = results.read(record)
    ((line,),) = found.points.values()
    assert line.experiment == "line" and line.settings == {"a": 2, "x": 1.0} and line.version == 1
    assert line.results["y"] == 2.0 and line.status == "done" and line.seconds >= 0 and line.core_seconds >= 0
    run = found.runs[line.run]
    assert (run.data, run.environment) == ({}, provenance.environment_digest(root())) and run.processor and run.date
    assert set(run.versions) == {
        "python", "numpy", "scipy", "scikit-learn", "numba", "torch", "torchvision", "pillow"}


def test_a_second_process_on_one_record_is_refused_and_goes_on_when_the_first_has_ended(tmp_path, record):
    log = tmp_path / "log"
    log.touch()
    code = ("import sys; from pathlib import Path; from tests import sweep_points; from lib.study.sweep import *;"
            "points = grid(a=range(1000), log=sys.argv[2], seconds=0.02);"
            "Sweep(sweep_points.logged, points, record=Path(sys.argv[1])).run(1)")
    first = subprocess.Popen([sys.executable, "-c", code, str(record), str(log)], cwd=toy_book.ROOT,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patience.wait_for(lambda: len(log.read_text().splitlines()) > 3)
    points = grid(a=range(40), log=str(log), seconds=0.02)
    with pytest.raises(ValueError, match="expected one process that adds to the record lines, got another at work"):
        Sweep(sweep_points.logged, points, record=record).run(1)
    first.kill()  # which also lets go of the record
    first.wait()
    begun = [int(entry.split()[0]) for entry in log.read_text().splitlines()]
    table = Sweep(sweep_points.logged, points, record=record).run(1)
    assert list(table.y) == [a * a for a in range(40)] and n_lines(record) >= 40
    assert len(log.read_text().splitlines()) <= max(40, len(begun)) + 1  # at most the point in hand again


# --- versions and data
def test_results_of_another_version_do_not_count_and_stay(record, monkeypatch):
    asked = Sweep(sweep_points.line, grid(a=range(3)), record=record)
    asked.run(1)
    monkeypatch.setattr(sweep_points.line, "version", 2)
    with pytest.raises(ValueError, match="got none of the 3 that are asked for, of version 2"):
        asked.read()
    assert asked.progress()["states"] == {"superseded": 3}
    Sweep(sweep_points.line, grid(a=0), record=record).run(1)
    table = asked.read()
    assert list(table.state) == ["valid", "superseded", "superseded"] and list(table.y.isna()) == [False, True, True]
    assert n_lines(record) == 4
    monkeypatch.setattr(sweep_points.line, "version", 1)
    assert count(asked.read()) == {"valid": 3}


def test_other_code_of_the_same_version_changes_nothing(record, monkeypatch):
    asked = Sweep(sweep_points.line, grid(a=range(3)), record=record)
    asked.run(1)
    monkeypatch.setattr(sweep_points.line, "__code__", (lambda *, a, x=1.0: 1 / 0).__code__)
    assert count(asked.run(1)) == {"valid": 3}


def test_lines_of_another_experiment_are_not_used(record):
    Sweep(sweep_points.line, grid(a=range(2), x=1.0), record=record).run(1)
    found = results.read(record)
    ((first,), _) = found.points.values()
    found.add(replace(first, experiment="other", settings={"a": 5, "x": 1.0}))
    results.write(record, found)
    asked = Sweep(sweep_points.line, grid(a=[0, 1, 5], x=1.0), record=record)
    assert list(asked.read().state) == ["valid", "valid", "not run"]


def test_absent_data_are_said_before_anything_is_computed(tmp_path, record, monkeypatch):
    monkeypatch.setenv("COMPANION_ROOT", str(tmp_path))
    monkeypatch.setattr(provenance, "commit", lambda top, besides=None: ("c" * 40, False))
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((toy_book.ROOT / name).read_bytes())
    images = tmp_path / "data" / "images.bin"
    images.parent.mkdir()
    asked = Sweep(sweep_points.reads, grid(a=range(2)), record=record)
    with pytest.raises(ValueError, match="expected data/images.bin for 2 points of lines, got nothing there.*try"):
        asked.run(1)
    assert not record.exists()
    images.write_bytes(b"1")
    asked.run(1)
    (run,) = results.read(record).runs.values()
    assert set(run.data) == {"data/images.bin"} and len(run.data["data/images.bin"]) == 64
    images.unlink()
    assert count(asked.read()) == count(asked.run(1)) == {"valid": 2}  # what is recorded needs no data


# --- in a build
def test_a_build_leaves_the_records_of_the_book_alone(tmp_path, record, monkeypatch):
    monkeypatch.setenv("COMPANION_ROOT", str(tmp_path))
    monkeypatch.setattr(provenance, "commit", lambda top, besides=None: ("c" * 40, False))
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((toy_book.ROOT / name).read_bytes())
    run = tmp_path / "run"
    run.mkdir()
    Sweep(sweep_points.line, grid(a=range(2)), record=record).run(1)
    before = record.read_bytes()
    monkeypatch.setenv("COMPANION_RUN", str(run))
    asked = Sweep(sweep_points.line, grid(a=range(3)), record=record, item="3.5")
    assert count(asked.run(1)) == {"valid": 3} and record.read_bytes() == before
    (folder,) = (tmp_path / "_build" / "points").iterdir()
    assert folder.name.startswith("line-") and n_lines(folder) == 1
    (kept,) = folder.iterdir()
    when = kept.stat().st_mtime_ns
    assert count(asked.run(1)) == {"valid": 3} and kept.stat().st_mtime_ns == when  # found there by the next build
    assert asked.progress()["states"] == {"valid": 3} and asked.progress()["points"] == 3
    (summary,) = json.loads((run / "sweeps.json").read_text())
    assert (summary["name"], summary["item"], summary["points"], summary["states"]) == ("lines", "3.5", 3,
                                                                                        {"valid": 3})
    assert " 1/1 " in (run / "progress.txt").read_text().rpartition("\r")[2]
    assert set(summary) >= {"version", "commits", "dates", "processors", "experiment"}


def test_a_table_that_is_not_whole_is_marked(record, monkeypatch):
    boxes = []
    monkeypatch.setattr(session, "show", lambda text, markup, companion: boxes.append((text, markup, companion)))
    asked = Sweep(sweep_points.line, grid(a=range(2)), record=record)
    Sweep(sweep_points.line, grid(a=0), record=record).run(1)
    asked.read()
    asked.run(1)
    assert "1 valid, 1 not run" in boxes[1][0] and "record-partial" in boxes[1][1]
    assert "2 valid" in boxes[2][0] and "record-partial" not in boxes[2][1]
    assert boxes[2][2] == {"record": "lines"}
