"""What pruning does to the order of a machine: its magnetization, and the loss of its size (chapter 7, figure 7.3).

Runs are those of :mod:`lib.rbm.pruning_harm`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from lib.checks import as_floats
from lib.rbm.pruning_harm import Run


def magnetizations(n_spins: int) -> np.ndarray:
    """The possible magnetizations per spin.

    Parameters
    ----------
    n_spins : int
        Spins.

    Returns
    -------
    ndarray, shape (n_spins + 1,)
        From -1 to 1.

    """
    return 2 * np.arange(n_spins + 1) / n_spins - 1


def peaks(histogram: ArrayLike) -> np.ndarray:
    """Magnetizations per spin at the local maxima of their distribution, smoothed over three neighbours.

    Parameters
    ----------
    histogram : array_like, shape (n_spins + 1,)
        Probabilities of the magnetizations per spin -1 ... 1.

    Returns
    -------
    ndarray, shape (n_peaks,)

    """
    m = magnetizations(len(histogram) - 1)
    h = np.convolve(np.pad(as_floats(histogram, "histogram"), 1, mode="edge"), np.ones(3) / 3, "valid")
    h = np.r_[-1, h, -1]
    return m[(h[1:-1] > h[:-2]) & (h[1:-1] >= h[2:])]


class Modes(NamedTuple):
    """Where the distribution of the magnetization along a run has its peaks (Fig. 7.3).

    Attributes
    ----------
    exact, dense : float
        Size of the likeliest magnetization per spin: of the exact state, and of the dense machine.
    off_two : int
        How far the dense machine is from one peak on either side of zero: the larger of the two differences in number.
    last : ndarray
        `peaks` after the last pruning step.

    """

    exact: float
    dense: float
    off_two: int
    last: np.ndarray


def modes(run: Run) -> Modes:
    """The peaks of the distribution of the magnetization, of a run with its histograms.

    Parameters
    ----------
    run : mapping
        A run of a chain that is short enough for exact sums.

    Returns
    -------
    Modes

    """
    dense, *_, last = run["pruning histogram"]
    m = magnetizations(len(dense) - 1)
    exact, of_dense = (abs(m[np.argmax(shares)]) for shares in (run["exact histogram"], dense))
    two = peaks(dense)
    return Modes(exact, of_dense, max(abs((two < 0).sum() - 1), abs((two > 0).sum() - 1)), peaks(last))


class Shift(NamedTuple):
    """Mean of a difference over runs.

    Attributes
    ----------
    mean : float
        The mean.
    error : float
        Its standard error.
    p_rise : float
        The probability of one so large or larger by chance.

    """

    mean: float
    error: float
    p_rise: float


def shift(runs: Sequence[Mapping], measure: str, first: int, last: int) -> Shift:
    """How far a measure at some pruning steps lies above the control of its own run, on average.

    Each run gives one number, its mean over these steps minus its mean over the rounds of the
    control.

    Parameters
    ----------
    runs : sequence of mapping
        Results of `lib.experiments.pruning.pruning_run`, at least two.
    measure : str
        Its name.
    first, last : int
        The pruning steps, both included.

    Returns
    -------
    Shift
        The probability ``p_rise`` is that of Student's one-sided test.

    Raises
    ------
    ValueError
        For fewer than two runs; try more seeds.

    """
    if len(runs) < 2:
        raise ValueError(f"expected at least 2 runs, got {len(runs)}; try more seeds")
    differences = [np.mean(run[f"pruning {measure}"][first:last + 1]) - np.mean(run[f"control {measure}"])
                   for run in runs]
    return Shift(float(np.mean(differences)), float(stats.sem(differences)),
                 float(stats.ttest_1samp(differences, 0, alternative="greater").pvalue))


def order_loss(runs: Sequence[Run], first: int, last: int) -> Shift:
    """Loss of the size of the magnetization at some pruning steps, in percent of the exact one.

    Parameters
    ----------
    runs : sequence of mapping
        Runs.
    first, last : int
        The pruning steps, both included.

    Returns
    -------
    Shift
        By `shift`, positive where it gets smaller; `p_rise` is the probability of so large a loss by
        chance. NaN for fewer than two runs.

    """
    if len(runs) < 2:
        return Shift(*3 * [float("nan")])
    # A loss is a rise of the negative.
    negative = [{f"{stage} abs m": [-value for value in run[f"{stage} abs m"]] for stage in ("pruning", "control")}
                for run in runs]
    loss = shift(negative, "abs m", first, last)
    percent = 100 / runs[0]["exact abs m"]
    return Shift(loss.mean * percent, loss.error * percent, loss.p_rise)


def order_while_energy_good(run: Run, bound: float = 0.002) -> float:
    """mROE at the last pruning step at which eROE is within a bound.

    Parameters
    ----------
    run : mapping
        A run.
    bound : float
        That of chapter 6 by default.

    Returns
    -------
    float
        NaN where eROE never is.

    """
    good = np.flatnonzero(as_floats(run["pruning eROE"], "eROE") <= bound)
    return run["pruning mROE"][good[-1]] if good.size else float("nan")
