"""One machine for all fields against one machine a field, with equally many measurements in all (chapter 6).

Version 1, 2026-11-29: the first.
"""

from __future__ import annotations

import numpy as np

from lib import rng
from lib.checks import require_count
from lib.conventions import state_index
from lib.experiments import experiment
from lib.rbm import metrics
from lib.rbm.conditional import ConditionalMachine, fit, loss
from lib.rbm.machine import Machine
from lib.rbm.partition import probabilities
from lib.spins import ising

N_STARTS = 3  # of each fit; the likelihood of the data chooses


@experiment(version=1)
def learning_conditional(*, n_spins: int, fields: list[float], held_out: list[float], n_hidden: int, n_samples: int,
                         together: bool, degree: int, seed: int, n_steps: int = 300) -> dict:
    """Fit measurements at several fields by one machine, or by one a field, and evaluate by sums over all states.

    All fits climb the exact likelihood, from three starts each, of which the most likely is kept, so
    that no sampling blurs what is compared. Where measurements are few, n_steps ends the climb before
    its top: more steps let machines of one field learn more of the noise.

    Parameters
    ----------
    n_spins : int
        Spins of the chain, at most 14.
    fields : list of float
        h/J of the measurements.
    held_out : list of float
        Fields between them, at which a machine for all fields has seen nothing. Machines of one field are
        fitted to measurements there, as many as at the others.
    n_hidden : int
        Hidden units.
    n_samples : int
        Measurements at each field.
    together : bool
        One machine for all fields, whose parameters are polynomials of ln h; else one a field.
    degree : int
        Of the polynomials; machines of one field have none.
    seed : int
        Of the random numbers; the measurements are the same with and without together.
    n_steps : int, default 300
        Of L-BFGS, at most.

    Returns
    -------
    dict
        Of each field: "energy error", relative; "infidelity"; "kl", of the exact distribution from the machine's, in
        nats; and the same with "held out" before. "parameters": those of all machines of `fields` together.

    """
    require_count("n_samples", n_samples)
    states = {h: ising.ground_state(n_spins, h) for h in (*fields, *held_out)}
    shares = {h: _frequencies(psi, n_samples, rng.stream(seed, "conditional data", n_spins, str(float(h))))
              for h, (_, psi) in states.items()}

    def fitted(at: list[float], degree: int) -> ConditionalMachine:
        q = np.stack([shares[h] for h in at]) / len(at)
        starts = [ConditionalMachine.random(n_spins, n_hidden, degree, low=min(fields), high=max(fields),
                                            seed=rng.child_seed(seed, "conditional start", number))
                  for number in range(N_STARTS)]
        found = [fit(start, at, q, n_steps=n_steps) for start in starts]
        return min(found, key=lambda machine: loss(machine, at, q)[0])

    if together:
        one = fitted(fields, degree)
        machines, n_parameters = {h: one.at(h) for h in states}, one.n_parameters
    else:
        machines = {h: fitted([h], 0).at(h) for h in states}
        n_parameters = sum(machines[h].n_parameters for h in fields)
    found = {h: _evaluated(machines[h], h, *states[h]) for h in states}
    results = {"parameters": n_parameters}
    for kind, at in (("", fields), ("held out ", held_out)):
        results |= {kind + name: [found[h][name] for h in at] for name in ("energy error", "infidelity", "kl")}
    return results


def _frequencies(psi: np.ndarray, n_samples: int, generator: np.random.Generator) -> np.ndarray:
    """How often each state of the basis is measured, as shares."""
    return np.bincount(state_index(ising.sample(psi, n_samples, rng=generator)), minlength=psi.size) / n_samples


def _evaluated(machine: Machine, field: float, energy: float, psi: np.ndarray) -> dict[str, float]:
    """What a machine gets wrong, by sums over all states."""
    root = np.sqrt(probabilities(machine).numpy())
    return {"energy error": abs(ising.energy(root, field) - energy) / abs(energy),
            "infidelity": 1 - float(root @ psi) ** 2, "kl": metrics.kl_divergence(psi**2, machine)}
