"""The pruning experiment of chapter 7 as a point of a sweep, and the loop inside it."""

import inspect

import numpy as np
import pytest
import torch

from lib.experiments import pruning as experiment
from lib.experiments.pruning import ERRORS, RETRAINED, pruning_run
from lib.pruning import bands
from lib.pruning.magnitude import by_magnitude
from lib.rbm import pruning, quality
from lib.rbm.pruning import CRITERIA, moments, prune
from lib.rbm.training import Diverged, TrainingSettings, train
from lib.spins import ising
from lib.study import points
from tests import oracles
from tests.rbm.test_machine import make_machine, parameters

SMALL = {"n_spins": 6, "field": 1.0, "n_hidden": 4, "n_samples": 10000, "epochs": 60, "measure_every": 25,
         "criterion": "magnitude", "n_steps": 6, "fine_tune_epochs": 5, "seed": 3, "n_control": 3,
         "n_evaluation": 1000, "n_chains": 100, "burn_in": 20, "thin": 2, "n_training_chains": 40}
LEFT = [24, 14, 13, 12, 11, 10, 9]  # 9.6 of 24, then at least one each: 0.7, 0.65, ...
DATA = (np.random.default_rng(0).random((300, 5)) < [0.2, 0.4, 0.5, 0.6, 0.8]).astype(np.uint8)
BRIEF = TrainingSettings(epochs=1, learning_rate=0.1)


@pytest.fixture(scope="module")
def point():
    return pruning_run(**SMALL, retrain_after=[1, 5])


# --- the loop


@pytest.mark.parametrize("criterion", CRITERIA[:-1])
def test_each_step_has_exactly_the_weights_of_the_schedule(criterion):
    machine, before = make_machine(5, 4), None
    steps = list(prune(machine, DATA, [12, 11, 7, 7, 1, 0], BRIEF, criterion=criterion, seed=2))
    assert [step.n_weights for step in steps] == [12, 11, 7, 7, 1, 0]
    for step in steps:
        assert int(step.weights.count_nonzero()) == step.n_weights
        assert before is None or not (step.mask & ~before).any()
        before = step.mask
    assert machine.mask is None


def test_the_smallest_go_first_and_biases_are_not_touched():
    machine = make_machine(5, 4)
    (first,) = prune(machine, DATA, [12], None, criterion="magnitude", seed=2)
    np.testing.assert_array_equal(first.mask, by_magnitude(machine.weights.numpy(), None, 12))
    kept = machine.weights.abs()[first.mask]
    assert kept.min() > machine.weights.abs()[~first.mask].max()
    assert torch.equal(first.weights[first.mask], machine.weights[first.mask])
    assert torch.equal(first.visible_bias, machine.visible_bias)
    assert torch.equal(first.hidden_bias, machine.hidden_bias)


def test_pruning_nothing_changes_nothing_and_pruning_everything_leaves_the_biases():
    machine = make_machine(5, 4)
    for criterion in CRITERIA:
        for same in prune(machine, DATA, [20, 20], None, criterion=criterion, seed=2):
            np.testing.assert_array_equal(same.weights, machine.weights)
    rounds = list(prune(machine, DATA, [3, 2], BRIEF, criterion="none", seed=2))  # only the number of steps counts
    assert [step.n_weights for step in rounds] == [20, 20] and not torch.equal(rounds[0].weights, rounds[1].weights)
    (empty,) = prune(machine, DATA, [0], None, criterion="magnitude", seed=2)
    up = 1 / (1 + np.exp(-machine.visible_bias.numpy()))
    product = np.prod(np.where(oracles.states(5) == 1, up, 1 - up), axis=1)
    np.testing.assert_allclose(oracles.rbm_probabilities(*parameters(empty)), product, rtol=1e-12)


def test_one_seed_gives_one_sequence_and_another_another():
    def run(seed, criterion="random"):
        return [step.weights.numpy() for step in prune(make_machine(5, 4), DATA, [12, 6], BRIEF, criterion=criterion,
                                                       seed=seed)]

    np.testing.assert_array_equal(run(2), run(2))
    assert all((a != b).any() for a, b in zip(run(2), run(3)))
    assert (run(2)[0] != run(2, "magnitude")[0]).any() and (run(2)[0] != run(2, "unit")[0]).any()


