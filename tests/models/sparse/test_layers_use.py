"""Sparse layers for torch as they are used: states, the choice of a path, bad input, forks, other types and devices."""

import copy
import os
import warnings

import numpy as np
import pytest
import torch

from lib.models.sparse import choice, layers
from lib.models.sparse.layers import SparseConv2d, SparseLinear
from tests.models.sparse.test_layers import agree, both, images, random_mask
from tests.native.test_tiles import run_in_another_process


def test_copies_and_files():
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), bias=True, seed=1, path="native")
    x = images(4, 3, 5, 5)
    wanted = layer(x)
    copied = copy.deepcopy(layer)
    assert layer._plans and not copied._plans  # index lists stay behind
    assert torch.equal(copied(x), wanted)
    with torch.no_grad():
        copied.weight += 1
    assert torch.equal(layer(x), wanted)
    state = layer.state_dict()
    assert set(state) == {"weight", "bias", "mask"}
    again = SparseConv2d(state["mask"], bias=True, seed=9, path="native")
    assert not torch.equal(again(x), wanted)
    again.load_state_dict(state)
    assert torch.equal(again(x), wanted)


def test_a_state_of_another_mask_is_refused_and_changes_nothing():
    mask = random_mask((4, 3, 3, 3), 0.5)
    layer = SparseConv2d(mask, seed=1)
    before = layer.weight.detach().clone()
    rolled = mask.flatten().roll(1).view(mask.shape)  # as many weights in other places
    for other in (rolled, ~mask, random_mask((4, 2, 3, 3), 0.5)):
        with pytest.raises(RuntimeError, match=r"expected mask as in this layer.*try SparseConv2d\(state_dict"):
            layer.load_state_dict(SparseConv2d(other, seed=2).state_dict())
    with pytest.raises(RuntimeError, match="got mask: none"):
        layer.load_state_dict({"weight": layer.weight})
    with pytest.raises(RuntimeError, match="Missing key.*0.mask"):
        torch.nn.Sequential(layer).load_state_dict({})
    torch.nn.Sequential(layer).load_state_dict({}, strict=False)
    with pytest.raises(RuntimeError, match="got one on the device meta"):
        copy.deepcopy(layer).to("meta").load_state_dict(layer.state_dict(), assign=True)
    assert torch.equal(layer.weight, before)
    with pytest.raises(RuntimeError, match="0.mask"):
        torch.nn.Sequential(layer).load_state_dict(torch.nn.Sequential(SparseConv2d(~mask, seed=1)).state_dict())


def test_initial_values():
    mask = random_mask((50, 40, 3, 3), 0.1)
    layer = SparseConv2d(mask.numpy(), bias=True, seed=1)
    bound, weight = 1 / np.sqrt(layer.density * 360), layer.weight.detach()
    assert 0.99 * bound < weight.abs().max() <= bound and abs(weight.mean()) < 0.05 * bound
    assert layer.bias.detach().abs().max() <= bound
    assert torch.equal(layer.weight, SparseConv2d(mask, seed=1).weight)
    assert not torch.equal(layer.weight, SparseConv2d(mask, seed=2).weight)
    assert layer.weight.shape == (int(mask.sum()),) == (round(layer.density * mask.numel()),)


def test_the_path_follows_the_table(monkeypatch):
    monkeypatch.setattr(choice, "HAS_KERNELS", True)
    thin, full = (SparseConv2d(random_mask((64, 64, 3, 3), density), seed=1) for density in (0.002, 1.0))
    x = torch.zeros(128, 64, 16, 16)
    monkeypatch.setattr(choice, "native_pays", lambda shape, stride, out_size, density: density < 0.01)
    assert thin.path_for(x) == "native" and full.path_for(x) == "dense"
    assert thin.path_for(x.double()) == "dense" and thin.path_for(x.to("meta")) == "dense"
    assert thin.path_for(x[:1]) == "dense"  # fifteen lanes of sixteen would be empty
    monkeypatch.setattr(choice, "HAS_KERNELS", False)
    assert thin.path_for(x) == "dense"
    assert thin.double()(x.double()).dtype == torch.float64


def test_bad_input_is_refused():
    mask = random_mask((4, 3, 3, 3), 0.5)
    for wrong in (mask.float(), mask[0], mask[:, :, :2, :2], mask[:, :, :2], torch.zeros(4, 3, 3, 3, dtype=bool),
                  mask.numpy().astype(int)):
        with pytest.raises(ValueError, match="expected a bool mask .*got .*; try"):
            SparseConv2d(wrong, seed=1)
    with pytest.raises(ValueError, match=r"expected a bool mask \(n_out, n_in\)"):
        SparseLinear(mask, seed=1)
    for arguments, message in (({"stride": 3}, "stride 1 or 2, got 3"), ({"path": "fast"}, "path as one of"),
                               ({"seed": -1}, "seed")):
        with pytest.raises(ValueError, match=message):
            SparseConv2d(mask, **({"seed": 1} | arguments))
    for path in layers.PATHS:
        layer = SparseConv2d(mask, seed=1, path=path)
        for x in (images(2, 4, 5, 5), images(3, 5, 5), images(2, 3, 0, 5)):
            with pytest.raises(ValueError, match=r"expected images \(n_images, 3, height, width\), got"):
                layer(x)
        with pytest.raises(ValueError, match=r"expected an input \(..., 3\), got"):
            SparseLinear(mask[:, :, 0, 0], seed=1, path=path)(images(2, 4))
    layer = SparseConv2d(mask, seed=1, path="native")
    for x in (images(2, 3, 5, 5).double(), images(2, 3, 5, 5).to("meta")):
        with pytest.raises(ValueError, match='expected float32 on the CPU .*, got .*; try path="auto"'):
            layer(x)
    with pytest.raises(ValueError, match="weights in torch.float64"):
        layer.double()(images(2, 3, 5, 5))


