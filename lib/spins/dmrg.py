"""Ground states of long chains as matrix product states, by the density matrix renormalization group of TeNPy.

Any chain of `lib.spins.chains` at any length; for the Ising chain `lib.spins.free_fermions` is exact, faster and needs
no other package. TeNPy (J. Hauschild et al., SciPost Phys. Codebases 41, 2024) is the extra "dmrg" of this package;
what comes out is made of plain arrays.

Parity is conserved where the chain has one. Without that, DMRG breaks the symmetry silently where two states of
opposite parity differ by less than rounding: for the Ising chain of 100 spins at h = 0.5 J the energy is right to 12
digits, and <sz> is 0.96 where it should be 0. Measurements of such a state show one of two valleys.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from lib.checks import require_count
from lib.conventions import PAULI
from lib.spins import mps, mps_averages
from lib.spins.chains import Chain, has_positive_ground_state, parity_axis
from lib.spins.exact import check_parity, lower
from lib.spins.mps import MatrixProductState


@dataclass(frozen=True, eq=False)
class GroundState:
    """What DMRG found.

    Attributes
    ----------
    energy : float
        <H> of the state, in units of energy; above the exact one, by the variational principle.
    state : lib.spins.mps.MatrixProductState
        Right-canonical, in the z basis; real where the chain is, and its phase such that a likely
        amplitude is > 0.
    parity : {1, -1} or None
        The sector that was searched; None where no parity is conserved.
    axis : str or None
        The letter of that parity, the product of its Pauli matrices over all sites.
    truncation : float
        Largest weight that was dropped at a bond in the last sweep.
    sweeps : int
        Number of sweeps.
    converged : bool
        Whether energy and entropy stopped changing before the last sweep that was allowed.

    """

    energy: float
    state: MatrixProductState
    parity: int | None
    axis: str | None
    truncation: float
    sweeps: int
    converged: bool


def ground_state(chain: Chain, *, bond_dimension: int = 32, conserve: str | None = "parity", parity: int | None = None,
                 tolerance: float = 1e-10, max_sweeps: int = 60) -> GroundState:
    """The ground state of a chain of at least 3 spins.

    Parameters
    ----------
    chain : lib.spins.chains.Chain
        H, of at least 3 spins.
    bond_dimension : int, >= 2, default 32
        The largest allowed; 32 gives the critical Ising chain of 100 spins to 1e-10.
    conserve : {"parity", None}
        "parity" (of `chains.parity_axis`, where the chain has one), the default, or None.
    parity : {1, -1}, optional
        The sector to search. None takes both and keeps the lower energy, of two that agree to
        rounding the even one; only the even one where `chains.has_positive_ground_state` says that
        it is there.
    tolerance : float in (0, 1), default 1e-10
        Change of the energy a sweep, relative to it, at which to stop.
    max_sweeps : int, >= 1, default 60
        The most that are allowed.

    Returns
    -------
    GroundState

    Raises
    ------
    ImportError
        Where TeNPy, which this needs, is missing; it says how to get it.
    ValueError
        For arguments out of range.

    """
    for name, value, least in (("bond_dimension", bond_dimension, 2), ("max_sweeps", max_sweeps, 1),
                               ("chain.n_spins", chain.n_spins, 3)):
        require_count(name, value, least, hint="lib.spins.exact" if name == "chain.n_spins" else f"{name}=32")
    if not 0 < tolerance < 1:
        raise ValueError(f"expected tolerance between 0 and 1, got {tolerance!r}; try tolerance=1e-10")
    if conserve not in ("parity", None) or conserve is None and parity is not None:
        raise ValueError(f'expected conserve to be "parity" or None, with None and no parity, got {conserve!r} and '
                         f'parity={parity!r}; try conserve="parity"')
    check_parity(chain, parity)
    axis = parity_axis(chain) if conserve else None
    if axis is None:
        signs = (None,)
    elif parity is None:
        signs = (1,) if axis == "X" and has_positive_ground_state(chain) else (1, -1)
    else:
        signs = (parity,)
    found = [_search(chain, axis, sign, bond_dimension, tolerance, max_sweeps) for sign in signs]
    return lower([(result.energy, result) for result in found])[1]


def _search(chain: Chain, axis: str | None, sign: int | None, bond_dimension: int, tolerance: float,
            max_sweeps: int) -> GroundState:
    """One run of two-site DMRG, in the sector of a parity or without any."""
    tenpy = _tenpy()
    basis = _eigenbasis(axis or "Z")
    with _quiet():
        site = _site(tenpy, basis, conserved=axis is not None)
        lattice = tenpy.models.lattice.Chain(chain.n_spins, site, bc="open", bc_MPS="finite")
        # Y as the real iY, so that a real chain stays real: Y Y = -(iY)(iY).
        terms = tenpy.networks.terms.TermList(
            [[("iY" if letter == "Y" else letter, i) for letter, i in zip(letters, sites)]
             for _, letters, sites in chain.terms],
            [_real(value * (-1j) ** letters.count("Y")) for value, letters, _ in chain.terms])
        graph = tenpy.networks.mpo.MPOGraph.from_term_list(terms, lattice.mps_sites(), "finite",
                                                           unit_cell_width=lattice.mps_unit_cell_width)
        model = tenpy.models.model.MPOModel(lattice, graph.build_MPO())
        psi = tenpy.networks.mps.MPS.from_product_state(
            lattice.mps_sites(), _product(chain.n_spins, sign), bc="finite", dtype=model.H_MPO.dtype, permute=False,
            unit_cell_width=lattice.mps_unit_cell_width)
        engine = tenpy.algorithms.dmrg.TwoSiteDMRGEngine(psi, model, {
            "trunc_params": {"chi_max": bond_dimension, "svd_min": 1e-9}, "combine": True,
            # By default TeNPy diagonalizes effective matrices up to 400 x 400 densely and takes up to 20 Lanczos steps
            # a bond: at 30 spins 3 to 9 times slower, for energies that agree to 1e-11.
            "max_N_for_ED": 20, "lanczos_params": {"N_max": 5},
            "mixer": True, "mixer_params": {"amplitude": 1e-4, "decay": 4.0, "disable_after": 2}, "min_sweeps": 3,
            "max_trunc_err": None,  # else a small bond dimension is an error from 1e-4 on; the result tells of it
            "max_E_err": tolerance, "max_S_err": 1e-4, "max_sweeps": max_sweeps})
        engine.run()
        psi.canonical_form()
        tensors = [psi.get_B(i, "B").transpose(["vL", "p", "vR"]).to_ndarray() for i in range(chain.n_spins)]
        truncation, sweeps = float(engine.sweep_stats["max_trunc_err"][-1]), int(engine.sweeps)
        del engine  # warns of options that a very short chain has not used
    # Back to the z basis: the amplitude of bit b is sum_s conj(basis[s, b]) that of the eigenvector s.
    state = mps.canonical([np.einsum("sb,lsr->lbr", basis.conj(), tensor) for tensor in tensors])
    state = mps.positive_phase(state)
    return GroundState(energy=mps_averages.energy(state, chain), state=state, parity=sign, axis=axis,
                       truncation=truncation, sweeps=sweeps, converged=sweeps < max_sweeps)


def _eigenbasis(axis: str) -> np.ndarray:
    """The eigenvectors +1 and -1 of a Pauli matrix as rows of bras, (2, 2); real where they can be."""
    _, vectors = np.linalg.eigh(PAULI[axis].real if axis != "Y" else PAULI[axis])
    return vectors[:, ::-1].conj().T


def _site(tenpy, basis: np.ndarray, conserved: bool):
    """A spin in a basis, with the operators X, iY, Z, and its parity as the charge, 0 for even."""
    charges = tenpy.linalg.np_conserved
    leg = (charges.LegCharge.from_qflat(charges.ChargeInfo([2], ["parity"]), [[0], [1]]) if conserved
           else charges.LegCharge.from_trivial(2))
    operators = {}
    for name, matrix in (("X", PAULI["X"].real), ("iY", (1j * PAULI["Y"]).real), ("Z", PAULI["Z"].real)):
        turned = basis @ matrix @ basis.conj().T
        operators[name] = np.where(np.abs(turned) < 1e-12, 0.0, turned)
    return tenpy.networks.site.Site(leg, ["+", "-"], sort_charge=False, **operators)


def _product(n_spins: int, sign: int | None) -> list:
    """Where to start: alternating eigenstates of the parity, one more turned where the sector asks for it.

    Without a parity, a spin between up and down: from a symmetric one DMRG might not find out of its sector.
    """
    if sign is None:
        return [np.array([0.8, 0.6])] * n_spins
    states = [i % 2 for i in range(n_spins)]
    if (-1) ** sum(states) != sign:
        states[0] ^= 1
    return states


def _real(value: complex) -> float | complex:
    return value.real if value.imag == 0 else value


@contextmanager
def _quiet() -> Iterator[None]:
    """TeNPy tells of its progress and of options that were not used; the result holds what matters of it."""
    logger = logging.getLogger("tenpy")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _tenpy():
    """The package, imported only where it is needed."""
    try:
        import tenpy
    except ImportError as error:
        raise ImportError("expected the package physics-tenpy, which DMRG needs, got none; try pip install "
                          "'.[dmrg]', or lib.spins.free_fermions for the Ising chain, lib.spins.exact for short "
                          "ones") from error
    return tenpy
