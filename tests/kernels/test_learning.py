"""The error decomposition by brute force over ordered training sets; the hand-written network and SGD against torch."""

import itertools

import numpy as np
import pytest
import torch

from lib.kernels import fully_connected, learning
from lib.kernels.learning import Problem
from lib.kernels.neural_tangent import FullyConnected


def line(noise=0.4, n_inputs=3):
    x = np.linspace(-1, 1, n_inputs)
    return Problem(np.column_stack([x, np.ones(n_inputs)]), np.sin(2.5 * x) + x**2, noise=noise,
                   probabilities=np.arange(1, n_inputs + 1) / sum(range(1, n_inputs + 1)))


def by_brute_force(problem, n_samples, n_steps, learning_rate):
    """E[R(f~)], E[R(f*)] and R(f0) with a loop over all ordered training sets, numpy's lstsq and torch's gradients."""
    features, labels, probabilities = problem.outcomes
    least = np.linalg.lstsq(np.sqrt(probabilities)[:, None] * features, np.sqrt(probabilities) * labels, rcond=None)[0]

    def risk(coefficients):
        return probabilities @ (features @ coefficients - labels) ** 2

    total = np.zeros(2)
    for members in itertools.product(range(len(labels)), repeat=n_samples):
        rows, y = features[list(members)], labels[list(members)]
        exact = np.linalg.lstsq(rows, y, rcond=None)[0]
        parameters = torch.zeros(features.shape[1], dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([parameters], lr=learning_rate)
        for _ in range(n_steps):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(torch.from_numpy(rows) @ parameters, torch.from_numpy(y)).backward()
            optimizer.step()
        chance = np.prod(probabilities[list(members)])
        total += chance * np.array([risk(parameters.detach().numpy()), risk(exact)])
    return *total, risk(least)


@pytest.mark.parametrize("noise, n_samples", [(0.4, 3), (0.0, 4)])
def test_error_decomposition_by_brute_force(noise, n_samples):
    problem = line(noise)
    of_approximate, of_exact, of_best = by_brute_force(problem, n_samples, 7, 0.3)
    errors = learning.error_decomposition(problem, n_samples, n_steps=7, learning_rate=0.3)
    assert errors.approximation == pytest.approx(of_best - noise**2, abs=1e-12)
    assert errors.estimation == pytest.approx(of_exact - of_best, rel=1e-10)
    assert errors.optimization == pytest.approx(of_approximate - of_exact, rel=1e-10)
    assert errors.total == pytest.approx(of_approximate - noise**2, rel=1e-10)
    assert errors.approximation > 0.01 and errors.estimation > 0.01 and abs(errors.optimization) > 0.001


def test_parts_sum_to_the_total_and_have_their_signs():
    for n_samples, n_steps in itertools.product((1, 2, 5), (0, 1, 30)):
        errors = learning.error_decomposition(line(), n_samples, n_steps=n_steps, learning_rate=0.2)
        assert sum(errors[1:4]) == pytest.approx(errors.total, rel=1e-12)
        assert errors.approximation >= 0 and errors.estimation >= 0
    few = learning.error_decomposition(line(1.5), 3, n_steps=3, learning_rate=0.2)
    assert few.optimization < 0  # early stopping regularizes


def test_long_descent_reaches_the_empirical_risk_minimizer():
    gaps = [learning.error_decomposition(line(), 4, n_steps=n, learning_rate=0.3).gap for n in (0, 10, 100, 4000)]
    assert gaps[0] > gaps[1] > gaps[2] > gaps[3] and gaps[3] < 1e-10
    problem = line()
    counts, _ = learning.training_sets(problem, 4)
    exact = learning.minimize_empirical_risk(problem, counts)
    least = learning.empirical_risk(problem, counts, exact)
    generator = np.random.default_rng(1)
    for _ in range(20):
        other = exact + 0.1 * generator.normal(size=exact.shape)
        assert (learning.empirical_risk(problem, counts, other) >= least).all()


def test_training_sets_are_all_there_with_their_probabilities():
    problem = line()
    counts, weights = learning.training_sets(problem, 3)
    assert weights.sum() == pytest.approx(1, rel=1e-12) and (counts.sum(axis=1) == 3).all()
    assert len(np.unique(counts, axis=0)) == len(counts) == 56
    probabilities = problem.outcomes[2]
    found = dict(zip(map(tuple, counts), weights))
    for members in ((0, 0, 0), (0, 1, 1), (5, 2, 4)):
        key = tuple(np.bincount(members, minlength=6))
        orders = len(set(itertools.permutations(members)))
        assert found[key] == pytest.approx(orders * np.prod(probabilities[list(members)]), rel=1e-12)


def test_the_best_function_of_the_class_has_the_least_risk():
    problem = line()
    assert problem.risk(problem.best) < problem.risk(problem.best + np.array([[0.01, 0], [0, -0.01]])).min()
    whole = Problem(np.eye(3), [1.0, -2.0, 0.5], noise=0.3)
    np.testing.assert_allclose(whole.best, whole.target, atol=1e-14)  # all functions: the mean of P(y|x)
    assert whole.risk(whole.best) == pytest.approx(0.09)


def test_a_problem_shares_no_array_with_its_caller():
    given = {"features": np.eye(3), "target": np.arange(3.0), "probabilities": np.array([0.2, 0.3, 0.5])}
    problem = Problem(**given)
    before = [getattr(problem, name).copy() for name in given]
    for name, array, old in zip(given, given.values(), before, strict=True):
        array[:] = np.nan
        np.testing.assert_array_equal(getattr(problem, name), old)
        with pytest.raises(ValueError, match="read-only"):
            getattr(problem, name)[0] = 1


def torch_twin(parameters):
    layers = []
    for number, (weights, bias) in enumerate(parameters):
        layer = torch.nn.Linear(weights.shape[1], weights.shape[0], dtype=torch.float64)
        layer.weight.data, layer.bias.data = torch.from_numpy(weights.copy()), torch.from_numpy(bias.copy())
        layers += [torch.nn.ReLU()] * (number > 0) + [layer]
    return torch.nn.Sequential(*layers)


@pytest.mark.parametrize("widths", [[5, 3], [6, 4, 2], [3, 8, 7, 5, 1]])
def test_count_outputs_and_gradient_are_those_of_torch(widths):
    parameters = fully_connected.random_parameters(widths, seed=1)
    net = torch_twin(parameters)
    assert fully_connected.n_parameters(widths) == sum(p.numel() for p in net.parameters())
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=(9, widths[0])), generator.normal(size=(9, widths[-1]))
    outputs = net(torch.from_numpy(x))
    np.testing.assert_allclose(fully_connected.preactivations(parameters, x)[-1], outputs.detach().numpy(), rtol=1e-12)
    ((outputs - torch.from_numpy(y)) ** 2).sum(dim=1).mean().backward()
    ours = itertools.chain(*fully_connected.gradient(parameters, x, y))
    for found, theirs in zip(ours, net.parameters(), strict=True):
        np.testing.assert_allclose(found, theirs.grad.numpy(), rtol=1e-11, atol=1e-13)


