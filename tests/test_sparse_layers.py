"""Sparse layers for torch against masked dense torch: outputs, gradients, trajectories, and what is refused."""

import copy
import gc
import os
import threading
import warnings
import weakref

import numpy as np
import pytest
import torch
from torch.nn import functional

from lib.models import _memory, _native, sparse_choice, sparse_layers
from lib.models.sparse import Layout, SparseConvolution
from lib.models.sparse_layers import SparseConv2d, SparseLinear
from tests.test_tiles import run_in_another_process

CASES = [  # kernel, stride, n_in, n_out, height, width, images, density
    (3, 1, 5, 7, 6, 9, 17, 0.3), (3, 2, 4, 6, 7, 5, 3, 0.4), (1, 1, 6, 3, 4, 4, 16, 0.5), (1, 2, 3, 5, 5, 8, 33, 0.5),
    (5, 1, 3, 2, 6, 6, 2, 0.2), (5, 2, 2, 3, 9, 8, 20, 0.3), (3, 1, 4, 4, 1, 1, 5, 1.0)]


def random_mask(shape, density, seed=0):
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < density
    mask.view(-1)[0] = True
    return mask


def images(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def both(layer, x, seed=2):
    """Outputs and gradients (input, weight, bias) by the native path, and by float64 masked dense torch."""
    results = []
    for module, dtype in ((layer, torch.float32), (copy.deepcopy(layer).double(), torch.float64)):
        module.path = "native" if dtype == torch.float32 else "dense"
        inputs = x.detach().to(dtype).requires_grad_()
        out = module(inputs)
        parameters = [inputs, *module.parameters()]
        gradients = torch.autograd.grad(out, parameters, images(*out.shape, seed=seed).to(dtype))
        results.append([out.detach(), *gradients])
    return results


def agree(results):
    for native, dense in zip(*results, strict=True):
        assert native.dtype == torch.float32 and native.shape == dense.shape
        scale = float(dense.abs().max()) if dense.numel() else 1.0
        assert torch.allclose(native.double(), dense, rtol=0, atol=1e-5 * max(scale, 1e-3))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("bias", [False, True])
def test_convolution_is_that_of_masked_torch(case, bias):
    kernel, stride, n_in, n_out, height, width, n, density = case
    layer = SparseConv2d(random_mask((n_out, n_in, kernel, kernel), density), stride, bias, seed=3)
    x = images(n, n_in, height, width)
    agree(both(layer, x))
    # `dense` itself, against a plain Conv2d with masked weights.
    peer = torch.nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, bias=bias)
    with torch.no_grad():
        peer.weight.zero_()
        peer.weight[layer.mask] = layer.weight
        if bias:
            peer.bias.copy_(layer.bias)
    assert torch.equal(layer.dense(), peer.weight)
    assert torch.allclose(layer(x), peer(x), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 40), (16, 40), (37, 40), (2, 3, 40), (40,)])
def test_linear_is_that_of_masked_torch(shape):
    layer = SparseLinear(random_mask((13, 40), 0.2), seed=3)
    agree(both(layer, images(*shape)))
    assert layer(images(*shape)).shape == (*shape[:-1], 13)


