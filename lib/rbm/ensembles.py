"""Many machines trained as one batch: other seeds, other data, other sizes, one set of settings.

Machines of one shape go through the compiled loops sixteen at a time (`_ensemble_kernels`), several such groups on
several cores. Each machine comes out as from a training of its own, to the same bits, whatever trains beside it and on
however many cores.

>>> from lib.rbm.machine import Machine
>>> from lib.rbm.training import TrainingSettings
>>> from lib.spins.measurements import read_text
>>> bits = read_text("data/measurements/qucumber/tfim1d_data.txt")[:200]
>>> seeds = range(1, 17)
>>> machines = [Machine.random(10, 5, seed=seed) for seed in seeds]
>>> found = train_ensemble(machines, bits, TrainingSettings(epochs=2), seeds=seeds)
>>> len(found), found[0].machine.weights.shape
(16, torch.Size([10, 5]))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np

from lib.checks import require_count
from lib.native.lanes import N_LANES
from lib.rbm import _ensemble_kernels as kernels
from lib.rbm import optimizers
from lib.rbm._training_engines import Numba, Torch
from lib.rbm.machine import Machine
from lib.rbm.training import TrainingResult, TrainingSettings, begin
from lib.rbm.training_settings import learning_rates, minibatches

__all__ = ["train_ensemble"]

_WORTHWHILE = 13  # fewer machines in sixteen lanes take longer than one after another


def train_ensemble(machines: Sequence[Machine], data, settings: TrainingSettings, *, seeds: Sequence[int],
                   threads: int = 1, every: int | None = None,
                   callback: Callable[[int, int, Machine], Any] | None = None) -> list[TrainingResult]:
    """Train many machines as `training.train` trains each of them, to the same bits and faster.

    Parameters
    ----------
    machines : sequence of Machine
        Where to start; of any sizes, and fast where thirteen or more have one shape and as many
        rows of data each.
    data : array_like of bits, shape (n_samples, n_visible), or a list of such arrays, one a machine
        Measurements.
    settings : TrainingSettings
        How to train, all of them. In lanes run contrastive divergence, persistent or not, by plain
        descent, momentum or Adam, of machines with all their weights; other trainings run one
        after another on each thread.
    seeds : sequence of int
        One a machine, as for `training.steps`.
    threads : int, >= 1
        Cores to use; no number depends on it.
    every : int, optional
        Epochs from one call of callback to the next; None: none between the first and the last.
    callback : callable, optional
        ``callback(number, epoch, machine)`` as in `training.train`, with the place of the machine
        in the list in front, from any of the threads.

    Returns
    -------
    list of TrainingResult
        One a machine, in their order. The seconds of machines that were trained together are
        those of all of them, divided by their number.

    Raises
    ------
    ValueError, Diverged
        As `training.steps`, naming the machine, and for lists of unequal lengths.

    """
    machines, seeds = list(machines), list(seeds)
    require_count("number of machines", len(machines), 1)
    require_count("threads", threads, 1)
    require_count("every", 1 if every is None else every, 1)
    of_each = isinstance(data, (list, tuple)) and len(data) > 0 and getattr(data[0], "ndim", 0) == 2
    for name, values, hint in (("seeds", seeds, "seeds=range(len(machines))"),
                               ("data", data if of_each else machines, "one array for all of them")):
        if len(values) != len(machines):
            raise ValueError(f"expected {name} for each of {len(machines)} machines, got {len(values)}; try {hint}")
    runs: list[Numba | Torch] = []
    for number, (machine, seed) in enumerate(zip(machines, seeds, strict=True)):
        rows = data[number] if of_each else runs[0].rows if runs else data  # one array stays one
        with _naming(number):
            runs.append(begin(machine, rows, settings, seed))
    with ThreadPoolExecutor(threads) as pool:
        tasks = [pool.submit(_train, numbers, [runs[number] for number in numbers], settings, every, callback)
                 for numbers in _groups(runs, settings)]
        try:
            found = {number: result for task in tasks for number, result in task.result().items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [found[number] for number in range(len(machines))]


@contextmanager
def _naming(number: int) -> Iterator[None]:
    """What goes wrong says of which machine."""
    try:
        yield
    except ValueError as error:
        raise type(error)(f"machine {number} (counted from 0): {error}") from None


def _groups(runs: list[Numba | Torch], settings: TrainingSettings) -> list[list[int]]:
    """Numbers of machines that are trained together: sixteen, thirteen or more, or one."""
    alike: dict[object, list[int]] = {}
    plain = settings.optimizer != "natural" and not settings.symmetric and not settings.centred
    for number, run in enumerate(runs):
        together = plain and isinstance(run, Numba) and not len(run.pruned)
        key = (*run.machine.weights.shape, len(run.rows), run.n_chains) if together else number
        alike.setdefault(key, []).append(number)
    groups = []
    for numbers in alike.values():
        cut = len(numbers) // N_LANES * N_LANES
        cut = len(numbers) if len(numbers) - cut >= _WORTHWHILE else cut
        groups += [numbers[first:min(first + N_LANES, cut)] for first in range(0, cut, N_LANES)]
        groups += [[number] for number in numbers[cut:]]
    return groups


def _train(numbers: list[int], runs: list[Numba | Torch], settings: TrainingSettings, every: int | None,
           callback: Callable | None) -> dict[int, TrainingResult]:
    """The machines of one group, trained."""
    together = _Together(runs) if len(runs) > 1 else None
    histories: dict[int, list] = {number: [] for number in numbers}
    seconds = 0.0
    for epoch in range(settings.epochs + 1):
        if epoch:
            began = time.perf_counter()
            if together is not None:
                together.epoch(epoch)
            for number, run in zip(numbers, runs, strict=True):
                with _naming(number):
                    run.epoch(epoch) if together is None else run.check(epoch)
            seconds += time.perf_counter() - began
        if callback is not None and (epoch in (0, settings.epochs) or every is not None and epoch % every == 0):
            for number, run in zip(numbers, runs, strict=True):
                value = callback(number, epoch, run.state())
                if value is not None:
                    histories[number].append((epoch, value))
    return {number: TrainingResult(run.state(), histories[number], seconds / len(runs))
            for number, run in zip(numbers, runs, strict=True)}


class _Together:
    """Up to sixteen trainings in lanes; empty lanes repeat the last one."""

    def __init__(self, runs: list[Numba]):
        self.runs, self.settings = runs, runs[0].settings
        self.lanes = [runs[min(lane, len(runs) - 1)] for lane in range(N_LANES)]
        self.parameters, self.chains, self.states = (
            np.stack([getattr(run, name) for run in self.lanes]) for name in ("parameters", "chains", "states"))
        self.moments = np.zeros((2, self.parameters.size), self.parameters.dtype)
        sets = {id(run.rows): run.rows for run in runs}
        places = {key: place for place, key in enumerate(sets)}
        self.words = np.stack([_words(rows) for rows in sets.values()])
        self.places = np.array([places[id(run.rows)] for run in self.lanes])
        self.batches = None  # room that every epoch uses again: of a new one the system has to clear each page

    def epoch(self, epoch: int) -> None:
        """One epoch of all of them."""
        settings = self.settings
        drawn = [minibatches(len(run.rows), settings, seed=run.seed, epoch=epoch) for run in self.runs]
        drawn += [drawn[-1]] * (N_LANES - len(drawn))
        batches = self.batches = np.stack([rows for rows, _ in drawn], out=self.batches)
        own = not settings.persistent and drawn[0][1] is not drawn[0][0]  # chains that begin elsewhere
        starts = np.stack([rows for _, rows in drawn]) if own else batches
        n_steps = batches.shape[1]
        with np.errstate(over="ignore"):  # an absurd rate ends as "diverged", not as a warning
            rates = learning_rates(settings, n_steps, epoch).astype(self.parameters.dtype)
        kernels.train_epoch(self.parameters, self.words, self.places, batches, starts, settings.persistent, self.chains,
                            self.states, optimizers.OPTIMIZERS.index(settings.optimizer), float(settings.momentum),
                            self.moments, (epoch - 1) * n_steps, settings.n_gibbs, rates)
        for run, parameters in zip(self.runs, self.parameters):
            run.parameters[:] = parameters


def _words(rows: np.ndarray) -> np.ndarray:
    """Rows of bits in numbers of 32: bit b of word w is that of unit 32 w + b."""
    n_rows, n_visible = rows.shape
    n_words = -(-n_visible // kernels.WORD)
    padded = np.zeros((n_rows, kernels.WORD * n_words), np.uint8)
    padded[:, :n_visible] = rows
    return np.packbits(padded, axis=1, bitorder="little").view("<u4").astype(np.uint32)
