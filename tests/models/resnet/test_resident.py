"""Training that stays on one device against the loop that does not; on a GPU also its recorded steps."""

import concurrent.futures
import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from lib import image_sets
from lib.models import resnet
from lib.models.resnet import Architecture, ResNet
from lib.models.resnet.resident import ResidentTrainer
from lib.models.resnet.trainers import TorchTrainer
from lib.models.resnet.training import train
from lib.models.resnet.training_settings import SCHEDULES, Settings
from lib.pruning.masks import layer_masks

SIZE, N_CLASSES = 10, 4
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def make_data(n_images=70, seed=0):
    generator = np.random.default_rng(seed)
    images = image_sets.normalized(generator.uniform(size=(n_images, 3, SIZE, SIZE)))
    return images, generator.integers(0, N_CLASSES, n_images)


def make_twin(seed=1, width=3):
    architecture = Architecture(width, N_CLASSES)
    shapes = [layer.shape for layer in resnet.layers(architecture)]
    return ResNet(architecture, layer_masks(shapes, resnet.n_weights(architecture) // 2, seed=seed), seed=seed)


def assert_alike(nets, **tolerance):
    states = [net.network.state_dict() for net in nets]
    for (name, ours), theirs in zip(states[0].items(), states[1].values(), strict=True):
        torch.testing.assert_close(ours, theirs, msg=f"{name} differs", check_stride=False, **tolerance)


def test_minibatches_are_those_of_the_other_nets_to_the_bit():
    class Seen(TorchTrainer):
        def train_step(self, images, labels, rate):
            batches.append((images.copy(), labels.copy(), rate))
            return 0.0, 0

    class Resident(ResidentTrainer):
        def _step(self):
            images, labels = self._minibatch()
            rate = float(self._rates[int(self._place_in_epoch)])
            ours.append((images.numpy().copy(), labels.numpy().copy(), rate))
            self._place_in_epoch += 1

    batches, ours = [], []
    (images, labels), settings = make_data(), Settings(3, 16, 0.3, pad=3, schedule="triangle")
    for kind in (Seen, Resident):
        train(kind(make_twin(), settings), images, labels, settings, seed=4)
    assert len(batches) == len(ours) == 12
    for (x, y, rate), (x_too, y_too, rate_too) in zip(batches, ours, strict=True):
        np.testing.assert_array_equal(x, x_too)
        np.testing.assert_array_equal(y, y_too)
        assert rate == pytest.approx(rate_too, rel=1e-6)
    assert any((x[:, :, 0] == image_sets.BLACK[0, :, 0]).all(1).any() for x, _, _ in batches)  # some are shifted


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_training_is_that_of_torch(schedule):
    """In float64; only the rate, a number of float32, differs by its rounding."""
    settings = Settings(3, 16, 0.05, 0.8, 0.01, schedule=schedule, pad=2)
    (images, labels), test = make_data(), make_data(33, seed=1)
    nets = [kind(make_twin().double(), settings) for kind in (ResidentTrainer, TorchTrainer)]
    ours, theirs = [train(net, images, labels, settings, seed=2, test=test) for net in nets]
    for one, other in zip(ours, theirs, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)
        assert one.train_accuracy == other.train_accuracy and (one.right == other.right).all()
    assert_alike(nets, rtol=1e-4, atol=1e-6)
    layer = next(layer for layer in nets[0].network.layers.values() if layer.mask is not None)
    assert (layer.weight[~layer.mask] == 0).all() and (layer.weight[layer.mask] != 0).all()


def test_other_images_labels_or_minibatches_take_the_place_of_the_first():
    settings = Settings(1, 16, 0.05, pad=1, schedule="cosine")
    nets = [kind(make_twin().double(), settings) for kind in (ResidentTrainer, TorchTrainer)]
    (images, labels), (others, those) = make_data(70), make_data(40, 1)
    wrong, smaller = (those + 1) % N_CLASSES, Settings(1, 8, 0.05, pad=1, schedule="cosine")
    for data, these in (((images, labels), settings), ((others, those), settings), ((others, wrong), settings),
                        ((others, wrong), smaller), ((others[:, :, ::-1], wrong), settings)):
        losses = [train(net, *data, these, seed=3)[0].train_loss for net in nets]
        assert losses[0] == pytest.approx(losses[1], rel=1e-3)  # wrong labels are 2% off


def test_single_steps_and_whole_epochs_may_take_turns():
    settings = Settings(1, 16, 0.05, 0.8, pad=1, schedule="triangle")
    nets = [kind(make_twin().double(), settings) for kind in (ResidentTrainer, TorchTrainer)]
    images, labels = make_data()
    for net in nets:
        net.train_step(images[:16], labels[:16], 0.3)
        train(net, images, labels, settings, seed=3)
        net.train_step(images[:16], labels[:16], 0.03)
    assert_alike(nets, rtol=1e-4, atol=1e-6)
    answers = [net.logits(images) for net in nets]
    np.testing.assert_allclose(*answers, rtol=1e-4, atol=1e-4)


def test_a_shift_that_leaves_nothing_is_refused():
    settings = Settings(1, 16, pad=SIZE)
    with pytest.raises(ValueError, match="expected pad as an integer from 0 to 9, got 10"):
        train(ResidentTrainer(make_twin(), settings), *make_data(), settings, seed=1)


def test_a_training_that_diverges_says_so():
    settings = Settings(20, 16, 1e6, pad=0)
    with pytest.raises(FloatingPointError, match="expected a finite loss, got nan"):
        train(ResidentTrainer(make_twin(), settings), *make_data(), settings, seed=1)


@pytest.mark.parametrize("kind", [ResidentTrainer, TorchTrainer])
@pytest.mark.parametrize("size, n_images", [(SIZE, 16), (9, 7), (16, 2)])
def test_on_a_cpu_no_convolution_meets_channels_last(kind, size, n_images, monkeypatch):
    """Whatever order of memory images come in: a torch release wrote beyond its memory there."""
    convolve, met = functional.conv2d, []

    def contiguous(x, weight, **arguments):
        met.extend((x.is_contiguous(), weight.is_contiguous()))
        return convolve(x.contiguous(), weight.contiguous(), **arguments)
    monkeypatch.setattr(functional, "conv2d", contiguous)
    settings = Settings(2, n_images, 0.05, pad=1)
    images, labels = make_data(3 * n_images)
    images = images[:, :, :size, :size] if size <= SIZE else np.tile(images, (1, 1, 2, 2))[:, :, :size, :size]
    last = np.ascontiguousarray(images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    assert not last.flags.c_contiguous
    twin = make_twin()
    net = kind(twin.to(memory_format=torch.channels_last) if kind is ResidentTrainer else twin, settings)
    for these in (images, last, images[:, :, ::-1]):
        net.train_step(these[:n_images], labels[:n_images], 0.1)
        train(net, these, labels, settings, seed=1, test=(these, labels))
        net.logits(these)
    assert len(met) > 1000 and all(met)


@gpu
def test_recorded_steps_are_the_steps():
    """Over two sets of images, so that a second recording has to keep momenta and statistics; float64 has no TF32."""
    settings = Settings(3, 16, 0.05, 0.8, 0.01, schedule="triangle", pad=2)
    nets = [ResidentTrainer(make_twin().double().cuda(), settings), TorchTrainer(make_twin().double(), settings)]
    for seed, n_images in ((0, 70), (1, 40)):
        (images, labels), test = make_data(n_images, seed), make_data(33, seed=2)
        ours, theirs = [train(net, images, labels, settings, seed=2, test=test) for net in nets]
        assert nets[0]._graph is not None
        for one, other in zip(ours, theirs, strict=True):
            assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)
            assert one.train_accuracy == other.train_accuracy and (one.right == other.right).all()
    nets[0].network.cpu()
    assert_alike(nets, rtol=1e-4, atol=1e-6)


@gpu
def test_a_recorded_step_in_float32_is_near_the_step():
    """Convolutions round to 11 bits there; one step, so that errors have no time to grow."""
    settings = Settings(1, 64, 0.1, pad=2)
    images, labels = make_data(64)
    nets = [ResidentTrainer(make_twin(width=8).cuda(), settings), TorchTrainer(make_twin(width=8), settings)]
    losses = [train(net, images, labels, settings, seed=2)[0].train_loss for net in nets]
    assert losses[0] == pytest.approx(losses[1], rel=5e-3)
    nets[0].network.cpu()
    assert_alike(nets, rtol=0.05, atol=5e-3)


@gpu
def test_one_seed_gives_one_result_on_a_gpu_however_many_threads():
    settings = Settings(4, 16, 0.05, schedule="triangle", pad=2)
    (images, labels), test = make_data(200), make_data(33, seed=1)

    def trained(_):
        net = ResidentTrainer(make_twin(width=8).cuda(), settings)
        history = train(net, images, labels, settings, seed=2, test=test)
        return [(epoch.train_loss, epoch.right.tobytes()) for epoch in history], copy.deepcopy(net.to_torch()).cpu()

    alone = trained(0)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for history, twin in pool.map(trained, range(8)):
            assert history == alone[0]
            for ours, theirs in zip(twin.state_dict().values(), alone[1].state_dict().values(), strict=True):
                assert torch.equal(ours, theirs)
