"""Training of complex states against QuCumber 1.3.3: equal data, bases, batch size, k and learning rate.

Both compute in float64 and complex128 on one thread, with CD-k from rows along z. Further rows have our exact negative
phase, which QuCumber has not during training. The last rows compare fidelities: a noisy W state of two qubits, which
QuCumber is slow to learn (its issue 145), from the same outcomes, each side with its own settings.
"""

from __future__ import annotations

import importlib
import itertools
import math
import os
import statistics
import time
from dataclasses import replace

import numpy as np
import torch

from lib import rng
from lib.rbm import rotations
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.complex_training import StateSettings, fit, train
from lib.rbm.metrics import fidelity
from lib.spins import bases, density, vectors
from lib.spins.bases import Measurements
from lib.spins.measurements import read_bases, read_psi, read_text
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


def of_mixed_state(n_spins: int, n_rows: int) -> Measurements:
    """Outcomes of a depolarized random state in all Pauli bases in turn."""
    draw = rng.stream(1, "benchmarks", "mixed", n_spins)
    names = ["".join(letters) for letters in itertools.product("XYZ", repeat=n_spins)]
    rho = density.depolarized(vectors.random_state(n_spins, rng=draw), 0.1)
    return bases.sample(rho, [names[row % len(names)] for row in range(n_rows)], rng=draw)


def peer_seconds(data: Measurements, n_hidden: int, batch_size: int, n_gibbs: int, mixed: bool) -> float:
    """Seconds of one epoch of QuCumber."""
    importlib.import_module("qucumber").set_random_seed(1, cpu=True, gpu=False, quiet=True)
    states = importlib.import_module("qucumber.nn_states")
    state = states.DensityMatrix(data.n_spins, n_hidden, n_hidden, gpu=False) if mixed else \
        states.ComplexWaveFunction(data.n_spins, n_hidden, gpu=False)
    rows = torch.from_numpy(data.bits).to(torch.float64)
    letters = np.array([list(name) for name in data.bases()])
    began = time.perf_counter()
    state.fit(rows, epochs=1, pos_batch_size=batch_size, neg_batch_size=batch_size, lr=LEARNING_RATE, k=n_gibbs,
              input_bases=letters, progbar=False)
    return time.perf_counter() - began


def our_seconds(data: Measurements, n_hidden: int, batch_size: int, n_gibbs: int, mixed: bool,
                negative_phase: str) -> float:
    """Seconds of one epoch of ours, from a training of many."""
    settings = StateSettings(epochs=OUR_EPOCHS, batch_size=batch_size, learning_rate=LEARNING_RATE, n_gibbs=n_gibbs,
                             negative_phase=negative_phase)
    start = MixedState.random(data.n_spins, n_hidden, n_ancillas=n_hidden, seed=1) if mixed else \
        ComplexState.random(data.n_spins, n_hidden, seed=1)
    return fit(start, data, settings, seed=1).seconds / OUR_EPOCHS


