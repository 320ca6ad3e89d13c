"""Pruning a trained machine step by step (section 7.3): which weights go next, and training in between.

`lib.experiments.pruning` measures a machine all along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from lib import rng
from lib.conventions import all_states
from lib.pruning import magnitude, schedule
from lib.rbm import quality, sampling
from lib.rbm.distributions import effective_energy_gradient
from lib.rbm.machine import Machine
from lib.rbm.partition import probabilities
from lib.rbm.training import TrainingSettings, train

CRITERIA = ("magnitude", "unit", "fisher", "random", "none")
N_FISHER_SAMPLES, N_FISHER_CHAINS = 100_000, 1000  # Gibbs samples behind <v_i h_j> where it cannot be summed


def prune(machine: Machine, data: np.ndarray, left: Sequence[int], fine_tuning: TrainingSettings | None, *,
          criterion: str, seed: int) -> Iterator[Machine]:
    """Prune and train on, step by step (section 7.3).

    Parameters
    ----------
    machine : Machine
        Trained before.
    data : ndarray of 0 and 1, shape (n_samples, n_visible)
        Measurements to train on.
    left : sequence of int
        A schedule, the weights left after each step, see `lib.pruning.schedule`.
    fine_tuning : TrainingSettings or None
        The training after each step, None for none.
    criterion : {"magnitude", "unit", "fisher", "random", "none"}
        Which weights stay: "magnitude" the largest ``|W|``, "unit" the same within each hidden
        unit, "fisher" the largest W^2 Var(v_i h_j), "random" any, "none" all (then the numbers in
        `left` only count the steps).
    seed : int, >= 0
        Fixes choices and training.

    Returns
    -------
    iterator of Machine
        The machine after each step, whose mask has left[step] weights.

    Raises
    ------
    ValueError
        For another criterion and a schedule that asks for more weights than there are, both before
        the first step.
    training.Diverged
        At the step where training diverges.

    """
    check_criterion(criterion)
    left = schedule.check_schedule(machine.n_weights, left) if criterion != "none" else [machine.n_weights] * len(left)
    return _steps(machine, data, left, fine_tuning, criterion, seed)


def _steps(machine, data, left, fine_tuning, criterion, seed) -> Iterator[Machine]:
    for step, n_left in enumerate(left, start=1):
        machine = machine.pruned(_choose(machine, data, n_left, criterion, rng.child_seed(seed, "choose", step)))
        if fine_tuning is not None:
            machine = train(machine, data, fine_tuning, seed=rng.child_seed(seed, "fine-tuning", step)).machine
        yield machine


def _choose(machine: Machine, data: np.ndarray, n_left: int, criterion: str, seed: int) -> np.ndarray:
    weights = machine.weights.detach().cpu().numpy()
    mask = np.ones(weights.shape, dtype=bool) if machine.mask is None else machine.mask.cpu().numpy()
    if criterion == "none" or n_left == machine.n_weights:
        return mask
    if criterion == "random":
        return magnitude.at_random(mask, n_left, rng=rng.stream(seed, "random"))
    if criterion == "fisher":
        return magnitude.by_fisher(weights, moments(machine, data, seed=seed).cpu().numpy(), mask, n_left)
    return {"magnitude": magnitude.by_magnitude, "unit": magnitude.by_unit}[criterion](weights, mask, n_left)


def moments(machine: Machine, data: np.ndarray, *, seed: int) -> Tensor:
    """The means <v_i h_j> under the machine, by a sum over all states up to 18 visible units.

    Beyond, the mean over 1e5 Gibbs samples of v_i p(h_j = 1 | v), from chains that start at
    measurements.

    Parameters
    ----------
    machine : Machine
        Whose means they are.
    data : ndarray of 0 and 1, shape (n_samples, n_visible)
        Measurements at which chains start.
    seed : int, >= 0
        Fixes the chains.

    Returns
    -------
    Tensor, shape (n_visible, n_hidden)
        The means.

    """
    if machine.n_visible <= quality.MAX_SUMMED_SPINS:
        return -effective_energy_gradient(machine, all_states(machine.n_visible), probabilities(machine)).weights
    samples = sampling.sample(machine, N_FISHER_SAMPLES, seed=seed, start=data, n_chains=N_FISHER_CHAINS)
    return -effective_energy_gradient(machine, samples.reshape(-1, machine.n_visible)).weights


def local_mask(n_visible: int, n_hidden: int, n_left: int) -> np.ndarray:
    """The shortest bonds between visible units on a line and hidden ones spread evenly along it.

    Hidden unit j is at (j + 1/2) n_visible / n_hidden - 1/2.

    Parameters
    ----------
    n_visible, n_hidden : int
        Numbers of units.
    n_left : int
        Bonds that stay.

    Returns
    -------
    ndarray of bool, shape (n_visible, n_hidden)
        True for the n_left shortest bonds.

    Raises
    ------
    ValueError
        For n_left above the number of bonds.

    """
    places = (np.arange(n_hidden) + 0.5) * n_visible / n_hidden - 0.5
    return magnitude.keep_largest(-np.abs(np.arange(n_visible)[:, None] - places), None, n_left)


def check_criterion(criterion: str) -> None:
    """Refuse another criterion than those of CRITERIA.

    Parameters
    ----------
    criterion : str
        What is asked for.

    Raises
    ------
    ValueError
        For another one; try "magnitude".

    """
    if criterion not in CRITERIA:
        raise ValueError(f"expected a criterion among {', '.join(CRITERIA)}, got {criterion!r}; try 'magnitude'")
