"""Anchors of `learning_start`: a few steps of training from both starts on forty measurements, and twelve samples."""

from lib.experiments import learning_starts as module
from lib.rbm import layout, learning
from tests.anchors import _learning

experiment = module.learning_start
TOLERANCE, TOLERANCES = _learning.TOLERANCE, _learning.TOLERANCES
BASE = _learning.BASE | {"start": "laid out", "way": "PCD-1", "n_hidden": 3}
CASES = {"laid out": BASE, "random": BASE | {"start": "random"}, "symmetric": BASE | {"way": "symmetric"},
         "as it is, in float32": BASE, "laid out, torch": BASE, "beyond sums": BASE | {"n_spins": 19},
         "diverging": BASE | {"learning_rate": 1e39}}
OF_STARTS = {"NOISE": layout.NOISE, "size": layout.laid_out.__kwdefaults__, "STARTS": module.STARTS,
             "ways": learning.WAYS}
DEFAULTS = _learning.SAMPLED | OF_STARTS | {"keywords": experiment.__kwdefaults__}
PERTURBED = _learning.moved("laid out") | {"start": ("laid out", "random"), "way": ("laid out", "CD-1"),
                                           "n_hidden": ("laid out", 4)}
COUNTS = {}
COVERED = (module, layout)


def observe(case: str, settings: dict) -> dict:
    return _learning.observed(experiment, case, settings)
