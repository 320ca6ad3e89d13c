"""Machines of one or two units from the definition, against sums that are written out."""

import numpy as np
import pytest
import torch

from lib.rbm import by_definition
from lib.rbm.machine import Machine

MACHINE = Machine(torch.tensor([[1.0], [-2.0]], dtype=torch.float64), torch.tensor([0.5, 0.0], dtype=torch.float64),
                  torch.tensor([0.3], dtype=torch.float64))


def test_the_joint_table_has_a_weight_for_every_state():
    joint, z = by_definition.joint_table(*by_definition.arrays(MACHINE))
    energies = [[0, 0.3], [0, 0.3 - 2], [0.5, 0.5 + 0.3 + 1], [0.5, 0.5 + 0.3 + 1 - 2]]  # rows 00, 01, 10, 11
    assert z == pytest.approx(np.exp(energies).sum()) and joint == pytest.approx(np.exp(energies) / z)
    assert by_definition.states(2).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_independent_units_have_products_of_chances():
    found = by_definition.factorized(np.array([[0.2, 0.5]]), by_definition.states(2))
    assert found[0] == pytest.approx([0.4, 0.4, 0.1, 0.1])


def test_gradients_at_every_state_are_differences_of_the_effective_energy():
    joint, _ = by_definition.joint_table(*by_definition.arrays(MACHINE))
    found = by_definition.effective_energy_gradients(joint)
    point, step = by_definition.flat(by_definition.arrays(MACHINE)), 1e-5

    def energy(parameters):  # -ln sum_h exp(-E(v, h)), for each v
        weights, b, c = by_definition.parts(parameters[None], 2)
        table, z = by_definition.joint_table(weights.reshape(2, 1), b[0], c[0])
        return -np.log(table.sum(axis=1) * z)

    by_differences = [(energy(point + e) - energy(point - e)) / (2 * step) for e in step * np.eye(5)]
    assert found == pytest.approx(np.array(by_differences).T, abs=1e-8)
    assert [part.shape[1] for part in by_definition.parts(found, 2)] == [2, 2, 1]


def test_the_update_is_the_difference_of_both_phases():
    on = 1 / (1 + np.exp([-1.3, 1.7]))  # p(h = 1) at v = 10 and at v' = 01
    found = by_definition.contrastive_update(MACHINE, np.array([1, 0]), np.array([0, 1]))
    assert found == pytest.approx([on[0], -on[1], 1, -1, on[0] - on[1]])


def test_the_gradient_by_differences_is_that_of_means():
    q = np.array([0.1, 0.2, 0.3, 0.4])
    joint, _ = by_definition.joint_table(*by_definition.arrays(MACHINE))
    p, on = joint.sum(1), joint[:, 1] / joint.sum(1)
    v = by_definition.states(2)
    exact = by_definition.flat([((p - q)[:, None] * v * on[:, None]).sum(0), (p - q) @ v, [(p - q) @ on]])
    assert by_definition.finite_gradient(MACHINE, q) == pytest.approx(exact, abs=1e-8)
