"""The Ising ground state at any length, by the Jordan-Wigner transformation to free fermions.

H = -sum_i sz_i sz_{i+1} - h sum_i sx_i with open ends (5.2), energies in units of J = 1.
Let A be the n x n matrix with the field h on its diagonal and J = 1 above it, and A = U S V' its singular
value decomposition.  The ground-state energy is -Tr S, and the rest follows from the orthogonal Q = U V'
(E. Lieb, T. Schultz, D. Mattis, Ann. Phys. 16, 407 (1961); P. Pfeuty, Ann. Phys. 57, 79 (1970)):
<sx_i> = Q_ii, and by Wick's theorem the average of a product of bonds sz_i sz_{i+1}, i in S, is det G_SS
with G = Q[:-1, 1:].
"""


import numba
import numpy as np

from lib.chain_checks import check_draws, check_n_spins, check_region
from lib.checks import check_number, is_integer

_BATCH = 4096  # samples whose random numbers are in memory at one time
_PANEL = 8  # bonds measured between two updates of the whole matrix
_ROUNDING = 1e-15  # of a correlation
_SMALLEST_WEIGHT = 1e-20  # of a Schmidt state that is listed


def ground_state_energy(n_spins: int, field: float) -> float:
    """Energy of the ground state in units of J.

    Parameters
    ----------
    n_spins : int, >= 1
        Any length >= 1.
    field : float, >= 0
        The field h, in units of J.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For field < 0: try its absolute value, which has the same energies.

    """
    return -float(np.linalg.svd(_couplings(n_spins, field), compute_uv=False).sum())


def magnetization_x(n_spins: int, field: float) -> np.ndarray:
    """The average <sx_i> of every site.

    Parameters
    ----------
    n_spins : int, >= 1
        Any length >= 1.
    field : float, >= 0
        The field h, in units of J.

    Returns
    -------
    ndarray of float64, shape (n_spins,)

    Raises
    ------
    ValueError
        For field < 0.

    """
    return np.diagonal(_polar_factor(n_spins, field)).copy()


def correlation_zz(n_spins: int, field: float, *, site: int | None = None) -> np.ndarray:
    """<sz_i sz_j> = det Q[i:j, i+1:j+1] of every pair of sites, or of one site with all.

    Parameters
    ----------
    n_spins : int, >= 1
        Any length >= 1.
    field : float, >= 0
        The field h, in units of J.
    site : int, optional
        The site i, counted from 0: gives its row alone.

    Returns
    -------
    ndarray of float64, shape (n_spins, n_spins) or (n_spins,)

    Raises
    ------
    ValueError
        For field < 0 and for a site outside the chain.

    Notes
    -----
    All determinants that begin at one site are leading minors of one matrix, and come out of one
    elimination: a row takes about n^3 / 3 multiply-adds and the table n^4 / 12, a minute or two for
    1000 sites. The error is about 1e-13, whatever the size of the correlation: for field > 1, where
    it falls as ``field^-|i - j|``, what is smaller than 1e-15 is given as 0.

    """
    bonds = _polar_factor(n_spins, field)[:-1, 1:]
    if site is not None:
        site, = check_region([site], n_spins, name="site")
        return _row(bonds, site)
    result = np.eye(n_spins)
    for first in range(n_spins - 1):
        result[first, first + 1:] = _leading_minors(bonds[first:, first:].copy())
    return result + np.triu(result, 1).T


def _row(bonds: np.ndarray, site: int) -> np.ndarray:
    """The correlations of one site with those before it, whose minors grow towards the first bond, and after it."""
    before = _leading_minors(bonds[:site, :site][::-1, ::-1].copy())
    return np.concatenate([before[::-1], [1.0], _leading_minors(bonds[site:, site:].copy())])


