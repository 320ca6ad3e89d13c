"""Machines of a few units from the definition alone (4.1 to 4.4), to compare `distributions` and `partition` with.

Only the energy is used, over all states of both layers; units are counted in the order of `itertools.product`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from lib.rbm.machine import Machine


def states(n_units: int) -> np.ndarray:
    """All states of some units, the last one changing fastest.

    Parameters
    ----------
    n_units : int
        How many.

    Returns
    -------
    ndarray of int, shape (2^n_units, n_units)

    """
    return np.array(list(itertools.product((0, 1), repeat=n_units)))


def arrays(machine: Machine) -> list[np.ndarray]:
    """Weights, visible and hidden biases.

    Parameters
    ----------
    machine : Machine
        On the CPU.

    Returns
    -------
    list of ndarray

    """
    return [x.numpy() for x in (machine.weights, machine.visible_bias, machine.hidden_bias)]


def joint_table(weights: np.ndarray, visible_bias: np.ndarray, hidden_bias: np.ndarray) -> tuple[np.ndarray, float]:
    """The distribution (4.2) of both layers, and its normalization (4.4).

    Parameters
    ----------
    weights : ndarray, shape (n_visible, n_hidden)
        W.
    visible_bias, hidden_bias : ndarray, shapes (n_visible,) and (n_hidden,)
        b and c.

    Returns
    -------
    joint : ndarray, shape (2^n_visible, 2^n_hidden)
        p(v, h), rows v.
    z : float

    """
    every_v, every_h = states(len(visible_bias)), states(len(hidden_bias))
    interaction = np.einsum("vi,ij,hj->vh", every_v, weights, every_h)
    boltzmann = np.exp(interaction + (every_v @ visible_bias)[:, None] + (every_h @ hidden_bias)[None, :])
    return boltzmann / boltzmann.sum(), boltzmann.sum()


def factorized(on: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Probability of rows of bits, were their units independent, as (4.7) and (4.8) say.

    Parameters
    ----------
    on : ndarray, shape (n_given, n_units)
        Chances of a one, for each state of the other layer.
    bits : ndarray, shape (n_rows, n_units)
        The rows.

    Returns
    -------
    ndarray, shape (n_given, n_rows)

    """
    return np.prod(np.where(bits == 1, on[:, None, :], 1 - on[:, None, :]), axis=2)


def flat(parts: Iterable[ArrayLike]) -> np.ndarray:
    """Weights and biases, or anything of their shapes, in one vector.

    Parameters
    ----------
    parts : iterable of array_like
        In turn.

    Returns
    -------
    ndarray, shape (n_parameters,)

    """
    return np.concatenate([np.ravel(part) for part in parts])


def parts(rows: np.ndarray, n_visible: int) -> list[np.ndarray]:
    """Rows of `flat` weights and biases, taken apart.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_parameters)
        Weights, visible biases, hidden biases.
    n_visible : int
        Visible units.

    Returns
    -------
    list of ndarray
        The columns of each of the three.

    """
    n_hidden = (rows.shape[1] - n_visible) // (n_visible + 1)
    return np.split(rows, [n_visible * n_hidden, n_visible * (n_hidden + 1)], axis=1)


def effective_energy_gradients(joint: np.ndarray) -> np.ndarray:
    """Gradients of the effective energy (4.20 to 4.22) at every visible state, with means over hidden states.

    Parameters
    ----------
    joint : ndarray, shape (2^n_visible, 2^n_hidden)
        p(v, h), of `joint_table`.

    Returns
    -------
    ndarray, shape (2^n_visible, n_parameters)
        By weights, visible biases and hidden biases.

    """
    every_v, every_h = (states(length.bit_length() - 1) for length in joint.shape)
    hidden_mean = (joint / joint.sum(axis=1, keepdims=True)) @ every_h  # <h_j> given v
    return np.array([flat((-np.outer(v, m), -v, -m)) for v, m in zip(every_v, hidden_mean)])


def contrastive_update(machine: Machine, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The step of contrastive divergence for a learning rate of one, as the thesis's update rules print it.

    Parameters
    ----------
    machine : Machine
        That is trained.
    start, end : ndarray of int, shape (n_visible,)
        The training example v and the end v' of its chain.

    Returns
    -------
    ndarray, shape (n_parameters,)
        Of weights, visible biases and hidden biases.

    """
    weights, _, c = arrays(machine)
    at_start, at_end = (1 / (1 + np.exp(-(c + v @ weights))) for v in (start, end))  # p(h | v), p(h | v')
    return flat((np.outer(start, at_start) - np.outer(end, at_end), start - end, at_start - at_end))


def finite_gradient(machine: Machine, q: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """The gradient (4.19) of -<ln p>_q by differences, from the joint table.

    Parameters
    ----------
    machine : Machine
        Where it is taken.
    q : ndarray, shape (2^n_visible,)
        The distribution to learn.
    step : float
        Of each parameter to both sides.

    Returns
    -------
    ndarray, shape (n_parameters,)
        Weights, visible biases, hidden biases.

    """
    n_visible, n_hidden = machine.weights.shape

    def cost(parameters: np.ndarray) -> float:
        weights, b, c = np.split(parameters, [n_visible * n_hidden, n_visible * (n_hidden + 1)])
        table, _ = joint_table(weights.reshape(n_visible, n_hidden), b, c)
        return -q @ np.log(table.sum(axis=1))

    point = flat(arrays(machine))
    return np.array([(cost(point + e) - cost(point - e)) / (2 * step) for e in step * np.eye(len(point))])
