"""How the answer of chapter 6 depends on the way a machine is trained.

`learning_way` trains one machine; `minimal_hidden_way` looks for the smallest number of hidden units, as
`lib.experiments.learning.minimal_hidden` does for the one recipe.

Version 1, 2026-11-29: `learning_way`, the first; 2026-11-30: `minimal_hidden_way`, the first.
"""

from __future__ import annotations

from lib.experiments import experiment
from lib.experiments.learning import chain_of, evaluated_bounds, learnt, searched
from lib.rbm import learning
from lib.rbm.learning import RECIPE, Recipe

RETURNED = ("bound", "corrected bound", "energy error", "abs m error")


@experiment(version=1)
def learning_way(*, way: str, n_spins: int, field: float, n_hidden: int, n_samples: int, seed: int,
                 n_updates: int = RECIPE.n_updates, batch_size: int = RECIPE.batch_size,
                 n_training_chains: int = RECIPE.n_training_chains, learning_rate: float = RECIPE.learning_rate,
                 final_learning_rate: float = RECIPE.final_learning_rate, n_evaluation: int = RECIPE.n_evaluation,
                 n_chains: int = RECIPE.n_chains, burn_in: int = RECIPE.burn_in, thin: int = RECIPE.thin) -> dict:
    """Train a machine in one of the ways of `lib.rbm.learning_recipe.WAYS`, and evaluate it by (6.2).

    Parameters
    ----------
    way : str
        One of `lib.rbm.learning_recipe.WAYS`; it changes the recipe where it says so.
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
        "bound", "corrected bound", "energy error" and "abs m error" of `learning.evaluate`, None where
        training diverged.

    """
    recipe = Recipe(n_updates, batch_size, n_training_chains, learning_rate, final_learning_rate, n_evaluation,
                    n_chains, burn_in, thin)
    _, found = learnt(learning.chain(n_spins, float(field), n_samples, seed=seed), n_hidden, recipe, seed, way)
    return {name: found.get(name) for name in RETURNED}


@experiment(version=1)
def minimal_hidden_way(*, way: str, n_spins: int, field: float, n_samples: int, eps: float, first: int, largest: int,
                       n_seeds: int, seed: int, n_updates: int = RECIPE.n_updates,
                       batch_size: int = RECIPE.batch_size, n_training_chains: int = RECIPE.n_training_chains,
                       learning_rate: float = RECIPE.learning_rate,
                       final_learning_rate: float = RECIPE.final_learning_rate,
                       n_evaluation: int = RECIPE.n_evaluation, n_chains: int = RECIPE.n_chains,
                       burn_in: int = RECIPE.burn_in, thin: int = RECIPE.thin) -> dict:
    """The smallest number of hidden units with which at least half of n_seeds machines learn in one way.

    For figure 6.2 with biases tied to the symmetry under a flip of all spins.

    Parameters
    ----------
    way : str
        One of `lib.rbm.learning_recipe.WAYS`.
    n_spins, field, n_samples, eps, first, largest, n_seeds, seed
        As of `lib.experiments.learning.minimal_hidden`.
    n_updates, batch_size, n_training_chains : int
        Of the recipe, see `lib.rbm.learning_recipe.Recipe`.
    learning_rate, final_learning_rate : float
        Of the recipe.
    n_evaluation, n_chains, burn_in, thin : int
        Of the recipe.

    Returns
    -------
    dict
        As of `lib.experiments.learning.minimal_hidden`, which with the way "PCD-1" finds the same.

    """
    recipe = Recipe(n_updates, batch_size, n_training_chains, learning_rate, final_learning_rate, n_evaluation,
                    n_chains, burn_in, thin)
    learning.check_eps(eps)

    def evaluated(n_hidden: int, number: int) -> tuple[float | None, float | None]:
        return evaluated_bounds(chain_of(n_spins, float(field), n_samples, number), n_hidden, recipe, number, way)

    return searched(evaluated, eps=eps, first=first, largest=largest, n_seeds=n_seeds, seed=seed)
