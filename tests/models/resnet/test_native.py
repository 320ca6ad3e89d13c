"""The native ResNet-18 against torch in float64, and its training against torch's SGD."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from lib.models import resnet
from lib.models.resnet import Architecture, ResNet
from lib.models.resnet.native import SparseResNet
from lib.models.resnet.trainers import NativeTrainer, TorchTrainer
from lib.models.resnet.training_settings import Settings
from lib.pruning.masks import layer_masks
from tests.native.test_tiles import run_in_another_process

VARIANTS = ("sparse", "channels", "dense", "linear bottleneck", "nonlinear bottleneck")


def make_twin(variant, seed=1, n_classes=5):
    """A small net of each kind; BatchNorm's parameters and running statistics are not those that it starts with."""
    if "bottleneck" in variant:  # with two channels or more inside: behind one, BatchNorm takes all weights as equal
        wide, masks = Architecture(5, n_classes, variant=variant, base_width=4), None
    else:
        wide, masks = Architecture(4, n_classes), None
    if variant in ("sparse", "channels"):
        shapes, n_removed = [layer.shape for layer in resnet.layers(wide)], 0.7 * resnet.n_weights(wide)
        masks = layer_masks(shapes, round(n_removed), seed=seed,
                            dimensions="all" if variant == "sparse" else "channels")
    twin, generator = ResNet(wide, masks, seed=seed), np.random.default_rng(seed)
    for norm in twin.norms.values():
        for tensor, low in ((norm.weight, 0.5), (norm.bias, -0.5), (norm.running_mean, -0.2), (norm.running_var, 0.5)):
            tensor.data[:] = torch.from_numpy(generator.uniform(low, low + 1, len(tensor)))
    return twin


def make_data(n_images, size, seed=0, n_classes=5):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n_images, 3, size, size)).astype(np.float32), generator.integers(0, n_classes,
                                                                                                   n_images)


def named(net, twin, gradient=False):
    """(name, numbers of the native net, those of the twin that exist) for every parameter."""
    values = net.gradients if gradient else net.parameters
    pick = (lambda parameter: parameter.grad.numpy()) if gradient else (lambda parameter: parameter.detach().numpy())
    for name, layer in twin.layers.items():
        mask = np.ones(layer.weight.shape, bool) if layer.mask is None else layer.mask.numpy()
        yield name, values[net._slices[name]], pick(layer.weight)[mask]
    for name, norm in twin.norms.items():
        yield f"{name}.scale", values[net._slices[f"{name}.scale"]], pick(norm.weight)
        yield f"{name}.shift", values[net._slices[f"{name}.shift"]], pick(norm.bias)
    yield "bias", values[net._slices["bias"]], pick(twin.layers["linear"].bias)


def make_far_data(twin, n_images, size, monkeypatch, first_seed=0, distance=5e-6):
    """Images for which no ReLU of a float64 twin meets a number that is nearer to 0.

    There its gradient jumps, and rounding moves a number by 1e-6.
    """
    relu, found = torch.Tensor.relu, []
    for seed in range(first_seed, first_seed + 100):
        images, labels = make_data(n_images, size, seed)
        with monkeypatch.context() as patch:
            patch.setattr(torch.Tensor, "relu", lambda x: found.append(float(x.detach().abs().min())) or relu(x))
            copy.deepcopy(twin)(torch.from_numpy(images).double())
        if min(found[-17:]) > distance:
            assert len(found) % 17 == 0
            return images, labels
    raise AssertionError("no seed gave such images")


