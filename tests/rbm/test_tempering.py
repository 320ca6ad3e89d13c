"""Parallel tempering against exact distributions, where plain Gibbs chains fail, and the ladder that it makes."""

import functools

import numpy as np
import pytest

from lib import rng
from lib.conventions import state_index
from lib.rbm import annealing, sampling, tempering
from lib.rbm.convergence import convergence
from lib.rbm.machine import Machine
from lib.rbm.metrics import fidelity
from lib.rbm.observables import magnetization_z
from lib.rbm.partition import probabilities
from lib.rbm.training import TrainingSettings, train
from lib.spins import ising
from tests import oracles
from tests.rbm.test_annealing import ferromagnet


@functools.cache
def learnt() -> Machine:
    """Eight spins at h/J = 0.2: two valleys, right to a fidelity of 0.998."""
    _, ground = ising.ground_state(8, 0.2)
    machine = Machine.random(8, 8, seed=1, scale=0.01, symmetric_biases=True)
    data = ising.sample(ground, 10_000, rng=rng.stream(1, "data"))
    machine = train(machine, data, TrainingSettings(epochs=30, learning_rate=0.3, final_learning_rate=0.003, n_gibbs=5,
                                                    symmetric=True), seed=1).machine
    assert fidelity(machine, ground) > 0.998
    return machine


MACHINES = {"valleys": lambda: ferromagnet(8, 1.2), "deep valleys": lambda: ferromagnet(8, 3.0), "h/J = 0.2": learnt,
            "random": lambda: Machine.random(8, 6, seed=2, scale=2.0), "one unit": lambda: Machine.random(1, 1, seed=1)}


@pytest.mark.parametrize("name", MACHINES)
def test_samples_follow_the_exact_distribution(name):
    machine = MACHINES[name]()
    draws = tempering.sample(machine, 12_000, seed=1, n_chains=200, burn_in=200, thin=20)
    assert draws.shape == (60, 200, machine.n_visible) and draws.dtype == np.uint8
    assert oracles.chi_square(state_index(draws).ravel(), probabilities(machine).numpy())[2] > 1e-3
    if machine.n_visible > 1:
        assert convergence(magnetization_z(draws)).rhat < 1.03  # 60 draws a chain


