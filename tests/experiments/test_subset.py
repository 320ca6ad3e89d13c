"""One net of figure 3.8a: its counts, its normalizations, and that the images it judges teach it nothing."""

import numpy as np
import pytest

from lib import datasets
from lib.experiments import subset
from lib.experiments.subset import first_layer_weights

SETTINGS = {"width": 24, "dense": False, "n_weights": 6352, "learning_rate": 30.0, "distribution": "uniform",
            "normalization": "global", "n_train": 400, "epochs": 30, "batch_size": 100, "seed": 1}


@pytest.fixture
def images(monkeypatch):
    """Labels that one bright pixel tells, in 500 training and 2300 test images."""
    dice = np.random.default_rng(2)
    labels = dice.integers(0, 10, 2800)
    pixels = dice.normal(size=(2800, 784)).astype(np.float32) / 4
    pixels[np.arange(2800), labels * 7] += 3
    parts = datasets.Images(pixels[:500], labels[:500]), datasets.Images(pixels[500:], labels[500:])
    monkeypatch.setattr(subset, "_images", lambda: parts)
    return parts


def test_weights_left_in_the_first_layer_are_those_of_the_published_code():
    found = {width: first_layer_weights(width, 6352) for width in (8, 32, 128, 216, 328, 512, 635)}
    assert found == {8: 6272, 32: 6032, 128: 5072, 216: 4192, 328: 3072, 512: 1232, 635: 2}
    assert set(found) == set(subset.RATES["sparse"]) == set(subset.RATES["dense"])
    for width in (7, 636, 0):
        with pytest.raises(ValueError, match=f"expected a width from 8 to 635, .* 6352 weights .*got width={width}"):
            first_layer_weights(width, 6352)
    for width, n_weights, words in ((8.5, 6352, "width as an integer, got 8.5"), (8, 5, "more than 10 weights"),
                                    (True, 6352, "width as an integer, got True")):
        with pytest.raises(ValueError, match=words):
            first_layer_weights(width, n_weights)


@pytest.mark.parametrize("normalization", subset.NORMALIZATIONS)
def test_a_sparse_net_learns_and_reports(images, normalization):
    found = subset.subset_accuracy(**SETTINGS | {"normalization": normalization})
    assert found["n_first"] == 6352 - 240 and found["connectivity"] == 6112 / (784 * 24)
    assert 0.5 < found["final"] <= found["best"] <= 1 and found["train_accuracy"] > 0.9
    assert found == subset.subset_accuracy(**SETTINGS | {"normalization": normalization})
    assert found != subset.subset_accuracy(**SETTINGS | {"normalization": normalization, "seed": 2})


def test_a_dense_net_keeps_all_weights(images):
    found = subset.subset_accuracy(**SETTINGS | {"dense": True, "n_weights": 1})
    assert found["n_first"] == 784 * 24 and found["connectivity"] == 1 and found["final"] > 0.5


def test_minibatches_are_standardized_by_themselves_and_test_images_in_blocks(images, monkeypatch):
    seen = []
    real = datasets.standardize
    monkeypatch.setattr(datasets, "standardize", lambda *parts: seen.append(parts) or real(*parts))
    subset.subset_accuracy(**SETTINGS | {"normalization": "minibatch", "epochs": 2, "batch_size": 150})
    assert [len(parts[0]) for parts in seen] == [1000, 1000, 300, 150, 150, 100, 150, 150, 100]
    assert all(len(parts) == 1 for parts in seen)
    learnt = {row.tobytes() for parts in seen[3:] for row in parts[0]}
    assert learnt <= {row.tobytes() for row in images[0].images} and len(learnt) == 400
    seen.clear()
    subset.subset_accuracy(**SETTINGS | {"normalization": "pixel", "epochs": 1})
    (train,), (test, reference) = seen
    assert train is reference and len(train) == 400 and len(test) == 2300


def test_settings_that_do_not_fit_and_divergence_are_refused(images):
    for changes, words in (({"normalization": "no"}, "among minibatch, pixel, global"), ({"dense": 1}, "got .* 1"),
                           ({"n_train": 501}, "n_train from 2 to 500, got 501"),
                           ({"width": 636}, "width from 8 to 635"),
                           ({"learning_rate": 1e9}, "finite weights.*diverged")):
        with pytest.raises(ValueError, match=words):
            subset.subset_accuracy(**SETTINGS | changes)
