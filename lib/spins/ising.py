"""The transverse-field Ising chain by exact diagonalization.

H = -J sum_i sz_i sz_{i+1} - h sum_i sx_i with open ends (5.2).
`ground_state` gives the exact wavefunction of up to 20 spins; the other functions take any normalised state
vector over the basis of `lib.conventions`.  Longer chains: `lib.spins.free_fermions`.
"""

import math
from collections.abc import Iterable

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, eigsh

from lib.chain_checks import check_draws, check_n_spins, check_region, check_state_vector
from lib.checks import check_number
from lib.conventions import bits_from_index, spins_from_bits
from lib.memory import format_bytes

MAX_SPINS = 20
_DENSE_SPINS = 7  # below, the even sector has at most 64 states: LAPACK is faster and Lanczos has no room


def hamiltonian(n_spins: int, field: float, coupling: float = 1.0) -> csr_array:
    """The Hamiltonian (5.2) as a sparse matrix.

    Parameters
    ----------
    n_spins : int
        At most 20.
    field : float
        h, in units of energy.
    coupling : float, default 1.0
        J, in units of energy.

    Returns
    -------
    scipy.sparse.csr_array of float64, shape (2^n_spins, 2^n_spins)

    Raises
    ------
    ValueError
        For a longer chain, naming the memory it would take (try `lib.spins.free_fermions`), and for
        a number not finite.

    """
    n_spins = _check_length(n_spins)
    field = check_number(field, "field")
    coupling = check_number(coupling, "coupling")
    n_states = 2**n_spins
    state = np.arange(n_states, dtype=np.int32)
    # Row k holds its diagonal element and -h at the n_spins states that differ from k by one flipped spin.
    columns = np.empty((n_states, n_spins + 1), dtype=np.int32)
    values = np.full((n_states, n_spins + 1), -float(field))
    columns[:, 0], values[:, 0] = state, _bond_energy(n_spins, coupling, state)
    for site in range(n_spins):
        columns[:, site + 1] = state ^ (1 << (n_spins - 1 - site))
    row_starts = np.arange(0, columns.size + 1, n_spins + 1)
    return csr_array((values.ravel(), columns.ravel(), row_starts), shape=(n_states, n_states))


def ground_state(n_spins: int, field: float, *, coupling: float = 1.0) -> tuple[float, np.ndarray]:
    """The ground state, with psi >= 0.

    Parameters
    ----------
    n_spins : int
        At most 20.
    field : float
        h >= 0, in units of energy (h < 0 is the same chain with sx -> -sx).
    coupling : float, default 1.0
        J, in units of energy.

    Returns
    -------
    energy : float
    psi : ndarray of float64, shape (2^n_spins,)
        Not negative, normalised.

    Raises
    ------
    ValueError
        For a longer chain, naming the memory it would take (try `lib.spins.free_fermions`), and for
        h < 0 (try -h, where the energies are equal) or h = J = 0.

    Notes
    -----
    H commutes with flipping all spins, and for h > 0 its ground state is positive and so even under
    the flip. The even states ``(|k> + |~k>)/sqrt(2)``, one for each k with site 0 down, span half
    the space; working there is cheaper, and for h -> 0 keeps the two ferromagnetic states from
    mixing at random: h = 0 gives their even sum.

    """
    n_spins = _check_length(n_spins)
    field = check_number(field, "field")
    coupling = check_number(coupling, "coupling")
    if field < 0:
        raise ValueError(f"expected field >= 0, for which the ground state is positive, got {field}; "
                         f"try field={-field}: the energies are equal")
    if field == 0 and (coupling == 0 or n_spins == 1):
        raise ValueError("expected a field or a bond to single out one ground state, got field = 0 and "
                         f"coupling = {coupling} on {n_spins} spins; try field=1.0")
    half = 2 ** (n_spins - 1)
    diagonal = _bond_energy(n_spins, coupling, np.arange(half))

    def apply(vector: np.ndarray) -> np.ndarray:
        vector = np.asarray(vector).reshape(half)
        # Flipping site 0 leads out of the half; the partner ~k of where it leads is half - 1 - k.
        flipped = vector[::-1].copy()
        for site in range(1, n_spins):
            pairs = vector.reshape(2 ** (site - 1), 2, -1)
            flipped.reshape(pairs.shape)[...] += pairs[:, ::-1]
        return diagonal * vector - field * flipped

    if field == 0:
        lowest = int(np.argmin(diagonal))
        energy_value, vector = float(diagonal[lowest]), np.zeros(half)
        vector[lowest] = 1.0
    elif n_spins <= _DENSE_SPINS:
        energies, vectors = np.linalg.eigh(np.array([apply(row) for row in np.eye(half)]))
        energy_value, vector = float(energies[0]), vectors[:, 0]
    else:
        operator = LinearOperator((half, half), matvec=apply, dtype=np.float64)
        # A fixed start makes the result repeatable; a positive one is not orthogonal to the ground state.
        start = np.full(half, half**-0.5)
        energies, vectors = eigsh(operator, k=1, which="SA", v0=start, tol=0)
        energy_value, vector = float(energies[0]), vectors[:, 0]
    # Positive but for rounding in the tiniest amplitudes, up to one overall sign.
    vector = np.abs(vector)
    psi = np.concatenate([vector, vector[::-1]])
    return energy_value, psi / np.linalg.norm(psi)


