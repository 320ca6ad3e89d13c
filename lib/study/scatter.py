"""How far audited points lie from a record, in units of the scatter between its seeds, and how likely that is.

A difference, now - recorded, is divided by sqrt(2) times a scatter: that of the seeds at the same settings, with
`PRIOR` degrees of freedom of the typical one (the median over the settings of its branch), as three seeds alone say
little, and never below rounding.  No distance is beyond `FAR`, so that one wild seed cannot decide; that is also the
distance of an error, and of a value that only one side has.

Two numbers sum up the distances: their mean square (the spread), and each result's squared mean times the number of
points, averaged over the results (the shift).  Each is held against two laws, and the larger p counts.  One are pairs
of seeds of the record itself, from settings that every draw chooses anew: whatever tails the scatter has, it has there
too, and few settings count as few.  The other is Student's t with the degrees of freedom of the scatter, the same for
all results of a point, as if they were wholly correlated.  The p of a record is twice the smaller p of the two numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence

import numpy as np

PRIOR, FAR = 4, 4.0
ROUNDING, DRAWS = 1e-9, 40_000
FEWEST = 5  # degrees of freedom of all seeds, below which nothing is known of their scatter


class Scatter:
    """The scatter between the seeds of a record.

    Parameters
    ----------
    rows
        Results by settings without the seed: (n_seeds, n_results), NaN where a seed has no such result.
    branch
        The branch that each of these settings belongs to.
    """

    def __init__(self, rows: dict[str, np.ndarray], branch: dict[str, Hashable]):
        self.rows, self.branch = rows, branch
        self.several = [group for group, seeds in rows.items() if len(seeds) > 1]
        self.freedom = sum(len(rows[group]) - 1 for group in self.several)
        self.typical = {name: self._typical(name) for name in set(branch.values())}

    def _typical(self, branch: Hashable) -> np.ndarray:
        """The median variance of each result in a branch, or in the record where a branch has it in too few settings.

        Corrected for the number of seeds: the median of a variance of three seeds is 0.69 of the true one.
        """
        if not self.several:
            return np.zeros(1)
        squares, freedom = (np.array(both) for both in zip(*(_squares(self.rows[group]) for group in self.several)))
        from scipy.stats import chi2  # loaded only here: a build with nothing to do should not wait for it

        found = np.where(freedom > 0, squares / chi2.median(np.fmax(freedom, 1)), np.nan)
        own = found[[self.branch[group] == branch for group in self.several]]
        enough = (~np.isnan(own)).sum(axis=0) > 2
        return np.nan_to_num(np.where(enough, _median(own), _median(found)))

    def variance(self, group: str, rows: np.ndarray | None = None) -> np.ndarray:
        """The variance of each result at some settings, from some of the seeds there, drawn towards the typical one."""
        squares, freedom = _squares(self.rows[group] if rows is None else rows)
        return (squares + PRIOR * self.typical[self.branch[group]]) / (freedom + PRIOR)

    def distances(self, group: str, then: np.ndarray, now: np.ndarray) -> np.ndarray:
        """Those of some results from the recorded ones at these settings."""
        return _distances(then, now, self.variance(group))

    def pairs(self) -> list[np.ndarray]:
        """Distances between two seeds, by settings, in units of the scatter without the one that stands for "now"."""
        found = []
        for group in self.several:
            rows = self.rows[group]
            others = [np.delete(rows, now, axis=0) for now in range(len(rows))]
            found.append(np.concatenate([_distances(rest, rows[now], self.variance(group, rest))
                                         for now, rest in enumerate(others)]))
        return found

    def p_value(self, groups: Sequence[str], distances: np.ndarray, *, draws: int = DRAWS) -> float:
        """How often right results lie as far from the record as some do: `distances` (n_points, n_results).

        groups: the settings of the points.
        """
        found, rng, pairs = _sums(distances), np.random.default_rng(0), self.pairs()
        freedom = np.array([max(0, len(self.rows[group]) - 1) + PRIOR for group in groups])
        beyond = np.zeros((2, 2))
        for _ in range(10):  # so that many points need little memory
            by_t = np.clip(rng.standard_t(freedom, (draws // 10, len(groups))), -FAR, FAR)[..., None]
            for law, drawn in enumerate((_drawn(pairs, len(groups), draws // 10, rng), by_t)):
                beyond[law] += (_sums(drawn) >= found * (1 - ROUNDING)).sum(axis=0)
        return float(min(1.0, 2 * ((1 + beyond) / (1 + draws)).max(axis=0).min()))


def _median(values: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of nothing, or nothing but NaN, it is NaN
        return np.nanmedian(values, axis=0)


def _squares(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of squared deviations from the mean, by column, and their degrees of freedom."""
    known = ~np.isnan(rows)
    mean = np.where(known, rows, 0).sum(axis=0) / np.fmax(known.sum(axis=0), 1)
    return np.where(known, (rows - mean) ** 2, 0).sum(axis=0), np.fmax(known.sum(axis=0) - 1, 0)


def _distances(then: np.ndarray, now: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Differences in units of sqrt(2) scatters; NaN where neither has a value."""
    floor = ROUNDING * np.fmax(1.0, np.abs(then))
    far = np.clip((now - then) / np.sqrt(2 * np.fmax(variance, floor ** 2)), -FAR, FAR)
    return np.where(np.isnan(then) & np.isnan(now), np.nan, np.where(np.isnan(far), FAR, far))


def _sums(distances: np.ndarray) -> np.ndarray:
    """Spread and shift: (..., n_points, n_results) to (..., 2)."""
    known = ~np.isnan(distances)
    filled, n_points, n_results = np.where(known, distances, 0), known.sum(axis=-2), known.sum(axis=-1)
    spread = ((filled ** 2).sum(axis=-1) / np.fmax(n_results, 1)).mean(axis=-1)
    shift = filled.sum(axis=-2) ** 2 / np.fmax(n_points, 1)
    return np.stack([spread, shift.sum(axis=-1) / np.fmax((n_points > 0).sum(axis=-1), 1)], axis=-1)


def _drawn(pairs: list[np.ndarray], n_points: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Distances of n_points pairs, (draws, n_points, n_results), from settings that each draw chooses anew."""
    sizes = np.array([len(some) for some in pairs])
    chosen = rng.integers(len(pairs), size=(draws, len(pairs)))
    group = np.take_along_axis(chosen, rng.integers(len(pairs), size=(draws, n_points)), axis=1)
    return np.concatenate(pairs)[(np.cumsum(sizes) - sizes)[group] + rng.integers(sizes[group])]
