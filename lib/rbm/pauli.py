"""Products of Pauli operators, and sums of them, on complex states, from samples along z (5.7 for complex amplitudes).

A product of X, Y and Z connects each configuration to one other, so that its local estimator is one ratio of
amplitudes. Values are complex; their mean is real for a Hermitian operator, and `observables.estimate` takes the real
parts. Energies are sums over the terms of a chain.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lib.checks import as_array
from lib.conventions import PAULI, check_region, spins_from_bits
from lib.rbm.complex_state import ComplexState, check_pure
from lib.spins.chains import Chain


def local_pauli(state: ComplexState, samples, paulis: Mapping[int, str]) -> np.ndarray:
    """<v|P|v'> psi(v') / psi(v) of each sample v, with v' the one configuration that P connects it to; complex128.

    samples: bits (..., n_spins) of the state's own distribution along z. paulis: the letter X, Y or Z of each site that
    has an operator, {0: "X", 1: "X"}. Returns shape (...).
    Raises ValueError for a site that the state does not have, another letter, and what is not bits.
    """
    check_pure(state)
    if not isinstance(paulis, Mapping):
        raise ValueError(f"expected paulis as a dict from sites to letters, got {type(paulis).__name__}; try "
                         '{0: "X"}')
    if paulis:
        check_region(paulis, state.n_spins, name="paulis")
    before = state.log_psi(samples).numpy()  # checks the bits
    bits = as_array(samples, "samples").astype(np.uint8)
    moved, factor = bits.copy(), np.ones(bits.shape[:-1], dtype=np.complex128)
    for site, letter in paulis.items():
        if letter not in PAULI:
            raise ValueError(f'expected letters X, Y, Z, got {letter!r} of site {site}; try {{{site}: "X"}}')
        if letter == "Z":
            factor *= spins_from_bits(bits[..., site])
        else:
            moved[..., site] ^= 1
            factor *= PAULI[letter][bits[..., site], moved[..., site]]
    if (moved == bits).all():
        return factor
    return factor * np.exp(state.log_psi(moved).numpy() - before)


def local_energy(state: ComplexState, samples, chain: Chain) -> np.ndarray:
    """The local estimator of a Hamiltonian, or of any other sum of Pauli products; complex128 (...).

    chain: of `spins.chains`, in its units of energy. Raises ValueError for a chain of other spins.
    """
    check_pure(state)
    if not isinstance(chain, Chain) or chain.n_spins != state.n_spins:
        got = f"one of {chain.n_spins}" if isinstance(chain, Chain) else type(chain).__name__
        raise ValueError(f"expected a Chain of {state.n_spins} spins, got {got}; try "
                         f"lib.spins.chains.xxz({state.n_spins}, 1.0)")
    total = 0.0 * local_pauli(state, samples, {})
    for coefficient, letters, sites in chain.terms:
        total += coefficient * local_pauli(state, samples, dict(zip(sites, letters, strict=True)))
    return total
