"""What a bit, a spin and a basis index mean here, and the checks that every module shares.

The chain is H = -J sum_i sz_i sz_{i+1} - h sum_i sx_i (5.2) with open ends; J = 1 sets the unit of energy.
Bit 0 is spin down, sz = -1; bit 1 is spin up, sz = +1 (section 5.3.1).
Basis state k has the bits k = sum_i bit_i 2^(n_spins - 1 - i): site 0 is the most significant bit, so that
the states count up as written, 00, 01, 10, 11.  The files in `data/measurements/qucumber` use this order.

A spin is measured along x, y or z by a gate and then along z (5.13): rows of a gate are its outcomes.  On bits (0, 1)
the operators are Z = diag(-1, 1), as above, X = [[0, 1], [1, 0]] and Y = iXZ.  With the thesis's gates H (5.16) and
K (5.18) the outcome +1 is bit 1 along z and y, but bit 0 along x (`PLUS_OUTCOME`).
"""

from collections.abc import Iterable
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike

from lib.checks import COMPLEX, as_array

_DEFAULT_LIMIT = 2**31
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


def check_n_spins(n_spins: int, *, largest: int | None = None, hint: str = "a shorter chain") -> int:
    """A number of spins as a plain int.

    Parameters
    ----------
    n_spins : int
        At least 1.
    largest : int, optional
        The most that are allowed.
    hint : str, default "a shorter chain"
        What the message about too many advises to try.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        For what is no integer >= 1, and for more than `largest`.

    """
    allowed = "an integer >= 1" if largest is None else f"an integer from 1 to {largest}"
    if isinstance(n_spins, (bool, np.bool_)) or not isinstance(n_spins, Integral) or n_spins < 1:
        raise ValueError(f"expected n_spins to be {allowed}, got {n_spins!r}; try n_spins=10")
    if largest is not None and n_spins > largest:
        raise ValueError(f"expected n_spins to be {allowed}, got {n_spins}; try {hint}")
    return int(n_spins)


def check_draws(n_samples: int, rng: np.random.Generator) -> None:
    """Refuse a number of samples that is no integer >= 1, and what is no generator.

    Parameters
    ----------
    n_samples : int
        At least 1.
    rng : numpy.random.Generator
        Or what has its method ``random``.

    Raises
    ------
    ValueError
        For other ones: try ``n_samples=1000``, and ``lib.rng.stream(1, "data")``.

    """
    if isinstance(n_samples, (bool, np.bool_)) or not isinstance(n_samples, Integral) or n_samples < 1:
        raise ValueError(f"expected n_samples to be an integer >= 1, got {n_samples!r}; try n_samples=1000")
    if not hasattr(rng, "random"):
        raise ValueError(f"expected rng to be a numpy Generator, got {type(rng).__name__}; try lib.rng.stream(1, "
                         '"data")')


