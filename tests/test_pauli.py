"""Local estimators of Pauli products on complex states, summed over all configurations, against expectation values."""

import numpy as np
import pytest
import torch

from lib.conventions import all_states
from lib.rbm import observables, pauli
from lib.rbm.complex_state import ComplexState
from lib.spins import bases, chains, exact
from tests.test_complex_state import make_state


@pytest.mark.parametrize("paulis", [{}, {0: "X"}, {2: "Y"}, {1: "Z"}, {0: "X", 1: "Y"}, {0: "Y", 2: "Y"},
                                    {0: "Z", 1: "X", 2: "Y"}])
@pytest.mark.parametrize("seed", [1, 2])
def test_means_over_all_configurations_are_expectations(paulis, seed):
    state = make_state(3, 4, 3, 1.2, seed)
    psi = state.psi().numpy()
    mean = np.abs(psi) ** 2 @ pauli.local_pauli(state, all_states(3), paulis)
    assert mean == pytest.approx(bases.expectation(psi, paulis), abs=1e-12)


@pytest.mark.parametrize("chain", [chains.xxz(4, 0.7, next_coupling=0.8), chains.ising(4, 1.3),
                                   chains.fields(4, x=1.0, y=-0.5, z=0.2)])
def test_the_energy_of_a_chain(chain):
    state = make_state(4, 3, 5, 0.9, 4)
    psi = state.psi().numpy()
    energy = exact.energy(chain, psi)
    assert np.abs(psi) ** 2 @ pauli.local_energy(state, all_states(4), chain) == pytest.approx(energy, abs=1e-12)
    draws = state.sample(40_000, seed=5, n_chains=4000, burn_in=100, thin=5)
    found = observables.estimate(pauli.local_energy(state, draws, chain).real)
    assert abs(found.mean - energy) < 5 * found.error and found.error < 0.05


def test_samples_of_every_kind_and_shape():
    state, bits = make_state(3, 2, 2, 1.0, 3), all_states(3)
    whole = pauli.local_pauli(state, bits, {0: "Y"})
    assert whole.shape == (8,) and pauli.local_pauli(state, bits.reshape(2, 4, 3), {0: "Y"}).shape == (2, 4)
    for given in (bits.tolist(), torch.from_numpy(bits), bits.astype(float)):
        np.testing.assert_array_equal(pauli.local_pauli(state, given, {0: "Y"}), whole)


@pytest.mark.parametrize("call, message", [
    (lambda s: pauli.local_pauli(s, [[0, 1, 1]], {3: "X"}), "paulis of sites 0 to 2, got 3"),
    (lambda s: pauli.local_pauli(s, [[0, 1, 1]], {0: "H"}), "letters X, Y, Z, got 'H' of site 0"),
    (lambda s: pauli.local_pauli(s, [[0, 1, 1]], "XX"), "a dict from sites to letters, got str"),
    (lambda s: pauli.local_pauli(s, [[0, 2, 1]], {0: "X"}), "expected bits 0 or 1, got 2"),
    (lambda s: pauli.local_pauli(s, [[0, 1]], {0: "X"}), "visible units of shape"),
    (lambda s: pauli.local_pauli(s.amplitude, [[0, 1, 1]], {0: "X"}), "a ComplexState or MixedState, got Machine"),
    (lambda s: pauli.local_energy(s, [[0, 1, 1]], chains.ising(4, 1.0)), "a Chain of 3 spins, got one of 4"),
    (lambda s: pauli.local_energy(s, [[0, 1, 1]], [(1.0, "X", (0,))]), "a Chain of 3 spins, got list"),
])
def test_what_is_no_observable_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(ComplexState.random(3, 2, seed=1))
