"""One ResNet-18 of table 3.1 and of figure 3.1's curve for ImageNet: widened in one of five ways, trained, and tested.

Version 1, 2026-11-28: the first with a number; all records of before were made by it.
"""

from __future__ import annotations

from pathlib import Path

import torch

from lib import image_sets, rng
from lib.experiments import experiment
from lib.experiments.resnet import network, summary
from lib.models.resnet.imagenet import check_workers, train
from lib.models.resnet.trainers import TorchTrainer
from lib.models.resnet.training_settings import Settings

# Appendix A.3; the thesis does not give the size of a minibatch: 256 is what torch's own example for ImageNet takes.
SETTINGS = Settings(150, 256, 0.1, momentum=0.9, weight_decay=1e-4, schedule="cosine")


@experiment(version=1, data=lambda settings: (str(settings["folder"]),))
def imagenet_accuracy(*, folder: str | Path, way: str, base_width: int = 64, factor: float,
                      epochs: int = SETTINGS.epochs, learning_rate: float = SETTINGS.learning_rate,
                      batch_size: int = SETTINGS.batch_size, seed: int, device: str, n_workers: int = 8) -> dict:
    """Train one net on a folder of images and report its accuracies.

    Parameters
    ----------
    folder : str or pathlib.Path
        As in `image_sets.imagenet`; its classes are the net's.
    way : str
        As in `lib.experiments.resnet.network`.
    base_width : int, default 64
        As in `lib.experiments.resnet.network`.
    factor : float
        As in `lib.experiments.resnet.network`.
    epochs, batch_size : int
        As in `training_settings.Settings`, with the rest from SETTINGS, as are the defaults.
    learning_rate : float
        As in `training_settings.Settings`, SETTINGS's by default.
    seed : int
        Of the random numbers.
    device : str
        A torch device, "cuda" or "cpu".
    n_workers : int, >= 0, default 8
        Processes that read images; 0 reads them in this one. Each holds up to two minibatches in
        shared memory (150 MB each, of 256 images).

    Returns
    -------
    dict
        "width", "n_weights", "connectivity", "multiply_adds" (of one image of 224 x 224 pixels),
        the accuracies on val "final" and "best" (over the epochs, on these images themselves, what
        the thesis reports) with its "best_epoch", and, of the last epoch, while training,
        "train_accuracy" and "train_loss".

    Raises
    ------
    ValueError
        For settings out of range or too few images.
    FileNotFoundError
        For a missing folder.
    FloatingPointError
        For a loss that diverges.

    """
    settings = Settings(epochs, batch_size, learning_rate, SETTINGS.momentum, SETTINGS.weight_decay, SETTINGS.schedule)
    try:
        place = torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(f"expected device as a device of torch, got {device!r}; try device='cuda', or 'cpu' (the "
                         "native kernels lack the max-pooling of this stem)") from None
    check_workers(n_workers)
    images, test = (image_sets.imagenet(part, folder) for part in ("train", "val"))
    net = network(way, base_width, factor, len(images.classes), seed, stem="imagenet").to(place)
    history = train(TorchTrainer(net, settings), images, test, settings, seed=rng.child_seed(seed, "training"),
                    n_workers=n_workers)
    return summary(net, history, 224)
