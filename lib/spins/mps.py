"""Matrix product states: their form, amplitudes and overlaps, from plain arrays.

psi(b_0, b_1, ...) = A_0[b_0] A_1[b_1] ... with a matrix A_i[b] of shape (left bond, right bond) a site and bit, the
outer bonds of size 1. States come from `lib.spins.dmrg`, or from vectors and tensors made elsewhere;
`lib.spins.mps_averages` says what they are like, `lib.spins.mps_samples` measures them, `lib.spins.mps_files` keeps
them.

All states here are right-canonical, sum_b A_i[b] A_i[b]^H = 1: what lies to the right of a bond then contracts to the
identity, and averages need the part to the left only (U. Schollwoeck, Ann. Phys. 326, 96 (2011), section 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lib.chain_checks import check_bits, check_state_vector
from lib.checks import as_plain, require_count
from lib.memory import require_memory
from lib.spins._mps_contraction import transferred

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
    if max_bond is not None:
        require_count("max_bond", max_bond, hint="max_bond=32")
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
        left = transferred(left, a, b)
    return complex(left[0, 0])


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
    """The same state with the phase in which the amplitude of `likely_bits` is positive.

    Parameters
    ----------
    state : MatrixProductState
        Any.

    Returns
    -------
    MatrixProductState

    """
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


