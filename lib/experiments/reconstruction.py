"""From measurements of an Ising ground state to observables of the machine that learnt them (section 5.3).

One experiment, start to end, as a function of its settings: the points of figure 5.2 and of its record.

Version 1, 2026-11-28: the first with a number; all records of before were made by it.
"""

from __future__ import annotations

import numpy as np

from lib import rng
from lib.experiments import experiment
from lib.rbm import metrics, observables
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from lib.rbm.training import TrainingSettings, train
from lib.spins import free_fermions, ising

MAX_SUMMED_SPINS = 16  # up to here all 2^n_spins states are summed; beyond, exact values are free fermions'


@experiment(version=1)
def magnetizations(*, n_spins: int, field: float, n_hidden: int, n_samples: int, epochs: int, batch_size: int,
                   n_gibbs: int, learning_rate: float, final_learning_rate: float, n_evaluation: int, n_chains: int,
                   seed: int) -> dict[str, float | None]:
    """Measure a chain at one field, train a machine, and compare its observables with exact ones.

    For figure 5.2. The machine starts from small weights and biases that favour neither direction
    and is trained by CD with a learning rate that falls along a cosine. Everything random follows
    from seed, n_spins and field.

    Parameters
    ----------
    n_spins : int
        Spins of the chain.
    field : float
        In units of J.
    n_hidden : int
        Hidden units of the machine.
    n_samples : int
        Measurements to learn from.
    epochs, batch_size, n_gibbs : int
        Of the training, see `TrainingSettings`.
    learning_rate, final_learning_rate : float
        Of the training.
    n_evaluation : int
        Samples of the machine, and beyond 16 spins exact ones.
    n_chains : int
        Gibbs chains that the samples come from; they start at measurements.
    seed : int
        Of the random numbers.

    Returns
    -------
    dict of str to float or None
        For "z" (5.6, mean spin), "abs m" (mean size of the magnetization), "x" (5.9, mean
        transverse spin) and "energy" (per spin, units of J) the estimate, its standard error "...
        error", the value "... machine" of the machine's state by summation, and the exact one "...
        exact"; also the "fidelity" with the ground state. Beyond 16 spins nothing is summed:
        fidelity and "... machine" are None, and "abs m exact" is a mean over n_evaluation
        independent exact samples, with its error in "abs m exact error" (else 0).

    """
    def named(use: str) -> tuple[int, str, int, str]:
        return seed, use, n_spins, str(float(field))

    summed = n_spins <= MAX_SUMMED_SPINS
    ground = ising.ground_state(n_spins, field)[1] if summed else None
    draw = ising.sample if summed else free_fermions.sample
    chain = (ground,) if summed else (n_spins, field)
    data = draw(*chain, n_samples, rng=rng.stream(*named("data")))
    start = Machine.random(n_spins, n_hidden, seed=rng.child_seed(*named("start")), scale=0.01, symmetric_biases=True)
    settings = TrainingSettings(epochs=epochs, batch_size=batch_size, n_gibbs=n_gibbs, learning_rate=learning_rate,
                                final_learning_rate=final_learning_rate)
    state = PositiveState(train(start, data, settings, seed=rng.child_seed(*named("training"))).machine)
    samples = state.sample(n_evaluation, seed=rng.child_seed(*named("sampling")), start=data, n_chains=n_chains)

    estimates = {"z": observables.magnetization_z(samples), "abs m": observables.absolute_magnetization(samples),
                 "x": observables.magnetization_x(state, samples),
                 "energy": observables.energy(state, samples, field) / n_spins}
    results: dict[str, float | None] = {"fidelity": metrics.fidelity(state, ground) if summed else None}
    for name, values in estimates.items():
        estimate = observables.estimate(values)
        results |= {name: estimate.mean, f"{name} error": estimate.error}
    if summed:
        for kind, psi in (("machine", state.psi().numpy()), ("exact", ground)):
            results |= {f"{name} {kind}": value for name, value in _by_sum(psi, field).items()}
        return results | {"abs m exact error": 0.0}
    reference = free_fermions.sample(n_spins, field, n_evaluation, rng=rng.stream(*named("reference")))
    sizes = np.abs(2.0 * reference.mean(axis=1) - 1)
    return results | {f"{name} machine": None for name in estimates} | {
        "z exact": 0.0, "abs m exact": float(sizes.mean()),
        "x exact": float(free_fermions.magnetization_x(n_spins, field).mean()),
        "energy exact": free_fermions.ground_state_energy(n_spins, field) / n_spins,
        "abs m exact error": float(sizes.std(ddof=1) / np.sqrt(n_evaluation))}


def _by_sum(psi: np.ndarray, field: float) -> dict[str, float]:
    """The observables of a state vector, summed over all states."""
    z = ising.magnetization_z(psi)
    return {"z": float(np.mean(z)), "abs m": float(ising.absolute_magnetization(psi)),
            "x": float(np.mean(ising.magnetization_x(psi))), "energy": float(ising.energy(psi, field)) / len(z)}
