"""Single machines and states that the pages of chapter 6 compute in every build: points of sweeps without a record.

They have no versions, since nothing is kept of them but with the code that made it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lib import rng
from lib.experiments.learning_chains import MODELS
from lib.rbm import conditional, learning, observables, quality, sampling, tempering
from lib.rbm.states import PositiveState
from lib.spins import bases, chains, exact, ising, mps_averages, mps_fit
from lib.spins import mps_variational as products


def coverage(*, n_spins: int, field: float, n_hidden: int, n_samples: int, n_updates: int, n_chains: int,
             n_draws: int, seed: int) -> dict[str, float]:
    """How often the bound (6.2) of a chain of successive samples covers the true error of a machine's energy.

    Parameters
    ----------
    n_spins : int
        Spins, few enough for a sum over all states.
    field : float
        h/J.
    n_hidden, n_samples, n_updates : int
        Of the machine, which is trained for a short while.
    n_chains, n_draws : int
        Gibbs chains, and successive states of each.
    seed : int
        Of all.

    Returns
    -------
    dict of str to float
        "as printed" and "with tau", the shares of chains whose bound covers it, without and with the autocorrelation
        time in the standard error; "tau", that time in sweeps.

    """
    of = learning.chain(n_spins, field, n_samples, seed=seed)
    machine = learning.learn(of, n_hidden, learning.Recipe(n_updates=n_updates), seed=seed)
    draws = sampling.sample(machine, n_chains * n_draws, seed=rng.child_seed(seed, "coverage"), start=of.fresh,
                            n_chains=n_chains, thin=1)
    local = observables.energy(PositiveState(machine), draws, field)
    off = abs(ising.energy(PositiveState(machine).psi().numpy(), field) - of.exact.energy) / abs(of.exact.energy)
    tau = observables.estimate(local).tau
    found = {"tau": tau}
    for kind, factor in (("as printed", 1.0), ("with tau", np.sqrt(tau))):
        errors = factor * local.std(0, ddof=1) / np.sqrt(len(local))
        bounds = [quality.relative_error(mean, of.exact.energy, error)
                  for mean, error in zip(local.mean(0), errors, strict=True)]
        found[kind] = np.mean(np.array(bounds) >= off)
    return found


def judged(*, n_spins: int, field: float, n_hidden: int, n_samples: int, n_updates: int,
           seed: int) -> dict[str, list]:
    """Energy and magnetization of a machine by a sum over all states, by chains from exact samples, by tempered ones.

    Parameters
    ----------
    n_spins, n_hidden, n_samples, n_updates : int
        Of a machine that is trained for a short while, of few enough spins for a sum.
    field : float
        h/J.
    seed : int
        Of all.

    Returns
    -------
    dict of str to list
        "judge", "energy", "magnetization", the last two as text with their errors.

    """
    of = learning.chain(n_spins, field, n_samples, seed=seed)
    state = PositiveState(learning.learn(of, n_hidden, learning.Recipe(n_updates=n_updates), seed=seed))
    psi = state.psi().numpy()
    rows = [("sum over all states", f"{ising.energy(psi, field):.6g}", f"{ising.magnetization_z(psi).mean():.6g}")]
    for judge, draws in (
            ("fresh exact samples", sampling.sample(state.machine, 20_000, seed=seed, start=of.fresh, n_chains=1000,
                                                    burn_in=500, thin=10)),
            ("tempered", tempering.sample(state.machine, 20_000, seed=seed, data=of.data))):
        values = (observables.energy(state, draws, field), 2 * draws.mean(-1) - 1.0)
        rows.append((judge, *(str(observables.estimate(one)) for one in values)))
    return dict(zip(("judge", "energy", "magnetization"), map(list, zip(*rows, strict=True)), strict=True))


def bias_deviation(*, n_spins: int, field: float, n_hidden: int, n_samples: int, n_updates: int,
                   seed: int) -> dict[str, float]:
    """How far the visible biases of a trained machine are from those that the symmetry dictates.

    Parameters
    ----------
    n_spins, n_hidden, n_samples, n_updates : int
        As of `lib.experiments.learning.learning_run`.
    field : float
        h/J.
    seed : int
        Of all.

    Returns
    -------
    dict of str to float
        "deviation", the norm of b_i + sum_j W_ij / 2 over that of b.

    """
    of = learning.chain(n_spins, field, n_samples, seed=seed)
    machine = learning.learn(of, n_hidden, learning.Recipe(n_updates=n_updates), seed=seed)
    dictated = -machine.weights.sum(1) / 2
    return {"deviation": float((machine.visible_bias - dictated).norm() / machine.visible_bias.norm())}


def bond_dimensions(*, sizes: Sequence[int], fields: Sequence[float], bounds: Sequence[float],
                    seed: int) -> dict[str, list]:
    """The smallest bond dimensions at which the energy is within relative errors.

    Parameters
    ----------
    sizes, fields, bounds, seed
        As of `lib.spins.mps_variational.needed`.

    Returns
    -------
    dict of str to list
        "columns" and "rows" of the table that `lib.spins.mps_variational.needed` gives.

    """
    rows = products.needed(sizes, fields, bounds, seed=seed)
    return {"columns": list(rows[0]), "rows": [list(row.values()) for row in rows]}


def learnt_product(*, n_spins: int, field: float, n_samples: int, bond_dimension: int, seed: int) -> dict[str, float]:
    """A matrix product state fitted to measurements by maximum likelihood.

    Parameters
    ----------
    n_spins, n_samples, bond_dimension : int
        Spins, measurements along z, and its size.
    field : float
        h/J.
    seed : int
        Of all.

    Returns
    -------
    dict of str to float
        "energy error", the relative one; "plain error", that without the signs of its amplitudes;
        "negative", the weight of amplitudes below zero.

    """
    outcomes = bases.measured(learning.chain(n_spins, field, n_samples, seed=seed).data, "Z" * n_spins)
    fit = mps_fit.maximum_likelihood(outcomes, bond_dimension=bond_dimension, seed=seed, complex_numbers=False,
                                     max_steps=60)
    psi = fit.state.vector()
    signed, plain = mps_averages.energy(fit.state, chains.ising(n_spins, field)), ising.energy(abs(psi), field)
    return {"energy error": products.relative_error(n_spins, field, signed),
            "plain error": products.relative_error(n_spins, field, plain),
            "negative": float((psi[psi < 0] ** 2).sum())}


def closest_machine(*, model: str, n_spins: int, parameter: float, n_hidden: int, seed: int) -> dict[str, float]:
    """What the form of a machine allows: the one that is closest to the exact distribution of a chain.

    Parameters
    ----------
    model : str
        Of `lib.experiments.learning_chains.MODELS`.
    n_spins, n_hidden : int
        Spins and hidden units.
    parameter : float
        Of the chain.
    seed : int
        Of the starts.

    Returns
    -------
    dict of str to float
        "error of the energy", relative, and "largest weight".

    """
    chain = MODELS[model](n_spins, parameter)
    energy, psi = exact.ground_state(chain)
    closest = conditional.fit_state(psi, n_hidden, seed=seed)
    return {"error of the energy": abs(exact.energy(chain, PositiveState(closest).psi().numpy()) / energy - 1),
            "largest weight": float(closest.weights.abs().max())}
