"""Classical shadows: averages straight from measurements in random Pauli bases, without any model of the state.

Where every spin is measured along x, y or z with equal chances, each single outcome is an unbiased estimate

    rho^ = product over sites of (3 |phi_i><phi_i| - 1),  phi_i the state that spin i was found in,

of the whole state, and averages over outcomes estimate whatever is linear in it (H.-Y. Huang, R. Kueng, J. Preskill,
Nat. Phys. 16, 1050 (2020)).  A product of k Pauli operators has a variance near 3^k a measurement, a fidelity one that
grows exponentially with the number of spins: the yardstick for machines that learn a state from the same data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lib.chain_checks import check_state_vector
from lib.checks import is_integer
from lib.conventions import PLUS_OUTCOME
from lib.spins.bases import Measurements
from lib.spins.chains import Chain

MAX_FIDELITY_SPINS = 14
# -ln of the probability that the share of a letter, or of a pair of letters, passes for unequal though it is not: with
# 100 spins there are 10^5 of them.
_UNLIKELY = 25.0


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error, from independent measurements.

    Attributes
    ----------
    value : float
        The mean.
    error : float
        Its standard error.

    """

    value: float
    error: float


def expectation(measurements: Measurements, paulis: Mapping[int, str]) -> Estimate:
    """<product of Pauli operators>: 3^k times the mean product of outcomes, 0 in other bases.

    Parameters
    ----------
    measurements : lib.spins.bases.Measurements
        At least two, in bases drawn with equal chances from X, Y, Z for every spin
        (`bases.random_bases`).
    paulis : dict of int to str
        {site: letter}, the letter X, Y or Z of every site that has an operator.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        For other letters or sites, where a spin was never measured along one of the axes, and where
        the letters of one spin or of two are not drawn with equal chances: then the factor 3^k
        would be wrong. Try `bases.random_bases`, or more measurements.

    """
    _check(measurements)
    for site, letter in paulis.items():
        if site not in range(measurements.n_spins) or letter not in PLUS_OUTCOME:
            raise ValueError(f"expected letters X, Y, Z of sites 0 to {measurements.n_spins - 1}, got {letter!r} of "
                             f'site {site!r}; try {{0: "X"}}')
    return _mean(_single(measurements, tuple(paulis), "".join(paulis.values())))


def energy(measurements: Measurements, chain: Chain) -> Estimate:
    """<H> of a chain; the error knows that all terms come from the same measurements.

    Parameters
    ----------
    measurements : lib.spins.bases.Measurements
        At least two, in bases drawn with equal chances from X, Y, Z for every spin
        (`bases.random_bases`).
    chain : lib.spins.chains.Chain
        H, of as many spins.

    Returns
    -------
    Estimate
        In units of energy.

    Raises
    ------
    ValueError
        For measurements that `expectation` refuses, and for a chain of another length.

    """
    _check(measurements)
    if chain.n_spins != measurements.n_spins:
        raise ValueError(f"expected a chain of {measurements.n_spins} spins, got one of {chain.n_spins}; try the chain "
                         "that was measured")
    total = np.zeros(measurements.n_samples)
    for value, letters, sites in chain.terms:
        total += value * _single(measurements, sites, letters)
    return _mean(total)


