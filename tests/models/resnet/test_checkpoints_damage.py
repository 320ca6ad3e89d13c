"""Files that are no saved ResNet, or not the one that is asked for, are refused by name."""

import hashlib
import io
import json
import zipfile
from dataclasses import asdict

import numpy as np
import pytest
import torch

from lib.models.resnet import Architecture, ResNet
from lib.models.resnet.checkpoints import load, save
from tests.models.resnet.test_checkpoints import assert_same, members_of, small


def signed(members):
    """A file with any members whose checksum is nevertheless right."""
    buffer = io.BytesIO()
    np.savez(buffer, **members)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"0" * 64
    content = buffer.getvalue()[:-64]
    return content + hashlib.sha256(content).hexdigest().encode()


# --- what is expected
@pytest.mark.parametrize("expect, words", [
    (Architecture(2, 2), "net.npz: expected a net of width=2, got width=1; try expect=None"),
    (Architecture(1, 10, "imagenet"), "of n_classes=10, stem='imagenet', got n_classes=2, stem='cifar'; try"),
    (Architecture(4, 2, variant="nonlinear bottleneck", base_width=2),
     "of width=4, variant='nonlinear bottleneck', base_width=2, got width=1, variant='plain', base_width=None; try"),
])
def test_a_net_of_another_architecture_is_refused(saved, expect, words):
    with pytest.raises(ValueError, match=words):
        load(saved[0], expect=expect)


def test_a_bottleneck_before_widening_has_its_own_width_for_base(tmp_path):
    for given, expected in ((None, 4), (4, None)):
        net = ResNet(Architecture(4, 2, variant="linear bottleneck", base_width=given), seed=1)
        save(tmp_path / "net.npz", net)
        expect = Architecture(4, 2, variant="linear bottleneck", base_width=expected)
        assert_same(load(tmp_path / "net.npz", expect=expect), net)
    with pytest.raises(ValueError, match="of base_width=3, got base_width=4; try"):
        load(tmp_path / "net.npz", expect=Architecture(4, 2, variant="linear bottleneck", base_width=3))


@pytest.mark.parametrize("expect", [8, "cifar", ResNet])
def test_what_is_no_architecture_is_refused(saved, expect):
    with pytest.raises(ValueError, match="expected expect as an Architecture or None, got .*; try net.architecture"):
        load(saved[0], expect=expect)


# --- files that are refused
def test_a_file_that_is_cut_or_changed_anywhere_is_refused(saved):
    path, _ = saved
    content = path.read_bytes()
    places = [*range(0, len(content), 997), *range(len(content) - 70, len(content))]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        for other in (content[:place], bytes(damaged)):
            path.write_bytes(other)
            with pytest.raises(ValueError, match="net.npz to be a net written by checkpoints.save, got .* cut short"):
                load(path)