def test_gradients_are_finite_differences():
    layer = SparseConv2d(random_mask((3, 2, 3, 3), 0.4), stride=2, bias=True, seed=1, path="native")
    x, factors = images(5, 2, 5, 6).requires_grad_(), images(5, 3, 3, 3, seed=5)

    def loss():
        return (layer(x).double() * factors).sum()  # linear in each number: large steps have no error of their own
    loss().backward()
    for values in (x, layer.weight, layer.bias):
        for place in range(0, values.numel(), max(1, values.numel() // 12)):
            sides = []
            for step in (1.0, -1.0):
                with torch.no_grad():
                    values.view(-1)[place] += step
                    sides.append(float(loss()))
                    values.view(-1)[place] -= step
            assert values.grad.view(-1)[place] == pytest.approx((sides[0] - sides[1]) / 2, rel=1e-3, abs=1e-4)


def net(path):
    return torch.nn.Sequential(
        SparseConv2d(random_mask((8, 3, 3, 3), 0.5), seed=1, path=path), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
        SparseConv2d(random_mask((12, 8, 3, 3), 0.2), 2, bias=True, seed=2, path=path), torch.nn.ReLU(),
        SparseConv2d(random_mask((12, 12, 1, 1), 0.4), seed=3, path=path), torch.nn.Flatten(),
        SparseLinear(random_mask((4, 12 * 16), 0.2), seed=4, path=path))


def test_a_training_follows_that_of_masked_torch():
    torch.manual_seed(0)
    nets = [net("native"), net("dense").double()]
    optimizers = [torch.optim.SGD(n.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-3) for n in nets]
    losses = [[], []]
    for step in range(30):
        n = 24 if step % 5 else 7  # also minibatches of another size
        x, labels = images(n, 3, 8, 8, seed=step), torch.arange(n) % 4
        for network, optimizer, series in zip(nets, optimizers, losses):
            loss = functional.cross_entropy(network(x.to(next(network.parameters()).dtype)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            series.append(float(loss.detach()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    for native, dense in zip(nets[0], nets[1]):
        if hasattr(native, "dense"):
            assert torch.allclose(native.dense().double(), dense.dense(), atol=1e-3)
            assert (native.dense()[~native.mask] == 0).all()


def test_retained_graphs_shared_layers_and_several_uses_give_right_gradients():
    layer = SparseConv2d(random_mask((4, 4, 3, 3), 0.5), seed=1, path="native")
    twin = copy.deepcopy(layer)
    twin.path = "dense"
    gradients = []
    for module in (layer, twin):
        x = images(6, 4, 5, 5).requires_grad_()
        out = module(module(x).relu())
        loss = (out * images(6, 4, 5, 5, seed=3)).sum()
        module.zero_grad()
        loss.backward(retain_graph=True)
        loss.backward()
        gradients.append((x.grad, module.weight.grad))
    for ours, theirs in zip(*gradients):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_results_stay_when_the_layer_works_again():
    layer = SparseLinear(random_mask((1, 1), 1.0), bias=False, seed=1, path="native")
    first = layer(torch.full((16, 1), 2.0))
    kept = first.clone()
    layer(torch.full((16, 1), 3.0))
    assert torch.equal(first, kept)


def test_a_smaller_minibatch_sees_nothing_of_the_one_before():
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), seed=1, path="native")
    layer(torch.full((16, 3, 4, 4), torch.nan)).sum().backward()
    layer.zero_grad()
    agree(both(layer, images(9, 3, 4, 4)))


def test_inputs_in_any_memory_order():
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), seed=1, path="native")
    x = images(10, 3, 6, 6)
    wanted = layer(x)
    transposed = x.transpose(2, 3).contiguous().transpose(2, 3)
    for other in (x.to(memory_format=torch.channels_last), transposed, torch.cat([x, x], 1)[:, :3],
                  x.repeat_interleave(2, 3)[..., ::2]):
        assert torch.equal(layer(other), wanted)
    expanded = images(1, 3, 6, 6).expand(10, 3, 6, 6)
    assert torch.equal(layer(expanded), layer(expanded.contiguous()))
    x = x.requires_grad_()
    layer(x).sum().backward()  # an expanded gradient
    dense = functional.conv2d(x, layer.dense(), padding=1).sum()
    assert torch.allclose(torch.autograd.grad(dense, x)[0], x.grad, atol=1e-5)


@pytest.mark.parametrize("path", sparse_layers.PATHS)
def test_an_empty_minibatch(path):
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), 2, seed=1, path=path)
    x = torch.zeros(0, 3, 5, 5, requires_grad=True)
    out = layer(x)
    out.sum().backward()
    assert out.shape == (0, 4, 3, 3) and x.grad.shape == x.shape and not layer.weight.grad.any()
    assert SparseLinear(random_mask((4, 3), 1.0), seed=1, path=path)(torch.zeros(0, 3)).shape == (0, 4)


def test_gradients_that_nobody_asks_for_are_not_computed(monkeypatch):
    called = []

    def counted(name, method):
        return lambda *given, **more: (called.append(name), method(*given, **more))[1]
    for name in ("backward_unchecked", "weight_gradient_unchecked"):
        monkeypatch.setattr(SparseConvolution, name, counted(name, getattr(SparseConvolution, name)))
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), seed=1, path="native")
    layer(images(4, 3, 5, 5)).sum().backward()
    assert called == ["weight_gradient_unchecked"]
    layer.weight.requires_grad_(False)
    layer.weight.grad = None
    x = images(4, 3, 5, 5).requires_grad_()
    layer(x).sum().backward()
    assert layer.weight.grad is None and x.grad is not None
    assert called == ["weight_gradient_unchecked", "backward_unchecked"]
    with torch.no_grad():
        assert not layer(x).requires_grad


