"""Is it the form of a machine, or its training, or its judge? (chapter 6)

`learning_form` fits the exact state of a short chain without measurements and without chance; `learning_start` trains
on measurements, in one of the ways of chapter 6, from small random weights or from units laid out along the chain;
`learning_judged` asks of such a machine whether chains that judge it have forgotten the exact samples they start at;
`learning_summed` compares machines of up to 20 spins with the exact state by sums over all states.

Version 1, 2026-11-29: the first; 2026-11-30: `learning_summed`, the first.
"""

from __future__ import annotations

import numpy as np

from lib import rng
from lib.experiments import experiment
from lib.experiments.learning import chain_of, learnt
from lib.rbm import conditional, learning, observables, quality, sampling, tempering
from lib.rbm.layout import laid_out
from lib.rbm.learning import RECIPE, Recipe
from lib.rbm.machine import Machine
from lib.rbm.partition import probabilities
from lib.rbm.states import PositiveState
from lib.spins import ising

STARTS = ("random", "laid out")
RETURNED = ("bound", "corrected bound", "energy error", "abs m error")


@experiment(version=1)
def learning_form(*, n_spins: int, field: float, n_hidden: int, start: str, seed: int, n_steps: int = 500) -> dict:
    """The likeliest machine of a size for an exact ground state, by sums over all states.

    Parameters
    ----------
    n_spins : int
        Spins of the chain, at most 14.
    field : float
        The field h/J.
    n_hidden : int
        Hidden units of the machine.
    start : str
        "random", small weights, or "laid out", see `lib.rbm.layout.laid_out`.
    seed : int
        Of the start.
    n_steps : int, default 500
        Of L-BFGS, at most.

    Returns
    -------
    dict
        "energy error", relative; "cost", the same in units of J; "infidelity"; "nats", the divergence of the exact
        distribution from the machine's.

    """
    _check_start(start)
    energy, psi = ising.ground_state(n_spins, float(field))
    first = conditional.ConditionalMachine.random(n_spins, n_hidden, 0, low=0.5, high=2.0, seed=seed)
    if start == "laid out":
        first = conditional.constant(laid_out(n_spins, n_hidden, seed=seed))
    shares = psi[None] ** 2
    found = conditional.fit(first, [1.0], shares, n_steps=n_steps)
    root = np.sqrt(probabilities(found.at(1.0)).numpy())
    cost = ising.energy(root, float(field)) - energy
    seen = psi[psi != 0] ** 2
    nats = conditional.loss(found, [1.0], shares)[0] + float((seen * np.log(seen)).sum())
    return {"energy error": cost / abs(energy), "cost": cost, "infidelity": 1 - float(root @ np.abs(psi)) ** 2,
            "nats": nats}


@experiment(version=1)
def learning_start(*, start: str, way: str, n_spins: int, field: float, n_hidden: int, n_samples: int, seed: int,
                   n_updates: int = RECIPE.n_updates, batch_size: int = RECIPE.batch_size,
                   n_training_chains: int = RECIPE.n_training_chains, learning_rate: float = RECIPE.learning_rate,
                   final_learning_rate: float = RECIPE.final_learning_rate, n_evaluation: int = RECIPE.n_evaluation,
                   n_chains: int = RECIPE.n_chains, burn_in: int = RECIPE.burn_in, thin: int = RECIPE.thin) -> dict:
    """Train a machine from one of two starts, and judge it by (6.2).

    Parameters
    ----------
    start : str
        "random", that of the recipe, or "laid out", see `lib.rbm.layout.laid_out`.
    way : str
        One of `lib.rbm.learning_recipe.WAYS`.
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
    n_updates, batch_size, n_training_chains : int
        Of the recipe, see `lib.rbm.learning_recipe.Recipe`.
    learning_rate, final_learning_rate : float
        Of the recipe.
    n_evaluation, n_chains, burn_in, thin : int
        Of the recipe.

    Returns
    -------
    dict
        "bound", "corrected bound", "energy error" and "abs m error" of `learning.evaluate`, None where training
        diverged; "start bound", that of the start itself, None for a random one, which knows nothing.

    """
    first = _first(start, n_spins, n_hidden, seed)
    recipe = Recipe(n_updates, batch_size, n_training_chains, learning_rate, final_learning_rate, n_evaluation,
                    n_chains, burn_in, thin)
    of = learning.chain(n_spins, float(field), n_samples, seed=seed)

    def evaluated(machine: Machine | None) -> dict:
        return {} if machine is None else learning.evaluate(machine, of, recipe, seed=rng.child_seed(seed, "judge"))

    machine = learning.learn(of, n_hidden, recipe, seed=seed, way=way, start=first)
    found = evaluated(machine)
    return {name: found.get(name) for name in RETURNED} | {"start bound": evaluated(first).get("bound")}


