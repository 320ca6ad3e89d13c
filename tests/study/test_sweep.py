"""Sweeps: what is recorded is read, what is missing is computed, and a table says what it rests on."""

import itertools
import json
import math
import os
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest

from lib.study import points as computing
from lib.study import progress, provenance, results, session
from lib.study.points import cores
from lib.study.progress import duration
from lib.study.results import settings_key
from lib.study.sweep import Sweep, grid
from tests import patience, sweep_points, toy_book


@pytest.fixture
def record(tmp_path):
    return tmp_path / "data" / "lines.jsonl"


def count(table):
    return table.state.value_counts().to_dict()


def n_lines(path):
    return sum(len(lines) for lines in results.read(path).points.values())


# --- grids and settings


def test_a_grid_is_every_combination_the_last_axis_fastest():
    assert grid(a=range(2), x=[0.5, 1.0], name="n") == [
        {"a": 0, "x": 0.5, "name": "n"}, {"a": 0, "x": 1.0, "name": "n"},
        {"a": 1, "x": 0.5, "name": "n"}, {"a": 1, "x": 1.0, "name": "n"}]
    assert grid(a=np.arange(2)) == [{"a": 0}, {"a": 1}] and grid(a=np.int64(3)) == [{"a": 3}] and grid() == [{}]


@pytest.mark.parametrize(("point", "message"), [
    ({"b": 1}, "expected the settings of .*line .a, x.*got b: .*(missing|unexpected)"),
    ({"x": 1.0}, "got x: missing a required.* 'a'"),
    ({"a": 1.5}, "expected setting a .* as an integer, got 1.5"),
    ({"a": True}, "expected setting a .* as an integer, got True"),
    ({"a": 1, "x": math.nan}, "expected setting x to be finite, got nan"),
    ({"a": 1, "x": {}}, "expected setting x as a number, text, None or list, got dict"),
])
def test_settings_that_the_function_does_not_take_are_refused(point, message):
    with pytest.raises(ValueError, match=message):
        Sweep(sweep_points.line, [point])


def test_one_and_one_point_zero_are_one_point_and_defaults_count():
    points = Sweep(sweep_points.line, [{"a": 1, "x": 1}, {"a": 1, "x": 1.0}, {"a": np.int64(1)}]).points
    assert points == [{"a": 1, "x": 1.0}] and type(points[0]["x"]) is float


def test_functions_that_other_processes_cannot_import_are_refused():
    def inner(*, a):
        return {}
    for function in (inner, lambda a: {}, eval("lambda a: {}", {"__name__": "__main__"}), print):
        with pytest.raises(ValueError, match="expected a function of a module"):
            Sweep(function, [{"a": 1}])


def test_other_malformed_sweeps_are_refused():
    with pytest.raises(ValueError, match="at least one point"):
        Sweep(sweep_points.line, [])
    with pytest.raises(ValueError, match="expected a version of tests.sweep_points.kill_at_random, whose results"):
        Sweep(sweep_points.kill_at_random, [{"folder": ".", "n_points": 1, "n_kills": 1, "seed": 1}], record="r.jsonl")
    with pytest.raises(ValueError, match="jobs as an integer >= 1"):
        Sweep(sweep_points.line, [{"a": 1}]).run(0)


# --- tables


def test_a_table_has_a_row_for_every_point_in_their_order(record):
    asked = Sweep(sweep_points.line, grid(x=[2.0, 0.5], a=[3, 1]), record=record)
    with pytest.raises(ValueError, match="got none of the 4 that are asked for, of version 1; try run"):
        asked.read()
    assert not record.exists()
    table = asked.run(1)
    assert list(table.columns) == ["a", "x", "y", "half", "name", "absent", "state", "error"]
    assert list(table.y) == [6.0, 2.0, 1.5, 0.5] and table.half[1] == [0.5, 1.0] and set(table.state) == {"valid"}
    pd.testing.assert_frame_equal(asked.read(), table)
    wider = Sweep(sweep_points.line, grid(x=[2.0, 0.5], a=[3, 7]), record=record).read()
    assert list(wider.state) == ["valid", "not run"] * 2 and list(wider.y.isna()) == [False, True] * 2


def test_recorded_points_are_read_and_not_computed(tmp_path, record):
    log = tmp_path / "log"
    points = grid(a=range(4), log=str(log), seconds=0.0)
    Sweep(sweep_points.logged, points[:2], record=record).run(1)
    assert list(Sweep(sweep_points.logged, points, record=record).run(1).y) == [0, 1, 4, 9]
    assert [entry.split()[0] for entry in log.read_text().splitlines()] == ["0", "1", "2", "3"]


def test_the_number_of_processes_changes_nothing(tmp_path):
    tables = [Sweep(sweep_points.line, grid(a=range(6), x=[0.1, 0.7]), record=tmp_path / f"{jobs}").run(jobs)
              for jobs in (1, 2, 3)]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])


