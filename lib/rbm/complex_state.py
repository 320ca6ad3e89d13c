"""Complex wavefunctions, and density matrices, stored in two restricted Boltzmann machines (section 5.4).

psi(v) = sqrt(p(v)) e^{i phi(v)/2} (5.12): the amplitude machine gives p, the phase machine phi = ln p_phase = -E_phase,
up to a constant, which is a phase of all amplitudes. Everything is computed in float64 and complex128, in logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lib import rng
from lib.conventions import all_states
from lib.memory import require_memory
from lib.rbm import sampling
from lib.rbm.distributions import effective_energy
from lib.rbm.machine import Machine, check_machine
from lib.rbm.states import check_visible


@dataclass(frozen=True, eq=False)
class ComplexState:
    """The wavefunction (5.12) of two machines over the same spins.

    Their numbers of hidden units may differ. Both are turned to float64.

    Attributes
    ----------
    amplitude : Machine
        Gives p(v).
    phase : Machine
        Gives phi(v) = -E_phase(v).

    Raises
    ------
    ValueError
        For machines of unequal width (try `random`), on a GPU (try ``.to(device="cpu")``), or
        pruned (try ``Machine(weights, visible_bias, hidden_bias)`` without a mask).

    """

    amplitude: Machine
    phase: Machine

    def __post_init__(self):
        for name in ("amplitude", "phase"):
            machine = check_machine(getattr(self, name))
            if machine.device.type != "cpu":
                raise ValueError(f'expected the {name} machine on the CPU, got {machine.device}; try '
                                 '.to(device="cpu")')
            if machine.mask is not None:
                raise ValueError(f"expected the {name} machine with all its weights, got a pruned one; try "
                                 "Machine(weights, visible_bias, hidden_bias) without a mask")
            object.__setattr__(self, name, machine.to(dtype=torch.float64))
        if self.amplitude.n_visible != self.phase.n_visible:
            raise ValueError(f"expected two machines of one width, got {self.amplitude.n_visible} and "
                             f"{self.phase.n_visible} visible units; try ComplexState.random")

    @staticmethod
    def random(n_spins: int, n_hidden: int, *, n_hidden_phase: int | None = None, seed: int,
               scale: float | None = None) -> ComplexState:
        """Two independent random machines without biases.

        Parameters
        ----------
        n_spins : int, >= 1
            Visible units of both.
        n_hidden : int, >= 1
            Hidden units of the amplitude machine, and of the other.
        n_hidden_phase : int or None
            Hidden units of the phase machine, if another number.
        seed : int, >= 0
            Fixes the weights.
        scale : float or None
            See `Machine.random`.

        Returns
        -------
        ComplexState
            Before training.

        """
        return ComplexState(*(Machine.random(n_spins, n, seed=rng.child_seed(seed, name), scale=scale) for name, n in
                              (("amplitude", n_hidden), ("phase", n_hidden_phase or n_hidden))))

    @property
    def n_spins(self) -> int:
        """Number of spins."""
        return self.amplitude.n_visible

    @property
    def n_ancillas(self) -> int:
        """Number of ancillas: none."""
        return 0

    @property
    def n_parameters(self) -> int:
        """Parameters of both machines."""
        return self.amplitude.n_parameters + self.phase.n_parameters

    def log_psi(self, visible) -> Tensor:
        """Logarithm ln psi(v) = -(E(v) + i E_phase(v))/2 without -ln(Z)/2 (5.12 with 4.3, 4.5).

        Parameters
        ----------
        visible : array_like of 0 and 1, shape (..., n_spins)
            Configurations.

        Returns
        -------
        Tensor of complex128, shape (...)
            One logarithm a row, without the constant -ln(Z)/2.

        """
        v = check_visible(self.amplitude, visible)
        return torch.complex(-0.5 * effective_energy(self.amplitude, v), -0.5 * effective_energy(self.phase, v))

    def psi(self) -> Tensor:
        """The normalised amplitudes over the whole basis, in its order.

        Returns
        -------
        Tensor of complex128, shape (2^n_spins,)
            The amplitudes.

        Raises
        ------
        ValueError
            Naming the memory where they would take more than 2 GiB; try `log_psi` of single states.

        """
        n_hidden = max(self.amplitude.n_hidden, self.phase.n_hidden)
        require_memory(2**self.n_spins * (64 + 9 * self.n_spins + 24 * n_hidden), f"2^{self.n_spins} amplitudes and "
                       "their hidden units", hint="log_psi of single states")
        log_psi = self.log_psi(all_states(self.n_spins))
        norm = torch.logsumexp(2 * log_psi.real, 0)
        return torch.exp(log_psi - 0.5 * norm)

    def sample(self, n_samples: int, *, seed: int, **settings) -> np.ndarray:
        """Born-rule samples along z by block Gibbs chains of the amplitude machine.

        Parameters
        ----------
        n_samples : int, >= 1
            Configurations to draw.
        seed : int, >= 0
            Fixes the chains.
        **settings
            The others of `sampling.sample`; see there.

        Returns
        -------
        ndarray of uint8, shape (n_draws, n_chains, n_spins)
            The bits.

        """
        return sampling.sample(self.amplitude, n_samples, seed=seed, **settings)


@dataclass(frozen=True, eq=False)
class MixedState:
    """A density matrix, purified: ``rho = sum_a psi(., a) psi*(., a)`` over ancillas a.

    Nobody measures the ancillas. psi is the complex state of two machines whose first visible units
    are the spins and whose last n_ancillas are the ancillas. As many ancillas as spins can hold any
    density matrix of them.

    Attributes
    ----------
    amplitude : Machine
        Gives the size of psi.
    phase : Machine
        Gives its phase.
    n_ancillas : int, >= 1
        Number of ancillas.

    Raises
    ------
    ValueError
        As `ComplexState` does, and for a number of ancillas that leaves no spin; try `random`.

    Notes
    -----
    Elsewhere ancillas are among the hidden units (G. Torlai, R. Melko, Phys. Rev. Lett. 120, 240503
    (2018)).

    """

    amplitude: Machine
    phase: Machine
    n_ancillas: int

    def __post_init__(self):
        pure = ComplexState(self.amplitude, self.phase)
        object.__setattr__(self, "amplitude", pure.amplitude)
        object.__setattr__(self, "phase", pure.phase)
        if isinstance(self.n_ancillas, bool) or self.n_ancillas not in range(1, pure.n_spins):
            raise ValueError(f"expected n_ancillas from 1 to {pure.n_spins - 1}, so that a spin is left, got "
                             f"{self.n_ancillas!r}; try MixedState.random")

    @staticmethod
    def random(n_spins: int, n_hidden: int, *, n_ancillas: int | None = None, n_hidden_phase: int | None = None,
               seed: int, scale: float | None = None) -> MixedState:
        """Two independent random machines without biases.

        Parameters
        ----------
        n_spins : int, >= 1
            Number of spins.
        n_hidden : int, >= 1
            Hidden units of the amplitude machine, and of the other.
        n_ancillas : int or None
            None, the default, means as many as spins.
        n_hidden_phase : int or None
            Hidden units of the phase machine, if another number.
        seed : int, >= 0
            Fixes the weights.
        scale : float or None
            See `Machine.random`.

        Returns
        -------
        MixedState
            Before training.

        """
        n_ancillas = n_spins if n_ancillas is None else n_ancillas
        pure = ComplexState.random(n_spins + n_ancillas, n_hidden, n_hidden_phase=n_hidden_phase, seed=seed,
                                   scale=scale)
        return MixedState(pure.amplitude, pure.phase, n_ancillas)

    @property
    def n_spins(self) -> int:
        """Number of spins, without ancillas."""
        return self.amplitude.n_visible - self.n_ancillas

    @property
    def n_parameters(self) -> int:
        """Parameters of both machines."""
        return self.amplitude.n_parameters + self.phase.n_parameters

    def log_psi(self, visible) -> Tensor:
        """Logarithm ln psi of spins and ancillas, as that of a ComplexState.

        Parameters
        ----------
        visible : array_like of 0 and 1, shape (..., n_spins + n_ancillas)
            Configurations.

        Returns
        -------
        Tensor of complex128, shape (...)
            One logarithm a row.

        """
        return ComplexState(self.amplitude, self.phase).log_psi(visible)

    def sample(self, n_samples: int, *, seed: int, **settings) -> np.ndarray:
        """Samples along z of the spins, and behind them of the ancillas; else as of a ComplexState.

        Parameters
        ----------
        n_samples : int, >= 1
            Configurations to draw.
        seed : int, >= 0
            Fixes the chains.
        **settings
            The others of `sampling.sample`; see there.

        Returns
        -------
        ndarray of uint8, shape (n_draws, n_chains, n_spins + n_ancillas)
            The bits.

        """
        return sampling.sample(self.amplitude, n_samples, seed=seed, **settings)

    def density_matrix(self) -> Tensor:
        """The density matrix rho over the basis of the spins, in its order.

        Returns
        -------
        Tensor of complex128, shape (2^n_spins, 2^n_spins)
            Hermitian, of trace one.

        Raises
        ------
        ValueError
            Naming the memory where it, or the state of spins and ancillas, would take more than 2
            GiB.

        """
        require_memory(48 * 4**self.n_spins, f"a density matrix of {self.n_spins} spins")
        columns = ComplexState(self.amplitude, self.phase).psi().reshape(2**self.n_spins, 2**self.n_ancillas)
        return columns @ columns.conj().T  # spins ancillas, ancillas spins -> spins spins


def check_state(state) -> ComplexState | MixedState:
    """The state itself, where it is one.

    Parameters
    ----------
    state : object
        Anything.

    Returns
    -------
    ComplexState or MixedState
        The same object.

    Raises
    ------
    ValueError
        For anything but a ComplexState or MixedState; try ``ComplexState(machine, phase_machine)``.

    """
    if not isinstance(state, (ComplexState, MixedState)):
        hint = "ComplexState(machine, phase_machine)" if isinstance(state, Machine) else \
            "ComplexState.random(2, 2, seed=1)"
        raise ValueError(f"expected a ComplexState or MixedState, got {type(state).__name__}; try {hint}")
    return state
