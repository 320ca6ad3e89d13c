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
from lib.conventions import all_states, require_memory
from lib.rbm import sampling
from lib.rbm.machine import Machine, check_machine, effective_energy
from lib.rbm.states import check_visible


@dataclass(frozen=True, eq=False)
class ComplexState:
    """The wavefunction (5.12) of two machines over the same spins; their numbers of hidden units may differ.

    Raises ValueError for machines of unequal width, on a GPU, or pruned.
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
        """Two independent random machines without biases; see `Machine.random` for scale.

        n_hidden_phase: hidden units of the phase machine, if another number.
        """
        return ComplexState(*(Machine.random(n_spins, n, seed=rng.child_seed(seed, name), scale=scale) for name, n in
                              (("amplitude", n_hidden), ("phase", n_hidden_phase or n_hidden))))

    @property
    def n_spins(self) -> int:
        return self.amplitude.n_visible

    @property
    def n_ancillas(self) -> int:
        return 0

    @property
    def n_parameters(self) -> int:
        return self.amplitude.n_parameters + self.phase.n_parameters

    def log_psi(self, visible) -> Tensor:
        """ln psi(v) = -(E(v) + i E_phase(v))/2 without the constant -ln(Z)/2 (5.12 with 4.3, 4.5); complex128 (...)."""
        v = check_visible(self.amplitude, visible)
        return torch.complex(-0.5 * effective_energy(self.amplitude, v), -0.5 * effective_energy(self.phase, v))

    def psi(self) -> Tensor:
        """The normalised amplitudes over the whole basis, in its order; complex128 (2^n_spins,).

        Raises ValueError naming the memory where they would take more than 2 GiB.
        """
        n_hidden = max(self.amplitude.n_hidden, self.phase.n_hidden)
        require_memory(2**self.n_spins * (64 + 9 * self.n_spins + 24 * n_hidden), f"2^{self.n_spins} amplitudes and "
                       "their hidden units", hint="log_psi of single states")
        log_psi = self.log_psi(all_states(self.n_spins))
        norm = torch.logsumexp(2 * log_psi.real, 0)
        return torch.exp(log_psi - 0.5 * norm)

    def sample(self, n_samples: int, *, seed: int, **settings) -> np.ndarray:
        """Born-rule samples along z by block Gibbs chains: `sampling.sample` of the amplitude machine; see there."""
        return sampling.sample(self.amplitude, n_samples, seed=seed, **settings)


@dataclass(frozen=True, eq=False)
class MixedState:
    """A density matrix, purified: rho = sum_a psi(., a) psi*(., a) over ancillas a that nobody measures.

    psi is the complex state of two machines whose first visible units are the spins and whose last n_ancillas are the
    ancillas (G. Torlai, R. Melko, Phys. Rev. Lett. 120, 240503 (2018), have ancillas among the hidden units). As many
    ancillas as spins can hold any density matrix of them.
    Raises ValueError as ComplexState does, and for a number of ancillas that leaves no spin.
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
        """Two independent random machines without biases. n_ancillas: None means as many as spins."""
        n_ancillas = n_spins if n_ancillas is None else n_ancillas
        pure = ComplexState.random(n_spins + n_ancillas, n_hidden, n_hidden_phase=n_hidden_phase, seed=seed,
                                   scale=scale)
        return MixedState(pure.amplitude, pure.phase, n_ancillas)

    @property
    def n_spins(self) -> int:
        return self.amplitude.n_visible - self.n_ancillas

    @property
    def n_parameters(self) -> int:
        return self.amplitude.n_parameters + self.phase.n_parameters

    def log_psi(self, visible) -> Tensor:
        """ln psi of spins and ancillas, (..., n_spins + n_ancillas), as that of a ComplexState; complex128 (...)."""
        return ComplexState(self.amplitude, self.phase).log_psi(visible)

    def sample(self, n_samples: int, *, seed: int, **settings) -> np.ndarray:
        """Samples along z of the spins, and behind them of the ancillas; otherwise as those of a ComplexState."""
        return sampling.sample(self.amplitude, n_samples, seed=seed, **settings)

    def density_matrix(self) -> Tensor:
        """rho over the basis of the spins, in its order: Hermitian, trace one, complex128 (2^n_spins, 2^n_spins).

        Raises ValueError naming the memory where it, or the state of spins and ancillas, would take more than 2 GiB.
        """
        require_memory(48 * 4**self.n_spins, f"a density matrix of {self.n_spins} spins")
        columns = ComplexState(self.amplitude, self.phase).psi().reshape(2**self.n_spins, 2**self.n_ancillas)
        return columns @ columns.conj().T  # spins ancillas, ancillas spins -> spins spins


def check_state(state) -> ComplexState | MixedState:
    """The state itself; ValueError for anything else."""
    if not isinstance(state, (ComplexState, MixedState)):
        hint = "ComplexState(machine, phase_machine)" if isinstance(state, Machine) else \
            "ComplexState.random(2, 2, seed=1)"
        raise ValueError(f"expected a ComplexState or MixedState, got {type(state).__name__}; try {hint}")
    return state
