"""Learning as section 2.2 defines it, small enough to be summed: risks, and the three errors of a learner.

`Problem` has finitely many inputs and labels, so that the expectation over training sets in (2.7) is a sum over all of
them.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from lib.checks import as_floats, check_number, require_count
from lib.kernels.inputs import as_inputs

# Training sets in one sum; each takes some hundred bytes.
_LARGEST = 500_000


@dataclass(frozen=True, eq=False)
class Problem:
    """Inputs x_k with probabilities p_k, targets g(x_k), and functions f(x) = lambda . phi(x).

    The functions are what there is to choose from. The loss is the squared error (2.10).

    Attributes
    ----------
    features : array_like, shape (n_inputs, n_parameters)
        phi(x_k); columns x and 1 make the linear functions of section 2.2.
    target : array_like, shape (n_inputs,)
        The targets g(x_k).
    probabilities : array_like, shape (n_inputs,), optional
        Equal ones if not given.
    noise : float, default 0.0
        s >= 0; a label is g(x) + s or g(x) - s, each in half of the cases, so that g is the mean of
        ``P(y|x)``.

    Raises
    ------
    ValueError
        For a target or probabilities of another length or not finite, for probabilities that are
        negative or do not sum to 1 (try None), and for noise that is no finite number >= 0.

    """

    features: ArrayLike
    target: ArrayLike
    probabilities: ArrayLike | None = None
    noise: float = 0.0

    def __post_init__(self):
        features = as_inputs(self.features, "features")
        target, n = as_floats(self.target, "target"), len(features)
        probabilities = np.full(n, 1 / n) if self.probabilities is None else as_floats(
            self.probabilities, "probabilities")
        for name, values in (("target", target), ("probabilities", probabilities)):
            if values.shape != (n,) or not np.isfinite(values).all():
                raise ValueError(f"expected {name} as {n} finite numbers, one an input, got shape {values.shape}; "
                                 "try one value for each row of features")
        if not (probabilities >= 0).all() or abs(probabilities.sum() - 1) > 1e-12:
            raise ValueError(f"expected probabilities >= 0 that sum to 1, got a sum of {probabilities.sum():.9g} and a "
                             f"smallest of {probabilities.min():.3g}; try probabilities=None")
        check_number(self.noise, "noise", least=0, hint="noise=0.0")
        for name, value in (("features", features), ("target", target), ("probabilities", probabilities)):
            value = np.array(value)  # not the caller's, and read-only: it stays what was checked
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    @property
    def outcomes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every (x, y) that can be observed.

        Returns
        -------
        features : ndarray of float64, shape (n_outcomes, n_parameters)
        labels : ndarray of float64, shape (n_outcomes,)
        probabilities : ndarray of float64, shape (n_outcomes,)

        """
        if self.noise == 0:
            return self.features, self.target, self.probabilities
        return (np.tile(self.features, (2, 1)), np.concatenate([self.target + self.noise, self.target - self.noise]),
                np.tile(self.probabilities / 2, 2))

    def risk(self, coefficients: ArrayLike) -> np.ndarray:
        """R(f) (2.2) of functions given by their lambda.

        Parameters
        ----------
        coefficients : array_like, shape (..., n_parameters)
            lambda.

        Returns
        -------
        ndarray of float64, shape (...)

        Raises
        ------
        ValueError
            For coefficients of another shape.

        """
        coefficients, n = as_floats(coefficients, "coefficients"), self.features.shape[1]
        if coefficients.ndim == 0 or coefficients.shape[-1] != n:
            raise ValueError(f"expected coefficients of shape (..., {n}), one a feature, got {coefficients.shape}; try "
                             f"coefficients.reshape(-1, {n})")
        values = coefficients @ self.features.T  # function, input
        return ((values - self.target) ** 2) @ self.probabilities + self.noise**2

    @property
    def best(self) -> np.ndarray:
        """The lambda of f^0 (2.3), the least risk among all.

        It is the one of least norm where there are several.
        """
        root = np.sqrt(self.probabilities)
        return np.linalg.pinv(root[:, None] * self.features) @ (root * self.target)


class Errors(NamedTuple):
    """The parts of the error (2.9), their sum (2.7), and the largest gap of (2.6).

    Attributes
    ----------
    total : float
        The sum (2.7), computed on its own.
    approximation, estimation, optimization : float
        The parts (2.9).
    gap : float
        The largest gap of (2.6).

    """

    total: float
    approximation: float
    estimation: float
    optimization: float
    gap: float


