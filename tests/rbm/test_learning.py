"""The learning criterion against exact sums, its error with autocorrelation, and the search."""

import dataclasses

import numpy as np
import pytest

from lib import rng
from lib.experiments.learning import learning_run, minimal_hidden
from lib.rbm import learning, observables, quality, sampling
from lib.rbm.learning import Recipe, smallest_passing
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from lib.spins import free_fermions, ising

SHORT = Recipe(n_updates=2000, n_evaluation=20_000, n_chains=500, burn_in=100)


@pytest.fixture(scope="module")
def ten():
    return learning.chain(10, 1.0, 5000, seed=1)


@pytest.fixture(scope="module")
def machine(ten):
    return learning.learn(ten, 6, SHORT, seed=1)


def test_the_bound_is_the_printed_one(ten, machine):
    """(6.2) from local energies, as it stands in the thesis, and with the error that knows about autocorrelation."""
    found = learning.evaluate(machine, ten, SHORT, seed=3)
    samples = sampling.sample(machine, SHORT.n_evaluation, seed=rng.child_seed(3, "learning chains"), start=ten.fresh,
                              n_chains=SHORT.n_chains, burn_in=SHORT.burn_in, thin=SHORT.thin)
    values = observables.energy(PositiveState(machine), samples, 1.0)
    exact = free_fermions.ground_state_energy(10, 1.0)
    for name, error in (("bound", values.std(ddof=1) / np.sqrt(values.size)),
                        ("corrected bound", observables.estimate(values).error)):
        ends = [values.mean() + sign * 2.576 * error for sign in (-1, 1)]
        assert found[name] == pytest.approx(max(abs((exact - end) / exact) for end in ends), rel=1e-9)
    assert found["bound"] <= found["corrected bound"]


@pytest.mark.parametrize("field", [0.5, 0.8, 1.0, 1.2, 2.0])
@pytest.mark.parametrize("n_spins", [1, 2, 5, 9])
def test_the_bound_holds_for_the_energy_summed_over_all_states(n_spins, field):
    """Of machines with random weights, which mix fast; 20 of them, so that a bound of 99% may fail once or twice."""
    of, held = learning.chain(n_spins, field, 200, seed=2), 0
    for number in range(20):
        one = Machine.random(n_spins, 3, seed=number, scale=0.5)
        found = learning.evaluate(one, of, SHORT, seed=number)
        true = abs(ising.energy(PositiveState(one).psi().numpy(), field) - of.exact.energy) / abs(of.exact.energy)
        held += true <= found["corrected bound"] + 1e-12
    assert held >= 17


def test_autocorrelation_widens_the_bound_of_chains_without_thinning(ten, machine):
    dense = dataclasses.replace(SHORT, thin=1)
    found = learning.evaluate(machine, ten, dense, seed=1)
    assert found["energy tau"] > 1.03
    plain = found["bound"] - found["energy error"]
    assert found["corrected bound"] - found["energy error"] == pytest.approx(plain * np.sqrt(found["energy tau"]))


def test_evaluation_starts_at_samples_that_are_no_training_rows(ten):
    assert len(ten.fresh) == learning.N_FRESH
    assert not np.array_equal(ten.fresh[:5000], ten.data)
    tried = []
    real = sampling.sample

    def kept(*arguments, **named):
        tried.append(named["start"])
        return real(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "sample", kept)
        learning.evaluate(Machine.random(10, 2, seed=1), ten, SHORT, seed=1)
    assert tried[0] is ten.fresh


def test_a_seed_gives_the_same_first_measurements_however_many_there_are():
    few, many = (learning.chain(7, 1.0, n, seed=3).data for n in (100, 9000))
    assert np.array_equal(few, many[:100])


def test_a_machine_learns_and_a_run_of_the_search_is_that_of_the_experiment():
    settings = {"n_spins": 4, "field": 1.0, "n_samples": 20_000, "n_updates": 10_000, "n_evaluation": 20_000,
                "n_chains": 500, "burn_in": 100}
    found = minimal_hidden(**settings, eps=0.01, first=3, largest=4, n_seeds=1, seed=5)
    assert found["smallest"] == 2 and found["tried learnt"] == [int(bound <= 0.01) for bound in found["tried bound"]]
    one = learning_run(**settings, n_hidden=3, seed=5)
    assert one["bound"] == found["tried bound"][0] and one["corrected bound"] == found["tried corrected"][0]
    assert one["bound"] < 0.01 and one["summed energy error"] < 0.01
    assert one["magnitudes"] == sorted(one["magnitudes"], reverse=True) and len(one["magnitudes"]) == 12
    assert one["weights needed"] is None and one["pruned left"] == []


