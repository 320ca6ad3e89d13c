"""Saved ResNets: what comes back, and what is refused."""

import io
import json
import os
from dataclasses import asdict

import numpy as np
import pytest
import torch

from lib import atomic
from lib.models import resnet
from lib.models.resnet import Architecture, ResNet, checkpoints
from lib.models.resnet.checkpoints import load, save
from lib.models.resnet.native import SparseResNet
from lib.models.resnet.trainers import NativeTrainer
from lib.models.resnet.training_settings import Settings
from lib.pruning.masks import layer_masks
from tests.models.resnet.test_native import VARIANTS, make_data, make_twin


def assert_same(found, net):
    assert found.architecture == net.architecture and type(found) is ResNet
    found, state = found.state_dict(), net.state_dict()
    assert list(found) == list(state)
    for name, tensor in state.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name


def small(masked=True):
    """The net of fewest numbers, with a mask for one of its layers."""
    architecture, masks = Architecture(1, 2), [None] * 21
    masks[1] = np.arange(9).reshape(1, 1, 3, 3) % 2 == 0
    return ResNet(architecture, masks if masked else None, seed=1)


def members_of(path):
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


# --- what comes back


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_variant_comes_back_exactly(tmp_path, variant, dtype):
    net = make_twin(variant).to(dtype)
    with torch.no_grad():
        net(torch.from_numpy(make_data(4, 16)[0]).to(dtype))  # in training mode: statistics, and a batch counted
    save(tmp_path / "net.npz", net)
    found = load(tmp_path / "net.npz", expect=net.architecture)
    assert_same(found, net)
    assert found.norms["stem"].num_batches_tracked == 1 and not found.training
    images = torch.from_numpy(make_data(3, 16, seed=1)[0]).to(dtype)
    assert torch.equal(found(images), net.eval()(images))


@pytest.mark.parametrize("architecture", [Architecture(2, 7, "imagenet"),
                                          Architecture(np.int64(5), 3, "imagenet", "linear bottleneck", 4)])
def test_nets_with_the_other_stem_come_back(tmp_path, architecture):
    net = ResNet(architecture, seed=2)
    save(str(tmp_path / "made" / "net"), net)  # the folder is made, and nothing is put behind the name
    assert_same(load(str(tmp_path / "made" / "net")), net)
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["net"]


def test_a_natively_trained_net_comes_back(tmp_path):
    twin, (images, labels) = make_twin("sparse"), make_data(4, 16)
    native = NativeTrainer(twin, Settings(batch_size=4), 16)
    before = twin.layers["stem"].weight.detach().clone()
    for _ in range(2):
        native.train_step(images, labels, 0.1)
    native.native.store(twin)
    assert not torch.equal(twin.layers["stem"].weight, before)
    save(tmp_path / "net.npz", twin)
    found = load(tmp_path / "net.npz")
    assert_same(found, twin)
    again = SparseResNet(found, 4, 16)
    assert np.array_equal(again.parameters, native.native.parameters)
    assert np.array_equal(again.forward(images), native.logits(images))


def test_a_loaded_net_can_be_trained_and_given_to_another(saved):
    path, net = saved
    found, other = load(path), ResNet(net.architecture, [None, net.layers["stage1_block1_conv1"].mask.numpy()]
                                      + [None] * 19, seed=2)
    other.load_state_dict(found.state_dict())
    assert_same(other, net)
    found.train()(torch.ones(2, 3, 16, 16)).sum().backward()
    assert all(parameter.grad is not None for parameter in found.parameters())
    with torch.no_grad():
        next(found.parameters()).zero_()
    assert_same(load(path), net)


def test_a_sparse_file_takes_the_room_of_its_weights(tmp_path):
    wide = Architecture(16, 10)
    masks = layer_masks([layer.shape for layer in resnet.layers(wide)], round(0.9 * resnet.n_weights(wide)), seed=1)
    net = ResNet(wide, masks, seed=1)
    save(tmp_path / "net.npz", net)
    bits = resnet.n_weights(wide) / 8
    assert 4 * net.n_weights + bits < (tmp_path / "net.npz").stat().st_size < 4 * net.n_weights + bits + 70_000
    assert_same(load(tmp_path / "net.npz"), net)


