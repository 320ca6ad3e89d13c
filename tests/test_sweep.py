"""Sweeps: what is recorded is read, what is missing is computed, and a table says what it rests on."""

import json
import math
import os
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest

from lib.study import provenance, session, standing, workers
from lib.study.progress import Progress, duration
from lib.study.records import Record, settings_key
from lib.study.standing import SpotCheckError
from lib.study.sweep import Sweep, grid
from lib.study.workers import cores
from tests import sweep_points, toy_book


@pytest.fixture
def record(tmp_path):
    return tmp_path / "data" / "lines.jsonl"


@pytest.fixture
def other_code(monkeypatch):
    """Call it, and what was recorded before was made by earlier code; again, and by still earlier code."""
    versions = iter("abcdef")

    def change():
        name = next(versions)
        monkeypatch.setattr(workers, "code_of", lambda function: name * 64)
        standing.spot_results.cache_clear()
    yield change
    standing.spot_results.cache_clear()


def count(table):
    return table.state.value_counts().to_dict()


def n_lines(path):
    return sum(len(lines) for lines in Record(path).points.values())


# --- grids and settings


def test_a_grid_is_every_combination_the_last_axis_fastest():
    assert grid(a=range(2), x=[0.5, 1.0], name="n") == [
        {"a": 0, "x": 0.5, "name": "n"}, {"a": 0, "x": 1.0, "name": "n"},
        {"a": 1, "x": 0.5, "name": "n"}, {"a": 1, "x": 1.0, "name": "n"}]
    assert grid(a=np.arange(2)) == [{"a": 0}, {"a": 1}] and grid(a=np.int64(3)) == [{"a": 3}] and grid() == [{}]


