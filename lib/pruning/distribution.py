"""How a number of weights to remove is shared out over the layers of a network (Fig 3.4, Appendices D and F).

Water-filling: the largest layer is cut first, down to the size of the next one, then both together, and so on,
so that every layer that is cut ends at one common level and every smaller layer stays whole.  All counts are
exact integers.

Where the cut layers cannot share a level exactly, they differ by one weight: the weights left over go one each
to the layers that were largest, and among equal ones to those that come first.  This is what removing one weight
at a time gives, always from the layer that has most (among equals from the one that was smallest, and then from
the last), so a larger layer never ends with fewer weights than a smaller one.

The code of Appendix D differs in this remainder alone: where we take one weight more from some of the cut layers,
it takes all of these from the largest, which then ends below the others, by at most the number of cut layers less
one.  Its bins also end where all layers are down to the smallest, so it cannot cut them further.  Where the cut
layers come out equal, as in Fig 3.4, the two agree.
"""

from collections.abc import Iterable

import numpy as np

from lib.checks import is_integer


def water_filling(sizes: Iterable[int], n_removed: int) -> np.ndarray:
    """The number of weights left in each layer once n_removed are gone (Appendix D).

    Parameters
    ----------
    sizes : iterable of int, shape (n_layers,)
        Weights in each layer before, in any order.
    n_removed : int
        Weights to remove in total, from 0 to sum(sizes) - n_layers, so that each layer keeps one.

    Returns
    -------
    ndarray of int64, shape (n_layers,)

    Raises
    ------
    ValueError
        For no layers, for sizes that are no integers >= 1 (try ``math.prod(shape)`` of each weight
        tensor), and for n_removed out of range.

    """
    sizes = _check_sizes(sizes)
    return _fill(sizes, sizes.sum() - _check_removed(sizes, n_removed))


def remaining(sizes: Iterable[int], n_weights: int) -> np.ndarray:
    """The number of weights left in each layer of a network that keeps n_weights in all.

    The same as `water_filling`, asked the other way round: a widened network has as many weights as
    the network it came from (section 3.4.3).

    Parameters
    ----------
    sizes : iterable of int, shape (n_layers,)
        Weights in each layer before.
    n_weights : int
        Weights to keep in total, from n_layers to sum(sizes).

    Returns
    -------
    ndarray of int64, shape (n_layers,)

    Raises
    ------
    ValueError
        As `water_filling` does.

    """
    sizes = _check_sizes(sizes)
    total = int(sizes.sum())
    if not is_integer(n_weights) or not sizes.size <= n_weights <= total:
        raise ValueError(f"expected n_weights to be an integer from {sizes.size}, one for each layer, to {total}, "
                         f"all there are, got {n_weights!r}; try n_weights={max(sizes.size, total // 2)}")
    return _fill(sizes, int(n_weights))


def stages(sizes: Iterable[int], n_removed: int) -> list[np.ndarray]:
    """The states that water-filling passes through (Fig 3.4), from the full layers to the result.

    Parameters
    ----------
    sizes : iterable of int, shape (n_layers,)
        Weights in each layer before.
    n_removed : int
        Weights to remove in total, as in `water_filling`.

    Returns
    -------
    list of ndarray of int64, shape (n_layers,) each
        One state for each size of a layer that the falling level reaches, where one layer more (or
        several of equal size) begins to be cut, then the final one; all different. With nothing
        removed the list holds the full layers alone.

    Raises
    ------
    ValueError
        As `water_filling` does.

    """
    sizes = _check_sizes(sizes)
    final = _fill(sizes, sizes.sum() - _check_removed(sizes, n_removed))
    states = [np.minimum(sizes, level) for level in np.unique(sizes)[::-1]]
    return [state for state in states if state.sum() > final.sum()] + [final]


