"""Reading measurements: 1e6 shots of 100 qubits from Stim's b8, 1e5 counted outcomes of Qiskit.

No other package reads them to a matrix of bits as we do; the peer is the promise, one second (memory: three times the
matrix), so that a ratio above 1 keeps it.
"""

import json
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from lib.spins.measurements import read


def benchmark(quick: bool = False) -> list[dict]:
    n_shots, n_keys = (10_000, 1000) if quick else (1_000_000, 100_000)
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        b8, counts = Path(folder) / "a.b8", Path(folder) / "a.json"
        packed = rng.integers(0, 256, (n_shots, 13), dtype=np.uint8)
        packed[:, -1] &= 15
        packed.tofile(b8)
        keys = {"".join(row) for row in np.where(rng.integers(0, 2, (n_keys, 60)), "1", "0")}
        counts.write_text(json.dumps({f"{key[:30]} {key[30:]}": 3 for key in keys}))
        rows = [{"name": f"read {n_shots} shots of 100 qubits from b8", "seconds_ours": seconds(read, b8, n_sites=100)},
                {"name": f"read {n_keys} counted outcomes from JSON", "seconds_ours": seconds(read, counts)}]
        for row in rows:
            row |= {"seconds_peer": 1.0, "ratio": 1.0 / row["seconds_ours"], "goal": 1.0}
        tracemalloc.start()
        read(b8, n_sites=100)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    matrix = n_shots * 100
    return rows + [{"name": f"memory of {n_shots} shots of 100 qubits from b8", "bytes_ours": peak,
                    "bytes_peer": 3 * matrix, "ratio": 3 * matrix / peak, "goal": 1.0}]


def seconds(function, *arguments, **options) -> float:
    """The best of three calls."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        function(*arguments, **options)
        best = min(best, time.perf_counter() - began)
    return best
