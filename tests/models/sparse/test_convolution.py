"""Sparse convolutions against torch's dense ones in float64, plain loops, and differences; layouts; what is refused.

Images, weights and errors are small whole numbers, whose sums float32 holds exactly: every result must be equal, not
merely close.
"""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from lib.models.sparse.convolution import SparseConvolution
from lib.models.sparse.layout import Layout
from lib.native.tiles import LANES


def whole(generator, *shape):
    return generator.integers(-3, 4, shape).astype(np.float32)


def make_mask(shape, density=0.4, seed=0):
    return np.random.default_rng(seed).random(shape) < density


def packed(layout, images):
    array = layout.zeros()
    layout.pack(images, array)
    return array


def dense(mask, weights):
    """The weights as a dense tensor, by a plain loop."""
    result = np.zeros(mask.shape)
    for place, weight in zip(np.argwhere(mask), weights, strict=True):
        result[tuple(place)] = weight
    return result


def padded(layout, array, border):
    """All that stands in an array, (n_groups, n_channels, height, width, 16), the border around the pixels included."""
    layout = layout._replace(height=layout.height + 2 * border, width=layout.width + 2 * border, border=0)
    return layout.view(array)


def compare_with_torch(n_images, n_in, n_out, height, width, kernel, stride, density=0.4, more=0, out_border=0, seed=0):
    """Forward and both gradients, written and added, against conv2d; `more` widens the borders beyond need."""
    generator = np.random.default_rng(seed)
    mask = generator.random((n_out, n_in, kernel, kernel)) < density
    layout = Layout(n_images, n_in, height, width, kernel // 2 + more)
    convolution = SparseConvolution(mask, stride, layout, out_border)
    assert convolution.n_weights == mask.sum()
    weights, images = whole(generator, convolution.n_weights), whole(generator, n_images, n_in, height, width)
    x, kernels = torch.tensor(images, dtype=torch.float64), torch.tensor(dense(mask, weights))
    expected = functional.conv2d(x.requires_grad_(), kernels.requires_grad_(), stride=stride, padding=kernel // 2)
    errors, before, before_x = whole(generator, *expected.shape), whole(generator, *expected.shape), \
        whole(generator, *images.shape)
    expected.backward(torch.from_numpy(errors).double())

    out = packed(convolution.out, before)
    source = packed(layout, images)
    convolution.forward(weights, source, out, add=True)
    np.testing.assert_array_equal(convolution.out.unpack(out), before + expected.detach().numpy())
    out = packed(convolution.out, before)
    convolution.forward(weights, source, out)
    np.testing.assert_array_equal(convolution.out.unpack(out), expected.detach().numpy())
    assert convolution.multiply_adds == mask.sum() * expected.shape[2] * expected.shape[3]

    border = kernel // 2 + more
    g = packed(convolution.out._replace(border=border), errors)
    plain = layout._replace(border=0)
    by_x = packed(plain, before_x)
    convolution.backward(weights, g, border, by_x, add=True)
    np.testing.assert_array_equal(plain.unpack(by_x), before_x + x.grad.numpy())
    by_x = packed(plain, before_x)
    convolution.backward(weights, g, border, by_x)
    np.testing.assert_array_equal(plain.unpack(by_x), x.grad.numpy())

    by_weights = np.full(convolution.n_weights, np.nan, np.float32)
    convolution.weight_gradient(source, g, border, by_weights)
    np.testing.assert_array_equal(by_weights, kernels.grad.numpy()[mask])

    # The filled-up lanes hold zeros and the borders too: what comes next reads them.
    used = n_images - LANES * (layout.n_groups - 1)
    for place, array, width in ((convolution.out, out, out_border), (plain, by_x, 0)):
        assert not place.view(array)[-1, ..., used:].any()
        everything = padded(place, array, width).copy()
        everything[:, :, width:width + place.height, width:width + place.width] = 0
        assert not everything.any()
    np.testing.assert_array_equal(source, packed(layout, images))


# --- convolutions


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_all_three_kernels_are_those_of_torch(kernel, stride):
    for height, width, n_images in ((9, 7, 5), (8, 8, 16), (1, 6, 17), (2, 1, 33), (5, 34, 3)):
        compare_with_torch(n_images, 3, 4, height, width, kernel, stride, seed=kernel)


@settings(max_examples=60)
@given(n_images=st.integers(1, 40), n_in=st.integers(1, 12), n_out=st.integers(1, 12), height=st.integers(1, 11),
       width=st.integers(1, 19), kernel=st.sampled_from([1, 3, 5, 7]), stride=st.sampled_from([1, 2]),
       density=st.sampled_from([0.05, 0.3, 1.0]), more=st.integers(0, 2), out_border=st.integers(0, 2),
       seed=st.integers(0, 99))
@example(n_images=20, n_in=40, n_out=9, height=4, width=4, kernel=3, stride=2, density=0.05, more=0, out_border=1,
         seed=1)  # several segments of input channels
def test_any_sparse_convolution_is_that_of_torch(**shape):
    compare_with_torch(**shape)


def test_a_linear_layer_is_a_matrix_product():
    generator = np.random.default_rng(1)
    mask = make_mask((10, 70), 0.2)
    layer = SparseConvolution(mask[:, :, None, None], 1, Layout(37, 70, 1, 1))
    weights, x, errors = whole(generator, layer.n_weights), whole(generator, 37, 70), whole(generator, 37, 10)
    matrix, out, by_x = dense(mask, weights), layer.out.zeros(), layer.x.zeros()
    source, g = packed(layer.x, x[:, :, None, None]), packed(layer.out, errors[:, :, None, None])
    layer.forward(weights, source, out)
    layer.backward(weights, g, 0, by_x)
    layer.weight_gradient(source, g, 0, by_weights := np.zeros_like(weights))
    np.testing.assert_array_equal(layer.out.unpack(out)[:, :, 0, 0], x @ matrix.T)
    np.testing.assert_array_equal(layer.x.unpack(by_x)[:, :, 0, 0], errors @ matrix)
    np.testing.assert_array_equal(by_weights, (errors.T @ x)[mask])
    assert layer.multiply_adds == mask.sum()


@pytest.mark.parametrize("stride, kernel", [(1, 3), (2, 3), (2, 1)])
def test_gradients_are_differences_of_a_plain_loop(stride, kernel):
    """Without torch: what a convolution is, in loops; the loss is linear in each number, so differences are exact."""
    generator = np.random.default_rng(2)
    n, n_in, n_out, height, width, p = 2, 2, 3, 4, 5, kernel // 2
    mask = make_mask((n_out, n_in, kernel, kernel), 0.5)
    layout = Layout(n, n_in, height, width, p)
    convolution = SparseConvolution(mask, stride, layout)
    out_height, out_width = (height + stride - 1) // stride, (width + stride - 1) // stride
    weights, images = whole(generator, convolution.n_weights), whole(generator, n, n_in, height, width)
    errors = whole(generator, n, n_out, out_height, out_width)

    def outputs(weights, images):
        result = np.zeros(errors.shape)
        for (c, source, v, u), weight in zip(np.argwhere(mask), weights, strict=True):
            for y, x in itertools.product(range(out_height), range(out_width)):
                row, column = stride * y + v - p, stride * x + u - p
                if 0 <= row < height and 0 <= column < width:
                    result[:, c, y, x] += weight * images[:, source, row, column]
        return result

    def difference(name):
        """Of sum(errors * outputs), for one more in each of the numbers."""
        result = np.zeros_like(given := {"weights": weights, "images": images}[name], dtype=float)
        for place in np.ndindex(given.shape):
            more = given.copy()
            more[place] += 1
            changed = {"weights": weights, "images": images} | {name: more}
            result[place] = (errors * (outputs(**changed) - outputs(weights, images))).sum()
        return result

    x, g = packed(layout, images), packed(convolution.out._replace(border=p), errors)
    out, plain = convolution.out.zeros(), layout._replace(border=0)
    convolution.forward(weights, x, out)
    np.testing.assert_array_equal(convolution.out.unpack(out), outputs(weights, images))
    convolution.backward(weights, g, p, by_x := plain.zeros())
    np.testing.assert_array_equal(plain.unpack(by_x), difference("images"))
    convolution.weight_gradient(x, g, p, by_weights := np.zeros_like(weights))
    np.testing.assert_array_equal(by_weights, difference("weights"))


def test_numbers_that_round_are_close_to_torch():
    generator = np.random.default_rng(3)
    mask = make_mask((16, 24, 3, 3), 0.3)
    layout = Layout(20, 24, 8, 8, 1)
    convolution = SparseConvolution(mask, 1, layout)
    weights = generator.normal(size=convolution.n_weights).astype(np.float32)
    images, errors = generator.normal(size=(2, 20, 24, 8, 8)).astype(np.float32)[:, :, :24]
    errors = errors[:, :16].copy()
    x, kernels = torch.tensor(images, dtype=torch.float64), torch.tensor(dense(mask, weights))
    expected = functional.conv2d(x, kernels.requires_grad_(), padding=1)
    expected.backward(torch.from_numpy(errors).double())
    source, g = packed(layout, images), packed(convolution.out._replace(border=1), errors)
    convolution.forward(weights, source, out := convolution.out.zeros())
    convolution.weight_gradient(source, g, 1, by_weights := np.zeros_like(weights))
    np.testing.assert_allclose(convolution.out.unpack(out), expected.detach().numpy(), atol=2e-5)
    np.testing.assert_allclose(by_weights, kernels.grad.numpy()[mask], atol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
def test_channels_without_a_weight_give_zero_and_get_zero(stride):
    mask = make_mask((5, 4, 3, 3), 0.8)
    mask[1], mask[4], mask[:, 0] = False, False, False
    layout = Layout(18, 4, 6, 5, 1)
    convolution = SparseConvolution(mask, stride, layout)
    weights = np.ones(convolution.n_weights, np.float32)
    out, by_x = convolution.out.zeros() + np.float32(9), layout._replace(border=0).zeros() + np.float32(9)
    convolution.forward(weights, packed(layout, np.ones((18, 4, 6, 5), np.float32)), out)
    g = packed(convolution.out._replace(border=1), np.ones((18, *convolution.out[1:4]), np.float32))
    convolution.backward(weights, g, 1, by_x)
    assert (convolution.out.unpack(out) != 0).any((0, 2, 3)).tolist() == [True, False, True, True, False]
    assert (layout._replace(border=0).unpack(by_x) != 0).any((0, 2, 3)).tolist() == [False, True, True, True]


def test_a_layer_of_no_weights_gives_zeros_and_adds_nothing():
    for kernel, stride in itertools.product((1, 3), (1, 2)):
        compare_with_torch(18, 3, 4, 5, 6, kernel, stride, density=0)


def test_errors_within_borders_of_several_widths():
    """One layer, whose index lists hang on the border."""
    mask, layout = make_mask((3, 2, 3, 3)), Layout(5, 2, 6, 7, 1)
    convolution = SparseConvolution(mask, 2, layout)
    generator = np.random.default_rng(1)
    weights, errors = whole(generator, convolution.n_weights), whole(generator, 5, *convolution.out[1:4])
    source, plain, found = packed(layout, whole(generator, 5, 2, 6, 7)), layout._replace(border=0), []
    for border in (1, 3, 2):
        g = packed(convolution.out._replace(border=border), errors)
        convolution.backward(weights, g, border, by_x := plain.zeros())
        convolution.weight_gradient(source, g, border, by_weights := np.zeros_like(weights))
        found.append((by_x.tobytes(), by_weights.tobytes()))
    assert len(set(found)) == 1 and by_x.any() and by_weights.any()


def test_weights_are_numbered_as_nonzero_numbers_them():
    mask = np.zeros((2, 2, 3, 3), bool)
    mask[0, 1, 1, 1] = mask[1, 0, 0, 0] = mask[0, 0, 2, 1] = True
    layout = Layout(1, 2, 3, 3, 1)
    images = np.zeros((1, 2, 3, 3), np.float32)
    images[0, :, 1, 1] = 1, 10
    convolution = SparseConvolution(mask, 1, layout)
    convolution.forward(np.array([2, 3, 4], np.float32), packed(layout, images), out := convolution.out.zeros())
    expected = np.zeros((1, 2, 3, 3))
    expected[0, 0, 0, 1], expected[0, 0, 1, 1], expected[0, 1, 2, 2] = 2 * 1, 3 * 10, 4 * 1
    np.testing.assert_array_equal(convolution.out.unpack(out), expected)


def test_multiply_adds_are_those_of_the_weights_that_exist():
    layer = SparseConvolution(np.ones((8, 4, 3, 3), bool), 2, Layout(1, 4, 9, 12, 1))
    assert layer.multiply_adds == 8 * 4 * 9 * 5 * 6


# --- what is refused


@pytest.mark.parametrize("mask", [np.ones((2, 3, 3, 3)), np.ones((2, 3), bool), np.ones((2, 3, 2, 2), bool),
                                  np.ones((2, 3, 3, 1), bool), np.ones((0, 3, 3, 3), bool), np.ones((2, 0, 1, 1), bool),
                                  True])
def test_masks_that_are_none_are_refused(mask):
    with pytest.raises(ValueError, match=r"expected a bool mask \(n_out, n_in, kernel, kernel\) with an odd kernel, got"
                                         r".*; try mask\[:, :, None, None\] for a linear layer"):
        SparseConvolution(mask, 1, Layout(2, 3, 8, 8, 1))


@pytest.mark.parametrize("stride, layout, words", [
    (0, Layout(2, 3, 8, 8, 1), "expected stride 1 or 2.*got stride=0"),
    (3, Layout(2, 3, 8, 8, 1), "got stride=3"),
    (1.5, Layout(2, 3, 8, 8, 1), "got stride=1.5"),
    (1, Layout(2, 4, 8, 8, 1), "images of 3 channels.*n_channels=4"),
    (1, Layout(2, 3, 8, 8, 0), "within a border of 1 or more.*border=0"),
])
def test_what_does_not_fit_together_is_refused(stride, layout, words):
    with pytest.raises(ValueError, match=words):
        SparseConvolution(np.ones((2, 3, 3, 3), bool), stride, layout)
