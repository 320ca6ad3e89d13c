"""Sweeps whose processes are killed: nothing recorded is lost, nothing is recorded twice, the table is the same."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter

import joblib
import pandas as pd
import pytest

from lib.study import results
from lib.study.sweep import Sweep, grid
from tests import patience, sweep_points
from tests.tree import ROOT


def test_kills_at_random_moments_cost_no_more_than_the_points_in_flight(tmp_path, drawn):
    """Some of fifty."""
    kills = drawn(range(50), 12)
    n_points = 8 * len(kills)
    command = [sys.executable, "-m", "tests.sweep_points", str(tmp_path), str(n_points), *map(str, kills)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rounds = json.loads(done.stdout)
    # The kills came in the middle: most starts began points, and none came to the end.
    assert sum(len(each["started"]) > 1 for each in rounds) > len(kills) / 3
    assert len(rounds[-1]["known"]) < n_points
    points = grid(a=range(n_points), log=str(tmp_path / "log.txt"), seconds=0.02)
    table = Sweep(sweep_points.logged, points, record=tmp_path / "killed.jsonl").run(2)
    uninterrupted = Sweep(sweep_points.logged, grid(a=range(n_points), log=os.devnull, seconds=0.0)).run(1)
    pd.testing.assert_frame_equal(table[["a", "y", "state"]], uninterrupted[["a", "y", "state"]])
    assert {len(lines) for lines in results.read(tmp_path / "killed.jsonl").points.values()} == {1}
    for each, after in zip(rounds, rounds[1:]):  # noqa: B905  (the last one has no successor)
        assert not set(each["started"]) & set(each["known"])  # what is recorded is never begun again
        lost = set(each["started"]) - set(after["known"])
        # In flight: a point that a worker computes, and one that is done and not yet written.
        assert len(lost) <= (2 * each["jobs"] if each["jobs"] > 1 else 1)
    begun = {int(entry.split()[0]) for entry in (tmp_path / "log.txt").read_text().splitlines()}
    assert begun == set(range(n_points))


def test_workers_end_with_a_driver_that_was_killed(tmp_path):
    log = tmp_path / "log.txt"
    log.touch()
    code = ("import sys; from pathlib import Path; from tests import sweep_points; from lib.study.sweep import *;"
            "Sweep(sweep_points.logged, grid(a=range(1000), log=sys.argv[1], seconds=0.1)).run(2)")
    driver = subprocess.Popen([sys.executable, "-c", code, str(log)], cwd=ROOT, stderr=subprocess.DEVNULL)
    at_work = lambda: {int(entry.split()[1]) for entry in log.read_text().splitlines()}
    patience.wait_for(lambda: len(at_work()) == 2)
    workers = at_work()
    driver.kill()
    driver.wait()
    assert driver.pid not in workers
    patience.wait_for(lambda: not any(is_running(worker) for worker in workers))


def test_a_point_that_ends_its_process_is_named_and_what_is_finished_is_kept(tmp_path):
    sweep = Sweep(sweep_points.deadly, grid(a=range(8)), record=tmp_path / "r.jsonl")
    with pytest.raises(ValueError, match="the memory was not enough.*in hand or next were .*'a': 2.*finished is kept"):
        sweep.run(2)
    kept = {line.settings["a"] for lines in results.read(tmp_path / "r.jsonl").points.values() for line in lines}
    assert 2 not in kept and kept & {0, 1}


@pytest.fixture
def cluster(request):
    """A Dask scheduler and two workers of one thread on this machine, each a process; gives the address and them."""
    with contextlib.ExitStack() as stack:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        address = f"tcp://127.0.0.1:{port}"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": ROOT,
                 "env": os.environ | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": getattr(request, "param", "3")}}

        def start(*arguments):
            process = subprocess.Popen([sys.executable, "-m", "dask", *arguments], **quiet)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show")
        workers = [start("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1",
                         "--local-directory", os.fspath(ROOT / "_build" / "tmp" / f"dask-{port}-{number}"))
                   for number in range(2)]
        yield address, workers


def test_a_dask_worker_killed_in_the_middle_loses_and_doubles_nothing(cluster, tmp_path):
    from dask.distributed import Client
    address, workers = cluster
    log = tmp_path / "log.txt"
    log.touch()
    sweep = Sweep(sweep_points.logged, grid(a=range(40), log=str(log), seconds=0.1), record=tmp_path / "r.jsonl")

    def kill_one():
        patience.wait_for(lambda: len(log.read_text().splitlines()) > 12)
        os.kill(workers[0].pid, signal.SIGKILL)

    with Client(address, timeout="600s") as client:
        client.wait_for_workers(2, timeout=patience.LIMIT)
        killer = threading.Thread(target=kill_one)
        killer.start()
        with joblib.parallel_config(backend="dask"):
            table = sweep.run()
        killer.join()
        assert workers[0].wait() == -signal.SIGKILL and workers[1].poll() is None
    assert list(table.y) == [a * a for a in range(40)] and set(table.state) == {"valid"}
    assert {len(lines) for lines in results.read(tmp_path / "r.jsonl").points.values()} == {1}
    begun = Counter(entry.split()[0] for entry in log.read_text().splitlines())
    assert sum(begun.values()) <= 40 + 3 and len(begun) == 40  # what the dead worker had in hand ran elsewhere
    assert len({entry.split()[1] for entry in log.read_text().splitlines()}) == 2


@pytest.mark.parametrize("cluster", ["0"], indirect=True)
def test_a_point_that_ends_its_dask_worker_is_named_and_what_is_finished_is_kept(cluster, tmp_path):
    from dask.distributed import Client
    sweep = Sweep(sweep_points.deadly, grid(a=[0, 1, *range(3, 12), 2]), record=tmp_path / "r.jsonl")
    with Client(cluster[0], timeout="600s") as client, joblib.parallel_config(backend="dask"):
        client.wait_for_workers(2, timeout=patience.LIMIT)
        with pytest.raises(ValueError, match="got KilledWorker.*in hand or next were .*'a': 2.*finished is kept"):
            sweep.run()
    kept = {line.settings["a"] for lines in results.read(tmp_path / "r.jsonl").points.values() for line in lines}
    assert 2 not in kept and kept


def is_running(process):
    import psutil
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
