"""Small machines and checks of chapter 7, on few spins and by sums over all states."""

import numpy as np
import pytest

from lib import rng
from lib.rbm import metrics, partition, pruning_examples
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from lib.spins import ising


def test_the_drawn_machine_learns_and_keeps_its_large_weights():
    psi, data, machine, pruned = pruning_examples.drawn(3, seed=1, n_spins=6, n_samples=2000)
    assert data.shape == (2000, 6) and psi == pytest.approx(ising.ground_state(6, 1.0)[1])
    assert 0.5 < metrics.fidelity(PositiveState(machine), psi) < 1
    left = pruned.weights.numpy() != 0
    sizes = abs(machine.weights.numpy())
    assert 0 < left.sum() < 18 and sizes[left].max() == sizes.max()


def test_gauges_start_at_the_machine_and_differ_by_the_fields():
    machine = Machine.random(4, 3, seed=2, scale=1.0)
    psi = np.sqrt(partition.probabilities(machine).numpy())
    found = pruning_examples.gauges(machine, psi, 4)
    assert list(found) == ["before", "bits", "spins"] and found["before"][1] == pytest.approx(0, abs=1e-12)
    assert found["bits"][1] > 1e-6 < found["spins"][1] and found["bits"] != found["spins"]


def test_frequencies_come_closer_the_more_measurements_there_are():
    few, many = (pruning_examples.floor(4, 1.0, n, seed=1) for n in (500, 50_000))
    assert 0 < many < few and many == pytest.approx(15 / (2 * 50_000), rel=1)


def test_measures_agree_with_sums_by_hand():
    found = pruning_examples.by_hand(seed=3)
    assert max(found[:3]) < 1e-9 and found.all_up == 6


def test_a_bound_that_knows_the_autocorrelation_holds_more_often():
    machine = Machine.random(3, 3, seed=1, scale=1.5)
    data = rng.stream(1, "data").integers(0, 2, (100, 3), dtype=np.uint8)
    found = pruning_examples.coverage(machine, data, 200, seed=1)
    assert found.tau >= 1 and 0.5 < found.printed <= found.with_tau <= 1 and found.with_tau > 0.9
