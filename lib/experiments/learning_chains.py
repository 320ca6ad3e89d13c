"""The smallest machine of chapter 6 for other states: two other chains, and an Ising chain whose symmetry is broken.

`minimal_hidden_chain` learns short chains and evaluates by sums over all states; `minimal_hidden_broken` learns long
Ising chains with broken symmetry, as a matrix product state gives them, and evaluates as `minimal_hidden` does.

Version 1, 2026-11-29: the first.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

from lib import rng
from lib.experiments import experiment
from lib.experiments.learning import evaluated_bounds, searched
from lib.rbm import learning, quality
from lib.rbm.learning import RECIPE, Chain, Recipe
from lib.rbm.partition import probabilities
from lib.spins import chains, dmrg, exact, ising, mps, mps_averages, mps_samples

BOND_DIMENSION = 12  # of each of the two sectors; up to h = 0.9 J the weight that is left out is rounding
#: The chains of `minimal_hidden_chain`, each with a ground state without signs; what the parameter is stands behind.
MODELS = {"Ising": chains.ising,  # h / J
          "long-range": lambda n, field: chains.long_range_ising(n, field, exponent=2.0),  # h / J
          # Marshall's signs undone
          "XXZ": lambda n, anisotropy: chains.bonds(n, x=-0.25, y=-0.25, z=0.25 * anisotropy)}


@experiment(version=1)
def minimal_hidden_chain(*, model: str, n_spins: int, parameter: float, n_samples: int, eps: float, first: int,
                         largest: int, n_seeds: int, seed: int, n_updates: int = RECIPE.n_updates,
                         batch_size: int = RECIPE.batch_size, n_training_chains: int = RECIPE.n_training_chains,
                         learning_rate: float = RECIPE.learning_rate,
                         final_learning_rate: float = RECIPE.final_learning_rate,
                         n_evaluation: int = RECIPE.n_evaluation) -> dict:
    """The smallest number of hidden units for the ground state of a short chain.

    The energy of a machine is summed over all states; n_evaluation independent samples stand behind the statistical
    part of (6.2), of which the sum has none.

    Parameters
    ----------
    model : str
        Of `MODELS`.
    n_spins : int
        Spins of the chain, at most 16.
    parameter : float
        Its parameter: h/J of Ising chains, the anisotropy of XXZ.
    n_samples : int
        Measurements to learn from.
    eps : float
        The bound (6.2) that counts as learnt.
    first, largest, n_seeds, seed : int
        As of `lib.experiments.learning.minimal_hidden`.
    n_updates, batch_size, n_training_chains : int
        Of the recipe, see `lib.rbm.learning_recipe.Recipe`.
    learning_rate, final_learning_rate : float
        Of the recipe.
    n_evaluation : int
        Of the recipe.

    Returns
    -------
    dict
        As of `lib.experiments.learning.minimal_hidden`; the two bounds are the same.

    Raises
    ------
    ValueError
        For another model; try "Ising".

    """
    recipe = Recipe(n_updates, batch_size, n_training_chains, learning_rate, final_learning_rate, n_evaluation)
    learning.check_eps(eps)
    if model not in MODELS:
        raise ValueError(f'expected a model among {", ".join(MODELS)}, got {model!r}; try model="Ising"')
    matrix, energy, psi = _diagonalized(model, n_spins, float(parameter))

    def evaluated(n_hidden: int, number: int) -> tuple[float | None, float | None]:
        stream = rng.stream(number, "learning data", model, n_spins, str(float(parameter)))
        data = ising.sample(psi, n_samples, rng=stream)
        machine = learning.learn_data(data, n_hidden, recipe, seed=number)
        if machine is None:
            return None, None
        root = np.sqrt(probabilities(machine).numpy())
        applied = matrix @ root
        mean = float(root @ applied)
        # The local energy is (H psi)(v) / psi(v): its square has the mean |H psi|^2.
        spread = np.sqrt(max(0.0, float(applied @ applied) - mean**2))
        bound = quality.relative_error(mean, energy, float(spread / np.sqrt(n_evaluation)))
        return bound, bound

    return searched(evaluated, eps=eps, first=first, largest=largest, n_seeds=n_seeds, seed=seed)


@experiment(version=1)
def minimal_hidden_broken(*, n_spins: int, field: float, n_samples: int, eps: float, first: int, largest: int,
                          n_seeds: int, seed: int, n_updates: int = RECIPE.n_updates,
                          batch_size: int = RECIPE.batch_size, n_training_chains: int = RECIPE.n_training_chains,
                          learning_rate: float = RECIPE.learning_rate,
                          final_learning_rate: float = RECIPE.final_learning_rate,
                          n_evaluation: int = RECIPE.n_evaluation, n_chains: int = RECIPE.n_chains,
                          burn_in: int = RECIPE.burn_in, thin: int = RECIPE.thin) -> dict:
    """The smallest number of hidden units for an Ising chain that is magnetized up.

    The state is (even + odd) / sqrt(2) of the lowest states of both parities, each by DMRG. Its energy, the mean of
    theirs, is that of the ground state where the splitting vanishes, deep in a long ferromagnet.

    Parameters
    ----------
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
        As of `lib.experiments.learning.minimal_hidden`, and: "splitting", the energy of the odd state less that of the
        even one, in units of J; "magnetization" of the state per spin; "plain magnetization", the size of
        that of what DMRG without parity ends in, and "plain fidelity", of that with the state that is learnt, or the
        same state magnetized down, whichever is closer.

    """
    recipe = Recipe(n_updates, batch_size, n_training_chains, learning_rate, final_learning_rate, n_evaluation,
                    n_chains, burn_in, thin)
    learning.check_eps(eps)
    field = float(field)

    def evaluated(n_hidden: int, number: int) -> tuple[float | None, float | None]:
        return evaluated_bounds(_measured(n_spins, field, n_samples, number), n_hidden, recipe, number)

    results = searched(evaluated, eps=eps, first=first, largest=largest, n_seeds=n_seeds, seed=seed)
    up, down, _, splitting = _broken(n_spins, field)
    plain = dmrg.ground_state(chains.ising(n_spins, field), bond_dimension=BOND_DIMENSION, conserve=None).state
    return results | {"splitting": splitting, "magnetization": float(mps_averages.magnetization(up).mean()),
                      "plain magnetization": abs(float(mps_averages.magnetization(plain).mean())),
                      "plain fidelity": max(abs(mps.overlap(valley, plain)) ** 2 for valley in (up, down))}


@lru_cache(maxsize=4)
def _diagonalized(model: str, n_spins: int, parameter: float) -> tuple[csr_array, float, np.ndarray]:
    """Hamiltonian, energy and amplitudes of a chain's ground state."""
    chain = MODELS[model](n_spins, parameter)
    energy, psi = exact.ground_state(chain)
    return exact.hamiltonian(chain), energy, np.abs(psi)


