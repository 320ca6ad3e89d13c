"""What the anchors of chapter 6 share: their few steps, what moves them, and how they are watched."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from unittest import mock

from lib.experiments.learning import chain_of
from lib.rbm import learning, quality
from tests.anchors import _chains
from tests.anchors._watch import watched

N_FRESH = 30
TOLERANCE, TOLERANCES = 1e-9, {"as it is, in float32": 1e-5}
#: A few steps of training on forty measurements, and twelve samples.
BASE = {"n_spins": 6, "field": 1.0, "n_samples": 40, "seed": 1, "n_updates": 6, "batch_size": 20,
        "n_training_chains": 9, "learning_rate": 0.5, "final_learning_rate": 0.1, "n_evaluation": 12, "n_chains": 4,
        "burn_in": 3, "thin": 2}
#: Of the same settings, a value that moves the numbers.
MOVED = {"n_spins": 7, "field": 1.001, "n_samples": 41, "seed": 3, "n_updates": 8, "batch_size": 19,
         "n_training_chains": 10, "learning_rate": 0.5001, "final_learning_rate": 0.1001, "n_evaluation": 16,
         "n_chains": 3, "burn_in": 4, "thin": 3}
#: Constants that all experiments of chapter 6 rest on.
CONSTANTS = {"training": _chains.SETTINGS, "N_FRESH": learning.N_FRESH, "SCALE": learning.SCALE}
SAMPLED = CONSTANTS | {"MAX_SUMMED_SPINS": quality.MAX_SUMMED_SPINS, "DEVIATIONS": quality.DEVIATIONS}


def moved(case: str, *without: str) -> dict[str, tuple]:
    """PERTURBED of an anchor by one case, for all settings of `BASE` but those named."""
    return {name: (case, value) for name, value in MOVED.items() if name not in without}


def observed(experiment: Callable, case: str, settings: dict) -> dict:
    """Results, and the machines on the way to them."""
    with small(case), watched(learning, "train") as calls:
        results = experiment(**settings)
    return {**_chains.trained(calls), **results}


@contextlib.contextmanager
def small(case: str) -> Iterator[None]:
    """What a case runs in."""
    chain_of.cache_clear()
    with _chains.engine(case), mock.patch.object(learning, "N_FRESH", N_FRESH):
        yield
    chain_of.cache_clear()
