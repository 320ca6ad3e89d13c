"""Saved machines: what comes back, and what is refused."""

import hashlib
import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib import atomic
from lib.rbm import files
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from tests.rbm.test_states import make_machine


def assert_same(a: Machine, b: Machine):
    for name in ("weights", "visible_bias", "hidden_bias"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=0, atol=0)
    assert (a.mask is None) == (b.mask is None) and (a.mask is None or torch.equal(a.mask, b.mask))


@pytest.fixture
def saved(tmp_path):
    """A file, and the machine in it."""
    machine = make_machine(3, 2, 1.0, 7)
    files.save(tmp_path / "machine.npz", machine, metadata={"epochs": 3})
    return tmp_path / "machine.npz", machine


def signed(members: dict) -> bytes:
    """A file with any members whose checksum is nevertheless right."""
    buffer = io.BytesIO()
    np.savez(buffer, **members)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"0" * 64
    content = buffer.getvalue()[:-64]
    return content + hashlib.sha256(content).hexdigest().encode()


def members_of(machine, **changes):
    members = {"format": np.int64(1), "weights": machine.weights.numpy(),
               "visible_bias": machine.visible_bias.numpy(), "hidden_bias": machine.hidden_bias.numpy(),
               "metadata": np.frombuffer(b"{}", np.uint8)}
    return {name: value for name, value in (members | changes).items() if value is not None}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


@settings(max_examples=40)
@given(n_visible=st.integers(1, 5), n_hidden=st.integers(1, 5), seed=st.integers(0, 10**6),
       dtype=st.sampled_from([torch.float32, torch.float64]), pruned=st.booleans(),
       metadata=st.dictionaries(st.text(), JSON, max_size=4))
def test_what_was_saved_comes_back(tmp_path_factory, n_visible, n_hidden, seed, dtype, pruned, metadata):
    path = tmp_path_factory.getbasetemp() / "round_trip.npz"
    machine = make_machine(n_visible, n_hidden, 1.0, seed).to(dtype=dtype)
    if pruned:
        machine = machine.pruned(np.random.default_rng(seed).random((n_visible, n_hidden)) < 0.5)
    files.save(path, machine, metadata=metadata)
    again, read = files.load(path)
    assert_same(again, machine)
    assert read == metadata


def test_numpy_reads_the_file_and_equal_machines_give_equal_bytes(saved, tmp_path):
    path, machine = saved
    with np.load(path, allow_pickle=False) as archive:
        assert np.array_equal(archive["weights"], machine.weights)
    files.save(tmp_path / "twin.npz", machine, metadata={"epochs": 3})
    assert (tmp_path / "twin.npz").read_bytes() == path.read_bytes()
    assert files.load(str(path))[1] == {"epochs": 3}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["machine.npz", "twin.npz"]


def test_a_machine_without_mask_gives_the_file_that_it_always_gave(saved, tmp_path):
    path, machine = saved
    with np.load(path, allow_pickle=False) as archive:
        assert "mask" not in archive.files
    (tmp_path / "old.npz").write_bytes(signed(members_of(machine)))  # as an earlier version wrote it
    assert_same(files.load(tmp_path / "old.npz")[0], machine)


def test_a_file_cut_anywhere_is_refused(saved):
    path, _ = saved
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="machine.npz to be a machine .* cut short"):
            files.load(path)


def test_a_changed_bit_anywhere_is_refused(saved):
    path, _ = saved
    content = path.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="machine.npz to be a machine .* damaged"):
            files.load(path)


def test_a_changed_bit_of_the_mask_is_refused(saved):
    path, machine = saved
    mask = np.array([[True, False], [False, False], [True, True]])
    files.save(path, machine.pruned(mask))
    content = path.read_bytes()
    place = content.index(mask.tobytes())
    for position in range(place - 100, place + 10):  # the mask and its header
        damaged = bytearray(content)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="machine.npz to be a machine .* damaged"):
            files.load(path)


@given(start=st.integers(0, 2000), removed=st.integers(0, 300), inserted=st.binary(max_size=100))
def test_other_damage_is_refused(tmp_path_factory, start, removed, inserted):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    files.save(path, make_machine(3, 2, 1.0, 7))
    content = path.read_bytes()
    damaged = content[:start] + inserted + content[start + removed:]
    if damaged != content:
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged.npz"):
            files.load(path)


