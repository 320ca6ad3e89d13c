"""How correlations fall with the distance: as a power, exponentially, or as the exact ones times a cut-off.

Fits to C(d) of (7.6), weighted with errors or a covariance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, optimize

from lib.checks import as_floats


class Decay(NamedTuple):
    """Two forms fitted to C(d): amplitude d^-exponent and amplitude exp(-d / length).

    Neither need be a good fit.

    Attributes
    ----------
    exponent : float
        Of the algebraic form.
    length : float
        Of the exponential form, in sites.
    chi2_algebraic, chi2_exponential : float
        Squared misfit in units of the errors, per degree of freedom.
    preference : float
        Log of the exponential form's chi2 over the algebraic one's, positive where the algebraic
        form lies closer.

    """

    exponent: float
    length: float
    chi2_algebraic: float
    chi2_exponential: float
    preference: float


class Screening(NamedTuple):
    """A fit of amplitude exp(-rate d) times the exact C(d).

    Attributes
    ----------
    amplitude : float
        Of the fit.
    rate : float
        1 / xi of what cuts it off, per site.
    error : float
        Standard error of the rate.

    """

    amplitude: float
    rate: float
    error: float


def covariance(zz: ArrayLike, site: int, n_samples: int) -> np.ndarray:
    """Covariance of the estimates of C(d) to the right of a site from independent samples.

    Of spins without mean, whose squares are 1: <s_i s_j s_i s_k> = <s_j s_k>, so that it is
    (<s_j s_k> - C_j C_k) / n.

    Parameters
    ----------
    zz : array_like, shape (n_spins, n_spins)
        The correlations <s_j s_k> of all sites.
    site : int
        The site, counted from 0.
    n_samples : int
        The number n of independent samples.

    Returns
    -------
    ndarray, shape (n_spins - site, n_spins - site)
        Over d = 0, 1, ... along both axes.

    """
    zz = as_floats(zz, "zz", finite=True)
    zz = as_floats(zz, "zz", shape=(len(zz), len(zz)) if zz.ndim else ("n_spins", "n_spins"))
    right = zz[site:, site:]
    return (right - np.outer(right[0], right[0])) / n_samples


def decay(correlation: ArrayLike, errors: ArrayLike, first: int, last: int) -> Decay:
    """Fit both forms to C(first) ... C(last) by least squares, weighted with the errors.

    Parameters
    ----------
    correlation : array_like, shape (n_distances,)
        C(d) for d = 0, 1, ...
    errors : array_like, shape (n_distances,), () or (n_distances, n_distances)
        Standard errors of the same shape, one for all, or their covariance.
    first, last : int
        The range of distances d, both included.

    Returns
    -------
    Decay
        Both fits.

    Raises
    ------
    ValueError
        For fewer than four distances (try ``first=1``), errors that are not positive, and distances
        beyond the list.

    """
    correlation = _correlation(correlation)
    if not 1 <= first <= last - 3 or last >= correlation.size:
        raise ValueError(f"expected at least four distances within 1 ... {correlation.size - 1}, got {first} ... "
                         f"{last}; try first=1, last={correlation.size - 1}")
    distance = np.arange(first, last + 1.0)
    values, whiten = correlation[first:last + 1], _whitening(errors, correlation.size, first, last)
    scale = max(abs(values[0]), 1e-3)
    chi2, rates = [], []
    for abscissa, guess in ((np.log(distance / first), 0.25), (distance - first, 0.1)):
        def miss(parameters, abscissa=abscissa):
            return whiten @ (parameters[0] * np.exp(-parameters[1] * abscissa) - values)

        def slopes(parameters, abscissa=abscissa):
            form = np.exp(-parameters[1] * abscissa)
            return whiten @ np.column_stack([form, -parameters[0] * abscissa * form])

        # A decay has a rate >= 0; several starts, because a strongly pruned machine decays within one site.
        bounds = [-2, 0], [2, 20]
        fits = [optimize.least_squares(miss, [scale, start], slopes, bounds) for start in (guess, 10 * guess)]
        best = min(fits, key=lambda fit: fit.cost)
        chi2.append(max(2 * best.cost / (len(distance) - 2), 1e-300))
        rates.append(best.x[1])
    length = np.inf if rates[1] == 0 else 1 / rates[1]
    return Decay(float(rates[0]), float(length), *chi2, float(np.log(chi2[1] / chi2[0])))


def screening(correlation: ArrayLike, exact: ArrayLike, errors: ArrayLike, first: int = 1) -> Screening:
    """How fast C(d) falls below the exact one, by a fit to all distances from `first` on.

    The form is A exp(-rate d) C_exact(d). It needs no range in which the exact decay is a pure
    power, and knows where the chain ends. rate is 0 for the exact form, whatever its amplitude.

    Parameters
    ----------
    correlation, exact : array_like, shape (n_distances,)
        C(d) for d = 0, 1, ...
    errors : array_like
        As in `decay`.
    first : int
        The first distance, 1 by default.

    Returns
    -------
    Screening
        The fit.

    Raises
    ------
    ValueError
        For other shapes, fewer than three distances (try ``first=1``), and errors that are not
        positive.

    """
    correlation, exact = _correlation(correlation), _correlation(exact, "exact")
    if correlation.shape != exact.shape or not 1 <= first <= correlation.size - 3:
        raise ValueError(f"expected C(d) and the exact one of one shape with three distances from {first} on, got "
                         f"{correlation.shape} and {exact.shape}; try first=1")
    last = correlation.size - 1
    distance, whiten = np.arange(first, last + 1.0), _whitening(errors, correlation.size, first, last)

    def miss(parameters):
        form = np.exp(-parameters[1] * (distance - first)) * exact[first:]
        return whiten @ (parameters[0] * form - correlation[first:])

    def slopes(parameters):
        form = np.exp(-parameters[1] * (distance - first)) * exact[first:]
        return whiten @ np.column_stack([form, -parameters[0] * (distance - first) * form])

    fits = [optimize.least_squares(miss, [correlation[first] / exact[first], rate], slopes) for rate in (0.0, 0.1, 1.0)]
    best = min(fits, key=lambda fit: fit.cost)
    error = float(np.sqrt(np.linalg.inv(best.jac.T @ best.jac)[1, 1]))
    return Screening(float(best.x[0] * np.exp(best.x[1] * first)), float(best.x[1]), error)
def _correlation(values: ArrayLike, name: str = "correlation") -> np.ndarray:
    """C(d) as a list of finite numbers between -1 and 1, with room for noise, that are not all 0."""
    values = as_floats(values, name, shape=("n_distances",), finite=True)
    if not 0 < np.abs(values).max() <= 1.5:
        raise ValueError(f"expected {name} between -1 and 1, not all 0, got {values.min():g} to {values.max():g}; try "
                         "<sz_i sz_j> - <sz_i> <sz_j>")
    return values


def _whitening(errors: ArrayLike, size: int, first: int, last: int) -> np.ndarray:
    """The matrix that makes deviations of C(first) ... C(last) independent and of variance 1, from standard errors or
    a covariance: the inverse of its lower triangle."""
    errors, part = as_floats(errors, "errors"), slice(first, last + 1)
    if errors.shape not in ((), (size,), (size, size)):
        raise ValueError(f"expected errors as one number, {size} of them or a covariance ({size}, {size}), got shape "
                         f"{errors.shape}; try error=0.003, that of 1e5 samples")
    if errors.ndim < 2:
        deviations = np.broadcast_to(errors, size)[part]
        matrix = np.diag(deviations * np.abs(deviations))  # a negative one stays negative, and is refused
    else:
        matrix = errors[part, part]
    if not (np.diagonal(matrix) > 0).all():
        raise ValueError("expected positive errors, got some that are 0 or less; try error=0.003, that of 1e5 samples")
    return linalg.solve_triangular(np.linalg.cholesky(matrix), np.eye(len(matrix)), lower=True)
