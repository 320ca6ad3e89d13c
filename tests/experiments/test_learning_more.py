"""Searches in one way, and sums in longer chains, agree with the experiments that they stand beside."""

import pytest

from lib.experiments.learning import learning_run, minimal_hidden
from lib.experiments.learning_starts import learning_summed
from lib.experiments.learning_ways import learning_way, minimal_hidden_way
from lib.rbm import partition
from lib.spins import ising

BRIEF = {"field": 1.0, "n_samples": 2000, "n_updates": 300, "n_evaluation": 1000, "n_chains": 50, "burn_in": 20}
SEARCH = BRIEF | {"n_spins": 6, "eps": 0.05, "first": 2, "largest": 6, "n_seeds": 3, "seed": 2}


def test_a_search_in_the_way_of_the_recipe_is_that_of_the_recipe():
    assert minimal_hidden_way(way="PCD-1", **SEARCH) == minimal_hidden(**SEARCH)


def test_a_search_in_another_way_trains_the_machines_of_that_way():
    found = minimal_hidden_way(way="symmetric", **SEARCH)
    for n_hidden, seed, bound in list(zip(found["tried hidden"], found["tried seed"], found["tried bound"]))[:3]:
        assert learning_way(way="symmetric", n_spins=6, n_hidden=n_hidden, seed=seed, **BRIEF)["bound"] == bound
    with pytest.raises(ValueError, match="eps"):
        minimal_hidden_way(way="symmetric", **SEARCH | {"eps": 0.0})


def test_sums_are_those_of_other_experiments_where_both_sum():
    one = {"n_spins": 8, "n_hidden": 3, "seed": 1} | BRIEF
    other = learning_run(**one)
    assert learning_summed(**one) == {name: other[name] for name in learning_summed(**one)}


def test_chains_of_nineteen_spins_are_summed_over(monkeypatch):
    machines = []
    monkeypatch.setattr("lib.rbm.quality.summed", lambda machine, exact, **_: machines.append((machine, exact)) or {})
    found = learning_summed(n_spins=19, n_hidden=2, seed=1, **BRIEF)
    (machine, exact), = machines
    assert found["bound"] is not None and found["summed infidelity"] is None and exact.basis.psi.size == 2**19
    assert exact.energy == pytest.approx(ising.ground_state(19, 1.0)[0], rel=1e-9)
    assert float(partition.probabilities(machine).sum()) == pytest.approx(1, abs=1e-9)
