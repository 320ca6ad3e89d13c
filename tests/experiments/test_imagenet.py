"""One trained ResNet of table 3.1 on generated images: minibatches, a training by hand, counts, what is refused."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from lib import image_sets, rng
from lib.experiments import imagenet as experiment
from lib.experiments.imagenet import imagenet_accuracy
from lib.experiments.resnet import WAYS
from lib.experiments.resnet import network as any_network
from lib.models import resnet
from lib.models.resnet import Architecture
from lib.models.resnet import imagenet as module
from lib.models.resnet.imagenet import minibatches, train
from lib.models.resnet.trainers import TorchTrainer
from lib.models.resnet.training import Epoch
from lib.models.resnet.training_settings import Settings

FIELDS = {"width", "n_weights", "connectivity", "multiply_adds", "final", "best", "best_epoch", "train_accuracy",
          "train_loss"}
network = partial(any_network, stem="imagenet")
SHORT = Settings(2, 4, 0.1, weight_decay=0.01, schedule="cosine")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes of three images each in train, of 2, 2 and 1 in val; noise, brighter in one channel."""
    top, generator = tmp_path_factory.mktemp("imagenet"), np.random.default_rng(1)
    for part, counts in (("train", (3, 3, 3)), ("val", (2, 2, 1))):
        for label, count in enumerate(counts):
            (top / part / f"n{label}").mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(0, 156, (40, 60, 3)).astype(np.uint8)
                pixels[..., label] += 100
                Image.fromarray(pixels).save(top / part / f"n{label}" / f"{number}.JPEG")
    return top


@pytest.fixture(scope="module")
def images(folder):
    return image_sets.imagenet("train", folder)


@pytest.fixture(scope="module")
def accuracy(folder):
    def run(**changes):
        given = {"way": "sparse", "base_width": 2, "factor": 2, "epochs": 2, "batch_size": 4, "seed": 1,
                 "device": "cpu", "n_workers": 0}
        return imagenet_accuracy(folder=folder, **given | changes)
    return run


@pytest.fixture(scope="module")
def result(accuracy):
    return accuracy()


# --- networks


