"""BatchNorm, the sum with a shortcut, and ReLU, in one pass each way over images in a `lib.models.sparse.Layout`.

Arrays are flat float32; `place` of an array is (group, channel, row, origin), numbers from one to the next and to the
first pixel. A channel at a time: its second pass finds it in the second-level cache. The numbers do not depend on how
many threads run. Plain twin: torch's batch_norm, in tests/test_sparse_resnet.py.
"""

import numpy as np
from numba import njit, prange

from lib.models._tiles import LANES

# Sums in any order and fused multiply-add, which vectorizing needs. NaN and infinity behave, so that a diverged
# training shows.
_FAST = {"contract", "reassoc", "nsz"}


@njit(fastmath=_FAST)
def _row_sum(row):
    total = np.float32(0)
    for i in range(len(row)):
        total += row[i]
    return total


@njit(fastmath=_FAST)
def _row_square(row, mean):
    total = np.float32(0)
    for i in range(len(row)):
        total += (row[i] - mean) * (row[i] - mean)
    return total


@njit
def _start(place, group, channel, row):
    return place[3] + group * place[0] + channel * place[1] + row * place[2]


@njit
def _empty_lanes(a, place, n_images, n_groups, channel, height, width):
    """Set the lanes of the last group that hold no image to zero."""
    used = n_images - LANES * (n_groups - 1)
    if used < LANES:
        for y in range(height):
            begin = _start(place, n_groups - 1, channel, y)
            for x in range(width):
                a[begin + LANES * x + used:begin + LANES * (x + 1)] = 0


@njit(cache=True, parallel=True, fastmath=_FAST)
def forward(z, z_place, size, scale, shift, mean, inverse, measure, epsilon, relu, shortcut, shortcut_place, add, a,
            a_place):
    """a = relu((z - mean) inverse scale + shift [+ shortcut]), channel by channel.

    size: (n_images, height, width). measure: True takes mean and inverse deviation of these images, with the variance
    divided by their number, and writes them to `mean` and `inverse`; False reads them. add: whether there is a
    shortcut; it may be `a` itself. relu: False leaves out the ReLU. Empty lanes of z hold zeros.
    """
    n_images, height, width = size
    n_groups, length = (n_images + LANES - 1) // LANES, width * LANES
    n = n_images * height * width
    n_empty = LANES * n_groups * height * width - n
    zero = np.float32(0)
    for c in prange(len(scale)):
        if measure:
            total, square = 0.0, 0.0
            for g in range(n_groups):
                for y in range(height):
                    begin = _start(z_place, g, c, y)
                    total += _row_sum(z[begin:begin + length])
            mean[c] = total / n
            for g in range(n_groups):
                for y in range(height):
                    begin = _start(z_place, g, c, y)
                    square += _row_square(z[begin:begin + length], mean[c])
            square -= n_empty * np.float64(mean[c]) ** 2
            inverse[c] = 1 / np.sqrt(max(square, 0.0) / n + epsilon)
        factor = scale[c] * inverse[c]
        constant = shift[c] - mean[c] * factor
        for g in range(n_groups):
            for y in range(height):
                begin, end = _start(z_place, g, c, y), _start(a_place, g, c, y)
                source, target = z[begin:begin + length], a[end:end + length]
                if add:
                    begin = _start(shortcut_place, g, c, y)
                    other = shortcut[begin:begin + length]
                    for i in range(length):
                        value = source[i] * factor + constant + other[i]
                        target[i] = zero if relu and value < zero else value
                else:
                    for i in range(length):
                        value = source[i] * factor + constant
                        target[i] = zero if relu and value < zero else value
        _empty_lanes(a, a_place, n_images, n_groups, c, height, width)


@njit(fastmath=_FAST)
def _through_relu(error, a, z, mean):
    """error = 0 where a = 0, in place; its sum, and its sum with z - mean."""
    total, product, zero = np.float32(0), np.float32(0), np.float32(0)
    for i in range(len(error)):
        value = error[i] if a[i] > zero else zero
        error[i] = value
        total += value
        product += value * (z[i] - mean)
    return total, product


@njit(fastmath=_FAST)
def _sums(error, z, mean):
    total, product = np.float32(0), np.float32(0)
    for i in range(len(error)):
        total += error[i]
        product += error[i] * (z[i] - mean)
    return total, product


@njit(cache=True, parallel=True, fastmath=_FAST)
def backward(error, error_place, a, a_place, relu, z, z_place, size, scale, mean, inverse, g, g_place, scale_gradient,
             shift_gradient):
    """Gradients of `forward` with measure=True from `error`, the gradient by a.

    For relu, error is set to zero in place where a = 0: what remains is the gradient by the shortcut. g: gradient by
    z. Empty lanes of error hold zeros.
    """
    n_images, height, width = size
    n_groups, length = (n_images + LANES - 1) // LANES, width * LANES
    n = n_images * height * width
    for c in prange(len(scale)):
        total, product = 0.0, 0.0
        for k in range(n_groups):
            for y in range(height):
                begin, at = _start(error_place, k, c, y), _start(z_place, k, c, y)
                if relu:
                    there = _start(a_place, k, c, y)
                    sums = _through_relu(error[begin:begin + length], a[there:there + length], z[at:at + length],
                                         mean[c])
                else:
                    sums = _sums(error[begin:begin + length], z[at:at + length], mean[c])
                total += sums[0]
                product += sums[1]
        product *= inverse[c]
        shift_gradient[c] = total
        scale_gradient[c] = product
        factor = scale[c] * inverse[c]
        # d/dz of the normalized value, which depends on every other pixel through mean and deviation.
        by_z = np.float32(-factor * inverse[c] * product / n)
        constant = np.float32(-factor * total / n) - by_z * mean[c]
        for k in range(n_groups):
            for y in range(height):
                begin, at, end = _start(error_place, k, c, y), _start(z_place, k, c, y), _start(g_place, k, c, y)
                source, values, target = error[begin:begin + length], z[at:at + length], g[end:end + length]
                for i in range(length):
                    target[i] = factor * source[i] + by_z * values[i] + constant
        _empty_lanes(g, g_place, n_images, n_groups, c, height, width)


@njit(cache=True, parallel=True, fastmath=_FAST)
def pool(a, a_place, size, mean, mean_place):
    """Mean over the pixels of each image and channel: a of `size` -> images of one pixel."""
    n_images, height, width = size
    share = np.float32(1 / (height * width))
    for c in prange(a_place[0] // a_place[1]):
        for g in range((n_images + LANES - 1) // LANES):
            end = _start(mean_place, g, c, 0)
            target = mean[end:end + LANES]
            target[:] = 0
            for y in range(height):
                begin = _start(a_place, g, c, y)
                for x in range(width):
                    pixel = a[begin + LANES * x:begin + LANES * (x + 1)]
                    for i in range(LANES):
                        target[i] += share * pixel[i]


@njit(cache=True, parallel=True, fastmath=_FAST)
def unpool(error, error_place, size, g, g_place):
    """Gradient of `pool`: an image of one pixel -> the same share for each pixel."""
    n_images, height, width = size
    share = np.float32(1 / (height * width))
    for c in prange(g_place[0] // g_place[1]):
        for k in range((n_images + LANES - 1) // LANES):
            begin = _start(error_place, k, c, 0)
            pixel = error[begin:begin + LANES]
            for y in range(height):
                end = _start(g_place, k, c, y)
                for x in range(width):
                    target = g[end + LANES * x:end + LANES * (x + 1)]
                    for i in range(LANES):
                        target[i] = share * pixel[i]
