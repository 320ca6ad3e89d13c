"""Optimizers against oracles by brute force, gradients that do not care for names of bits, trainings that go on."""

import numpy as np
import pytest
import torch

from lib.rbm import _training_engines, optimizers, rotations, sampling, training
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.complex_training import StateSettings, fit
from lib.rbm.machine import Machine, balanced_biases
from lib.rbm.partition import log_probabilities, probabilities
from lib.rbm.training import TrainingSettings, train
from tests import oracles
from tests.rbm.test_complex_state import make_state, random_rows
from tests.rbm.test_machine import make_machine, parameters
from tests.rbm.test_sampling import Xoshiro
from tests.rbm.test_training import difference, random_mask, small_data

CASES = {"momentum": {"optimizer": "momentum", "momentum": 0.8}, "Adam": {"optimizer": "adam", "learning_rate": 0.02},
         "natural": {"optimizer": "natural", "damping": 0.05}, "centred": {"centred": True},
         "natural, few chains": {"optimizer": "natural", "persistent": True, "n_chains": 9},
         "centred, momentum": {"centred": True, "optimizer": "momentum"}}


# Centred and symmetric exclude each other, as a test below says.
@pytest.mark.parametrize("case, way", [(case, way) for case in CASES for way in ("plain", "pruned", "symmetric")
                                       if not (way == "symmetric" and "centred" in CASES[case])])
def test_kernel_and_plain_twin_take_the_same_steps(case, way, monkeypatch):
    """The loops' own momentum and Adam against torch.optim, all with the same uniforms: equal to rounding."""
    options = CASES[case] | ({"symmetric": True} if way == "symmetric" else {})
    machine, data = make_machine(3, 5, 0.3, seed=2), small_data(620)
    if way == "pruned":
        machine = machine.pruned(random_mask(3, 5, 0.6))
    if way == "symmetric":
        machine = Machine.random(3, 5, seed=2, scale=0.3, symmetric_biases=True)
    settings = TrainingSettings(**{"epochs": 2, "n_gibbs": 2, "learning_rate": 0.1, "final_learning_rate": 0.01,
                                   "precision": "float64"} | options)
    fast = train(machine, data, settings, seed=3).machine
    monkeypatch.setattr(training, "choose_engine", lambda machine, engine: "torch")
    monkeypatch.setattr(_training_engines, "uniforms", lambda seed, device: Xoshiro(
        sampling.generators(seed, settings.n_chains or settings.batch_size)))
    plain = train(machine, data, settings, seed=3).machine
    for one, other in zip(parameters(fast), parameters(plain)):
        np.testing.assert_allclose(one, other, atol=1e-11)
    assert difference(training.TrainingResult(fast), machine).std() > 0.01
    if way == "pruned":
        assert not fast.weights[~fast.mask].any() and not plain.weights[~plain.mask].any()
    if way == "symmetric":
        for bias, balanced in zip((fast.visible_bias, fast.hidden_bias), balanced_biases(fast.weights)):
            torch.testing.assert_close(bias, balanced, rtol=0, atol=1e-14)


# --- the natural gradient against finite differences of the distribution


def by_finite_differences(function, at, step=1e-5):
    """The derivatives of an array by each parameter: (n_parameters, ...)."""
    rows = []
    for k in range(len(at)):
        up, down = at.copy(), at.copy()
        up[k] += step
        down[k] -= step
        rows.append((function(up) - function(down)) / (2 * step))
    return np.array(rows)


def rebuilt(flat, machine):
    n = machine.weights.numel()
    weights = torch.from_numpy(flat[:n].copy()).reshape(machine.weights.shape)
    if len(flat) == n:  # symmetric
        return Machine(weights, *balanced_biases(weights))
    return Machine(weights, *(torch.from_numpy(part.copy()) for part in np.split(flat[n:], [machine.n_visible])))


@pytest.mark.parametrize("way", ["plain", "pruned", "symmetric"])
def test_natural_step_is_the_solution_with_the_fisher_matrix(way):
    """F_ab = sum_v p d_a ln p d_b ln p by finite differences, over those parameters that the training may change."""
    machine, data, damping = make_machine(3, 2, seed=4), small_data(200), 0.02
    n, free = 6, np.ones(11, bool)
    if way == "pruned":
        mask = random_mask(3, 2, 0.6)
        machine, free[:n] = machine.pruned(mask), mask.ravel()
    if way == "symmetric":
        machine, free = Machine.random(3, 2, seed=4, scale=0.7, symmetric_biases=True), np.ones(n, bool)
    flat = np.concatenate([part.ravel() for part in parameters(machine)])[:len(free)]
    p = probabilities(machine).numpy()
    slopes = by_finite_differences(lambda at: log_probabilities(rebuilt(at, machine)).numpy(), flat)[free]
    empirical = np.bincount(data @ [4, 2, 1], minlength=8) / len(data)
    direction = np.linalg.solve((slopes * p) @ slopes.T + damping * np.eye(free.sum()), -slopes @ empirical)
    settings = TrainingSettings(epochs=1, batch_size=200, learning_rate=0.3, negative_phase="exact", damping=damping,
                                precision="float64", optimizer="natural", symmetric=way == "symmetric")
    step = difference(train(machine, data, settings, seed=0), machine)[:len(free)]
    np.testing.assert_allclose(step[free], -0.3 * direction, atol=1e-7)
    assert (step[~free] == 0).all()


