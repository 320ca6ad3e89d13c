"""Measurements in any product of local bases (section 5.4).

A basis names a gate for every spin, such as "XZY": each spin is turned by its gate, then all are measured along z
(5.13, 5.14).  X, Y and Z are the gates of `lib.conventions`; others are unitary 2x2 matrices with names of one letter.
How a state looks in a basis: :mod:`lib.spins.turned_states`, whose names can be had from here as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os.path import commonprefix

import numpy as np

from lib.chain_checks import check_bits, check_draws, check_n_spins
from lib.conventions import bits_from_index
from lib.spins.gates import basis_codes, gate_table, mixes
from lib.spins.turned_states import check_vector_or_matrix, expectation, probabilities, rotate, turn

__all__ = ["Measurements", "check_vector_or_matrix", "expectation", "measured", "probabilities", "random_bases",
           "rotate", "sample", "single_site_bases"]


@dataclass(frozen=True, eq=False, repr=False)
class Measurements:
    """Outcomes with the basis of each: what `measured` checks and `sample` draws.

    Attributes
    ----------
    bits : ndarray of uint8, shape (n_samples, n_spins)
        Outcomes.
    codes : ndarray of uint8, shape (n_samples, n_spins)
        Which gate turned the spin.
    letters : str
        The name of each gate.
    gates : ndarray of complex128, shape (n_gates, 2, 2)
        Rows are outcomes.

    """

    bits: np.ndarray
    codes: np.ndarray
    letters: str
    gates: np.ndarray

    def __repr__(self) -> str:
        return f"Measurements({self.n_samples} of {self.n_spins} spins in {len(self.distinct()[0])} bases)"

    @property
    def n_samples(self) -> int:
        """The number of measurements."""
        return self.bits.shape[0]

    @property
    def n_spins(self) -> int:
        """The number of spins."""
        return self.bits.shape[1]

    def bases(self) -> list[str]:
        """The basis of every row, as a string of letters.

        Returns
        -------
        list of str

        """
        letters = np.array(list(self.letters))
        return ["".join(row) for row in letters[self.codes]]

    def distinct(self) -> tuple[list[str], np.ndarray]:
        """The bases that occur, and for every row the place of its own among them.

        Returns
        -------
        bases : list of str
            Sorted.
        places : ndarray of int64, shape (n_samples,)

        """
        found, place = np.unique(self.codes, axis=0, return_inverse=True)
        names = ["".join(self.letters[code] for code in row) for row in found]
        order = np.argsort(names)
        rank = np.empty(len(names), dtype=np.int64)
        rank[order] = np.arange(len(names))
        return [names[k] for k in order], rank[place.reshape(-1)]

    def rotated(self) -> np.ndarray:
        """Where the outcome mixes the two values along z, so that it tells something about phases.

        Returns
        -------
        ndarray of bool, shape (n_samples, n_spins)

        """
        return mixes(self.gates)[self.codes]

    def rows(self, chosen) -> Measurements:
        """The chosen rows.

        Parameters
        ----------
        chosen : array_like or slice
            By index, slice or mask.

        Returns
        -------
        Measurements

        Raises
        ------
        ValueError
            Where none is left.

        """
        bits = self.bits[chosen]
        if bits.ndim != 2 or not len(bits):
            raise ValueError(f"expected a choice of at least one row, got shape {bits.shape}; try slice(0, 100)")
        return Measurements(np.ascontiguousarray(bits), np.ascontiguousarray(self.codes[chosen]), self.letters,
                            self.gates)


def measured(bits, bases, *, gates: Mapping[str, np.ndarray] | None = None) -> Measurements:
    """Measurements from outcomes and bases, checked.

    Parameters
    ----------
    bits : array_like, shape (n_samples, n_spins)
        Zeros and ones.
    bases : str or iterable
        One basis a row, as strings ("XZ") or rows of letters (as `measurements.read_bases` gives
        them), or a single basis for all rows.
    gates : dict of str to array_like, shape (2, 2), optional
        Further unitaries by a letter, rows are outcomes; X, Y and Z are known, and may be replaced.

    Returns
    -------
    Measurements

    Raises
    ------
    ValueError
        Naming the row for bits that are not bits, an unknown letter (try ``gates={letter:
        matrix}``) and a basis of another width; for another number of bases than rows, no rows at
        all, and a gate that is not unitary.

    """
    bits = check_bits(bits)
    letters, table = gate_table(gates)
    codes = basis_codes(bases, bits.shape[1], letters)
    if len(codes) == 1 and len(bits) > 1 and _single(bases):
        codes = np.broadcast_to(codes, bits.shape)
    if len(codes) != len(bits):
        raise ValueError(f"expected one basis a measurement, {len(bits)}, got {len(codes)}; try the file of bases that "
                         "belongs to these measurements")
    return Measurements(bits, np.ascontiguousarray(codes), letters, table)


def sample(state, bases, n_samples: int | None = None, *, rng: np.random.Generator,
           gates: Mapping[str, np.ndarray] | None = None) -> Measurements:
    """Independent measurements of a state by the Born rule (5.14), each in its basis.

    Parameters
    ----------
    state : array_like, shape (2^n_spins,) or (2^n_spins, 2^n_spins)
        Normalised amplitudes along z, or a density matrix over the same basis.
    bases : str or iterable
        One basis a measurement; or one for all of them, n_samples many. A basis that occurs often
        is rotated into once.
    n_samples : int, optional
        Number of measurements in a single basis, at least 1.
    rng : numpy.random.Generator
        Where the random numbers come from, such as `lib.rng.stream`.
    gates : dict of str to array_like, shape (2, 2), optional
        Further unitaries by a letter, rows are outcomes; X, Y and Z are known, and may be replaced.

    Returns
    -------
    Measurements

    Raises
    ------
    ValueError
        As `probabilities` does, and for several bases where n_samples is given.

    """
    state = check_vector_or_matrix(state)
    n_spins = len(state).bit_length() - 1
    letters, table = gate_table(gates)
    codes = basis_codes(bases, n_spins, letters)
    if n_samples is not None:
        check_draws(n_samples, rng)
        if len(codes) != 1:
            raise ValueError(f"expected one basis where n_samples is given, got {len(codes)}; try bases alone")
        codes = np.repeat(codes, n_samples, axis=0)
    draws = Measurements(np.zeros(codes.shape, np.uint8), codes, letters, table)
    names, place = draws.distinct()
    index = np.empty(len(codes), dtype=np.int64)
    uniforms = rng.random(len(codes))
    order = np.argsort(place, kind="stable")
    turned, before = [state.astype(np.complex128)], ""  # by none, one, two ... of the letters of the basis before
    for name, rows in zip(names, np.split(order, np.cumsum(np.bincount(place))[:-1]), strict=True):
        if state.ndim == 2:
            chances = probabilities(state, name, gates=gates)
        else:
            del turned[1 + len(commonprefix([before, name])):]  # names are sorted, so that neighbours begin alike
            for site in range(len(turned) - 1, n_spins):
                turned.append(turn(turned[site], table[codes[rows[0], site]], site))
            chances, before = np.abs(turned[-1]) ** 2, name
        cumulative = np.cumsum(chances)
        drawn = np.searchsorted(cumulative, uniforms[rows] * cumulative[-1], side="right")
        index[rows] = np.minimum(drawn, np.flatnonzero(chances)[-1])
    return Measurements(bits_from_index(index, n_spins), codes, letters, table)


def random_bases(n_samples: int, n_spins: int, *, rng: np.random.Generator, letters: str = "XYZ") -> list[str]:
    """Bases whose letters are drawn independently and with equal chances.

    Parameters
    ----------
    n_samples : int
        Number of bases, at least 1.
    n_spins : int
        Letters in each, at least 1.
    rng : numpy.random.Generator
        Where the random numbers come from, such as `lib.rng.stream`.
    letters : str, default "XYZ"
        What is drawn from.

    Returns
    -------
    list of str

    """
    check_draws(n_samples, rng)
    drawn = rng.integers(0, len(letters), (n_samples, check_n_spins(n_spins)))
    return ["".join(row) for row in np.array(list(letters))[drawn]]


def single_site_bases(n_spins: int, *, letters: str = "XY") -> list[str]:
    """All along z, and each spin in turn along each other axis, as (5.19).

    Parameters
    ----------
    n_spins : int
        At least 1.
    letters : str, default "XY"
        The other axes.

    Returns
    -------
    list of str
        1 + n_spins len(letters) bases.

    """
    n_spins = check_n_spins(n_spins)
    return ["Z" * n_spins] + ["Z" * site + letter + "Z" * (n_spins - 1 - site)
                              for letter in letters for site in range(n_spins)]


def _single(bases) -> bool:
    """Whether this is one basis for all rows: a string, or a flat list of letters."""
    return isinstance(bases, str) or np.ndim(bases) == 1 and all(len(str(part)) == 1 for part in bases)
