"""Anchors of `mnist_accuracy`: small files in MNIST's format, two epochs of three minibatches."""

from lib.experiments import mnist
from lib.models import mlp
from lib.models.mlp import architecture, network, training
from lib.pruning import distribution
from tests.anchors._watch import perceptron, small_mnist, watched

experiment = mnist.mnist_accuracy
TOLERANCE = 1e-5
BASE = {"width": 12, "last_connectivity": 0.5, "activation": "relu", "n_weights": 900, "epochs": 3, "batch_size": 48,
        "learning_rate": 0.3, "seed": 1}
CASES = {"relu": BASE, "linear": BASE | {"activation": "linear", "width": 20, "seed": 2},
         "dense": BASE | {"last_connectivity": 1.0, "width": 5, "n_weights": 3970},
         "sparser": BASE | {"width": 40, "last_connectivity": 0.1, "n_weights": 300}}
DEFAULTS = {}
PERTURBED = {"width": ("relu", 13), "last_connectivity": ("relu", 0.6), "activation": ("relu", "linear"),
             "n_weights": ("relu", 901), "epochs": ("relu", 4), "batch_size": ("relu", 47),
             "learning_rate": ("relu", 0.3001), "seed": ("relu", 3)}
COUNTS = {}
COVERED = (mnist, architecture, network, training, distribution)


def observe(case: str, settings: dict) -> dict:
    mnist._images.cache_clear()
    with small_mnist(120, 61), watched(mlp, "train") as calls:
        results = experiment(**settings)
    mnist._images.cache_clear()
    return {**perceptron(calls[0]), **results}
