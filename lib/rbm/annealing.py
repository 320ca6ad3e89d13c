"""From a machine without weights to a trained one by small steps in temperature, and ln Z of it on the way.

At inverse temperature beta, from 0 to 1, the distribution of the visible units is

    p_beta(v) = f_beta(v) / Z_beta,   f_beta(v) = p_0(v)^(1 - beta) sum_h exp(-beta E(v, h))

with p_0 a product of independent units up to its norm, exp(b_0 . v): all configurations alike for b_0 = 0, or the means
of measurements. For every beta this is a machine again, with weights beta W, hidden biases beta c and visible biases
beta b + (1 - beta) b_0. At beta = 1 it is the machine itself. Where b_0 = 0, a machine that is symmetric under flipping
all units stays so on the way.

`log_partition` is annealed importance sampling; `lib.rbm.tempering` lets chains wander along the same path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy import special, stats

from lib import rng
from lib.chain_checks import check_bits
from lib.checks import require_count
from lib.rbm.machine import Machine, check_machine

_FEW = 10  # effective runs below which neither the estimate nor its error says anything


@dataclass(frozen=True)
class Path:
    """The distributions on the path to a machine in float64: what does not change with beta.

    Configurations are rows of float64 bits.

    Attributes
    ----------
    weights : ndarray, shape (n_visible, n_hidden)
        The matrix W.
    visible_bias : ndarray, shape (n_visible,)
        The vector b.
    hidden_bias : ndarray, shape (n_hidden,)
        The vector c.
    base : ndarray, shape (n_visible,)
        The vector b_0.

    """

    weights: np.ndarray
    visible_bias: np.ndarray
    hidden_bias: np.ndarray
    base: np.ndarray

    def inputs(self, visible: np.ndarray) -> np.ndarray:
        """What the hidden units see at beta = 1.

        Parameters
        ----------
        visible : ndarray, shape (..., n_visible)
            Configurations.

        Returns
        -------
        ndarray, shape (..., n_hidden)
            One input for each hidden unit.

        """
        return visible @ self.weights + self.hidden_bias

    def log_weight(self, beta, visible: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """Logarithm ln f_beta(v) of the weight of configurations.

        Parameters
        ----------
        beta : float or ndarray, shape (..., 1)
            One number, or one for each configuration.
        visible : ndarray, shape (..., n_visible)
            Configurations v.
        inputs : ndarray, shape (..., n_hidden)
            Their `inputs`.

        Returns
        -------
        ndarray, shape (...)
            One logarithm for each configuration.

        """
        biases = self.base + beta * (self.visible_bias - self.base)
        return (visible * biases).sum(-1) + np.logaddexp(0, beta * inputs).sum(-1)

    def sweep(self, beta, inputs: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """New visible units by one block Gibbs sweep at beta (4.9, 4.10).

        Parameters
        ----------
        beta : float or ndarray, shape (..., 1)
            One number, or one for each configuration.
        inputs : ndarray, shape (..., n_hidden)
            The `inputs` of the configurations to start from.
        generator : numpy.random.Generator
            Source of the random numbers.

        Returns
        -------
        ndarray of float64, shape (..., n_visible)
            The new configurations.

        """
        hidden = generator.random(inputs.shape) < special.expit(beta * inputs)
        fields = beta * (hidden @ self.weights.T + self.visible_bias - self.base) + self.base
        return (generator.random(fields.shape) < special.expit(fields)).astype(np.float64)

    def start(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        """Independent configurations of beta = 0.

        Parameters
        ----------
        shape : tuple of int
            How many, along each axis.
        generator : numpy.random.Generator
            Source of the random numbers.

        Returns
        -------
        ndarray of float64, shape (``*shape``, n_visible)
            The configurations.

        """
        return (generator.random((*shape, len(self.base))) < special.expit(self.base)).astype(np.float64)

    @property
    def log_z_start(self) -> float:
        """Logarithm ln Z_0, in closed form."""
        return float(np.logaddexp(0, self.base).sum() + self.weights.shape[1] * np.log(2))


def annealing_path(machine: Machine, data=None) -> Path:
    """The path to a machine.

    Parameters
    ----------
    machine : Machine
        At beta = 1.
    data : array_like of 0 and 1, shape (n_samples, n_visible), or None
        Bits whose means it begins with; None, the default, means b_0 = 0.

    Returns
    -------
    Path
        On the CPU, in float64.

    """
    machine = check_machine(machine)
    parts = [value.detach().to(torch.float64).cpu().numpy()
             for value in (machine.weights, machine.visible_bias, machine.hidden_bias)]
    if data is None:
        return Path(*parts, np.zeros(machine.n_visible))
    bits = check_bits(data, machine.n_visible, name="data")
    means = (bits.sum(axis=0, dtype=np.int64) + 1) / (len(bits) + 2)  # never 0 or 1
    return Path(*parts, special.logit(means))


class LogPartition(NamedTuple):
    """An estimate of ln Z.

    Attributes
    ----------
    value : float
        The estimate.
    error : float
        Its standard error.
    low, high : float
        An interval that holds ln Z in 95 of 100 cases.
    n_effective : float
        How many of the runs carry the weight, (sum w)^2 / sum w^2.

    """

    value: float
    error: float
    low: float
    high: float
    n_effective: float


def log_partition(machine: Machine, *, seed: int, n_runs: int = 256, n_temperatures: int = 1000,
                  data=None) -> LogPartition:
    """ln Z (4.4) of a machine of any size by annealed importance sampling, with its error.

    Parameters
    ----------
    machine : Machine
        Whose partition function Z is.
    seed : int, >= 0
        Fixes the random numbers.
    n_runs : int, >= 2
        Independent runs.
    n_temperatures : int, >= 1
        Twice as many halve the variance of ln w.
    data : array_like of 0 and 1, shape (n_samples, n_visible), or None
        Measurements whose means the runs start with.

    Returns
    -------
    LogPartition
        The estimate.

    Raises
    ------
    ValueError
        For counts below 1 (n_runs below 2), and where fewer than 10 runs carry all the weight (try
        ten times n_temperatures).

    Notes
    -----
    Each run starts at beta = 0 and takes one Gibbs sweep at each of the temperatures, equally
    spaced in beta; its weight w is the product of f_next(v) / f(v) over the steps, and Z / Z_0 is
    the mean of w. The error is that of the logarithm of a mean to first order, the interval
    Student's. Both hold where no few runs carry all the weight.

    References
    ----------
    Neal, R. M., Statistics and Computing 11, 125 (2001); Salakhutdinov, R. and Murray, I., ICML
    2008.

    """
    require_count("n_runs", n_runs, 2)
    require_count("n_temperatures", n_temperatures, 1)
    path, generator = annealing_path(machine, data), rng.stream(seed, "annealing")
    visible, log_w = path.start((n_runs,), generator), np.zeros(n_runs)
    betas = np.linspace(0, 1, n_temperatures + 1)
    for beta, following in zip(betas, betas[1:]):
        inputs = path.inputs(visible)
        log_w += path.log_weight(following, visible, inputs) - path.log_weight(beta, visible, inputs)
        if following < 1:
            visible = path.sweep(following, inputs, generator)
    return _mean_weight(log_w, path.log_z_start)


def _mean_weight(log_w: np.ndarray, log_z_start: float) -> LogPartition:
    """ln of the mean of the weights times Z_0."""
    n_runs, largest = len(log_w), log_w.max()
    weights = np.exp(log_w - largest)
    mean = weights.mean()
    n_effective = float(n_runs * mean**2 / np.mean(weights**2))
    if n_effective < min(_FEW, n_runs / 2):
        raise ValueError(f"expected weights of similar size, got {n_runs} runs with the weight of {n_effective:.1f}; "
                         "try ten times n_temperatures")
    value = float(log_z_start + largest + np.log(mean))
    error = float(weights.std(ddof=1) / mean / np.sqrt(n_runs))
    half = float(stats.t.ppf(0.975, n_runs - 1)) * error
    return LogPartition(value, error, value - half, value + half, n_effective)