def check_bits(bits: ArrayLike, n_spins: int | None = None, *, name: str = "measurements",
               hint: str = "n_spins={found}, or the data of the other chain") -> np.ndarray:
    """Measurement rows as C-contiguous uint8.

    Parameters
    ----------
    bits : array_like, shape (n_samples, n_spins)
        Nested lists, numpy array or torch tensor of zeros and ones, one measurement a row.
    n_spins : int, optional
        The width that the rows must have, if it is known.
    name : str, default "measurements"
        What the error messages call them.
    hint : str, optional
        What the message about another width advises to try; "{found}" stands for the width of the
        rows.

    Returns
    -------
    ndarray of uint8, shape (n_samples, n_spins)

    Raises
    ------
    ValueError
        Naming the first bad value and its place: try to clean that row, or `bits_from_spins`. Also
        for rows of different width, of another width than n_spins, and for no rows.

    """
    # What iterates over its rows:
    if not isinstance(bits, memoryview) and not any(hasattr(bits, door) for door in ("__array__", "detach", "toarray")):
        if isinstance(bits, (str, bytes)) or not isinstance(bits, Iterable):  # a path, perhaps
            raise ValueError(f"expected {name} as rows of 0 and 1, got {type(bits).__name__}; try an array of "
                             "shape (n_samples, n_spins), as spins.measurements.read_text returns")
        bits = list(bits)
        _refuse_ragged(bits, name)
    try:
        bits = as_array(bits, name, words="the numbers 0 and 1")
    except ValueError:
        _refuse_huge(bits, name)
        raise
    if bits.ndim != 2 or 0 in bits.shape:
        raise ValueError(f"expected {name} as a table (n_samples, n_spins), neither of them 0, "
                         f"got shape {bits.shape}; try one row a measurement")
    if n_spins is not None and bits.shape[1] != n_spins:
        raise ValueError(f"expected {name} with {n_spins} columns, one a spin, got {bits.shape[1]}; "
                         f"try {hint.format(found=bits.shape[1])}")
    if bits.dtype.kind != "b":
        wrong = (bits != 0) & (bits != 1)  # NaN differs from both
        if wrong.any():
            row, column = (int(i) for i in np.argwhere(wrong)[0])
            hint = "bits_from_spins for -1 and +1" if bits[row, column] == -1 else "to clean that row"
            raise ValueError(f"expected {name} of 0 and 1, got {bits[row, column]} in row {row}, "
                             f"column {column} (counted from 0); try {hint}")
    return np.ascontiguousarray(bits, dtype=np.uint8)


def _refuse_huge(rows: object, name: str) -> None:
    """An integer that no array of numbers holds, which numpy would take for an object."""
    for row, values in enumerate(rows if isinstance(rows, list) else ()):
        for column, value in enumerate(values if isinstance(values, (list, tuple)) else ()):
            if isinstance(value, int) and not -(2**63) <= value < 2**64:
                raise ValueError(f"expected {name} of 0 and 1, got an integer of {value.bit_length()} bits in row "
                                 f"{row}, column {column} (counted from 0); try to clean that row")


def _refuse_ragged(rows: list, name: str) -> None:
    if not rows:
        raise ValueError(f"expected {name} with at least one row, got none; try another file or selection")
    lengths = [len(row) if hasattr(row, "__len__") else -1 for row in rows]
    for number, length in enumerate(lengths):
        if length != lengths[0]:
            raise ValueError(f"expected {name} with rows of one width, got {lengths[0]} values in row 0 and "
                             f"{length} in row {number} (counted from 0); try to clean that row")


def check_state_vector(psi: ArrayLike, n_spins: int | None = None, *, name: str = "psi", tolerance: float = 1e-6,
                       hint: str = "{name} / numpy.linalg.norm({name})") -> np.ndarray:
    """A normalised state vector over the basis.

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Amplitudes, real or complex.
    n_spins : int, optional
        The number of spins that it must have, if it is known.
    name : str, default "psi"
        What the error messages call it.
    tolerance : float, default 1e-6
        Of the norm.
    hint : str, optional
        What the message about another norm advises to try, with "{name}" for the name; to divide by
        the norm, if not given.

    Returns
    -------
    ndarray of float64 or complex128, shape (2^n_spins,)

    Raises
    ------
    ValueError
        For a length that is no power of two (or not 2^n_spins), for NaN and infinity, and where
        ``|<psi|psi> - 1|`` exceeds the tolerance.

    """
    psi = as_array(psi, name, kinds=COMPLEX)
    psi = psi.astype(np.complex128 if psi.dtype.kind == "c" else np.float64, copy=False)
    if psi.ndim != 1 or psi.size < 2 or psi.size & (psi.size - 1):
        raise ValueError(f"expected {name} as a vector with 2^n_spins entries, got shape {psi.shape}; "
                         "try one amplitude for each basis state")
    if n_spins is not None and psi.size != 2**n_spins:
        found = psi.size.bit_length() - 1
        raise ValueError(f"expected {name} with 2^{n_spins} = {2**n_spins} entries, got {psi.size} = 2^{found}; "
                         f"try n_spins={found}, or the state of {n_spins} spins")
    finite = np.isfinite(psi)
    if not finite.all():
        first = int(np.argmin(finite))
        raise ValueError(f"expected {name} with finite amplitudes, got {psi[first]} at basis state {first}; "
                         "try to compute or download it again")
    norm = float(np.vdot(psi, psi).real)
    if abs(norm - 1) > tolerance:
        raise ValueError(f"expected {name} normalised to 1 within {tolerance:g}, got <psi|psi> = {norm:.9g}; "
                         f"try {hint.format(name=name) if norm > 0 else 'another vector: its amplitudes are all 0'}")
    return psi


