"""Computing points: one function at many settings, in this process, in others, or on a cluster; joblib runs them.

A point comes back as a line for a record, whatever happens to it: its results, or its error.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
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
from joblib.externals.loky.process_executor import BrokenProcessPool
from joblib.parallel import get_active_backend

from lib.study import guard, provenance
from lib.study.notebooks import root
from lib.study.results import encode, run_of

OTHER_VERSION = "refused"  # the status of a point that a worker of other code was asked for
HERE = ("LokyBackend", "ThreadingBackend", "MultiprocessingBackend", "SequentialBackend")


def compute_many(function: Callable, todo: Iterator[Mapping], threads: int, jobs: int | None) -> Iterator[dict]:
    """The lines of the points of an iterator, each with its run, in the order in which they are finished.

    threads: of the numeric libraries, for a point.  jobs: points at once; None means :func:`cores`, or what a
    `joblib.parallel_config` of the caller says, who so also chooses a cluster.

    Raises `ValueError` where a worker was killed, or has another version of the function; what was finished before has
    been yielded then.
    """
    backend, n_jobs = get_active_backend()
    kind = type(backend).__name__
    if kind == "DaskDistributedBackend":
        lines = _on_dask(backend.client, function, todo, threads)
    else:
        n = joblib.effective_n_jobs(jobs or n_jobs or (cores() if kind == "LokyBackend" else -1))
        lines = (compute(function, point, threads) for point in todo) if n == 1 else \
            _by_joblib(function, todo, threads, n, kind)
    # The points may run in this process, perhaps in several of its threads, which share one limit.
    with thread_limit(threads):
        yield from map(functools.partial(_checked, function), lines)


def _checked(function: Callable, line: dict) -> dict:
    """A line that comes back from a worker, if it has the version that was asked for."""
    if line["status"] == OTHER_VERSION:
        raise ValueError(f"expected workers with version {version_of(function)} of {name_of(function)}, got "
                         f"{line['error']}; try to install the same version of the package there")
    return line


def _by_joblib(function: Callable, todo: Iterator[Mapping], threads: int, jobs: int, kind: str) -> Iterator[dict]:
    """Points wherever joblib runs them; those in hand are named where one of them ends its process."""
    in_hand: list[Mapping] = []

    def calls():
        for point in todo:
            in_hand.append(point)
            yield joblib.delayed(compute)(function, point, threads, version_of(function), os.getpid())

    processes = kind == "LokyBackend"
    config = joblib.parallel_config(backend="loky", inner_max_num_threads=threads) if processes \
        else contextlib.nullcontext()
    try:
        with config:
            parallel = joblib.Parallel(jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=jobs)
            for line in parallel(calls()):
                in_hand[:] = [point for point in in_hand if point != line["settings"]]
                yield line
    except BrokenProcessPool as error:
        raise ValueError(f"expected processes that can import {name_of(function)} and live, got "
                         f"{str(error).splitlines()[0]} (most often the memory was not enough: try fewer points at "
                         f"once); in hand were {in_hand}; what was finished is kept") from None


def _on_dask(client, function: Callable, todo: Iterator[Mapping], threads: int) -> Iterator[dict]:
    """Points on a Dask cluster, by its own client, which tells of a point that ends its workers."""
    from distributed import KilledWorker, as_completed

    client.wait_for_workers(1, timeout=60)
    futures = {client.submit(compute, function, point, threads, version_of(function), os.getpid(), pure=False): point
               for point in todo}
    try:
        for future, line in as_completed(futures, with_results=True, raise_errors=False):
            point = futures.pop(future)
            if isinstance(error := future.exception(), KilledWorker):
                line = _failure(function, point, "the workers that had this point in hand died, again and again; most "
                                "often the memory was not enough: try more of it for each worker")
            elif error is not None:
                raise ValueError(f"expected workers that can run {name_of(function)}, got {type(error).__name__}: "
                                 f"{error}; try to install the same version of the package there")
            yield line
    finally:
        client.cancel(list(futures))


def compute(function: Callable, settings: Mapping, threads: int = 1, version: int | None = None,
            driver: int | None = None) -> dict:
    """One point, computed where this runs, as a line with its run; what it raises becomes a line that says so.

    version: of the function where the points are asked for; where it is another one here, nothing is computed.
    driver: the process that has started this one.  `core_seconds` is processor time of all threads that the point may
    use; `seconds` goes by the clock on the wall.
    """
    if driver not in (None, os.getpid()):
        _set_up_worker(driver, threads)
    if version is not None and version != version_of(function):
        return {"settings": settings, "status": OTHER_VERSION, "error": f"version {version_of(function)}"}
    # Points in threads of one process share the clock of that process: those of one thread each count their own.
    alone = threads > 1 or threading.current_thread() is threading.main_thread()
    clock = time.process_time if alone else time.thread_time
    started, used = time.perf_counter(), clock()
    try:
        with guard.experiment(name_of(function), version_of(function), data_of(function, settings)):
            results = function(**settings)
        if not isinstance(results, Mapping):
            raise ValueError(f"expected a mapping of results, got {type(results).__name__}; try return {{...}}")
        results = {name: plain(value, f"result {name}") for name, value in results.items()}
        taken = [name for name in results if name in settings or name in ("state", "error")]
        if taken:
            raise ValueError(f"expected results with names of their own, got {', '.join(taken)}")
        encode({"settings": settings, "results": results})  # what no record can hold fails here
    except (Exception, SystemExit) as error:  # whatever a point raises, the others go on
        return _failure(function, settings, f"{type(error).__name__}: {error}")
    return _line(function, settings, status="done", results=results, seconds=round(time.perf_counter() - started, 4),
                 core_seconds=round(clock() - used, 4))


def _failure(function: Callable, settings: Mapping, message: str) -> dict:
    return _line(function, settings, status="failed", error=message[:2000], seconds=0.0, core_seconds=0.0)


def _line(function: Callable, settings: Mapping, **what: object) -> dict:
    """A line, and where it was computed; the process that asked for it adds the commit, the data and the day."""
    torch, device = sys.modules.get("torch"), str(settings.get("device", "cuda"))
    used = torch is not None and torch.cuda.is_initialized() and device.startswith("cuda")
    gpu = f" with {torch.cuda.get_device_name(device)}" if used else ""
    return {"experiment": function.__name__, "version": version_of(function), "settings": settings, **what,
            "run": {"processor": provenance.processor() + gpu, "versions": _versions()}}


@cache
def _versions() -> dict[str, str]:
    return provenance.versions(root())


@cache
def _set_up_worker(driver: int, threads: int) -> None:
    """Cap the threads of this process; end it when the one that has started it is gone, perhaps without a word."""
    def watch():
        while os.getppid() == driver:
            time.sleep(0.5)
        os._exit(1)

    thread_limit(threads).__enter__()
    if os.getppid() == driver:  # a cluster starts its workers otherwise, and ends them itself
        threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def thread_limit(threads: int) -> Iterator[None]:
    """Cap the threads of the numeric libraries: then a point's numbers do not depend on the machine's cores."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None  # before OpenMP is told, too
    with threadpoolctl.threadpool_limits(threads):
        if torch:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