def schmidt_weights(n_spins: int, field: float, cut: int) -> np.ndarray:
    """Squared Schmidt coefficients between the first `cut` spins and the others.

    Parameters
    ----------
    n_spins : int, >= 2
        Any length >= 1.
    field : float, >= 0
        The field h, in units of J.
    cut : int
        From 1 to n_spins - 1, spins to its left.

    Returns
    -------
    ndarray of float64
        Falling, those above 1e-20. Rounding leaves those below about 1e-16 uncertain.

    Raises
    ------
    ValueError
        For field < 0 and a cut that leaves no spin on one side.

    Notes
    -----
    The singular values s_k of the corner Q[:cut, :cut] make the spectrum: one factor (1 + s_k)/2 or
    (1 - s_k)/2 a k (I. Peschel, J. Phys. A 36, L205 (2003)).

    """
    corner = _polar_factor(n_spins, field)
    if not is_integer(cut) or not 1 <= cut < len(corner):
        raise ValueError(f"expected cut to be an integer from 1 to {len(corner) - 1}, spins to its left, got {cut!r}; "
                         f"try cut={max(1, len(corner) // 2)}")
    weights = np.ones(1)
    for s in np.sort(np.linalg.svd(corner[:cut, :cut], compute_uv=False)):
        share = (1 - min(s, 1.0)) / 2
        weights = np.concatenate([weights * (1 - share), weights * share])
        weights = weights[weights > _SMALLEST_WEIGHT]
    return np.sort(weights)[::-1]


def bond_dimension(n_spins: int, field: float, discarded: float) -> int:
    """The bond dimension in the middle at which a matrix product state leaves out little enough.

    Parameters
    ----------
    n_spins : int, >= 2
        Any length >= 1.
    field : float, >= 0
        The field h, in units of J.
    discarded : float
        The largest weight to leave out, from 1e-14 to below 1.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        As `schmidt_weights`, and for `discarded` that is not between 1e-14 and 1.

    """
    if not 1e-14 <= discarded < 1:
        raise ValueError(f"expected discarded between 1e-14 and 1, got {discarded!r}; try discarded=1e-10")
    weights = schmidt_weights(n_spins, field, n_spins // 2)
    left_out = np.cumsum(weights[::-1])[::-1]  # what goes with each weight and all smaller ones
    return int((left_out > discarded).sum())


@numba.njit(fastmath={"contract"})
def _within_panel(matrix, k, stop):
    """Subtract row k, times the factors in column k, from the panel's rows and, in its columns, from those below."""
    n = len(matrix)
    for i in range(k + 1, stop):  # rows of the panel, to their full width
        factor = matrix[i, k]
        for j in range(k + 1, n):
            matrix[i, j] += factor * matrix[k, j]
    for i in range(stop, n):  # the panel's columns in the rows below
        factor = matrix[i, k]
        for j in range(k + 1, stop):
            matrix[i, j] += factor * matrix[k, j]


@numba.njit(fastmath={"contract"})
def _below_panel(matrix, start, stop):
    """All that the eight rows from start to stop leave to be subtracted from the rest of the matrix, in one pass.

    Eight passes would spend their time moving memory.
    """
    n = len(matrix)
    # The slices come first and are indexed by the plain loop variable: so the loop vectorizes.
    row0, row1 = matrix[start, stop:], matrix[start + 1, stop:]
    row2, row3 = matrix[start + 2, stop:], matrix[start + 3, stop:]
    row4, row5 = matrix[start + 4, stop:], matrix[start + 5, stop:]
    row6, row7 = matrix[start + 6, stop:], matrix[start + 7, stop:]
    for i in range(stop, n):
        target, f = matrix[i, stop:], matrix[i, start:stop]
        f0, f1, f2, f3, f4, f5, f6, f7 = f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]
        for j in range(n - stop):
            target[j] += (f0 * row0[j] + f1 * row1[j] + f2 * row2[j] + f3 * row3[j]
                          + f4 * row4[j] + f5 * row5[j] + f6 * row6[j] + f7 * row7[j])


@numba.njit(cache=True, fastmath={"contract"})
def _leading_minors(matrix):
    """det M[:k, :k] for k = 1 ... n of a matrix, which is overwritten: products of the pivots of an elimination.

    Rows cannot change places, as the minors would. Nor need they: the minors are correlations of a ferromagnet, so
    that no pivot, the ratio of two of them, vanishes before the minor is down in the rounding of its matrix.
    """
    n = len(matrix)
    minors = np.zeros(n)
    minor = 1.0
    for start in range(0, n, _PANEL):
        stop = min(start + _PANEL, n)
        for k in range(start, stop):
            minor *= matrix[k, k]
            if not minor > _ROUNDING:
                return minors
            minors[k] = minor
            scale = -1.0 / matrix[k, k]
            for i in range(k + 1, n):  # column k becomes a factor
                matrix[i, k] *= scale
            _within_panel(matrix, k, stop)
        if stop - start == _PANEL:
            _below_panel(matrix, start, stop)
    return minors