@lru_cache(maxsize=4)
def _broken(n_spins: int, field: float) -> tuple[mps.MatrixProductState, mps.MatrixProductState, float, float]:
    """(even +- odd) / sqrt(2), first the one magnetized up; their energy; that of the odd state less the even one's."""
    chain = chains.ising(n_spins, field)
    even, odd = (dmrg.ground_state(chain, bond_dimension=BOND_DIMENSION, parity=sign) for sign in (1, -1))
    sign = np.sign(mps_averages.magnetization(mps.superposed(even.state, odd.state)).sum())
    up, down = (mps.superposed(even.state, odd.state, way * sign) for way in (1, -1))
    return up, down, (even.energy + odd.energy) / 2, odd.energy - even.energy


@lru_cache(maxsize=8)
def _measured(n_spins: int, field: float, n_samples: int, seed: int) -> Chain:
    """The chain of one seed, as `learning.chain` makes that of the symmetric state."""
    state, _, energy, _ = _broken(n_spins, field)
    data, fresh = (mps_samples.sample(state, n, rng=rng.stream(seed, use, n_spins, str(field)))
                   for n, use in ((n_samples, "learning broken"), (learning.N_FRESH, "learning broken fresh")))
    n_up, middle = fresh.sum(1, dtype=np.int64), (n_spins - 1) // 2
    sizes, m = np.abs(2.0 * n_up / n_spins - 1), mps_averages.magnetization(state)
    correlation = mps_averages.correlation(state)[middle, middle:] - m[middle] * m[middle:]
    return Chain(data, fresh, quality.Reference(
        n_spins, field, energy, float(sizes.mean()), float(sizes.std(ddof=1) / np.sqrt(len(fresh))), correlation,
        np.bincount(n_up, minlength=n_spins + 1) / len(fresh), None))
