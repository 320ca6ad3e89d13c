"""Starts of training in which the hidden units are laid out along the chain, each by the spins around one place.

A machine that starts with small random weights has to find out which unit looks after which bonds, and near N/2 units
it often ends with the chain tiled badly.  Here the places are given, and training does the rest.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from lib import rng
from lib.checks import is_real, require_count
from lib.rbm.machine import Machine, balanced_biases

NOISE = 0.1  # standard deviation of what is added to every weight


def laid_out(n_spins: int, n_hidden: int, *, seed: int, size: float = 2.0) -> Machine:
    """A machine whose unit j is joined most strongly to the spins around its place, evenly along the chain.

    W_ij = size exp(-(i - x_j)^2 / 2) + noise, with x_j = (j + 1/2 + u_j) n_spins / n_hidden - 1/2 and u_j uniform in
    [-1/4, 1/4]; biases favour neither 0 nor 1.

    Parameters
    ----------
    n_spins, n_hidden : int, >= 1
        Sizes.
    seed : int, >= 0
        Fixes u_j and the noise.
    size : float, > 0, default 2
        Of the weights between a unit and a spin at its place.

    Returns
    -------
    lib.rbm.machine.Machine
        In float64.

    Raises
    ------
    ValueError
        For counts below 1 and a size that is not above 0.

    """
    require_count("n_spins", n_spins)
    require_count("n_hidden", n_hidden)
    if not is_real(size) or not 0 < size < math.inf:
        raise ValueError(f"expected a finite size above 0, got {size!r}; try size=2.0")
    generator = rng.stream(seed, "laid out", n_spins, n_hidden)
    places = (np.arange(n_hidden) + 0.5 + generator.uniform(-0.25, 0.25, n_hidden)) * n_spins / n_hidden - 0.5
    weights = size * np.exp(-((np.arange(n_spins)[:, None] - places) ** 2) / 2)
    weights = torch.from_numpy(weights + NOISE * generator.standard_normal(weights.shape))
    return Machine(weights, *balanced_biases(weights))
