"""A state behind depolarizing noise of an unknown chance: both are learnt from the same outcomes.

A spin that is replaced by a random one with a chance c gives the other outcome with the chance c/2, along whatever axis
it is measured, since such noise singles out no axis. What is measured is then the state without noise, misread, and
`readout` trains on it by the likelihood of what was read. Between rounds of training the chance becomes the likeliest
one. A state with ancillas may hold more noise, of other kinds. Whether outcomes are of such a state at all, those that
were held back tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar

from lib import rng
from lib.chain_checks import check_n_spins
from lib.checks import require_count
from lib.conventions import all_states, state_index
from lib.rbm import readout, rotations
from lib.rbm.complex_state import ComplexState, MixedState, check_state
from lib.rbm.complex_training import StateSettings
from lib.spins import density
from lib.spins.bases import Measurements
from lib.spins.measurements.readout import Readout

MAX_SPINS = readout.MAX_OPEN  # sites that may be misread, over whose values the training sums


@dataclass(frozen=True, eq=False)
class NoisyState:
    """A state each of whose spins is replaced by a random one with a chance.

    Attributes
    ----------
    state : ComplexState or MixedState
        Without the noise, of up to 8 spins.
    chance : float
        From 0 to 1.

    Raises
    ------
    ValueError
        For another state or chance.

    """

    state: ComplexState | MixedState
    chance: float

    def __post_init__(self):
        check_n_spins(check_state(self.state).n_spins, largest=MAX_SPINS, hint="fewer spins")
        if isinstance(self.chance, bool) or not 0 <= self.chance <= 1:
            raise ValueError(f"expected a chance from 0 to 1, got {self.chance!r}; try 0.05")

    def density_matrix(self) -> np.ndarray:
        """The density matrix over the basis of the spins, in its order.

        Returns
        -------
        ndarray of complex128, shape (2^n_spins, 2^n_spins)

        """
        state = self.state
        alone = state.density_matrix() if isinstance(state, MixedState) else state.psi()
        return density.depolarized(alone.numpy(), self.chance)

    def log_likelihoods(self, measurements: Measurements) -> np.ndarray:
        """Logarithm ln P of each outcome in its basis.

        Parameters
        ----------
        measurements : Measurements
            Outcomes with their bases.

        Returns
        -------
        ndarray of float64, shape (n_samples,)

        """
        chances, place = _table(self.state, measurements)
        with np.errstate(divide="ignore"):  # what cannot happen has -inf
            return np.log(_behind(self.chance, chances).ravel()[place])

    def negative_log_likelihood(self, measurements: Measurements) -> float:
        """Mean of -ln P(outcome in its basis), in nats.

        Parameters
        ----------
        measurements : Measurements
            Outcomes with their bases.

        Returns
        -------
        float

        """
        return -float(self.log_likelihoods(measurements).mean())


def likeliest_chance(state: ComplexState | MixedState, measurements: Measurements) -> float:
    """The chance of noise behind which a state explains measurements best.

    Parameters
    ----------
    state : ComplexState or MixedState
        Without the noise, of up to 8 spins.
    measurements : Measurements
        Outcomes with their bases.

    Returns
    -------
    float
        From 0 to 0.9, to 1e-5.

    """
    chances, place = _table(state, measurements)
    seen, counts = np.unique(place, return_counts=True)

    def loss(chance: float) -> float:
        return -float(counts @ np.log(_behind(chance, chances).ravel()[seen]))

    return float(minimize_scalar(loss, bounds=(0.0, 0.9), method="bounded", options={"xatol": 1e-5}).x)


def fit(state: ComplexState | MixedState, measurements: Measurements, settings: StateSettings, *, chance: float = 0.1,
        n_rounds: int = 3, seed: int) -> NoisyState:
    """Train a state and the chance of the noise that it is behind.

    Parameters
    ----------
    state : ComplexState or MixedState
        To begin with, of up to 8 spins.
    measurements : Measurements
        Outcomes with their bases.
    settings : StateSettings
        How to train in each round.
    chance : float
        Of the first round, above 0; 0.1 by default.
    n_rounds : int, >= 1
        Rounds, 3 by default, after each of which the chance becomes the likeliest.
    seed : int, >= 0
        Fixes the training.

    Returns
    -------
    NoisyState

    Raises
    ------
    ValueError
        As `complex_training.train`, for more than 8 spins, and for numbers out of range.

    """
    found = NoisyState(state, chance)
    require_count("n_rounds", n_rounds)
    for number in range(n_rounds):
        errors = Readout.uniform(state.n_spins, found.chance / 2, found.chance / 2)
        *_, last = readout.train_state(found.state, measurements, settings, readout=errors,
                                       seed=rng.child_seed(seed, "noise", number), every=settings.epochs)
        found = NoisyState(last.state, likeliest_chance(last.state, measurements))
    return found


def _table(state: ComplexState | MixedState, measurements: Measurements) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of all outcomes of every basis without noise, (n_bases, 2, ..., 2), and each row's place there."""
    n_spins = measurements.n_spins
    codes, place = np.unique(measurements.codes, axis=0, return_inverse=True)
    states = all_states(n_spins)
    every = replace(measurements, bits=np.tile(states, (len(codes), 1)), codes=np.repeat(codes, len(states), axis=0))
    logs = 2 * rotations.log_amplitudes(state, every).real.reshape(len(codes), -1)
    chances = np.exp(logs - logs.max())
    chances = (chances / chances.sum(1, keepdims=True)).reshape((len(codes),) + (2,) * n_spins)
    return chances, place.reshape(-1) * len(states) + state_index(measurements.bits)


def _behind(chance: float, chances: np.ndarray) -> np.ndarray:
    """The same probabilities behind noise, by which each outcome is the other one with half the chance."""
    for axis in range(1, chances.ndim):
        chances = (1 - chance / 2) * chances + chance / 2 * np.flip(chances, axis)
    return chances
