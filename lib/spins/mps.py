"""Matrix product states: amplitudes, exact averages, entanglement and files, from plain arrays.

psi(b_0, b_1, ...) = A_0[b_0] A_1[b_1] ... with a matrix A_i[b] of shape (left bond, right bond) a site and bit, the
outer bonds of size 1. States come from `lib.spins.dmrg`, or from vectors and tensors made elsewhere;
`lib.spins.mps_samples` measures them.

All states here are right-canonical, sum_b A_i[b] A_i[b]^H = 1: what lies to the right of a bond then contracts to the
identity, and averages need the part to the left only (U. Schollwoeck, Ann. Phys. 326, 96 (2011), section 4).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib import atomic
from lib.checks import as_plain, is_integer
from lib.conventions import PAULI, check_bits, check_state_vector, require_memory
from lib.spins.chains import Chain

_FORMAT = "matrix product state 1"
_CANONICAL = 1e-8  # how far sum_b A[b] A[b]^H may be from the identity
MAX_VECTOR_SPINS = 24


@dataclass(frozen=True, eq=False, repr=False)
class MatrixProductState:
    """A normalised state, right-canonical.

    Attributes
    ----------
    tensors : tuple of ndarray
        tensors[i][left bond, bit, right bond] of every site, all float64 or all complex128,
        right-canonical.

    Raises
    ------
    ValueError
        For shapes that do not fit together and for tensors of another form (`canonical` takes any).

    """

    tensors: tuple[np.ndarray, ...]

    def __post_init__(self):
        tensors = _same_type(self.tensors)
        for site, tensor in enumerate(tensors):
            away = np.abs(np.einsum("lbr,kbr->lk", tensor, tensor.conj()) - np.eye(len(tensor))).max()
            if not away <= _CANONICAL:
                raise ValueError("expected right-canonical tensors, got sum_b A A^H that differs from 1 by "
                                 f"{away:.3g} at site {site}; try lib.spins.mps.canonical(tensors)")
            tensor.setflags(write=False)
        object.__setattr__(self, "tensors", tensors)

    def __repr__(self) -> str:
        return (f"MatrixProductState({self.n_spins} spins, bond dimension {max(self.bond_dimensions, default=1)}, "
                f"{self.dtype})")

    @property
    def n_spins(self) -> int:
        """Sites of the chain."""
        return len(self.tensors)

    @property
    def dtype(self) -> np.dtype:
        """Of all tensors, float64 or complex128."""
        return self.tensors[0].dtype

    @property
    def bond_dimensions(self) -> tuple[int, ...]:
        """The sizes of the n_spins - 1 inner bonds."""
        return tuple(tensor.shape[2] for tensor in self.tensors[:-1])

    @property
    def n_parameters(self) -> int:
        """Numbers in the tensors; a complex one counts as two."""
        return sum(tensor.size for tensor in self.tensors) * (2 if self.dtype.kind == "c" else 1)

    def vector(self) -> np.ndarray:
        """All amplitudes in the order of the basis.

        Returns
        -------
        ndarray of float64 or complex128, shape (2^n_spins,)

        Raises
        ------
        ValueError
            For more than 24 spins.

        """
        if self.n_spins > MAX_VECTOR_SPINS:
            raise ValueError(f"expected at most {MAX_VECTOR_SPINS} spins to write out all amplitudes, got "
                             f"{self.n_spins}; try log_amplitudes of the states that matter")
        require_memory(2**self.n_spins * max(self.bond_dimensions, default=1) * 16, "the vector of all amplitudes")
        result = np.ones((1, 1))
        for tensor in self.tensors:
            result = np.tensordot(result, tensor, 1)  # states bond, bond bit bond' -> states bit bond'
            result = result.reshape(-1, tensor.shape[2])
        return result[:, 0]


def canonical(tensors: Sequence[np.ndarray]) -> MatrixProductState:
    """The normalised state of any tensors, by QR from right to left.

    Parameters
    ----------
    tensors : sequence of array_like, each of shape (left bond, 2, right bond)
        One for each site, with outer bonds of size 1; the axis between the bonds is that of the
        bit.

    Returns
    -------
    MatrixProductState

    Raises
    ------
    ValueError
        For shapes that do not fit together, numbers that are not finite, and the state zero.

    """
    tensors = _same_type(tensors)
    result, carry = [], np.ones((1, 1))
    for tensor in reversed(tensors):
        left, _, right = tensor.shape
        q, r = np.linalg.qr(np.tensordot(tensor, carry, 1).reshape(left, -1).conj().T)
        result.append(np.ascontiguousarray(q.conj().T).reshape(-1, 2, carry.shape[1]))
        scale = np.abs(r).max()
        if not scale > 0:
            raise ValueError("expected a state with a norm, got tensors whose product is zero; try other tensors")
        carry = r.conj().T / scale
    # The last r is a number of modulus one by now, the phase of the state.
    result[-1] = result[-1] * carry[0, 0] / abs(carry[0, 0])
    return MatrixProductState(tuple(reversed(result)))


def superposed(first: MatrixProductState, second: MatrixProductState, amplitude: float = 1.0) -> MatrixProductState:
    """The normalised state of first + amplitude second, whose bond dimensions are the sums of theirs.

    Parameters
    ----------
    first, second : MatrixProductState
        Two states of the same number of spins.
    amplitude : float, default 1.0
        Of the second, relative to the first.

    Returns
    -------
    MatrixProductState

    Raises
    ------
    ValueError
        For states of different numbers of spins, and where the sum is zero.

    """
    if first.n_spins != second.n_spins:
        raise ValueError(f"expected two states of the same number of spins, got {first.n_spins} and {second.n_spins}; "
                         "try states of one chain")
    tensors, last = [], first.n_spins - 1
    for site, (a, b) in enumerate(zip(first.tensors, second.tensors)):
        b = amplitude * b if site == 0 else b
        if last == 0:
            both = a + b
        elif site == 0:
            both = np.concatenate([a, b], axis=2)
        elif site == last:
            both = np.concatenate([a, b], axis=0)
        else:
            both = np.concatenate([np.pad(a, ((0, 0), (0, 0), (0, b.shape[2]))),
                                   np.pad(b, ((0, 0), (0, 0), (a.shape[2], 0)))], axis=0)
        tensors.append(both)
    return canonical(tensors)


def from_vector(psi, *, max_bond: int | None = None, cutoff: float = 1e-28) -> MatrixProductState:
    """A matrix product state from all amplitudes, by singular value decompositions from the right.

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes.
    max_bond : int, >= 1, optional
        Largest bond dimension, None for as many as needed.
    cutoff : float, default 1e-28
        Weight (a sum of squared singular values) that may be dropped at each bond; by default that
        of rounding alone.

    Returns
    -------
    MatrixProductState

    Raises
    ------
    ValueError
        For another psi, and for max_bond below 1.

    """
    psi = check_state_vector(psi)
    n_spins = psi.size.bit_length() - 1
    if max_bond is not None and (not is_integer(max_bond) or max_bond < 1):
        raise ValueError(f"expected max_bond to be an integer >= 1, got {max_bond!r}; try max_bond=32")
    result, rest, right = [], psi.reshape(1, -1), 1
    for _ in range(n_spins - 1):
        u, s, v = np.linalg.svd(rest.reshape(-1, 2 * right), full_matrices=False)
        dropped = np.cumsum(s[::-1] ** 2)[::-1]  # weight of this and all smaller ones
        kept = max(1, int(np.sum(dropped > cutoff)))
        kept = kept if max_bond is None else min(kept, max_bond)
        result.append(v[:kept].reshape(kept, 2, right))
        rest, right = u[:, :kept] * s[:kept], kept
    return canonical([rest.reshape(1, 2, right), *reversed(result)])


def log_amplitudes(state: MatrixProductState, bits) -> np.ndarray:
    """The logarithm ln psi(v) of every row.

    Parameters
    ----------
    state : MatrixProductState
        The state to look at.
    bits : array_like of 0 and 1, shape (n_samples, n_spins)
        The rows v.

    Returns
    -------
    ndarray of complex128, shape (n_samples,)
        The imaginary part is the phase, 0 or pi of a real state. An amplitude that is zero gives
        minus infinity.

    """
    bits = check_bits(bits, state.n_spins)
    result = np.empty(len(bits), dtype=np.complex128)
    for start in range(0, len(bits), 4096):  # so that the vectors stay near the caches
        rows = bits[start : start + 4096]
        vectors, logs = np.ones((len(rows), 1)), np.zeros(len(rows))
        for site, tensor in enumerate(state.tensors):
            new = np.empty((len(rows), tensor.shape[2]), dtype=state.dtype)
            for bit in (0, 1):
                here = rows[:, site] == bit
                new[here] = vectors[here] @ tensor[:, bit]  # sample left, left right -> sample right
            # Every amplitude carries its own scale: at 1000 spins products would underflow.
            scale = np.abs(new).max(axis=1)
            with np.errstate(divide="ignore"):
                logs += np.log(scale)
            vectors = new / np.where(scale > 0, scale, 1.0)[:, None]
        with np.errstate(divide="ignore"):
            result[start : start + 4096] = logs + np.log(vectors[:, 0].astype(np.complex128))
    return result


def overlap(first: MatrixProductState, second: MatrixProductState) -> complex:
    """The overlap ``<first|second>``; its squared modulus is the fidelity.

    Parameters
    ----------
    first, second : MatrixProductState
        Two states of the same number of spins.

    Returns
    -------
    complex

    Raises
    ------
    ValueError
        For states of different numbers of spins.

    """
    if first.n_spins != second.n_spins:
        raise ValueError(f"expected two states of the same number of spins, got {first.n_spins} and {second.n_spins}; "
                         "try states of one chain")
    left = np.ones((1, 1))
    for a, b in zip(first.tensors, second.tensors):
        left = _step(left, a, b)
    return complex(left[0, 0])


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
            started = _step(lefts[j], tensor, _apply(first, tensor))
            open_ = np.concatenate([_step(open_, tensor, tensor), started[None]])
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
    """The squared Schmidt coefficients of every inner bond, falling, each with the sum 1."""
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


def save(path: str | Path, state: MatrixProductState, *, metadata: dict | None = None) -> None:
    """Write a state as an npz archive without pickle; the file appears whole or not at all.

    Its members are format, bonds (int64, n_spins + 1), values (all tensors one after another) and
    metadata (JSON). Equal states give equal bytes. A missing folder is made.

    Parameters
    ----------
    path : str or pathlib.Path
        Ends in .npz.
    state : MatrixProductState
        The state to look at.
    metadata : dict, optional
        Of str, int, finite float, bool, list and dict.

    Raises
    ------
    ValueError
        For another ending than .npz and for metadata that JSON cannot hold.

    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"expected a path that ends in .npz, got {path}; try {path.with_suffix('.npz')}")
    try:
        text = json.dumps({} if metadata is None else metadata, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError("expected metadata of str, int, finite float, bool, list and dict, "
                         f"got {metadata!r} ({error}); try float(...) for numpy numbers") from None
    content = io.BytesIO()
    np.savez(content, format=np.array(_FORMAT), bonds=np.array([1, *state.bond_dimensions, 1], dtype=np.int64),
             values=np.concatenate([tensor.ravel() for tensor in state.tensors]), metadata=np.array(text))
    atomic.write_bytes(path, content.getvalue())


def load(path: str | Path) -> tuple[MatrixProductState, dict]:
    """Read a file of `save`.

    Parameters
    ----------
    path : str or pathlib.Path
        Of the file.

    Returns
    -------
    state : MatrixProductState
    metadata : dict

    Raises
    ------
    FileNotFoundError
        Where there is none.
    ValueError
        For a file that is cut, damaged, of another kind, or holds pickled objects, which are never
        loaded.

    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"expected a file of a matrix product state, got no file at {path}; try another path")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
                raise ValueError("members that are not stored as they are")
        with np.load(path, allow_pickle=False) as archive:
            found, bonds, values, text = (archive[name] for name in ("format", "bonds", "values", "metadata"))
        if str(found) != _FORMAT:
            raise ValueError(f"the format {str(found)!r}")
        sizes = bonds[:-1] * 2 * bonds[1:]
        if bonds.dtype != np.int64 or bonds.ndim != 1 or bonds.size < 2 or bonds.min() < 1 \
                or sizes.sum() != values.size:
            raise ValueError("bonds that do not fit the values")
        parts = np.split(values, np.cumsum(sizes)[:-1])
        tensors = tuple(part.reshape(left, 2, right) for part, left, right in zip(parts, bonds[:-1], bonds[1:]))
        return MatrixProductState(tensors), json.loads(str(text))
    # zlib.error and struct.error are among what a damaged archive can raise, without a common base class.
    except Exception as error:
        raise ValueError(f"expected a state written by lib.spins.mps.save, got something else in {path} "
                         f"({error or type(error).__name__}); try to make or copy the file again") from error


def likely_bits(state: MatrixProductState) -> np.ndarray:
    """A basis state of large weight: site by site the likelier bit, given those before.

    Parameters
    ----------
    state : MatrixProductState
        The state to look at.

    Returns
    -------
    ndarray of uint8, shape (n_spins,)

    """
    vector, bits = np.ones(1), []
    for tensor in state.tensors:
        halves = np.tensordot(vector, tensor, 1)  # bit right
        weights = np.linalg.norm(halves, axis=1)
        bits.append(int(weights[1] > weights[0] * (1 + 1e-9)))  # 0 where both are equal
        vector = halves[bits[-1]] / weights[bits[-1]]
    return np.array(bits, dtype=np.uint8)


def positive_phase(state: MatrixProductState) -> MatrixProductState:
    """The same state with the phase in which the amplitude of `likely_bits` is positive."""
    phase = np.exp(-1j * log_amplitudes(state, likely_bits(state)[None])[0].imag)
    phase = phase if state.dtype.kind == "c" else np.sign(phase.real)
    return MatrixProductState((state.tensors[0] * phase, *state.tensors[1:]))


def _same_type(tensors: Iterable[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Copies as contiguous float64 or complex128, with bonds that fit; ValueError naming the site."""
    arrays = [as_plain(tensor, f"tensors[{site}]") for site, tensor in enumerate(tensors)]
    if not arrays:
        raise ValueError("expected one tensor a site, got none; try [numpy.ones((1, 2, 1))]")
    dtype = np.complex128 if any(array.dtype.kind == "c" for array in arrays) else np.float64
    bond = 1
    for site, array in enumerate(arrays):
        if array.ndim != 3 or array.shape[:2] != (bond, 2) or 0 in array.shape:
            raise ValueError(f"expected tensors (left bond, bit, right bond), at site {site} of shape ({bond}, 2, ?), "
                             f"got {array.shape}; try numpy.transpose, if the axes are in another order")
        if array.dtype.kind not in "buifc" or not np.isfinite(array).all():
            raise ValueError(f"expected finite numbers in the tensors, got others at site {site}; try to make them "
                             "again")
        bond = array.shape[2]
    if bond != 1:
        raise ValueError(f"expected a right bond of size 1 at the last site, got {bond}; try an open chain")
    return tuple(np.array(array, dtype=dtype, order="C") for array in arrays)


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
        lefts.append(_step(lefts[-1], tensor, tensor))
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
        left = _step(left, ket, _apply(operators[site], ket) if site in operators else ket)
    return float(_close(left, state.tensors[last], _apply(operators[last], state.tensors[last])).real)


def _apply(operator: np.ndarray, tensor: np.ndarray) -> np.ndarray:
    return np.einsum("bc,lcr->lbr", operator, tensor)


def _step(left: np.ndarray, bra: np.ndarray, ket: np.ndarray) -> np.ndarray:
    """Environments (..., bra bond, ket bond) moved over a site."""
    half = np.tensordot(left, ket, 1)  # ... bra ket, ket bit ket' -> ... bra bit ket'
    half = half.reshape(*left.shape[:-2], 2 * len(bra), ket.shape[2])
    return bra.conj().reshape(-1, bra.shape[2]).T @ half  # bra' (bra bit), ... (bra bit) ket' -> ... bra' ket'


def _close(left: np.ndarray, bra: np.ndarray, ket: np.ndarray) -> np.ndarray:
    """Environments (..., bra bond, ket bond) moved over a site and closed by the identity: (...)."""
    half = np.tensordot(left, ket, 1)
    return half.reshape(*left.shape[:-2], bra.size) @ bra.conj().ravel()
