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

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from lib import rng
from lib.checks import check_number, require_count
from lib.conventions import all_states
from lib.memory import format_bytes, require_memory
from lib.rbm import _complex_kernels as kernels
from lib.rbm import optimizers, rotations
from lib.rbm._flat_parameters import flat_parameters, from_flat, n_units, sizes
from lib.rbm._resumable import Compiled, described, digest, refuse_renewed
from lib.rbm._rotation_memory import MAX_TABLE_SPINS, choose_table, table_bytes
from lib.rbm._training_engines import LARGEST_PARAMETER, Diverged
from lib.rbm.checkpoints import Checkpoint, Step, advance
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.partition import probabilities
from lib.rbm.sampling import generators
from lib.rbm.training_settings import learning_rates, minibatches
from lib.spins import completeness
from lib.spins.bases import Measurements
from lib.spins.gates import mixes

MAX_EXACT_SPINS = 12  # up to here "auto" sums ln Z, in well under a millisecond a step


@dataclass(frozen=True)
class StateSettings:
    """How to train a complex or mixed state.

    In QuCumber's words, batch_size is pos_batch_size, negative_batch_size is neg_batch_size,
    learning_rate is lr, n_gibbs is k.

    Attributes
    ----------
    epochs : int, >= 1
        Passes through the data.
    batch_size : int, >= 1
        Measurements in a step.
    negative_phase : {"auto", "exact", "sampled"}
        "exact" (a sum over all configurations), "sampled" (block Gibbs chains of the amplitude
        machine), or "auto", the default: exact up to 12 spins.
    negative_batch_size : int, >= 1, or None
        Chains; None, the default, means batch_size.
    n_gibbs : int, >= 1
        The number k of sweeps in a step.
    chains : {"auto", "data", "persistent"}
        Where they begin: "data" (rows measured along z throughout, drawn with replacement, as in
        QuCumber), "persistent" (where they were left), or "auto", the default: data where there are
        such rows.
    learning_rate : float, >= 0
        Of the first step; it stays, or follows half a cosine to final_learning_rate.
    final_learning_rate : float, >= 0, or None
        Of the last step; None, the default: the rate is constant.
    optimizer : {"sgd", "momentum", "adam", "natural"}
        "momentum" takes the parameter momentum, "adam" has it as its first decay, "natural" is the
        natural gradient with the parameter damping, whose Fisher matrix is that of spins and
        ancillas together, from what the negative phase averages over; see `optimizers`.
    momentum : float
        From 0 to below 1.
    damping : float
        Above 0.
    allow_undetermined : bool
        Train also where the bases say nothing about some of the phases; False by default.

    Raises
    ------
    ValueError
        For values out of range.

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
    damping: float = 0.01
    allow_undetermined: bool = False

    def __post_init__(self):
        for name in ("epochs", "batch_size", "negative_batch_size", "n_gibbs"):
            value = getattr(self, name)
            if value is None and name == "negative_batch_size":
                continue
            require_count(name, value)
        for name in ("learning_rate", "final_learning_rate"):
            value = getattr(self, name)
            if value is None and name == "final_learning_rate":
                continue
            check_number(value, name, least=0, hint=f"{name}=0.01")
        optimizers.check(self)
        for name, allowed in (("negative_phase", ("auto", "exact", "sampled")),
                              ("chains", ("auto", "data", "persistent")), ("allow_undetermined", (False, True))):
            if not any(getattr(self, name) is value or getattr(self, name) == value for value in allowed):
                raise ValueError(f"expected {name} to be one of {', '.join(map(str, allowed))}, got "
                                 f"{getattr(self, name)!r}; try {name}={allowed[0]!r}")


def train(state: ComplexState | MixedState, measurements: Measurements, settings: StateSettings, *, seed: int,
          every: int = 1, resume: Checkpoint | None = None,
          renew: Callable[[int, ComplexState], np.ndarray] | None = None) -> Iterator[Step]:
    """Train step by step.

    It yields a `Step` before the first epoch, after every `every` epochs, and after the last one.
    The given state is left as it is; to stop early, leave the loop.

    Parameters
    ----------
    state : ComplexState or MixedState
        To begin with.
    measurements : Measurements
        Outcomes with their bases.
    settings : StateSettings
        How to train.
    seed : int, >= 0
        Fixes minibatches and chains.
    every : int, >= 1
        Epochs between steps, 1 by default.
    resume : Checkpoint or None
        The checkpoint of a step of this very training, which goes on there to the same bits; epochs
        may be others, where the learning rate is constant.
    renew : callable or None
        ``renew(epoch, state)`` gives other outcomes for an epoch, uint8 like measurements.bits
        (`readout`); such a training has no checkpoints.

    Returns
    -------
    iterator of Step
        Where the training stands.

    Raises
    ------
    ValueError
        At once for measurements of another width, for bases that leave phases undetermined (naming
        the spins; try bases with X and Y on them, or ``allow_undetermined=True``) or, of a mixed
        state, the density matrix (try all products of X, Y and Z), for the checkpoint of another
        training, and where a table or a list of configurations would not fit the memory; during
        training for a measurement that has become impossible.
    Diverged
        A ValueError naming the epoch, for parameters beyond 1000 or not finite; try a smaller
        learning_rate.

    """
    rotations.check_measurements(measurements, state)
    if not isinstance(settings, StateSettings):
        raise ValueError(f"expected settings as StateSettings, got {type(settings).__name__}; try "
                         "StateSettings(epochs=100)")
    lacking = completeness.undetermined_phases(measurements)
    if lacking and not settings.allow_undetermined:
        raise ValueError(f"expected measurements that determine all phases, got none that turns {_named(lacking)}: "
                         "phases between states that differ there stay undetermined; try bases with X and Y on them, "
                         "or allow_undetermined=True")
    rank, full = completeness.density_rank(measurements) if state.n_ancillas and not lacking else (0, 0)
    if rank < full and not settings.allow_undetermined:
        raise ValueError(f"expected bases that determine a density matrix of {state.n_spins} spins, {full} numbers, "
                         f"got {len(measurements.distinct()[0])} that determine {rank} of them; try all products of X, "
                         "Y and Z, or allow_undetermined=True")
    return advance(_Run(state, measurements, settings, seed, renew), settings.epochs, every, resume)


def fit(state: ComplexState | MixedState, measurements: Measurements, settings: StateSettings, *, seed: int,
        resume: Checkpoint | None = None) -> Step:
    """The last step of `train`.

    Parameters
    ----------
    state, measurements, settings, seed, resume
        As in `train`.

    Returns
    -------
    Step
        After the last epoch.

    """
    *_, last = train(state, measurements, settings, seed=seed, every=settings.epochs, resume=resume)
    return last


def _named(sites: list[int]) -> str:
    if len(sites) == 1:
        return f"spin {sites[0]} (counted from 0)"
    shown = ", ".join(map(str, sites[:10])) + (", ..." if len(sites) > 10 else "")
    return f"spins {shown} (counted from 0)"


def _start(state: ComplexState, measurements: Measurements, settings: StateSettings, seed: int):
    """(table, exact, rows to start chains from, persistent chains), with the checks of memory."""
    exact = settings.negative_phase == "exact" or settings.negative_phase == "auto" and \
        n_units(state) <= MAX_EXACT_SPINS
    if exact and n_units(state) > MAX_TABLE_SPINS:
        raise ValueError(f'expected at most {MAX_TABLE_SPINS} spins for negative_phase="exact", got '
                         f'{n_units(state)}, {format_bytes(table_bytes(state))}; try '
                         'negative_phase="sampled"')
    table = choose_table(state, measurements, exact=exact, batch_size=settings.batch_size)
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
        chains = first.integers(0, 2, (n_chains, n_units(state)), dtype=np.uint8)
    if settings.chains == "persistent":
        begin = begin[:0]
    return table, exact, begin, chains


class _Run(Compiled):
    """A training at work, as `checkpoints.advance` asks for it."""

    def __init__(self, state: ComplexState | MixedState, measurements: Measurements, settings: StateSettings,
                 seed: int, renew: Callable | None):
        self.given, self.measurements, self.settings, self.seed = state, measurements, settings, seed
        self.renew = renew
        self.table, self.exact, self.begin, self.chains = _start(state, measurements, settings, seed)
        self.parameters = flat_parameters(state)
        self.gradient = np.zeros_like(self.parameters)
        self.moments = np.zeros((2, len(self.parameters)))
        self.states = generators(rng.child_seed(seed, "complex", "gibbs"), len(self.chains))
        self.mixing = mixes(measurements.gates)
        if settings.optimizer == "natural" and self.exact:
            require_memory(24 * 2**n_units(state) * len(self.parameters), "the derivatives at all "
                           "configurations for the natural gradient", hint='negative_phase="sampled"')

    def training(self) -> dict:
        """What a checkpoint has to be of."""
        refuse_renewed(self.renew)
        rows = self.measurements
        return {"kind": "mixed" if isinstance(self.given, MixedState) else "complex", "seed": int(self.seed),
                "data": digest(rows.bits, rows.codes, rows.gates), "units": list(sizes(self.given)),
                "ancillas": self.given.n_ancillas, **described(self.settings)}

    def state(self) -> ComplexState | MixedState:
        return from_flat(self.parameters, self.given)

    def epoch(self, epoch: int) -> float | None:
        settings, n_begin = self.settings, len(self.begin)
        if self.renew is not None:
            self.measurements = replace(self.measurements, bits=self.renew(epoch, self.state()))
        batches, _ = minibatches(self.measurements.n_samples, settings, seed=self.seed, epoch=epoch)
        n_steps = len(batches)
        starts = rng.stream(self.seed, "complex", "starts", epoch).integers(
            0, max(1, n_begin), (n_steps if n_begin and not self.exact else 0, len(self.chains)))
        rates, losses = learning_rates(settings, n_steps, epoch), np.zeros(n_steps)
        natural = settings.optimizer == "natural"
        for part in [slice(step, step + 1) for step in range(n_steps)] if natural else [slice(None)]:
            impossible = self._run(batches[part], starts[part], rates[part], (epoch - 1) * n_steps, losses[part])
            if natural and impossible < 0:
                self.parameters -= rates[part] * self._direction()
            self._check(epoch, impossible)
        return float(losses.mean()) if self.exact else None

    def _run(self, batches: np.ndarray, starts: np.ndarray, rates: np.ndarray, n_done: int, losses: np.ndarray) -> int:
        rows, settings = self.measurements, self.settings
        return kernels.train_epoch(
            self.parameters, sizes(self.given), rows.bits, rows.codes, rows.gates, self.mixing, batches,
            self.table, self.exact, self.begin, starts, self.chains, self.states, settings.n_gibbs, rates,
            optimizers.OPTIMIZERS.index(settings.optimizer), float(settings.momentum), self.moments, n_done, losses,
            self.gradient)

    def _direction(self) -> np.ndarray:
        """The natural gradient: each machine has a block of its own in the geometric tensor."""
        state, place, found = self.state(), 0, []
        visible = torch.from_numpy(all_states(n_units(state)) if self.exact else self.chains)
        share = probabilities(state.amplitude) if self.exact else None
        for machine in (state.amplitude, state.phase):
            rows = optimizers.flat(optimizers.derivatives(machine, visible))
            gradient = torch.from_numpy(self.gradient[place:place + rows.shape[1]])
            found.append(optimizers.natural_direction(rows, gradient, self.settings.damping, share))
            place += rows.shape[1]
        return torch.cat(found).numpy()

    def _check(self, epoch: int, impossible: int) -> None:
        """Diverged for parameters that are not finite or absurdly large, ValueError for a row of no probability."""
        rate, largest = self.settings.learning_rate, float(np.abs(self.parameters).max())
        if not largest <= LARGEST_PARAMETER:  # NaN is not
            raise Diverged(f"expected finite parameters of size at most {LARGEST_PARAMETER:g}, got one of size "
                           f"{largest:.3g} in epoch {epoch} at learning rate {rate:g}: the training diverged; try "
                           f"learning_rate={rate / 10:g}")
        if impossible >= 0:
            raise ValueError(rotations.impossible_row(self.measurements, impossible) + f", or a smaller learning rate "
                             f"than {rate:g}, if this is not the first epoch (it is epoch {epoch})")