def test_every_point_has_one_thread_wherever_it_runs():
    import torch
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        here = Sweep(sweep_points.threads, grid(a=range(2))).run(1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    there = Sweep(sweep_points.threads, grid(a=range(2))).run(2)
    for table in (here, there):
        assert set(table.torch) == {1} and {n for pools in table.pools for n in pools} == {1}
    assert os.getpid() in set(here.process) and os.getpid() not in set(there.process)


def test_joblib_decides_where_points_run_if_the_caller_has_chosen():
    with joblib.parallel_config(backend="threading", n_jobs=2):
        table = Sweep(sweep_points.threads, grid(a=range(3))).run()
    assert set(table.process) == {os.getpid()}


def test_points_in_threads_of_one_process_count_their_own_time(record):
    sweep = Sweep(sweep_points.busy, grid(a=range(3)), record=record)
    with joblib.parallel_config(backend="threading", n_jobs=3):
        sweep.run()
    times = [line["core_seconds"] for lines in results.read(record).points.values() for line in lines]
    assert len(times) == 3 and all(0.25 <= seconds < 0.5 for seconds in times)  # together 0.75, by the process's clock


def test_points_for_a_gpu_are_refused_where_there_is_none(record):
    import torch
    points = grid(a=range(2), device=["cpu", "cuda", "cuda:1"])
    sweep = Sweep(sweep_points.on_device, points, record=record)
    if torch.cuda.is_available():
        assert set(sweep.run(1).state) == {"valid"}
        return
    with pytest.raises(ValueError, match="expected a GPU, .* for 4 points of lines that .* got none; nothing was comp"):
        sweep.run(1)
    assert not record.exists()
    assert len(Sweep(sweep_points.on_device, points[::3], record=record).run(1)) == 2  # on the CPU


def test_the_caller_may_ask_for_all_cores():
    with joblib.parallel_config(n_jobs=-1):
        assert list(Sweep(sweep_points.line, grid(a=range(3))).run().y) == [0.0, 1.0, 2.0]


def test_a_live_sweep_with_a_failed_point_says_so_in_the_end(tmp_path):
    with pytest.raises(ValueError, match="expected 4 points of .*uneven, got 1 that failed; .*bad luck; the others"):
        Sweep(sweep_points.uneven, grid(a=range(4), flag=str(tmp_path / "none"))).run(1)


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
    (sweep_points.not_finite, "expected result loss to be finite, got nan"),
    (sweep_points.not_a_mapping, "expected a mapping of results, got list"),
    (sweep_points.clash, "expected results with names of their own, got a"),
    (sweep_points.odd_result, "expected result when as a number, text, None or list, got object"),
])
def test_results_that_no_record_can_hold_fail_by_name(function, message, record):
    table = Sweep(function, [{"a": 1}], record=record).run(1)
    assert list(table.state) == ["failed"] and message in table.error[0]


def test_a_line_says_where_a_number_comes_from(record):
    Sweep(sweep_points.line, [{"a": 2}], record=record).run(1)
    found = results.read(record)
    ((line,),) = found.points.values()
    assert line["experiment"] == "line" and line["settings"] == {"a": 2, "x": 1.0} and line["version"] == 1
    assert line["results"]["y"] == 2.0 and line["status"] == "done" and {"seconds", "core_seconds"} <= set(line)
    run = found.runs[line["run"]]
    assert {"processor", "versions", "commit", "dirty", "date", "environment", "data"} <= set(run)
    assert set(run["versions"]) == {
        "python", "numpy", "scipy", "scikit-learn", "numba", "torch", "torchvision", "pillow"}


