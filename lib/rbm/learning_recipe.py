"""The one recipe of chapter 6: how its machines are trained and judged."""

from __future__ import annotations

from dataclasses import dataclass, fields

from lib.checks import is_integer, require_count
from lib.rbm.training import TrainingSettings

#: Ways to train, by what they change in the recipe, which is "PCD-1". Steps of the natural gradient are of another size
#: than those of the plain one, so that it has a rate of its own.
WAYS = {"PCD-1": {}, "CD-1": {"persistent": False, "n_chains": None},
        "CD-10": {"persistent": False, "n_chains": None, "n_gibbs": 10},
        "tempered": {"persistent": False, "negative_phase": "tempered"}, "symmetric": {"symmetric": True},
        "natural gradient": {"optimizer": "natural", "damping": 0.1, "learning_rate": 0.1}}


@dataclass(frozen=True)
class Recipe:
    """How every machine of chapter 6 is trained and evaluated.

    Section 6.3.2 keeps one recipe for all N and h/J. The thesis names none of these numbers but C.

    Attributes
    ----------
    n_updates : int, >= 1
        Steps of PCD-1, whatever the number of samples.
    batch_size, n_training_chains : int, >= 1
        See `TrainingSettings`.
    learning_rate, final_learning_rate : float
        See `TrainingSettings`; the rate falls along a cosine.
    n_evaluation : int, >= 1
        Samples behind (6.2).
    n_chains : int, >= 1
        Gibbs chains that give them, from exact samples the training has not seen.
    burn_in, thin : int, >= 1
        Sweeps before the first draw, and from each draw to the next.

    Raises
    ------
    ValueError
        For counts below 1.

    """

    n_updates: int = 100_000
    batch_size: int = 100
    n_training_chains: int = 128
    learning_rate: float = 0.3
    final_learning_rate: float = 0.001
    n_evaluation: int = 100_000
    n_chains: int = 1000
    burn_in: int = 500
    thin: int = 10

    def __post_init__(self):
        for field in fields(self):
            if "rate" not in field.name:
                require_count(field.name, getattr(self, field.name), hint=f"{field.name}={field.default}")

    def training(self, n_samples: int, n_updates: int | None = None) -> TrainingSettings:
        """The settings that make about n_updates steps on this many samples.

        Parameters
        ----------
        n_samples : int
            At least a batch.
        n_updates : int or None
            None, the default: those of the recipe.

        Returns
        -------
        TrainingSettings
            Of whole epochs, at least one.

        Raises
        ------
        ValueError
            For fewer samples than a batch.

        """
        if not is_integer(n_samples) or n_samples < self.batch_size:
            raise ValueError(f"expected n_samples as an integer of at least a batch, {self.batch_size}, got "
                             f"{n_samples!r}; try n_samples={self.batch_size}")
        in_epoch = -(-n_samples // self.batch_size)
        return TrainingSettings(epochs=max(1, round((n_updates or self.n_updates) / in_epoch)),
                                batch_size=self.batch_size, learning_rate=self.learning_rate, persistent=True,
                                final_learning_rate=self.final_learning_rate, n_chains=self.n_training_chains)


RECIPE = Recipe()
