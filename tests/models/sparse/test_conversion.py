"""Networks of dense layers made sparse, and back: the same outputs and weights, and what is refused."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.nn.utils import prune

from lib.models.sparse.conversion import convert, to_masked
from lib.models.sparse.layers import SparseConv2d, SparseLinear
from tests.models.sparse.test_layers import images, random_mask


class Block(torch.nn.Module):
    """What a user's network looks like: layers within modules, and some that nobody names."""

    def __init__(self, channels):
        super().__init__()
        self.conv = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = torch.nn.BatchNorm2d(channels)

    def forward(self, x):
        return x + self.norm(self.conv(x)).relu()


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.Sequential(Block(8), Block(8)),
                               torch.nn.Conv2d(8, 4, 1, padding="same"), torch.nn.Flatten(), torch.nn.Linear(4 * 16, 5))


SHAPES = {"0": (8, 3, 3, 3), "1.0.conv": (8, 8, 3, 3), "2": (4, 8, 1, 1), "4": (5, 64)}
MASKS = {name: random_mask(shape, 0.3, seed) for seed, (name, shape) in enumerate(SHAPES.items())}


def masked(net):
    """The same network with zeros in the weights."""
    net = copy.deepcopy(net)
    with torch.no_grad():
        for name, mask in MASKS.items():
            net.get_submodule(name).weight *= mask
    return net


@pytest.mark.parametrize("path", ["native", "dense"])
def test_a_converted_network_is_the_masked_one(path):
    net, x = network(), images(18, 3, 8, 8)
    before = copy.deepcopy(net.state_dict())
    sparse, twin = convert(net, MASKS, path=path), masked(net)
    kinds = [type(module) for module in sparse.modules() if isinstance(module, (SparseConv2d, SparseLinear))]
    assert kinds == [SparseConv2d, SparseConv2d, SparseConv2d, SparseLinear]
    assert type(sparse[1][1].conv) is torch.nn.Conv2d  # not named
    for name, mask in MASKS.items():
        layer, dense = sparse.get_submodule(name), twin.get_submodule(name)
        assert torch.equal(layer.dense(), dense.weight) and torch.equal(layer.mask, mask)
        assert torch.equal(layer.bias, dense.bias) if dense.bias is not None else layer.bias is None
    ours, theirs = sparse(x), twin(x)
    assert torch.allclose(ours, theirs, atol=1e-5)
    (ours**2).sum().backward(), (theirs**2).sum().backward()
    for name, mask in MASKS.items():
        gradient = twin.get_submodule(name).weight.grad[mask]
        assert torch.allclose(sparse.get_submodule(name).weight.grad, gradient, rtol=1e-3, atol=1e-4)
    for name, value in net.state_dict().items():  # the network itself is as it was
        assert torch.equal(value, before[name])


def test_a_network_that_is_one_layer():
    dense, mask = torch.nn.Linear(7, 3), random_mask((3, 7), 0.5)
    layer = convert(dense, {"": mask.numpy()})
    assert type(layer) is SparseLinear and torch.equal(layer.weight, dense.weight[mask])


def test_what_a_layer_is_besides_its_weights_goes_along():
    dense = torch.nn.Linear(7, 3).double().eval()
    dense.weight.requires_grad_(False)
    layer = convert(dense, {"": random_mask((3, 7), 0.5)}, path="dense")
    assert layer.weight.dtype == torch.float64 and not layer.training and layer.path == "dense"
    assert not layer.weight.requires_grad and layer.bias.requires_grad


def test_to_masked_layers_of_torch_and_back():
    net, x = convert(network(), MASKS, path="dense"), images(6, 3, 8, 8)
    dense = to_masked(net)
    assert {type(dense.get_submodule(name)) for name in MASKS} == {torch.nn.Conv2d, torch.nn.Linear}
    assert all(prune.is_pruned(dense.get_submodule(name)) for name in MASKS)
    assert torch.equal(dense(x), net(x))
    dense(x).sum().backward()
    for name, mask in MASKS.items():
        assert not dense.get_submodule(name).weight_orig.grad[~mask].any()
    again = convert(dense, path="dense")
    assert torch.equal(again(x), net(x))
    for name in MASKS:
        for part in ("weight", "mask"):
            assert torch.equal(getattr(again.get_submodule(name), part), getattr(net.get_submodule(name), part))
    # Pruned by torch's own functions, for instance the smallest half of a layer.
    own = network()
    prune.l1_unstructured(own[4], "weight", amount=0.5)
    assert len(convert(own)[4].weight) == 160 and torch.equal(convert(own)[4].dense(), own[4].weight)


