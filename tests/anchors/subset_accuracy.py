"""Anchors of `subset_accuracy`: small files in MNIST's format, eleven epochs, so that two of them are judged."""

from unittest import mock

from lib.experiments import subset
from lib.models import mlp
from lib.models.mlp import parametrization
from tests.anchors._watch import perceptron, small_mnist, watched

experiment = subset.subset_accuracy
TOLERANCE = 1e-5
BASE = {"width": 12, "dense": False, "n_weights": 1000, "learning_rate": 4.0, "distribution": "uniform",
        "normalization": "minibatch", "n_train": 40, "epochs": 11, "batch_size": 25, "seed": 1}
CASES = {"minibatch": BASE, "pixel": BASE | {"normalization": "pixel", "seed": 2},
         "global": BASE | {"normalization": "global"}, "dense": BASE | {"dense": True, "width": 10},
         "normal": BASE | {"distribution": "normal", "normalization": "pixel"},
         "dense, normal": BASE | {"dense": True, "distribution": "normal", "normalization": "global", "width": 6}}
DEFAULTS = {"TEST_BLOCK": subset.TEST_BLOCK, "N_INPUTS": subset.N_INPUTS, "N_CLASSES": subset.N_CLASSES}
PERTURBED = {"width": ("minibatch", 13), "dense": ("minibatch", True), "n_weights": ("minibatch", 1001),
             "learning_rate": ("minibatch", 4.001), "distribution": ("minibatch", "normal"),
             "normalization": ("minibatch", "pixel"), "n_train": ("minibatch", 41), "epochs": ("minibatch", 12),
             "batch_size": ("minibatch", 26), "seed": ("minibatch", 3)}
COUNTS = {}
COVERED = (subset, parametrization)


def observe(case: str, settings: dict) -> dict:
    subset._images.cache_clear()
    # Blocks of 1000 test images need more images than a few steps are worth.
    with small_mnist(60, 50), mock.patch.object(subset, "TEST_BLOCK", 20), watched(mlp, "train") as calls:
        results = experiment(**settings)
    subset._images.cache_clear()
    return {**perceptron(calls[0]), **results}
