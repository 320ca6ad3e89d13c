"""Spin-1/2 chains as sums of Pauli operators: the Ising chain, XXZ, J1-J2, long-range Ising, each with any fields.

H = sum_t c_t sigma^a_i sigma^b_j ... on an open chain; a `Chain` is the list of these terms, and chains add up.
The exact ground state of a short one is in `lib.spins.exact`, that of a long one in `lib.spins.dmrg`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from lib.chain_checks import check_n_spins
from lib.checks import as_floats, check_number, is_integer, require_count

Term = tuple[float, str, tuple[int, ...]]


@dataclass(frozen=True)
class Chain:
    """A Hamiltonian as a sum of products of Pauli operators.

    Terms are stored by rising sites, equal operators added up, zeros left out, so that equal
    Hamiltonians are equal chains.

    Attributes
    ----------
    n_spins : int
        At least 1.
    terms : tuple of (float, str, tuple of int)
        (coefficient, letters, sites), such as ``(-1.0, "ZZ", (0, 1))``. The letters X, Y, Z stand
        for the Pauli matrices of `lib.conventions`, one a site; coefficients are real, in units of
        energy.

    Raises
    ------
    ValueError
        Naming the term for another letter, a site outside the chain or twice, a number not finite.

    """

    n_spins: int
    terms: tuple[Term, ...]

    def __post_init__(self):
        object.__setattr__(self, "n_spins", check_n_spins(self.n_spins))
        total: dict[tuple[tuple[int, ...], str], float] = {}
        for term in self.terms:
            coefficient, letters, sites = _check_term(term, self.n_spins)
            total[sites, letters] = total.get((sites, letters), 0.0) + coefficient
        terms = tuple((value, letters, sites) for (sites, letters), value in sorted(total.items()) if value != 0)
        object.__setattr__(self, "terms", terms)

    def __add__(self, other: Chain) -> Chain:
        if not isinstance(other, Chain) or other.n_spins != self.n_spins:
            got = f"{other.n_spins} spins" if isinstance(other, Chain) else type(other).__name__
            raise ValueError(f"expected a Chain of {self.n_spins} spins to add, got {got}; try one of equal length")
        return Chain(self.n_spins, self.terms + other.terms)

    @property
    def is_real(self) -> bool:
        """Whether the matrix is real in the z basis: every term with an even number of Y."""
        return all(letters.count("Y") % 2 == 0 for _, letters, _ in self.terms)


def bonds(n_spins: int, *, x=0.0, y=0.0, z=0.0, distance: int = 1) -> Chain:
    """sum_i (x_i X_i X_j + y_i Y_i Y_j + z_i Z_i Z_j) with j = i + distance.

    Parameters
    ----------
    n_spins : int
        At least 1.
    x, y, z : float or array_like, shape (n_spins - distance,), default 0.0
        A number, or one a bond, in units of energy.
    distance : int, default 1
        At least 1.

    Returns
    -------
    Chain

    Raises
    ------
    ValueError
        For another distance, and for another number of values.

    """
    n_spins = check_n_spins(n_spins)
    require_count("distance", distance)
    n_bonds = max(0, n_spins - distance)
    return Chain(n_spins, tuple(
        (value, 2 * letter, (i, i + distance)) for letter, values in (("X", x), ("Y", y), ("Z", z))
        for i, value in enumerate(_one_each(values, n_bonds, letter.lower(), "bond"))))


def fields(n_spins: int, *, x=0.0, y=0.0, z=0.0) -> Chain:
    """sum_i (x_i X_i + y_i Y_i + z_i Z_i).

    Parameters
    ----------
    n_spins : int
        At least 1.
    x, y, z : float or array_like, shape (n_spins,), default 0.0
        A number, or one a site, in units of energy.

    Returns
    -------
    Chain

    Raises
    ------
    ValueError
        For another number of values.

    """
    n_spins = check_n_spins(n_spins)
    return Chain(n_spins, tuple(
        (value, letter, (i,)) for letter, values in (("X", x), ("Y", y), ("Z", z))
        for i, value in enumerate(_one_each(values, n_spins, letter.lower(), "site"))))


def ising(n_spins: int, field, coupling=1.0) -> Chain:
    """The transverse-field Ising chain (5.2), H = -sum J_i Z_i Z_{i+1} - sum h_i X_i.

    Parameters
    ----------
    n_spins : int
        At least 1.
    field : float or array_like, shape (n_spins,)
        h, a number or one a site, in units of energy.
    coupling : float or array_like, shape (n_spins - 1,), default 1.0
        J, a number or one a bond, in units of energy.

    Returns
    -------
    Chain

    Raises
    ------
    ValueError
        For another number of values.

    """
    minus_h, minus_j = (-as_floats(values, name) for name, values in (("field", field), ("coupling", coupling)))
    return bonds(n_spins, z=minus_j) + fields(n_spins, x=minus_h)


def long_range_ising(n_spins: int, field, exponent: float, coupling: float = 1.0) -> Chain:
    """H = -J sum_(i<j) Z_i Z_j / (j - i)^exponent - sum h_i X_i, in which every spin sees all others.

    Parameters
    ----------
    n_spins : int
        At least 1.
    field : float or array_like, shape (n_spins,)
        h, a number or one a site, in units of energy.
    exponent : float
        How fast bonds fall with their length; infinity gives `ising`.
    coupling : float, default 1.0
        J of neighbours, in units of energy.

    Returns
    -------
    Chain

    Raises
    ------
    ValueError
        For another number of values, and for an exponent that is no number.

    """
    exponent = check_number(exponent, "exponent") if exponent != math.inf else exponent
    result = fields(n_spins, x=-as_floats(field, "field"))
    for distance in range(1, result.n_spins):
        result += bonds(n_spins, z=-float(coupling) / float(distance) ** exponent, distance=distance)
    return result


def xxz(n_spins: int, anisotropy: float, *, coupling: float = 1.0, next_coupling: float = 0.0, field=0.0) -> Chain:
    """H = sum_d J_d sum_i (Sx Sx + Sy Sy + anisotropy Sz Sz)_{i,i+d} - sum_i h_i Sz_i.

    Here S = sigma / 2.

    Parameters
    ----------
    n_spins : int
        At least 1.
    anisotropy : float
        1 with J_2 is the J1-J2 chain.
    coupling, next_coupling : float, default 1.0 and 0.0
        J_1 and J_2, positive for antiferromagnets.
    field : float or array_like, shape (n_spins,), default 0.0
        h, a number or one a site (`staggered`, `random_fields`).

    Returns
    -------
    Chain

    Raises
    ------
    ValueError
        For another number of values.

    """
    result = fields(n_spins, z=-0.5 * as_floats(field, "field"))
    for distance, value in ((1, coupling), (2, next_coupling)):
        quarter = 0.25 * float(value)
        result += bonds(n_spins, x=quarter, y=quarter, z=anisotropy * quarter, distance=distance)
    return result


def staggered(n_spins: int, field: float) -> np.ndarray:
    """The values h, -h, h, ... of every site.

    Parameters
    ----------
    n_spins : int
        At least 1.
    field : float
        The field h.

    Returns
    -------
    ndarray of float64, shape (n_spins,)

    """
    return field * (1.0 - 2.0 * (np.arange(check_n_spins(n_spins)) % 2))


def random_fields(n_spins: int, width: float, *, rng: np.random.Generator) -> np.ndarray:
    """Independent values between -width and width for every site.

    Parameters
    ----------
    n_spins : int
        At least 1.
    width : float
        The largest value.
    rng : numpy.random.Generator
        Where the random numbers come from, such as `lib.rng.stream`.

    Returns
    -------
    ndarray of float64, shape (n_spins,)

    """
    return width * (2.0 * rng.random(check_n_spins(n_spins)) - 1.0)


def parity_axis(chain: Chain) -> str | None:
    """The letter a whose parity, the product of sigma^a over all sites, commutes with H.

    Parameters
    ----------
    chain : Chain
        The Hamiltonian H.

    Returns
    -------
    {"X", "Y", "Z"} or None
        None where there is none.

    Notes
    -----
    A term commutes with it if an even number of its letters differ from a. Of several axes the one
    whose own bonds are weakest is taken: order along another axis, if there is any, is what would
    break the symmetry.

    """
    def weight(axis: str) -> float:
        return sum(abs(value) for value, letters, _ in chain.terms if len(letters) > 1 and set(letters) == {axis})

    allowed = [axis for axis in "XZY" if all(sum(letter != axis for letter in letters) % 2 == 0
                                             for _, letters, _ in chain.terms)]
    return min(allowed, key=lambda axis: (round(weight(axis), 12), "XZY".index(axis))) if allowed else None


def has_positive_ground_state(chain: Chain) -> bool:
    """Whether the ground state can be chosen without signs, by Perron and Frobenius.

    Parameters
    ----------
    chain : Chain
        What is looked at.

    Returns
    -------
    bool

    Notes
    -----
    So it is, for the sign structure that is seen from the terms alone, where each is a product of
    Z, or a product of X with a coefficient below zero: then no element off the diagonal is
    positive. The state is then even under the parity along x.

    """
    return all(set(letters) == {"Z"} or set(letters) == {"X"} and value < 0 for value, letters, _ in chain.terms)


def _check_term(term: Term, n_spins: int) -> Term:
    """A term with its sites in rising order; ValueError naming what is wrong with it."""
    try:
        coefficient, letters, sites = term
        sites = tuple(sites)
    except (TypeError, ValueError):
        raise ValueError(f'expected a term (coefficient, letters, sites), got {term!r}; try (-1.0, "ZZ", (0, 1))') \
            from None
    if not isinstance(coefficient, Real) or not math.isfinite(coefficient):
        raise ValueError(f"expected a finite real coefficient, got {coefficient!r} in the term {term!r}; try 1.0")
    if not isinstance(letters, str) or not letters or set(letters) - set("XYZ") or len(letters) != len(sites):
        raise ValueError(f'expected letters X, Y, Z, one a site, got {letters!r} for the sites {sites}; try "ZZ" for '
                         "(0, 1)")
    for site in sites:
        if not is_integer(site) or not 0 <= site < n_spins \
                or sites.count(site) > 1:
            raise ValueError(f"expected distinct sites from 0 to {n_spins - 1}, got {site!r} in the term {term!r}; "
                             "try (0, 1), or a longer chain")
    order = sorted(range(len(sites)), key=sites.__getitem__)
    return float(coefficient), "".join(letters[k] for k in order), tuple(int(sites[k]) for k in order)


def _one_each(values: float | Sequence[float] | Iterable[float], count: int, name: str, what: str) -> list[float]:
    """A number repeated, or the given ones if there is one for each."""
    array = as_floats(values, name)
    if array.ndim == 0:
        array = np.full(count, float(array))
    if array.shape != (count,):
        raise ValueError(f"expected {name} as one number, or as {count}, one a {what}, got shape {array.shape}; try "
                         f"{name}=1.0")
    return array.tolist()
