"""Distances between a trained machine and an exact state: fidelity, KL divergence, likelihood, entropy.

Vectors run over the whole basis of N spins, in its order (site 0 is the most significant bit).
"""

from __future__ import annotations

import numpy as np
import torch

from lib.chain_checks import check_bits, check_state_vector
from lib.checks import COMPLEX, as_array
from lib.conventions import state_index
from lib.rbm import partition
from lib.rbm.distributions import effective_energy
from lib.rbm.machine import Machine, check_machine
from lib.rbm.observables import Estimate, estimate
from lib.rbm.states import PositiveState, check_visible

# Room for vectors read from text files of eight digits; a wrong file is off by far more.
SUM_TOLERANCE = 1e-6


def fidelity(psi, target_psi) -> float:
    """The fidelity ``|<psi|target>|^2`` of two pure states, between 0 and 1.

    Parameters
    ----------
    psi, target_psi : PositiveState, Machine or array_like, shape (2^n_spins,)
        Each a state, a Machine (the state that it stores) or a normalised vector, real or complex.

    Returns
    -------
    float
        The fidelity.

    Raises
    ------
    ValueError
        For vectors of different or odd length, another norm than 1, NaN.

    """
    psi, target_psi = _amplitudes(psi, "psi"), _amplitudes(target_psi, "target_psi")
    _check_same_length(psi, target_psi)
    norms = np.vdot(psi, psi).real * np.vdot(target_psi, target_psi).real
    return min(1.0, float(abs(np.vdot(psi, target_psi)) ** 2 / norms))


def sampled_fidelity(state, samples, target, target_samples) -> Estimate:
    """The fidelity ``|<psi|target>|^2`` of two pure states of any size, from samples of both.

    Parameters
    ----------
    state, target : PositiveState, ComplexState, array_like, shape (2^n_spins,), or callable
        The two states: normalised amplitudes, or a function of bits (n, n_spins) that gives ln
        psi(v), up to a constant, will do.
    samples, target_samples : array_like, shape (n_draws, n_chains, n_spins) or (n, n_spins)
        Bits of each along z, the second shape for independent ones, such as measurements.

    Returns
    -------
    Estimate
        The fidelity with its error.

    Raises
    ------
    ValueError
        For samples that their own state cannot have given; try to exchange samples and
        target_samples.

    Notes
    -----
    It is the product of two means, <target/psi> over samples of psi and <psi/target> over those of
    the target, from which both norms cancel, and the squared sizes of both ratios have finite
    means. The error is that of the product to first order, with the correlations along chains; it
    is rough where it is not small against the fidelity.

    """
    ratios = []
    sides = ("samples", state, samples, target), ("target_samples", target, target_samples, state)
    for name, of, bits, other in sides:
        bits = as_array(bits, name)
        if bits.ndim not in (2, 3) or bits.size == 0:
            raise ValueError(f"expected {name} of shape (n_draws, n_chains, n_spins) or (n, n_spins), got "
                             f"{bits.shape}; try one row a sample")
        bits = bits if bits.ndim == 3 else bits[None]
        rows = check_bits(bits.reshape(-1, bits.shape[-1]), name=name)
        mine, its = (_log_amplitudes(one, rows).reshape(bits.shape[:-1]) for one in (of, other))
        if np.isneginf(mine.real).any():
            raise ValueError(f"expected {name} that their state can give, got one of amplitude zero; try to exchange "
                             "samples and target_samples")
        ratios.append(its - mine)
    # Constants are split such that neither mean overflows.
    top = [float(ratio.real.max()) for ratio in ratios]
    if not np.isfinite(top).all():  # no sample of the one that the other could give
        return Estimate(0.0, float("inf"), 1.0, 1.0)
    scaled = [np.exp(ratio - size) for ratio, size in zip(ratios, top, strict=True)]
    factor = float(np.exp(top[0] + top[1]))
    means = [ratio.mean() for ratio in scaled]
    parts = [estimate((ratio * mean).real) for ratio, mean in zip(scaled, means[::-1], strict=True)]
    error = float(np.hypot(parts[0].error, parts[1].error))
    return Estimate(factor * float((means[0] * means[1]).real), factor * error,
                    max(part.tau for part in parts), min(part.n_effective for part in parts))


def kl_divergence(target_probabilities, model) -> float:
    """Kullback-Leibler divergence sum_v q(v) ln(q(v) / p(v)) >= 0 (4.12), in nats.

    States with q = 0 contribute nothing; p = 0 where q > 0 gives infinity.

    Parameters
    ----------
    target_probabilities : array_like, shape (2^n_spins,), Machine or PositiveState
        The distribution q.
    model : array_like, shape (2^n_spins,), Machine or PositiveState
        The distribution p.

    Returns
    -------
    float
        The divergence in nats.

    Raises
    ------
    ValueError
        For vectors of different or odd length, negative or NaN entries, a sum other than 1 (try
        ``p / p.sum()``, or ``numpy.abs(psi)**2`` if these are amplitudes).

    """
    q = _probabilities(target_probabilities, "target_probabilities")
    seen = q > 0
    if isinstance(model, PositiveState):
        model = model.machine
    if isinstance(model, Machine):
        if q.size != 2**model.n_visible:
            raise ValueError(f"expected {2**model.n_visible} target probabilities for a machine of "
                             f"{model.n_visible} visible units, got {q.size}; try that of the same chain")
        # Logarithms from the energies: a probability that underflows would make the divergence infinite.
        log_p = partition.log_probabilities(model).detach().cpu().numpy()[seen]
    else:
        p = _probabilities(model, "model probabilities")
        _check_same_length(p, q)
        with np.errstate(divide="ignore"):
            log_p = np.log(p[seen])
    return float(np.sum(q[seen] * (np.log(q[seen]) - log_p)))


