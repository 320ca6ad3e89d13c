"""Anchors of `learning_way`: a few steps of training in each way on forty measurements, and twelve samples."""

from lib.experiments import learning_ways as module
from lib.rbm import learning, quality
from tests.anchors import _chains
from tests.anchors._learning import small
from tests.anchors._watch import watched

experiment = module.learning_way
TOLERANCE, TOLERANCES = 1e-9, {"as it is, in float32": 1e-5}
BASE = {"way": "PCD-1", "n_spins": 6, "field": 1.0, "n_hidden": 3, "n_samples": 40, "seed": 1, "n_updates": 6,
        "batch_size": 20, "n_training_chains": 9, "learning_rate": 0.5, "final_learning_rate": 0.1, "n_evaluation": 12,
        "n_chains": 4, "burn_in": 3, "thin": 2}
CASES = {**{way: BASE | {"way": way} for way in learning.WAYS}, "as it is, in float32": BASE, "PCD-1, torch": BASE,
         "beyond sums": BASE | {"n_spins": 19, "way": "CD-10"}, "diverging": BASE | {"learning_rate": 1e39}}
DEFAULTS = {"training": _chains.SETTINGS, "MAX_SUMMED_SPINS": quality.MAX_SUMMED_SPINS,
            "DEVIATIONS": quality.DEVIATIONS, "N_FRESH": learning.N_FRESH, "SCALE": learning.SCALE,
            "ways": learning.WAYS, "keywords": experiment.__kwdefaults__}
PERTURBED = {"way": ("PCD-1", "CD-1"), "n_spins": ("PCD-1", 7), "field": ("PCD-1", 1.001), "n_hidden": ("PCD-1", 4),
             "n_samples": ("PCD-1", 41), "seed": ("PCD-1", 3), "n_updates": ("PCD-1", 8), "batch_size": ("PCD-1", 19),
             "n_training_chains": ("PCD-1", 10), "learning_rate": ("PCD-1", 0.5001),
             "final_learning_rate": ("PCD-1", 0.1001), "n_evaluation": ("PCD-1", 16), "n_chains": ("PCD-1", 3),
             "burn_in": ("PCD-1", 4), "thin": ("PCD-1", 3)}
COUNTS = {}
COVERED = (module, learning)


def observe(case: str, settings: dict) -> dict:
    with small(case), watched(learning, "train") as calls:
        results = experiment(**settings)
    return {**_chains.trained(calls), **results}
