"""How large a machine has to be, and how many measurements it takes, to learn a ground state (chapter 6).

`learning_run` trains one machine and evaluates it by (6.2), and, where asked, prunes it as far as it stays learnt;
`minimal_hidden` looks for the smallest number of hidden units with which at least half of the machines learn. Both
take their samples from free fermions, made on demand, and both use the recipe of `lib.rbm.learning`.

Version 1, 2026-11-28: the first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from lib import rng
from lib.checks import require_count
from lib.experiments import experiment
from lib.pruning import schedule
from lib.rbm import learning, quality
from lib.rbm.learning import RECIPE, Chain, Recipe
from lib.rbm.machine import Machine
from lib.rbm.pruning import prune
from lib.rbm.training import Diverged, TrainingSettings

#: What `learning_run` returns of the measures from samples, and of those by sums over all states.
SAMPLED = ("bound", "corrected bound", "energy", "energy error", "energy tau", "abs m", "abs m error", "mROE",
           "correlation mse")
SUMMED = ("energy error", "infidelity", "kl", "abs m error", "correlation mse")
N_RANKS = 201  # magnitudes of weights are returned at so many ranks, evenly from the largest to the smallest
FIRST_FRACTION, STEP_FRACTION = 0.4, 0.05  # of the weights, to prune in the first and in each other step (6.4.3)
FINE_TUNE_RATE = 0.1


@experiment(version=1)
def learning_run(*, n_spins: int, field: float, n_hidden: int, n_samples: int, seed: int,
                 n_updates: int = RECIPE.n_updates, prune_updates: int = 0, prune_rounds: int = 1, eps: float = 0.002,
                 batch_size: int = RECIPE.batch_size, n_training_chains: int = RECIPE.n_training_chains,
                 learning_rate: float = RECIPE.learning_rate, final_learning_rate: float = RECIPE.final_learning_rate,
                 n_evaluation: int = RECIPE.n_evaluation, n_chains: int = RECIPE.n_chains,
                 burn_in: int = RECIPE.burn_in, thin: int = RECIPE.thin) -> dict:
    """Train a machine on measurements of a chain and evaluate it by (6.2).

    For figures 6.1, 6.3, 6.4 and table 6.1.

    Parameters
    ----------
    n_spins : int
        Spins of the chain.
    field : float
        The field h/J.
    n_hidden : int
        Hidden units of the machine.
    n_samples : int
        Measurements to learn from.
    seed : int
        Of the random numbers.
    n_updates : int
        Of the recipe, see `lib.rbm.learning_recipe.Recipe`.
    prune_updates : int, default 0
        Where above 0, a machine within eps is then pruned, 40% of its weights first and 5% of the
        rest in every other step; after each it is trained on, prune_updates steps at a time, until
        it is within eps again, at most prune_rounds times; where it never is, pruning ends.
    prune_rounds : int, >= 1, default 1
        See prune_updates.
    eps : float, default 0.002
        The bound (6.2) that counts as learnt.
    batch_size, n_training_chains : int
        Of the recipe.
    learning_rate, final_learning_rate : float
        Of the recipe.
    n_evaluation, n_chains, burn_in, thin : int
        Of the recipe.

    Returns
    -------
    dict
        "bound", eps of (6.2), and "corrected bound" (with the autocorrelation time); further
        measures of `lib.rbm.quality`; "summed ..." by sums over all states up to 18 spins, else
        None; "exact energy", "exact abs m" and its standard error "exact abs m error";
        "magnitudes", the sizes of the weights at 201 ranks from the largest on; "pruned left" and
        "pruned bound", the weights left after each step and the bound then, and "weights needed",
        the least with which it stayed within eps, None where it was not, or nothing was pruned. All
        that is of the machine is None, or empty, where training diverged.

    """
    recipe = Recipe(n_updates, batch_size, n_training_chains, learning_rate, final_learning_rate, n_evaluation,
                    n_chains, burn_in, thin)
    learning.check_eps(eps)
    require_count("prune_rounds", prune_rounds)
    of = chain_of(n_spins, float(field), n_samples, seed)
    machine, found = learnt(of, n_hidden, recipe, seed)
    results = {name: found.get(name) for name in SAMPLED}
    summed = None
    if machine is not None and of.exact.basis is not None:
        summed = quality.summed(machine, of.exact, n_samples=n_evaluation)
    results |= {f"summed {name}": None if summed is None else summed[name] for name in SUMMED}
    results |= {"exact energy": of.exact.energy, "exact abs m": of.exact.abs_m,
                "exact abs m error": of.exact.abs_m_error, "magnitudes": _magnitudes(machine)}
    left, bounds = [], []
    if prune_updates > 0 and found and found["bound"] <= eps:
        left, bounds = _prune(machine, of, recipe, prune_updates, prune_rounds, eps, seed)
    held = [n for n, bound in zip(left, bounds, strict=True) if bound <= eps]
    return results | {"pruned left": left, "pruned bound": bounds, "weights needed": min(held, default=None)}


@experiment(version=1)
def minimal_hidden(*, n_spins: int, field: float, n_samples: int, eps: float, first: int, largest: int, n_seeds: int,
                   seed: int, n_updates: int = RECIPE.n_updates, batch_size: int = RECIPE.batch_size,
                   n_training_chains: int = RECIPE.n_training_chains, learning_rate: float = RECIPE.learning_rate,
                   final_learning_rate: float = RECIPE.final_learning_rate,
                   n_evaluation: int = RECIPE.n_evaluation, n_chains: int = RECIPE.n_chains,
                   burn_in: int = RECIPE.burn_in, thin: int = RECIPE.thin) -> dict:
    """The smallest number of hidden units with which at least half of n_seeds machines learn.

    For figure 6.2. The search is `lib.rbm.learning.smallest_passing`.

    Parameters
    ----------
    n_spins : int
        Spins of the chain.
    field : float
        The field h/J.
    n_samples : int
        Measurements to learn from.
    eps : float
        The bound (6.2) that counts as learnt.
    first, largest : int
        Hidden units to try first, and at most.
    n_seeds : int
        Machines of each size.
    seed : int
        The machines are those of `learning_run` with the seeds seed ... seed + n_seeds - 1.
    n_updates, batch_size, n_training_chains : int
        Of the recipe, see `lib.rbm.learning_recipe.Recipe`.
    learning_rate, final_learning_rate : float
        Of the recipe.
    n_evaluation, n_chains, burn_in, thin : int
        Of the recipe.

    Returns
    -------
    dict
        "smallest", None where none was found; "best bound" and "best hidden", the lowest bound seen
        and where; and a row for each machine, in the order of training: "tried hidden", "tried
        seed", "tried bound" (None where training diverged), "tried corrected", the same with the
        autocorrelation time, and "tried learnt", 0 or 1.

    """
    recipe = Recipe(n_updates, batch_size, n_training_chains, learning_rate, final_learning_rate, n_evaluation,
                    n_chains, burn_in, thin)
    learning.check_eps(eps)

    def evaluated(n_hidden: int, number: int) -> tuple[float | None, float | None]:
        return evaluated_bounds(chain_of(n_spins, float(field), n_samples, number), n_hidden, recipe, number)

    return searched(evaluated, eps=eps, first=first, largest=largest, n_seeds=n_seeds, seed=seed)


def learnt(of: Chain, n_hidden: int, recipe: Recipe, seed: int, way: str = "PCD-1") -> tuple[Machine | None, dict]:
    """A machine that has learnt a chain, and what is said of it: how every experiment of chapter 6 ends.

    Parameters
    ----------
    of : Chain
        What is learnt.
    n_hidden : int
        Hidden units.
    recipe : Recipe
        How to learn and to evaluate.
    seed : int
        Of the machine; its evaluation has a child of it.
    way : str, default "PCD-1"
        Of `lib.rbm.learning_recipe.WAYS`.

    Returns
    -------
    machine : Machine or None
        None where training diverged.
    found : dict
        Of `lib.rbm.learning.evaluate`; empty where training diverged.

    """
    machine = learning.learn(of, n_hidden, recipe, seed=seed, way=way)
    if machine is None:
        return None, {}
    return machine, learning.evaluate(machine, of, recipe, seed=rng.child_seed(seed, "judge"))


def evaluated_bounds(of: Chain, n_hidden: int, recipe: Recipe, seed: int,
                     way: str = "PCD-1") -> tuple[float | None, float | None]:
    """The bound (6.2) of a machine that is `learnt`, and the same with the autocorrelation time, for `searched`.

    Parameters
    ----------
    of, n_hidden, recipe, seed, way
        As of `learnt`.

    Returns
    -------
    tuple of float, or (None, None)
        The latter where training diverged.

    """
    _, found = learnt(of, n_hidden, recipe, seed, way)
    return found.get("bound"), found.get("corrected bound")


def searched(evaluated: Callable[[int, int], tuple[float | None, float | None]], *, eps: float, first: int,
             largest: int, n_seeds: int, seed: int) -> dict:
    """The results of a search for the smallest number of hidden units, whatever is learnt.

    Parameters
    ----------
    evaluated : callable
        ``evaluated(n_hidden, seed)``: the bound (6.2) of one machine, and the same with the
        autocorrelation time; both None where training diverged.
    eps : float
        The bound that counts as learnt.
    first, largest, n_seeds, seed : int
        As of `minimal_hidden`.

    Returns
    -------
    dict
        As of `minimal_hidden`.

    """
    rows: list[tuple] = []

    def passes(n_hidden: int, number: int) -> bool:
        bound, corrected = evaluated(n_hidden, seed + number)
        learnt = bound is not None and bound <= eps
        rows.append((n_hidden, seed + number, bound, corrected, int(learnt)))
        return learnt

    search = learning.smallest_passing(passes, first=first, largest=largest, n_seeds=n_seeds)
    seen = [(bound, n_hidden) for n_hidden, _, bound, *_ in rows if bound is not None]
    best = min(seen, default=(None, None))
    columns = [list(column) for column in zip(*rows, strict=True)]
    names = ("tried hidden", "tried seed", "tried bound", "tried corrected", "tried learnt")
    return {"smallest": search.smallest, "best bound": best[0], "best hidden": best[1],
            **dict(zip(names, columns, strict=True))}


@lru_cache(maxsize=8)
def chain_of(n_spins: int, field: float, n_samples: int, seed: int) -> Chain:
    """The chain of one seed, which machines of many sizes learn one after another.

    Parameters
    ----------
    n_spins : int
        Its length.
    field : float
        h/J.
    n_samples : int
        Measurements to learn from.
    seed : int
        Of these.

    Returns
    -------
    Chain
        The same object for the same arguments, of the last eight.

    """
    return learning.chain(n_spins, field, n_samples, seed=seed)


def _prune(machine: Machine, of: Chain, recipe: Recipe, n_updates: int, n_rounds: int, eps: float,
           seed: int) -> tuple[list[int], list[float]]:
    """Weights left after each step of pruning and the bound then, up to the first step that is not made good."""
    plan = recipe.training(len(of.data), n_updates)
    tuning = TrainingSettings(epochs=plan.epochs, batch_size=plan.batch_size, persistent=True, n_chains=plan.n_chains,
                              learning_rate=FINE_TUNE_RATE, final_learning_rate=plan.final_learning_rate)
    left, bounds = [], []
    while True:
        fraction = STEP_FRACTION if left else FIRST_FRACTION
        (n_left,) = schedule.weights_left(machine.n_weights, [fraction])
        for round_ in range(n_rounds):
            use = rng.child_seed(seed, "learning prune", len(left), round_)
            try:
                (machine,) = prune(machine, of.data, [n_left], tuning, criterion="magnitude", seed=use)
            except Diverged:
                return left, bounds
            bound = learning.evaluate(machine, of, recipe, seed=use)["bound"]
            if bound <= eps:
                break
        left.append(n_left)
        bounds.append(bound)
        if bound > eps or n_left <= 1:
            return left, bounds


def _magnitudes(machine: Machine | None) -> list[float]:
    """Sizes of the weights at evenly spaced ranks, largest first, to five digits."""
    if machine is None:
        return []
    sizes = np.sort(np.abs(machine.weights.detach().cpu().numpy()).ravel())[::-1]
    ranks = np.linspace(0, sizes.size - 1, min(N_RANKS, sizes.size)).round().astype(int)
    return [float(f"{size:.5g}") for size in sizes[ranks]]
