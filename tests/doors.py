"""What a door is, a public function that takes an array, and arrays that doors share; `doors_of_states` and
`doors_of_networks` list them all, and `house/test_doors.py` walks through them.

A door names one array argument, holds an array that is right there, and calls its function with one in its place. What
comes back is compared: an array, or a tuple of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from lib.rbm import machine as machines
from lib.rbm import (
    states,
)


class Door(NamedTuple):
    """kind: "bits", "real", "complex", "integer", "mask". dtypes: False where the function asks for one dtype."""

    name: str
    call: Callable[[Any], Any]
    good: np.ndarray
    kind: str = "real"
    dtypes: bool = True


_RNG = np.random.default_rng(7)
BITS = _RNG.integers(0, 2, (12, 4), dtype=np.uint8)
DRAWS = _RNG.integers(0, 2, (6, 4, 4), dtype=np.uint8)
X, Y = np.round(_RNG.normal(size=(2, 6, 3)) * 8) / 8 + 1 / 16  # few binary digits: exact in every precision
X_GOOD = X.astype(np.float64)
PSI = np.array([0.5, 0.5, 0.5, 0.5])
P = np.array([0.25, 0.5, 0.125, 0.125])
KERNEL = np.array([[2.0, 0.5, 0.25], [0.5, 2.0, 0.5], [0.25, 0.5, 2.0]])
MACHINE = machines.Machine.random(4, 3, seed=1)
STATE = states.PositiveState(MACHINE)
MASK = np.array([[True, False, True], [True, True, False], [False, True, True], [True, True, True]])
WEIGHTS = np.array([[0.5, -0.25, 1.5], [0.125, 2.0, -0.75], [1.0, 0.375, -1.25], [0.0625, 3.0, 0.875]])
VALUES = np.array([[1.0, 2.5], [0.5, 3.0], [1.5, 2.0], [2.25, 0.75]])
IMAGES = _RNG.random((5, 3, 9, 9)).astype(np.float32)
LABELS = np.array([0, 2, 1, 2, 0])
PAIRS = np.array([[0, 1], [2, 3], [1, 4]])


def flattened(result) -> list[np.ndarray]:
    """What a door gave, as a list of arrays."""
    if isinstance(result, (list, tuple)):
        return [array for part in result for array in flattened(part)]
    if isinstance(result, torch.Tensor):
        return [result.detach().numpy()]
    return [np.asarray(result)]
