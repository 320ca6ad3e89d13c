"""What a matrix product state says: exact averages of Pauli operators, the energy, entanglement.

Averages need what lies to the left of a site only, as all states are right-canonical (`lib.spins.mps`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lib.checks import as_plain
from lib.conventions import PAULI
from lib.spins.chains import Chain
from lib.spins.mps import MatrixProductState, transferred


def expectation(state: MatrixProductState, paulis: Mapping[int, str | np.ndarray]) -> float:
    """The real part of the average of a product of operators.

    Parameters
    ----------
    state : MatrixProductState
        The state to look at.
    paulis : dict of int to str or ndarray
        {site: X, Y, Z or a 2x2 matrix}, as {0: "X", 7: "X"}.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For other letters and shapes, for sites that are not there, and for no operator.

    """
    return _average(_environments(state), state, {site: _operator(name) for site, name in paulis.items()})


def magnetization(state: MatrixProductState, letter: str | np.ndarray = "Z") -> np.ndarray:
    """The average <sigma^a_i> of every site.

    Parameters
    ----------
    state : MatrixProductState
        The state to look at.
    letter : str or ndarray, default "Z"
        X, Y, Z, or a Hermitian 2x2 matrix.

    Returns
    -------
    ndarray of float64, shape (n_spins,)

    """
    operator, lefts = _operator(letter), _environments(state)
    return np.array([_average(lefts, state, {site: operator}) for site in range(state.n_spins)])


def correlation(state: MatrixProductState, letters: str = "ZZ") -> np.ndarray:
    """The average <sigma^a_i sigma^b_j> of every pair of sites, for two letters.

    Parameters
    ----------
    state : MatrixProductState
        The state to look at.
    letters : str, default "ZZ"
        Two letters X, Y, Z.

    Returns
    -------
    ndarray of float64, shape (n_spins, n_spins)
        On the diagonal stands the average of the symmetric product, 1 for equal letters and 0 for
        others.

    Raises
    ------
    ValueError
        For anything but two letters.

    """
    if not isinstance(letters, str) or len(letters) != 2:
        raise ValueError(f'expected two letters X, Y, Z, got {letters!r}; try "ZZ"')
    a, b = (_operator(letter) for letter in letters)
    n_spins, lefts = state.n_spins, _environments(state)
    result = np.diag(np.full(n_spins, float(letters[0] == letters[1])))
    for first, second, upper in ((a, b, True), (b, a, False)):
        open_ = np.zeros((0, 1, 1))  # row i: the environment with an operator at site i, all moved on together
        for j, tensor in enumerate(state.tensors):
            averages = _close(open_, tensor, _apply(second, tensor)).real
            if upper:
                result[:j, j] = averages
            else:
                result[j, :j] = averages
            started = transferred(lefts[j], tensor, _apply(first, tensor))
            open_ = np.concatenate([transferred(open_, tensor, tensor), started[None]])
        if letters[0] == letters[1]:
            return result + np.triu(result, 1).T
    return result


def energy(state: MatrixProductState, chain: Chain) -> float:
    """The average ``<psi|H|psi>``.

    Parameters
    ----------
    state : MatrixProductState
        The state to look at.
    chain : lib.spins.chains.Chain
        H, of as many spins.

    Returns
    -------
    float
        In units of energy.

    Raises
    ------
    ValueError
        For a chain of another length.

    """
    if chain.n_spins != state.n_spins:
        raise ValueError(f"expected a chain of {state.n_spins} spins, got one of {chain.n_spins}; try the chain of "
                         "this state")
    lefts = _environments(state)
    return sum(value * _average(lefts, state, {site: PAULI[letter] for site, letter in zip(sites, letters)})
               for value, letters, sites in chain.terms)


def schmidt_weights(state: MatrixProductState) -> list[np.ndarray]:
    """The squared Schmidt coefficients of every inner bond, falling, each with the sum 1.

    Parameters
    ----------
    state : MatrixProductState
        Normalized.

    Returns
    -------
    list of ndarray
        One a bond.

    """
    return [np.clip(np.linalg.eigvalsh(left), 0.0, None)[::-1] for left in _environments(state)[1:-1]]


def entanglement_entropies(state: MatrixProductState, order: int = 1) -> np.ndarray:
    """Entropy between the two sides of every inner bond: von Neumann's, or Renyi's S2.

    Parameters
    ----------
    state : MatrixProductState
        The state to look at.
    order : {1, 2}
        1, the default, is von Neumann's, 2 is Renyi's.

    Returns
    -------
    ndarray of float64, shape (n_spins - 1,)
        In nats.

    Raises
    ------
    ValueError
        For another order.

    """
    if order not in (1, 2):
        raise ValueError(f"expected order 1 (von Neumann) or 2 (Renyi), got {order!r}; try order=2")
    weights = schmidt_weights(state)
    if order == 2:
        return np.array([-np.log(np.sum(w**2)) for w in weights])
    return np.array([-np.sum(w[w > 0] * np.log(w[w > 0])) for w in weights])


def _operator(name: str | np.ndarray) -> np.ndarray:
    """A Pauli matrix by its letter, or a 2x2 matrix as it is."""
    if isinstance(name, str):
        if name not in PAULI:
            raise ValueError(f'expected a letter X, Y or Z, got {name!r}; try "Z"')
        return PAULI[name].real if name != "Y" else PAULI[name]
    matrix = as_plain(name, "operator")
    if matrix.shape != (2, 2):
        raise ValueError(f"expected a letter or a 2x2 matrix, got shape {matrix.shape}; try numpy.eye(2)")
    return matrix


def _environments(state: MatrixProductState) -> list[np.ndarray]:
    """What lies to the left of every site, and of the end: (bra bond, ket bond) each."""
    lefts = [np.ones((1, 1))]
    for tensor in state.tensors:
        lefts.append(transferred(lefts[-1], tensor, tensor))
    return lefts


def _average(lefts: list[np.ndarray], state: MatrixProductState, operators: Mapping[int, np.ndarray]) -> float:
    """The average of a product of operators, one a site; what lies to the right of the last is the identity."""
    wrong = [site for site in operators if site not in range(state.n_spins)]
    if wrong or not operators:
        raise ValueError(f"expected operators at sites 0 to {state.n_spins - 1}, got "
                         f'{wrong[0] if wrong else "none"}; try {{0: "Z"}}')
    first, last = min(operators), max(operators)
    left = lefts[first]
    for site in range(first, last):
        ket = state.tensors[site]
        left = transferred(left, ket, _apply(operators[site], ket) if site in operators else ket)
    return float(_close(left, state.tensors[last], _apply(operators[last], state.tensors[last])).real)


def _apply(operator: np.ndarray, tensor: np.ndarray) -> np.ndarray:
    return np.einsum("bc,lcr->lbr", operator, tensor)


def _close(left: np.ndarray, bra: np.ndarray, ket: np.ndarray) -> np.ndarray:
    """Environments (..., bra bond, ket bond) moved over a site and closed by the identity: (...)."""
    half = np.tensordot(left, ket, 1)
    return half.reshape(*left.shape[:-2], bra.size) @ bra.conj().ravel()
