"""BatchNorm, the sum with a shortcut, and ReLU, in one pass each way over images in a `lib.models.sparse.Layout`.

Arrays are flat float32; `place` of an array is (group, channel, row, origin), numbers from one to the next and to the
first pixel. A channel at a time: its second pass finds it in the second-level cache. Sixteen images stand side by side
and are one variable (`lib.native.lanes`), so that sums have an order which is written here: they depend neither on
the number of threads nor on what the compiler makes of a loop. Plain reference: torch's batch_norm, in
tests/native/test_batch_norm.py.
"""

import numpy as np

from lib.native.lanes import N_LANES, lanes_of, larger, load, one_where_less, store, store_past, total
from lib.native.switch import njit, prange

PAST = 2**22  # numbers, 16 MiB: more than a processor's second-level cache, and than its part of the third


@njit
def _start(place, group, channel, row):
    return place[3] + group * place[0] + channel * place[1] + row * place[2]


@njit
def _past(a):
    """Whether an array should be written past the caches: it is larger than they are, and begins where that can be."""
    return len(a) >= PAST and a.ctypes.data % (4 * N_LANES) == 0


@njit
def _empty_lanes(a, place, n_images, n_groups, channel, height, width):
    """Set the lanes of the last group that hold no image to zero."""
    used = n_images - N_LANES * (n_groups - 1)
    if used < N_LANES:
        for y in range(height):
            begin = _start(place, n_groups - 1, channel, y)
            for x in range(width):
                a[begin + N_LANES * x + used:begin + N_LANES * (x + 1)] = 0


@njit(cache=True, parallel=True)
def forward(z, z_place, size, scale, shift, mean, inverse, measure, epsilon, relu, shortcut, shortcut_place, add, a,
            a_place):
    """a = relu((z - mean) inverse scale + shift [+ shortcut]), channel by channel.

    Parameters
    ----------
    z : ndarray of float32, flat
        Images; their empty lanes hold zeros.
    z_place, a_place, shortcut_place : ndarray of int64, shape (4,)
        The `place` of each array, as above.
    size : tuple of int
        (n_images, height, width).
    scale, shift : ndarray of float32, shape (n_channels,)
        The parameters.
    mean, inverse : ndarray of float32, shape (n_channels,)
        Means and inverse deviations: written for measure, else read.
    measure : bool
        Whether they are those of these images, with the variance divided by their number.
    epsilon : float
        What is added to a variance.
    relu : bool
        False leaves out the ReLU.
    shortcut : ndarray of float32, flat
        Images that are added before it, where `add` says so; may be `a` itself.
    add : bool
        Whether there is a shortcut.
    a : ndarray of float32, flat
        Where the result goes.

    """
    n_images, height, width = size
    n_groups = (n_images + N_LANES - 1) // N_LANES
    n = n_images * height * width
    exists = np.zeros(N_LANES * n_groups, np.float32)  # 1 where a lane has an image
    exists[:n_images] = 1
    zero, past = lanes_of(np.float32(0)), _past(a)
    for c in prange(len(scale)):
        if measure:
            whole, square = 0.0, 0.0
            for g in range(n_groups):
                part = zero
                for y in range(height):
                    begin = _start(z_place, g, c, y)
                    for x in range(width):
                        part = part + load(z, begin + N_LANES * x)
                whole += total(part)
            mean[c] = whole / n
            middle = lanes_of(mean[c])
            for g in range(n_groups):
                part, there = zero, load(exists, N_LANES * g)
                for y in range(height):
                    begin = _start(z_place, g, c, y)
                    for x in range(width):
                        distance = (load(z, begin + N_LANES * x) - middle) * there
                        part = part + distance * distance
                square += total(part)
            inverse[c] = 1 / np.sqrt(square / n + epsilon)
        factor = scale[c] * inverse[c]
        constant = shift[c] - mean[c] * factor
        for g in range(n_groups):
            for y in range(height):
                begin, end = _start(z_place, g, c, y), _start(a_place, g, c, y)
                other = _start(shortcut_place, g, c, y)
                for x in range(width):
                    value = load(z, begin + N_LANES * x) * factor + constant
                    if add:
                        value = value + load(shortcut, other + N_LANES * x)
                    if relu:
                        value = larger(zero, value)
                    if past:
                        store_past(a, end + N_LANES * x, value)
                    else:
                        store(a, end + N_LANES * x, value)
        _empty_lanes(a, a_place, n_images, n_groups, c, height, width)


