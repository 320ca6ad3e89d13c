"""How fast Gibbs chains of small machines forget where they began, and what that does to contrastive divergence.

All of it follows from the table of joint probabilities p(v, h), in the order of :func:`lib.conventions.all_states`
(chapter 4).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from lib import rng
from lib.conventions import all_states
from lib.rbm import sampling
from lib.rbm.distributions import effective_energy_gradient, hidden_probability, visible_probability
from lib.rbm.machine import Machine

if TYPE_CHECKING:
    import pandas as pd  # of the book


def sweep_matrix(joint: np.ndarray) -> np.ndarray:
    """Chances to get from every visible state to every other by one sweep.

    Parameters
    ----------
    joint : ndarray, shape (2^n_visible, 2^n_hidden)
        p(v, h).

    Returns
    -------
    ndarray, shape (2^n_visible, 2^n_visible)
        P(v' | v), rows v.

    """
    return (joint / joint.sum(axis=1, keepdims=True)) @ (joint / joint.sum(axis=0)).T


def second_mode(joint: np.ndarray) -> tuple[float, np.ndarray]:
    """What decays most slowly: a sweep shrinks the mean of one function of the visible units by one factor.

    Parameters
    ----------
    joint : ndarray, shape (2^n_visible, 2^n_hidden)
        p(v, h).

    Returns
    -------
    rate : float
        The largest eigenvalue of `sweep_matrix` below one.
    function : ndarray, shape (2^n_visible,)
        The function f(v).

    """
    root = np.sqrt(joint.sum(axis=1))  # sweeps are reversible: scaled like this, their matrix is symmetric
    scaled = sweep_matrix(joint) * root[:, None] / root
    values, vectors = np.linalg.eigh((scaled + scaled.T) / 2)
    return values[-2], vectors[:, -2] / root


def measured_rate(machine: Machine, mode: tuple[float, np.ndarray], n_chains: int, n_sweeps: int, *,
                  seed: int) -> tuple[float, float]:
    """By how much a sweep shrinks the mean of the slowest function of the visible units, from chains.

    Parameters
    ----------
    machine : Machine
        Whose chains are run, from all visible units off.
    mode : tuple of float and ndarray
        `second_mode` of the machine.
    n_chains, n_sweeps : int
        Chains, and how many sweeps after which the function is read off.
    seed : int, >= 0
        Of the chains.

    Returns
    -------
    rate, error : float
        The measured eigenvalue, and its standard error.

    """
    rate, f = mode
    n_visible = len(machine.visible_bias)
    later = sampling.gibbs(machine, np.zeros((n_chains, n_visible), dtype=np.uint8), n_sweeps, seed=seed)
    left = f[later @ (1 << np.arange(n_visible)[::-1])] / f[0]  # what is left of f, chain by chain
    return (max(left.mean(), 0.0) ** (1 / n_sweeps),
            left.std() / np.sqrt(n_chains) / (n_sweeps * rate ** (n_sweeps - 1)))


def one_chain(machine: Machine, n_sweeps: int, *, rng: np.random.Generator) -> list[np.ndarray]:
    """The layers of one Gibbs chain, drawn in turn, from all visible units off (Fig. 4.2).

    Parameters
    ----------
    machine : Machine
        Whose chain is run.
    n_sweeps : int
        A sweep draws the hidden and then the visible layer (4.9, 4.10).
    rng : numpy.random.Generator
        Draws a number for each unit.

    Returns
    -------
    list of ndarray of uint8
        Visible and hidden bits in turn, 2 n_sweeps + 1 layers.

    """
    layers = [np.zeros(len(machine.visible_bias), dtype=np.uint8)]
    for probability in (hidden_probability, visible_probability) * n_sweeps:
        p = probability(machine, layers[-1]).numpy()
        layers.append((rng.random(len(p)) < p).astype(np.uint8))
    return layers


def total_variation(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference in probability of any event.

    Parameters
    ----------
    a, b : ndarray
        Probabilities of the same states.

    Returns
    -------
    float
        From 0 to 1.

    """
    return 0.5 * np.abs(a - b).sum()


def noise_floor(p: np.ndarray, n_samples: int) -> tuple[float, float]:
    """The total variation distance of a distribution from the frequencies in perfect samples of it.

    Parameters
    ----------
    p : ndarray
        The distribution.
    n_samples : int
        Many.

    Returns
    -------
    mean, deviation : float
        For frequencies that are normal and independent.

    """
    spread = np.sqrt(p * (1 - p) / n_samples)  # of the frequency of each state
    return 0.5 * np.sqrt(2 / np.pi) * spread.sum(), 0.5 * np.sqrt(1 - 2 / np.pi) * np.linalg.norm(spread)


def convergence(machine: Machine, joint: np.ndarray, n_chains: int, n_sweeps: int, use: str, *,
                seed: int) -> pd.DataFrame:
    """How far the distribution of chains is from that of the machine after each sweep, from all visible units off.

    Parameters
    ----------
    machine : Machine
        Whose chains are run.
    joint : ndarray, shape (2^n_visible, 2^n_hidden)
        Its p(v, h).
    n_chains, n_sweeps : int
        Chains, and how long they are followed.
    use : str
        Names their random streams.
    seed : int, >= 0
        Of the chains.

    Returns
    -------
    pandas.DataFrame
        sweep, exact, sampled (total variation distances).

    """
    import pandas as pd

    sweep, p, n_visible = sweep_matrix(joint), joint.sum(axis=1), len(machine.visible_bias)
    exact, chains, rows = np.eye(len(p))[0], np.zeros((n_chains, n_visible), dtype=np.uint8), []
    for t in range(n_sweeps + 1):
        sampled = np.bincount(chains @ (1 << np.arange(n_visible)[::-1]), minlength=len(p)) / n_chains
        rows.append((t, total_variation(exact, p), total_variation(sampled, p)))
        exact, chains = exact @ sweep, sampling.gibbs(machine, chains, 1, seed=rng.child_seed(seed, use, t))
    return pd.DataFrame(rows, columns=["sweep", "exact", "sampled"])


def gradient(machine: Machine, data: np.ndarray, model: np.ndarray) -> np.ndarray:
    """The gradient of the cost (4.19), with any distribution in place of p(v) in the negative phase.

    Parameters
    ----------
    machine : Machine
        Where.
    data, model : ndarray, shape (2^n_visible,)
        Distributions of the positive and of the negative phase.

    Returns
    -------
    ndarray
        By all weights, visible and hidden biases.

    """
    visible = all_states(len(machine.visible_bias))
    positive, negative = (np.concatenate([np.asarray(part).ravel() for part in
                                          effective_energy_gradient(machine, visible, probabilities=weights)])
                          for weights in (data, model))
    return positive - negative


def divergence_bias(machine: Machine, joint: np.ndarray, data: np.ndarray, sweeps: Iterable[int]) -> pd.DataFrame:
    """How wrong the expected step of contrastive divergence is.

    Parameters
    ----------
    machine : Machine
        Where.
    joint : ndarray, shape (2^n_visible, 2^n_hidden)
        Its p(v, h).
    data : ndarray, shape (2^n_visible,)
        The distribution that is learnt.
    sweeps : iterable of int
        Numbers k of sweeps.

    Returns
    -------
    pandas.DataFrame
        k, relative error, angle (degrees) to the true gradient.

    """
    import pandas as pd

    true, sweep, rows = gradient(machine, data, joint.sum(axis=1)), sweep_matrix(joint), []
    for k in sweeps:
        step = gradient(machine, data, data @ np.linalg.matrix_power(sweep, k))
        cosine = step @ true / np.linalg.norm(step) / np.linalg.norm(true)
        error = np.linalg.norm(step - true) / np.linalg.norm(true)
        rows.append((k, error, np.degrees(np.arccos(min(cosine, 1)))))
    return pd.DataFrame(rows, columns=["k", "relative error", "angle"])
