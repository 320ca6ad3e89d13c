"""Chains against dense Kronecker products, their exact ground states against LAPACK, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import rng
from lib.spins import chains, exact, ising
from tests import oracles

SIGMA_Y = np.array([[0, 1j], [-1j, 0]])  # basis order down, up
SIGMA = {"X": oracles.SIGMA_X, "Y": SIGMA_Y, "Z": oracles.SIGMA_Z}


def kinds(n: int) -> dict[str, chains.Chain]:
    """A chain of every kind, of n spins: also for the tests of DMRG and of matrix product states."""
    draw = rng.stream(1, "chains", n)
    uniform = lambda count: 2 * draw.random(count) - 1
    three = chains.Chain(n, tuple((0.8, "XYZ", (i, i + 1, i + 2)) for i in range(n - 2)))
    return {
        "ising, ordered": chains.ising(n, 0.5),
        "ising, critical": chains.ising(n, 1.0),
        "ising, field below zero": chains.ising(n, -0.7),
        "ising, antiferromagnetic": chains.ising(n, 0.8, -1.0),
        "ising, staggered field": chains.ising(n, chains.staggered(n, 0.9)),
        "ising, random": chains.ising(n, uniform(n), uniform(n - 1)),
        "ising, field along z too": chains.ising(n, 1.0) + chains.fields(n, z=0.3),
        "xxz, easy plane": chains.xxz(n, 0.3),
        "xxz, ferromagnetic": chains.xxz(n, -2.0),
        "xxz, staggered field": chains.xxz(n, 1.5, field=chains.staggered(n, 0.5)),
        "xxz, random fields": chains.xxz(n, 1.0, field=chains.random_fields(n, 3.0, rng=draw)),
        "heisenberg": chains.xxz(n, 1.0),
        "j1-j2": chains.xxz(n, 1.0, next_coupling=0.8),
        "xyz": chains.bonds(n, x=-1.0, y=0.4, z=0.6) + chains.fields(n, y=0.3),
        "random": chains.bonds(n, x=uniform(n - 1), y=uniform(n - 1), z=uniform(n - 1))
        + chains.fields(n, x=uniform(n), y=uniform(n), z=uniform(n)),
        "crossed bonds": chains.Chain(n, tuple((0.7, "XY", (i, i + 1)) for i in range(n - 1))) + chains.ising(n, 0.4),
        "three spins at a time": three + chains.bonds(n, x=0.9),
    }


def dense(chain: chains.Chain) -> np.ndarray:
    total = np.zeros((2**chain.n_spins, 2**chain.n_spins), dtype=complex)
    for value, letters, sites in chain.terms:
        total += value * oracles.operator(chain.n_spins, {i: SIGMA[letter] for i, letter in zip(sites, letters)})
    return total


@pytest.mark.parametrize("n_spins", [5, 6])
@pytest.mark.parametrize("kind", kinds(5))
def test_matrix_and_ground_state_of_every_kind(kind, n_spins):
    chain = kinds(n_spins)[kind]
    matrix = dense(chain)
    found = exact.hamiltonian(chain)
    np.testing.assert_allclose(found.toarray(), matrix, atol=1e-14)
    assert (found.dtype == np.float64) == chain.is_real == (np.abs(matrix.imag).max() < 1e-14)
    value, psi = exact.ground_state(chain)
    assert value == pytest.approx(np.linalg.eigvalsh(matrix)[0], abs=1e-12)
    np.testing.assert_allclose(matrix @ psi, value * psi, atol=1e-12)
    assert exact.energy(chain, psi) == pytest.approx(value, abs=1e-12)
    axis = chains.parity_axis(chain)
    if axis:
        parity = np.real_if_close(oracles.operator(n_spins, dict.fromkeys(range(n_spins), SIGMA[axis])))
        np.testing.assert_allclose(parity @ matrix, matrix @ parity, atol=1e-13)
        assert min(np.abs(parity @ psi - sign * psi).max() for sign in (1, -1)) < 1e-12
        sectors = [exact.ground_state(chain, parity=sign) for sign in (1, -1)]
        assert min(energy for energy, _ in sectors) == pytest.approx(value, abs=1e-12)
        for sign, (_, vector) in zip((1, -1), sectors):
            np.testing.assert_allclose(parity @ vector, sign * vector, atol=1e-12)


@pytest.mark.parametrize("kind", kinds(9))
def test_ground_states_by_lanczos(kind):
    # Nine spins: sectors of 256 states, beyond what LAPACK gets.
    chain = kinds(9)[kind]
    value, psi = exact.ground_state(chain)
    matrix = exact.hamiltonian(chain)
    assert np.abs(matrix @ psi - value * psi).max() < 1e-10
    assert value == pytest.approx(np.linalg.eigvalsh(matrix.toarray())[0], abs=1e-10)


@pytest.mark.parametrize(("field", "coupling"), [(0.4, 1.0), (1.0, 1.0), (1.0, -1.0), (0.0, 1.0)])
def test_the_ising_chain_is_that_of_the_ising_module(field, coupling):
    chain = chains.ising(10, field, coupling)
    assert abs(exact.hamiltonian(chain) - ising.hamiltonian(10, field, coupling)).max() == 0
    value, psi = exact.ground_state(chain)
    expected, positive = ising.ground_state(10, field, coupling=coupling)
    assert value == pytest.approx(expected, abs=1e-11)
    assert abs(psi @ positive) == pytest.approx(1, abs=1e-10)  # the even one, of nearly equal energies too
    assert chains.has_positive_ground_state(chain)


def test_an_ordered_chain_keeps_both_valleys():
    # The two lowest energies differ by 4e-17 of them.
    _, psi = exact.ground_state(chains.ising(12, 0.04))
    assert np.abs(ising.magnetization_z(psi)).max() < 1e-9
    np.testing.assert_allclose(psi, psi[::-1], atol=1e-9)


def test_known_energies():
    assert exact.ground_state(chains.xxz(2, 1.0))[0] == pytest.approx(-0.75)  # a singlet of two spins 1/2
    # Majumdar and Ghosh: at J2 = J1 / 2 neighbours pair to singlets, -3/8 J1 a spin.
    assert exact.ground_state(chains.xxz(10, 1.0, next_coupling=0.5))[0] == pytest.approx(-10 * 3 / 8, abs=1e-12)
    assert exact.ground_state(chains.fields(4, y=[1.0, -2.0, 0.5, 0.0]))[0] == pytest.approx(-3.5)


def test_no_sign_is_claimed_where_there_is_one():
    for kind, chain in kinds(6).items():
        psi = exact.ground_state(chain)[1]
        if chains.has_positive_ground_state(chain):
            assert (psi.real > -1e-12).all() and np.abs(psi.imag).max() < 1e-12, kind
    assert not chains.has_positive_ground_state(chains.ising(4, -1.0))
    assert not chains.has_positive_ground_state(chains.xxz(4, 1.0))


@given(st.lists(st.tuples(st.floats(-2, 2), st.sampled_from(["X", "Y", "Z", "XX", "ZY", "YX"]), st.integers(0, 2)),
                max_size=6))
def test_order_and_sums_of_terms_do_not_show(parts):
    terms = [(value, letters, tuple(range(first, first + len(letters)))) for value, letters, first in parts]
    chain = chains.Chain(4, tuple(terms))
    backwards = chains.Chain(4, tuple((v, letters[::-1], sites[::-1]) for v, letters, sites in terms))
    assert chain == backwards and hash(chain) == hash(backwards)
    np.testing.assert_allclose(dense(chain + chain), 2 * dense(chain), atol=1e-12)
    np.testing.assert_allclose(
        dense(chain), sum((v * oracles.operator(4, {i: SIGMA[a] for i, a in zip(sites, letters)})
                           for v, letters, sites in terms), np.zeros((16, 16))), atol=1e-12)


def test_random_fields_repeat_and_stay_within():
    first, second = (chains.random_fields(500, 2.0, rng=rng.stream(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert -2 <= first.min() < -1.8 and 1.8 < first.max() <= 2
    assert chains.staggered(5, 0.5).tolist() == [0.5, -0.5, 0.5, -0.5, 0.5]


@pytest.mark.parametrize(("make", "message"), [
    (lambda: chains.Chain(3, ((1.0, "ZZ", (0, 3)),)), "distinct sites from 0 to 2, got 3"),
    (lambda: chains.Chain(3, ((1.0, "ZZ", (1, 1)),)), "distinct sites from 0 to 2, got 1"),
    (lambda: chains.Chain(3, ((1.0, "ZA", (0, 1)),)), "letters X, Y, Z"),
    (lambda: chains.Chain(3, ((1.0, "Z", (0, 1)),)), "one a site"),
    (lambda: chains.Chain(3, ((float("nan"), "Z", (0,)),)), "finite real coefficient"),
    (lambda: chains.Chain(3, ((1j, "Z", (0,)),)), "finite real coefficient"),
    (lambda: chains.Chain(3, ((1.0, "Z"),)), "expected a term"),
    (lambda: chains.Chain(0, ()), "expected n_spins"),
    (lambda: chains.ising(4, [1.0, 2.0]), "x as one number, or as 4, one a site, got shape"),
    (lambda: chains.ising(4, 1.0, np.ones(4)), "z as one number, or as 3, one a bond, got shape"),
    (lambda: chains.bonds(4, x=1.0, distance=0), "distance to be an integer >= 1"),
    (lambda: chains.ising(4, 1.0) + chains.ising(5, 1.0), "Chain of 4 spins to add, got 5 spins"),
    (lambda: exact.ground_state(chains.ising(17, 1.0)), "at most 16 spins .* got 17, .*MiB; try lib.spins.dmrg"),
    (lambda: exact.ground_state(chains.ising(4, 1.0), parity=2), r"parity to be \+1, -1 or None, got 2"),
    (lambda: exact.ground_state(kinds(4)["ising, field along z too"], parity=1), "conserves none"),
    (lambda: exact.energy(chains.ising(4, 1.0), np.ones(4) / 2), "2\\^4"),
])
def test_arguments_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_long_range_chain_against_all_pairs_and_its_limit():
    draw = rng.stream(4, "long range")
    field = draw.random(5)
    chain = chains.long_range_ising(5, field, 1.5, coupling=0.8)
    expected = sum(-0.8 / (j - i) ** 1.5 * oracles.operator(5, {i: SIGMA["Z"], j: SIGMA["Z"]})
                   for i in range(5) for j in range(i + 1, 5))
    expected = expected - sum(h * oracles.operator(5, {i: SIGMA["X"]}) for i, h in enumerate(field))
    np.testing.assert_allclose(dense(chain), expected, atol=1e-14)
    assert chains.has_positive_ground_state(chain)
    assert chains.long_range_ising(5, 0.7, np.inf) == chains.ising(5, 0.7)
    with pytest.raises(ValueError, match="expected exponent to be a finite number, got nan; try exponent=1"):
        chains.long_range_ising(5, 1.0, float("nan"))
