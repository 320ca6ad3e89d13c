"""Anchors of `learning_judged`: a few steps of training, and energies of a dozen samples after two burn-ins."""

from lib.experiments import learning_starts as module
from lib.rbm import layout, tempering
from tests.anchors import _learning
from tests.anchors.learning_start import BASE as TRAINED
from tests.anchors.learning_start import OF_STARTS
from tests.anchors.learning_start import PERTURBED as MOVED

experiment = module.learning_judged
TOLERANCE, TOLERANCES = _learning.TOLERANCE, _learning.TOLERANCES
TRAINED = {name: value for name, value in TRAINED.items() if name != "burn_in"}
BASE = TRAINED | {"way": "symmetric", "burn_ins": [1, 3], "n_tempered": 12, "n_ladders": 4}
CASES = {"laid out": BASE, "random": BASE | {"start": "random"}, "PCD-1": BASE | {"way": "PCD-1"},
         "as it is, in float32": BASE, "laid out, torch": BASE, "diverging": BASE | {"learning_rate": 1e39}}
DEFAULTS = _learning.CONSTANTS | OF_STARTS | {
    "REFUSED": tempering.REFUSED, "MOST_TEMPERATURES": tempering.MOST_TEMPERATURES,
    "tempered": {name: tempering.sample.__kwdefaults__[name] for name in ("burn_in", "thin")},
    "keywords": experiment.__kwdefaults__}
PERTURBED = {name: change for name, change in MOVED.items() if name != "burn_in"} | {
    "burn_ins": ("laid out", [1, 4]), "n_tempered": ("laid out", 16), "n_ladders": ("laid out", 3)}
COUNTS = {}
COVERED = (module, layout)


def observe(case: str, settings: dict) -> dict:
    return _learning.observed(experiment, case, settings)
