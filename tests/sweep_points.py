"""Functions whose points the tests of sweeps compute, in this process and in others; and a sweep that is killed."""

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from lib.experiments import experiment


@experiment(version=1)
def line(*, a: int, x: float = 1.0) -> dict:
    """A straight line."""
    return {"y": a * x, "half": [a / 2, x / 2], "name": f"{a}", "absent": None}


@experiment(version=1)
def uneven(*, a: int, flag: str) -> dict:
    """Fails at a = 2 until the file `flag` exists."""
    if a == 2 and not Path(flag).exists():
        raise RuntimeError("bad luck")
    return {"y": a}


@experiment(version=1)
def busy(*, a: int) -> dict:
    """A quarter of a second of work in one thread, by its own clock."""
    end = time.thread_time() + 0.25
    while time.thread_time() < end:
        pass
    return {"y": a}


@experiment(version=1)
def on_device(*, a: int, device: str) -> dict:
    return {"y": a}


@experiment(version=1)
def not_finite(*, a: int) -> dict:
    return {"loss": [1.0, float("nan")] if a else 1.0}


@experiment(version=1)
def not_a_mapping(*, a: int) -> list:
    return [a]


@experiment(version=1)
def clash(*, a: int) -> dict:
    return {"a": a}


@experiment(version=1)
def odd_result(*, a: int) -> dict:
    return {"when": object()}


@experiment(version=1)
def deadly(*, a: int) -> dict:
    """Ends its own process at a = 2, as a system short of memory would."""
    if a == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return {"y": a}


@experiment(version=1, data=("data/images.bin",))
def reads(*, a: int) -> dict:
    """Depends on a data set."""
    return {"y": a}


@experiment(version=1)
def threads(*, a: int) -> dict:
    """How many threads the numeric libraries may use here."""
    import threadpoolctl
    import torch
    torch.zeros(2) @ torch.zeros(2)
    pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    return {"torch": torch.get_num_threads(), "pools": pools, "process": os.getpid()}


@experiment(version=1)
def logged(*, a: int, log: str, seconds: float) -> dict:
    """Takes its time, after saying in the file `log` that it began, and where."""
    with open(log, "a") as file:
        file.write(f"{a} {os.getpid()}\n")
    time.sleep(seconds)
    return {"y": a * a}


def kill_at_random(folder: Path, n_points: int, kills: list[int]) -> list[dict]:
    """Start a sweep again and again, kill it at a random moment each time; what each start began and left recorded.

    kills: numbers, each of which says how and when.  Half of the time only the driver is killed, as by a system
    short of memory, else its workers too.  This process forks, so that a start costs no imports.
    """
    from lib.study import results
    from lib.study.sweep import Sweep, grid
    from tests.sweep_points import logged, threads  # not of __main__, as this module is here

    threads(a=0)  # load the numeric libraries before the first fork
    record, log, rounds = folder / "killed.jsonl", folder / "log.txt", []
    log.touch()
    for kill in kills:
        jobs = 2 if kill % 5 == 0 else 1
        begun = log.stat().st_size
        known = [json.loads(key)["a"] for key in results.read(record, record.with_suffix(".points")).points]
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            messages = os.open(folder / "messages.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(messages, 1), os.dup2(messages, 2)
            try:
                Sweep(logged, grid(a=range(n_points), log=str(log), seconds=0.02), record=record).run(jobs)
            finally:
                os._exit(0)
        with contextlib.suppress(OSError):  # the child does so itself; whoever comes first
            os.setpgid(child, child)
        moment = random.Random(kill)
        n_begun = moment.randrange(1, 8) if kill % 10 != 7 else 0  # one in ten dies before its first point
        while len(log.read_text()[begun:].splitlines()) < n_begun:  # however busy the machine is
            time.sleep(0.001)
        time.sleep(moment.uniform(0.0, 0.03))
        if kill % 10 < 5:
            os.killpg(child, signal.SIGKILL)
        else:
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if kill % 10 == 5:
            time.sleep(0.3)  # workers without a driver finish what they have
        started = [int(entry.split()[0]) for entry in log.read_text()[begun:].splitlines()]
        rounds.append({"jobs": jobs, "started": started, "known": known})
    return rounds


if __name__ == "__main__":
    print(json.dumps(kill_at_random(Path(sys.argv[1]), int(sys.argv[2]), [*map(int, sys.argv[3:])])))
