"""Computing points: one function at many settings, in this process, in others, or on a cluster; joblib runs them.

A point comes back with its results or its error, whatever happens to it, and with the machine that computed it.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache

import joblib
import threadpoolctl
from joblib.parallel import get_active_backend

from lib.study import guard, provenance, runs
from lib.study.notebooks import root
from lib.study.record_lines import Computed, Machine


def compute_many(function: Callable, points: list[Mapping], jobs: int | None = None,
                 ) -> Iterator[tuple[Computed, Machine]]:
    """The points, each with its machine, in the order in which they are finished.

    jobs: points at once; None means :func:`cores`, or what a `joblib.parallel_config` of the caller says, who so also
    chooses a cluster.

    Raises `ValueError` where a worker was killed, or has another version of the function; what was finished before has
    been yielded then.
    """
    backend, n_jobs = get_active_backend()
    processes, dask = (type(backend).__name__ == name for name in ("LokyBackend", "DaskDistributedBackend"))
    n = joblib.effective_n_jobs(jobs or n_jobs or (cores() if processes else -1))
    config = joblib.parallel_config("loky", inner_max_num_threads=runs.THREADS) if processes else \
        contextlib.nullcontext()
    calls = ((compute, function, point, version_of(function), os.getpid()) for point in points)
    waiting = list(points)
    try:
        # The points may run in this process, perhaps in several of its threads, which share one limit.
        with config, thread_limit(runs.THREADS):
            # More than n at once would make noise when processes are stopped.
            parallel = joblib.Parallel(n, return_as="generator_unordered", batch_size=1, pre_dispatch=n)
            for point, machine in _on_dask(backend.client, calls) if dask else parallel(
                    joblib.delayed(call)(*arguments) for call, *arguments in calls):
                waiting.remove(point.settings)
                yield point, machine
    except Exception as error:  # not of a point, which keeps its own
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(f"expected processes that can import {name_of(function)} and live, got {what} (most often the "
                         "memory was not enough: try fewer points at once); "
                         f"in hand or next were {waiting[:3 * n]}; what was finished is kept") from None


def _on_dask(client, calls: Iterator[tuple]) -> Iterator[tuple[Computed, Machine]]:
    """What calls on a Dask cluster give, by its own client: joblib's backend waits on where a point ends its worker.

    All are handed over at once, so that workers which join later get their share.
    """
    from distributed import as_completed

    futures = {client.submit(*call, pure=False) for call in calls}
    try:
        for future, found in as_completed(futures, with_results=True):
            futures.remove(future)  # or Dask would compute it again where its worker dies
            yield found
    finally:
        client.cancel(list(futures))


def compute(function: Callable, settings: dict, version: int | None = None, driver: int | None = None,
            ) -> tuple[Computed, Machine]:
    """One point, computed where this runs, with that machine; what it raises becomes a point that has failed.

    version: of the function where the points are asked for; `ValueError` where it is another one here.
    driver: the process that has started this one.  `core_seconds` is processor time of all threads that the point may
    use; `seconds` goes by the clock on the wall.
    """
    if driver not in (None, os.getpid()):
        _set_up_worker(driver)
    if version not in (None, version_of(function)):
        raise ValueError(f"expected workers with version {version} of {name_of(function)}, got version "
                         f"{version_of(function)}; try to install the same version of the package there")
    # Points in threads of one process share the clock of that process.
    clock = time.process_time if threading.current_thread() is threading.main_thread() else time.thread_time
    started, used = time.perf_counter(), clock()
    results = failure = None
    try:
        with guard.experiment(name_of(function), version_of(function), data_of(function, settings)):
            results = {name: plain(value, f"result {name}") for name, value in function(**settings).items()}
        if taken := {*results} & {*settings} | {"state", "error"} & {*results, *settings}:
            raise ValueError(f"expected settings and results with names of their own, got {', '.join(sorted(taken))}")
    except (Exception, SystemExit) as error:  # whatever a point raises, the others go on
        results, failure = None, f"{type(error).__name__}: {error}"[:2000]
    found = Computed(experiment=function.__name__, version=version_of(function), settings=settings,
                     status="failed" if failure else "done", results=results, error=failure,
                     seconds=round(time.perf_counter() - started, 4), core_seconds=round(clock() - used, 4))
    return found, _machine(settings)


def _machine(settings: Mapping) -> Machine:
    """This machine, with its GPU where a point used it."""
    torch, device = sys.modules.get("torch"), str(settings.get("device", "cuda"))
    used = torch is not None and torch.cuda.is_initialized() and device.startswith("cuda")
    gpu = f" with {torch.cuda.get_device_name(device)}" if used else ""
    return Machine(provenance.processor() + gpu, provenance.versions(root()))


@cache
def _set_up_worker(driver: int) -> None:
    """Cap the threads of this process; end it when the one that has started it is gone, perhaps without a word."""
    def watch():
        while os.getppid() == driver:
            time.sleep(0.5)
        os._exit(1)

    thread_limit(runs.THREADS).__enter__()
    if os.getppid() == driver:  # a cluster starts its workers otherwise, and ends them itself
        threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def thread_limit(threads: int) -> Iterator[None]:
    """Cap the threads of the numeric libraries: then a point's numbers do not depend on the machine's cores."""
    with contextlib.ExitStack() as after:
        if torch := sys.modules.get("torch"):  # before OpenMP is told, too
            after.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(threads)
        with threadpoolctl.threadpool_limits(threads):
            yield


def without_gpu(points: list[Mapping]) -> int:
    """How many of the points name a GPU as their `device`, while they would run on this machine, which has none."""
    wanted = sum(str(point.get("device")).startswith("cuda") for point in points)
    if not wanted or type(get_active_backend()[0]).__module__ != "joblib._parallel_backends":
        return 0
    import torch

    return 0 if torch.cuda.is_available() else wanted


def cores() -> int:
    """How many points to compute at once: in a build the chapter's share, else every core."""
    return int(os.environ.get("COMPANION_CORES") or joblib.cpu_count())


