"""Training restricted Boltzmann machines by contrastive divergence (section 4.2).

Stochastic gradient descent on the Kullback-Leibler divergence (4.12): each step subtracts the learning rate
times <grad E>_data - <grad E>_model (4.15, 4.19), or what an optimizer makes of it. The average over the model
comes from short Gibbs chains (4.23) or, for small machines, from the exact distribution. In QuCumber's words:
batch_size is pos_batch_size, negative_batch_size is neg_batch_size, learning_rate is lr, n_gibbs is k, and
seeds, precision and engine are ours.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lib import rng
from lib.checks import as_tensor
from lib.conventions import all_states, check_bits, require_memory
from lib.rbm import _kernels, checkpoints, optimizers
from lib.rbm.checkpoints import Checkpoint, Compiled, Step, advance, described, digest
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
    CPU: for machines with several valleys; each step sweeps the whole ladder, and not in compiled loops). symmetric:
    train the weights alone, with biases that follow from them such that flipping all units changes no probability
    (`machine.balanced_biases`): for data whose distribution is known to have that symmetry, as ground states without a
    field along z. precision: of the steps, "float32" or "float64". engine: "numba", "torch", or "auto": numba for a
    machine on the CPU. optimizer: "sgd", "momentum" (with the parameter momentum), "adam" (momentum is its first
    decay), or "natural", the natural gradient with this damping, whose Fisher matrix comes from what the negative
    phase averages over, all states or its chains. centred: the enhanced gradient, for which it makes no difference
    which value of a unit is called 0 (with "sgd" and "momentum"). See `optimizers` for both. Raises ValueError for
    values out of range and for settings that exclude each other.
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
    optimizer: str = "sgd"
    momentum: float = 0.9
    damping: float = 0.01
    centred: bool = False

    def __post_init__(self):
        for name in ("epochs", "batch_size", "negative_batch_size", "n_gibbs", "n_chains"):
            value = getattr(self, name)
            if value is None and name in ("negative_batch_size", "n_chains"):
                continue
            if not _is_count(value):
                raise ValueError(f"expected {name} to be an integer >= 1, got {value!r}; try {name}=10")
        for name in ("persistent", "symmetric", "centred"):
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
        optimizers.check(self)
        if self.centred and (self.symmetric or self.optimizer == "natural"):
            other = "symmetric=True" if self.symmetric else 'optimizer="natural"'
            raise ValueError(f"expected centred=True without {other}, which makes no difference between 0 and 1 "
                             "either, got both; try centred=False")
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
          callback: Callable[[int, Machine], Any] | None = None, resume: Checkpoint | None = None,
          renew: Callable[[int, Machine], np.ndarray] | None = None) -> TrainingResult:
    """Fit the machine to measurements by CD-k or PCD-k (section 4.2): all of `steps`, whose arguments these are.

    callback(epoch, machine): called before the first epoch (0), after every `every` epochs (None: none in between) and
    after the last one; what it returns goes into the history, which after `resume` begins there.
    Raises ValueError and Diverged as `steps`.
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
    """Train step by step: yields a `Step` before the first epoch, after every `every` epochs, and after the last one.

    The given machine is left as it is; to stop early, leave the loop. Of a pruned machine (`Machine.pruned`) the
    weights that exist and all biases are trained; the others stay zero.
    data: bits (n_samples, n_visible). seed: fixes the minibatches and the chains; one seed gives one result,
    however many processes run (engine "numba"; with "torch", and with the natural gradient, the last digits depend on
    threads and device). To train a machine further take another seed, else the same minibatches and chains come again.
    resume: the checkpoint of a step of this very training, which goes on there to the same bits; epochs may be
    others, where the learning rate is constant. renew(epoch, machine): other rows for an epoch, uint8 of the shape of
    data (`readout`); such a training has no checkpoints.
    Raises ValueError for data of another width or value, for a machine beyond the following bounds and for the
    checkpoint of another training, and Diverged, a ValueError naming the epoch, when a parameter is no longer finite or
    its absolute value exceeds 1000.
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
    run = (_Numba if engine == "numba" else _Torch)(machine, rows, settings, seed, renew)
    return advance(run, settings.epochs, every, resume)


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


class _Run:
    """A training at work, as `checkpoints.advance` asks for it: what both engines share."""

    def __init__(self, machine: Machine, rows: np.ndarray, settings: TrainingSettings, seed: int, renew=None):
        self.settings, self.seed, self.dtype, self.renew = settings, seed, machine.dtype, renew
        self.rows = rows if renew is None else rows.copy()  # its content changes from epoch to epoch
        start = choose_precision(machine, settings.precision)
        # All parameters in one vector; the machine at work sees its changes.
        self.flat = optimizers.flat(Gradient(start.weights, start.visible_bias, start.hidden_bias)).detach()
        parts = self.flat.split([start.weights.numel(), start.n_visible, start.n_hidden])
        self.machine = Machine(parts[0].view(start.weights.shape), *parts[1:], start.mask)
        self.n_chains = settings.n_chains or settings.negative_batch_size or min(settings.batch_size, len(rows))
        self.chains = rows[rng.stream(seed, "train", "chains").integers(0, len(rows), self.n_chains)]  # for PCD
        self.chain_seed = rng.child_seed(seed, "train", "gibbs")

    def training(self) -> dict:
        """What a checkpoint has to be of."""
        checkpoints.refuse_renewed(self.renew)
        engine = "numba" if isinstance(self, _Numba) else "torch"  # what "auto" has come to
        return {"kind": "positive", **described(replace(self.settings, engine=engine)), "seed": int(self.seed),
                "data": digest(self.rows),
                "mask": None if self.machine.mask is None else digest(self.machine.mask.cpu().numpy())}

    def state(self) -> Machine:
        """A copy of the machine, in the precision of the one to begin with."""
        now = self.machine
        return Machine(now.weights.clone(), now.visible_bias.clone(), now.hidden_bias.clone(),
                       now.mask).to(dtype=self.dtype)

    def check(self, epoch: int) -> None:
        """Diverged naming the epoch where parameters are not finite or absurdly large."""
        largest = float(self.flat.abs().max())
        if not largest <= LARGEST_PARAMETER:  # NaN is not <=
            got = f"one of size {largest:.3g}" if math.isfinite(largest) else "NaN or infinity"
            settings = self.settings
            name, rate = "learning_rate", settings.learning_rate
            if settings.final_learning_rate is not None and settings.final_learning_rate > rate:
                name, rate = "final_learning_rate", settings.final_learning_rate
            raise Diverged(f"expected finite parameters of size at most {LARGEST_PARAMETER:g}, got {got} in epoch "
                           f"{epoch} at learning rate {rate:g}: the training diverged; try "
                           f"{name}={min(rate / 10, 0.1):g}")

    def natural(self, gradient: Tensor, visible: Tensor, share: Tensor | None = None) -> Tensor:
        """The direction of the natural gradient, from these states and their probabilities (None: equal)."""
        rows = _along(self.machine, optimizers.derivatives(self.machine, visible), self.settings.symmetric)
        return optimizers.natural_direction(optimizers.flat(rows), gradient, self.settings.damping,
                                            share).to(gradient.dtype)

    def balance(self) -> None:
        for bias, balanced in zip((self.machine.visible_bias, self.machine.hidden_bias),
                                  balanced_biases(self.machine.weights)):
            bias.copy_(balanced)


class _Numba(Compiled, _Run):
    """The fused loops of `_kernels`; the natural gradient asks them for one step at a time."""

    def __init__(self, machine: Machine, rows: np.ndarray, settings: TrainingSettings, seed: int, renew=None):
        super().__init__(machine, rows, settings, seed, renew)
        self.parameters = self.flat.numpy()  # the same memory
        self.gradient = np.zeros_like(self.parameters)
        self.moments = np.zeros((2, len(self.parameters)), self.parameters.dtype)
        mask = self.machine.mask
        self.pruned = np.empty(0, np.int64) if mask is None else np.flatnonzero(~mask.numpy())
        self.states = generators(self.chain_seed, self.n_chains)

    def epoch(self, epoch: int) -> None:
        settings = self.settings
        if self.renew is not None:
            self.rows[:] = self.renew(epoch, self.machine)
        batches, starts = minibatches(len(self.rows), settings, seed=self.seed, epoch=epoch)
        with np.errstate(over="ignore"):  # an absurd rate ends as "diverged", not as a warning
            rates = learning_rates(settings, len(batches), epoch).astype(self.parameters.dtype)
        if settings.optimizer != "natural":
            self._run(batches, starts, (epoch - 1) * len(batches), rates)
        else:
            for step in range(len(batches)):
                part = slice(step, step + 1)
                self._run(batches[part], starts[part], 0, rates[part])
                direction = self.natural(torch.from_numpy(self.gradient), torch.from_numpy(self.chains))
                self.parameters -= rates[step] * direction.numpy()
                if settings.symmetric:
                    self.balance()
        self.check(epoch)

    def _run(self, batches: np.ndarray, starts: np.ndarray, n_done: int, rates: np.ndarray) -> None:
        settings = self.settings
        _kernels.train_epoch(self.parameters, self.gradient, self.pruned, settings.symmetric, settings.centred,
                             self.rows, batches, starts, settings.persistent, self.chains, self.states,
                             optimizers.OPTIMIZERS.index(settings.optimizer), float(settings.momentum), self.moments,
                             n_done, settings.n_gibbs, rates)


class _Torch(_Run):
    """The same in torch, and the negative phases that only it has."""

    def __init__(self, machine: Machine, rows: np.ndarray, settings: TrainingSettings, seed: int, renew=None):
        super().__init__(machine, rows, settings, seed, renew)
        device = machine.device
        self.data, self.visible = as_tensor(rows).to(device), as_tensor(self.chains).to(device)
        self.optimizer = optimizers.of_torch(self.flat, settings)
        self.uniform = uniforms(self.chain_seed, device)
        tempered, exact = settings.negative_phase == "tempered", settings.negative_phase == "exact"
        self.replicas = Replicas(machine, self.n_chains, seed=self.chain_seed) if tempered else None
        self.all_states = None
        if exact:
            if machine.n_visible > MAX_EXACT_VISIBLE:
                raise ValueError(f'expected at most {MAX_EXACT_VISIBLE} visible units for negative_phase="exact", got '
                                 f'{machine.n_visible}; try negative_phase="sampled"')
            if settings.optimizer == "natural":
                require_memory(24 * 2**machine.n_visible * len(self.flat), "the derivatives at all states for the "
                               "natural gradient", hint='negative_phase="sampled"')
            self.all_states = torch.from_numpy(all_states(machine.n_visible)).to(device)

    def epoch(self, epoch: int) -> None:
        if self.renew is not None:
            self.data = as_tensor(self.renew(epoch, self.machine)).to(self.data.device)
        batches, starts = minibatches(len(self.rows), self.settings, seed=self.seed, epoch=epoch)
        if self.replicas is not None:
            self.replicas.begin_epoch()
        for batch, start, rate in zip(batches, starts, learning_rates(self.settings, len(batches), epoch), strict=True):
            positive = effective_energy_gradient(self.machine, self.data[torch.from_numpy(batch)])
            visible, share = self._negative_phase(start)
            negative = effective_energy_gradient(self.machine, visible, share)
            self._descend(self._slope(positive, negative), rate, visible, share)
            self.check(epoch)

    def _negative_phase(self, start: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """States, and their probabilities, or None for chains."""
        if self.all_states is not None:
            return self.all_states, probabilities(self.machine)
        if self.replicas is not None:
            return self.replicas.advance(self.machine, self.settings.n_gibbs), None
        begin = self.visible if self.settings.persistent else self.data[torch.from_numpy(start)]
        visible = begin.to(self.machine.dtype)
        for _ in range(self.settings.n_gibbs):
            visible = gibbs_sweep(self.machine, visible, self.uniform)
        self.visible = visible.to(torch.uint8)
        return visible, None

    def _slope(self, positive: Gradient, negative: Gradient) -> Gradient:
        """<grad E>_data - <grad E>_model (4.15, 4.19), centred or along the machines that may be reached."""
        slope = Gradient(*(up - down for up, down in zip(positive, negative)))
        if self.settings.centred:
            means = (-(positive[part] + negative[part]) / 2 for part in (1, 2))
            return optimizers.centred(slope, *means, self.machine.mask)
        return _along(self.machine, slope, self.settings.symmetric)

    def _descend(self, slope: Gradient, rate: float, visible: Tensor, share: Tensor | None) -> None:
        gradient = optimizers.flat(slope)
        if self.settings.optimizer == "natural":
            gradient = self.natural(gradient, visible, share)
        if self.optimizer is None:
            self.flat -= rate * gradient
        else:
            self.flat.grad = gradient
            # An absurd rate ends as "diverged", not as an overflow.
            self.optimizer.param_groups[0]["lr"] = min(float(rate), torch.finfo(self.flat.dtype).max)
            self.optimizer.step()
        if self.settings.symmetric:
            self.balance()

    def arrays(self) -> dict[str, np.ndarray]:
        found = {"parameters": self.flat.cpu().numpy(), "chains": self.visible.cpu().numpy(),
                 "random_torch": self.uniform.generator.get_state().numpy()}
        if self.optimizer is not None:
            found["moments"] = optimizers.moments(self.optimizer).cpu().numpy()
        return found | (self.replicas.arrays() if self.replicas is not None else {})

    def restore(self, arrays: dict[str, np.ndarray], epoch: int) -> None:
        self.flat.copy_(torch.from_numpy(arrays["parameters"]))
        if self.optimizer is not None:
            n_steps = -(-len(self.rows) // min(self.settings.batch_size, len(self.rows)))
            moments = torch.from_numpy(arrays["moments"]).to(self.flat.device)
            optimizers.set_moments(self.optimizer, moments, epoch * n_steps)
        self.visible = torch.from_numpy(arrays["chains"]).to(self.flat.device)
        self.uniform.generator.set_state(torch.from_numpy(arrays["random_torch"]))
        if self.replicas is not None:
            self.replicas.restore(arrays)


def _along(machine: Machine, by: Gradient, symmetric: bool) -> Gradient:
    """Derivatives (of a machine, or of each row) along the machines that a training may reach.

    Those are by the weights that exist. symmetric: along machines whose biases are -1/2 of the sums of their weights,
    so that the slope by W_ij is that of the weight less half of those of the two biases, and there are no others.
    """
    by_weights, by_visible, by_hidden = by
    if symmetric:
        by_weights = by_weights - (by_visible[..., :, None] + by_hidden[..., None, :]) / 2
        by_visible, by_hidden = torch.zeros_like(by_visible), torch.zeros_like(by_hidden)
    if machine.mask is not None:
        by_weights = torch.where(machine.mask, by_weights, 0.0)
    return Gradient(by_weights, by_visible, by_hidden)


def _is_count(value) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 1


def _check_balanced(machine: Machine) -> None:
    """ValueError for a machine that changes when all units are flipped."""
    far = max(float((found - wanted).detach().abs().max()) for found, wanted in zip(
        (machine.visible_bias, machine.hidden_bias), balanced_biases(machine.weights)))
    if far > 1e-5 * (1 + float(machine.weights.detach().abs().max())):
        raise ValueError("expected a machine that is symmetric under flipping all units to start from, got biases that "
                         f"are off by {far:.3g}; try Machine.random({machine.n_visible}, {machine.n_hidden}, seed=1, "
                         "symmetric_biases=True)")
