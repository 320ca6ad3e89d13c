"""Laws of growth, fitted to sizes with errors and compared by Akaike's criterion (chapter 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from lib.checks import as_floats
from lib.rbm.learning_searches import known

if TYPE_CHECKING:
    import pandas as pd  # of the book

#: Laws of growth: the number of their parameters, and the value at x.
LAWS = {"constant": (1, lambda x, a: a + 0 * x), "linear": (2, lambda x, a, b: a + b * x),
        "power": (2, lambda x, a, b: a * x**b)}


class Law(NamedTuple):
    """A fit.

    Attributes
    ----------
    name : str
        Of `LAWS`.
    parameters, errors : tuple of float
        The parameters with their standard errors.
    chi2 : float
        chi^2.
    aic : float
        Akaike's criterion, chi^2 + 2 parameters. The errors of the points are given and not fitted, so that the
        correction for an unknown variance (AICc) does not apply, however few points there are.

    """

    name: str
    parameters: tuple[float, ...]
    errors: tuple[float, ...]
    chi2: float
    aic: float


def laws(x: ArrayLike, y: ArrayLike, errors: ArrayLike) -> dict[str, Law]:
    """The `LAWS` fitted by least squares, weighted with the standard errors.

    They are constant a, linear a + b x, power a x^b. Where chi^2 exceeds its degrees of freedom,
    the errors of the parameters grow by the root of the ratio.

    Parameters
    ----------
    x, y, errors : array_like, shape (n_points,), > 0
        Sizes, values and their standard errors.

    Returns
    -------
    dict of str to Law
        By name.

    Raises
    ------
    ValueError
        For fewer than three points, an error that is not positive, and an x or y that is not.

    """
    x, y, errors = as_floats(x, "x"), as_floats(y, "y"), as_floats(errors, "errors")
    if not (x.shape == y.shape == errors.shape and x.ndim == 1 and x.size >= 3):
        raise ValueError(f"expected three points or more, each with an error, got {x.shape}, {y.shape}, {errors.shape};"
                         " try more sizes")
    if not all((values > 0).all() and np.isfinite(values).all() for values in (x, y, errors)):
        raise ValueError("expected finite positive sizes, values and errors, got others; try only sizes at which the "
                         "search has found something")
    found, middle = {}, np.log(x).mean()
    for name, (n_parameters, law) in LAWS.items():
        rise, at_zero = np.polyfit(np.log(x), np.log(y), 1) if name == "power" else np.polyfit(x, y, 1)
        # A power is fitted by ln(a x^b) at the middle of the sizes and b: a and b themselves are nearly one parameter.
        start = {"constant": [y.mean()], "linear": [at_zero, rise], "power": [at_zero + rise * middle, rise]}[name]
        curve = law if name != "power" else lambda x, height, b: np.exp(height + b * (np.log(x) - middle))
        fit = optimize.least_squares(lambda p, curve=curve: (curve(x, *p) - y) / errors, start)
        best, covariance, chi2 = fit.x, np.linalg.inv(fit.jac.T @ fit.jac), 2 * float(fit.cost)
        if name == "power":
            a = np.exp(best[0] - best[1] * middle)
            turn = np.array([[a, -a * middle], [0.0, 1.0]])
            best, covariance = np.array([a, best[1]]), turn @ covariance @ turn.T
        wider = np.sqrt(max(1.0, chi2 / max(1, x.size - n_parameters)))
        found[name] = Law(name, tuple(map(float, best)), tuple(map(float, wider * np.sqrt(np.diag(covariance)))), chi2,
                          chi2 + 2 * n_parameters)
    return found


def fitted(table: pd.DataFrame, x: str = "n_spins", y: str = "hidden", error: str = "error") -> dict[str, Law]:
    """The `laws` through the rows of a table that hold a finite value.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns x, y and error.
    x, y, error : str, default "n_spins", "hidden" and "error"
        Their names.

    Returns
    -------
    dict of str to Law
        Empty for fewer than three rows.

    """
    rows = table[np.isfinite(table[y])]
    return laws(rows[x], rows[y], rows[error]) if len(rows) >= 3 else {}


def parameter(fits: Mapping[str, Law], law: str, number: int) -> tuple[float, float] | tuple[None, None]:
    """A parameter of a law with its standard error.

    Parameters
    ----------
    fits : mapping of str to Law
        Of `fitted`.
    law : str
        Of `LAWS`.
    number : int
        Which parameter, counted from 0.

    Returns
    -------
    tuple of float, or (None, None)
        The latter where nothing was fitted.

    """
    return (fits[law].parameters[number], fits[law].errors[number]) if fits else (None, None)


def slope(n_spins: ArrayLike, values: ArrayLike, errors: ArrayLike) -> tuple[float | None, float | None]:
    """The slope of a line through differences of two curves, whose errors say what the curves do not share.

    With weights w_i = 1 / error_i^2 it is sum_i c_i y_i, c_i = w_i (N_i - M) / sum_j w_j (N_j - M)^2, M the weighted
    mean of the lengths. That is linear in y: where two curves are fitted with the same weights, the difference of their
    slopes is the slope of the differences. What both share at a length drops out, and of their variances there what
    counts is sigma_1^2 + sigma_2^2 - 2 covariance, the variance of the difference.

    Parameters
    ----------
    n_spins, values, errors : array_like, shape (n_lengths,)
        Lengths, differences, and their standard errors, above 0 and independent from length to length.

    Returns
    -------
    tuple of (float or None, float or None)
        The slope and its standard error, wider where the line does not fit, as by `scaling_laws.laws`; None for fewer
        than three lengths.

    """
    n, values, errors = as_floats(n_spins, "n_spins"), as_floats(values, "values"), as_floats(errors, "errors")
    if n.size < 3:
        return None, None
    weights = errors**-2.0
    away = n - np.average(n, weights=weights)
    spread = weights @ away**2
    found = weights * away @ values / spread
    chi2 = weights @ (values - np.average(values, weights=weights) - found * away) ** 2
    return known(found, max(1.0, np.sqrt(chi2 / (n.size - 2))) / np.sqrt(spread))
