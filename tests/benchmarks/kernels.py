"""Kernels of wide networks against neural-tangents 0.6.5, in float64, with the same number of threads on both sides.

neural-tangents needs an older jax and numpy: it gets an environment of its own under _build, from the package index
that pip is configured for, and runs there as a process that takes turns with ours.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator

import numba
import numpy as np
import torch

from lib.kernels.neural_tangent import analytic
from lib.study.provenance import processor
from tests.benchmarks import sparse_kernels
from tests.benchmarks.peer import Peer, environment

PEER = "neural-tangents==0.6.5"
# All that its kernels import, and the last versions that it works with.
PINS = ("jax==0.4.30", "jaxlib==0.4.30", "ml_dtypes==0.5.4", "opt_einsum==3.4.0", "frozendict==2.5.1", "numpy==1.26.4",
        "scipy==1.12.0")
DEPTH = 3


@contextlib.contextmanager
def _peer(x: np.ndarray, activation: str, threads: int) -> Iterator[tuple[Peer, list[np.ndarray]]]:
    """neural-tangents in its own process, and its kernels of the inputs."""
    python = environment(PEER.replace("==", "-"), (*PINS, PEER))
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/inputs.npy", x)
        with contextlib.closing(Peer(python, "neural_tangents_peer.py", folder, threads, DEPTH, activation)) as peer:
            yield peer, [np.load(f"{folder}/{name}.npy") for name in ("nngp", "ntk")]


def compare_neural_tangents(activation: str, goal: float | None, runs: int) -> dict:
    """A row: both kernels of all digits of scikit-learn, depth 3; medians of rounds in which the sides take turns."""
    from sklearn.datasets import load_digits
    x, threads = load_digits().data / 16, numba.get_num_threads()
    kernels = analytic(x, depth=DEPTH, activation=activation)  # compiles, or loads from the cache
    ours, theirs = [], []
    with _peer(x, activation, threads) as (peer, their_kernels):
        differences = [float(np.abs(ours / theirs - 1).max()) for ours, theirs in zip(kernels, their_kernels)]
        if max(differences) > 1e-6:  # or the times would compare different things
            raise RuntimeError(f"expected equal kernels, got relative differences {differences}")
        for _ in range(runs):
            theirs.append(peer.seconds())
            began = time.perf_counter()
            analytic(x, depth=DEPTH, activation=activation)
            ours.append(time.perf_counter() - began)
    seconds_ours, seconds_peer = statistics.median(ours), statistics.median(theirs)
    return {"name": f"NNGP and NTK of {len(x)} digits, depth {DEPTH}, {activation}", "peer": PEER,
            "ratio": seconds_peer / seconds_ours, "goal": goal, "runs": runs, "threads": threads,
            "seconds_ours": seconds_ours, "seconds_peer": seconds_peer, "unit": "seconds for both kernels",
            "largest_difference_nngp": differences[0], "largest_difference_ntk": differences[1]}


def benchmark(quick: bool = False) -> list[dict]:
    """All rows of this group. quick: fewer runs, to see that it works."""
    torch.set_num_threads(1)
    runs = 3 if quick else 15
    rows = [compare_neural_tangents("relu", 1.0, runs), compare_neural_tangents("erf", None, runs),
            *sparse_kernels.rows(quick)]
    for row in rows:
        row |= {"dtype": "float64", "machine": f"{processor()}, {os.cpu_count()} cores"}
    return rows
