"""Samples of a matrix product state against the samplers of TeNPy 1.1.1 and quimb 1.16.0, one thread each.

All three measure the same tensors, the critical Ising chain of 100 spins at bond dimension 32, in the z basis. The
others take one sample after another, ours all at once, which is what the ratio measures. TeNPy comes with the extra
"dmrg"; quimb gets an environment of its own under _build, from the package index that pip is configured for.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lib import rng
from lib.spins import chains, dmrg, mps, mps_averages, mps_files, mps_samples
from lib.study.provenance import processor

ROOT = Path(__file__).resolve().parents[2]
QUIMB, TENPY = "quimb==1.16.0", "physics-tenpy==1.1.1"
N_SPINS, BOND, N_SAMPLES, PROMISED = 100, 32, 100_000, 5.0


def install_quimb() -> Path:
    """The Python of an environment with quimb, which is made by pip in _build/peers if it is not there."""
    folder = ROOT / "_build" / "peers" / QUIMB.replace("==", "-")
    if not list(folder.glob("lib/python*/site-packages/quimb/__init__.py")):
        print(f"installing {QUIMB} into {folder.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(folder / "bin/python"), "-m", "pip", "install", "--quiet", QUIMB], check=True)
    return folder / "bin/python"


class Quimb:
    """quimb in its own process."""

    def __init__(self, state: mps.MatrixProductState):
        # Without PYTHONPATH and the like, so that it finds its own packages alone.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        with tempfile.TemporaryDirectory() as folder:
            mps_files.save(f"{folder}/state.npz", state)
            script = Path(__file__).with_name("quimb_peer.py")
            self.process = subprocess.Popen([install_quimb(), script, f"{folder}/state.npz"], env=environment,
                                            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            if self.process.stdout.readline().strip() != "ready":
                raise RuntimeError(f"{QUIMB} did not start; its messages are above")

    def sample(self, n_samples: int) -> tuple[float, list[int], float]:
        """Seconds, the last sample and its probability."""
        self.process.stdin.write(f"{n_samples}\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["seconds"], answer["bits"], answer["probability"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Tenpy:
    """TeNPy in this process, without charges: it cannot sample along z while it conserves the parity along x."""

    def __init__(self, state: mps.MatrixProductState):
        from tenpy.networks.mps import MPS
        from tenpy.networks.site import SpinHalfSite

        self.rng = np.random.default_rng(1)
        weights = [np.ones(1), *(np.sqrt(w) for w in mps_averages.schmidt_weights(state)), np.ones(1)]
        self.state = MPS.from_Bflat([SpinHalfSite(conserve=None)] * state.n_spins,
                                    [tensor.transpose(1, 0, 2) for tensor in state.tensors], weights, form="B",
                                    unit_cell_width=state.n_spins)

    def sample(self, n_samples: int) -> tuple[float, list[int], float]:
        began = time.perf_counter()
        for _ in range(n_samples):
            bits, amplitude = self.state.sample_measurements(0, self.state.L - 1, rng=self.rng)
        return time.perf_counter() - began, [int(bit) for bit in bits], abs(amplitude) ** 2

    def close(self) -> None:
        pass


def check(name: str, state: mps.MatrixProductState, bits: list[int], probability: float) -> None:
    """Both sides must hold the same state, or the times would compare different things."""
    expected = float(np.exp(2 * mps.log_amplitudes(state, [bits])[0].real))
    if abs(probability / expected - 1) > 1e-6:
        raise RuntimeError(f"expected the probability {expected:.9g} of a sample from {name}, got {probability:.9g}")


def benchmark(quick: bool = False) -> list[dict]:
    """All rows of this group. quick: fewer runs, to see that it works."""
    runs, few = (2, 5) if quick else (7, 20)
    state = dmrg.ground_state(chains.ising(N_SPINS, 1.0), bond_dimension=BOND).state
    mps_samples.sample(state, 100, rng=rng.stream(1))  # compile, or load from the cache
    ours: list[float] = []
    theirs: dict[str, list[float]] = {TENPY: [], QUIMB: []}
    with contextlib.closing(Quimb(state)) as quimb:
        peers = {TENPY: Tenpy(state), QUIMB: quimb}
        for run in range(runs + 1):  # the first is not counted
            for name, peer in peers.items():
                seconds, bits, probability = peer.sample(few)
                check(name, state, bits, probability)
                theirs[name] += [seconds / few] if run else []
            began = time.perf_counter()
            mps_samples.sample(state, N_SAMPLES, rng=rng.stream(1, run))
            ours += [time.perf_counter() - began] if run else []
    taken = statistics.median(ours)
    row = {"runs": runs, "threads": 1, "dtype": "float64", "machine": f"{processor()}, {os.cpu_count()} cores"}
    name = f"matrix product state, N={N_SPINS}, bond dimension {max(state.bond_dimensions)}"
    rows = [row | {"name": f"{name}, {N_SAMPLES:,} samples", "peer": f"promised: {PROMISED:g} s", "goal": 1.0,
                   "ratio": PROMISED / taken, "seconds_ours": taken, "seconds_peer": PROMISED, "unit": "seconds"}]
    for peer, seconds in theirs.items():
        rows.append(row | {"name": f"{name}, a sample of {N_SAMPLES:,} against one at a time by {peer.split('==')[0]}",
                           "peer": peer, "goal": None, "ratio": statistics.median(seconds) / (taken / N_SAMPLES),
                           "seconds_ours": taken / N_SAMPLES, "seconds_peer": statistics.median(seconds),
                           "unit": "seconds a sample"})
    return rows
