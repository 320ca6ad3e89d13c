"""Energies and conditional distributions of a restricted Boltzmann machine, and its Ising form (sections 4.1 and 4.3).

Functions take uint8 or float torch tensors, numpy arrays and nested lists, and answer with tensors of the machine's
dtype on the machine's device. The gauge with units +-1 (section 4.3) is at the end.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lib.rbm.machine import Machine, as_units, check_machine


class Gradient(NamedTuple):
    """Derivatives by the parameters of a machine.

    Attributes
    ----------
    weights : Tensor, shape (n_visible, n_hidden)
        By W.
    visible_bias : Tensor, shape (n_visible,)
        By b.
    hidden_bias : Tensor, shape (n_hidden,)
        By c.

    """

    weights: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor


def energy(machine: Machine, visible, hidden) -> Tensor:
    """Joint energy E(v, h) = -b.v - c.h - v.W.h (4.1).

    Parameters
    ----------
    machine : Machine
        Gives W, b and c.
    visible : array_like, shape (..., n_visible)
        Visible units v.
    hidden : array_like, shape (..., n_hidden)
        Hidden units h, as many rows.

    Returns
    -------
    Tensor, shape (...)
        One energy a row.

    Raises
    ------
    ValueError
        For rows of another width, and for unequal numbers of them.

    """
    v = as_units(machine, visible, machine.n_visible, "visible units")
    h = as_units(machine, hidden, machine.n_hidden, "hidden units")
    try:
        torch.broadcast_shapes(v.shape[:-1], h.shape[:-1])
    except RuntimeError:
        raise ValueError(f"expected as many rows of visible as of hidden units, got {tuple(v.shape)} and "
                         f"{tuple(h.shape)}; try hidden[:len(visible)]") from None
    interaction = ((v @ machine.weights) * h).sum(-1)
    return -(v @ machine.visible_bias) - (h @ machine.hidden_bias) - interaction


def effective_energy(machine: Machine, visible) -> Tensor:
    """Effective energy E(v) = -b.v - sum_j ln(1 + exp(c_j + sum_i W_ij v_i)) (4.5).

    Parameters
    ----------
    machine : Machine
        Gives W, b and c.
    visible : array_like, shape (..., n_visible)
        Visible units v.

    Returns
    -------
    Tensor, shape (...)
        One energy a row.

    """
    v = as_units(machine, visible, machine.n_visible, "visible units")
    # logaddexp(0, x) = ln(1 + e^x) to full precision for every x (softplus cuts at x = 20, an error of 2e-9)
    x = v @ machine.weights + machine.hidden_bias
    return -(v @ machine.visible_bias) - torch.logaddexp(x, x.new_zeros(())).sum(-1)


def hidden_probability(machine: Machine, visible) -> Tensor:
    """Conditional probability p(h_j = 1 | v) = S(c_j + sum_i v_i W_ij) (4.9).

    Parameters
    ----------
    machine : Machine
        Gives W and c.
    visible : array_like, shape (..., n_visible)
        Visible units v.

    Returns
    -------
    Tensor, shape (..., n_hidden)
        One probability for each hidden unit.

    """
    v = as_units(machine, visible, machine.n_visible, "visible units")
    return torch.sigmoid(v @ machine.weights + machine.hidden_bias)


def visible_probability(machine: Machine, hidden) -> Tensor:
    """Conditional probability p(v_i = 1 | h) = S(b_i + sum_j W_ij h_j) (4.10).

    Parameters
    ----------
    machine : Machine
        Gives W and b.
    hidden : array_like, shape (..., n_hidden)
        Hidden units h.

    Returns
    -------
    Tensor, shape (..., n_visible)
        One probability for each visible unit.

    """
    h = as_units(machine, hidden, machine.n_hidden, "hidden units")
    return torch.sigmoid(h @ machine.weights.T + machine.visible_bias)


def effective_energy_gradient(machine: Machine, visible, probabilities=None) -> Gradient:
    """Mean of the derivatives of E(v) by W, c and b (4.20, 4.21, 4.22) over rows of visible bits.

    Parameters
    ----------
    machine : Machine
        Gives W, b and c.
    visible : array_like, shape (n_samples, n_visible)
        Rows of bits, at least one.
    probabilities : array_like, shape (n_samples,), or None
        Weight of each row. None, the default, weighs all rows equally (an average over data); the
        machine's own probabilities over all rows of the basis give the model average of (4.19).
        They are used as given, not normalised.

    Returns
    -------
    Gradient
        The mean by W, b and c.

    Raises
    ------
    ValueError
        For other shapes; try ``.reshape(-1, n_visible)``, or ``probabilities.ravel()``.

    """
    v = as_units(machine, visible, machine.n_visible, "visible units")
    if v.ndim != 2 or v.shape[0] == 0:
        raise ValueError(f"expected visible units of shape (n_samples, {machine.n_visible}) with at least "
                         f"one row, got {tuple(v.shape)}; try .reshape(-1, {machine.n_visible})")
    if probabilities is None:
        p = v.new_full((v.shape[0],), 1 / v.shape[0])
    else:
        p = as_units(machine, probabilities, v.shape[0], "probabilities")
        if p.ndim != 1:
            raise ValueError(f"expected probabilities of shape ({v.shape[0]},), one a row, got {tuple(p.shape)}; try "
                             "probabilities.ravel()")
    weighted = v * p[:, None]
    hidden = hidden_probability(machine, v)
    return Gradient(-(weighted.T @ hidden),  # visible sample, sample hidden -> visible hidden
                    -weighted.sum(0), -(p @ hidden))


def to_ising_gauge(machine: Machine) -> tuple[Machine, Tensor]:
    """The machine with units +-1 that has the same energies, and the constant between them.

    Parameters
    ----------
    machine : Machine
        With units 0 and 1.

    Returns
    -------
    ising : Machine
        Holds W~, b~ and c~.
    constant : Tensor, a scalar
        The constant Q~.

    Notes
    -----
    With v = (v~ + 1)/2 and h = (h~ + 1)/2 the parameters are b~ = (2b + sum_j W)/4,
    c~ = (2c + sum_i W)/4, W~ = W/4 (4.24), and E(v, h) = E~(v~, h~) - Q~ with
    Q~ = sum b~ + sum c~ - sum W~ (4.25). Here E~ has the form of (4.1) in the +-1 units: see
    `ising_energy`.

    """
    check_machine(machine)
    weights = machine.weights / 4
    visible_bias = (2 * machine.visible_bias + machine.weights.sum(1)) / 4
    hidden_bias = (2 * machine.hidden_bias + machine.weights.sum(0)) / 4
    constant = visible_bias.sum() + hidden_bias.sum() - weights.sum()
    return Machine(weights, visible_bias, hidden_bias, machine.mask), constant


def from_ising_gauge(ising: Machine) -> Machine:
    """The machine with units 0 and 1 for one with units +-1: the inverse of (4.24).

    Parameters
    ----------
    ising : Machine
        Holds W~, b~ and c~, as `to_ising_gauge` gives them.

    Returns
    -------
    Machine

    """
    return Machine(4 * ising.weights, 2 * ising.visible_bias - 2 * ising.weights.sum(1),
                   2 * ising.hidden_bias - 2 * ising.weights.sum(0), ising.mask)


def ising_energy(ising: Machine, visible_spins, hidden_spins) -> Tensor:
    """Joint energy E~(v~, h~) = -b~.v~ - c~.h~ - v~.W~.h~ for units +-1 (section 4.3).

    Parameters
    ----------
    ising : Machine
        Holds W~, b~ and c~, as `to_ising_gauge` gives them.
    visible_spins : array_like of -1 and +1, shape (..., n_visible)
        The units v~.
    hidden_spins : array_like of -1 and +1, shape (..., n_hidden)
        The units h~.

    Returns
    -------
    Tensor, shape (...)
        One energy a row.

    """
    return energy(ising, visible_spins, hidden_spins)
