"""What audits compare of every experiment: machines of a search one by one, and all that is committed."""

import importlib
import json
from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest

from lib.study import audits, points, results, surroundings
from lib.study.audited import MEASURES, PARTS
from lib.study.record_lines import Audit
from lib.study.results import settings_key
from tests.tree import ROOT

AUDITED = sorted(path.stem for path in (ROOT / "data/records/audits").glob("*.jsonl"))


@pytest.mark.parametrize("name, of", [
    ("learning.minimal_hidden", {"field": 1.0, "n_chains": 10, "burn_in": 3}),
    ("learning_chains.minimal_hidden_broken", {"field": 0.7, "n_chains": 10, "burn_in": 3}),
    ("learning_chains.minimal_hidden_chain", {"model": "XXZ", "parameter": 0.5}),
])
def test_a_search_is_audited_machine_by_machine_and_each_alone_gives_its_bound(name, of):
    module, name = name.split(".")
    search_for = getattr(importlib.import_module(f"lib.experiments.{module}"), name)
    few = {"n_updates": 20, "batch_size": 20, "n_training_chains": 9, "n_evaluation": 40}
    search = {"n_spins": 5, "n_samples": 60, "eps": 0.001, "first": 2, "largest": 4, "n_seeds": 3, "seed": 1,
              **few, **of}
    line, _ = points.compute(search_for, search)
    bounds = line.results["tried bound"]
    parts = list(PARTS[name](line))
    assert [part.results["best bound"] for part in parts] == bounds and len(bounds) > 3
    assert sum(part.core_seconds for part in parts) == pytest.approx(line.core_seconds)
    for part in parts:
        alone = search_for(**part.settings)
        assert alone["tried hidden"] == [part.settings["first"]] and alone["smallest"] is None
        assert alone["tried seed"] == [part.settings["seed"]]
        assert alone["best bound"] == pytest.approx(part.results["best bound"], rel=1e-9)
    wider, _ = points.compute(search_for, {**search, "eps": 0.002})
    common = {settings_key(part.settings) for part in PARTS[name](wider)}
    assert common & {settings_key(part.settings) for part in parts}  # a machine of two searches is one


def test_machines_of_committed_searches_are_many_and_each_there_once(committed):
    found = committed["fig-6-2-smallest"]
    several = [json.loads(key) for key in found.valid]
    assert all(one["first"] == one["largest"] and one["n_seeds"] == 1 for one in several)
    assert len(several) > 300 and found.scatter().freedom > 100
    assert "single runs" in audits.summary(ROOT, "fig-6-2-smallest")["text"]


@pytest.fixture(scope="module")
def committed():
    """The committed records with their audits, read once."""
    return {path.stem: audits.load(ROOT, path.stem) for path in sorted((ROOT / "data/records").glob("*.jsonl"))}


def test_every_committed_record_can_be_audited(committed):
    for name, found in committed.items():
        for experiment in {line.experiment for line in found.valid.values()}:
            known = {result for line in found.valid.values() for result in line.results}
            assert known.issuperset(result for results in MEASURES[experiment] for result in results), name
        assert not found.valid or found.scatter().freedom >= 5, name


@pytest.mark.parametrize("name", AUDITED)
def test_a_committed_record_stands_and_moved_by_three_scatters_it_would_not(committed, name):
    found = committed[name]
    if len(found.audits) < audits.LEAST:
        pytest.skip("too few audits of this version")
    assert audits.p_value(found, draws=4000) > audits.CONTRADICTED
    scatter, values = found.scatter(), audits.values_of
    moved = {key: 3 * np.sqrt(scatter.variance(audits._group(line))) for key, line in found.valid.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audits, "values_of", lambda line: values(line) + (
            0.0 if isinstance(line, Audit) else moved.get(settings_key(line.settings), 0.0)))
        assert audits.p_value(found, draws=20_000) < audits.CONTRADICTED


@pytest.mark.parametrize("name", AUDITED)
def test_the_first_audits_of_a_record_are_those_of_the_draw(committed, name):
    """Passed over are only points that came later, and those that had no room in the time that was left."""
    found = committed[name]
    commit = min((line.date, place, line.commit) for place, line in enumerate(found.audits.values()))[2]
    first = {key: line for key, line in found.audits.items() if line.commit == commit}
    runs = results.read(ROOT / f"data/records/{name}.jsonl").runs

    @cache
    def later(run):
        return surroundings.git(ROOT, "merge-base", "--is-ancestor", runs[run].commit, commit).returncode == 1

    taken, dear = Counter(map(audits.branch_of, first.values())), defaultdict(list)
    fresh = found._replace(audits={}, valid={key: line for key, line in found.valid.items() if not later(line.run)})
    for line in audits.draw(fresh, commit, 1e6, lambda settings: not settings.get("device", "").startswith("cuda")):
        branch = audits.branch_of(line)
        if first.pop(settings_key(line.settings), None):
            taken[branch] -= 1
            assert all(seconds > line.core_seconds for seconds in dear[branch])
        elif taken[branch]:
            dear[branch].append(line.core_seconds)
    assert not first