def training_sets(problem: Problem, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """All training sets of n_samples i.i.d. observations (2.1), and their probabilities.

    The order of observations does not matter to a mean over them.

    Parameters
    ----------
    problem : Problem
        What is to be learned.
    n_samples : int
        At least 1.

    Returns
    -------
    counts : ndarray of int, shape (n_sets, n_outcomes)
        How often each outcome occurs.
    probabilities : ndarray of float64, shape (n_sets,)

    Raises
    ------
    ValueError
        For more than 500,000 sets: try fewer inputs or samples, or draws from
        `numpy.random.Generator.multinomial`.

    """
    n_samples, probabilities = require_count("n_samples", n_samples), problem.outcomes[2]
    n_sets = math.comb(len(probabilities) + n_samples - 1, n_samples)
    if n_sets > _LARGEST:
        raise ValueError(f"expected at most {_LARGEST:,} training sets, got {n_sets:,}; try fewer inputs or samples, "
                         "or draws from numpy.random.Generator.multinomial")
    members = np.array(list(itertools.combinations_with_replacement(range(len(probabilities)), n_samples)))
    counts = (members[:, :, None] == np.arange(len(probabilities))).sum(axis=1)
    log_number = gammaln(n_samples + 1) - gammaln(counts + 1).sum(axis=1)
    return counts, np.exp(log_number) * np.prod(probabilities**counts, axis=1)


def empirical_risk(problem: Problem, counts: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """R_emp (2.4) of function i on training set i.

    Parameters
    ----------
    problem : Problem
        What is to be learned.
    counts : array_like, shape (n_sets, n_outcomes)
        As `training_sets` gives them.
    coefficients : array_like, shape (n_sets, n_parameters)
        lambda.

    Returns
    -------
    ndarray of float64, shape (n_sets,)

    Raises
    ------
    ValueError
        For other shapes, and for counts that are negative or all 0 in a set: try `training_sets`.

    """
    features, labels, _ = problem.outcomes
    counts = _counts(counts, len(features))
    coefficients = as_floats(coefficients, "coefficients", shape=(len(counts), features.shape[1]))
    losses = (coefficients @ features.T - labels) ** 2  # set, outcome
    return (counts * losses).sum(axis=1) / counts.sum(axis=1)


def minimize_empirical_risk(problem: Problem, counts: np.ndarray) -> np.ndarray:
    """The lambda of f* (2.5) on each training set; of least norm where there are several.

    Parameters
    ----------
    problem : Problem
        What is to be learned.
    counts : array_like, shape (n_sets, n_outcomes)
        As `training_sets` gives them.

    Returns
    -------
    ndarray of float64, shape (n_sets, n_parameters)

    Raises
    ------
    ValueError
        For counts that are negative, all 0 in a set, or of another shape: try `training_sets`.

    """
    hessian, slope = _normal_equations(problem, counts)
    return (np.linalg.pinv(hessian, rcond=1e-12, hermitian=True) @ slope[:, :, None])[:, :, 0]


def descend(problem: Problem, counts: np.ndarray, *, n_steps: int, learning_rate: float) -> np.ndarray:
    """The lambda that gradient descent (2.18) reaches from 0 on each training set.

    Parameters
    ----------
    problem : Problem
        What is to be learned.
    counts : array_like, shape (n_sets, n_outcomes)
        As `training_sets` gives them.
    n_steps : int
        At least 0.
    learning_rate : float
        Of gradient descent.

    Returns
    -------
    ndarray of float64, shape (n_sets, n_parameters)

    Raises
    ------
    ValueError
        As `minimize_empirical_risk` does, and for n_steps that is no integer >= 0.

    """
    if n_steps != 0:
        require_count("n_steps", n_steps)
    hessian, slope = _normal_equations(problem, counts)
    coefficients = np.zeros_like(slope)
    for _ in range(n_steps):
        coefficients -= learning_rate * 2 * ((hessian @ coefficients[:, :, None])[:, :, 0] - slope)
    return coefficients


def error_decomposition(problem: Problem, n_samples: int, *, n_steps: int, learning_rate: float) -> Errors:
    """The error of (2.7) and its three parts (2.8, 2.9), expectations over every training set.

    Parameters
    ----------
    problem : Problem
        What is to be learned.
    n_samples : int
        In a training set.
    n_steps : int
        Of gradient descent from 0, which gives the approximate minimizer; f* is the empirical risk
        minimizer.
    learning_rate : float
        Of gradient descent.

    Returns
    -------
    Errors
        Approximation and estimation errors are >= 0; the optimization error can have either sign,
        as early stopping can lower the risk.

    Raises
    ------
    ValueError
        As `training_sets` and `descend` do.

    """
    counts, weights = training_sets(problem, n_samples)
    exact = minimize_empirical_risk(problem, counts)
    approximate = descend(problem, counts, n_steps=n_steps, learning_rate=learning_rate)
    of_target, of_best = problem.noise**2, float(problem.risk(problem.best))
    of_exact, of_approximate = problem.risk(exact), problem.risk(approximate)
    gap = np.abs(empirical_risk(problem, counts, approximate) - empirical_risk(problem, counts, exact)).max()
    return Errors(float(weights @ (of_approximate - of_target)), of_best - of_target,
                  float(weights @ (of_exact - of_best)), float(weights @ (of_approximate - of_exact)), float(gap))


def _normal_equations(problem: Problem, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the Hessian of R_emp, (n_sets, n_parameters, n_parameters), and minus half its slope at 0."""
    features, labels, _ = problem.outcomes
    counts = _counts(counts, len(features))
    shares = counts / counts.sum(axis=1, keepdims=True)  # set, outcome
    products = (features[:, :, None] * features[:, None, :]).reshape(len(features), -1)  # outcome, pair
    side = features.shape[1]
    return (shares @ products).reshape(-1, side, side), shares @ (labels[:, None] * features)


def _counts(counts: ArrayLike, n_outcomes: int) -> np.ndarray:
    """Counts (n_sets, n_outcomes) with something in every set."""
    counts = as_floats(counts, "counts", shape=("n_sets", n_outcomes), finite=True)
    if not (counts >= 0).all() or not counts.any(axis=1).all():
        raise ValueError(f"expected counts >= 0, not all 0 in a set, got {counts.min():g} to {counts.max():g}; try "
                         "training_sets(problem, n_samples)[0]")
    return counts
