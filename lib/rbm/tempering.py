"""Parallel tempering: chains at many temperatures that change places, so that those at the coldest forget.

Gibbs chains of a machine with separate valleys keep to the one in which they began. Here a ladder of inverse
temperatures 0 = beta_0 < ... < beta_R = 1 along the path of `lib.rbm.annealing` is sampled at once. After each block
Gibbs sweep neighbours change places with probability

    min(1, f_r(v_s) f_s(v_r) / (f_r(v_r) f_s(v_s))),

even pairs and odd pairs by turns: so configurations travel down and up the ladder in straight runs. At beta = 0 every
sweep draws a configuration that knows nothing of the one before; what arrives at beta = 1 from there is in a valley
chosen anew, with its right weight.

The ladder makes itself. How often neighbours fail to change places, summed up along the ladder, is a length of the path
that hardly depends on the temperatures in between (the barrier); new temperatures divide it into equal parts, as many
as leave each pair a share of refusals of a given size.

Source: S. Syed, A. Bouchard-Cote, G. Deligiannidis and A. Doucet, J. R. Stat. Soc. B 84, 321 (2022).
"""

from __future__ import annotations

import json

import numpy as np
import torch

from lib import rng
from lib.checks import as_floats, require_count
from lib.rbm.annealing import annealing_path
from lib.rbm.ladders import Chains, Ladder, measured, respaced
from lib.rbm.machine import Machine, check_machine

__all__ = ["MOST_TEMPERATURES", "REFUSED", "Chains", "Ladder", "Replicas", "ladder", "measured", "respaced", "sample"]

REFUSED = 0.3  # of all attempts to change places, between neighbours of a ladder that is made here
MOST_TEMPERATURES = 256
_ROUNDS = 6  # of making a ladder
_GROWTH = 1.6  # more temperatures in a round than this times those before would trust a poor estimate too far


