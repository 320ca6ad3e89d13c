"""Sparse layers for torch against masked dense torch: outputs, gradients, trajectories, and what is refused."""

import copy
import threading

import pytest
import torch
from torch.nn import functional

from lib.models.sparse import _layer, layers
from lib.models.sparse.convolution import SparseConvolution
from lib.models.sparse.layers import SparseConv2d, SparseLinear

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


@pytest.mark.parametrize("path", layers.PATHS)
def test_an_empty_minibatch_gives_empty_results_and_no_gradient(path):
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


def test_batches_of_all_sizes_share_index_lists():
    layer = SparseConv2d(random_mask((4, 3, 3, 3), 0.5), 2, seed=1, path="native")
    for n in (40, 3, 17):
        agree(both(layer, images(n, 3, 7, 5)))
    assert len(layer._plans) == 1
    for size in range(3, 3 + 2 * _layer._MOST_PLANS):
        layer(images(2, 3, size, size))
    assert len(layer._plans) == _layer._MOST_PLANS
