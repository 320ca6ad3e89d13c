"""The shape of the sorted weights of a machine, and how near it is to that of noise (chapter 6, figure 6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from lib.checks import as_floats
from lib.rbm.learning_searches import Numbers, known

if TYPE_CHECKING:
    import pandas as pd  # of the book


class Decay(NamedTuple):
    """The shape of sorted weights, from the largest on.

    Attributes
    ----------
    large : float
        Share of the weights above a tenth of the largest.
    contrast : float
        Mean of the first 15% over the median of the rest.
    length : float
        Share of the weights over which the size falls by e, in the middle, from 20% to 80%.
    linear : float
        r^2 of the logarithm there.
    faster : float
        How many times faster it falls over the last tenth.

    """

    large: float
    contrast: float
    length: float
    linear: float
    faster: float


def weight_decay(magnitudes: ArrayLike) -> Decay:
    """The shape of sorted magnitudes.

    Parameters
    ----------
    magnitudes : array_like, shape (n_ranks,)
        At least 20, at evenly spaced ranks, largest first.

    Returns
    -------
    Decay

    Raises
    ------
    ValueError
        For other lists.

    """
    sizes = as_floats(magnitudes, "magnitudes")
    if sizes.ndim != 1 or sizes.size < 20 or not (np.diff(sizes) <= 0).all() or not sizes[0] > 0:
        raise ValueError(f"expected at least 20 sizes of weights, largest first, got {sizes.shape}; try np.sort")
    place = np.linspace(0, 1, sizes.size)
    logarithms = np.log(np.maximum(sizes, sizes[0] * 1e-12))
    middle, end = (place >= 0.2) & (place <= 0.8), place >= 0.9
    fit, last = stats.linregress(place[middle], logarithms[middle]), stats.linregress(place[end], logarithms[end])
    return Decay(float(np.mean(sizes > sizes[0] / 10)),
                 float(sizes[place <= 0.15].mean() / np.median(sizes[place > 0.15])),
                 float(-1 / fit.slope), float(fit.rvalue**2), float(last.slope / fit.slope))


def half_normal(n_ranks: int) -> np.ndarray:
    """Sorted sizes of normal noise with deviation 1, as weights without any order would look.

    Parameters
    ----------
    n_ranks : int
        How many.

    Returns
    -------
    ndarray of float64, shape (n_ranks,)
        Largest first, at evenly spaced ranks.

    """
    share = (np.arange(n_ranks) + 0.5) / n_ranks
    return stats.halfnorm.ppf(1 - share)


def noise_distance(magnitudes: ArrayLike) -> float:
    """How far sorted weights are from normal noise of the same median.

    Parameters
    ----------
    magnitudes : array_like, shape (n_ranks,)
        As of `weight_decay`.

    Returns
    -------
    float
        The root mean square of the logarithm of their ratio, from 30% to 95% of the way.

    Raises
    ------
    ValueError
        As `weight_decay` does.

    """
    weight_decay(magnitudes)
    sizes = as_floats(magnitudes, "magnitudes")
    noise, place = half_normal(sizes.size), np.linspace(0, 1, sizes.size)
    ratio = np.log(np.maximum(sizes, sizes[0] * 1e-12) / np.median(sizes) * np.median(noise) / noise)
    return float(np.sqrt(np.mean(ratio[(place >= 0.3) & (place <= 0.95)] ** 2)))


def shapes(machines: pd.DataFrame) -> Numbers:
    """The shape of sorted weights, means over machines with their standard errors.

    Parameters
    ----------
    machines : pandas.DataFrame
        Of `lib.experiments.learning.learning_run`, of one field and size.

    Returns
    -------
    dict
        The fields of `Decay`, and "noise", the mean of `noise_distance`. A share of ranks is known to within a rank,
        which is in its error: machines that agree would have none else.

    """
    import pandas as pd

    table = pd.DataFrame([weight_decay(sizes) for sizes in machines.magnitudes], columns=Decay._fields)
    table["noise"] = [noise_distance(sizes) for sizes in machines.magnitudes]
    rank = {"large": 12**-0.5 / min(map(len, machines.magnitudes), default=np.inf)}
    return {name: known(table[name].mean(), np.hypot(table[name].sem(), rank.get(name, 0.0))) if len(table)
            else (None, None) for name in table}
