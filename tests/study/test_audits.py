"""Audits: which points are drawn, how they are compared, and when they contradict a record."""

import json
import signal
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from lib.study import audits, points, provenance, results
from lib.study.audited import BRANCHES, MEASURES, Measures
from lib.study.record_lines import Audit, Point, Run, decode, encode
from lib.study.scatter import Scatter
from tests import patience, toy_book
from tests.tree import ROOT


def toy(n_seeds=3, n_settings=30, *, rng, spread=0.5, drawn=lambda rng, shape: rng.standard_normal(shape)):
    """Two results by settings: the recorded seeds and one seed more, settings with scatters that differ."""
    scatter = np.exp(spread * rng.standard_normal((n_settings, 1, 1)))
    values = scatter * drawn(rng, (n_settings, n_seeds + 1, 2))
    rows = {str(setting): values[setting, :-1] for setting in range(n_settings)}
    return Scatter(rows, dict.fromkeys(rows, "one")), rows, values[:, -1], scatter[:, 0]


def experiment_error(error):
    return ValueError if error is True else error


@pytest.fixture
def experiment(monkeypatch):
    """An experiment of the tests, with two branches."""
    monkeypatch.setitem(MEASURES, "audited_toy", Measures(("double",), plain=("value",)))
    monkeypatch.setitem(BRANCHES, "audited_toy", lambda settings: (settings["way"],))

    def audited_toy(*, way: str, size: int, seed: int) -> dict:
        if audited_toy.error:
            raise experiment_error(audited_toy.error)("it broke")
        value = audited_toy.shift + np.random.default_rng([seed, size]).standard_normal()
        return {"double": 2 * size + audited_toy.wrong, "value": value, "best": 1.0}

    audited_toy.version, audited_toy.data = 1, lambda settings: ("data/set",) if settings["way"] == "read" else ()
    audited_toy.shift, audited_toy.wrong, audited_toy.error = 0.0, 0, False
    return audited_toy


@pytest.fixture
def top(tmp_path, monkeypatch, experiment):
    """A repository with a record of this experiment."""
    (tmp_path / "lib/experiments").mkdir(parents=True)
    (tmp_path / "lib/experiments/toy.py").write_text("@experiment(version=1)\ndef audited_toy(): ...\n")
    monkeypatch.setattr(provenance, "commit", lambda top, besides: ("c0ffee", False))
    write(tmp_path, experiment, [{"way": way, "size": size, "seed": seed} for way in ("made", "read")
                                 for size in range(6) for seed in range(3)])
    return tmp_path


def write(top, experiment, settings, seconds=lambda settings: 6.0, move=0.0):
    """A record of some points, whose results are all moved."""
    record = results.Record()
    for setting in settings:
        found, machine = points.compute(experiment, setting)
        run = Run.named(commit="abc", dirty=False, environment=None, **vars(machine), data={}, date="2026-01-01")
        found.results["value"] += move
        record.add(run)
        record.add(Point(**vars(found) | {"core_seconds": seconds(setting)}, run=run.run))
    results.write(top / "data/records/toy.jsonl", record)


def drawn(top, minutes, commit="c0ffee", here=lambda settings: True):
    return list(audits.draw(audits.load(top, "toy"), commit, minutes, here))


def test_branches_take_turns_and_a_hash_chooses(top):
    first = drawn(top, 1.0)
    assert [line.settings["way"] for line in first] == ["made", "read"] * 5  # ten points of six seconds
    assert first == drawn(top, 1.0) != drawn(top, 1.0, commit="another")
    assert len(drawn(top, 0.05)) == 0 and len(drawn(top, 1000)) == 36
    only = drawn(top, 0.3, here=lambda settings: settings["way"] == "read")
    assert [line.settings["way"] for line in only] == ["read"] * 3


def test_dear_points_are_drawn_only_where_there_are_no_others(top, experiment):
    settings = [{"way": way, "size": size, "seed": 0} for way in ("made", "read") for size in range(1, 5)]
    write(top, experiment, settings, lambda s: 600.0 * s["size"] if s["way"] == "read" or s["size"] == 4 else 6.0)
    assert sorted((line.settings["way"], line.settings["size"]) for line in drawn(top, 100)) == [
        ("made", 1), ("made", 2), ("made", 3), ("read", 1)]


