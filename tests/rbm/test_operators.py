"""Local estimators of operators, summed over all configurations, against expectation values of dense matrices."""

import numpy as np
import pytest
import torch

from lib.conventions import PAULI, all_states, state_index
from lib.rbm import observables, operators
from lib.rbm.complex_state import ComplexState
from lib.rbm.machine import Machine
from lib.rbm.operators import Operator, diagonal, of_chain, pauli
from lib.rbm.states import PositiveState
from lib.spins import bases, chains, exact
from tests.rbm.test_complex_state import make_state
from tests.rbm.test_mixed_state import make_mixed
from tests.spins.test_bases import kron

PRODUCTS = [{}, {0: "X"}, {2: "Y"}, {1: "Z"}, {0: "X", 1: "Y"}, {0: "Y", 2: "Y"}, {0: "Z", 1: "X", 2: "Y"}]


def matrix(operator, n_spins):
    """The operator as a dense matrix, from its rows."""
    moved, elements = operator.rows(all_states(n_spins))
    dense = np.zeros((2**n_spins, 2**n_spins), complex)
    for row, (to, values) in enumerate(zip(state_index(moved), elements, strict=True)):
        np.add.at(dense[row], to, values)
    return dense


def dense_pauli(paulis, n_spins):
    return kron([PAULI[paulis[site]] if site in paulis else np.eye(2) for site in range(n_spins)])


