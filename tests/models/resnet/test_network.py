"""ResNet-18: the module against a hand-written twin, masks that hold, bottlenecks, refusals."""

import copy
import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from lib.models.resnet import Architecture, ResNet, layers, multiply_adds, n_weights
from lib.pruning.masks import layer_masks

TINY = Architecture(width=2, n_classes=5)
BOTTLENECKS = ("linear bottleneck", "nonlinear bottleneck")
EVERY = [Architecture(3, 4, stem, variant, base) for stem in ("cifar", "imagenet")
         for variant, base in (("plain", None), ("linear bottleneck", 2), ("nonlinear bottleneck", 2))]


def counts(architecture):
    return {layer.name: layer.n_weights for layer in layers(architecture)}


def make_images(n_images=4, size=16, seed=0, dtype=torch.float32):
    return torch.tensor(np.random.default_rng(seed).normal(size=(n_images, 3, size, size))).to(dtype)


def make_sparse(architecture=TINY, share=0.6, seed=1):
    """A net without that share of its weights, and its masks."""
    shapes = [layer.shape for layer in layers(architecture)]
    masks = layer_masks(shapes, round(share * n_weights(architecture)), seed=seed)
    return ResNet(architecture, masks, seed=seed), masks


def twin(architecture, weights, bias, images):
    """The logits in training mode, by torch's functions alone, for weights {name: tensor}; nothing from the module."""
    def norm(x):
        mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)
        return (x - mean) / torch.sqrt(variance + 1e-5)

    def convolution(name, x, kernel, stride):
        if name in weights:
            return norm(functional.conv2d(x, weights[name], None, stride, kernel // 2))
        x = functional.conv2d(x, weights[f"{name}_in"], None, stride, kernel // 2)
        return norm(functional.conv2d(x, weights[f"{name}_out"]))

    large = architecture.stem == "imagenet"
    x = functional.relu(convolution("stem", images, 7 if large else 3, 2 if large else 1))
    x = functional.max_pool2d(x, 3, 2, 1) if large else x
    for stage, block in itertools.product((1, 2, 3, 4), (1, 2)):
        name, stride = f"stage{stage}_block{block}", 2 if stage > 1 and block == 1 else 1
        y = functional.relu(convolution(f"{name}_conv1", x, 3, stride))
        y = convolution(f"{name}_conv2", y, 3, 1)
        x = functional.relu(y + (convolution(f"{name}_shortcut", x, 1, 2) if stride == 2 else x))
    return functional.adaptive_avg_pool2d(x, 1).flatten(1) @ weights["linear"].T + bias


# --- bottlenecks


def test_a_linear_bottleneck_before_widening():
    plain, table = counts(Architecture(8)), {layer.name: layer for layer in
                                             layers(Architecture(8, variant="linear bottleneck"))}
    assert len(table) == 41 and "linear" in table
    for name in plain.keys() - {"linear"}:  # d_b is the rank: here the outputs, for the shortcuts the inputs
        first, last = table[f"{name}_in"], table[f"{name}_out"]
        n_out, n_in, kernel, _ = next(layer.shape for layer in layers(Architecture(8)) if layer.name == name)
        d_b = n_in if "shortcut" in name else n_out
        assert first.shape == (d_b, n_in, kernel, kernel) and last.shape == (n_out, d_b, 1, 1) and last.stride == 1
        assert first.out_size == last.out_size
    # 27 w + w^2 stem; (9 + 1) w^2 for equal channels, 4^s times; 18 + 4 where they double; shortcuts 1 + 2.
    w = 8
    assert n_weights(Architecture(w, variant="linear bottleneck")) == 27 * w + w * w + 40 * w * w + sum(
        4**stage * (22 + 3 * 40 + 3) * w * w for stage in (0, 1, 2)) + 80 * w
    assert layers(Architecture(64, variant="linear bottleneck"))[0].shape == (27, 3, 3, 3)  # rank 27 of 64


def test_a_nonlinear_bottleneck_before_widening_is_the_plain_net():
    for width in (8, 18):
        assert layers(Architecture(width, variant="nonlinear bottleneck")) == layers(Architecture(width))


def test_a_nonlinear_bottleneck_narrows_inside_the_blocks():
    shapes = {layer.name: layer.shape for layer in layers(Architecture(16, variant=BOTTLENECKS[1], base_width=8))}
    for block, inner in (("stage1_block2", 3), ("stage4_block2", 30)):
        n_out, d_b = shapes[f"{block}_conv1"][1], shapes[f"{block}_conv1"][0]
        assert d_b == inner and shapes[f"{block}_conv2"] == (n_out, d_b, 3, 3)
    assert shapes["stem"][0] == 16 and shapes["stage2_block1_shortcut"] == (32, 16, 1, 1)


def test_a_linear_bottleneck_is_one_convolution():
    """The product of its two kernels, which no ReLU or BatchNorm parts: the same logits from a plain net."""
    model = ResNet(Architecture(4, variant="linear bottleneck", base_width=2), seed=3).double()
    weights = {name: layer.weight.detach() for name, layer in model.layers.items()}
    product = {name.removesuffix("_in"): torch.einsum("oikl,idkl->odkl", weights[name.replace("_in", "_out")].expand(
        -1, -1, *weights[name].shape[2:]), weights[name]) for name in weights if name.endswith("_in")}
    images = make_images(dtype=torch.float64)
    plain = twin(Architecture(4), product | {"linear": weights["linear"]}, model.layers["linear"].bias, images)
    torch.testing.assert_close(model(images), plain, rtol=1e-9, atol=1e-9)


# --- the module


@pytest.mark.parametrize("architecture", EVERY, ids=lambda a: f"{a.stem} {a.variant}")
def test_the_module_is_built_from_the_layers(architecture):
    size = 17 if architecture.stem == "cifar" else 65
    model, seen = ResNet(architecture, seed=1), {}
    for name, module in model.layers.items():
        module.register_forward_hook(lambda _, __, x, name=name: seen.update({name: tuple(x.shape[2:])}))
    logits = model(make_images(2, size))
    table = layers(architecture, size)
    assert logits.shape == (2, architecture.n_classes) and logits.dtype == torch.float32
    assert {layer.name: layer.shape for layer in table} == {name: module.weight.shape
                                                            for name, module in model.layers.items()}
    assert seen == {layer.name: (layer.out_size,) * 2 if layer.kind == "conv" else () for layer in table}
    assert model.n_weights == n_weights(architecture)
    norms = 2 * sum(norm.num_features for norm in model.norms.values())
    n_parameters = sum(parameter.numel() for parameter in model.parameters())
    assert n_parameters == model.n_weights + norms + architecture.n_classes


@pytest.mark.parametrize("architecture", EVERY, ids=lambda a: f"{a.stem} {a.variant}")
def test_logits_and_gradients_are_those_of_a_masked_dense_twin(architecture):
    model, masks = make_sparse(architecture)
    model = model.double()
    images = make_images(3, 19 if architecture.stem == "cifar" else 40, dtype=torch.float64)
    labels = torch.tensor([0, 3, 1])
    leaves = {name: torch.tensor(module.weight.detach().numpy(), requires_grad=True)
              for name, module in model.layers.items()}
    bias = model.layers["linear"].bias.detach().clone().requires_grad_()
    masked = {name: leaf * torch.from_numpy(mask) for (name, leaf), mask in zip(leaves.items(), masks)}
    expected = twin(architecture, masked, bias, images)
    logits = model(images)
    torch.testing.assert_close(logits, expected, rtol=1e-9, atol=1e-9)
    functional.cross_entropy(logits, labels).backward()
    functional.cross_entropy(expected, labels).backward()
    for (name, leaf), mask in zip(leaves.items(), masks):
        gradient = model.layers[name].weight.grad
        torch.testing.assert_close(gradient, leaf.grad, rtol=1e-7, atol=1e-10)
        assert not gradient[torch.from_numpy(~mask)].any()
    torch.testing.assert_close(model.layers["linear"].bias.grad, bias.grad)


def test_a_mask_of_ones_is_no_mask():
    masks = [np.ones(layer.shape, bool) for layer in layers(TINY)]
    images = make_images()
    assert torch.equal(ResNet(TINY, masks, seed=2)(images), ResNet(TINY, seed=2)(images))
    assert ResNet(TINY, [None] * 21, seed=2).n_weights == ResNet(TINY, masks, seed=2).n_weights == n_weights(TINY)


@pytest.mark.parametrize("make", [lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.1),
                                  lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1)])
def test_masked_weights_stay_zero_and_the_others_move(make):
    model, masks = make_sparse()
    before = {name: module.weight.detach().clone() for name, module in model.layers.items()}
    assert model.n_weights == sum(int(mask.sum()) for mask in masks) == n_weights(TINY) - round(0.6 * n_weights(TINY))
    model = copy.deepcopy(model)  # the masks go with the copy
    optimizer, images, labels = make(model.parameters()), make_images(8), torch.arange(8) % 5
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    for (name, module), mask in zip(model.layers.items(), masks):
        weight = module.weight.detach()
        assert not weight[torch.from_numpy(~mask)].any()
        assert (weight != before[name])[torch.from_numpy(mask)].float().mean() > 0.9


def test_what_stands_behind_a_mask_is_never_seen():
    model, masks = make_sparse()
    images = make_images()
    expected = model(images)
    with torch.no_grad():
        for module, mask in zip(model.layers.values(), masks):
            module.weight[torch.from_numpy(~mask)] = math.inf
    assert torch.equal(model(images), expected)


def test_state_goes_through_a_file_with_its_masks(tmp_path):
    model, _ = make_sparse()
    torch.save(model.state_dict(), tmp_path / "net.pt")
    other, _ = make_sparse(seed=9)
    other.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
    images = make_images()
    assert torch.equal(model.eval()(images), other.eval()(images))
    with pytest.raises(RuntimeError, match="Unexpected key"):  # a dense net does not quietly lose the masks
        ResNet(TINY, seed=1).load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))