def run_audit(top, experiment, minutes=1.0):
    """Computing takes no time; what counts are the six seconds that the record tells of each point."""
    audits.audit(top, {"toy": experiment}, minutes)
    return audits.summary(top, "toy")


def test_equal_results_are_counted_and_never_drawn_again(top, experiment, capsys):
    found = run_audit(top, experiment, 0.2)
    assert (found["audited"], found["of"], found["p"], found["contradicted"]) == (2, 18 + 18, None, False)
    assert "data/set, which is not here" in capsys.readouterr().out
    assert "no verdict below 5" in found["text"]
    before = audits.audit_file(top, "toy").read_text()
    (top / "data/set").touch()
    found = run_audit(top, experiment, 0.8)
    lines = audits.load(top, "toy").audits
    assert found["audited"] == len(lines) == 10 and found["equal"] == 10 and found["p"] == 1
    assert audits.audit_file(top, "toy").read_text().startswith(before)
    assert found["text"].startswith("audited: 10 of the 36 points of the whole record computed again, last on 20")
    ways = [line.settings["way"] for line in lines.values()]
    assert ways.count("read") == 5  # the branch that was behind has caught up
    assert audits.contradicted(top) == []


@pytest.mark.parametrize("what, value, said", [("shift", 3.0, "p = "), ("wrong", 1, "p = 0"), ("error", True, "p = ")])
def test_other_code_contradicts_the_record(top, experiment, what, value, said):
    (top / "data/set").touch()
    setattr(experiment, what, value)
    found = run_audit(top, experiment)
    assert found["contradicted"] and found["audited"] == 10 and said in found["text"]
    (message,) = audits.contradicted(top)
    assert message.startswith("record toy: expected points that the present code gives again") and "mend it" in message
    assert ("10 with an error" in found["text"]) == (what == "error")
    assert ("other values of double" in found["text"]) == (what == "wrong")


@pytest.mark.parametrize("kind", [MemoryError, OSError])
def test_an_error_of_the_machine_is_no_audit(top, experiment, kind, capsys):
    (top / "data/set").touch()
    experiment.error = kind
    found = run_audit(top, experiment)
    assert found["audited"] == 0 and not found["contradicted"] and "not counted" in capsys.readouterr().out
    experiment.error = False
    assert run_audit(top, experiment)["audited"] == 10  # the same points, as if nothing had been


SLOW = '''import time
from pathlib import Path

from lib.experiments import experiment


@experiment(version=1)
def slow(*, seed: int) -> dict:
    if Path("_build/slow").exists():
        Path("_build/begun").touch()
        time.sleep(1000)
    return {"y": seed}
'''
RECORD = '''```{code-cell} ipython3
:tags: [sweep]

from lib.experiments.slow import slow
from lib.study.sweep import Sweep, grid

record = Sweep(slow, grid(seed=range(3)), record="data/records/slow.jsonl")
```
'''


def test_an_audit_that_is_stopped_is_not_kept_as_one_that_failed(tmp_path):
    top = toy_book.make(tmp_path)
    toy_book.write(top, "lib/experiments/slow.py", SLOW)
    toy_book.write(top, "book/01-first.md", (top / "book/01-first.md").read_text() + RECORD)
    toy_book.write(top, "book/parameters/paper.yml", "")
    toy_book.replace(top, "lib/study/audited.py", "MEASURES = {", 'MEASURES = {\n    "slow": Measures(("y",)),')
    toy_book.replace(top, "lib/study/audited.py", "tuple]] = {", 'tuple]] = {\n    "slow": lambda s: (),')
    toy_book.commit(top)
    assert (done := toy_book.run(top, "records", "1", "--jobs", "1")).returncode == 0, done.stderr
    (top / "_build/slow").touch()
    process = subprocess.Popen(toy_book.command(top, "audit", "1", "1"), cwd=top, env=toy_book.environment(top),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    patience.wait_for((top / "_build/begun").exists)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=patience.LIMIT)
    assert process.returncode == 130 and "stopped; the audits of finished points are kept" in errors
    assert not audits.audit_file(top, "slow").exists()
    (top / "_build/slow").unlink()
    assert (done := toy_book.run(top, "audit", "1", "1")).returncode == 0, done.stderr
    assert {json.loads(line)["status"] for line in audits.audit_file(top, "slow").open()} == {"done"}


