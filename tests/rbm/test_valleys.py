"""Two valleys and their balance, on chains of two to four spins."""

from dataclasses import replace

import numpy as np
import pytest

from lib import rng
from lib.conventions import all_states
from lib.rbm import metrics, partition, valleys
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from lib.rbm.training import TrainingSettings
from lib.spins import ising

QUICK = TrainingSettings(epochs=4, batch_size=50, learning_rate=0.1)


def test_expected_training_by_the_exact_gradient_keeps_the_balance_that_one_sweep_loses():
    psi = ising.ground_state(3, 0.2)[1]
    table = valleys.expected_training(psi, (1, 0), n_steps=400, learning_rate=0.3, seed=1)
    assert list(table.k) == [1] * 401 + [0] * 401 and list(table.step[:3]) == [0, 1, 2]
    end = table[table.step == 400].set_index("k").m
    assert abs(end[0]) < 0.05 < 0.3 < end[1]


def test_a_sweep_keeps_the_distribution_of_the_machine():
    machine = Machine.random(3, 3, seed=1, scale=1.0)
    p, sweep = partition.probabilities(machine).numpy(), valleys._sweep(machine, all_states(3))
    assert sweep.sum(axis=1) == pytest.approx(np.ones(8)) and p @ sweep == pytest.approx(p)


def test_cures_begin_at_the_same_machines():
    psi = ising.ground_state(4, 0.2)[1]
    data, ways = ising.sample(psi, 100, rng=rng.stream(1, "d")), {"a": QUICK, "b": replace(QUICK, symmetric=True)}
    table, last = valleys.cures(psi, data, ways, 3, 2, every=2, seed=1)
    assert list(table.way) == ["a"] * 6 + ["b"] * 6 and list(table.epoch) == [0, 2, 4] * 4
    start = table[table.epoch == 0].set_index(["way", "seed"]).fidelity
    assert start["a"].to_numpy() == pytest.approx(start["b"].to_numpy()) and start["a", 0] != start["a", 1]
    assert table.fidelity.iloc[-1] == metrics.fidelity(last, psi)
    assert PositiveState(last).psi().numpy() == pytest.approx(PositiveState(last).psi().numpy()[::-1])  # symmetric


def test_a_mirror_image_gives_back_what_one_valley_lacks():
    found = valleys.lopsided(4, 0.2, 500, QUICK, 4, 200, 20, seed=1)
    assert 0 < found.fidelity <= found.symmetrized + 1e-12 and found.symmetrized <= 1 + 1e-12
    assert found.exact == ising.renyi2(ising.ground_state(4, 0.2)[1], [0, 1]) and found.swap.error > 0