def check_region(region: Iterable[int], n_spins: int, *, name: str = "region") -> tuple[int, ...]:
    """The sites of a subsystem: distinct, between 0 and n_spins - 1, at least one.

    Parameters
    ----------
    region : iterable of int
        Sites, counted from 0.
    n_spins : int
        Of the whole chain.
    name : str, default "region"
        What the error messages call it.

    Returns
    -------
    tuple of int
        In the given order.

    Raises
    ------
    ValueError
        For no site, a site that is no integer or outside the chain (try ``range(n_spins // 2)``,
        the left half), one that is named twice, and for a mask: try `numpy.flatnonzero`.

    """
    if hasattr(region, "__array__"):
        region = as_array(region, name).tolist()
    if isinstance(region, str) or not isinstance(region, Iterable):
        hint = f"[{region}]" if isinstance(region, Integral) else "[0]"
        raise ValueError(f"expected {name} as a list of sites, got {region!r}; try {hint}")
    region = list(region)
    if len(region) == n_spins and all(isinstance(site, (bool, np.bool_)) for site in region):
        raise ValueError(f"expected {name} as a list of sites, got True and False for each; try "
                         f"numpy.flatnonzero({name})")
    if not region:
        raise ValueError(f"expected {name} with at least one site, got none; try [0]")
    for site in region:
        if isinstance(site, (bool, np.bool_)) or not isinstance(site, Integral) or not 0 <= site < n_spins:
            raise ValueError(f"expected {name} of sites 0 to {n_spins - 1}, got {site!r} in {region}; "
                             f"try range({max(1, n_spins // 2)}), the left half")
    if len(set(region)) < len(region):
        repeated = next(site for site in region if region.count(site) > 1)
        raise ValueError(f"expected {name} of distinct sites, got site {repeated} more than once in "
                         f"{region}; try {sorted(set(region))}")
    return tuple(int(site) for site in region)


def require_memory(n_bytes: int, what: str, *, limit: int = _DEFAULT_LIMIT,
                   hint: str = "fewer spins") -> None:
    """Refuse a request before it fills the memory.

    Parameters
    ----------
    n_bytes : int
        What the request would take.
    what : str
        What would take it, for the message ("the table of 2^40 states").
    limit : int, default 2^31
        Bytes that are allowed.
    hint : str, default "fewer spins"
        What the message advises to try.

    Raises
    ------
    ValueError
        Naming the size.

    """
    if n_bytes > limit:
        raise ValueError(f"expected at most {format_bytes(limit)} of memory, "
                         f"got {what} = {format_bytes(n_bytes)}; try {hint}")


def format_bytes(n_bytes: int) -> str:
    """A size for people: 2147483648 -> '2.0 GiB'."""
    # Exact integers on purpose: 8 * 2**5000 bytes must not overflow a float.
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
    power = min(max(int(n_bytes).bit_length() - 1, 0) // 10, len(units) - 1)
    scaled = 10 * int(n_bytes) // 1024**power
    if scaled >= 10**9:
        return f"about 10^{len(str(scaled)) - 2} {units[power]}"
    return f"{scaled // 10}.{scaled % 10} {units[power]}"