def negative_log_likelihood(machine: Machine | PositiveState, data, *, log_z: float | None = None) -> float:
    """Mean of -ln p(v) over the data, ln Z + <E(v)>_D: minus (4.18), in nats per measurement.

    Parameters
    ----------
    machine : Machine or PositiveState
        The model.
    data : array_like of 0 and 1, shape (n_samples, n_visible)
        Bits, one measurement a row.
    log_z : float or None
        ln Z where it is known already; None, the default: it is enumerated.

    Returns
    -------
    float
        Nats per measurement.

    Raises
    ------
    ValueError
        For data that are empty, of another width or not 0 and 1, and for a machine too large to
        enumerate.

    """
    machine = check_machine(machine.machine if isinstance(machine, PositiveState) else machine)
    machine = machine.to(dtype=torch.float64)
    v = check_visible(machine, data)
    if v.numel() == 0:
        raise ValueError("expected at least one measurement, got none; try reading the file again")
    log_z = partition.log_partition(machine) if log_z is None else log_z
    return float(log_z) + float(effective_energy(machine, v).detach().mean())


def entropy(probabilities) -> float:
    """Shannon entropy H = -sum_v q(v) ln q(v) (4.13), in nats, between 0 and N ln 2.

    Parameters
    ----------
    probabilities : array_like, shape (2^n_spins,), Machine or PositiveState
        The distribution q.

    Returns
    -------
    float
        The entropy in nats.

    """
    q = _probabilities(probabilities, "probabilities")
    q = q[q > 0]
    return float(-np.sum(q * np.log(q)))


def _amplitudes(psi, name: str) -> np.ndarray:
    """A normalised state vector as a numpy array, checked."""
    psi = PositiveState(psi) if isinstance(psi, Machine) else psi
    return check_state_vector(_numbers(psi.psi() if isinstance(psi, PositiveState) else psi, name), name=name)


def _log_amplitudes(of, rows: np.ndarray) -> np.ndarray:
    """ln of the amplitudes of rows of bits, up to a constant: complex128 (n,)."""
    if hasattr(of, "log_psi"):
        return of.log_psi(rows).detach().cpu().numpy().astype(np.complex128)
    if callable(of):
        return as_array(of(rows), "ln psi", kinds=COMPLEX).astype(np.complex128)
    psi = check_state_vector(_numbers(of, "psi"), rows.shape[1])
    with np.errstate(divide="ignore"):
        return np.log(psi[state_index(rows)].astype(np.complex128))


def _probabilities(values, name: str) -> np.ndarray:
    """A normalised distribution over a basis as a float64 array, checked."""
    values = values.machine if isinstance(values, PositiveState) else values
    p = _numbers(partition.probabilities(values) if isinstance(values, Machine) else values, name)
    if p.ndim != 1 or p.size < 2 or p.size & (p.size - 1):
        raise ValueError(f"expected {name} as a vector with 2^n_spins entries, got shape {p.shape}; "
                         "try one probability for each basis state")
    wrong = (p.imag != 0) | ~(p.real >= 0)  # NaN is not >= 0
    if wrong.any():
        raise ValueError(f"expected {name} that are real and >= 0, got {p[wrong][0]} at basis state "
                         f"{int(np.argmax(wrong))}; try numpy.abs(psi)**2 if these are amplitudes")
    p = p.real.astype(np.float64)
    if not abs(p.sum() - 1) <= SUM_TOLERANCE:
        raise ValueError(f"expected {name} that sum to 1 within {SUM_TOLERANCE:g}, got {p.sum():.9g}; "
                         "try p / p.sum(), or numpy.abs(psi)**2 if these are amplitudes")
    return p / p.sum()


def _numbers(values, name: str) -> np.ndarray:
    """A numpy array of a tensor, an array or a list; ValueError for what holds no numbers."""
    if values is None or isinstance(values, str) or hasattr(values, "machine"):
        hint = "its .machine" if hasattr(values, "machine") else "PositiveState(machine) or a numpy array"
        raise ValueError(f"expected {name} as a Machine, a PositiveState or a vector of numbers, got "
                         f"{type(values).__name__}; try {hint}")
    return as_array(values, name, kinds=COMPLEX)


def _check_same_length(a: np.ndarray, b: np.ndarray):
    if a.size != b.size:
        raise ValueError(f"expected two vectors over the same basis, got lengths {a.size} and {b.size}; "
                         "try states of the same number of spins")
