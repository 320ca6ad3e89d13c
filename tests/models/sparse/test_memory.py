"""Images into the layout of the kernels and back, and the memory that is used again."""

import gc
import weakref

import numpy as np
import pytest
import torch

from lib.models.sparse import _memory, _native
from lib.models.sparse.layers import SparseConv2d
from lib.models.sparse.layout import Layout, empty
from lib.native import packing
from tests.models.sparse.test_layers import agree, both, images, random_mask


@pytest.mark.parametrize("n_images", [1, 15, 16, 35])
@pytest.mark.parametrize("shape", [(3, 1, 1), (40, 1, 1), (5, 4, 4), (2, 5, 7), (3, 8, 16), (2, 3, 33)])
@pytest.mark.parametrize("border", [0, 1, 2])
def test_packing_is_that_of_the_plain_twin(n_images, shape, border):
    layout, x = Layout(n_images, *shape, border), images(n_images, *shape)
    expected, array = layout.zeros(), layout.zeros()
    layout.pack(x.numpy(), expected)
    layout.view(array)[:] = 7  # what an earlier minibatch has left
    way, back = _native.Images.of(layout), np.empty(x.numel(), np.float32)
    way.pack(_native.flat(x), 0, n_images, array)
    assert np.array_equal(array, expected)
    way.unpack(array, back, 0, n_images)
    assert np.array_equal(back.reshape(x.shape), x)


@pytest.mark.parametrize("shape", [(4, 4, 4), (2, 5, 7)])
@pytest.mark.parametrize("begin", [0, 1])
def test_large_results_are_written_past_the_caches_where_they_can(shape, begin):
    layout, x = Layout(35, *shape, 1), images(35, *shape)
    array, room = layout.zeros(), empty(x.numel() + 1)
    layout.pack(x.numpy(), array)
    back = room[begin:begin + x.numel()]  # at a multiple of 64 bytes, or beside one
    packing.unpack(array, back, 35, _native.places(layout._replace(n_images=0)), layout.group, True)
    assert np.array_equal(back.reshape(x.shape), x)


def test_results_that_somebody_holds_keep_their_numbers_and_others_leave_their_memory():
    layer, x = SparseConv2d(random_mask((8, 4, 3, 3), 0.5), seed=1, path="native"), images(64, 4, 32, 32)
    first = layer(x).detach()
    copy_of_first, seen = first.clone(), first.numpy()[3:]  # a view of it by numpy outlives the tensor
    assert 4 * first.numel() > _memory.SMALL
    second = layer(2 * x).detach()
    place = second.data_ptr()
    assert torch.equal(first, copy_of_first) and not torch.equal(first, second)
    del first, second
    third = layer(3 * x).detach()
    assert third.data_ptr() == place
    assert np.array_equal(seen, copy_of_first[3:].numpy())


def test_memory_that_is_free_is_bounded_and_goes_with_the_last_layer(monkeypatch):
    monkeypatch.setattr(_memory, "_SHARED", None)
    monkeypatch.setattr(_memory, "MOST", 20_000_000)
    layer = SparseConv2d(random_mask((8, 4, 3, 3), 0.5), seed=1, path="native")
    for size in (32, 40, 24, 28, 36):
        layer(images(64, 4, size, size))
    memory = _memory.shared()
    assert 0 < memory.n_bytes <= 20_000_000
    held = layer(images(64, 4, 32, 32)).detach()
    copied = held.clone()
    there = weakref.ref(memory)
    del memory, layer
    gc.collect()
    assert there() is None and torch.equal(held, copied)
    del held  # a result that is left when nobody keeps memory any more


def test_small_arrays_are_not_kept_and_borders_are_zero():
    memory, layout = _memory.Memory(), Layout(16, 8, 48, 48, 1)
    memory.take((10, 100))
    memory.take(Layout(2, 3, 4, 4, 1))
    assert memory.n_bytes == 0
    array = memory.take(layout)
    layout.view(array)[:] = 5
    place = array.ctypes.data
    del array
    assert memory.n_bytes == 4 * layout.size
    again = memory.take(layout)
    assert again.ctypes.data == place and memory.n_bytes == 0
    whole = layout._replace(height=50, width=50, border=0).view(again)
    assert not whole[:, :, 0].any() and not whole[:, :, :, -1].any() and whole.any()


@pytest.mark.parametrize("stride", [1, 2])
def test_images_pass_a_few_groups_at_a_time(stride, monkeypatch):
    layer, x = SparseConv2d(random_mask((6, 5, 3, 3), 0.4), stride, seed=1, path="native"), images(71, 5, 9, 8)
    whole = both(layer, x)[0]
    layer._plans.clear()
    monkeypatch.setattr(_native, "_AT_ONCE", 4 * layer._passes(5, 9, 8).convolution.x.group * 3)
    layer._plans.clear()
    parts = layer._passes(5, 9, 8).parts(71)
    assert len(parts) > 2 and [parts[0].begin, parts[-1].end] == [0, 71]
    divided = both(layer, x)
    agree(divided)
    for one, other in zip(whole, divided[0]):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-6 * float(one.abs().max()))
