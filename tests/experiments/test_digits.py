"""The bundled digits: a split that is fixed, complete and fair to all classes, and nets that report what they did."""

import inspect

import numpy as np
import pytest

from lib.experiments.digits import digits_accuracy
from lib.experiments.mnist import mnist_accuracy
from lib.models import digits, mlp
from lib.study.sweep import Sweep, grid

SETTINGS = {"width": 12, "last_connectivity": 0.5, "activation": "relu", "n_weights": 500, "epochs": 20,
            "batch_size": 50, "learning_rate": 0.1, "seed": 1}


@pytest.mark.parametrize("seed", [0, 7])
def test_the_split_is_stratified_complete_and_normalized(seed):
    parts = digits.digits(seed)
    train, first_half, second_half = parts
    pixels, labels = digits.pixels()
    assert pixels.shape == (1797, 64) and pixels.min() == 0 and pixels.max() == 1 and set(labels) == set(range(10))
    counts = np.array([np.bincount(part.labels, minlength=10) for part in parts])
    assert (counts.sum(0) == np.bincount(labels)).all() and (counts[1] == counts[2]).all()
    assert (np.abs(counts[1] - np.bincount(labels) / 6) < 1).all()
    for part in parts:
        assert part.images.shape == (len(part.labels), 64)
        assert part.images.dtype == np.float32 and part.labels.dtype == np.int64
    assert train.images.mean(dtype=float) == pytest.approx(0, abs=1e-6)
    assert train.images.std(dtype=float) == pytest.approx(1, abs=1e-6)
    # Every image is in exactly one part, with its own label: undo the scaling, whose zero is a black pixel.
    black = train.images.min()
    everything = np.concatenate([part.images - black for part in parts]).astype(float)
    rows = np.c_[np.round(everything / everything.max() * 16), np.concatenate([part.labels for part in parts])]
    original = np.c_[np.round(pixels * 16), labels]
    assert (rows[np.lexsort(rows.T)] == original[np.lexsort(original.T)]).all()


def test_one_seed_gives_one_split():
    one, same, other = (digits.digits(seed) for seed in (3, 3, 4))
    for a, b in zip(one, same):
        assert (a.images == b.images).all() and (a.labels == b.labels).all()
    assert one[1].images.shape == other[1].images.shape and (one[1].images != other[1].images).any()


def test_a_net_reports_as_on_mnist():
    found = digits_accuracy(**SETTINGS)
    assert (found["n_first"], found["n_last"]) == mlp.split(12, 0.5, 500, n_inputs=64) == (440, 60)
    assert found["connectivity"] == 500 / (74 * 12) and 1 <= found["best_epoch"] <= 20
    assert 0.6 < found["chosen"] <= found["best"] + 1e-12 and found["final"] <= found["best"] <= 1
    assert 0.8 < found["train_accuracy"] < 1 and 0 < found["train_loss"] < 1
    assert found == digits_accuracy(**SETTINGS) != digits_accuracy(**SETTINGS | {"seed": 2})
    asked = inspect.signature(mnist_accuracy).parameters
    assert list(asked) == [name for name in inspect.signature(digits_accuracy).parameters if name in asked]


def test_the_accuracies_are_those_of_the_trained_net(monkeypatch):
    """The final one and the training values, from the net itself; the chosen one, from the curves."""
    kept, train = [], mlp.train

    def watched(*arguments, **others):
        kept.append((train(*arguments, **others), others))
        return kept[-1][0]

    monkeypatch.setattr(mlp, "train", watched)
    found = digits_accuracy(**SETTINGS)
    ((result, others),) = kept
    parts = digits.digits(1)
    test = [np.concatenate([part[k] for part in parts[1:]]) for k in (0, 1)]
    assert found["final"] == pytest.approx(result.model.evaluate(*test)[1], abs=1e-12)
    assert (found["train_loss"], found["train_accuracy"]) == result.model.evaluate(*parts[0])
    first, second = (np.array([getattr(epoch, name) for epoch in result.history])
                     for name in ("test_accuracy", "held_out_accuracy"))
    assert found["chosen"] == pytest.approx((second[first.argmax()] + first[second.argmax()]) / 2, abs=1e-12)
    assert found["best"] == pytest.approx(((first + second) / 2).max(), abs=1e-12)
    for name, part in zip(("test", "held_out"), parts[1:]):
        assert (others[name].images == part.images).all() and (others[name].labels == part.labels).all()


def test_a_dense_net_keeps_all_weights():
    dense = digits_accuracy(**SETTINGS | {"epochs": 2}, dense=True)
    assert (dense["n_first"], dense["n_last"], dense["connectivity"]) == (768, 120, 1.0)
    same = digits_accuracy(**SETTINGS | {"epochs": 2, "n_weights": 74 * 12, "last_connectivity": 1.0})
    assert dense == same


def test_shuffled_labels_can_be_learnt_by_heart_and_teach_nothing():
    """Eight weights for each image: right on nearly every training image, and on a tenth of the test images."""
    settings = SETTINGS | {"width": 128, "epochs": 150, "batch_size": 20, "learning_rate": 0.2}
    noise = digits_accuracy(**settings, dense=True, shuffled_labels=True)
    assert noise["train_accuracy"] > 0.97 and noise["final"] < 0.2
    few = digits_accuracy(**SETTINGS, shuffled_labels=True)  # 500 weights are too few
    assert few["train_accuracy"] < 0.4 and few["final"] < 0.25


def test_it_is_a_point_of_a_sweep(tmp_path):
    settings = SETTINGS | {"epochs": 1, "width": [8, 16], "dense": [False, True]}
    table = Sweep(digits_accuracy, grid(**settings), record=tmp_path / "digits.jsonl").run(jobs=1)
    assert list(table.n_first + table.n_last) == [500, 592, 500, 1184]
    assert table.chosen.between(0, 1).all()


@pytest.mark.parametrize("changes, words", [
    ({"width": 0}, "expected width to be an integer >= 1, got 0"),
    ({"width": 6}, "expected from 2 to 444 weights at width 6, got 500"),
    ({"last_connectivity": 1.5}, "expected last_connectivity above 0 and up to 1, got 1.5"),
    ({"activation": "tanh"}, "\"relu\" or \"linear\".*got 'tanh'"),
    ({"epochs": 0}, "expected epochs"),
    ({"learning_rate": -1.0}, "expected learning_rate"),
    ({"seed": -1}, "expected seed"),
    ({"dense": 1}, "expected dense and shuffled_labels as True or False, got 1 and False"),
    ({"shuffled_labels": "no"}, "expected dense and shuffled_labels as True or False, got False and 'no'"),
])
def test_bad_settings_are_refused_in_words(changes, words):
    with pytest.raises(ValueError, match=words):
        digits_accuracy(**SETTINGS | changes)