def compare(name: str, data: Measurements, n_hidden: int, batch_size: int, n_gibbs: int, goal: float,
            runs: int, mixed: bool = False) -> list[dict]:
    """Medians of interleaved runs, in seconds a step."""
    n_steps = -(-data.n_samples // batch_size)
    sides = {"sampled": [], "exact": [], "peer": []}
    for phase in ("sampled", "exact"):
        our_seconds(data, n_hidden, batch_size, n_gibbs, mixed, phase)  # compile, or load from the cache
    for _ in range(runs):
        sides["peer"].append(peer_seconds(data, n_hidden, batch_size, n_gibbs, mixed) / n_steps)
        for phase in ("sampled", "exact"):
            sides[phase].append(our_seconds(data, n_hidden, batch_size, n_gibbs, mixed, phase) / n_steps)
    peer = statistics.median(sides["peer"])
    return [{"name": f"{name}, {words}", "peer": PEER, "ratio": peer / statistics.median(sides[phase]),
             "goal": goal if phase == "sampled" else None, "runs": runs, "threads": 1, "dtype": "complex128",
             "seconds_ours": statistics.median(sides[phase]), "seconds_peer": peer, "unit": "seconds a step"}
            for phase, words in (("sampled", f"CD-{n_gibbs}"), ("exact", "negative phase summed"))]


def compare_time(data: Measurements, psi: np.ndarray, n_seeds: int) -> list[dict]:
    """CPU seconds to fidelity 0.99 with the tutorial's two qubits, at the thesis's settings on both sides.

    Medians over seeds, which take turns. Fidelities are taken after each epoch, off the clock.
    """
    enough, epochs = 0.99, 300
    plan = StateSettings(epochs=epochs, batch_size=10, learning_rate=0.05, n_gibbs=5, negative_phase="sampled")
    sides = {"CD-5": plan, "negative phase summed": replace(plan, negative_phase="exact"), "peer": None}
    times: dict[str, list[float]] = {side: [] for side in sides}
    for seed in range(n_seeds + 1):  # the first one compiles, or loads from the cache, and does not count
        for side, settings in sides.items():
            if settings is not None or seed:
                taken = peer_seconds_to(data, psi, enough, epochs, seed) if settings is None else \
                    our_seconds_to(data, psi, enough, settings, seed)
                times[side] += [taken] if seed else []
    typical = {side: statistics.median(values) for side, values in times.items()}
    return [{"name": f"complex state, two qubits of the tutorial, batch 10, {side}, to fidelity {enough}", "peer": PEER,
             "ratio": typical["peer"] / typical[side], "goal": 100.0 if side == "CD-5" else None, "runs": n_seeds,
             "threads": 1, "dtype": "complex128", "seconds_ours": typical[side], "seconds_peer": typical["peer"],
             "unit": "CPU seconds of training"} for side in ("CD-5", "negative phase summed")]


def our_seconds_to(data: Measurements, psi: np.ndarray, enough: float, settings: StateSettings, seed: int) -> float:
    """CPU seconds of our training until the fidelity is reached; infinite where it is not."""
    training, taken = train(ComplexState.random(2, 2, seed=seed), data, settings, seed=seed), 0.0
    while True:
        began = time.process_time()
        step = next(training, None)
        taken += time.process_time() - began
        if step is None:
            return math.inf
        if fidelity(step.state.psi(), psi) >= enough:
            return taken


def peer_seconds_to(data: Measurements, psi: np.ndarray, enough: float, epochs: int, seed: int) -> float:
    """The same for QuCumber, trained an epoch at a time: plain descent keeps nothing from one to the next."""
    importlib.import_module("qucumber").set_random_seed(seed, cpu=True, gpu=False, quiet=True)
    state, taken = importlib.import_module("qucumber.nn_states").ComplexWaveFunction(2, 2, gpu=False), 0.0
    rows, letters = torch.from_numpy(data.bits).to(torch.float64), np.array([list(name) for name in data.bases()])
    for _ in range(epochs):
        began = time.process_time()
        state.fit(rows, epochs=1, pos_batch_size=10, neg_batch_size=10, lr=0.05, k=5, input_bases=letters,
                  progbar=False)
        taken += time.process_time() - began
        real, imaginary = state.psi(state.generate_hilbert_space()).numpy()
        found = real + 1j * imaginary
        if fidelity(found / np.linalg.norm(found), psi) >= enough:
            return taken
    return math.inf


def noisy_w(n_shots: int) -> tuple[np.ndarray, Measurements]:
    """A W state of two qubits, each replaced by a random one with a chance of a tenth, in all nine bases."""
    rho = density.depolarized(vectors.w(2, [0.0, 0.8]), 0.1)
    names = [a + b for a in "XYZ" for b in "XYZ" for _ in range(n_shots)]
    return rho, bases.sample(rho, names, rng=rng.stream(1, "benchmarks", "noisy W", n_shots))


def peer_density_matrix(data: Measurements, epochs: int, seed: int) -> tuple[float, np.ndarray]:
    """Seconds of QuCumber with its tutorial's settings for density matrices, epochs apart, and what it found."""
    importlib.import_module("qucumber").set_random_seed(seed, cpu=True, gpu=False, quiet=True)
    state = importlib.import_module("qucumber.nn_states").DensityMatrix(2, 2, 2, gpu=False)
    rows, letters = torch.from_numpy(data.bits).to(torch.float64), np.array([list(name) for name in data.bases()])
    began = time.perf_counter()
    state.fit(rows, epochs=epochs, pos_batch_size=100, neg_batch_size=100, lr=10, k=10, input_bases=letters,
              progbar=False, optimizer=torch.optim.Adadelta, scheduler=torch.optim.lr_scheduler.StepLR,
              scheduler_args={"step_size": epochs // 4, "gamma": 0.5})
    seconds = time.perf_counter() - began
    basis = state.generate_hilbert_space()
    real, imaginary = (state.rho(basis, basis) / state.normalization(basis)).numpy()
    return seconds, real + 1j * imaginary


def our_density_matrix(data: Measurements, epochs: int, seed: int) -> tuple[float, np.ndarray]:
    """The same for ours: of six starts the one with the lowest loss."""
    settings = StateSettings(epochs=epochs, batch_size=50, optimizer="adam", learning_rate=0.05,
                             final_learning_rate=0.0005)
    began = time.perf_counter()
    starts = [fit(MixedState.random(2, 8, seed=own), data, settings, seed=own).state
              for own in (rng.child_seed(seed, "start", number) for number in range(6))]
    best = min(starts, key=lambda state: rotations.negative_log_likelihood(state, data))
    return time.perf_counter() - began, best.density_matrix().numpy()


def compare_noisy_w(n_shots: int, peer_epochs: int, our_epochs: int, n_seeds: int) -> dict:
    """Mean fidelities over seeds; the error is that of the mean difference."""
    rho, data = noisy_w(n_shots)
    our_density_matrix(data, 1, 0)  # compile, or load from the cache
    peer, ours = ([side(data, epochs, seed) for seed in range(1, n_seeds + 1)] for side, epochs in
                  ((peer_density_matrix, peer_epochs), (our_density_matrix, our_epochs)))
    theirs, mine = (np.array([min(1.0, density.fidelity(matrix, rho)) for _, matrix in side]) for side in (peer, ours))
    seconds = [statistics.median(time for time, _ in side) for side in (ours, peer)]
    error = float((mine - theirs).std(ddof=1) / np.sqrt(n_seeds)) if n_seeds > 1 else 0.0
    return {"name": f"noisy W state of two qubits, {n_shots} shots in each of nine bases", "peer": PEER, "goal": None,
            "ratio": seconds[1] / seconds[0], "runs": n_seeds, "threads": 1, "dtype": "complex128",
            "seconds_ours": seconds[0], "seconds_peer": seconds[1], "unit": "seconds a reconstruction",
            "fidelity_ours": float(mine.mean()), "fidelity_peer": float(theirs.mean()), "fidelity_error": error}


def benchmark(quick: bool = False) -> list[dict]:
    """All rows of this group. quick: one run each."""
    torch.set_num_threads(1)
    install_peer()
    runs = 1 if quick else 5
    rows = compare("complex state, two qubits of the tutorial, batch 10", two_qubits(), 2, 10, 5, 200.0, runs)
    psi = read_psi(ROOT / "data/measurements/qucumber/qubits_psi.txt", 2)
    rows += compare_time(two_qubits(), psi / np.linalg.norm(psi), 1 if quick else 5)
    rows += compare("complex state, random bases, N=N_h=6, batch 100", of_random_state(6, "random", 300), 6, 100, 10,
                    200.0, runs)
    rows += compare("complex state, single-site bases, N=N_h=8, batch 100", of_random_state(8, "single", 500), 8, 100,
                    10, 100.0, runs)
    rows += compare("density matrix, all Pauli bases, N=N_h=N_a=3, batch 100", of_mixed_state(3, 300), 3, 100, 10,
                    300.0, runs, mixed=True)
    rows += [compare_noisy_w(n_shots, *((4, 4, 1) if quick else (*epochs, 3)))
             for n_shots, epochs in ((100, (200, 300)), (1000, (24, 60)))]
    for row in rows:
        row["machine"] = f"{processor()}, {os.cpu_count()} cores"
    return rows
