"""Anchors of `learning_summed`: a few steps of training, and sums over all states of six and of nineteen spins."""

from lib.experiments import learning_starts as module
from lib.rbm import quality
from lib.spins import ising
from tests.anchors import _learning

experiment = module.learning_summed
TOLERANCE, TOLERANCES = _learning.TOLERANCE, _learning.TOLERANCES
BASE = _learning.BASE | {"n_hidden": 3}
CASES = {"PCD-1": BASE, "PCD-1, torch": BASE, "as it is, in float32": BASE,
         "more than others sum": BASE | {"n_spins": 19}, "diverging": BASE | {"learning_rate": 1e39}}
DEFAULTS = _learning.SAMPLED | {"MAX_SPINS": ising.MAX_SPINS, "keywords": experiment.__kwdefaults__}
PERTURBED = _learning.moved("PCD-1") | {"n_hidden": ("PCD-1", 4)}
COUNTS = {}
COVERED = (module, quality)


def observe(case: str, settings: dict) -> dict:
    return _learning.observed(experiment, case, settings)
