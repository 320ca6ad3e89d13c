"""`make records` and `make records-status`, and records in chapters, on a toy book."""

import json
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from lib.study import longruns, provenance
from lib.study.notebooks import chapter_files, read_chapter
from lib.study.records import Record
from tests import toy_book

SWEEP = '''```{code-cell} ipython3
:tags: [sweep]

from lib.study.sweep import Sweep, grid
from lib.toy import squares

record = Sweep(
    squares.square, grid(x=heights, seed=range(n_points)),
    record="data/records/squares.jsonl", item="1.1", spot={"x": 3.0, "seed": 0}, tolerance={"y": 0.1})
```

```{code-cell} ipython3
table = record.read()
live = Sweep(squares.square, grid(x=7.0, seed=range(3))).run()
claims.number("toy-squares", table.y.sum() + live.y.sum(), fmt=".2f")
```
'''


@pytest.fixture
def top(tmp_path):
    """A toy book whose first chapter has a record of four squares, of which none exists."""
    toy_book.make(tmp_path)
    toy_book.write(tmp_path, "book/parameters/paper.yml", "'01':\n  heights: [1.0]\n")
    toy_book.write(tmp_path, "lib/toy/squares.py",
                   'import os\n\n\ndef square(*, x: float, seed: int) -> dict:\n'
                   '    if os.environ.get("BREAK") == str(seed):\n        raise ValueError("broken")\n'
                   '    return {"y": x * x + seed}\n')
    with (tmp_path / "book/01-first.md").open("a") as file:
        file.write("\n" + SWEEP)
    return tmp_path


def extend(top, *options, **environment):
    return longruns_in(top, "extend", "1", "--jobs", "1", *options, **environment)


def longruns_in(top, *arguments, **environment):
    return subprocess.run(toy_book.command(top, *arguments, module="longruns"), cwd=top, capture_output=True,
                          text=True, env=toy_book.environment(top) | environment)


def record(top):
    return Record(top / "data/records/squares.jsonl")


def test_records_are_extended_and_their_state_is_told(top):
    status = longruns_in(top, "status").stdout.splitlines()
    assert status[0].split() == ["chapter", "record", "figure", "points", "spent", "rest,", "on", "one", "core"]
    assert "01       squares  1.1     0 of 4  0 s    unknown, nothing is recorded" in status[1]
    done = extend(top, BREAK="2")
    assert done.returncode == 1 and "1 points failed; the same command tries them again" in done.stderr
    assert "squares: 4/4 points" in done.stderr and "1 failed: ValueError: broken" in done.stderr
    assert "3 of 4" in (status := longruns_in(top, "status").stdout) and "1 failed" in status
    assert status.splitlines()[-1] == "squares, 1 failed: ValueError: broken"
    done = extend(top)
    assert done.returncode == 0 and "squares: 1/1 points" in done.stderr
    assert "4 of 4  0 s    nothing" in longruns_in(top, "status").stdout
    assert len(record(top).points) == 5  # with the spot point
    done = extend(top, "--params", "n_points=2 heights=[1.0,2.0]")
    assert done.returncode == 0 and "squares: 2/2 points" in done.stderr and len(record(top).points) == 7


def test_a_chapter_reads_its_record_and_computes_what_is_live(top):
    toy_book.run(top, "01", module="execute")
    failed = json.loads((top / "_build/failed/01-first.json").read_text())
    assert "got none of the 4 that are asked for; try run" in failed["error"]
    extend(top)
    before = (top / "data/records/squares.jsonl").read_bytes()
    done = toy_book.run(top, "01", "--cores", "2", module="execute")
    assert done.returncode == 0, done.stdout
    run = json.loads((top / "_build/executed/01-first.json").read_text())
    assert [number["value"] for number in run["numbers"] if number["key"] == "toy-squares"] == [4.0 + 6 + 147 + 3]
    (sweep,) = run["sweeps"]
    assert (sweep["name"], sweep["points"], sweep["states"]) == ("squares", 4, {"current": 4})
    assert "equal to the record" in sweep["spot"] and "data/records/squares.jsonl" in run["inputs"]["data"]
    notebook = (top / "_build/executed/01-first.ipynb").read_text()
    assert "record-box" in notebook and "points/s" not in notebook
    assert (top / "data/records/squares.jsonl").read_bytes() == before
    # The code now gives other numbers: the build says so with both.
    toy_book.replace(top, "lib/toy/squares.py", "x * x + seed", "x * x + seed + 1")
    toy_book.run(top, "01", module="execute")
    failed = json.loads((top / "_build/failed/01-first.json").read_text())
    assert "got y = 10.0, recorded 9.0" in failed["error"]
    # A digit edited by hand is found before anything is computed.
    (top / "data/records/squares.jsonl").write_bytes(before.replace(b'"y":9.0', b'"y":9.5', 1))
    toy_book.run(top, "01", module="execute")
    failed = json.loads((top / "_build/failed/01-first.json").read_text())
    assert "squares.jsonl, line 1: expected a line of a record" in failed["error"]


