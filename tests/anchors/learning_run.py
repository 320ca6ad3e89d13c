"""Anchors of `learning_run`: a few steps of training on forty measurements, twelve samples, and pruning after each."""

from lib.experiments import learning as module
from lib.rbm import learning, pruning, quality
from tests.anchors import _chains
from tests.anchors._learning import small
from tests.anchors._watch import watched

experiment = module.learning_run
TOLERANCE, TOLERANCES = 1e-9, {"as it is, in float32": 1e-5}
BASE = {"n_spins": 6, "field": 1.0, "n_hidden": 4, "n_samples": 40, "seed": 1, "n_updates": 6, "prune_updates": 4,
        "prune_rounds": 2, "eps": 0.43, "batch_size": 20, "n_training_chains": 9, "learning_rate": 0.5,
        "final_learning_rate": 0.1, "n_evaluation": 12, "n_chains": 4, "burn_in": 3, "thin": 2}
LONG = BASE | {"n_spins": 19, "n_hidden": 3, "prune_updates": 0}
CASES = {"pruned": BASE, "pruned, torch": BASE, "as it is, in float32": BASE,
         "to the last weight": BASE | {"n_hidden": 2, "eps": 1e6, "seed": 2},
         "not learnt": BASE | {"eps": 1e-6}, "not pruned": BASE | {"prune_updates": 0, "n_updates": 7},
         "beyond sums": LONG, "beyond sums, torch": LONG | {"field": 0.7, "seed": 3},
         "diverging": BASE | {"learning_rate": 1e39}}
DEFAULTS = {"training": _chains.SETTINGS, "MAX_SUMMED_SPINS": quality.MAX_SUMMED_SPINS,
            "DEVIATIONS": quality.DEVIATIONS, "N_FRESH": learning.N_FRESH, "N_RANKS": module.N_RANKS,
            "pruning": [module.FIRST_FRACTION, module.STEP_FRACTION, module.FINE_TUNE_RATE, learning.SCALE],
            "keywords": experiment.__kwdefaults__}
PERTURBED = {"n_spins": ("pruned", 7), "field": ("pruned", 1.001), "n_hidden": ("pruned", 5),
             "n_samples": ("pruned", 41), "seed": ("pruned", 3), "n_updates": ("pruned", 8),
             "prune_updates": ("pruned", 6), "prune_rounds": ("pruned", 1), "eps": ("pruned", 0.2),
             "batch_size": ("pruned", 19), "n_training_chains": ("pruned", 10), "learning_rate": ("pruned", 0.5001),
             "final_learning_rate": ("pruned", 0.1001), "n_evaluation": ("pruned", 16), "n_chains": ("pruned", 3),
             "burn_in": ("pruned", 4), "thin": ("pruned", 3)}
COUNTS = {}
COVERED = (module, learning)


def observe(case: str, settings: dict) -> dict:
    with small(case), watched(learning, "train") as first, watched(pruning, "train") as later:
        results = experiment(**settings)
    return {**_chains.trained([*first, *later]), **results}
