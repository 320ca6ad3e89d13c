"""Images in the layout of the kernels: nothing is lost or copied; what the kernels cannot work in is refused."""

import numpy as np
import pytest

from lib.models.sparse.convolution import SparseConvolution
from lib.models.sparse.layout import Layout, zeros
from tests.models.sparse.test_convolution import packed


# --- layouts
@pytest.mark.parametrize("n_images", [1, 15, 16, 17, 32, 50])
@pytest.mark.parametrize("border", [0, 1, 3])
def test_images_come_back_and_borders_stay_zero(n_images, border):
    layout = Layout(n_images, 3, 5, 7, border)
    images = np.random.default_rng(0).uniform(1, 2, (n_images, 3, 5, 7)).astype(np.float32)
    array = packed(layout, images)
    assert array.dtype == np.float32 and array.ndim == 1 and array.ctypes.data % 64 == 0
    np.testing.assert_array_equal(layout.unpack(array), images)
    assert np.count_nonzero(array) == images.size and layout.n_groups == -(-n_images // 16)
    # By hand: group, channel, row, column, lane.
    n, c, y, x = n_images - 1, 2, 4, 1
    place = n // 16 * layout.group + c * layout.channel + (y + border) * layout.row + (x + border) * 16 + n % 16
    assert array[place] == images[n, c, y, x] and layout.view(array)[n // 16, c, y, x, n % 16] == images[n, c, y, x]
    layout.pack(images[::-1], array)
    np.testing.assert_array_equal(layout.unpack(array), images[::-1])
    assert np.count_nonzero(array) == images.size


def test_the_view_is_no_copy_and_channels_do_not_overlap():
    layout = Layout(33, 4, 3, 2, 1)
    array = layout.zeros()
    layout.view(array)[:] = np.arange(3 * 4 * 3 * 2 * 16).reshape(3, 4, 3, 2, 16) + 1
    assert np.count_nonzero(array) == len(np.unique(array)) - 1 == 3 * 4 * 3 * 2 * 16


def test_rows_are_where_the_view_says():
    layout = Layout(20, 2, 7, 5, 2)
    array = np.arange(layout.n_groups * layout.group, dtype=np.float32)
    view = layout.view(array)
    expected = [view[group, 0, row, 3, 0] for group in range(2) for row in (1, 3, 5)]
    assert array[layout.rows(1, 2, 3, 3)].tolist() == expected


@pytest.mark.parametrize("n", [0, 1, 17, 2**19 - 1, 2**19, 2**19 + 5])
def test_memory_is_zero_and_aligned_above_and_below_a_huge_page(n):
    array = zeros(n)
    assert array.shape == (n,) and array.dtype == np.float32 and not array.any() and array.flags.writeable
    assert n == 0 or array.ctypes.data % (64 if 4 * n < 2**21 else 2**21) == 0
    array[:] = 1
    assert array.sum() == n


def test_images_too_large_for_an_offset_are_refused():
    with pytest.raises(ValueError, match=r"expected fewer than 2\^31 numbers in sixteen images, got .*; try smaller"):
        SparseConvolution(np.ones((1, 2**15, 1, 1), bool), 1, Layout(16, 2**15, 64, 64))
    with pytest.raises(ValueError, match=r"expected fewer than 2\^31"):  # of what it gives
        SparseConvolution(np.ones((2**15, 1, 1, 1), bool), 1, Layout(16, 1, 64, 64))


def test_an_error_without_its_border_is_refused():
    layout = Layout(2, 3, 8, 8, 1)
    convolution = SparseConvolution(np.ones((2, 3, 3, 3), bool), 1, layout)
    with pytest.raises(ValueError, match="within a border of 1 or more, got 0"):
        convolution.backward(np.ones(54, np.float32), convolution.out.zeros(), 0, layout.zeros())


def test_arrays_that_the_kernels_cannot_work_in_are_refused():
    x_layout = Layout(3, 2, 4, 4, border=1)
    convolution = SparseConvolution(np.ones((5, 2, 3, 3), bool), 1, x_layout)
    weights, x, out = np.ones(90, np.float32), x_layout.zeros(), convolution.out.zeros()
    g_layout = convolution.out._replace(border=1)
    g, by_x, by_weight = g_layout.zeros(), x_layout._replace(border=0).zeros(), np.zeros(90, np.float32)
    convolution.forward(weights, x, out), convolution.backward(weights, g, 1, by_x)
    convolution.weight_gradient(x, g, 1, by_weight)
    for call in (lambda: convolution.forward(weights[:-1], x, out), lambda: convolution.forward(weights, x, out[:-1]),
                 lambda: convolution.forward(weights, x.astype(np.float64), out),
                 lambda: convolution.forward(weights, np.stack([x, x], 1)[:, 0], out),
                 lambda: convolution.backward(weights, g[:-1], 1, by_x),
                 lambda: convolution.backward(np.ones(91, np.float32), g, 1, by_x),
                 lambda: convolution.weight_gradient(x, g, 1, by_weight[:-1]),
                 lambda: convolution.weight_gradient(x, g, 1, by_weight, np.zeros(10, np.float32)),
                 lambda: convolution.weight_gradient(x.reshape(1, -1), g, 1, by_weight)):
        with pytest.raises(ValueError, match="as a flat, contiguous float32 array of .* numbers.*, got .*; try"):
            call()


@pytest.mark.parametrize("n", [5, 16, 17])
def test_unpacked_images_are_a_copy(n):
    layout = Layout(n, 2, 3, 4, border=1)
    assert not np.shares_memory(layout.unpack(array := layout.zeros()), array)
