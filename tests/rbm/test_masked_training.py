"""Training of pruned machines: what is pruned stays zero, and the rest follows the gradient of the masked machine."""

import numpy as np
import pytest
import torch

from lib.rbm import _training_engines, sampling, training
from lib.rbm.training import TrainingSettings, train
from tests import oracles
from tests.rbm.test_machine import make_machine, parameters
from tests.rbm.test_sampling import Xoshiro
from tests.rbm.test_training import difference, random_mask, small_data

WAYS = {"CD-2": {"n_gibbs": 2}, "PCD-1": {"persistent": True, "n_chains": 40}, "float64": {"precision": "float64"},
        "cosine": {"final_learning_rate": 0.01}, "torch": {"engine": "torch"},
        "torch PCD": {"engine": "torch", "persistent": True, "n_chains": 40},
        "exact": {"negative_phase": "exact", "precision": "float64"}}


@pytest.mark.parametrize("way", WAYS)
def test_pruned_weights_stay_exactly_zero_and_everything_else_learns(way):
    """In every kind of training; one visible and one hidden unit have no weight left."""
    mask = random_mask(5, 4, 0.6)
    mask[1], mask[:, 2] = False, False
    machine = make_machine(5, 4, 0.5, seed=2).pruned(mask)
    settings = TrainingSettings(**{"epochs": 3, "batch_size": 100, "learning_rate": 0.3} | WAYS[way])
    result = train(machine, small_data(500, 5), settings, seed=3, every=1,
                   callback=lambda epoch, current: float(current.weights[~current.mask].abs().max()))
    assert result.history == [(epoch, 0.0) for epoch in range(4)]
    trained = result.machine
    assert torch.equal(trained.mask, machine.mask) and trained.n_weights == mask.sum()
    assert not trained.weights[~trained.mask].any()
    assert not torch.signbit(trained.weights[~trained.mask]).any()
    assert (trained.weights[trained.mask] != machine.weights[machine.mask]).all()
    assert (trained.visible_bias != machine.visible_bias).all()
    moved = (trained.hidden_bias - machine.hidden_bias).abs().numpy()
    # A hidden unit without weights has the same mean in data and model, and so no gradient.
    assert (moved[mask.any(0)] > 1e-4).all() and moved[2] < 1e-6


@pytest.mark.parametrize("settings", [
    TrainingSettings(epochs=2, batch_size=100, n_gibbs=3, learning_rate=0.1, precision="float64"),
    TrainingSettings(epochs=2, batch_size=250, persistent=True, n_chains=120, n_gibbs=2, learning_rate=0.1,
                     precision="float64"),
], ids=["CD-3", "PCD-2"])
def test_kernel_and_plain_twin_take_the_same_masked_steps(settings, monkeypatch):
    machine, data = make_machine(3, 5, 0.3, seed=2).pruned(random_mask(3, 5)), small_data(620)
    ours = train(machine, data, settings, seed=3).machine
    monkeypatch.setattr(training, "choose_engine", lambda machine, engine: "torch")
    n_chains = settings.n_chains or settings.batch_size
    monkeypatch.setattr(_training_engines, "uniforms",
                        lambda seed, device: Xoshiro(sampling.generators(seed, n_chains)))
    plain = train(machine, data, settings, seed=3).machine
    for fast, slow in zip(parameters(ours), parameters(plain)):
        np.testing.assert_allclose(fast, slow, atol=1e-12)
    assert difference(training.TrainingResult(ours), machine).std() > 0.01


def test_a_masked_step_follows_the_gradient_of_the_masked_machine():
    """The exact step against torch's autograd through W * mask, with the likelihood written out."""
    machine, data = make_machine(3, 2, seed=4).pruned(random_mask(3, 2, 0.5)), small_data(200)
    leaves = [value.clone().requires_grad_() for value in (machine.weights, machine.visible_bias, machine.hidden_bias)]

    def log_weight(v):
        v = torch.as_tensor(v, dtype=torch.float64)
        return v @ leaves[1] + torch.log1p(torch.exp(v @ (leaves[0] * machine.mask) + leaves[2])).sum(1)

    (torch.logsumexp(log_weight(oracles.states(3)), 0) - log_weight(data).mean()).backward()
    gradient = np.concatenate([leaf.grad.ravel() for leaf in leaves])
    settings = TrainingSettings(epochs=1, batch_size=200, learning_rate=0.25, negative_phase="exact",
                                precision="float64")
    step = difference(train(machine, data, settings, seed=0), machine)
    np.testing.assert_allclose(step, -0.25 * gradient, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"engine": "torch"}, {"persistent": True}], ids=["CD", "torch", "PCD"])
def test_a_mask_of_all_weights_changes_no_bit(options):
    machine, data = make_machine(3, 5, 0.3, seed=2), small_data(300)
    settings = TrainingSettings(epochs=2, learning_rate=0.1, **options)
    dense = train(machine, data, settings, seed=3).machine
    whole = train(machine.pruned(np.ones((3, 5), bool)), data, settings, seed=3).machine
    for a, b in zip(parameters(dense), parameters(whole)):
        np.testing.assert_array_equal(a, b)


def test_pruning_everything_leaves_biases_that_learn_the_means_of_the_data():
    data = small_data(1000)
    machine = make_machine(3, 2).pruned(np.zeros((3, 2), bool))
    settings = TrainingSettings(epochs=200, batch_size=1000, learning_rate=2.0, negative_phase="exact",
                                precision="float64")
    up = train(machine, data, settings, seed=1).machine.visible_bias.sigmoid().numpy()
    np.testing.assert_allclose(up, data.mean(0), atol=1e-6)