def test_rounds_of_fine_tuning_draw_other_numbers(monkeypatch):
    seeds = []

    def recorded(machine, data, settings, *, seed, **others):
        seeds.append(seed)
        return train(machine, data, settings, seed=seed, **others)

    for module in (experiment, pruning):
        monkeypatch.setattr(module, "train", recorded)
    pruning_run(**SMALL, retrain_after=[1, 5])
    assert len(seeds) == len(set(seeds)) == 1 + 3 + 6 + len(RETRAINED) * 2


def test_moments_by_sum_and_by_samples_and_by_the_joint_table(monkeypatch):
    machine = make_machine(4, 3, 0.8)
    expected = oracles.states(4).T @ oracles.rbm_joint(*parameters(machine)) @ oracles.states(3)
    np.testing.assert_allclose(moments(machine, DATA[:, :4], seed=1), expected, atol=1e-12)
    monkeypatch.setattr(quality, "MAX_SUMMED_SPINS", 3)
    sampled = moments(machine, DATA[:, :4], seed=1).numpy()
    assert 0 < np.abs(sampled - expected).max() < 0.01
    # The Fisher criterion uses them.
    monkeypatch.undo()
    (step,) = prune(machine, DATA[:, :4], [5], None, criterion="fisher", seed=1)
    scores = parameters(machine)[0] ** 2 * expected * (1 - expected)
    assert set(np.flatnonzero(step.mask)) == set(np.argsort(-scores.ravel())[:5])


def test_bad_schedules_and_criteria_are_refused_before_the_first_step():
    machine = make_machine(5, 4)
    with pytest.raises(ValueError, match="criterion among magnitude, unit, fisher, random, none, got 'size'; try"):
        prune(machine, DATA, [12], BRIEF, criterion="size", seed=2)
    with pytest.raises(ValueError, match="from 0 to 20, the weights that there are before step 1, got 21"):
        prune(machine, DATA, [21], BRIEF, criterion="magnitude", seed=2)
    (once,) = prune(machine, DATA, [12], None, criterion="magnitude", seed=2)
    with pytest.raises(ValueError, match="from 0 to 12, .*step 1, got 13"):
        prune(once, DATA, [13], BRIEF, criterion="magnitude", seed=2)


# --- the point


def test_the_lists_belong_together(point):
    stages = {"training": 4, "control": 3, "pruning": 7, **dict.fromkeys(RETRAINED, 2)}
    names = {name.removeprefix("pruning ") for name in point if name.startswith("pruning ")}
    assert {"kl", "eROE", "mROE", "correlation", "histogram", "weights left", "components", "joined"} <= names
    for stage, length in stages.items():
        assert all(len(point[f"{stage} {name}"]) == length for name in names)
    assert point["training epochs"] == [0, 25, 50, 60] and point["retrained after"] == [1, 5]
    assert point["failed step"] is point["failure"] is None
    assert point["pruning weights left"] == LEFT
    assert point["training weights left"] == [24] * 4 and point["control weights left"] == [24] * 3
    assert point["pruning kl"][0] == point["control kl"][-1]
    assert all(len(row) == 7 and sum(row) == pytest.approx(1) for row in point["pruning histogram"])
    assert all(len(row) == 4 for row in point["pruning correlation"])
    assert set(RETRAINED) == {"same mask", "local mask", "random mask", "fewer units"}
    assert all(point[f"{kind} mask weights left"] == [14, 10] for kind in ("same", "local", "random"))
    assert point["fewer units weights left"] == [12, 12]  # two units of six weights


def test_the_graph_says_which_spins_are_joined(point):
    assert all(len(row) == 4 and row[0] == 1 for row in point["pruning joined"])
    for row, count, largest in zip(*(point[f"pruning {name}"] for name in ("joined", "components", "largest"))):
        assert sum(row) <= largest <= 6 and (count > 1 or (sum(row) == 4 and largest == 6))
    # Four of six spins, the middle one first; site 3 is cut off from it, sites 4 and 5 are reached without it.
    mask = np.zeros((6, 2), bool)
    mask[[0, 2, 4, 5], 0] = mask[[1, 3], 1] = True
    found = experiment._graph(make_machine(6, 2).pruned(mask))
    assert found["joined"] == [1, 0, 1, 1] and found["largest"] == 4 and found["components"] == 2


