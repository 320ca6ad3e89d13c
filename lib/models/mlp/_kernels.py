"""An epoch of a sparse perceptron with one hidden layer as fused loops: the fast path on the CPU.

The plain reference is masked dense torch: `SparseMLP.forward` for the logits, and autograd for the steps in
tests/mlp_twin.py. float32 and float64 run through the same code. One thread, no global state: the numbers depend
on the arguments alone.

How it gets its speed
- Images innermost. A minibatch is stored as one row a pixel, x[pixel, image], hidden values as h[unit, image]
  and logits as z[class, image]. A weight then multiplies a whole row by one number, in full vectors and
  without indices, however sparse the layer is.
- A hidden unit at a time. Both layers list their weights by hidden unit (`mlp.SparseLayer`). Going forward, a
  unit collects its pixels and at once adds itself to its classes. Going backward, it collects the errors of
  its classes, changes its weights to them, and at once changes its weights from the pixels: the error of the
  hidden layer is one row, which stays in the first-level cache.
- Four weights a loop, so that a row which is both read and written is touched once for four products.
- Rows are taken out before the inner loop (x0 = x[index[k]]), which then runs over a plain loop variable: a
  computed index would bring numba's check for negative indices, and the loop would no longer vectorize.
- Only the pixels that some weight reads are gathered, eight images at a time. What is left is the time to
  read the images from memory.

Rows have a multiple of sixteen places. Those beyond the minibatch hold zeros or the images of an earlier
step; the error there is set to zero, so they change nothing.
"""

import math

import numpy as np
from numba import njit

from lib.checks import as_array

# Fused multiply-add and sums in any order, which vectorizing needs. NaN and infinity behave, so that a
# diverged training shows.
_FAST = {"contract", "reassoc", "nsz"}


@njit
def gather(images, rows, pixels, x):
    """Transpose a minibatch: x[p, b] = images[rows[b], pixels[p]]."""
    n_eights = len(rows) // 8
    for eight in range(n_eights):
        b = 8 * eight
        # Eight streams of reads and one of writes; an image at a time would write to a new line at every pixel.
        i0, i1, i2, i3 = images[rows[b]], images[rows[b + 1]], images[rows[b + 2]], images[rows[b + 3]]
        i4, i5, i6, i7 = images[rows[b + 4]], images[rows[b + 5]], images[rows[b + 6]], images[rows[b + 7]]
        for p in range(len(pixels)):
            at = pixels[p]
            v0, v1, v2, v3, v4, v5, v6, v7 = i0[at], i1[at], i2[at], i3[at], i4[at], i5[at], i6[at], i7[at]
            out = x[p, b:b + 8]
            out[0], out[1], out[2], out[3] = v0, v1, v2, v3
            out[4], out[5], out[6], out[7] = v4, v5, v6, v7
    for b in range(8 * n_eights, len(rows)):
        image = images[rows[b]]
        for p in range(len(pixels)):
            x[p, b] = image[pixels[p]]