def test_sparse_nets_of_every_width_have_as_many_weights():
    base = resnet.n_weights(Architecture(4, 7, "imagenet"))
    for factor in (1, 1.5, 3):
        net, channels = (network(way, 4, factor, 7, seed=1) for way in WAYS[:2])
        assert net.architecture == channels.architecture == Architecture(round(4 * factor), 7, "imagenet")
        assert net.n_weights == base and 0.9 * base < channels.n_weights <= base
        assert [layer.mask is None for layer in net.layers.values()] == [factor == 1] * 21
    kernels = channels.layers["stage2_block1_conv2"].mask.flatten(2)
    assert (kernels.all(2) == kernels.any(2)).all() and not kernels.all() and channels.n_weights < base
    one, same, other = (network("sparse", 2, 2, 7, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    name = "layers.stage4_block2_conv1.mask"
    assert not torch.equal(one[name], other[name])


def test_other_ways_have_the_weights_of_their_architecture():
    for way in WAYS[2:]:
        variant = "plain" if way == "dense" else way
        expected = resnet.widened(Architecture(4, 7, "imagenet", variant), 2)
        net = network(way, 4, 2, 7, seed=1)
        assert net.architecture == expected and net.n_weights == resnet.n_weights(expected)


# --- minibatches


def test_crops_follow_from_seed_epoch_and_image(images):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    found = list(minibatches(images, SHORT, seed=3, n_workers=0))
    assert torch.equal(torch.get_rng_state(), before)
    assert len(found) == 4  # nine images: one is left out in each epoch
    for place, (pixels, labels) in enumerate(found):
        epoch, batch = divmod(place, 2)
        rows = rng.stream(3, "order", epoch).permutation(9)[4 * batch:4 * batch + 4]
        assert pixels.shape == (4, 3, 224, 224) and pixels.dtype == torch.float32
        assert labels.dtype == torch.int64 and labels.tolist() == (rows // 3).tolist()
        for image, row in zip(pixels, rows):
            torch.manual_seed(rng.child_seed(3, "augmentation", epoch, row))
            assert torch.equal(image, images[row][0])
    assert len({float(image.sum()) for pixels, _ in found for image in pixels}) == 16  # no crop comes twice
    other = next(minibatches(images, SHORT, seed=4, n_workers=0))
    assert not torch.equal(other[0], found[0][0])


def test_the_number_of_processes_changes_nothing(images):
    alone, together = (list(minibatches(images, SHORT, seed=3, n_workers=n)) for n in (0, 2))
    assert len(alone) == len(together) == 4
    for (pixels, labels), (others, other_labels) in zip(alone, together):
        assert torch.equal(pixels, others) and torch.equal(labels, other_labels)


def test_a_process_that_begins_anew_imports_torchvision_first(images, monkeypatch):
    content, calls = pickle.dumps(module._Crops(images, 3)), []
    monkeypatch.setattr(image_sets, "load_torchvision", lambda: calls.append("called"))
    again = pickle.loads(content)
    assert calls == ["called"] and again.seed == 3
    assert torch.equal(again[1, 7][0], module._Crops(images, 3)[1, 7][0])


# --- training


def test_one_epoch_by_hand(folder, images):
    """Momentum, decay and the rate of every step, on the masked weights that exist; in float64, as rounding grows."""
    seen, test = [], image_sets.imagenet("val", folder)
    net, twin = (network("sparse", 2, 2, 3, seed=1).double() for _ in range(2))
    history = train(TorchTrainer(net, SHORT), images, test, SHORT, seed=3, n_workers=0, callback=seen.append)
    velocity, parameters, losses, rights = {}, dict(twin.named_parameters()), [], []
    for step, (pixels, labels) in enumerate(minibatches(images, SHORT, seed=3, n_workers=0)):
        logits = twin.train()(pixels.double())
        loss = functional.cross_entropy(logits, labels)
        gradients = torch.autograd.grad(loss, list(parameters.values()))
        rate = (0.1, 0.1 * (2 + 2**0.5) / 4, 0.05, 0.1 * (2 - 2**0.5) / 4)[step]
        with torch.no_grad():
            for (name, value), gradient in zip(parameters.items(), gradients):
                velocity[name] = 0.9 * velocity.get(name, 0) + gradient + 0.01 * value
                value -= rate * velocity[name]
        losses.append(float(loss.detach()))
        rights.append(float((logits.argmax(1) == labels).sum()))
    assert [epoch.epoch for epoch in history] == [1, 2] and seen == history
    for epoch in (0, 1):
        assert history[epoch].train_loss == pytest.approx(sum(losses[2 * epoch:2 * epoch + 2]) / 2, rel=1e-4)
        assert history[epoch].train_accuracy == sum(rights[2 * epoch:2 * epoch + 2]) / 8
    for name, value in net.named_parameters():
        torch.testing.assert_close(value, parameters[name], rtol=1e-3, atol=1e-4)
    pixels, labels = (torch.stack([torch.as_tensor(pair[k]) for pair in test]) for k in (0, 1))
    with torch.no_grad():
        right = net.eval()(pixels.double()).argmax(1) == labels  # five images, in minibatches of four and one
    assert labels.tolist() == [0, 0, 1, 1, 2] and history[-1].right.tolist() == right.tolist()


def test_what_is_reported(result):
    base, wide = (Architecture(width, 3, "imagenet") for width in (2, 4))
    assert set(result) == FIELDS and all(type(value) in (int, float) for value in result.values())
    assert result["width"] == 4 and result["n_weights"] == resnet.n_weights(base)
    assert result["connectivity"] == resnet.n_weights(base) / resnet.n_weights(wide)
    assert result["multiply_adds"] == resnet.multiply_adds(wide, 224, resnet.sparse_counts(base, 2))
    assert 5 * result["final"] in range(6) and 8 * result["train_accuracy"] in range(9)
    assert result["best"] >= result["final"] and 0 < result["train_loss"] < 4


def test_one_seed_gives_one_result_with_any_number_of_processes(accuracy, result):
    assert accuracy(n_workers=1) == result
    assert accuracy(seed=2)["train_loss"] != result["train_loss"]


@pytest.mark.parametrize("way", WAYS[2:])
def test_other_ways_are_trained(accuracy, way):
    result = accuracy(way=way, epochs=1)
    expected = resnet.widened(Architecture(2, 3, "imagenet", "plain" if way == "dense" else way), 2)
    assert result["connectivity"] == 1 and result["n_weights"] == resnet.n_weights(expected)
    assert result["multiply_adds"] == resnet.multiply_adds(expected)


def test_the_settings_are_the_thesis_s_and_the_history_is_told_as_it_was(accuracy, monkeypatch):
    """By hand: five test images, three epochs."""
    seen = []
    rights = [[1, 0, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 0, 1, 0]]
    history = [Epoch(k + 1, 2.0 - k / 4, share, np.array(right, bool))
               for k, (right, share) in enumerate(zip(rights, (0.1, 0.7, 0.6)))]
    monkeypatch.setattr(experiment, "train", lambda *given, **named: seen.append((given, named)) or history)
    result = accuracy(epochs=150, batch_size=256, n_workers=3)
    assert (result["final"], result["best"], result["best_epoch"]) == (0.6, 0.8, 2)
    assert (result["train_accuracy"], result["train_loss"]) == (0.6, 1.5)
    ((_, train_images, test, settings), named), = seen
    assert settings == experiment.SETTINGS == Settings(150, 256, 0.1, 0.9, 1e-4, "cosine")
    assert len(train_images) == 9 and len(test) == 5
    assert named == {"seed": rng.child_seed(1, "training"), "n_workers": 3}
    defaults = imagenet_accuracy.__kwdefaults__
    assert (defaults["base_width"], defaults["epochs"], defaults["learning_rate"]) == (64, 150, 0.1)


# --- what is refused


@pytest.mark.parametrize("changes, error, words", [
    ({"way": "narrow"}, ValueError, "expected way as one of sparse, sparse channels, .*got 'narrow'; try way='sparse'"),
    ({"factor": 0.5}, ValueError, "widening_factor"), ({"epochs": 0}, ValueError, "expected epochs"),
    ({"base_width": 0}, ValueError, "expected width to be an integer >= 1, got 0"),
    ({"learning_rate": -1}, ValueError, "expected learning_rate"), ({"batch_size": 1}, ValueError, "batch_size"),
    ({"batch_size": 10}, ValueError, "expected at least 10 images, a minibatch, got 9; try a smaller batch_size"),
    ({"device": "native"}, ValueError, "a device of torch, got 'native'; try device='cuda', or 'cpu' .the native"),
    ({"device": None}, ValueError, "a device of torch, got None"), ({"seed": -1}, ValueError, "expected seed"),
    ({"n_workers": -1}, ValueError, "n_workers to be an integer >= 0, got -1; try n_workers=1"),
    ({"n_workers": True}, ValueError, "got True"), ({"n_workers": 1.0}, ValueError, "got 1.0"),
    ({"learning_rate": 1e30, "epochs": 1}, FloatingPointError, "expected a finite loss, got nan in epoch 1; try a sma"),
])
def test_what_cannot_be_is_refused(accuracy, changes, error, words):
    with pytest.raises(error, match=words):
        accuracy(**changes)


def test_missing_folders_and_damaged_images_are_named(tmp_path):
    given = {"folder": tmp_path, "way": "dense", "base_width": 1, "factor": 1, "batch_size": 2, "seed": 1,
             "device": "cpu", "n_workers": 0}
    with pytest.raises(FileNotFoundError, match="expected ImageNet in .* got no folder train"):
        imagenet_accuracy(**given)
    for part in ("train", "val"):
        for name in "ab":
            (tmp_path / part / name).mkdir(parents=True)
            (tmp_path / part / name / "x.JPEG").write_bytes(b"no image")
    with pytest.raises(ValueError, match="x.JPEG: expected an image that can be read"):
        imagenet_accuracy(**given)


def test_images_of_other_classes_are_refused(folder, images):
    net = TorchTrainer(network("dense", 1, 1, 4, seed=1), SHORT)
    with pytest.raises(ValueError, match=r"of 4 classes, as the net tells apart, got \[3\]; try network"):
        train(net, images, images, SHORT, seed=1, n_workers=0)
