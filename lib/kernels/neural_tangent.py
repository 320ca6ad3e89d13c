"""Kernels of deep fully connected networks: Gaussian process and neural tangent, infinite and finite (section 2.4).

The network, in the NTK parametrization, has `depth` hidden layers with activation phi, and one linear output:

    u_1 = a W_1 x / sqrt(d) + b B_1,   u_{l+1} = a W_{l+1} phi(u_l) / sqrt(N_l) + b B_{l+1},   f = u_{depth+1}

with all W and B from N(0, 1), a^2 = weight_variance, b^2 = bias_variance. Its kernels are inner products of gradients
of f: by the last layer alone for the Gaussian process (2.22), by all layers for the neural tangent kernel (2.31). When
all N_l grow they tend to those of :mod:`lib.kernels.infinite_width`, whose names can be had from here as well.
The error function is erf(u) = 2/sqrt(pi) int_0^u exp(-t^2) dt as it is, without a factor in front of u.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from lib import rng
from lib.checks import as_tensor, require_count
from lib.kernels.infinite_width import ACTIVATIONS, Kernels, _check_settings, analytic, recursion
from lib.kernels.inputs import as_inputs, as_pair, available_memory, require_results
from lib.memory import require_memory

__all__ = ["ACTIVATIONS", "FullyConnected", "Kernels", "analytic", "empirical", "gradients", "recursion"]


@dataclass(frozen=True)
class FullyConnected:
    """A finite network of the form above, without its parameters.

    Attributes
    ----------
    widths : sequence of int
        (d, N_1, ..., N_depth, n_outputs).
    activation : {"relu", "erf"}, default "relu"
    weight_variance, bias_variance : float, default 2.0 and 0.0
        a^2 and b^2, as in `analytic`.

    Raises
    ------
    ValueError
        For fewer than two widths and for wrong values.

    """

    widths: Sequence[int]
    activation: str = "relu"
    weight_variance: float = 2.0
    bias_variance: float = 0.0

    def __post_init__(self):
        if not isinstance(self.widths, (tuple, list)) or len(self.widths) < 2:
            raise ValueError(f"expected widths as (d, N_1, ..., n_outputs), got {self.widths!r}; try (64, 512, 1)")
        object.__setattr__(self, "widths", tuple(require_count("a width", width) for width in self.widths))
        _check_settings(self.activation, self.weight_variance, self.bias_variance)

    @property
    def n_parameters(self) -> int:
        """P = sum_l N_l N_{l-1} + N_l (2.13): weights and biases of all layers."""
        return sum(n * n_below + n for n_below, n in zip(self.widths, self.widths[1:]))

    def init(self, seed: int) -> tuple[torch.Tensor, ...]:
        """Parameters (W_1, B_1, W_2, B_2, ...) from N(0, 1).

        Parameters
        ----------
        seed : int
            Of the random numbers.

        Returns
        -------
        tuple of torch.Tensor
            float64: W_l is (N_l, N_{l-1}), B_l is (N_l,).

        """
        parameters = []
        for layer, (n_below, n) in enumerate(zip(self.widths, self.widths[1:]), 1):
            for use, shape in (("weights", (n, n_below)), ("biases", (n,))):
                parameters.append(torch.from_numpy(
                    rng.stream(seed, "fully connected", layer, use).standard_normal(shape)))
        return tuple(parameters)

    def apply(self, parameters: Sequence[torch.Tensor], x) -> torch.Tensor:
        """The outputs f(x).

        Parameters
        ----------
        parameters : sequence of torch.Tensor
            (W_1, B_1, W_2, B_2, ...), as `init` gives them.
        x : array_like or torch.Tensor, shape (n, d) or (d,)
            Inputs, one a row.

        Returns
        -------
        torch.Tensor, shape (n, n_outputs) or (n_outputs,)
            Of the type and on the device of the parameters.

        Raises
        ------
        ValueError
            For an x of another shape.

        """
        h = as_tensor(x, "x").to(dtype=parameters[0].dtype, device=parameters[0].device)
        if h.ndim not in (1, 2) or h.shape[-1] != parameters[0].shape[1]:
            raise ValueError(f"expected x of shape (n, {parameters[0].shape[1]}), as wide as these parameters, got "
                             f"{tuple(h.shape)}; try x.reshape(-1, {parameters[0].shape[1]})")
        for layer in range(0, len(parameters), 2):
            h = self._activation(h) if layer else h
            h = self._linear(h, *parameters[layer:layer + 2])
        return h

    def _linear(self, h: torch.Tensor, weights: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return math.sqrt(self.weight_variance / weights.shape[1]) * h @ weights.T + math.sqrt(self.bias_variance) * bias

    def _activation(self, u: torch.Tensor) -> torch.Tensor:
        return u.relu() if self.activation == "relu" else torch.erf(u)

    def _slope(self, u: torch.Tensor) -> torch.Tensor:
        return (u > 0).to(u.dtype) if self.activation == "relu" else 2 / math.sqrt(math.pi) * torch.exp(-u * u)


def gradients(net: FullyConnected, parameters: Sequence[torch.Tensor], x: ArrayLike) -> np.ndarray:
    """The gradients of f(x) by all parameters, by torch.func: the definition.

    `empirical` gives their inner products without making them.

    Parameters
    ----------
    net : FullyConnected
        With one output.
    parameters : sequence of torch.Tensor
        As `FullyConnected.init` gives them.
    x : array_like, shape (n, d)
        Inputs, one a row.

    Returns
    -------
    ndarray, shape (n, P)
        In the order of `parameters`.

    Raises
    ------
    ValueError
        For networks that have several outputs or other parameters, and for gradients that do not
        fit into the memory that is free: try `empirical`, or fewer inputs.

    """
    x = _check_net(net, parameters, as_inputs(x))
    free = available_memory()
    if free is not None:
        require_memory(8 * len(x) * net.n_parameters, f"{len(x)} gradients of {net.n_parameters} numbers", limit=free,
                       hint="`empirical`, which does not need them, or fewer inputs")
    by_input = torch.func.vmap(torch.func.grad(lambda values, row: net.apply(values, row)[0]), (None, 0))
    parts = by_input(tuple(parameters), as_tensor(x).to(parameters[0]))
    return torch.cat([part.flatten(1) for part in parts], 1).cpu().numpy()


def empirical(net: FullyConnected, parameters: Sequence[torch.Tensor], x: ArrayLike, y: ArrayLike | None = None, *,
              rows: int | None = None) -> Kernels:
    """The kernels of one finite network: inner products of its gradients.

    nngp is that of the gradients by the last layer (2.22), ntk that by all layers (2.31), each for
    these parameters: the expectation over them is left to the caller, and so is how much they vary.

    Parameters
    ----------
    net : FullyConnected
        With one output.
    parameters : sequence of torch.Tensor
        As `FullyConnected.init` gives them.
    x : array_like, shape (n, d)
        Inputs, one a row.
    y : array_like, shape (m, d), optional
        x itself if not given.
    rows : int, optional
        Inputs in a block, else as many as keep all they need at 32 MiB.

    Returns
    -------
    Kernels
        Of shape (n, m) each.

    Raises
    ------
    ValueError
        For networks that have several outputs or other parameters, and for kernels that do not fit
        into memory.

    Notes
    -----
    The gradient by W_l is the outer product of delta_l, the gradient by u_l, with the input of the
    layer, so that the gradients need not be made::

        ntk = sum_l (delta_l . delta'_l) (a^2 phi(u_{l-1}) . phi(u'_{l-1}) / N_{l-1} + b^2)

    """
    x, y, same = as_pair(x, y)
    x, y = (_check_net(net, parameters, a) for a in (x, y))
    require_results(len(x), len(y), 2)
    rows = max(1, 2**21 // sum(net.widths)) if rows is None else require_count("rows", rows)
    kernels = Kernels(np.empty((len(x), len(y))), np.empty((len(x), len(y))))
    for i in range(0, len(x), rows):
        block = _passes(net, parameters, x[i:i + rows])
        for j in range(i if same else 0, len(y), rows):
            other = block if same and i == j else _passes(net, parameters, y[j:j + rows])
            for kernel, part in zip(kernels, _contract(net, block, other)):
                kernel[i:i + rows, j:j + rows] = part
                if same and i != j:
                    kernel[j:j + rows, i:i + rows] = part.T
    return kernels


def _passes(net: FullyConnected, parameters: Sequence[torch.Tensor],
            x: np.ndarray) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """For each layer its input h (n, N_{l-1}), and the gradient of f by its output u, delta (n, N_l)."""
    inputs, outputs, deltas = [as_tensor(x).to(parameters[0])], [], []
    for layer in range(0, len(parameters), 2):
        outputs.append(net._linear(inputs[-1], *parameters[layer:layer + 2]))
        inputs.append(net._activation(outputs[-1]))
    delta = torch.ones_like(outputs[-1])
    for weights, below in zip(parameters[-2:0:-2], outputs[-2::-1]):
        deltas.append(delta)
        # input output, output below -> input below
        delta = math.sqrt(net.weight_variance / weights.shape[1]) * delta @ weights * net._slope(below)
    return list(zip(inputs, [delta, *reversed(deltas)]))


def _contract(net: FullyConnected, one: list, other: list) -> Kernels:
    """Both kernels of two blocks of inputs."""
    ntk = 0
    for (h, delta), (h_other, delta_other) in zip(one, other):
        nngp = net.weight_variance / h.shape[1] * h @ h_other.T + net.bias_variance  # of the last layer, in the end
        ntk = ntk + (delta @ delta_other.T) * nngp  # input unit, other unit -> input other
    return Kernels(nngp.cpu().numpy(), ntk.cpu().numpy())


def _check_net(net: FullyConnected, parameters: Sequence[torch.Tensor], x: np.ndarray) -> np.ndarray:
    """x, if the network has one output and both fit to it."""
    if net.widths[-1] != 1:
        raise ValueError(f"expected a network with one output, got {net.widths[-1]}; try widths="
                         f"{(*net.widths[:-1], 1)}")
    shapes = [shape for n_below, n in zip(net.widths, net.widths[1:]) for shape in ((n, n_below), (n,))]
    found = [tuple(getattr(part, "shape", ())) for part in parameters]
    if found != shapes:
        raise ValueError(f"expected parameters of shapes {shapes}, got {found}; try net.init(seed=1)")
    if x.shape[1] != net.widths[0]:
        raise ValueError(f"expected inputs of {net.widths[0]} features, got {x.shape[1]}; try widths="
                         f"{(x.shape[1], *net.widths[1:])}")
    return x
