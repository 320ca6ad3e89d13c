"""Anchors of `minimal_hidden_chain`: short searches on each chain, one that finds nothing, one that diverges."""

from lib.experiments import learning_chains as module
from lib.rbm import learning, quality
from tests.anchors import _chains
from tests.anchors._learning import small
from tests.anchors._watch import watched

experiment = module.minimal_hidden_chain
TOLERANCE, TOLERANCES = 1e-9, {"as it is, in float32": 1e-5}
BASE = {"model": "Ising", "n_spins": 6, "parameter": 1.0, "n_samples": 40, "eps": 0.45, "first": 2, "largest": 6,
        "n_seeds": 1, "seed": 1, "n_updates": 6, "batch_size": 20, "n_training_chains": 9, "learning_rate": 0.5,
        "final_learning_rate": 0.1, "n_evaluation": 12}
CASES = {"Ising": BASE, "Ising, torch": BASE, "as it is, in float32": BASE,
         "long-range": BASE | {"model": "long-range", "parameter": 2.0},
         "XXZ": BASE | {"model": "XXZ", "parameter": 0.5, "eps": 1e-6, "n_seeds": 2},
         "diverging": BASE | {"learning_rate": 1e39}}
DEFAULTS = {"training": _chains.SETTINGS, "DEVIATIONS": quality.DEVIATIONS, "SCALE": learning.SCALE,
            "models": list(module.MODELS), "keywords": experiment.__kwdefaults__}
PERTURBED = {"model": ("Ising", "long-range"), "n_spins": ("Ising", 7), "parameter": ("Ising", 1.001),
             "n_samples": ("Ising", 41), "eps": ("Ising", 1e-6), "first": ("Ising", 3), "largest": ("XXZ", 5),
             "n_seeds": ("XXZ", 1), "seed": ("Ising", 3), "n_updates": ("Ising", 8), "batch_size": ("Ising", 19),
             "n_training_chains": ("Ising", 10), "learning_rate": ("Ising", 0.5001),
             "final_learning_rate": ("Ising", 0.1001), "n_evaluation": ("Ising", 16)}
COUNTS = {}
COVERED = (module, learning)


def observe(case: str, settings: dict) -> dict:
    with small(case), watched(learning, "train") as calls:
        results = experiment(**settings)
    return {**_chains.trained(calls), **results}