def test_defaults_of_torch_do_not_matter():
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), seed=1, path="native")
    x = images(5, 3, 6, 6)
    wanted = layer(x)
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        got = layer(x)
    finally:
        torch.set_default_dtype(before)
    with torch.device("meta"):
        again, made = layer(x), SparseConv2d(layer.mask.numpy(), seed=1, path="native")
    for out in (got, again, made(x)):
        assert out.dtype == torch.float32 and torch.equal(out, wanted)


def test_a_mask_or_weights_changed_by_hand():
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), seed=1, path="native")
    layer.mask[0] = False  # both paths keep to the weights that there are
    agree(both(layer, images(5, 3, 6, 6)))
    layer.weight = torch.nn.Parameter(torch.zeros(len(layer.weight) + 1))
    with pytest.raises(ValueError, match="expected .* weights, as the mask has, got .*; try a new layer"):
        layer(images(5, 3, 6, 6))


def test_what_does_not_fit_the_kernels_is_dense(monkeypatch):
    layer = SparseConv2d(random_mask((64, 64, 3, 3), 0.01), seed=1)
    monkeypatch.setattr(choice, "HAS_KERNELS", True)
    assert layer.path_for(torch.zeros(1).expand(16, 64, 32, 32)) == "native"
    assert layer.path_for(torch.zeros(1).expand(16, 64, 1024, 2048)) == "dense"


def test_hints():
    with pytest.raises(ValueError, match="try mask != 0"):
        SparseLinear(np.eye(4, 3), seed=1)
    with pytest.raises(ValueError, match="try images.None. for a single one"):
        SparseConv2d(random_mask((4, 3, 3, 3), 0.5), seed=1)(torch.zeros(3, 6, 6))
    with pytest.raises(ValueError, match="device meta"):
        SparseLinear(torch.ones(4, 3, dtype=torch.bool, device="meta"), seed=1)
    for x, got in ((torch.zeros(2, 3, dtype=torch.float64), "got torch.float64 on cpu; try x.to"),
                   (torch.zeros(2, 3, device="meta"), "got torch.float32 on meta"), (np.zeros((2, 3)), "got ndarray")):
        with pytest.raises(ValueError, match=got):
            SparseLinear(random_mask((4, 3), 0.5), seed=1)(x)
    assert "stride=2, bias" in repr(SparseConv2d(random_mask((4, 3, 3, 3), 0.5), 2, True, seed=1))

FORKED = """
import os, threading
import torch
from lib.models.sparse import threads
from lib.models.sparse.layers import SparseConv2d

layer = SparseConv2d(torch.ones(4, 3, 3, 3, dtype=torch.bool), seed=1, path="native")
x = torch.ones(2, 3, 5, 5)
wanted = layer(x)
threads._turn.acquire()  # as another thread may hold it at that moment
child = os.fork()
if child == 0:
    try:
        layer(x)
        said = threads.usable()
    except RuntimeError as error:
        said = "got one that was forked" in str(error) and not threads.usable()
    layer.path = "auto"
    os._exit(0 if said and torch.allclose(layer(x), wanted, atol=1e-5) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_is_told_or_served():
    run_in_another_process(FORKED)


@pytest.mark.parametrize("path", layers.PATHS)
def test_half_precision(path):
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), seed=1, path=path)
    for dtype in (torch.float16, torch.bfloat16):
        with pytest.raises(ValueError, match=f"got {dtype}"):
            layer(images(2, 3, 5, 5).to(dtype))
    if path != "native":
        half = copy.deepcopy(layer).to(torch.bfloat16)
        x = images(2, 3, 5, 5).to(torch.bfloat16)
        assert half(x).dtype == torch.bfloat16 and torch.allclose(half(x).float(), layer(x.float()), atol=0.1)


def test_another_device_takes_the_dense_way_and_says_so():
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), seed=1).to("meta")  # stands for a GPU here
    x = torch.zeros(2, 3, 5, 5, device="meta")
    assert layer.path_for(x) == "dense"
    with pytest.warns(UserWarning, match="a sparse layer on meta takes the masked dense way: all 108 weights"):
        assert layer(x).shape == (2, 4, 5, 5)
    layer.path = "dense"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(x)
