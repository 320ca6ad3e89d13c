"""How states look in products of local bases, against Kronecker products and energies by other ways."""


import numpy as np
import pytest

from lib.conventions import GATES, PAULI, outcome_values
from lib.spins import bases, chains, exact, turned_states


def kron(matrices):
    result = np.eye(1)
    for matrix in matrices:
        result = np.kron(result, matrix)
    return result


def random_psi(n_spins, seed):
    parts = np.random.default_rng(seed).standard_normal((2, 2**n_spins))
    psi = parts[0] + 1j * parts[1]
    return psi / np.linalg.norm(psi)


# --- states in rotated bases


@pytest.mark.parametrize("basis", ["Z", "Y", "XZ", "YX", "ZYX", "XXYZ"])
def test_rotation_is_the_kronecker_product_of_the_gates(basis):
    psi = random_psi(len(basis), 3)
    expected = kron([GATES[letter] for letter in basis]) @ psi
    np.testing.assert_allclose(turned_states.rotate(psi, basis), expected, atol=1e-14)
    gate = np.linalg.qr(np.random.default_rng(1).standard_normal((2, 4)).view(complex))[0]
    mine = turned_states.rotate(psi, "T" + basis[1:], gates={"T": gate})
    np.testing.assert_allclose(mine, kron([gate, *(GATES[letter] for letter in basis[1:])]) @ psi, atol=1e-14)


@pytest.mark.parametrize("paulis", [{0: "X"}, {1: "Y"}, {0: "Z", 2: "Y"}, {0: "Y", 1: "Y"},
                                    {0: "X", 1: "Y", 2: "Z"}, {}])
def test_expectation_of_paulis(paulis):
    psi = random_psi(3, 11)
    matrix = kron([PAULI[paulis[site]] if site in paulis else np.eye(2) for site in range(3)])
    assert turned_states.expectation(psi, paulis) == pytest.approx((psi.conj() @ matrix @ psi).real, abs=1e-13)


# --- chains with exchange


@pytest.mark.parametrize("n_spins, anisotropy", [(4, 0.5), (6, 1.0), (6, 1.7), (10, 0.3)])
def test_energies_of_xxz_chains_from_three_rotated_bases(n_spins, anisotropy):
    """<XX>, <YY> and <ZZ> from outcomes along x, y and z add up to the energy of exact diagonalization."""
    energy, psi = exact.ground_state(chains.xxz(n_spins, anisotropy))
    found = sum(0.25 * factor * turned_states.expectation(psi, {site: letter, site + 1: letter})
                for letter, factor in (("X", 1), ("Y", 1), ("Z", anisotropy)) for site in range(n_spins - 1))
    assert found == pytest.approx(energy, abs=1e-10)
    # The same from drawn outcomes, within five standard errors of a mean of values that are at most n_spins / 4.
    total = 0.0
    for letter, factor in (("X", 1), ("Y", 1), ("Z", anisotropy)):
        drawn = bases.sample(psi, letter * n_spins, 4000, rng=np.random.default_rng(3))
        values = outcome_values(drawn.bits, letter).astype(float)
        total += 0.25 * factor * (values[:, 1:] * values[:, :-1]).sum(1).mean()
    assert total == pytest.approx(energy, abs=5 * n_spins / 4 / 4000**0.5 * 3**0.5)
