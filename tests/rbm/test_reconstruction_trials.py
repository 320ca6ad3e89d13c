"""What chapter 5 computes: tables with answers that are known, from chains of two to four spins."""


import numpy as np
import pandas as pd
import pytest

from lib import rng
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


def test_exact_magnetizations_are_those_of_ground_states():
    grounds, table = reconstruction_trials.exact_magnetizations(3, [0.5, 1.5])
    assert list(grounds) == list(table.field) == [0.5, 1.5]
    psi = ising.ground_state(3, 1.5)[1]
    assert table["abs m"][1] == ising.absolute_magnetization(psi) and table.x[1] == ising.magnetization_x(psi).mean()


def test_machines_are_compared_by_length_and_field():
    rows = [(8, 0.5, 0.5, 0.4, 0.95), (8, 0.5, 0.5, 0.6, 0.99), (8, 1.0, 0.7, 0.9, 0.8), (8, 1.0, 0.7, 0.7, 0.85),
            (10, 0.5, 0.5, 0.5, 0.99), (10, 0.5, 0.5, 0.5, 0.7), *2 * [(30, 0.5, 0.5, 0.5, np.nan)]]
    table = pd.DataFrame(rows, columns=["n_spins", "field", "x exact", "x", "fidelity"])
    found = reconstruction_trials.by_length(table)
    assert found.miss == pytest.approx(0.1) and (found.size, found.field) == (8, 1.0)
    assert found.error == pytest.approx(0.1) and (found.short, found.long) == (8, 10)
    assert found.lost.to_dict() == {8: 1.0, 10: 0.5} and len(found.lopsided) == 3


def test_more_passes_from_one_start_come_closer():
    psi = ising.ground_state(3, 1.0)[1]
    data = ising.sample(psi, 400, rng=rng.stream(1, "data"))
    found = reconstruction_trials.fidelities(data, psi, QUICK, 3, (1, 30), seed=2)
    assert list(found) == [1, 30] and found[1] < found[30] <= 1
