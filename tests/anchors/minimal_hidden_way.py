"""Anchors of `minimal_hidden_way`: searches in three ways, one that finds nothing, and one that diverges."""

from lib.experiments import learning_ways as module
from lib.rbm import learning
from tests.anchors import _learning
from tests.anchors.minimal_hidden import BASE as SEARCHED
from tests.anchors.minimal_hidden import PERTURBED as MOVED

experiment = module.minimal_hidden_way
TOLERANCE, TOLERANCES = _learning.TOLERANCE, _learning.TOLERANCES
BASE = SEARCHED | {"way": "PCD-1"}
CASES = {"grows": BASE, "grows, torch": BASE, "symmetric": BASE | {"way": "symmetric"},
         "CD-10": BASE | {"way": "CD-10"}, "as it is, in float32": BASE,
         "finds nothing": BASE | {"eps": 1e-6, "n_seeds": 2}, "diverging": BASE | {"learning_rate": 1e39}}
DEFAULTS = _learning.SAMPLED | {"ways": learning.WAYS, "keywords": experiment.__kwdefaults__}
PERTURBED = MOVED | {"way": ("grows", "symmetric")}
COUNTS = {}
COVERED = (module, learning)


def observe(case: str, settings: dict) -> dict:
    return _learning.observed(experiment, case, settings)
