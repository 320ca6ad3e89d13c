"""All layers of the recursion of `neural_tangent` in one pass over a kernel: numba loops, any number of threads.

The plain reference is `neural_tangent.recursion`. Every entry is computed from its own inputs in a fixed order, so that
the numbers do not depend on the number of threads.

How it gets its speed
- A tile of 64 by 64 entries at a time, all layers in turn: it stays in the first-level cache, and a kernel is read and
  written once instead of once a layer and operation.
- A symmetric kernel is computed above its diagonal; each tile is copied to its mirror image while it is in the cache.
- The arc sine is a polynomial without branches, so that the loop over a row of a tile becomes vector instructions. A
  call of the mathematical library for each entry would take about ten times as long.
"""

import math

from numba import njit, prange

TILE = 64
_FAST = {"contract", "nsz"}  # fused multiply-add; NaN and infinity behave


@njit(fastmath=_FAST, error_model="numpy")
def arcsine_and_square(c, r):
    """arcsin(c / r) and r^2 - c^2, without branches.

    Parameters
    ----------
    c : float
        Beyond +-r by rounding it counts as +-r.
    r : float
        At least 0; r = 0 gives 0 and 0.

    Returns
    -------
    arcsine : float
        In radians, with an error of about 2e-16.
    square : float
        r^2 - c^2.

    Notes
    -----
    The arc sine is that of c / r up to one half, and from there on that of the half angle, ``pi/2 -
    2 arcsin(sqrt((1 - c/r) / 2))``. Below one half it is ``t + t^3 p(t^2)``, with the polynomial p
    of degree 11 for which the largest relative error is smallest, 1.5e-17 before rounding.

    """
    m = min(abs(c), r)
    rest = r - m
    inverse = 1 / max(r, 1e-300)
    ratio = m * inverse
    large = ratio > 0.5
    w = 0.5 * rest * inverse if large else ratio * ratio
    root = math.sqrt(w)
    t = root if large else ratio
    p = 0.031912287766415505
    p = p * w - 0.016224279309439449
    p = p * w + 0.019528282324608963
    p = p * w + 0.0065279690164583728
    p = p * w + 0.012169213017353369
    p = p * w + 0.013885235293462509
    p = p * w + 0.017359704771631069
    p = p * w + 0.022371758051076304
    p = p * w + 0.030381959136855201
    p = p * w + 0.044642856828334242
    p = p * w + 0.075000000003370021
    p = p * w + 0.16666666666665409
    small = t + t * w * p
    size = math.pi / 2 - 2 * small if large else small
    return math.copysign(size, c), rest * (r + m)


@njit(fastmath=_FAST, error_model="numpy")
def _relu_layer(nngp, ntk, own, roots, weight_variance, bias_variance):
    """A layer of ReLUs for a row of a tile. own, roots: roots of the variances of its input and of the others."""
    unit = weight_variance / (2 * math.pi)
    for j in range(len(nngp)):
        c = nngp[j]
        arcsine, square = arcsine_and_square(c, own * roots[j])
        rest = math.pi / 2 + arcsine  # pi - alpha
        value = unit * (math.sqrt(square) + rest * c) + bias_variance
        nngp[j] = value
        ntk[j] = value + unit * rest * ntk[j]


@njit(fastmath=_FAST, error_model="numpy")
def _erf_layer(nngp, ntk, own, roots, weight_variance, bias_variance):
    """A layer of error functions. own, roots: square roots of 1 + 2 times the variances."""
    unit = weight_variance * 2 / math.pi
    for j in range(len(nngp)):
        arcsine, square = arcsine_and_square(2 * nngp[j], own * roots[j])
        # S(x, y)^2 <= S(x, x) S(y, y) gives the bound, which keeps rounding from dividing by zero at large variances.
        square = max(square, own * own + roots[j] * roots[j] - 1)
        value = unit * arcsine + bias_variance
        nngp[j] = value
        ntk[j] = value + 2 * unit / math.sqrt(square) * ntk[j]


@njit(error_model="numpy")
def _band(top, bottom, nngp, ntk, rows, columns, weight_variance, bias_variance, relu, symmetric):
    """Rows from top to bottom, from the diagonal on if symmetric."""
    m = nngp.shape[1]
    for left in range(top if symmetric else 0, m, TILE):
        right = min(left + TILE, m)
        for i in range(top, bottom):
            nngp_row, ntk_row = nngp[i, left:right], ntk[i, left:right]
            ntk_row[:] = nngp_row
            for layer in range(len(rows)):
                roots = columns[layer, left:right]
                if relu:
                    _relu_layer(nngp_row, ntk_row, rows[layer, i], roots, weight_variance, bias_variance)
                else:
                    _erf_layer(nngp_row, ntk_row, rows[layer, i], roots, weight_variance, bias_variance)
        if symmetric:
            for j in range(left, right):
                for i in range(top, min(bottom, j)):
                    nngp[j, i] = nngp[i, j]
                    ntk[j, i] = ntk[i, j]


@njit(cache=True, parallel=True, error_model="numpy")
def all_layers(nngp, ntk, rows, columns, weight_variance, bias_variance, relu, symmetric):
    """Turn the covariances of the first layer into the two kernels, in place.

    Parameters
    ----------
    nngp : ndarray of float64, shape (n, m)
        Covariances of the first layer; holds the Gaussian process kernel afterwards.
    ntk : ndarray of float64, shape (n, m)
        Holds the neural tangent kernel afterwards.
    rows, columns : ndarray of float64, shapes (depth, n) and (depth, m)
        What `_relu_layer` or `_erf_layer` calls roots, for each layer.
    weight_variance, bias_variance : float
        As in `lib.kernels.neural_tangent.analytic`.
    relu : bool
        Whether the activation is the ReLU; else it is the error function.
    symmetric : bool
        Whether rows and columns are the same inputs; only what is above the diagonal is read then.

    """
    n = len(nngp)
    n_bands = (n + TILE - 1) // TILE
    for short in prange((n_bands + 1) // 2):
        long = n_bands - 1 - short  # a short band with a long one, so that all threads have as much to do
        _band(TILE * short, min(TILE * (short + 1), n), nngp, ntk, rows, columns, weight_variance, bias_variance, relu,
              symmetric)
        if long != short:
            _band(TILE * long, min(TILE * (long + 1), n), nngp, ntk, rows, columns, weight_variance, bias_variance,
                  relu, symmetric)
