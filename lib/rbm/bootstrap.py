"""What measurements and training leave open of a result: a bootstrap over the measurements, a machine for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from lib import rng
from lib.chain_checks import check_bits
from lib.checks import require_count
from lib.rbm.observables import Estimate
from lib.spins.bases import Measurements


@dataclass(frozen=True)
class Total:
    """A value with the two parts of its standard error.

    Attributes
    ----------
    mean : float
        The value.
    of_sampling : float
        Of the machine's samples alone.
    of_learning : float
        What shots and training leave open, the spread of machines trained on resampled shots.

    """

    mean: float
    of_sampling: float
    of_learning: float

    @property
    def error(self) -> float:
        """Standard error of both parts, added in squares."""
        return float(np.hypot(self.of_sampling, self.of_learning))

    def __str__(self) -> str:
        return f"{self.mean:.6g} +- {self.error:.2g}"


def resampled(rows, n_resamples: int, *, seed: int) -> Iterator[Any]:
    """As many rows, drawn from them with replacement, n_resamples times.

    Parameters
    ----------
    rows : array_like of 0 and 1, shape (n_samples, n_spins), or Measurements
        What was measured.
    n_resamples : int
        How often.
    seed : int, >= 0
        Fixes the draws.

    Yields
    ------
    ndarray of uint8, shape (n_samples, n_spins), or Measurements
        Of the same kind as the rows.

    """
    rows = rows if isinstance(rows, Measurements) else check_bits(rows, name="rows")
    n_rows = rows.n_samples if isinstance(rows, Measurements) else len(rows)
    for number in range(n_resamples):
        chosen = rng.stream(seed, "resample", number).integers(0, n_rows, n_rows)
        yield rows.rows(chosen) if isinstance(rows, Measurements) else rows[chosen]


def bootstrap(learn: Callable[[Any, int], Mapping[str, Estimate | float]], rows, *, n_resamples: int,
              seed: int) -> dict[str, Total]:
    """What a whole reconstruction leaves open: shots, training and samples.

    A machine that cannot hold the state is wrong by more than that, and no error bar shows it.

    Parameters
    ----------
    learn : callable
        Function (rows, seed) -> values by name: trains a machine on rows and measures it. Values
        are an Estimate or a float. It is called once with the rows and n_resamples times with
        resampled ones, each with a seed of its own: the spread has the scatter of trainings, too.
    rows : array_like of 0 and 1, shape (n_samples, n_spins), or Measurements
        What was measured.
    n_resamples : int, >= 2
        The error of an error bar is 1/sqrt(2 n_resamples - 2) of it.
    seed : int, >= 0
        Fixes the resampled rows, and the seeds that `learn` is given.

    Returns
    -------
    dict of str to Total
        By the names of the values.

    Raises
    ------
    ValueError
        For fewer than two (try ``n_resamples=10``), and for values that are not the same names
        every time (try a function that returns all of them).

    """
    require_count("n_resamples", n_resamples, 2)
    central = learn(rows, rng.child_seed(seed, "bootstrap"))
    others = [learn(again, rng.child_seed(seed, "bootstrap", number))
              for number, again in enumerate(resampled(rows, n_resamples, seed=seed))]
    if any(set(other) != set(central) for other in others):
        raise ValueError(f"expected values of the same names every time, got {sorted(set().union(*others))} and "
                         f"{sorted(central)}; try a function that returns all of them")
    return {name: Total(_mean(value), value.error if isinstance(value, Estimate) else 0.0,
                        float(np.std([_mean(other[name]) for other in others], ddof=1)))
            for name, value in central.items()}


def _mean(value: Estimate | float) -> float:
    return float(value) if isinstance(value, Real) else value.mean
