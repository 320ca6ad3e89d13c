"""Anchors of `kernel_distance`: few pairs of inputs of every kind, two or three nets."""

from lib.experiments import kernel_distance as module
from lib.kernels import distance, sparse
from lib.models.mlp import parametrization
from tests.anchors._watch import small_mnist, watched

experiment = module.kernel_distance
TOLERANCE = 1e-9
BASE = {"data": "digits", "normalization": "global", "width": 20, "n_first": 100, "distribution": "normal",
        "n_pairs": 30, "n_starts": 3, "proxy_width": 0, "n_masks": 16, "seed": 1}
CASES = {"digits": BASE, "digits, proxy": BASE | {"proxy_width": 30, "normalization": "pixel"},
         "digits, uniform": BASE | {"distribution": "uniform", "normalization": "minibatch", "proxy_width": 25},
         "gaussian": BASE | {"data": "gaussian", "n_first": 300, "n_starts": 2},
         "gaussian, crowded": BASE | {"data": "gaussian", "normalization": "pixel", "width": 5, "n_first": 1200},
         "mnist": BASE | {"data": "mnist", "normalization": "minibatch", "n_first": 400},
         "mnist, whole": BASE | {"data": "mnist", "normalization": "pixel", "width": 4, "n_first": 4 * 784},
         "more pairs than go at a time": BASE | {"n_pairs": 510, "width": 12}}
DEFAULTS = {"TEST_BLOCK": module.TEST_BLOCK}
PERTURBED = {"data": ("digits", "gaussian"), "normalization": ("digits", "pixel"), "width": ("digits", 21),
             "n_first": ("digits", 101), "distribution": ("digits", "uniform"), "n_pairs": ("digits", 31),
             "n_starts": ("digits", 4), "proxy_width": ("digits, proxy", 31), "n_masks": ("digits", 24),
             "seed": ("digits", 2)}
COUNTS = {}
COVERED = (module, distance, parametrization)


def observe(case: str, settings: dict) -> dict:
    for cache in (module.inputs, module._proxy):
        cache.cache_clear()
    with small_mnist(30, 50), watched(module, "measured_distance") as calls, \
            watched(sparse, "expected_distance") as exact:
        results = experiment(**settings)
    for cache in (module.inputs, module._proxy):
        cache.cache_clear()
    # The squared bias is a small difference: it counts beside the distance that it is a part of.
    parts = [results.pop(name) for name in ("exact", "exact_error", "exact_bias", "exact_variance")]
    return {"distances": [call.result.tolist() for call in calls], "exact": parts, "calls": len(exact), **results}
