"""What stops a training by name: settings and data that are wrong, machines that diverge."""

import numpy as np
import pytest
import torch

from lib.rbm import training
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from lib.rbm.training import TrainingSettings, train
from tests.rbm.test_machine import make_machine
from tests.rbm.test_training import random_mask, small_data


def test_symmetric_training_of_another_machine_is_refused():
    settings = TrainingSettings(symmetric=True)
    with pytest.raises(ValueError, match="symmetric under flipping all units .*; try .*symmetric_biases=True"):
        train(make_machine(3, 2, 0.5, seed=1), small_data(), settings, seed=1)
    with pytest.raises(ValueError, match="expected symmetric as True or False, got 1"):
        TrainingSettings(symmetric=1)


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_divergence_names_the_epoch(engine):
    for machine in (make_machine(3, 2), make_machine(3, 2).pruned(random_mask(3, 2, 0.5))):
        with pytest.raises(training.Diverged, match=r"infinity in epoch 1 at learning rate 1e\+39: .* diverged"):
            train(machine, small_data(), TrainingSettings(learning_rate=1e39, engine=engine), seed=1)


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_absurdly_large_weights_count_as_divergence(engine):
    """Finite weights of 1e30 saturate every unit: nothing was learnt."""
    for rates, message in (
            ({"learning_rate": 1e30}, r"at most 1000, got one of size .*e\+\d\d in epoch 1 at learning rate 1e\+30: "
                                      r"the training diverged; try learning_rate=0\.1"),
            ({"learning_rate": 0.1, "final_learning_rate": 1e30}, r"in epoch 1 .* try final_learning_rate=0\.1")):
        settings = TrainingSettings(epochs=3, engine=engine, **rates)
        with pytest.raises(ValueError, match=message):
            train(make_machine(3, 2), small_data(), settings, seed=1)
    # So does a rate whose single steps are of order 1000.
    with pytest.raises(ValueError, match="the training diverged"):
        train(make_machine(3, 2), small_data(), TrainingSettings(epochs=9, engine=engine, learning_rate=1e4), seed=1)
    # What a trained machine may have is left alone.
    large = Machine(torch.full((3, 2), 500.0), torch.zeros(3), torch.zeros(2))
    train(large, small_data(), TrainingSettings(epochs=1, engine=engine), seed=1)


@pytest.mark.parametrize("arguments, message", [
    ({"epochs": 0}, "epochs to be an integer >= 1, got 0"), ({"batch_size": 2.5}, "batch_size"),
    ({"n_gibbs": 0}, "n_gibbs"),
    ({"learning_rate": -0.1}, "learning_rate"), ({"learning_rate": float("nan")}, "learning_rate"),
    ({"final_learning_rate": float("inf")}, "final_learning_rate"), ({"precision": "half"}, "precision"),
    ({"negative_phase": "guess"}, "negative_phase"), ({"engine": "gpu"}, "engine"),
    ({"n_chains": 10}, "persistent=True"), ({"negative_batch_size": 10, "persistent": True}, "only for CD"),
    ({"negative_phase": "exact", "engine": "numba"}, "torch"), ({"persistent": "no"}, "persistent as True or False"),
    ({"negative_phase": "exact", "persistent": True}, "only for chains of one"),
    ({"negative_phase": "exact", "negative_batch_size": 7}, "only for chains of one"),
])
def test_settings_refuse(arguments, message):
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        TrainingSettings(**arguments)
    with pytest.raises(TypeError):
        TrainingSettings(epoch=3)  # a misspelt name
    assert TrainingSettings(learning_rate=np.float32(0.1)).learning_rate == np.float32(0.1)


@pytest.mark.parametrize("data, message", [
    (np.zeros((5, 4)), r"3 columns, .* got 4; try Machine\.random\(4, 2, seed=1\), or the data"),
    (None, "data as rows of 0 and 1, got NoneType"), ([[0, 1, 0.5]], "got 0.5 in row 0, column 2"),
    ([[0, 1, 1], [0, 1]], "row 1"),
    (np.zeros((0, 3)), r"shape \(0, 3\)"), ([[0, 1, float("nan")]], "nan in row 0"),
])
def test_data_refused(data, message):
    with pytest.raises(ValueError, match=message):
        train(make_machine(3, 2), data, TrainingSettings(epochs=1), seed=0)


@pytest.mark.parametrize("settings, message", [
    (None, r"got NoneType; try TrainingSettings\(epochs=100\)"),
    ({"epochs": 3}, r"got dict; try TrainingSettings\(\*\*settings\)"),
])
def test_settings_of_another_kind_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"expected settings as TrainingSettings, {message}"):
        train(make_machine(3, 2), small_data(), settings, seed=0)


def test_other_refusals():
    with pytest.raises(ValueError, match="expected a Machine, got PositiveState; try its .machine"):
        train(PositiveState(make_machine(3, 2)), small_data(), TrainingSettings(), seed=0)
    with pytest.raises(ValueError, match="at most 16 visible units"):
        train(Machine.random(17, 2, seed=0), np.zeros((3, 17)), TrainingSettings(negative_phase="exact"),
              seed=0)
    with pytest.raises(ValueError, match="every"):
        train(make_machine(3, 2), small_data(), TrainingSettings(), seed=0, every=0)


def test_a_machine_that_is_out_of_bounds_from_the_start_is_refused():
    machine = Machine(torch.zeros(3, 2), torch.tensor([0.0, 2000.0, 0.0]), torch.zeros(2))
    with pytest.raises(ValueError, match="size at most 1000 to start from, got one of size 2e.03"):
        train(machine, small_data(), TrainingSettings(learning_rate=0.0), seed=1)
