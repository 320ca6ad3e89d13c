"""Measurement files: round trips, every kind of damage, and the reference files, which nobody here made."""

import hashlib
import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lib.conventions import state_index
from lib.spins import ising, measurements
from tests import oracles

DATA = Path(__file__).parents[2] / "data"
REFERENCE = DATA / "measurements" / "qucumber"
BITS = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1]], dtype=np.uint8)


# --- packed files


SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=20)
TABLES = hnp.arrays(np.uint8, SHAPES, elements=st.integers(0, 1))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@given(bits=TABLES, metadata=st.dictionaries(st.text(), st.text() | NUMBERS))
def test_what_was_saved_comes_back(tmp_path_factory, bits, metadata):
    path = tmp_path_factory.mktemp("round") / "m.npz"
    measurements.save(path, bits, metadata=metadata)
    again, found = measurements.load(path)
    np.testing.assert_array_equal(again, bits)
    assert again.dtype == np.uint8 and found == metadata


def test_equal_measurements_give_equal_bytes_and_small_ones(tmp_path):
    bits = np.random.default_rng(1).integers(0, 2, (10_000, 10), dtype=np.uint8)
    for name in ("a.npz", "b.npz"):
        measurements.save(tmp_path / name, bits, metadata={"b": 1, "a": 2})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert (tmp_path / "a.npz").stat().st_size < 22_000


@pytest.mark.parametrize(("bits", "metadata", "message"), [
    ([[0, 2]], {}, "got 2 in row 0"),
    ([[0, 1]], {"a": np.zeros(2)}, "expected metadata of str"),
    ([[0, 1]], {"a": float("nan")}, "expected metadata of str"),
    ([[0, 1]], ["a"], "metadata as a dict"),
])
def test_save_refuses_and_leaves_nothing(tmp_path, bits, metadata, message):
    with pytest.raises(ValueError, match=message):
        measurements.save(tmp_path / "m.npz", bits, metadata=metadata)
    with pytest.raises(ValueError, match=r"try .*m\.npz"):
        measurements.save(tmp_path / "m.txt", BITS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "m.npz"
    measurements.save(path, BITS, metadata={"version": "old"})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space"):
        measurements.save(path, 1 - BITS)
    assert [file.name for file in tmp_path.iterdir()] == ["m.npz"]
    assert measurements.load(path)[1] == {"version": "old"}


def test_a_failed_save_names_the_path_and_not_a_temporary_file(tmp_path):
    (tmp_path / "taken.npz").mkdir()
    for name in ("taken.npz", 250 * "x" + ".npz"):
        with pytest.raises(OSError) as caught:
            measurements.save(tmp_path / name, BITS)
        assert caught.value.filename == str(tmp_path / name) and caught.value.filename2 is None
    assert [path.name for path in tmp_path.iterdir()] == ["taken.npz"]
    measurements.save(tmp_path / "new" / "folder" / "m.npz", BITS)  # which it makes


def test_every_cut_and_every_changed_byte_is_noticed(tmp_path):
    path = tmp_path / "m.npz"
    measurements.save(path, BITS, metadata={"field": 1.0})
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=re.escape(str(path))):
            measurements.load(path)
    n_refused = 0
    changes = [(place, change) for place in range(len(whole)) for change in (0x01, 0xFF)]
    for place, change in changes:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
        try:
            bits, metadata = measurements.load(path)
        except ValueError as error:
            assert str(path) in str(error)
            n_refused += 1
        else:  # bytes that say nothing, such as the date of a member
            np.testing.assert_array_equal(bits, BITS)
            assert metadata == {"field": 1.0}
    assert n_refused > len(changes) / 2


