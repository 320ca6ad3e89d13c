"""A mean over Markov chains, with an error that allows for the correlations along them (5.4, 5.6).

`observables` has values of samples to average and this mean, too; `statistics` goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, stats

from lib.checks import as_array

# The sum over lags stops at the first window of this many autocorrelation times (Sokal's rule): what lies
# beyond is then e^-10 of an exponential decay, and the noise of the sum grows with the window.
WINDOW_TIMES = 5
# How improbable a spread between chains must be under the windowed error before it replaces that error.
CHAINS_DISAGREE = 1e-3


# --- means and errors


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error.

    Attributes
    ----------
    mean : float
        The mean.
    error : float
        Its standard error.
    tau : float
        Integrated autocorrelation time 1 + 2 sum_t rho(t), in draws; 1 for independent draws.
    n_effective : float
        As many independent draws would have the same error, n / tau.

    """

    mean: float
    error: float
    tau: float
    n_effective: float

    def __str__(self) -> str:
        return f"{self.mean:.6g} +- {self.error:.2g}"


def estimate(values) -> Estimate:
    """Mean of an observable over Markov chains and its standard error, error^2 = variance tau / n.

    Parameters
    ----------
    values : array_like of float, shape (n_draws, n_chains) or (n_draws,)
        One value a draw, the second for a single chain, of independent chains in equilibrium.
        Independent draws may come as (1, n).

    Returns
    -------
    Estimate
        The mean, its error and tau.

    Raises
    ------
    ValueError
        For no values, NaN or infinity (try looking at the machine's weights: they are huge where
        training diverged), or another number of axes.

    Notes
    -----
    The autocorrelation function is averaged over chains, with deviations from the mean of all of
    them, and tau is the sum up to the smallest window of at least 5 tau, corrected for the mean
    being estimated from the same data (Wolff). Block Gibbs sampling only has positive correlations,
    so tau is never put below 1.

    The spread of the chains' own means gives a second error that needs no autocorrelation function.
    The larger of the two counts where the chains are too short for a window, and where the second
    is larger than chance allows (p < 0.001): the chains are stuck in different places, or some slow
    motion escaped the window. tau is then the one that the error implies. A single chain has no
    such guard: below some 50 tau its error is too small.

    References
    ----------
    Wolff, U., Comput. Phys. Commun. 156, 143 (2004); Sokal, A., lecture notes (1997).

    """
    x = _checked_values(values)
    n_draws, n_chains = x.shape
    n = x.size
    exponent = int(np.frexp(np.abs(x).max())[1])
    x = np.ldexp(x, -exponent)  # exact, and no square over- or underflows
    mean = x.mean()
    deviations = x - mean
    variance = float(np.mean(deviations**2))
    # Values all alike differ from their mean by rounding only.
    if n == 1 or np.sqrt(variance) <= 1e-14 * abs(mean):
        return Estimate(float(np.ldexp(mean, exponent)), 0.0 if n > 1 else float("inf"), 1.0, float(n))
    variance *= n / (n - 1)

    tau, closed = _windowed_time(deviations)
    error_squared = variance * tau / n
    if n_chains > 1:
        between = float(np.var(x.mean(0), ddof=1)) / n_chains
        chance = stats.chi2.sf((n_chains - 1) * between / error_squared, n_chains - 1)
        if not closed or chance < CHAINS_DISAGREE:
            error_squared = max(error_squared, between)
    tau = n * error_squared / variance
    return Estimate(float(np.ldexp(mean, exponent)), float(np.ldexp(np.sqrt(error_squared), exponent)), float(tau),
                    float(n / tau))


def _windowed_time(deviations: np.ndarray) -> tuple[float, bool]:
    """Integrated autocorrelation time of (n_draws, n_chains), and whether its window closed in time."""
    n_draws = len(deviations)
    # Correlations of all lags at once by the Fourier transform, padded so that the ends do not meet.
    size = fft.next_fast_len(2 * n_draws, real=True)
    power = np.zeros(size // 2 + 1)
    for block in np.array_split(deviations, max(1, deviations.size // 2**20), axis=1):  # bounds the memory
        power += (np.abs(fft.rfft(block, size, axis=0)) ** 2).sum(1)
    # Lag t keeps its n_draws - t pairs as they are: the weight it has in the variance of a chain's mean.
    covariance = fft.irfft(power, size)[:n_draws]
    times = 2 * np.cumsum(covariance) / covariance[0] - 1  # 1 + 2 sum_{t=1}^{window} rho(t), by window
    long_enough = np.flatnonzero(np.arange(n_draws) >= WINDOW_TIMES * times)
    window = int(long_enough[0]) if long_enough.size else n_draws
    closed = 2 * window < n_draws
    window = min(window, n_draws // 2)  # the deviations of one whole chain sum to zero, and so would all lags
    return max(float(times[window]) * (1 + (2 * window + 1) / deviations.size), 1.0), closed


def _checked_values(values) -> np.ndarray:
    """Finite values as float64 (n_draws, n_chains)."""
    values = as_array(values, "values")
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"expected values of shape (n_draws, n_chains), got {values.shape}; "
                         "try one number a sample")
    wrong = ~np.isfinite(values)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"expected finite values, got {values[where]} at draw {where[0]} of chain {where[1]}"
                         "; try looking at the machine's weights: they are huge where training diverged")
    return values.astype(np.float64)
