"""What the page "Your own measurements" shows of readout errors and missing sites: infidelities of trained machines.

The chain is the one of chapter 5, (5.2), whose ground state is known exactly; shots are drawn from it, misread or left
out at random, and a machine is trained on them in each of two ways.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lib import rng
from lib.rbm import metrics, readout, training
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from lib.spins import free_fermions, ising
from lib.spins.measurements import MISSING, Readout


class Trial:
    """Shots of the ground state of one chain at h/J = field, and machines trained on them as they were read.

    As many hidden units as spins. One seed gives the shots, the start of the machines, and which bits are misread.
    """

    def __init__(self, n_spins: int, field: float, n_shots: int, settings: training.TrainingSettings, seed: int):
        self.settings, self.seed, self.field = settings, seed, field
        _, self.psi = ising.ground_state(n_spins, field)
        self.bits = free_fermions.sample(n_spins, field, n_shots, rng=rng.stream(seed, "shots"))
        self.start = Machine.random(n_spins, n_spins, seed=rng.child_seed(seed, "start"), scale=0.01)

    def infidelity(self, read: np.ndarray, errors: Readout | None = None) -> float:
        """One less the fidelity of a machine that is trained on what was read, with these errors in the likelihood."""
        found = readout.train(self.start, read, self.settings, readout=errors,
                              seed=rng.child_seed(self.seed, "training")).machine
        return 1 - metrics.fidelity(PositiveState(found).psi(), self.psi)

    def misread(self, one_if_zero: float, zero_if_one: float) -> dict[str, float]:
        """Infidelities where these errors, the same at every site, are ignored and where they are corrected."""
        errors = Readout.uniform(self.bits.shape[1], one_if_zero, zero_if_one)
        read = errors.misread(self.bits, rng=rng.stream(self.seed, "errors"))
        return {"ignored": self.infidelity(read), "corrected": self.infidelity(read, errors)}

    def with_gaps(self, share: float) -> dict[str, float]:
        """Infidelities where this share of the bits is missing: from the shots without a gap alone, and from all."""
        gaps = rng.stream(self.seed, "gaps").random(self.bits.shape) < share
        kept = self.bits[~gaps.any(axis=1)]
        if not len(kept):
            raise ValueError(f"expected some shots without a gap, got none of {len(self.bits)} at a share of {share}; "
                             "try fewer gaps or more shots")
        return {"left out": self.infidelity(kept),
                "summed over": self.infidelity(np.where(gaps, MISSING, self.bits).astype(np.uint8))}


def recovered(clean: Sequence[float], ignored: Sequence[float], corrected: Sequence[float]) -> tuple[float, float]:
    """The part of what errors cost in fidelity that their correction gives back, and its standard error over seeds.

    (<ignored> - <corrected>) / (<ignored> - <clean>), means of infidelities; the error to first order.
    """
    clean, ignored, corrected = (np.asarray(values, dtype=float) for values in (clean, ignored, corrected))
    lost, back = ignored - clean, ignored - corrected
    ratio = back.mean() / lost.mean()
    return float(ratio), float(np.std(back - ratio * lost, ddof=1) / np.sqrt(len(lost)) / abs(lost.mean()))
