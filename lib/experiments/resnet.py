"""One ResNet-18 of figures 3.1, 3.3, 3.6 and E.1: widened in one of five ways, trained, and tested.

Version 1, 2026-11-28: the first with a number; all records of before were made by it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import torch

from lib import image_sets, rng
from lib.experiments import experiment
from lib.models import resnet
from lib.models.resnet import trainers, training
from lib.models.resnet.resident import ResidentTrainer
from lib.models.resnet.training_settings import Settings
from lib.pruning.masks import layer_masks

WAYS = ("sparse", "sparse channels", "dense", "linear bottleneck", "nonlinear bottleneck")
_CLASSES = {"cifar100": 100}
_FILES = {"cifar10-jpeg": ("cifar10",), "cifar10": ("cifar-10-batches-py",), "cifar100": ("cifar-100-python",),
          "svhn": ("train_32x32.mat", "test_32x32.mat")}
_reading = threading.Lock()


def _data(settings: Mapping) -> tuple[str, ...]:
    return tuple(f"data/cache/{name}" for name in _FILES.get(settings["data"], ()))


def network(way: str, base_width: int, factor: float, n_classes: int, seed: int, stem: str = "cifar") -> resnet.ResNet:
    """A ResNet-18 of base_width, widened by a factor, before training.

    Parameters
    ----------
    way : str
        "sparse" (static sparsity over all dimensions of the weights, with as many as the base has),
        "sparse channels" (whole kernels, appendix E), "dense" (every weight of the wider net), or a
        bottleneck (`resnet.VARIANTS`).
    base_width : int
        Channels of the stem before widening.
    factor : float, >= 1
        By which the width grows.
    n_classes : int
        Of the images.
    seed : int
        Of the random numbers.
    stem : {"cifar", "imagenet"}
        As in `resnet.Architecture`.

    Returns
    -------
    lib.models.resnet.ResNet

    Raises
    ------
    ValueError
        For another way.

    """
    if way not in WAYS:
        raise ValueError(f"expected way as one of {', '.join(WAYS)}, got {way!r}; try way='sparse'")
    base = resnet.Architecture(base_width, n_classes, stem, way if "bottleneck" in way else "plain")
    wide = resnet.widened(base, factor)
    masks = None
    if way.startswith("sparse") and wide.width > base_width:
        masks = layer_masks([layer.shape for layer in resnet.layers(wide)],
                            resnet.n_weights(wide) - resnet.n_weights(base), seed=rng.child_seed(seed, "masks"),
                            dimensions="all" if way == "sparse" else "channels")
    return resnet.ResNet(wide, masks, seed=rng.child_seed(seed, "weights"))


@experiment(version=1, data=_data)
def resnet_accuracy(*, data: str, way: str, base_width: int, factor: float, image_size: int, epochs: int,
                    learning_rate: float, schedule: str, batch_size: int, seed: int, device: str) -> dict:
    """Train one net on the training images and report its accuracies.

    Parameters
    ----------
    data : str
        A set of `image_sets.load`.
    way : str
        As in `network`.
    base_width : int
        As in `network`.
    factor : float
        As in `network`.
    image_size : {32, 16}
        16 for means of 2 x 2 pixels; images are shifted by up to an eighth of it, and flipped.
    epochs, batch_size : int
        As in `training_settings.Settings`, with momentum 0.9 and weight decay 5e-4.
    learning_rate : float
        As in `training_settings.Settings`.
    schedule : {"steps", "cosine", "triangle"}
        As in `training_settings.Settings`.
    seed : int
        Of the random numbers.
    device : str
        "native" for the sparse kernels on the CPU, or a torch device for the masked dense network:
        "cuda", or "cpu".

    Returns
    -------
    dict
        "width", "n_weights", "connectivity", "multiply_adds" (of one image), test accuracies
        "final", "best" (over the epochs, on the test set itself, what the thesis reports) with its
        "best_epoch", "first_half" and "second_half" (final accuracy on either half of the test
        images, for choices that must not see the images that test them), "train_accuracy" of the
        last epoch and "best_train_accuracy", both while training, and "train_loss".

    Raises
    ------
    ValueError
        For another image_size, for a GPU that is not there, and as `network`.

    """
    if image_size not in (16, 32):
        raise ValueError(f"expected image_size as 16 or 32, got {image_size!r}; try image_size=16")
    net = network(way, base_width, factor, _CLASSES.get(data, 10), seed)
    settings = Settings(epochs, batch_size, learning_rate, schedule=schedule, pad=image_size // 8)
    if device == "native":
        trained = trainers.NativeTrainer(net, settings, image_size)
    else:
        if str(device).startswith("cuda") and not torch.cuda.is_available():
            raise ValueError(f"expected a GPU and a torch that was built for it, got {device!r} beside torch "
                             f"{torch.__version__}; try device='native'")
        trained = ResidentTrainer(net.to(device), settings)
    train, test = _images(data, "train", 32 // image_size), _images(data, "test", 32 // image_size)
    history = training.train(trained, *train, settings, seed=rng.child_seed(seed, "training"), test=test)
    halves = [float(half.mean()) for half in (history[-1].right[::2], history[-1].right[1::2])]
    return {**summary(net, history, image_size), "first_half": halves[0], "second_half": halves[1],
            "best_train_accuracy": max(epoch.train_accuracy for epoch in history)}


def summary(net: resnet.ResNet, history: Sequence[training.Epoch], image_size: int) -> dict:
    """What a training gave: the net's counts, its test accuracies, and values of the last epoch.

    Parameters
    ----------
    net : lib.models.resnet.ResNet
        After training.
    history : sequence of training.Epoch
        Of the training.
    image_size : int
        Height and width of the images in pixels.

    Returns
    -------
    dict
        "width", "n_weights", "connectivity"; "multiply_adds", those of one image of image_size x
        image_size pixels, for the weights that exist; "final" and "best" test accuracy, this one
        over the epochs, on the test set itself, with its "best_epoch", the first of equal ones;
        "train_accuracy" and "train_loss" of the last epoch.

    """
    accuracies, wide = [float(epoch.right.mean()) for epoch in history], net.architecture
    counts = [layer.weight.numel() if layer.mask is None else int(layer.mask.sum()) for layer in net.layers.values()]
    return {"width": wide.width, "n_weights": net.n_weights, "connectivity": net.n_weights / resnet.n_weights(wide),
            "multiply_adds": resnet.multiply_adds(wide, image_size, counts), "final": accuracies[-1],
            "best": max(accuracies), "best_epoch": accuracies.index(max(accuracies)) + 1,
            "train_accuracy": history[-1].train_accuracy, "train_loss": history[-1].train_loss}


def _images(data: str, part: str, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Normalized images and their labels, read once a process, by whichever of its threads asks first."""
    with _reading:
        return _read(data, part, factor)


@cache
def _read(data: str, part: str, factor: int) -> tuple[np.ndarray, np.ndarray]:
    found = image_sets.load(data, part)
    return image_sets.normalized(image_sets.averaged(found.pixels, factor)), found.labels
