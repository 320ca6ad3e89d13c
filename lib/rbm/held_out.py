"""What a machine misses of shots that it did not learn from: means along z, against the shots themselves.

A second machine learns from four fifths of the shots, and its means along z are compared with those of the last
fifth. The error bar of a difference has three parts, added in squares: of the shots that were held out, of those that
were learnt from, and of the Markov chains; no bar holds that trainings scatter. A machine that misses nothing lies
about one such bar away; one that is too small, or was trained too briefly, lies further off where the shots are many
enough to tell. Shots along z say nothing about x.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lib import rng
from lib.rbm import from_shots
from lib.rbm.shots_along_z import Data
from lib.spins.measurements import MISSING

LEAST = 500  # shots, below which none are held out: of a fifth of fewer, errors are far from normal
SHARE = 5  # one shot of so many is held out
HEADLINES = ("energy of bonds", "z", "abs z")


@dataclass(frozen=True)
class Difference:
    """A mean of the machine beside that of shots it has not seen.

    Attributes
    ----------
    machine, shots : float
        The two means.
    error : float
        Standard error of their difference.

    """

    machine: float
    shots: float
    error: float

    @property
    def bars(self) -> float:
        """The difference in error bars, positive where the machine's mean is the larger one."""
        return (self.machine - self.shots) / self.error


def split(data: Data, generator: np.random.Generator) -> tuple[Data, Data]:
    """Shots to learn from, and a fifth of them that is held out.

    Parameters
    ----------
    data : Data
        All shots.
    generator : numpy.random.Generator
        Chooses.

    Returns
    -------
    learnt, held : Data

    """
    if data.n_shots < 10**9:  # as many as numpy draws from without replacement
        held = generator.multivariate_hypergeometric(data.weights, data.n_shots // SHARE, method="marginals")
    else:
        held = generator.binomial(data.weights, 1 / SHARE)
    rest = data.weights - held
    return (replace(data, bits=data.bits[rest > 0], weights=rest[rest > 0]),
            replace(data, bits=data.bits[held > 0], weights=held[held > 0]))


def standard_errors(data: Data) -> dict[str, float]:
    """Standard errors of the means of `lib.rbm.from_shots.from_shots`, which independent shots have.

    Parameters
    ----------
    data : Data
        The shots.

    Returns
    -------
    dict of str to float
        By the same names. Where bits are missing, from the shots that have all of a mean: rather too large.

    """
    found = {}
    for name, values in from_shots.diagonal(data.spins()).items():
        there = np.isfinite(values)
        n_shots = int(data.weights[there].sum())
        if n_shots > 1:
            mean = np.average(values[there], weights=data.weights[there])
            square = np.average((values[there] - mean) ** 2, weights=data.weights[there])
            found[name] = math.sqrt(square / (n_shots - 1))
    return found


def differences(data: Data, *, n_hidden: int, epochs: int, seed: int,
                step: Callable[[], None] = lambda: None) -> dict[str, Difference]:
    """A machine that learns from four fifths of the shots, compared with the others.

    Parameters
    ----------
    data : Data
        All shots.
    n_hidden, epochs, seed, step
        As of `lib.rbm.from_shots.reconstruct`.

    Returns
    -------
    dict of str to Difference
        By the names of the means; of those that all shots have in common there is none. Empty below `LEAST` shots,
        and where so many of them are read incompletely that a part tells nothing of a site.

    """
    if data.n_shots < LEAST:
        return {}
    learnt, held = split(data, rng.stream(seed, "held out"))
    if not all((part.bits != MISSING).any(0).all() for part in (learnt, held)):
        return {}
    machine = from_shots.fit(learnt, n_hidden, epochs, rng.child_seed(seed, "held out"), step)
    found = from_shots.measure(machine, learnt, None, rng.child_seed(seed, "held out", "samples"),
                               from_shots.N_SAMPLES_AGAIN)
    # Of all shots, whose scatter is known better than that of a fifth.
    of_shots, share = standard_errors(data), data.n_shots / learnt.n_shots + data.n_shots / held.n_shots
    means = {name: mean for name, mean in from_shots.from_shots(held).items()
             if of_shots.get(name, 0.0) > 0 and math.isfinite(mean)}
    return {name: Difference(found[name].mean, mean, math.sqrt(share * of_shots[name] ** 2 + found[name].error ** 2))
            for name, mean in means.items()}


def furthest(found: dict[str, Difference]) -> tuple[str, float]:
    """The mean that lies furthest off, and how often chance alone takes one of so many that far.

    Parameters
    ----------
    found : dict of str to Difference
        At least one.

    Returns
    -------
    name : str
    chance : float
        About so often at most (Bonferroni): for means with normal errors, which those of few or rare outcomes
        are not quite.

    """
    name = max(found, key=lambda name: abs(found[name].bars))
    return name, min(1.0, len(found) * math.erfc(abs(found[name].bars) / math.sqrt(2)))
