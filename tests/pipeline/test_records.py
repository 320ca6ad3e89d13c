"""`make records` and `make records-status`, and records in chapters, on a toy book."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lib.pipeline import records
from lib.study import results, surroundings
from lib.study.notebooks import chapter_files, read_chapter
from tests import patience, toy_book

SWEEP = '''```{code-cell} ipython3
:tags: [sweep]

from lib.study.sweep import Sweep, grid
from lib.toy import squares

record = Sweep(
    squares.square, grid(x=heights, seed=range(n_points)),
    record="data/records/squares.jsonl", item="1.1")
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
                   'import os\nfrom pathlib import Path\n\nfrom lib.experiments import experiment\n\n\n'
                   '@experiment(version=1)\ndef square(*, x: float, seed: int) -> dict:\n'
                   '    if seed == 2 and Path(os.environ.get("COMPANION_HOME", "."), "_build/broken").exists():\n'
                   '        raise ValueError("broken")\n'
                   '    return {"y": x * x + seed}\n')
    chapter = (tmp_path / "book/01-first.md").read_text()
    chapter = chapter.replace("inputs: [data/offset.txt]", "inputs: [data/offset.txt, data/records/squares.jsonl]")
    toy_book.write(tmp_path, "book/01-first.md", chapter + "\n" + SWEEP)
    toy_book.commit(tmp_path)
    return tmp_path


def extend(top, *options, **environment):
    return records_in(top, "records", "1", "--jobs", "1", *options, **environment)


def records_in(top, *arguments, **environment):
    if not environment:
        return toy_book.run(top, *arguments)
    return subprocess.run(toy_book.command(top, *arguments), cwd=top, capture_output=True,
                          text=True, env=toy_book.environment(top) | environment)


def recorded(top, place="data/records/squares.jsonl"):
    return results.read(top / place)


@pytest.mark.parametrize("settings", [
    {"GIT_DIR": "{other}/.git", "GIT_WORK_TREE": "{other}", "GIT_INDEX_FILE": "{other}/.git/index"},
    {"COMPANION_HOME": "{other}", "COMPANION_ROOT": "{other}", "PYTHONPATH": "{other}"}],
    ids=lambda settings: " ".join(settings))
def test_records_name_their_own_commit_whatever_the_shell_says(top, tmp_path_factory, settings):
    other = tmp_path_factory.mktemp("other")
    toy_book.write(other, "yaml.py", "raise SystemExit('foreign')\n")
    toy_book.commit(other)
    done = extend(top, **{name: value.format(other=other) for name, value in settings.items()})
    assert done.returncode == 0, done.stderr
    found = {(run.commit, run.dirty) for run in recorded(top).runs.values()}
    assert found == {(toy_book.git(top, "rev-parse", "HEAD"), False)} and len(recorded(top).points) == 4
    assert sorted(path.name for path in other.iterdir()) == [".git", ".gitignore", "yaml.py"]


def test_records_are_extended_by_a_copy_of_the_commit_and_their_state_is_told(top):
    status = records_in(top, "records-status").stdout.splitlines()
    assert status[0].split() == ["chapter", "record", "figure", "points", "spent", "rest,", "on", "one", "core"]
    assert "01       squares  1.1     0 of 4  0 s    unknown, nothing is recorded" in status[1]
    (top / "_build").mkdir(exist_ok=True)
    (top / "_build/broken").touch()
    done = extend(top)
    assert done.returncode == 1 and "; the next run tries them again" in done.stderr
    assert " 4/4 " in done.stderr and "squares: 1 failed: ValueError: broken" in done.stderr
    assert "3 of 4" in (status := records_in(top, "records-status").stdout) and "1 failed" in status
    assert status.splitlines()[-1] == "squares, 1 failed: ValueError: broken"
    (top / "_build/broken").unlink()
    done = extend(top)
    assert done.returncode == 0 and " 1/1 " in done.stderr
    assert "4 of 4  0 s    nothing" in records_in(top, "records-status").stdout
    commit = toy_book.git(top, "rev-parse", "HEAD")
    assert {(run.commit, run.dirty) for run in recorded(top).runs.values()} == {(commit, False)}
    assert len(recorded(top).points) == 4 and not list((top / "_build/records/squares").glob("*.jsonl"))
    done = extend(top, "--params", "n_points=2 heights=[1.0,2.0]")  # the record itself makes no tree dirty
    assert done.returncode == 0 and " 2/2 " in done.stderr and len(recorded(top).points) == 6


def test_a_tree_that_differs_from_its_commit_makes_drafts(top):
    toy_book.replace(top, "lib/toy/squares.py", "x * x + seed", "x * x + seed + 1")
    done = extend(top)
    assert done.returncode == 0 and "what is computed now is a draft in _build/drafts" in done.stderr
    assert not (top / "data/records").exists()
    drafts = recorded(top, "_build/drafts/squares")
    assert {line.results["y"] for lines in drafts.points.values() for line in lines} == {2.0, 3.0, 4.0, 5.0}
    assert {run.dirty for run in drafts.runs.values()} == {True}
    toy_book.git(top, "checkout", "--quiet", ".")
    assert extend(top).returncode == 0
    assert {line.results["y"] for lines in recorded(top).points.values() for line in lines} == {1.0, 2.0, 3.0, 4.0}


def test_a_session_adds_to_a_record_of_the_book_only_what_a_commit_gives(top):
    code = ("from lib.study.sweep import Sweep, grid; from lib.toy import squares;"
            "Sweep(squares.square, grid(x=1.0, seed=range(2)), record='data/records/squares.jsonl').run(1)")
    toy_book.replace(top, "lib/toy/squares.py", "x * x + seed", "x * x + seed + 1")
    run = lambda: subprocess.run([sys.executable, "-c", code], cwd=top, capture_output=True, text=True, check=True,
                                 env=toy_book.environment(top) | {"PYTHONPATH": str(top)})
    assert "the tree differs from its commit: what is computed now is a draft in _build/drafts" in run().stderr
    assert not (top / "data/records").exists() and len(recorded(top, "_build/drafts/squares").points) == 2
    toy_book.git(top, "checkout", "--quiet", ".")
    assert "draft" not in run().stderr
    assert {run.dirty for run in recorded(top).runs.values()} == {False} and len(recorded(top).points) == 2


def test_editing_goes_on_while_records_are_computed(top):
    """The points come from the commit at which the command was given, whatever the tree becomes meanwhile."""
    toy_book.replace(top, "lib/toy/squares.py", "    return {", "    import time\n    time.sleep(0.5)\n    return {")
    toy_book.commit(top)
    then = toy_book.git(top, "rev-parse", "HEAD")
    process = subprocess.Popen(toy_book.command(top, "records", "1", "--params", "n_points=12", "--jobs", "2"),
                               cwd=top, env=toy_book.environment(top), stderr=subprocess.PIPE, text=True)
    patience.wait_for(lambda: (top / "_build/records/squares").exists())
    toy_book.write(top, "lib/toy/squares.py", "in the middle of an edit (")
    toy_book.write(top, "book/01-first.md", "nor is this a chapter")
    assert process.communicate()[1].count("Error") == 0 and process.returncode == 0
    found = recorded(top)
    assert len(found.points) == 12 and {run.commit for run in found.runs.values()} == {then}


def test_a_copy_of_the_commit_is_whole_or_not_there_and_finds_data_that_come_later(top, monkeypatch):
    copy = top / "_build/copies" / toy_book.git(top, "rev-parse", "HEAD")[:12]
    with monkeypatch.context() as stopped:
        def git(*arguments, real=surroundings.git):
            if "clone" not in arguments:
                return real(*arguments)
            (Path(arguments[-1]) / "lib").mkdir(parents=True)  # stopped between the files of a checkout
            raise KeyboardInterrupt
        stopped.setattr(surroundings, "git", git)
        with pytest.raises(KeyboardInterrupt):
            records.copy_of_commit(top)
    assert not copy.exists() and not list(copy.parent.iterdir())
    assert records.copy_of_commit(top) == copy and (copy / "lib/toy/squares.py").is_file()
    assert not (copy / "data/cache").exists() and toy_book.git(copy, "status", "--porcelain") == ""
    toy_book.write(top, "data/cache/set.bin", "images")
    assert records.copy_of_commit(top) == copy and (copy / "data/cache/set.bin").read_text() == "images"
    assert toy_book.git(copy, "status", "--porcelain") == ""


def test_a_tree_without_commits_says_so(top):
    shutil.rmtree(top / ".git")
    done = extend(top, GIT_CEILING_DIRECTORIES=str(top.parent))
    assert done.returncode == 0 and "the tree has no commit: what is computed now is a draft" in done.stderr
    assert not (top / "data/records").exists() and len(recorded(top, "_build/drafts/squares").points) == 4


def test_a_chapter_reads_its_record_and_computes_what_is_live(top):
    toy_book.run(top, "execute", "01")
    failed = json.loads((top / "_build/failed/01-first.json").read_text())
    assert "got none of the 4 that are asked for, of version 1; try run" in failed["error"]
    extend(top)
    before = (top / "data/records/squares.jsonl").read_bytes()
    done = toy_book.run(top, "execute", "01", "--cores", "2")
    assert done.returncode == 0, done.stdout
    run = json.loads((top / "_build/executed/01-first.json").read_text())
    assert [number["value"] for number in run["numbers"] if number["key"] == "toy-squares"] == [4.0 + 6 + 147 + 3]
    (sweep,) = run["sweeps"]
    assert (sweep["name"], sweep["points"], sweep["states"]) == ("squares", 4, {"valid": 4})
    assert sweep["version"] == 1 and "data/records/squares.jsonl" in run["inputs"]["data"]
    notebook = (top / "_build/executed/01-first.ipynb").read_text()
    assert "record-box" in notebook and '"record": "squares"' in notebook and "points/s" not in notebook
    assert (top / "data/records/squares.jsonl").read_bytes() == before
    # What another version made is no longer shown, and the message says so.
    toy_book.replace(top, "lib/toy/squares.py", "version=1", "version=2")
    toy_book.run(top, "execute", "01")
    failed = json.loads((top / "_build/failed/01-first.json").read_text())
    assert "of version 2; try run" in failed["error"]
    # A digit edited by hand is found before anything is computed.
    (top / "data/records/squares.jsonl").write_bytes(before.replace(b'"y":1.0', b'"y":1.5', 1))
    toy_book.run(top, "execute", "01")
    failed = json.loads((top / "_build/failed/01-first.json").read_text())
    assert "squares.jsonl, line 2: expected a line of a record" in failed["error"]


def test_wrong_requests_are_refused_in_a_sentence(top):
    for arguments, words in (
            (("records", "9"), "expected a chapter, got '9'"),
            (("records", "1", "--params", "height=3"), "got height"),
            (("records", "1", "--jobs", "0"), "expected JOBS, the chapters or points to compute at once, as a whole"),
            (("records", "1", "--jobs", "two"), "got 'two'; try JOBS=2"),
            (("records", "1", "--params=n_points = 8"), "without spaces around =, got"),
            (("--profile", "galaxy", "records-status"), "got 'galaxy'"),
            (("records", "1", "--dask", "tcp://127.0.0.1:1"), "expected a Dask scheduler at tcp://127.0.0.1:1")):
        done = records_in(top, *arguments)
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr, done.stderr
    done = records_in(top, "records", "2")
    assert done.returncode == 0 and "chapter 02-second has no records" in done.stdout


def test_a_sweep_cell_that_needs_the_rest_of_the_chapter_is_named(top):
    toy_book.replace(top, "book/01-first.md", "seed=range(n_points)),", "seed=range(len(points))),")
    line = (top / "book/01-first.md").read_text().splitlines().index("from lib.study.sweep import Sweep, grid") + 1
    done = records_in(top, "records-status")
    assert f"01-first.md, line {line}: expected a cell tagged 'sweep' to use the parameters" in done.stderr
    assert "name 'points' is not defined" in done.stderr


@pytest.mark.some(2)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_stopped_run_says_what_is_safe(top, how, jobs):
    toy_book.replace(top, "lib/toy/squares.py", "    return {", "    import time\n    time.sleep(0.3)\n    return {")
    toy_book.commit(top)
    process = subprocess.Popen(toy_book.command(top, "records", "1", "--params", "n_points=100", "--jobs", jobs),
                               cwd=top, env=toy_book.environment(top), stderr=subprocess.PIPE, text=True,
                               # A shell's background jobs ignore interrupts, and so would their children.
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    folder = top / "_build/records/squares"
    patience.wait_for(lambda: len(list(folder.glob("*.jsonl"))) >= 4)
    process.send_signal(how)
    _, errors = process.communicate(timeout=patience.LIMIT)
    assert process.returncode == 130 and "stopped; what was recorded is safe, and the same command goes on" in errors
    assert "Traceback" not in errors
    lines = [line for lines in results.read(top / "data/records/squares.jsonl", folder).points.values()
             for line in lines]
    assert 4 <= len(lines) < 100 and {line.status for line in lines} == {"done"}


def test_every_record_that_the_book_declares_is_there_and_valid():
    for path in chapter_files(toy_book.ROOT):
        for sweep in records.declared_sweeps(toy_book.ROOT, read_chapter(path), "laptop").values():
            assert sweep.item and sweep.progress()["states"].keys() <= {"valid", "failed", "not run"}
            assert sweep.progress()["states"]["valid"] > 0