def test_load_refuses_other_files(tmp_path):
    path = tmp_path / "m.npz"
    with pytest.raises(FileNotFoundError, match="got no file at"):
        measurements.load(path)

    path.write_bytes(pickle.dumps({"bits": [[0, 1]]}))
    with pytest.raises(ValueError, match="never loaded"):
        measurements.load(path)

    members = {"format": "measurements 1", "shape": np.array([1, 2]), "packed": np.uint8([[64]])}
    np.savez(path, **members, metadata=np.array({"a": 1}, dtype=object))
    with pytest.raises(ValueError, match="never loaded"):
        measurements.load(path)

    np.savez(path, **members)
    with pytest.raises(ValueError, match="no member 'metadata'"):
        measurements.load(path)

    np.savez(path, **members, metadata="{}")
    assert measurements.load(path)[0].tolist() == [[0, 1]]
    for changed, message in [({"format": "measurements 9"}, "expected the format"),
                             ({"shape": np.array([2, 2])}, r"stored shape \[2, 2\]"),
                             ({"shape": np.array([1, -2])}, "stored shape"),
                             ({"shape": np.array([1.0, 2.0])}, "stored shape"),
                             ({"packed": np.array([[64.0]])}, "got float64")]:
        np.savez(path, **(members | {"metadata": "{}"} | changed))
        with pytest.raises(ValueError, match=message):
            measurements.load(path)
    np.savez(path, **members, metadata="{")
    with pytest.raises(ValueError, match="metadata in JSON"):
        measurements.load(path)

    with path.open("wb") as file:
        np.save(file, BITS)
    with pytest.raises(ValueError, match="a single array"):
        measurements.load(path)


# --- plain text


def write(tmp_path, text) -> Path:
    path = tmp_path / "file.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("text", ["0 1 1 \n1 0 0 \n", "0 1 1\r\n1 0 0\r\n", "0 1 1\n1 0 0",
                                  "0\t1  1\n1 0 0\n\n", "0.000e+00 1.0 1\n1 0 0\n"])
def test_text_in_its_spellings(tmp_path, text):
    bits = measurements.read_text(write(tmp_path, text), 3)
    assert bits.tolist() == [[0, 1, 1], [1, 0, 0]] and bits.dtype == np.uint8


@pytest.mark.parametrize(("text", "message"), [
    ("0 1\n1 2\n", "got '2' in .*file.txt, line 2, column 2"),
    ("0 1\n1 -1\n", r"got '-1' .*\(spin \+ 1\) / 2"),
    ("0 nan\n", "got 'nan' .*line 1"),
    ("0 1\n1 1 1\n", "expected 2 bits as in line 1, got 3 in .*line 2"),
    ("0 1\n1 1\n0", "expected 2 bits as in line 1, got 1 in .*line 3.*if it was cut"),
    ("", "got an empty file"),
    (" \n\n", "got an empty file"),
    ("0 1\n\n1 1\n", "an empty line in .*line 2 of 3"),
    ("01\n11\n", "got '01'"),
    (b"\x93NUMPY\xff\xfe 0", "expected 0 or 1"),
])
def test_text_that_is_no_table_of_bits_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        measurements.read_text(write(tmp_path, text))


def test_width_of_another_machine(tmp_path):
    path = write(tmp_path, "0 1\n1 1\n")
    with pytest.raises(ValueError, match="expected 3 bits a line, one a spin, got 2 in .*line 1; try n_spins=2"):
        measurements.read_text(path, 3)
    with pytest.raises(ValueError, match="expected 2 bits a line, .* got 1 in .*line 2; try to clean that line"):
        measurements.read_text(write(tmp_path, "0 1\n1\n"), 2)
    with pytest.raises(FileNotFoundError, match="got no file"):
        measurements.read_text(tmp_path / "absent.txt")


