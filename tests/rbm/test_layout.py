"""Starts with units laid out along the chain, and fits of the exact state from them."""

import numpy as np
import pytest
import torch

from lib.experiments.learning_starts import learning_form, learning_start
from lib.rbm import conditional, layout, learning
from lib.rbm.machine import Machine, balanced_biases
from lib.spins import free_fermions


def test_each_unit_is_joined_to_the_spins_around_its_place_and_no_direction_is_favoured():
    machine = layout.laid_out(20, 10, seed=1)
    weights = machine.weights.numpy()
    assert (np.abs(weights.argmax(0) - (2 * np.arange(10) + 0.5)) <= 1.5).all()
    for bias, expected in zip((machine.visible_bias, machine.hidden_bias), balanced_biases(machine.weights)):
        torch.testing.assert_close(bias, expected)
    assert not torch.equal(machine.weights, layout.laid_out(20, 10, seed=2).weights)
    assert layout.laid_out(20, 10, seed=1, size=4.0).weights.max() > 1.5 * machine.weights.max()


@pytest.mark.parametrize("changed", [{"n_spins": 0}, {"n_hidden": 0}, {"size": 0.0}, {"size": float("nan")}])
def test_layouts_that_are_refused(changed):
    with pytest.raises(ValueError, match="expected.*try"):
        layout.laid_out(**{"n_spins": 4, "n_hidden": 2, "seed": 1} | changed)


def test_a_start_of_another_size_and_of_too_many_spins_is_refused():
    data = free_fermions.sample(4, 1.0, 100, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="expected a start with 4 visible and 2 hidden units.*try start=None"):
        learning.learn_data(data, 2, learning.RECIPE, seed=1, start=layout.laid_out(4, 3, seed=1))
    with pytest.raises(ValueError, match="expected at most 14 visible.*try"):
        conditional.constant(Machine.random(15, 1, seed=1))
    for experiment, more in ((learning_form, {}), (learning_start, {"way": "PCD-1", "n_samples": 100})):
        with pytest.raises(ValueError, match='expected a start among random, laid out.*try start="laid out"'):
            experiment(n_spins=4, field=1.0, n_hidden=2, start="tiled", seed=1, **more)


def test_a_unit_that_is_missing_costs_energy_and_half_of_the_spins_are_nearly_enough():
    whole, less = (learning_form(n_spins=6, field=1.0, n_hidden=n, start="laid out", seed=1) for n in (3, 2))
    assert 0 < whole["cost"] < 0.001 < 0.05 < less["cost"] < 0.1
    assert 0 <= whole["nats"] < less["nats"] and whole["infidelity"] < less["infidelity"] < 0.1
    energy = free_fermions.ground_state_energy(6, 1.0)
    assert less["energy error"] == pytest.approx(-less["cost"] / energy)
