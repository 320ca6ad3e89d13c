"""The native ResNet-18 and its BatchNorm against torch in float64, training against torch's SGD, and refusals."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from lib.models import _norms, resnet
from lib.models.image_training import NativeNet, Settings, TorchNet, judge
from lib.models.resnet import Architecture, ResNet
from lib.models.sparse import Layout
from lib.models.sparse_resnet import SparseResNet
from lib.pruning.masks import layer_masks
from tests.test_tiles import run_in_another_process

EPSILON = 1e-5
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


def packed(layout, images):
    array = layout.zeros()
    layout.pack(np.ascontiguousarray(images, np.float32), array)
    return array


def count_outside(layout, array):
    """Numbers that are not zero in the border and in the lanes of no image."""
    return np.count_nonzero(array) - np.count_nonzero(layout.unpack(array))


# --- BatchNorm, ReLU and the sum of a block


class Normalized:
    """One call of `_norms.forward`, and of `_norms.backward`, beside the same by torch in float64."""

    def __init__(self, n_images, height, width, relu=True, shortcut="none", train=True, n_channels=5):
        generator = np.random.default_rng(n_images)
        shape = n_images, n_channels, height, width
        z = (generator.normal(size=shape) * generator.uniform(0.5, 3, (n_channels, 1, 1)) + 2).astype(np.float32)
        other, error = generator.normal(size=(2, *shape)).astype(np.float32)
        scale, shift, mean = generator.normal(size=(3, n_channels)).astype(np.float32)
        inverse = generator.uniform(0.5, 2, n_channels).astype(np.float32)
        self.size, self.layout, self.a_layout = (n_images, height, width), Layout(*shape), Layout(*shape, border=1)
        other_layout = self.a_layout if shortcut == "in place" else Layout(*shape, border=2)

        x, gamma, beta = (torch.tensor(part, dtype=torch.float64, requires_grad=True) for part in (z, scale, shift))
        before = torch.tensor(other, dtype=torch.float64, requires_grad=True)
        if train:
            y = functional.batch_norm(x, None, None, gamma, beta, True, 0.1, EPSILON)
        else:
            variance = torch.tensor(inverse, dtype=torch.float64)**-2 - EPSILON
            y = functional.batch_norm(x, torch.tensor(mean).double(), variance, gamma, beta, False, 0.1, EPSILON)
        y = y + before if shortcut != "none" else y
        y = y.relu() if relu else y
        self.expected = y.detach().numpy()

        self.z, self.a = packed(self.layout, z), packed(self.a_layout, np.full(shape, np.nan))
        source = packed(other_layout, other) if shortcut != "none" else self.a
        if shortcut == "in place":
            self.a = source
        self.mean, self.inverse, z_before = mean.copy(), inverse.copy(), self.z.copy()
        _norms.forward(self.z, self.layout.place, self.size, scale, shift, self.mean, self.inverse, train, EPSILON,
                       relu, source, other_layout.place, shortcut != "none", self.a, self.a_layout.place)
        np.testing.assert_array_equal(self.z, z_before)
        if train:
            np.testing.assert_allclose(self.mean, z.mean((0, 2, 3), dtype=float), rtol=1e-5)
            np.testing.assert_allclose(self.inverse, (z.var((0, 2, 3), dtype=float) + EPSILON)**-0.5, rtol=1e-5)
        else:
            np.testing.assert_array_equal(self.mean, mean)
            np.testing.assert_array_equal(self.inverse, inverse)
        y.backward(torch.from_numpy(error).double())
        g_layout = Layout(*shape, border=1)
        errors, g = packed(self.layout, error), packed(g_layout, np.full(shape, np.nan))
        by_scale, by_shift = np.full((2, n_channels), np.nan, np.float32)
        _norms.backward(errors, self.layout.place, self.a, self.a_layout.place, relu, self.z, self.layout.place,
                        self.size, scale, self.mean, self.inverse, g, g_layout.place, by_scale, by_shift, train)
        self.results = self.mean, self.inverse, self.a, g, by_scale, by_shift
        sums = 2e-7 * error[:, 0].size  # so many numbers of about 1 are added, and may cancel
        np.testing.assert_allclose(g_layout.unpack(g), x.grad.numpy(), atol=5e-6 * x.grad.abs().max())
        np.testing.assert_allclose(by_scale, gamma.grad.numpy(), rtol=2e-6, atol=sums)
        np.testing.assert_allclose(by_shift, beta.grad.numpy(), rtol=2e-6, atol=sums)
        assert count_outside(g_layout, g) == count_outside(self.layout, errors) == 0
        if shortcut != "none":  # what the ReLU lets through
            np.testing.assert_array_equal(self.layout.unpack(errors), before.grad.numpy().astype(np.float32))


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("shortcut", ["none", "beside", "in place"])
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("n_images, height, width", [(16, 3, 4), (21, 1, 1), (5, 4, 3), (47, 2, 5)])
def test_normalization_and_its_gradients_are_those_of_torch(n_images, height, width, relu, shortcut, train):
    case = Normalized(n_images, height, width, relu, shortcut, train)
    np.testing.assert_allclose(case.a_layout.unpack(case.a), case.expected, atol=1e-5)
    assert count_outside(case.a_layout, case.a) == 0


@pytest.mark.parametrize("n_images, mean", [(16, 1000), (20, 1000), (3, 300)])  # empty lanes must not count
def test_means_above_the_deviation_do_not_spoil_it(n_images, mean):
    layout = Layout(n_images, 1, 3, 3)
    z = (mean + np.random.default_rng(0).normal(size=layout[:4])).astype(np.float32)
    array, out, one, zero = packed(layout, z), layout.zeros(), np.ones(1, np.float32), np.zeros(1, np.float32)
    measured, inverse = zero.copy(), zero.copy()
    _norms.forward(array, layout.place, (n_images, 3, 3), one, zero, measured, inverse, True, EPSILON, False, out,
                   layout.place, False, out, layout.place)
    np.testing.assert_allclose(measured, z.mean(dtype=float), rtol=1e-6)
    np.testing.assert_allclose(inverse, (z.var(dtype=float) + EPSILON)**-0.5, rtol=1e-4)


def test_constant_channels_stay_finite():
    layout = Layout(20, 2, 3, 3)
    array, out = packed(layout, np.full((20, 2, 3, 3), 0.1)), layout.zeros()
    scale, shift = np.ones(2, np.float32), np.full(2, 0.5, np.float32)
    mean, inverse = np.zeros((2, 2), np.float32)
    _norms.forward(array, layout.place, (20, 3, 3), scale, shift, mean, inverse, True, EPSILON, True, out,
                   layout.place, False, out, layout.place)
    np.testing.assert_allclose(inverse, EPSILON**-0.5, rtol=1e-3)
    np.testing.assert_allclose(layout.unpack(out), 0.5, atol=1e-3)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("train", [True, False])
def test_what_is_not_finite_shows(wrong, train):
    """A ReLU that gave 0 for NaN would hide that a training has diverged."""
    layout = Layout(20, 2, 3, 3)
    z = np.random.default_rng(0).normal(size=layout[:4]).astype(np.float32)
    z[3, 1, 1, 1] = wrong
    array, out, one, zero = packed(layout, z), layout.zeros(), np.ones(2, np.float32), np.zeros(2, np.float32)
    _norms.forward(array, layout.place, (20, 3, 3), one, zero, zero.copy(), one.copy(), train, EPSILON, True, out,
                   layout.place, False, out, layout.place)
    a = layout.unpack(out)
    assert np.isfinite(a[:, 0]).all() and np.isfinite(np.delete(a, 3, 0)).all() != train
    assert wrong == -np.inf or not np.isfinite(a[3, 1, 1, 1])


@pytest.mark.parametrize("n_images, height, width", [(16, 2, 2), (21, 3, 1), (3, 1, 1), (40, 4, 5)])
def test_pooling_and_its_gradient(n_images, height, width):
    generator = np.random.default_rng(1)
    images = generator.normal(size=(n_images, 3, height, width))
    a_layout, mean_layout = Layout(n_images, 3, height, width, 1), Layout(n_images, 3, 1, 1)
    a, mean = packed(a_layout, images), mean_layout.zeros() + np.float32(7)
    _norms.pool(a, a_layout.place, (n_images, height, width), mean, mean_layout.place)
    np.testing.assert_allclose(mean_layout.unpack(mean)[:, :, 0, 0], images.mean((2, 3)), atol=1e-6)
    error, g_layout = generator.normal(size=(n_images, 3)), Layout(n_images, 3, height, width)
    g = packed(g_layout, np.full(images.shape, np.nan))
    _norms.unpool(packed(mean_layout, error[:, :, None, None]), mean_layout.place, (n_images, height, width), g,
                  g_layout.place)
    np.testing.assert_allclose(g_layout.unpack(g), np.broadcast_to(error[:, :, None, None] / (height * width),
                                                                   images.shape), rtol=1e-6)
    assert count_outside(g_layout, g) == 0


# --- the whole net


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


# --- giving weights back and training them


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
    net = NativeNet(copy.deepcopy(twin), Settings(1, 20, rate, momentum, decay), 9)
    twin = twin.double()
    optimizer = torch.optim.SGD(twin.parameters(), rate, momentum, weight_decay=decay)
    before = net.net.parameters.copy()
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
    assert np.abs(net.net.parameters - before).mean() > 0.01
    for name, ours, theirs in named(net.net, twin):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5, err_msg=name)
    net.net.store(net.twin)
    for name, norm in twin.norms.items():
        ours = net.twin.norms[name]
        np.testing.assert_allclose(ours.running_mean.numpy(), norm.running_mean.numpy(), rtol=0, atol=1e-5)
        np.testing.assert_allclose(ours.running_var.numpy(), norm.running_var.numpy(), rtol=1e-5)
    for layer in net.twin.layers.values():  # what does not exist is exactly zero still
        assert layer.mask is None or (not layer.weight[~layer.mask].any() and layer.weight[layer.mask].all())


def test_the_bits_are_the_same_on_any_number_of_threads():
    code = """
