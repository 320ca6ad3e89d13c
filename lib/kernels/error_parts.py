"""The parts of an error (2.7 to 2.9) for many settings, summed over all training sets and beside drawn ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lib import rng
from lib.kernels import learning

if TYPE_CHECKING:
    import pandas as pd  # of the book


def table(problem: learning.Problem, settings: Sequence[tuple[int, int]], *, learning_rate: float, n_drawn: int,
          seed: int) -> pd.DataFrame:
    """The parts of the error by numbers of observations and of steps of gradient descent, and the total by chance.

    Parameters
    ----------
    problem : Problem
        What is learnt.
    settings : sequence of tuple of int
        Observations in a training set, and steps.
    learning_rate : float
        Step size.
    n_drawn : int
        Training sets that are drawn for each setting.
    seed : int
        Of all draws.

    Returns
    -------
    pandas.DataFrame
        samples, steps, the fields of `learning.Errors`, drawn (the mean of the total over the drawn training sets),
        error (its standard error).

    """
    import pandas as pd

    rows = []
    for n_samples, n_steps in settings:
        exact = learning.error_decomposition(problem, n_samples, n_steps=n_steps, learning_rate=learning_rate)
        dice = rng.stream(seed, "training sets", n_samples, n_steps)
        counts = dice.multinomial(n_samples, problem.outcomes[2], size=n_drawn)
        fitted = learning.descend(problem, counts, n_steps=n_steps, learning_rate=learning_rate)
        excess = problem.risk(fitted) - problem.noise**2
        rows.append((n_samples, n_steps, *exact, excess.mean(), excess.std() / np.sqrt(n_drawn)))
    return pd.DataFrame(rows, columns=["samples", "steps", *learning.Errors._fields, "drawn", "error"])


class Checks(NamedTuple):
    """Whether the parts in a table do what (2.7) to (2.9) say of them.

    Attributes
    ----------
    rest : float
        The largest difference of a total from the sum of its three parts (2.9).
    drawn : float
        The largest distance of the drawn totals from the exact ones after the first step, in standard errors.
    least : float
        The smallest of all approximation and estimation errors, which are not negative.
    estimation : pandas.Series
        The estimation error (2.7) at one number of steps, by ever more observations.

    """

    rest: float
    drawn: float
    least: float
    estimation: pd.Series


def checks(parts: pd.DataFrame, *, n_steps: int) -> Checks:
    """Read off a table of the parts what the claims about (2.9) ask.

    Parameters
    ----------
    parts : pandas.DataFrame
        `table`.
    n_steps : int
        The number of steps at which the observations vary.

    Returns
    -------
    Checks

    """
    summed = parts.approximation + parts.estimation + parts.optimization
    off = ((parts.drawn - parts.total) / parts.error)[parts.steps > 0]
    return Checks((summed - parts.total).abs().max(), off.abs().max(),
                  parts[["approximation", "estimation"]].min().min(),
                  parts[parts.steps == n_steps].sort_values("samples").estimation)


def of_mean_label(target: np.ndarray, noise: float, n_samples: int) -> tuple[float, float]:
    """How far the mean label lies above the best function, in risk (2.2) and on average in empirical risk (2.4).

    All functions of the inputs compete, under the squared loss (2.10).

    Parameters
    ----------
    target : ndarray, shape (n_inputs,)
        Mean label at each input.
    noise : float
        How far labels lie above or below it, with equal chance.
    n_samples : int
        Observations in a training set.

    Returns
    -------
    risk, empirical : float
        Zero where the mean label is best.

    """
    every = learning.Problem(np.eye(len(target)), target, noise=noise)
    counts, weights = learning.training_sets(every, n_samples)
    means, least = np.tile(target, (len(counts), 1)), learning.minimize_empirical_risk(every, counts)
    of_mean, of_least = (learning.empirical_risk(every, counts, f) for f in (means, least))
    return float(every.risk(target) - every.risk(every.best)), float(weights @ (of_mean - of_least))
