"""Training of complex states against QuCumber 1.3.3: equal data, bases, batch size, k and learning rate.

Both compute in float64 and complex128 on one thread, with CD-k from rows along z. Further rows have our exact negative
phase, which QuCumber has not during training.
"""

from __future__ import annotations

import importlib
import os
import statistics
import time

import numpy as np
import torch

from lib import rng
from lib.rbm.complex_state import ComplexState
from lib.rbm.complex_training import StateSettings, fit
from lib.spins import bases, vectors
from lib.spins.bases import Measurements
from lib.spins.measurements import read_bases, read_text
from lib.study.provenance import processor
from tests.benchmarks.rbm import PEER, ROOT, install_peer

LEARNING_RATE = 0.01
OUR_EPOCHS = 20


def two_qubits() -> Measurements:
    """The data of QuCumber's tutorial."""
    folder = ROOT / "data/measurements/qucumber"
    return bases.measured(read_text(folder / "qubits_train.txt", 2), read_bases(folder / "qubits_train_bases.txt", 2))


def of_random_state(n_spins: int, kind: str, n_rows: int) -> Measurements:
    """Outcomes of a random state in random Pauli bases or in bases that turn one spin, a tenth of them along z."""
    draw = rng.stream(1, "benchmarks", kind, n_spins)
    names = bases.random_bases(n_rows, n_spins, rng=draw) if kind == "random" else \
        list(draw.choice(bases.single_site_bases(n_spins), n_rows))
    names[::10] = ["Z" * n_spins] * len(names[::10])
    return bases.sample(vectors.random_state(n_spins, rng=draw), names, rng=draw)


def peer_seconds(data: Measurements, n_hidden: int, batch_size: int, n_gibbs: int) -> float:
    """Seconds of one epoch of QuCumber."""
    importlib.import_module("qucumber").set_random_seed(1, cpu=True, gpu=False, quiet=True)
    state = importlib.import_module("qucumber.nn_states").ComplexWaveFunction(data.n_spins, n_hidden, gpu=False)
    rows = torch.from_numpy(data.bits).to(torch.float64)
    letters = np.array([list(name) for name in data.bases()])
    began = time.perf_counter()
    state.fit(rows, epochs=1, pos_batch_size=batch_size, neg_batch_size=batch_size, lr=LEARNING_RATE, k=n_gibbs,
              input_bases=letters, progbar=False)
    return time.perf_counter() - began


def our_seconds(data: Measurements, n_hidden: int, batch_size: int, n_gibbs: int, negative_phase: str) -> float:
    """Seconds of one epoch of ours, from a training of many."""
    settings = StateSettings(epochs=OUR_EPOCHS, batch_size=batch_size, learning_rate=LEARNING_RATE, n_gibbs=n_gibbs,
                             negative_phase=negative_phase)
    return fit(ComplexState.random(data.n_spins, n_hidden, seed=1), data, settings, seed=1).seconds / OUR_EPOCHS


def compare(name: str, data: Measurements, n_hidden: int, batch_size: int, n_gibbs: int, goal: float,
            runs: int) -> list[dict]:
    """Medians of interleaved runs, in seconds a step."""
    n_steps = -(-data.n_samples // batch_size)
    sides = {"sampled": [], "exact": [], "peer": []}
    for phase in ("sampled", "exact"):
        our_seconds(data, n_hidden, batch_size, n_gibbs, phase)  # compile, or load from the cache
    for _ in range(runs):
        sides["peer"].append(peer_seconds(data, n_hidden, batch_size, n_gibbs) / n_steps)
        for phase in ("sampled", "exact"):
            sides[phase].append(our_seconds(data, n_hidden, batch_size, n_gibbs, phase) / n_steps)
    peer = statistics.median(sides["peer"])
    return [{"name": f"{name}, {words}", "peer": PEER, "ratio": peer / statistics.median(sides[phase]),
             "goal": goal if phase == "sampled" else None, "runs": runs, "threads": 1, "dtype": "complex128",
             "seconds_ours": statistics.median(sides[phase]), "seconds_peer": peer, "unit": "seconds a step"}
            for phase, words in (("sampled", f"CD-{n_gibbs}"), ("exact", "negative phase summed"))]


def benchmark(quick: bool = False) -> list[dict]:
    """All rows of this group. quick: one run each."""
    torch.set_num_threads(1)
    install_peer()
    runs = 1 if quick else 5
    rows = compare("complex state, two qubits of the tutorial, batch 10", two_qubits(), 2, 10, 5, 200.0, runs)
    rows += compare("complex state, random bases, N=N_h=6, batch 100", of_random_state(6, "random", 300), 6, 100, 10,
                    200.0, runs)
    rows += compare("complex state, single-site bases, N=N_h=8, batch 100", of_random_state(8, "single", 500), 8, 100,
                    10, 100.0, runs)
    for row in rows:
        row["machine"] = f"{processor()}, {os.cpu_count()} cores"
    return rows
