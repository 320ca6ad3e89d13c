"""How far the kernels of real sparse nets are from the infinite dense one: the measured side of figure 3.8b."""

from __future__ import annotations

import numpy as np
from scipy import sparse as matrices

from lib import rng
from lib.checks import INTEGER, as_array, as_floats, require_count
from lib.kernels.arc_cosine import arc_cosine_pairs
from lib.kernels.inputs import as_inputs
from lib.models import mlp
from lib.models.mlp import parametrization

_ENTRIES = 2**22  # hidden values that are kept at a time, 32 MiB
_CROWDED = 0.2  # connectivity above which a dense product is faster than a sparse one


def random_pairs(n_images: int, n_pairs: int, *, seed: int) -> np.ndarray:
    """Pairs of different images, each pair drawn independently.

    Parameters
    ----------
    n_images : int
        At least 2.
    n_pairs : int
        At least 1.
    seed : int
        Of the random numbers.

    Returns
    -------
    ndarray of int64, shape (n_pairs, 2)
        Images counted from 0.

    Raises
    ------
    ValueError
        For fewer than two images, and for n_pairs that is no integer >= 1.

    """
    if require_count("n_images", n_images) < 2:
        raise ValueError(f"expected at least 2 images to make pairs of, got {n_images}; try more")
    stream = rng.stream(seed, "pairs")
    first = stream.integers(0, n_images, require_count("n_pairs", n_pairs))
    return np.column_stack([first, (first + stream.integers(1, n_images, n_pairs)) % n_images])


def net_kernels(net: mlp.SparseMLP, images: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Theta(x, y) = [Wx]+.[Wy]+ / n of a net (3.6) for pairs of images, in float64.

    Parameters
    ----------
    net : lib.models.mlp.SparseMLP
        A ReLU net without biases. W are the effective weights u / sqrt(d) of its first layer (n,
        d), as `parametrization.draw` gives them.
    images : array_like, shape (n_images, d)
        One a row.
    pairs : array_like of int, shape (n_pairs, 2)
        Rows of images, counted from 0.

    Returns
    -------
    ndarray of float64, shape (n_pairs,)

    Raises
    ------
    ValueError
        For a net with biases, with another activation or for another number of pixels: try
        ``mlp.Architecture(width, n_inputs, bias=False)``; and for pairs of another shape, or of
        images that are not there: try `random_pairs`.

    """
    images, (width, d) = as_inputs(images, "images"), (net.architecture.width, net.architecture.n_inputs)
    pairs = _check_pairs(pairs, len(images))
    if net.architecture.bias or net.architecture.activation != "relu" or images.shape[1] != d:
        raise ValueError(f"expected a ReLU net without biases and images of {d} pixels, got {net} and {images.shape}; "
                         "try mlp.Architecture(width, n_inputs, bias=False)")
    layer = net.first
    weights = matrices.csr_array((layer.weights.astype(np.float64), layer.index, layer.starts), shape=(width, d))
    crowded = weights.nnz > _CROWDED * width * d
    kernels, n_units = np.zeros(len(pairs)), max(1, _ENTRIES // len(images))
    transposed = None if crowded else np.ascontiguousarray(images.T)
    for start in range(0, width, n_units):
        some = weights[start:start + n_units]
        if crowded:
            hidden = np.maximum(images @ some.toarray().T, 0)  # image pixel, unit pixel -> image unit
        else:
            hidden = np.ascontiguousarray(np.maximum(some @ transposed, 0).T)
        for row in range(0, len(pairs), 2000):
            left, right = pairs[row:row + 2000].T
            kernels[row:row + 2000] += np.einsum("pu,pu->p", hidden[left], hidden[right])
    return kernels / width


def start_of_training(width: int, n_first: int, n_inputs: int, *, distribution: str, seed: int) -> mlp.SparseMLP:
    """A net of figure 3.8 before training, in the NTK parametrization, without biases, in float64.

    Parameters
    ----------
    width : int
        Number of hidden units n.
    n_first : int
        Number of weights in the first layer.
    n_inputs : int
        Number of inputs d.
    distribution : {"normal", "uniform"}
        Of the stored weights.
    seed : int
        Of the random numbers.

    Returns
    -------
    lib.models.mlp.SparseMLP

    """
    architecture = mlp.Architecture(width, n_inputs, bias=False)
    return parametrization.draw("ntk", architecture, n_first, distribution=distribution, seed=seed,
                                dtype=np.float64).model


def infinite_kernels(images: np.ndarray, pairs: np.ndarray, distribution: str = "normal") -> np.ndarray:
    """Theta of the infinite dense net (3.7), K_1 / d, for pairs of images.

    Parameters
    ----------
    images : array_like, shape (n_images, d)
        One a row.
    pairs : array_like of int, shape (n_pairs, 2)
        Rows of images, counted from 0.
    distribution : {"normal", "uniform"}, default "normal"
        Of the weights; uniform ones give a third of it. For them this needs many inputs that
        matter, whose sum is then normal: on MNIST it is 4% off.

    Returns
    -------
    ndarray of float64, shape (n_pairs,)

    Raises
    ------
    ValueError
        For another distribution, for pairs of another shape, and for images that are not there: try
        `random_pairs`.

    """
    scale = {"normal": 1.0, "uniform": 1 / 3}.get(distribution)
    if scale is None:
        raise ValueError(f"expected a distribution among {', '.join(parametrization.DISTRIBUTIONS)}, got "
                         f"{distribution!r}; try 'normal'")
    images = as_inputs(images, "images")
    pairs = _check_pairs(pairs, len(images))
    return scale * arc_cosine_pairs(images[pairs[:, 0]], images[pairs[:, 1]], order=1) / images.shape[1]


def measured_distance(images: np.ndarray, pairs: np.ndarray, width: int, n_first: int, target: np.ndarray, *,
                      n_starts: int, distribution: str = "normal", seed: int) -> np.ndarray:
    """The squared distance to the kernels `target`, averaged over pairs, one value a start.

    Parameters
    ----------
    images : ndarray, shape (n_images, d)
        One a row.
    pairs : array_like of int, shape (n_pairs, 2)
        Rows of images, counted from 0.
    width : int
        Number of hidden units n.
    n_first : int
        Number of weights in the first layer.
    target : array_like, shape (n_pairs,)
        Kernels to which the distance is measured, such as those of `infinite_kernels`.
    n_starts : int
        Number of nets, at least 1.
    distribution : {"normal", "uniform"}, default "normal"
        Of the stored weights.
    seed : int
        Of the random numbers.

    Returns
    -------
    ndarray of float64, shape (n_starts,)
        One value a start.

    """
    target, values = as_floats(target, "target"), []
    for start in range(require_count("n_starts", n_starts)):
        net = start_of_training(width, n_first, images.shape[1], distribution=distribution,
                                seed=rng.child_seed(seed, "start", start))
        values.append(np.mean((net_kernels(net, images, pairs) - target)**2))
    return np.array(values)


def _check_pairs(pairs: np.ndarray, n_images: int) -> np.ndarray:
    """Pairs of images as int64 (n_pairs, 2). Raises ValueError for another shape and for images that are not there."""
    pairs = as_array(pairs, "pairs", kinds=INTEGER)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind == "b" \
            or pairs.size and not 0 <= pairs.min() <= pairs.max() < n_images:
        raise ValueError(f"expected pairs as integers (n_pairs, 2) from 0 to {n_images - 1}, got {pairs.dtype} "
                         f"{pairs.shape}; try random_pairs({n_images}, 100, seed=1)")
    return pairs.astype(np.int64, copy=False)
