"""Optimizers beside each other: seconds of training until the fidelity with the exact state is 0.99, on the same data.

The data are QuCumber's of the critical Ising chain of ten spins. Each optimizer has the learning rate, of several a
factor of three apart, at which it needed the fewest epochs, and the rate falls along the same cosine. The natural
gradient with its Fisher matrix from the hundred chains is left out: it did not get there in these epochs.
"""

from __future__ import annotations

import math
import os
import statistics

import torch

from lib.rbm.machine import Machine
from lib.rbm.metrics import fidelity
from lib.rbm.training import TrainingSettings, steps
from lib.spins.measurements import read_psi, read_text
from lib.study.provenance import processor
from tests.benchmarks.rbm import ROOT

ENOUGH, EPOCHS, N_SEEDS = 0.99, 60, 5
PLAIN = "plain descent"
WAYS = {  # name in the table: settings
    PLAIN: {"learning_rate": 0.3},
    "momentum 0.9": {"optimizer": "momentum", "learning_rate": 0.03},
    "Adam": {"optimizer": "adam", "learning_rate": 0.01},
    "natural gradient, negative phase summed": {"optimizer": "natural", "learning_rate": 0.1, "damping": 0.001,
                                                "negative_phase": "exact"},
}


def seconds_to(data, psi, options: dict, seed: int) -> tuple[float, int]:
    """Seconds of training until the fidelity is reached, and epochs; infinite where it is not."""
    how = {"epochs": EPOCHS, "final_learning_rate": options["learning_rate"] / 100}
    how |= {} if "negative_phase" in options else {"n_gibbs": 10}
    for step in steps(Machine.random(10, 10, seed=seed, scale=0.01, symmetric_biases=True), data,
                      TrainingSettings(**how | options), seed=seed):
        if fidelity(step.state, psi) >= ENOUGH:
            return step.seconds, step.epoch
    return math.inf, EPOCHS


def benchmark(quick: bool = False) -> list[dict]:
    """All rows of this group: medians over seeds, which take turns. The peer is plain descent."""
    torch.set_num_threads(1)
    folder = ROOT / "data/measurements/qucumber"
    data, psi = read_text(folder / "tfim1d_data.txt", 10), read_psi(folder / "tfim1d_psi.txt", 10)
    for options in WAYS.values():  # compile, or load from the cache; the first step is the start
        list(steps(Machine.random(10, 10, seed=1), data[:100], TrainingSettings(epochs=1, **options), seed=1))
    found: dict[str, list[tuple[float, int]]] = {way: [] for way in WAYS}
    for seed in range(1, 2 if quick else N_SEEDS + 1):
        for way, options in WAYS.items():
            found[way].append(seconds_to(data, psi, options, seed))
    typical = {way: statistics.median(seconds for seconds, _ in runs) for way, runs in found.items()}
    rows = []
    for way, runs in found.items():
        rows.append({"name": f"to fidelity {ENOUGH} with the Ising chain of ten spins, {way}", "peer": f"ours, {PLAIN}",
                     "ratio": typical[PLAIN] / typical[way], "goal": None, "runs": len(runs), "threads": 1,
                     "dtype": "float32", "seconds_ours": typical[way], "seconds_peer": typical[PLAIN],
                     "unit": "seconds of training", "epochs": statistics.median(epochs for _, epochs in runs),
                     "machine": f"{processor()}, {os.cpu_count()} cores"})
    return rows
