"""Bits, spins, basis order, and the shared checks with their messages."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib import chain_checks, conventions, memory
from tests import oracles


def test_basis_order_is_written_out():
    assert conventions.all_states(2).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert conventions.all_states(3).dtype == np.uint8
    # Site 0 is the most significant bit.
    assert conventions.state_index([1, 0, 0]) == 4
    np.testing.assert_array_equal(conventions.all_states(6), oracles.states(6))


@given(st.integers(1, 62).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, 2**n - 1))))
def test_index_and_bits_are_inverse(case):
    n_spins, index = case
    bits = conventions.bits_from_index(index, n_spins)
    assert "".join(map(str, bits)) == format(index, f"0{n_spins}b")
    assert conventions.state_index(bits) == index


def test_state_index_keeps_leading_axes():
    bits = conventions.all_states(4).reshape(2, 8, 4)
    np.testing.assert_array_equal(conventions.state_index(bits), np.arange(16).reshape(2, 8))
    with pytest.raises(ValueError, match="int64"):
        conventions.state_index(np.zeros((2, 63), dtype=np.uint8))


def test_spins_and_bits():
    spins = conventions.spins_from_bits(np.array([[0, 1]], dtype=np.uint8))
    assert spins.tolist() == [[-1, 1]] and spins.dtype == np.int8
    assert conventions.bits_from_spins(spins).tolist() == [[0, 1]]
    assert conventions.bits_from_spins([1.0, -1.0]).dtype == np.uint8
    with pytest.raises(ValueError, match=r"got 0 at index \(0, 1\)"):
        conventions.bits_from_spins([[1, 0]])


@pytest.mark.parametrize("bits", [
    [[0, 1], [1, 1]],
    ((0, 1), (1, 1)),
    np.array([[0, 1], [1, 1]], dtype=np.float32, order="F"),
    np.array([[False, True], [True, True]]),
    torch.tensor([[0, 1], [1, 1]], dtype=torch.float64),
    [torch.tensor([0, 1]), torch.tensor([1, 1])],
])
def test_check_bits_accepts_lists_arrays_and_tensors(bits):
    checked = chain_checks.check_bits(bits, 2)
    assert checked.tolist() == [[0, 1], [1, 1]]
    assert checked.dtype == np.uint8 and checked.flags.c_contiguous


@pytest.mark.parametrize(("bits", "message"), [
    ([[0, 1], [1, 2]], "got 2 in row 1, column 1"),
    ([[0, 1], [-1, 1]], "got -1 in row 1, column 0.*bits_from_spins"),
    ([[0.0, float("nan")]], "got nan in row 0, column 1"),
    ([[0, 0.5]], "got 0.5"),
    ([[0, 1], [1]], "2 values in row 0 and 1 in row 1"),
    ([[0, [1]], [1, 0]], "rows of one length"),
    ([], "got none"),
    ([[], []], "got shape"),
    (np.empty((0, 3)), r"got shape \(0, 3\)"),
    ([0, 1, 1], r"got shape \(3,\)"),
    (np.zeros((2, 2, 2)), r"got shape \(2, 2, 2\)"),
    ([["0", "1"]], "dtype <U1"),
    ([[0j, 1]], "dtype complex128"),
    ([[0, 1, 1]], "expected measurements with 2 columns, one a spin, got 3; try n_spins=3, or the data"),
    (None, "expected measurements as rows of 0 and 1, got NoneType; try an array"),
    ("data.txt", "as rows of 0 and 1, got str; try .*read_text"),
])
def test_check_bits_refuses(bits, message):
    with pytest.raises(ValueError, match=message):
        chain_checks.check_bits(bits, 2)


def test_the_caller_of_check_bits_advises_on_the_width():
    with pytest.raises(ValueError, match="expected rows with 2 columns, one a spin, got 3; try 3 spins$"):
        chain_checks.check_bits([[0, 1, 1]], 2, name="rows", hint="{found} spins")


def test_check_state_vector():
    psi = np.array([0.6, 0.8])
    assert chain_checks.check_state_vector(psi) is psi
    assert chain_checks.check_state_vector([1, 0, 0, 0], 2).dtype == np.float64
    assert chain_checks.check_state_vector([1j, 0]).dtype == np.complex128
    for bad, message in [
        ([1.0, 0, 0], r"2\^n_spins entries, got shape \(3,\)"),
        ([1.0], "got shape"),
        ([[1.0, 0], [0, 0]], "got shape"),
        ([1.0, 0], r"expected psi with 2\^2 = 4 entries, got 2 = 2\^1; try n_spins=1"),
        ([0.5, np.nan, 0, 0], "got nan at basis state 1"),
        ([1.0, 1.0, 0, 0], r"<psi\|psi> = 2"),
    ]:
        with pytest.raises(ValueError, match=message):
            chain_checks.check_state_vector(bad, 2)


def test_check_region():
    assert chain_checks.check_region(range(2), 4) == (0, 1)
    assert chain_checks.check_region(np.array([3, 1]), 4) == (3, 1)
    for bad, message in [([], "got none"), ([1, 1], "site 1 more than once"), ([4], "sites 0 to 3, got 4"),
                         ([-1], "got -1"), ([0.0], "got 0.0"), ([True], "got True")]:
        with pytest.raises(ValueError, match=message):
            chain_checks.check_region(bad, 4)


@pytest.mark.parametrize("bad", [0, -1, 2.0, True, "3", None])
def test_check_n_spins_refuses(bad):
    with pytest.raises(ValueError, match=re.escape(repr(bad))):
        chain_checks.check_n_spins(bad)


def test_memory_is_refused_before_it_is_taken():
    memory.require_memory(2**31, "just enough")
    message = "expected at most 2.0 GiB of memory, got 2^40 states = 8.0 TiB; try"
    with pytest.raises(ValueError, match=re.escape(message)):
        memory.require_memory(8 * 2**40, "2^40 states")
    with pytest.raises(ValueError, match="EiB"):
        conventions.all_states(5000)
    assert memory.format_bytes(0) == "0.0 B"
    assert memory.format_bytes(1536) == "1.5 KiB"


@pytest.mark.parametrize("call, message", [
    (lambda: conventions.state_index([[-1, 1]]), r"expected bits 0 and 1, got -1 at index .0, 0.; try bits_from_spins"),
    (lambda: conventions.state_index([[0.7, 1]]), "got 0.7"),
    (lambda: conventions.spins_from_bits([0, 2]), "got 2"),
    (lambda: conventions.spins_from_bits(["a"]), "got dtype"),
    (lambda: conventions.bits_from_index(9, 3), "expected indices from 0 to 7, integers, for 3 spins, got 9 to 9"),
    (lambda: conventions.bits_from_index([-1, 2], 3), "got -1 to 2"),
    (lambda: conventions.bits_from_index(1.5, 3), "got dtype float64"),
    (lambda: chain_checks.check_draws(1e1, np.random.default_rng(1)), "n_samples to be an integer >= 1, got 10.0"),
    (lambda: chain_checks.check_draws(10, 1), "expected rng to be a numpy Generator, got int"),
])
def test_spins_and_indices_that_are_none_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_table_that_is_no_array_is_taken_by_its_values():
    pandas = pytest.importorskip("pandas")
    assert chain_checks.check_bits(pandas.DataFrame({"a": [0, 1], "b": [1, 1]})).tolist() == [[0, 1], [1, 1]]
