"""The two engines of contrastive divergence: fused loops on the CPU, and torch with the other negative phases.

Each is a training at work, as `checkpoints.advance` asks for it; `training.steps` chooses one.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lib import rng
from lib.checks import as_tensor
from lib.conventions import all_states
from lib.memory import require_memory
from lib.rbm import _training_kernels, optimizers
from lib.rbm._resumable import Compiled, described, digest, refuse_renewed
from lib.rbm.distributions import Gradient, effective_energy_gradient
from lib.rbm.machine import Machine, balanced_biases
from lib.rbm.partition import probabilities
from lib.rbm.sampling import choose_precision, generators, gibbs_sweep, uniforms
from lib.rbm.tempering import Replicas
from lib.rbm.training_settings import TrainingSettings, learning_rates, minibatches

MAX_EXACT_VISIBLE = 16  # beyond, an exact negative phase takes longer than the chains that it replaces
LARGEST_PARAMETER = 1e3  # far beyond any trained machine, whose weights are of order 1 to 10


class Diverged(ValueError):
    """The training left all bounds."""


class Run:
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
        refuse_renewed(self.renew)
        engine = "numba" if isinstance(self, Numba) else "torch"  # what "auto" has come to
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


class Numba(Compiled, Run):
    """The fused loops of `_training_kernels`; the natural gradient asks them for one step at a time."""

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
        _training_kernels.train_epoch(
            self.parameters, self.gradient, self.pruned, settings.symmetric, settings.centred, self.rows, batches,
            starts, settings.persistent, self.chains, self.states, optimizers.OPTIMIZERS.index(settings.optimizer),
            float(settings.momentum), self.moments, n_done, settings.n_gibbs, rates)


class Torch(Run):
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
