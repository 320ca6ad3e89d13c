"""Training restricted Boltzmann machines by contrastive divergence (section 4.2).

Stochastic gradient descent on the Kullback-Leibler divergence (4.12): each step subtracts the learning rate
times <grad E>_data - <grad E>_model (4.15, 4.19), or what an optimizer makes of it. The average over the model
comes from short Gibbs chains (4.23) or, for small machines, from the exact distribution.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lib.chain_checks import check_bits
from lib.rbm._training_engines import LARGEST_PARAMETER, Diverged, Numba, Torch
from lib.rbm.checkpoints import Checkpoint, Step, advance
from lib.rbm.machine import Machine, balanced_biases, check_machine
from lib.rbm.sampling import choose_engine
from lib.rbm.training_settings import TrainingSettings

__all__ = ["Diverged", "TrainingResult", "TrainingSettings", "steps", "train"]


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves.

    Attributes
    ----------
    machine : Machine
        Trained, with the dtype and device of the one that training started from.
    history : list of (int, object)
        Epoch and value, for every value that the callback returned.
    seconds : float
        Time of training, without the callback's.
    """

    machine: Machine
    history: list[tuple[int, Any]] = field(default_factory=list)
    seconds: float = 0.0


def train(machine: Machine, data, settings: TrainingSettings, *, seed: int, every: int | None = None,
          callback: Callable[[int, Machine], Any] | None = None, resume: Checkpoint | None = None,
          renew: Callable[[int, Machine], np.ndarray] | None = None) -> TrainingResult:
    """Fit the machine to measurements by CD-k or PCD-k (section 4.2): all of `steps`.

    Parameters
    ----------
    machine, data, settings, seed, every, resume, renew
        As for `steps`; `every=None`: no step between the first and the last.
    callback : callable, optional
        `callback(epoch, machine)` is called before the first epoch (0), after every `every` epochs
        and after the last one; what it returns goes into the history, which after `resume` begins
        there.

    Returns
    -------
    TrainingResult
        The trained machine and the history.

    Raises
    ------
    ValueError, Diverged
        As `steps`.
    """
    history: list[tuple[int, Any]] = []
    of_all = steps(machine, data, settings, seed=seed, every=sys.maxsize if every is None else every, resume=resume,
                   renew=renew)
    for step in of_all:
        if callback is not None:
            value = callback(step.epoch, step.state)
            if value is not None:
                history.append((step.epoch, value))
    return TrainingResult(step.state, history, step.seconds)


def steps(machine: Machine, data, settings: TrainingSettings, *, seed: int, every: int = 1,
          resume: Checkpoint | None = None,
          renew: Callable[[int, Machine], np.ndarray] | None = None) -> Iterator[Step]:
    """Train step by step: yield before the first epoch, after every `every` epochs, after the last.

    The given machine is left as it is; to stop early, leave the loop. Of a pruned machine
    (`Machine.pruned`) the weights that exist and all biases are trained; the others stay zero.

    Parameters
    ----------
    machine : Machine
        Where to start.
    data : array_like of bits, shape (n_samples, n_visible)
        Measurements.
    settings : TrainingSettings
        How to train.
    seed : int
        Fixes the minibatches and the chains; one seed gives one result, however many processes run
        (engine "numba"; with "torch", and with the natural gradient, the last digits depend on
        threads and device). To train a machine further take another seed, else the same minibatches
        and chains come again.
    every : int
        Epochs from one yield to the next.
    resume : Checkpoint, optional
        Of a step of this very training, which goes on there to the same bits; epochs may be others,
        where the learning rate is constant.
    renew : callable, optional
        `renew(epoch, machine)` gives other rows for an epoch, uint8 of the shape of data
        (`readout`); such a training has no checkpoints.

    Yields
    ------
    Step
        The epoch, a copy of the machine, and what a checkpoint needs.

    Raises
    ------
    ValueError
        For data of another width or value, for a machine beyond the following bounds and for the
        checkpoint of another training.
    Diverged
        A ValueError naming the epoch, when a parameter is no longer finite or its absolute value
        exceeds 1000.
    """
    return advance(begin(machine, data, settings, seed, renew), settings.epochs, every, resume)


def begin(machine: Machine, data, settings: TrainingSettings, seed: int, renew=None) -> Numba | Torch:
    """A training that has yet to begin, with the checks of `steps`.

    Parameters
    ----------
    machine : Machine
        To start from; stays as it is.
    data : array_like of 0 and 1, shape (n_samples, n_visible)
        What is learnt.
    settings : TrainingSettings
        How.
    seed : int, >= 0
        Of minibatches and chains.
    renew : callable or None
        What draws the rows anew in every epoch, from its number and the machine; None for `data` as it is.

    Returns
    -------
    Numba or Torch
        The engine that `settings` ask for, at epoch 0.

    Raises
    ------
    ValueError
        As `steps`.

    """
    check_machine(machine)
    if not isinstance(settings, TrainingSettings):
        hint = "TrainingSettings(**settings)" if isinstance(settings, dict) else "TrainingSettings(epochs=100)"
        raise ValueError(f"expected settings as TrainingSettings, got {type(settings).__name__}; try {hint}")
    rows = check_bits(data, machine.n_visible, name="data",
                      hint=f"Machine.random({{found}}, {machine.n_hidden}, seed=1), or the data of the other chain")
    largest = max(float(value.detach().abs().max())
                  for value in (machine.weights, machine.visible_bias, machine.hidden_bias))
    if largest > LARGEST_PARAMETER:
        raise ValueError(f"expected a machine with parameters of size at most {LARGEST_PARAMETER:g} to start from, got "
                         f"one of size {largest:.3g}; try Machine.random({machine.n_visible}, {machine.n_hidden}, "
                         "seed=1)")
    if settings.symmetric:
        _check_balanced(machine)
    sampled = settings.negative_phase == "sampled"
    engine = choose_engine(machine, settings.engine) if sampled else "torch"
    return (Numba if engine == "numba" else Torch)(machine, rows, settings, seed, renew)


def _check_balanced(machine: Machine) -> None:
    """ValueError for a machine that changes when all units are flipped."""
    far = max(float((found - wanted).detach().abs().max()) for found, wanted in zip(
        (machine.visible_bias, machine.hidden_bias), balanced_biases(machine.weights)))
    if far > 1e-5 * (1 + float(machine.weights.detach().abs().max())):
        raise ValueError("expected a machine that is symmetric under flipping all units to start from, got biases that "
                         f"are off by {far:.3g}; try Machine.random({machine.n_visible}, {machine.n_hidden}, seed=1, "
                         "symmetric_biases=True)")
