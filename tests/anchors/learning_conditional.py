"""Anchors of `learning_conditional`: a few steps of each kind of fit on forty measurements a field."""

from lib.experiments import learning_conditional as module
from lib.rbm import conditional

experiment = module.learning_conditional
TOLERANCE = 1e-7  # a line search may take another last digit
BASE = {"n_spins": 4, "fields": [0.5, 1.0, 2.0], "held_out": [0.7], "n_hidden": 2, "n_samples": 40, "together": True,
        "degree": 1, "seed": 1, "n_steps": 3}
CASES = {"together": BASE, "one machine a field": BASE | {"together": False}, "degree two": BASE | {"degree": 2},
         "nothing held out": BASE | {"held_out": []}, "longer": BASE | {"n_spins": 6, "n_hidden": 3}}
DEFAULTS = {"N_STARTS": module.N_STARTS, "keywords": experiment.__kwdefaults__,
            "scale": conditional.ConditionalMachine.random.__kwdefaults__}
PERTURBED = {"n_spins": ("together", 5), "fields": ("together", [0.5, 1.001, 2.0]), "held_out": ("together", [0.701]),
             "n_hidden": ("together", 3), "n_samples": ("together", 41), "together": ("together", False),
             "degree": ("together", 2), "seed": ("together", 3), "n_steps": ("together", 2)}
COUNTS = {}
COVERED = (module,)
DRAWS = False  # all sums are over all states


def observe(case: str, settings: dict) -> dict:
    return experiment(**settings)
