"""Observables of a reconstructed state from its samples, with error bars (section 5.3.3).

Local estimators take bits of shape (..., n_spins), usually (n_draws, n_chains, n_spins) as `sample` returns
them, and give one value a sample, shape (...): numpy for numpy, torch for torch. An observable that is a
sum or a multiple of others is that sum or multiple of the arrays; `operators` has products too, and any operator of
your own. `estimate`, of `autocorrelation`, turns values into a mean and an error (5.4, 5.6) that allows for the
correlations along a Markov chain, `statistics` goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lib.chain_checks import check_region
from lib.checks import as_tensor, check_number
from lib.rbm.autocorrelation import Estimate, estimate
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.machine import Machine, zeros_and_ones
from lib.rbm.states import PositiveState, check_visible, softplus

# --- diagonal in the measurement basis


def magnetization_z(samples):
    """Longitudinal magnetization per spin, sum_i sz_i / N, of each sample.

    Parameters
    ----------
    samples : array_like of 0 and 1, shape (..., n_spins)
        Bits, at least one row.

    Returns
    -------
    ndarray or Tensor of float64, shape (...)
        Torch for torch samples, else numpy.

    """
    return _like(samples, _spins(samples).mean(-1))


def absolute_magnetization(samples):
    """Absolute value ``|sum_i sz_i| / N`` of the magnetization of each sample.

    It tells order from disorder where symmetry makes the mean 0.

    Parameters
    ----------
    samples : array_like of 0 and 1, shape (..., n_spins)
        Bits, at least one row.

    Returns
    -------
    ndarray or Tensor of float64, shape (...)
        Torch for torch samples, else numpy.

    """
    return _like(samples, _spins(samples).mean(-1).abs())


def correlation_zz(samples):
    """Correlations <sz_i sz_j>, averaged over all samples.

    For the error bar of one pair give `estimate` its values: ``spins[..., i] * spins[..., j]``.

    Parameters
    ----------
    samples : array_like of 0 and 1, shape (..., n_spins)
        Bits, at least one row.

    Returns
    -------
    ndarray or Tensor of float64, shape (n_spins, n_spins)
        Ones on the diagonal. Torch for torch samples, else numpy.

    """
    s = _spins(samples)
    s = s.reshape(-1, s.shape[-1])
    return _like(samples, s.T @ s / s.shape[0])  # sample i, sample j -> i j


# --- off the diagonal: ratios of amplitudes


def magnetization_x(state: PositiveState, samples):
    """Local estimator of the transverse magnetization per spin (5.9).

    Parameters
    ----------
    state : PositiveState
        The samples' own.
    samples : array_like of 0 and 1, shape (..., n_spins)
        Bits along z.

    Returns
    -------
    ndarray or Tensor of float64, shape (...)
        Torch for torch samples, else numpy.

    Notes
    -----
    It is (1/N) sum_i psi(sample with spin i flipped) / psi(sample), by `PositiveState.flip_sums`.

    """
    return _like(samples, _checked_state(state).flip_sums(samples)[0] / state.n_spins)


def energy(state: PositiveState, samples, field: float, coupling: float = 1.0):
    """Local energy of the whole transverse-field Ising chain (5.2, 5.7), in units of J.

    Its spread vanishes on an exact eigenstate, so that it also measures how good the state is.

    Parameters
    ----------
    state : PositiveState
        The samples' own.
    samples : array_like of 0 and 1, shape (..., n_spins)
        Bits along z.
    field : float
        Transverse field, in units of J.
    coupling : float
        Coupling of neighbours, in units of J; 1 by default.

    Returns
    -------
    ndarray or Tensor of float64, shape (...)
        Torch for torch samples, else numpy.

    Raises
    ------
    ValueError
        For another state, and for a field or coupling that is no finite number.

    Notes
    -----
    It is -coupling sum_i sz_i sz_{i+1} - field sum_i psi(sample with spin i flipped) / psi(sample),
    with open ends.

    """
    _checked_state(state)
    field, coupling = check_number(field, "field"), check_number(coupling, "coupling")
    flips, walls = state.flip_sums(_some(samples))
    bonds = (state.n_spins - 1 - 2 * walls).to(torch.float64)  # an integer times a float would be of single precision
    return _like(samples, -coupling * bonds - field * flips)


def swap(state: PositiveState | ComplexState | MixedState, samples_a, samples_b, region: Iterable[int]):
    """Local estimator of the Swap operator on pairs of samples (5.10, 5.11).

    Parameters
    ----------
    state : PositiveState, ComplexState or MixedState
        The samples' own.
    samples_a, samples_b : array_like of 0 and 1, equal shapes (..., n_spins)
        Bits of the two replicas; those of a mixed state have its ancillas behind the spins.
    region : iterable of int
        Sites of A, counted from 0.

    Returns
    -------
    ndarray or Tensor of float64, shape (...)
        Torch for torch samples, else numpy.

    Raises
    ------
    ValueError
        For a region that is empty, repeats a site or leaves the chain, and for unequal shapes (try
        as many samples of each).

    Notes
    -----
    It is the ratio psi(a') psi(b') / (psi(a) psi(b)), where a' and b' are a and b with the spins of
    the region exchanged; of complex amplitudes its real part. Its mean over independent pairs is Tr
    rho_A^2 = exp(-S2), and that of its squared size is 1. The ancillas of a mixed state belong to
    no region, so that all spins give its purity.

    """
    size, phase = _log_swap(state, samples_a, samples_b, region)
    return _like(samples_a, size.exp() * phase.cos())


def renyi2(state: PositiveState | ComplexState | MixedState, samples, region: Iterable[int]) -> Estimate:
    """Second Renyi entropy S2 = -ln <Swap_A> (5.10) in nats, with its error.

    Parameters
    ----------
    state : PositiveState, ComplexState or MixedState
        The samples' own.
    samples : array_like of 0 and 1, shape (n_draws, n_chains, n_spins)
        Bits of at least two chains. Independent samples: ``samples[None]``.
    region : iterable of int
        Sites of A, counted from 0.

    Returns
    -------
    Estimate
        The entropy.

    Raises
    ------
    ValueError
        Like `swap`, for fewer than two chains (try ``n_chains=100``), and where signs and phases
        leave no positive mean (try more samples, or a smaller region).

    Notes
    -----
    The replicas are the first and the second half of the chains, paired one to one (an odd chain is
    left out): chains are independent of each other, draws of one chain are not. Each pair of chains
    is one chain of Swap values for `estimate`; the error of S2 is the relative error of their mean,
    to first order. The logarithm of a noisy mean overestimates S2 by half the square of that error.

    """
    samples = as_tensor(samples, "samples")
    shape = tuple(samples.shape)
    if len(shape) != 3 or shape[0] < 1 or shape[1] < 2:
        raise ValueError("expected samples of shape (n_draws, n_chains, n_spins) with at least 2 chains, "
                         f"one for each replica, got {shape}; try n_chains=100, or samples[None] for "
                         "independent samples")
    half = shape[1] // 2
    size, phase = _log_swap(state, samples[:, :half], samples[:, half:2 * half], region)
    # The largest value is taken out before leaving the logarithm, so that nothing overflows or all vanishes.
    largest = float(size.max())
    ratio = estimate((size - largest).exp() * phase.cos())
    if not ratio.mean > 0:
        raise ValueError(f"expected enough samples for a positive mean of Swap, got {ratio} times e^{largest:.4g}; try "
                         "more samples, or a smaller region")
    return Estimate(mean=-(largest + float(np.log(ratio.mean))), error=ratio.error / ratio.mean,
                    tau=ratio.tau, n_effective=ratio.n_effective)


def _log_swap(state, samples_a, samples_b, region: Iterable[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """ln of the size of the Swap ratio for each pair, and its phase."""
    if isinstance(state, PositiveState):
        size = _log_swap_of(state.machine, state.n_spins, samples_a, samples_b, region)
        return size, torch.zeros_like(size)
    if not isinstance(state, (ComplexState, MixedState)):
        _checked_state(state)
    return tuple(_log_swap_of(machine, state.n_spins, samples_a, samples_b, region)
                 for machine in (state.amplitude, state.phase))


def _log_swap_of(machine: Machine, n_spins: int, samples_a, samples_b, region: Iterable[int]) -> torch.Tensor:
    """-(E(a') + E(b') - E(a) - E(b))/2 for each pair, the region exchanged.

    The fields on the hidden units are sums over sites, theta = c + theta_A + theta_rest, so those of the
    exchanged pair are the same partial sums combined crosswise, and the visible biases cancel. What is left
    is 4 n_hidden logarithms a pair, with no configuration built.
    """
    a, b = check_visible(machine, samples_a), check_visible(machine, samples_b)
    if a.shape != b.shape:
        raise ValueError(f"expected both replicas of one shape, got {tuple(a.shape)} and {tuple(b.shape)}; "
                         "try as many samples of each")
    sites = list(check_region(region, n_spins))
    rest = [site for site in range(machine.n_visible) if site not in sites]
    weights = machine.weights.detach().to(torch.float64)
    # pair site, site hidden -> pair hidden
    inside_a, inside_b = (v[..., sites] @ weights[sites] for v in (a, b))
    hidden_bias = machine.hidden_bias.detach().to(torch.float64)
    outside_a, outside_b = (v[..., rest] @ weights[rest] + hidden_bias for v in (a, b))
    exchanged = softplus(outside_a + inside_b) + softplus(outside_b + inside_a)
    as_drawn = softplus(outside_a + inside_a) + softplus(outside_b + inside_b)
    return 0.5 * (exchanged - as_drawn).sum(-1).detach()


def _checked_state(state) -> PositiveState:
    if not isinstance(state, PositiveState):
        hint = "PositiveState(result.machine)" if hasattr(state, "machine") else "PositiveState(machine)"
        raise ValueError(f"expected a PositiveState, got {type(state).__name__}; try {hint}")
    return state


def _spins(samples) -> torch.Tensor:
    """Spins sz = 2 bit - 1 of checked bits, float64 (..., n_spins)."""
    return 2 * zeros_and_ones(_some(samples).to(torch.float64)) - 1


def _some(samples) -> torch.Tensor:
    """Samples as a tensor of at least one row."""
    bits = as_tensor(samples, "samples")
    if bits.ndim == 0 or bits.numel() == 0:
        raise ValueError(f"expected samples of shape (..., n_spins), at least one, got {tuple(bits.shape)}; "
                         "try n_samples >= 1")
    return bits


def _like(samples, values: torch.Tensor):
    """Torch values for torch samples, numpy for everything else."""
    return values if isinstance(samples, torch.Tensor) else values.detach().cpu().numpy()
