"""Gaussian processes (section 2.5.1): draws from the prior, the posterior after observations, the marginal likelihood.

Everything starts from kernel matrices that are there already, whichever kernel they come from. The mean of the prior is
zero where none is given. A kernel that is singular up to rounding gets a small multiple of the unit matrix, the jitter;
how much is part of the result, and a warning says so.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from lib import rng
from lib.checks import as_floats, check_number, require_count
from lib.kernels.inputs import available_memory
from lib.memory import require_memory

#: Jitter in units of the mean of the kernel's diagonal, tried in this order.
JITTERS = (0.0, *(10.0**power for power in range(-12, -5)))

# Of the kernel's largest entry: rounding in a few thousand operations makes less, a wrong formula far more.
_ASYMMETRY = 1e-8
_NEGATIVE_VARIANCE = 1e-6


class Factor(NamedTuple):
    """The lower triangle L of K + jitter 1 = L L^T, and what was added to the diagonal.

    Attributes
    ----------
    lower : ndarray of float64, shape (n, n)
        The triangle L.
    jitter : float
        What was added to the diagonal.

    """

    lower: np.ndarray
    jitter: float


class Posterior(NamedTuple):
    """What is known after observations.

    Attributes
    ----------
    mean : ndarray of float64, shape (n_test,)
        (n_test, n_outputs) for such targets.
    covariance : ndarray of float64, shape (n_test, n_test)
        Of the function itself, without the noise of a further observation; (n_test,) where only
        variances were asked for.
    log_marginal_likelihood : float
        Of the training targets, in nats.
    jitter : float
        Added to the diagonal of the training kernel besides the noise.

    """

    mean: np.ndarray
    covariance: np.ndarray
    log_marginal_likelihood: float
    jitter: float


def factor(kernel: ArrayLike, *, noise: float = 0.0) -> Factor:
    """The Cholesky factor of K + noise 1, with as little jitter as it takes.

    Parameters
    ----------
    kernel : array_like, shape (n, n)
        K, symmetric.
    noise : float, default 0.0
        A variance, >= 0, and no part of the jitter.

    Returns
    -------
    Factor
        Its jitter is 0, then 1e-12, 1e-11 and so on to 1e-6 times the mean of the diagonal.

    Raises
    ------
    ValueError
        For a kernel that is not square, finite or symmetric, that has an eigenvalue too negative to
        be rounding (try one kernel function of the same inputs down and across), or that does not
        fit three times into the memory that is free (try fewer inputs); for a diagonal that is not
        above 0 without noise; and for noise that is no finite number >= 0.

    Warns
    -----
    RuntimeWarning
        Where the jitter is not 0; it says how much it is.

    """
    kernel, noise = _square(kernel, "kernel"), check_number(noise, "noise", least=0, hint="noise=0.01")
    free = available_memory()
    if free is not None:  # two copies stay, and a third for the comparison with the mirror image
        require_memory(3 * kernel.nbytes, f"the factor of a kernel of {len(kernel)} inputs and its copies", limit=free,
                       hint="fewer inputs, for instance the first of each class")
    asymmetry, largest = np.abs(kernel - kernel.T).max(), np.abs(kernel).max()
    if asymmetry > _ASYMMETRY * largest:
        raise ValueError(f"expected a symmetric kernel, got entries that differ from their mirror image by up to "
                         f"{asymmetry:.3g}; try the kernel of the inputs with themselves")
    unit = float(np.diagonal(kernel).mean())
    if unit <= 0 and noise == 0:
        raise ValueError(f"expected variances above 0 on the diagonal of the kernel, got {unit:.3g} on average; "
                         "try inputs other than 0, or noise > 0")
    matrix = (kernel + kernel.T) / 2
    matrix[np.diag_indices_from(matrix)] += noise
    for part in JITTERS:
        jitter = part * max(unit, 0.0)
        trial = matrix.copy()
        trial[np.diag_indices_from(trial)] += jitter
        try:
            lower = cholesky(trial, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            continue
        if jitter:
            warnings.warn(f"the kernel is singular up to rounding: {jitter:.2g} was added to its diagonal, "
                          f"{part:.0e} of the mean there", RuntimeWarning, stacklevel=3)
        return Factor(lower, jitter)
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    raise ValueError(f"expected a positive semi-definite kernel, got the eigenvalue {smallest:.3g} where the diagonal "
                     f"is {unit:.3g} on average; try one kernel function of the same inputs down and across")


def draw_prior(kernel: ArrayLike, n_draws: int, *, seed: int, mean: ArrayLike | None = None) -> np.ndarray:
    """Functions drawn from a Gaussian process at n inputs, f ~ N(mean, K) (2.32).

    Parameters
    ----------
    kernel : array_like, shape (n, n)
        K, such as that of the prior or the covariance of a posterior.
    n_draws : int
        At least 1.
    seed : int
        The first draws of a seed do not depend on n_draws.
    mean : array_like, shape (n,), optional
        Zero if not given.

    Returns
    -------
    ndarray of float64, shape (n_draws, n)

    Raises
    ------
    ValueError
        As `factor` does, and for a mean of another shape.

    """
    n_draws = require_count("n_draws", n_draws)
    lower = factor(kernel).lower
    n = len(lower)
    mean = np.zeros(n) if mean is None else _numbers(mean, "mean")
    if mean.shape != (n,):
        raise ValueError(f"expected a mean of shape ({n},), one number an input, got {mean.shape}; try mean=None")
    normal = rng.stream(seed, "gaussian process", "draws").standard_normal((n_draws, n))
    return mean + normal @ lower.T


def posterior(kernel_train: ArrayLike, kernel_cross: ArrayLike, kernel_test: ArrayLike, targets: ArrayLike, *,
              noise: float) -> Posterior:
    """What observations y = f(x) + noise at n inputs say about f at m others.

    Parameters
    ----------
    kernel_train : array_like, shape (n, n)
        The kernel K.
    kernel_cross : array_like, shape (m, n)
        C, the kernel of the test inputs with the training inputs.
    kernel_test : array_like, shape (m, m) or (m,)
        K_test, or only its diagonal where variances are enough.
    targets : array_like, shape (n,) or (n, n_outputs)
        y, each output an independent process.
    noise : float
        The variance of an observation around f, >= 0.

    Returns
    -------
    Posterior

    Raises
    ------
    ValueError
        As `factor` does, for shapes that do not belong together, and for a variance so negative
        that the three kernels cannot be parts of one: try one kernel function for all three.

    Notes
    -----
    With K_n = K + noise 1 the kernel of the observations::

        mean = C K_n^-1 y,    covariance = K_test - C K_n^-1 C^T

    References
    ----------
    Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), section 2.2.

    """
    lower, jitter = factor(kernel_train, noise=noise)
    targets = _targets(targets, len(lower))
    cross, test = _numbers(kernel_cross, "kernel_cross"), _numbers(kernel_test, "kernel_test")
    if cross.ndim != 2 or cross.shape[1] != len(lower) or cross.shape[0] == 0:
        raise ValueError(f"expected kernel_cross as (n_test, {len(lower)}), training inputs across, got shape "
                         f"{cross.shape}; try kernel(x_test, x_train)")
    n_test = len(cross)
    if test.shape not in ((n_test, n_test), (n_test,)):
        raise ValueError(f"expected kernel_test as ({n_test}, {n_test}), or its diagonal ({n_test},), got shape "
                         f"{test.shape}; try kernel(x_test, x_test)")
    if test.ndim == 2:
        asymmetry = float(np.abs(test - test.T).max())
        if asymmetry > _ASYMMETRY * np.abs(test).max():
            raise ValueError(f"expected kernel_test symmetric, got entries that differ from their mirror image by up "
                             f"to {asymmetry:.3g}; try kernel(x_test, x_test)")
    half = solve_triangular(lower, cross.T, lower=True, check_finite=False)  # train, test
    white = solve_triangular(lower, targets, lower=True, check_finite=False)
    if test.ndim == 2:
        covariance = test - half.T @ half
        covariance = (covariance + covariance.T) / 2
        prior, variances = np.diagonal(test), np.einsum("ii->i", covariance)  # a view, to write into
    else:
        covariance = test - np.einsum("ij,ij->j", half, half)
        prior, variances = test, covariance
    worst = int(np.argmin(variances))
    if variances[worst] < -_NEGATIVE_VARIANCE * max(np.abs(prior).max(), np.diagonal(lower).max() ** 2):
        raise ValueError(f"expected the parts of one positive semi-definite kernel, got a posterior variance of "
                         f"{variances[worst]:.3g} at test input {worst} (counted from 0); try one kernel function for "
                         "all three parts")
    np.maximum(variances, 0, out=variances)
    return Posterior(half.T @ white, covariance, _log_likelihood(lower, white), jitter)


def log_marginal_likelihood(kernel: ArrayLike, targets: ArrayLike, *, noise: float) -> float:
    """How probable the targets are under the prior, ln N(``y | 0, K + noise 1``), in nats.

    Parameters
    ----------
    kernel : array_like, shape (n, n)
        The kernel K.
    targets : array_like, shape (n,) or (n, n_outputs)
        The targets y.
    noise : float
        A variance, >= 0.

    Returns
    -------
    float
        Summed over the outputs.

    Raises
    ------
    ValueError
        As `posterior` does.

    """
    lower, _ = factor(kernel, noise=noise)
    white = solve_triangular(lower, _targets(targets, len(lower)), lower=True, check_finite=False)
    return _log_likelihood(lower, white)


def _log_likelihood(lower: np.ndarray, white: np.ndarray) -> float:
    """ln N(y | 0, L L^T) from L^-1 y."""
    n_outputs = 1 if white.ndim == 1 else white.shape[1]
    constant = np.log(np.diagonal(lower)).sum() + len(lower) / 2 * np.log(2 * np.pi)
    return float(-(white**2).sum() / 2 - n_outputs * constant)


def _targets(targets: ArrayLike, n_train: int) -> np.ndarray:
    targets = _numbers(targets, "targets")
    if targets.ndim not in (1, 2) or len(targets) != n_train or 0 in targets.shape:
        raise ValueError(f"expected targets as ({n_train},) or ({n_train}, n_outputs), one row a training input, got "
                         f"shape {targets.shape}; try the targets of the inputs of the kernel")
    return targets


def _square(kernel: ArrayLike, name: str) -> np.ndarray:
    kernel = _numbers(kernel, name)
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.size == 0:
        raise ValueError(f"expected {name} as a square matrix, got shape {kernel.shape}; try the kernel of the inputs "
                         "with themselves")
    return kernel


def _numbers(values: ArrayLike, name: str) -> np.ndarray:
    if hasattr(values, "nngp"):
        raise ValueError(f"expected {name} as one matrix, got both kernels of a net; try {name}=kernels.nngp, or .ntk")
    values = as_floats(values, name)
    finite = np.isfinite(values)
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise ValueError(f"expected {name} made of finite numbers, got {values[where]} at index {where}; "
                         f"try to look at what {name} was made from")
    return values