@pytest.mark.parametrize("name", ["deep valleys", "h/J = 0.2"])
def test_plain_chains_fail_where_tempered_ones_do_not(name):
    # All started in one valley, the plain ones stay; as many sweeps, ladder and all, bring the others to balance.
    machine = MACHINES[name]()
    up = np.ones((1, 8), np.uint8)
    plain = magnetization_z(sampling.sample(machine, 12_000, seed=1, start=up, n_chains=200, burn_in=2000, thin=20))
    found = tempering.ladder(machine, seed=1)
    chains = tempering.Chains(found.betas, 8, 200, rng.stream(1, "test"))
    chains.visible[:] = 1.0
    chains.advance(annealing.annealing_path(machine), 2000 // len(found.betas))
    assert plain.mean() > 0.8
    assert abs(2 * chains.visible[-1].mean() - 1) < 5 / np.sqrt(200)


def test_all_temperatures_keep_their_distributions():
    machine, n, betas = Machine.random(4, 3, seed=5, scale=3.0), 40_000, np.array([0.0, 0.3, 0.8, 1.0])
    path, everything = annealing.annealing_path(machine, [[1, 0, 0, 1]]), oracles.states(4)
    chains = tempering.Chains(betas, 4, n, np.random.default_rng(1))
    exact = []
    for place, beta in enumerate(betas):
        weights = np.exp(path.log_weight(beta, everything, path.inputs(everything)))
        exact.append(weights / weights.sum())
        chains.visible[place] = everything[np.random.default_rng(place).choice(16, n, p=exact[-1])]
    chains.advance(path, 3)
    for place, p in enumerate(exact):
        assert oracles.chi_square((chains.visible[place] @ [8, 4, 2, 1]).astype(int), p)[2] > 1e-3
    # Neighbours stay independent: the product of both distributions is what is kept.
    joint = (chains.visible[1] @ [8, 4, 2, 1] * 16 + chains.visible[2] @ [8, 4, 2, 1]).astype(int)
    assert oracles.chi_square(joint, np.outer(exact[1], exact[2]).ravel())[2] > 1e-3
    assert 0.05 < (chains.refusals / chains.attempts).min()


@pytest.mark.parametrize("name", ["valleys", "deep valleys", "random", "h/J = 0.2"])
@pytest.mark.parametrize("refused", [0.15, 0.4])
def test_neighbours_change_places_equally_often(name, refused):
    found = tempering.ladder(MACHINES[name](), seed=1, n_chains=200, refused=refused)
    assert found.betas[0] == 0 and found.betas[-1] == 1 and (np.diff(found.betas) > 0).all()
    refusals = 1 - found.swap_rates
    assert refusals.max() < refused * 1.2 and refusals.min() > refused * 0.5
    assert found.barrier == pytest.approx(refusals.sum())


def test_the_barrier_does_not_depend_on_the_temperatures():
    few, many = (tempering.ladder(ferromagnet(8, 2.0), seed=1, n_chains=100, refused=refused)
                 for refused in (0.3, 0.1))
    assert len(many.betas) > 2 * len(few.betas) and many.barrier == pytest.approx(few.barrier, rel=0.15)


def test_a_machine_without_weights_needs_two_temperatures():
    found = tempering.ladder(Machine.random(3, 2, seed=1, scale=0.0), seed=1)
    np.testing.assert_array_equal(found.betas, [0, 1])
    np.testing.assert_array_equal(found.swap_rates, [1])


def test_one_seed_one_result():
    first, again, other = (tempering.sample(ferromagnet(4, 1.0), 20, seed=seed, n_chains=5, burn_in=3, thin=1)
                           for seed in (1, 1, 2))
    assert (first == again).all() and not (first == other).all()


@pytest.mark.parametrize("wrong, words", [
    ({"betas": [0, 0.5]}, "expected betas that rise from 0 to 1"), ({"betas": [0, 0.5, 0.5, 1]}, "rise"),
    ({"betas": [1]}, "rise"), ({"betas": 1.0}, "shape"), ({"betas": [0, np.nan, 1]}, "finite"), ({"thin": 0}, "thin"),
    ({"n_chains": 0}, "n_chains"), ({"burn_in": -1}, "burn_in"), ({"data": [[0, 2]]}, "columns"),
    ({"n_samples": 0}, "n_samples")])
def test_what_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        tempering.sample(ferromagnet(4, 1.0), **{"n_samples": 10, "seed": 1} | wrong)
    with pytest.raises(ValueError, match="expected refused between 0 and 1, got 1.5; try"):
        tempering.ladder(ferromagnet(4, 1.0), seed=1, refused=1.5)
    with pytest.raises(ValueError, match="at most 256 temperatures, got"):
        tempering.ladder(ferromagnet(4, 1.0), seed=1, refused=0.001)


# --- as the negative phase of a training


def test_training_finds_both_valleys():
    """Where contrastive divergence ends with all weight in one: from the same start, on the same data."""
    _, ground = ising.ground_state(6, 0.2)
    data = ising.sample(ground, 4000, rng=rng.stream(3, "data"))
    start, found = Machine.random(6, 6, seed=3, scale=0.01, symmetric_biases=True), {}
    for phase in ("sampled", "tempered"):
        settings = TrainingSettings(epochs=25, batch_size=50, learning_rate=0.3, final_learning_rate=0.003,
                                    negative_phase=phase, n_chains=50 if phase == "tempered" else None)
        found[phase] = fidelity(train(start, data, settings, seed=3).machine, ground)
    assert found["sampled"] < 0.6 and found["tempered"] > 0.98


def test_tempered_and_exact_gradients_agree_on_average():
    """Many chains, one step each: the difference of the parameters is that of chains in equilibrium."""
    machine, data = ferromagnet(5, 0.6), [[1, 1, 0, 0, 1], [1, 1, 1, 1, 1], [0, 1, 0, 0, 0]]
    steps = {}
    for phase in ("tempered", "exact"):
        settings = TrainingSettings(epochs=1, batch_size=3, learning_rate=0.1, n_gibbs=30, precision="float64",
                                    negative_phase=phase, n_chains=20_000 if phase == "tempered" else None)
        steps[phase] = train(machine, data, settings, seed=1).machine
    for one, other in zip((steps["tempered"].weights, steps["tempered"].visible_bias, steps["tempered"].hidden_bias),
                          (steps["exact"].weights, steps["exact"].visible_bias, steps["exact"].hidden_bias)):
        np.testing.assert_allclose(one, other, atol=0.1 * 5 * 0.5 / np.sqrt(20_000))


def test_the_ladder_follows_the_machine():
    replicas = tempering.Replicas(Machine.random(8, 8, seed=1, scale=0.01), 50, seed=1)
    for machine, n_epochs in ((Machine.random(8, 8, seed=1, scale=0.01), 6), (ferromagnet(8, 2.5), 12)):
        for _ in range(n_epochs):
            replicas.begin_epoch()
            replicas.advance(machine, 60)
        wanted = len(tempering.ladder(machine, seed=1).betas)
        assert abs(len(replicas.betas) - wanted) <= 1


def test_tempered_training_repeats_itself_and_refuses_what_does_not_fit():
    settings = {"epochs": 3, "batch_size": 5, "negative_phase": "tempered"}
    data = [[1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0]] * 4
    first, again = (train(ferromagnet(4, 0.5), data, TrainingSettings(**settings), seed=1).machine for _ in range(2))
    assert (first.weights == again.weights).all() and not (first.weights == ferromagnet(4, 0.5).weights).all()
    for more, words in (({"persistent": True}, "chains of one"), ({"negative_batch_size": 3}, "chains of one"),
                        ({"engine": "numba"}, 'expected engine "torch" for negative_phase="tempered"')):
        with pytest.raises(ValueError, match=words):
            TrainingSettings(**settings | more)
