"""One trained ResNet of the figures: its counts, its accuracies on generated images, and what is refused."""

import numpy as np
import pytest

from lib import image_sets
from lib.experiments import resnet as experiments_resnet
from lib.experiments.resnet import WAYS, network
from lib.models import resnet
from lib.models.resnet import Architecture, training
from lib.models.resnet.training_settings import Settings

SHORT = {"data": "cifar10", "way": "sparse", "base_width": 2, "factor": 2, "image_size": 16, "epochs": 2,
         "learning_rate": 0.1, "schedule": "triangle", "batch_size": 20, "seed": 1, "device": "native"}
FIELDS = {"width", "n_weights", "connectivity", "multiply_adds", "final", "best", "best_epoch", "first_half",
          "second_half", "train_accuracy", "best_train_accuracy", "train_loss"}


def make_images(name, part, n_classes=None):
    """120 training and 40 test images of 32 x 32 pixels; a class is a share of bright rows, in noise."""
    n_classes = n_classes or (100 if name == "cifar100" else 10)
    generator = np.random.default_rng([part == "train", n_classes])
    labels = generator.integers(0, n_classes, 120 if part == "train" else 40)
    pixels = generator.integers(0, 128, (len(labels), 3, 32, 32)).astype(np.uint8)
    for image, label in zip(pixels, labels):
        image[label % 3, :3 * (label + 1)] += 100
    return image_sets.ColourImages(pixels, labels, tuple(str(label) for label in range(n_classes)))


@pytest.fixture(autouse=True)
def reads(monkeypatch):
    """Generated images in the place of every set, and the calls that asked for them."""
    calls = []
    monkeypatch.setattr(image_sets, "load", lambda name, part: calls.append((name, part)) or make_images(name, part))
    experiments_resnet._read.cache_clear()
    yield calls
    experiments_resnet._read.cache_clear()


def accuracy(**changes):
    return experiments_resnet.resnet_accuracy(**SHORT | changes)


# --- networks


def test_sparse_nets_of_every_width_have_as_many_weights():
    base = resnet.n_weights(Architecture(4, 10))
    for factor in (1, 1.5, 2, 3):
        net, channels = (network(way, 4, factor, 10, seed=1) for way in WAYS[:2])
        assert net.architecture == channels.architecture == Architecture(round(4 * factor), 10)
        assert net.n_weights == base and 0.9 * base < channels.n_weights <= base
        assert [layer.mask is None for layer in net.layers.values()] == [factor == 1] * 21
    kernels = channels.layers["stage2_block1_conv2"].mask.flatten(2)
    assert (kernels.all(2) == kernels.any(2)).all() and not kernels.all() and channels.n_weights < base
    single = net.layers["stage2_block1_conv2"].mask.flatten(2)
    assert (single.all(2) != single.any(2)).any()


def test_other_ways_have_the_weights_of_their_architecture():
    for way in WAYS[2:]:
        for factor in (1, 2):
            variant = "plain" if way == "dense" else way
            expected = resnet.widened(Architecture(4, 100, variant=variant), factor)
            net = network(way, 4, factor, 100, seed=1)
            assert net.architecture == expected and net.n_weights == resnet.n_weights(expected)
            assert all(layer.mask is None for layer in net.layers.values())
    assert network("dense", 4, 2, 10, 1).n_weights > 3 * network("sparse", 4, 2, 10, 1).n_weights


def test_one_seed_gives_one_net():
    first, second, other = (network("sparse", 2, 2, 10, seed).state_dict() for seed in (1, 1, 2))
    assert all((first[name] == second[name]).all() for name in first)
    name = "layers.stage4_block2_conv1"
    assert (first[f"{name}.mask"] != other[f"{name}.mask"]).any()
    assert (first["layers.linear.bias"] != other["layers.linear.bias"]).all()  # no mask has a part in it


# --- training


@pytest.mark.parametrize("way", WAYS)
def test_what_is_reported_of_every_way(way):
    result = accuracy(way=way)
    assert set(result) == FIELDS and all(type(value) in (int, float) for value in result.values())
    net = network(way, 2, 2, 10, seed=1)
    wide = net.architecture
    masks = [np.ones(layer.weight.shape, bool) if layer.mask is None else layer.mask.numpy()
             for layer in net.layers.values()]
    # A weight works once for each pixel that its layer gives.
    work = sum(int(mask.sum()) * layer.out_size**2 for mask, layer in zip(masks, resnet.layers(wide, 16)))
    assert result["width"] == wide.width == 4 and result["multiply_adds"] == work
    assert result["n_weights"] == sum(int(mask.sum()) for mask in masks)
    assert result["connectivity"] == result["n_weights"] / sum(mask.size for mask in masks)
    assert (result["connectivity"] == 1) == (way in WAYS[2:])
    assert result["final"] == pytest.approx((result["first_half"] + result["second_half"]) / 2)
    assert result["best"] >= result["final"] and result["best_epoch"] in (1, 2)
    assert (result["best"] == result["final"]) if result["best_epoch"] == 2 else (result["best"] >= result["final"])
    assert 0 <= result["train_accuracy"] <= result["best_train_accuracy"] <= 1
    assert 0 < result["train_loss"] < 4 and 0 <= result["final"] <= 1


def test_the_work_is_that_of_the_masked_net():
    base, result = Architecture(2, 10), accuracy(factor=3)
    wide = resnet.widened(base, 3)
    assert result["n_weights"] == resnet.n_weights(base) and result["width"] == 6
    assert result["multiply_adds"] == resnet.multiply_adds(wide, 16, resnet.sparse_counts(base, 3))
    dense = accuracy(way="dense", image_size=32, epochs=1)
    assert dense["multiply_adds"] == resnet.multiply_adds(resnet.widened(base, 2), 32)


