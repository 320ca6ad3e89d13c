"""Sweeps: what is recorded is read, what is missing is computed, and a table says what it rests on."""

import math
import os
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest

from lib.study import results
from lib.study.points import cores
from lib.study.results import settings_key
from lib.study.sweep import Sweep, grid
from tests import patience, sweep_points, toy_book


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
    ({"a": 1, "x": math.nan}, "expected setting x as a finite number, .*got nan"),
    ({"a": 1, "x": {}}, "expected setting x as a finite number, text, None or list, got dict"),
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
    for function in (inner, lambda a: {}, eval("lambda a: {}", {"__name__": "__main__"})):
        with pytest.raises(ValueError, match="expected a function of a module"):
            Sweep(function, [{"a": 1}])


def test_other_malformed_sweeps_are_refused():
    with pytest.raises(ValueError, match="at least one point"):
        Sweep(sweep_points.line, [])
    with pytest.raises(ValueError, match="expected a version of tests.sweep_points.kill_at_random, whose results"):
        Sweep(sweep_points.kill_at_random, [{"folder": ".", "n_points": 1, "n_kills": 1, "seed": 1}], record="r.jsonl")


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
    times = [line.core_seconds for lines in results.read(record).points.values() for line in lines]
    assert len(times) == 3 and all(0.25 <= seconds < 0.5 for seconds in times)  # together 0.75, by the process's clock


def test_points_for_a_gpu_are_refused_where_there_is_none(record):
    import torch
    points = grid(a=range(2), device=["cpu", "cuda", "cuda:1"])
    sweep = Sweep(sweep_points.on_device, points, record=record)
    if torch.cuda.is_available():
        assert set(sweep.run(1).state) == {"valid"}
        return
    with pytest.raises(ValueError, match="expected a GPU, .* for 4 points of lines, got none; nothing was comp"):
        sweep.run(1)
    assert not record.exists()
    assert len(Sweep(sweep_points.on_device, points[::3], record=record).run(1)) == 2  # on the CPU


def test_the_caller_may_ask_for_all_cores():
    with joblib.parallel_config(n_jobs=-1):
        assert list(Sweep(sweep_points.line, grid(a=range(3))).run().y) == [0.0, 1.0, 2.0]


def test_a_live_sweep_with_a_failed_point_says_so_in_the_end(tmp_path):
    with pytest.raises(ValueError, match="expected 4 points of .*uneven, got 1 that failed; .*bad luck; the others"):
        Sweep(sweep_points.uneven, grid(a=range(4), flag=str(tmp_path / "none"))).run(1)


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


def test_a_chapter_takes_its_share_of_the_cores(monkeypatch):
    monkeypatch.setenv("COMPANION_CORES", "3")
    assert cores() == 3
    monkeypatch.delenv("COMPANION_CORES")
    assert cores() == joblib.cpu_count()


def test_the_key_of_a_point_does_not_depend_on_the_order_of_its_settings():
    assert settings_key({"b": 1, "a": [2.0]}) == settings_key({"a": [2.0], "b": 1})
