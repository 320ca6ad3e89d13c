"""Anchors of `minimal_hidden`: searches that shrink, that grow and bisect, that find nothing, and that diverge."""

from lib.experiments import learning as module
from lib.rbm import learning
from tests.anchors import _learning

experiment = module.minimal_hidden
TOLERANCE, TOLERANCES = _learning.TOLERANCE, _learning.TOLERANCES
BASE = _learning.BASE | {"eps": 0.45, "first": 2, "largest": 6, "n_seeds": 1}
CASES = {"grows": BASE, "grows, torch": BASE, "as it is, in float32": BASE, "shrinks": BASE | {"eps": 1e6, "first": 6},
         "finds nothing": BASE | {"eps": 1e-6, "n_seeds": 2}, "diverging": BASE | {"learning_rate": 1e39},
         "beyond sums": BASE | {"n_spins": 19, "first": 3, "n_seeds": 2, "seed": 2}}
DEFAULTS = _learning.SAMPLED | {"keywords": experiment.__kwdefaults__}
PERTURBED = _learning.moved("grows") | {"eps": ("grows", 1e-6), "first": ("grows", 3),
                                        "largest": ("finds nothing", 5), "n_seeds": ("grows", 2)}
COUNTS = {}
COVERED = (module, learning)


def observe(case: str, settings: dict) -> dict:
    return _learning.observed(experiment, case, settings)