def test_numpy_reads_the_file_as_documented_and_equal_nets_give_equal_bytes(saved, tmp_path):
    path, net = saved
    members, name = members_of(path), "layers.stage1_block1_conv1"
    assert members["format"] == 1 and json.loads(members["architecture"].tobytes()) == asdict(net.architecture)
    assert [member for member in members if member.endswith(".mask")] == [f"{name}.mask"]
    mask, weight = net.layers["stage1_block1_conv1"].mask.numpy(), net.layers["stage1_block1_conv1"].weight
    assert np.array_equal(np.unpackbits(members[f"{name}.mask"], count=9), mask.ravel())
    assert np.array_equal(members[f"{name}.weight"], weight.detach().numpy()[mask])
    assert np.array_equal(members["layers.stem.weight"], net.layers["stem"].weight.detach().numpy())
    save(tmp_path / "again.npz", small())
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_the_list_of_members_is_that_of_the_module():
    for variant in VARIANTS[2:]:
        net = make_twin(variant)
        shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
        assert dict(checkpoints._shapes(net.architecture)) == shapes


# --- what cannot be saved


def change(net, what):
    with torch.no_grad():
        if what == "half":
            net.half()
        elif what == "mixed":
            net.layers["stem"].double()
        elif what == "not finite":
            net.layers["stem"].weight[0, 1, 2, 1] = float("inf")
        elif what == "statistics":
            net.norms["stem"].running_mean[0] = float("nan")
        elif what == "behind the mask":
            net.layers["stage1_block1_conv1"].weight[0, 0, 0, 1] = 0.5
        elif what == "mask":
            net.layers["stage1_block1_conv1"].mask = torch.ones(3, dtype=torch.bool)
        elif what == "empty":
            net.layers["stage1_block1_conv1"].mask[:] = False
            net.layers["stage1_block1_conv1"].weight[:] = 0
        elif what == "other layer":
            net.layers["linear"] = torch.nn.Linear(8, 3)


@pytest.mark.parametrize("what, words", [
    ("half", "expected a net of float32 or of float64, got torch.float16; try net.float"),
    ("mixed", "got torch.float32, torch.float64"), ("not finite", "got 1 others of 27 in layers.stem.weight"),
    ("statistics", "finite numbers, got 1 others of 1 in norms.stem.running_mean"),
    ("behind the mask", r"expected 0 for all of layers.*conv1.weight .* got 1 other numbers; try weight.data\[~mask\]"),
    ("mask", r"expected a bool mask of shape \(1, 1, 3, 3\) .* got bool of shape \(3,\)"),
    ("empty", "leaves layers.stage1_block1_conv1.weight a weight"), ("other layer", r"\(2, 8\), got float32 \(3, 8\)"),
])
def test_what_would_not_come_back_is_not_saved(saved, what, words):
    path, net = saved
    before = path.read_bytes()
    change(net, what)
    with pytest.raises(ValueError, match=words):
        save(path, net)
    assert path.read_bytes() == before


def test_only_resnets_are_saved(tmp_path):
    for other in (SparseResNet(small(masked=False), 2, 16), torch.nn.Linear(2, 2), {}):
        with pytest.raises(ValueError, match=f"expected a ResNet, got {type(other).__name__}; try .*to_torch"):
            save(tmp_path / "net.npz", other)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_earlier_file(saved, monkeypatch, step, failure):
    path, net = saved
    before = path.read_bytes()

    def fail(*arguments):
        raise failure

    class Full(io.FileIO):
        def write(self, content):
            super().write(bytes(content[:100]))
            raise failure

    if step == "write":
        monkeypatch.setattr(atomic, "open", Full, raising=False)
    else:
        monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(failure)) as caught:
        save(path, small(masked=False))
    monkeypatch.undo()
    if isinstance(failure, OSError):
        assert caught.value.errno == 28 and caught.value.filename == str(path)
    assert path.read_bytes() == before and [file.name for file in path.parent.iterdir()] == ["net.npz"]
    assert_same(load(path), net)
