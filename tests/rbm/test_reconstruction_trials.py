"""What chapter 5 computes: tables with answers that are known, from chains of two to four spins."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lib import rng
from lib.conventions import all_states
from lib.rbm import metrics, partition, reconstruction_trials
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from lib.rbm.training import TrainingSettings
from lib.spins import ising

QUICK = TrainingSettings(epochs=4, batch_size=50, learning_rate=0.1)


def test_frequencies_count_states_with_the_first_spin_as_the_highest_bit():
    assert list(reconstruction_trials.frequencies(np.array([[1, 0], [1, 0], [0, 1], [1, 1]], np.uint8))) == [
        0, 0.25, 0.5, 0.25]


def test_learning_curves_end_at_the_machines_that_come_back():
    psi = ising.ground_state(3, 1.0)[1]
    data = ising.sample(psi, 300, rng=rng.stream(1, "data"))
    machines, curves = reconstruction_trials.learning_curves(psi, data, QUICK, 2, 2, every=2, seed=1)
    assert list(curves.machine) == [1, 1, 1, 2, 2, 2] and list(curves.epoch) == [0, 2, 4] * 2
    for machine, (_, curve) in zip(machines, curves.groupby("machine")):
        p, last = partition.probabilities(machine), curve.iloc[-1]
        assert last.fidelity == metrics.fidelity(PositiveState(machine), psi)
        assert last["KL(exact)"] == metrics.kl_divergence(psi**2, p)
        assert last["KL(data)"] == metrics.kl_divergence(reconstruction_trials.frequencies(data), p)


def test_magnetizations_of_single_outcomes_add_up_the_states_with_as_many_ups():
    table = reconstruction_trials.distributions({0.5: np.sqrt([0.1, 0.2, 0.3, 0.4]), 1.0: np.full(4, 0.5)})
    assert list(table.field) == [0.5] * 3 + [1.0] * 3 and list(table.m) == [-1, 0, 1] * 2
    assert list(table.probability) == pytest.approx([0.1, 0.5, 0.4, 0.25, 0.5, 0.25])


def test_expected_training_by_the_exact_gradient_keeps_the_balance_that_one_sweep_loses():
    psi = ising.ground_state(3, 0.2)[1]
    table = reconstruction_trials.expected_training(psi, (1, 0), n_steps=400, learning_rate=0.3, seed=1)
    assert list(table.k) == [1] * 401 + [0] * 401 and list(table.step[:3]) == [0, 1, 2]
    end = table[table.step == 400].set_index("k").m
    assert abs(end[0]) < 0.05 < 0.3 < end[1]


def test_a_sweep_keeps_the_distribution_of_the_machine():
    machine = Machine.random(3, 3, seed=1, scale=1.0)
    p, sweep = partition.probabilities(machine).numpy(), reconstruction_trials._sweep(machine, all_states(3))
    assert sweep.sum(axis=1) == pytest.approx(np.ones(8)) and p @ sweep == pytest.approx(p)


def test_cures_begin_at_the_same_machines():
    psi = ising.ground_state(4, 0.2)[1]
    data, ways = ising.sample(psi, 100, rng=rng.stream(1, "d")), {"a": QUICK, "b": replace(QUICK, symmetric=True)}
    table, last = reconstruction_trials.cures(psi, data, ways, 3, 2, every=2, seed=1)
    assert list(table.way) == ["a"] * 6 + ["b"] * 6 and list(table.epoch) == [0, 2, 4] * 4
    start = table[table.epoch == 0].set_index(["way", "seed"]).fidelity
    assert start["a"].to_numpy() == pytest.approx(start["b"].to_numpy()) and start["a", 0] != start["a", 1]
    assert table.fidelity.iloc[-1] == metrics.fidelity(last, psi)
    assert PositiveState(last).psi().numpy() == pytest.approx(PositiveState(last).psi().numpy()[::-1])  # symmetric


def test_entropies_are_estimated_summed_and_exact():
    psi, state = ising.ground_state(3, 1.0)[1], PositiveState(Machine.random(3, 2, seed=1, scale=1.0))
    samples = state.sample(20_000, seed=1, n_chains=2000)
    table = reconstruction_trials.entropies(state, psi, samples)
    assert list(table["size"]) == [1, 2]
    for row, region in zip(table.to_dict("records"), ([0], [0, 1])):
        assert row["S2 exact"] == ising.renyi2(psi, region)
        assert row["S2 machine"] == ising.renyi2(state.psi().numpy(), region)
        assert abs(row["S2"] - row["S2 machine"]) < 5 * row["S2 error"]
    assert isinstance(table, pd.DataFrame)


def test_estimators_are_off_by_rounding_and_by_more_where_the_operator_is_another():
    state = PositiveState(Machine.random(3, 2, seed=1, scale=1.0))
    off = reconstruction_trials.estimators_off(state, 0.7, [0, 2])
    assert set(off) == {"5.9", "5.7", "5.10", "5.11"} and max(off.values()) < 1e-12
    energy, other = (ising.energy(state.psi().numpy(), field) for field in (0.7, 0.8))
    assert abs(energy - other) > 1e-3  # so that the sum could tell one field from another
