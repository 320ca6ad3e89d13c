"""Random features: a kernel by inner products of a random map (2.19-2.21), and least squares in them (figure 2.1).

The map is the first layer of a network, drawn once and never trained. With n features, psi(x) . psi(y) differs from the
kernel by an error that falls as 1/sqrt(n), whatever the dimension of x.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erf

from lib import rng
from lib.checks import as_floats, check_number, is_real, require_count
from lib.kernels.arc_cosine import arc_cosine
from lib.kernels.inputs import as_inputs, as_pair, in_blocks

#: What each activation makes of u . x. "squared_relu" belongs to the arc-cosine kernel of order 2.
ACTIVATIONS = {
    "step": lambda z: (z > 0).astype(np.float64),
    "relu": lambda z: np.maximum(z, 0),
    "squared_relu": lambda z: np.maximum(z, 0) ** 2,
    "erf": erf,
    "cos": np.cos,
}
_ORDERS = {"step": 0, "relu": 1, "squared_relu": 2}

# Numbers drawn at a time: 64 MiB of float64.
_BLOCK = 2**23


class SizeErrors(NamedTuple):
    """One model of a double descent: mean squared errors over samples, summed over outputs.

    Attributes
    ----------
    n_features : int
    train, test : ndarray of float64, shape (n_target_sets,)
        Errors, one for each target set.
    norm : ndarray of float64, shape (n_target_sets,)
        Euclidean, of the coefficients.

    """

    n_features: int
    train: np.ndarray
    test: np.ndarray
    norm: np.ndarray  # Euclidean, of the coefficients


def features(x: ArrayLike, n_features: int, *, seed: int, activation: str = "relu",
             length_scale: float = 1.0) -> np.ndarray:
    """The random feature map psi(x) = sigma(U x) / sqrt(n_features), U_ij ~ N(0, 1).

    Parameters
    ----------
    x : array_like, shape (n, d)
        Inputs, one a row.
    n_features : int
        At least 1.
    seed : int
        The first features of a seed are the same for every n_features, up to the factor.
    activation : {"relu", "step", "squared_relu", "erf", "cos"}, default "relu"
        sigma; "cos" is for the features of the Gaussian kernel,
        ``sqrt(2 / n_features) cos(u . x / length_scale + b)`` with b uniform in [0, 2 pi).
    length_scale : float, default 1.0
        Of the Gaussian kernel; finite and above 0.

    Returns
    -------
    ndarray of float64, shape (n, n_features)

    Raises
    ------
    ValueError
        For unknown activations, for counts below 1, and for another length_scale.

    Notes
    -----
    ``psi(x) . psi(y) -> E_u[sigma(u . x) sigma(u . y)]`` (2.21) as n_features grows, see `kernel`.
    The factor is the one of (2.20); (2.21) leaves it out, and inner products then grow with
    n_features.

    References
    ----------
    Rahimi and Recht, Advances in Neural Information Processing Systems 20 (2008).

    """
    x, n = as_inputs(x), require_count("n_features", n_features)
    sigma, length = _activation(activation), _length(length_scale)
    psi = np.empty((len(x), n))
    weights, phases = (rng.stream(seed, "random features", name) for name in ("weights", "phases"))
    rows = max(1, _BLOCK // x.shape[1])
    for begin in range(0, n, rows):
        some = slice(begin, min(begin + rows, n))
        u = weights.standard_normal((some.stop - begin, x.shape[1]))
        if activation == "cos":
            psi[:, some] = np.sqrt(2) * sigma(x @ u.T / length + phases.uniform(0, 2 * np.pi, some.stop - begin))
        else:
            psi[:, some] = sigma(x @ u.T)
    return psi / np.sqrt(n)


def kernel(x: ArrayLike, y: ArrayLike | None = None, *, activation: str = "relu",
           length_scale: float = 1.0) -> np.ndarray:
    """The kernel to which inner products of `features` converge.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Inputs, one a row.
    y : array_like, shape (m, d), optional
        x itself if not given.
    activation : {"relu", "step", "squared_relu", "erf", "cos"}, default "relu"
        As in `features`.
    length_scale : float, default 1.0
        Of the Gaussian kernel; finite and above 0.

    Returns
    -------
    ndarray of float64, shape (n, m)

    Notes
    -----
    Arc-cosine of order 0, 1, 2 for "step", "relu", "squared_relu" (2.24); for "cos" the Gaussian
    kernel ``exp(-|x - y|^2 / (2 length_scale^2))``; for "erf"::

        (2 / pi) arcsin(2 x.y / sqrt((1 + 2 |x|^2) (1 + 2 |y|^2)))

    References
    ----------
    Of the last: Williams, Neural Computation 10, 1203 (1998).

    """
    _activation(activation)
    if activation in _ORDERS:
        return arc_cosine(x, y, order=_ORDERS[activation])
    x, y, same = as_pair(x, y)
    length = _length(length_scale)

    def formula(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        inner = x @ y.T
        xx, yy = (x**2).sum(axis=1)[:, None], (y**2).sum(axis=1)
        if activation == "cos":
            return np.exp(-np.maximum(xx + yy - 2 * inner, 0) / (2 * length**2))
        return 2 / np.pi * np.arcsin(2 * inner / np.sqrt((1 + 2 * xx) * (1 + 2 * yy)))

    return in_blocks(formula, x, None if same else y)


def network_outputs(x: ArrayLike, n_features: int, n_networks: int, *, seed: int,
                    activation: str = "relu") -> np.ndarray:
    """Outputs of networks (2.20) with one output each, f(x) = v . sigma(U x) / sqrt(n_features).

    U and v are drawn from N(0, 1) anew for each network. Their covariance over networks is `kernel`
    at every width; their distribution becomes Gaussian with the width only.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Inputs, one a row.
    n_features : int
        At least 1.
    n_networks : int
        At least 1.
    seed : int
        Of the random numbers.
    activation : {"relu", "step", "squared_relu", "erf"}, default "relu"
        As in `features`, but not "cos".

    Returns
    -------
    ndarray of float64, shape (n_networks, n)

    Raises
    ------
    ValueError
        For other activations, "cos" among them (try "erf"), and for counts below 1.

    """
    x, n = as_inputs(x), require_count("n_features", n_features)
    n_networks = require_count("n_networks", n_networks)
    sigma = _activation(activation)
    if activation == "cos":
        raise ValueError('expected an activation without phases, got "cos"; try activation="erf"')
    generator = rng.stream(seed, "random features", "networks")
    # u . x for all x at once from as many normal numbers as x has independent directions.
    basis = np.linalg.qr(x.T, mode="r") if len(x) < x.shape[1] else x.T  # directions, n
    outputs = np.empty((n_networks, len(x)))
    at_once = max(1, _BLOCK // (n * max(basis.shape)))
    for begin in range(0, n_networks, at_once):
        some = min(at_once, n_networks - begin)
        u = generator.standard_normal((some, n, basis.shape[0]))
        v = generator.standard_normal((some, 1, n))
        outputs[begin:begin + some] = (v @ sigma(u @ basis))[:, 0]  # network, input
    return outputs / np.sqrt(n)


def fit_minimum_norm(psi: ArrayLike, targets: ArrayLike, *, ridge: float = 0.0) -> np.ndarray:
    """The coefficients c that minimize ``|psi c - y|^2 + ridge |c|^2``.

    Among several they are those of least norm.

    Parameters
    ----------
    psi : array_like, shape (n, n_features)
        Features.
    targets : array_like, shape (n,) or (n, n_outputs)
        The targets y.
    ridge : float, default 0.0
        At least 0.

    Returns
    -------
    ndarray of float64, shape (n_features,) or (n_features, n_outputs)
        The coefficients c. With more features than samples and no ridge the fit goes through every
        sample.

    Raises
    ------
    ValueError
        For other shapes, NaN, and a ridge that is no finite number >= 0.

    Notes
    -----
    Singular values below those of rounding count as zero, as in `numpy.linalg.lstsq`.

    """
    psi, targets = as_inputs(psi, "psi"), as_floats(targets, "targets")
    if targets.ndim not in (1, 2) or len(targets) != len(psi) or not np.isfinite(targets).all():
        raise ValueError(f"expected finite targets as ({len(psi)},) or ({len(psi)}, n_outputs), one row a sample, got "
                         f"shape {targets.shape}; try the targets of the samples in psi")
    check_number(ridge, "ridge", least=0, hint="ridge=0.0")
    # The larger side is rotated away first: the singular values then cost the cube of the smaller one only.
    if psi.shape[1] > psi.shape[0]:
        rotation, triangle = np.linalg.qr(psi.T)
        return rotation @ _solve(triangle.T, targets, ridge, max(psi.shape))
    rotation, triangle = np.linalg.qr(psi)
    return _solve(triangle, rotation.T @ targets, ridge, max(psi.shape))


def double_descent(x_train: ArrayLike, y_train: Sequence[ArrayLike], x_test: ArrayLike, y_test: ArrayLike,
                   sizes: Sequence[int], *, seed: int, activation: str = "relu",
                   ridge: float = 0.0) -> list[SizeErrors]:
    """Training and test error of least squares in random features, for each number of features.

    Parameters
    ----------
    x_train : array_like, shape (n_train, d)
        Inputs of the fit.
    y_train : sequence of array_like, shape (n_train, n_outputs) each
        One or more sets of targets of the same inputs, such as true and noisy ones; all are fitted
        with the same features.
    x_test : array_like, shape (n_test, d)
        Inputs at which the fit is tested.
    y_test : array_like, shape (n_test, n_outputs)
        Targets of x_test.
    sizes : sequence of int
        Numbers of features, which are drawn anew for every size.
    seed : int
        Of the random numbers.
    activation : {"relu", "step", "squared_relu", "erf", "cos"}, default "relu"
        As in `features`.
    ridge : float, default 0.0
        As in `fit_minimum_norm`.

    Returns
    -------
    list of SizeErrors
        One a size.

    Raises
    ------
    ValueError
        As `features` and `fit_minimum_norm` do, and for targets of other shapes.

    """
    x_train, x_test, y_test = as_inputs(x_train, "x_train"), as_inputs(x_test, "x_test"), as_inputs(y_test, "y_test")
    together, stacked = np.concatenate([x_train, x_test]), np.hstack([as_inputs(y, "y_train") for y in y_train])
    if len(y_test) != len(x_test) or stacked.shape[1] != len(y_train) * y_test.shape[1]:
        raise ValueError(f"expected y_test with one row for each of {len(x_test)} test inputs and as many columns as "
                         f"each set in y_train, got shape {y_test.shape}; try targets of shape (n, n_outputs)")
    rows, shape = [], (-1, len(y_train), y_test.shape[1])
    for size in sizes:
        psi = features(together, size, seed=rng.child_seed(seed, "double descent", int(size)), activation=activation)
        coefficients = fit_minimum_norm(psi[:len(x_train)], stacked, ridge=ridge)
        fit = (psi @ coefficients).reshape(shape)  # sample, set of targets, output
        train, test = ((part**2).sum(axis=2).mean(axis=0) for part in (
            fit[:len(x_train)] - stacked.reshape(shape), fit[len(x_train):] - y_test[:, None]))
        rows.append(SizeErrors(int(size), train, test, np.sqrt((coefficients.reshape(shape) ** 2).sum(axis=(0, 2)))))
    return rows


def _solve(matrix: np.ndarray, targets: np.ndarray, ridge: float, side: int) -> np.ndarray:
    """Minimum-norm (ridge) solution for a square or small matrix, by its singular values."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    kept = values > values[0] * np.finfo(np.float64).eps * side
    filtered = np.where(kept, values / (np.where(kept, values, 1.0) ** 2 + ridge), 0.0)
    part = left.T @ targets
    return right.T @ (filtered * part.T).T


def _activation(activation: str):
    if activation not in ACTIVATIONS:
        raise ValueError(f"expected an activation among {', '.join(ACTIVATIONS)}, got {activation!r}; try 'relu'")
    return ACTIVATIONS[activation]


def _length(length_scale: float) -> float:
    if not is_real(length_scale) or not 0 < length_scale < np.inf:
        raise ValueError(f"expected length_scale as a finite number above 0, got {length_scale!r}; try 1.0")
    return float(length_scale)
