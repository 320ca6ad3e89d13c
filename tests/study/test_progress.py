"""How far a sweep is: estimates, lines in a log, a bar in a terminal."""

import os

from lib.study import progress
from lib.study.progress import duration
from lib.study.sweep import Sweep, grid
from tests import sweep_points


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
