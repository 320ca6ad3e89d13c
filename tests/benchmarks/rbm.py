"""RBM training and energies against QuCumber 1.3.3, and persistent chains against scikit-learn, one thread each.

Data, epochs, batch size, k, chains and learning rate are equal. Times are of the processor, so that other programs on
the machine matter less.

QuCumber computes in float64. Its release pins an old torch but runs under ours when it is installed without
its dependencies; it goes into a folder under _build, from the package index that pip is configured for.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.neural_network import BernoulliRBM

from lib import rng
from lib.rbm.machine import Machine
from lib.rbm.metrics import fidelity
from lib.rbm.observables import energy
from lib.rbm.states import PositiveState
from lib.rbm.training import TrainingSettings, train
from lib.spins.free_fermions import sample
from lib.spins.measurements import read_psi, read_text
from lib.study.provenance import processor

ROOT = Path(__file__).resolve().parents[2]
PEER = "qucumber==1.3.3"
LEARNING_RATE, BATCH_SIZE, N_GIBBS = 0.01, 100, 10
VARIANTS = {  # name in the table: (precision, engine, epochs in a timed run)
    "numba float32": ("float32", "auto", 20),
    "numba float64": ("float64", "auto", 20),
    "torch float64": ("float64", "torch", 1),
}
PEER_EPOCHS = 2


def install_peer(package: str = PEER) -> None:
    """Put the peer package on the path, installed by pip into _build/peers if it is not there yet."""
    folder = ROOT / "_build" / "peers" / package.replace("==", "-")
    if not (folder / "qucumber" / "__init__.py").exists():
        print(f"installing {package} into {folder.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
                        "--target", str(folder), package], check=True)
    sys.path.insert(0, str(folder))


def start_peer(n_visible: int, n_hidden: int, seed: int) -> tuple[Any, Machine]:
    """QuCumber's state before training, and a machine of ours with the same weights and biases."""
    importlib.import_module("qucumber").set_random_seed(seed, cpu=True, gpu=False, quiet=True)
    states = importlib.import_module("qucumber.nn_states")
    state = states.PositiveWaveFunction(n_visible, n_hidden, gpu=False)
    weights, visible_bias, hidden_bias = (getattr(state.rbm_am, name).detach().clone()
                                          for name in ("weights", "visible_bias", "hidden_bias"))
    return state, Machine(weights.T.contiguous(), visible_bias, hidden_bias)


def train_peer(state, data: np.ndarray, epochs: int) -> float:
    """Seconds of QuCumber's training of `state`, in place."""
    rows = torch.from_numpy(data).to(torch.float64)
    began = time.process_time()
    state.fit(rows, epochs=epochs, pos_batch_size=BATCH_SIZE, lr=LEARNING_RATE, k=N_GIBBS, progbar=False)
    return time.process_time() - began


def train_ours(machine: Machine, data: np.ndarray, epochs: int, seed: int, precision: str,
               engine: str) -> tuple[float, Machine]:
    """The same for ours: seconds and the trained machine."""
    settings = TrainingSettings(epochs=epochs, batch_size=BATCH_SIZE, n_gibbs=N_GIBBS,
                                learning_rate=LEARNING_RATE, precision=precision, engine=engine)
    began = time.process_time()
    result = train(machine, data, settings, seed=seed)
    return time.process_time() - began, result.machine