@pytest.mark.parametrize(("point", "message"), [
    ({"b": 1}, "expected the settings of .*line .a, x.*got unknown b"),
    ({"x": 1.0}, "got none for a"),
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
    with pytest.raises(ValueError, match="tolerance of y as a number >= 0, got -1"):
        Sweep(sweep_points.line, [{"a": 1}], tolerance={"y": -1})
    with pytest.raises(ValueError, match="jobs as an integer >= 1"):
        Sweep(sweep_points.line, [{"a": 1}]).run(0)


# --- tables


def test_a_table_has_a_row_for_every_point_in_their_order(record):
    asked = Sweep(sweep_points.line, grid(x=[2.0, 0.5], a=[3, 1]), record=record)
    with pytest.raises(ValueError, match="got none of the 4 that are asked for; try run"):
        asked.read()
    assert not record.exists()
    table = asked.run(1)
    assert list(table.columns) == ["a", "x", "y", "half", "name", "absent", "state", "error"]
    assert list(table.y) == [6.0, 2.0, 1.5, 0.5] and table.half[1] == [0.5, 1.0] and set(table.state) == {"current"}
    pd.testing.assert_frame_equal(asked.read(), table)
    wider = Sweep(sweep_points.line, grid(x=[2.0, 0.5], a=[3, 7]), record=record).read()
    assert list(wider.state) == ["current", "not run"] * 2 and list(wider.y.isna()) == [False, True] * 2


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
    times = [line["core_seconds"] for lines in Record(record).points.values() for line in lines]
    assert len(times) == 3 and all(0.25 <= seconds < 0.5 for seconds in times)  # together 0.75, by the process's clock


def test_points_for_a_gpu_are_refused_where_there_is_none(record):
    import torch
    points = grid(a=range(2), device=["cpu", "cuda", "cuda:1"])
    sweep = Sweep(sweep_points.on_device, points, record=record)
    if torch.cuda.is_available():
        assert set(sweep.run(1).state) == {"current"}
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


def test_backends_that_hand_over_whole_lists_serve_too(tmp_path, record):
    with joblib.parallel_config(backend="multiprocessing", n_jobs=2):
        table = Sweep(sweep_points.line, grid(a=range(5)), record=record).run()
    assert list(table.y) == [0.0, 1.0, 2.0, 3.0, 4.0] and n_lines(record) == 5


def test_a_point_that_fails_is_recorded_and_tried_again(tmp_path, record, capsys):
    flag = tmp_path / "flag"
    asked = Sweep(sweep_points.uneven, grid(a=range(4), flag=str(flag)), record=record)
    table = asked.run(1)
    assert list(table.state) == ["current", "current", "failed", "current"]
    assert table.error[2] == "RuntimeError: bad luck" and list(table.y.isna()) == [False, False, True, False]
    assert "1 failed: RuntimeError: bad luck; the first: {'a': 2," in capsys.readouterr().err
    assert count(asked.read())["failed"] == 1
    flag.touch()
    assert count(asked.run(1)) == {"current": 4} and n_lines(record) == 5


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
    Sweep(sweep_points.line, [{"a": 2}], record=record, data=("data/README.md",)).run(1)
    ((line,),) = Record(record).points.values()
    assert line["function"] == "tests.sweep_points.line" and line["settings"] == {"a": 2, "x": 1.0}
    assert line["results"]["y"] == 2.0 and line["status"] == "done" and len(line["code"]) == 64
    assert set(line["data"]) == {"data/README.md"} and len(line["data"]["data/README.md"]) == 64
    assert {"seconds", "core_seconds", "processor", "versions", "commit", "dirty", "date"} <= set(line)
    assert set(line["versions"]) == {
        "python", "numpy", "scipy", "scikit-learn", "numba", "torch", "torchvision", "pillow"}


def test_two_processes_on_one_record_share_the_work(tmp_path, record):
    log = tmp_path / "log"
    log.touch()
    code = ("import sys; from tests import sweep_points; from lib.study.sweep import *;"
            "points = grid(a=[int(a) for a in sys.argv[3].split(',')], log=sys.argv[2], seconds=0.02);"
            "Sweep(sweep_points.logged, points, record=Path(sys.argv[1])).run(1)")
    orders = [",".join(map(str, order)) for order in (range(40), reversed(range(40)))]
    both = [subprocess.Popen([sys.executable, "-c", code, str(record), str(log), order], cwd=toy_book.ROOT,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for order in orders]
    assert [process.wait() for process in both] == [0, 0]
    table = Sweep(sweep_points.logged, grid(a=range(40), log=str(log), seconds=0.02), record=record).read()
    assert list(table.y) == [a * a for a in range(40)] and set(table.state) == {"current"}
    assert len(log.read_text().splitlines()) <= 42  # where the two meet, one point may be in hand twice


# --- records made by other code, and spot checks


def checked(record, **options):
    return Sweep(sweep_points.line, grid(a=range(3)), record=record, spot={"a": 9}, **options)


def test_code_that_gives_the_same_numbers_revalidates_a_record(record, other_code):
    other_code()
    checked(record).run(1)
    other_code()
    assert count(checked(record).read()) == {"revalidated": 3}  # by computing the spot point again
    size = n_lines(record)
    assert count(checked(record).run(1)) == {"revalidated": 3}
    assert n_lines(record) == size and len(Record(record).revalidations) == 1
    # The file now says so itself: to machines that lack the data, too.
    assert count(Sweep(sweep_points.line, grid(a=range(3)), record=record).read()) == {"revalidated": 3}
    other_code()
    assert count(Sweep(sweep_points.line, grid(a=range(3)), record=record).read()) == {"earlier code": 3}
    assert count(checked(record).read()) == {"revalidated": 3}  # the chain of three


def test_code_that_gives_other_numbers_stops_with_both_values(record, other_code, monkeypatch):
    other_code()
    checked(record).run(1)
    other_code()
    monkeypatch.setattr(sweep_points.line, "__code__", (lambda *, a, x=1.0: {"y": a * x + 1}).__code__)
    for call in (checked(record).read, lambda: checked(record).run(1)):
        with pytest.raises(SpotCheckError, match=r"spot point {'a': 9, 'x': 1.0}, got y = 10.0, recorded 9.0"):
            call()
    assert n_lines(record) == 4
    table = checked(record).run(1, again=True)
    assert list(table.y) == [1.0, 2.0, 3.0] and count(table) == {"current": 3} and n_lines(record) == 8
    assert count(checked(record).read()) == {"current": 3}


def test_everything_is_computed_anew_on_request_also_what_was_revalidated(record, other_code):
    other_code()
    checked(record).run(1)
    other_code()
    assert count(checked(record).run(1)) == {"revalidated": 3}
    size = n_lines(record)
    assert count(checked(record).run(1, again=True)) == {"current": 3}
    assert n_lines(record) == size + 4  # with the spot point of this code


def test_points_that_extend_a_revalidated_record_can_be_checked_by_later_code(record, other_code):
    other_code()
    checked(record).run(1)
    other_code()
    assert count(checked(record).run(1)) == {"revalidated": 3}
    more = Sweep(sweep_points.line, grid(a=range(3, 5)), record=record, spot={"a": 9})
    assert count(more.run(1)) == {"current": 2}
    other_code()
    assert count(more.read()) == {"revalidated": 2}  # the spot point was recorded with them


def test_numbers_within_the_tolerance_are_not_passed_on(record, other_code, monkeypatch):
    monkeypatch.setattr(workers, "_processor", lambda settings: "one")
    monkeypatch.setattr(sweep_points.line, "__code__", (lambda *, a, x=1.0: {"y": a * x}).__code__)
    other_code()
    checked(record, tolerance={"y": 0.5}).run(1)
    monkeypatch.setattr(workers, "_processor", lambda settings: "another")
    monkeypatch.setattr(sweep_points.line, "__code__", (lambda *, a, x=1.0: {"y": a * x + 0.1}).__code__)
    other_code()
    assert count(checked(record, tolerance={"y": 0.5}).run(1)) == {"revalidated": 3}
    assert Record(record).revalidations == []  # only what is equal is noted for others


def test_a_failure_of_the_present_code_is_not_hidden_by_what_earlier_code_could_do(record, other_code, monkeypatch):
    other_code()
    Sweep(sweep_points.line, grid(a=range(3)), record=record).run(1)
    other_code()
    monkeypatch.setattr(sweep_points.line, "__code__", (lambda *, a, x=1.0: {"y": 1 / (a - 1)}).__code__)
    table = Sweep(sweep_points.line, grid(a=range(3)), record=record).run(1)
    assert list(table.state) == ["current", "failed", "current"] and "ZeroDivisionError" in table.error[1]


def test_lines_of_another_function_and_two_results_of_one_point_are_not_used(record):
    Sweep(sweep_points.line, grid(a=range(2), x=1.0), record=record).run(1)
    ((first,), _) = Record(record).points.values()
    Record(record).append(first | {"kind": "point", "function": "tests.other", "settings": {"a": 5, "x": 1.0}})
    asked = Sweep(sweep_points.line, grid(a=[0, 1, 5], x=1.0), record=record)
    assert list(asked.read().state) == ["current", "current", "not run"]
    Record(record).append(first | {"kind": "point", "results": first["results"] | {"y": 7.0}})
    with pytest.raises(ValueError, match="expected one result of a point, got two from the same code and machine"):
        asked.read()


def test_code_that_fails_at_the_spot_point_stops_with_its_error(record, other_code, monkeypatch):
    checked(record).run(1)
    standing.spot_results.cache_clear()
    monkeypatch.setattr(sweep_points.line, "__code__", (lambda *, a, x=1.0: 1 / 0).__code__)
    with pytest.raises(SpotCheckError, match="got an error: ZeroDivisionError"):
        checked(record).read()


def test_a_spot_point_that_fails_stops_the_sweep_before_the_others(record, tmp_path):
    flag = str(tmp_path / "flag")
    sweep = Sweep(sweep_points.uneven, grid(a=range(2), flag=flag), record=record, spot={"a": 2, "flag": flag})
    with pytest.raises(ValueError, match="expected results at the spot point of lines.*got RuntimeError: bad luck"):
        sweep.run(1)
    assert n_lines(record) == 1
    (tmp_path / "flag").touch()
    assert count(sweep.run(1)) == {"current": 2}


def test_without_a_spot_point_earlier_code_is_said_and_computed_anew(record, other_code, capsys):
    asked = Sweep(sweep_points.line, grid(a=range(3)), record=record)
    other_code()
    asked.run(1)
    other_code()
    table = asked.read()
    assert count(table) == {"earlier code": 3} and list(table.y) == [0.0, 1.0, 2.0]
    assert "3 made by earlier code, not compared with the present one" in capsys.readouterr().out
    assert count(asked.run(1)) == {"current": 3} and n_lines(record) == 6


def test_the_tolerance_holds_across_machines_and_not_on_one(record, other_code, monkeypatch):
    def moved(by):
        function = eval(f"lambda *, a, x=1.0: {{'y': a * x + {by}}}")
        monkeypatch.setattr(sweep_points.line, "__code__", function.__code__)
        standing.spot_results.cache_clear()

    moved(0.0)
    checked(record).run(1)
    moved(0.01)
    loose = checked(record, tolerance={"y": 0.02})
    with pytest.raises(SpotCheckError, match="the machine and packages are the same"):
        loose.read()
    moved(1e-13)
    loose.read()  # rounding
    monkeypatch.setattr(workers, "_processor", lambda settings: "another processor")
    moved(0.01)
    loose.read()
    with pytest.raises(SpotCheckError, match="tolerance 0"):
        checked(record).read()
    moved(0.03)
    with pytest.raises(SpotCheckError, match=r"got y = 9.03, recorded 9.0 \(tolerance 0.02\)"):
        loose.read()


def test_absent_data_are_said_and_other_data_are_earlier(tmp_path, record, monkeypatch, capsys):
    monkeypatch.setenv("COMPANION_ROOT", str(tmp_path))
    (tmp_path / "pyproject.toml").write_bytes((toy_book.ROOT / "pyproject.toml").read_bytes())
    images = tmp_path / "data" / "images.bin"
    images.parent.mkdir()
    images.write_bytes(b"1")
    asked = checked(record, data="data/images.bin")
    asked.run(1)
    asked.read()
    assert "equal to the record" in capsys.readouterr().out
    images.unlink()
    assert count(asked.read()) == {"current": 3}  # absent data are not other data
    assert "spot check: not checked: data set absent (data/images.bin)" in capsys.readouterr().out
    more = Sweep(sweep_points.line, grid(a=range(4)), record=record, spot={"a": 9}, data="data/images.bin")
    before = record.read_bytes()
    with pytest.raises(ValueError, match="expected data/images.bin for 1 points .*got nothing there.*try"):
        more.run(1)  # no line of failures
    assert record.read_bytes() == before
    images.write_bytes(b"2")
    assert count(asked.read()) == {"revalidated": 3}  # other data, the same number


def test_the_code_of_a_point_is_its_module_and_what_that_imports(tmp_path):
    top = toy_book.make(tmp_path)

    def digest(name="points"):
        return provenance.function_digest(top, "lib.toy.first", top / "lib/toy/first.py", name)

    then = digest()
    toy_book.replace(top, "lib/toy/deep.py", "Scale a number.", "Say it in other words.")
    assert digest() == then != digest("other")
    toy_book.replace(top, "lib/toy/deep.py", "x * width", "x * width * 2")
    assert digest() != then
    changed = digest()
    toy_book.write(top, "lib/toy/unrelated.py", "x = 1\n")
    assert digest() == changed


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_threads_that_are_no_number_of_them_are_refused(threads):
    with pytest.raises(ValueError, match="expected threads as an integer >= 1"):
        Sweep(sweep_points.line, grid(a=1), threads=threads)


@pytest.mark.parametrize(("edit", "message"), [("return {'y': 2 * a}", "other code"), ("return {", "SyntaxError")])
def test_an_edit_meanwhile_ends_a_sweep_that_has_recorded_what_was_under_way(tmp_path, record, edit, message):
    """A worker that begins after the edit must not end the point that another one, of the code before, is computing."""
    (tmp_path / "edited.py").write_text(
        "import pathlib, time\nkept = []\n\n\ndef point(*, a: int) -> dict:\n"
        "    while a == 0 and not pathlib.Path(__file__).with_name('ended').exists():\n        time.sleep(0.1)\n"
        "    if a > 2:  # a process that grows like this is replaced by joblib after the point\n"
        "        kept.append(b'x' * 400_000_000)\n"
        "    time.sleep(1.2)\n"
        "    return {'y': a}\n")
    (tmp_path / "driver.py").write_text(
        "import pathlib, threading, time\nimport edited\nfrom lib.study.records import Record\n"
        "from lib.study.sweep import Sweep, grid\n"
        f"record, source = pathlib.Path({str(record)!r}), pathlib.Path(edited.__file__)\n"
        "def change():\n"
        "    while not record.exists():\n        time.sleep(0.05)\n"
        f"    source.write_text(source.read_text().replace(\"return {{'y': a}}\", \"{edit}\"))\n"
        "    time.sleep(10)\n    source.with_name('ended').touch()\n"
        "threading.Thread(target=change, daemon=True).start()\n"
        "Sweep(edited.point, grid(a=range(12)), record=record).run(2)\n")
    done = subprocess.run([sys.executable, "driver.py"], cwd=tmp_path, capture_output=True, text=True, timeout=240,
                          env=os.environ | {"PYTHONPATH": f"{toy_book.ROOT}:{tmp_path}"})
    assert f"got {message}" in done.stderr and "what was under way is recorded" in done.stderr
    assert settings_key({"a": 0}) in Record(record).points


# --- in a build


def test_a_build_leaves_the_records_of_the_book_alone(tmp_path, record, monkeypatch):
    monkeypatch.setenv("COMPANION_ROOT", str(tmp_path))
    (tmp_path / "pyproject.toml").write_bytes((toy_book.ROOT / "pyproject.toml").read_bytes())
    run = tmp_path / "run"
    run.mkdir()
    Sweep(sweep_points.line, grid(a=range(2)), record=record).run(1)
    before = record.read_bytes()
    monkeypatch.setenv("COMPANION_RUN", str(run))
    asked = Sweep(sweep_points.line, grid(a=range(3)), record=record, item="3.5")
    assert count(asked.run(1)) == {"current": 3} and record.read_bytes() == before
    (kept,) = (tmp_path / "_build" / "records").iterdir()
    assert kept.name.startswith("tests.sweep_points.line-") and n_lines(kept) == 1
    assert count(asked.run(1)) == {"current": 3} and n_lines(kept) == 1  # found there by the next build
    (summary,) = json.loads((run / "sweeps.json").read_text())
    assert (summary["name"], summary["item"], summary["points"], summary["states"]) == ("lines", "3.5", 3,
                                                                                        {"current": 3})
    assert (run / "progress.txt").read_text().startswith("lines: 1/1 points")


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
    monkeypatch.setattr(session, "show", lambda text, markup: boxes.append((text, markup)))
    asked = Sweep(sweep_points.line, grid(a=range(2)), record=record)
    Sweep(sweep_points.line, grid(a=0), record=record).run(1)
    asked.read()
    asked.run(1)
    assert "1 made by the present code, 1 not run" in boxes[1][0] and "record-partial" in boxes[1][1]
    assert "2 made by the present code" in boxes[2][0] and "record-partial" in boxes[2][1]  # nothing vouches for it
    Sweep(sweep_points.line, grid(a=range(2)), record=record, spot={"a": 0}).read()
    assert "equal to the record" in boxes[3][0] and "record-partial" not in boxes[3][1]


# --- progress


def test_progress_counts_and_estimates(record):
    asked = Sweep(sweep_points.logged, grid(a=range(4), log=os.devnull, seconds=[0.0, 0.05]), record=record)
    assert asked.progress() == {"points": 8, "states": {"not run": 8}, "errors": {}, "spent": 0, "rest": None}
    Sweep(sweep_points.logged, grid(a=range(2), log=os.devnull, seconds=[0.0, 0.05]), record=record).run(1)
    found = asked.progress()
    assert found["states"] == {"current": 4, "not run": 4}
    # The rest is like what has most settings in common: two points of no time, two of 50 ms.
    assert 0.1 <= found["rest"] < 0.2 and 0.0 <= found["spent"] < 0.05


def test_a_log_gets_few_lines(capsys, monkeypatch):
    with Progress("points", 1000) as progress:
        for number in range(1000):
            progress.step(failed=number == 3)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "points: 0/1000 points" and len(lines) == 2
    assert lines[1].startswith("points: 1000/1000 points, ") and lines[1].endswith("points/s, 1 failed")
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with Progress("slow", 4) as progress:
        for _ in range(3):
            now[0] += 40.0
            progress.step()
    assert capsys.readouterr().err.splitlines()[1:] == ["slow: 2/4 points, 1.5 points/min, 80 s left"]


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Progress("points", 3) as progress:
        for _ in range(3):
            progress.step(failed=True)
    shown = capsys.readouterr().err
    assert "points: 100%" in shown and "3/3" in shown and "3 failed" in shown and "point/s" in shown


def test_durations_are_said_in_words():
    assert [duration(seconds) for seconds in (0, 99, 101, 5990, 6100)] == ["0 s", "99 s", "2 min", "100 min", "1.7 h"]


def test_the_key_of_a_point_does_not_depend_on_the_order_of_its_settings():
    assert settings_key({"b": 1, "a": [2.0]}) == settings_key({"a": [2.0], "b": 1})
