"""Training a complex state on measurements in many bases (section 5.4.2), as an iterator.

Each step descends along the gradient of the mean of -ln P(outcome in its basis) over a minibatch, which minimizes the
sum of the divergences over bases, weighted by how often each was measured. Rows of any bases will do; none has to be
all along z.

>>> from lib.rbm.complex_state import ComplexState
>>> from lib.rbm.complex_training import StateSettings, train
>>> from lib.spins import bases, measurements
>>> folder = "data/measurements/qucumber"
>>> bits = measurements.read_text(f"{folder}/qubits_train.txt")
>>> rows = bases.measured(bits, measurements.read_bases(f"{folder}/qubits_train_bases.txt", bits.shape[1]))
>>> settings = StateSettings(learning_rate=0.05, batch_size=10)
>>> for step in train(ComplexState.random(2, 2, seed=1), rows, settings, seed=1):
...     if step.loss is not None and step.loss < 1.2:
...         break
>>> step.epoch < 100 and step.state.psi().shape == (4,)
True
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from numbers import Real

import numpy as np

from lib import rng
from lib.rbm import _complex_kernels as kernels
from lib.rbm import rotations
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.sampling import generators
from lib.rbm.training import LARGEST_PARAMETER, Diverged, learning_rates, minibatches
from lib.spins import bases
from lib.spins.bases import Measurements

MAX_EXACT_SPINS = 12  # up to here "auto" sums ln Z, in well under a millisecond a step
OPTIMIZERS = ("sgd", "momentum", "adam")
_ADAM_SECOND, _ADAM_SMALL = 0.999, 1e-8


@dataclass(frozen=True)
class StateSettings:
    """How to train a complex or mixed state; in QuCumber's words, batch_size is pos_batch_size, negative_batch_size is
    neg_batch_size, learning_rate is lr, n_gibbs is k.

    epochs: passes through the data. batch_size: measurements in a step. negative_phase: "exact" (a sum over all
    configurations), "sampled" (block Gibbs chains of the amplitude machine), or "auto": exact up to 12 spins.
    negative_batch_size: chains; None means batch_size. n_gibbs: k, sweeps in a step. chains: where they begin, "data"
    (rows measured along z throughout, drawn with replacement, as in QuCumber), "persistent" (where they were left), or
    "auto": data where there are such rows. learning_rate: of the first step; it stays, or follows half a cosine to
    final_learning_rate. optimizer: "sgd", "momentum" (with the parameter momentum) or "adam" (momentum is its first
    decay). allow_undetermined: train also where the bases say nothing about some of the phases.
    Raises ValueError for values out of range.
    """

    epochs: int = 100
    batch_size: int = 100
    negative_phase: str = "auto"
    negative_batch_size: int | None = None
    n_gibbs: int = 1
    chains: str = "auto"
    learning_rate: float = 0.01
    final_learning_rate: float | None = None
    optimizer: str = "sgd"
    momentum: float = 0.9
    allow_undetermined: bool = False

    def __post_init__(self):
        for name in ("epochs", "batch_size", "negative_batch_size", "n_gibbs"):
            value = getattr(self, name)
            if value is None and name == "negative_batch_size":
                continue
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f"expected {name} to be an integer >= 1, got {value!r}; try {name}=10")
        for name, below in (("learning_rate", math.inf), ("final_learning_rate", math.inf), ("momentum", 1)):
            value = getattr(self, name)
            if value is None and name == "final_learning_rate":
                continue
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value < below:
                wanted = "finite and >= 0" if below == math.inf else f"from 0 to below {below}"
                raise ValueError(f"expected {name} to be {wanted}, got {value!r}; try {name}=0.01")
        for name, allowed in (("negative_phase", ("auto", "exact", "sampled")), ("optimizer", OPTIMIZERS),
                              ("chains", ("auto", "data", "persistent")), ("allow_undetermined", (False, True))):
            if not any(getattr(self, name) is value or getattr(self, name) == value for value in allowed):
                raise ValueError(f"expected {name} to be one of {', '.join(map(str, allowed))}, got "
                                 f"{getattr(self, name)!r}; try {name}={allowed[0]!r}")


@dataclass(frozen=True)
class Step:
    """Where a training stands: epochs done, the state, seconds of training so far, and the loss of the last epoch.

    loss: mean over its steps of -ln P of the minibatch, in nats a measurement; None before the first epoch, and with
    sampled negative phase, where ln Z is not known.
    """

    epoch: int
    state: ComplexState | MixedState
    seconds: float
    loss: float | None


def train(state: ComplexState | MixedState, measurements: Measurements, settings: StateSettings, *, seed: int,
          every: int = 1, renew: Callable[[int, ComplexState], np.ndarray] | None = None) -> Iterator[Step]:
    """Train step by step: yields a Step before the first epoch, after every `every` epochs, and after the last one.

    The given state is left as it is; to stop early, leave the loop. seed: fixes minibatches and chains. renew(epoch,
    state): other outcomes for an epoch, uint8 like measurements.bits (`readout`).

    Raises ValueError at once for measurements of another width, for bases that leave phases undetermined (naming the
    spins), and where a table or a list of configurations would not fit the memory; during training for a measurement
    that has become impossible, and Diverged, a ValueError naming the epoch, for parameters beyond 1000 or not finite.
    """
    rotations.check_measurements(measurements, state)
    if not isinstance(settings, StateSettings):
        raise ValueError(f"expected settings as StateSettings, got {type(settings).__name__}; try "
                         "StateSettings(epochs=100)")
    if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
        raise ValueError(f"expected every to be an integer >= 1, got {every!r}; try every=10")
    lacking = bases.undetermined_phases(measurements)
    if lacking and not settings.allow_undetermined:
        raise ValueError(f"expected measurements that determine all phases, got none that turns {_named(lacking)}: "
                         "phases between states that differ there stay undetermined; try bases with X and Y on them, "
                         "or allow_undetermined=True")
    rank, full = bases.density_rank(measurements) if state.n_ancillas and not lacking else (0, 0)
    if rank < full and not settings.allow_undetermined:
        raise ValueError(f"expected bases that determine a density matrix of {state.n_spins} spins, {full} numbers, "
                         f"got {len(measurements.distinct()[0])} that determine {rank} of them; try all products of X, "
                         "Y and Z, or allow_undetermined=True")
    return _steps(state, measurements, settings, seed, every, _start(state, measurements, settings, seed), renew)


def fit(state: ComplexState | MixedState, measurements: Measurements, settings: StateSettings, *, seed: int) -> Step:
    """The last step of `train`."""
    *_, last = train(state, measurements, settings, seed=seed, every=settings.epochs)
    return last


def _named(sites: list[int]) -> str:
    if len(sites) == 1:
        return f"spin {sites[0]} (counted from 0)"
    shown = ", ".join(map(str, sites[:10])) + (", ..." if len(sites) > 10 else "")
    return f"spins {shown} (counted from 0)"


def _start(state: ComplexState, measurements: Measurements, settings: StateSettings, seed: int):
    """(table, exact, rows to start chains from, persistent chains), with the checks of memory."""
    exact = settings.negative_phase == "exact" or settings.negative_phase == "auto" and \
        rotations.n_units(state) <= MAX_EXACT_SPINS
    if exact and rotations.n_units(state) > rotations.MAX_TABLE_SPINS:
        raise ValueError(f'expected at most {rotations.MAX_TABLE_SPINS} spins for negative_phase="exact", got '
                         f'{rotations.n_units(state)}, {rotations.format_bytes(rotations.table_bytes(state))}; try '
                         'negative_phase="sampled"')
    table = rotations.choose_table(state, measurements, exact=exact, batch_size=settings.batch_size)
    along_z = ~measurements.rotated().any(axis=1)
    elements = measurements.gates[measurements.codes[along_z], measurements.bits[along_z]]
    begin = np.ascontiguousarray(np.abs(elements).argmax(axis=-1).astype(np.uint8))
    if state.n_ancillas:  # which no row shows
        begin = begin[:0]
    if settings.chains == "data" and not len(begin) and not exact:
        raise ValueError('expected rows measured along z throughout for chains="data", got none; try '
                         'chains="persistent"')
    n_chains = settings.negative_batch_size or min(settings.batch_size, measurements.n_samples)
    first = rng.stream(seed, "complex", "chains")
    if len(begin):
        chains = begin[first.integers(0, len(begin), n_chains)]
    else:
        chains = first.integers(0, 2, (n_chains, rotations.n_units(state)), dtype=np.uint8)
    if settings.chains == "persistent":
        begin = begin[:0]
    return table, exact, begin, chains


def _steps(state: ComplexState, measurements: Measurements, settings: StateSettings, seed: int, every: int,
           start: tuple, renew: Callable | None) -> Iterator[Step]:
    table, exact, begin, chains = start
    parameters = rotations.flat_parameters(state)
    moments = np.zeros((2, len(parameters)))
    states = generators(rng.child_seed(seed, "complex", "gibbs"), len(chains))
    mixing, seconds, n_done = bases.mixes(measurements.gates), 0.0, 0
    constants = (settings.momentum, _ADAM_SECOND, _ADAM_SMALL)
    yield Step(0, state, 0.0, None)
    for epoch in range(1, settings.epochs + 1):
        began = time.perf_counter()
        if renew is not None:
            measurements = replace(measurements, bits=renew(epoch, rotations.from_flat(parameters, state)))
        batches, _ = minibatches(measurements.n_samples, settings, seed=seed, epoch=epoch)
        starts = rng.stream(seed, "complex", "starts", epoch).integers(
            0, max(1, len(begin)), (len(batches) if len(begin) and not exact else 0, len(chains)))
        losses = np.zeros(len(batches))
        impossible = kernels.train_epoch(
            parameters, rotations.sizes(state), measurements.bits, measurements.codes, measurements.gates, mixing,
            batches, table, exact, begin, starts, chains, states, settings.n_gibbs,
            learning_rates(settings, len(batches), epoch), OPTIMIZERS.index(settings.optimizer), constants, moments,
            n_done, losses)
        n_done += len(batches)
        largest = float(np.abs(parameters).max())
        if not largest <= LARGEST_PARAMETER:  # NaN is not
            raise Diverged(f"expected finite parameters of size at most {LARGEST_PARAMETER:g}, got one of size "
                           f"{largest:.3g} in epoch {epoch} at learning rate {settings.learning_rate:g}: the training "
                           f"diverged; try learning_rate={settings.learning_rate / 10:g}")
        if impossible >= 0:
            raise ValueError(rotations.impossible_row(measurements, impossible) + f", or a smaller learning rate than "
                             f"{settings.learning_rate:g}, if this is not the first epoch (it is epoch {epoch})")
        seconds += time.perf_counter() - began
        if epoch == settings.epochs or epoch % every == 0:
            yield Step(epoch, rotations.from_flat(parameters, state), seconds, float(losses.mean()) if exact else None)
