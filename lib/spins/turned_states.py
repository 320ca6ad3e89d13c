"""How a state looks in a product of local bases (5.13, 5.14): amplitudes, probabilities, products of Pauli operators.

A basis is spelt as in :mod:`lib.spins.bases`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lib.chain_checks import check_state_vector
from lib.checks import COMPLEX, as_array
from lib.conventions import PLUS_OUTCOME
from lib.spins.gates import UNITARY_TOLERANCE, basis_codes, gate_table


def rotate(psi, basis, *, gates: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
    """The amplitudes of a state in a basis (5.13); their squares are (5.14).

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes along z.
    basis : str
        Letters, "XZZ".
    gates : dict of str to array_like, shape (2, 2), optional
        Further unitaries by a letter, rows are outcomes; X, Y and Z are known, and may be replaced.

    Returns
    -------
    ndarray of complex128, shape (2^n_spins,)

    Raises
    ------
    ValueError
        For another psi, an unknown letter, a basis of another width, and a gate that is not
        unitary.

    """
    psi = check_state_vector(psi)
    n_spins = psi.size.bit_length() - 1
    letters, table = gate_table(gates)
    vector = psi.astype(np.complex128)
    for site, code in enumerate(basis_codes(basis, n_spins, letters)[0]):
        vector = turn(vector, table[code], site)
    return vector


def turn(vector: np.ndarray, gate: np.ndarray, site: int) -> np.ndarray:
    """A vector with one spin turned.

    Parameters
    ----------
    vector : ndarray of complex128, shape (2^n_spins,)
        Amplitudes.
    gate : ndarray of complex128, shape (2, 2)
        Rows are outcomes.
    site : int
        The spin, from 0.

    Returns
    -------
    ndarray of complex128, shape (2^n_spins,)

    """
    return np.einsum("ab,xby->xay", gate, vector.reshape(2**site, 2, -1)).reshape(-1)


def probabilities(state, basis, *, gates: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
    """The probabilities of all outcomes in a basis (5.14).

    Parameters
    ----------
    state : array_like, shape (2^n_spins,) or (2^n_spins, 2^n_spins)
        Normalised amplitudes along z, or a density matrix over the same basis.
    basis : str
        Letters, "XZZ".
    gates : dict of str to array_like, shape (2, 2), optional
        Further unitaries by a letter, rows are outcomes; X, Y and Z are known, and may be replaced.

    Returns
    -------
    ndarray of float64, shape (2^n_spins,)

    Raises
    ------
    ValueError
        As `rotate` and `check_vector_or_matrix` do.

    """
    state = check_vector_or_matrix(state)
    if state.ndim == 1:
        return np.abs(rotate(state, basis, gates=gates)) ** 2
    n_spins = len(state).bit_length() - 1
    letters, table = gate_table(gates)
    turned = state.astype(np.complex128)
    for site, code in enumerate(basis_codes(basis, n_spins, letters)[0]):
        gate = table[code]
        turned = np.einsum("ab,xbyz->xayz", gate, turned.reshape(2**site, 2, -1, 2**n_spins))
        turned = turned.reshape(2**n_spins, 2**n_spins)
        turned = np.einsum("ab,zxby->zxay", gate.conj(), turned.reshape(2**n_spins, 2**site, 2, -1))
        turned = turned.reshape(2**n_spins, 2**n_spins)
    return np.maximum(np.diagonal(turned).real, 0.0)


def check_vector_or_matrix(state, n_spins: int | None = None, *, name: str = "state") -> np.ndarray:
    """Normalised amplitudes, or a density matrix, checked within 1e-6.

    Parameters
    ----------
    state : array_like, shape (2^n_spins,) or (2^n_spins, 2^n_spins)
        A density matrix is Hermitian, of trace 1, without negative eigenvalues.
    n_spins : int, optional
        The number of spins that it must have, if it is known.
    name : str, default "state"
        What the error messages call it.

    Returns
    -------
    ndarray of float64 or complex128, shape of state

    Raises
    ------
    ValueError
        For what is neither: try ``state / numpy.linalg.norm(state)`` for amplitudes,
        ``(state + state.conj().T) / 2`` and ``state / numpy.trace(state)`` for a matrix.

    """
    values = as_array(state, name, kinds=COMPLEX)
    values = values.astype(np.complex128 if values.dtype.kind == "c" else np.float64, copy=False)
    if values.ndim != 2:
        return check_state_vector(values, n_spins, name=name)
    size = len(values)
    if values.shape != (size, size) or size < 2 or size & (size - 1) or n_spins is not None and size != 2**n_spins:
        wanted = "(2^n_spins, 2^n_spins)" if n_spins is None else f"({2**n_spins}, {2**n_spins})"
        raise ValueError(f"expected {name} as a density matrix of shape {wanted}, got {values.shape}; try one row and "
                         "column for each basis state")
    if not np.isfinite(values).all() or np.abs(values - values.conj().T).max() > UNITARY_TOLERANCE:
        raise ValueError(f"expected {name} finite and Hermitian within {UNITARY_TOLERANCE:g}, got another matrix; try "
                         f"({name} + {name}.conj().T) / 2")
    trace, lowest = float(np.trace(values).real), float(np.linalg.eigvalsh(values)[0])
    if abs(trace - 1) > UNITARY_TOLERANCE or lowest < -UNITARY_TOLERANCE:
        raise ValueError(f"expected {name} of trace 1 without negative eigenvalues, got trace {trace:.9g} and a lowest "
                         f"eigenvalue of {lowest:.3g}; try {name} / numpy.trace({name})")
    return values


def expectation(psi, paulis: Mapping[int, str]) -> float:
    """``<psi| product of Pauli operators |psi>`` from the distribution in the basis they share.

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes along z.
    paulis : dict of int to str
        The letter X, Y or Z of every site that has an operator, ``{0: "X", 1: "X"}``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For another psi, and for other letters or sites.

    """
    psi = check_state_vector(psi)
    n_spins = psi.size.bit_length() - 1
    for site, letter in paulis.items():
        if site not in range(n_spins) or letter not in PLUS_OUTCOME:
            raise ValueError(f"expected letters X, Y, Z of sites 0 to {n_spins - 1}, got {letter!r} of site {site!r}; "
                             'try {0: "X"}')
    basis = "".join(paulis.get(site, "Z") for site in range(n_spins))
    probabilities = np.abs(rotate(psi, basis)) ** 2
    sign = np.ones(psi.size)
    for site, letter in paulis.items():
        bit = (np.arange(psi.size) >> (n_spins - 1 - site)) & 1
        sign *= np.where(bit == PLUS_OUTCOME[letter], 1.0, -1.0)
    return float(probabilities @ sign)
