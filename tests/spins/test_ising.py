"""Exact diagonalization against dense Kronecker products, limits known in closed form, and the Born rule."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import rng
from lib.conventions import all_states, state_index
from lib.spins import free_fermions, ising
from tests import oracles


@pytest.mark.parametrize("n_spins", [1, 2, 3, 5, 8])
@pytest.mark.parametrize(("field", "coupling"), [(0.7, 1.0), (0.0, 1.0), (1.5, -0.6), (-0.4, 1.0)])
def test_hamiltonian_is_the_kronecker_sum(n_spins, field, coupling):
    sparse = ising.hamiltonian(n_spins, field, coupling)
    dense = oracles.dense_hamiltonian(n_spins, field, coupling)
    np.testing.assert_allclose(sparse.toarray(), dense, atol=1e-14)


@pytest.mark.parametrize("n_spins", [1, 2, 3, 7, 8, 9])  # both sides of the switch from LAPACK to Lanczos
@pytest.mark.parametrize(("field", "coupling"), [(0.3, 1.0), (1.0, 1.0), (2.5, 1.0), (1.0, -1.0), (1.0, 0.0)])
def test_ground_state_is_that_of_the_dense_matrix(n_spins, field, coupling):
    energies, vectors = np.linalg.eigh(oracles.dense_hamiltonian(n_spins, field, coupling))
    value, psi = ising.ground_state(n_spins, field, coupling=coupling)
    assert value == pytest.approx(energies[0], abs=1e-12)
    np.testing.assert_allclose(psi, np.abs(vectors[:, 0]), atol=1e-10)
    assert (psi >= 0).all() and np.linalg.norm(psi) == pytest.approx(1, abs=1e-14)
    np.testing.assert_array_equal(psi, psi[::-1])  # even under a flip of all spins


@given(st.integers(2, 7), st.floats(0.05, 5), st.floats(-2, 2))
def test_ground_state_solves_the_eigenvalue_equation(n_spins, field, coupling):
    value, psi = ising.ground_state(n_spins, field, coupling=coupling)
    residual = ising.hamiltonian(n_spins, field, coupling) @ psi - value * psi
    assert np.abs(residual).max() < 1e-12 * n_spins * 10
    assert ising.energy(psi, field, coupling) == pytest.approx(value, abs=1e-11)


def test_without_and_with_a_strong_field_the_state_is_known():
    n_spins = 6
    value, psi = ising.ground_state(n_spins, 0.0)
    assert value == -(n_spins - 1)
    cat = np.zeros(2**n_spins)
    cat[[0, -1]] = math.sqrt(0.5)
    np.testing.assert_allclose(psi, cat, atol=1e-15)
    # A field far below the level spacing, where the odd partner is degenerate to all digits.
    np.testing.assert_allclose(ising.ground_state(n_spins, 1e-7)[1], cat, atol=1e-6)
    np.testing.assert_allclose(ising.ground_state(10, 1e-4)[1][[0, -1]], math.sqrt(0.5), atol=1e-6)
    # Antiferromagnet: the even sum of the two alternating states.
    _, neel = ising.ground_state(4, 0.0, coupling=-1.0)
    assert np.flatnonzero(neel).tolist() == [0b0101, 0b1010]
    # Two spins in closed form: E = -sqrt(J^2 + 4 h^2).
    assert ising.ground_state(2, 0.75)[0] == pytest.approx(-math.sqrt(1 + 4 * 0.75**2), abs=1e-14)


@pytest.mark.parametrize("complex_phase", [False, True])
def test_observables_of_a_random_state(complex_phase):
    n_spins = 5
    generator = rng.stream(1, "random state", int(complex_phase))
    psi = generator.standard_normal(2**n_spins)
    if complex_phase:
        psi = psi + 1j * generator.standard_normal(2**n_spins)
    psi = psi / np.linalg.norm(psi)
    z = [oracles.operator(n_spins, {site: oracles.SIGMA_Z}) for site in range(n_spins)]
    x = [oracles.operator(n_spins, {site: oracles.SIGMA_X}) for site in range(n_spins)]
    mean = [[oracles.expectation(psi, a @ b) for a in z] for b in z]
    absolute = np.diag(np.abs(np.diag(sum(z)))) / n_spins
    mean_z, mean_x = ([oracles.expectation(psi, a) for a in operators] for operators in (z, x))
    np.testing.assert_allclose(ising.magnetization_z(psi), mean_z, atol=1e-14)
    np.testing.assert_allclose(ising.magnetization_x(psi), mean_x, atol=1e-14)
    np.testing.assert_allclose(ising.correlation_zz(psi), mean, atol=1e-14)
    assert ising.absolute_magnetization(psi) == pytest.approx(oracles.expectation(psi, absolute), abs=1e-14)
    dense = oracles.dense_hamiltonian(n_spins, 0.4, 1.3)
    assert ising.energy(psi, 0.4, 1.3) == pytest.approx(oracles.expectation(psi, dense), abs=1e-13)
    for region in ([0], [4], [1, 3], [3, 1], [0, 1, 2], [0, 2, 3, 4]):
        assert ising.renyi2(psi, region) == pytest.approx(oracles.renyi2(psi, region), abs=1e-12)


def test_renyi_entropy_of_known_states():
    product = np.zeros(16)
    product[5] = 1
    plus = np.full(16, 0.25)
    cat = np.zeros(16)
    cat[[0, 15]] = math.sqrt(0.5)
    for region in ([0], [1, 2], [0, 3], [0, 1, 2]):
        assert ising.renyi2(product, region) == 0
        assert ising.renyi2(plus, region) == pytest.approx(0, abs=1e-14)
        assert ising.renyi2(cat, region) == pytest.approx(math.log(2), abs=1e-14)
    assert ising.renyi2(cat, range(4)) == 0


@given(st.lists(st.integers(0, 6), min_size=1, max_size=6, unique=True))
def test_renyi_entropy_is_that_of_the_complement(region):
    psi = np.random.default_rng(1).standard_normal(2**7)
    psi /= np.linalg.norm(psi)
    outside = [site for site in range(7) if site not in region]
    entropy = ising.renyi2(psi, region)
    assert entropy == pytest.approx(ising.renyi2(psi, outside), abs=1e-12)
    assert 0 < entropy <= len(region) * math.log(2) + 1e-12


@pytest.mark.parametrize("region", [[], [0, 0], [7], [-1], [1.5]])
def test_renyi_entropy_refuses_a_bad_region(region):
    with pytest.raises(ValueError, match="expected region"):
        ising.renyi2(np.eye(2**7)[0], region)


@pytest.mark.parametrize("field", [0.5, 1.0, 2.0])
def test_samples_follow_the_born_rule(field):
    _, psi = ising.ground_state(8, field)
    bits = ising.sample(psi, 100_000, rng=rng.stream(1, "born", str(field)))
    assert bits.shape == (100_000, 8) and bits.dtype == np.uint8
    _, _, p_value = oracles.chi_square(state_index(bits), psi**2)
    assert p_value > 1e-3


def test_samples_never_hit_impossible_states():
    class Edge:  # the extreme values a generator may return
        def random(self, size):
            return np.resize([0.0, np.nextafter(1, 0)], size)

    psi = np.array([0, 0.6, 0, 0.8, 0, 0, 0, 0])
    assert state_index(ising.sample(psi, 2, rng=Edge())).tolist() == [1, 3]


def test_samples_repeat_with_the_seed():
    _, psi = ising.ground_state(4, 1.0)
    first, second = (ising.sample(psi, 50, rng=rng.stream(2, "s")) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_twenty_spins_are_those_of_free_fermions():
    value, psi = ising.ground_state(20, 1.0)
    assert value == pytest.approx(free_fermions.ground_state_energy(20, 1.0), abs=1e-11)
    np.testing.assert_allclose(ising.correlation_zz(psi), free_fermions.correlation_zz(20, 1.0), atol=1e-11)
    np.testing.assert_allclose(ising.magnetization_x(psi), free_fermions.magnetization_x(20, 1.0), atol=1e-11)


def test_what_cannot_be_diagonalized_is_refused():
    message = "at most 20 spins for exact diagonalization, got 21, whose Hamiltonian would take 528.0 MiB"
    with pytest.raises(ValueError, match=message):
        ising.ground_state(21, 1.0)
    with pytest.raises(ValueError, match="got 40.*TiB; try lib.spins.free_fermions"):
        ising.hamiltonian(40, 1.0)
    with pytest.raises(ValueError, match="expected field >= 0"):
        ising.ground_state(4, -1.0)
    with pytest.raises(ValueError, match="expected field to be a finite number, got nan"):
        ising.hamiltonian(4, float("nan"))
    with pytest.raises(ValueError, match="expected coupling"):
        ising.ground_state(4, 1.0, coupling=float("inf"))
    with pytest.raises(ValueError, match="single out one ground state"):
        ising.ground_state(4, 0.0, coupling=0.0)
    with pytest.raises(ValueError, match="single out one ground state"):
        ising.ground_state(1, 0.0)
    with pytest.raises(ValueError, match="n_samples to be an integer >= 1, got 0"):
        ising.sample(np.array([1.0, 0.0]), 0, rng=rng.stream(1))
    for function in (ising.magnetization_z, ising.magnetization_x, ising.absolute_magnetization,
                     ising.correlation_zz):
        with pytest.raises(ValueError, match="expected psi"):
            function(np.ones(4))


def test_absolute_magnetization_by_hand():
    psi = np.sqrt(np.full(8, 1 / 8))
    by_hand = np.abs(2.0 * all_states(3).sum(axis=1) - 3).mean() / 3
    assert ising.absolute_magnetization(psi) == pytest.approx(by_hand, abs=1e-15)