def test_two_processes_on_one_record_share_the_work(tmp_path, record):
    log = tmp_path / "log"
    log.touch()
    code = ("import sys; from pathlib import Path; from tests import sweep_points; from lib.study.sweep import *;"
            "points = grid(a=[int(a) for a in sys.argv[3].split(',')], log=sys.argv[2], seconds=0.02);"
            "Sweep(sweep_points.logged, points, record=Path(sys.argv[1])).run(1)")
    orders = [",".join(map(str, order)) for order in (range(40), reversed(range(40)))]
    both = [subprocess.Popen([sys.executable, "-c", code, str(record), str(log), order], cwd=toy_book.ROOT,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for order in orders]
    assert [process.wait() for process in both] == [0, 0]
    table = Sweep(sweep_points.logged, grid(a=range(40), log=str(log), seconds=0.02), record=record).read()
    assert list(table.y) == [a * a for a in range(40)] and set(table.state) == {"valid"}
    assert 40 <= len(log.read_text().splitlines()) <= 42  # where the two meet, one point may be in hand twice


def test_what_another_process_has_packed_meanwhile_is_not_computed_again(tmp_path, record, monkeypatch):
    log, real = tmp_path / "log", computing.compute_many
    points = grid(a=range(6), log=str(log), seconds=0.0)

    def slow(function, todo, threads, jobs):
        first = next(todo)
        monkeypatch.setattr(computing, "compute_many", real)
        Sweep(sweep_points.logged, points[2:], record=record).run(1)
        assert n_lines(record) > 0 and not record.with_suffix(".points").exists()
        yield from real(function, itertools.chain([first], todo), threads, jobs)

    monkeypatch.setattr(computing, "compute_many", slow)
    table = Sweep(sweep_points.logged, points, record=record).run(1)
    assert list(table.y) == [a * a for a in range(6)] and set(table.state) == {"valid"}
    assert len(log.read_text().splitlines()) == 6 == len(results.read(record).points)


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
    found.add(first | {"experiment": "other", "settings": {"a": 5, "x": 1.0}})
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
    with pytest.raises(ValueError, match="expected data/images.bin for 2 points of lines .*got nothing there.*try"):
        asked.run(1)
    assert not record.exists()
    images.write_bytes(b"1")
    asked.run(1)
    (run,) = results.read(record).runs.values()
    assert set(run["data"]) == {"data/images.bin"} and len(run["data"]["data/images.bin"]) == 64
    images.unlink()
    assert count(asked.read()) == count(asked.run(1)) == {"valid": 2}  # what is recorded needs no data


def test_workers_of_another_version_are_refused_and_what_is_finished_is_kept(record, tmp_path):
    """A worker imports the function anew, and may find another version of it."""
    (tmp_path / "moving.py").write_text(
        "import os\n\nfrom lib.experiments import experiment\n\n\n"
        "@experiment(version=2 if os.environ.get('NEWER') else 1)\ndef point(*, a: int) -> dict:\n"
        "    return {'y': a}\n")
    code = ("import os, sys; from pathlib import Path; import moving; from lib.study.sweep import Sweep, grid\n"
            "Sweep(moving.point, grid(a=range(2)), record=Path(sys.argv[1])).run(1)\n"
            "os.environ['NEWER'] = '1'\n"
            "Sweep(moving.point, grid(a=range(6)), record=Path(sys.argv[1])).run(2)\n")
    done = subprocess.run([sys.executable, "-c", code, str(record)], capture_output=True, text=True,
                          timeout=patience.LIMIT, env=os.environ | {"PYTHONPATH": f"{toy_book.ROOT}:{tmp_path}"})
    assert "expected workers with version 1 of moving.point, got version 2" in done.stderr
    assert n_lines(record) == 2


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_threads_that_are_no_number_of_them_are_refused(threads):
    with pytest.raises(ValueError, match="expected threads as an integer >= 1"):
        Sweep(sweep_points.line, grid(a=1), threads=threads)


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
    (summary,) = json.loads((run / "sweeps.json").read_text())
    assert (summary["name"], summary["item"], summary["points"], summary["states"]) == ("lines", "3.5", 3,
                                                                                        {"valid": 3})
    assert (run / "progress.txt").read_text().startswith("lines: 1/1 points")
    assert set(summary) >= {"version", "commits", "dates", "processors", "experiment"}


def test_a_chapter_takes_its_share_of_the_cores(monkeypatch):
    monkeypatch.setenv("COMPANION_CORES", "3")
    assert cores() == 3
    monkeypatch.delenv("COMPANION_CORES")
    assert cores() == joblib.cpu_count()
    monkeypatch.setenv("COMPANION_CORES", "many")
    with pytest.raises(ValueError, match="expected COMPANION_CORES as a whole number"):
        cores()


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


# --- progress


def test_progress_counts_and_estimates(record):
    asked = Sweep(sweep_points.logged, grid(a=range(4), log=os.devnull, seconds=[0.0, 0.05]), record=record)
    assert asked.progress() == {"points": 8, "states": {"not run": 8}, "errors": {}, "spent": 0, "rest": None}
    Sweep(sweep_points.logged, grid(a=range(2), log=os.devnull, seconds=[0.0, 0.05]), record=record).run(1)
    found = asked.progress()
    assert found["states"] == {"valid": 4, "not run": 4}
    # The rest is like what has most settings in common: two points of no time, two of 50 ms.
    assert 0.1 <= found["rest"] < 0.2 and 0.0 <= found["spent"] < 0.05


def test_a_log_gets_few_lines(capsys):
    with progress.bar("points", 1000) as bar:
        for number in range(1000):
            if number == 3:
                bar.set_postfix_str("1 failed", refresh=False)
            bar.update()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("points: 0/1000 points") and len(lines) == 2
    assert lines[1].startswith("points: 1000/1000 points, ") and lines[1].endswith("left, 1 failed")


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress.bar("points", 3) as bar:
        for _ in range(3):
            bar.update()
    shown = capsys.readouterr().err
    assert "points: 100%" in shown and "3/3" in shown and "point/s" in shown


def test_durations_are_said_in_words():
    assert [duration(seconds) for seconds in (0, 99, 101, 5990, 6100)] == ["0 s", "99 s", "2 min", "100 min", "1.7 h"]


def test_the_key_of_a_point_does_not_depend_on_the_order_of_its_settings():
    assert settings_key({"b": 1, "a": [2.0]}) == settings_key({"a": [2.0], "b": 1})
