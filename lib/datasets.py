"""Image sets: read from `data/cache`, where the user or torchvision has put them.  Nothing is downloaded here."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from lib.checks import as_array

MNIST = Path(__file__).resolve().parents[1] / "data/cache/MNIST/raw"
MNIST_MEAN, MNIST_DEVIATION = 0.1307, 0.3081  # of all training pixels on a scale from 0 to 1
_PARTS = {"train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", 60_000),
          "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 10_000)}
_GET = ("try torchvision.datasets.MNIST('data/cache', download=True), or unpack the four idx files there (not the .gz "
        "files)")


class Images(NamedTuple):
    """Normalized images and their labels.

    Attributes
    ----------
    images : ndarray of float32, shape (n_images, n_pixels)
    labels : ndarray of int64, shape (n_images,)

    """

    images: np.ndarray
    labels: np.ndarray


def mnist(part: str, folder: Path = MNIST) -> Images:
    """The 60,000 training or 10,000 test images of MNIST, 28 x 28 pixels, classes 0 to 9.

    Pixels are shifted and scaled by the mean and standard deviation of the training set, as in the
    thesis (appendix A.3).

    Parameters
    ----------
    part : {"train", "test"}
        Which of them.
    folder : pathlib.Path, optional
        Holds the four idx files; ``data/cache/MNIST/raw`` of the repository if not given.

    Returns
    -------
    Images

    Raises
    ------
    FileNotFoundError
        Where a file is missing; it says how to get it.
    ValueError
        For another part, and where a file is damaged; this says how to get it.

    """
    if part not in _PARTS:
        raise ValueError(f"expected part as one of {', '.join(_PARTS)}, got {part!r}; try part='train'")
    images_name, labels_name, n_images = _PARTS[part]
    pixels = _idx(Path(folder) / images_name, (n_images, 28, 28))
    labels = _idx(Path(folder) / labels_name, (n_images,))
    if labels.max() > 9:
        raise ValueError(f"{folder}/{labels_name}: expected labels from 0 to 9, got {labels.max()}; {_GET}")
    scaled = (pixels.reshape(n_images, -1) / np.float32(255) - np.float32(MNIST_MEAN)) / np.float32(MNIST_DEVIATION)
    return Images(np.ascontiguousarray(scaled, dtype=np.float32), labels.astype(np.int64))


def standardize(images: np.ndarray, reference: np.ndarray | None = None) -> np.ndarray:
    """(image - mean) / deviation, pixel by pixel (figure 3.8).

    Parameters
    ----------
    images : array_like, shape (n_images, n_pixels)
        What is to be scaled.
    reference : array_like, shape (n_reference, n_pixels), optional
        Images whose means and deviations are taken; without it those of `images` themselves.

    Returns
    -------
    ndarray, shape and dtype of images
        A pixel that is the same in all of the reference becomes 0: it has no scale.

    Raises
    ------
    ValueError
        For other shapes (try ``images.reshape(len(images), -1)``), for fewer than two images to
        take the scale from, and for NaN and infinity.

    """
    images = as_array(images, "images")
    reference = images if reference is None else as_array(reference, "reference")
    if images.ndim != 2 or reference.ndim != 2 or images.shape[1] != reference.shape[1] or len(reference) < 2:
        raise ValueError("expected images (n_images, n_pixels) and at least two of them to take the scale from, got "
                         f"shapes {images.shape} and {reference.shape}; try images.reshape(len(images), -1)")
    if not (np.isfinite(images).all() and np.isfinite(reference).all()):
        raise ValueError("expected images made of finite numbers, got NaN or infinity; try without these images")
    lowest, highest = reference.min(0), reference.max(0)
    mean, deviation = reference.mean(0, dtype=np.float64), reference.std(0, dtype=np.float64)
    scale = np.where(highest > lowest, 1 / np.where(highest > lowest, deviation, 1), 0)
    return ((images - mean) * scale).astype(images.dtype)


def _idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The bytes of an idx file: two zeros, 8 for bytes, the number of axes, their lengths (big endian), the values."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"expected MNIST in {path.parent}, got no file {path.name}; {_GET}") from None
    header = bytes([0, 0, 8, len(shape)]) + b"".join(length.to_bytes(4, "big") for length in shape)
    n_bytes = len(header) + int(np.prod(shape))
    if content[:len(header)] != header or len(content) != n_bytes:
        raise ValueError(f"{path}: expected an idx file of shape {shape} with {n_bytes} bytes, got {len(content)} "
                         f"bytes that begin with {content[:len(header)].hex()}; {_GET}")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)