class Payload:
    """Unpickling this creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_pickles_are_refused_and_never_run(saved, tmp_path):
    path, _ = saved
    trap, members, through_torch = tmp_path / "trap", members_of(path), io.BytesIO()
    torch.save({"weight": Payload(trap)}, through_torch)
    with_checksum = through_torch.getvalue() + hashlib.sha256(through_torch.getvalue()).hexdigest().encode()
    payload = np.array([Payload(trap)], dtype=object)
    for content in (through_torch.getvalue(), with_checksum,
                    *(signed(members | {name: payload}) for name in ("format", "architecture", "layers.stem.weight"))):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="net.npz"):
            load(path)
    assert not trap.exists()


def text(**changes):
    fields = {name: value for name, value in (asdict(Architecture(1, 2)) | changes).items() if value != "none"}
    return np.frombuffer(json.dumps(fields).encode(), np.uint8)


MASK = "layers.stage1_block1_conv1.mask"

HIDDEN = "layers.stage1_block1_conv1.weight"


@pytest.mark.parametrize("changes, words", [
    ({"format": np.int64(2)}, "expected format 1, got 2; try a newer version"),
    ({"format": np.zeros(3)}, "expected a member format, an int64 number, got float64 of shape"),
    ({"format": None}, "expected a member format"),
    ({"architecture": None}, "expected a member architecture, uint8, got no such"),
    ({"architecture": np.frombuffer(b"{", np.uint8)}, "no valid net"),
    ({"architecture": np.frombuffer(b"\xff\xfe", np.uint8)}, "no valid net"),
    ({"architecture": np.frombuffer(b"[1]", np.uint8)}, "as a JSON object, got list"),
    ({"architecture": text(depth=3)}, "no valid net: .*depth"), ({"architecture": text(width="none")}, "width"),
    ({"architecture": text(width=0)}, "expected width to be an integer >= 1, got 0"),
    ({"architecture": text(width=2)}, r"expected the mask of .* as uint8 \(5,\), a bit a weight, got uint8 \(2,\)"),
    ({"architecture": text(width=10**9), MASK: None}, "as float32 .1000000000, 3, 3, 3., got float32"),
    ({"architecture": text(width=10**400)}, "no valid net"),
    ({"architecture": text(stem="imagenet")}, r"expected layers.stem.weight as float32 \(1, 3, 7, 7\), got float32"),
    ({"architecture": text(width=9, variant="nonlinear bottleneck", base_width=1)}, "net: expected a width at which"),
    ({"architecture": text(width=4, variant="linear bottleneck")}, "a difference in layers.stage1_block1_conv1.mask"),
    ({"norms.stem.running_var": None}, "expected 125 members .* got 124, with a difference in norms.stem.running_var"),
    ({"extra": np.zeros(1)}, "got 126, with a difference in extra"),
    ({"layers.linear.mask": np.zeros(2, np.uint8)}, "that leaves layers.linear.weight a weight, got none"),
    ({MASK: None}, rf"expected {HIDDEN} as float32 \(1, 1, 3, 3\), got float32 \(5,\)"),
    ({MASK: np.zeros(9, bool)}, r"as uint8 \(2,\), a bit a weight, got bool \(9,\)"),
    ({MASK: np.array([255, 0], np.uint8)}, rf"expected {HIDDEN} as float32 \(8,\), got float32 \(5,\)"),
    ({"layers.stem.weight": np.zeros((1, 3, 3, 4), np.float32)}, r"float32 \(1, 3, 3, 3\), got float32 \(1, 3, 3, 4"),
    ({"layers.stem.weight": np.zeros((1, 3, 3, 3))}, "as float32 .*, got float64"),
    ({"layers.stem.weight": np.zeros((1, 3, 3, 3), ">f4")}, "as float32 .*, got >f4"),
    ({"layers.linear.bias": np.zeros(2, np.float16)}, "expected float32 or float64, got float16"),
    ({"layers.linear.bias": np.array([0, np.nan], np.float32)}, "finite numbers, got 1 others of 2 in layers.linear"),
    ({"norms.stem.weight": np.array([np.inf], np.float32)}, "finite numbers, got 1 others of 1 in norms.stem.weight"),
    ({"norms.stem.running_var": np.array([-1], np.float32)}, "numbers >= 0 in norms.stem.running_var, got -1"),
    ({"norms.stem.num_batches_tracked": np.zeros(())}, "num_batches_tracked as int64 .*, got float64"),
])
def test_files_of_other_programs_are_refused(saved, changes, words):
    path, net = saved
    members = members_of(path)
    path.write_bytes(signed(members))
    assert_same(load(path), net)  # the unchanged members are fine
    path.write_bytes(signed({name: array for name, array in (members | changes).items() if array is not None}))
    with pytest.raises(ValueError, match=words) as caught:
        load(path, expect=net.architecture if "format" in changes else None)
    assert str(caught.value).startswith(f"{path}: no valid net: ")


def test_missing_files_and_folders_in_the_way_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        load(tmp_path / "nowhere.npz")
    (tmp_path / "taken.npz").mkdir()
    for call in (load, lambda path: save(path, small())):
        with pytest.raises(OSError) as caught:
            call(tmp_path / "taken.npz")
        assert caught.value.filename == str(tmp_path / "taken.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.npz"]
