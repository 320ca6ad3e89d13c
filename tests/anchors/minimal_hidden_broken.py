"""Anchors of `minimal_hidden_broken`: short searches on chains with broken symmetry, and one that diverges."""

from lib.experiments import learning_chains as module
from lib.rbm import learning, quality
from tests.anchors import _learning

experiment = module.minimal_hidden_broken
TOLERANCE, TOLERANCES = 1e-7, _learning.TOLERANCES  # DMRG stops short of the last digits
BASE = _learning.BASE | {"field": 0.7, "eps": 0.45, "first": 2, "largest": 6, "n_seeds": 1}
CASES = {"grows": BASE, "grows, torch": BASE, "as it is, in float32": BASE,
         "finds nothing": BASE | {"eps": 1e-6, "n_seeds": 2, "n_spins": 7}, "diverging": BASE | {"learning_rate": 1e39}}
DEFAULTS = _learning.CONSTANTS | {"DEVIATIONS": quality.DEVIATIONS, "BOND_DIMENSION": module.BOND_DIMENSION,
                                  "keywords": experiment.__kwdefaults__}
PERTURBED = _learning.moved("grows") | {"field": ("grows", 0.701), "eps": ("grows", 1e-6), "first": ("grows", 3),
                                        "largest": ("finds nothing", 5), "n_seeds": ("finds nothing", 1)}
COUNTS = {}
COVERED = (module, learning)


def observe(case: str, settings: dict) -> dict:
    module._measured.cache_clear()  # made with fewer fresh samples here
    numbers = _learning.observed(experiment, case, settings)
    module._measured.cache_clear()
    # The energy of DMRG stands still to rounding; what is linear in the state, and zero here, then to the root of that.
    return numbers | {"plain magnetization": round(numbers["plain magnetization"], 6)}