class Payload:
    """Unpickling this creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_pickles_are_refused_and_never_run(tmp_path):
    trap, path = tmp_path / "trap", tmp_path / "machine.npz"
    payload = np.array([Payload(trap)], dtype=object)
    machine = make_machine(3, 2, 1.0, 7)

    plain = pickle.dumps(Payload(trap))
    through_torch = io.BytesIO()
    torch.save({"weights": Payload(trap)}, through_torch)
    for content in (plain, plain + hashlib.sha256(plain).hexdigest().encode(), through_torch.getvalue(),
                    *(signed(members_of(machine, **{name: payload})) for name in files.MEMBERS)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="machine.npz"):
            files.load(path)
    assert not trap.exists()
    pickle.loads(plain).close()
    assert trap.exists()  # the trap works


@pytest.mark.parametrize("changes, message", [
    ({"weights": None}, "expected the members"),
    ({"extra": np.zeros(1)}, "expected the members format, .*, got .*extra"),
    ({"format": np.int64(2)}, "expected format 1, got 2"),
    ({"format": np.zeros(3)}, "expected format 1"), ({"format": np.float64(1.9)}, "expected format 1, got 1.9"),
    ({"format": np.float64("inf")}, "expected format 1, got inf"),
    ({"weights": np.zeros((3, 0)), "hidden_bias": np.zeros(0)}, "at least one unit"),
    ({"weights": np.full((3, 2), np.nan)}, "finite weights"),
    ({"weights": np.zeros((3, 4))}, "hidden_bias of shape"),
    ({"weights": np.zeros((3, 2), np.int64)}, "float32 or float64"),
    ({"weights": np.full((3, 2), "a")}, "no valid machine"),
    ({"mask": np.ones((2, 3), bool)}, r"mask of shape \(3, 2\) .* like the weights, got \(2, 3\)"),
    ({"mask": np.ones((3, 2), np.uint8)}, "a mask of bool, .* got torch.uint8"),
    ({"mask": np.ones((3, 2))}, "a mask of bool, .* got torch.float64"),
    ({"mask": np.array(None, dtype=object)}, "no valid machine"),
    ({"mask": np.zeros((3, 2), bool)}, "weights of zero where the mask is False, got 6 others"),
    ({"mask": np.ones((3, 2), bool), "hidden_bias": None}, "expected the members format, .*, and perhaps mask, got"),
    ({"metadata": np.frombuffer(b"{", np.uint8)}, "no valid machine"),
    ({"metadata": np.frombuffer(b"[1]", np.uint8)}, "JSON object"),
    ({"metadata": np.frombuffer(b"\xff\xfe", np.uint8)}, "no valid machine"),
])
def test_files_of_other_programs_are_refused(tmp_path, changes, message):
    path = tmp_path / "foreign.npz"
    path.write_bytes(signed(members_of(make_machine(3, 2, 1.0, 7))))
    files.load(path)  # the unchanged members are fine
    path.write_bytes(signed(members_of(make_machine(3, 2, 1.0, 7), **changes)))
    with pytest.raises(ValueError, match=message) as caught:
        files.load(path)
    assert "foreign.npz" in str(caught.value)


@pytest.mark.parametrize("metadata", [{"x": float("nan")}, {"x": {1, 2}}, {1: "a"}, {"x": (1, 2)}, [1],
                                      {"x": np.zeros(2)}])
def test_metadata_that_would_not_come_back_is_refused(saved, metadata):
    path, _ = saved
    before = path.read_bytes()
    with pytest.raises(ValueError, match="expected metadata .* try plain numbers"):
        files.save(path, make_machine(3, 2, 1.0, 8), metadata=metadata)
    assert path.read_bytes() == before


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_earlier_file(saved, monkeypatch, step, failure):
    path, _ = saved
    before = path.read_bytes()

    def fail(*arguments):
        raise failure

    if step == "write":
        def half_open(name, mode):
            file = io.FileIO(name, mode)
            write = file.write

            class Full:
                def __enter__(self):
                    return self

                def __exit__(self, *error):
                    file.close()

                def write(self, content):
                    write(content[:100])
                    raise failure
            return Full()
        monkeypatch.setattr(atomic, "open", half_open, raising=False)
    else:
        monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(failure)):
        files.save(path, make_machine(3, 2, 1.0, 8))
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["machine.npz"]


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        files.load(tmp_path / "nowhere.npz")
    with pytest.raises(FileNotFoundError) as caught:
        files.save(tmp_path / "no_folder" / "machine.npz", make_machine(3, 2, 1.0, 8))
    folder = tmp_path / "no_folder"
    assert str(caught.value) == (f"expected an existing folder to save {folder}/machine.npz in, got no folder "
                                 f"{folder}; try Path('{folder}').mkdir(parents=True)")
    (tmp_path / "taken.npz").mkdir()
    for name in ("taken.npz", 250 * "x" + ".npz"):  # a folder in the way, a temporary name that is too long
        with pytest.raises(OSError) as caught:
            files.save(tmp_path / name, make_machine(3, 2, 1.0, 8))
        assert caught.value.filename == str(tmp_path / name) and ".tmp" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.npz"]


def test_only_machines_are_saved(tmp_path):
    with pytest.raises(ValueError, match="expected a Machine, got PositiveState; try its .machine"):
        files.save(tmp_path / "machine.npz", PositiveState(make_machine(3, 2, 1.0, 8)))
    assert list(tmp_path.iterdir()) == []


def test_the_order_of_keys_and_of_memory_changes_no_byte(tmp_path):
    machine = make_machine(3, 2, 1.0, 7)
    turned = Machine(machine.weights.T.contiguous().T, machine.visible_bias, machine.hidden_bias)
    files.save(tmp_path / "a", machine, metadata={"a": 1, "b": 2})
    files.save(tmp_path / "b", turned, metadata={"b": 2, "a": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_members_that_claim_more_than_the_file_holds(tmp_path):
    members, path = members_of(make_machine(3, 2, 1.0, 7)), tmp_path / "bomb.npz"
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **(members | {"metadata": np.full(10**6, 32, np.uint8)}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"0" * files.N_DIGEST
    content = buffer.getvalue()[:-files.N_DIGEST]
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    with pytest.raises(ValueError, match="bomb.npz: no valid machine: expected members that are stored as they are"):
        files.load(path)
    header = np.lib.format.header_data_from_array_1_0(members["weights"]) | {"shape": (4 * 10**12, 3)}
    buffer, weights = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(weights, header)
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in members.items():
            plain = io.BytesIO()
            np.save(plain, array)
            archive.writestr(f"{name}.npy", weights.getvalue() if name == "weights" else plain.getvalue())
        archive.comment = b"0" * files.N_DIGEST
    content = buffer.getvalue()[:-files.N_DIGEST]
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    with pytest.raises(ValueError, match="bomb.npz: no valid machine"):
        files.load(path)