@pytest.mark.parametrize("way", learning.WAYS)
def test_every_way_to_train_learns_and_is_the_one_that_it_says(way):
    from lib.experiments.learning_ways import learning_way

    few = {"n_updates": 2000, "n_evaluation": 2000, "n_chains": 100, "burn_in": 50}
    of = learning.chain(4, 1.0, 2000, seed=2)
    recipe = Recipe(**few)
    start, found = (learning.learn(of, 3, one, seed=2, way=way) for one in (Recipe(n_updates=20), recipe))
    errors = [quality.summed(one, of.exact, n_samples=2000)["energy error"] for one in (start, found)]
    assert errors[1] < errors[0] / 4
    balanced = (found.visible_bias + found.weights.sum(1) / 2).abs().max() < 1e-5
    assert bool(balanced) is (way == "symmetric")
    if way != "PCD-1":
        assert not np.allclose(found.weights, learning.learn(of, 3, recipe, seed=2).weights)
    result = learning_way(way=way, n_spins=4, field=1.0, n_hidden=3, n_samples=2000, seed=2, **few)
    assert result["bound"] == learning.evaluate(found, of, recipe, seed=rng.child_seed(2, "judge"))["bound"]


def test_a_way_that_is_none_is_refused(ten):
    with pytest.raises(ValueError, match='expected a way among PCD-1, .* got "?.?SGD.*try way="CD-1"'):
        learning.learn(ten, 3, SHORT, seed=1, way="SGD")


def test_pruning_stops_at_the_first_step_that_is_not_made_good():
    run = learning_run(n_spins=6, field=1.0, n_hidden=3, n_samples=5000, n_updates=10_000, prune_updates=1000,
                       prune_rounds=2, eps=0.01, seed=1, n_evaluation=10_000, n_chains=500, burn_in=100)
    left, bounds = run["pruned left"], run["pruned bound"]
    assert left[0] == 11 and left == sorted(left, reverse=True) and len(left) == len(bounds) >= 2
    assert all(bound <= 0.01 for bound in bounds[:-1]) and bounds[-1] > 0.01
    assert run["weights needed"] == left[-2]


# --- the search