def magnetization_z(psi: np.ndarray) -> np.ndarray:
    """<sz_i> of every site.

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes over the basis of `lib.conventions`.

    Returns
    -------
    ndarray of float64, shape (n_spins,)

    """
    psi = check_state_vector(psi)
    probabilities = _probabilities(psi)
    halves = (probabilities.reshape(2**site, 2, -1).sum(axis=(0, 2)) for site in range(_n_spins(psi)))
    return np.array([up - down for down, up in halves])


def absolute_magnetization(psi: np.ndarray) -> float:
    """``<|m|>`` with m = sum_i sz_i / n_spins, which a spin flip leaves as it is.

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes over the basis of `lib.conventions`.

    Returns
    -------
    float

    """
    psi = check_state_vector(psi)
    n_spins = _n_spins(psi)
    n_up = np.bitwise_count(np.arange(psi.size))
    return float(_probabilities(psi) @ np.abs(2.0 * n_up - n_spins) / n_spins)


def magnetization_x(psi: np.ndarray) -> np.ndarray:
    """<sx_i> = ``sum_k psi*_k psi_(k with spin i flipped)`` of every site.

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes over the basis of `lib.conventions`.

    Returns
    -------
    ndarray of float64, shape (n_spins,)

    """
    psi = check_state_vector(psi)
    result = np.empty(_n_spins(psi))
    for site in range(result.size):
        pairs = psi.reshape(2**site, 2, -1)
        result[site] = 2 * np.vdot(pairs[:, 0], pairs[:, 1]).real
    return result


def correlation_zz(psi: np.ndarray) -> np.ndarray:
    """<sz_i sz_j> of every pair of sites.

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes over the basis of `lib.conventions`.

    Returns
    -------
    ndarray of float64, shape (n_spins, n_spins)

    """
    psi = check_state_vector(psi)
    n_spins = _n_spins(psi)
    probabilities = _probabilities(psi)
    result = np.zeros((n_spins, n_spins))
    for start in range(0, psi.size, 2**14):  # in pieces, so that the table of spins stays in the cache
        states = np.arange(start, min(start + 2**14, psi.size))
        spins = spins_from_bits(bits_from_index(states, n_spins)).astype(np.float64)
        result += spins.T @ (probabilities[states, None] * spins)  # site state, state site -> site site
    return result


