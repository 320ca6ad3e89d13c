"""When a state counts as learnt (6.2), the one recipe of chapter 6, and the search for the smallest machine.

The criterion bounds the relative error of the energy, with n samples of the machine, their mean and their spread:

    eps = max over +- of |U - (mean +- C spread / sqrt(n))| / |U|,   C = 2.576                                   (6.2)

which holds with 99% for independent samples. Those of Gibbs chains are not: `corrected` is the same with the standard
error of a chain, spread sqrt(tau / n), tau the integrated autocorrelation time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from lib import rng
from lib.checks import is_integer, is_real, require_count
from lib.rbm import quality, sampling
from lib.rbm.machine import Machine
from lib.rbm.training import Diverged, TrainingSettings, train
from lib.spins import free_fermions

N_FRESH = 10_000  # independent exact samples: at some of them the evaluation chains start, others give the exact <|m|>
SCALE = 0.01  # of the weights that a machine starts with
#: Ways to train, by what they change in the recipe, which is "PCD-1". Steps of the natural gradient are of another size
#: than those of the plain one, so that it has a rate of its own.
WAYS = {"PCD-1": {}, "CD-1": {"persistent": False, "n_chains": None},
        "CD-10": {"persistent": False, "n_chains": None, "n_gibbs": 10},
        "tempered": {"persistent": False, "negative_phase": "tempered"}, "symmetric": {"symmetric": True},
        "natural gradient": {"optimizer": "natural", "damping": 0.1, "learning_rate": 0.1}}


@dataclass(frozen=True)
class Recipe:
    """How every machine of chapter 6 is trained and judged: section 6.3.2 keeps one recipe for all N and h/J.

    n_updates: steps of PCD-1, whatever the number of samples. batch_size, n_training_chains, learning_rate,
    final_learning_rate: see `TrainingSettings`; the rate falls along a cosine. n_evaluation: samples behind (6.2), from
    n_chains Gibbs chains that start at exact samples the training has not seen, run for burn_in sweeps and then give a
    draw every thin sweeps. The thesis names none of these but C. Raises ValueError for counts below 1.
    """

    n_updates: int = 100_000
    batch_size: int = 100
    n_training_chains: int = 128
    learning_rate: float = 0.3
    final_learning_rate: float = 0.001
    n_evaluation: int = 100_000
    n_chains: int = 1000
    burn_in: int = 500
    thin: int = 10

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if "rate" not in field.name and (not is_integer(value) or value < 1):
                raise ValueError(f"expected {field.name} to be an integer >= 1, got {value!r}; try "
                                 f"{field.name}={field.default}")

    def training(self, n_samples: int, n_updates: int | None = None) -> TrainingSettings:
        """The settings that make about n_updates steps (None: those of the recipe) on this many samples.

        Whole epochs, at least one. Raises ValueError for fewer samples than a batch.
        """
        if not is_integer(n_samples) or n_samples < self.batch_size:
            raise ValueError(f"expected n_samples as an integer of at least a batch, {self.batch_size}, got "
                             f"{n_samples!r}; try n_samples={self.batch_size}")
        in_epoch = -(-n_samples // self.batch_size)
        return TrainingSettings(epochs=max(1, round((n_updates or self.n_updates) / in_epoch)),
                                batch_size=self.batch_size, learning_rate=self.learning_rate, persistent=True,
                                final_learning_rate=self.final_learning_rate, n_chains=self.n_training_chains)


RECIPE = Recipe()


@dataclass(frozen=True, eq=False)
class Chain:
    """One chain to learn, with its measurements and what its machines are compared with.

    data: bits to train on. fresh: bits of as many other exact samples as `N_FRESH`. exact: the exact values.
    """

    data: np.ndarray
    fresh: np.ndarray
    exact: quality.Reference


def chain(n_spins: int, field: float, n_samples: int, *, seed: int) -> Chain:
    """Measurements of a ground state by free fermions; a seed gives the same first samples, however many are asked for.

    field: h/J. Raises ValueError for a field below 0 and counts below 1.
    """
    def stream(use: str) -> np.random.Generator:
        return rng.stream(seed, use, n_spins, str(float(field)))

    data = free_fermions.sample(n_spins, field, n_samples, rng=stream("learning data"))
    fresh = free_fermions.sample(n_spins, field, N_FRESH, rng=stream("learning fresh"))
    return Chain(data, fresh, quality.reference(n_spins, field, data, n_samples=N_FRESH, rng=stream("learning exact")))


def learn(of: Chain, n_hidden: int, recipe: Recipe, *, seed: int, way: str = "PCD-1") -> Machine | None:
    """A machine trained by the recipe, from small weights and biases that favour no direction; None where it diverged.

    way: of `WAYS`, with whose changes. Raises ValueError for another one, for fewer than one hidden unit and for fewer
    samples than a batch.
    """
    require_count("n_hidden", n_hidden)
    if way not in WAYS:
        raise ValueError(f'expected a way among {", ".join(WAYS)}, got {way!r}; try way="CD-1"')
    settings, n_spins = replace(recipe.training(len(of.data)), **WAYS[way]), of.exact.n_spins
    start = Machine.random(n_spins, n_hidden, seed=rng.child_seed(seed, "learning start", n_spins), scale=SCALE,
                           symmetric_biases=True)
    try:
        return train(start, of.data, settings, seed=rng.child_seed(seed, "learning training", n_spins)).machine
    except Diverged:
        return None


def judge(machine: Machine, of: Chain, recipe: Recipe, *, seed: int) -> dict:
    """All measures of `quality.sampled`, from chains that start at fresh exact samples, and with them

    "bound", (6.2) as printed, and "corrected bound", with the autocorrelation time in the standard error.
    """
    samples = sampling.sample(machine, recipe.n_evaluation, seed=rng.child_seed(seed, "learning chains"),
                              start=of.fresh, n_chains=recipe.n_chains, burn_in=recipe.burn_in, thin=recipe.thin)
    found = quality.sampled(machine, of.exact, samples)
    statistical = found["eROE"] - found["energy error"]
    return found | {"bound": found["energy error"] + statistical / math.sqrt(found["energy tau"]),
                    "corrected bound": found["eROE"]}


@dataclass(frozen=True)
class Search:
    """smallest: the smallest size that passes, None where none up to the largest did. outcomes: those of every size
    that was tried, in the order of trying."""

    smallest: int | None
    outcomes: dict[int, list[bool]]


def smallest_passing(passes: Callable[[int, int], bool], *, first: int, largest: int, n_seeds: int) -> Search:
    """The smallest size at which at least half of n_seeds machines pass, with few machines.

    passes(size, number): whether machine `number` (0 ... n_seeds - 1) of a size passes. A size is settled as soon as
    the rest of its machines cannot change the verdict. From `first` on sizes grow by half until one passes, or shrink
    likewise; then the gap is bisected, which takes for granted that larger machines pass more often.
    Raises ValueError for counts below 1 and a first size beyond the largest.
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
    """Raise ValueError for a threshold that is no finite number above 0."""
    if not is_real(eps) or not 0 < eps < math.inf:
        raise ValueError(f"expected eps > 0, the largest relative error of the energy that counts as learnt, got "
                         f"{eps!r}; try eps=0.002")