def test_a_shifted_record_is_contradicted_and_a_mended_one_is_not(top, experiment):
    (top / "data/set").touch()
    settings = [line.settings for line in audits.load(top, "toy").valid.values()]
    write(top, experiment, settings, move=3.0)
    assert run_audit(top, experiment)["contradicted"]
    write(top, experiment, settings)
    assert not audits.summary(top, "toy")["contradicted"]


def test_audits_of_another_version_do_not_count(top, experiment):
    run_audit(top, experiment)
    settings = [line.settings for line in audits.load(top, "toy").valid.values()]
    (top / "lib/experiments/toy.py").write_text("@experiment(version=2)\ndef audited_toy(): ...\n")
    assert audits.summary(top, "toy")["text"] == "not audited: no valid points that audits can compare"
    experiment.version = 2
    write(top, experiment, settings)
    assert audits.summary(top, "toy")["text"] == "audited: 0 of the 36 points of the whole record computed again"


def test_a_record_with_fewer_points_than_a_verdict_takes_says_so(top, experiment, monkeypatch):
    monkeypatch.delitem(MEASURES, "audited_toy")
    few = [{"way": "made", "size": size, "seed": 1} for size in range(5)]
    write(top, experiment, few[:4])
    assert audits.summary(top, "toy")["text"] == \
        "not audited: its 4 points are fewer than the 5 that a verdict takes"
    write(top, experiment, few)
    assert audits.summary(top, "toy")["text"] == "not audited: no valid points that audits can compare"


def test_points_of_changed_trees_are_counted_and_those_that_are_audited(top, experiment):
    settings = [{"way": "made", "size": size, "seed": seed} for size in range(6) for seed in range(3)]
    write(top, experiment, settings)
    path = top / "data/records/toy.jsonl"
    record = results.read(path)
    clean = next(iter(record.runs.values()))
    other = Run.named(**{name: value for name, value in vars(clean).items() if name != "run"} | {"dirty": True})
    record.add(other)
    for key, (point,) in record.points.items():
        if point.settings["size"] < 4:
            record.points[key] = [replace(point, run=other.run)]
    results.write(path, record)
    run_audit(top, experiment)
    found, n = audits.summary(top, "toy"), 0
    for line in audits.load(top, "toy").audits.values():
        n += line.settings["size"] < 4
    assert (found["recorded"], found["uncommitted"], found["uncommitted audited"]) == (18, 12, n) and 0 < n < 12


def test_committed_points_of_changed_trees_are_audited_and_agree():
    """What the page "Sweeps and records" says of them."""
    found = {path.stem: audits.summary(ROOT, path.stem) for path in (ROOT / "data/records/audits").glob("*.jsonl")}
    changed = {name: facts for name, facts in found.items() if facts["uncommitted"]}
    recorded = {path.stem: results.read(path) for path in (ROOT / "data/records").glob("*.jsonl")}
    assert changed.keys() == {name for name, of in recorded.items() if any(run.dirty for run in of.runs.values())}
    for name, facts in changed.items():
        assert facts["uncommitted audited"] and facts["p"] > audits.CONTRADICTED and not facts["differing"], name


