"""Training restricted Boltzmann machines by contrastive divergence (section 4.2).

Plain stochastic gradient descent on the Kullback-Leibler divergence (4.12): each step subtracts the learning
rate times <grad E>_data - <grad E>_model (4.15, 4.19). The average over the model comes from short Gibbs
chains (4.23) or, for small machines, from the exact distribution. In QuCumber's words: batch_size is
pos_batch_size, negative_batch_size is neg_batch_size, learning_rate is lr, n_gibbs is k, and seeds, precision
and engine are ours.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lib import rng
from lib.checks import as_tensor
from lib.conventions import all_states, check_bits
from lib.rbm import _kernels
from lib.rbm.machine import Gradient, Machine, balanced_biases, check_machine, effective_energy_gradient
from lib.rbm.partition import probabilities
from lib.rbm.sampling import choose_engine, choose_precision, generators, gibbs_sweep, uniforms
from lib.rbm.tempering import Replicas

MAX_EXACT_VISIBLE = 16  # beyond, an exact negative phase takes longer than the chains that it replaces
LARGEST_PARAMETER = 1e3  # far beyond any trained machine, whose weights are of order 1 to 10


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; the defaults are QuCumber's.

    epochs: passes through the data. batch_size: measurements in a step, redrawn without replacement in every
    epoch; the last minibatch is filled up from the beginning of the epoch's order. negative_batch_size:
    chains in a step of CD; None, or the size of the minibatch, starts one at each of its measurements, another
    number starts that many at rows drawn anew with replacement. n_gibbs: k, sweeps in a step. learning_rate: of
    the first step; it stays, or follows half a cosine to final_learning_rate at the last step. persistent: PCD,
    chains that run on from step to step (Tieleman 2008) instead of starting at data. n_chains: how many of them;
    None means batch_size. negative_phase: "sampled" (chains), "exact" (the sum over all 2^n_visible states, in
    torch), or "tempered" (n_chains ladders of persistent chains at many temperatures, `tempering.Replicas`, on the
    CPU: for machines with several valleys, at some thirty times the cost). symmetric: train the weights alone, with
    biases that follow from them such that flipping all units changes no probability (`machine.balanced_biases`): for
    data whose distribution is known to have that symmetry, as ground states without a field along z. precision: of
    the steps, "float32" or "float64". engine: "numba", "torch", or "auto": numba for a machine on the CPU. Raises
    ValueError for values out of range and for settings that exclude each other.
    """

    epochs: int = 100
    batch_size: int = 100
    negative_batch_size: int | None = None
    n_gibbs: int = 1
    learning_rate: float = 1e-3
    final_learning_rate: float | None = None
    persistent: bool = False
    n_chains: int | None = None
    negative_phase: str = "sampled"
    symmetric: bool = False
    precision: str = "float32"
    engine: str = "auto"

    def __post_init__(self):
        for name in ("epochs", "batch_size", "negative_batch_size", "n_gibbs", "n_chains"):
            value = getattr(self, name)
            if value is None and name in ("negative_batch_size", "n_chains"):
                continue
            if not _is_count(value):
                raise ValueError(f"expected {name} to be an integer >= 1, got {value!r}; try {name}=10")
        for name in ("persistent", "symmetric"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"expected {name} as True or False, got {getattr(self, name)!r}; try {name}=True")
        for name in ("learning_rate", "final_learning_rate"):
            value = getattr(self, name)
            if value is None and name == "final_learning_rate":
                continue
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value < math.inf:
                raise ValueError(f"expected {name} to be finite and >= 0, got {value!r}; try {name}=0.01")
        for name, allowed in (("negative_phase", ("sampled", "exact", "tempered")),
                              ("precision", ("float32", "float64")), ("engine", ("auto", "numba", "torch"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"expected {name} to be one of {', '.join(allowed)}, got "
                                 f'{getattr(self, name)!r}; try {name}="{allowed[0]}"')
        if self.n_chains is not None and not self.persistent and self.negative_phase != "tempered":
            raise ValueError("expected n_chains only together with persistent=True or negative_phase='tempered', got "
                             f"n_chains={self.n_chains}; try negative_batch_size for CD")
        if self.negative_batch_size is not None and self.persistent:
            raise ValueError("expected negative_batch_size only for CD, got persistent=True; try n_chains")
        if self.negative_phase != "sampled" and (self.persistent or self.negative_batch_size is not None):
            raise ValueError('expected persistent and negative_batch_size only for chains of one temperature, got '
                             f'negative_phase="{self.negative_phase}"; try negative_phase="sampled"')
        if self.negative_phase != "sampled" and self.engine == "numba":
            raise ValueError(f'expected engine "torch" for negative_phase="{self.negative_phase}", got "numba"; '
                             'try engine="auto"')


class Diverged(ValueError):
    """The training left all bounds."""


@dataclass(frozen=True)
class TrainingResult:
    """A trained machine, (epoch, value) for every value that the callback returned, and the seconds of
    training.

    The machine has the dtype and device of the one that training started from. The callback's time is not
    counted.
    """

    machine: Machine
    history: list[tuple[int, Any]] = field(default_factory=list)
    seconds: float = 0.0


def train(machine: Machine, data, settings: TrainingSettings, *, seed: int, every: int | None = None,
          callback: Callable[[int, Machine], Any] | None = None,
          renew: Callable[[int, Machine], np.ndarray] | None = None) -> TrainingResult:
    """Fit the machine to measurements by CD-k or PCD-k (section 4.2); the given machine is left as it is.

    Of a pruned machine (`Machine.pruned`) the weights that exist and all biases are trained; the others stay zero.
    data: bits (n_samples, n_visible). seed: fixes the minibatches and the chains; one seed gives one result,
    however many processes run (engine "numba"; with "torch" the last digits depend on threads and device). To go
    on with training take another seed, else the same minibatches and chains come again. callback(epoch, machine):
    called before the first epoch (0), after every `every` epochs (None: none in between) and after the last one;
    what it returns goes into the history. renew(epoch, machine): other rows for an epoch, uint8 of the shape of data
    (`readout`).
    Raises ValueError for data of another width or value and for a machine beyond the following bounds, and
    Diverged, a ValueError naming the epoch, when a parameter is no longer finite or its absolute value exceeds
    1000.
    """
    check_machine(machine)
    if not isinstance(settings, TrainingSettings):
        hint = "TrainingSettings(**settings)" if isinstance(settings, dict) else "TrainingSettings(epochs=100)"
        raise ValueError(f"expected settings as TrainingSettings, got {type(settings).__name__}; try {hint}")
    rows = check_bits(data, machine.n_visible, name="data",
                      hint=f"Machine.random({{found}}, {machine.n_hidden}, seed=1), or the data of the other chain")
    if every is not None and not _is_count(every):
        raise ValueError(f"expected every to be an integer >= 1 or None, got {every!r}; try every=10")
    largest = max(float(value.detach().abs().max())
                  for value in (machine.weights, machine.visible_bias, machine.hidden_bias))
    if largest > LARGEST_PARAMETER:
        raise ValueError(f"expected a machine with parameters of size at most {LARGEST_PARAMETER:g} to start from, got "
                         f"one of size {largest:.3g}; try Machine.random({machine.n_visible}, {machine.n_hidden}, "
                         "seed=1)")
    if settings.symmetric:
        _check_balanced(machine)
    rows = rows if renew is None else rows.copy()  # its content changes from epoch to epoch
    run_epoch = _start(machine, rows, settings, seed)
    current = choose_precision(machine, settings.precision)
    history: list[tuple[int, Any]] = []
    seconds = 0.0

    def report(epoch: int) -> None:
        if callback is not None:
            value = callback(epoch, current.to(dtype=machine.dtype))
            if value is not None:
                history.append((epoch, value))

    report(0)
    for epoch in range(1, settings.epochs + 1):
        began = time.perf_counter()
        if renew is not None:
            rows[:] = renew(epoch, current)
        current = _bounded(run_epoch(current, epoch), machine.mask, epoch, settings)
        seconds += time.perf_counter() - began
        if epoch == settings.epochs or (every is not None and epoch % every == 0):
            report(epoch)
    return TrainingResult(current.to(dtype=machine.dtype), history, seconds)


def learning_rates(settings: TrainingSettings, n_steps: int, epoch: int) -> np.ndarray:
    """The learning rate of each step of an epoch (counted from 1): constant or half a cosine."""
    if settings.final_learning_rate is None:
        return np.full(n_steps, float(settings.learning_rate))
    step = (epoch - 1) * n_steps + np.arange(n_steps)
    fraction = step / max(1, settings.epochs * n_steps - 1)
    difference = settings.learning_rate - settings.final_learning_rate
    return settings.final_learning_rate + difference * (1 + np.cos(math.pi * fraction)) / 2


def minibatches(n_rows: int, settings: TrainingSettings, *, seed: int,
                epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of an epoch's minibatches, and those at which the chains of CD start: int64 (n_steps, size).

    The minibatches are a random order of all rows cut into pieces. A batch larger than the data is all of the
    data.
    """
    batch_size = min(settings.batch_size, n_rows)
    n_steps = -(-n_rows // batch_size)
    order = rng.stream(seed, "train", "order", epoch).permutation(n_rows)
    batches = np.resize(order, (n_steps, batch_size))  # where the order is too short it begins again
    n_chains = settings.negative_batch_size
    if n_chains is None or n_chains == batch_size:
        return batches, batches
    return batches, rng.stream(seed, "train", "starts", epoch).integers(0, n_rows, (n_steps, n_chains))


def _start(machine: Machine, rows: np.ndarray, settings: TrainingSettings,
           seed: int) -> Callable[[Machine, int], tuple[Tensor, Tensor, Tensor]]:
    """The function (machine, epoch) -> new parameters of the chosen engine, with its chains inside."""
    n_chains = settings.n_chains or settings.negative_batch_size or min(settings.batch_size, len(rows))
    chains = rows[rng.stream(seed, "train", "chains").integers(0, len(rows), n_chains)]  # for PCD
    chain_seed = rng.child_seed(seed, "train", "gibbs")
    exact = settings.negative_phase == "exact"
    if exact and machine.n_visible > MAX_EXACT_VISIBLE:
        raise ValueError(f'expected at most {MAX_EXACT_VISIBLE} visible units for negative_phase="exact", '
                         f'got {machine.n_visible}; try negative_phase="sampled"')
    tempered = settings.negative_phase == "tempered"
    if not (exact or tempered) and choose_engine(machine, settings.engine) == "numba":
        states = generators(chain_seed, n_chains)

        def run_numba(current: Machine, epoch: int):
            parameters = [value.detach().numpy().flatten() for value in
                          (current.weights, current.visible_bias, current.hidden_bias)]
            pruned = np.flatnonzero(~current.mask.numpy()) if current.mask is not None else np.empty(0, np.int64)
            batches, starts = minibatches(len(rows), settings, seed=seed, epoch=epoch)
            with np.errstate(over="ignore"):  # an absurd rate ends as "diverged", not as a warning
                rates = learning_rates(settings, len(batches), epoch).astype(parameters[0].dtype)
            _kernels.train_epoch(*parameters, pruned, settings.symmetric, rows, batches, starts, settings.persistent,
                                 chains, states, settings.n_gibbs, rates)
            weights, visible_bias, hidden_bias = (torch.from_numpy(value) for value in parameters)
            return weights.reshape(current.weights.shape), visible_bias, hidden_bias
        return run_numba

    uniform = uniforms(chain_seed, machine.device)
    states = torch.from_numpy(all_states(machine.n_visible)).to(machine.device) if exact else None
    persistent = torch.from_numpy(chains).to(machine.device)
    replicas = Replicas(machine, n_chains, seed=chain_seed) if tempered else None

    def run_torch(current: Machine, epoch: int):
        nonlocal persistent
        batches, starts = minibatches(len(rows), settings, seed=seed, epoch=epoch)
        rates = learning_rates(settings, len(batches), epoch)
        data = as_tensor(rows).to(machine.device)
        if tempered:
            replicas.begin_epoch()
        for batch, start, rate in zip(batches, starts, rates, strict=True):
            positive = effective_energy_gradient(current, data[torch.from_numpy(batch)])
            if exact:
                negative = effective_energy_gradient(current, states, probabilities(current))
            elif tempered:
                negative = effective_energy_gradient(current, replicas.advance(current, settings.n_gibbs))
            else:
                begin = persistent if settings.persistent else data[torch.from_numpy(start)]
                visible = begin.to(current.dtype)
                for _ in range(settings.n_gibbs):
                    visible = gibbs_sweep(current, visible, uniform)
                persistent = visible
                negative = effective_energy_gradient(current, visible)
            parameters = _descend(current, positive, negative, rate, settings.symmetric)
            current = _bounded(parameters, current.mask, epoch, settings)
        return current.weights, current.visible_bias, current.hidden_bias
    return run_torch


def _is_count(value) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 1


def _descend(machine: Machine, positive: Gradient, negative: Gradient, rate: float,
             symmetric: bool) -> tuple[Tensor, Tensor, Tensor]:
    """One step against <grad E>_data - <grad E>_model (4.15, 4.19), in the weights that exist.

    symmetric: along machines whose biases are -1/2 of the sums of their weights, so that the slope by W_ij is that of
    the weight less half of those of the two biases.
    """
    by_weights, by_visible, by_hidden = (up - down for up, down in zip(positive, negative))
    if symmetric:
        by_weights = by_weights - (by_visible[:, None] + by_hidden) / 2
    if machine.mask is not None:
        by_weights = torch.where(machine.mask, by_weights, 0.0)
    weights = machine.weights - rate * by_weights
    if symmetric:
        return weights, *balanced_biases(weights)
    return weights, machine.visible_bias - rate * by_visible, machine.hidden_bias - rate * by_hidden


def _check_balanced(machine: Machine) -> None:
    """ValueError for a machine that changes when all units are flipped."""
    far = max(float((found - wanted).detach().abs().max()) for found, wanted in zip(
        (machine.visible_bias, machine.hidden_bias), balanced_biases(machine.weights)))
    if far > 1e-5 * (1 + float(machine.weights.detach().abs().max())):
        raise ValueError("expected a machine that is symmetric under flipping all units to start from, got biases that "
                         f"are off by {far:.3g}; try Machine.random({machine.n_visible}, {machine.n_hidden}, seed=1, "
                         "symmetric_biases=True)")


def _bounded(parameters: tuple[Tensor, Tensor, Tensor], mask: Tensor | None, epoch: int,
             settings: TrainingSettings) -> Machine:
    """A machine of these parameters; Diverged naming the epoch where they are not finite or absurdly large."""
    extremes = [float(value.detach().abs().max()) for value in parameters]
    if not all(value <= LARGEST_PARAMETER for value in extremes):  # NaN is not <=
        finite = all(math.isfinite(value) for value in extremes)
        got = f"one of size {max(extremes):.3g}" if finite else "NaN or infinity"
        name, rate = "learning_rate", settings.learning_rate
        if settings.final_learning_rate is not None and settings.final_learning_rate > rate:
            name, rate = "final_learning_rate", settings.final_learning_rate
        raise Diverged(f"expected finite parameters of size at most {LARGEST_PARAMETER:g}, got {got} in epoch "
                       f"{epoch} at learning rate {rate:g}: the training diverged; try "
                       f"{name}={min(rate / 10, 0.1):g}")
    return Machine(*parameters, mask)
