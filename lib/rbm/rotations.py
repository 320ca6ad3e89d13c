"""How probable measurements in rotated bases are under a complex state, and the gradient of that (5.13, 5.14).

A row of measurements has the probability |sum_v U(outcome, v) psi(v)|^2 (5.14), where v runs over the values of the
turned spins only. The sums are exact, over logarithms, and `_complex_kernels` takes them row by row, from one table of
all configurations where that is the smaller work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from lib.memory import format_bytes
from lib.rbm import _complex_kernels as kernels
from lib.rbm._flat_parameters import flat_parameters, from_flat, n_units, sizes, split
from lib.rbm._rotation_memory import MAX_TABLE_SPINS, choose_table, list_bytes, n_configurations, table_bytes
from lib.rbm.complex_state import ComplexState, MixedState, check_state
from lib.rbm.distributions import Gradient
from lib.rbm.partition import log_partition
from lib.spins import bases
from lib.spins.bases import Measurements
from lib.spins.gates import mixes

__all__ = ["MAX_TABLE_SPINS", "StateGradient", "check_measurements", "flat_parameters", "from_flat", "gradient",
           "impossible_row", "kl_divergences", "log_amplitudes", "n_units", "negative_log_likelihood", "split"]


class StateGradient(NamedTuple):
    """Derivatives by the parameters of both machines.

    Attributes
    ----------
    amplitude : Gradient
        By those of the amplitude machine.
    phase : Gradient
        By those of the phase machine.

    """

    amplitude: Gradient
    phase: Gradient


def log_amplitudes(state: ComplexState, measurements: Measurements) -> np.ndarray:
    """Logarithm of sum_v U(outcome, v) psi(v) (5.13) of every row, without -ln(Z)/2.

    Parameters
    ----------
    state : ComplexState or MixedState
        Whose amplitudes they are.
    measurements : Measurements
        Outcomes with their bases.

    Returns
    -------
    ndarray of complex128, shape (n_samples,)
        An outcome that cannot happen has -inf. Of a mixed state: half the ln of the probability,
        without -ln(Z)/2.

    Raises
    ------
    ValueError
        For measurements of another number of spins, and where the sums do not fit the memory.

    """
    check_measurements(measurements, state)
    table = choose_table(state, measurements, exact=False)
    out = np.empty(measurements.n_samples, dtype=np.complex128)
    todo = [np.arange(measurements.n_samples)] if table else _blocks(state, measurements)
    for rows in todo:
        while len(rows):
            impossible, _, _, sums, references = _sum(state, measurements, rows, table, exact=False)
            stop = len(rows) if impossible < 0 else int(np.flatnonzero(rows == impossible)[0])
            out[rows[:stop]] = references[:stop] + np.log(sums[:stop])
            if impossible >= 0:
                out[impossible] = -np.inf
                stop += 1
            rows = rows[stop:]
    return out


def negative_log_likelihood(state: ComplexState, measurements: Measurements, *, log_z: float | None = None) -> float:
    """Mean of -ln P(row) over the measurements, each in its basis (5.14), in nats.

    Parameters
    ----------
    state : ComplexState or MixedState
        The model.
    measurements : Measurements
        Outcomes with their bases.
    log_z : float or None
        ln Z of the amplitude machine where it is known; None, the default: it is enumerated.

    Returns
    -------
    float
        Nats per measurement; infinite for an impossible row.

    """
    log_psi = log_amplitudes(state, measurements)
    log_z = float(log_partition(state.amplitude)) if log_z is None else log_z
    return float(log_z - 2 * log_psi.real.mean())


def gradient(state: ComplexState, measurements: Measurements) -> StateGradient:
    """The exact gradient of `negative_log_likelihood` by all parameters of both machines.

    Parameters
    ----------
    state : ComplexState or MixedState
        The model.
    measurements : Measurements
        Outcomes with their bases.

    Returns
    -------
    StateGradient
        By the parameters of both machines.

    Raises
    ------
    ValueError
        For more than 20 spins, whose normalisation has no exact gradient here (try training with
        ``negative_phase="sampled"``), and naming a row that is impossible under the state, where
        the gradient is infinite (try to start from `ComplexState.random`).

    """
    check_measurements(measurements, state)
    if n_units(state) > MAX_TABLE_SPINS:
        raise ValueError(f"expected at most {MAX_TABLE_SPINS} spins for the exact gradient, got {n_units(state)}, "
                         f"{format_bytes(table_bytes(state))}; try training with "
                         'negative_phase="sampled"')
    choose_table(state, measurements, exact=True)
    rows = np.arange(measurements.n_samples)
    impossible, flat, _, _, _ = _sum(state, measurements, rows, True, exact=True)
    if impossible >= 0:
        raise ValueError(impossible_row(measurements, impossible))
    return StateGradient(*(Gradient(*parts) for parts in split(flat, state)))


def kl_divergences(target, state: ComplexState | MixedState, in_bases: Iterable[str],
                   *, gates: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
    """Divergence sum_o Q(o) ln(Q(o) / P(o)) of the outcomes in each of the bases, in nats.

    Section 5.4.2 sums over the bases, QuCumber's KL is the mean.

    Parameters
    ----------
    target : array_like, shape (2^n_spins,) or (2^n_spins, 2^n_spins)
        The exact amplitudes along z, or density matrix, which gives Q.
    state : ComplexState or MixedState
        Gives P.
    in_bases : iterable of str
        One letter a spin, such as "XZ".
    gates : mapping of str to ndarray, or None
        Unitary 2x2 matrices of other letters than X, Y and Z.

    Returns
    -------
    ndarray of float64, shape (n_bases,)
        The divergences in nats.

    Raises
    ------
    ValueError
        For a target of another size, and for no bases or a text instead of a list of them (try
        ``["ZZ", "XZ"]``).

    """
    check_state(state)
    target = bases.check_vector_or_matrix(target, state.n_spins, name="target")
    if isinstance(in_bases, str):
        raise ValueError(f'expected a list of bases, got the text {in_bases!r}; try [{in_bases!r}]')
    ours = (state.density_matrix() if isinstance(state, MixedState) else state.psi()).numpy()
    divergences = []
    for basis in in_bases:
        q, p = (bases.probabilities(of, basis, gates=gates) for of in (target, ours))
        q, p, seen = q / q.sum(), p / p.sum(), q > 0
        with np.errstate(divide="ignore"):
            divergences.append(float(np.sum(q[seen] * (np.log(q[seen]) - np.log(p[seen])))))
    if not divergences:
        raise ValueError('expected at least one basis, got none; try ["ZZ", "XZ"]')
    return np.array(divergences)


# --- for these functions and for training


def check_measurements(measurements, state: ComplexState | MixedState) -> Measurements:
    """The measurements themselves, where they are of as many spins as the state has.

    Parameters
    ----------
    measurements : Measurements
        To be checked.
    state : ComplexState or MixedState
        Gives the number of spins.

    Returns
    -------
    Measurements
        The same.

    Raises
    ------
    ValueError
        For another number of spins, and for anything but Measurements and a state; try
        ``lib.spins.bases.measured(bits, bases)``.

    """
    check_state(state)
    if not isinstance(measurements, Measurements):
        raise ValueError(f"expected Measurements with their bases, got {type(measurements).__name__}; try "
                         "lib.spins.bases.measured(bits, bases)")
    if measurements.n_spins != state.n_spins:
        raise ValueError(f"expected measurements of {state.n_spins} spins, got {measurements.n_spins}; try "
                         f"ComplexState.random({measurements.n_spins}, {state.amplitude.n_hidden}, seed=1)")
    return measurements


def impossible_row(measurements: Measurements, row: int) -> str:
    """The message about a row of probability zero.

    Parameters
    ----------
    measurements : Measurements
        Outcomes with their bases.
    row : int
        Which row, counted from 0.

    Returns
    -------
    str
        It names the outcome and its basis, and what to try.

    """
    outcome, basis = "".join(map(str, measurements.bits[row])), measurements.rows([row]).bases()[0]
    return (f"expected a state under which every measurement is possible, got probability zero for row {row} (counted "
            f"from 0), {outcome} in basis {basis}; try to start from ComplexState.random, whose amplitudes differ")


def _blocks(state: ComplexState, measurements: Measurements) -> list[np.ndarray]:
    """The rows in pieces whose lists of configurations stay small."""
    place = np.cumsum(n_configurations(measurements))
    size = max(1.0, 2**25 / list_bytes(state, 1))
    return [rows for rows in np.split(np.arange(len(place)), np.flatnonzero(np.diff(place // size)) + 1) if len(rows)]


def _sum(state: ComplexState, measurements: Measurements, rows: np.ndarray, table: bool, *, exact: bool):
    """An impossible row or -1, the flat gradient, the loss, and the sums of the kernel."""
    parameters = flat_parameters(state)
    flat, loss = np.zeros_like(parameters), np.zeros(1)
    sums, references = np.zeros(len(rows), np.complex128), np.zeros(len(rows))
    impossible = kernels.sum_rows(parameters, sizes(state), measurements.bits, measurements.codes, measurements.gates,
                                  mixes(measurements.gates), rows, table, exact, flat, loss, sums, references)
    return impossible, flat, loss[0], sums, references