def test_sgd_takes_the_steps_of_torch():
    parameters = fully_connected.random_parameters([4, 6, 2], seed=3)
    before = [array.copy() for layer in parameters for array in layer]
    net = torch_twin(parameters)
    generator = np.random.default_rng(4)
    x, y = generator.normal(size=(12, 4)), generator.normal(size=(12, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for epoch in range(6):
        for batch in fully_connected.epoch_order(12, epoch, seed=5).reshape(-1, 3):
            optimizer.zero_grad()
            ((net(torch.from_numpy(x[batch])) - torch.from_numpy(y[batch])) ** 2).sum(dim=1).mean().backward()
            optimizer.step()
    ours = fully_connected.sgd(parameters, x, y, n_epochs=6, batch_size=3, learning_rate=0.05, seed=5)
    for found, theirs, start in zip(itertools.chain(*ours), net.parameters(), before, strict=True):
        np.testing.assert_allclose(found, theirs.detach().numpy(), atol=1e-12)
        assert np.abs(found - start).max() > 1e-3
    for array, start in zip(itertools.chain(*parameters), before):
        np.testing.assert_array_equal(array, start)
    orders = [fully_connected.epoch_order(12, epoch, seed=5) for epoch in range(3)]
    assert all((np.sort(order) == np.arange(12)).all() for order in orders)
    assert (orders[0] != orders[1]).any()


def test_the_twin_is_the_linearization_trained_by_the_same_descent():
    """Its parameters are moved one by one, with torch.func's Jacobian of the start; the kernel is never formed."""
    net = FullyConnected((3, 8, 5, 1), bias_variance=0.1)
    start = net.init(seed=6)
    generator = np.random.default_rng(7)
    x, targets, x_test = generator.normal(size=(6, 3)), generator.normal(size=6), generator.normal(size=(4, 3))
    ours = fully_connected.train_linearized(net, start, x, targets, x_test, n_steps=25, learning_rate=0.05)
    shift = [torch.zeros_like(part, requires_grad=True) for part in start]

    def linear(inputs):
        values, change = torch.func.jvp(lambda *parts: net.apply(parts, inputs)[:, 0], tuple(start), tuple(shift))
        return values + change

    parameters = [part.clone().requires_grad_() for part in start]
    for function, parts in ((linear, shift), (lambda inputs: net.apply(parameters, inputs)[:, 0], parameters)):
        optimizer = torch.optim.SGD(parts, lr=0.05)
        for _ in range(25):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(function(torch.from_numpy(x)), torch.from_numpy(targets)).backward()
            optimizer.step()
    np.testing.assert_allclose(ours.linear, linear(torch.from_numpy(x_test)).detach().numpy(), atol=1e-11)
    np.testing.assert_allclose(ours.trained, net.apply(parameters, x_test)[:, 0].detach().numpy(), atol=1e-11)
    np.testing.assert_allclose(ours.start, net.apply(start, x_test)[:, 0].numpy(), atol=1e-13)
    for part, theirs in zip(ours.parameters, parameters, strict=True):
        np.testing.assert_allclose(part.numpy(), theirs.detach().numpy(), atol=1e-11)
    fit = linear(torch.from_numpy(x)).detach().numpy()
    assert ours.linear_loss == pytest.approx(((fit - targets) ** 2).mean(), rel=1e-9)
    assert ours.loss == pytest.approx(((net.apply(ours.parameters, x)[:, 0].numpy() - targets) ** 2).mean(), rel=1e-12)
    assert np.abs(ours.trained - ours.linear).max() > 1e-2 and np.abs(ours.linear - ours.start).max() > 0.1


def test_wide_networks_stay_close_to_their_linearization():
    generator = np.random.default_rng(8)
    x, targets, x_test = generator.normal(size=(8, 4)), generator.normal(size=8), generator.normal(size=(20, 4))
    distances = []
    for width in (100, 3000):
        found = []
        for seed in range(10):
            net = FullyConnected((4, width, 1))
            both = fully_connected.train_linearized(net, net.init(seed), x, targets, x_test, n_steps=60,
                                                    learning_rate=0.1)
            found.append(((both.trained - both.linear) ** 2).sum() / ((both.linear - both.start) ** 2).sum())
        distances.append(np.sqrt(np.mean(found)))
    assert 2.5 < distances[0] / distances[1] < 12  # 5.5 for 1 / sqrt(width)


PARAMETERS = fully_connected.random_parameters([2, 3], seed=1)
NET = FullyConnected((2, 5, 1))


@pytest.mark.parametrize("make, words", [
    (lambda: Problem(np.eye(2), [1.0]), r"expected target as 2 finite numbers, one an input, got shape \(1,\)"),
    (lambda: Problem(np.eye(2), [1.0, np.nan]), "expected target"),
    (lambda: Problem(np.eye(2), [1, 2], [0.5, 0.6]), "probabilities >= 0 that sum to 1, got a sum of 1.1"),
    (lambda: Problem(np.eye(2), [1, 2], [1.5, -0.5]), "smallest of -0.5"),
    (lambda: Problem(np.eye(2), [1, 2], noise=-1), "expected noise to be a finite number >= 0, got -1"),
    (lambda: learning.training_sets(line(), 0), "expected n_samples"),
    (lambda: learning.training_sets(line(), 60), "expected at most 500,000 training sets, got 8,259,888"),
    (lambda: learning.descend(line(), np.ones((1, 6)), n_steps=-1, learning_rate=0.1), "expected n_steps"),
    (lambda: fully_connected.n_parameters([3]), r"at least one layer, got \[3\]"),
    (lambda: fully_connected.n_parameters([3, 0]), "expected every width"),
    (lambda: fully_connected.preactivations(PARAMETERS, [[1.0, 2.0, 3.0]]), "expected 2 numbers for a layer .* got 3"),
    (lambda: fully_connected.train_linearized(NET, NET.init(1), np.ones((4, 2)), np.ones(3), np.ones((1, 2)), n_steps=1,
                                      learning_rate=0.1), r"expected targets of shape \(4,\)"),
    (lambda: fully_connected.train_linearized(NET, NET.init(1), np.eye(2), np.ones(2), np.ones((1, 2)), n_steps=2000,
                                      learning_rate=50.0), "overflow at learning_rate=50.0; try less than"),
    (lambda: fully_connected.sgd(PARAMETERS, np.ones((10, 2)), np.ones((10, 3)), n_epochs=1, batch_size=4,
                                 learning_rate=0.1, seed=1), "divides the 10 samples, got 4; try batch_size=2"),
])
def test_bad_input_is_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()
