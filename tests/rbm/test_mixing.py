"""Sweeps of small machines, against the definition, eigenvalues and samples."""

import itertools

import numpy as np
import pytest

from lib import rng
from lib.rbm import distributions, mixing, partition
from lib.rbm import machine as rbm

MACHINE = rbm.Machine.random(3, 2, seed=1, scale=1.0)


def joint_table(machine):
    v, h = (np.array(list(itertools.product((0, 1), repeat=n))) for n in (3, 2))
    table = np.exp(-distributions.energy(machine, v[:, None, :], h[None]).numpy())
    return table / table.sum()


JOINT = joint_table(MACHINE)
P = JOINT.sum(axis=1)


def test_a_sweep_is_reversible_and_keeps_the_distribution_of_the_machine():
    sweep = mixing.sweep_matrix(JOINT)
    assert sweep.sum(axis=1) == pytest.approx(np.ones(8)) and P @ sweep == pytest.approx(P)
    flow = P[:, None] * sweep
    assert flow == pytest.approx(flow.T)
    by_hand = sum(JOINT[3, h] / P[3] * JOINT[5, h] / JOINT[:, h].sum() for h in range(4))
    assert sweep[3, 5] == pytest.approx(by_hand)


def test_the_second_mode_shrinks_by_its_rate_and_no_other_does_so_more_slowly():
    rate, f = mixing.second_mode(JOINT)
    sweep = mixing.sweep_matrix(JOINT)
    assert sweep @ f == pytest.approx(rate * f) and 0 < rate < 1 and P @ f == pytest.approx(0)
    assert rate == pytest.approx(np.sort(np.linalg.eigvals(sweep).real)[-2])


def test_chains_measure_the_rate_of_the_slowest_mode():
    mode = mixing.second_mode(JOINT)
    rate, error = mixing.measured_rate(MACHINE, mode, 40_000, 2, seed=1)
    assert abs(rate - mode[0]) < 4 * error < 0.2 * mode[0]
    few = [mixing.measured_rate(MACHINE, mode, 2000, 2, seed=seed) for seed in range(200)]
    assert np.std([rate for rate, _ in few]) == pytest.approx(np.mean([error for _, error in few]), rel=0.2)


def test_one_chain_draws_each_layer_by_the_one_before():
    layers = mixing.one_chain(MACHINE, 2, rng=rng.stream(1, "chain"))
    assert [len(layer) for layer in layers] == [3, 2, 3, 2, 3] and not layers[0].any()
    sure = rbm.Machine(*(1e3 * part.new_tensor(some) for part, some in zip(
        (MACHINE.weights, MACHINE.visible_bias, MACHINE.hidden_bias),
        ([[1, 0], [0, 1], [0, 0]], [-0.5, -0.5, 1], [1, -1]))))  # first units on, the second pair off, the last on
    assert [layer.tolist() for layer in mixing.one_chain(sure, 1, rng=rng.stream(1, "chain"))] == [
        [0, 0, 0], [1, 0], [1, 0, 1]]


def test_the_noise_floor_is_that_of_drawn_samples():
    drawn = rng.stream(1, "drawn").multinomial(1000, P, size=4000) / 1000
    distances = [mixing.total_variation(share, P) for share in drawn]
    mean, deviation = mixing.noise_floor(P, 1000)
    assert np.mean(distances) == pytest.approx(mean, rel=0.02)
    assert np.std(distances) == pytest.approx(deviation, rel=0.4)
    assert mixing.total_variation(np.array([1.0, 0.0]), np.array([0.25, 0.75])) == 0.75


def test_chains_come_closer_as_the_exact_distribution_does():
    table = mixing.convergence(MACHINE, JOINT, 20_000, 3, "chains", seed=1)
    start = np.eye(8)[0]
    assert list(table.sweep) == [0, 1, 2, 3] and table.sampled[0] == table.exact[0] == pytest.approx(1 - P[0])
    exact = start @ np.linalg.matrix_power(mixing.sweep_matrix(JOINT), 2)
    assert table.exact[2] == pytest.approx(mixing.total_variation(exact, P))
    assert np.abs(table.sampled - table.exact).max() < 5 * mixing.noise_floor(P, 20_000)[0]
    other = mixing.convergence(MACHINE, JOINT, 20_000, 1, "others", seed=1)
    assert other.sampled[1] != table.sampled[1]


def test_the_gradient_is_the_derivative_of_the_cost_and_contrastive_divergence_approaches_it():
    data, parts = np.full(8, 1 / 8), (MACHINE.weights, MACHINE.visible_bias, MACHINE.hidden_bias)
    found = mixing.gradient(MACHINE, data, P)
    for place, number in ((0, 0), (6, 6), (9, 9)):  # a weight, a visible and a hidden bias
        values = []
        for step in (1e-5, -1e-5):
            flat = np.concatenate([part.numpy().ravel() for part in parts])
            flat[place] += step
            moved = rbm.Machine(*(part.new_tensor(some).reshape(part.shape) for part, some in
                                  zip(parts, np.split(flat, [6, 9]))))
            values.append(-data @ np.log(partition.probabilities(moved).numpy()))
        assert found[number] == pytest.approx((values[0] - values[1]) / 2e-5, abs=1e-8)
    table = mixing.divergence_bias(MACHINE, JOINT, data, (1, 2, 60))
    assert list(table.k) == [1, 2, 60] and (np.diff(table["relative error"]) < 0).all()
    assert table["relative error"][2] < 1e-3 < table["relative error"][0] and table.angle[2] < 0.1