import numba
from tests.test_sparse_resnet import digest
assert numba.get_num_threads() == 2 and len(digest()) > 1000
two = digest()
numba.set_num_threads(1)
assert digest() == two
"""
    run_in_another_process(code, NUMBA_NUM_THREADS="2")


def test_the_bits_are_the_same_whether_compiled_now_or_before(tmp_path):
    code = "import sys; from tests import test_sparse_resnet as t; sys.stdout.buffer.write(t.norms_digest())"
    compiled, loaded = (run_in_another_process(code, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert len(compiled) > 1000 and compiled == loaded


def norms_digest():
    """What BatchNorm gives in images of many widths, forward and backward, with a last group that is not full."""
    cases = [Normalized(21, 3, width, relu) for width in range(1, 24) for relu in (True, False)]
    return b"".join(part.tobytes() for case in cases for part in case.results)


def digest():
    """What two steps and a judgement of a net leave, as bytes."""
    net = NativeNet(make_twin("sparse"), Settings(1, 20), 9)
    losses = [net.train_step(*make_data(20, 9, seed), 0.1)[0] for seed in (1, 2)]
    return np.array(losses).tobytes() + net.net.parameters.tobytes() + net.logits(make_data(20, 9)[0]).tobytes()


# --- what is refused


def test_the_stem_of_imagenet_is_refused():
    with pytest.raises(ValueError, match='expected stem="cifar", got .imagenet.; try the torch module resnet.ResNet, '
                                         "which has max-pooling"):
        SparseResNet(ResNet(Architecture(2, stem="imagenet"), seed=1), 16, 40)


def state_of(net):
    """All that a call can write, as bytes: parameters, gradients, statistics and every array in between."""
    units = [array for unit in net._units.values() for array in (*unit.z, unit.a)]
    pairs = [array for pair in (*net._running.values(), *net._batch.values()) for array in pair]
    return [array.tobytes() for array in (net.parameters, net.gradients, net._image, net._pooled, net._logits,
                                          net._logit_errors, net._partial, *net._scratch.values(), *units, *pairs)]


def test_images_that_do_not_fit_are_refused():
    """By what takes images, whether or not the labels are as few, and before anything is written."""
    twin, (images, labels) = make_twin("sparse"), make_data(17, 12)
    trained = NativeNet(twin, Settings(1, 17), 12)
    net = trained.net
    net.step(images, labels)
    before = state_of(net)
    for wrong in (images[:16], images[:0], np.concatenate([images, images]), images[:, :, :11], images[:, :, :, :11],
                  images[:, :2], images[0], images.astype(np.float64), images.astype(np.uint8)):
        as_many = np.zeros(len(wrong), int)
        for call, *more in ((net.forward,), (net.forward, True), (net.step, labels), (net.step, as_many),
                            (trained.train_step, labels, 0.1), (trained.train_step, as_many, 0.1)):
            with pytest.raises(ValueError, match=r"expected float32 images of shape \(17, 3, 12, 12\), got .*; try"):
                call(wrong, *more)
    assert state_of(net) == before and not trained._velocity.any()
    with pytest.raises(ValueError, match="expected image_size to be an integer >= 9"):
        SparseResNet(make_twin("sparse"), 17, 8)


@pytest.mark.parametrize("labels, words", [
    (np.zeros(16, int), r"expected 17 integer labels, one an image, got int64 of shape \(16,\)"),
    (np.zeros(17), "got float64 of shape"), (np.full(17, -1), "from -1 to -1; try classes counted from 0"),
    (np.full(17, 99), r"got int64 from 99 to 99; try Architecture\(..., n_classes=100\)")])
def test_labels_that_are_no_classes_are_refused_by_both_twins(labels, words):
    images, twin = np.zeros((17, 3, 12, 12), np.float32), make_twin("sparse")
    native = NativeNet(twin, Settings(1, 17), 12)
    before = state_of(native.net)
    for call in (lambda: native.net.step(images, labels), lambda: native.train_step(images, labels, 0.1),
                 lambda: TorchNet(twin, Settings()).train_step(images, labels, 0.1)):
        with pytest.raises(ValueError, match=words):
            call()
    assert state_of(native.net) == before


def test_backward_is_for_the_last_training_forward_alone():
    net, (x, labels) = SparseResNet(make_twin("sparse"), 5, 9), make_data(5, 9)
    errors = np.random.default_rng(3).normal(size=(5, 5)).astype(np.float32)
    with pytest.raises(RuntimeError, match="expected backward once, right after"):
        net.backward(errors)
    net.forward(x, train=True)
    net.backward(errors)
    for spoil in (lambda: None, lambda: (net.forward(x, train=True), net.forward(x))):
        spoil()
        with pytest.raises(RuntimeError, match="expected backward once, right after"):
            net.backward(errors)
    net.step(x, labels)


def test_errors_of_another_shape_are_refused_before_anything_is_written():
    net, x = SparseResNet(make_twin("sparse"), 7, 9), make_data(7, 9)[0]
    errors = np.random.default_rng(3).normal(size=(7, 5)).astype(np.float32)
    net.forward(x, train=True)
    net.backward(errors)
    expected = net.gradients.copy()
    net.forward(x, train=True)
    before = state_of(net)
    for wrong in (errors[:, :1], errors[:1], errors[:3], errors[:, :4], errors[0], errors[:, 0], errors.T, errors.sum(),
                  errors[None], errors[..., None], np.tile(errors, 2), np.tile(errors, (2, 1)), errors.ravel(),
                  errors[:0], errors.astype(int), errors.astype(complex), errors > 0,
                  errors.tolist()[0]):
        with pytest.raises(ValueError, match=r"expected (derivatives by the logits, floats of shape \(7, 5\)|"
                                             r"logit_errors made of real numbers), got .*; try ."):
            net.backward(wrong)
    assert state_of(net) == before
    net.backward(errors)  # that forward still counts
    np.testing.assert_array_equal(net.gradients, expected)
    for same in (errors.astype(np.float64), errors.tolist(), np.asfortranarray(errors)):
        net.forward(x, train=True)
        net.backward(same)
        np.testing.assert_array_equal(net.gradients[:net.n_weights], expected[:net.n_weights])
        np.testing.assert_allclose(net.gradients, expected, rtol=1e-6, atol=1e-6)  # sums of doubles, for the last bias


def test_a_twin_of_other_masks_or_another_width_is_refused():
    net, other = SparseResNet(make_twin("sparse"), 5, 9), make_twin("sparse", seed=2)
    before = copy.deepcopy(other.state_dict())
    for call in (net.load, net.store):
        with pytest.raises(ValueError, match="expected a twin with the masks of this net, got another in layer 'stage"):
            call(other)
        with pytest.raises(ValueError, match="expected a twin with Architecture.*, got Architecture"):
            call(make_twin("linear bottleneck"))
    assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())
    twin = make_twin("sparse")
    changed = SparseResNet(twin, 5, 9)
    twin.load_state_dict(other.state_dict())  # takes over its masks
    with pytest.raises(ValueError, match="masks of this net"):
        changed.store(twin)


@pytest.mark.parametrize("n_images, size", [(0, 9), (2.5, 9), (True, 9), (4, "a"), (4, 8)])
def test_sizes_that_are_none(n_images, size):
    with pytest.raises(ValueError, match="expected (n_images as|image_size to be) an integer >= "):
        SparseResNet(make_twin("sparse"), n_images, size)


def test_the_trained_network_comes_back():
    (x, labels), settings = make_data(16, 9), Settings(batch_size=16)
    nets = [NativeNet(make_twin("sparse"), settings, 9), TorchNet(make_twin("sparse"), settings)]
    for net in nets:
        before = copy.deepcopy(net.twin.state_dict())
        net.train_step(x, labels, 0.1)
        trained = net.to_torch().eval()
        assert trained is net.twin and not torch.equal(before["layers.stem.weight"], trained.layers["stem"].weight)
        with torch.no_grad():
            np.testing.assert_allclose(net.logits(x[:5]), trained(torch.from_numpy(x[:5])), atol=1e-4)
    np.testing.assert_allclose(nets[0].logits(x), nets[1].logits(x), atol=1e-3)


def test_any_number_of_images_is_judged_and_wrong_ones_are_refused():
    (x, labels), net = make_data(37, 9), NativeNet(make_twin("sparse"), Settings(batch_size=16), 9)
    np.testing.assert_array_equal(net.logits(x)[16:20], net.logits(x[16:20]))
    assert judge(net, x, labels, 37).shape == (37,)
    with pytest.raises(ValueError, match="expected images as float32"):
        judge(net, x[:3], labels[:1], 16)
    with pytest.raises(ValueError, match="expected float32 images"):
        net.logits(x.astype(np.float64))