def as_printed(sizes: Iterable[int], n_removed: int) -> np.ndarray:
    """The last step of the listing of appendix D: of layers that are all cut, the first one takes the whole remainder.

    Parameters
    ----------
    sizes : iterable of int
        Number of weights in each layer, the largest first.
    n_removed : int
        Number of weights to remove; enough that every layer is cut to the size of the smallest, or below.

    Returns
    -------
    ndarray of int, shape (n_layers,)
        The weights left, whose first may lie far below the others; :func:`water_filling` shares the remainder.

    """
    sizes = _check_sizes(sizes)
    n_removed = _check_removed(sizes, n_removed)
    frozen = sizes - sizes.min()
    rest, remainder = divmod(n_removed - frozen.sum(), len(sizes))
    frozen += rest
    frozen[0] += remainder  # "first layer gets the few additional frozen weights"
    return sizes - frozen


def connectivity(sizes: Iterable[int], n_remaining: Iterable[int]) -> np.ndarray:
    """The fraction of its weights that each layer keeps (Fig F.1).

    Parameters
    ----------
    sizes : iterable of int, shape (n_layers,)
        Weights in each layer before.
    n_remaining : iterable of int, shape (n_layers,)
        Weights in each layer after.

    Returns
    -------
    ndarray of float64, shape (n_layers,)
        Between 0 and 1.

    Raises
    ------
    ValueError
        For no layers, for counts of another number of layers (try `water_filling`), and for more
        weights than there were (try the arguments in their order).

    """
    sizes = _check_sizes(sizes)
    n_remaining = _check_sizes(n_remaining, "n_remaining", smallest=0)
    if n_remaining.shape != sizes.shape:
        raise ValueError(f"expected n_remaining of {sizes.size} layers, as in sizes, got {n_remaining.size}; "
                         "try water_filling(sizes, n_removed)")
    if (n_remaining > sizes).any():
        layer = int(np.argmax(n_remaining > sizes))
        raise ValueError(f"expected n_remaining at most sizes, got {n_remaining[layer]} of {sizes[layer]} weights in "
                         f"layer {layer}; try the arguments in the order sizes, n_remaining")
    return n_remaining / sizes


def _fill(sizes: np.ndarray, n_kept: int) -> np.ndarray:
    ascending = np.sort(sizes)
    below = np.concatenate([[0], np.cumsum(ascending)[:-1]])  # weights in the layers before each
    n_from_here = np.arange(sizes.size, 0, -1)
    # What the network keeps when the level stands at the size of each layer: the layers where that is at most
    # n_kept stay whole, and the others share what these leave.
    n_whole = int(np.searchsorted(below + ascending * n_from_here, n_kept, side="right"))
    if n_whole == sizes.size:
        return sizes
    level, left_over = divmod(int(n_kept - below[n_whole]), sizes.size - n_whole)
    result = np.minimum(sizes, level)
    result[np.argsort(-sizes, kind="stable")[:left_over]] += 1
    return result


def _check_removed(sizes: np.ndarray, n_removed: int) -> int:
    most = int(sizes.sum()) - sizes.size
    if not is_integer(n_removed) or not 0 <= n_removed <= most:
        raise ValueError(f"expected n_removed to be an integer from 0 to {most}, which leaves one weight in each of "
                         f"{sizes.size} layers, got {n_removed!r}; try n_removed={most // 2}")
    return int(n_removed)


def _check_sizes(sizes: Iterable[int], name: str = "sizes", smallest: int = 1) -> np.ndarray:
    """Counts of weights as a new int64 array of shape (n_layers,)."""
    if not isinstance(sizes, Iterable) or not (values := list(sizes)):
        raise ValueError(f"expected {name} with one number of weights a layer, got {sizes!r}; try [6, 4, 2, 1]")
    for layer, value in enumerate(values):
        if not is_integer(value) or value < smallest:
            raise ValueError(f"expected {name} of integers >= {smallest}, got {value!r} for layer {layer}; "
                             "try math.prod(shape) of each weight tensor")
    if sum(map(int, values)) >= 2**63:
        raise ValueError(f"expected {name} with a sum below 2^63, got {sum(map(int, values))}; try smaller layers")
    return np.array(values, dtype=np.int64)
