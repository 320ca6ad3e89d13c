"""Chains of a machine at a ladder of temperatures, what they measure of it, and a better one.

The first half of :mod:`lib.rbm.tempering`, which says what it is about.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lib.rbm.annealing import Path


class Ladder(NamedTuple):
    """A ladder of inverse temperatures from 0 to 1, rising, with what was measured of it.

    Attributes
    ----------
    betas : ndarray, shape (n_temperatures,)
        Inverse temperatures.
    swap_rates : ndarray, shape (n_temperatures - 1,)
        How often each pair of neighbours changed places, as measured.
    barrier : float
        The sum of refusals; a ladder of n temperatures needs about n + barrier sweeps from one end
        to the other.

    """

    betas: np.ndarray
    swap_rates: np.ndarray
    barrier: float


class Chains:
    """Independent ladders of configurations that go on from call to call.

    Parameters
    ----------
    betas : ndarray, shape (n_temperatures,)
        Inverse temperatures.
    n_visible : int
        Visible units of the machine.
    n_chains : int
        How many ladders.
    generator : numpy.random.Generator
        Source of all random numbers.

    Attributes
    ----------
    visible : ndarray of float64, shape (n_temperatures, n_chains, n_visible)
        Their configurations as bits, the last those of the machine.
    attempts : ndarray, shape (n_temperatures - 1,)
        Attempts of each pair of neighbours to change places, over all ladders.
    refusals : ndarray, shape (n_temperatures - 1,)
        How many of them are expected to have failed.

    """

    def __init__(self, betas: np.ndarray, n_visible: int, n_chains: int, generator: np.random.Generator):
        self.betas, self.parity, self._generator = betas, 0, generator
        self.visible = generator.integers(0, 2, (len(betas), n_chains, n_visible)).astype(np.float64)
        self.attempts = np.zeros(len(betas) - 1)
        self.refusals = np.zeros(len(betas) - 1)

    def advance(self, path: Path, n_sweeps: int) -> np.ndarray:
        """Sweeps of the whole ladder, each with an attempt to change places.

        Parameters
        ----------
        path : Path
            To the machine, see `annealing.annealing_path`.
        n_sweeps : int
            How many sweeps.

        Returns
        -------
        ndarray of float64, shape (n_chains, n_visible)
            The configurations at beta = 1.

        """
        betas = self.betas[:, None, None]
        inputs = path.inputs(self.visible)
        for _ in range(n_sweeps):
            self.visible = path.sweep(betas, inputs, self._generator)
            inputs = path.inputs(self.visible)
            self._change_places(path, inputs)
        return self.visible[-1]

    def _change_places(self, path: Path, inputs: np.ndarray) -> None:
        lower = np.arange(self.parity, len(self.betas) - 1, 2)
        self.parity = 1 - self.parity
        if not lower.size:
            return
        upper = lower + 1
        hot, cold = self.betas[lower, None, None], self.betas[upper, None, None]
        gain = path.log_weight(hot, self.visible[upper], inputs[upper]) \
            + path.log_weight(cold, self.visible[lower], inputs[lower]) \
            - path.log_weight(hot, self.visible[lower], inputs[lower]) \
            - path.log_weight(cold, self.visible[upper], inputs[upper])  # pair chain
        chance = np.exp(np.minimum(gain, 0))
        accepted = (self._generator.random(gain.shape) < chance)[..., None]
        for array in (self.visible, inputs):
            array[lower], array[upper] = (np.where(accepted, array[upper], array[lower]),
                                          np.where(accepted, array[lower], array[upper]))
        self.attempts[lower] += gain.shape[1]
        self.refusals[lower] += (1 - chance).sum(1)  # the expectation: less noise than a count


def measured(chains: Chains) -> Ladder:
    """The ladder of chains, with what they have seen so far.

    Parameters
    ----------
    chains : Chains
        At all of its temperatures.

    Returns
    -------
    Ladder

    """
    refusals = chains.refusals / np.maximum(chains.attempts, 1)
    return Ladder(chains.betas, 1 - refusals, float(refusals.sum()))


def respaced(found: Ladder, n_temperatures: int) -> np.ndarray:
    """Inverse temperatures that divide the measured barrier into equal parts.

    Between the measured ones the barrier is interpolated linearly.

    Parameters
    ----------
    found : Ladder
        With its measured swap rates.
    n_temperatures : int
        How many to make.

    Returns
    -------
    ndarray, shape (n_temperatures,)
        Rising from 0 to 1.

    """
    lengths = np.maximum(1 - found.swap_rates, 1e-6)  # rising, so that it can be inverted
    cumulated = np.concatenate([[0], np.cumsum(lengths)])
    betas = np.interp(np.linspace(0, cumulated[-1], n_temperatures), cumulated, found.betas)
    betas[0], betas[-1] = 0, 1
    return betas
