"""The parameters of a state of two machines in one vector, as the kernels of rotated bases take them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.machine import Machine


def n_units(state: ComplexState | MixedState) -> int:
    """Visible units of the machines: spins and ancillas.

    Parameters
    ----------
    state : ComplexState or MixedState
        Whose machines.

    Returns
    -------
    int

    """
    return state.n_spins + state.n_ancillas


def flat_parameters(state: ComplexState) -> np.ndarray:
    """The parameters of both machines in one vector, float64 (n_parameters,), for the kernels.

    Parameters
    ----------
    state : ComplexState
        Whose machines.

    Returns
    -------
    ndarray of float64, shape (n_parameters,)
        A copy.

    """
    return torch.cat([value.detach().reshape(-1) for machine in (state.amplitude, state.phase) for value in
                      (machine.weights, machine.visible_bias, machine.hidden_bias)]).numpy().copy()


def split(flat: np.ndarray, state: ComplexState) -> list[tuple[torch.Tensor, ...]]:
    """The inverse of `flat_parameters`, of parameters or of a gradient.

    Parameters
    ----------
    flat : ndarray of float64, shape (n_parameters,)
        Parameters or derivatives by them.
    state : ComplexState or MixedState
        Gives the shapes.

    Returns
    -------
    list of tuple of Tensor
        Weights, visible and hidden bias of both machines.

    """
    machines, place = [], 0
    for machine in (state.amplitude, state.phase):
        shapes = (machine.weights.shape, machine.visible_bias.shape, machine.hidden_bias.shape)
        parts = []
        for shape in shapes:
            size = shape.numel()
            parts.append(torch.from_numpy(flat[place:place + size].copy()).reshape(shape))
            place += size
        machines.append(tuple(parts))
    return machines


def from_flat(flat: np.ndarray, state: ComplexState) -> ComplexState:
    """A state like the given one with other parameters.

    Parameters
    ----------
    flat : ndarray of float64, shape (n_parameters,)
        The parameters.
    state : ComplexState or MixedState
        Gives the kind and the shapes.

    Returns
    -------
    ComplexState or MixedState
        Of the same kind.

    """
    amplitude, phase = (Machine(*parts) for parts in split(flat, state))
    return replace(state, amplitude=amplitude, phase=phase)


def sizes(state: ComplexState) -> tuple[int, int, int]:
    """Visible units, and hidden units of the amplitude and of the phase machine.

    Parameters
    ----------
    state : ComplexState
        Whose machines.

    Returns
    -------
    n_visible, n_hidden_amplitude, n_hidden_phase : int

    """
    return n_units(state), state.amplitude.n_hidden, state.phase.n_hidden
