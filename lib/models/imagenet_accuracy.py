"""One ResNet-18 of table 3.1 and of figure 3.1's curve for ImageNet: widened in one of five ways, trained, and judged.

Images are read and cropped while the net trains, by as many processes as there are to spare. Their order and each of
their crops follow from the seed, the epoch and the image alone, so that nets of every width see the same minibatches,
and the number of processes changes nothing. What a device makes of them may differ in the last digits, as torch says.

`imagenet_accuracy` is a point of a sweep. To keep the net, or to watch it:

    images, test = (image_sets.imagenet(part, folder) for part in ("train", "val"))
    net = network("sparse", 64, 2, len(images.classes), seed=1, stem="imagenet").to("cuda")
    train(TorchNet(net, SETTINGS), images, test, SETTINGS, seed=1, n_workers=8, every=print)
    checkpoints.save("net.npz", net)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils import data

from lib import image_sets, rng
from lib.models import resnet
from lib.models.image_training import Epoch, Settings, TorchNet
from lib.models.resnet_accuracy import network
from lib.pruning.distribution import is_integer

# Appendix A.3; the thesis does not give the size of a minibatch: 256 is what torch's own example for ImageNet takes.
SETTINGS = Settings(150, 256, 0.1, momentum=0.9, weight_decay=1e-4, schedule="cosine")


def imagenet_accuracy(*, folder: str | Path, way: str, base_width: int = 64, factor: float,
                      epochs: int = SETTINGS.epochs, learning_rate: float = SETTINGS.learning_rate,
                      batch_size: int = SETTINGS.batch_size, seed: int, device: str, n_workers: int = 8) -> dict:
    """Train one net on a folder of images and report its accuracies.

    folder: as in `image_sets.imagenet`; its classes are the net's. way, base_width, factor: as in
    `resnet_accuracy.network`. epochs, learning_rate, batch_size: as in `image_training.Settings`, with the rest from
    SETTINGS. device: a torch device, "cuda" or "cpu". n_workers: processes that read images; 0 reads them in this one.
    Each holds up to two minibatches in shared memory (150 MB each, of 256 images).

    Returns "width", "n_weights", "connectivity", "multiply_adds" (of one image of 224 x 224 pixels), the accuracies on
    val "final" and "best" (over the epochs, on these images themselves, what the thesis reports) with its "best_epoch",
    and, of the last epoch, while training, "train_accuracy" and "train_loss". Raises ValueError for settings out of
    range or too few images, FileNotFoundError for a missing folder and FloatingPointError for a loss that diverges.
    """
    settings = Settings(epochs, batch_size, learning_rate, SETTINGS.momentum, SETTINGS.weight_decay, SETTINGS.schedule)
    try:
        place = torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(f"expected device as a device of torch, got {device!r}; try device='cuda', or 'cpu' (the "
                         "native kernels lack the max-pooling of this stem)") from None
    _check_workers(n_workers)
    images, test = (image_sets.imagenet(part, folder) for part in ("train", "val"))
    net = network(way, base_width, factor, len(images.classes), seed, stem="imagenet").to(place)
    history = train(TorchNet(net, settings), images, test, settings, seed=rng.child_seed(seed, "training"),
                    n_workers=n_workers)
    accuracies = [float(epoch.right.mean()) for epoch in history]
    wide = net.architecture
    counts = [layer.weight.numel() if layer.mask is None else int(layer.mask.sum()) for layer in net.layers.values()]
    return {"width": wide.width, "n_weights": net.n_weights, "connectivity": net.n_weights / resnet.n_weights(wide),
            "multiply_adds": resnet.multiply_adds(wide, 224, counts), "final": accuracies[-1], "best": max(accuracies),
            "best_epoch": accuracies.index(max(accuracies)) + 1, "train_accuracy": history[-1].train_accuracy,
            "train_loss": history[-1].train_loss}


def train(net: TorchNet, images: data.Dataset, test: data.Dataset, settings: Settings, *, seed: int, n_workers: int,
          every: Callable[[Epoch], None] | None = None) -> list[Epoch]:
    """Train in place, judge after every epoch, and return what each epoch gave; `image_training.train` for ImageNet.

    images, test: parts of `image_sets.imagenet`. every: called after each epoch. Minibatches: see `minibatches`. Raises
    ValueError for another number of classes than the net's and as `minibatches` does, and FloatingPointError where
    the loss is no longer finite.
    """
    n_classes = net.twin.architecture.n_classes
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
            batch_loss, batch_right = net.train_step(pixels.numpy(), labels.numpy(), rate)
            loss, n_right = loss + batch_loss, n_right + batch_right
        if not np.isfinite(loss):
            raise FloatingPointError(f"expected a finite loss, got {loss} in epoch {epoch + 1}; try a smaller "
                                     f"learning_rate than {settings.learning_rate}")
        right = np.concatenate([net.logits(pixels.numpy()).argmax(1) == labels.numpy() for pixels, labels in tests])
        n_seen = n_batches * size
        history.append(Epoch(epoch + 1, loss / n_seen, n_right / n_seen, right))
        if every is not None:
            every(history[-1])
    return history


def minibatches(images: data.Dataset, settings: Settings, *, seed: int,
                n_workers: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The minibatches of all epochs, one after the other: float32 (batch_size, 3, 224, 224) and labels (batch_size,).

    Each epoch goes through the images in a new random order and leaves out what is left over by whole minibatches. They
    depend on the images, the settings and the seed alone; torch's global generator stays as it was. Raises ValueError
    for fewer images than a minibatch and for n_workers below 0.
    """
    _check_workers(n_workers)
    if len(images) < settings.batch_size:
        raise ValueError(f"expected at least {settings.batch_size} images, a minibatch, got {len(images)}; try a "
                         "smaller batch_size")
    # One pass of a loader for all epochs: it reads ahead while the net is judged.
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


def _check_workers(n_workers: int) -> None:
    if not is_integer(n_workers) or n_workers < 0:
        raise ValueError(f"expected n_workers as an integer >= 0, got {n_workers!r}; try n_workers=0")