def this_run(here: Mapping, commit: str | None, dirty: bool | None, data: Mapping, began: str) -> dict:
    """The run that a line of `compute` belongs to, as it is kept."""
    return run_of({"commit": commit, "dirty": dirty, "environment": provenance.environment_digest(root()),
                   **here, "data": dict(data), "date": began})


def now() -> str:
    """The time, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def without_gpu(points: list[Mapping]) -> int:
    """How many of the points name a GPU as their `device`, while they would run on this machine, which has none."""
    wanted = sum(str(point.get("device")).startswith("cuda") for point in points)
    if not wanted or type(get_active_backend()[0]).__name__ not in HERE:
        return 0
    import torch

    return 0 if torch.cuda.is_available() else wanted


def cores() -> int:
    """How many points to compute at once: in a build the chapter's share (`COMPANION_CORES`), else every core."""
    share = os.environ.get("COMPANION_CORES", "")
    if share and not (share.isdecimal() and int(share)):
        raise ValueError(f"expected COMPANION_CORES as a whole number from 1, got {share!r}; try COMPANION_CORES=2")
    return int(share) if share else joblib.cpu_count()


def settings_of(function: Callable, point: Mapping) -> dict:
    """The settings of a point with the function's defaults, in its order, as plain JSON values."""
    signature = _signature(function)
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


_signature = cache(inspect.signature)


def plain(value: object, what: str) -> object:
    """A number, text, None or list as JSON holds it; raises `ValueError` for NaN, infinities and other things."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple, range)):
        return [plain(element, what) for element in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if not isinstance(value, float):
        raise ValueError(f"expected {what} as a number, text, None or list, got {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"expected {what} to be finite, got {value}; try None where there is no value")
    return value


def check_function(function: Callable) -> None:
    """Refuse a function that other processes cannot import."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    found = sys.modules.get(module or "")
    if module == "__main__" or getattr(found, name, None) is not function or not getattr(found, "__file__", None):
        raise ValueError(f"expected a function of a module, which other processes can import, got {function!r}; "
                         "try to move it to a module, such as one of lib/experiments")


def version_of(function: Callable) -> int:
    """The declared version of an experiment; 0 for a function that declares none."""
    return getattr(function, "version", 0)


def data_of(function: Callable, settings: Mapping) -> tuple[str, ...]:
    """What an experiment declares to read at some settings; nothing for a function that declares nothing."""
    return getattr(function, "data", lambda settings: ())(settings)


def name_of(function: Callable) -> str:
    return f"{function.__module__}.{function.__name__}"