def test_local_masks_join_each_hidden_unit_to_the_spins_next_to_it():
    mask = pruning.local_mask(6, 3, 6)
    assert mask.sum() == 6 and np.array_equal(np.argwhere(mask), [[0, 0], [1, 0], [2, 1], [3, 1], [4, 2], [5, 2]])
    for n_left in (7, 10, 18):
        wider = pruning.local_mask(6, 3, n_left)
        assert wider.sum() == n_left and (wider | mask == wider).all()
        mask = wider


def test_training_lowers_and_pruning_raises_the_divergence(point):
    assert point["training kl"][-1] < 0.2 * point["training kl"][0]
    assert point["pruning kl"][-1] > 2 * point["pruning kl"][0]
    assert all(value > 0 for stage in ("training", "control", "pruning") for value in point[f"{stage} kl"])
    # The machine with the mask that was found, or a local one, is better than one with a random mask.
    assert sum(point["local mask kl"]) < 0.5 * sum(point["random mask kl"])
    assert sum(point["same mask kl"]) < 0.5 * sum(point["random mask kl"])


def test_exact_values_are_those_of_the_chain(point):
    energy, psi = ising.ground_state(6, 1.0)
    assert point["exact energy"] == pytest.approx(energy, abs=1e-9)
    assert point["exact abs m"] == pytest.approx(ising.absolute_magnetization(psi), abs=1e-9)
    np.testing.assert_allclose(point["exact correlation"], ising.correlation_zz(psi)[2, 2:], atol=1e-9)
    # Relative entropy of 10000 samples of 64 states from their own distribution: about 63 / 20000.
    assert 0.001 < point["exact kl data"] < 0.007
    assert np.abs(np.array(point["pruning kl data"]) - point["exact kl data"] - point["pruning kl"]).max() < 0.05


def test_departures_are_those_of_the_bands(point):
    for name in ERRORS:
        first = bands.first_outside(point[f"pruning {name}"][1:], bands.band(point[f"control {name}"]))
        assert point[f"departure {name}"] == (None if first is None else first + 1)
    assert any(point[f"departure {name}"] for name in ERRORS)


def test_one_machine_for_all_criteria_and_one_point_for_one_seed(point):
    assert pruning_run(**SMALL, retrain_after=[1, 5]) == point
    other = pruning_run(**SMALL | {"criterion": "random"})
    assert other["training kl"] == point["training kl"] and other["control kl"] == point["control kl"]
    assert other["pruning kl"][0] == point["pruning kl"][0] and other["pruning kl"][1:] != point["pruning kl"][1:]
    assert other["pruning weights left"] == LEFT and other["same mask kl"] == []
    assert pruning_run(**SMALL | {"seed": 4})["training kl"] != point["training kl"]
    still = pruning_run(**SMALL | {"criterion": "none"})
    assert still["pruning weights left"] == [24] * 7 and still["departure kl"] is None


@pytest.mark.parametrize("change", [
    {"epochs": 59}, {"fine_tune_epochs": 4}, {"fine_tune_rate": 0.2}, {"fine_tune_final_rate": 0.1},
    {"learning_rate": 0.2}, {"final_learning_rate": 0.1}, {"batch_size": 50}, {"n_training_chains": 30},
    {"n_samples": 9000}, {"first_fraction": 0.2}, {"step_fraction": 0.2}, {"n_control": 2}, {"n_hidden": 3}])
def test_every_setting_enters(point, change):
    assert pruning_run(**SMALL | change)["pruning kl"][-1] != point["pruning kl"][-1]


def test_without_fine_tuning_the_weights_that_stay_are_as_they_were():
    found = pruning_run(**SMALL | {"fine_tune_epochs": 0})
    assert found["control kl"] == [found["training kl"][-1]] * 3
    assert found["pruning kl"][0] == found["training kl"][-1] < found["pruning kl"][-1]


