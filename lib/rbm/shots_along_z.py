"""Shots along z for a machine to learn, and what can be expected of them: the first half of `lib.rbm.from_shots`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lib.spins import measurements

LEAST = 20  # shots along z, below which nothing is tried


@dataclass(frozen=True, eq=False)
class Data:
    """Shots along z, as they were read, in the meaning of `lib.conventions`.

    Attributes
    ----------
    bits : ndarray of uint8, shape (n_rows, n_sites)
        With MISSING.
    weights : ndarray of int64, shape (n_rows,)
        How often each row was counted.
    readout : lib.spins.measurements.Readout
        The errors of what the device called 0 and 1.
    turned : bool
        Whether that is the opposite of the bits here.
    known_shots : (int, int) or None
        How many shots of 0 and of 1 the errors were counted in, None where they are exact.

    """

    bits: np.ndarray
    weights: np.ndarray
    readout: measurements.Readout
    turned: bool
    known_shots: tuple[int, int] | None = None

    @property
    def n_shots(self) -> int:
        """Shots, each as often as it was counted."""
        return int(self.weights.sum())

    @property
    def errors(self) -> tuple[np.ndarray, np.ndarray]:
        """The chances to read 1 for 0, and 0 for 1, of the bits here: float64 (n_sites,) each."""
        found = self.readout.one_if_zero, self.readout.zero_if_one
        return found[::-1] if self.turned else found

    def spins(self) -> np.ndarray:
        """A number for each bit whose mean is that of the true spin.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_sites)
            NaN where it is missing.

        """
        for_zero, for_one = self.errors
        spins = 2 * (self.bits - for_zero) / (1 - for_zero - for_one) - 1
        return np.where(self.bits == measurements.MISSING, np.nan, spins)

    def means(self, values: np.ndarray) -> np.ndarray:
        """Means over the shots that have a value.

        Parameters
        ----------
        values : ndarray of float, shape (n_rows, n_columns)
            A number for each row, NaN where there is none.

        Returns
        -------
        ndarray of float64, shape (n_columns,)

        """
        weights = self.weights[:, None] * np.isfinite(values)
        return np.nansum(weights * values, 0) / weights.sum(0)

    def resampled(self, generator: np.random.Generator) -> Data:
        """As many shots, drawn from these with replacement.

        Parameters
        ----------
        generator : numpy.random.Generator
            Draws them.

        Returns
        -------
        Data
            With errors that their calibration allows as well.

        """
        counts = generator.multinomial(self.n_shots, self.weights / self.n_shots)
        errors = self.readout if self.known_shots is None else self.readout.redrawn(*self.known_shots, rng=generator)
        return replace(self, bits=self.bits[counts > 0], weights=counts[counts > 0], readout=errors)

    def starts(self, n_chains: int, generator: np.random.Generator) -> np.ndarray:
        """Rows drawn from the shots, with random bits in the gaps.

        Parameters
        ----------
        n_chains : int
            How many.
        generator : numpy.random.Generator
            Draws them.

        Returns
        -------
        ndarray of uint8, shape (n_chains, n_sites)

        """
        rows = self.bits[generator.choice(len(self.bits), n_chains, p=self.weights / self.n_shots)]
        return np.where(rows == measurements.MISSING, generator.integers(0, 2, rows.shape, dtype=np.uint8), rows)


def along_z(shots: measurements.Shots, errors: measurements.Readout | None = None,
            known_shots: tuple[int, int] | None = None) -> Data:
    """The shots that are along z at every site.

    Parameters
    ----------
    shots : lib.spins.measurements.Shots
        All of them; where the source names no bases, all count as along z.
    errors : lib.spins.measurements.Readout or None
        None, the default, means none.
    known_shots : (int, int) or None
        As of `Data`.

    Returns
    -------
    Data

    Raises
    ------
    ValueError
        Where they are too few, less than 20.

    """
    rows = np.ones(len(shots.bits), dtype=bool) if shots.bases is None else (shots.bases == "Z").all(axis=1)
    weights = np.ones(len(rows), dtype=np.int64) if shots.weights is None else shots.weights
    if weights[rows].sum() < LEAST:
        raise ValueError(f"expected at least {LEAST} shots along z at every site, got {weights[rows].sum()} of "
                         f"{shots.n_shots:,} in {shots.source}; try more shots, fewer sites (--order), or a complex "
                         "state for other bases")
    return Data(np.ascontiguousarray(shots.in_conventions(repeat=False)[rows]), weights[rows],
                errors or measurements.Readout.uniform(shots.n_sites, 0.0, 0.0), bool(shots.turned()[rows].any()),
                known_shots)


def prospects(shots: measurements.Shots, data: Data, n_hidden: int, error: float) -> list[str]:
    """What these shots can and cannot tell, before anything is trained.

    A model of P free parameters that is fitted to n shots is P / (2n) nats from the state on
    average, which for positive states is an infidelity P / (4n). Of bits read with errors the
    second is a lower bound.

    Parameters
    ----------
    shots : lib.spins.measurements.Shots
        All of them.
    data : Data
        Those along z.
    n_hidden : int
        Hidden units of the machine.
    error : float
        The standard error that is wanted of a mean spin, and the infidelity.

    Returns
    -------
    list of str
        Sentences.

    """
    n_shots, n_sites = data.n_shots, data.bits.shape[1]
    lines = []
    if shots.bases is None:
        lines.append("The source names no basis: all shots are taken for measurements along z.")
    elif n_shots < shots.n_shots:
        lines.append(f"{n_shots:,} of {shots.n_shots:,} shots are along z at every site; the others are not used here.")
    lines.append("One basis fixes the sizes of the amplitudes and no phases. They are taken for positive: what is said "
                 "of x, of energies and of entropies holds for a positive state only.")
    present = data.bits != measurements.MISSING
    counts = (data.weights[:, None] * present).sum(0)
    if not present.all():
        lines.append(f"{int(n_sites * n_shots - counts.sum()):,} of {n_sites * n_shots:,} bits are missing; the "
                     "training sums over their values: right for readings that chance lost, not for atoms that were "
                     "absent while the others evolved.")
    if gone := shots.dropped.get("shots with an empty site"):
        lines.append(f"{gone:,} shots with an empty site are left out; --missing keep sums over what it could be.")
    for_zero, for_one = data.errors
    if (for_zero + for_one).any():
        lines.append(f"Readout errors, on average {for_zero.mean():.2g} for a bit 0 and {for_one.mean():.2g} for a bit "
                     "1, are part of the likelihood, in which those of different sites are independent.")
    else:
        lines.append("No readout errors are given (--readout, --calibration): each bit is taken for true.")
    share = data.means(np.where(present, data.bits, np.nan))
    variance = 4 * share * (1 - share) / (1 - for_zero - for_one) ** 2
    worst = int(np.argmax(variance / counts))
    reached = math.sqrt(variance[worst] / counts[worst])
    text = f"A mean spin is known to {reached:.2g} from {n_shots:,} shots"
    if reached > error:  # of which as many have that site as here
        needed = math.ceil(variance[worst] / error**2 * n_shots / counts[worst])
        text += f", not to the {error:g} asked for, which would take {needed:,}"
    lines.append(text + ".")
    free = n_sites * n_hidden + n_sites + n_hidden
    free = min(free, 2**n_sites - 1) if n_sites < 60 else free
    infidelity = free / (4 * n_shots)
    text = f"{free:,} free parameters learnt from them leave an infidelity of about {min(1.0, infidelity):.2g}"
    if infidelity > error:
        text += f"; {error:g} would take {math.ceil(free / (4 * error)):,} shots, or fewer hidden units"
    lines.append(text + (", and more for the errors." if (for_zero + for_one).any() else "."))
    constant = int((variance == 0).sum())
    if constant:
        lines.append(f"{constant} sites never changed: the shots do not tell whether they can.")
    return lines
