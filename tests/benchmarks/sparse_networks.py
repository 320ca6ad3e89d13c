"""One ResNet-18 training step, native and masked dense, in a process of its own with two threads.

`python -m tests.benchmarks.sparse_networks time FACTOR RUNS` prints the median seconds of all sides, interleaved, at
some factors SparseProp's among them;
`python -m tests.benchmarks.sparse_networks memory FACTOR native|dense` the bytes by which the peak memory of a fresh
process grows while it builds the network and takes two steps. Both as JSON.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.peer import PEERS, Peer, environment

THREADS, BASE, BATCH, SIZE = 2, 8, 128, 32
BESIDE_SPARSEPROP = (4, 8)  # factors
_ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object) -> dict:
    """What such a process prints."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"),
                            str(THREADS))
    done = subprocess.run([sys.executable, "-m", __spec__.name, *map(str, arguments)], env=os.environ | threads,
                          cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def architecture(factor: int):
    """The widened net and the weights left in each of its layers."""
    from lib.models import resnet
    base = resnet.Architecture(BASE)
    return resnet.widened(base, factor), resnet.sparse_counts(base, factor)


def sparse_twin(factor: int, base: int = BASE):
    """The torch module of the net, with masks."""
    from lib.experiments.resnet import network
    return network("sparse", base, factor, 10, seed=1)


def minibatch(batch: int, size: int):
    """Random images and labels."""
    from lib import rng
    numbers = rng.stream(1, "benchmarks", "networks")
    return numbers.standard_normal((batch, 3, size, size), "float32"), numbers.integers(0, 10, batch)


def _net(side: str, base: int, factor: int, batch: int, size: int):
    import torch

    from lib.models.resnet.trainers import NativeTrainer, TorchTrainer
    from lib.models.resnet.training_settings import Settings
    twin = sparse_twin(factor, base)
    settings = Settings(batch_size=batch)
    if side == "native":
        return NativeTrainer(twin, settings, size)
    return TorchTrainer(twin.to(memory_format=torch.channels_last) if side == "channels_last" else twin, settings)


def _step(net, batch: int, size: int, n: int = 1) -> float:
    """Median seconds of n steps on random images."""
    seconds, (images, labels) = [], minibatch(batch, size)
    for _ in range(n):
        began = time.perf_counter()
        net.train_step(images, labels, 0.01)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _time(factor: int, runs: int) -> dict:
    nets = {side: _net(side, BASE, factor, BATCH, SIZE) for side in ("native", "dense", "channels_last")}
    sides = {side: functools.partial(_step, net, BATCH, SIZE) for side, net in nets.items()}
    with contextlib.ExitStack() as stack:
        if factor in BESIDE_SPARSEPROP:
            try:
                python = environment("sparse-layers", PEERS, beside_ours=True)
                peer = Peer(python, "sparse_networks_peer.py", _ROOT, factor)
            except (OSError, subprocess.CalledProcessError, RuntimeError) as problem:
                print(f"SparseProp does not run here and is left out: {problem}", file=sys.stderr)
            else:
                sides["sparseprop"] = stack.enter_context(contextlib.closing(peer)).seconds
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        for turn in range(runs + 1):
            for side, step in sides.items():
                taken = step()
                if turn > 0:  # the first one compiles and allocates
                    seconds[side].append(taken)
    return {side: statistics.median(values) for side, values in seconds.items()}


def _peak() -> int:
    """Largest resident memory of this process so far, or since `_forget_peak`."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # the peak so far stays: importing takes less than a step
        pass


def _memory(factor: int, side: str) -> dict:
    _step(_net(side, 2, 1, 16, 16), 16, 16)  # what is compiled and loaded once counts for neither side
    _forget_peak()
    before = _peak()
    _step(_net(side, BASE, factor, BATCH, SIZE), BATCH, SIZE, 2)
    return {"bytes": _peak() - before}


if __name__ == "__main__":
    what, factor, other = sys.argv[1:]
    print(json.dumps(_time(int(factor), int(other)) if what == "time" else _memory(int(factor), other)))