def sample(n_spins: int, field: float, n_samples: int, *, rng: np.random.Generator) -> np.ndarray:
    """Independent exact measurements of all spins in the z basis.

    Parameters
    ----------
    n_spins : int, >= 1
        Any length >= 1.
    field : float, >= 0
        The field h, in units of J.
    n_samples : int, >= 1
        Number of rows.
    rng : numpy.random.Generator
        Consumed n_spins uniforms a sample.

    Returns
    -------
    ndarray of uint8, shape (n_samples, n_spins)
        Bits.

    Raises
    ------
    ValueError
        For field < 0 and n_samples < 1.

    Notes
    -----
    The bonds are measured one after another (`_sample_spins`), and one fair coin sets the first
    spin. Takes about n_spins^3 / 3 multiply-adds a sample.

    """
    check_draws(n_samples, rng)
    bonds = np.ascontiguousarray(_polar_factor(n_spins, field)[:-1, 1:])
    bits = np.empty((n_samples, n_spins), dtype=np.uint8)
    for start in range(0, n_samples, _BATCH):
        rows = bits[start : start + _BATCH]
        uniforms = rng.random(rows.shape)
        _sample_spins(bonds, uniforms, rows)
    return bits


@numba.njit(cache=True, fastmath={"contract"})
def _sample_spins(bonds, uniforms, bits):
    """Fill bits (n_samples, n_spins): a fair coin, then the bonds b_k = sz_k sz_{k+1} one after another.

    Bonds with averages det G_SS have P(b) = det(1 + diag(b) G) / 2^m.  So the first is +1 with probability
    (1 + G_00)/2, and given b_0 the others are of the same kind with
        G' = G[1:, 1:] - b_0 G[1:, 0] G[0, 1:] / (1 + b_0 G_00),
    Gaussian elimination of 1 + diag(b) G whose pivots are twice the probabilities of what was drawn.

    The elimination is done in panels of 8 bonds (`_below_panel`).
    """
    n_samples, n_bonds = bits.shape[0], bits.shape[1] - 1
    matrix = np.empty((n_bonds, n_bonds))
    for sample_ in range(n_samples):
        matrix[:] = bonds
        bits[sample_, 0] = uniforms[sample_, 0] < 0.5
        for start in range(0, n_bonds, _PANEL):
            stop = min(start + _PANEL, n_bonds)
            for k in range(start, stop):
                average = matrix[k, k]
                same = 2.0 * uniforms[sample_, k + 1] < 1.0 + average
                bits[sample_, k + 1] = bits[sample_, k] if same else 1 - bits[sample_, k]
                sign = 1.0 if same else -1.0
                scale = -sign / (1.0 + sign * average)
                for i in range(k + 1, n_bonds):  # column k becomes a factor
                    matrix[i, k] *= scale
                _within_panel(matrix, k, stop)
            if stop - start == _PANEL:
                _below_panel(matrix, start, stop)


def _couplings(n_spins: int, field: float) -> np.ndarray:
    """The matrix A: h on the diagonal, J = 1 above it."""
    n_spins = check_n_spins(n_spins)
    field = check_number(field, "field", least=0, hint="its absolute value, which has the same energies")
    return field * np.eye(n_spins) + np.eye(n_spins, k=1)


def _polar_factor(n_spins: int, field: float) -> np.ndarray:
    """Q = U V' of A = U S V'."""
    # For h < J one singular value is of order h^n.  Where that is zero in rounded arithmetic the sign of its
    # vectors may come out wrong, the state then being the odd partner of the ground state.  They live at
    # opposite ends of the chain, so this changes no diagonal entry and no determinant that is used by more than
    # about h^(n-1).
    u, _, vt = np.linalg.svd(_couplings(n_spins, field))
    return u @ vt
