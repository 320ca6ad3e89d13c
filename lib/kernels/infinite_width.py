"""Kernels of infinitely wide, fully connected networks: Gaussian process and neural tangent (section 2.4).

In the letters of :mod:`lib.kernels.neural_tangent`, whose kernels of finite networks tend to these when all N_l grow:
S_{depth+1} (2.22) and T_{depth+1} (2.31) of

    S_1 = T_1 = a^2 x.y / d + b^2                                                    covariance of u_1
    S_{l+1} = a^2 E[phi(u) phi(v)] + b^2,   T_{l+1} = S_{l+1} + a^2 E[phi'(u) phi'(v)] T_l

where u, v are normal with variances S_l(x, x), S_l(y, y) and covariance S_l(x, y). For ReLUs the expectations are the
arc-cosine kernels of order 1 and 0; so at depth 1 without biases S is a^4 / d times the arc-cosine kernel K_1 (2.24).

Sources: A. Jacot, F. Gabriel and C. Hongler, NeurIPS 2018 (NTK); J. Lee et al., ICLR 2018 (S at depth); C. K. I.
Williams, Neural Computation 10, 1203 (1998) (erf).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lib.checks import as_broadcast, is_real, require_count
from lib.kernels import _fused, arc_cosine
from lib.kernels.inputs import as_pair, require_results

ACTIVATIONS = ("relu", "erf")
_LARGEST = 1e150  # the formulas take squares of kernels


class Kernels(NamedTuple):
    """The Gaussian process kernel and the neural tangent kernel of the same inputs.

    Attributes
    ----------
    nngp, ntk : ndarray of float64, shape (n, m)
        The Gaussian process kernel and the neural tangent kernel.

    """

    nngp: np.ndarray
    ntk: np.ndarray


def analytic(x: ArrayLike, y: ArrayLike | None = None, *, depth: int, activation: str = "relu",
             weight_variance: float = 2.0, bias_variance: float = 0.0) -> Kernels:
    """Kernels of the infinitely wide network, S_{depth+1} and T_{depth+1} of the recursion.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Inputs, one a row.
    y : array_like, shape (m, d), optional
        If not given it is x: then the kernels are exactly symmetric and their diagonals are exact.
    depth : int
        Number of hidden layers, at least 1.
    activation : {"relu", "erf"}, default "relu"
        phi.
    weight_variance : float, default 2.0
        a^2 > 0; 2 keeps the scale of ReLU layers.
    bias_variance : float, default 0.0
        b^2 >= 0.

    Returns
    -------
    Kernels
        Of shape (n, m) each. No arrays of this size are made besides these two.

    Raises
    ------
    ValueError
        For wrong arguments, and for kernels that do not fit into the memory that is free: try
        `lib.kernels.inputs.row_blocks`.

    Notes
    -----
    The tangent kernel of almost parallel inputs has a relative error of about 1e-8 for ReLUs, as
    their angle has, and of 1e-16 S for error functions.

    """
    x, y, same = as_pair(x, y)
    settings = _check_settings(activation, weight_variance, bias_variance)
    depth, d = require_count("depth", depth), x.shape[1]
    require_results(len(x), len(y), 2)
    nngp = x @ y.T  # row feature, column feature -> row column
    nngp *= weight_variance / d
    nngp += bias_variance
    ntk = np.empty_like(nngp)
    squares = [np.einsum("nd,nd->n", a, a) / d for a in ((x,) if same else (x, y))]
    roots = [_roots(s, depth, settings) for s in squares]
    _fused.all_layers(nngp, ntk, roots[0], roots[-1], float(weight_variance), float(bias_variance),
                      activation == "relu", same)
    if same:
        for kernel, diagonal in zip((nngp, ntk), recursion(*3 * squares, depth=depth, **settings)):
            np.fill_diagonal(kernel, diagonal)
    return Kernels(nngp, ntk)


def recursion(xx: ArrayLike, yy: ArrayLike, xy: ArrayLike, *, depth: int, activation: str = "relu",
              weight_variance: float = 2.0, bias_variance: float = 0.0) -> Kernels:
    """The same as `analytic` from inner products of inputs: the formulas as they stand.

    It is the plain reference of the fused loops in `analytic`.

    Parameters
    ----------
    xx, yy, xy : array_like
        x.x / d, y.y / d and x.y / d, which are broadcast against each other.
    depth : int
        Number of hidden layers, at least 1.
    activation : {"relu", "erf"}, default "relu"
        phi.
    weight_variance : float, default 2.0
        a^2 > 0.
    bias_variance : float, default 0.0
        b^2 >= 0.

    Returns
    -------
    Kernels
        Of the broadcast shape each.

    Raises
    ------
    ValueError
        As `analytic` does.

    """
    depth, settings = require_count("depth", depth), _check_settings(activation, weight_variance, bias_variance)
    xx, yy, xy = (weight_variance * value + bias_variance for value in as_broadcast(xx=xx, yy=yy, xy=xy))
    tangent = xy
    for _ in range(depth):
        slopes = _slopes(xx, yy, xy, activation)
        xx, yy, xy = (_layer(*moments, **settings) for moments in ((xx, xx, xx), (yy, yy, yy), (xx, yy, xy)))
        tangent = xy + weight_variance * slopes * tangent
    return Kernels(xy, tangent)


def _layer(xx: np.ndarray, yy: np.ndarray, xy: np.ndarray, *, activation: str, weight_variance: float,
           bias_variance: float) -> np.ndarray:
    """S_{l+1}(x, y) from S_l(x, x), S_l(y, y) and S_l(x, y)."""
    if activation == "relu":
        expectation = arc_cosine.from_moments(xx, yy, xy, 1)
    else:
        expectation = 2 / np.pi * np.arcsin(np.clip(2 * xy / np.sqrt((1 + 2 * xx) * (1 + 2 * yy)), -1, 1))
    return weight_variance * expectation + bias_variance


def _slopes(xx: np.ndarray, yy: np.ndarray, xy: np.ndarray, activation: str) -> np.ndarray:
    """E[phi'(u) phi'(v)]."""
    if activation == "relu":
        return arc_cosine.from_moments(xx, yy, xy, 0)
    # (1 + 2 xx) (1 + 2 yy) - 4 xy^2 below the root, written so that rounding does not make it negative
    return 4 / np.pi / np.sqrt(1 + 2 * (xx + yy) + 4 * np.maximum(xx * yy - xy * xy, 0))


def _roots(squares: np.ndarray, depth: int, settings: dict) -> np.ndarray:
    """What the fused loops multiply to sqrt(S_l(x, x) S_l(y, y)), or that of 1 + 2 S, for each layer: (depth, n)."""
    s, found = settings["weight_variance"] * squares + settings["bias_variance"], []
    for layer in range(depth):
        found.append(np.sqrt(s if settings["activation"] == "relu" else 1 + 2 * s))
        s = _layer(s, s, s, **settings)
        if not s.max() < _LARGEST:
            raise ValueError(f"expected kernels up to {_LARGEST:g}, got {s.max():.3g} after {layer + 1} layers; try "
                             "weight_variance=2.0, which keeps the scale of ReLU layers")
    return np.array(found)


def _check_settings(activation: str, weight_variance: float, bias_variance: float) -> dict:
    if activation not in ACTIVATIONS:
        raise ValueError(f'expected activation "relu" or "erf", got {activation!r}; try activation="relu"')
    for name, value, positive in (("weight_variance", weight_variance, True), ("bias_variance", bias_variance, False)):
        if not is_real(value) or not (0 < value if positive else 0 <= value) \
                or not value < math.inf:
            raise ValueError(f"expected {name} as a number {'>' if positive else '>='} 0, got {value!r}; try "
                             f"{name}={2.0 if positive else 0.0}")
    return {"activation": activation, "weight_variance": float(weight_variance), "bias_variance": float(bias_variance)}