@experiment(version=1)
def learning_judged(*, start: str, way: str, n_spins: int, field: float, n_hidden: int, n_samples: int, seed: int,
                    burn_ins: list[int], n_updates: int = RECIPE.n_updates, batch_size: int = RECIPE.batch_size,
                    n_training_chains: int = RECIPE.n_training_chains, learning_rate: float = RECIPE.learning_rate,
                    final_learning_rate: float = RECIPE.final_learning_rate, n_evaluation: int = RECIPE.n_evaluation,
                    n_chains: int = RECIPE.n_chains, thin: int = RECIPE.thin, n_tempered: int = 6400,
                    n_ladders: int = 64) -> dict:
    """Train a machine as `learning_start` does, and take its energy from chains that forget their start more and more.

    Parameters
    ----------
    start, way, n_spins, field, n_hidden, n_samples, seed
        As of `learning_start`, which trains the same machine.
    burn_ins : list of int
        Sweeps before the first draw of chains that start at fresh exact samples.
    n_updates, batch_size, n_training_chains : int
        Of the recipe, see `lib.rbm.learning_recipe.Recipe`.
    learning_rate, final_learning_rate : float
        Of the recipe.
    n_evaluation, n_chains, thin : int
        Of the recipe, for each burn-in.
    n_tempered, n_ladders : int, default 6400, 64
        Samples from tempered chains, which start anywhere, and how many ladders there are.

    Returns
    -------
    dict
        "above", for each burn-in the mean local energy less the exact energy, over the size of the latter, and "above
        error", its standard error with the autocorrelation time; "start above" and "start above error" at the exact
        samples themselves, "tempered above" and "tempered above error" by tempered chains. Empty lists and None where
        training diverged.

    """
    recipe = Recipe(n_updates, batch_size, n_training_chains, learning_rate, final_learning_rate, n_evaluation,
                    n_chains, thin=thin)
    of = learning.chain(n_spins, float(field), n_samples, seed=seed)
    machine = learning.learn(of, n_hidden, recipe, seed=seed, way=way, start=_first(start, n_spins, n_hidden, seed))

    def above(draws: np.ndarray) -> tuple[float, float]:
        found = observables.estimate(observables.energy(PositiveState(machine), draws, float(field)))
        return (found.mean - of.exact.energy) / abs(of.exact.energy), found.error / abs(of.exact.energy)

    by_chains, others = [], [(None, None)] * 2
    if machine is not None:
        judge = rng.child_seed(seed, "judge")
        by_chains = [above(sampling.sample(machine, n_evaluation, seed=rng.child_seed(judge, "burn-in", burn_in),
                                           start=of.fresh, n_chains=n_chains, burn_in=burn_in, thin=thin))
                     for burn_in in burn_ins]
        tempered = tempering.sample(machine, n_tempered, seed=rng.child_seed(judge, "tempered"), n_chains=n_ladders,
                                    data=of.data)
        others = [above(of.fresh[None]), above(tempered)]
    results = {"above": [mean for mean, _ in by_chains], "above error": [error for _, error in by_chains]}
    for name, (mean, error) in zip(("start above", "tempered above"), others, strict=True):
        results |= {name: mean, f"{name} error": error}
    return results


@experiment(version=1)
def learning_summed(*, n_spins: int, field: float, n_hidden: int, n_samples: int, seed: int,
                    n_updates: int = RECIPE.n_updates, batch_size: int = RECIPE.batch_size,
                    n_training_chains: int = RECIPE.n_training_chains, learning_rate: float = RECIPE.learning_rate,
                    final_learning_rate: float = RECIPE.final_learning_rate, n_evaluation: int = RECIPE.n_evaluation,
                    n_chains: int = RECIPE.n_chains, burn_in: int = RECIPE.burn_in, thin: int = RECIPE.thin) -> dict:
    """Train a machine as `lib.experiments.learning.learning_run` does, and judge it by sums in longer chains than that.

    Parameters
    ----------
    n_spins : int
        Spins of the chain, at most 20.
    field, n_hidden, n_samples, seed
        As of `lib.experiments.learning.learning_run`, which trains the same machine.
    n_updates, batch_size, n_training_chains : int
        Of the recipe, see `lib.rbm.learning_recipe.Recipe`.
    learning_rate, final_learning_rate : float
        Of the recipe.
    n_evaluation, n_chains, burn_in, thin : int
        Of the recipe.

    Returns
    -------
    dict
        "bound" and "energy" as there, and "summed energy error", "summed infidelity", "summed abs m error" and "summed
        correlation mse" of `lib.rbm.quality.summed`. None where training diverged.

    """
    recipe = Recipe(n_updates, batch_size, n_training_chains, learning_rate, final_learning_rate, n_evaluation,
                    n_chains, burn_in, thin)
    of = chain_of(n_spins, float(field), n_samples, seed)
    machine, found = learnt(of, n_hidden, recipe, seed)
    summed = {}
    if machine is not None:
        exact = quality.reference(n_spins, float(field), of.data, n_samples=n_evaluation, most_summed=ising.MAX_SPINS,
                                  rng=rng.stream(seed, "learning summed"))
        summed = quality.summed(machine, exact, n_samples=n_evaluation)
    return {name: found.get(name) for name in ("bound", "energy")} | {
        f"summed {name}": summed.get(name) for name in ("energy error", "infidelity", "abs m error", "correlation mse")}


def _first(start: str, n_spins: int, n_hidden: int, seed: int) -> Machine | None:
    """Where training starts; None is the random start of the recipe."""
    _check_start(start)
    return laid_out(n_spins, n_hidden, seed=rng.child_seed(seed, "learning layout")) if start == "laid out" else None


def _check_start(start: str) -> None:
    if start not in STARTS:
        raise ValueError(f'expected a start among {", ".join(STARTS)}, got {start!r}; try start="laid out"')
