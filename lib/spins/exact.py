"""Any chain of `lib.spins.chains` by exact diagonalization, up to 16 spins.

For the Ising chain `lib.spins.ising` is faster and goes to 20 spins. Observables of the vectors are there, too.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import eigsh

from lib.chain_checks import check_state_vector
from lib.memory import format_bytes
from lib.spins.chains import Chain, parity_axis

MAX_SPINS = 16
_DENSE_STATES = 128  # up to here LAPACK is faster than Lanczos
_TIE = 1e-10  # below this difference, relative to the energy, the even sector is taken


def hamiltonian(chain: Chain) -> csr_array:
    """The matrix of a chain.

    Parameters
    ----------
    chain : lib.spins.chains.Chain
        Of at most 16 spins.

    Returns
    -------
    scipy.sparse.csr_array of float64, shape (2^n_spins, 2^n_spins)
        complex128 where it is not real.

    Raises
    ------
    ValueError
        For more than 16 spins, naming the memory that it would take: try `lib.spins.dmrg`.

    """
    _check_length(chain)
    state = np.arange(2**chain.n_spins)
    rows, columns, values = [state], [state], [np.zeros(state.size)]
    for flips, elements in _by_flips(chain).items():
        # <k ^ flips| H |k>: column k.
        rows.append(state ^ flips)
        columns.append(state)
        values.append(elements)
    matrix = csr_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
                       shape=(state.size, state.size))
    matrix.eliminate_zeros()
    return matrix


def ground_state(chain: Chain, *, parity: int | None = None) -> tuple[float, np.ndarray]:
    """The ground state of a chain.

    Parameters
    ----------
    chain : lib.spins.chains.Chain
        Of at most 16 spins.
    parity : {1, -1}, optional
        The sector of the parity that the chain conserves (`chains.parity_axis`). None takes the
        sector of the lower energy, and of two that agree to rounding the even one, as a
        ferromagnet's, which so keeps its two states from mixing at random.

    Returns
    -------
    energy : float
    psi : ndarray, shape (2^n_spins,)
        Normalised, its largest amplitude positive; complex128 or, where it can be, float64.

    Raises
    ------
    ValueError
        For more than 16 spins (try `lib.spins.dmrg`), and for a parity that the chain does not
        conserve (try None).

    """
    _check_length(chain)
    check_parity(chain, parity)
    axis, matrix = parity_axis(chain), hamiltonian(chain)
    found = []
    for sign in ((1, -1) if parity is None else (parity,)) if axis else (None,):
        states = None if sign is None else _sector(chain.n_spins, axis, sign)
        energy_value, psi = _lowest(matrix if states is None else (states.conj().T @ matrix @ states).tocsr())
        found.append((energy_value, psi if states is None else states @ psi))
    energy_value, psi = lower(found)
    largest = psi[np.argmax(np.abs(psi) > np.abs(psi).max() * (1 - 1e-9))]  # the first of equal ones
    psi = psi * (np.conj(largest) / abs(largest))
    if chain.is_real and np.abs(psi.imag).max() < 1e-12:
        psi = psi.real
    return energy_value, psi / np.linalg.norm(psi)


def energy(chain: Chain, psi: np.ndarray) -> float:
    """``<psi|H|psi>`` of a normalised vector.

    Parameters
    ----------
    chain : lib.spins.chains.Chain
        The Hamiltonian H.
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes.

    Returns
    -------
    float
        In units of energy.

    Raises
    ------
    ValueError
        For another psi.

    """
    psi = check_state_vector(psi, chain.n_spins)
    state = np.arange(psi.size)
    return float(sum(np.vdot(psi[state ^ flips], elements * psi) for flips, elements in _by_flips(chain).items()).real)


def check_parity(chain: Chain, parity: int | None) -> None:
    """Refuse a parity other than None, +1 and -1, and one that the chain does not conserve.

    Parameters
    ----------
    chain : lib.spins.chains.Chain
        Whose parity it is.
    parity : {1, -1} or None
        The sector.

    Raises
    ------
    ValueError
        For others: try None, the lower of both sectors.

    """
    if parity is not None and (isinstance(parity, bool) or parity not in (1, -1)):
        raise ValueError(f"expected parity to be +1, -1 or None, got {parity!r}; try parity=None, the lower of both")
    if parity is not None and parity_axis(chain) is None:
        raise ValueError(f"expected parity=None for a chain that conserves none, got {parity}; try parity=None")


def lower(found: list[tuple]) -> tuple:
    """Of two results the one of lower energy; the first where they agree.

    Parameters
    ----------
    found : list of tuple
        Results (energy, ...), the even sector first.

    Returns
    -------
    tuple
        One of them.

    """
    first, *others = found
    return next((other for other in others if other[0] < first[0] - _TIE * max(1.0, abs(first[0]))), first)


def _by_flips(chain: Chain) -> dict[int, np.ndarray]:
    """The matrix as {spins that are flipped: elements <k ^ flips| H |k> of every k}."""
    state = np.arange(2**chain.n_spins)
    result: dict[int, np.ndarray] = {}
    for coefficient, letters, sites in chain.terms:
        place = [1 << (chain.n_spins - 1 - site) for site in sites]
        flips = sum(bit for bit, letter in zip(place, letters) if letter != "Z")
        signed = sum(bit for bit, letter in zip(place, letters) if letter != "X")
        # Z gives -1 to bit 0. Y takes bit 1 to i times bit 0, and bit 0 to -i times bit 1.
        phase = 1j ** letters.count("Y")
        elements = (coefficient * (phase.real if chain.is_real else phase)
                    * (1.0 - 2.0 * (np.bitwise_count(~state & signed) % 2)))
        result[flips] = result[flips] + elements if flips in result else elements
    return result


def _sector(n_spins: int, axis: str, sign: int) -> csr_array:
    """The states of one parity as columns, orthonormal: (2^n_spins, 2^(n_spins - 1))."""
    n_states = 2**n_spins
    state = np.arange(n_states)
    n_up = np.bitwise_count(state).astype(int)
    if axis == "Z":  # -1 a spin down
        kept = state[(-1.0) ** (n_spins - n_up) == sign]
        return csr_array((np.ones(kept.size), (kept, np.arange(kept.size))), shape=(n_states, kept.size))
    half = state[: n_states // 2]
    # The product of X takes k to its complement; that of Y does, too, with i for each 1 and -i for each 0 of k.
    partner = sign * np.ones(half.size) if axis == "X" else sign * (1j ** ((2 * n_up[half] - n_spins) % 4))
    values = np.concatenate([np.ones(half.size), partner]) * 0.5**0.5
    return csr_array((values, (np.concatenate([half, n_states - 1 - half]), np.concatenate([half, half]))),
                     shape=(n_states, half.size))


def _lowest(matrix: csr_array) -> tuple[float, np.ndarray]:
    """The lowest eigenvalue and its vector."""
    if matrix.shape[0] <= _DENSE_STATES:
        energies, vectors = np.linalg.eigh(matrix.toarray())
    else:
        start = np.random.default_rng(0).standard_normal(matrix.shape[0])  # fixed: the result repeats
        energies, vectors = eigsh(matrix, k=1, which="SA", v0=start, tol=0)
    return float(energies[0]), vectors[:, 0]


def _check_length(chain: Chain) -> None:
    if chain.n_spins > MAX_SPINS:
        n_bytes = 2**chain.n_spins * (1 + len({sites for _, _, sites in chain.terms})) * 32
        raise ValueError(f"expected at most {MAX_SPINS} spins for exact diagonalization, got {chain.n_spins}, whose "
                         f"Hamiltonian would take {format_bytes(n_bytes)}; try lib.spins.dmrg")