def test_long_chains_are_sampled(monkeypatch):
    monkeypatch.setattr(quality, "MAX_SUMMED_SPINS", 5)
    experiment._chain.cache_clear()
    found = pruning_run(**SMALL | {"n_evaluation": 20_000})
    experiment._chain.cache_clear()
    assert found["pruning kl"] == [None] * 7 and found["departure kl"] is None and found["exact kl data"] is None
    assert found["exact abs m error"] > 0 and all(tau > 0.99 for tau in found["pruning abs m tau"])
    energies = pruning_run(**SMALL)["pruning energy"]
    np.testing.assert_allclose(found["pruning energy"], energies, atol=0.15)  # the same machines, other samples
    for change in ({"n_chains": 50}, {"burn_in": 10}, {"thin": 3}):
        assert pruning_run(**SMALL | {"n_evaluation": 20_000} | change)["pruning energy"] != found["pruning energy"]


@pytest.mark.parametrize("failing, step, lengths", [(5, 2, (3, 2)), (4, 1, (3, 1)), (2, 0, (1, 0))])
def test_fine_tuning_that_diverges_ends_the_lists_and_names_the_step(monkeypatch, failing, step, lengths):
    """The control takes the first three rounds of fine-tuning; what was measured before the failure is kept."""
    calls = []

    def sometimes(machine, data, settings, **others):
        if machine.mask is not None:
            calls.append(machine)
            if len(calls) == failing:
                settings = TrainingSettings(epochs=1, learning_rate=1e39)
        return train(machine, data, settings, **others)

    for module in (experiment, pruning):
        monkeypatch.setattr(module, "train", sometimes)
    found = pruning_run(**SMALL, retrain_after=[1, 5])
    assert found["failed step"] == step and "the training diverged" in found["failure"]
    assert tuple(len(found[f"{stage} kl"]) for stage in ("control", "pruning")) == lengths
    assert found["pruning weights left"] == LEFT[:lengths[1]] and len(found["training kl"]) == 4
    assert found["retrained after"] == [again for again in (1, 5) if again < step]


def test_training_from_the_beginning_that_diverges_is_none(monkeypatch):
    def sometimes(machine, data, settings, **others):
        if machine.mask is not None and settings.epochs == SMALL["epochs"]:
            raise Diverged("the training diverged")
        return train(machine, data, settings, **others)

    monkeypatch.setattr(experiment, "train", sometimes)
    found = pruning_run(**SMALL, retrain_after=[1, 5])
    assert found["same mask kl"] == [None, None] and found["same mask weights left"] == [None, None]
    assert all(found["fewer units kl"]) and found["failed step"] is None


def test_training_that_diverges_has_nothing_to_keep():
    with pytest.raises(Diverged):
        pruning_run(**SMALL | {"learning_rate": 1e39})


@pytest.mark.parametrize("change, message", [
    ({"criterion": "size"}, "criterion among"), ({"n_control": -1}, "n_control"),
    ({"retrain_after": [7]}, "from 1 to 6"), ({"retrain_after": [0]}, "from 1 to 6"),
    ({"first_fraction": 1.0}, r"first in \[0, 1\)"), ({"step_fraction": -0.1}, r"then in \[0, 1\)"),
    ({"n_steps": 40}, "at most 15 steps"), ({"fine_tune_epochs": -1}, "epochs"),
    ({"field": -1.0}, "field"), ({"n_hidden": 0}, "n_hidden to be an integer >= 1, got 0"),
    ({"fine_tune_epochs": -1}, "fine_tune_epochs to be an integer >= 0, got -1"),
])
def test_wrong_settings_are_refused_before_training(monkeypatch, change, message):
    monkeypatch.setattr(experiment, "train", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(ValueError, match=message):
        pruning_run(**SMALL | change)


def test_a_point_is_what_a_sweep_takes(point):
    settings = points.settings_of(pruning_run, SMALL)
    assert settings["retrain_after"] == [] and settings["first_fraction"] == 0.4
    assert set(settings) == set(inspect.signature(pruning_run).parameters)
    assert {name: points.plain(value, name) for name, value in point.items()} == point
    assert not set(settings) & set(point)
