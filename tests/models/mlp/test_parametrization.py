"""The forms of appendix C: variances at the start, by enumeration of masks too, and equal training by autograd."""

import itertools

import numpy as np
import pytest
import torch

from lib import rng
from lib.models import mlp
from lib.models.mlp import Architecture, MLPSettings
from lib.models.mlp.parametrization import DISTRIBUTIONS, NAMES, draw, parametrization

SMALL = Architecture(width=9, n_inputs=12, n_classes=5)
SPARSE = {"n_first": 40, "n_last": 17}


@pytest.mark.parametrize("distribution, part", [("normal", 1), ("uniform", 1 / 3)])
@pytest.mark.parametrize("fan_in, p", [(784, 1.0), (784, 0.05), (9, 0.4), (1, 1.0)])
def test_formulas_of_appendix_c(fan_in, p, distribution, part):
    for name in ("standard", "lecun"):
        form = parametrization(name, fan_in, p, distribution=distribution)
        assert form.weight_deviation**2 == pytest.approx(part / (fan_in * p), rel=1e-14)
        assert form.multiplier == 1 and form.standard_rate(0.3) == 0.3
    form = parametrization("ntk", fan_in, p, distribution=distribution)
    assert form.weight_deviation**2 == pytest.approx(part / p, rel=1e-14)
    assert form.multiplier == pytest.approx(fan_in**-0.5, rel=1e-14)
    assert form.effective_deviation**2 == pytest.approx(part / (fan_in * p), rel=1e-14)
    assert form.standard_rate(0.3) == pytest.approx(0.3 / fan_in, rel=1e-14)


def test_the_prefactor_of_equation_3_1():
    net = draw("ntk", Architecture(328), 4192, 3280, seed=1)
    assert net.first.multiplier * net.last.multiplier == pytest.approx(1 / np.sqrt(328 * 784), rel=1e-14)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_weights_start_with_variance_one_over_fan_in_p(name, distribution):
    n_first, n_last = 20_000, 3_000
    net = draw(name, Architecture(400), n_first, n_last, seed=2, distribution=distribution, dtype=np.float64)
    excess = 2 if distribution == "normal" else 0.8  # variance of the square, in units of the variance squared
    part = 1 if distribution == "normal" else 1 / 3
    for drawn, fan_in, p in ((net.model.first.weights, 784, n_first / 784 / 400),
                             (net.model.last.weights, 400, n_last / 4000),
                             (net.model.hidden_bias, 784, n_first / 784 / 400)):
        variance = part / (fan_in * p)
        assert drawn.var() == pytest.approx(variance, rel=4.5 * np.sqrt(excess / len(drawn)))
        assert abs(drawn.mean()) < 4.5 * np.sqrt(variance / len(drawn))
        if distribution == "uniform":
            assert 0.98 < np.abs(drawn).max() * np.sqrt(fan_in * p) <= 1 + 1e-12
        else:
            assert np.abs(drawn).max() > 2 * np.sqrt(variance)


@pytest.mark.parametrize("counts", [{}, SPARSE], ids=["dense", "sparse"])
def test_all_forms_start_as_the_same_net(counts):
    for distribution in DISTRIBUTIONS:
        nets = [draw(name, SMALL, **counts, seed=3, distribution=distribution, dtype=np.float64).model
                for name in NAMES]
        if distribution == "uniform":
            nets.append(mlp.SparseMLP.random(SMALL, **counts, seed=3, dtype=np.float64))
        for net in nets[1:]:
            for one, same in zip(net.dense(), nets[0].dense()):
                np.testing.assert_allclose(one, same, rtol=1e-14)
    assert draw("ntk", SMALL, **counts, seed=3).model.dtype == np.float32
    bare = draw("ntk", Architecture(9, 12, 5, bias=False), **counts, seed=3).model
    assert not bare.hidden_bias.any() and not bare.class_bias.any()


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_preactivations_vary_as_in_the_dense_net(name, distribution):
    """Over all masks that keep k of six weights the mean variance is exactly the dense one; a single mask's is not."""
    x = np.array([0.3, -1.0, 2.0])
    form = parametrization(name, 3, distribution=distribution)
    dense = (form.multiplier * form.weight_deviation) ** 2 * (x**2).sum()
    for n_kept in range(1, 7):
        form = parametrization(name, 3, n_kept / 6, distribution=distribution)
        masks = [np.bincount(kept, minlength=6).reshape(2, 3) for kept in
                 map(list, itertools.combinations(range(6), n_kept))]
        variances = [(form.multiplier * form.weight_deviation) ** 2 * (mask @ x**2) for mask in masks]
        np.testing.assert_allclose(np.mean(variances, axis=0), dense, rtol=1e-13)
        assert n_kept == 6 or np.std(variances) > 0.1 * dense


