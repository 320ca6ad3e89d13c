"""What functions about chains of spins are given: bits, state vectors, sites and numbers of them, checked."""

from collections.abc import Iterable
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike

from lib.checks import COMPLEX, as_array, is_integer, require_count


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
    if not is_integer(n_spins) or n_spins < 1:
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
    require_count("n_samples", n_samples, hint="n_samples=1000")
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
        if not is_integer(site) or not 0 <= site < n_spins:
            raise ValueError(f"expected {name} of sites 0 to {n_spins - 1}, got {site!r} in {region}; "
                             f"try range({max(1, n_spins // 2)}), the left half")
    if len(set(region)) < len(region):
        repeated = next(site for site in region if region.count(site) > 1)
        raise ValueError(f"expected {name} of distinct sites, got site {repeated} more than once in "
                         f"{region}; try {sorted(set(region))}")
    return tuple(int(site) for site in region)