def test_one_seed_gives_one_net_and_torch_has_no_part_in_it():
    state = torch.get_rng_state()
    first, _ = make_sparse(seed=4)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(5)
    second, _ = make_sparse(seed=4)
    torch.set_rng_state(state)
    third, _ = make_sparse(seed=5)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values()))
    assert not any(torch.equal(first.layers[name].weight, third.layers[name].weight) for name in first.layers)
    # A layer's stream does not hang on the others: the stems of two widths begin with the same numbers.
    narrow, wide = (ResNet(Architecture(width), seed=4).layers["stem"].weight for width in (2, 3))
    assert torch.equal(narrow, wide[:2])


def test_weights_start_uniform_between_the_bounds():
    architecture = Architecture(12, n_classes=40)
    model, masks = make_sparse(architecture, share=0.7)
    for layer, mask in zip(layers(architecture), masks):
        module, bound = model.layers[layer.name], 1 / math.sqrt(layer.fan_in * mask.sum() / mask.size)
        weights = module.weight.detach().double()[torch.from_numpy(mask)]
        assert weights.abs().max() <= bound * (1 + 1e-6)
        if len(weights) > 2000:  # six standard errors of the variance of a uniform density
            assert abs(float((weights**2).mean()) / (bound**2 / 3) - 1) < 6 * math.sqrt(0.8 / len(weights))
    bias = model.layers["linear"].bias.detach().abs().max()
    assert 0.7 * bound < bias <= bound * (1 + 1e-6)
    # Dense, the bound is that of torch's own layer of this shape.
    dense, own = ResNet(Architecture(12), seed=1).layers["stem"].weight, torch.nn.Conv2d(3, 12, 3).weight
    assert abs(float(dense.detach().abs().max() / own.detach().abs().max()) - 1) < 0.05


