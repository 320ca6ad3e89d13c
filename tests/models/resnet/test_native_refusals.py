"""What the native ResNet-18 refuses, before anything is written."""

import copy

import numpy as np
import pytest
import torch

from lib.models.resnet import Architecture, ResNet
from lib.models.resnet.native import SparseResNet
from lib.models.resnet.trainers import NativeTrainer, TorchTrainer
from lib.models.resnet.training import correct
from lib.models.resnet.training_settings import Settings
from tests.models.resnet.test_native import make_data, make_twin


def test_the_stem_of_imagenet_is_refused():
    with pytest.raises(ValueError, match='expected stem="cifar", got .imagenet.; try the torch module resnet.ResNet, '
                                         "which has max-pooling"):
        SparseResNet(ResNet(Architecture(2, stem="imagenet"), seed=1), 16, 40)


def state_of(net):
    """All that a call can write, as bytes: parameters, gradients, statistics and every array in between."""
    units = [array for unit in net._units.values() for array in (*unit.z, unit.a)]
    pairs = [array for pair in (*net._running.values(), *net._norms.batch.values()) for array in pair]
    return [array.tobytes() for array in (net.parameters, net.gradients, net._image, net._pooled, net._logits,
                                          net._grad_logits, net._partial, *net._scratch.values(), *units, *pairs)]


def test_images_that_do_not_fit_are_refused():
    """By what takes images, whether or not the labels are as few, and before anything is written."""
    twin, (images, labels) = make_twin("sparse"), make_data(17, 12)
    trained = NativeTrainer(twin, Settings(1, 17), 12)
    net = trained.native
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
    native = NativeTrainer(twin, Settings(1, 17), 12)
    before = state_of(native.native)
    for call in (lambda: native.native.step(images, labels), lambda: native.train_step(images, labels, 0.1),
                 lambda: TorchTrainer(twin, Settings()).train_step(images, labels, 0.1)):
        with pytest.raises(ValueError, match=words):
            call()
    assert state_of(native.native) == before


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
                                             r"grad_logits made of real numbers), got .*; try ."):
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
        with pytest.raises(ValueError, match="expected a network with the same masks, got others in layer 'stage"):
            call(other)
        with pytest.raises(ValueError, match="expected a network with Architecture.*, got Architecture"):
            call(make_twin("linear bottleneck"))
    assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())
    twin = make_twin("sparse")
    changed = SparseResNet(twin, 5, 9)
    twin.load_state_dict(other.state_dict())  # takes over its masks
    with pytest.raises(ValueError, match="the same masks"):
        changed.store(twin)


@pytest.mark.parametrize("n_images, size", [(0, 9), (2.5, 9), (True, 9), (4, "a"), (4, 8)])
def test_sizes_that_are_none(n_images, size):
    with pytest.raises(ValueError, match="expected (n_images|image_size) to be an integer >= "):
        SparseResNet(make_twin("sparse"), n_images, size)


def test_any_number_of_images_is_judged_and_wrong_ones_are_refused():
    (x, labels), net = make_data(37, 9), NativeTrainer(make_twin("sparse"), Settings(batch_size=16), 9)
    np.testing.assert_array_equal(net.logits(x)[16:20], net.logits(x[16:20]))
    assert correct(net, x, labels, 37).shape == (37,)
    with pytest.raises(ValueError, match="expected images as float32"):
        correct(net, x[:3], labels[:1], 16)
    with pytest.raises(ValueError, match="expected float32 images"):
        net.logits(x.astype(np.float64))
