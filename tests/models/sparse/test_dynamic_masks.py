"""Masks that move: exact counts in each layer, the right weights dropped and grown, and what an optimizer remembers."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from lib.models.sparse.dynamic_masks import cosine_fraction, dense_gradients, rigl_step, set_step
from lib.models.sparse.layers import SparseConv2d, SparseLinear
from lib.pruning.distribution import water_filling
from lib.pruning.masks import layer_masks

SHAPES = [(8, 3, 3, 3), (12, 8, 3, 3), (4, 12 * 9)]


def net(path="auto"):
    """Three sparse layers, their weights shared out by water-filling."""
    masks = layer_masks(SHAPES, 1000, seed=1)
    return torch.nn.Sequential(
        SparseConv2d(masks[0], seed=1, path=path), torch.nn.ReLU(), SparseConv2d(masks[1], 2, seed=2, path=path),
        torch.nn.ReLU(), torch.nn.Flatten(), SparseLinear(masks[2], seed=3, path=path))


def layers(model):
    return [module for module in model.modules() if hasattr(module, "mask")]


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(20, 3, 6, 6, generator=generator), torch.arange(20) % 4


def state(model):
    return [(layer.mask.clone(), layer.dense().detach().clone()) for layer in layers(model)]


def check(before, model, fraction):
    """Counts are exact, and the weights that went are the smallest; returns the new places of each layer."""
    grown = []
    for (mask, dense), layer in zip(before, layers(model), strict=True):
        n = int(mask.sum())
        n_moved, stayed = int(fraction * n), mask & layer.mask
        assert int(layer.mask.sum()) == n == len(layer.weight) and layer.mask.dtype == torch.bool
        smallest = dense[mask].abs().sort().values
        kept = mask & (dense.abs() > smallest[n_moved - 1]) if n_moved else mask
        assert (layer.mask[kept]).all() and torch.equal(layer.dense()[kept], dense[kept])
        assert int((stayed & ~kept).sum()) + int((layer.mask & ~mask).sum()) == n_moved
        grown.append(layer.mask & ~kept)
    return grown


def test_set_moves_the_smallest_to_random_places_and_keeps_the_counts_of_water_filling():
    model, numbers = net(), np.random.default_rng(1)
    counts = water_filling([math.prod(shape) for shape in SHAPES], 1000).tolist()
    for _ in range(5):
        before = state(model)
        moved = set_step(model, 0.25, rng=numbers)
        grown = check(before, model, 0.25)
        assert [len(layer.weight) for layer in layers(model)] == counts
        assert moved == sum(count // 4 for count in counts) == sum(int(places.sum()) for places in grown)
        for layer, places in zip(layers(model), grown):
            bound = 1 / math.sqrt(layer.density * math.prod(layer.mask.shape[1:]))
            assert (layer.dense()[places] != 0).all() and layer.dense()[places].abs().max() <= bound


def test_all_free_places_are_equally_likely():
    mask, numbers = torch.zeros(2, 5, dtype=torch.bool), np.random.default_rng(2)
    mask.view(-1)[:4] = True
    hits, n = torch.zeros(10), 700
    for _ in range(n):
        layer = SparseLinear(mask, seed=1)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([1.0, 2, 3, 0.1]))
        set_step(layer, 0.25, rng=numbers)
        hits += layer.mask.flatten()
    assert (hits[:3] == n).all()
    share = n / 7  # the place that was left among them
    assert ((hits[3:] - share).abs() < 4.5 * math.sqrt(share * 6 / 7)).all()


def test_rigl_grows_where_the_dense_gradient_is_largest():
    model, (x, labels) = net(), batch()
    with dense_gradients(model) as gradients:
        functional.cross_entropy(model(x), labels).backward()
    names = [name for name, module in model.named_modules() if hasattr(module, "mask")]
    assert list(gradients) == names[::-1]
    for name, layer in zip(names, layers(model)):
        assert layer.path == "auto" and torch.allclose(gradients[name][layer.mask], layer.weight.grad)
        weight = layer.dense().detach().requires_grad_()  # the gradient by all places, from a dense twin
        layer.path, layer.dense = "dense", lambda weight=weight: weight
        (expected,) = torch.autograd.grad(functional.cross_entropy(model(x), labels), weight)
        del layer.dense
        layer.path = "auto"
        assert torch.allclose(gradients[name], expected, atol=1e-6)
    before = state(model)
    rigl_step(model, 0.3, gradients)
    for name, layer, places in zip(names, layers(model), check(before, model, 0.3), strict=True):
        free = ~(layer.mask & ~places)  # places that had no weight once the smallest were gone
        threshold = gradients[name][free].abs().sort(descending=True).values[int(places.sum()) - 1]
        assert (gradients[name][places].abs() >= threshold).all()
        assert not layer.dense()[places].any()


def test_gradients_of_several_passes_add_up():
    model, (x, labels) = net(), batch()
    with dense_gradients(model) as once:
        functional.cross_entropy(model(x), labels).backward()
    with dense_gradients(model) as twice:
        for _ in range(2):
            functional.cross_entropy(model(x), labels).backward()
    assert all(torch.allclose(2 * once[name], twice[name]) for name in once)


@pytest.mark.parametrize("make", [lambda p: torch.optim.SGD(p, 0.05, momentum=0.9), lambda p: torch.optim.Adam(p)])
def test_what_an_optimizer_remembers_goes_with_the_weights(make):
    model, (x, labels) = net(), batch()
    optimizer = make(model.parameters())

    def learn():
        optimizer.zero_grad()
        functional.cross_entropy(model(x), labels).backward()
        optimizer.step()
    learn(), learn()
    key = next(name for name, value in optimizer.state[layers(model)[0].weight].items() if value.ndim == 1)

    def remembered(layer):
        return torch.zeros(layer.mask.shape).masked_scatter(layer.mask, optimizer.state[layer.weight][key])
    before, memories = state(model), [remembered(layer) for layer in layers(model)]
    set_step(model, 0.4, rng=np.random.default_rng(3), optimizer=optimizer)
    for layer, memory, places in zip(layers(model), memories, check(before, model, 0.4)):
        assert layer.weight.grad is None
        stayed = layer.mask & ~places
        assert torch.equal(remembered(layer)[stayed], memory[stayed]) and not remembered(layer)[places].any()
    learn()  # the same parameters go on


def test_training_goes_on_by_both_paths_alike():
    losses = []
    for path in ("native", "dense"):
        model, series, numbers = net(path), [], np.random.default_rng(4)
        optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
        for step in range(6):
            x, labels = batch(step)
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), labels)
            loss.backward()
            optimizer.step()
            set_step(model, 0.2, rng=numbers, optimizer=optimizer)
            series.append(float(loss.detach()))
        losses.append(series)
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_a_graph_that_is_older_than_the_mask_is_refused():
    model, (x, labels) = net(), batch()
    loss = functional.cross_entropy(model(x), labels)
    set_step(model, 0.5, rng=np.random.default_rng(5))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_fractions():
    assert cosine_fraction(0, 100) == 0.3 and cosine_fraction(50, 100, 0.4) == pytest.approx(0.2)
    assert cosine_fraction(100, 100) == cosine_fraction(200, 100) == 0
    for fraction in (0, 1e-6, 1):
        model = net()
        before = state(model)
        set_step(model, fraction, rng=np.random.default_rng(6))
        check(before, model, fraction)


def test_a_full_layer_keeps_all_places():
    layer = SparseLinear(torch.ones(3, 4, dtype=torch.bool), seed=1)
    set_step(layer, 0.5, rng=np.random.default_rng(7))
    assert layer.mask.all() and len(layer.weight) == 12


def test_bad_input_is_refused():
    numbers, model = np.random.default_rng(8), net()
    for fraction in (-0.1, 1.5, "0.3", float("nan")):
        with pytest.raises(ValueError, match="expected fraction .*got .*try fraction=0.3"):
            set_step(model, fraction, rng=numbers)
    with pytest.raises(ValueError, match="numpy Generator, got int"):
        set_step(model, 0.3, rng=1)
    with pytest.raises(ValueError, match="expected a model with sparse layers, got Linear without"):
        set_step(torch.nn.Linear(3, 3), 0.3, rng=numbers)
    with pytest.raises(ValueError, match=r"expected a gradient \(8, 3, 3, 3\) for layer '0', got none"):
        rigl_step(model, 0.3, {})
    layer = SparseLinear(torch.eye(4, dtype=torch.bool), seed=1)
    for mask in (torch.ones(4, 4, dtype=torch.bool), torch.eye(4), torch.eye(5, dtype=torch.bool)):
        with pytest.raises(ValueError, match=r"expected a bool mask \(4, 4\) with 4 weights, got"):
            layer.change_mask(mask)
