"""Torch's networks against what is computed by hand here, without `fully_connected`."""

import numpy as np
import pytest

from lib import rng
from lib.kernels import fully_connected, torch_twins

PARAMETERS = [(np.array([[1.0, -2.0], [0.5, 0.0], [0.0, 1.0]]), np.array([0.1, 0.0, -3.0])),
              (np.array([[2.0, 1.0, 1.0]]), np.array([0.5]))]


def test_a_network_of_torch_has_a_relu_behind_each_layer_but_the_last():
    net = torch_twins.network(PARAMETERS)
    x = np.array([[1.0, 0.2], [-3.0, 4.0]])
    hidden = [[0.7, 0.5, 0.0], [0.0, 0.0, 1.0]]
    assert torch_twins.outputs(net, x) == pytest.approx(np.array([[2 * 0.7 + 0.5 + 0.5], [1 + 0.5]]))
    assert len(net) == 3 and np.maximum(x @ PARAMETERS[0][0].T + PARAMETERS[0][1], 0) == pytest.approx(np.array(hidden))


def test_one_step_of_sgd_is_the_gradient_of_the_mean_square():
    slope = [(np.array([[2.0]]), np.array([0.0]))]
    x, y = np.array([[1.0], [3.0]]), np.array([[1.0], [1.0]])
    found = torch_twins.sgd(slope, x, y, n_epochs=1, batch_size=2, learning_rate=0.1, seed=1)
    assert [part.item() for part in found] == pytest.approx([2 - 0.1 * (1 * 1 + 5 * 3), -0.1 * (1 + 5)])
    assert slope[0][0].item() == 2


def test_minibatches_come_in_the_order_of_the_network_by_hand():
    start = fully_connected.random_parameters([2, 3, 1], seed=1)
    x, y = rng.stream(1, "x").standard_normal((6, 2)), rng.stream(1, "y").standard_normal((6, 1))
    settings = {"n_epochs": 3, "batch_size": 2, "learning_rate": 0.05, "seed": 7}
    by_hand = sum(fully_connected.sgd(start, x, y, **settings), ())
    assert torch_twins.largest_difference(by_hand, torch_twins.sgd(start, x, y, **settings)) < 1e-12
    assert torch_twins.largest_difference(by_hand, torch_twins.sgd(start, x, y, **settings | {"seed": 8})) > 1e-6


def test_differences_are_of_both_ends_and_of_the_way_there():
    start = fully_connected.random_parameters([2, 3, 1], seed=1)
    x, y = rng.stream(1, "x").standard_normal((6, 2)), rng.stream(1, "y").standard_normal((6, 1))
    settings = {"n_epochs": 2, "batch_size": 3, "learning_rate": 0.05, "seed": 7}
    found = torch_twins.difference_of_sgd(start, x, y, **settings)
    ends = torch_twins.sgd(start, x, y, **settings)
    assert found.moved == pytest.approx(max(np.abs(end - part).max() for end, part in zip(ends, sum(start, ()))))
    assert found.apart < 1e-12 < found.moved


def test_gradients_by_v_hold_no_v_and_are_products_of_hidden_layers():
    pair = np.array([[1.0, 0.0], [0.6, 0.8]])
    over_v = torch_twins.gradient_products(pair, 5, [(0, 0), (0, 1)], seed=2)
    assert over_v[0] == over_v[1] != torch_twins.gradient_products(pair, 5, [(1, 0)], seed=2)[0]
    u = rng.stream(2, "gradient", "u", 0).standard_normal((5, 2))
    assert over_v[0] == pytest.approx(np.maximum(u @ pair[0], 0) @ np.maximum(u @ pair[1], 0) / 5)