@njit(cache=True, parallel=True)
def backward(grad_output, grad_place, a, a_place, relu, z, z_place, size, scale, mean, inverse, g, g_place,
             scale_gradient, shift_gradient, measure):
    """Gradients of `forward` with the same `measure`, from the gradient by a.

    Parameters
    ----------
    grad_output : ndarray of float32, flat
        The gradient by a; empty lanes hold zeros. For relu it is set to zero in place where a = 0: what
        remains is the gradient by the shortcut.
    grad_place, a_place, z_place, g_place : ndarray of int64, shape (4,)
        The `place` of each array, as above.
    a, z : ndarray of float32, flat
        As `forward` left and read them.
    relu, measure : bool
        As of `forward`.
    size : tuple of int
        (n_images, height, width).
    scale, mean, inverse : ndarray of float32, shape (n_channels,)
        As of `forward`.
    g : ndarray of float32, flat
        Where the gradient by z goes.
    scale_gradient, shift_gradient : ndarray of float32, shape (n_channels,)
        Where the gradients by scale and shift go.

    """
    n_images, height, width = size
    n_groups = (n_images + N_LANES - 1) // N_LANES
    n = n_images * height * width
    zero, past = lanes_of(np.float32(0)), _past(g)
    for c in prange(len(scale)):
        whole, product, middle = 0.0, 0.0, lanes_of(mean[c])
        for k in range(n_groups):
            part, other = zero, zero
            for y in range(height):
                begin, at = _start(grad_place, k, c, y), _start(z_place, k, c, y)
                there = _start(a_place, k, c, y)
                for x in range(width):
                    value = load(grad_output, begin + N_LANES * x)
                    if relu:
                        value = value * one_where_less(zero, load(a, there + N_LANES * x))
                        store(grad_output, begin + N_LANES * x, value)
                    part = part + value
                    other = other + value * (load(z, at + N_LANES * x) - middle)
            whole += total(part)
            product += total(other)
        product *= inverse[c]
        shift_gradient[c] = whole
        scale_gradient[c] = product
        factor = scale[c] * inverse[c]
        by_z = constant = np.float32(0)
        if measure:  # the normalized value depends on every other pixel through mean and deviation
            by_z = np.float32(-factor * inverse[c] * product / n)
            constant = np.float32(-factor * whole / n) - by_z * mean[c]
        for k in range(n_groups):
            for y in range(height):
                begin, at, end = _start(grad_place, k, c, y), _start(z_place, k, c, y), _start(g_place, k, c, y)
                for x in range(width):
                    value = load(grad_output, begin + N_LANES * x) * factor
                    value = value + load(z, at + N_LANES * x) * by_z + constant
                    if past:
                        store_past(g, end + N_LANES * x, value)
                    else:
                        store(g, end + N_LANES * x, value)
        _empty_lanes(g, g_place, n_images, n_groups, c, height, width)


@njit(cache=True, parallel=True)
def pool(a, a_place, size, mean, mean_place):
    """Mean over the pixels of each image and channel.

    Parameters
    ----------
    a : ndarray of float32, flat
        Images.
    a_place, mean_place : ndarray of int64, shape (4,)
        The `place` of each array, as above.
    size : tuple of int
        (n_images, height, width) of a.
    mean : ndarray of float32, flat
        Where the images of one pixel go.

    """
    n_images, height, width = size
    share = np.float32(1 / (height * width))
    for c in prange(a_place[0] // a_place[1]):
        for g in range((n_images + N_LANES - 1) // N_LANES):
            part = lanes_of(np.float32(0))
            for y in range(height):
                begin = _start(a_place, g, c, y)
                for x in range(width):
                    part = part + load(a, begin + N_LANES * x)
            store(mean, _start(mean_place, g, c, 0), part * share)


@njit(cache=True, parallel=True)
def unpool(grad_output, grad_place, size, g, g_place):
    """Gradient of `pool`: of each pixel the same share of that by the mean.

    Parameters
    ----------
    grad_output : ndarray of float32, flat
        The gradient by images of one pixel.
    grad_place, g_place : ndarray of int64, shape (4,)
        The `place` of each array, as above.
    size : tuple of int
        (n_images, height, width) of g.
    g : ndarray of float32, flat
        Where the gradient by the images goes.

    """
    n_images, height, width = size
    share = np.float32(1 / (height * width))
    for c in prange(g_place[0] // g_place[1]):
        for k in range((n_images + N_LANES - 1) // N_LANES):
            value = load(grad_output, _start(grad_place, k, c, 0)) * share
            for y in range(height):
                end = _start(g_place, k, c, y)
                for x in range(width):
                    store(g, end + N_LANES * x, value)