def test_second_derivatives_are_refused():
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), seed=1, path="native")
    x = images(4, 3, 5, 5).requires_grad_()
    with pytest.raises(RuntimeError, match='got create_graph=True; try path="dense"'):
        torch.autograd.grad((layer(x) ** 2).sum(), x, create_graph=True)
    layer.path = "dense"
    (gradient,) = torch.autograd.grad((layer(x) ** 2).sum(), x, create_graph=True)
    gradient.sum().backward()


def test_threads_do_not_disturb_each_other():
    layers = [SparseConv2d(random_mask((6, 5, 3, 3), 0.5, seed), seed=seed, path="native") for seed in (1, 2, 3)]
    x = images(20, 5, 6, 6)
    wanted, got = [layer(x).detach() for layer in layers], {}

    def work(place):
        got[place] = all(torch.equal(layers[place](x), wanted[place]) for _ in range(20))
    threads = [threading.Thread(target=work, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {0: True, 1: True, 2: True}


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
    monkeypatch.setattr(sparse_choice, "HAS_KERNELS", True)
    thin, full = (SparseConv2d(random_mask((64, 64, 3, 3), density), seed=1) for density in (0.002, 1.0))
    x = torch.zeros(128, 64, 16, 16)
    monkeypatch.setattr(sparse_choice, "native_pays", lambda shape, stride, out_size, density: density < 0.01)
    assert thin.path_for(x) == "native" and full.path_for(x) == "dense"
    assert thin.path_for(x.double()) == "dense" and thin.path_for(x.to("meta")) == "dense"
    assert thin.path_for(x[:1]) == "dense"  # fifteen lanes of sixteen would be empty
    monkeypatch.setattr(sparse_choice, "HAS_KERNELS", False)
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
    for path in sparse_layers.PATHS:
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


@pytest.mark.parametrize("n", [5, 16])
@pytest.mark.parametrize("kind", [SparseConv2d, SparseLinear])
def test_what_comes_out_may_be_changed_in_place(kind, n):
    shape = (4, 3, 3, 3) if kind is SparseConv2d else (4, 3)
    layer = kind(random_mask(shape, 0.5), bias=False, seed=1)
    x, gradients = images(n, 3, 6, 6) if kind is SparseConv2d else images(n, 3), {}
    for path in ("native", "dense"):
        layer.path = path
        out = layer(x)
        out += 1
        (torch.nn.functional.relu(out, inplace=True) ** 2).sum().backward()
        gradients[path], layer.weight.grad = layer.weight.grad, None
    assert torch.allclose(gradients["native"], gradients["dense"], rtol=1e-4)
    assert layer(x).untyped_storage().nbytes() == 4 * layer(x).numel()  # nothing of the empty lanes is kept


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


def test_batches_of_all_sizes_share_index_lists():
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), 2, seed=1, path="native")
    for n in (40, 3, 17):
        agree(both(layer, images(n, 3, 7, 5)))
    assert len(layer._plans) == 1
    for size in range(3, 3 + 2 * sparse_layers._MOST_PLANS):
        layer(images(2, 3, size, size))
    assert len(layer._plans) == sparse_layers._MOST_PLANS


def test_a_mask_or_weights_changed_by_hand():
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), seed=1, path="native")
    layer.mask[0] = False  # both paths keep to the weights that there are
    agree(both(layer, images(5, 3, 6, 6)))
    layer.weight = torch.nn.Parameter(torch.zeros(len(layer.weight) + 1))
    with pytest.raises(ValueError, match="expected .* weights, as the mask has, got .*; try a new layer"):
        layer(images(5, 3, 6, 6))


def test_what_does_not_fit_the_kernels_is_dense(monkeypatch):
    layer = SparseConv2d(random_mask((64, 64, 3, 3), 0.01), seed=1)
    monkeypatch.setattr(sparse_choice, "HAS_KERNELS", True)
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
from lib.models import sparse
from lib.models.sparse_layers import SparseConv2d

layer = SparseConv2d(torch.ones(4, 3, 3, 3, dtype=torch.bool), seed=1, path="native")
x = torch.ones(2, 3, 5, 5)
wanted = layer(x)
sparse._turn.acquire()  # as another thread may hold it at that moment
child = os.fork()
if child == 0:
    try:
        layer(x)
        said = sparse.usable()
    except RuntimeError as error:
        said = "got one that was forked" in str(error) and not sparse.usable()
    layer.path = "auto"
    os._exit(0 if said and torch.allclose(layer(x), wanted, atol=1e-5) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_is_told_or_served():
    run_in_another_process(FORKED)


# --- images into the layout and back


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


@pytest.mark.parametrize("path", sparse_layers.PATHS)
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