@pytest.mark.parametrize("threshold", [1, 2, 3, 7, 8, 19, 20])
@pytest.mark.parametrize("first", [1, 2, 5, 10, 20])
@pytest.mark.parametrize("n_seeds", [1, 2, 3, 5])
def test_the_search_finds_a_sharp_threshold_from_anywhere_with_few_machines(threshold, first, n_seeds):
    search = smallest_passing(lambda size, number: size >= threshold, first=first, largest=20, n_seeds=n_seeds)
    assert search.smallest == threshold
    assert threshold == 1 or not any(search.outcomes[threshold - 1])
    assert len(search.outcomes) <= 9 and all(len(seen) <= (n_seeds + 2) // 2 for seen in search.outcomes.values())


@pytest.mark.parametrize("n_seeds, passing, found", [(5, 3, True), (5, 2, False), (4, 2, True), (4, 1, False),
                                                     (1, 1, True), (1, 0, False)])
def test_half_of_the_machines_decide(n_seeds, passing, found):
    """Whichever of them come first."""
    failing = n_seeds - passing
    for order in ([True] * passing + [False] * failing, [False] * failing + [True] * passing):
        search = smallest_passing(lambda size, number, order=order: order[number], first=1, largest=1, n_seeds=n_seeds)
        assert (search.smallest == 1) is found


def test_a_search_that_finds_nothing_says_so_with_the_best_seen():
    search = smallest_passing(lambda size, number: False, first=3, largest=10, n_seeds=3)
    assert search.smallest is None and list(search.outcomes) == [3, 5, 8, 10]
    found = minimal_hidden(n_spins=5, field=1.0, n_samples=200, eps=1e-9, first=1, largest=3, n_seeds=1, seed=1,
                           n_updates=4, n_evaluation=100, n_chains=10, burn_in=1)
    assert found["smallest"] is None and found["best bound"] == min(found["tried bound"])
    assert found["best hidden"] in found["tried hidden"] == [1, 2, 3]


def test_training_that_diverges_counts_as_not_learnt():
    wild = {"n_spins": 4, "field": 1.0, "n_samples": 100, "learning_rate": 1e39, "n_updates": 2, "n_evaluation": 10,
            "n_chains": 2, "seed": 1}
    assert learning_run(**wild, n_hidden=2, prune_updates=2)["bound"] is None
    found = minimal_hidden(**wild, eps=0.1, first=1, largest=2, n_seeds=1)
    assert found["smallest"] is found["best bound"] is found["best hidden"] is None and found["tried learnt"] == [0, 0]


# --- what is refused


GOOD = {"n_spins": 4, "field": 1.0, "n_hidden": 2, "n_samples": 100, "seed": 1, "n_updates": 2, "n_evaluation": 10,
        "n_chains": 2, "burn_in": 1}


@pytest.mark.parametrize("settings, message", [
    ({"n_hidden": 0}, "expected n_hidden to be an integer >= 1, got 0; try n_hidden=1"),
    ({"n_hidden": 2.5}, "expected n_hidden to be an integer >= 1, got 2.5"),
    ({"n_hidden": True}, "expected n_hidden to be an integer >= 1, got True"),
    ({"eps": 0}, "expected eps > 0, .* got 0; try eps=0.002"),
    ({"eps": -0.002}, "expected eps > 0"), ({"eps": float("nan")}, "expected eps > 0, .* got nan"),
    ({"eps": "0.002"}, "expected eps > 0"), ({"eps": float("inf")}, "expected eps > 0"),
    ({"n_samples": 99}, "expected n_samples as an integer of at least a batch, 100, got 99; try n_samples=100"),
    ({"n_samples": 0}, "expected n_samples to be an integer >= 1, got 0"),
    ({"field": -1.0}, "expected field to be a finite number >= 0"),
    ({"n_spins": 0}, "expected n_spins to be an integer >= 1, got 0"),
    ({"n_updates": 0}, "expected n_updates to be an integer >= 1, got 0; try n_updates=100000"),
    ({"thin": 0}, "expected thin to be an integer >= 1, got 0; try thin=10"),
    ({"prune_rounds": 0}, "expected prune_rounds to be an integer >= 1, got 0"),
    ({"learning_rate": -1.0}, "expected learning_rate to be a finite number >= 0, got -1.0"),
    ({"seed": -1}, "expected seed to be an integer >= 0, got -1")])
def test_settings_that_make_no_sense_are_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        learning_run(**GOOD | settings)


@pytest.mark.parametrize("settings, message", [
    ({"eps": 0.0}, "expected eps > 0"), ({"first": 0}, "expected first to be an integer >= 1, got 0"),
    ({"largest": 0}, "expected largest to be an integer >= 1, got 0"),
    ({"first": 4}, "expected the first size to be at most the largest, 3, got 4; try first=3"),
    ({"n_seeds": 0}, "expected n_seeds to be an integer >= 1, got 0")])
def test_searches_that_make_no_sense_are_refused_by_name(settings, message):
    search = {name: value for name, value in GOOD.items() if name != "n_hidden"}
    with pytest.raises(ValueError, match=message):
        minimal_hidden(**search | {"eps": 0.1, "first": 1, "largest": 3, "n_seeds": 1} | settings)


@pytest.mark.parametrize("n_spins", [1, 9, 11, 20])
def test_a_machine_of_another_chain_is_refused_by_its_width(ten, n_spins):
    with pytest.raises(ValueError, match=f"{n_spins}.*10|10.*{n_spins}"):
        learning.evaluate(Machine.random(n_spins, 2, seed=1), ten, SHORT, seed=1)


def test_the_measures_are_those_of_chapter_7(ten, machine):
    found = learning.evaluate(machine, ten, SHORT, seed=3)
    assert {*quality.summed(machine, ten.exact, n_samples=100)} <= {*found}