@pytest.mark.parametrize("n_images, size", [(20, 12), (16, 9)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_and_statistics_are_those_of_a_masked_dense_twin(variant, n_images, size, monkeypatch):
    twin = make_twin(variant)
    net, twin = SparseResNet(twin, n_images, size), twin.double()
    images, labels = make_far_data(twin, n_images, size, monkeypatch)
    x, y = torch.from_numpy(images).double(), torch.from_numpy(labels)
    for _ in range(2):  # the second time finds what the first has left in every array
        loss, n_right = net.step(images, labels)
        logits = twin(x)
        expected = functional.cross_entropy(logits, y)
        twin.zero_grad()
        expected.backward()
        assert loss == pytest.approx(n_images * float(expected.detach()), rel=1e-5)
        assert n_right == int((logits.argmax(1) == y).sum())
        for name, ours, theirs in named(net, twin, gradient=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5 * np.abs(theirs).max(), err_msg=name)
    for name, norm in twin.norms.items():
        for ours, theirs in zip(net._running[name], (norm.running_mean, norm.running_var)):
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=1e-6, err_msg=name)
    parameters, running = net.parameters.copy(), copy.deepcopy(net._running)
    np.testing.assert_allclose(net.forward(images), twin.eval()(x).detach().numpy(), atol=2e-5)
    assert (net.parameters == parameters).all() and str(net._running) == str(running)  # judging changes nothing


def test_gradients_are_those_of_the_last_images():
    """Another minibatch in between leaves nothing behind."""
    net, first, second = SparseResNet(make_twin("sparse"), 20, 9), make_data(20, 9, 1), make_data(20, 9, 2)
    net.step(*first)
    expected = net.gradients.copy()
    net.step(*second)
    assert (net.gradients != expected).mean() > 0.99
    net.forward(second[0])
    net.step(*first)
    np.testing.assert_array_equal(net.gradients, expected)


def test_there_are_as_many_parameters_as_weights_that_exist():
    for variant in VARIANTS:
        twin = make_twin(variant)
        net = SparseResNet(twin, 16, 9)
        n_norms = 2 * sum(norm.num_features for norm in twin.norms.values())
        assert net.n_weights == twin.n_weights and net.parameters.shape == (net.n_weights + n_norms + 5,)
        for name, ours, theirs in named(net, twin):
            np.testing.assert_array_equal(ours, theirs, err_msg=name)


@pytest.mark.parametrize("variant", VARIANTS)
def test_weights_and_statistics_go_there_and_back(variant):
    twin, other = make_twin(variant), make_twin(variant)
    with torch.no_grad():
        for tensor in other.state_dict().values():
            tensor.add_(1) if tensor.dtype == torch.float32 else None
        for layer in other.layers.values():
            layer.weight[torch.zeros_like(layer.weight, dtype=bool) if layer.mask is None else ~layer.mask] = 0
    expected = copy.deepcopy(twin.state_dict())
    net = SparseResNet(twin, 16, 9)
    net.store(other)
    assert all(torch.equal(value, expected[name]) for name, value in other.state_dict().items()
               if "num_batches" not in name)
    images = make_data(16, 9)[0]
    logits, third = net.forward(images), make_twin(variant, seed=1).double()
    net.store(third)  # a net in double precision keeps it
    assert third.layers["stem" if "stem" in third.layers else "stem_in"].weight.dtype == torch.float64
    net.parameters += 1
    net.forward(images, train=True)
    assert all(torch.equal(value, expected[name]) for name, value in twin.state_dict().items())  # memory of its own
    net.load(third)
    np.testing.assert_array_equal(net.forward(images), logits)


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_is_that_of_torch(variant, monkeypatch):
    """Ten steps with momentum and decay."""
    twin, rate, momentum, decay = make_twin(variant), 0.05, 0.9, 0.02
    net = NativeTrainer(copy.deepcopy(twin), Settings(1, 20, rate, momentum, decay), 9)
    twin = twin.double()
    optimizer = torch.optim.SGD(twin.parameters(), rate, momentum, weight_decay=decay)
    before = net.native.parameters.copy()
    for step in range(10):
        images, labels = make_far_data(twin, 20, 9, monkeypatch, 100 * step, distance=3e-5)
        loss, n_right = net.train_step(images, labels, rate)
        logits = twin(torch.from_numpy(images).double())
        expected = functional.cross_entropy(logits, torch.from_numpy(labels))
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
        assert loss == pytest.approx(20 * float(expected.detach()), rel=1e-5)
        assert n_right == int((logits.argmax(1).numpy() == labels).sum())
    assert np.abs(net.native.parameters - before).mean() > 0.01
    for name, ours, theirs in named(net.native, twin):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5, err_msg=name)
    net.native.store(net.network)
    for name, norm in twin.norms.items():
        ours = net.network.norms[name]
        np.testing.assert_allclose(ours.running_mean.numpy(), norm.running_mean.numpy(), rtol=0, atol=1e-5)
        np.testing.assert_allclose(ours.running_var.numpy(), norm.running_var.numpy(), rtol=1e-5)
    for layer in net.network.layers.values():  # what does not exist is exactly zero still
        assert layer.mask is None or (not layer.weight[~layer.mask].any() and layer.weight[layer.mask].all())


def test_the_bits_are_the_same_on_any_number_of_threads():
    code = """
import numba
from tests.models.resnet.test_native import digest
assert numba.get_num_threads() == 2 and len(digest()) > 1000
two = digest()
numba.set_num_threads(1)
assert digest() == two
"""
    run_in_another_process(code, NUMBA_NUM_THREADS="2")


def digest():
    """What two steps and a judgement of a net leave, as bytes."""
    net = NativeTrainer(make_twin("sparse"), Settings(1, 20), 9)
    losses = [net.train_step(*make_data(20, 9, seed), 0.1)[0] for seed in (1, 2)]
    return np.array(losses).tobytes() + net.native.parameters.tobytes() + net.logits(make_data(20, 9)[0]).tobytes()


def test_the_trained_network_comes_back():
    (x, labels), settings = make_data(16, 9), Settings(batch_size=16)
    nets = [NativeTrainer(make_twin("sparse"), settings, 9), TorchTrainer(make_twin("sparse"), settings)]
    for net in nets:
        before = copy.deepcopy(net.network.state_dict())
        net.train_step(x, labels, 0.1)
        trained = net.to_torch().eval()
        assert trained is net.network and not torch.equal(before["layers.stem.weight"], trained.layers["stem"].weight)
        with torch.no_grad():
            np.testing.assert_allclose(net.logits(x[:5]), trained(torch.from_numpy(x[:5])), atol=1e-4)
    np.testing.assert_allclose(nets[0].logits(x), nets[1].logits(x), atol=1e-3)
