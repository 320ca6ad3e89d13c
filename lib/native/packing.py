"""Images into the layout of the kernels and back: blocks of sixteen images by sixteen pixels, transposed in registers.

The plain references are `Layout.pack` and `Layout.unpack` of `lib.models.sparse`.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lib.native.switch import COMPILED, njit, prange

N = 16  # numbers of a block, images of a group
_INT, _VECTOR = ir.IntType(64), ir.VectorType(ir.FloatType(), N)


def _interleaved(builder, a, b, half):
    """a[k], b[k], a[k + 1], b[k + 1], ... of the lower half (0) or the upper one (1) of two vectors."""
    places = [place for k in range(half * N // 2, (half + 1) * N // 2) for place in (k, N + k)]
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), N), places))


def _block(to_lanes, past=False):
    """An intrinsic that moves a block: see below. past: past the caches, to images at multiples of 64 bytes."""
    @intrinsic
    def move(typing_context, images, first, image, array, begin, places, pixel):
        def generate(context, builder, signature, arguments):
            kinds = signature.args
            data = {n: context.make_array(kinds[n])(context, builder, arguments[n]).data for n in (0, 3, 5)}
            _, first, image, _, begin, _, pixel = arguments

            def pointer(n, index):
                return builder.bitcast(builder.gep(data[n], [index]), _VECTOR.as_pointer())

            def of_image(n):
                return pointer(0, builder.add(first, builder.mul(image, _INT(n))))

            def of_pixel(n):
                return pointer(3, builder.add(begin, builder.load(builder.gep(data[5], [builder.add(pixel, _INT(n))]))))
            source, target = (of_image, of_pixel) if to_lanes else (of_pixel, of_image)
            rows = [builder.load(source(n), align=4) for n in range(N)]
            for _ in range(4):  # each moves one bit of a number's row into its column
                rows = [_interleaved(builder, rows[n // 2], rows[n // 2 + N // 2], n % 2) for n in range(N)]
            for n, row in enumerate(rows):
                written = builder.store(row, target(n), align=4 * N if past else 4)
                if past:
                    written.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
            return context.get_dummy_value()
        number = types.intp
        return types.void(images, number, number, array, number, places, number), generate
    return move


_to_lanes = _block(True)  # array[begin + places[pixel + i] + j] = images[first + j image + i] for i, j < 16
_to_images = _block(False)  # the same from right to left
_past_images = _block(False, True)
if not COMPILED:
    def _to_lanes(images, first, image, array, begin, places, pixel):
        for i in range(N):
            at = begin + places[pixel + i]
            array[at:at + N] = images[first + i:first + i + N * image:image]

    def _to_images(images, first, image, array, begin, places, pixel):
        for i in range(N):
            at = begin + places[pixel + i]
            images[first + i:first + i + N * image:image] = array[at:at + N]

    _past_images = _to_images


@njit(cache=True, parallel=True)
def pack(images, array, n_images, places, group):
    """Images into groups of sixteen; lanes without an image become zero.

    No bounds are checked.

    Parameters
    ----------
    images : ndarray of float32, flat
        n_images of n_pixels numbers each.
    array : ndarray of float32, flat
        Where the groups go.
    n_images : int, >= 1
        How many images.
    places : ndarray of int64, shape (n_pixels,)
        Where the sixteen numbers of each pixel of the first group stand.
    group : int
        Numbers from a group to the next.

    """
    n_pixels = len(places)
    n_blocks = (n_pixels + N - 1) // N
    for k in prange((n_images + N - 1) // N * n_blocks):
        g, pixel = k // n_blocks, k % n_blocks * N
        lanes, begin = min(N, n_images - g * N), g * group
        if lanes == N and n_pixels >= N:
            pixel = min(pixel, n_pixels - N)  # the last block overlaps the one before
            _to_lanes(images, g * N * n_pixels + pixel, n_pixels, array, begin, places, pixel)
        else:
            for i in range(pixel, min(pixel + N, n_pixels)):
                for lane in range(N):
                    array[begin + places[i] + lane] = images[(g * N + lane) * n_pixels + i] if lane < lanes else 0


@njit(cache=True, parallel=True)
def unpack(array, images, n_images, places, group, large=False):
    """The images in groups of sixteen as an array (n_images, n_pixels) of their own: the inverse of `pack`.

    Parameters
    ----------
    array : ndarray of float32, flat
        The groups.
    images : ndarray of float32, flat
        Where the images go, n_pixels numbers each.
    n_images, places, group
        As of `pack`.
    large : bool
        Whether they do not stay in the caches anyway: they are written past them where their addresses
        allow that. False by default.

    """
    n_pixels = len(places)
    past = large and n_pixels % N == 0 and images.ctypes.data % (4 * N) == 0
    n_blocks = (n_pixels + N - 1) // N
    for k in prange((n_images + N - 1) // N * n_blocks):
        g, pixel = k // n_blocks, k % n_blocks * N
        lanes, begin = min(N, n_images - g * N), g * group
        if lanes == N and n_pixels >= N:
            pixel = min(pixel, n_pixels - N)
            if past:
                _past_images(images, g * N * n_pixels + pixel, n_pixels, array, begin, places, pixel)
            else:
                _to_images(images, g * N * n_pixels + pixel, n_pixels, array, begin, places, pixel)
        else:
            for i in range(pixel, min(pixel + N, n_pixels)):
                for lane in range(lanes):
                    images[(g * N + lane) * n_pixels + i] = array[begin + places[i] + lane]
