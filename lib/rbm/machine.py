"""The restricted Boltzmann machine: its parameters, and what counts as its units (section 4.1).

Bits are 0 or 1, one row a configuration: visible units (..., n_visible), hidden units (..., n_hidden).
Its energies and conditional probabilities are in `lib.rbm.distributions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from lib import rng
from lib.checks import as_tensor, is_integer, refuse_masked


@dataclass(frozen=True, eq=False, repr=False)
class Machine:
    """The parameters lambda = {W, b, c} of an RBM (4.1).

    All three are float32 or all three float64, on one device, and finite.

    Attributes
    ----------
    weights : Tensor, shape (n_visible, n_hidden)
        The matrix W.
    visible_bias : Tensor, shape (n_visible,)
        The vector b.
    hidden_bias : Tensor, shape (n_hidden,)
        The vector c.
    mask : Tensor of bool, shape (n_visible, n_hidden), or None
        Of a pruned machine, True where a weight exists; the others are exactly zero and stay so in
        training. None, the default: all weights exist.

    Raises
    ------
    ValueError
        For zero units; for shapes that do not fit together or mixed dtypes and devices (try the
        same ``.to(...)`` on all three); for NaN and infinity (try a smaller learning rate); for a
        weight other than zero where the mask has none (try ``pruned`` of the machine without a
        mask).

    """

    weights: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor
    mask: Tensor | None = None

    def __post_init__(self):
        named = {"weights": self.weights, "visible_bias": self.visible_bias, "hidden_bias": self.hidden_bias}
        for name, value in named.items():
            if not isinstance(value, Tensor):
                raise ValueError(f"expected {name} to be a torch tensor, got {type(value).__name__}; "
                                 "try torch.as_tensor(...)")
            refuse_masked(value, name)
            if value.dtype not in (torch.float32, torch.float64):
                raise ValueError(f"expected {name} in float32 or float64, got {value.dtype}; "
                                 "try .to(torch.float64)")
            if value.dtype != self.weights.dtype or value.device != self.weights.device:
                raise ValueError(f"expected {name} like the weights ({self.weights.dtype} on "
                                 f"{self.weights.device}), got {value.dtype} on {value.device}; "
                                 "try the same .to(...) on all three")
        if self.weights.ndim != 2 or 0 in self.weights.shape:
            raise ValueError("expected weights of shape (n_visible, n_hidden) with at least one unit each, "
                             f"got {tuple(self.weights.shape)}; try n_hidden >= 1")
        for name, value, size in (("visible_bias", self.visible_bias, self.n_visible),
                                  ("hidden_bias", self.hidden_bias, self.n_hidden)):
            if value.shape != (size,):
                raise ValueError(f"expected {name} of shape ({size},) to fit weights of shape "
                                 f"{tuple(self.weights.shape)}, got {tuple(value.shape)}; try transposing "
                                 "the weights to (n_visible, n_hidden)")
        for name, value in named.items():
            if not bool(torch.isfinite(value).all()):
                raise ValueError(f"expected finite {name}, got NaN or infinity; try a smaller learning rate "
                                 "if they come from training")
        if self.mask is not None:
            self._check_mask(self.mask)
            stray = self.weights[~self.mask].count_nonzero()
            if stray:
                raise ValueError(f"expected weights of zero where the mask is False, got {int(stray)} others; "
                                 "try Machine(weights, visible_bias, hidden_bias).pruned(mask)")

    def _check_mask(self, mask: Tensor) -> None:
        """ValueError for a mask that does not fit the weights."""
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
            got = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
            raise ValueError(f"expected a mask of bool, as a torch tensor or numpy array, got {got}; try mask != 0")
        if mask.shape != self.weights.shape or mask.device != self.device:
            raise ValueError(f"expected a mask of shape {tuple(self.weights.shape)} on {self.device} like the "
                             f"weights, got {tuple(mask.shape)} on {mask.device}; try the mask of this machine, "
                             "(n_visible, n_hidden)")

    def __repr__(self) -> str:
        dtype = str(self.dtype).removeprefix("torch.")
        pruned = "" if self.mask is None else f", {self.n_weights} of {self.weights.numel()} weights"
        return f"Machine({self.n_visible} visible, {self.n_hidden} hidden{pruned}, {dtype}, {self.device})"

    @property
    def n_visible(self) -> int:
        """Number of visible units."""
        return self.weights.shape[0]

    @property
    def n_hidden(self) -> int:
        """Number of hidden units."""
        return self.weights.shape[1]

    @property
    def n_weights(self) -> int:
        """Weights that exist: n_visible n_hidden, less those that were pruned."""
        return self.weights.numel() if self.mask is None else int(self.mask.count_nonzero())

    @property
    def n_parameters(self) -> int:
        """Weights that exist and both biases.

        Before pruning they are n_visible n_hidden + n_visible + n_hidden.
        """
        return self.n_weights + self.n_visible + self.n_hidden

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the parameters, torch.float32 or torch.float64."""
        return self.weights.dtype

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.weights.device

    def to(self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Machine:
        """The same machine in another precision or on another device.

        Parameters
        ----------
        dtype : torch.float32, torch.float64 or None
            None, the default, keeps the precision.
        device : torch.device, str or None
            None, the default, keeps the device.

        Returns
        -------
        Machine
            With the mask of this one.

        Raises
        ------
        ValueError
            For another dtype; try torch.float32.

        """
        if dtype not in (None, torch.float32, torch.float64):
            raise ValueError(f"expected dtype as torch.float32 or torch.float64, got {dtype!r}; try torch.float32")
        return Machine(*(value.to(dtype=dtype or self.dtype, device=device or self.device)
                         for value in (self.weights, self.visible_bias, self.hidden_bias)),
                       mask=None if self.mask is None else self.mask.to(device=device or self.device))

    def pruned(self, mask) -> Machine:
        """The machine that keeps the weights of the mask and has zeros for the others.

        The biases are as they were.

        Parameters
        ----------
        mask : ndarray or Tensor of bool, shape (n_visible, n_hidden)
            It may leave units without weights: such a visible unit is independent of all others,
            and such a hidden unit does nothing.

        Returns
        -------
        Machine
            With a copy of the mask.

        Raises
        ------
        ValueError
            For another shape or type (try ``mask != 0``), and for a mask that brings back weights
            already pruned (try ``machine.mask & mask``).

        """
        mask = as_tensor(mask, "mask").to(self.device) if isinstance(mask, np.ndarray) else mask
        self._check_mask(mask)
        back = 0 if self.mask is None else int((mask & ~self.mask).sum())
        if back:
            raise ValueError(f"expected a mask within that of the machine, got {back} weights that were pruned "
                             "before; try machine.mask & mask")
        return Machine(torch.where(mask, self.weights, 0.0), self.visible_bias, self.hidden_bias, mask.clone())

    @staticmethod
    def random(n_visible: int, n_hidden: int, *, seed: int, scale: float | None = None,
               symmetric_biases: bool = False, dtype: torch.dtype = torch.float64) -> Machine:
        """A machine with independent normal weights, before training.

        Parameters
        ----------
        n_visible, n_hidden : int, >= 1
            Numbers of units.
        seed : int, >= 0
            Fixes the weights.
        scale : float, >= 0, or None
            Standard deviation of the weights; None means 1/sqrt(n_visible), QuCumber's choice.
        symmetric_biases : bool
            False, the default, gives zero biases. True gives b_i = -sum_j W_ij / 2 and c_j = -sum_i
            W_ij / 2, for which both biases of the +-1 gauge (4.24) vanish: then flipping all
            visible bits leaves the probability unchanged, as in the ground states we learn.
        dtype : torch.float32 or torch.float64
            Precision, float64 by default.

        Returns
        -------
        Machine
            On the CPU, with all weights.

        Raises
        ------
        ValueError
            For numbers of units that are no integers or below 1 (try ``n_hidden = n_visible``), and
            for a negative or infinite scale (try ``scale=0.01``).

        """
        for name, value in (("n_visible", n_visible), ("n_hidden", n_hidden)):
            if not is_integer(value):
                raise ValueError(f"expected {name} to be an integer >= 1, got {value!r}; try {name}=10")
        if n_visible < 1 or n_hidden < 1:
            raise ValueError(f"expected at least one visible and one hidden unit, got n_visible={n_visible}, "
                             f"n_hidden={n_hidden}; try n_hidden = n_visible")
        scale = n_visible ** -0.5 if scale is None else scale
        if not isinstance(scale, Real) or not 0 <= scale < float("inf"):
            raise ValueError(f"expected a finite scale >= 0, got {scale!r}; try scale=0.01")
        normal = rng.stream(seed, "machine", "weights").standard_normal((n_visible, n_hidden))
        weights = torch.from_numpy(scale * normal)
        biases = balanced_biases(weights) if symmetric_biases else (weights.new_zeros(n_visible),
                                                                    weights.new_zeros(n_hidden))
        return Machine(weights.to(dtype), *(bias.to(dtype) for bias in biases))


def balanced_biases(weights: Tensor) -> tuple[Tensor, Tensor]:
    """The biases b_i = -sum_j W_ij / 2 and c_j = -sum_i W_ij / 2, which favour neither 0 nor 1.

    Both biases of the +-1 gauge (4.24) vanish then, and flipping all units leaves every energy as
    it is.

    Parameters
    ----------
    weights : Tensor, shape (n_visible, n_hidden)
        The matrix W.

    Returns
    -------
    tuple of Tensor, shapes (n_visible,) and (n_hidden,)
        The vectors b and c.

    """
    return -0.5 * weights.sum(1), -0.5 * weights.sum(0)


def check_machine(machine) -> Machine:
    """The machine itself, where it is one.

    Parameters
    ----------
    machine : object
        Anything.

    Returns
    -------
    Machine
        The same object.

    Raises
    ------
    ValueError
        For anything else, such as a PositiveState or a TrainingResult; try its ``.machine``.

    """
    if not isinstance(machine, Machine):
        hint = "its .machine" if hasattr(machine, "machine") else "Machine.random(10, 10, seed=1)"
        raise ValueError(f"expected a Machine, got {type(machine).__name__}; try {hint}")
    return machine


def as_units(machine: Machine, values, n_units: int, name: str) -> Tensor:
    """Values of units as a tensor of the machine's dtype on its device.

    Parameters
    ----------
    machine : Machine
        Gives dtype and device.
    values : array_like, shape (..., n_units)
        One row a configuration.
    n_units : int
        The width that the rows must have.
    name : str
        What the messages call the values.

    Returns
    -------
    Tensor, shape (..., n_units)
        The values.

    Raises
    ------
    ValueError
        For another width; try a machine of the same width as the data.

    """
    check_machine(machine)
    values = as_tensor(values, name)
    if values.ndim == 0 or values.shape[-1] != n_units:
        raise ValueError(f"expected {name} of shape (..., {n_units}) for this machine, got "
                         f"{tuple(values.shape)}; try a machine of the same width as the data")
    return values.to(dtype=machine.dtype, device=machine.device)


def zeros_and_ones(bits: Tensor) -> Tensor:
    """The same tensor, where all of it is 0 or 1.

    Parameters
    ----------
    bits : Tensor
        Any shape.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Naming the first value that is not 0 or 1 (spins +-1, NaN); try
        ``conventions.bits_from_spins`` for spins +-1.

    """
    wrong = (bits != 0) & (bits != 1)
    if bool(wrong.any()):
        where = tuple(wrong.nonzero()[0].tolist())
        raise ValueError(f"expected bits 0 or 1, got {bits[where].item():g} at index {where}; "
                         "try conventions.bits_from_spins for spins +-1")
    return bits
