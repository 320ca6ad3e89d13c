"""What a training has to say and to take back so that it can go on after an interrupt."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np


class Work(Protocol):
    """A training at work."""

    def training(self) -> dict:
        """What it trains on what, in what JSON can hold.

        Returns
        -------
        dict

        """

    def state(self) -> Any:
        """What is trained, as it is now: a copy.

        Returns
        -------
        Machine, or a state of two of them

        """

    def epoch(self, epoch: int) -> float | None:
        """Go through the data once.

        Parameters
        ----------
        epoch : int
            Counts from 1.

        Returns
        -------
        float or None
            The mean loss, if it is known.

        """

    def arrays(self) -> dict[str, np.ndarray]:
        """All that changes.

        Returns
        -------
        dict of str to ndarray
            By name.

        """

    def restore(self, arrays: dict[str, np.ndarray], epoch: int) -> None:
        """Go on where `arrays` was called.

        Parameters
        ----------
        arrays : dict of str to ndarray
            What `arrays` gave.
        epoch : int
            Epochs done by then.

        """


class Compiled:
    """The part of `Work` that all trainings by compiled loops share.

    What changes lies in four arrays.

    Attributes
    ----------
    parameters : ndarray
        All parameters in one vector.
    moments : ndarray
        Those of the optimizer.
    chains : ndarray
        Configurations of the chains.
    states : ndarray
        States of the random numbers.

    """

    parameters: np.ndarray
    moments: np.ndarray
    chains: np.ndarray
    states: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """All that changes, in its own memory.

        Returns
        -------
        dict of str to ndarray
            parameters, moments, chains and generators.

        """
        return {"parameters": self.parameters, "moments": self.moments, "chains": self.chains,
                "generators": self.states}

    def restore(self, arrays: dict[str, np.ndarray], epoch: int) -> None:
        """Go on where `arrays` was called.

        Parameters
        ----------
        arrays : dict of str to ndarray
            What `arrays` gave.
        epoch : int
            Epochs done by then.

        """
        for name, value in self.arrays().items():
            value[...] = arrays[name]


def described(settings) -> dict:
    """Settings as JSON holds them.

    Parameters
    ----------
    settings : dataclass
        Of any training.

    Returns
    -------
    dict
        By "settings", a dictionary of them by name.

    """
    return {"settings": {name: value.item() if isinstance(value, np.generic) else value
                         for name, value in asdict(settings).items()}}


def refuse_renewed(renew: object) -> None:
    """Refuse a training whose rows are drawn anew in every epoch, which no checkpoint holds.

    Parameters
    ----------
    renew : callable or None
        What draws them.

    Raises
    ------
    ValueError
        For anything but None; try to save its machine.

    """
    if renew is not None:
        raise ValueError("expected the same rows in every epoch for a checkpoint, got a training that draws them anew "
                         "(readout errors, missing sites); try to save its machine")


def digest(*arrays: np.ndarray) -> str:
    """A name of these numbers.

    Parameters
    ----------
    *arrays : ndarray
        Their precision and shapes count as well.

    Returns
    -------
    str
        SHA-256, in hexadecimal digits.

    """
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
