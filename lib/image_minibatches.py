"""Minibatches of colour images: averaged over blocks, normalized, shifted and flipped, as in the thesis (appendix A).

Where the images come from: :mod:`lib.image_sets`.
"""

from __future__ import annotations

import numpy as np

from lib.checks import as_array, is_integer

# ImageNet's colours on a scale from 0 to 1, by channel; the thesis uses them for all sets.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


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
