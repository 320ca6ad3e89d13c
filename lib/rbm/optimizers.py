"""How a gradient becomes a step: plain descent, momentum, Adam and the natural gradient, for every kind of state.

The compiled loops take their steps by `descend`; what runs in torch takes those of `torch.optim`, which are the same.

The natural gradient solves (F + damping) direction = gradient with the Fisher matrix F, the covariance of the
derivatives of E(v) (4.20-4.22) in the distribution of the machine: it descends as fast as the distribution changes, in
whatever parameters that is written (S. Amari, Neural Comput. 10, 251 (1998)). For wavefunctions it is known as
stochastic reconfiguration (S. Sorella, Phys. Rev. Lett. 80, 4558 (1998)): with psi = sqrt(p) e^{i phi/2} (5.12), four
times the real part of the quantum geometric tensor is F of the amplitude machine and, in a block of its own, the same
covariance for the phase machine, averaged over |psi|^2, too.

The enhanced gradient (K. Cho, T. Raiko, A. Ilin, Neural Comput. 25, 805 (2013)), which is the centred one (J. Melchior,
A. Fischer, L. Wiskott, JMLR 17(99), 1 (2016)) with the mean of both phases as offsets, writes the energy in v - mu and
h - lambda and goes back: with G the gradient by W, b and c

    G_W' = G_W - G_b lambda^T - mu G_c^T,   G_b' = G_b - G_W' lambda,   G_c' = G_c - G_W'^T mu.

Which value of a unit is called 0 then makes no difference.
"""

from __future__ import annotations

import math

import torch
from numba import njit
from torch import Tensor

from lib.checks import is_real
from lib.rbm.distributions import Gradient, hidden_probability
from lib.rbm.machine import Machine

OPTIMIZERS = ("sgd", "momentum", "adam", "natural")
SGD, MOMENTUM, ADAM, NATURAL = range(4)
ADAM_SECOND, ADAM_SMALL = 0.999, 1e-8  # second decay, and what keeps its root from zero: those of D. Kingma and J. Ba


def check(settings) -> None:
    """Refuse an optimizer, a momentum or a damping that is none, in settings of any training.

    Parameters
    ----------
    settings : object
        With optimizer, momentum and damping.

    Raises
    ------
    ValueError
        For an optimizer not in OPTIMIZERS (try "adam"), momentum outside [0, 1), and damping that
        is not finite and above 0 (try 0.01).

    """
    if settings.optimizer not in OPTIMIZERS:
        raise ValueError(f"expected optimizer to be one of {', '.join(OPTIMIZERS)}, got {settings.optimizer!r}; try "
                         'optimizer="adam"')
    for name, wanted, fits in (("momentum", "from 0 to below 1", lambda value: 0 <= value < 1),
                               ("damping", "finite and above 0", lambda value: 0 < value < math.inf)):
        value = getattr(settings, name)
        if not is_real(value) or not fits(value):
            raise ValueError(f"expected {name} to be {wanted}, got {value!r}; try {name}=0.01")


@njit
def descend(parameters, gradient, moments, optimizer, rate, momentum, step):
    """One step of plain descent, momentum or Adam in place.

    Of the natural gradient there is none here: that is the caller's.

    Parameters
    ----------
    parameters, gradient : ndarray, shape (n_parameters,)
        The parameters are changed.
    moments : ndarray, shape (2, n_parameters)
        What the optimizer remembers; changed, too.
    optimizer : int
        Position in OPTIMIZERS.
    rate : float
        Learning rate.
    momentum : float
        Of "momentum"; the first decay of "adam".
    step : int
        Counts from 1.

    """
    first, second = moments[0], moments[1]
    if optimizer == SGD:
        for k in range(len(parameters)):
            parameters[k] -= rate * gradient[k]
    elif optimizer == MOMENTUM:
        for k in range(len(parameters)):
            first[k] = momentum * first[k] + gradient[k]
            parameters[k] -= rate * first[k]
    elif optimizer == ADAM:
        one, two = 1 - momentum**step, 1 - ADAM_SECOND**step
        for k in range(len(parameters)):
            first[k] += (1 - momentum) * (gradient[k] - first[k])
            second[k] += (1 - ADAM_SECOND) * (gradient[k] * gradient[k] - second[k])
            parameters[k] -= rate * (first[k] / one) / (math.sqrt(second[k] / two) + ADAM_SMALL)


def of_torch(parameters: Tensor, settings) -> torch.optim.Optimizer | None:
    """The optimizer of `torch.optim` that takes the steps of `descend`.

    Parameters
    ----------
    parameters : Tensor, shape (n_parameters,)
        To be changed by its steps.
    settings : TrainingSettings or StateSettings
        Give optimizer and momentum.

    Returns
    -------
    torch.optim.Optimizer or None
        None where steps have no moments.

    """
    if settings.optimizer == "adam":
        return torch.optim.Adam([parameters], betas=(settings.momentum, ADAM_SECOND), eps=ADAM_SMALL)
    return torch.optim.SGD([parameters], momentum=settings.momentum) if settings.optimizer == "momentum" else None