@pytest.mark.parametrize("distribution, part", [("normal", 1), ("uniform", 1 / 3)])
def test_preactivations_of_drawn_nets_vary_as_in_the_dense_net(distribution, part):
    """300 nets of 9 units, each unit with a third of its weights on average."""
    x = np.random.default_rng(0).normal(size=12)
    architecture = Architecture(9, 12, 5, bias=False)
    squares = np.concatenate([
        (draw("ntk", architecture, 36, seed=seed, distribution=distribution, dtype=np.float64).model.dense()[0].numpy()
         @ x) ** 2 for seed in range(300)])
    error = squares.std() / np.sqrt(len(squares))
    assert error < 0.05 * squares.mean()
    assert abs(squares.mean() - part * (x**2).mean()) < 4 * error


def by_autograd(net, images, labels, orders, batch_size, rates):
    """SGD on the stored weights by plain autograd; effective W, b, V, c after each epoch."""
    multipliers = (net.first.multiplier,) * 2 + (net.last.multiplier,) * 2
    masks = [torch.ones_like(value) if value.ndim == 1 else (value != 0) * 1.0 for value in net.model.dense()]
    stored = [(value / multiplier).requires_grad_() for value, multiplier in zip(net.model.dense(), multipliers)]
    path = []
    for order in orders:
        for begin in range(0, len(order), batch_size):
            rows = order[begin:begin + batch_size]
            first, hidden_bias, last, class_bias = stored
            hidden = multipliers[0] * (torch.from_numpy(images[rows]) @ first.T + hidden_bias)
            hidden = hidden.relu() if net.model.architecture.activation == "relu" else hidden
            logits = multipliers[2] * (hidden @ last.T + class_bias)
            gradients = torch.autograd.grad(
                torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels[rows])), stored)
            with torch.no_grad():
                for value, gradient, mask, rate in zip(stored, gradients, masks, (rates[0],) * 2 + (rates[1],) * 2):
                    value -= rate * gradient * mask
        path.append([multiplier * value.detach().numpy().copy() for value, multiplier in zip(stored, multipliers)])
    return path


@pytest.mark.parametrize("activation", ["relu", "linear"])
@pytest.mark.parametrize("counts", [{}, SPARSE], ids=["dense", "sparse"])
def test_ntk_at_a_rate_is_standard_at_the_converted_rates(counts, activation):
    generator = np.random.default_rng(1)
    images, labels = generator.normal(size=(70, 12)), generator.integers(0, 5, 70)
    architecture = Architecture(9, 12, 5, activation)
    ntk, standard = (draw(name, architecture, **counts, seed=5, dtype=np.float64) for name in ("ntk", "standard"))
    assert ntk.rates(2.0) == pytest.approx((2 / 12, 2 / 9), rel=1e-14) and standard.rates(0.1) == (0.1, 0.1)
    orders = [rng.stream(6, "train", "order", epoch).permutation(70) for epoch in range(1, 11)]
    path = by_autograd(ntk, images, labels, orders, 20, (2.0, 2.0))
    twin = by_autograd(standard, images, labels, orders, 20, ntk.rates(2.0))
    other = by_autograd(standard, images, labels, orders, 20, (2 / 12, 2 / 12))  # one rate for both is another path
    for ours, same in zip(path, twin):
        for one, two in zip(ours, same):
            np.testing.assert_allclose(one, two, atol=1e-12)
    assert np.abs(path[-1][0] - other[-1][0]).max() > 1e-3
    assert np.abs(path[-1][0] - ntk.model.dense()[0].numpy()).max() > 0.1  # something was learnt
    for epochs in (1, 10):  # and so do the kernels
        net = mlp.train(ntk.model, images, labels, MLPSettings(epochs, 20, ntk.rates(2.0)), seed=6).model
        for one, two in zip(path[epochs - 1], net.dense()):
            np.testing.assert_allclose(one, two, atol=1e-12)


@pytest.mark.parametrize("make, words", [
    (lambda: parametrization("NTK", 784), "among standard, lecun, ntk, got 'NTK'; try 'standard'"),
    (lambda: parametrization("ntk", 784, distribution="gauss"), "among normal, uniform, got 'gauss'"),
    (lambda: parametrization("ntk", 0), "expected fan_in to be an integer >= 1, got 0"),
    (lambda: parametrization("ntk", 7.0), "expected fan_in"),
    (lambda: parametrization("ntk", True), "expected fan_in"),
    (lambda: parametrization("ntk", 784, 0), "expected connectivity above 0 and up to 1, got 0; try 1.0"),
    (lambda: parametrization("ntk", 784, 1.1), "expected connectivity"),
    (lambda: parametrization("ntk", 784, float("nan")), "expected connectivity"),
    (lambda: parametrization("ntk", 784, "1"), "expected connectivity"),
    (lambda: parametrization("ntk", 784).standard_rate(-1), "expected rate to be a finite number >= 0, got -1"),
    (lambda: parametrization("ntk", 784).standard_rate(float("inf")), "expected rate"),
    (lambda: draw("mup", SMALL, seed=1), "among standard, lecun, ntk, got 'mup'"),
    (lambda: draw("ntk", Architecture(0), seed=1), "expected width to be an integer >= 1, got 0"),
    (lambda: draw("ntk", SMALL, 109, seed=1), "expected n_first to be an integer >= 1 and <= 108, got 109"),
    (lambda: draw("ntk", SMALL, seed=-1), "seed"),
])
def test_bad_input_is_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()
