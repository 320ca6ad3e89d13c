"""Anchors of `imagenet_accuracy`: one or two steps on a folder of pictures, which the real reader crops and enlarges.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image

from lib.experiments import imagenet as module
from lib.models.resnet import imagenet
from lib.models.resnet.trainers import TorchTrainer
from lib.models.resnet.training_settings import Settings
from tests.anchors import _images
from tests.anchors._watch import watched

experiment = module.imagenet_accuracy
TOLERANCE = 1e-5
BASE = {"folder": "", "way": "sparse", "base_width": 4, "factor": 2, "epochs": 2, "learning_rate": 0.01,
        "batch_size": 5, "seed": 2, "device": "cpu", "n_workers": 0}
CASES = {"sparse": BASE, "sparse channels": BASE | {"way": "sparse channels", "seed": 3, "epochs": 1},
         "dense": BASE | {"way": "dense", "factor": 1.5, "seed": 3, "epochs": 2},
         "linear bottleneck": BASE | {"way": "linear bottleneck", "epochs": 1},
         "nonlinear bottleneck": BASE | {"way": "nonlinear bottleneck", "epochs": 2, "batch_size": 3}}
DEFAULTS = {"settings": {name: getattr(module.SETTINGS, name) for name in _images.SETTINGS},
            "keywords": experiment.__kwdefaults__}
PERTURBED = {"folder": ("sparse", "other"), "way": ("sparse", "dense"), "base_width": ("sparse", 5),
             "factor": ("sparse", 2.5), "epochs": ("sparse", 3), "learning_rate": ("sparse", 0.0102),
             "batch_size": ("sparse", 4), "seed": ("sparse", 1)}
COUNTS = {"device": "who computes must not change the numbers", "n_workers": "processes that read the same images"}
COVERED = (module, imagenet)


def _write(folder: Path, first: int) -> None:
    """Two classes of three and three pictures to train on, of three and two to test.

    Noise, pixel by pixel: where neighbours are nearly equal, rounding decides whose gradient a maximum passes on.
   """
    for part, counts in (("train", (3, 3)), ("val", (3, 2))):
        for label, count in enumerate(counts):
            place = folder / part / f"n{label}"
            place.mkdir(parents=True)
            for number in range(count):
                dice = np.random.default_rng([first, len(part), label, number])
                pixels = dice.integers(0, 200, (256, 270, 3)).astype(np.uint8)
                pixels[..., label] += 50
                Image.fromarray(pixels).save(place / f"{number}.png")


def in_float64(twin: torch.nn.Module, settings: Settings) -> TorchTrainer:
    return TorchTrainer(twin.double(), settings)


def observe(case: str, settings: dict, net: Callable = in_float64) -> dict:
    """The numbers of a case: in float64, since among so many pixels a processor's rounding in float32 now and then
    decides which of two a maximum takes, and that moves the logits by 1e-4."""
    with tempfile.TemporaryDirectory() as folder, watched(module, "train") as calls, \
            mock.patch.object(module, "TorchTrainer", net):
        _write(Path(folder), len(settings["folder"]))
        results = experiment(**settings | {"folder": folder})
        test = calls[0].arguments[2]
        images = np.stack([test[row][0].numpy() for row in range(len(test))])
    return {**_images.network(calls[0], images), **results}
