"""A matrix product state from measurements in any local bases, by maximum likelihood: the baseline of other machines.

The state with the amplitudes psi(v) = A_0[v_0] A_1[v_1] ... / sqrt <psi|psi> is sought that makes the outcomes
likeliest, minimizing -mean ln |<outcome|psi>|^2 over all its tensors at once (L-BFGS on exact gradients).  PastaQ fits
the same ansatz by stochastic gradients (G. Torlai et al., Nat. Commun. 14, 2858 (2023)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize

from lib import rng
from lib.checks import require_count
from lib.spins import mps
from lib.spins.bases import Measurements
from lib.spins.mps import MatrixProductState

_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Fit:
    """The likeliest state that was found.

    Attributes
    ----------
    state : lib.spins.mps.MatrixProductState
        What was found.
    negative_log_likelihood : float
        Of the data it was fitted to, nats a measurement.
    steps : int
        Of L-BFGS.
    converged : bool
        Whether L-BFGS reports success.

    """

    state: MatrixProductState
    negative_log_likelihood: float
    steps: int
    converged: bool


def maximum_likelihood(measurements: Measurements, *, bond_dimension: int, seed: int, complex_numbers: bool = True,
                       max_steps: int = 500, tolerance: float = 1e-8) -> Fit:
    """Fit a state of one bond dimension to measurements.

    Parameters
    ----------
    measurements : lib.spins.bases.Measurements
        Outcomes with their bases, from `bases.measured` or a sampler.
    bond_dimension : int, >= 1
        Of all bonds that are long enough for it (`bond_for` finds it from a number of parameters).
    seed : int
        Of the start, a product state all along x with small random numbers in all tensors.
    complex_numbers : bool, default True
        False seeks a state with real amplitudes.
    max_steps : int, >= 1, default 500
        Of L-BFGS.
    tolerance : float, default 1e-8
        Of L-BFGS, which stops where a step changes the likelihood by less, relative to it.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        For arguments out of range.

    """
    if not isinstance(measurements, Measurements):
        raise ValueError(f"expected measurements with their bases, got {type(measurements).__name__}; try "
                         "lib.spins.bases.measured(bits, bases)")
    for name, value in (("bond_dimension", bond_dimension), ("max_steps", max_steps)):
        require_count(name, value)
    shapes = _shapes(measurements.n_spins, bond_dimension)
    rows = _outcome_rows(measurements)

    def loss(vector: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = torch.from_numpy(vector).requires_grad_()
        value = _negative_log_likelihood(_tensors(parameters, shapes, complex_numbers), rows)
        value.backward()
        return float(value.detach()), parameters.grad.numpy()

    done = minimize(loss, _start(shapes, complex_numbers, seed), jac=True, method="L-BFGS-B",
                    options={"maxiter": max_steps, "ftol": tolerance, "gtol": 1e-7, "maxcor": 20})
    tensors = [tensor.numpy() for tensor in _tensors(torch.from_numpy(done.x), shapes, complex_numbers)]
    state = mps.positive_phase(mps.canonical(tensors))
    return Fit(state, float(done.fun), int(done.nit), bool(done.success))


def negative_log_likelihood(state: MatrixProductState, measurements: Measurements) -> float:
    """The number ``-mean ln |<outcome|psi>|^2`` over the measurements, each in its basis.

    Parameters
    ----------
    state : lib.spins.mps.MatrixProductState
        Of as many spins.
    measurements : lib.spins.bases.Measurements
        Outcomes with their bases.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ValueError
        For measurements of another number of spins.

    """
    if state.n_spins != measurements.n_spins:
        raise ValueError(f"expected measurements of {state.n_spins} spins, got {measurements.n_spins}; try those of "
                         "the same chain")
    tensors = [torch.from_numpy(tensor.copy()) for tensor in state.tensors]
    return float(_negative_log_likelihood(tensors, _outcome_rows(measurements)))


def bond_for(n_spins: int, n_parameters: int, *, complex_numbers: bool = True) -> int:
    """The largest bond dimension whose tensors hold at most n_parameters numbers.

    Parameters
    ----------
    n_spins : int
        Sites of the chain.
    n_parameters : int
        Real numbers; a complex one counts as two.
    complex_numbers : bool, default True
        Whether the tensors are complex.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        Where not even a product state has so few.

    """
    def count(bond: int) -> int:
        return sum(int(np.prod(shape)) for shape in _shapes(n_spins, bond)) * (2 if complex_numbers else 1)

    if count(1) > n_parameters:
        raise ValueError(f"expected at least {count(1)} parameters, those of a product state of {n_spins} spins, got "
                         f"{n_parameters}; try more")
    bond = 1
    while bond < 2 ** (n_spins // 2) and count(bond + 1) <= n_parameters:
        bond += 1
    return bond


def _shapes(n_spins: int, bond: int) -> list[tuple[int, int, int]]:
    """Shapes of the tensors; near the ends bonds need no more than 2, 4, 8, ..."""
    sizes = [min(bond, 2 ** min(i, n_spins - i, 30)) for i in range(n_spins + 1)]
    return [(left, 2, right) for left, right in zip(sizes, sizes[1:])]


def _start(shapes: list[tuple[int, int, int]], complex_numbers: bool, seed: int) -> np.ndarray:
    """The parameters of a product state along x, with noise that lets all bonds take part."""
    parts = 2 if complex_numbers else 1
    generator = rng.stream(seed, "matrix product state")
    start = []
    for shape in shapes:
        tensor = 0.1 * generator.standard_normal((parts, *shape))
        tensor[0, 0, :, 0] += 0.5**0.5
        start.append(tensor.ravel())
    return np.concatenate(start)


def _tensors(parameters: torch.Tensor, shapes: list[tuple[int, int, int]], complex_numbers: bool) -> list[torch.Tensor]:
    parts = 2 if complex_numbers else 1
    pieces = parameters.split([parts * int(np.prod(shape)) for shape in shapes])
    tensors = [piece.reshape(parts, *shape) for piece, shape in zip(pieces, shapes)]
    return [torch.complex(tensor[0], tensor[1]) if complex_numbers else tensor[0] for tensor in tensors]


def _outcome_rows(measurements: Measurements) -> torch.Tensor:
    """The row of the gate that belongs to every outcome, complex128 (n_samples, n_spins, 2)."""
    return torch.from_numpy(measurements.gates[measurements.codes, measurements.bits])


def _negative_log_likelihood(tensors: list[torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
    """-mean ln |<outcome|psi>|^2 + ln <psi|psi> of any tensors."""
    vectors, logs = torch.ones((len(rows), 1), dtype=torch.complex128), torch.zeros(len(rows), dtype=torch.float64)
    left, log_norm = torch.ones((1, 1), dtype=tensors[0].dtype), 0.0
    for site, tensor in enumerate(tensors):
        halves = torch.einsum("nl,lbr->nbr", vectors, tensor.to(torch.complex128))
        vectors = torch.einsum("nb,nbr->nr", rows[:, site], halves)
        left = torch.einsum("kl,kbr,lbs->rs", left, tensor.conj(), tensor)
        # Both are divided by a constant at every site, so that long chains do not underflow.
        scale = vectors.detach().abs().amax(dim=1).clamp_min(_TINY)
        vectors, logs = vectors / scale[:, None], logs + scale.log()
        size = left.detach().abs().max()
        left, log_norm = left / size, log_norm + size.log()
    weights = vectors[:, 0].abs().square().clamp_min(_TINY)
    return log_norm + left[0, 0].real.log() - (weights.log() + 2 * logs).mean()
