"""Positive wavefunctions stored in a restricted Boltzmann machine (section 5.3).

psi(v) = sqrt(p(v)) (5.1): the machine's distribution is the Born rule in the sigma-z basis. Amplitudes are
computed in float64 whatever the machine's precision, in logarithms, and returned as torch tensors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
import torch
from torch import Tensor

from lib.checks import as_tensor
from lib.rbm import _flip_kernels, sampling
from lib.rbm.distributions import effective_energy
from lib.rbm.machine import Machine, as_units, check_machine, zeros_and_ones
from lib.rbm.partition import probabilities

# exp(+-W) and products of such factors stay inside the range of float64 (e^+-708) below this exponent.
LARGEST_EXPONENT = 600.0
# Values in a block of the plain formula, 8 bytes each: 8 MiB, which stays near the caches.
CHUNK_VALUES = 2**20


def check_visible(machine: Machine, visible) -> Tensor:
    """Visible bits as a float64 tensor on the machine's device.

    Parameters
    ----------
    machine : Machine
        Gives the width and the device.
    visible : array_like of 0 and 1, shape (..., n_visible)
        One row a configuration.

    Returns
    -------
    Tensor of float64, shape (..., n_visible)
        The bits.

    Raises
    ------
    ValueError
        For bits of another width or value.

    """
    return zeros_and_ones(as_units(machine, visible, machine.n_visible, "visible units").to(torch.float64))


def softplus(x: Tensor) -> Tensor:
    """Softplus ln(1 + e^x), accurate for every x.

    Torch's own softplus returns x beyond 20, an error of 2e-9.

    Parameters
    ----------
    x : Tensor of float
        Any shape.

    Returns
    -------
    Tensor
        Shape and precision of x.

    """
    return torch.logaddexp(x, x.new_zeros(()))


@dataclass(frozen=True)
class PositiveState:
    """The wavefunction psi(v) = sqrt(p(v)) >= 0 of N = n_visible spins (5.1).

    Attributes
    ----------
    machine : Machine
        Whose distribution p(v) is the Born rule along z.

    Raises
    ------
    ValueError
        For anything but a Machine; try its ``.machine``.

    """

    machine: Machine

    def __post_init__(self):
        check_machine(self.machine)

    @property
    def n_spins(self) -> int:
        """Number of spins N."""
        return self.machine.n_visible

    def log_psi(self, visible) -> Tensor:
        """Logarithm ln psi(v) = -E(v)/2 without the constant -ln(Z)/2 (5.1 with 4.3, 4.5).

        Parameters
        ----------
        visible : array_like of 0 and 1, shape (..., n_spins)
            Configurations.

        Returns
        -------
        Tensor of float64, shape (...)
            One logarithm a row.

        """
        v = check_visible(self.machine, visible)
        return -0.5 * effective_energy(self.machine.to(dtype=torch.float64), v)

    def psi(self) -> Tensor:
        """The normalised amplitudes over the whole basis, in its order.

        Returns
        -------
        Tensor of float64, shape (2^n_spins,)
            The amplitudes.

        Raises
        ------
        ValueError
            Where the basis is too large to enumerate.

        """
        return probabilities(self.machine).sqrt()

    def flip_log_ratios(self, visible, *, engine: str = "auto") -> Tensor:
        """Logarithm of psi(v with spin i flipped) / psi(v) for every i, the ratio in (5.9).

        Parameters
        ----------
        visible : array_like of 0 and 1, shape (..., n_spins)
            Configurations.
        engine : {"auto", "numba", "torch"}
            "numba" (compiled, on the CPU), "torch" (the formula as it stands, on the machine's
            device) or "auto", the default (numba on the CPU, torch elsewhere).

        Returns
        -------
        Tensor of float64, shape (..., n_spins)
            One logarithm for each spin.

        Raises
        ------
        ValueError
            For bits of another width or value, an unknown engine, and numba away from the CPU.

        Notes
        -----
        Only theta_j = c_j + sum_i W_ij v_i enters, once for all flips; flipping v_i -> v_i + s with
        s = 1 - 2 v_i moves it to theta_j + s W_ij, so that one flip costs O(n_hidden)::

            2 ln ratio = s b_i + sum_j [ln(1 + exp(theta_j + s W_ij)) - ln(1 + exp(theta_j))].

        """
        if engine not in ("auto", "numba", "torch"):
            raise ValueError(f'expected engine "auto", "numba" or "torch", got {engine!r}; try "auto"')
        v = check_visible(self.machine, visible)
        rows = v.reshape(-1, self.n_spins)
        on_cpu = self.machine.device.type == "cpu"
        if engine == "numba" and not on_cpu:
            raise ValueError(f'expected a machine on the CPU for engine "numba", got {self.machine.device}; '
                             'try engine="torch" or machine.to(device="cpu")')
        largest_weight = float(self.machine.weights.abs().max())
        # Weights so large that e^W would overflow belong to no trained machine; the plain formula takes them.
        if engine != "torch" and on_cpu and largest_weight < LARGEST_EXPONENT:
            ratios = _flips_compiled(self.machine, rows, largest_weight)
        else:
            ratios = _flips_plain(self.machine, rows)
        return ratios.reshape(v.shape)

    def flip_sums(self, visible) -> tuple[Tensor, Tensor]:
        """Sum over i of psi(v with spin i flipped) / psi(v), and how many neighbours differ.

        Parameters
        ----------
        visible : array_like of 0 and 1, shape (..., n_spins)
            Configurations.

        Returns
        -------
        sums : Tensor of float64, shape (...)
            What local energies of the Ising chain take (5.7, 5.9).
        walls : Tensor of int64, shape (...)
            Of the n_spins - 1 pairs of neighbours, those with unlike bits.

        Raises
        ------
        ValueError
            For bits of another width or value.

        """
        bits = as_tensor(visible, "visible units")
        machine = self.machine
        if bits.dtype != torch.uint8 or bits.shape[-1:] != (self.n_spins,) or bool((bits > 1).any()):
            bits = check_visible(machine, bits).to(torch.uint8)  # in other forms, or refused
        largest = float(machine.weights.abs().max()) * machine.n_hidden + float(machine.visible_bias.abs().max())
        if machine.device.type == bits.device.type == "cpu" and largest < LARGEST_EXPONENT:
            sums, walls = _sums_compiled(machine, bits.reshape(-1, self.n_spins))
            return sums.reshape(bits.shape[:-1]), walls.reshape(bits.shape[:-1])
        sums = self.flip_log_ratios(bits).exp().sum(-1)
        return sums, (bits[..., 1:] != bits[..., :-1]).sum(-1).to(sums.device)

    def sample(self, n_samples: int, *, seed: int, start=None, n_chains: int = 512, burn_in: int = 200,
               thin: int = 10, engine: str = "auto", precision: str = "float32") -> np.ndarray:
        """Born-rule samples by block Gibbs sampling: `sampling.sample` of the machine.

        Parameters
        ----------
        n_samples : int, >= 1
            Configurations to draw.
        seed, start, n_chains, burn_in, thin, engine, precision
            As in `sampling.sample`; see there.

        Returns
        -------
        ndarray of uint8, shape (n_draws, n_chains, n_spins)
            Bits, with n_draws n_chains >= n_samples.

        """
        return sampling.sample(self.machine, n_samples, seed=seed, start=start, n_chains=n_chains,
                               burn_in=burn_in, thin=thin, engine=engine, precision=precision)


def _sums_compiled(machine: Machine, rows: Tensor) -> tuple[Tensor, Tensor]:
    """`PositiveState.flip_sums` of rows, uint8 (n, n_spins), where products of all factors stay in range."""
    weights, visible_bias, hidden_bias = (
        value.detach().to(torch.float64).numpy()
        for value in (machine.weights, machine.visible_bias, machine.hidden_bias))
    grow = np.exp(np.pad(weights, ((0, 3), (0, 0))))
    sums, walls = np.empty(len(rows)), np.empty(len(rows), np.int64)
    rise, fall = (np.pad(np.exp(sign * 0.5 * visible_bias), (0, 3)) for sign in (1, -1))
    _flip_kernels.flip_sums(np.ascontiguousarray(rows.numpy()), np.ascontiguousarray(weights.T).ravel(), hidden_bias,
                            grow.ravel(), (1 / grow).ravel(), rise, fall, sums, walls)
    return torch.from_numpy(sums), torch.from_numpy(walls)


def _flips_plain(machine: Machine, rows: Tensor) -> Tensor:
    """The formula of `flip_log_ratios` in torch, a block of rows at a time; rows (n, n_spins) float64."""
    weights, visible_bias, hidden_bias = (
        value.to(torch.float64) for value in (machine.weights, machine.visible_bias, machine.hidden_bias))
    blocks = []
    for v in rows.split(max(1, CHUNK_VALUES // weights.numel())):
        step = 1 - 2 * v
        theta = v @ weights + hidden_bias  # sample visible, visible hidden -> sample hidden
        moved = theta[:, None, :] + step[:, :, None] * weights  # sample visible hidden
        change = (softplus(moved) - softplus(theta)[:, None, :]).sum(-1)
        blocks.append(0.5 * (step * visible_bias + change))
    return torch.cat(blocks) if blocks else rows.clone()


def _flips_compiled(machine: Machine, rows: Tensor, largest_weight: float) -> Tensor:
    """The same by products of n_hidden factors without any exponential: see `_flip_kernel`."""
    weights, visible_bias, hidden_bias = (
        value.detach().to(torch.float64).numpy()
        for value in (machine.weights, machine.visible_bias, machine.hidden_bias))
    # A factor lies between e^-|W| and e^|W|: so many of them can be multiplied before a logarithm is due.
    n_factors = machine.n_hidden
    if largest_weight * n_factors > LARGEST_EXPONENT:
        n_factors = int(LARGEST_EXPONENT / largest_weight)  # at least 1: the caller saw to it
    out = np.empty(tuple(rows.shape))
    _flip_kernel(rows.to(torch.uint8).numpy(), np.ascontiguousarray(weights), visible_bias, hidden_bias,
                 np.ascontiguousarray(np.exp(weights.T)), np.ascontiguousarray(np.exp(-weights.T)),
                 n_factors, out)
    return torch.from_numpy(out)


@numba.njit(cache=True, error_model="numpy")
def _flip_kernel(bits, weights, visible_bias, hidden_bias, grow, shrink, n_factors, out):
    """Write ln psi(flip i)/psi for every row of bits into out (n_samples, n_visible).

    With p_j = S(theta_j) and q_j = 1 - p_j the ratio of the hidden sums is a product of the factors

        (1 + exp(theta_j + s W_ij)) / (1 + exp(theta_j)) = q_j + p_j exp(s W_ij),

    a weighted mean of 1 and exp(s W_ij): positive terms, hence no cancellation, if q_j is not computed as
    1 - p_j. grow and shrink hold exp(W) and exp(-W), transposed so that the inner loop runs over
    neighbours in memory and vectorizes. One logarithm is taken every n_factors hidden units.
    """
    n_samples, n_visible = bits.shape
    n_hidden = hidden_bias.shape[0]
    theta = np.empty(n_hidden)
    product = np.empty(n_visible)
    for sample in range(n_samples):
        theta[:] = hidden_bias
        for i in range(n_visible):
            if bits[sample, i] == 1:
                for j in range(n_hidden):
                    theta[j] += weights[i, j]
        for i in range(n_visible):
            product[i] = 1.0
            out[sample, i] = visible_bias[i] if bits[sample, i] == 0 else -visible_bias[i]
        for j in range(n_hidden):
            small = math.exp(-abs(theta[j]))  # never overflows
            larger = 1.0 / (1.0 + small)
            smaller = small * larger
            p = larger if theta[j] > 0 else smaller
            q = smaller if theta[j] > 0 else larger
            for i in range(n_visible):
                up, down = grow[j, i], shrink[j, i]
                product[i] *= q + p * (up if bits[sample, i] == 0 else down)
            if (j + 1) % n_factors == 0 or j + 1 == n_hidden:
                for i in range(n_visible):
                    out[sample, i] += math.log(product[i])
                    product[i] = 1.0
        for i in range(n_visible):
            out[sample, i] *= 0.5
