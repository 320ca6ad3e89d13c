"""Thirty-two machines at N=20 trained as one batch against the same machines trained one after another.

Both give the same bits (`tests/rbm/test_ensembles.py`). The peer of the rows on two cores is the batch on one core.
"""

from __future__ import annotations

import os
import statistics
import time

import numpy as np
import torch

from lib import rng
from lib.rbm.ensembles import train_ensemble
from lib.rbm.learning import RECIPE
from lib.rbm.machine import Machine
from lib.rbm.training import TrainingSettings, train
from lib.spins.free_fermions import sample
from lib.study.provenance import processor

N_MACHINES, N_VISIBLE, N_HIDDEN, N_ROWS = 32, 20, 10, 10_000
WAYS = {  # name in the table: settings
    "PCD-1, 128 chains": TrainingSettings(epochs=10, batch_size=RECIPE.batch_size, learning_rate=0.1, persistent=True,
                                          n_chains=RECIPE.n_training_chains),
    "CD-10": TrainingSettings(epochs=5, learning_rate=0.01, n_gibbs=10),
}


def seconds(side: str, machines: list[Machine], data: np.ndarray, settings: TrainingSettings) -> float:
    """Seconds of one training of all machines."""
    seeds = range(len(machines))
    began = time.perf_counter()
    if side == "alone":
        for machine, seed in zip(machines, seeds):
            train(machine, data, settings, seed=seed)
    else:
        train_ensemble(machines, data, settings, seeds=seeds, threads=2 if side == "two cores" else 1)
    return time.perf_counter() - began


def benchmark(quick: bool = False) -> list[dict]:
    """All rows of this group: medians of interleaved runs, in seconds a step of all machines."""
    torch.set_num_threads(1)
    data = sample(N_VISIBLE, 1.0, N_ROWS, rng=rng.stream(1, "benchmarks", "ensembles"))
    machines = [Machine.random(N_VISIBLE, N_HIDDEN, seed=seed, scale=0.01, symmetric_biases=True)
                for seed in range(N_MACHINES)]
    rows = []
    for way, settings in WAYS.items():
        times: dict[str, list[float]] = {"alone": [], "one core": [], "two cores": []}
        for side in ("alone", "one core"):  # compile, or load from the cache
            seconds(side, machines[:16], data[:200], settings)
        runs = 3 if quick else 9
        for _ in range(runs):
            for side, values in times.items():
                steps = settings.epochs * N_ROWS / settings.batch_size
                values.append(seconds(side, machines, data, settings) / steps)
        typical = {name: statistics.median(values) for name, values in times.items()}
        for ours, peer, words, goal, threads in (("one core", "alone", "one after another", 1.3, 1),
                                                 ("two cores", "one core", "the batch on one core", 1.8, 2)):
            rows.append({"name": f"{N_MACHINES} machines as one batch, N={N_VISIBLE}, N_h={N_HIDDEN}, {way}, {ours}",
                         "peer": f"ours, {words}", "ratio": typical[peer] / typical[ours], "goal": goal, "runs": runs,
                         "threads": threads, "dtype": settings.precision, "seconds_ours": typical[ours],
                         "seconds_peer": typical[peer], "unit": "seconds a step of all machines",
                         "machine": f"{processor()}, {os.cpu_count()} cores"})
    return rows
