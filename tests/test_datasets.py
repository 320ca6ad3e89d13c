"""Image sets: read as they are, and refused by name where they are not there or damaged."""

import numpy as np
import pytest

from lib import datasets
from lib.experiments import mnist
from lib.models import mlp


@pytest.fixture
def folder(tmp_path):
    """Noise in the format of MNIST, of the right size; the first training image is black, the second white."""
    dice = np.random.default_rng(1)
    for images, labels, n_images in datasets._PARTS.values():
        pixels = dice.integers(0, 256, (n_images, 28, 28), dtype=np.uint8)
        pixels[0], pixels[1] = 0, 255
        classes = dice.integers(0, 10, n_images, dtype=np.uint8)
        for name, values in ((images, pixels), (labels, classes)):
            lengths = b"".join(length.to_bytes(4, "big") for length in values.shape)
            (tmp_path / name).write_bytes(bytes([0, 0, 8, values.ndim]) + lengths + values.tobytes())
    return tmp_path


def test_mnist_is_read_and_normalized(folder):
    train, test = datasets.mnist("train", folder), datasets.mnist("test", folder)
    assert train.images.shape == (60_000, 784) and test.images.shape == (10_000, 784)
    assert train.images.dtype == np.float32 and train.labels.dtype == np.int64 and set(train.labels) == set(range(10))
    assert train.images[0] == pytest.approx(-0.1307 / 0.3081) and train.images[1] == pytest.approx(0.8693 / 0.3081)


def test_missing_damaged_and_wrong_files_are_named_with_what_to_do(folder):
    with pytest.raises(ValueError, match="part as one of train, test, got 'val'"):
        datasets.mnist("val", folder)
    labels = folder / "t10k-labels-idx1-ubyte"
    whole = labels.read_bytes()
    for content, words in ((whole[:-1], "expected an idx file of shape .10000,. with 10008 bytes, got 10007"),
                           (b"\x1f\x8b" + whole[2:], "got 10008 bytes that begin with 1f8b08"),
                           (whole[:-1] + b"\x0b", "expected labels from 0 to 9, got 11")):
        labels.write_bytes(content)
        with pytest.raises(ValueError, match=words):
            datasets.mnist("test", folder)
    labels.unlink()
    with pytest.raises(FileNotFoundError, match="no file t10k-labels-idx1-ubyte; try torchvision.datasets.MNIST"):
        datasets.mnist("test", folder)


def test_a_net_of_figure_3_5_reports_its_accuracies(monkeypatch):
    dice = np.random.default_rng(2)
    labels = dice.integers(0, 10, 600)
    images = dice.normal(size=(600, 784)).astype(np.float32) / 4
    images[np.arange(600), labels * 7] += 3  # one bright pixel tells the class
    parts = [datasets.Images(images[a:b], labels[a:b]) for a, b in ((0, 400), (400, 500), (500, 600))]
    monkeypatch.setattr(mnist, "_images", lambda: parts)
    settings = {"width": 12, "last_connectivity": 0.5, "activation": "relu", "n_weights": 3970, "epochs": 15,
                "batch_size": 50, "learning_rate": 0.1, "seed": 1}
    found = mnist.mnist_accuracy(**settings)
    assert (found["n_first"], found["n_last"]) == mlp.split(12, 0.5) == (3910, 60)
    assert found["connectivity"] == 3970 / (794 * 12) and 1 <= found["best_epoch"] <= 15
    assert 0.5 < found["chosen"] <= found["best"] + 1e-12 and found["final"] <= found["best"] <= 1
    assert found == mnist.mnist_accuracy(**settings) != mnist.mnist_accuracy(**settings | {"seed": 2})


def test_standardize_gives_every_pixel_mean_zero_and_variance_one_and_takes_the_scale_of_a_reference():
    images = np.random.default_rng(3).normal(3, 2, (50, 7)).astype(np.float32)
    images[:, 2] = 0.1  # no scale
    images[:, 4] = 0
    images[11, 4] = 5  # a heavy tail stays one
    ours = datasets.standardize(images)
    assert ours.dtype == np.float32 and (ours[:, 2] == 0).all() and ours[11, 4] == pytest.approx(7)  # sqrt(50 - 1)
    rest = np.delete(ours, 2, axis=1).astype(np.float64)
    assert rest.mean(0) == pytest.approx(0, abs=1e-6) and rest.std(0) == pytest.approx(1, abs=1e-6)
    other = np.full((1, 7), 9, np.float32)
    rest = np.delete(images, 2, axis=1).astype(np.float64)
    shifted = (9 - rest.mean(0)) / rest.std(0)
    assert np.delete(datasets.standardize(other, images)[0], 2) == pytest.approx(shifted, rel=1e-5)
    assert datasets.standardize(other, images)[0, 2] == 0
    for wrong in (images[:1], images[0], other):
        with pytest.raises(ValueError, match="expected images .n_images, n_pixels. and at least two"):
            datasets.standardize(wrong) if wrong is not other else datasets.standardize(images[:, :5], images)