@pytest.mark.parametrize("stride", [1, 2])
def test_to_csr_and_back(stride):
    layer, x = SparseConv2d(random_mask((6, 4, 3, 3), 0.2), stride, True, seed=1), images(5, 4, 7, 6)
    matrix = layer.to_csr()
    assert matrix.layout == torch.sparse_csr and matrix.shape == (6, 36)
    assert torch.equal(matrix.to_dense(), layer.dense().view(6, 36))
    columns = functional.unfold(x, 3, 1, 1, stride)  # images, n_in kernel^2, pixels
    product = torch.stack([torch.sparse.mm(matrix, image) for image in columns]).view(layer(x).shape)
    assert torch.allclose(product + layer.bias[:, None, None], layer(x), atol=1e-5)
    again = SparseConv2d.from_csr(matrix, 3, stride, layer.bias)
    assert torch.equal(again.dense(), layer.dense()) and torch.equal(again(x), layer(x))
    linear = SparseLinear(random_mask((6, 9), 0.3), seed=1)
    matrix, x = linear.to_csr(), images(5, 9)
    assert torch.allclose(torch.sparse.mm(matrix, x.T).T + linear.bias, linear(x), atol=1e-6)
    again = SparseLinear.from_csr(matrix, linear.bias)
    assert torch.equal(again.weight, linear.weight) and torch.equal(again.mask, linear.mask)
    matrix.values().zero_()
    assert linear.weight.any()  # its memory is its own
    assert len(SparseLinear.from_csr(matrix).weight) == len(linear.weight)  # listed zeros are weights


def test_csr_columns_in_any_order():
    matrix = torch.sparse_csr_tensor(torch.tensor([0, 2, 3]), torch.tensor([2, 0, 1]), torch.tensor([1.0, 2.0, 3.0]),
                                     (2, 3))
    assert torch.equal(SparseLinear.from_csr(matrix).dense(), torch.tensor([[2.0, 0, 1], [0, 3, 0]]))


def test_what_is_no_csr_matrix_is_refused():
    good = torch.eye(4, 9).to_sparse_csr()
    for wrong, got in ((torch.eye(3), "got torch.strided"), (torch.eye(3).to_sparse_coo(), "got torch.sparse_coo"),
                       (np.eye(3), "got ndarray")):
        with pytest.raises(ValueError, match=f"expected a torch.sparse CSR matrix, {got}"):
            SparseLinear.from_csr(wrong)
    with pytest.raises(ValueError, match="got 9 for kernel=2; try SparseLinear"):
        SparseConv2d.from_csr(good, 2)
    twice = torch.sparse_csr_tensor(torch.tensor([0, 2]), torch.tensor([1, 1]), torch.ones(2), (1, 3),
                                    check_invariants=False)
    with pytest.raises(ValueError, match="got 1 twice"):
        SparseLinear.from_csr(twice)


def refused(net, masks, message):
    with pytest.raises(ValueError, match=message):
        convert(net, masks)


def test_names_and_masks_are_checked():
    net, good = network(), MASKS["4"]
    refused(net, {"5": good}, "expected names of layers in masks, got '5'; try one of 0, 1.0.conv, 1.1.conv, 2, 4")
    refused(net, {}, "expected masks by the names of layers, got none")
    refused(net, None, "expected masks by the names of layers, got none")
    refused(net, {"1.0.norm": good}, "expected Linear or Conv2d at '1.0.norm', got BatchNorm2d")
    refused(net, {"4": good[:, :3]}, r"expected a bool mask \(5, 64\) at '4', .*got torch.bool \(5, 3\)")
    refused(net, {"4": torch.zeros_like(good)}, "at '4', True somewhere, got torch.bool .* with 0 weights")
    refused(net, {"4": good.float()}, "got torch.float32")


def test_layers_in_two_places_are_refused():
    shared = torch.nn.Linear(4, 4)
    net = torch.nn.Sequential(shared, torch.nn.ReLU(), torch.nn.Sequential(shared))
    refused(net, {"0": random_mask((4, 4), 0.5)}, r"got '0', which is shared \(0, 2.0\)")
    tied = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    refused(tied, {"1": random_mask((4, 4), 0.5)}, "got '1', which is shared")
    convert(torch.nn.Sequential(shared, torch.nn.ReLU(), torch.nn.Linear(4, 2)), {"2": random_mask((2, 4), 0.5)})


@pytest.mark.parametrize("module", [
    torch.nn.Conv2d(4, 4, 3), torch.nn.Conv2d(4, 4, 3, 3, 1), torch.nn.Conv2d(4, 4, 3, padding=2, dilation=2),
    torch.nn.Conv2d(4, 4, 3, padding=1, groups=2), torch.nn.Conv2d(4, 4, 4, padding=2), torch.nn.Conv2d(
        4, 4, (3, 5), padding=(1, 2)), torch.nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
    torch.nn.Conv2d(4, 4, 3, (1, 2), 1)], ids=str)
def test_convolutions_that_the_layers_do_not_have_are_refused(module):
    mask = torch.ones_like(module.weight, dtype=torch.bool)
    refused(torch.nn.Sequential(module), {"0": mask}, "expected an odd square kernel.* at '0', got Conv2d.*leave")


def test_hooks_and_other_norms_are_refused():
    mask = random_mask((4, 4), 0.5)
    hooked = torch.nn.Linear(4, 4)
    hooked.register_forward_hook(lambda *_: None)
    refused(torch.nn.Sequential(hooked), {"0": mask}, "expected a layer without hooks")
    normed = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(4, 4))
    refused(torch.nn.Sequential(normed), {"0": mask}, "expected Linear or Conv2d at '0', got ParametrizedLinear")
    refused(torch.nn.Sequential(torch.nn.utils.spectral_norm(torch.nn.Linear(4, 4))), {"0": mask}, "without hooks")
