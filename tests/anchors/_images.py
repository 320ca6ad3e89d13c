"""Colour images for the anchors of ResNets, and what their trainings gave."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from lib import image_sets
from lib.models.resnet.training_settings import Settings
from tests.anchors._watch import Call, margin, norm

N_CLASSES = {"cifar100": 100}
#: What an experiment leaves as it is, and too weak or too rare to show in three steps.
SETTINGS = {name: getattr(Settings(), name) for name in ("epochs", "batch_size", "learning_rate", "momentum",
                                                         "weight_decay", "schedule", "pad")}


def generated(name: str, part: str, folder: object = None) -> image_sets.ColourImages:
    """Ten images to train on and 23 to test, of the format of a set, with a colour that hints at the class."""
    n_classes, count = N_CLASSES.get(name, 10), {"train": 10, "test": 23}[part]
    dice = np.random.default_rng([len(name), count])
    labels = dice.integers(0, n_classes, count)
    pixels = dice.integers(0, 200, (count, 3, 32, 32)).astype(np.uint8)
    pixels[np.arange(count), labels % 3] += 50
    return image_sets.ColourImages(pixels, labels, tuple(map(str, range(n_classes))))


@contextlib.contextmanager
def small_cifar10() -> Iterator[None]:
    """Twenty files in the folders of the JPEG set, for the real reader."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("train", "test"):
            for label, name in enumerate(image_sets._CIFAR10):
                place = Path(folder) / "cifar10" / part / name
                place.mkdir(parents=True)
                # A grey for each block of 8 x 8 pixels, which is what JPEG keeps exactly.
                blocks = np.random.default_rng([label, len(part)]).integers(1, 30, (4, 4), dtype=np.uint8) * 8
                Image.fromarray(blocks.repeat(8, 0).repeat(8, 1)).convert("RGB").save(place / "1.jpg", quality=95)
        with mock.patch.object(image_sets, "CACHE", Path(folder)), \
                mock.patch.dict(image_sets._COUNTS, {"cifar10-jpeg": {"train": 10, "test": 10}}):
            yield


def network(call: Call, images: np.ndarray) -> dict:
    """What a call of a training loop gave: each epoch, the net that came out, and its logits of some images."""
    net, history = call.arguments[0], call.result
    logits, twin = net.logits(images), net.to_torch()
    weights = [value for value in twin.parameters() if value.ndim > 1]
    others = [value for value in twin.parameters() if value.ndim == 1]
    statistics = [value for value in twin.buffers() if value.is_floating_point()]
    return {"loss": [epoch.train_loss for epoch in history],
            "accuracies": [[epoch.train_accuracy, float(epoch.right.mean())] for epoch in history],
            "right": [[int(right) for right in epoch.right] for epoch in history],
            "norms": [norm(weights), norm(others), norm(statistics)], "logits": logits[:2].tolist(),
            "margin": margin(logits)}