def energy(psi: np.ndarray, field: float, coupling: float = 1.0) -> float:
    """<H> = -J sum_i <sz_i sz_{i+1}> - h sum_i <sx_i> (5.2).

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes over the basis of `lib.conventions`.
    field : float
        h, in units of energy.
    coupling : float, default 1.0
        J, in units of energy.

    Returns
    -------
    float
        In units of energy.

    Raises
    ------
    ValueError
        For another psi, and for a number not finite.

    """
    psi = check_state_vector(psi)
    field, coupling = check_number(field, "field"), check_number(coupling, "coupling")
    bonds = _bond_energy(_n_spins(psi), coupling, np.arange(psi.size))
    return float(_probabilities(psi) @ bonds - field * magnetization_x(psi).sum())


def renyi2(psi: np.ndarray, region: Iterable[int]) -> float:
    """Second Renyi entropy S2 = -ln Tr rho_A^2 of the sites `region`, in nats (section 5.3.3).

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes over the basis of `lib.conventions`.
    region : iterable of int
        A, sites counted from 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For a region that is empty, names a site twice or lies outside the chain.

    """
    psi = check_state_vector(psi)
    n_spins = _n_spins(psi)
    inside = check_region(region, n_spins)
    outside = [site for site in range(n_spins) if site not in inside]
    if not outside:
        return 0.0
    # A and its complement share their nonzero eigenvalues: build the smaller of the two density matrices.
    kept, summed = (inside, outside) if len(inside) <= len(outside) else (outside, inside)
    matrix = psi.reshape((2,) * n_spins).transpose(*kept, *summed).reshape(2 ** len(kept), -1)
    rho = matrix @ matrix.conj().T  # kept summed, summed kept -> kept kept
    purity = float(np.vdot(rho, rho).real)
    return max(0.0, -math.log(purity))  # rounding makes the purity of a product state exceed 1 by 1e-16


def sample(psi: np.ndarray, n_samples: int, *, rng: np.random.Generator) -> np.ndarray:
    """Independent measurements of all spins in the z basis by the Born rule.

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes over the basis of `lib.conventions`.
    n_samples : int
        At least 1.
    rng : numpy.random.Generator
        Where the random numbers come from, such as `lib.rng.stream`.

    Returns
    -------
    ndarray of uint8, shape (n_samples, n_spins)
        Bits.

    Raises
    ------
    ValueError
        For n_samples < 1.

    """
    psi = check_state_vector(psi)
    check_draws(n_samples, rng)
    cumulative = np.cumsum(_probabilities(psi))
    # "right", so that a draw of exactly 0 cannot land on a leading state of probability 0.
    drawn = np.searchsorted(cumulative, rng.random(n_samples) * cumulative[-1], side="right")
    return bits_from_index(np.minimum(drawn, np.flatnonzero(psi)[-1]), _n_spins(psi))


def _n_spins(psi: np.ndarray) -> int:
    return psi.size.bit_length() - 1


def _probabilities(psi: np.ndarray) -> np.ndarray:
    return psi.real**2 + psi.imag**2 if psi.dtype.kind == "c" else psi**2


def _bond_energy(n_spins: int, coupling: float, states: np.ndarray) -> np.ndarray:
    """-J sum_i sz_i sz_{i+1} of basis states: each bond that joins unlike spins costs 2 J."""
    unlike = np.bitwise_count((states ^ (states >> 1)) & (2 ** (n_spins - 1) - 1))
    return -float(coupling) * (n_spins - 1 - 2.0 * unlike)


def _check_length(n_spins: int) -> int:
    n_spins = check_n_spins(n_spins)
    if n_spins > MAX_SPINS:
        n_bytes = 2**n_spins * (n_spins + 1) * 12  # a float64 and an int32 an element
        raise ValueError(f"expected at most {MAX_SPINS} spins for exact diagonalization, got {n_spins}, "
                         f"whose Hamiltonian would take {format_bytes(n_bytes)}; "
                         "try lib.spins.free_fermions, which is exact at any length")
    return n_spins
