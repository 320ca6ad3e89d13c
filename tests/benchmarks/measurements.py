"""Reading measurements: 1e6 shots of 100 qubits from Stim's b8, 1e5 counted outcomes of Qiskit, with their memory.

No other package reads them to a matrix of bits as we do; the peer is the promise, one second and three times the
matrix, so that a ratio above 1 keeps it. Seconds are those of the processor, which other programs disturb less.
"""

import json
import os
import statistics
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from lib.spins.measurements import read
from lib.study.provenance import processor


def benchmark(quick: bool = False) -> list[dict]:
    """Rows of bench.json: medians of several runs."""
    n_shots, n_keys, runs = (10_000, 1000, 3) if quick else (1_000_000, 100_000, 5)
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        b8, counts = Path(folder) / "a.b8", Path(folder) / "a.json"
        packed = rng.integers(0, 256, (n_shots, 13), dtype=np.uint8)
        packed[:, -1] &= 15
        packed.tofile(b8)
        keys = {"".join(row) for row in np.where(rng.integers(0, 2, (n_keys, 60)), "1", "0")}
        counts.write_text(json.dumps({f"{key[:30]} {key[30:]}": 3 for key in keys}))
        timed = {f"reading {n_shots:,} shots of 100 qubits from b8": seconds(runs, b8, n_sites=100),
                 f"reading {n_keys:,} counted outcomes of 60 qubits from JSON": seconds(runs, counts)}
        tracemalloc.start()
        read(b8, n_sites=100)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    promised = 3 * n_shots * 100
    rows = [{"name": name, "peer": "promised: 1 s", "seconds_ours": taken, "seconds_peer": 1.0, "ratio": 1.0 / taken,
             "unit": "seconds of the processor"} for name, taken in timed.items()]
    rows.append({"name": f"memory for reading {n_shots:,} shots of 100 qubits from b8", "bytes_ours": peak,
                 "peer": "promised: 3 times the bits", "bytes_peer": promised, "ratio": promised / peak})
    return [row | {"goal": 1.0, "runs": runs, "threads": 1, "dtype": "uint8",
                   "machine": f"{processor()}, {os.cpu_count()} cores"} for row in rows]


def seconds(runs: int, *arguments, **options) -> float:
    """The median over calls of `read`."""
    taken = []
    for _ in range(runs):
        began = time.process_time()
        read(*arguments, **options)
        taken.append(time.process_time() - began)
    return statistics.median(taken)
