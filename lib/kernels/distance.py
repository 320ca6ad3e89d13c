"""How far the kernels of real sparse nets are from the infinite dense one: the measured side of figure 3.8b."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import sparse as matrices

from lib import datasets, rng
from lib.kernels import sparse
from lib.kernels.arc_cosine import arc_cosine_pairs
from lib.kernels.inputs import as_inputs, check_count
from lib.models import digits, mlp, parametrization
from lib.models.subset_accuracy import TEST_BLOCK

DATA = ("mnist", "digits", "gaussian")
NORMALIZATIONS = ("global", "pixel", "minibatch")
_ENTRIES = 2**22  # hidden values that are kept at a time, 32 MiB
_CROWDED = 0.2  # connectivity above which a dense product is faster than a sparse one


def random_pairs(n_images: int, n_pairs: int, *, seed: int) -> np.ndarray:
    """Pairs of different images, int64 (n_pairs, 2), each pair drawn independently."""
    if check_count("n_images", n_images) < 2:
        raise ValueError(f"expected at least 2 images to make pairs of, got {n_images}; try more")
    stream = rng.stream(seed, "pairs")
    first = stream.integers(0, n_images, check_count("n_pairs", n_pairs))
    return np.column_stack([first, (first + stream.integers(1, n_images, n_pairs)) % n_images])


def net_kernels(net: mlp.SparseMLP, images: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Theta(x, y) = [Wx]+.[Wy]+ / n of a net (3.6) for pairs of images, (n_pairs,), in float64.

    W are the effective weights u / sqrt(d) of the first layer (n, d), as `parametrization.draw` gives them, without
    biases. images: (n_images, d). pairs: integers (n_pairs, 2).
    """
    images, (width, d) = as_inputs(images, "images"), (net.architecture.width, net.architecture.n_inputs)
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
    """A net of figure 3.8 before training: n_first weights in its first layer, NTK parametrization, float64."""
    architecture = mlp.Architecture(width, n_inputs, bias=False)
    return parametrization.draw("ntk", architecture, n_first, distribution=distribution, seed=seed,
                                dtype=np.float64).model


def infinite_kernels(images: np.ndarray, pairs: np.ndarray, distribution: str = "normal") -> np.ndarray:
    """Theta of the infinite dense net (3.7), K_1 / d, for pairs of images; a third of it for uniform weights.

    For uniform weights this needs many inputs that matter, whose sum is then normal: on MNIST it is 4% off.
    """
    scale = {"normal": 1.0, "uniform": 1 / 3}.get(distribution)
    if scale is None:
        raise ValueError(f"expected a distribution among {', '.join(parametrization.DISTRIBUTIONS)}, got "
                         f"{distribution!r}; try 'normal'")
    return scale * arc_cosine_pairs(images[pairs[:, 0]], images[pairs[:, 1]], order=1) / images.shape[1]


def measured_distance(images: np.ndarray, pairs: np.ndarray, width: int, n_first: int, target: np.ndarray, *,
                      n_starts: int, distribution: str = "normal", seed: int) -> np.ndarray:
    """The squared distance to the kernels `target` (n_pairs,), averaged over pairs: one value a start, (n_starts,)."""
    values = []
    for start in range(check_count("n_starts", n_starts)):
        net = start_of_training(width, n_first, images.shape[1], distribution=distribution,
                                seed=rng.child_seed(seed, "start", start))
        values.append(np.mean((net_kernels(net, images, pairs) - target)**2))
    return np.array(values)


def kernel_distance(*, data: str, normalization: str, width: int, n_first: int, distribution: str, n_pairs: int,
                    n_starts: int, proxy_width: int, n_masks: int, seed: int) -> dict:
    """One point of figure 3.8b: the mean squared distance of sparse nets to the infinite dense one, measured and exact.

    data: "mnist" (the test images), "digits" (all 1797 of scikit-learn) or "gaussian" (1797 inputs with 784 components
    from N(0, 1)). normalization: "global" by one mean and deviation, "pixel" by those of each pixel, "minibatch" by
    those of each pixel in blocks of 1000 images. n_first: weights of the first layer. proxy_width: of the dense
    net that the thesis takes for the infinite one, or 0 for none. n_masks: for every 500 pairs.

    Returns "connectivity"; "measured" with its standard error over n_starts nets ("measured_error"), against the exact
    infinite kernel, and "measured_proxy" against the proxy (0 without one); "exact" with "exact_error", its parts
    "exact_bias" and "exact_variance", by (3.21) for normal weights; and "second_order", its closed form.
    """
    if check_count("n_starts", n_starts) < 2:
        raise ValueError(f"expected n_starts of at least 2, for an error bar, got {n_starts}; try n_starts=10")
    images = inputs(data, normalization)
    pairs = random_pairs(len(images), n_pairs, seed=seed)
    values = measured_distance(images, pairs, width, n_first, infinite_kernels(images, pairs, distribution),
                               n_starts=n_starts, distribution=distribution, seed=seed)
    against_proxy = 0.0
    if proxy_width:
        target = _proxy(data, normalization, n_pairs, distribution, proxy_width, seed)
        against_proxy = float(measured_distance(images, pairs, width, n_first, target, n_starts=n_starts,
                                                distribution=distribution, seed=seed).mean())
    connectivity = n_first / (width * images.shape[1])
    x, y = images[pairs[:, 0]], images[pairs[:, 1]]
    exact = sparse.expected_distance(x, y, width, connectivity, n_masks=n_masks, seed=seed)
    return {"connectivity": connectivity, "measured": float(values.mean()),
            "measured_error": float(values.std(ddof=1) / np.sqrt(n_starts)), "measured_proxy": against_proxy,
            "exact": exact.value, "exact_error": exact.error, "exact_bias": exact.squared_bias,
            "exact_variance": exact.variance,
            "second_order": sparse.second_order_distance(x, y, width, connectivity).value}


@cache
def inputs(data: str, normalization: str) -> np.ndarray:
    """The images or random inputs of `kernel_distance`, float64 (n_images, n_inputs), read-only."""
    if data not in DATA or normalization not in NORMALIZATIONS:
        raise ValueError(f"expected data among {', '.join(DATA)} and normalization among {', '.join(NORMALIZATIONS)}, "
                         f"got {data!r} and {normalization!r}; try data='digits', normalization='global'")
    if data == "mnist":
        images = datasets.mnist("test").images.astype(np.float64)
    elif data == "digits":
        images = digits.pixels()[0]
        images = (images - images.mean()) / images.std()
    else:
        images = rng.stream(0, "gaussian inputs").standard_normal((1797, 784))
    if normalization == "pixel":
        images = datasets.standardize(images)
    elif normalization == "minibatch":
        blocks = range(0, len(images), TEST_BLOCK)
        images = np.concatenate([datasets.standardize(images[start:start + TEST_BLOCK]) for start in blocks])
    images.flags.writeable = False
    return images


@cache
def _proxy(data: str, normalization: str, n_pairs: int, distribution: str, width: int, seed: int) -> np.ndarray:
    """Kernels of pairs in one dense net of this width; the same for all points of a figure, and slow."""
    images = inputs(data, normalization)
    net = start_of_training(width, width * images.shape[1], images.shape[1], distribution=distribution,
                            seed=rng.child_seed(seed, "proxy"))
    return net_kernels(net, images, random_pairs(len(images), n_pairs, seed=seed))