def test_files_of_bases_are_read_or_refused_with_their_line(tmp_path):
    assert measurements.read_bases(write(tmp_path, "X Z\nZ Y \n"), 2).tolist() == [["X", "Z"], ["Z", "Y"]]
    for text, message in [("X Q\n", "got 'Q' in .*line 1, column 2"), ("x Z\n", "upper-case"),
                          ("X Z\nZ\n", "expected 2 letters"), ("", "empty file"), ("XZ\n", "got 'XZ'")]:
        with pytest.raises(ValueError, match=message):
            measurements.read_bases(write(tmp_path, text))
    with pytest.raises(ValueError, match="expected 3 letters a line, one a spin, got 2"):
        measurements.read_bases(write(tmp_path, "X Z\n"), 3)


def test_files_of_amplitudes_are_read_or_refused_with_their_reason(tmp_path):
    psi = measurements.read_psi(write(tmp_path, "0.6 0\n0 -0.8\n\n"), 1)
    assert psi.tolist() == [0.6, -0.8j] and psi.dtype == np.complex128
    for text, message in [
        ("0.6 0\n0 0.8\n0 0\n", r"2\^n_spins entries, got shape \(3,\)"),
        ("0.6 0\n0 0.8\n0 0\n0 0\n", r"expected psi of .*file.txt with 2\^1 = 2 entries, got 4 = 2\^2; try n_spins=2"),
        ("0.6 0\n0 0.9\n", r"normalised to 1 within 1e-06, got <psi\|psi> = 1.17"),
        ("0.6 0\nnan 0.8\n", "got 'nan 0.8' in .*line 2"),
        ("0.6 0\ninf 0.8\n", "got 'inf 0.8'"),
        ("0.6 0\nx 0.8\n", "got 'x 0.8'"),
        ("0.6 0\n0.8", "expected 2 numbers, .* got 1 in .*line 2"),
        ("0.6 0\n\n0 0.8\n", "empty line"),
        ("", "empty file"),
    ]:
        with pytest.raises(ValueError, match=message):
            measurements.read_psi(write(tmp_path, text), 1)


# --- the reference files


def test_every_measurement_file_is_listed_with_its_checksum():
    row = re.compile(r"^\| `(measurements/[^`]+)` \|.*\| `([0-9a-f]{64})` \|$", re.MULTILINE)
    found = {}
    for file in (DATA / "measurements").rglob("*"):
        if file.is_file() and file.name != "LICENSE":
            found[file.relative_to(DATA).as_posix()] = hashlib.sha256(file.read_bytes()).hexdigest()
    assert found == dict(row.findall((DATA / "README.md").read_text()))


def test_reference_psi_is_our_ground_state():
    psi = measurements.read_psi(REFERENCE / "tfim1d_psi.txt", 10)
    _, exact = ising.ground_state(10, 1.0)
    assert abs(np.vdot(psi, exact)) ** 2 == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(psi, exact, atol=1e-9)  # ten printed digits


def test_reference_measurements_are_of_our_ground_state():
    bits = measurements.read_text(REFERENCE / "tfim1d_data.txt", 10)
    assert bits.shape == (10_000, 10)
    _, exact = ising.ground_state(10, 1.0)
    _, _, p_value = oracles.chi_square(state_index(bits), exact**2)
    assert p_value > 1e-3


def test_reference_qubits_fix_the_order_of_the_basis():
    # The Ising state is its own mirror image; this one tells our order of bits from the reversed one.
    bits = measurements.read_text(REFERENCE / "qubits_train.txt", 2)
    bases = measurements.read_bases(REFERENCE / "qubits_train_bases.txt", 2)
    psi = measurements.read_psi(REFERENCE / "qubits_psi.txt", 2)
    assert len(bits) == len(bases) == 1000
    assert {tuple(row) for row in bases} == {tuple(row) for row in
                                             measurements.read_bases(REFERENCE / "qubits_bases.txt", 2)}
    in_z = bits[(bases == "Z").all(axis=1)]
    probabilities = np.abs(psi) ** 2 / np.sum(np.abs(psi) ** 2)
    assert oracles.chi_square(state_index(in_z), probabilities)[2] > 1e-2
    assert oracles.chi_square(state_index(in_z[:, ::-1]), probabilities)[2] < 1e-2