def test_the_history_is_told_as_it_was(monkeypatch):
    """By hand: five test images, three epochs."""
    rights = [[1, 0, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 0, 1, 1], [0, 1, 0, 1, 1]]
    history = [training.Epoch(k + 1, 2.0 - k / 4, share, np.array(right, bool))
               for k, (right, share) in enumerate(zip(rights, (0.1, 0.7, 0.6, 0.5)))]
    monkeypatch.setattr(training, "train", lambda *args, **named: history)
    result = accuracy()
    assert (result["final"], result["best"], result["best_epoch"]) == (0.6, 0.8, 2)  # the first of the best
    assert (result["first_half"], result["second_half"]) == (pytest.approx(1 / 3), 1)
    assert (result["train_accuracy"], result["best_train_accuracy"], result["train_loss"]) == (0.5, 0.7, 1.25)


def test_settings_and_images_arrive_where_they_are_used(monkeypatch, reads):
    seen = []

    def train(net, images, labels, settings, *, seed, test):
        seen.append((net, images, labels, settings, seed, test))
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", train)
    for changes in ({}, {"data": "cifar100", "image_size": 32, "device": "cpu", "seed": 2}):
        with pytest.raises(KeyboardInterrupt):
            accuracy(**changes)
    assert reads == [("cifar10", "train"), ("cifar10", "test"), ("cifar100", "train"), ("cifar100", "test")]
    (native, images, labels, settings, seed, test), (torch_net, large, _, other, other_seed, _) = seen
    assert settings == Settings(2, 20, 0.1, 0.9, 5e-4, "triangle", 2)
    assert other.pad == 4 and seed != other_seed
    assert native.native.image_size == 16 and type(torch_net).__name__ == "ResidentTrainer"
    assert native.network.architecture.n_classes == 10 and torch_net.network.architecture.n_classes == 100
    source = make_images("cifar10", "train")
    means = source.pixels.reshape(-1, 3, 16, 2, 16, 2).mean((3, 5)) / 255
    np.testing.assert_allclose(images, (means - image_sets.MEAN[:, None, None]) / image_sets.DEVIATION[:, None, None],
                               atol=1e-5)
    assert (labels == source.labels).all() and (test[1] == make_images("cifar10", "test").labels).all()
    assert test[0].shape == (40, 3, 16, 16) and large.shape == (120, 3, 32, 32) and large.dtype == np.float32


def test_images_are_read_once(reads):
    accuracy(epochs=1)
    accuracy(epochs=1, factor=1, seed=3)
    assert reads == [("cifar10", "train"), ("cifar10", "test")]


def test_one_seed_gives_one_result():
    first, again, other = accuracy(), accuracy(), accuracy(seed=2)
    assert first == again and first["train_loss"] != other["train_loss"]


def test_the_native_net_and_its_twin_agree():
    """Six steps: errors of float32 have no time to grow."""
    ours, theirs = accuracy(epochs=1), accuracy(epochs=1, device="cpu")
    assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=3e-3)
    for name in ("width", "n_weights", "connectivity", "multiply_adds"):
        assert ours[name] == theirs[name]
    assert abs(ours["train_accuracy"] - theirs["train_accuracy"]) < 2.5 / 120
    assert abs(ours["final"] - theirs["final"]) < 2.5 / 40


# --- what is refused


@pytest.mark.parametrize("changes, error, words", [
    ({"way": "narrow"}, ValueError, "expected way as one of sparse, sparse channels, .*got 'narrow'; try way='sparse'"),
    ({"image_size": 8}, ValueError, "expected image_size as 16 or 32, got 8; try image_size=16"),
    ({"image_size": "16"}, ValueError, "expected image_size"), ({"factor": 0.5}, ValueError, "widening_factor"),
    ({"base_width": 0}, ValueError, "expected width to be an integer >= 1, got 0"),
    ({"epochs": 0}, ValueError, "expected epochs"), ({"schedule": "none"}, ValueError, "expected schedule"),
    ({"learning_rate": -1}, ValueError, "expected learning_rate"), ({"batch_size": 1}, ValueError, "batch_size"),
    ({"batch_size": 121}, ValueError, "expected at least 121 images, a minibatch, got 120"),
    ({"seed": -1}, ValueError, "expected seed"), ({"device": "gpu"}, RuntimeError, "device"),
    ({"way": "nonlinear bottleneck", "base_width": 1, "factor": 100}, ValueError, "expected a width at which"),
])
def test_what_cannot_be_is_refused(changes, error, words):
    with pytest.raises(error, match=words):
        accuracy(**changes)


def test_sets_that_do_not_fit_are_refused(monkeypatch):
    monkeypatch.setattr(image_sets, "load", lambda name, part: make_images(name, part, n_classes=11))
    with pytest.raises(ValueError, match=r"expected integer labels from 0 to 9.*n_classes=11\)"):
        accuracy()


@pytest.mark.parametrize("data, words", [("cifar10-jpeg", "expected CIFAR-10 as JPEG files in .*; try a folder with"),
                                         ("cifar100", "expected CIFAR100 in .*; try lib.image_sets.load_torchvision"),
                                         ("svhn", "expected SVHN in .*download=True")])
def test_a_missing_set_is_named_with_the_way_to_get_it(data, words, monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.setattr(image_sets, "CACHE", tmp_path)
    with pytest.raises(FileNotFoundError, match=words):
        accuracy(data=data)
    with pytest.raises(ValueError, match="expected name as one of cifar10-jpeg, .*got 'mnist'"):
        accuracy(data="mnist")
