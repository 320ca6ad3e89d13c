"""Anchors of `learning_way`: a few steps of training in each way on forty measurements, and twelve samples."""

from lib.experiments import learning_ways as module
from lib.rbm import learning
from tests.anchors import _learning

experiment = module.learning_way
TOLERANCE, TOLERANCES = _learning.TOLERANCE, _learning.TOLERANCES
BASE = _learning.BASE | {"way": "PCD-1", "n_hidden": 3}
CASES = {**{way: BASE | {"way": way} for way in learning.WAYS}, "as it is, in float32": BASE, "PCD-1, torch": BASE,
         "beyond sums": BASE | {"n_spins": 19, "way": "CD-10"}, "diverging": BASE | {"learning_rate": 1e39}}
DEFAULTS = _learning.SAMPLED | {"ways": learning.WAYS, "keywords": experiment.__kwdefaults__}
PERTURBED = _learning.moved("PCD-1") | {"way": ("PCD-1", "CD-1"), "n_hidden": ("PCD-1", 4)}
COUNTS = {}
COVERED = (module, learning)


def observe(case: str, settings: dict) -> dict:
    return _learning.observed(experiment, case, settings)
