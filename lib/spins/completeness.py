"""What measurements in some bases leave open: phases, mirror images, and elements of a density matrix (section 5.4).
"""

from __future__ import annotations

import numpy as np

from lib.chain_checks import check_n_spins
from lib.conventions import PAULI
from lib.spins.bases import Measurements
from lib.spins.gates import SMALL, mixes


def undetermined_phases(measurements: Measurements) -> list[int]:
    """The spins that were never measured across z.

    Phases between states that differ there stay undetermined.

    Parameters
    ----------
    measurements : Measurements
        Whose bases are looked at.

    Returns
    -------
    list of int
        Sites, counted from 0.

    Notes
    -----
    Two basis states interfere where they differ only on spins that are turned in the same row, and
    chains of such pairs fix the phases of all states that are equal on the spins of this list.
    (Amplitudes that vanish can break a chain: for a GHZ state single turned spins fix nothing.)

    """
    return np.flatnonzero(~measurements.rotated().any(axis=0)).tolist()


def mirror_images(measurements: Measurements) -> bool:
    """Whether a state and a mirror image of it give the same outcomes in all these bases.

    Parameters
    ----------
    measurements : Measurements
        Whose bases are looked at.

    Returns
    -------
    bool

    Notes
    -----
    So it is where every spin was measured along one axis at most across z: with X and Z alone, a
    state and its complex conjugate cannot be told apart, and with Y and Z alone psi and the
    conjugate with a sign for each spin up.

    """
    rows = mixes(measurements.gates)
    ratios = np.ones(len(rows), dtype=np.complex128)
    ratios[rows] = (measurements.gates[rows, :, 1] / measurements.gates[rows, :, 0])[:, 0]
    for site in range(measurements.n_spins):
        used = [code for code in np.unique(measurements.codes[:, site]) if rows[code]]
        # Both rows of a unitary have opposite ratios, so axes are equal where a product is real.
        if any(abs((ratios[code] * np.conj(ratios[used[0]])).imag) > SMALL for code in used):
            return False
    return True


def density_rank(measurements: Measurements) -> tuple[int, int]:
    """How many of the 4^n_spins numbers of a density matrix these bases determine.

    It is the rank of the span of all projectors that were measured.

    Parameters
    ----------
    measurements : Measurements
        Whose bases are looked at.

    Returns
    -------
    rank : int
    full : int
        4^n_spins.

    Raises
    ------
    ValueError
        For more than 5 spins: try the check of a part of the spins.

    """
    n_spins = check_n_spins(measurements.n_spins, largest=5, hint="the check of a part of the spins")
    # A projector as a real vector: its parts along 1, X, Y and Z.
    vectors = np.array([[[(np.conj(g) @ pauli @ g).real for pauli in (np.eye(2), *PAULI.values())] for g in gate.conj()]
                        for gate in measurements.gates])
    spans = vectors.swapaxes(1, 2) @ vectors  # of both outcomes of a spin

    def summed(codes: np.ndarray) -> np.ndarray:
        """The sum over rows of the products of their spans, the first spin taken out."""
        if not codes.shape[1]:
            return np.full((1, 1), float(len(codes)))
        return sum(np.kron(spans[code], summed(codes[codes[:, 0] == code, 1:])) for code in np.unique(codes[:, 0]))

    # How often a basis was measured makes no difference to the rank.
    return int(np.linalg.matrix_rank(summed(measurements.codes), hermitian=True)), 4**n_spins