@pytest.mark.parametrize("n_samples", [7, 60])
def test_natural_direction_from_samples(n_samples):
    """Fewer samples than parameters and more, against numpy's covariance."""
    generator = np.random.default_rng(1)
    rows, gradient = generator.normal(size=(n_samples, 17)), generator.normal(size=17)
    share = generator.dirichlet(np.ones(n_samples))
    for weights in (None, share):
        fisher = np.cov(rows.T, bias=True, aweights=weights)
        found = optimizers.natural_direction(torch.from_numpy(rows), torch.from_numpy(gradient), 0.1,
                                             None if weights is None else torch.from_numpy(weights))
        np.testing.assert_allclose(found, np.linalg.solve(fisher + 0.1 * np.eye(17), gradient), rtol=1e-9)


@pytest.mark.parametrize("mixed", [False, True])
def test_natural_step_of_a_complex_state_follows_the_geometric_tensor(mixed):
    """4 Re(<d_a psi|d_b psi> - <d_a psi|psi><psi|d_b psi>) by finite differences of psi over spins and ancillas."""
    if mixed:
        pure = make_state(3, 2, 3, 0.8, 1)
        state = MixedState(pure.amplitude, pure.phase, 1)
    else:
        pure = state = make_state(2, 3, 2, 0.8, 1)
    rows, _ = random_rows(2, 40, 2)
    flat = rotations.flat_parameters(state)
    psi = pure.psi().numpy()

    def vector(at):
        return rotations.from_flat(at, pure).psi().numpy()
    slopes = by_finite_differences(vector, flat)
    along = slopes @ psi.conj()
    tensor = 4 * (slopes.conj() @ slopes.T - np.outer(along.conj(), along)).real
    parts = [part.numpy().ravel() for of in rotations.gradient(state, rows) for part in of]
    direction = np.linalg.solve(tensor + 0.05 * np.eye(len(flat)), np.concatenate(parts))
    settings = StateSettings(epochs=1, batch_size=40, learning_rate=0.2, optimizer="natural", damping=0.05)
    step = rotations.flat_parameters(fit(state, rows, settings, seed=1).state) - flat
    np.testing.assert_allclose(step, -0.2 * direction, atol=1e-6)


def test_natural_step_from_chains_approaches_that_of_the_sum():
    state, (rows, _) = make_state(3, 3, 2, 0.6, 3), random_rows(3, 60, 4, letters="XYZZZZ")
    common = {"epochs": 1, "batch_size": 60, "learning_rate": 0.1, "optimizer": "natural", "damping": 0.1}
    exact = fit(state, rows, StateSettings(**common), seed=1)
    sampled = fit(state, rows, StateSettings(**common, negative_phase="sampled", negative_batch_size=20_000,
                                             n_gibbs=40), seed=1)
    one, other = (rotations.flat_parameters(step.state) - rotations.flat_parameters(state) for step in (exact, sampled))
    assert np.abs(other - one).max() < 0.05 * np.abs(one).max()


# --- the centred gradient


def flipped(machine, visible, hidden):
    """The same distribution, with these units' values exchanged (those of visible units in the data, too)."""
    weights, visible_bias, hidden_bias = (value.clone() for value in (machine.weights, machine.visible_bias,
                                                                      machine.hidden_bias))
    for i in visible:
        hidden_bias += weights[i]
        weights[i], visible_bias[i] = -weights[i], -visible_bias[i]
    for j in hidden:
        visible_bias += weights[:, j]
        weights[:, j], hidden_bias[j] = -weights[:, j], -hidden_bias[j]
    return Machine(weights, visible_bias, hidden_bias, machine.mask)


@pytest.mark.parametrize("options, invariant", [
    ({"centred": True}, True), ({"centred": True, "optimizer": "momentum"}, True), ({}, False),
    ({"optimizer": "adam"}, False)], ids=["centred", "centred momentum", "plain", "Adam"])
@pytest.mark.parametrize("pruned", [False, True])
def test_flipping_units_changes_nothing_for_the_centred_gradient(options, invariant, pruned):
    """Flip units, train, flip back: the machine that was trained without, to rounding."""
    machine, data = make_machine(3, 4, 0.7, seed=5), small_data(300)
    machine = machine.pruned(random_mask(3, 4, 0.6)) if pruned else machine
    settings = TrainingSettings(epochs=3, batch_size=100, learning_rate=0.2, negative_phase="exact",
                                precision="float64", **options)
    visible, hidden = [0, 2], [1, 3]
    turned = data.copy()
    turned[:, visible] ^= 1
    one = train(machine, data, settings, seed=1).machine
    other = train(flipped(machine, visible, hidden), turned, settings, seed=1).machine
    distance = max(np.abs(a - b).max() for a, b in zip(parameters(one), parameters(flipped(other, visible, hidden))))
    assert distance < 1e-11 if invariant else distance > 0.01


