"""Anchors of `magnetizations`: four steps of contrastive divergence on forty measurements, and eight samples."""

from lib.experiments import reconstruction as module
from tests.anchors import _chains
from tests.anchors._watch import watched

experiment = module.magnetizations
TOLERANCE, TOLERANCES = 1e-9, {"as it is, in float32": 1e-5}
BASE = {"n_spins": 6, "field": 1.0, "n_hidden": 5, "n_samples": 40, "epochs": 2, "batch_size": 20, "n_gibbs": 2,
        "learning_rate": 0.5, "final_learning_rate": 0.1, "n_evaluation": 8, "n_chains": 4, "seed": 1}
CASES = {"summed": BASE, "summed, torch": BASE, "as it is, in float32": BASE,
         "the last that is summed": BASE | {"n_spins": 16, "field": 0.7, "epochs": 1, "n_gibbs": 1},
         "free fermions": BASE | {"n_spins": 17, "field": 1.5, "epochs": 1},
         "free fermions, torch": BASE | {"n_spins": 20, "epochs": 1, "n_gibbs": 1, "seed": 2}}
DEFAULTS = {"training": _chains.SETTINGS, "MAX_SUMMED_SPINS": module.MAX_SUMMED_SPINS}
PERTURBED = {"n_spins": ("summed", 7), "field": ("summed", 1.001), "n_hidden": ("summed", 6),
             "n_samples": ("summed", 41), "epochs": ("summed", 3), "batch_size": ("summed", 19),
             "n_gibbs": ("summed", 1), "learning_rate": ("summed", 0.5001), "final_learning_rate": ("summed", 0.1001),
             "n_evaluation": ("summed", 12), "n_chains": ("summed", 5), "seed": ("summed", 3)}
COUNTS = {}
COVERED = (module,)


def observe(case: str, settings: dict) -> dict:
    with _chains.engine(case), watched(module, "train") as calls:
        results = experiment(**settings)
    return {**_chains.trained(calls), **results}
