"""Anchors of `minimal_hidden_chain`: short searches on each chain, one that finds nothing, one that diverges."""

from lib.experiments import learning_chains as module
from lib.rbm import learning, quality
from tests.anchors import _chains, _learning

experiment = module.minimal_hidden_chain
TOLERANCE, TOLERANCES = _learning.TOLERANCE, _learning.TOLERANCES
UNUSED = ("field", "n_chains", "burn_in", "thin")  # of the recipe
BASE = {name: value for name, value in _learning.BASE.items() if name not in UNUSED} | {
    "model": "Ising", "parameter": 1.0, "eps": 0.45, "first": 2, "largest": 6, "n_seeds": 1}
CASES = {"Ising": BASE, "Ising, torch": BASE, "as it is, in float32": BASE,
         "long-range": BASE | {"model": "long-range", "parameter": 2.0},
         "XXZ": BASE | {"model": "XXZ", "parameter": 0.5, "eps": 1e-6, "n_seeds": 2},
         "diverging": BASE | {"learning_rate": 1e39}}
DEFAULTS = {"training": _chains.SETTINGS, "DEVIATIONS": quality.DEVIATIONS, "SCALE": learning.SCALE,
            "models": list(module.MODELS), "keywords": experiment.__kwdefaults__}
PERTURBED = _learning.moved("Ising", *UNUSED) | {
    "model": ("Ising", "long-range"), "parameter": ("Ising", 1.001), "eps": ("Ising", 1e-6), "first": ("Ising", 3),
    "largest": ("XXZ", 5), "n_seeds": ("XXZ", 1)}
COUNTS = {}
COVERED = (module, learning)


def observe(case: str, settings: dict) -> dict:
    return _learning.observed(experiment, case, settings)
