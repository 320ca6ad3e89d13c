"""How far a sweep is: what is recorded, and a bar that moves in a terminal, seldom in a log."""

import os
from types import SimpleNamespace

from lib.pipeline import execute
from lib.study import session
from lib.study.sweep import Sweep, grid
from tests import sweep_points


def test_facts_count_points_and_their_cost(record):
    asked = Sweep(sweep_points.logged, grid(a=range(4), log=os.devnull, seconds=[0.0, 0.05]), record=record)
    found = asked.progress()
    assert (found["points"], found["states"], found["errors"]) == (8, {"not run": 8}, {})
    assert found["spent"] == 0 and found["commits"] == found["dates"] == []
    Sweep(sweep_points.logged, grid(a=range(2), log=os.devnull, seconds=[0.0, 0.05]), record=record).run(1)
    assert asked.progress()["states"] == {"valid": 4, "not run": 4} and len(asked.progress()["dates"]) == 2


def walk(n_points):
    with session.progress("walk", n_points) as bar:
        for _ in range(n_points):
            bar.update()


def test_a_log_gets_few_lines(capsys):
    walk(1000)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 2 and " 0/1000 " in lines[0] and " 1000/1000 " in lines[1]


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    walk(3)
    shown = capsys.readouterr().err
    assert "walk: 100%" in shown and "3/3" in shown and "points/s" in shown


def test_a_run_of_a_build_has_it_in_a_file(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COMPANION_RUN", str(tmp_path))
    walk(3)
    assert capsys.readouterr().err == "" and " 3/3 " in (tmp_path / session.PROGRESS).read_text().rpartition("\r")[2]


def test_a_build_says_where_a_chapter_is_in_one_line_each_time(monkeypatch, tmp_path):
    monkeypatch.setenv("COMPANION_RUN", str(tmp_path))
    chapter = SimpleNamespace(stem="05-a", cells=[1, 2])
    following = SimpleNamespace(chapter=chapter, cell=2, seconds=lambda: 14.0)
    with session.progress("walk", 3) as bar:
        bar.mininterval = 0
        for _ in range(2):
            bar.update()
        line = execute._state(following, tmp_path / session.PROGRESS, 60.0)
    assert line.startswith("05-a: cell 2 of 2, 14 s of about 60 s; walk:")
    assert " 2/3 " in line and line.count("walk") == 1 and "\n" not in line
