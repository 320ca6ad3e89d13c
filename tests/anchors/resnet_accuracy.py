"""Anchors of `resnet_accuracy`: three steps on generated images, native and in torch on the CPU, and one set of files.
"""

import contextlib
from unittest import mock

from lib import image_sets
from lib.experiments import resnet as module
from lib.models.resnet import training
from lib.pruning import distribution, masks
from tests.anchors import _images
from tests.anchors._watch import watched

experiment = module.resnet_accuracy
TOLERANCE = 1e-5
BASE = {"data": "cifar10", "way": "sparse", "base_width": 4, "factor": 2, "image_size": 16, "epochs": 3,
        "learning_rate": 0.1, "schedule": "triangle", "batch_size": 8, "seed": 1, "device": "native"}
# Rounding grows with the rate: a test says that it has not come near the tolerance after these steps.
SLOW = BASE | {"learning_rate": 0.03}
TORCH = BASE | {"base_width": 8, "factor": 1.5, "device": "cpu", "seed": 3, "learning_rate": 0.01}
CASES = {"sparse": BASE, "sparse channels": SLOW | {"way": "sparse channels", "schedule": "steps"},
         "dense": SLOW | {"way": "dense", "schedule": "cosine"},
         "linear bottleneck": BASE | {"way": "linear bottleneck", "schedule": "cosine"},
         "nonlinear bottleneck": BASE | {"way": "nonlinear bottleneck", "schedule": "steps", "learning_rate": 0.05},
         "not widened, large images": BASE | {"factor": 1, "image_size": 32, "data": "cifar100", "seed": 2},
         "two minibatches": SLOW | {"batch_size": 5, "epochs": 2, "factor": 1.5, "schedule": "cosine"},
         "files": SLOW | {"data": "cifar10-jpeg"},
         "torch": TORCH, "torch, whole kernels": TORCH | {"way": "sparse channels", "schedule": "cosine", "seed": 2},
         "torch, large images": TORCH | {"image_size": 32, "data": "cifar100", "way": "dense", "factor": 1}}
DEFAULTS = {"settings": _images.SETTINGS, "ways": module.WAYS}
PERTURBED = {"data": ("sparse", "svhn"), "way": ("sparse", "sparse channels"), "base_width": ("sparse", 5),
             "factor": ("sparse", 2.5), "image_size": ("sparse", 32), "epochs": ("sparse", 4),
             "learning_rate": ("sparse", 0.101), "schedule": ("sparse", "cosine"), "batch_size": ("sparse", 7),
             "seed": ("sparse", 2)}
COUNTS = {"device": "who computes must not change the numbers: a test compares them"}
COVERED = (module, masks, distribution)


def observe(case: str, settings: dict) -> dict:
    module._read.cache_clear()
    files = settings["data"] == "cifar10-jpeg"
    with contextlib.ExitStack() as stack:
        stack.enter_context(_images.small_cifar10() if files
                            else mock.patch.object(image_sets, "load", _images.generated))
        calls = stack.enter_context(watched(training, "train"))
        results = experiment(**settings)
    module._read.cache_clear()
    return {**_images.network(calls[0], calls[0].named["test"][0]), **results}
