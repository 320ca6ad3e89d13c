"""Arc-cosine kernels of order 0, 1 and 2 (section 2.4): what a layer of infinitely many random neurons computes.

The kernel of order l belongs to the activation z^l H(z), with H the step: to perceptrons (l = 0), ReLUs (l = 1) and
one-sided parabolas (l = 2),

    K_l(x, y) = E_w[(w.x)^l H(w.x) (w.y)^l H(w.y)] = |x|^l |y|^l J_l(alpha) / (2 pi),  w ~ N(0, 1)      (2.23, 2.24)

with alpha the angle between x and y. This is half of Cho and Saul's kernel, who put a factor 2 before the integral.

Written with r = |x| |y|, c = x.y and s = sqrt((r - c)(r + c)) = r sin(alpha), the formulas need no division, so inputs
of length 0 need no care. From c alone an angle near 0 or pi has an error of about 1e-8: orders 1 and 2 do not feel it,
as they are flat there, but order 0 is the angle itself. `angle` and order 0 therefore go back to the inputs of such
pairs.

Source: Y. Cho and L. K. Saul, Kernel methods for deep learning, NIPS 2009.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lib.checks import as_broadcast, as_floats, require_count
from lib.kernels.inputs import as_inputs, as_pair, in_blocks

ORDERS = (0, 1, 2)
_NEAR = 5e-5  # 1 - |cos alpha| below this: closer than 0.01 to 0 or pi
_GATHERED = 2**17  # numbers of inputs that are gathered at a time


def angular(order: int, alpha: ArrayLike) -> np.ndarray:
    """J_l(alpha) of (2.26) to (2.28): pi, pi and 3 pi at alpha = 0, and 0 at alpha = pi.

    Parameters
    ----------
    order : {0, 1, 2}
        The order l.
    alpha : array_like, any shape
        Angles from 0 to pi, in radians.

    Returns
    -------
    ndarray of float64, shape of alpha

    Raises
    ------
    ValueError
        For other orders, and for other angles: try `angle`.

    """
    order, alpha = _check_order(order), as_floats(alpha, "alpha")
    wrong = ~((alpha >= 0) & (alpha <= np.pi))  # NaN too
    if wrong.any():
        raise ValueError(f"expected alpha from 0 to pi, got {alpha[wrong].flat[0]}; try lib.kernels.arc_cosine.angle")
    return np.maximum(_homogeneous(order, np.pi - alpha, 1.0, np.cos(alpha), np.sin(alpha)), 0)


def angle(x: ArrayLike, y: ArrayLike | None = None) -> np.ndarray:
    """Angles alpha = arccos(x.y / ``|x||y|``) (2.25) of inputs, to 1e-13 also near 0 and pi.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Inputs, one a row.
    y : array_like, shape (m, d), optional
        x itself if not given.

    Returns
    -------
    ndarray of float64, shape (n, m)
        In radians, from 0 to pi.

    Raises
    ------
    ValueError
        For inputs of length 0, which have no direction.

    """
    x, y, same = as_pair(x, y)
    _refuse_zeros(x, y)
    return in_blocks(_angles, x, None if same else y)


def arc_cosine(x: ArrayLike, y: ArrayLike | None = None, *, order: int = 1) -> np.ndarray:
    """The arc-cosine kernel K_l(x, y) (2.24) of all pairs of inputs.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Inputs, one a row.
    y : array_like, shape (m, d), optional
        x itself if not given.
    order : {0, 1, 2}, default 1
        The order l.

    Returns
    -------
    ndarray of float64, shape (n, m)
        An input of length 0 has kernel 0 with all others for orders 1 and 2.

    Raises
    ------
    ValueError
        For other orders, and at order 0 for an input of length 0, as the kernel there depends on
        the direction that it comes from: try without that row, or order 1.

    """
    return composed(x, y, order=order, depth=1)


def arc_cosine_pairs(x: ArrayLike, y: ArrayLike, *, order: int = 1) -> np.ndarray:
    """K_l of row i of x with row i of y (2.24).

    Parameters
    ----------
    x, y : array_like, shape (n, d)
        Inputs, one a row, row i of x with row i of y.
    order : {0, 1, 2}, default 1
        The order l.

    Returns
    -------
    ndarray of float64, shape (n,)
        An input of length 0 gives 0 for orders 1 and 2.

    Raises
    ------
    ValueError
        As `arc_cosine`, and for x and y of different shapes.

    """
    order, x, y = _check_order(order), as_inputs(x), as_inputs(y, "y")
    if x.shape != y.shape:
        raise ValueError(f"expected x and y of the same shape, got {x.shape} and {y.shape}; try arc_cosine(x, y) for "
                         "all pairs")
    if order == 0:
        _refuse_zeros(x, y)
        return (np.pi - _half_angles(x, y)) / (2 * np.pi)
    return from_moments(*(np.einsum("nd,nd->n", a, b) for a, b in ((x, x), (y, y), (x, y))), order)


def from_moments(xx: ArrayLike, yy: ArrayLike, xy: ArrayLike, order: int) -> np.ndarray:
    """K_l from the squared lengths of the inputs and their inner products.

    Parameters
    ----------
    xx, yy : array_like
        ``|x|^2`` and ``|y|^2``.
    xy : array_like
        x.y. The three are broadcast against each other.
    order : {0, 1, 2}
        The order l. Order 0 has an error of about 1e-8 where the angle is close to 0 or pi.

    Returns
    -------
    ndarray of float64, the broadcast shape
        0 where a length is 0.

    Raises
    ------
    ValueError
        For squared lengths that are negative or NaN: try ``numpy.einsum('nd,nd->n', x, x)``.

    """
    order = _check_order(order)
    xx, yy, xy = as_broadcast(xx=xx, yy=yy, xy=xy)
    for name, squares in (("xx", xx), ("yy", yy)):
        if not (squares >= 0).all():
            raise ValueError(f"expected {name} as squared lengths >= 0, got {squares[~(squares >= 0)].flat[0]}; try "
                             "numpy.einsum('nd,nd->n', x, x)")
    return _from_lengths(np.sqrt(xx * yy), xy, order)


def composed(x: ArrayLike, y: ArrayLike | None = None, *, order: int = 1, depth: int) -> np.ndarray:
    """The kernel of several layers: each level is (2.24) with the one below as inner product.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Inputs, one a row.
    y : array_like, shape (m, d), optional
        x itself if not given.
    order : {0, 1, 2}, default 1
        The order l.
    depth : int
        Number of layers L, at least 1. Depth 1 is `arc_cosine`.

    Returns
    -------
    ndarray of float64, shape (n, m)
        An input of length 0 has kernel 0 with all others for orders 1 and 2.

    Raises
    ------
    ValueError
        As `arc_cosine`, and for a depth that is no integer >= 1.

    Notes
    -----
    ``K^(L)(x, y) = (K^(L-1)(x, x) K^(L-1)(y, y))^(l/2) J_l(alpha) / (2 pi)``, where alpha is the
    angle that K^(L-1) gives; it is that of a net with N(0, 1) weights whose layers divide their
    outputs by the root of their width.

    """
    order, depth = _check_order(order), require_count("depth", depth)
    x, y, same = as_pair(x, y)
    if order == 0:
        _refuse_zeros(x, y)

    def formula(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        xx, yy = (np.einsum("nd,nd->n", a, a) for a in (x, y))
        if order == 0:  # in the first level only: further up, equal inputs have equal numbers
            xy = (np.pi - _angles(x, y)) / (2 * np.pi)
        else:
            xy = _from_lengths(np.sqrt(xx[:, None] * yy), x @ y.T, order)  # row feature, column feature -> row column
        for _ in range(depth - 1):
            xx, yy = (_from_lengths(squares, squares, order) for squares in (xx, yy))
            xy = _from_lengths(np.sqrt(xx[:, None] * yy), xy, order)
        return xy

    return in_blocks(formula, x, None if same else y)


def _from_lengths(r: np.ndarray, c: np.ndarray, order: int) -> np.ndarray:
    """K_l from r = |x| |y| and c = x.y; c may lie outside of +-r by rounding."""
    s = np.sqrt(np.maximum((r - c) * (r + c), 0))
    kernel = _homogeneous(order, np.arctan2(s, -c), r, c, s)  # the first is pi - alpha, and 0 for s = c = 0
    kernel = np.maximum(kernel, 0) / (2 * np.pi)  # rounding near alpha = pi
    return np.where(r > 0, kernel, 0.0) if order == 0 else kernel


def _homogeneous(order: int, rest, r, c, s):
    """r^l J_l(alpha) for rest = pi - alpha, c = r cos(alpha), s = r sin(alpha)."""
    if order == 0:
        return rest
    if order == 1:
        return s + rest * c
    return 3 * s * c + rest * (r * r + 2 * c * c)


def _angles(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The angles of all rows of x with all of y, (n, m)."""
    r = np.sqrt(np.einsum("nd,nd->n", x, x)[:, None] * np.einsum("nd,nd->n", y, y))
    c = x @ y.T  # row feature, column feature -> row column
    alpha = np.arctan2(np.sqrt(np.maximum((r - c) * (r + c), 0)), c)
    rows, columns = np.nonzero(np.abs(c) > (1 - _NEAR) * r)
    step = max(1, _GATHERED // x.shape[1])
    for start in range(0, len(rows), step):
        i, j = rows[start:start + step], columns[start:start + step]
        alpha[i, j] = _half_angles(x[i], y[j])
    return alpha


def _half_angles(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Angles of row i with row i, (n,), from the diagonals |u - v| and |u + v| of the rhombus of unit vectors."""
    u, v = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (x, y))
    return 2 * np.arctan2(np.linalg.norm(u - v, axis=1), np.linalg.norm(u + v, axis=1))


def _check_order(order: int) -> int:
    if isinstance(order, bool) or order not in ORDERS:
        raise ValueError(f"expected order 0, 1 or 2, got {order!r}; try order=1, the kernel of ReLUs")
    return int(order)


def _refuse_zeros(x: np.ndarray, y: np.ndarray) -> None:
    for name, rows in (("x", x), ("y", y)):
        zero = ~rows.any(1)
        if zero.any():
            raise ValueError(f"expected {name} with rows other than 0, which have no angle, got 0 in row "
                             f"{int(np.argmax(zero))} (counted from 0); try without that row, or arc_cosine of order 1")