class Replicas:
    """Tempered chains of a machine that changes, for the negative phase of a training.

    The ladder is made anew at the beginning of every epoch from what its chains saw in the one
    before: temperatures move to where neighbours change places too seldom, and one is added or
    taken away where the barrier asks for it. The configurations stay with the nearest of the new
    temperatures.

    Parameters
    ----------
    machine : Machine
        To begin with; its width counts alone.
    n_chains : int
        How many ladders.
    seed : int, >= 0
        Fixes the random numbers.

    """

    def __init__(self, machine: Machine, n_chains: int, *, seed: int):
        self._generator = rng.stream(seed, "tempering", "training")
        self._chains = Chains(np.linspace(0, 1, 3), machine.n_visible, n_chains, self._generator)

    @property
    def betas(self) -> np.ndarray:
        """Inverse temperatures of the ladder as it is now."""
        return self._chains.betas

    def begin_epoch(self) -> None:
        """Move the temperatures, once there is something to go by."""
        chains = self._chains
        if not chains.attempts.all():
            return
        found = measured(chains)
        wanted = min(int(np.ceil(found.barrier / REFUSED)) + 1, MOST_TEMPERATURES)
        n = len(chains.betas) + int(np.sign(wanted - len(chains.betas)))
        betas = respaced(found, max(2, n))
        nearest = np.abs(betas[:, None] - chains.betas).argmin(1)
        self._chains = Chains(betas, chains.visible.shape[-1], chains.visible.shape[1], self._generator)
        self._chains.visible[:] = chains.visible[nearest]

    def advance(self, machine: Machine, n_sweeps: int) -> torch.Tensor:
        """Configurations of the machine as it is now, after n_sweeps sweeps of the ladder.

        Parameters
        ----------
        machine : Machine
            As it is now.
        n_sweeps : int
            How many sweeps.

        Returns
        -------
        Tensor of float64, shape (n_chains, n_visible)
            Bits, in memory of their own.

        """
        return torch.from_numpy(self._chains.advance(annealing_path(machine), n_sweeps).copy())

    def arrays(self) -> dict[str, np.ndarray]:
        """All that changes, for a checkpoint.

        Returns
        -------
        dict of str to ndarray
            By name.

        """
        chains = self._chains
        return {"ladder_betas": chains.betas, "ladder_visible": chains.visible.astype(np.uint8),
                "ladder_attempts": chains.attempts, "ladder_refusals": chains.refusals,
                "ladder_parity": np.array([chains.parity]),
                "random_tempering": np.frombuffer(json.dumps(self._generator.bit_generator.state).encode(), np.uint8)}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on where `arrays` was called.

        Parameters
        ----------
        arrays : dict of str to ndarray
            What `arrays` gave.

        Raises
        ------
        ValueError
            For temperatures that do not rise from 0 to 1.

        """
        betas = _checked(arrays["ladder_betas"])
        self._chains = Chains(betas, *arrays["ladder_visible"].shape[:0:-1], self._generator)
        self._chains.visible[:] = arrays["ladder_visible"]
        self._chains.attempts[:], self._chains.refusals[:] = arrays["ladder_attempts"], arrays["ladder_refusals"]
        self._chains.parity = int(arrays["ladder_parity"][0])
        self._generator.bit_generator.state = json.loads(arrays["random_tempering"].tobytes())


def ladder(machine: Machine, *, seed: int, n_chains: int = 64, n_sweeps: int = 100, refused: float = REFUSED,
           data=None) -> Ladder:
    """Inverse temperatures at which neighbours change places equally often.

    It starts from few temperatures and goes through rounds of n_sweeps sweeps of n_chains ladders;
    each measures the barrier and divides it anew.

    Parameters
    ----------
    machine : Machine
        At the end of the ladder.
    seed : int, >= 0
        Fixes the random numbers.
    n_chains : int, >= 1
        Ladders at once.
    n_sweeps : int, >= 2
        Sweeps of a round, after as many to settle.
    refused : float
        The share of attempts that may fail between neighbours, between 0 and 1; 0.3 by default.
    data : array_like of 0 and 1, shape (n_samples, n_visible), or None
        Measurements whose means stand at beta = 0, see `annealing.annealing_path`.

    Returns
    -------
    Ladder
        The temperatures of the last round, and what it measured.

    Raises
    ------
    ValueError
        For other values, and where more than 256 temperatures would be needed (try a larger share
        refused, or data with the means of the machine).

    """
    require_count("n_chains", n_chains, 1)
    require_count("n_sweeps", n_sweeps, 2)
    if not 0 < refused < 1:
        raise ValueError(f"expected refused between 0 and 1, got {refused!r}; try refused={REFUSED}")
    path, generator = annealing_path(machine, data), rng.stream(seed, "tempering", "ladder")
    betas = np.linspace(0, 1, 5)
    for _ in range(_ROUNDS):
        chains = Chains(betas, machine.n_visible, n_chains, generator)
        chains.advance(path, n_sweeps)  # to settle
        chains.attempts[:] = chains.refusals[:] = 0
        chains.advance(path, n_sweeps)
        found = measured(chains)
        wanted = int(np.ceil(found.barrier / refused)) + 1
        if wanted > MOST_TEMPERATURES:
            raise ValueError(f"expected a machine that needs at most {MOST_TEMPERATURES} temperatures, got {wanted}; "
                             "try a larger share refused, or data with the means of the machine")
        betas = respaced(found, max(2, min(wanted, int(_GROWTH * len(betas)))))
    return found


def sample(machine: Machine, n_samples: int, *, seed: int, betas=None, n_chains: int = 64, burn_in: int = 200,
           thin: int = 10, data=None) -> np.ndarray:
    """At least n_samples configurations of the machine by parallel tempering.

    Parameters
    ----------
    machine : Machine
        To sample from.
    n_samples : int, >= 1
        Configurations to draw; whole draws of all chains are made.
    seed : int, >= 0
        Fixes the random numbers.
    betas : array_like, shape (n_temperatures,), or None
        Inverse temperatures from 0 to 1, rising; None, the default, means those of `ladder`.
    n_chains : int, >= 1
        Independent ladders.
    burn_in : int, >= 0
        Sweeps of the whole ladder before the first draw.
    thin : int, >= 1
        Sweeps of the whole ladder between draws.
    data : array_like of 0 and 1, shape (n_samples, n_visible), or None
        Measurements whose means stand at beta = 0, see `annealing.annealing_path`.

    Returns
    -------
    ndarray of uint8, shape (n_draws, n_chains, n_visible)
        Draws of one chain are correlated, see `observables.estimate` and `convergence.convergence`.

    Raises
    ------
    ValueError
        For other temperatures (try ``numpy.linspace(0, 1, 10)``) and counts, and as `ladder`.

    Notes
    -----
    One sweep costs as much as a Gibbs sweep of as many chains as there are temperatures.

    """
    for name, value, least in (("n_samples", n_samples, 1), ("n_chains", n_chains, 1), ("burn_in", burn_in, 0),
                               ("thin", thin, 1)):
        require_count(name, value, least)
    check_machine(machine)
    betas = ladder(machine, seed=seed, data=data).betas if betas is None else _checked(betas)
    path = annealing_path(machine, data)
    chains = Chains(betas, machine.n_visible, n_chains, rng.stream(seed, "tempering", "sample"))
    chains.advance(path, burn_in)
    draws = np.empty((-(-n_samples // n_chains), n_chains, machine.n_visible), np.uint8)
    for draw in draws:
        draw[:] = chains.advance(path, thin)
    return draws


def _checked(betas) -> np.ndarray:
    betas = as_floats(betas, "betas", shape=("n_temperatures",), finite=True)
    if len(betas) < 2 or betas[0] != 0 or betas[-1] != 1 or not (np.diff(betas) > 0).all():
        raise ValueError(f"expected betas that rise from 0 to 1, got {betas}; try numpy.linspace(0, 1, 10)")
    return betas
