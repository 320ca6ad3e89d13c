"""How a ResNet-18 is trained: minibatches, rule and schedule (appendix A.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.checks import is_real, require_count

SCHEDULES = ("steps", "cosine", "triangle")


@dataclass(frozen=True)
class Settings:
    """How to train; the defaults are those of figure 3.6 (appendix A.3).

    Attributes
    ----------
    epochs : int, >= 1
        Passes through the images, each in a new random order; what is left over by whole
        minibatches is left out.
    batch_size : int, >= 2
        Images in a minibatch.
    learning_rate : float, >= 0
        The largest one of the schedule.
    momentum : float in [0, 1)
        Of stochastic gradient descent.
    weight_decay : float, >= 0
        Of stochastic gradient descent; it acts on every parameter, as in the thesis's public code.
    schedule : {"steps", "cosine", "triangle"}
        Of the learning rate. "steps" divides it by 10 after 1/6, 2/5 and 2/3 of the epochs (50, 120
        and 200 of 300), "cosine" lets it fall to 0 (table 3.1), "triangle" rises from 0 in the
        first fifth of all steps and falls to 0 in the rest (one cycle: for few epochs).
    pad : int, >= 0
        Pixels by which images are shifted at most, with flips.

    Raises
    ------
    ValueError
        For numbers out of range.

    """

    epochs: int = 300
    batch_size: int = 128
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "steps"
    pad: int = 4

    def __post_init__(self):
        for name, low in (("epochs", 1), ("batch_size", 2), ("pad", 0)):
            value = getattr(self, name)
            require_count(name, value, low)
        for name, high in (("learning_rate", np.inf), ("momentum", 1), ("weight_decay", np.inf)):
            value = getattr(self, name)
            if not is_real(value) or not 0 <= value < high:
                raise ValueError(f"expected {name} as a number from 0 to below {high}, got {value!r}; try {name}=0.1")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"expected schedule as one of {SCHEDULES}, got {self.schedule!r}; try schedule='steps'")

    def rate(self, step: int, n_steps: int) -> float:
        """The learning rate of a step.

        Parameters
        ----------
        step : int
            Counted from 0.
        n_steps : int
            In all epochs.

        Returns
        -------
        float

        """
        part = step / n_steps
        if self.schedule == "steps":
            return self.learning_rate * 0.1 ** sum(part >= drop for drop in (1 / 6, 2 / 5, 2 / 3))
        if self.schedule == "cosine":
            return self.learning_rate * (1 + np.cos(np.pi * part)) / 2
        part = (step + 0.5) / n_steps
        return self.learning_rate * min(part / 0.2, (1 - part) / 0.8)
