"""How a restricted Boltzmann machine is trained: the settings, and what of each step follows from them alone.

In QuCumber's words: batch_size is pos_batch_size, negative_batch_size is neg_batch_size,
learning_rate is lr, n_gibbs is k, and seeds, precision and engine are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lib import rng
from lib.checks import check_number, require_count
from lib.rbm import optimizers


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; the defaults are QuCumber's.

    Parameters
    ----------
    epochs : int
        Passes through the data.
    batch_size : int
        Measurements in a step, redrawn without replacement in every epoch; the last minibatch is
        filled up from the beginning of the epoch's order.
    negative_batch_size : int, optional
        Chains in a step of CD. None, or the size of the minibatch, starts one at each of its
        measurements; another number starts that many at rows drawn anew with replacement.
    n_gibbs : int
        k, sweeps in a step.
    learning_rate : float
        Of the first step; it stays, or follows half a cosine to `final_learning_rate`.
    final_learning_rate : float, optional
        Of the last step.
    persistent : bool
        PCD: chains that run on from step to step (Tieleman 2008) instead of starting at data.
    n_chains : int, optional
        How many persistent chains, or ladders of tempered ones; None means `batch_size`.
    negative_phase : {"sampled", "exact", "tempered"}
        Chains; the sum over all 2^n_visible states, in torch; or `n_chains` ladders of persistent
        chains at many temperatures (`tempering.Replicas`, on the CPU), for machines with several
        valleys; each step sweeps the whole ladder, and not in compiled loops.
    symmetric : bool
        Train the weights alone, with biases that follow from them such that flipping all units
        changes no probability (`machine.balanced_biases`): for data whose distribution is known to
        have that symmetry, as ground states without a field along z.
    precision : {"float32", "float64"}
        Of the steps.
    engine : {"auto", "numba", "torch"}
        "auto": numba for a machine on the CPU.
    optimizer : {"sgd", "momentum", "adam", "natural"}
        "natural" is the natural gradient, whose Fisher matrix comes from what the negative phase
        averages over, all states or its chains. See `optimizers`.
    momentum : float
        Of "momentum", and the first decay of "adam".
    damping : float
        Of "natural".
    centred : bool
        The enhanced gradient, for which it makes no difference which value of a unit is called 0
        (with "sgd" and "momentum").

    Raises
    ------
    ValueError
        For values out of range and for settings that exclude each other.
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
            require_count(name, value)
        for name in ("persistent", "symmetric", "centred"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"expected {name} as True or False, got {getattr(self, name)!r}; try {name}=True")
        for name in ("learning_rate", "final_learning_rate"):
            value = getattr(self, name)
            if value is None and name == "final_learning_rate":
                continue
            check_number(value, name, least=0, hint=f"{name}=0.01")
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


def learning_rates(settings: TrainingSettings, n_steps: int, epoch: int) -> np.ndarray:
    """The learning rate of each step of an epoch: constant or half a cosine.

    Parameters
    ----------
    settings : TrainingSettings
        Its two rates, and its number of epochs.
    n_steps : int
        Of the epoch.
    epoch : int
        Counted from 1.

    Returns
    -------
    ndarray of float64, shape (n_steps,)

    """
    if settings.final_learning_rate is None:
        return np.full(n_steps, float(settings.learning_rate))
    step = (epoch - 1) * n_steps + np.arange(n_steps)
    fraction = step / max(1, settings.epochs * n_steps - 1)
    difference = settings.learning_rate - settings.final_learning_rate
    return settings.final_learning_rate + difference * (1 + np.cos(math.pi * fraction)) / 2


def minibatches(n_rows: int, settings: TrainingSettings, *, seed: int,
                epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of an epoch's minibatches, and those at which the chains of CD start.

    The minibatches are a random order of all rows cut into pieces. A batch larger than the data is
    all of the data.

    Parameters
    ----------
    n_rows : int
        Measurements in the data.
    settings : TrainingSettings
        Gives the sizes.
    seed, epoch : int
        Name the random stream.

    Returns
    -------
    batches, starts : ndarray of int64, shape (n_steps, size)
        Row numbers.
    """
    batch_size = min(settings.batch_size, n_rows)
    n_steps = -(-n_rows // batch_size)
    order = rng.stream(seed, "train", "order", epoch).permutation(n_rows)
    batches = np.resize(order, (n_steps, batch_size))  # where the order is too short it begins again
    n_chains = settings.negative_batch_size
    if n_chains is None or n_chains == batch_size:
        return batches, batches
    return batches, rng.stream(seed, "train", "starts", epoch).integers(0, n_rows, (n_steps, n_chains))
