"""What a bit, a spin and a basis index mean here.

The chain is H = -J sum_i sz_i sz_{i+1} - h sum_i sx_i (5.2) with open ends; J = 1 sets the unit of energy.
Bit 0 is spin down, sz = -1; bit 1 is spin up, sz = +1 (section 5.3.1).
Basis state k has the bits k = sum_i bit_i 2^(n_spins - 1 - i): site 0 is the most significant bit, so that
the states count up as written, 00, 01, 10, 11.  The files in `data/measurements/qucumber` use this order.

A spin is measured along x, y or z by a gate and then along z (5.13): rows of a gate are its outcomes.  On bits (0, 1)
the operators are Z = diag(-1, 1), as above, X = [[0, 1], [1, 0]] and Y = iXZ.  With the thesis's gates H (5.16) and
K (5.18) the outcome +1 is bit 1 along z and y, but bit 0 along x (`PLUS_OUTCOME`).
"""

import numpy as np
from numpy.typing import ArrayLike

from lib.chain_checks import check_n_spins
from lib.checks import as_array
from lib.memory import require_memory

_INDEX_BITS = 62  # a basis index is an int64


def _constant(*rows: tuple[complex, complex], over: float = 1.0) -> np.ndarray:
    matrix = np.array(rows, dtype=np.complex128) / over
    matrix.setflags(write=False)
    return matrix


# The operators on bits (0, 1), the first index the row.
PAULI = {"X": _constant((0, 1), (1, 0)), "Y": _constant((0, 1j), (-1j, 0)), "Z": _constant((-1, 0), (0, 1))}
# What turns amplitudes along z into amplitudes along another axis, GATES[letter][outcome, bit along z]: H, K, identity.
GATES = {"X": _constant((1, 1), (1, -1), over=2**0.5), "Y": _constant((1, -1j), (1, 1j), over=2**0.5),
         "Z": _constant((1, 0), (0, 1))}
# The bit that means the eigenvalue +1 where a spin is measured by these gates.
PLUS_OUTCOME = {"X": 0, "Y": 1, "Z": 1}


def all_states(n_spins: int) -> np.ndarray:
    """All basis states in order, one a row.

    Parameters
    ----------
    n_spins : int
        At least 1.

    Returns
    -------
    ndarray of uint8, shape (2^n_spins, n_spins)
        Bits.

    Raises
    ------
    ValueError
        When the table would take more than 2 GiB: try sampling instead of enumeration.

    """
    n_spins = check_n_spins(n_spins)
    # The indices and two int64 columns made from them are alive beside the result.
    require_memory(2**n_spins * (24 + n_spins), f"the table of 2^{n_spins} states",
                   hint="sampling instead of enumeration")
    return bits_from_index(np.arange(2**n_spins), n_spins)


def state_index(bits: ArrayLike) -> np.ndarray:
    """Basis index k of each row.

    Parameters
    ----------
    bits : array_like, shape (..., n_spins)
        Zeros and ones, of 1 to 62 spins, so that the index fits an int64.

    Returns
    -------
    ndarray of int64, shape (...)

    Raises
    ------
    ValueError
        For values other than 0 and 1 (try `bits_from_spins` for spins -1 and +1), and for more
        spins.

    """
    bits = as_array(bits, "bits")
    if bits.ndim == 0 or not 1 <= bits.shape[-1] <= _INDEX_BITS:
        raise ValueError(f"expected bits of shape (..., n_spins) with 1 to {_INDEX_BITS} spins, so that the "
                         f"index fits an int64, got shape {bits.shape}; try the rows themselves as keys")
    _refuse_other_than_bits(bits)
    index = np.zeros(bits.shape[:-1], dtype=np.int64)
    for site in range(bits.shape[-1]):
        index = 2 * index + bits[..., site].astype(np.int64)
    return index


def bits_from_index(index: ArrayLike, n_spins: int) -> np.ndarray:
    """Bits of basis states, the inverse of `state_index`.

    Parameters
    ----------
    index : array_like of int, shape (...)
        From 0 to 2^n_spins - 1.
    n_spins : int
        From 1 to 62.

    Returns
    -------
    ndarray of uint8, shape (..., n_spins)

    Raises
    ------
    ValueError
        For an index outside 0 ... 2^n_spins - 1: try the number of spins of these states.

    """
    n_spins = check_n_spins(n_spins, largest=_INDEX_BITS)
    index = as_array(index, "index")
    if index.dtype.kind not in "bui" or index.size and not 0 <= index.min() <= index.max() < 2**n_spins:
        got = f"dtype {index.dtype}" if index.dtype.kind not in "bui" else f"{index.min()} to {index.max()}"
        raise ValueError(f"expected indices from 0 to {2**n_spins - 1}, integers, for {n_spins} spins, got {got}; try "
                         "the number of spins of these states")
    bits = np.empty((*index.shape, n_spins), dtype=np.uint8)
    for site in range(n_spins):  # a column at a time: one expression for all would take 16 bytes a bit
        bits[..., site] = (index >> (n_spins - 1 - site)) & 1
    return bits


def spins_from_bits(bits: ArrayLike) -> np.ndarray:
    """Spins sz = 2 bit - 1.

    Parameters
    ----------
    bits : array_like, any shape
        Zeros and ones.

    Returns
    -------
    ndarray of int8, shape of bits

    Raises
    ------
    ValueError
        For values other than 0 and 1: try `bits_from_spins` for spins -1 and +1.

    """
    bits = as_array(bits, "bits")
    _refuse_other_than_bits(bits)
    return (2 * bits.astype(np.int8) - 1).astype(np.int8)


def outcome_values(bits: ArrayLike, letter: str) -> np.ndarray:
    """Eigenvalues -1 and +1 of outcomes along one axis.

    Parameters
    ----------
    bits : array_like, any shape
        Zeros and ones.
    letter : {"X", "Y", "Z"}
        The axis.

    Returns
    -------
    ndarray of int8, shape of bits

    Raises
    ------
    ValueError
        For another letter and for values other than 0 and 1.

    """
    if letter not in PLUS_OUTCOME:
        raise ValueError(f'expected a letter X, Y or Z, got {letter!r}; try "X"')
    values = spins_from_bits(bits)
    return values if PLUS_OUTCOME[letter] == 1 else -values


def bits_from_spins(spins: ArrayLike) -> np.ndarray:
    """Bits (sz + 1) / 2.

    Parameters
    ----------
    spins : array_like, any shape
        -1 and +1.

    Returns
    -------
    ndarray of uint8, shape of spins

    Raises
    ------
    ValueError
        For a spin other than -1 and +1: try to clean that value, or no conversion for bits 0 and 1.

    """
    spins = as_array(spins, "spins")
    wrong = ~np.isin(spins, (-1, 1))
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"expected spins -1 and +1, got {spins[where]} at index {where}; "
                         "try to clean that value, or no conversion for bits 0 and 1")
    return ((spins + 1) // 2).astype(np.uint8)


def _refuse_other_than_bits(bits: np.ndarray) -> None:
    if bits.size and bits.dtype.kind != "b" and not ((bits == 0) | (bits == 1)).all():
        where = tuple(int(i) for i in np.argwhere((bits != 0) & (bits != 1))[0])
        raise ValueError(f"expected bits 0 and 1, got {bits[where]} at index {where}; try bits_from_spins for spins "
                         "-1 and +1")
