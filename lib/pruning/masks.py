"""Static random masks: which weights a sparse network keeps, drawn once and from a seed (section 3.4.3, Appendix E).

A mask is a bool array of the shape of its weight tensor, True where the weight stays.  Dense layers have shapes
(n_out, n_in), convolutions (n_out, n_in, height, width).
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from lib.checks import is_integer
from lib.pruning.distribution import water_filling
from lib.rng import stream


def random_mask(shape: Sequence[int], n_remaining: int, *, rng: np.random.Generator) -> np.ndarray:
    """A mask with exactly n_remaining weights, all such masks equally likely (section 3.4.3).

    Parameters
    ----------
    shape : sequence of int
        Of the weight tensor, one dimension or more.
    n_remaining : int
        Weights to keep, from 0 to all.
    rng : numpy.random.Generator
        Where the random numbers come from, such as `lib.rng.stream`.

    Returns
    -------
    ndarray of bool, of the given shape

    Raises
    ------
    ValueError
        For a shape without weights, n_remaining out of range, and an rng that is no generator: try
        ``lib.rng.stream(1, "masks", 0)``.

    Notes
    -----
    Drawing takes up to 13 bytes a weight (10 million weights: 0.13 GB and about a second).

    """
    shape = _check_shape(shape)
    size = math.prod(shape)
    n_remaining = _check_remaining(shape, n_remaining)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"expected rng to be a numpy Generator, got {type(rng).__name__}; "
                         'try rng=stream(1, "masks", 0) with lib.rng.stream')
    # Place whichever is rarer, the weights that stay or those that go; their order does not matter.
    n_rare = min(n_remaining, size - n_remaining)
    mask = np.full(size, n_remaining > n_rare)
    mask[rng.choice(size, n_rare, replace=False, shuffle=False)] ^= True
    return mask.reshape(shape)


def channel_mask(shape: Sequence[int], n_remaining: int, *, rng: np.random.Generator) -> np.ndarray:
    """A mask that keeps or removes the whole kernel between an input and an output (Appendix E).

    Parameters
    ----------
    shape : sequence of int
        (n_out, n_in, ...).
    n_remaining : int
        Weights to keep at most, 0 or from one kernel to all.
    rng : numpy.random.Generator
        Where the random numbers come from, such as `lib.rng.stream`.

    Returns
    -------
    ndarray of bool, of the given shape

    Raises
    ------
    ValueError
        As `random_mask` does, for fewer than two dimensions (try `random_mask`), and for less than
        one kernel (try more weights).

    Notes
    -----
    Kernels hold height x width weights; `whole_kernels` tells the number of weights that stay,
    never more than n_remaining. All masks with this number of kernels are equally likely. A dense
    layer has kernels of one weight, so that its mask is that of `random_mask`.

    """
    n_kept = whole_kernels(shape, n_remaining)
    shape = _check_shape(shape)
    kernel = math.prod(shape[2:])
    return np.repeat(random_mask(shape[:2], n_kept // kernel, rng=rng), kernel).reshape(shape)


def whole_kernels(shape: Sequence[int], n_remaining: int) -> int:
    """Weights in `channel_mask`: the largest multiple of a kernel's size up to n_remaining.

    Up to and not nearest to, so that a comparison at equal numbers of weights (Fig E.1) is not
    decided by more weights on this side; a layer falls short by less than one kernel.

    Parameters
    ----------
    shape : sequence of int
        (n_out, n_in, ...).
    n_remaining : int
        Weights to keep at most.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        For fewer than two dimensions, and where not even one kernel fits.

    """
    shape = _check_shape(shape)
    n_remaining = _check_remaining(shape, n_remaining)
    if len(shape) < 2:
        raise ValueError(f"expected a shape of (n_out, n_in, ...), got {shape}; try random_mask")
    kernel = math.prod(shape[2:])
    if 0 < n_remaining < kernel:
        # Rounding down would remove the whole layer and cut the network in two.
        raise ValueError(f"expected n_remaining of at least one kernel, {kernel} weights of a layer of shape {shape}, "
                         f'got {n_remaining}; try dimensions="all", or more weights')
    return n_remaining - n_remaining % kernel


def layer_masks(shapes: Iterable[Sequence[int]], n_removed: int, *, seed: int,
                dimensions: str = "all") -> list[np.ndarray]:
    """The masks of a network's layers after n_removed weights are gone.

    They are shared out by water-filling (Appendix D). Layer i draws from stream(seed, "masks", i),
    whatever the other layers look like.

    Parameters
    ----------
    shapes : iterable of sequences of int
        Of each layer's weight tensor.
    n_removed : int
        Weights to remove in total.
    seed : int
        Of the random numbers.
    dimensions : {"all", "channels"}, default "all"
        "all" removes single weights (`random_mask`), exactly n_removed of them; "channels" removes
        whole kernels (`channel_mask`), so that each layer may lose some more, always less than one
        kernel.

    Returns
    -------
    list of ndarray of bool, one a layer, shaped like its weights

    Raises
    ------
    ValueError
        As `water_filling` and the masks do, and for other dimensions.

    """
    draw = {"all": random_mask, "channels": channel_mask}.get(dimensions)
    if draw is None:
        raise ValueError(f"expected dimensions of 'all' or 'channels', got {dimensions!r}; try dimensions='all'")
    shapes = [_check_shape(shape) for shape in shapes]
    counts = water_filling([math.prod(shape) for shape in shapes], n_removed)
    return [draw(shape, count, rng=stream(seed, "masks", layer))
            for layer, (shape, count) in enumerate(zip(shapes, counts.tolist()))]


def _check_shape(shape: Sequence[int]) -> tuple[int, ...]:
    sides = tuple(shape) if isinstance(shape, Iterable) else ()
    if not sides or not all(is_integer(side) and side >= 1 for side in sides):
        raise ValueError(f"expected a shape of integers >= 1, such as (n_out, n_in), got {shape!r}; try weight.shape")
    return tuple(int(side) for side in sides)


def _check_remaining(shape: tuple[int, ...], n_remaining: int) -> int:
    size = math.prod(shape)
    if not is_integer(n_remaining) or not 0 <= n_remaining <= size:
        raise ValueError(f"expected n_remaining to be an integer from 0 to {size}, the weights of shape {shape}, got "
                         f"{n_remaining!r}; try n_remaining={(size + 1) // 2}")
    return int(n_remaining)
