"""What an audit compares, by experiment: which results, which parts of the code take turns, what points are made of.

All of it is fixed before a point is drawn (:mod:`lib.study.audits`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lib.study.record_lines import Computed, Point
from lib.study.scatter import ROUNDING


class Measures(NamedTuple):
    """Results that an audit compares: those that must agree to rounding, and those that scatter.

    log, logit: compared on these scales, where the scatter is about the same for all settings. Of a list the mean
    over its elements counts.
    """

    exact: tuple[str, ...]
    log: tuple[str, ...] = ()
    logit: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()


#: Experiments that search for the smallest machine, `lib.experiments.learning.searched`.
_SEARCHES = ("minimal_hidden", "minimal_hidden_broken", "minimal_hidden_chain", "minimal_hidden_way")
_STAGES = ("training", "control", "pruning", "same mask", "local mask", "random mask", "fewer units")
#: What counts, by experiment. Few, so that a shift of one is not lost among many; "best" over epochs, accuracies on
#: halves and training accuracies say again what these say. Experiments without an entry (`learning_judged`) have
#: records of fewer points than a verdict takes (`audits.LEAST`): no audit could say anything about them.
MEASURES = {
    "mnist_accuracy": Measures(("n_first", "n_last", "connectivity"), log=("train_loss",), logit=("final",)),
    "subset_accuracy": Measures(("n_first", "connectivity"), log=("train_loss",), logit=("final",)),
    "resnet_accuracy": Measures(("width", "n_weights", "connectivity", "multiply_adds"), log=("train_loss",),
                                logit=("final",)),
    # The estimate, the same against the proxy, and the exact value, which scatters by its masks and pairs.
    "kernel_distance": Measures(("connectivity",), log=("measured", "measured_proxy", "exact")),
    # Not the mean spin, whose sign at small fields is a matter of the seed alone.
    "magnetizations": Measures(("x exact", "energy exact"), logit=("fidelity",), plain=("energy", "x", "abs m")),
    # One error of each stage, over all its steps, and in pruning the correlations, which feel the mask most.
    "pruning_run": Measures(("exact energy",), log=(*(f"{stage} energy error" for stage in _STAGES),
                                                    "pruning correlation mse")),
    "learning_run": Measures(("exact energy",), log=("bound", "correlation mse")),
    "learning_way": Measures((), log=("bound",)),
    "learning_start": Measures((), log=("bound",)),
    "learning_form": Measures((), log=("energy error",)),
    "learning_summed": Measures((), log=("bound", "summed infidelity", "summed correlation mse")),
    "learning_conditional": Measures(("parameters",), log=("kl",)),
    # Of a single machine of a search (`PARTS`): what a search finds is a count of those.
    **dict.fromkeys(_SEARCHES, Measures((), log=("best bound",))),
}
#: The parts of an experiment that take turns, by its settings: code that only some points run.
BRANCHES: dict[str, Callable[[Mapping], tuple]] = {
    "mnist_accuracy": lambda s: (s["activation"], f"{'sparse' if s['last_connectivity'] < 1 else 'full'} last layer"),
    "subset_accuracy": lambda s: (s["normalization"], s["distribution"], "dense" if s["dense"] else "sparse"),
    "resnet_accuracy": lambda s: (s["way"], "widened" if s["factor"] > 1 else "base", f"{s['image_size']} pixels",
                                  s["device"]),
    "kernel_distance": lambda s: (s["data"], s["normalization"], s["distribution"]),
    "magnetizations": lambda s: (f"{s['n_spins']} spins", "summed" if s["n_spins"] <= 16 else "free fermions"),
    "pruning_run": lambda s: ("summed" if s["n_spins"] <= 18 else "sampled", s["criterion"] if s["n_steps"] else
                              "not pruned", "retrained" if s["retrain_after"] else "not retrained"),
    "learning_run": lambda s: ("summed" if s["n_spins"] <= 18 else "sampled",
                               "pruned" if s["prune_updates"] else "not pruned"),
    "minimal_hidden": lambda s: ("summed" if s["n_spins"] <= 18 else "sampled",),
    "minimal_hidden_broken": lambda s: (f"{s['n_spins']} spins",),
    "minimal_hidden_chain": lambda s: (s["model"],),
    "minimal_hidden_way": lambda s: (s["way"],),
    "learning_way": lambda s: (s["way"],),
    "learning_start": lambda s: (s["start"], s["way"]),
    "learning_form": lambda s: (s["start"],),
    "learning_summed": lambda s: (f"{s['n_spins']} spins",),
    "learning_conditional": lambda s: (f"degree {s['degree']}",),
}
_SCALES = {"log": lambda x: math.log(max(abs(x), 1e-300)), "plain": float,
           "logit": lambda p: math.log(max(p, 1e-6) / max(1 - p, 1e-6))}


def _machines(search: Point) -> Iterator[Point]:
    """The machines of a search, each as the point of a search of one size by one machine, with its share of the time.

    Its bound on the error is one that no machine reaches, so that it ends there. Searches of the same chain with
    several bounds have machines in common, which come out with equal settings.
    """
    tried = search.results
    for size, seed, bound in zip(tried["tried hidden"], tried["tried seed"], tried["tried bound"], strict=True):
        one = {"first": size, "largest": size, "n_seeds": 1, "seed": seed, "eps": 1e-12}
        yield replace(search, settings=search.settings | one, results={"best bound": bound},
                      core_seconds=search.core_seconds / len(tried["tried bound"]))


#: Experiments whose points are many runs: the runs of a point, each as a point that can be computed by itself.
PARTS: dict[str, Callable[[Point], Iterator[Point]]] = dict.fromkeys(_SEARCHES, _machines)


def branch_of(point: Computed) -> tuple:
    """The branch of a point."""
    return BRANCHES[point.experiment](point.settings)


def values_of(point: Computed) -> np.ndarray:
    """The results of a point that scatter, as one number each, NaN for those that it does not have."""
    found = []
    for kind, scale in _SCALES.items():
        for name in getattr(MEASURES[point.experiment], kind):
            value = (point.results or {}).get(name)
            numbers = [scale(x) for x in (value if isinstance(value, list) else [value]) if x is not None]
            found.append(np.mean(numbers) if numbers else np.nan)
    return np.array(found)


def agree(then: Computed, now: Computed, names: Iterable[str]) -> bool:
    """Whether some results of a point that was computed twice agree to rounding."""
    def same(a, b):
        if isinstance(a, list) and isinstance(b, list):
            return len(a) == len(b) and all(map(same, a, b))
        if isinstance(a, (int, float)) and isinstance(b, (int, float)):
            return abs(a - b) <= ROUNDING * max(1.0, abs(a))
        return a == b

    return all(name in then.results and same(then.results[name], (now.results or {}).get(name)) for name in names)
