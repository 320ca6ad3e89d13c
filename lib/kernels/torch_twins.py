"""The networks of `fully_connected` once more, of torch's own modules: what they compute, and gradients by torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from lib import rng
from lib.kernels import fully_connected
from lib.kernels.fully_connected import Parameters


def network(parameters: Parameters) -> torch.nn.Sequential:
    """A ReLU network of torch's modules with given weights and biases (2.14 to 2.16), in float64.

    Parameters
    ----------
    parameters : Parameters
        As `fully_connected.random_parameters` returns them.

    Returns
    -------
    torch.nn.Sequential
        Linear layers, and a ReLU behind each but the last.

    """
    modules = []
    for weight, bias in parameters:
        linear = torch.nn.Linear(*weight.shape[::-1], dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(weight), torch.tensor(bias)
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def sgd(parameters: Parameters, x: np.ndarray, y: np.ndarray, *, n_epochs: int, batch_size: int, learning_rate: float,
        seed: int) -> list[np.ndarray]:
    """Stochastic gradient descent (2.18) by torch, through the examples in the order of `fully_connected.sgd`.

    Parameters
    ----------
    parameters : Parameters
        Start; stays as it is.
    x, y : ndarray, shapes (n_samples, n_inputs) and (n_samples, n_outputs)
        What is learnt.
    n_epochs, batch_size : int
        The minibatches divide the samples without a rest.
    learning_rate : float
        Step size.
    seed : int
        Of the order of the examples.

    Returns
    -------
    list of ndarray
        Weights and biases of each layer in turn, as they are at the end.

    """
    net = network(parameters)
    optimizer = torch.optim.SGD(net.parameters(), lr=learning_rate)
    for epoch in range(n_epochs):
        order = fully_connected.epoch_order(len(x), epoch, seed=seed)
        for batch in order.reshape(-1, batch_size):
            optimizer.zero_grad()
            difference = net(torch.from_numpy(x[batch])) - torch.from_numpy(y[batch])
            (difference**2).sum(dim=1).mean().backward()
            optimizer.step()
    return [parameter.detach().numpy() for parameter in net.parameters()]


class Differences(NamedTuple):
    """The largest differences of parameters.

    Attributes
    ----------
    apart : float
        By hand and by torch.
    moved : float
        After and before training.

    """

    apart: float
    moved: float


def difference_of_sgd(parameters: Parameters, x: np.ndarray, y: np.ndarray, **settings) -> Differences:
    """How far `fully_connected.sgd` and `sgd` of torch end from each other.

    Parameters
    ----------
    parameters : Parameters
        Start.
    x, y : ndarray, shapes (n_samples, n_inputs) and (n_samples, n_outputs)
        What is learnt.
    settings
        n_epochs, batch_size, learning_rate and seed of both.

    Returns
    -------
    Differences

    """
    found = sum(fully_connected.sgd(parameters, x, y, **settings), ())
    by_torch = sgd(parameters, x, y, **settings)
    return Differences(largest_difference(found, by_torch), largest_difference(found, sum(parameters, ())))


def gradient_products(pair: np.ndarray, width: int, draws: Sequence[tuple[int, int]], seed: int) -> np.ndarray:
    """Products of the gradients by v of the network v relu(u x) / sqrt(width) (2.20) at two inputs.

    Parameters
    ----------
    pair : ndarray, shape (2, n_inputs)
        The inputs.
    width : int
        Hidden units.
    draws : sequence of tuple of int
        The numbers of the draws of u and of v, a pair a network.
    seed : int
        Of all draws.

    Returns
    -------
    ndarray, shape (n_draws,)

    """
    products, pair = [], torch.from_numpy(pair)
    for draw_u, draw_v in draws:
        u = torch.from_numpy(rng.stream(seed, "gradient", "u", draw_u).standard_normal((width, pair.shape[1])))
        v = torch.from_numpy(rng.stream(seed, "gradient", "v", draw_v).standard_normal(width)).requires_grad_()
        first, second = (torch.autograd.grad(v @ torch.relu(u @ x) / width**0.5, v)[0] for x in pair)
        products.append(float(first @ second))
    return np.array(products)


def outputs(net: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    """What a network of torch's says to inputs.

    Parameters
    ----------
    net : torch.nn.Module
        In float64.
    x : ndarray, shape (n_samples, n_inputs)
        Inputs.

    Returns
    -------
    ndarray, shape (n_samples, n_outputs)

    """
    return net(torch.from_numpy(x)).detach().numpy()


def largest_difference(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float:
    """The largest difference of two lists of weights and biases.

    Parameters
    ----------
    one, other : sequence of ndarray
        Of the same shapes.

    Returns
    -------
    float

    """
    return max(np.abs(a - b).max() for a, b in zip(one, other, strict=True))
