"""A fully connected ReLU network by hand: the pass forward, the gradient and SGD (section 2.2), and its linearization.

`preactivations`, `gradient` and `sgd` are (2.14) to (2.18) in numpy, one line an equation; nothing here is meant to be
fast. `train_linearized` is for wide networks: it trains one beside its linearization, to see how lazy the training is
(section 2.4).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike

from lib import rng
from lib.checks import as_floats, as_tensor, require_count
from lib.kernels.inputs import as_inputs
from lib.kernels.neural_tangent import FullyConnected, empirical

Parameters = list[tuple[np.ndarray, np.ndarray]]


def n_parameters(widths: Sequence[int]) -> int:
    """The number of weights and biases P = sum_l N_l N_(l-1) + N_l (2.13) of a net.

    Parameters
    ----------
    widths : sequence of int
        N_0 to N_L, at least two.

    Returns
    -------
    int

    """
    return sum(out * into + out for into, out in itertools.pairwise(_widths(widths)))


def random_parameters(widths: Sequence[int], *, seed: int) -> Parameters:
    """Random weights and biases of each layer.

    Parameters
    ----------
    widths : sequence of int
        N_0 to N_L, at least two.
    seed : int
        Of the random numbers.

    Returns
    -------
    list of (ndarray, ndarray)
        Weights (N_l, N_(l-1)), from N(0, 1 / N_(l-1)), and biases (N_l,), from N(0, 1).

    """
    generator = rng.stream(seed, "learning", "parameters")
    return [(generator.standard_normal((out, into)) / np.sqrt(into), generator.standard_normal(out))
            for into, out in itertools.pairwise(_widths(widths))]


def preactivations(parameters: Parameters, x: ArrayLike) -> list[np.ndarray]:
    """All pre-activations of a ReLU net (2.14-2.16), layer by layer; the last are its outputs.

    Parameters
    ----------
    parameters : list of (ndarray, ndarray)
        Weights and biases of each layer, as `random_parameters` gives them.
    x : array_like, shape (n, N_0)
        Inputs, one a row.

    Returns
    -------
    list of ndarray of float64, shape (n, N_l) each

    Raises
    ------
    ValueError
        For an x of another width.

    """
    activation, found = as_inputs(x), []
    for weights, bias in parameters:
        if activation.shape[1] != weights.shape[1]:
            raise ValueError(f"expected {weights.shape[1]} numbers for a layer with weights {weights.shape}, got "
                             f"{activation.shape[1]}; try inputs of shape (n, {parameters[0][0].shape[1]})")
        found.append(activation @ weights.T + bias)  # sample in, out in -> sample out
        activation = np.maximum(found[-1], 0)
    return found


def gradient(parameters: Parameters, x: np.ndarray, y: np.ndarray) -> Parameters:
    """The gradient of the mean squared error (2.4, 2.10), summed over outputs, by the chain rule.

    Parameters
    ----------
    parameters : list of (ndarray, ndarray)
        Weights and biases of each layer.
    x : array_like, shape (n, N_0)
        Inputs, one a row.
    y : array_like, shape (n, N_L)
        Targets, a row an input.

    Returns
    -------
    list of (ndarray, ndarray)
        By the weights and by the biases of each layer.

    Raises
    ------
    ValueError
        For x and y of other shapes.

    """
    x, y = as_inputs(x), as_inputs(y, "y")
    below = preactivations(parameters, x)
    if y.shape != below[-1].shape:
        raise ValueError(f"expected y of shape {below[-1].shape}, a row an input and a column an output, got "
                         f"{y.shape}; try y.reshape({below[-1].shape})")
    slope, found = 2 * (below[-1] - y) / len(x), []
    for layer in reversed(range(len(parameters))):
        activation = np.maximum(below[layer - 1], 0) if layer else x
        found.insert(0, (slope.T @ activation, slope.sum(axis=0)))
        if layer:
            slope = (slope @ parameters[layer][0]) * (below[layer - 1] > 0)
    return found


def epoch_order(n_samples: int, epoch: int, *, seed: int) -> np.ndarray:
    """The order in which `sgd` goes through the samples in an epoch.

    Parameters
    ----------
    n_samples : int
        How many samples there are.
    epoch : int
        Counted from 0.
    seed : int
        Of the random numbers.

    Returns
    -------
    ndarray of int, shape (n_samples,)

    """
    return rng.stream(seed, "learning", "order", epoch).permutation(n_samples)


def sgd(parameters: Parameters, x: np.ndarray, y: np.ndarray, *, n_epochs: int, batch_size: int, learning_rate: float,
        seed: int) -> Parameters:
    """Stochastic gradient descent as in the pseudo-code after (2.18).

    Parameters
    ----------
    parameters : list of (ndarray, ndarray)
        Weights and biases of each layer at the start; they stay as they are.
    x : array_like, shape (n, N_0)
        Inputs, one a row.
    y : array_like, shape (n, N_L)
        Targets, a row an input.
    n_epochs : int
        At least 1.
    batch_size : int
        m', which divides n.
    learning_rate : float
        Of gradient descent.
    seed : int
        Of the orders, as in `epoch_order`.

    Returns
    -------
    list of (ndarray, ndarray)
        Weights and biases after the last epoch.

    Raises
    ------
    ValueError
        Where batch_size does not divide n: try their greatest common divisor; and for x and y of
        other shapes.

    """
    x, y = as_inputs(x), as_inputs(y, "y")
    if len(x) != len(y):
        raise ValueError(f"expected a row of y for each of {len(x)} samples, got {len(y)}; try the targets of x")
    if len(x) % require_count("batch_size", batch_size):
        raise ValueError(f"expected a batch_size that divides the {len(x)} samples, got {batch_size}; "
                         f"try batch_size={math.gcd(len(x), batch_size)}")
    for epoch in range(require_count("n_epochs", n_epochs)):
        for batch in epoch_order(len(x), epoch, seed=seed).reshape(-1, batch_size):
            step = gradient(parameters, x[batch], y[batch])
            parameters = [(weights - learning_rate * by_weights, bias - learning_rate * by_bias)
                          for (weights, bias), (by_weights, by_bias) in zip(parameters, step)]
    return parameters


class Linearized(NamedTuple):
    """A trained network and its linearization, before and after training.

    Attributes
    ----------
    start : ndarray, shape (n_test,)
        Outputs at the test inputs before training.
    trained, linear : ndarray, shape (n_test,)
        Outputs at the test inputs after training, of the network and of its linearization.
    parameters : tuple of torch.Tensor
        Of the network, after training.
    loss, linear_loss : float
        Mean squared errors on the training inputs after training.

    """

    start: np.ndarray
    trained: np.ndarray
    linear: np.ndarray
    parameters: tuple[torch.Tensor, ...]
    loss: float
    linear_loss: float


def train_linearized(net: FullyConnected, parameters: Sequence[torch.Tensor], x: ArrayLike, targets: ArrayLike,
                    x_test: ArrayLike, *, n_steps: int, learning_rate: float) -> Linearized:
    """Gradient descent (2.18) of a network and of its linearization around `parameters`.

    It minimizes the mean squared error.

    Parameters
    ----------
    net : lib.kernels.neural_tangent.FullyConnected
        With one output.
    parameters : sequence of torch.Tensor
        theta_0, where both start.
    x : array_like, shape (m, d)
        Inputs, one a row.
    targets : array_like, shape (m,)
        One an input.
    x_test : array_like, shape (n_test, d)
        Inputs at which the outputs are compared.
    n_steps : int
        At least 1.
    learning_rate : float
        eta.

    Returns
    -------
    Linearized

    Raises
    ------
    ValueError
        As `neural_tangent.empirical` does, for other targets, and where the descent diverges: try
        the learning rate that the message names.

    Notes
    -----
    The linearization is ``f_0(x) + grad f_0(x) . (theta - theta_0)``. Its descent needs only the
    tangent kernel Theta of the start (2.31): a step adds ``-(2 eta / m) Theta(., X) (f(X) - y)`` to
    it, at every input.

    """
    x, x_test, targets = as_inputs(x), as_inputs(x_test, "x_test"), as_floats(targets, "targets")
    if targets.shape != (len(x),):
        raise ValueError(f"expected targets of shape ({len(x)},), one an input, got {targets.shape}; try one output")
    if x.shape[1] != x_test.shape[1]:
        raise ValueError(f"expected x and x_test with the same number of features, got {x.shape[1]} and "
                         f"{x_test.shape[1]}; try the columns that both have")
    kernel = empirical(net, parameters, np.concatenate([x, x_test]), x).ntk  # train and test, train
    parameters = [part.clone().requires_grad_() for part in parameters]
    inputs, y = as_tensor(x), as_tensor(targets)
    with torch.no_grad():
        start = net.apply(parameters, np.concatenate([x, x_test]))[:, 0].numpy()
    linear = start.copy()
    for _ in range(require_count("n_steps", n_steps)):
        loss = ((net.apply(parameters, inputs)[:, 0] - y) ** 2).mean()
        slopes = torch.autograd.grad(loss, parameters, materialize_grads=True)  # biases may have no effect
        with torch.no_grad():
            for part, slope in zip(parameters, slopes):
                part -= learning_rate * slope
        with np.errstate(over="ignore", invalid="ignore"):  # said in words below
            linear -= 2 * learning_rate / len(x) * kernel @ (linear[:len(x)] - targets)
    with torch.no_grad():
        fit = net.apply(parameters, x)[:, 0].numpy()
        trained = net.apply(parameters, x_test)[:, 0].numpy()
    if not (np.isfinite(trained).all() and np.isfinite(linear).all()):
        largest = np.linalg.eigvalsh(kernel[:len(x)])[-1]
        raise ValueError(f"expected a descent that converges, got numbers that overflow at learning_rate="
                         f"{learning_rate}; try less than {len(x) / largest:.2g}")
    return Linearized(start[len(x):], trained, linear[len(x):], tuple(part.detach() for part in parameters),
                 float(((fit - targets) ** 2).mean()), float(((linear[:len(x)] - targets) ** 2).mean()))


def _widths(widths: Sequence[int]) -> list[int]:
    widths = [require_count("every width", width) for width in widths]
    if len(widths) < 2:
        raise ValueError(f"expected the widths of an input and at least one layer, got {widths}; try [64, 16, 10]")
    return widths
