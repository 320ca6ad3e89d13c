"""CPU seconds of training until the fidelity with the exact state is 0.99, against NetKet 3.23, on QuCumber's data.

Those are 10,000 outcomes along z of the critical Ising chain of ten spins. Each side has the settings that served it
best of those tried, and as many hidden units as spins; ours draws CD-10 chains, NetKet independent samples, or it sums
over all configurations. Fidelities are off the clock, as is compiling: NetKet's is in a field of its own, ours is done
before, once for all sizes and settings.
"""

from __future__ import annotations

import math
import os
import statistics
import time

import torch

from lib.rbm.machine import Machine
from lib.rbm.metrics import fidelity
from lib.rbm.training import TrainingSettings, steps
from lib.spins.measurements import read_psi, read_text
from lib.study.provenance import processor
from tests.benchmarks import peer
from tests.benchmarks.rbm import ROOT

PINS = ("netket==3.23.0", "jax==0.10.2", "jaxlib==0.10.2", "flax==0.12.8", "optax==0.2.8")
PEER_WAYS = {"samples": "100 samples a step", "sums": "sums over all states"}  # as in netket_peer.py
ENOUGH, N_SEEDS, GOAL = 0.99, 5, 50.0
OURS = {"epochs": 60, "n_gibbs": 10, "learning_rate": 0.3, "final_learning_rate": 0.003}
PEER_STEPS = 3000


def seconds_to(data, psi, precision: str, seed: int) -> float:
    """CPU seconds of our training until the fidelity is reached; infinite where it is not."""
    training = steps(Machine.random(10, 10, seed=seed, scale=0.01, symmetric_biases=True), data,
                     TrainingSettings(precision=precision, **OURS), seed=seed)
    taken = 0.0
    while True:
        began = time.process_time()
        step = next(training, None)
        taken += time.process_time() - began
        if step is None:
            return math.inf
        if fidelity(step.state, psi) >= ENOUGH:
            return taken


def benchmark(quick: bool = False) -> list[dict]:
    """All rows of this group: medians over seeds, which take turns."""
    torch.set_num_threads(1)
    folder = ROOT / "data/measurements/qucumber"
    files = folder / "tfim1d_data.txt", folder / "tfim1d_psi.txt"
    data, psi = read_text(files[0], 10), read_psi(files[1], 10)
    python = peer.environment("netket", PINS, with_dependencies=True)
    theirs: dict[str, list[float]] = {way: [] for way in PEER_WAYS}
    ours: dict[str, list[float]] = {"float32": [], "float64": []}
    for precision in ours:  # compile, or load from the cache
        list(steps(Machine.random(10, 10, seed=1), data[:100], TrainingSettings(epochs=1, precision=precision), seed=1))
    process = peer.Peer(python, "netket_peer.py", *files, ENOUGH, PEER_STEPS)
    try:
        for seed in range(1, 2 if quick else N_SEEDS + 1):
            for way, values in theirs.items():
                values.append(process.seconds(f"{way} {seed}"))
            for precision, values in ours.items():
                values.append(seconds_to(data, psi, precision, seed))
    finally:
        process.close()
    rows = []
    for (way, words), compiling in zip(PEER_WAYS.items(), process.said, strict=True):
        for precision, values in ours.items():
            seconds_ours, seconds_peer = statistics.median(values), statistics.median(theirs[way])
            rows.append({"name": f"to fidelity {ENOUGH} with the Ising chain of ten spins, {precision}, "
                                 f"NetKet with {words}", "peer": PINS[0], "ratio": seconds_peer / seconds_ours,
                         "goal": GOAL if (way, precision) == ("samples", "float32") else None, "runs": len(values),
                         "threads": 1, "dtype": precision, "seconds_ours": seconds_ours, "seconds_peer": seconds_peer,
                         "seconds_peer_compiling": float(compiling), "unit": "CPU seconds of training",
                         "machine": f"{processor()}, {os.cpu_count()} cores"})
    return rows
