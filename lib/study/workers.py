"""Computing points: one function at many settings, in this process, in others, or on a cluster.

A point comes back as a line for a record, whatever happens to it: its results, or its error.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import joblib
from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError
from joblib.parallel import get_active_backend

from lib.study import provenance
from lib.study.notebooks import root
from lib.study.records import encode, settings_key

DASK_SECONDS = 60  # until the first worker of a cluster has to be there

def compute_many(function: Callable, todo: Iterator[Mapping], code: str, threads: int,
                 jobs: int | None) -> Iterator[dict]:
    """The lines of the points of an iterator, in the order in which they are finished.

    code: :func:`code_of` the function, here, with which that of every worker has to agree.  threads: of the numeric
    libraries, for a point.  jobs: points at once; None means :func:`cores`, or what a `joblib.parallel_config` of
    the caller says, who so also chooses a cluster.

    Whatever goes wrong with a worker or with the points that are asked for, those under way are finished first.
    """
    ended: list[Exception] = []  # why no more points begin

    def points() -> Iterator[Mapping]:
        try:
            for point in todo:
                if ended:
                    return
                yield point
        except Exception as error:  # a backend may ask in a thread of its own, where nobody would hear of it
            ended.append(error)

    for line in _lines(function, points(), code, threads, jobs):
        if "refused" in line:
            ended.append(ValueError(line["refused"]))
        else:
            yield line
    if ended:
        raise ended[0]


def _lines(function: Callable, todo: Iterator[Mapping], code: str, threads: int, jobs: int | None) -> Iterator[dict]:
    """The lines of the points by whatever computes them; one that says "refused" comes from a worker of other code."""
    backend, n_jobs = get_active_backend()
    jobs = jobs or n_jobs
    kind = type(backend).__name__
    if kind == "DaskDistributedBackend":
        yield from _on_dask(backend.client, function, todo, code, threads, jobs)
    elif kind != "LokyBackend":
        with thread_limit(threads):  # the points may run in this process
            yield from _by_joblib(backend, (_call(function, point, code, threads) for point in todo), jobs or -1)
    elif (n_processes := joblib.effective_n_jobs(jobs or cores())) == 1:
        with thread_limit(threads):
            for point in todo:
                yield compute(function, point, code, threads)
    else:
        yield from _in_processes(function, todo, code, threads, n_processes)


def without_gpu(points: list[Mapping]) -> int:
    """How many of the points name a GPU as their `device`, while they would run on this machine, which has none."""
    wanted = sum(str(point.get("device")).startswith("cuda") for point in points)
    here = type(get_active_backend()[0]).__name__ in ("LokyBackend", "ThreadingBackend", "MultiprocessingBackend",
                                                           "SequentialBackend")
    if not wanted or not here:
        return 0
    import torch

    return 0 if torch.cuda.is_available() else wanted


def _in_processes(function: Callable, todo: Iterator[Mapping], code: str, threads: int, jobs: int) -> Iterator[dict]:
    """Points in processes on this machine; one that ends its process becomes a failed one."""
    in_flight: dict[str, Mapping] = {}
    driver = os.getpid()

    def tasks():
        for point in todo:
            in_flight[settings_key(point)] = point
            yield _call(function, point, code, threads, driver)

    def parallel(calls, n_jobs):
        with joblib.parallel_config(backend="loky", inner_max_num_threads=threads):
            return joblib.Parallel(n_jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=n_jobs)(calls)

    calls = tasks()
    while True:
        try:
            for line in parallel(calls, jobs):
                in_flight.pop(settings_key(line["settings"]))
                yield line
            return
        except TerminatedWorkerError:
            # Which of the points in flight has ended its process?  Each gets a process of its own now.
            for key, point in list(in_flight.items()):
                try:
                    (line,) = parallel([_call(function, point, code, threads, driver)], 2)
                except TerminatedWorkerError:
                    line = _failure(function, point, code, "the process that computed this point was killed; "
                                    "most often the memory was not enough: try fewer points at once")
                in_flight.pop(key)
                yield line
        except BrokenProcessPool as error:
            raise ValueError(f"expected processes that can import {name_of(function)}, got {error}; try a module that "
                             "Python finds, such as one of an installed package") from None


def _on_dask(client, function: Callable, todo: Iterator[Mapping], code: str, threads: int,
             jobs: int | None) -> Iterator[dict]:
    """Points on a Dask cluster, by its own client: joblib would wait for ever for a point that ended its workers."""
    from distributed import KilledWorker, wait

    in_flight: dict = {}
    try:
        while True:
            try:
                client.wait_for_workers(1, timeout=DASK_SECONDS)
            except TimeoutError:
                raise ValueError(f"expected workers on the Dask cluster at {client.scheduler.address}, got none within "
                                 f"{DASK_SECONDS} s; try to start them, then this again") from None
            # Every worker has a second point waiting; there may be more workers now than before.
            room = jobs or max(1, 2 * sum(client.ncores().values()))
            for point in itertools.islice(todo, max(0, room - len(in_flight))):
                in_flight[client.submit(_sent(function), point, code, threads, pure=False)] = point
            if not in_flight:
                return
            try:
                future = next(iter(wait(list(in_flight), timeout=DASK_SECONDS, return_when="FIRST_COMPLETED").done))
            except TimeoutError:
                continue  # a long point, or no worker is left
            if future.status in ("lost", "pending"):
                continue  # finished, but gone with its worker since: the scheduler computes it again
            point = in_flight.pop(future)
            if future.status not in ("finished", "error"):
                raise ValueError(f"expected the Dask scheduler at {client.scheduler.address} to stay, got a point "
                                 f"that is {future.status}; try again once it runs")
            try:
                line = future.result()  # may have gone with its worker even where it was finished
            except KilledWorker:
                line = _failure(function, point, code, "the workers that had this point in hand died, again and again; "
                                "most often the memory was not enough: try more of it for each worker")
            except (ValueError, OSError):
                raise
            except Exception as error:
                raise ValueError(f"expected workers that can run {name_of(function)}, got {type(error).__name__}: "
                                 f"{error}; try to install the same version of the package there") from None
            yield line
    except OSError as error:
        raise ValueError(f"expected the Dask scheduler to stay, got {error}; try again once it runs") from None
    finally:
        with contextlib.suppress(OSError):
            client.cancel(list(in_flight))


def _by_joblib(backend, calls: Iterator, jobs: int) -> Iterator[dict]:
    """Points wherever another backend of joblib runs them."""
    if backend.supports_return_generator:
        yield from joblib.Parallel(jobs, return_as="generator_unordered", batch_size=1)(calls)
        return
    at_once = joblib.effective_n_jobs(jobs)
    while lines := joblib.Parallel(jobs, batch_size=1)(itertools.islice(calls, at_once)):
        yield from lines  # recorded before the next ones begin


def _call(function: Callable, point: Mapping, code: str, threads: int, driver: int | None = None):
    return joblib.delayed(_sent(function))(point, code, threads, driver)


def _sent(function: Callable) -> Callable:
    """What runs `function` in a worker.  It travels whole: a worker that begins after an edit may be unable to import
    `lib`, and has to say so as a line, since an error would end the points of the others."""
    module, name = function.__module__, function.__name__

    def in_worker(settings, code, threads, driver=None):
        import importlib
        import platform

        try:
            from lib.study import workers

            function = getattr(importlib.import_module(module), name)
            other = "" if workers.code_of(function) == code else "other code"
        except Exception as error:  # a file in the middle of an edit, or none
            other = f"{type(error).__name__}: {error}"
        if other:
            return {"settings": settings, "refused": f"expected workers that can run {module}.{name} with the code of "
                    f"the process that asks for points, got {other} on {platform.node()}; what was under way is "
                    "recorded; if lib was edited meanwhile, the same command goes on, else try to install the same "
                    "version there"}
        return workers._in_worker(function, settings, code, threads, driver)

    return joblib.wrap_non_picklable_objects(in_worker)  # for backends that pickle by name


def compute(function: Callable, settings: Mapping, code: str, threads: int = 1) -> dict:
    """One point, computed where this runs, as a line; what it raises becomes a line that says so.

    core_seconds: processor time of all threads that the point may use; `seconds` goes by the clock on the wall.
    """
    # Points in threads of one process share the clock of that process: those of one thread each count their own.
    alone = threads > 1 or threading.current_thread() is threading.main_thread()
    clock = time.process_time if alone else time.thread_time
    started, used = time.perf_counter(), clock()
    try:
        results = function(**settings)
        if not isinstance(results, Mapping):
            raise ValueError(f"expected a mapping of results, got {type(results).__name__}; try return {{...}}")
        results = {name: plain(value, f"result {name}") for name, value in results.items()}
        if not all(isinstance(name, str) for name in results):
            raise ValueError(f"expected texts as names of results, got {list(results)}")
        taken = [name for name in results if name in settings or name in ("state", "error")]
        if taken:
            raise ValueError(f"expected results with names of their own, got {', '.join(taken)}")
        encode({"kind": "point", "settings": settings, "results": results})  # what no record can hold fails here
    except (Exception, SystemExit) as error:  # whatever a point raises, the others go on
        return _failure(function, settings, code, f"{type(error).__name__}: {error}")
    return {"function": name_of(function), "settings": settings, "status": "done", "results": results, "code": code,
            "seconds": round(time.perf_counter() - started, 4), "core_seconds": round(clock() - used, 4),
            "processor": _processor(settings), "versions": _versions()}


def _failure(function: Callable, settings: Mapping, code: str, message: str) -> dict:
    return {"function": name_of(function), "settings": settings, "status": "failed", "error": message[:2000],
            "code": code, "seconds": 0.0, "core_seconds": 0.0, "processor": provenance.processor(),
            "versions": _versions()}


def _in_worker(function: Callable, settings: Mapping, code: str, threads: int, driver: int | None = None) -> dict:
    """Compute one point in a process that is there for points; `driver` is the one that has started it, if any."""
    if _worker.threads != threads:  # once a process, since it takes some ms
        thread_limit(threads).__enter__()
        _worker.threads = threads
    if driver not in (None, os.getpid()) and not _worker.watches:
        threading.Thread(target=_end_with, args=(driver,), daemon=True).start()
        _worker.watches = True
    return compute(function, settings, code, threads)


class _worker:
    """What has been set up in this process."""

    threads = None
    watches = False


def _end_with(driver: int) -> None:
    """End this process when the one that has started it is gone, which it may be without a word."""
    while os.getppid() == driver:
        time.sleep(0.5)
    os._exit(1)


class thread_limit:
    """Cap the threads of the numeric libraries: then a point's numbers do not depend on the machine's cores."""

    def __init__(self, threads: int):
        self.threads = threads

    def __enter__(self):
        import threadpoolctl

        self._torch = sys.modules.get("torch")
        self._before = self._torch.get_num_threads() if self._torch else None  # before OpenMP is told, too
        self._pools = threadpoolctl.threadpool_limits(self.threads)
        if self._torch:
            self._torch.set_num_threads(self.threads)
        return self

    def __exit__(self, *_):
        self._pools.restore_original_limits()
        if self._torch:
            self._torch.set_num_threads(self._before)


def cores() -> int:
    """How many points to compute at once: in a build the chapter's share (`COMPANION_CORES`), else every core."""
    share = os.environ.get("COMPANION_CORES", "")
    if share and not (share.isdecimal() and int(share)):
        raise ValueError(f"expected COMPANION_CORES as a whole number from 1, got {share!r}; try COMPANION_CORES=2")
    return int(share) if share else joblib.cpu_count()


