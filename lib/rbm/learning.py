"""When a state counts as learnt (6.2), and the search for the smallest machine, by the recipe of `learning_recipe`.

The criterion bounds the relative error of the energy, with n samples of the machine, their mean and their spread:

    eps = max over +- of |U - (mean +- C spread / sqrt(n))| / |U|,   C = 2.576                                   (6.2)

which holds with 99% for independent samples. Those of Gibbs chains are not: `corrected` is the same with the standard
error of a chain, spread sqrt(tau / n), tau the integrated autocorrelation time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lib import rng
from lib.checks import is_real, require_count
from lib.rbm import quality, sampling
from lib.rbm.learning_recipe import RECIPE, WAYS, Recipe
from lib.rbm.machine import Machine
from lib.rbm.training import Diverged, train
from lib.spins import free_fermions

__all__ = ["N_FRESH", "RECIPE", "SCALE", "WAYS", "Chain", "Recipe", "Search", "chain", "check_eps", "evaluate", "learn",
           "learn_data", "smallest_passing"]

N_FRESH = 10_000  # independent exact samples: at some of them the evaluation chains start, others give the exact <|m|>
SCALE = 0.01  # of the weights that a machine starts with


@dataclass(frozen=True, eq=False)
class Chain:
    """One chain to learn, with its measurements and what its machines are compared with.

    Attributes
    ----------
    data : ndarray of uint8, shape (n_samples, n_spins)
        Bits to train on.
    fresh : ndarray of uint8, shape (N_FRESH, n_spins)
        Bits of other exact samples.
    exact : lib.rbm.quality.Reference
        The exact values.

    """

    data: np.ndarray
    fresh: np.ndarray
    exact: quality.Reference


def chain(n_spins: int, field: float, n_samples: int, *, seed: int) -> Chain:
    """Measurements of a ground state by free fermions.

    A seed gives the same first samples, however many are asked for.

    Parameters
    ----------
    n_spins : int, >= 1
        Length of the chain.
    field : float, >= 0
        h/J.
    n_samples : int, >= 1
        To train on.
    seed : int, >= 0
        Fixes them.

    Returns
    -------
    Chain

    Raises
    ------
    ValueError
        For a field below 0 and counts below 1.

    """
    def stream(use: str) -> np.random.Generator:
        return rng.stream(seed, use, n_spins, str(float(field)))

    data = free_fermions.sample(n_spins, field, n_samples, rng=stream("learning data"))
    fresh = free_fermions.sample(n_spins, field, N_FRESH, rng=stream("learning fresh"))
    return Chain(data, fresh, quality.reference(n_spins, field, data, n_samples=N_FRESH, rng=stream("learning exact")))


def learn(of: Chain, n_hidden: int, recipe: Recipe, *, seed: int, way: str = "PCD-1",
          start: Machine | None = None) -> Machine | None:
    """A machine trained on a chain's measurements, by `learn_data`.

    Parameters
    ----------
    of : Chain
        What is learnt.
    n_hidden : int, >= 1
        Hidden units.
    recipe : Recipe
        How.
    seed : int, >= 0
        Fixes the start and the training.
    way : str
        Of `WAYS`, with whose changes; "PCD-1" by default.
    start : Machine or None
        Of n_hidden units; None, the default: small random weights.

    Returns
    -------
    Machine or None
        None where it diverged.

    Raises
    ------
    ValueError
        As `learn_data`.

    """
    return learn_data(of.data, n_hidden, recipe, seed=seed, way=way, start=start)


def learn_data(data: np.ndarray, n_hidden: int, recipe: Recipe, *, seed: int, way: str = "PCD-1",
               start: Machine | None = None) -> Machine | None:
    """A machine trained by the recipe, from small weights and biases that favour no direction, or from another start.

    Parameters
    ----------
    data : ndarray of uint8, shape (n_samples, n_spins)
        Bits to train on, of any state.
    n_hidden : int, >= 1
        Hidden units.
    recipe : Recipe
        How.
    seed : int, >= 0
        Fixes the start and the training.
    way : str
        Of `WAYS`, with whose changes; "PCD-1" by default.
    start : Machine or None
        Of n_hidden units; None, the default: small random weights.

    Returns
    -------
    Machine or None
        None where it diverged.

    Raises
    ------
    ValueError
        For another way, for fewer than one hidden unit, for fewer samples than a batch and for a start of other sizes.

    """
    require_count("n_hidden", n_hidden)
    if way not in WAYS:
        raise ValueError(f'expected a way among {", ".join(WAYS)}, got {way!r}; try way="CD-1"')
    settings, n_spins = replace(recipe.training(len(data)), **WAYS[way]), data.shape[1]
    if start is None:
        start = Machine.random(n_spins, n_hidden, seed=rng.child_seed(seed, "learning start", n_spins), scale=SCALE,
                               symmetric_biases=True)
    if (start.n_visible, start.n_hidden) != (n_spins, n_hidden):
        raise ValueError(f"expected a start with {n_spins} visible and {n_hidden} hidden units, got {start.n_visible} "
                         f"and {start.n_hidden}; try start=None")
    try:
        return train(start, data, settings, seed=rng.child_seed(seed, "learning training", n_spins)).machine
    except Diverged:
        return None


def evaluate(machine: Machine, of: Chain, recipe: Recipe, *, seed: int) -> dict:
    """All measures of `quality.sampled`, from chains that start at fresh exact samples.

    Parameters
    ----------
    machine : Machine
        What is evaluated.
    of : Chain
        What it has learnt.
    recipe : Recipe
        How many samples, and from which chains.
    seed : int, >= 0
        Fixes the chains.

    Returns
    -------
    dict
        The measures, and with them "bound", (6.2) as printed, and "corrected bound", with the
        autocorrelation time in the standard error.

    """
    samples = sampling.sample(machine, recipe.n_evaluation, seed=rng.child_seed(seed, "learning chains"),
                              start=of.fresh, n_chains=recipe.n_chains, burn_in=recipe.burn_in, thin=recipe.thin)
    found = quality.sampled(machine, of.exact, samples)
    statistical = found["eROE"] - found["energy error"]
    return found | {"bound": found["energy error"] + statistical / math.sqrt(found["energy tau"]),
                    "corrected bound": found["eROE"]}


@dataclass(frozen=True)
class Search:
    """What `smallest_passing` found.

    Attributes
    ----------
    smallest : int or None
        The smallest size that passes, None where none up to the largest did.
    outcomes : dict of int to list of bool
        Those of every size that was tried, in the order of trying.

    """

    smallest: int | None
    outcomes: dict[int, list[bool]]


def smallest_passing(passes: Callable[[int, int], bool], *, first: int, largest: int, n_seeds: int) -> Search:
    """The smallest size at which at least half of n_seeds machines pass, with few machines.

    A size is settled as soon as the rest of its machines cannot change the verdict. From `first` on
    sizes grow by half until one passes, or shrink likewise; then the gap is bisected, which takes
    for granted that larger machines pass more often.

    Parameters
    ----------
    passes : callable
        ``passes(size, number)``: whether machine `number` (0 ... n_seeds - 1) of a size passes.
    first, largest : int, >= 1
        Where to begin, and where to end.
    n_seeds : int, >= 1
        Machines of a size.

    Returns
    -------
    Search

    Raises
    ------
    ValueError
        For counts below 1 and a first size beyond the largest.

    """
    for name, value in (("first", first), ("largest", largest), ("n_seeds", n_seeds)):
        require_count(name, value)
    if first > largest:
        raise ValueError(f"expected the first size to be at most the largest, {largest}, got {first}; try "
                         f"first={largest}")
    outcomes: dict[int, list[bool]] = {}
    needed = (n_seeds + 1) // 2

    def settled(size: int) -> bool:
        seen = outcomes[size] = []
        while True:
            seen.append(bool(passes(size, len(seen))))
            if sum(seen) == needed:
                return True
            if len(seen) - sum(seen) > n_seeds - needed:
                return False

    low, high = 0, None  # low has failed, or is no machine at all; high has passed
    size = first
    while True:
        if settled(size):
            high = size
        elif size == largest:
            return Search(None, outcomes)
        else:
            low = size
        if high is None:
            size = min(largest, size + (size + 1) // 2)
        elif high - low == 1:
            return Search(high, outcomes)
        elif low == 0:
            size = max(1, high - (high + 2) // 3)
        else:
            size = (low + high) // 2


def check_eps(eps: float) -> None:
    """Refuse a threshold (6.2) that is no finite number above 0.

    Parameters
    ----------
    eps : float
        The largest relative error of the energy that counts as learnt.

    Raises
    ------
    ValueError
        For another one; try 0.002.

    """
    if not is_real(eps) or not 0 < eps < math.inf:
        raise ValueError(f"expected eps > 0, the largest relative error of the energy that counts as learnt, got "
                         f"{eps!r}; try eps=0.002")
