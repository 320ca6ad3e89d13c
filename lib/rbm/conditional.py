"""One machine for a family of states: parameters that are smooth functions of a field, fitted by maximum likelihood.

W(h) = sum_k W_k P_k(x), and b and c likewise, with the Legendre polynomials P_k of x, which is ln h scaled to [-1, 1].
Degree 0 is one machine for all fields alike. Conditional machines of V. Mnih, H. Larochelle and G. Hinton (UAI 2011)
let the condition into the biases alone; here it is in the weights, too.

All sums run over the 2^n_visible states, so that neither the loss nor its gradient has noise of its own: what differs
between two fits is what was measured, and how many parameters there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.polynomial.legendre import legvander
from scipy.optimize import minimize
from torch import Tensor

from lib import rng
from lib.chain_checks import check_state_vector
from lib.checks import as_floats, as_tensor, require_count
from lib.conventions import all_states
from lib.rbm.machine import Machine, balanced_biases
from lib.rbm.states import softplus

MAX_VISIBLE = 14


@dataclass(frozen=True, eq=False)
class ConditionalMachine:
    """The coefficients of a machine whose parameters are polynomials of ln h.

    Attributes
    ----------
    weights : Tensor of float64, shape (degree + 1, n_visible, n_hidden)
        W_k.
    visible_bias : Tensor of float64, shape (degree + 1, n_visible)
        b_k.
    hidden_bias : Tensor of float64, shape (degree + 1, n_hidden)
        c_k.
    low, high : float
        Fields at which x is -1 and 1.

    Raises
    ------
    ValueError
        For fields that are not 0 < low < high.

    """

    weights: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor
    low: float
    high: float

    def __post_init__(self):
        if not 0 < self.low < self.high < float("inf"):
            raise ValueError(f"expected fields 0 < low < high, got {self.low!r} and {self.high!r}; try low=0.5, high=2")

    @property
    def n_parameters(self) -> int:
        """Coefficients of all parameters."""
        return sum(part.numel() for part in (self.weights, self.visible_bias, self.hidden_bias))

    @staticmethod
    def random(n_visible: int, n_hidden: int, degree: int, *, low: float, high: float, seed: int,
               scale: float = 0.1) -> ConditionalMachine:
        """Small weights that do not depend on the field, and biases that favour no direction.

        Parameters
        ----------
        n_visible : int, 1 to 14
            Spins.
        n_hidden : int, >= 1
            Hidden units.
        degree : int, >= 0
            Of the polynomials.
        low, high : float
            The range of the fields.
        seed : int, >= 0
            Fixes the weights.
        scale : float, default 0.1
            Their standard deviation.

        Returns
        -------
        ConditionalMachine

        Raises
        ------
        ValueError
            For counts and fields out of range.

        """
        require_count("n_visible", n_visible)
        require_count("n_hidden", n_hidden)
        require_count("degree + 1", degree + 1)
        if n_visible > MAX_VISIBLE:
            raise ValueError(f"expected at most {MAX_VISIBLE} visible units for sums over all states at every step, "
                             f"got {n_visible}; try n_visible=10")
        weights = torch.zeros(degree + 1, n_visible, n_hidden, dtype=torch.float64)
        weights[0] = scale * torch.from_numpy(rng.stream(seed, "conditional").standard_normal((n_visible, n_hidden)))
        biases = (torch.zeros(degree + 1, n, dtype=torch.float64) for n in (n_visible, n_hidden))
        visible, hidden = biases
        visible[0], hidden[0] = balanced_biases(weights[0])
        return ConditionalMachine(weights, visible, hidden, float(low), float(high))

    def terms(self, fields) -> Tensor:
        """The polynomials P_0 ... P_degree of every field.

        Parameters
        ----------
        fields : array_like, shape (n_fields,), > 0
            h/J; beyond low and high the polynomials extrapolate.

        Returns
        -------
        Tensor of float64, shape (n_fields, degree + 1)

        Raises
        ------
        ValueError
            For a field that is not above 0.

        """
        fields = as_floats(fields, "fields")
        if not (fields > 0).all():
            raise ValueError(f"expected fields above 0, whose logarithm is taken, got {fields.tolist()}; try 0.5")
        x = 2 * np.log(fields / self.low) / np.log(self.high / self.low) - 1
        return torch.from_numpy(legvander(x, len(self.weights) - 1))

    def at(self, field: float) -> Machine:
        """The machine of one field.

        Parameters
        ----------
        field : float, > 0
            h/J.

        Returns
        -------
        lib.rbm.machine.Machine
            In float64.

        """
        (terms,) = self.terms([field])
        return Machine(*(torch.tensordot(terms, part, 1) for part in
                         (self.weights, self.visible_bias, self.hidden_bias)))


def constant(machine: Machine) -> ConditionalMachine:
    """A machine for all fields alike, as a start of `fit`.

    Parameters
    ----------
    machine : lib.rbm.machine.Machine
        At most 14 visible units.

    Returns
    -------
    ConditionalMachine
        Of degree 0.

    Raises
    ------
    ValueError
        For more visible units; try fewer spins.

    """
    if machine.n_visible > MAX_VISIBLE:
        raise ValueError(f"expected at most {MAX_VISIBLE} visible units for sums over all states at every step, got "
                         f"{machine.n_visible}; try fewer spins")
    parts = (part.detach().to(torch.float64)[None] for part in
             (machine.weights, machine.visible_bias, machine.hidden_bias))
    return ConditionalMachine(*parts, 0.5, 2.0)


def loss(machine: ConditionalMachine, fields: Sequence[float], shares) -> tuple[float, ConditionalMachine]:
    """The mean negative log-likelihood of measurements at several fields, and its gradient by all coefficients.

    L = -sum_f sum_v q_f(v) ln p_f(v), where q_f(v) is the share of outcome v at field f among all
    measurements. A coefficient's slope is that of the parameter (4.15) times its polynomial, summed
    over the fields.

    Parameters
    ----------
    machine : ConditionalMachine
        Where.
    fields : sequence of float
        h/J of each row of shares.
    shares : array_like, shape (n_fields, 2^n_visible)
        q, in the order of the basis; they sum to 1.

    Returns
    -------
    loss : float
        In nats a measurement.
    gradient : ConditionalMachine
        Its coefficients are the derivatives.

    """
    terms, q = machine.terms(fields), as_tensor(shares, "shares").to(torch.float64)
    # The states of the basis in every row: field, state.
    states = torch.from_numpy(all_states(machine.weights.shape[1])).to(torch.float64)
    weights = torch.einsum("ft,tij->fij", terms, machine.weights)
    visible, hidden = terms @ machine.visible_bias, terms @ machine.hidden_bias
    inputs = states @ weights + hidden[:, None]  # state visible, field visible hidden -> field state hidden
    log_weights = visible @ states.T + softplus(inputs).sum(-1)
    log_p = log_weights - torch.logsumexp(log_weights, 1, keepdim=True)
    excess = q.sum(1, keepdim=True) * torch.exp(log_p) - q  # what the slope of -E is averaged with
    active = excess[..., None] * torch.sigmoid(inputs)
    slopes = torch.einsum("si,fsj->fij", states, active), excess @ states, active.sum(1)
    found = [torch.tensordot(terms.T, slope, 1) for slope in slopes]
    return -float((q * log_p).sum()), replace(machine, weights=found[0], visible_bias=found[1], hidden_bias=found[2])


def fit(start: ConditionalMachine, fields: Sequence[float], shares, *, n_steps: int) -> ConditionalMachine:
    """The machine of largest likelihood near a start, by L-BFGS with exact gradients.

    Parameters
    ----------
    start : ConditionalMachine
        From where; left as it is.
    fields, shares
        As for `loss`.
    n_steps : int, >= 1
        At most so many; fewer where the gradient vanishes before.

    Returns
    -------
    ConditionalMachine

    Raises
    ------
    ValueError
        For n_steps below 1.

    """
    require_count("n_steps", n_steps)
    parts = (start.weights, start.visible_bias, start.hidden_bias)

    def unpacked(flat: np.ndarray) -> ConditionalMachine:
        pieces = torch.split(torch.from_numpy(flat), [part.numel() for part in parts])
        weights, visible, hidden = (piece.reshape(part.shape) for piece, part in zip(pieces, parts, strict=True))
        return replace(start, weights=weights, visible_bias=visible, hidden_bias=hidden)

    def packed(of: ConditionalMachine) -> np.ndarray:
        return np.concatenate([part.numpy().ravel() for part in (of.weights, of.visible_bias, of.hidden_bias)])

    def value_and_slope(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = loss(unpacked(flat), fields, shares)
        return value, packed(gradient)

    found = minimize(value_and_slope, packed(start), jac=True, method="L-BFGS-B",
                     options={"maxiter": n_steps, "maxfun": 2 * n_steps, "gtol": 1e-7, "ftol": 0.0})
    return unpacked(found.x)


def fit_state(psi, n_hidden: int, *, seed: int, n_starts: int = 3, n_steps: int = 1000) -> Machine:
    """The machine that is closest to the outcomes of a state along z, as far as a few starts find it.

    It is fitted to the exact distribution, as if there were infinitely many measurements and a
    training without chance: what it cannot do is a matter of its form.

    Parameters
    ----------
    psi : array_like, shape (2^n_spins,)
        Normalised amplitudes, of at most 14 spins.
    n_hidden : int, >= 1
        Hidden units.
    seed : int, >= 0
        Fixes the starts.
    n_starts : int, >= 1, default 3
        Of which the most likely one is taken.
    n_steps : int, >= 1, default 1000
        See `fit`.

    Returns
    -------
    lib.rbm.machine.Machine

    Raises
    ------
    ValueError
        For another psi and for counts out of range.

    """
    psi = check_state_vector(psi)
    require_count("n_starts", n_starts)
    shares = np.abs(psi[None]) ** 2
    starts = [ConditionalMachine.random(psi.size.bit_length() - 1, n_hidden, 0, low=0.5, high=2.0,
                                        seed=rng.child_seed(seed, "fit state", number)) for number in range(n_starts)]
    found = [fit(start, [1.0], shares, n_steps=n_steps) for start in starts]
    return min(found, key=lambda machine: loss(machine, [1.0], shares)[0]).at(1.0)