def test_a_record_made_on_a_gpu_says_that_its_audits_take_one(top, experiment, monkeypatch):
    def on_gpu(*, way: str, size: int, seed: int, device: str) -> dict:
        return experiment(way=way, size=size, seed=seed)

    on_gpu.__name__, on_gpu.version, on_gpu.data = experiment.__name__, 1, experiment.data
    settings = [{"way": "made", "size": size, "seed": 1, "device": "cuda"} for size in range(6)]
    write(top, on_gpu, settings)
    text = "audited: 0 of the 6 points of the whole record computed again"
    assert audits.summary(top, "toy")["text"] == f"{text}, which takes a GPU"
    write(top, on_gpu, [*settings, {**settings[0], "device": "cpu"}])
    assert audits.summary(top, "toy")["text"] == text.replace("6", "7")


def test_every_experiment_without_measures_has_a_record_too_short_for_a_verdict():
    for path in sorted((ROOT / "data/records").glob("*.jsonl")):
        found = results.read(path)
        experiments = {point.experiment for same in found.points.values() for point in same}
        assert experiments <= MEASURES.keys() or len(found.points) < audits.LEAST, path.stem


def test_settings_with_one_seed_get_repeats_first(top, experiment):
    write(top, experiment, [{"way": "made", "size": size, "seed": 1} for size in range(8)])
    found = run_audit(top, experiment, 0.6)
    lines = [json.loads(line) for line in audits.audit_file(top, "toy").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["audit", "repeat", "repeat"] * 6
    assert {line["settings"]["seed"] for line in lines} == {1, 2, 3}
    assert found["audited"] == 6 and found["p"] == 1
    write(top, experiment, [{"way": "made", "size": size, "seed": 1} for size in range(8)], move=5.0)
    assert audits.summary(top, "toy")["contradicted"]  # the shift does not pass for scatter


def test_of_two_audits_of_a_point_the_first_counts_wherever_it_stands(top, experiment):
    run_audit(top, experiment)
    path = audits.audit_file(top, "toy")
    lines = path.read_text().splitlines(keepends=True)
    later = [encode(replace(decode(line[:-1], (Audit,)), date="2999-01-01", results={"double": 0, "value": 9.0}))
             for line in lines]
    for both in (lines + later, later + lines):
        path.write_text("".join(both))
        assert audits.summary(top, "toy")["p"] == 1


def test_audits_are_merged_like_records():
    for name in ("fig.jsonl", "audits/fig.jsonl"):
        said = toy_book.git(ROOT, "check-attr", "merge", f"data/records/{name}")
        assert said.endswith("merge: union")


def test_what_follows_from_the_settings_needs_no_scatter_to_be_wrong(top, experiment):
    write(top, experiment, [{"way": "made", "size": size, "seed": 1} for size in range(6)])
    for line in list(audits.load(top, "toy").valid.values()):
        audits.append(top, "toy", audits.kept(Audit, *points.compute(experiment, line.settings), "c0ffee"))
    facts = audits.summary(top, "toy")
    assert facts["p"] is None and facts["text"].endswith("no verdict from so few seeds")
    audits.audit_file(top, "toy").unlink()
    experiment.wrong = 1
    for line in list(audits.load(top, "toy").valid.values()):
        audits.append(top, "toy", audits.kept(Audit, *points.compute(experiment, line.settings), "c0ffee"))
    assert audits.summary(top, "toy")["contradicted"]


def test_a_tree_with_changes_is_refused(top, experiment, monkeypatch):
    monkeypatch.setattr(provenance, "commit", lambda top, besides: ("c0ffee", True))
    with pytest.raises(ValueError, match="expected a tree without changes"):
        run_audit(top, experiment)
    assert not audits.audit_file(top, "toy").exists()


def test_a_damaged_line_is_named(top, experiment):
    run_audit(top, experiment)
    path = audits.audit_file(top, "toy")
    path.write_text(path.read_text().replace('"size":', '"sise":', 1))
    with pytest.raises(ValueError, match=r"toy\.jsonl, line 1: expected a line of a record, got a line"):
        audits.load(top, "toy")


def test_versions_are_read_from_the_source():
    found = provenance.experiment_versions(ROOT)
    assert found["resnet_accuracy"] >= 1 and found.keys() >= MEASURES.keys()
    from lib.experiments.reconstruction import magnetizations
    assert found["magnetizations"] == magnetizations.version