@pytest.mark.parametrize("paulis", PRODUCTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_means_over_all_configurations_are_expectations(paulis, seed):
    state = make_state(3, 4, 3, 1.2, seed)
    psi = state.psi().numpy()
    mean = np.abs(psi) ** 2 @ pauli(paulis)(state, all_states(3))
    assert mean == pytest.approx(bases.expectation(psi, paulis), abs=1e-12)


def test_sums_products_and_multiples_are_those_of_matrices():
    """Of operators that do not commute, with complex factors, and of one that is no product of Paulis."""
    a, b = pauli({0: "X", 1: "Y"}), pauli({1: "Z", 2: "Y"})
    raising = Operator(lambda bits: (np.where(np.arange(3) == 1, 1, bits)[:, None], 1.0 - bits[:, 1:2]))
    up = diagonal(lambda bits: bits.sum(-1))
    dense = [dense_pauli({0: "X", 1: "Y"}, 3), dense_pauli({1: "Z", 2: "Y"}, 3), matrix(raising, 3), matrix(up, 3)]
    x, y, r, n = dense
    assert not np.allclose(x @ y, y @ x) and not np.allclose(r, r.T)
    np.testing.assert_allclose(matrix(a, 3), x, atol=1e-15)
    np.testing.assert_allclose(n, np.diag(all_states(3).sum(1)))
    for operator, expected in ((a @ b, x @ y), (b @ a, y @ x), (2 * a - b * (0.5j), 2 * x - 0.5j * y), (-a + b, y - x),
                               (raising @ a + up @ b @ raising, r @ x + n @ y @ r)):
        np.testing.assert_allclose(matrix(operator, 3), expected, atol=1e-15)


def test_a_product_of_values_is_not_the_value_of_the_product():
    """Which is what makes products of operators worth having."""
    state, bits = make_state(3, 4, 3, 1.2, 1), all_states(3)
    psi = state.psi().numpy()
    a, b = pauli({0: "X"}), pauli({1: "X"})
    both = np.abs(psi) ** 2 @ (a @ b)(state, bits)
    assert both == pytest.approx(bases.expectation(psi, {0: "X", 1: "X"}), abs=1e-12)
    assert abs(np.abs(psi) ** 2 @ (a(state, bits) * b(state, bits)) - both) > 0.01


@pytest.mark.parametrize("chain", [chains.xxz(4, 0.7, next_coupling=0.8), chains.ising(4, 1.3),
                                   chains.fields(4, x=1.0, y=-0.5, z=0.2)])
def test_the_energy_of_a_chain(chain):
    state = make_state(4, 3, 5, 0.9, 4)
    psi = state.psi().numpy()
    energy = exact.energy(chain, psi)
    assert np.abs(psi) ** 2 @ of_chain(chain)(state, all_states(4)) == pytest.approx(energy, abs=1e-12)
    draws = state.sample(40_000, seed=5, n_chains=4000, burn_in=100, thin=5)
    found = observables.estimate(of_chain(chain)(state, draws).real)
    assert abs(found.mean - energy) < 5 * found.error and found.error < 0.05


def test_terms_that_flip_the_same_spins_share_a_configuration():
    moved, _ = of_chain(chains.xxz(6, 0.7)).rows(all_states(6)[:3])
    assert moved.shape == (3, 6, 6)  # five bonds, XX and YY together, and all ZZ


def test_positive_states_have_real_values_as_their_own_functions_give_them():
    state, bits = PositiveState(Machine.random(4, 3, seed=1)), all_states(4).reshape(4, 4, 4)
    values = of_chain(chains.ising(4, 0.7))(state, bits)
    assert values.dtype == np.float64 and values.shape == (4, 4)
    np.testing.assert_allclose(values, observables.energy(state, bits, 0.7), atol=1e-12)
    assert pauli({0: "Y"})(state, bits).dtype == np.complex128
    single = PositiveState(Machine.random(4, 3, seed=1, dtype=torch.float32))
    np.testing.assert_allclose(of_chain(chains.ising(4, 0.7))(single, bits), values, rtol=1e-5)


@pytest.mark.parametrize("paulis", PRODUCTS)
def test_averages_in_a_mixed_state(paulis):
    """Over spins and ancillas; the operator touches the spins alone."""
    state = make_mixed(3, 2, 4, 1.0, 5)
    whole = ComplexState(state.amplitude, state.phase).psi().numpy()
    mean = np.abs(whole) ** 2 @ pauli(paulis)(state, all_states(5))
    exactly = np.trace(state.density_matrix().numpy() @ dense_pauli(paulis, 3))
    assert mean == pytest.approx(exactly, abs=1e-12)
    assert state.sample(8, seed=1, n_chains=4).shape == (2, 4, 5)


def test_many_samples_are_taken_in_pieces(monkeypatch):
    state, bits = make_state(3, 2, 2, 1.0, 3), all_states(3)
    whole = of_chain(chains.xxz(3, 0.5))(state, bits)
    monkeypatch.setattr(operators, "_CHUNK", 20)
    np.testing.assert_allclose(of_chain(chains.xxz(3, 0.5))(state, bits), whole, rtol=1e-13)


def test_huge_energies_do_not_overflow():
    machine = Machine(torch.zeros(3, 1), torch.full((3,), 900.0), torch.zeros(1))
    assert pauli({0: "X"})(PositiveState(machine), [[1, 1, 1]]) == pytest.approx(0, abs=1e-100)


def test_samples_of_every_kind_and_shape():
    state, bits = make_state(3, 2, 2, 1.0, 3), all_states(3)
    whole = pauli({0: "Y"})(state, bits)
    assert whole.shape == (8,) and pauli({0: "Y"})(state, bits.reshape(2, 4, 3)).shape == (2, 4)
    for given in (bits.tolist(), torch.from_numpy(bits), bits.astype(float)):
        np.testing.assert_array_equal(pauli({0: "Y"})(state, given), whole)


@pytest.mark.parametrize("call, message", [
    (lambda s: pauli({3: "X"})(s, [[0, 1, 1]]), "paulis of sites 0 to 2, got 3"),
    (lambda s: pauli({0: "H"}), "letters X, Y, Z, got 'H' of site 0"),
    (lambda s: pauli("XX"), "a dict from sites to letters, got str"),
    (lambda s: pauli({0: "X"})(s, [[0, 2, 1]]), "samples of 0 and 1, got 2"),
    (lambda s: pauli({0: "X"})(s, [[0, 1]]), r"samples of shape \(..., 3\)"),
    (lambda s: pauli({0: "X"})(s.amplitude, [[0, 1, 1]]), "a PositiveState, ComplexState or MixedState, got Machine"),
    (lambda s: of_chain(chains.ising(4, 1.0))(s, [[0, 1, 1]]), "a Chain of 3 spins, got one of 4"),
    (lambda s: of_chain([(1.0, "X", (0,))]), "a Chain, got list"),
    (lambda s: diagonal(lambda bits: bits)(s, [[0, 1, 1]]), "one value a row"),
    (lambda s: Operator(lambda bits: (bits, np.ones(len(bits))))(s, [[0, 1, 1]]), "got .* try one row a configuration"),
])
def test_what_is_no_observable_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(ComplexState.random(3, 2, seed=1))


@pytest.mark.parametrize("call", [lambda o: o + 1, lambda o: o - 1, lambda o: o * o, lambda o: o @ 2,
                                  lambda o: True * o])
def test_only_operators_add_and_multiply_with_operators(call):
    with pytest.raises(TypeError):
        call(pauli({0: "X"}))