def moments(optimizer: torch.optim.Optimizer) -> Tensor:
    """The moments of the optimizer of `of_torch`, as `descend` has them.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        As `of_torch` gives it.

    Returns
    -------
    Tensor, shape (2, n_parameters)
        Zero where it has none.

    """
    (parameters,) = optimizer.param_groups[0]["params"]
    state = optimizer.state[parameters]
    names = ("exp_avg" if isinstance(optimizer, torch.optim.Adam) else "momentum_buffer", "exp_avg_sq")
    return torch.stack([state[name] if state.get(name) is not None else torch.zeros_like(parameters) for name in names])


def set_moments(optimizer: torch.optim.Optimizer, values: Tensor, n_done: int) -> None:
    """The inverse of `moments`, for an optimizer that has taken n_done steps.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        As `of_torch` gives it.
    values : Tensor, shape (2, n_parameters)
        The moments.
    n_done : int
        Steps so far.

    """
    (parameters,) = optimizer.param_groups[0]["params"]
    first, second = values.clone()
    optimizer.state[parameters] = {"momentum_buffer": first}
    if isinstance(optimizer, torch.optim.Adam):
        optimizer.state[parameters] = {"exp_avg": first, "exp_avg_sq": second, "step": torch.tensor(float(n_done))}


def derivatives(machine: Machine, visible: Tensor) -> Gradient:
    """The derivatives of E(v) by W, b and c (4.20-4.22) of each row.

    Parameters
    ----------
    machine : Machine
        Gives W and c.
    visible : Tensor, shape (n, n_visible)
        Rows of bits.

    Returns
    -------
    Gradient
        Of shapes (n, n_visible, n_hidden), (n, n_visible) and (n, n_hidden).

    """
    hidden = hidden_probability(machine, visible)
    visible = visible.to(hidden)
    return Gradient(-visible[:, :, None] * hidden[:, None, :], -visible, -hidden)


def flat(parts: Gradient) -> Tensor:
    """Derivatives by W, b and c in one vector.

    Parameters
    ----------
    parts : Gradient
        Of one point, or of n rows.

    Returns
    -------
    Tensor, shape (n_parameters,) or (n, n_parameters)
        One vector, or one for each row.

    """
    return torch.cat([parts.weights.flatten(-2), parts.visible_bias, parts.hidden_bias], -1)


def natural_direction(rows: Tensor, gradient: Tensor, damping: float, probabilities: Tensor | None = None) -> Tensor:
    """The direction (F + damping)^-1 gradient, with F the covariance of the rows, in float64.

    Parameters
    ----------
    rows : Tensor, shape (n, n_parameters)
        Derivatives of E(v).
    gradient : Tensor, shape (n_parameters,)
        The gradient.
    damping : float
        Added to the diagonal of F, which has directions that change nothing, and from samples is of
        rank n at most; it bounds a step by ``rate |gradient| / damping``.
    probabilities : Tensor, shape (n,), or None
        Of the rows, if they are not equal.

    Returns
    -------
    Tensor of float64, shape (n_parameters,)
        The direction.

    """
    rows, gradient = rows.to(torch.float64), gradient.to(torch.float64)
    share = rows.new_full((len(rows),), 1 / len(rows)) if probabilities is None else probabilities.to(rows)
    rows = (rows - share @ rows) * share.sqrt()[:, None]
    if rows.shape[0] >= rows.shape[1]:
        return _solve(rows.T @ rows, gradient, damping)
    # (R^T R + d)^-1 = (1 - R^T (R R^T + d)^-1 R) / d
    return (gradient - rows.T @ _solve(rows @ rows.T, rows @ gradient, damping)) / damping


def centred(gradient: Gradient, visible: Tensor, hidden: Tensor, mask: Tensor | None = None) -> Gradient:
    """The centred gradient; of a pruned machine, in its weights.

    Any offsets give a direction of descent.

    Parameters
    ----------
    gradient : Gradient
        By W, b and c.
    visible : Tensor, shape (n_visible,)
        The offset mu.
    hidden : Tensor, shape (n_hidden,)
        The offset lambda.
    mask : Tensor of bool, shape (n_visible, n_hidden), or None
        Of a pruned machine.

    Returns
    -------
    Gradient
        By W, b and c, zero where the mask is False.

    """
    weights = gradient.weights - gradient.visible_bias[:, None] * hidden - visible[:, None] * gradient.hidden_bias
    if mask is not None:
        weights = torch.where(mask, weights, 0.0)
    return Gradient(weights, gradient.visible_bias - weights @ hidden, gradient.hidden_bias - visible @ weights)


def _solve(matrix: Tensor, vector: Tensor, damping: float) -> Tensor:
    """(matrix + damping)^-1 vector of a matrix without negative eigenvalues; NaN where it holds NaN."""
    matrix.diagonal().add_(damping)
    return torch.cholesky_solve(vector[:, None], torch.linalg.cholesky_ex(matrix)[0])[:, 0]
