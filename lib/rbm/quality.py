"""How well a machine stores the ground state of an Ising chain, by all measures of chapter 7.

`summed` takes them from sums over all 2^n_spins states, by default up to 18 spins, and `sampled` from Gibbs samples
of a machine of any size.  Both return the same names:

    kl, kl data          relative entropies (7.2) of the exact distribution and of the data's from the machine's, nats
    infidelity           1 - F (7.3)
    energy, energy error its mean, in units of J, and |mean - exact| / |exact|
    eROE                 (7.5) for the energy: that error with the statistical one of the mean added
    abs m, abs m error, mROE       the same for the size of the magnetization per spin
    m                    the mean magnetization per spin (7.4, with the 1/N that is missing there)
    correlation          C(d) (7.6) between the middle site and the one d to the right, d = 0 ... n_spins // 2
    correlation error    their standard errors
    correlation mse      mean over d of (C(d) - exact)^2
    correlation sum      sum over d of C(d): (7.7) as printed
    histogram            probability of n_up = 0 ... n_spins spins up, m = 2 n_up / n_spins - 1
    m error, energy tau, abs m tau standard error of m; integrated autocorrelation times in draws

An ROE is the worst that the true mean can be off within 99% confidence.  For `summed` the statistical part is that of
n_samples independent samples, which the sum did not need; `sampled` takes it from the chains, autocorrelation
included, and adds that of the exact value, which is from samples, too, where states are not summed over.  Where a
measure is not known it is None: kl, kl data and infidelity of long chains, autocorrelation times and standard errors
of sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from lib.chain_checks import check_bits
from lib.checks import as_array
from lib.conventions import bits_from_index, spins_from_bits, state_index
from lib.rbm import observables, partition
from lib.rbm.machine import Machine, check_machine
from lib.rbm.states import PositiveState
from lib.spins import free_fermions, ising

MAX_SUMMED_SPINS = 18  # here an evaluation takes a tenth of a second; it doubles with every spin
DEVIATIONS = 2.576  # c of (7.5): a normal variable lies within c standard deviations with 99% probability


@dataclass(frozen=True, eq=False)
class Basis:
    """What the sums over all states of one chain need, computed once.

    Attributes
    ----------
    psi : ndarray of float64, shape (2^n_spins,)
        The ground state.
    hamiltonian : scipy.sparse.csr_array
        Of the chain.
    n_up : ndarray of int64, shape (2^n_spins,)
        Spins up in each state.
    spins : ndarray of float64, shape (2^n_spins, n_spins // 2 + 1)
        Of the middle site and all to its right.
    seen : ndarray of int
        Basis states that the data hold.
    frequencies : ndarray of float64
        How often they do: q of (7.2).

    """

    psi: np.ndarray  # the ground state, (2^n_spins,)
    hamiltonian: csr_array
    n_up: np.ndarray  # spins up in each state
    spins: np.ndarray  # of the middle site and all to its right, (2^n_spins, n_spins // 2 + 1)
    seen: np.ndarray  # basis states that the data hold
    frequencies: np.ndarray  # and how often: q of (7.2)


@dataclass(frozen=True, eq=False)
class Reference:
    """The exact values that machines of one chain are compared with.

    Attributes
    ----------
    n_spins : int
        Spins of the chain.
    field : float
        The field h/J.
    energy : float
        In units of J.
    abs_m : float
        Mean size of the magnetization per spin.
    abs_m_error : float
        Standard error of abs_m, 0 where it is summed.
    correlation : ndarray of float64, shape (n_spins // 2 + 1,)
        C(d) (7.6).
    histogram : ndarray of float64, shape (n_spins + 1,)
        Of n_up.
    basis : Basis or None
        None for chains that are too long to sum over.

    """

    n_spins: int
    field: float
    energy: float
    abs_m: float
    abs_m_error: float
    correlation: np.ndarray
    histogram: np.ndarray
    basis: Basis | None


def reference(n_spins: int, field: float, data: ArrayLike, *, n_samples: int, rng: np.random.Generator,
              most_summed: int | None = None) -> Reference:
    """The exact values of the ground state at this field, and the frequencies of the data.

    Up to most_summed spins all are sums over states. Beyond, energy and C(d) are those of free
    fermions, while abs_m and the histogram are means over n_samples independent exact samples.

    Parameters
    ----------
    n_spins : int
        Spins of the chain.
    field : float
        The field h/J.
    data : array_like of 0 and 1, shape (n, n_spins)
        Measurements.
    n_samples : int
        Beyond most_summed spins, exact samples, at least 2.
    rng : numpy.random.Generator
        Of these samples.
    most_summed : int, <= 20, or None
        Longest chain whose states are summed over, 18 for None.

    Returns
    -------
    Reference

    Raises
    ------
    ValueError
        For data of another width.

    """
    data = check_bits(data, n_spins, name="data")
    middle = _middle(n_spins)
    if n_spins > (MAX_SUMMED_SPINS if most_summed is None else most_summed):
        _check_samples(n_samples, 2)
        n_up = free_fermions.sample(n_spins, field, n_samples, rng=rng).sum(axis=1, dtype=np.int64)
        sizes = np.abs(2.0 * n_up / n_spins - 1)
        return Reference(n_spins, field, free_fermions.ground_state_energy(n_spins, field), float(sizes.mean()),
                         float(sizes.std(ddof=1) / np.sqrt(n_samples)),
                         free_fermions.correlation_zz(n_spins, field, site=middle)[middle:],
                         np.bincount(n_up, minlength=n_spins + 1) / n_samples, None)
    energy, psi = ising.ground_state(n_spins, field)
    states = np.arange(psi.size)
    seen, counts = np.unique(state_index(data), return_counts=True)
    basis = Basis(psi, ising.hamiltonian(n_spins, field), np.bitwise_count(states).astype(np.int64),
                  spins_from_bits(bits_from_index(states, n_spins)[:, middle:]).astype(np.float64),
                  seen, counts / len(data))
    histogram = np.bincount(basis.n_up, psi**2)
    return Reference(n_spins, field, energy, ising.absolute_magnetization(psi), 0.0,
                     _summed_correlation(basis, psi**2), histogram, basis)


def summed(machine: Machine, exact: Reference, *, n_samples: int) -> dict:
    """All measures by sums over the 2^n_spins states, in the module's order.

    Probabilities below 1e-300 count as that, so that the relative entropies stay finite.

    Parameters
    ----------
    machine : lib.rbm.machine.Machine
        What is evaluated.
    exact : Reference
        Of a chain of as many spins.
    n_samples : int, >= 1
        Independent samples whose statistical error eROE and mROE include.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        For a machine of another size and for a chain that is too long.

    """
    _check_size(machine, exact)
    _check_samples(n_samples, 1)
    if exact.basis is None:
        raise ValueError(f"expected exact values by sums over all states, got those of {exact.n_spins} spins from "
                         f"samples; try sampled, or reference with most_summed={exact.n_spins}")
    basis = exact.basis
    p = partition.probabilities(machine).cpu().numpy()
    psi, log_p = np.sqrt(p), np.log(np.maximum(p, 1e-300))
    q = basis.psi**2
    positive = q > 0
    q, q_data = q[positive], basis.frequencies
    applied = basis.hamiltonian @ psi
    energy = float(psi @ applied)
    # The local energy is (H psi)(v) / psi(v): its square has the mean |H psi|^2.
    energy_spread = np.sqrt(max(0.0, float(applied @ applied) - energy**2))
    histogram = np.bincount(basis.n_up, p)
    m = 2 * np.arange(exact.n_spins + 1) / exact.n_spins - 1
    abs_m = float(histogram @ np.abs(m))
    abs_m_spread = np.sqrt(max(0.0, float(histogram @ m**2) - abs_m**2))
    correlation = _summed_correlation(basis, p)
    return {"kl": float(q @ (np.log(q) - log_p[positive])),
            "kl data": float(q_data @ (np.log(q_data) - log_p[basis.seen])),
            "infidelity": 1 - float(psi @ basis.psi) ** 2,
            **_scalars(exact, energy, energy_spread / np.sqrt(n_samples), abs_m, abs_m_spread / np.sqrt(n_samples)),
            "m": float(histogram @ m),
            **_correlations(exact, correlation, None),
            "histogram": histogram.tolist(), "m error": None, "energy tau": None, "abs m tau": None}


def sampled(machine: Machine, exact: Reference, samples: np.ndarray) -> dict:
    """All measures that Gibbs samples of the machine can give, with their errors.

    They come in the module's order.

    Parameters
    ----------
    machine : lib.rbm.machine.Machine
        What is evaluated.
    exact : Reference
        Of a chain of as many spins.
    samples : array_like of 0 and 1, shape (n_draws, n_chains, n_spins)
        As `sampling.sample` returns them; start its chains at measurements.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        For a machine or samples of another width or number of axes.

    """
    _check_size(machine, exact)
    samples = as_array(samples, "samples")
    if samples.ndim != 3 or samples.shape[-1] != exact.n_spins:
        raise ValueError(f"expected samples (n_draws, n_chains, {exact.n_spins}), got {samples.shape}; try "
                         "sampling.sample, or samples[None] for independent ones")
    energy = observables.estimate(observables.energy(PositiveState(machine), samples, exact.field))
    m = observables.magnetization_z(samples)
    mean, size = observables.estimate(m), observables.estimate(np.abs(m))
    spins = spins_from_bits(samples[..., _middle(exact.n_spins):]).astype(np.float64)
    spins -= spins.mean(axis=(0, 1))  # so that C(d) is the mean of products, and has its error to first order
    products = [observables.estimate(spins[..., 0] * spins[..., d]) for d in range(spins.shape[-1])]
    correlation = np.array([product.mean for product in products])
    n_up = samples.sum(axis=-1, dtype=np.int64).ravel()
    return {"kl": None, "kl data": None, "infidelity": None,
            **_scalars(exact, energy.mean, energy.error, size.mean, size.error), "m": mean.mean,
            **_correlations(exact, correlation, [product.error for product in products]),
            "histogram": (np.bincount(n_up, minlength=exact.n_spins + 1) / n_up.size).tolist(),
            "m error": mean.error, "energy tau": energy.tau, "abs m tau": size.tau}


def relative_error(value: float, exact: float, error: float = 0.0) -> float:
    """max over +- of ``|exact - (value +- c error)| / |exact|`` (7.5), c = 2.576.

    Parameters
    ----------
    value : float
        To compare.
    exact : float
        What it should be.
    error : float, default 0.0
        Standard error of the value; without it this is the plain deviation.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Where the exact value is 0.

    """
    if exact == 0:
        raise ValueError(f"expected an exact value other than 0 for a relative error, got {exact}; try the deviation")
    return (abs(value - exact) + DEVIATIONS * error) / abs(exact)


def _scalars(exact: Reference, energy: float, energy_error: float, abs_m: float, abs_m_error: float) -> dict:
    return {"energy": energy, "energy error": relative_error(energy, exact.energy),
            "eROE": relative_error(energy, exact.energy, energy_error),
            "abs m": abs_m, "abs m error": relative_error(abs_m, exact.abs_m),
            "mROE": relative_error(abs_m, exact.abs_m, float(np.hypot(abs_m_error, exact.abs_m_error)))}


def _correlations(exact: Reference, correlation: np.ndarray, error: list[float] | None) -> dict:
    return {"correlation": correlation.tolist(), "correlation error": error,
            "correlation mse": float(np.mean((correlation - exact.correlation) ** 2)),
            "correlation sum": float(correlation.sum())}


def _middle(n_spins: int) -> int:
    """The middle site, counted from 0: of an even number of sites the left one of the two (site N/2 of (7.7))."""
    return (n_spins - 1) // 2


def _summed_correlation(basis: Basis, p: np.ndarray) -> np.ndarray:
    """C(d) = <sz_i sz_j> - <sz_i> <sz_j> (7.6) of the middle site i with j = i ... n_spins - 1."""
    means = p @ basis.spins
    return (p * basis.spins[:, 0]) @ basis.spins - means[0] * means


def _check_samples(n_samples: int, least: int) -> None:
    if not n_samples >= least:
        raise ValueError(f"expected n_samples >= {least}, got {n_samples}; try n_samples=100_000")


def _check_size(machine: Machine, exact: Reference) -> None:
    if check_machine(machine).n_visible != exact.n_spins:
        raise ValueError(f"expected a machine of {exact.n_spins} visible units, one a spin, got {machine.n_visible}; "
                         "try the reference of its own chain")
