"""The dense perceptron of which a sparse one keeps a part, and how many weights each layer keeps (figure 3.5)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from lib.checks import is_real, require_count


@dataclass(frozen=True)
class Architecture:
    """The dense net of which a sparse one keeps a part; the defaults are those of figure 3.5.

    Attributes
    ----------
    width : int
        Hidden units.
    n_inputs : int
        Pixels of an image.
    n_classes : int
        Outputs.
    activation : {"relu", "linear"}
        Of the hidden units.
    bias : bool
        Whether both layers have biases.

    Raises
    ------
    ValueError
        For counts below 1 and unknown choices.

    """

    width: int
    n_inputs: int = 784
    n_classes: int = 10
    activation: str = "relu"
    bias: bool = True

    def __post_init__(self):
        for name in ("width", "n_inputs", "n_classes"):
            require_count(name, getattr(self, name))
        if self.activation not in ("relu", "linear") or not isinstance(self.bias, bool):
            raise ValueError('expected activation "relu" or "linear" and bias True or False, got '
                             f'{self.activation!r} and {self.bias!r}; try activation="relu", bias=True')

    @property
    def n_weights(self) -> int:
        """Weights of the dense net, (n_inputs + n_classes) width."""
        return (self.n_inputs + self.n_classes) * self.width


def split(width: int, last_connectivity: float, n_weights: int = 3970, *, n_inputs: int = 784,
          n_classes: int = 10) -> tuple[int, int]:
    """How many weights (n_first, n_last) the two layers keep: a cell of figure 3.5.

    Parameters
    ----------
    width : int
        Hidden units.
    last_connectivity : float in (0, 1]
        n_last / (width n_classes); n_last is rounded to the nearest integer.
    n_weights : int, default 3970
        n_first + n_last, 3970 in the dense net of width 5.
    n_inputs, n_classes : int, default 784 and 10
        Of the net.

    Returns
    -------
    tuple of (int, int)

    Raises
    ------
    ValueError
        Where there is no such net: a layer would keep none of its weights, or more than it has.

    """
    n_last, low, high = _last_layer(width, last_connectivity, n_weights, n_inputs, n_classes)
    if low > high:
        raise ValueError(f"expected from 2 to {width * (n_inputs + n_classes)} weights at width {width}, got "
                         f"{n_weights}; try width={-(-n_weights // (n_inputs + n_classes))}, or n_weights=3970")
    if not low <= n_last <= high:
        dense = width * n_classes
        raise ValueError(f"expected from {low} to {high} weights in the last layer, so that the first of width "
                         f"{width} has from 1 to {width * n_inputs} of all {n_weights}, got {n_last} of {dense}; "
                         f"try last_connectivity={(low if n_last < low else high) / dense:.4g}")
    return n_weights - n_last, n_last


def valid_cells(widths: Iterable[int], last_connectivities: Iterable[float], n_weights: int = 3970, *,
                n_inputs: int = 784, n_classes: int = 10) -> list[tuple[int, float]]:
    """The pairs (width, last_connectivity) of a grid for which `split` finds a net.

    For widths 5, 10, 20, 40, ..., 640 and 1.0, 0.9, ..., 0.1 they are 67: 1, then 10 a width, and 6
    at width 640.

    Parameters
    ----------
    widths : iterable of int
        Hidden units.
    last_connectivities : iterable of float
        As in `split`.
    n_weights : int, default 3970
        As in `split`.
    n_inputs, n_classes : int, default 784 and 10
        Of the net.

    Returns
    -------
    list of (int, float)

    """
    cells = []
    for width, last_connectivity in itertools.product(widths, last_connectivities):
        n_last, low, high = _last_layer(width, last_connectivity, n_weights, n_inputs, n_classes)
        if low <= n_last <= high:
            cells.append((width, last_connectivity))
    return cells


def _last_layer(width: int, connectivity: float, n_weights: int, n_inputs: int, n_classes: int) -> tuple[int, int, int]:
    """How many weights the last layer keeps, and the smallest and largest number that it can keep."""
    for name, count in (("width", width), ("n_weights", n_weights), ("n_inputs", n_inputs), ("n_classes", n_classes)):
        require_count(name, count)
    if not is_real(connectivity) or not 0 < connectivity <= 1:
        raise ValueError(f"expected last_connectivity above 0 and up to 1, got {connectivity!r}; try 1.0")
    return (round(connectivity * width * n_classes), max(1, n_weights - width * n_inputs),
            min(width * n_classes, n_weights - 1))