def settings_of(function: Callable, point: Mapping) -> dict:
    """The settings of a point with the function's defaults, in its order, as plain JSON values."""
    parameters = _parameters(function)
    unknown = [name for name in point if name not in parameters]
    missing = [name for name, parameter in parameters.items()
               if name not in point and parameter.default is inspect.Parameter.empty]
    if unknown or missing:
        got = f"unknown {', '.join(unknown)}" if unknown else f"none for {', '.join(missing)}"
        raise ValueError(f"expected the settings of {name_of(function)} ({', '.join(parameters)}), got {got}")
    settings = {}
    for name, parameter in parameters.items():
        value = plain(point.get(name, parameter.default), f"setting {name}")
        if parameter.annotation in (float, "float") and type(value) is int:
            value = float(value)  # 1 and 1.0 are one point
        if parameter.annotation in (int, "int") and type(value) is not int:
            raise ValueError(f"expected setting {name} of {name_of(function)} as an integer, got {value!r}")
        settings[name] = value
    return settings


@cache
def _parameters(function: Callable) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


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


def module_of(function: Callable) -> str:
    """The module from which workers import the function; raises `ValueError` where they cannot."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    found = sys.modules.get(module or "")
    if module == "__main__" or getattr(found, name, None) is not function or not getattr(found, "__file__", None):
        raise ValueError(f"expected a function of a module, which other processes can import, got {function!r}; "
                         "try to move it to a module, such as one of lib")
    return module


def name_of(function: Callable) -> str:
    return f"{function.__module__}.{function.__name__}"


def is_below(function: Callable, top: Path) -> bool:
    """Whether the function's module lies in a folder."""
    return Path(sys.modules[module_of(function)].__file__).resolve().is_relative_to(top.resolve())


@cache
def data_of(function: Callable) -> set[str]:
    """The paths `data/...` that the function's code names, as it is on this machine."""
    file = Path(sys.modules[module_of(function)].__file__)
    return provenance.function_data(Path(provenance.__file__).resolve().parents[2], module_of(function), file)


@cache
def code_of(function: Callable) -> str:
    """Digest of the code that the function depends on, as it is on this machine."""
    module = module_of(function)
    top = Path(provenance.__file__).resolve().parents[2]
    return provenance.function_digest(top, module, Path(sys.modules[module].__file__), function.__name__)


def _processor(settings: Mapping) -> str:
    """The processor, and the GPU where this process has used one, if the point's own device is no other."""
    torch, device = sys.modules.get("torch"), str(settings.get("device", "cuda"))
    used = torch is not None and torch.cuda.is_initialized() and device.startswith("cuda")
    return provenance.processor() + (f" with {torch.cuda.get_device_name(device)}" if used else "")


@cache
def _versions() -> dict[str, str]:
    return provenance.versions(root())
