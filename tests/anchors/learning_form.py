"""Anchors of `learning_form`: a few steps of fits to the exact state."""

from lib.experiments import learning_starts as module
from lib.rbm import conditional, layout

experiment = module.learning_form
TOLERANCE = 1e-7  # a line search may take another last digit
BASE = {"n_spins": 5, "field": 1.0, "n_hidden": 2, "start": "laid out", "seed": 1, "n_steps": 3}
CASES = {"laid out": BASE, "random": BASE | {"start": "random"}, "ferromagnet": BASE | {"field": 0.5, "n_hidden": 1},
         "longer": BASE | {"n_spins": 7, "n_hidden": 3}}
DEFAULTS = {"STARTS": module.STARTS, "NOISE": layout.NOISE, "size": layout.laid_out.__kwdefaults__,
            "keywords": experiment.__kwdefaults__,
            "scale": conditional.ConditionalMachine.random.__kwdefaults__}
PERTURBED = {"n_spins": ("laid out", 6), "field": ("laid out", 1.001), "n_hidden": ("laid out", 3),
             "start": ("laid out", "random"), "seed": ("laid out", 3), "n_steps": ("laid out", 2)}
COUNTS = {}
COVERED = (module, layout)
DRAWS = False  # all sums are over all states


def observe(case: str, settings: dict) -> dict:
    return experiment(**settings)