# --- what is refused


@pytest.mark.parametrize("changes, words", [
    ({"width": 0}, "expected width to be an integer >= 1, got 0; try width=1$"),
    ({"width": 8.0}, "expected width"), ({"width": True}, "expected width"), ({"n_classes": -1}, "expected n_classes"),
    ({"stem": "mnist"}, r"expected stem to be one of \('cifar', 'imagenet'\), got 'mnist'; try stem='cifar'"),
    ({"variant": "sparse"}, "expected variant to be one of .*got 'sparse'; try variant='plain'"),
    ({"base_width": 4}, "expected base_width for a bottleneck.*got 4 for variant 'plain'; try base_width=None"),
    ({"variant": BOTTLENECKS[0], "base_width": 9}, "at most width=8, got 9"),
    ({"variant": BOTTLENECKS[1], "base_width": 0}, "expected base_width to be an integer"),
    ({"variant": BOTTLENECKS[1], "base_width": 1}, "base_width=1 has its .* weights, got 8; try width="),
])
def test_architectures_refuse_in_words(changes, words):
    with pytest.raises(ValueError, match=words):
        Architecture(**({"width": 8} | changes))
    with pytest.raises(TypeError):
        Architecture(8, depth=18)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Architecture(8).width = 9


def test_images_that_are_too_small_are_refused():
    for size in (8, 0, -32, 32.0, True):
        with pytest.raises(ValueError, match="expected image_size to be an integer >= 9.*; try image_size=32"):
            layers(TINY, size)
    with pytest.raises(ValueError, match="expected image_size to be an integer >= 33.*got 32; try image_size=224"):
        multiply_adds(Architecture(8, stem="imagenet"), 32)
    model = ResNet(TINY, seed=1)
    for images in (torch.zeros(2, 3, 8, 32), torch.zeros(2, 1, 32, 32), torch.zeros(3, 32, 32)):
        with pytest.raises(ValueError, match=r"expected images of shape \(n_images, 3, height, width\) with 9 pixels"):
            model(images)
    assert model(torch.zeros(1, 3, 9, 12)).shape == (1, 5)  # the smallest: one image trains


def test_masks_that_do_not_fit_are_refused():
    good = [np.ones(layer.shape, bool) for layer in layers(TINY)]
    for bad in (np.ones((2, 3, 3), bool), good[1], good[0].astype(float), np.zeros_like(good[0]), True):
        with pytest.raises(ValueError, match=r"expected a bool mask of shape \(2, 3, 3, 3\) for stem.*; try lib"):
            ResNet(TINY, [bad, *good[1:]], seed=1)
    with pytest.raises(ValueError, match="expected 21 masks, one for each layer, got 20; try layer_masks"):
        ResNet(TINY, good[1:], seed=1)
    with pytest.raises(ValueError, match="expected seed"):
        ResNet(TINY, seed=-1)