def fidelity(measurements: Measurements, psi) -> Estimate:
    """``<psi|rho|psi>`` with a pure state.

    Parameters
    ----------
    measurements : lib.spins.bases.Measurements
        At least two, in bases drawn with equal chances from X, Y, Z for every spin
        (`bases.random_bases`).
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes.

    Returns
    -------
    Estimate
        It may lie outside of 0 to 1.

    Raises
    ------
    ValueError
        For more than 14 spins (try `expectation` or `energy`), for measurements that `expectation`
        refuses, and for another psi.

    """
    _check(measurements)
    n_spins = measurements.n_spins
    if n_spins > MAX_FIDELITY_SPINS:
        raise ValueError(f"expected at most {MAX_FIDELITY_SPINS} spins for a fidelity, got {n_spins}; try expectation "
                         "or energy")
    psi = check_state_vector(psi, n_spins)
    values = np.empty(measurements.n_samples)
    batch = max(1, 2**18 // psi.size)
    for start in range(0, len(values), batch):
        rows = slice(start, start + batch)
        bras = measurements.gates[measurements.codes[rows], measurements.bits[rows]]  # row site bit
        turned = np.broadcast_to(psi, (len(bras), psi.size))
        for site in range(n_spins):
            halves = turned.reshape(len(bras), 2**site, 2, -1)  # row left bit right
            bra = bras[:, site]
            found = np.einsum("nb,nlbr->nlr", bra, halves)
            turned = 3 * np.einsum("nb,nlr->nlbr", bra.conj(), found) - halves
        values[rows] = (turned.reshape(len(bras), -1) @ psi.conj()).real
    return _mean(values)


def median_of_means(measurements: Measurements, paulis: Mapping[int, str], n_groups: int) -> float:
    """<product of Pauli operators> as the median over groups of rows of the mean of each.

    Its large deviations are rarer than those of the mean, which counts where very many averages are
    asked for at once.

    Parameters
    ----------
    measurements : lib.spins.bases.Measurements
        At least two, in bases drawn with equal chances from X, Y, Z for every spin
        (`bases.random_bases`).
    paulis : dict of int to str
        As in `expectation`.
    n_groups : int
        From 1 to the number of measurements.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For measurements that `expectation` refuses, and for another number of groups.

    """
    _check(measurements)
    if not is_integer(n_groups) or not 1 <= n_groups <= measurements.n_samples:
        raise ValueError(f"expected n_groups from 1 to {measurements.n_samples}, got {n_groups!r}; try n_groups=10")
    values = _single(measurements, tuple(paulis), "".join(paulis.values()))
    return float(np.median([part.mean() for part in np.array_split(values, n_groups)]))


def _single(measurements: Measurements, sites: tuple[int, ...], letters: str) -> np.ndarray:
    """The estimate of every measurement alone, (n_samples,)."""
    result = np.full(measurements.n_samples, 3.0 ** len(sites))
    for site, letter in zip(sites, letters, strict=True):
        outcome = np.where(measurements.bits[:, site] == PLUS_OUTCOME[letter], 1.0, -1.0)
        result *= np.where(measurements.codes[:, site] == measurements.letters.index(letter), outcome, 0.0)
    return result


def _mean(values: np.ndarray) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


def _check(measurements: Measurements) -> None:
    if not isinstance(measurements, Measurements) or measurements.n_samples < 2:
        got = "one" if isinstance(measurements, Measurements) else type(measurements).__name__
        raise ValueError(f"expected at least two measurements with their bases, got {got}; try "
                         "lib.spins.bases.measured(bits, bases)")
    for letter in "XYZ":
        along = (measurements.codes == measurements.letters.index(letter)).any(axis=0)
        if not along.all():
            raise ValueError("expected bases drawn with equal chances from X, Y and Z for every spin, got site "
                             f"{int(np.argmin(along))} never along {letter}; try lib.spins.bases.random_bases, or more "
                             "measurements")
    others = measurements.codes > max(measurements.letters.index(letter) for letter in "XYZ")
    if others.any():
        raise ValueError("expected the bases X, Y and Z alone, got another gate in row "
                         f"{int(np.argmax(others.any(axis=1)))} (counted from 0); try the rows without it")
    _check_chances(measurements)


def _check_chances(measurements: Measurements) -> None:
    """ValueError where the bases cannot have been drawn with equal chances, as those of (5.19): estimates would be
    biased. Spins are looked at alone and in pairs."""
    n_samples, n_spins = measurements.codes.shape
    order = [measurements.letters.index(letter) for letter in "XYZ"]
    count = np.zeros((3 * n_spins, 3 * n_spins))
    for start in range(0, n_samples, 8192):
        codes = measurements.codes[start : start + 8192]
        flags = (codes[:, :, None] == order).reshape(len(codes), -1).astype(np.float32)  # sample, (site letter)
        count += flags.T @ flags
    share = (count / n_samples).reshape(n_spins, 3, n_spins, 3)
    same = np.eye(n_spins, dtype=bool)[:, None, :, None]
    expected = np.where(same, np.eye(3)[None, :, None, :] / 3, 1 / 9)
    # Bernstein's inequality.
    allowed = np.sqrt(2 * _UNLIKELY * expected * (1 - expected) / n_samples) + 2 / 3 * _UNLIKELY / n_samples
    away = np.abs(share - expected) - allowed
    if away.max() > 0:
        i, a, j, b = (int(place) for place in np.unravel_index(np.argmax(away), away.shape))
        what = f"{'XYZ'[a]} at site {i}" + ("" if i == j else f" with {'XYZ'[b]} at site {j}")
        raise ValueError("expected bases drawn with equal chances from X, Y and Z for every spin, got "
                         f"{what} in a share {share[i, a, j, b]:.3g} of the rows, not {expected[i, a, j, b]:.3g}; try "
                         "lib.spins.bases.random_bases")