def test_wrong_requests_are_refused_in_a_sentence(top):
    for arguments, words in (
            (("extend", "9"), "expected a chapter, got '9'"),
            (("extend", "1", "--params", "height=3"), "got height"),
            (("extend", "1", "--jobs", "0"), "expected JOBS, the points to compute at once, as a whole number from 1"),
            (("extend", "1", "--jobs", "two"), "got 'two'; try JOBS=2"),
            (("extend", "1", "--params=n_points = 8"), "without spaces around =, got"),
            (("--profile", "galaxy", "status"), "got 'galaxy'"),
            (("extend", "1", "--dask", "tcp://127.0.0.1:1"), "expected a Dask scheduler at tcp://127.0.0.1:1")):
        done = longruns_in(top, *arguments)
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr, done.stderr
    done = longruns_in(top, "extend", "2")
    assert done.returncode == 0 and "chapter 02-second has no records" in done.stdout


def test_a_sweep_cell_that_needs_the_rest_of_the_chapter_is_named(top):
    toy_book.replace(top, "book/01-first.md", "seed=range(n_points)),", "seed=range(len(points))),")
    line = (top / "book/01-first.md").read_text().splitlines().index("from lib.study.sweep import Sweep, grid") + 1
    done = longruns_in(top, "status")
    assert f"01-first.md, line {line}: expected a cell tagged 'sweep' to use the parameters" in done.stderr
    assert "name 'points' is not defined" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_stopped_run_says_what_is_safe(top, how, jobs):
    toy_book.replace(top, "lib/toy/squares.py", "    return {", "    import time\n    time.sleep(0.3)\n    return {")
    process = subprocess.Popen(toy_book.command(top, "extend", "1", "--params", "n_points=100", "--jobs", jobs,
                                                module="longruns"),
                               cwd=top, env=toy_book.environment(top), stderr=subprocess.PIPE, text=True,
                               # A shell's background jobs ignore interrupts, and so would their children.
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    deadline = time.monotonic() + 60
    while len(record(top).points) < 4 and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(how)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and "stopped; what was recorded is safe, and the same command goes on" in errors
    assert "Traceback" not in errors
    lines = [line for lines in record(top).points.values() for line in lines]
    assert 4 <= len(lines) < 100 and {line["status"] for line in lines} == {"done"}


def test_every_sweep_of_the_book_can_be_declared_and_has_a_spot_point_and_a_record():
    for path in chapter_files(toy_book.ROOT):
        for sweep in longruns.declared_sweeps(toy_book.ROOT, read_chapter(path), "paper").values():
            assert sweep.spot is not None and sweep.item and sweep.tolerance
            assert Record(sweep.path).points


def test_every_recorded_point_was_made_by_committed_code():
    """A tree may be dirty by a file that is no code: then the code is that of the commit which the line names."""
    named = set()
    for path in sorted((toy_book.ROOT / "data/records").glob("*.jsonl")):
        named |= {(line["commit"], line["function"], line["code"])
                  for lines in Record(path).points.values() for line in lines if line["dirty"]}
    for commit, function, code in named:
        assert code == code_at(commit, function), (commit, function)


def code_at(commit, function):
    """The digest of the code that a function depended on, at a commit of this repository."""
    found = subprocess.run(["git", "archive", commit, "lib"], cwd=toy_book.ROOT, capture_output=True)
    if found.returncode:
        pytest.skip("the commits that the records name are not here: no git checkout, or a shallow one")
    module, _, name = function.rpartition(".")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["tar", "-x", "-C", folder], input=found.stdout, check=True)
        path = Path(folder, *module.split(".")).with_suffix(".py")
        return provenance.function_digest(Path(folder), module, path, name)