def compare_speed(name: str, data: np.ndarray, n_hidden: int, goal: float, runs: int) -> list[dict]:
    """Medians of interleaved runs: each round times the peer and every variant of ours."""
    n_steps = -(-len(data) // BATCH_SIZE)
    state, machine = start_peer(data.shape[1], n_hidden, 0)
    for precision, engine, _ in VARIANTS.values():
        train_ours(machine, data[:BATCH_SIZE], 1, 0, precision, engine)  # compile, or load from the cache
    train_peer(state, data[:BATCH_SIZE], 1)
    peer: list[float] = []
    ours: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for run in range(runs):
        state, machine = start_peer(data.shape[1], n_hidden, run)
        peer.append(train_peer(state, data, PEER_EPOCHS) / (PEER_EPOCHS * n_steps))
        for variant, (precision, engine, epochs) in VARIANTS.items():
            seconds, _ = train_ours(machine, data, epochs, run, precision, engine)
            ours[variant].append(seconds / (epochs * n_steps))
    rows = []
    for variant, (precision, _, _) in VARIANTS.items():
        seconds_ours, seconds_peer = statistics.median(ours[variant]), statistics.median(peer)
        rows.append({"name": f"{name}, {variant}", "peer": PEER, "ratio": seconds_peer / seconds_ours,
                     "goal": goal if variant == "numba float32" else None, "runs": runs, "threads": 1,
                     "dtype": precision, "seconds_ours": seconds_ours, "seconds_peer": seconds_peer,
                     "unit": "seconds a step"})
    return rows


def compare_persistent(data: np.ndarray, n_hidden: int, runs: int) -> list[dict]:
    """The same against scikit-learn's BernoulliRBM in float32, whose chains are persistent and take a sweep a step."""
    epochs, packed = 20, data.astype(np.float32)
    name = f"scikit-learn=={importlib.metadata.version('scikit-learn')}"
    times: dict[str, list[float]] = {"peer": [], "float32": [], "float64": []}
    for run in range(-1, runs):  # the first one compiles, or loads from the cache, and does not count
        peer = BernoulliRBM(n_hidden, learning_rate=LEARNING_RATE, batch_size=BATCH_SIZE, n_iter=epochs,
                            random_state=run + 1)
        for side, values in times.items():
            settings = None if side == "peer" else TrainingSettings(
                epochs=epochs, batch_size=BATCH_SIZE, n_gibbs=1, learning_rate=LEARNING_RATE, persistent=True,
                n_chains=BATCH_SIZE, precision=side)
            machine = Machine.random(data.shape[1], n_hidden, seed=run + 1, scale=0.01)
            began = time.process_time()
            if settings is None:
                peer.fit(packed)
            else:
                train(machine, data, settings, seed=run + 1)
            if run >= 0:
                values.append((time.process_time() - began) / (epochs * (len(data) // BATCH_SIZE)))
    typical = {side: statistics.median(values) for side, values in times.items()}
    return [{"name": f"RBM step, N={data.shape[1]}, N_h={n_hidden}, PCD-1, batch 100, numba {side}", "peer": name,
             "ratio": typical["peer"] / typical[side], "goal": 5.0 if side == "float32" else None, "runs": runs,
             "threads": 1, "dtype": side, "seconds_ours": typical[side], "seconds_peer": typical["peer"],
             "unit": "seconds a step"} for side in ("float32", "float64")]


def compare_energy(data: np.ndarray, n_hidden: int, runs: int) -> dict:
    """Local energies of the critical chain, same bits and machine, in float64; QuCumber's by a sum of observables."""
    observables = importlib.import_module("qucumber.observables")
    n_spins = data.shape[1]
    state, machine = start_peer(n_spins, n_hidden, 1)
    theirs, ours = -n_spins * (observables.NeighbourInteraction() + observables.SigmaX()), PositiveState(machine)
    rows = torch.from_numpy(data).to(torch.float64)
    sides = {"peer": lambda: theirs.apply(state, rows).numpy(), "ours": lambda: energy(ours, data, 1.0)}
    np.testing.assert_allclose(sides["ours"](), sides["peer"](), rtol=1e-9)
    times: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(runs):
        for side, evaluate in sides.items():
            began = time.process_time()
            evaluate()
            times[side].append(time.process_time() - began)
    typical = {side: statistics.median(values) for side, values in times.items()}
    return {"name": f"energy of {len(data):,} samples, N={n_spins}, N_h={n_hidden}", "peer": PEER,
            "ratio": typical["peer"] / typical["ours"], "goal": 20.0, "runs": runs, "threads": 1, "dtype": "float64",
            "seconds_ours": typical["ours"], "seconds_peer": typical["peer"], "unit": "seconds"}


def compare_fidelity(data: np.ndarray, psi: np.ndarray, n_hidden: int, epochs: int, n_seeds: int) -> dict:
    """Fidelity with the exact state after equal training from equal weights: means over seeds.

    fidelity_error: standard error of the mean difference between float32 and the peer.
    """
    peer, single, double = [], [], []
    for seed in range(1, n_seeds + 1):
        state, machine = start_peer(data.shape[1], n_hidden, seed)
        train_peer(state, data, epochs)
        amplitudes = state.psi(state.generate_hilbert_space())[0].numpy()
        peer.append(fidelity(amplitudes / np.linalg.norm(amplitudes), psi))
        for values, precision in ((single, "float32"), (double, "float64")):
            trained = train_ours(machine, data, epochs, seed, precision, "auto")[1]
            values.append(fidelity(PositiveState(trained), psi))
    differences = [ours - theirs for ours, theirs in zip(single, peer, strict=True)]
    return {"epochs": epochs, "seeds": n_seeds, "peer": statistics.mean(peer),
            "float32": statistics.mean(single), "float64": statistics.mean(double),
            "error": statistics.stdev(differences) / math.sqrt(n_seeds)}


def benchmark(quick: bool = False) -> list[dict]:
    """All rows of this group. quick: fewer runs and no fidelities, to see that it works."""
    torch.set_num_threads(1)
    install_peer()
    folder = ROOT / "data/measurements/qucumber"
    data, psi = read_text(folder / "tfim1d_data.txt", 10), read_psi(folder / "tfim1d_psi.txt", 10)
    wide = sample(50, 1.0, 10_000, rng=rng.stream(1, "benchmarks", "rbm"))
    runs = 3 if quick else 9
    small = compare_speed("RBM step, N=10, N_h=10, k=10, batch 100", data, 10, 10.0, runs)
    rows = small + compare_speed("RBM step, N=50, N_h=25, k=10, batch 100", wide, 25, 20.0, runs)
    rows += compare_persistent(wide, 25, runs) + [compare_energy(wide, 25, runs)]
    if not quick:
        quality = compare_fidelity(data, psi, 10, epochs=200, n_seeds=5)
        for row in small[:2]:
            row |= {"fidelity_ours": quality[row["dtype"]], "fidelity_peer": quality["peer"],
                    "fidelity_error": quality["error"], "epochs": quality["epochs"],
                    "seeds": quality["seeds"]}
    for row in rows:
        row["machine"] = f"{processor()}, {os.cpu_count()} cores"
    return rows
