"""Kernels of deep networks: of infinite ones against random ones, and of one against its gradients by autograd."""

import math
import tracemalloc

import numpy as np
import pytest
import torch

from lib.kernels import inputs
from lib.kernels.neural_tangent import ACTIVATIONS, FullyConnected, analytic, empirical, gradients, recursion
from tests.kernels.test_infinite_width import by_recursion, random_inputs


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("depth, width, n_nets", [(1, 20, 1500), (2, 300, 40), (3, 300, 40)])
def test_kernels_are_means_over_random_networks(depth, width, n_nets, activation):
    """With one hidden layer the mean is exact at any width; else it is off by 1/width, which the errors cover."""
    x = random_inputs(3)
    settings = {"activation": activation, "weight_variance": 1.7, "bias_variance": 0.3}
    net = FullyConnected((5, *[width] * depth, 1), **settings)
    found = np.array([empirical(net, net.init(seed), x) for seed in range(n_nets)])
    error = found.std(0, ddof=1) / math.sqrt(n_nets)
    expected = np.array(analytic(x, depth=depth, **settings))
    assert (error < 0.04 * expected.max()).all()
    assert (np.abs(found.mean(0) - expected) < 4.5 * error).all()
    for other in ({"depth": depth + 1}, {"weight_variance": 1.9}, {"bias_variance": 0.5}):
        wrong = np.array(analytic(x, **({"depth": depth} | settings | other)))
        assert (np.abs(found.mean(0) - wrong) > 4.5 * error)[0].any()
        assert (np.abs(found.mean(0) - wrong) > 4.5 * error)[1].any()


def test_outputs_of_random_networks_have_the_covariance_of_the_first_kernel():
    x = random_inputs(3)
    net = FullyConnected((5, 200, 200, 1), bias_variance=0.2)
    outputs = np.array([net.apply(net.init(seed), x)[:, 0].numpy() for seed in range(1500)])
    products = outputs[:, :, None] * outputs[:, None]
    error = products.std(0) / math.sqrt(len(products))
    assert (np.abs(products.mean(0) - analytic(x, depth=2, bias_variance=0.2).nngp) < 4.5 * error).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("widths", [(5, 1), (5, 7, 1), (5, 4, 9, 1), (5, 6, 3, 8, 1)])
