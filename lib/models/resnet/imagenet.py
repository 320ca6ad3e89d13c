"""Training a ResNet-18 on ImageNet: `training.train` for images that are read and cropped meanwhile.

As many processes read as there are to spare. The order of the images and each of their crops follow from the seed, the
epoch and the image alone, so that nets of every width see the same minibatches, and the number of processes changes
nothing. What a device makes of them may differ in the last digits, as torch says. `lib.experiments.imagenet` is a
point of a sweep; to keep a net, or to watch it:

    images, test = (image_sets.imagenet(part, folder) for part in ("train", "val"))
    net = network("sparse", 64, 2, len(images.classes), seed=1, stem="imagenet").to("cuda")
    train(TorchTrainer(net, SETTINGS), images, test, SETTINGS, seed=1, n_workers=8, callback=print)
    checkpoints.save("net.npz", net)

(`network` is that of `lib.experiments.resnet`, SETTINGS those of the thesis, in `lib.experiments.imagenet`.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch.utils import data

from lib import image_sets, rng
from lib.checks import require_count
from lib.models.resnet.trainers import TorchTrainer
from lib.models.resnet.training import Epoch
from lib.models.resnet.training_settings import Settings


def train(trainer: TorchTrainer, images: data.Dataset, test: data.Dataset, settings: Settings, *, seed: int,
          n_workers: int, callback: Callable[[Epoch], None] | None = None) -> list[Epoch]:
    """Train in place, test after every epoch, and return what each epoch gave.

    This is `training.train` for ImageNet.

    Parameters
    ----------
    trainer : lib.models.resnet.trainers.TorchTrainer
        Of the network.
    images, test : torch Dataset
        Parts of `image_sets.imagenet`.
    settings : lib.models.resnet.training_settings.Settings
        How to train; for minibatches see `minibatches`.
    seed : int
        Of the order of the images and of their crops.
    n_workers : int, >= 0
        Processes that read images; 0 reads them in this one.
    callback : callable, optional
        Called with the `Epoch` after each one.

    Returns
    -------
    list of lib.models.resnet.training.Epoch

    Raises
    ------
    ValueError
        For another number of classes than the net's and as `minibatches` does.
    FloatingPointError
        Where the loss is no longer finite.

    """
    n_classes = trainer.network.architecture.n_classes
    if (found := {len(images.classes), len(test.classes)}) != {n_classes}:
        raise ValueError(f"expected images of {n_classes} classes, as the net tells apart, got {sorted(found)}; try "
                         "network(..., n_classes=len(images.classes))")
    batches = minibatches(images, settings, seed=seed, n_workers=n_workers)
    rows = [(0, row) for row in range(len(test))]
    size, n_batches, history = settings.batch_size, len(images) // settings.batch_size, []
    tests = _loader(test, [rows[start:start + size] for start in range(0, len(rows), size)], seed, n_workers)
    for epoch in range(settings.epochs):
        loss, n_right = 0.0, 0
        for step in range(epoch * n_batches, (epoch + 1) * n_batches):
            pixels, labels = next(batches)
            rate = settings.rate(step, settings.epochs * n_batches)
            batch_loss, batch_right = trainer.train_step(pixels.numpy(), labels.numpy(), rate)
            loss, n_right = loss + batch_loss, n_right + batch_right
        if not np.isfinite(loss):
            raise FloatingPointError(f"expected a finite loss, got {loss} in epoch {epoch + 1}; try a smaller "
                                     f"learning_rate than {settings.learning_rate}")
        right = np.concatenate([trainer.logits(pixels.numpy()).argmax(1) == labels.numpy() for pixels, labels in tests])
        n_seen = n_batches * size
        history.append(Epoch(epoch + 1, loss / n_seen, n_right / n_seen, right))
        if callback is not None:
            callback(history[-1])
    return history


def minibatches(images: data.Dataset, settings: Settings, *, seed: int,
                n_workers: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The minibatches of all epochs, one after the other.

    Each epoch goes through the images in a new random order and leaves out what is left over by
    whole minibatches. They depend on the images, the settings and the seed alone; torch's global
    generator stays as it was.

    Parameters
    ----------
    images : torch Dataset
        A part of `image_sets.imagenet`.
    settings : lib.models.resnet.training_settings.Settings
        Of which epochs and batch_size count here.
    seed : int
        Of the order of the images and of their crops.
    n_workers : int, >= 0
        Processes that read images; 0 reads them in this one.

    Returns
    -------
    iterator of (Tensor, Tensor)
        Images, float32 (batch_size, 3, 224, 224), and labels (batch_size,).

    Raises
    ------
    ValueError
        For fewer images than a minibatch and for n_workers below 0.

    """
    check_workers(n_workers)
    if len(images) < settings.batch_size:
        raise ValueError(f"expected at least {settings.batch_size} images, a minibatch, got {len(images)}; try a "
                         "smaller batch_size")
    # One pass of a loader for all epochs: it reads ahead while the net is tested.
    return iter(_loader(images, _places(len(images), settings, seed), seed, n_workers))


def _loader(images: data.Dataset, places: Iterable[list[tuple[int, int]]], seed: int,
            n_workers: int) -> data.DataLoader:
    """A loader that draws nothing from torch's global generator; its processes live as long as it does."""
    return data.DataLoader(_Crops(images, seed), batch_sampler=places, num_workers=n_workers,
                           persistent_workers=n_workers > 0, generator=torch.Generator())


def _places(n_images: int, settings: Settings, seed: int) -> Iterator[list[tuple[int, int]]]:
    """For each minibatch the epoch and the row of its images."""
    size = settings.batch_size
    for epoch in range(settings.epochs):
        order = rng.stream(seed, "order", epoch).permutation(n_images).tolist()
        for start in range(0, n_images - size + 1, size):
            yield [(epoch, row) for row in order[start:start + size]]


class _Crops(data.Dataset):
    """Images by (epoch, row); what is random in one depends on the seed and on these two, not on who reads it."""

    def __init__(self, images: data.Dataset, seed: int):
        self.images, self.seed = images, seed

    def __getitem__(self, place: tuple[int, int]) -> tuple[torch.Tensor, int]:
        # Crops and flips draw from torch's global generator on the CPU, which is put back; torch.manual_seed would
        # also seed the generators of a GPU.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(rng.child_seed(self.seed, "augmentation", *place))
            return self.images[place[1]]

    def __reduce__(self):
        # A process that does not begin as a copy of this one unpickles torchvision's objects: import it first.
        return _empty_crops, (), self.__dict__


def _empty_crops() -> _Crops:
    image_sets.load_torchvision()
    return _Crops.__new__(_Crops)


def check_workers(n_workers: int) -> None:
    """Refuse a number of reading processes that is no integer from 0.

    Parameters
    ----------
    n_workers : int
        What is asked for.

    Raises
    ------
    ValueError
        For such a number; try 0.

    """
    require_count("n_workers", n_workers, 0)