@njit(fastmath=_FAST)
def collect(layer, unit, x, out):
    """out[b] += sum_k weights[k] x[index[k], b] over the weights k of one hidden unit."""
    starts, index, weights = layer
    first, last = starts[unit], starts[unit + 1]
    n = len(out)
    for four in range((last - first) // 4):
        k = first + 4 * four
        w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        x0, x1, x2, x3 = x[index[k]], x[index[k + 1]], x[index[k + 2]], x[index[k + 3]]
        for b in range(n):
            out[b] += w0 * x0[b] + w1 * x1[b] + w2 * x2[b] + w3 * x3[b]
    for k in range(last - (last - first) % 4, last):
        w0, x0 = weights[k], x[index[k]]
        for b in range(n):
            out[b] += w0 * x0[b]


@njit(fastmath=_FAST)
def spread(layer, unit, x, out):
    """out[index[k], b] += weights[k] x[b] for the weights k of one hidden unit."""
    starts, index, weights = layer
    for k in range(starts[unit], starts[unit + 1]):
        w0, out0 = weights[k], out[index[k]]
        for b in range(len(x)):
            out0[b] += w0 * x[b]


@njit(fastmath=_FAST)
def step(layer, unit, x, row, rate, out):
    """weights[k] += rate sum_b row[b] x[index[k], b] for the weights k of one hidden unit.

    out: None, or a row to which `collect` adds x with the old weights, in the same pass.
    """
    starts, index, weights = layer
    first, last = starts[unit], starts[unit + 1]
    n = len(row)
    zero = weights.dtype.type(0)
    for four in range((last - first) // 4):
        k = first + 4 * four
        w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        x0, x1, x2, x3 = x[index[k]], x[index[k + 1]], x[index[k + 2]], x[index[k + 3]]
        t0, t1, t2, t3 = zero, zero, zero, zero
        for b in range(n):
            if out is not None:  # known when this is compiled: each case is a loop of its own
                out[b] += w0 * x0[b] + w1 * x1[b] + w2 * x2[b] + w3 * x3[b]
            t0 += row[b] * x0[b]
            t1 += row[b] * x1[b]
            t2 += row[b] * x2[b]
            t3 += row[b] * x3[b]
        weights[k] += rate * t0
        weights[k + 1] += rate * t1
        weights[k + 2] += rate * t2
        weights[k + 3] += rate * t3
    for k in range(last - (last - first) % 4, last):
        w0, x0, t0 = weights[k], x[index[k]], zero
        for b in range(n):
            if out is not None:
                out[b] += w0 * x0[b]
            t0 += row[b] * x0[b]
        weights[k] += rate * t0


@njit(fastmath=_FAST)
def total(row):
    """The sum of a row."""
    value = row.dtype.type(0)
    for b in range(len(row)):
        value += row[b]
    return value


@njit
def unread(layer, unit):
    """Whether no class reads this hidden unit: then it changes nothing and never learns."""
    starts = layer[0]
    return starts[unit] == starts[unit + 1]


@njit(fastmath=_FAST)
def forward(first, hidden_bias, last, class_bias, relu, x, h, z):
    """Hidden values h and logits z of the minibatch x."""
    zero = z.dtype.type(0)
    for c in range(len(class_bias)):
        z[c] = class_bias[c]
    for j in range(len(hidden_bias)):
        if unread(last, j):
            continue
        hidden = h[j]
        hidden[:] = hidden_bias[j]
        collect(first, j, x, hidden)
        if relu:
            for b in range(len(hidden)):
                hidden[b] = zero if hidden[b] < zero else hidden[b]
        spread(last, j, hidden, z)


@njit
def cross_entropy(z, labels, rows):
    """Sum of -ln p(label), and how many images are classified rightly; logits z -> (1[c = label] - p_c) / size.

    That is minus the gradient of the mean loss by the logits. z[:, len(rows):] becomes zero.
    """
    n_classes, n = z.shape
    size = len(rows)
    share = z.dtype.type(1 / size)
    loss, n_right = 0.0, 0
    for b in range(size):
        label = labels[rows[b]]
        largest, best = z[0, b], 0
        for c in range(1, n_classes):
            if z[c, b] > largest:
                largest, best = z[c, b], c
        margin = largest - z[label, b]
        norm = z.dtype.type(0)
        for c in range(n_classes):
            z[c, b] = math.exp(z[c, b] - largest)
            norm += z[c, b]
        for c in range(n_classes):
            z[c, b] *= -share / norm
        z[label, b] += share
        loss += math.log(norm) + margin
        n_right += best == label
    z[:, size:] = 0
    return loss, n_right


@njit(cache=True, fastmath=_FAST)
def run_epoch(images, labels, order, batch_size, pixels, first, hidden_bias, last, class_bias, relu,
              learn, learn_biases, first_rate, last_rate):
    """One epoch of stochastic gradient descent on the cross entropy, in place; the sum of the losses and the
    number of right answers, each image judged just before the step that it belongs to.

    images: (n_images, n_inputs) in the dtype of the weights. labels: int64 (n_images,). order: int64
    (n_images,), the rows in the order in which they are used. pixels: int64, the inputs that are used at all.
    first, last: (starts, index, weights) of the layers by hidden unit; the index of the first counts along
    `pixels`. learn: False only judges the images. first_rate, last_rate: learning rates in the dtype of the
    weights, for the biases of a layer too.
    """
    n_images, width = len(order), len(hidden_bias)
    zero = class_bias.dtype.type(0)
    n = (batch_size + 15) // 16 * 16
    x = np.zeros((len(pixels), n), images.dtype)
    h = np.zeros((width, n), images.dtype)
    z = np.zeros((len(class_bias), n), images.dtype)
    error = np.zeros(n, images.dtype)
    loss, n_right = 0.0, 0
    for begin in range(0, n_images, batch_size):
        rows = order[begin:min(begin + batch_size, n_images)]
        gather(images, rows, pixels, x)
        forward(first, hidden_bias, last, class_bias, relu, x, h, z)
        step_loss, step_right = cross_entropy(z, labels, rows)
        loss += step_loss
        n_right += step_right
        if not learn:
            continue
        for j in range(width):
            if unread(last, j):
                continue
            hidden = h[j]
            error[:] = 0
            step(last, j, z, hidden, last_rate, error)
            if relu:
                for b in range(n):
                    error[b] = error[b] if hidden[b] > zero else zero
            if learn_biases:
                hidden_bias[j] += first_rate * total(error)
            step(first, j, x, error, first_rate, None)
        if learn_biases:
            for c in range(len(class_bias)):
                class_bias[c] += last_rate * total(z[c])
    return loss, n_right


# The loops above check no bounds. What they get is checked here.


def fits(layer, width: int, n_ends: int) -> bool:
    """Whether a layer lists weights by `width` hidden units, each place at most once, with index below n_ends."""
    starts, index, weights = layer
    return bool(starts.dtype == index.dtype == np.int64 and starts.shape == (width + 1,) and starts[0] == 0
                and (np.diff(starts) >= 0).all() and index.shape == weights.shape == (starts[-1],)
                and ((0 <= index) & (index < n_ends)).all()
                and (np.diff(np.repeat(np.arange(width), np.diff(starts)) * n_ends + index) > 0).all())


def check_images(images, model) -> np.ndarray:
    """Images as a contiguous array (n_images, n_inputs) in the dtype of the net; ValueError for what does not fit."""
    array, n_inputs = as_array(images, "images"), model.architecture.n_inputs
    if array.dtype.kind != "f":
        raise ValueError(f"expected images as floats, got {array.dtype}; try (images / 255 - 0.1307) / 0.3081")
    if array.ndim != 2 or array.shape[1] != n_inputs or len(array) == 0:
        raise ValueError(f"expected images of shape (n_images, {n_inputs}) with at least one image, got {array.shape}; "
                         f"try images.reshape(-1, {n_inputs}), or another n_inputs of the architecture")
    array = np.ascontiguousarray(array, model.dtype)
    finite = np.isfinite(array).all(1)
    if not finite.all():
        raise ValueError(f"expected finite images, got NaN or infinity in row {int(finite.argmin())}; "
                         "try without that image")
    return array


def check_data(pair, model) -> tuple[np.ndarray, np.ndarray]:
    """Images as in `check_images`, and as many labels, int64; ValueError for labels that are no class."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(f"expected a pair (images, labels), got {type(pair).__name__}; try test=(images, labels)")
    images, labels, n_classes = check_images(pair[0], model), as_array(pair[1], "labels"), model.architecture.n_classes
    if labels.dtype.kind not in "iu" or labels.shape != (len(images),):
        raise ValueError(f"expected integer labels of shape ({len(images)},), one an image, got {labels.dtype} "
                         f"{labels.shape}; try labels.astype(int)")
    wrong = labels[(labels < 0) | (labels >= n_classes)]
    if len(wrong):
        raise ValueError(f"expected labels from 0 to {n_classes - 1}, got {wrong[0]}; try another n_classes of the "
                         "architecture")
    return images, np.ascontiguousarray(labels, np.int64)
