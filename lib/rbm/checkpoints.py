"""Where a training stands, on the way and on disk: the iteration of all trainings, and going on after an interrupt.

>>> from lib.rbm import checkpoints
>>> from lib.rbm.machine import Machine
>>> from lib.rbm.training import TrainingSettings, steps
>>> machine, data = Machine.random(3, 2, seed=1), [[0, 1, 1], [1, 1, 1], [0, 0, 1]]
>>> settings = TrainingSettings(epochs=40, batch_size=2)
>>> for step in steps(machine, data, settings, seed=1, every=10):
...     checkpoints.save("training.npz", step)
...     if step.epoch == 20:
...         break  # an interrupt, say
>>> last = checkpoints.load("training.npz")
>>> [step.epoch for step in steps(machine, data, settings, seed=1, every=10, resume=last)]
[20, 30, 40]

A checkpoint holds all that changes in a training: parameters, moments of the optimizer, chains or replicas, and the
states of the random numbers. From it the training goes on to the same bits (by the engine that began it). It is no
saved machine: `files.save` writes those. The file is one of `lib.rbm.files`, without pickle.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.checks import require_count
from lib.rbm import files
from lib.rbm._resumable import Work

_GROWING = ("ladder_", "random_")  # names of arrays whose length changes on the way
_HEAD = {"epoch": int, "seconds": float, "loss": (float, type(None)), "training": dict}


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A step that can be gone on from.

    Attributes
    ----------
    epoch : int
        Epochs done.
    seconds : float
        Of training so far.
    loss : float or None
        Of the last epoch, see `Step`.
    training : dict
        Says of which training.
    arrays : dict of str to ndarray
        All that changes in it.

    """

    epoch: int
    seconds: float
    loss: float | None
    training: dict
    arrays: dict[str, np.ndarray]

    def __repr__(self) -> str:
        return f"Checkpoint(epoch {self.epoch} of a {self.training.get('kind')} state)"


class Step:
    """Where a training stands.

    Attributes
    ----------
    epoch : int
        Epochs done.
    state : Machine, ComplexState or MixedState
        The Machine of a positive state, or the state; the training does not change it any more.
    seconds : float
        Of training so far, without what the loop does in between.
    loss : float or None
        Mean over the last epoch's steps of -ln P of the minibatch, in nats a measurement; None
        before the first epoch, and where ln Z is not known.

    """

    def __init__(self, epoch: int, state: Any, seconds: float, loss: float | None, work: Work, progress: list[int]):
        self.epoch, self.state, self.seconds, self.loss = epoch, state, seconds, loss
        self._work, self._progress = work, progress

    def __repr__(self) -> str:
        loss = "" if self.loss is None else f", loss {self.loss:.4g}"
        return f"Step(epoch {self.epoch}{loss}, {self.seconds:.3g} s, {self.state})"

    def checkpoint(self) -> Checkpoint:
        """All that is needed to go on here.

        Returns
        -------
        Checkpoint
            In memory of its own.

        Raises
        ------
        ValueError
            Once the training has gone on; try it inside the loop, before the next step.

        """
        if self._progress[0] != self.epoch:
            raise ValueError(f"expected to keep the step of epoch {self.epoch} before the training goes on, got one at "
                             f"epoch {self._progress[0]}; try it inside the loop, before the next step")
        arrays = {name: value.copy() for name, value in self._work.arrays().items()}
        return Checkpoint(self.epoch, self.seconds, self.loss, self._work.training(), arrays)


def advance(work: Work, epochs: int, every: int, resume: Checkpoint | None) -> Iterator[Step]:
    """The steps of a training: before the first epoch, after every `every` epochs, after the last.

    Parameters
    ----------
    work : Work
        The training.
    epochs : int
        At which it ends.
    every : int, >= 1
        Epochs between steps.
    resume : Checkpoint or None
        Where the first step stands, if it is given.

    Returns
    -------
    iterator of Step
        The training goes on as they are asked for.

    Raises
    ------
    ValueError
        At once for another training's checkpoint; try the data, settings and seed that it began
        with.

    """
    require_count("every", every, 1)
    if resume is not None:
        _go_on(work, epochs, resume)
    return _steps(work, epochs, every, resume)