def settings_of(function: Callable, point: Mapping) -> dict:
    """The settings of a point with the function's defaults, in its order, as plain JSON values."""
    signature = inspect.signature(function)
    try:
        given = signature.bind(**point)
    except TypeError as error:
        raise ValueError(f"expected the settings of {name_of(function)} ({', '.join(signature.parameters)}), "
                         f"got {', '.join(point)}: {error}") from None
    given.apply_defaults()
    settings = {}
    for name, parameter in signature.parameters.items():
        value = plain(given.arguments[name], f"setting {name}")
        if parameter.annotation in (float, "float") and type(value) is int:
            value = float(value)  # 1 and 1.0 are one point
        if parameter.annotation in (int, "int") and type(value) is not int:
            raise ValueError(f"expected setting {name} of {name_of(function)} as an integer, got {value!r}")
        settings[name] = value
    return settings


def plain(value: object, what: str) -> object:
    """A number, text, None or list as JSON holds it; raises `ValueError` for NaN, infinities and other things."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple, range)):
        return [plain(element, what) for element in value]
    if value is None or isinstance(value, (bool, int, str)) or isinstance(value, float) and math.isfinite(value):
        return value
    got = value if isinstance(value, float) else type(value).__name__
    raise ValueError(f"expected {what} as a finite number, text, None or list, got {got}; try None for no value")


def version_of(function: Callable) -> int:
    """The declared version of an experiment; 0 for a function that declares none."""
    return getattr(function, "version", 0)


def data_of(function: Callable, settings: Mapping) -> tuple[str, ...]:
    """What an experiment declares to read at some settings; nothing for a function that declares nothing."""
    return getattr(function, "data", lambda settings: ())(settings)


def name_of(function: Callable) -> str:
    return f"{function.__module__}.{function.__name__}"
