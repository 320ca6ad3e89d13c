"""Anchors of `learning_judged`: a few steps of training, and energies of a dozen samples after two burn-ins."""

from lib.experiments import learning_starts as module
from lib.rbm import layout, learning, tempering
from tests.anchors import _chains
from tests.anchors._learning import small
from tests.anchors._watch import watched

experiment = module.learning_judged
TOLERANCE, TOLERANCES = 1e-9, {"as it is, in float32": 1e-5}
BASE = {"start": "laid out", "way": "symmetric", "n_spins": 6, "field": 1.0, "n_hidden": 3, "n_samples": 40, "seed": 1,
        "burn_ins": [1, 3], "n_updates": 6, "batch_size": 20, "n_training_chains": 9, "learning_rate": 0.5,
        "final_learning_rate": 0.1, "n_evaluation": 12, "n_chains": 4, "thin": 2, "n_tempered": 12, "n_ladders": 4}
CASES = {"laid out": BASE, "random": BASE | {"start": "random"}, "PCD-1": BASE | {"way": "PCD-1"},
         "as it is, in float32": BASE, "laid out, torch": BASE, "diverging": BASE | {"learning_rate": 1e39}}
DEFAULTS = {"training": _chains.SETTINGS, "N_FRESH": learning.N_FRESH, "SCALE": learning.SCALE, "NOISE": layout.NOISE,
            "size": layout.laid_out.__kwdefaults__, "STARTS": module.STARTS, "ways": learning.WAYS,
            "REFUSED": tempering.REFUSED, "MOST_TEMPERATURES": tempering.MOST_TEMPERATURES,
            "tempered": {name: tempering.sample.__kwdefaults__[name] for name in ("burn_in", "thin")},
            "keywords": experiment.__kwdefaults__}
PERTURBED = {"start": ("laid out", "random"), "way": ("laid out", "CD-1"), "n_spins": ("laid out", 7),
             "field": ("laid out", 1.001), "n_hidden": ("laid out", 4), "n_samples": ("laid out", 41),
             "seed": ("laid out", 3), "burn_ins": ("laid out", [1, 4]), "n_updates": ("laid out", 8),
             "batch_size": ("laid out", 19), "n_training_chains": ("laid out", 10),
             "learning_rate": ("laid out", 0.5001), "final_learning_rate": ("laid out", 0.1001),
             "n_evaluation": ("laid out", 16), "n_chains": ("laid out", 3), "thin": ("laid out", 3),
             "n_tempered": ("laid out", 16), "n_ladders": ("laid out", 3)}
COUNTS = {}
COVERED = (module, layout)


def observe(case: str, settings: dict) -> dict:
    with small(case), watched(learning, "train") as calls:
        results = experiment(**settings)
    return {**_chains.trained(calls), **results}
