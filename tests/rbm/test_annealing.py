"""Annealed importance sampling against exact enumeration, and its error bars against many repetitions."""

import numpy as np
import pytest
import torch

from lib.rbm import annealing
from lib.rbm.distributions import from_ising_gauge
from lib.rbm.machine import Machine
from lib.rbm.partition import log_partition, probabilities
from tests import oracles


def ferromagnet(n_spins: int, coupling: float) -> Machine:
    """Hidden unit j joins spins j and j + 1 of a ring in the gauge +-1: symmetric, with two valleys."""
    weights = torch.zeros(n_spins, n_spins, dtype=torch.float64)
    for unit in range(n_spins):
        weights[unit, unit] = weights[(unit + 1) % n_spins, unit] = coupling
    return from_ising_gauge(Machine(weights, *torch.zeros(2, n_spins, dtype=torch.float64)))


MACHINES = {"random": Machine.random(10, 10, seed=1), "strong": Machine.random(12, 8, seed=2, scale=1.5),
            "valleys": ferromagnet(8, 1.2), "wide": Machine.random(30, 9, seed=3, scale=0.5)}


@pytest.mark.parametrize("name", MACHINES)
def test_intervals_hold_the_exact_value_in_95_of_100_runs(name):
    machine = MACHINES[name]
    exact = log_partition(machine).item()
    found = [annealing.log_partition(machine, seed=seed, n_runs=64, n_temperatures=60) for seed in range(100)]
    values = np.array([one.value for one in found])
    assert 90 <= sum(one.low <= exact <= one.high for one in found) <= 99
    assert abs(values.mean() - exact) < 4 * values.std() / 10 + values.var()  # the logarithm of a mean is a bit low
    assert 0.75 < values.std() / np.mean([one.error for one in found]) < 1.3


@pytest.mark.parametrize("data", [None, [[1, 1, 0, 1], [1, 0, 0, 1], [1, 1, 0, 0]]])
def test_along_the_way_it_is_a_machine(data):
    machine, everything = Machine.random(4, 3, seed=5, scale=2.0), oracles.states(4)
    path = annealing.annealing_path(machine, data)
    for beta in (0.0, 0.3, 1.0):
        between = Machine(beta * machine.weights, torch.from_numpy(path.base + beta * (machine.visible_bias.numpy()
                          - path.base)), beta * machine.hidden_bias)
        found = np.exp(path.log_weight(beta, everything, path.inputs(everything)))
        np.testing.assert_allclose(found / found.sum(), probabilities(between), atol=1e-13)
        np.testing.assert_allclose(np.log(found.sum()), log_partition(between), rtol=1e-12)
    at_start = np.exp(path.log_weight(0, everything, path.inputs(everything))).sum()
    assert path.log_z_start == pytest.approx(np.log(at_start))


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_a_sweep_leaves_its_distribution_as_it_is(beta):
    machine, everything, n = Machine.random(4, 3, seed=5, scale=2.0), oracles.states(4), 200_000
    path, generator = annealing.annealing_path(machine, [[1, 0, 0, 1]]), np.random.default_rng(1)
    weights = np.exp(path.log_weight(beta, everything, path.inputs(everything)))
    start = everything[generator.choice(16, n, p=weights / weights.sum())]
    after = path.sweep(beta, path.inputs(start), generator)
    assert oracles.chi_square((after @ [8, 4, 2, 1]).astype(int), weights / weights.sum())[2] > 1e-3


def test_exact_for_a_machine_without_weights():
    machine = Machine(torch.zeros(5, 2).double(), torch.zeros(5).double(), torch.zeros(2).double())
    found = annealing.log_partition(machine, seed=1, n_runs=4, n_temperatures=1)
    assert found.value == pytest.approx(7 * np.log(2)) and found.error < 1e-12 and found.n_effective == pytest.approx(4)


def test_means_of_the_data_help():
    # All units on nine times in ten: a start at the means is close, one at random far away.
    machine = Machine(0.1 * torch.ones(12, 4).double(), 2 * torch.ones(12).double(), torch.zeros(4).double())
    data = (np.random.default_rng(1).random((500, 12)) < 0.9).astype(np.uint8)
    plain, helped = (annealing.log_partition(machine, seed=1, n_runs=50, n_temperatures=20, data=start)
                     for start in (None, data))
    assert helped.error < plain.error / 2
    assert abs(helped.value - log_partition(machine).item()) < 4 * helped.error


def test_too_few_temperatures_are_refused():
    machine = Machine.random(12, 8, seed=2, scale=8.0)
    with pytest.raises(ValueError, match="expected weights of similar size, got 50 runs with .*; try ten times"):
        annealing.log_partition(machine, seed=1, n_runs=50, n_temperatures=2)
    with pytest.raises(ValueError, match="expected n_runs to be an integer >= 2, got 1"):
        annealing.log_partition(machine, seed=1, n_runs=1)
    with pytest.raises(ValueError, match="expected n_temperatures"):
        annealing.log_partition(machine, seed=1, n_temperatures=0)


def test_one_seed_one_result():
    first, again, other = (annealing.log_partition(MACHINES["random"], seed=seed, n_runs=8, n_temperatures=5)
                           for seed in (1, 1, 2))
    assert first == again != other
