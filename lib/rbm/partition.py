"""Exact normalisation of a restricted Boltzmann machine by enumeration (4.3, 4.4), in float64.

The sum over one layer is a product over its units, so only the other layer has to be enumerated, and we take
the smaller one: 18 visible and 9 hidden units cost 2^9 terms for Z. All sums are over logarithms.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lib.conventions import all_states
from lib.memory import format_bytes, require_memory
from lib.rbm.distributions import effective_energy
from lib.rbm.machine import Machine, as_units, check_machine, zeros_and_ones

MAX_ENUMERATED_UNITS = 26  # 2^26 terms take about half a minute
_LOW_UNITS = 10  # a block holds the 2^10 states of the last ten units of the enumerated layer


def log_partition(machine: Machine, *, layer: str | None = None) -> Tensor:
    """Logarithm ln Z = ln sum_v exp(-E(v)) (4.4), by enumeration of the smaller layer.

    Parameters
    ----------
    machine : Machine
        In any precision; the sum is in float64.
    layer : {"visible", "hidden"} or None
        Enumerates that layer instead; both give the same Z. None, the default: the smaller one.

    Returns
    -------
    Tensor of float64, a scalar
        The logarithm.

    Raises
    ------
    ValueError
        When that layer has more than 26 units.

    """
    if layer not in (None, "visible", "hidden"):
        raise ValueError(f'expected layer None, "visible" or "hidden", got {layer!r}; try None')
    check_machine(machine)
    layer = layer or ("visible" if machine.n_visible <= machine.n_hidden else "hidden")
    weights, visible_bias, hidden_bias = _float64(machine)
    if layer == "visible":
        blocks = _log_weights(weights, visible_bias, hidden_bias)
    else:
        blocks = _log_weights(weights.T, hidden_bias, visible_bias)
    return torch.logsumexp(torch.stack([torch.logsumexp(block, 0) for block in blocks]), 0)


def log_probability(machine: Machine, visible, *, log_z: Tensor | float | None = None) -> Tensor:
    """Logarithm ln p(v) = -E(v) - ln Z (4.3) of visible bits.

    Parameters
    ----------
    machine : Machine
        In any precision; the result is in float64.
    visible : array_like of 0 and 1, shape (..., n_visible)
        Configurations.
    log_z : Tensor, float or None
        The result of `log_partition`, if it is known already; None, the default: it is enumerated.

    Returns
    -------
    Tensor of float64, shape (...)
        One logarithm a row.

    Raises
    ------
    ValueError
        For another width or values other than 0 and 1, or when ln Z is missing and too large to
        enumerate.

    """
    machine = check_machine(machine).to(dtype=torch.float64)
    visible = zeros_and_ones(as_units(machine, visible, machine.n_visible, "visible units"))
    log_z = log_partition(machine) if log_z is None else log_z
    return -effective_energy(machine, visible) - log_z


def probabilities(machine: Machine) -> Tensor:
    """Probability p(v) of every basis state (4.3), in the order of `conventions`.

    Parameters
    ----------
    machine : Machine
        In any precision; the result is in float64.

    Returns
    -------
    Tensor of float64, shape (2^n_visible,)
        The probabilities.

    Raises
    ------
    ValueError
        Naming the memory when the table would take more than 2 GiB; try `log_probability` of single
        states.

    """
    return torch.softmax(_all_log_weights(machine), 0)


def log_probabilities(machine: Machine) -> Tensor:
    """Logarithm ln p(v) of every basis state, as `probabilities`, finite where p(v) underflows.

    Parameters
    ----------
    machine : Machine
        Whose distribution.

    Returns
    -------
    Tensor, shape (2^n_visible,)

    Raises
    ------
    ValueError
        Where the basis is too large to enumerate.

    """
    return torch.log_softmax(_all_log_weights(machine), 0)


def _all_log_weights(machine: Machine) -> Tensor:
    # The logarithms, their exponentials and the result are alive together.
    require_memory(24 * 2**check_machine(machine).n_visible, f"the probabilities of 2^{machine.n_visible} states",
                   hint="log_probability of single states")
    weights, visible_bias, hidden_bias = _float64(machine)
    return torch.cat(list(_log_weights(weights, visible_bias, hidden_bias)))


def _float64(machine: Machine) -> tuple[Tensor, Tensor, Tensor]:
    double = machine.to(dtype=torch.float64)
    return double.weights, double.visible_bias, double.hidden_bias


def _log_weights(weights: Tensor, bias: Tensor, other_bias: Tensor) -> Iterator[Tensor]:
    """ln sum_other exp(-E) of all states of one layer in basis order, in blocks of at most 2^10.

    weights: (n_units, n_other), so that the enumerated layer comes first. In state (high, low) the input of
    the other layer is the sum of a part from the high bits and a part from the low bits: the low table is
    computed once, the high part once a block.
    """
    n_units = len(bias)
    if n_units > MAX_ENUMERATED_UNITS:
        raise ValueError(f"expected at most {MAX_ENUMERATED_UNITS} units in the layer to enumerate, got "
                         f"{n_units}: 2^{n_units} states, {format_bytes(8 * 2**n_units)} as float64; try a "
                         f"machine with at most {MAX_ENUMERATED_UNITS} visible or hidden units")
    n_low = min(n_units, _LOW_UNITS)
    n_high = n_units - n_low
    low = torch.from_numpy(all_states(n_low)).to(weights)
    low_input = low @ weights[n_high:] + other_bias  # state unit, unit other -> state other
    low_bias = low @ bias[n_high:]
    zero = weights.new_zeros(())
    for index in range(2**n_high):
        high = torch.tensor([(index >> (n_high - 1 - unit)) & 1 for unit in range(n_high)]).to(weights)
        field = low_input + high @ weights[:n_high]
        # logaddexp(0, x) = ln(1 + e^x) to full precision for every x
        yield low_bias + high @ bias[:n_high] + torch.logaddexp(field, zero).sum(-1)
