"""Anchors of `minimal_hidden_broken`: short searches on chains with broken symmetry, and one that diverges."""

from lib.experiments import learning_chains as module
from lib.rbm import learning, quality
from tests.anchors import _chains
from tests.anchors._learning import small
from tests.anchors._watch import watched

experiment = module.minimal_hidden_broken
TOLERANCE, TOLERANCES = 1e-7, {"as it is, in float32": 1e-5}  # DMRG stops short of the last digits
BASE = {"n_spins": 6, "field": 0.7, "n_samples": 40, "eps": 0.45, "first": 2, "largest": 6, "n_seeds": 1, "seed": 1,
        "n_updates": 6, "batch_size": 20, "n_training_chains": 9, "learning_rate": 0.5, "final_learning_rate": 0.1,
        "n_evaluation": 12, "n_chains": 4, "burn_in": 3, "thin": 2}
CASES = {"grows": BASE, "grows, torch": BASE, "as it is, in float32": BASE,
         "finds nothing": BASE | {"eps": 1e-6, "n_seeds": 2, "n_spins": 7}, "diverging": BASE | {"learning_rate": 1e39}}
DEFAULTS = {"training": _chains.SETTINGS, "DEVIATIONS": quality.DEVIATIONS, "N_FRESH": learning.N_FRESH,
            "SCALE": learning.SCALE, "BOND_DIMENSION": module.BOND_DIMENSION, "keywords": experiment.__kwdefaults__}
PERTURBED = {"n_spins": ("grows", 7), "field": ("grows", 0.701), "n_samples": ("grows", 41), "eps": ("grows", 1e-6),
             "first": ("grows", 3), "largest": ("finds nothing", 5), "n_seeds": ("finds nothing", 1),
             "seed": ("grows", 3), "n_updates": ("grows", 8), "batch_size": ("grows", 19),
             "n_training_chains": ("grows", 10), "learning_rate": ("grows", 0.5001),
             "final_learning_rate": ("grows", 0.1001), "n_evaluation": ("grows", 16), "n_chains": ("grows", 3),
             "burn_in": ("grows", 4), "thin": ("grows", 3)}
COUNTS = {}
COVERED = (module, learning)


def observe(case: str, settings: dict) -> dict:
    module._measured.cache_clear()  # made with fewer fresh samples here
    with small(case), watched(learning, "train") as calls:
        results = experiment(**settings)
    module._measured.cache_clear()
    # The energy of DMRG stands still to rounding; what is linear in the state, and zero here, then to the root of that.
    results["plain magnetization"] = round(results["plain magnetization"], 6)
    return {**_chains.trained(calls), **results}
