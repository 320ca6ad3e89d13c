"""Arc-cosine kernels of randomly masked inputs, averaged over the masks (3.10): K~_l of section 3.5.

    K~_l(x, y) = p^-l E_s[K_l(x_s, y_s)]

where K_l is the arc-cosine kernel and the mask s keeps each input with probability p. Three ways to K~_l live here:
all 2^d masks (`enumerated`), Monte Carlo over masks with its standard error (`monte_carlo`), and a closed form of
second order in the mask's fluctuations (`second_order`).
The last one: K_l depends on the masked inputs through a = |x_s|^2, b = |y_s|^2 and c = x_s.y_s alone. These have
the means p|x|^2, p|y|^2, p x.y and the covariances p (1 - p) M, with M_aa = sum x_i^4, M_ac = sum x_i^3 y_i and so on.
K_l is homogeneous of degree l in (a, b, c), so the expansion about the means is

    K~_l = K_l + (1 - p) / (2 p) tr(K_l'' M) + ...                       all at the unmasked inputs.

There is no term of order 1/sqrt(d p): what is linear in the fluctuations averages to zero. What the thesis prints
instead stands in `lib.kernels.printed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from lib import rng
from lib.checks import is_integer, is_real, require_count
from lib.kernels.arc_cosine import from_moments
from lib.kernels.inputs import as_inputs

ORDERS = (1, 2)
N_REPLICATES = 8  # groups of masks whose scatter gives the standard error
_BLOCK = 500  # pairs that share their masks: many blocks, so that most errors are independent
_LARGEST_ENUMERATION = 16


class Estimate(NamedTuple):
    """A mean over random masks and its standard error, of equal shape.

    Attributes
    ----------
    value : ndarray of float64
    error : ndarray of float64
        Standard error of value.

    """

    value: np.ndarray
    error: np.ndarray


def enumerated(x: ArrayLike, y: ArrayLike, connectivity: float, *, order: int = 1) -> np.ndarray:
    """K~_l of row i of x with row i of y (3.10), by the sum over all 2^d masks.

    Parameters
    ----------
    x, y : array_like, shape (n_pairs, d)
        With d at most 16.
    connectivity : float
        p, in (0, 1].
    order : {1, 2}, default 1
        The order l.

    Returns
    -------
    ndarray of float64, shape (n_pairs,)

    Raises
    ------
    ValueError
        For more features (try `monte_carlo` or `second_order`), and for other arguments than these.

    """
    moments, d, p = _moments(x, y), np.shape(x)[1], check_connectivity(connectivity)
    if d > _LARGEST_ENUMERATION:
        raise ValueError(f"expected at most {_LARGEST_ENUMERATION} features to enumerate 2^d masks, got {d}; "
                         "try monte_carlo or second_order")
    masks = (np.arange(2**d)[:, None] >> np.arange(d)) & 1
    n_kept = masks.sum(1)
    weights, sums, order = p**n_kept * (1 - p)**(d - n_kept), [], check_order(order)
    for start in range(0, len(moments[0]), _BLOCK):
        some = [masks @ part[start:start + _BLOCK].T for part in moments]  # mask feature, pair feature -> mask pair
        sums.append(weights @ from_moments(*some, order))
    return np.concatenate(sums) / p**order


def second_order(x: ArrayLike, y: ArrayLike, connectivity: float, *, order: int = 1) -> np.ndarray:
    """K~_l of row i of x with row i of y (3.10), to second order in the fluctuations of the mask.

    Parameters
    ----------
    x, y : array_like, shape (n_pairs, d)
        Inputs, one a row, row i of x with row i of y.
    connectivity : float
        p, in (0, 1].
    order : {1, 2}, default 1
        The order l.

    Returns
    -------
    ndarray of float64, shape (n_pairs,)

    Notes
    -----
    Exact for p = 1 and for y = x, where the kernel is linear (l = 1) or quadratic (l = 2) in
    ``|x_s|^2``. Else good to about ``(d_eff p)^-2``, where ``d_eff = |x|^4 / sum x_i^4`` counts the
    inputs that matter. Where d_eff p is not well above 1 it is no approximation, and may be
    negative.

    """
    p, (x2, y2, xy) = check_connectivity(connectivity), _moments(x, y)
    a, b, c = x2.sum(1), y2.sum(1), xy.sum(1)
    aa, bb, ab, ac, bc = (np.einsum("nd,nd->n", u, v) for u, v in ((x2, x2), (y2, y2), (x2, y2), (x2, xy), (y2, xy)))
    r2, s, rest = a * b, np.sqrt(np.maximum(a * b - c * c, 0)), _rest(a, b, c)
    with np.errstate(divide="ignore", invalid="ignore"):  # lengths and sines of 0 are set right below
        if check_order(order) == 1:  # |x||y| J_1 = s + (pi - alpha) c, whose second derivatives are these
            trace = (1.5 * ab - c * (ac / a + bc / b) + (2 * c * c - r2) / 4 * (aa / a**2 + bb / b**2)) / s
            trace = np.where(s > 1e-7 * np.sqrt(r2), trace, 0)  # parallel inputs: linear
        else:  # 3 c s + (pi - alpha)(a b + 2 c^2)
            trace = 6 * rest * ab + 4 * s * (ac / a + bc / b) - c * s * (aa / a**2 + bb / b**2)
            trace = np.where(r2 > 0, trace, 0)
    return from_moments(a, b, c, order) + (1 - p) / (2 * p) * trace / (2 * np.pi)


def monte_carlo(x: ArrayLike, y: ArrayLike, connectivity: float, *, order: int = 1, n_masks: int = 4096,
                seed: int) -> Estimate:
    """K~_l of row i of x with row i of y (3.10), by random masks.

    Parameters
    ----------
    x, y : array_like, shape (n_pairs, d)
        Inputs, one a row, row i of x with row i of y.
    connectivity : float
        p, in (0, 1].
    order : {1, 2}, default 1
        The order l.
    n_masks : int, default 4096
        For every 500 pairs, which share them; at least 16, rounded down to a multiple of 8.
    seed : int
        Of the random numbers.

    Returns
    -------
    Estimate
        Values and errors, (n_pairs,) each.

    Raises
    ------
    ValueError
        For arguments other than these.

    Notes
    -----
    Masks that keep at most one input are summed exactly, and of the others what is linear in the
    fluctuations is subtracted, with the share that an eighth of n_masks more finds best.

    """
    p, index = check_connectivity(connectivity), ORDERS.index(check_order(order))
    moments, values = _moments(x, y), []
    for start in range(0, len(moments[0]), _BLOCK):
        masks = _Masks([part[start:start + _BLOCK] for part in moments], p)
        values.append([group[index].mean(0) for group in masks.groups(n_masks, rng.stream(seed, "masks", start))])
    values = np.concatenate(values, axis=1)  # block group pair -> group pair
    return Estimate(values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values)))


def check_connectivity(p: float) -> float:
    """The connectivity as a float.

    Parameters
    ----------
    p : float
        In (0, 1].

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Outside (0, 1]: try 1.0, the dense net.

    """
    if not is_real(p) or not 1e-12 <= p <= 1:
        raise ValueError(f"expected connectivity above 0 and up to 1, got {p!r}; try 1.0, the dense net")
    return float(p)


class _Masks:
    """Random masks for pairs with given `_moments`, and estimates of K~_1 and K~_2 from groups of them."""

    def __init__(self, moments: tuple[np.ndarray, ...], p: float):
        self.moments, self.p, d = moments, p, moments[0].shape[1]
        whole = [part.sum(1) for part in moments]
        count = stats.binom(d, p)
        self.one, self.more = count.pmf(1), count.sf(1)
        self.single = [from_moments(*moments, order).mean(1) for order in ORDERS]  # masks that keep one input
        # The mean of a, b, c over masks that keep two inputs or more, in units of the unmasked ones.
        self.mean = (p - self.one / d) / self.more if self.more > 0 else 0.0
        # Counts of inputs kept, 2 to d, by their cumulated probability.
        self.counts = np.cumsum(count.pmf(np.arange(2, d + 1))) / self.more if self.more > 0 else np.ones(1)
        self.whole, self.slopes = whole, _slopes(*whole, p)
        self.scales = [p**order * from_moments(*whole, order) for order in ORDERS]

    def groups(self, n_masks: int, stream: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """N_REPLICATES independent groups of values (n_in_group, n_pairs) whose means are K~_1 and K~_2."""
        size = require_count("n_masks", n_masks) // N_REPLICATES
        if size < 2:
            raise ValueError(f"expected n_masks of at least {2 * N_REPLICATES}, got {n_masks}; try n_masks=256")
        # How much of the linear part to subtract is fitted to masks of their own, so that no bias comes in.
        pilot = self._draw(size, stream)
        shares = []
        for order, (value, linear) in zip(ORDERS, pilot, strict=True):
            value, linear = value - value.mean(0), linear - linear.mean(0)
            spread, rounding = np.sum(linear**2), 1e-20 * np.sum(self.scales[order - 1]**2) * size
            shares.append(np.sum(value * linear) / spread if spread > rounding else 0.0)
        for _ in range(N_REPLICATES):
            parts = zip(ORDERS, self.single, self._draw(size, stream), shares, strict=True)
            yield tuple((self.one * single + self.more * (value - share * linear)) / self.p**order
                        for order, single, (value, linear), share in parts)

    def _draw(self, size: int, stream: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
        """For both orders, kernels of pairs under masks that keep two inputs or more, and what in them is linear."""
        d = self.moments[0].shape[1]
        n_kept = np.minimum(2 + np.searchsorted(self.counts, stream.random(size), side="right"), d)
        masks = np.zeros((size, d))
        for mask, n in zip(masks, n_kept, strict=True):
            mask[stream.choice(d, n, replace=False, shuffle=False)] = 1
        masked = [masks @ part.T for part in self.moments]  # mask feature, pair feature -> mask pair
        moved = [part - self.mean * whole for part, whole in zip(masked, self.whole, strict=True)]
        return [(from_moments(*masked, order), sum(slope * part for slope, part in zip(slopes, moved, strict=True)))
                for order, slopes in zip(ORDERS, self.slopes, strict=True)]


def _slopes(a, b, c, p: float) -> list[tuple[np.ndarray, ...]]:
    """First derivatives of K_1 and K_2 by a, b and c at the mean masked moments, p times (a, b, c)."""
    s, rest = np.sqrt(np.maximum(a * b - c * c, 0)), _rest(a, b, c)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = s / (2 * a), s / (2 * b), rest
        second = p * (c * s / a + b * rest), p * (c * s / b + a * rest), 4 * p * (s + rest * c)
    return [tuple(np.where(a * b > 0, slope, 0) / (2 * np.pi) for slope in slopes) for slopes in (first, second)]


def _rest(a, b, c) -> np.ndarray:
    """pi - alpha from a = |x|^2, b = |y|^2 and c = x.y."""
    return np.arctan2(np.sqrt(np.maximum(a * b - c * c, 0)), -c)


def _pairs(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = as_inputs(x), as_inputs(y, "y")
    if x.shape != y.shape:
        raise ValueError(f"expected x and y of the same shape, row i of one paired with row i of the other, got "
                         f"{x.shape} and {y.shape}; try x[pairs[:, 0]], x[pairs[:, 1]]")
    return x, y


def _moments(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x_i^2, y_i^2 and x_i y_i, each (n_pairs, d): summed over a mask they give its a, b and c."""
    x, y = _pairs(x, y)
    return x * x, y * y, x * y


def check_order(order: int) -> int:
    """The order as an int.

    Parameters
    ----------
    order : {1, 2}
        1 (the mean) or 2 (the variance).

    Returns
    -------
    int

    Raises
    ------
    ValueError
        For all but 1 and 2.

    """
    if not is_integer(order) or order not in ORDERS:
        raise ValueError(f"expected order 1 (the mean) or 2 (the variance), got {order!r}; try order=1")
    return int(order)
