"""Anchors of `learning_run`: a few steps of training on forty measurements, twelve samples, and pruning after each."""

from lib.experiments import learning as module
from lib.rbm import learning, pruning, quality
from tests.anchors import _chains, _learning
from tests.anchors._watch import watched

experiment = module.learning_run
TOLERANCE, TOLERANCES = _learning.TOLERANCE, _learning.TOLERANCES
BASE = _learning.BASE | {"n_hidden": 4, "prune_updates": 4, "prune_rounds": 2, "eps": 0.43}
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
PERTURBED = _learning.moved("pruned") | {"n_hidden": ("pruned", 5), "prune_updates": ("pruned", 6),
                                         "prune_rounds": ("pruned", 1), "eps": ("pruned", 0.2)}
COUNTS = {}
COVERED = (module, learning)


def observe(case: str, settings: dict) -> dict:
    with watched(pruning, "train") as later:
        numbers = _learning.observed(experiment, case, settings)
    pruned = _chains.trained(later)
    return numbers | {name: [*numbers[name], *pruned[name]] for name in pruned}
