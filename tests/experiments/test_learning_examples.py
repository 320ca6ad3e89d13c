"""What the page of chapter 6 computes anew: small cases against what they are made of."""

import numpy as np
import pytest

from lib.experiments import learning_examples as examples
from lib.experiments.learning_chains import MODELS
from lib.rbm import conditional, learning
from lib.rbm.states import PositiveState
from lib.spins import exact, ising
from lib.spins import mps_variational as products

SMALL = {"n_spins": 4, "field": 1.0, "n_samples": 400, "seed": 2}


def test_a_longer_time_of_correlation_makes_wider_bounds_which_cover_more():
    found = examples.coverage(**SMALL, n_hidden=2, n_updates=50, n_chains=60, n_draws=40)
    assert found["tau"] > 0.5 and 0 <= found["as printed"] <= 1
    assert (found["with tau"] >= found["as printed"]) == (found["tau"] >= 1)


def test_three_judges_agree_on_the_energy_of_one_machine():
    found = examples.judged(**SMALL, n_hidden=2, n_updates=400)
    assert found["judge"] == ["sum over all states", "fresh exact samples", "tempered"]
    of = learning.chain(4, 1.0, 400, seed=2)
    state = PositiveState(learning.learn(of, 2, learning.Recipe(n_updates=400), seed=2))
    exactly = ising.energy(state.psi().numpy(), 1.0)
    assert float(found["energy"][0]) == pytest.approx(exactly, rel=1e-5)
    for text in found["energy"][1:]:
        mean, error = map(float, text.split(" +- "))
        assert 0 < error < 0.02 and abs(mean - exactly) < 5 * error


def test_biases_deviate_by_what_they_and_half_the_weights_do_not_cancel():
    found = examples.bias_deviation(**SMALL, n_hidden=2, n_updates=400)["deviation"]
    of = learning.chain(4, 1.0, 400, seed=2)
    machine = learning.learn(of, 2, learning.Recipe(n_updates=400), seed=2)
    by_hand = [float(b) + sum(map(float, w)) / 2 for b, w in zip(machine.visible_bias, machine.weights)]
    assert found == pytest.approx(np.linalg.norm(by_hand) / np.linalg.norm(machine.visible_bias.numpy()), rel=1e-5)


def test_bond_dimensions_are_a_table_of_what_is_needed():
    found = examples.bond_dimensions(sizes=[4, 6], fields=[1.0], bounds=[0.01], seed=1)
    rows = products.needed([4, 6], [1.0], [0.01], seed=1)
    assert [dict(zip(found["columns"], row)) for row in found["rows"]] == rows


def test_a_learnt_product_is_near_the_ground_state_and_without_its_signs_no_worse():
    found = examples.learnt_product(n_spins=4, field=1.0, n_samples=4000, bond_dimension=2, seed=1)
    assert 0 < found["plain error"] <= found["energy error"] + 1e-12 < 0.1 and 0 <= found["negative"] < 0.5


def test_the_closest_machine_is_that_of_the_exact_distribution():
    found = examples.closest_machine(model="XXZ", n_spins=4, parameter=1.0, n_hidden=4, seed=1)
    chain = MODELS["XXZ"](4, 1.0)
    energy, psi = exact.ground_state(chain)
    machine = conditional.fit_state(psi, 4, seed=1)
    assert found["largest weight"] == float(machine.weights.abs().max())
    few = examples.closest_machine(model="XXZ", n_spins=4, parameter=1.0, n_hidden=1, seed=1)
    assert found["error of the energy"] < few["error of the energy"]
