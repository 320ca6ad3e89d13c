"""What a training on images refuses, and when it stops by itself."""

import numpy as np
import pytest

from lib.models.resnet.trainers import NativeTrainer
from lib.models.resnet.training import train
from lib.models.resnet.training_settings import Settings
from tests.models.resnet.test_training import SHORT, SIZE, Recorder, make_data, make_nets, make_twin


@pytest.mark.parametrize("changes, words", [
    ({"epochs": 0}, "expected epochs to be an integer >= 1, got 0; try epochs=1"), ({"epochs": 1.0}, "expected epochs"),
    ({"epochs": True}, "expected epochs"), ({"batch_size": 1}, "expected batch_size to be an integer >= 2, got 1"),
    ({"pad": -1}, "expected pad to be an integer >= 0, got -1"), ({"pad": "4"}, "expected pad"),
    ({"learning_rate": -0.1}, "expected learning_rate as a number from 0 to below inf, got -0.1; try learn"),
    ({"learning_rate": np.nan}, "expected learning_rate"), ({"learning_rate": np.inf}, "expected learning_rate"),
    ({"learning_rate": "0.1"}, "expected learning_rate"), ({"learning_rate": None}, "expected learning_rate"),
    ({"momentum": 1}, "expected momentum as a number from 0 to below 1, got 1; try momentum=0.1"),
    ({"weight_decay": -5e-4}, "expected weight_decay"), ({"weight_decay": False}, "expected weight_decay"),
    ({"schedule": "linear"}, r"expected schedule as one of .*'triangle'\), got 'linear'; try schedule='steps'"),
])
def test_settings_refuse_in_words(changes, words):
    with pytest.raises(ValueError, match=words):
        Settings(**changes)
    with pytest.raises(TypeError):
        Settings(optimizer="adam")


# --- what is refused
IMAGES, LABELS = make_data(20)


@pytest.mark.parametrize("images, labels, words", [
    (IMAGES, LABELS + 1, r"expected integer labels from 0 to 3, got int64 from . to 4; try Architecture\(..., n_cl"
                         r"asses=5\)"),
    (IMAGES, LABELS - 1, "got int64 from -1 to"), (IMAGES, LABELS * 1.0, "integer labels.*float64"),
    (IMAGES, LABELS[:19], r"each with a label, got float32 \(20, 3, 9, 9\) and labels \(19,\); try image_sets"),
    (IMAGES, LABELS[:, None], r"labels \(20, 1\)"), (IMAGES[0], LABELS[:3], r"float32 \(3, 9, 9\)"),
    (IMAGES.astype(float), LABELS, "as float32 .*got float64"), (IMAGES.astype(np.uint8), LABELS, "got uint8"),
    (IMAGES[:0], LABELS[:0], r"got float32 \(0, 3, 9, 9\)"),
])
def test_data_that_do_not_fit_are_refused(images, labels, words):
    net, settings = Recorder(), Settings(1, 16)
    with pytest.raises(ValueError, match=words):
        train(net, images, labels, settings, seed=1)
    with pytest.raises(ValueError, match=words):
        train(net, IMAGES, LABELS, settings, seed=1, test=(images, labels))
    assert not net.seen  # before any step


def test_fewer_images_than_a_minibatch_are_refused():
    with pytest.raises(ValueError, match="expected at least 21 images, a minibatch, got 20; try a smaller batch_size"):
        train(Recorder(), IMAGES, LABELS, Settings(1, 21), seed=1)


def test_images_of_another_size_than_the_net_are_refused():
    net = NativeTrainer(make_twin(), SHORT, SIZE + 1)
    with pytest.raises(ValueError, match=r"expected float32 images of shape \(16, 3, 10, 10\), got float32 \(16, 3, 9"):
        train(net, IMAGES, LABELS, SHORT, seed=1)


def test_too_large_a_shift_is_refused():
    with pytest.raises(ValueError, match="expected pad as an integer from 0 to 8, got 9"):
        train(Recorder(), IMAGES, LABELS, Settings(1, 16, pad=9), seed=1)


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_stops_the_training(loss):
    net, told = Recorder(loss=loss), []
    with pytest.raises(FloatingPointError, match=f"expected a finite loss, got {loss} in epoch 1; try a smaller "
                                                 "learning_rate than 0.1"):
        train(net, IMAGES, LABELS, Settings(3, 10), seed=1, callback=told.append)
    assert len(net.seen) == 2 and not told


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:overflow", "ignore:divide by zero")
@pytest.mark.parametrize("kind", [0, 1], ids=["native", "torch"])
def test_a_training_that_diverges_says_so(kind):
    settings = Settings(30, 16, 1e6, pad=0)
    with pytest.raises(FloatingPointError, match="expected a finite loss, got nan .*smaller learning_rate than 100"):
        train(make_nets(settings)[kind], IMAGES, LABELS, settings, seed=1)
