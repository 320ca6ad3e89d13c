"""Anchors of `pruning_run`: a few steps of training and of pruning, by every criterion and both kinds of measures."""

import contextlib
from unittest import mock

from lib.experiments import pruning as module
from lib.pruning import bands, magnitude, schedule
from lib.rbm import pruning, quality
from tests.anchors import _chains
from tests.anchors._watch import watched

experiment = module.pruning_run
TOLERANCE, TOLERANCES = 1e-9, {"as it is, in float32": 1e-5}
BASE = {"n_spins": 6, "field": 1.0, "n_hidden": 4, "n_samples": 40, "epochs": 2, "measure_every": 1,
        "criterion": "magnitude", "n_steps": 4, "fine_tune_epochs": 1, "seed": 1, "first_fraction": 0.3,
        "step_fraction": 0.15, "n_control": 3, "retrain_after": [1, 3], "learning_rate": 0.5,
        "final_learning_rate": 0.1, "fine_tune_rate": 0.3, "fine_tune_final_rate": 0.1, "batch_size": 20,
        "n_training_chains": 9, "n_evaluation": 12, "n_chains": 4, "burn_in": 3, "thin": 2}
SHORT = {"n_steps": 2, "n_control": 1, "retrain_after": []}
LONG = BASE | SHORT | {"n_spins": 19, "n_hidden": 3, "epochs": 1, "first_fraction": 0.4}
# Trained until the means <v_i h_j> differ: else the variance of v_i h_j chooses as the weights alone do.
FISHER = {"criterion": "fisher", "epochs": 12, "learning_rate": 1.0, "n_steps": 5, "field": 0.7}
CASES = {"magnitude": BASE, "unit": BASE | SHORT | {"criterion": "unit", "seed": 2},
         "fisher": BASE | SHORT | FISHER | {"seed": 3},
         "random": BASE | SHORT | {"criterion": "random", "step_fraction": 0.0},
         "none": BASE | SHORT | {"criterion": "none", "n_control": 0},
         "without pruning": BASE | SHORT | {"n_steps": 0, "n_control": 2},
         "without fine-tuning": BASE | SHORT | {"fine_tune_epochs": 0, "n_steps": 6, "n_control": 2,
                                                "epochs": 4, "learning_rate": 1.0, "seed": 2},
         "magnitude, torch": BASE | {"retrain_after": [2], "n_steps": 2}, "as it is, in float32": BASE | SHORT,
         "sampled, fisher": LONG | FISHER,
         "sampled, torch": LONG | {"retrain_after": [2], "n_control": 2, "seed": 3},
         "diverging": BASE | {"fine_tune_rate": 1e39}}
DEFAULTS = {"training": _chains.SETTINGS, "MAX_SUMMED_SPINS": quality.MAX_SUMMED_SPINS,
            "fisher": [pruning.N_FISHER_SAMPLES, pruning.N_FISHER_CHAINS], "keywords": experiment.__kwdefaults__}
PERTURBED = {"n_spins": ("magnitude", 7), "field": ("magnitude", 1.001), "n_hidden": ("magnitude", 5),
             "n_samples": ("magnitude", 41), "epochs": ("magnitude", 3), "measure_every": ("magnitude", 2),
             "criterion": ("magnitude", "unit"), "n_steps": ("magnitude", 3), "fine_tune_epochs": ("magnitude", 2),
             "seed": ("magnitude", 3), "first_fraction": ("magnitude", 0.4), "step_fraction": ("magnitude", 0.2),
             "n_control": ("magnitude", 2), "retrain_after": ("magnitude", [2]), "learning_rate": ("magnitude", 0.5001),
             "final_learning_rate": ("magnitude", 0.1001), "fine_tune_rate": ("magnitude", 0.3001),
             "fine_tune_final_rate": ("magnitude", 0.1001), "batch_size": ("magnitude", 19),
             "n_training_chains": ("magnitude", 10), "n_evaluation": ("sampled, fisher", 16),
             "n_chains": ("sampled, fisher", 3), "burn_in": ("sampled, fisher", 4), "thin": ("sampled, fisher", 3)}
COUNTS = {}
COVERED = (module, pruning, quality, bands, magnitude, schedule)


def observe(case: str, settings: dict) -> dict:
    module._chain.cache_clear()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_chains.engine(case))
        # A hundred thousand draws pass some threshold by less than rounding.
        stack.enter_context(mock.patch.multiple(pruning, N_FISHER_SAMPLES=24, N_FISHER_CHAINS=4))
        calls = [stack.enter_context(watched(owner, "train")) for owner in (module, pruning)]
        results = experiment(**settings)
    results["failure"] = results["failure"] is not None  # its words may be put better
    module._chain.cache_clear()
    short = {name: _condensed(value) for name, value in results.items()}
    return {**_chains.trained([call for several in calls for call in several]), **short}


def _condensed(value: object) -> object:
    """Of a list of lists, such as a histogram at each step, one weighted sum for each; what is None counts as -1."""
    if not isinstance(value, list) or not any(isinstance(row, list) for row in value):
        return value
    return [row and sum((-1 if number is None else number) / (place + 1) for place, number in enumerate(row))
            for row in value]
