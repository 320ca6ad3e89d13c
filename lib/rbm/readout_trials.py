"""Machines trained on shots with readout errors and missing sites, where these are ignored and where not.

The chain is the one of chapter 5, (5.2), whose ground state is known exactly; shots are drawn from it, misread or left
out at random, and a machine is trained on them in each of two ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lib import rng
from lib.rbm import metrics, readout, training
from lib.rbm.machine import Machine
from lib.rbm.states import PositiveState
from lib.spins import free_fermions, ising
from lib.spins.measurements import MISSING, Readout

if TYPE_CHECKING:
    import pandas as pd  # of the book


class Trial:
    """Shots of the ground state of one chain, and machines trained on them as they were read.

    As many hidden units as spins. One seed gives the shots, the start of the machines, and which
    bits are misread.

    Parameters
    ----------
    n_spins : int
        Length of the chain.
    field : float
        h/J.
    n_shots : int
        Shots along z.
    settings : lib.rbm.training.TrainingSettings
        How to train.
    seed : int, >= 0
        Fixes all of it.

    """

    def __init__(self, n_spins: int, field: float, n_shots: int, settings: training.TrainingSettings, seed: int):
        self.settings, self.seed, self.field = settings, seed, field
        _, self.psi = ising.ground_state(n_spins, field)
        self.bits = free_fermions.sample(n_spins, field, n_shots, rng=rng.stream(seed, "shots"))
        self.start = Machine.random(n_spins, n_spins, seed=rng.child_seed(seed, "start"), scale=0.01)

    def infidelity(self, read: np.ndarray, errors: Readout | None = None, *,
                   settings: training.TrainingSettings | None = None) -> float:
        """One less the fidelity of a machine that is trained on what was read.

        Parameters
        ----------
        read : ndarray of uint8, shape (n_rows, n_spins)
            Bits, or MISSING.
        errors : Readout or None
            Those in the likelihood, none by default.
        settings : TrainingSettings or None
            Of this training, if others than of the rest.

        Returns
        -------
        float

        """
        found = readout.train(self.start, read, settings or self.settings, readout=errors,
                              seed=rng.child_seed(self.seed, "training")).machine
        return 1 - metrics.fidelity(PositiveState(found).psi(), self.psi)

    def misread(self, one_if_zero: float, zero_if_one: float) -> dict[str, float]:
        """Infidelities where errors are ignored and where they are corrected.

        Parameters
        ----------
        one_if_zero, zero_if_one : float, 0 to 1
            The errors, the same at every site.

        Returns
        -------
        dict of str to float
            "ignored" and "corrected".

        """
        errors = Readout.uniform(self.bits.shape[1], one_if_zero, zero_if_one)
        read = errors.misread(self.bits, rng=rng.stream(self.seed, "errors"))
        return {"ignored": self.infidelity(read), "corrected": self.infidelity(read, errors)}

    def with_gaps(self, share: float) -> dict[str, float]:
        """Infidelities where a share of the bits is missing.

        Parameters
        ----------
        share : float, 0 to 1
            Of the bits.

        Returns
        -------
        dict of str to float
            "left out", from the shots without a gap alone, in as many steps, and "summed over", from all.

        Raises
        ------
        ValueError
            Where no shot is without a gap; try fewer gaps or more shots.

        """
        gaps = rng.stream(self.seed, "gaps").random(self.bits.shape) < share
        kept = self.bits[~gaps.any(axis=1)]
        if not len(kept):
            raise ValueError(f"expected some shots without a gap, got none of {len(self.bits)} at a share of {share}; "
                             "try fewer gaps or more shots")
        longer = round(self.settings.epochs * len(self.bits) / len(kept))  # as many steps for fewer shots
        return {"left out": self.infidelity(kept, settings=replace(self.settings, epochs=longer)),
                "summed over": self.infidelity(np.where(gaps, MISSING, self.bits).astype(np.uint8))}


def recovered(clean: Sequence[float], ignored: Sequence[float], corrected: Sequence[float]) -> tuple[float, float]:
    """The part of what errors cost in fidelity that their correction gives back.

    It is (<ignored> - <corrected>) / (<ignored> - <clean>), of means of infidelities.

    Parameters
    ----------
    clean, ignored, corrected : list of float
        Infidelities, one a seed.

    Returns
    -------
    part : float
    error : float
        Its standard error over seeds, to first order.

    """
    clean, ignored, corrected = (np.array(values, dtype=float) for values in (clean, ignored, corrected))
    lost, back = ignored - clean, ignored - corrected
    ratio = back.mean() / lost.mean()
    return float(ratio), float(np.std(back - ratio * lost, ddof=1) / np.sqrt(len(lost)) / abs(lost.mean()))


def spoilt(n_spins: int, n_shots: int, settings: training.TrainingSettings, strengths: Sequence[float],
           gap_shares: Sequence[float], n_seeds: int, seed: int) -> pd.DataFrame:
    """Machines trained on shots of the critical chain that are misread or have gaps, in each way of `Trial`.

    Parameters
    ----------
    n_spins : int
        Length of the chain.
    n_shots : int
        Shots along z.
    settings : TrainingSettings
        How to train.
    strengths : sequence of float
        Of the errors, in units of 0.02 (a one for a zero) and 0.05 (a zero for a one).
    gap_shares : sequence of float
        Shares of bits that are missing.
    n_seeds : int
        Trials.
    seed : int
        Of all of them.

    Returns
    -------
    pandas.DataFrame
        seed (its number), what ("readout" or "gaps"), share (of bits), way, infidelity.

    """
    import pandas as pd

    rows = []
    for number in range(n_seeds):
        trial = Trial(n_spins, 1.0, n_shots, settings, rng.child_seed(seed, "trial", number))
        rows.append((number, "readout", 0.0, "no errors", trial.infidelity(trial.bits)))
        for factor in strengths:
            found = trial.misread(0.02 * factor, 0.05 * factor)
            rows += [(number, "readout", 0.035 * factor, way, value) for way, value in found.items()]
        for share in gap_shares:
            rows += [(number, "gaps", share, way, value) for way, value in trial.with_gaps(share).items()]
    return pd.DataFrame(rows, columns=["seed", "what", "share", "way", "infidelity"])


def infidelities(table: pd.DataFrame, way: str, share: float) -> np.ndarray:
    """Those of one way and share of `spoilt`.

    Parameters
    ----------
    table : pandas.DataFrame
        `spoilt`.
    way : str
        Such as "corrected".
    share : float
        Of bits.

    Returns
    -------
    ndarray, shape (n_seeds,)
        In the order of the seeds.

    """
    part = table[(table.way == way) & np.isclose(table.share, share)]
    return part.sort_values("seed").infidelity.to_numpy()
