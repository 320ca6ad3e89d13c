"""Samples of matrix product states against the exact distributions, in every kind of basis."""

import numpy as np
import pytest

from lib import rng
from lib.conventions import spins_from_bits, state_index
from lib.spins import bases, chains, exact, mps, mps_averages, mps_samples
from tests import oracles
from tests.spins.test_chains import kinds
from tests.spins.test_mps import random_state

_DRAW = rng.stream(1, "unitary")
T = np.linalg.qr(_DRAW.standard_normal((2, 2)) + 1j * _DRAW.standard_normal((2, 2)))[0]
R = np.array([[0.8, 0.6], [-0.6, 0.8]])  # a real one
GATES = {"T": T, "R": R}


@pytest.mark.parametrize("kind", kinds(6))
def test_samples_of_every_kind_in_every_kind_of_basis(kind):
    _, psi = exact.ground_state(kinds(6)[kind])
    state = mps.from_vector(psi)
    bits = mps_samples.sample(state, 60_000, rng=rng.stream(1, "z", kind))
    assert bits.dtype == np.uint8
    assert oracles.chi_square(state_index(bits), np.abs(psi) ** 2)[2] > 1e-4
    for basis in ("XXXXXX", "YYYYYY", "XYZZYX", "TTRZTX", "RZRZRZ"):
        drawn = mps_samples.sample_in_bases(state, basis, 60_000, rng=rng.stream(1, basis, kind), gates=GATES)
        turned = np.abs(bases.rotate(psi, basis, gates=GATES)) ** 2
        # What rounding leaves of an impossible outcome is none of a distribution.
        turned = np.where(turned < 1e-20, 0.0, turned)
        assert oracles.chi_square(state_index(drawn.bits), turned / turned.sum())[2] > 1e-4, basis


@pytest.mark.parametrize("chain", [chains.ising(14, 1.0), chains.xxz(14, 1.0, next_coupling=0.8)])
def test_fourteen_spins(chain):
    _, psi = exact.ground_state(chain)
    state = mps.from_vector(psi)
    for basis in ("Z" * 14, "XYZ" * 4 + "XY"):
        drawn = mps_samples.sample_in_bases(state, basis, 100_000, rng=rng.stream(1, "14", basis))
        turned = np.abs(bases.rotate(psi, basis)) ** 2
        turned = np.where(turned < 1e-20, 0.0, turned)
        assert oracles.chi_square(state_index(drawn.bits), turned / turned.sum())[2] > 1e-4


@pytest.mark.parametrize("complex_numbers", [False, True])
def test_every_row_in_a_basis_of_its_own(complex_numbers):
    state = random_state((2, 3, 1), complex_numbers)
    names = bases.random_bases(80_000, 4, rng=rng.stream(2, "names"), letters="XZTR")
    drawn = mps_samples.sample_in_bases(state, names, rng=rng.stream(2, "rows"), gates=GATES)
    assert drawn.bases() == names
    tested = 0
    for name in ("XZTR", "ZZZZ", "TTXX", "RZXT"):
        rows = np.array(names) == name
        probabilities = np.abs(bases.rotate(state.vector(), name, gates=GATES)) ** 2
        assert oracles.chi_square(state_index(drawn.bits[rows]), probabilities)[2] > 1e-4
        tested += rows.sum()
    assert tested > 1000


def test_bonds_of_all_sizes():
    # Columns come in fours and lanes in sixteens: sizes on both sides of each must not matter.
    for bonds in ((1,), (2,), (1, 1, 1), (2, 4, 2), (2, 3, 2), (2, 4, 5, 3, 2)):
        for complex_numbers in (False, True):
            state = random_state(bonds, complex_numbers, seed=sum(bonds))
            bits = mps_samples.sample(state, 20_001, rng=rng.stream(3, *bonds))
            assert oracles.chi_square(state_index(bits), np.abs(state.vector()) ** 2)[2] > 1e-4, bonds


