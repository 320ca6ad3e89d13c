"""Training of complex states: steps against exact gradients, chains against exact sums, and what stops it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lib.rbm import metrics, rotations
from lib.rbm.complex_state import ComplexState
from lib.rbm.complex_training import StateSettings, fit, train
from lib.rbm.machine import Machine
from lib.rbm.training import Diverged
from lib.rbm.training_settings import minibatches
from lib.spins import bases, measurements, vectors
from tests.rbm.test_complex_state import make_state, random_rows

QUCUMBER = Path(__file__).parents[2] / "data" / "measurements" / "qucumber"


def two_qubits():
    bits = measurements.read_text(QUCUMBER / "qubits_train.txt", 2)
    psi = measurements.read_psi(QUCUMBER / "qubits_psi.txt", 2)
    return bases.measured(bits, measurements.read_bases(QUCUMBER / "qubits_train_bases.txt", 2)), psi


def drawn(n_spins, names, n_samples, seed):
    rng = np.random.default_rng(seed)
    psi = vectors.random_state(n_spins, rng=rng)
    return bases.sample(psi, list(rng.choice(names, n_samples)), rng=rng), psi


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_steps_are_those_of_the_exact_gradient(optimizer):
    state = make_state(3, 4, 2, 0.8, 1)
    rows, _ = random_rows(3, 30, 2)
    settings = StateSettings(epochs=2, batch_size=10, learning_rate=0.03, final_learning_rate=0.01, optimizer=optimizer,
                             momentum=0.8)
    flat = rotations.flat_parameters(state)
    first, second = np.zeros_like(flat), np.zeros_like(flat)
    rates = 0.01 + 0.02 * (1 + np.cos(np.pi * np.arange(6) / 5)) / 2
    losses = []
    for epoch in (1, 2):
        for batch in minibatches(30, settings, seed=7, epoch=epoch)[0]:
            now = rotations.from_flat(flat, state)
            losses.append(rotations.negative_log_likelihood(now, rows.rows(batch)))
            parts = [part for of in rotations.gradient(now, rows.rows(batch)) for part in of]
            slope = np.concatenate([part.numpy().ravel() for part in parts])
            rate, t = rates[len(losses) - 1], len(losses)
            if optimizer == "sgd":
                flat = flat - rate * slope
            elif optimizer == "momentum":
                first = 0.8 * first + slope
                flat = flat - rate * first
            else:
                first, second = 0.8 * first + 0.2 * slope, 0.999 * second + 0.001 * slope**2
                flat = flat - rate * (first / (1 - 0.8**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
    last = fit(state, rows, settings, seed=7)
    np.testing.assert_allclose(rotations.flat_parameters(last.state), flat, rtol=1e-9, atol=1e-11)
    assert last.epoch == 2 and last.loss == pytest.approx(np.mean(losses[3:]), rel=1e-10)


@pytest.mark.parametrize("chains", ["data", "persistent"])
def test_long_chains_give_the_exact_gradient(chains):
    """One step of rate 1 moves the parameters by the gradient, here within the noise of 40,000 chains."""
    state = make_state(4, 3, 3, 0.6, 3)
    rows, _ = random_rows(4, 60, 4, letters="XYZZZZ")
    common = {"epochs": 1, "batch_size": 60, "learning_rate": 1.0}
    exact = fit(state, rows, StateSettings(**common, negative_phase="exact"), seed=1)
    sampled = fit(state, rows, StateSettings(**common, negative_phase="sampled", negative_batch_size=40_000, n_gibbs=60,
                                             chains=chains), seed=1)
    one, other = (rotations.flat_parameters(step.state) for step in (exact, sampled))
    np.testing.assert_allclose(other, one, atol=5 * 0.5 / 200)
    # The phase machine has no negative phase.
    np.testing.assert_allclose(other[state.amplitude.n_parameters:], one[state.amplitude.n_parameters:], rtol=1e-12)
    assert exact.loss is not None and sampled.loss is None


@pytest.mark.parametrize("negative_phase", ["exact", "sampled"])
def test_the_published_two_qubits_are_learnt(negative_phase):
    rows, psi = two_qubits()
    settings = StateSettings(epochs=100, batch_size=10, n_gibbs=5, learning_rate=0.05, negative_phase=negative_phase)
    last = fit(ComplexState.random(2, 2, seed=1), rows, settings, seed=1)
    assert metrics.fidelity(last.state.psi(), psi) > 0.985
    divergences = rotations.kl_divergences(psi / np.linalg.norm(psi), last.state, ["ZZ", "XZ", "ZX", "YZ", "ZY"])
    assert divergences.mean() < 0.015


def test_rows_along_z_teach_the_sizes_and_no_phase():
    rows, psi = two_qubits()
    along_z = rows.rows(~rows.rotated().any(1))
    settings = StateSettings(epochs=300, batch_size=10, learning_rate=0.05, final_learning_rate=0.001,
                             allow_undetermined=True)
    start = ComplexState.random(2, 2, seed=4)
    last = fit(start, along_z, settings, seed=4)
    for one, other in zip(rotations.split(rotations.flat_parameters(start), start)[1],
                          rotations.split(rotations.flat_parameters(last.state), start)[1], strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)  # rounding of weights that are real
    sizes = np.abs(last.state.psi().numpy())
    assert metrics.fidelity(sizes, np.abs(psi) / np.linalg.norm(psi)) > 0.98


@pytest.mark.parametrize("negative_phase", ["exact", "sampled"])
@pytest.mark.parametrize("n_hidden_phase", [1, 6])
def test_no_row_along_z_is_needed(negative_phase, n_hidden_phase):
    """Every row turns every spin, so that no chain can start at data."""
    rows, psi = drawn(2, ["XX", "XY", "YX", "YY"], 4000, seed=6)
    assert rows.rotated().all()
    settings = StateSettings(epochs=60, batch_size=50, n_gibbs=5, learning_rate=0.02, final_learning_rate=0.001,
                             optimizer="adam", negative_phase=negative_phase)
    start = ComplexState.random(2, 6, n_hidden_phase=n_hidden_phase, seed=2)
    assert start.phase.n_hidden == n_hidden_phase
    last = fit(start, rows, settings, seed=2)
    assert rotations.negative_log_likelihood(last.state, rows) < rotations.negative_log_likelihood(start, rows)
    if n_hidden_phase == 6 and negative_phase == "exact":
        found, exact = (np.abs(bases.rotate(vector, "XY")) ** 2 for vector in (last.state.psi().numpy(), psi))
        assert np.abs(found - exact).max() < 0.05


def test_wide_chains_with_few_turned_spins_use_lists():
    """24 spins: no table of configurations is possible, nor needed."""
    rng = np.random.default_rng(3)
    names = ["Z" * site + letter + "Z" * (23 - site) for site in range(24) for letter in "XY"]
    rows = bases.measured(rng.integers(0, 2, (96, 24)), names * 2)
    settings = StateSettings(epochs=2, batch_size=32, n_gibbs=2, learning_rate=0.01)
    last = fit(ComplexState.random(24, 3, seed=1), rows, settings, seed=1)
    assert np.isfinite(rotations.flat_parameters(last.state)).all() and last.loss is None


def test_a_training_is_an_iterator_that_repeats_and_stops():
    rows, _ = two_qubits()
    start = ComplexState.random(2, 2, seed=1)
    settings = StateSettings(epochs=6, batch_size=100, negative_phase="sampled")
    before = rotations.flat_parameters(start)
    steps = list(train(start, rows, settings, seed=3, every=2))
    assert [step.epoch for step in steps] == [0, 2, 4, 6]
    assert [step.epoch for step in train(start, rows, settings, seed=3, every=4)] == [0, 4, 6]
    np.testing.assert_array_equal(rotations.flat_parameters(start), before)
    for step in train(start, rows, settings, seed=3):
        if step.epoch == 4:
            break
    np.testing.assert_array_equal(rotations.flat_parameters(step.state), rotations.flat_parameters(steps[2].state))
    other = fit(start, rows, settings, seed=4)
    assert not np.array_equal(rotations.flat_parameters(other.state), rotations.flat_parameters(steps[-1].state))


@pytest.mark.parametrize("change, message", [
    ({"epochs": 0}, "epochs to be an integer >= 1, got 0"), ({"epochs": True}, "got True"),
    ({"batch_size": 2.5}, "batch_size to be an integer"), ({"n_gibbs": -1}, "n_gibbs"),
    ({"negative_batch_size": 0}, "negative_batch_size"), ({"learning_rate": -0.1}, "to be a finite number >= 0"),
    ({"learning_rate": float("nan")}, "got nan"), ({"final_learning_rate": float("inf")}, "final_learning_rate"),
    ({"momentum": 1.0}, "momentum to be from 0 to below 1"), ({"optimizer": "Adam"}, "optimizer to be one of sgd"),
    ({"negative_phase": "cd"}, "one of auto, exact, sampled"), ({"chains": "z"}, "chains to be one"),
    ({"allow_undetermined": "yes"}, "allow_undetermined to be one of False, True"),
])
def test_settings_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        StateSettings(**change)


def trained(state=None, names=("XZ", "ZX", "ZZ"), bits=None, seed=1, every=1, **settings):
    rows = bases.measured(np.zeros((len(names), len(names[0])), int) if bits is None else bits, list(names))
    state = ComplexState.random(len(names[0]), 2, seed=1) if state is None else state
    return train(state, rows, StateSettings(**settings), seed=seed, every=every)


@pytest.mark.parametrize("call, message", [
    (lambda: trained(names=["ZZ", "ZZ"]), r"got none that turns spins 0, 1 \(counted from 0\): phases between states"),
    (lambda: trained(names=["XZZ", "ZZZ", "ZYZ"]), r"got none that turns spin 2 \(counted from 0\)"),
    (lambda: trained(names=["Z" * 15]), r"spins 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, \.\.\. \(counted"),
    (lambda: trained(state=ComplexState.random(3, 2, seed=1)), "measurements of 3 spins, got 2"),
    (lambda: train(ComplexState.random(2, 2, seed=1), np.eye(2), StateSettings(), seed=1), "Measurements with their"),
    (lambda: train(Machine.random(2, 2, seed=1), None, StateSettings(), seed=1), "or MixedState, got Machine"),
    (lambda: train(ComplexState.random(2, 2, seed=1), two_qubits()[0], {}, seed=1), "StateSettings, got dict"),
    (lambda: trained(every=0), "every to be an integer >= 1, got 0"),
    (lambda: trained(names=["XX", "YY"], chains="data", negative_phase="sampled"), "rows measured along z .* got none"),
    (lambda: trained(names=["X" * 22, "Y" * 22], negative_phase="exact"), r"at most 20 spins .* got 22, [0-9.]+ GiB"),
    (lambda: trained(names=["X" * 40, "Y" * 40]), r"row 0 turns 40 of 40\) = [0-9.]+ (GiB|TiB); try bases"),
])
def test_what_cannot_be_trained_is_refused_at_once(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_start_that_makes_a_row_impossible_is_named():
    zero = Machine(torch.zeros(2, 2, dtype=torch.float64), *(torch.zeros(2, dtype=torch.float64) for _ in range(2)))
    steps = trained(state=ComplexState(zero, zero), bits=[[0, 0], [0, 1], [0, 0]])
    assert next(steps).epoch == 0
    with pytest.raises(ValueError, match="probability zero for row 1 .* 01 in basis ZX; try to start from"):
        next(steps)


def test_divergence_names_the_epoch():
    with pytest.raises(Diverged, match=r"epoch \d+ at learning rate 1e\+06: the training diverged; try"):
        list(trained(bits=[[0, 0], [1, 1], [0, 1]], learning_rate=1e6, epochs=50))
