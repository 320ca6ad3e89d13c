"""Which weights to prune next: the smallest ones, and other choices to compare with (section 7.3).

All functions take the mask of the weights that exist, bool like the weights (None, where weights or scores give the
shape: all exist), and return the mask of
the n_left of them that stay, a new array with exactly n_left places True.  What was pruned before stays pruned.
Among weights of equal score those that come first in the array stay, so that the choice is the same everywhere.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lib.checks import as_array, is_integer


def keep_largest(scores: np.ndarray, mask: np.ndarray | None, n_left: int) -> np.ndarray:
    """The mask of the n_left existing weights with the largest scores.

    Parameters
    ----------
    scores : array_like, any shape
        Any real numbers, such as magnitudes; only those of existing weights count.
    mask : array_like of bool, shape of scores, or None
        The weights that exist, as for all functions here; None where all do.
    n_left : int
        Number of weights that stay, from 0 to those that exist.

    Returns
    -------
    ndarray of bool, shape of scores

    Raises
    ------
    ValueError
        For NaN (try a smaller learning rate if the weights come from training), a mask of another
        shape, and for n_left above the number of weights that exist.

    """
    scores, mask = _check(scores, mask)
    n_left = _check_left(mask, n_left)
    existing = np.flatnonzero(mask)
    order = np.argsort(-scores.ravel()[existing].astype(np.float64), kind="stable")
    kept = np.zeros(mask.size, dtype=bool)
    kept[existing[order[:n_left]]] = True
    return kept.reshape(mask.shape)


def by_magnitude(weights: np.ndarray, mask: np.ndarray | None, n_left: int) -> np.ndarray:
    """Magnitude pruning (section 7.3): the n_left weights of largest ``|W|`` stay.

    Parameters
    ----------
    weights : array_like, any shape
        The weights W.
    mask : array_like of bool, shape of weights, or None
        The weights that exist, as for all functions here; None where all do.
    n_left : int
        Number of weights that stay, from 0 to those that exist.

    Returns
    -------
    ndarray of bool, shape of weights

    Raises
    ------
    ValueError
        As `keep_largest`.

    """
    return keep_largest(np.abs(as_array(weights, "weights")), mask, n_left)


def by_unit(weights: np.ndarray, mask: np.ndarray | None, n_left: int) -> np.ndarray:
    """Magnitude pruning within each hidden unit: all of them lose the same share of their weights.

    Parameters
    ----------
    weights : array_like, shape (n_visible, n_hidden)
        The weights W.
    mask : array_like of bool, shape of weights, or None
        The weights that exist, as for all functions here; None where all do.
    n_left : int
        Number of weights that stay, from 0 to those that exist.

    Returns
    -------
    ndarray of bool, shape (n_visible, n_hidden)

    Raises
    ------
    ValueError
        As `keep_largest`, and for weights that are no matrix: try `by_magnitude`.

    Notes
    -----
    A unit with c of the C existing weights keeps n_left c / C of them, rounded down or up so that
    n_left stay in all: up for the largest remainders, among equal ones for the first units.

    """
    weights, mask = _check(weights, mask)
    if weights.ndim != 2:
        raise ValueError(f"expected weights of shape (n_visible, n_hidden), got {weights.shape}; try by_magnitude")
    n_left = _check_left(mask, n_left)
    counts = mask.sum(axis=0)
    shares, remainders = np.divmod(counts * n_left, max(1, counts.sum()))
    shares[np.argsort(-remainders, kind="stable")[:n_left - shares.sum()]] += 1
    columns = [by_magnitude(weights[:, unit], mask[:, unit], share) for unit, share in enumerate(shares)]
    return np.stack(columns, axis=1)


def by_fisher(weights: np.ndarray, moments: np.ndarray, mask: np.ndarray | None, n_left: int) -> np.ndarray:
    """Pruning by the diagonal of the Fisher information: the largest W_ij^2 Var(v_i h_j) stay.

    Parameters
    ----------
    weights : array_like, shape (n_visible, n_hidden)
        The weights W.
    moments : array_like, shape (n_visible, n_hidden)
        The means <v_i h_j> under the machine, in [0, 1].
    mask : array_like of bool, shape of weights, or None
        The weights that exist, as for all functions here; None where all do.
    n_left : int
        Number of weights that stay, from 0 to those that exist.

    Returns
    -------
    ndarray of bool, shape of weights

    Raises
    ------
    ValueError
        As `keep_largest`, and for moments of another shape or outside [0, 1]: try minus the
        gradient of the energy, averaged over the machine's distribution.

    Notes
    -----
    To second order, removing W_ij alone moves the joint distribution p(v, h) by
    W_ij^2 Var(v_i h_j) / 2 in relative entropy. v_i h_j is 0 or 1, so its variance follows from its
    mean.

    """
    weights, moments = as_array(weights, "weights"), as_array(moments, "moments")
    if moments.shape != weights.shape:
        raise ValueError(f"expected moments of shape {weights.shape} like the weights, got {moments.shape}; "
                         "try <v_i h_j> for every weight")
    if not ((moments > -1e-9) & (moments < 1 + 1e-9)).all():  # room for rounding; NaN is refused
        raise ValueError(f"expected moments <v_i h_j> in [0, 1], got values from {moments.min()} to {moments.max()}; "
                         "try minus the gradient of the energy, averaged over the machine's distribution")
    moments = np.clip(moments, 0, 1)
    return keep_largest(weights**2 * moments * (1 - moments), mask, n_left)


def at_random(mask: np.ndarray, n_left: int, *, rng: np.random.Generator) -> np.ndarray:
    """n_left of the existing weights, all choices equally likely.

    Parameters
    ----------
    mask : array_like of bool
        The weights that exist.
    n_left : int
        Number of weights that stay, from 0 to those that exist.
    rng : numpy.random.Generator
        Where the random numbers come from, such as `lib.rng.stream`.

    Returns
    -------
    ndarray of bool, shape of mask

    Raises
    ------
    ValueError
        As `keep_largest`, and for an rng that is no generator.

    """
    mask = _mask(mask)
    n_left = _check_left(mask, n_left)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"expected rng to be a numpy Generator, got {type(rng).__name__}; "
                         'try rng=stream(1, "prune", 0) with lib.rng.stream')
    kept = np.zeros(mask.size, dtype=bool)
    kept[rng.choice(np.flatnonzero(mask), n_left, replace=False)] = True
    return kept.reshape(mask.shape)


class Connectivity(NamedTuple):
    """The graph of a pruned machine, in which each weight joins a visible and a hidden unit.

    Attributes
    ----------
    n_weights : int
    n_components : int
        Counts units without weights as components of their own.
    n_empty_visible, n_empty_hidden : int
        Units without weights.
    n_largest : int
        Visible units in the component that holds most of them.

    """

    n_weights: int
    n_components: int
    n_empty_visible: int
    n_empty_hidden: int
    n_largest: int


def components(mask: np.ndarray) -> np.ndarray:
    """Number of the connected component of each unit.

    Parameters
    ----------
    mask : array_like of bool, shape (n_visible, n_hidden)
        The weights that exist.

    Returns
    -------
    ndarray of int, shape (n_visible + n_hidden,)
        The visible units first.

    Raises
    ------
    ValueError
        For another mask: try that of a machine.

    """
    mask = _mask(mask)
    if mask.ndim != 2 or 0 in mask.shape:
        raise ValueError(f"expected a mask of shape (n_visible, n_hidden), got {mask.shape}; try that of a machine")
    visible, hidden = np.nonzero(mask)
    n_units = sum(mask.shape)
    graph = coo_array((np.ones(len(visible)), (visible, mask.shape[0] + hidden)), shape=(n_units, n_units))
    return connected_components(graph, directed=False)[1]


def connectivity(mask: np.ndarray) -> Connectivity:
    """Connected components and units without weights of the bipartite graph of a mask.

    Parameters
    ----------
    mask : array_like of bool, shape (n_visible, n_hidden)
        The weights that exist.

    Returns
    -------
    Connectivity

    Raises
    ------
    ValueError
        As `components`.

    """
    labels, mask = components(mask), as_array(mask, "mask")
    return Connectivity(int(mask.sum()), int(labels.max()) + 1, int((~mask.any(axis=1)).sum()),
                        int((~mask.any(axis=0)).sum()), int(np.bincount(labels[:mask.shape[0]]).max()))


def _check(values: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Values without NaN and a mask of their shape."""
    values = as_array(values, "weights")
    mask = np.ones(values.shape, dtype=bool) if mask is None else as_array(mask, "mask")
    if mask.dtype != bool or mask.shape != values.shape:
        raise ValueError(f"expected a mask of bool of shape {values.shape} like the weights, got {mask.dtype} of shape "
                         f"{mask.shape}; try numpy.ones(weights.shape, bool)")
    if np.isnan(values[mask]).any():
        raise ValueError(f"expected numbers, got NaN for {np.isnan(values[mask]).sum()} of {mask.sum()} weights; try a "
                         "smaller learning rate if they come from training")
    return values, mask


def _mask(mask: np.ndarray) -> np.ndarray:
    mask = as_array(mask, "mask")
    return _check(np.zeros(mask.shape), mask)[1]


def _check_left(mask: np.ndarray, n_left: int) -> int:
    if not is_integer(n_left) or not 0 <= n_left <= mask.sum():
        raise ValueError(f"expected n_left to be an integer from 0 to {mask.sum()}, the weights that exist, got "
                         f"{n_left!r}; try n_left={mask.sum() // 2}")
    return int(n_left)
