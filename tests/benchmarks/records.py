"""What a record costs: per point besides its computation and the disk's own flush, and for reading many points.

There is no peer that does the same; the promises (5 ms a point, 0.5 s for 10,000 points) stand in its place.
"""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from lib.study import results
from lib.study.provenance import processor
from lib.study.sweep import Sweep, grid
from tests import sweep_points

PROMISED_POINT, PROMISED_READ, N_READ = 5e-3, 0.5, 10_000


def overhead(jobs: int, n_points: int, folder: Path) -> float:
    """Seconds a point, less the time that the disk takes to flush, of a sweep whose points take no time."""
    flushing, fsync = [0.0], os.fsync

    def timed(file):
        began = time.perf_counter()
        fsync(file)
        flushing[0] += time.perf_counter() - began

    def seconds(n):
        flushing[0], began = 0.0, time.perf_counter()
        Sweep(sweep_points.line, grid(a=range(n)), record=folder / f"{jobs}-{n}-{began}.jsonl").run(jobs)
        return time.perf_counter() - began - flushing[0]

    os.fsync = timed
    try:
        few = seconds(2 * jobs)  # starting the processes is not the price of a point
        return (seconds(2 * jobs + n_points) - few) / n_points
    finally:
        os.fsync = fsync


def reading(folder: Path) -> float:
    """Seconds from a file of 10,000 points to their table."""
    path = folder / "many.jsonl"
    asked = Sweep(sweep_points.line, grid(a=range(N_READ), x=0.5), record=path)
    if not path.exists():
        Sweep(sweep_points.line, [{"a": -1}], record=folder / "one.jsonl").run(1)
        record = results.read(folder / "one.jsonl")
        ((line,),) = record.points.values()
        for point in asked.points:
            record.add(replace(line, settings=point))
        results.write(path, record)
    began = time.perf_counter()
    table = asked.read()
    taken = time.perf_counter() - began
    assert len(table) == N_READ and set(table.state) == {"valid"}
    return taken


def benchmark(*, quick: bool = False) -> list[dict]:
    """Rows of bench.json: medians of several runs."""
    runs, n_points = (3, 50) if quick else (9, 400)
    rows = []
    with tempfile.TemporaryDirectory() as temporary, contextlib.redirect_stderr(io.StringIO()), \
            contextlib.redirect_stdout(io.StringIO()):
        folder = Path(temporary)
        for name, promised, measure in (
                ("recorded point besides computation and flush, in this process", PROMISED_POINT,
                 lambda: overhead(1, n_points, folder)),
                ("recorded point besides computation and flush, 2 processes", PROMISED_POINT,
                 lambda: overhead(2, n_points, folder)),
                (f"reading {N_READ:,} points into a table", PROMISED_READ, lambda: reading(folder))):
            ours = statistics.median(measure() for _ in range(runs))
            rows.append({"name": name, "peer": f"promised: {1000 * promised:g} ms", "ratio": promised / ours,
                         "goal": 1.0, "runs": runs, "threads": 1, "dtype": "-", "seconds_ours": ours,
                         "seconds_peer": promised, "unit": "seconds",
                         "machine": f"{processor()}, {os.cpu_count()} cores"})
    return rows