def test_threads_and_batches_leave_no_trace():
    state = random_state((2, 4, 6, 4, 2))
    names = bases.random_bases(5000, 6, rng=rng.stream(4, "names"))
    for threads in (1, 2, 3):
        bits = mps_samples.sample(state, 5000, rng=rng.stream(4), threads=threads)
        turned = mps_samples.sample_in_bases(state, names, rng=rng.stream(5), threads=threads).bits
        if threads == 1:
            expected = bits, turned
        np.testing.assert_array_equal(bits, expected[0])
        np.testing.assert_array_equal(turned, expected[1])
    np.testing.assert_array_equal(mps_samples.sample(state, 100, rng=rng.stream(4)), expected[0][:100])
    assert (expected[0][:100] != expected[0][1024:1124]).any()
    assert (mps_samples.sample(state, 100, rng=rng.stream(6)) != expected[0][:100]).any()


def test_bits_follow_the_plain_formula():
    # The conditional probabilities from all amplitudes must lead to the same bits by the same random numbers.
    state = random_state((2, 3, 2))
    psi, uniforms = bases.rotate(state.vector(), "TXZY", gates=GATES), rng.stream(7).random((300, 4))

    class Given:
        def random(self, shape):
            return uniforms[: shape[0]]

    drawn = mps_samples.sample_in_bases(state, "TXZY", 300, rng=Given(), gates=GATES)
    for row, numbers in zip(drawn.bits, uniforms):
        rest = np.abs(psi) ** 2
        for bit, number in zip(row, numbers):
            down, up = rest.reshape(2, -1)
            assert bit == (number < up.sum() / rest.sum())
            rest = up if bit else down


def test_impossible_outcomes_are_never_drawn():
    class Edge:  # the extreme values a generator may return
        def random(self, shape):
            return np.resize([0.0, np.nextafter(1, 0)], shape)

    cat = mps.from_vector(np.array([1, 0, 0, 0, 0, 0, 0, 1]) / 2**0.5)
    assert set(state_index(mps_samples.sample(cat, 50, rng=Edge()))) <= {0, 7}
    bits = mps_samples.sample(cat, 2000, rng=rng.stream(8))
    assert set(state_index(bits)) == {0, 7}
    # Along x a cat shows an even number of minus signs only.
    turned = mps_samples.sample_in_bases(cat, "XXX", 2000, rng=rng.stream(9)).bits
    assert (turned.sum(axis=1) % 2 == 0).all() and len(set(state_index(turned))) == 4


def test_a_long_chain_keeps_its_norm():
    # Bits of a random state of 2000 spins: vectors shrink and grow without end unless they are scaled.
    draw = rng.stream(10, "long")
    state = mps.canonical([draw.standard_normal((1 if i == 0 else 3, 2, 1 if i == 1999 else 3)) for i in range(2000)])
    spins = spins_from_bits(mps_samples.sample(state, 4000, rng=rng.stream(10))).astype(float)
    error = spins.mean(axis=0) - mps_averages.magnetization(state)
    assert np.abs(error).max() < 5.5 / 4000**0.5


@pytest.mark.parametrize(("arguments", "message"), [
    ({"n_samples": 0}, "n_samples to be an integer >= 1, got 0"),
    ({"threads": 0}, "threads to be an integer >= 1, got 0"),
    ({"rng": 3}, "numpy Generator"),
    ({"bases": "ZZ"}, "bases with 4 letters"),
    ({"bases": "ZZZA"}, "letters X, Y, Z, got 'A' in row 0"),
    ({"bases": "ZZZA", "gates": {"A": np.ones((2, 2))}}, "unitary"),
    ({"bases": ["ZZZZ", "XXXX"]}, "one basis where n_samples is given, got 2"),
])
def test_refuses(arguments, message):
    arguments = {"bases": "ZZZZ", "n_samples": 10, "rng": rng.stream(1)} | arguments
    with pytest.raises(ValueError, match=message):
        mps_samples.sample_in_bases(random_state((2, 4, 2)), **arguments)