def test_the_centred_gradient_is_that_in_centred_units():
    """With offsets mu and lambda the energy is that of W, b - W lambda, c - mu W: descend there and come back."""
    machine, data = make_machine(3, 2, seed=6), small_data(200)
    empirical = np.bincount(data @ [4, 2, 1], minlength=8) / len(data)
    states, p = oracles.states(3), probabilities(machine).numpy()
    hidden = oracles.rbm_hidden_probability(*parameters(machine))
    mu, offset = ((empirical + p) / 2 @ states, (empirical + p) / 2 @ hidden)

    def loss(flat):  # of b and c in centred units
        weights, visible, of_hidden = flat[:6].reshape(3, 2), flat[6:9], flat[9:]
        back = Machine(*(torch.from_numpy(np.ascontiguousarray(part)) for part in
                         (weights, visible - weights @ offset, of_hidden - mu @ weights)))
        return -log_probabilities(back).numpy() @ empirical
    weights, visible_bias, hidden_bias = parameters(machine)
    flat = np.concatenate([weights.ravel(), visible_bias + weights @ offset, hidden_bias + mu @ weights])
    flat = flat - 0.3 * by_finite_differences(loss, flat)
    weights = flat[:6].reshape(3, 2)
    expected = (weights, flat[6:9] - weights @ offset, flat[9:] - mu @ weights)
    settings = TrainingSettings(epochs=1, batch_size=200, learning_rate=0.3, negative_phase="exact",
                                precision="float64", centred=True)
    for found, wanted in zip(parameters(train(machine, data, settings, seed=1).machine), expected):
        np.testing.assert_allclose(found, wanted, atol=1e-8)


# --- what they are for, and what is refused


@pytest.mark.parametrize("options", [
    {"optimizer": "momentum", "learning_rate": 0.02}, {"optimizer": "adam", "learning_rate": 0.01},
    {"optimizer": "natural", "learning_rate": 0.1, "epochs": 10}, {"centred": True, "learning_rate": 0.2},
    {"optimizer": "natural", "learning_rate": 0.1, "epochs": 10, "negative_phase": "exact"}], ids=str)
def test_a_small_target_is_learnt_by_each(options):
    psi = np.abs(np.linalg.eigh(oracles.dense_hamiltonian(4, 1.0))[1][:, 0])
    draws = np.random.default_rng(0).choice(16, 5_000, p=psi**2)
    settings = TrainingSettings(**{"epochs": 60, "n_gibbs": 2, "final_learning_rate": 0.001} | options)
    machine = train(Machine.random(4, 4, seed=1), oracles.states(4)[draws].astype(np.uint8), settings, seed=1).machine
    assert (probabilities(machine).sqrt().numpy() @ psi) ** 2 > 0.995


def test_adam_divides_by_the_size_of_the_gradient():
    """Its first step has the size of the rate, whatever the gradient."""
    settings = TrainingSettings(epochs=1, batch_size=600, learning_rate=0.05, optimizer="adam", precision="float64")
    step = difference(train(make_machine(3, 2, seed=1), small_data(600), settings, seed=1), make_machine(3, 2, seed=1))
    np.testing.assert_allclose(np.abs(step), 0.05, rtol=1e-4)


@pytest.mark.parametrize("of", [TrainingSettings, StateSettings])
@pytest.mark.parametrize("change, message", [
    ({"optimizer": "Adam"}, 'one of sgd, momentum, adam, natural, got \'Adam\'; try optimizer="adam"'),
    ({"momentum": 1.0}, "momentum to be from 0 to below 1, got 1.0"), ({"momentum": True}, "momentum"),
    ({"damping": 0.0}, "damping to be finite and above 0, got 0.0; try damping=0.01"),
    ({"damping": float("inf")}, "damping"), ({"damping": "little"}, "damping"), ({"optimizer": ["sgd"]}, "optimizer")])
def test_settings_out_of_bounds_are_refused(of, change, message):
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        of(**change)


@pytest.mark.parametrize("options, message", [
    ({"symmetric": True}, "without symmetric=True"), ({"optimizer": "natural"}, 'without optimizer="natural"')])
def test_centred_is_refused_where_it_is_without_effect(options, message):
    with pytest.raises(ValueError, match=message):
        TrainingSettings(centred=True, **options)
    with pytest.raises(ValueError, match="centred as True or False, got 1"):
        TrainingSettings(centred=1)


def test_derivatives_at_too_many_states_are_refused():
    settings = TrainingSettings(negative_phase="exact", optimizer="natural")
    with pytest.raises(ValueError, match="derivatives at all states .* GiB; try negative_phase"):
        train(Machine.random(16, 200, seed=1), np.zeros((3, 16)), settings, seed=1)
    many, (rows, _) = ComplexState.random(12, 1000, seed=1), random_rows(12, 9, 2)
    with pytest.raises(ValueError, match="derivatives at all configurations .* GiB; try negative_phase"):
        fit(many, rows, StateSettings(optimizer="natural", negative_phase="exact"), seed=1)