def _steps(work: Work, epochs: int, every: int, resume: Checkpoint | None) -> Iterator[Step]:
    begin, seconds, loss = (0, 0.0, None) if resume is None else (resume.epoch, resume.seconds, resume.loss)
    progress = [begin]  # the epoch at which `work` is, for all steps to see
    yield Step(begin, work.state(), seconds, loss, work, progress)
    for epoch in range(begin + 1, epochs + 1):
        began = time.perf_counter()
        progress[0] = epoch
        loss = work.epoch(epoch)
        seconds += time.perf_counter() - began
        if epoch == epochs or epoch % every == 0:
            yield Step(epoch, work.state(), seconds, loss, work, progress)


def save(path: str | os.PathLike, step: Step | Checkpoint) -> None:
    """Write the checkpoint of a step.

    The whole file is written or, whatever goes wrong, none, and an earlier one stays.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    step : Step or Checkpoint
        To be saved.

    Raises
    ------
    ValueError
        For anything else (try `files.save` for a machine) and for a step that the training has left
        behind.
    FileNotFoundError
        Where the folder is missing.
    OSError
        Others as the system does.

    """
    if not isinstance(step, (Step, Checkpoint)):
        raise ValueError(f"expected a step of a training or its checkpoint, got {type(step).__name__}; try "
                         "files.save for a machine")
    kept = step.checkpoint() if isinstance(step, Step) else step
    files.write(path, kept.arrays, {name: getattr(kept, name) for name in _HEAD})


def load(path: str | os.PathLike) -> Checkpoint:
    """Read a checkpoint.

    Parameters
    ----------
    path : str or os.PathLike
        A file that `save` wrote.

    Returns
    -------
    Checkpoint
        For ``resume`` of the same training.

    Raises
    ------
    ValueError
        Naming the file if it is damaged or none; try `files.load` for a saved machine.
    OSError
        If it cannot be read.

    """
    arrays, head = files.read(path, "checkpoint", "rbm.checkpoints.save")
    if set(head) != set(_HEAD) or not all(isinstance(head[name], kind) for name, kind in _HEAD.items()):
        raise ValueError(f"expected {path} to be the checkpoint of a training, got the members "
                         f"{', '.join(arrays) or 'none'} with {', '.join(head) or 'nothing'}; try files.load for a "
                         "saved machine")
    return Checkpoint(**head, arrays=arrays)


def _go_on(work: Work, epochs: int, resume: Checkpoint) -> None:
    """Put the training where the checkpoint stands; ValueError for that of another one."""
    if not isinstance(resume, Checkpoint):
        raise ValueError(f"expected resume as a Checkpoint, got {type(resume).__name__}; try checkpoints.load(path)")
    ours, theirs = _flattened(work.training()), _flattened(resume.training)
    if ours.get("final_learning_rate") is None and resume.epoch <= epochs:  # the rate does not depend on the epochs
        theirs["epochs"] = epochs
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            raise ValueError(f"expected a checkpoint of this very training, got one with {name} {theirs.get(name)!r} "
                             f"instead of {ours.get(name)!r}; try the data, settings and seed that it began with")
    own = work.arrays()
    for name in sorted({*own, *resume.arrays}):
        first = 1 if name.startswith(_GROWING) else 0
        wanted, found = (None if name not in of else (of[name].dtype.str, of[name].shape[first:])
                         for of in (own, resume.arrays))
        if wanted != found:
            raise ValueError(f"expected {name} of type and shape {wanted} in the checkpoint, got {found}; try the "
                             "machine that the training began with, or one of as many units")
    work.restore(resume.arrays, resume.epoch)


def _flattened(training: dict) -> dict:
    settings = training.get("settings")
    return {**{name: value for name, value in training.items() if name != "settings"},
            **(settings if isinstance(settings, dict) else {})}
