"""BatchNorm, ReLU, the sum of a block and pooling in the layout of the kernels, against torch in float64."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from lib.models.sparse.layout import Layout
from lib.native import batch_norm
from tests.native.test_tiles import run_in_another_process

EPSILON = 1e-5


def packed(layout, images):
    array = layout.zeros()
    layout.pack(np.ascontiguousarray(images, np.float32), array)
    return array


def count_outside(layout, array):
    """Numbers that are not zero in the border and in the lanes of no image."""
    return np.count_nonzero(array) - np.count_nonzero(layout.unpack(array))


class Normalized:
    """One call of `batch_norm.forward`, and of `batch_norm.backward`, beside the same by torch in float64."""

    def __init__(self, n_images, height, width, relu=True, shortcut="none", train=True, n_channels=5):
        generator = np.random.default_rng(n_images)
        shape = n_images, n_channels, height, width
        z = (generator.normal(size=shape) * generator.uniform(0.5, 3, (n_channels, 1, 1)) + 2).astype(np.float32)
        other, error = generator.normal(size=(2, *shape)).astype(np.float32)
        scale, shift, mean = generator.normal(size=(3, n_channels)).astype(np.float32)
        inverse = generator.uniform(0.5, 2, n_channels).astype(np.float32)
        self.size, self.layout, self.a_layout = (n_images, height, width), Layout(*shape), Layout(*shape, border=1)
        other_layout = self.a_layout if shortcut == "in place" else Layout(*shape, border=2)

        x, gamma, beta = (torch.tensor(part, dtype=torch.float64, requires_grad=True) for part in (z, scale, shift))
        before = torch.tensor(other, dtype=torch.float64, requires_grad=True)
        if train:
            y = functional.batch_norm(x, None, None, gamma, beta, True, 0.1, EPSILON)
        else:
            variance = torch.tensor(inverse, dtype=torch.float64)**-2 - EPSILON
            y = functional.batch_norm(x, torch.tensor(mean).double(), variance, gamma, beta, False, 0.1, EPSILON)
        y = y + before if shortcut != "none" else y
        y = y.relu() if relu else y
        self.expected = y.detach().numpy()

        self.z, self.a = packed(self.layout, z), packed(self.a_layout, np.full(shape, np.nan))
        source = packed(other_layout, other) if shortcut != "none" else self.a
        if shortcut == "in place":
            self.a = source
        self.mean, self.inverse, z_before = mean.copy(), inverse.copy(), self.z.copy()
        batch_norm.forward(self.z, self.layout.place, self.size, scale, shift, self.mean, self.inverse, train, EPSILON,
                       relu, source, other_layout.place, shortcut != "none", self.a, self.a_layout.place)
        np.testing.assert_array_equal(self.z, z_before)
        if train:
            np.testing.assert_allclose(self.mean, z.mean((0, 2, 3), dtype=float), rtol=1e-5)
            np.testing.assert_allclose(self.inverse, (z.var((0, 2, 3), dtype=float) + EPSILON)**-0.5, rtol=1e-5)
        else:
            np.testing.assert_array_equal(self.mean, mean)
            np.testing.assert_array_equal(self.inverse, inverse)
        y.backward(torch.from_numpy(error).double())
        g_layout = Layout(*shape, border=1)
        errors, g = packed(self.layout, error), packed(g_layout, np.full(shape, np.nan))
        by_scale, by_shift = np.full((2, n_channels), np.nan, np.float32)
        batch_norm.backward(errors, self.layout.place, self.a, self.a_layout.place, relu, self.z, self.layout.place,
                        self.size, scale, self.mean, self.inverse, g, g_layout.place, by_scale, by_shift, train)
        self.results = self.mean, self.inverse, self.a, g, by_scale, by_shift
        sums = 2e-7 * error[:, 0].size  # so many numbers of about 1 are added, and may cancel
        np.testing.assert_allclose(g_layout.unpack(g), x.grad.numpy(), atol=5e-6 * x.grad.abs().max())
        np.testing.assert_allclose(by_scale, gamma.grad.numpy(), rtol=2e-6, atol=sums)
        np.testing.assert_allclose(by_shift, beta.grad.numpy(), rtol=2e-6, atol=sums)
        assert count_outside(g_layout, g) == count_outside(self.layout, errors) == 0
        if shortcut != "none":  # what the ReLU lets through
            np.testing.assert_array_equal(self.layout.unpack(errors), before.grad.numpy().astype(np.float32))


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("shortcut", ["none", "beside", "in place"])
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("n_images, height, width", [(16, 3, 4), (21, 1, 1), (5, 4, 3), (47, 2, 5)])
def test_normalization_and_its_gradients_are_those_of_torch(n_images, height, width, relu, shortcut, train):
    case = Normalized(n_images, height, width, relu, shortcut, train)
    np.testing.assert_allclose(case.a_layout.unpack(case.a), case.expected, atol=1e-5)
    assert count_outside(case.a_layout, case.a) == 0


def test_arrays_larger_than_the_caches_are_written_past_them():
    normalized = Normalized(16, 230, 230, relu=False)  # whose jumps rounding would show
    assert normalized.a_layout.size >= batch_norm.PAST and normalized.a.ctypes.data % 64 == 0
    np.testing.assert_allclose(normalized.a_layout.unpack(normalized.a), normalized.expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("n_images, mean", [(16, 1000), (20, 1000), (3, 300)])  # empty lanes must not count
def test_means_above_the_deviation_do_not_spoil_it(n_images, mean):
    layout = Layout(n_images, 1, 3, 3)
    z = (mean + np.random.default_rng(0).normal(size=layout[:4])).astype(np.float32)
    array, out, one, zero = packed(layout, z), layout.zeros(), np.ones(1, np.float32), np.zeros(1, np.float32)
    measured, inverse = zero.copy(), zero.copy()
    batch_norm.forward(array, layout.place, (n_images, 3, 3), one, zero, measured, inverse, True, EPSILON, False, out,
                   layout.place, False, out, layout.place)
    np.testing.assert_allclose(measured, z.mean(dtype=float), rtol=1e-6)
    np.testing.assert_allclose(inverse, (z.var(dtype=float) + EPSILON)**-0.5, rtol=1e-4)


def test_constant_channels_stay_finite():
    layout = Layout(20, 2, 3, 3)
    array, out = packed(layout, np.full((20, 2, 3, 3), 0.1)), layout.zeros()
    scale, shift = np.ones(2, np.float32), np.full(2, 0.5, np.float32)
    mean, inverse = np.zeros((2, 2), np.float32)
    batch_norm.forward(array, layout.place, (20, 3, 3), scale, shift, mean, inverse, True, EPSILON, True, out,
                   layout.place, False, out, layout.place)
    np.testing.assert_allclose(inverse, EPSILON**-0.5, rtol=1e-3)
    np.testing.assert_allclose(layout.unpack(out), 0.5, atol=1e-3)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("train", [True, False])
def test_what_is_not_finite_shows(wrong, train):
    """A ReLU that gave 0 for NaN would hide that a training has diverged."""
    layout = Layout(20, 2, 3, 3)
    z = np.random.default_rng(0).normal(size=layout[:4]).astype(np.float32)
    z[3, 1, 1, 1] = wrong
    array, out, one, zero = packed(layout, z), layout.zeros(), np.ones(2, np.float32), np.zeros(2, np.float32)
    batch_norm.forward(array, layout.place, (20, 3, 3), one, zero, zero.copy(), one.copy(), train, EPSILON, True, out,
                   layout.place, False, out, layout.place)
    a = layout.unpack(out)
    assert np.isfinite(a[:, 0]).all() and np.isfinite(np.delete(a, 3, 0)).all() != train
    assert wrong == -np.inf or not np.isfinite(a[3, 1, 1, 1])


@pytest.mark.parametrize("n_images, height, width", [(16, 2, 2), (21, 3, 1), (3, 1, 1), (40, 4, 5)])
def test_pooling_and_its_gradient(n_images, height, width):
    generator = np.random.default_rng(1)
    images = generator.normal(size=(n_images, 3, height, width))
    a_layout, mean_layout = Layout(n_images, 3, height, width, 1), Layout(n_images, 3, 1, 1)
    a, mean = packed(a_layout, images), mean_layout.zeros() + np.float32(7)
    batch_norm.pool(a, a_layout.place, (n_images, height, width), mean, mean_layout.place)
    np.testing.assert_allclose(mean_layout.unpack(mean)[:, :, 0, 0], images.mean((2, 3)), atol=1e-6)
    error, g_layout = generator.normal(size=(n_images, 3)), Layout(n_images, 3, height, width)
    g = packed(g_layout, np.full(images.shape, np.nan))
    batch_norm.unpool(packed(mean_layout, error[:, :, None, None]), mean_layout.place, (n_images, height, width), g,
                  g_layout.place)
    np.testing.assert_allclose(g_layout.unpack(g), np.broadcast_to(error[:, :, None, None] / (height * width),
                                                                   images.shape), rtol=1e-6)
    assert count_outside(g_layout, g) == 0


def test_the_bits_are_the_same_whether_compiled_now_or_before(tmp_path):
    code = "import sys; from tests.native import test_batch_norm as t; sys.stdout.buffer.write(t.norms_digest())"
    compiled, loaded = (run_in_another_process(code, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert len(compiled) > 1000 and compiled == loaded


def norms_digest():
    """What BatchNorm gives in images of many widths, forward and backward, with a last group that is not full."""
    cases = [Normalized(21, 3, width, relu) for width in range(1, 24) for relu in (True, False)]
    return b"".join(part.tobytes() for case in cases for part in case.results)