def test_kernels_of_one_network_are_products_of_its_gradients(widths, activation):
    net = FullyConnected(widths, activation, 1.6, 0.3)
    parameters = net.init(3)
    x, y = random_inputs(11), random_inputs(4, seed=1)
    by_x, by_y = (gradients(net, parameters, a) for a in (x, y))
    assert by_x.shape == (11, net.n_parameters)
    n_last = widths[-2] + 1
    for rows in (None, 1, 3, 50):
        kernels = empirical(net, parameters, x, y, rows=rows)
        np.testing.assert_allclose(kernels.ntk, by_x @ by_y.T, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(kernels.nngp, by_x[:, -n_last:] @ by_y[:, -n_last:].T, rtol=1e-11, atol=1e-12)
        own = empirical(net, parameters, x, rows=rows)
        np.testing.assert_allclose(own.ntk, by_x @ by_x.T, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(own.nngp, by_x[:, -n_last:] @ by_x[:, -n_last:].T, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(own.ntk, own.ntk.T, rtol=1e-13)


def test_gradients_are_finite_differences():
    net = FullyConnected((5, 6, 1), "erf", 1.6, 0.3)
    parameters, x = net.init(3), random_inputs(2)
    found = gradients(net, parameters, x)
    flat, sizes = torch.cat([part.flatten() for part in parameters]), [part.numel() for part in parameters]

    def outputs(values):
        parts = [part.reshape(old.shape) for part, old in zip(values.split(sizes), parameters)]
        return net.apply(parts, x)[:, 0].numpy()
    for k in range(net.n_parameters):
        step = torch.zeros_like(flat)
        step[k] = 1e-5
        np.testing.assert_allclose((outputs(flat + step) - outputs(flat - step)) / 2e-5, found[:, k], atol=1e-8)


def test_the_network_is_the_one_of_the_docstring():
    net = FullyConnected([5, 7, 6, 1], "relu", 1.6, 0.3)
    assert net.widths == (5, 7, 6, 1)
    parameters = net.init(1)
    assert [tuple(part.shape) for part in parameters] == [(7, 5), (7,), (6, 7), (6,), (1, 6), (1,)]
    assert net.n_parameters == sum(part.numel() for part in parameters) == 5 * 7 + 7 + 7 * 6 + 6 + 6 + 1
    assert all(part.dtype == torch.float64 for part in parameters)
    w1, b1, w2, b2, w3, b3 = (part.numpy() for part in parameters)
    for x in random_inputs(3):
        a, b = math.sqrt(1.6), math.sqrt(0.3)
        h = np.maximum(a / math.sqrt(5) * w1 @ x + b * b1, 0)
        h = np.maximum(a / math.sqrt(7) * w2 @ h + b * b2, 0)
        expected = a / math.sqrt(6) * w3 @ h + b * b3
        np.testing.assert_allclose(net.apply(parameters, x), expected, rtol=1e-13)
        np.testing.assert_allclose(net.apply(parameters, x[None])[0], expected, rtol=1e-13)
    for one, same, other in zip(parameters, net.init(1), net.init(2)):
        assert (one == same).all() and (one != other).all()
    many = torch.cat([part.flatten() for part in FullyConnected((100, 100, 1)).init(1)])
    assert abs(many.mean()) < 4.5 / math.sqrt(len(many)) and abs(many.var() - 1) < 4.5 * math.sqrt(2 / len(many))


def test_inputs_of_length_zero(recwarn):
    x = np.r_[random_inputs(3), np.zeros((1, 5))]
    for activation in ACTIVATIONS:
        assert all((kernel[3] == 0).all() and np.isfinite(kernel).all()
                   for kernel in analytic(x, depth=3, activation=activation))
        for kernel, expected in zip(analytic(x, x[::-1], depth=2, activation=activation, bias_variance=0.4),
                                    by_recursion(x, x[::-1], depth=2, activation=activation, bias_variance=0.4)):
            np.testing.assert_allclose(kernel, expected, rtol=1e-7)
    assert not recwarn.list


def test_no_arrays_besides_the_results(monkeypatch):
    x = random_inputs(1500)
    analytic(x[:2], depth=2)  # compiles
    net = FullyConnected((5, 400, 400, 1))
    parameters = net.init(1)
    for make in (lambda: analytic(x, depth=3), lambda: empirical(net, parameters, x)):
        tracemalloc.start()
        make()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert 2 * 8 * 1500**2 <= peak < 2 * 8 * 1500**2 + 2**23  # torch's memory is not counted
    monkeypatch.setattr(inputs, "available_memory", lambda: 2**24)
    for make in (lambda: analytic(x, depth=3), lambda: empirical(net, parameters, x)):
        with pytest.raises(ValueError, match=r"at most 16\.0 MiB of memory, got 2 kernels of 1500 and 1500 inputs"):
            make()


NET = FullyConnected((5, 4, 1))
X = random_inputs(3)


@pytest.mark.parametrize("make, words", [
    (lambda: analytic(X, depth=0), "expected depth to be an integer >= 1, got 0"),
    (lambda: analytic(X, depth=1.0), "expected depth"),
    (lambda: analytic(X, depth=1, activation="tanh"), 'expected activation "relu" or "erf", got \'tanh\''),
    (lambda: analytic(X, depth=1, weight_variance=0), "expected weight_variance as a number > 0, got 0"),
    (lambda: analytic(X, depth=1, weight_variance=float("nan")), "expected weight_variance"),
    (lambda: analytic(X, depth=1, weight_variance="2"), "expected weight_variance"),
    (lambda: analytic(X, depth=1, bias_variance=-1), "expected bias_variance as a number >= 0, got -1"),
    (lambda: analytic(X, depth=1, bias_variance=float("inf")), "expected bias_variance"),
    (lambda: analytic(X, X[:, 1:], depth=1), "same number of features, got 5 and 4"),
    (lambda: analytic([[float("nan")]], depth=1), "expected x with finite entries"),
    (lambda: analytic(X, depth=800, weight_variance=8.0), r"kernels up to 1e\+150, got .* after 2.. layers"),
    (lambda: recursion(1, 1, 1, depth=0), "expected depth"),
    (lambda: recursion(1, 1, 1, depth=1, activation="sin"), "expected activation"),
    (lambda: FullyConnected((5,)), r"expected widths as \(d, N_1, \.\.\., n_outputs\), got \(5,\)"),
    (lambda: FullyConnected(5), "expected widths"),
    (lambda: FullyConnected((5, 0, 1)), "expected a width to be an integer >= 1, got 0"),
    (lambda: FullyConnected((5, 1), "tanh"), "expected activation"),
    (lambda: FullyConnected((5, 1), bias_variance=-0.1), "expected bias_variance"),
    (lambda: NET.init(-1), "expected seed"),
    (lambda: empirical(FullyConnected((5, 4, 2)), FullyConnected((5, 4, 2)).init(1), X),
     r"expected a network with one output, got 2; try widths=\(5, 4, 1\)"),
    (lambda: empirical(NET, FullyConnected((5, 3, 1)).init(1), X), r"parameters of shapes \[\(4, 5\), \(4,\), "),
    (lambda: empirical(NET, NET.init(1), X[:, :3]), r"expected inputs of 5 features, got 3; try widths=\(3, 4, 1\)"),
    (lambda: empirical(NET, NET.init(1), X, rows=0), "expected rows"),
    (lambda: gradients(NET, NET.init(1)[:2], X), "expected parameters of shapes"),
])
def test_bad_input_is_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()
