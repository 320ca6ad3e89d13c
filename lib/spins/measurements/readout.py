"""Readout errors: how often a bit is read as the other one, given or counted in shots of known states.

A device that should read the bits s reads r with the probability prod_i C_i[r_i | s_i]; errors at different sites are
independent of each other. Nothing is corrected here: the training takes the errors into the likelihood of what was
read (`lib.rbm.readout`). A site that was not read at all (MISSING) is one whose reading favours neither value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.checks import as_array, as_floats
from lib.spins.measurements.checking import short, table, wrong
from lib.spins.measurements.documents import read_json
from lib.spins.measurements.shots import LIMIT, MISSING


@dataclass(frozen=True, eq=False, repr=False)
class Readout:
    """Errors of each site.

    Attributes
    ----------
    one_if_zero, zero_if_one : ndarray of float64, shape (n_sites,), 0 to 1
        Chances to read 1 where 0 is true, and 0 where 1 is true.

    Raises
    ------
    ValueError
        For chances outside of 0 to 1, and for chances whose sum is 1 or more, naming the site,
        whose reading would say nothing.

    """

    one_if_zero: np.ndarray
    zero_if_one: np.ndarray

    def __post_init__(self):
        for name in ("one_if_zero", "zero_if_one"):
            values = as_floats(getattr(self, name), name, shape=("n_sites",), finite=True)
            if not ((values >= 0) & (values <= 1)).all():
                site = int(np.argmax((values < 0) | (values > 1)))
                raise ValueError(f"expected {name} as chances from 0 to 1, got {values[site]:g} at site {site}; try "
                                 "0.02")
            object.__setattr__(self, name, values)
        if len(self.one_if_zero) != len(self.zero_if_one):
            raise ValueError(f"expected as many sites in both, got {len(self.one_if_zero)} and "
                             f"{len(self.zero_if_one)}; try Readout.uniform")
        total = self.one_if_zero + self.zero_if_one
        if (total >= 1).any():
            site = int(np.argmax(total >= 1))
            raise ValueError("expected chances of both errors with a sum below 1, got "
                             f"{self.one_if_zero[site]:g} + {self.zero_if_one[site]:g} at site {site}; try the bits "
                             "exchanged, if 0 stands for 1, or to leave that site out")

    def __repr__(self) -> str:
        return f"Readout({self.n_sites} sites, {self.one_if_zero.mean():.3g} 0 -> 1, "\
            f"{self.zero_if_one.mean():.3g} 1 -> 0)"

    @property
    def n_sites(self) -> int:
        """Sites."""
        return len(self.one_if_zero)

    @staticmethod
    def uniform(n_sites: int, one_if_zero: float, zero_if_one: float) -> Readout:
        """The same errors at every site.

        Parameters
        ----------
        n_sites : int
            How many.
        one_if_zero, zero_if_one : float, 0 to 1
            As of the class.

        Returns
        -------
        Readout

        Raises
        ------
        ValueError
            As of the class.

        """
        return Readout(np.full(n_sites, one_if_zero), np.full(n_sites, zero_if_one))

    @staticmethod
    def calibrated(zeros, ones) -> Readout:
        """From shots of two known states.

        k errors in n shots count as a chance of (k + 1/2) / (n + 1): none seen is no proof of none.

        Parameters
        ----------
        zeros, ones : array_like of 0 and 1, shape (n_shots, n_sites) each
            Read where 0, and where 1, was prepared at every site.

        Returns
        -------
        Readout

        Raises
        ------
        ValueError
            As of the class, and for what are no bits.

        """
        zeros, ones = table(zeros, "shots of 0"), table(ones, "shots of 1")
        one_if_zero = (zeros.sum(0) + 0.5) / (len(zeros) + 1)
        return Readout(one_if_zero, (len(ones) - ones.sum(0, dtype=np.int64) + 0.5) / (len(ones) + 1))

    def redrawn(self, n_zeros: int, n_ones: int, *, rng: np.random.Generator) -> Readout:
        """Errors that these counts allow as well, for error bars.

        They are drawn from beta distributions, as after so many shots of 0 and of 1. Their means
        are those of `calibrated`, (k + 1/2) / (n + 1); sums of 1 and more are drawn again.

        Parameters
        ----------
        n_zeros, n_ones : int
            Shots of 0 and of 1 in which the errors were counted.
        rng : numpy.random.Generator
            Draws them.

        Returns
        -------
        Readout

        Raises
        ------
        ValueError
            Where a hundred draws have sums of 1 and more; try more shots of known states.

        """
        for _ in range(100):
            found = [rng.beta((n + 1) * chance, (n + 1) * (1 - chance)) for chance, n in
                     ((self.one_if_zero, n_zeros), (self.zero_if_one, n_ones))]
            if (found[0] + found[1] < 1).all():
                return Readout(*found)
        raise ValueError("expected chances of errors that are known well enough to sum to less than 1, got "
                         f"{self} from {n_zeros} and {n_ones} shots; try more shots of known states")

    def ordered(self, places: Sequence[int]) -> Readout:
        """The errors of other columns.

        Parameters
        ----------
        places : sequence of int
            Columns of this one, counted from 0.

        Returns
        -------
        Readout

        """
        return Readout(self.one_if_zero[list(places)], self.zero_if_one[list(places)])

    def log_chances(self, bits: np.ndarray, true: np.ndarray | int, turned: np.ndarray | bool = False) -> np.ndarray:
        """ln C[read | true] of each bit.

        Parameters
        ----------
        bits : ndarray of uint8, shape (n_rows, n_sites)
            What was read, with MISSING.
        true : ndarray of 0 and 1, shape (n_rows, n_sites), or int
            The same without MISSING, or one value.
        turned : ndarray of bool, shape (n_rows, n_sites), or bool
            Where both are the opposite of the device's bits (`Shots.turned`), or one for all; False
            by default.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_sites)
            0 where nothing was read, -inf for what cannot be.

        """
        read, true = (bits == 1) ^ turned, (as_array(true, "true") != 0) ^ turned
        right = np.where(true, 1 - self.zero_if_one, 1 - self.one_if_zero)
        error = np.where(true, self.zero_if_one, self.one_if_zero)
        with np.errstate(divide="ignore"):
            return np.where(bits == MISSING, 0.0, np.log(np.where(read == true, right, error)))

    def ratios(self, bits: np.ndarray, turned: np.ndarray | bool = False) -> np.ndarray:
        """ln C[read | 1] - ln C[read | 0] of each bit: what its reading says for 1 against 0.

        Parameters
        ----------
        bits : ndarray of uint8, shape (n_rows, n_sites)
            What was read, with MISSING.
        turned : ndarray of bool, shape (n_rows, n_sites), or bool
            As in `log_chances`.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_sites)
            Infinite where surely, 0 where nothing was read.

        """
        with np.errstate(divide="ignore"):  # of what the device reads: a site has two values
            for_zero = np.log(self.zero_if_one) - np.log(1 - self.one_if_zero)
            for_one = np.log(1 - self.zero_if_one) - np.log(self.one_if_zero)
        found = np.where((bits == 1) ^ turned, for_one, for_zero)
        return np.where(bits == MISSING, 0.0, np.where(turned, -found, found))

    def misread(self, bits, *, rng: np.random.Generator) -> np.ndarray:
        """Bits as a device with these errors would read them.

        Parameters
        ----------
        bits : array_like of 0 and 1, shape (n_rows, n_sites)
            The true ones.
        rng : numpy.random.Generator
            Draws the errors.

        Returns
        -------
        ndarray of uint8, shape (n_rows, n_sites)

        Raises
        ------
        ValueError
            For what are no bits, and for another width.

        """
        bits = table(bits, "bits", n_sites=self.n_sites)
        chance = np.where(bits == 1, self.zero_if_one, self.one_if_zero)
        return bits ^ (rng.random(bits.shape) < chance)


def read_readout(path: Path | str, sites: Sequence[str], *, limit: int = LIMIT) -> Readout:
    """The errors that a JSON file tells.

    Parameters
    ----------
    path : str or Path
        One pair [chance to read 1 where 0 is true, 0 where 1 is true] for all sites, or {"site":
        pair}.
    sites : list of str
        Names of the columns.
    limit : int, bytes
        What the file may take in memory.

    Returns
    -------
    Readout

    Raises
    ------
    ValueError
        For a site without a pair, what is no pair, and chances that `Readout` refuses.

    """
    source = str(path)
    document = read_json(Path(path), limit)
    if isinstance(document, dict):
        absent = [site for site in sites if site not in document]
        if absent:
            raise wrong(source, f"errors of the sites {', '.join(sites[:12])}", f"none of {absent[0]!r}",
                        "a pair for each site, by its name")
        pairs = [document[site] for site in sites]
    else:
        pairs = [document] * len(sites)
    for site, pair in zip(sites, pairs):
        if not isinstance(pair, list) or len(pair) != 2 or any(isinstance(x, (bool, str, list, dict)) for x in pair):
            raise wrong(source, "a pair [chance of 1 where 0 is true, chance of 0 where 1 is true]", short(pair),
                        "[0.02, 0.05]", f"site {site!r}")
    return Readout(*np.array(pairs, dtype=np.float64).T)
