"""Runs of sparse convolution, BatchNorm and ReLU in the layout of the kernels, against the modules one by one."""

import copy
import gc
import pickle

import pytest
import torch

from lib.models.sparse import _memory, choice
from lib.models.sparse.conversion import convert, to_masked
from lib.models.sparse.dynamic_masks import dense_gradients, rigl_step
from lib.models.sparse.layers import SparseConv2d
from lib.models.sparse.sequential import SparseSequential

CASES = {  # kernel, stride, n_out, bias, ReLU of each block; n_in, height, width, images
    "plain": ([(3, 1, 7, False, True), (3, 1, 6, False, True)], 5, 6, 9, 17),
    "strides": ([(3, 2, 4, False, True), (1, 2, 8, True, False), (3, 1, 5, True, True)], 3, 9, 7, 5),
    "one block of kernel 5": ([(5, 1, 3, False, True)], 2, 6, 6, 16),
    "pixels": ([(1, 1, 6, True, True), (3, 1, 4, False, False)], 4, 1, 1, 33)}


def images(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def make_net(blocks, n_in, *, path="native", seed=0):
    """The net with BatchNorms that have something to lose."""
    generator, modules = torch.Generator().manual_seed(seed), []
    for place, (kernel, stride, n_out, bias, relu) in enumerate(blocks):
        mask = torch.rand(n_out, n_in, kernel, kernel, generator=generator) < 0.4
        mask[:, 0, 0, 0] = True
        modules += [SparseConv2d(mask, stride, bias, seed=place, path=path), torch.nn.BatchNorm2d(n_out)]
        modules += [torch.nn.ReLU()] * relu
        n_in = n_out
    net = SparseSequential(*modules)
    for norm in net:
        if isinstance(norm, torch.nn.BatchNorm2d):
            for tensor, least in ((norm.weight, -1), (norm.bias, -1), (norm.running_mean, -1), (norm.running_var, 0.5)):
                tensor.data.uniform_(least, 2, generator=generator)
    return net


def twin_of(net):
    """The same modules, masked dense in float64, one by one."""
    return torch.nn.Sequential(*to_masked(copy.deepcopy(net)).double())


def gradients(net, x, seed=2):
    """The result, and gradients by x and all parameters, and the buffers after it; weights of a twin where they exist.
    """
    x = x.detach().to(next(net.parameters()).dtype).requires_grad_()
    out = net(x)
    found = torch.autograd.grad(out, [x, *net.parameters()], images(*out.shape, seed=seed).to(out.dtype))
    names = ["x", *(name for name, _ in net.named_parameters())]
    results = {"out": out.detach()} | dict(zip(names, found, strict=True))
    for name in [name for name in results if name.endswith("_orig")]:
        mask = net.get_buffer(name.replace("_orig", "_mask"))
        results[name.replace("_orig", "")] = results.pop(name)[mask != 0]
    return results | {name: part.clone() for name, part in net.named_buffers() if ".running" in name or "num" in name}


def agree(ours, theirs, tolerance=2e-5):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        expected = theirs[name]
        scale = float(expected.abs().max())
        if name.endswith("bias") and float(value.abs().max()) == 0:  # behind it the mean is subtracted
            scale = 1
        assert value.shape == expected.shape
        assert torch.allclose(value.double(), expected.double(), rtol=0, atol=tolerance * max(scale, 1e-3)), name


@pytest.mark.parametrize("mode", ["train", "eval", "both", "no statistics", "cumulative"])
@pytest.mark.parametrize("case", CASES)
def test_results_gradients_and_statistics_are_those_of_masked_torch(case, mode):
    blocks, n_in, height, width, n = CASES[case]
    net = make_net(blocks, n_in)
    net.train(mode != "eval")
    if mode == "both":
        net[1].eval()
    for norm in net:
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = None if mode == "cumulative" else 0.3
            if mode == "no statistics":
                norm.running_mean = norm.running_var = norm.num_batches_tracked = None
    twin = twin_of(net)
    for seed in (1, 2):  # the second on the statistics of the first
        x = images(n, n_in, height, width, seed=seed)
        assert net.paths_for(x) == ["native"]
        agree(gradients(net, x), gradients(twin, x))
    with torch.no_grad():
        assert torch.allclose(net(x).double(), twin(x.double()), atol=1e-4)


def test_a_training_step_is_that_of_the_modules_and_so_is_the_state():
    net = make_net(*CASES["plain"][:2])
    plain = torch.nn.Sequential(*copy.deepcopy(net))
    assert net.state_dict().keys() == plain.state_dict().keys()
    for module in (net, plain):
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
        for seed in range(3):
            optimizer.zero_grad()
            module(images(20, 5, 6, 6, seed=seed)).square().mean().backward()
            optimizer.step()
    for name, value in plain.state_dict().items():
        assert torch.allclose(value.double(), net.state_dict()[name].double(), atol=1e-4), name
    again = make_net(*CASES["plain"][:2], seed=0)
    again.load_state_dict(plain.state_dict())
    again.eval(), plain.eval()
    assert torch.allclose(again(images(3, 5, 4, 4)), plain(images(3, 5, 4, 4)), atol=1e-5)


def test_other_modules_stand_between_runs():
    first, second = make_net(*CASES["plain"][:2]), make_net([(3, 1, 4, False, True)], 6)
    net = SparseSequential(*first, torch.nn.MaxPool2d(2), torch.nn.BatchNorm2d(6), *second, torch.nn.Flatten(),
                           torch.nn.Linear(4 * 9, 3))
    twin, before, x = twin_of(net), copy.deepcopy(net.state_dict()), images(16, 5, 6, 6)
    assert net.paths_for(x) == ["native", "native"]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    agree(gradients(net, x), gradients(twin, x))
    assert isinstance(net[:6], SparseSequential) and net[:6].paths_for(x) == ["native"]
    assert SparseSequential()(x) is x


def test_minibatches_and_images_of_other_sizes_in_any_memory_order():
    net = make_net([(3, 2, 4, False, True), (3, 1, 3, False, True)], 4).eval()
    twin = twin_of(net)
    for n, height, width in ((20, 8, 6), (3, 8, 6), (20, 5, 7), (20, 8, 6), (1, 3, 3), (2, 4, 4), (4, 6, 6), (5, 7, 7)):
        x = images(n, 4, height, width)
        for order in (x, x.to(memory_format=torch.channels_last), x.flip(3).flip(3), x.expand(2, *x.shape)[1]):
            assert torch.allclose(net(order).double(), twin(order.double()), atol=1e-4)
    assert len(net._plans) <= 4
    x = images(6, 8, 9, 8)[:, ::2, :, ::2]  # every second channel and column
    agree(gradients(net, x), gradients(twin, x))
    error = images(6, 3, 4, 5).transpose(2, 3)
    for module in (net, twin):
        module.zero_grad()
        module(images(6, 4, 9, 7).to(module[0 if module is net else 1].weight.dtype)).backward(
            error.to(module[1].weight.dtype))
    assert torch.allclose(net[1].weight.grad.double(), twin[1].weight.grad, atol=1e-3)


def test_what_the_kernels_do_not_do_goes_module_by_module(monkeypatch):
    x = images(16, 5, 6, 6)

    def paths(change, x=x, path="auto"):
        net = make_net(*CASES["plain"][:2], path=path)
        change(net)
        return net.paths_for(x)
    monkeypatch.setattr(choice, "chain_pays", lambda layers, n_images: True)
    assert paths(lambda net: None) == ["native"]
    assert paths(lambda net: net.double(), x.double()) == ["modules"]
    assert paths(lambda net: net[1].double()) == ["modules"]
    assert paths(lambda net: net[2].register_forward_hook(print)) == ["modules"]
    assert paths(lambda net: setattr(net[3], "path", "dense")) == ["modules"]
    assert paths(lambda net: None, x[:0]) == ["modules"]
    assert paths(lambda net: None, x[:1, :, :1, :1]) == ["modules"]  # nothing to take a deviation of: torch refuses
    assert paths(lambda net: setattr(net, "4", torch.nn.BatchNorm2d(9))) == ["modules"]
    monkeypatch.setattr(choice, "chain_pays", lambda layers, n_images: False)
    assert paths(lambda net: None) == ["modules"] and paths(lambda net: None, path="native") == ["native"]
    net = make_net(*CASES["plain"][:2], path="auto")
    agree(gradients(net, x), gradients(twin_of(make_net(*CASES["plain"][:2])), x))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        make_net(*CASES["plain"][:2])(x[:1, :, :1, :1])


def test_the_table_decides_by_shapes_and_densities():
    layer = (64, 64, 3, 3), 1, 32.0
    assert choice.chain_pays([(*layer, 600)] * 4, 128) == choice.HAS_KERNELS
    assert not choice.chain_pays([((512, 512, 3, 3), 1, 8.0, 512 * 512 * 9)], 128)
    assert not choice.chain_pays([(*layer, 15_000)] * 4, 1)  # fifteen of sixteen lanes are empty


def test_bad_input_is_refused():
    net = make_net(*CASES["plain"][:2])
    for wrong, words in ((images(4, 6, 6, 6), "expected images"), (images(5, 6, 6), "images.None."),
                         (images(4, 5, 0, 6), "expected images"), ([1.0], "torch tensor"),
                         (images(4, 5, 6, 6).half(), "expected float32"), (images(4, 5, 6, 6).double(), "float32")):
        with pytest.raises(ValueError, match=words):
            net(wrong)
    x = images(16, 5, 6, 6).requires_grad_()
    with pytest.raises(RuntimeError, match="first derivatives"):
        torch.autograd.grad(net(x).sum(), x, create_graph=True)
    out = net(x).sum()
    out.backward(retain_graph=True)
    first = x.grad.clone()
    out.backward()
    assert torch.equal(x.grad, 2 * first)
    with pytest.raises(RuntimeError, match="a second time"):
        out.backward()
    out = net(x).sum()
    with torch.no_grad():
        net[0].weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


def test_another_device_takes_the_masked_dense_way_and_says_so():
    net = make_net(*CASES["plain"][:2], path="auto")
    weights = net[0].weight.detach().clone()
    with pytest.warns(UserWarning, match="takes the masked dense way"):
        assert net.to("meta")(images(4, 5, 6, 6).to("meta")).shape == (4, 6, 6, 6)
    assert net[0].weight.is_meta and not weights.is_meta


def test_gradients_that_nobody_asks_for():
    for frozen in (["0.weight"], ["0.weight", "1.weight", "1.bias"], ["3.weight", "4.bias"]):
        net, x = make_net(*CASES["plain"][:2]), images(16, 5, 6, 6)
        for name in frozen:
            net.get_parameter(name).requires_grad_(False)
        twin = twin_of(make_net(*CASES["plain"][:2]))
        expected = gradients(twin, x)
        net(x).backward(images(16, 6, 6, 6, seed=2))
        for name, parameter in net.named_parameters():
            assert (parameter.grad is None) == (name in frozen)
            if name not in frozen:
                assert torch.allclose(parameter.grad.double(), expected[name].double(),
                                      atol=2e-5 * float(expected[name].abs().max()))


def test_moving_masks_and_copies():
    net, x = make_net(*CASES["plain"][:2]), images(16, 5, 6, 6)
    net(x)
    with dense_gradients(net) as found:
        assert net.paths_for(x) == ["modules"]
        net(x).square().sum().backward()
    assert rigl_step(net, 0.5, found) > 0 and net.paths_for(x) == ["native"]
    agree(gradients(net.eval(), x), gradients(twin_of(net), x))
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert "_plans" not in other.__dict__ and torch.equal(other(x), net(x))


def test_memory_of_a_graph_returns_when_it_goes(monkeypatch):
    monkeypatch.setattr(_memory, "SMALL", 0)
    net, x = make_net(*CASES["plain"][:2]), images(16, 5, 6, 6).requires_grad_()

    def free():
        gc.collect()
        return net._memory.n_bytes
    net(x).sum().backward()
    x.grad = None
    first = free()
    held = net(x)
    kept = held.detach().clone()
    assert free() < first
    net(2 * x).sum().backward()
    assert torch.equal(held, kept)
    del held
    x.grad = None
    assert first <= free() <= 2 * first
    with torch.no_grad():
        assert net(x).grad_fn is None


def test_a_converted_network():
    plain = torch.nn.Sequential(torch.nn.Conv2d(5, 7, 3, padding=1), torch.nn.BatchNorm2d(7), torch.nn.ReLU())
    mask = torch.rand(7, 5, 3, 3, generator=torch.Generator().manual_seed(1)) < 0.3
    with torch.no_grad():
        plain[0].weight.mul_(mask)
    net = SparseSequential(*convert(plain, {"0": mask}, path="native"))
    x = images(16, 5, 6, 6)
    assert net.paths_for(x) == ["native"] and torch.allclose(net(x), plain(x), atol=1e-5)
    assert torch.allclose(net[1].running_mean, plain[1].running_mean, atol=1e-6)
