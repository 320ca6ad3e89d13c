"""Anchors of `digits_accuracy`: as many generated images as make every class another size, two minibatches an epoch."""

from unittest import mock

import numpy as np

from lib.experiments import digits as module
from lib.experiments import mnist
from lib.models import digits, mlp
from tests.anchors._watch import perceptron, watched

experiment = module.digits_accuracy
TOLERANCE = 1e-5
BASE = {"width": 10, "last_connectivity": 0.5, "activation": "relu", "n_weights": 300, "epochs": 3, "batch_size": 80,
        "learning_rate": 0.3, "seed": 1, "shuffled_labels": False, "dense": False}
CASES = {"relu": BASE, "linear": BASE | {"activation": "linear", "seed": 2},
         "shuffled labels": BASE | {"shuffled_labels": True}, "dense": BASE | {"dense": True, "width": 6},
         "dense, shuffled": BASE | {"dense": True, "shuffled_labels": True, "seed": 4}}
DEFAULTS = {"keywords": {name: experiment.__kwdefaults__[name] for name in ("shuffled_labels", "dense")}}
PERTURBED = {"width": ("relu", 11), "last_connectivity": ("relu", 0.6), "activation": ("relu", "linear"),
             "n_weights": ("relu", 301), "epochs": ("relu", 4), "batch_size": ("relu", 79),
             "learning_rate": ("relu", 0.3001), "seed": ("relu", 3), "shuffled_labels": ("relu", True),
             "dense": ("relu", True)}
COUNTS = {}
COVERED = (module, mnist, digits)


def _pixels() -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(12)
    labels = dice.permutation(np.repeat(np.arange(10), np.arange(14, 34, 2)))
    pixels = dice.integers(0, 9, (len(labels), 64)) / 16
    pixels[np.arange(len(labels)), 6 * labels + 3] += 0.5
    return pixels, labels


def observe(case: str, settings: dict) -> dict:
    with mock.patch.object(digits, "pixels", _pixels), watched(mlp, "train") as calls:
        results = experiment(**settings)
    return {**perceptron(calls[0]), **results}
