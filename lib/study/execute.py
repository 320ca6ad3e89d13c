"""Execute one chapter: text -> checked parameters -> papermill in a fresh process and directory -> gate -> output.

Run as ``python -m lib.study.execute``, one process a chapter.  Nothing reaches `executed/` before the whole
notebook has passed the gate; a run that failed is kept under `failed/`, as far as it came.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from lib import atomic
from lib.study import gate, guard, lifeline, progress, provenance, runs
from lib.study import inputs as declarations
from lib.study.gate import ChapterFailed, plain
from lib.study.notebooks import (
    INJECTED,
    Chapter,
    as_notebook,
    check_chapter,
    find_chapter,
    read_chapter,
    skip_address_parser,
)
from lib.study.parameters import declared, parse_assignments

PROGRESS_SECONDS = 15.0  # between two lines about a sweep, at least
START_SECONDS = 600  # for a kernel to start, and for outputs to arrive, on a machine that is busy with other things
LATE_SECONDS = 30.0  # after the limit of a chapter, until a run that does not stop is stopped
TEXT_BYTES = 100_000  # of text on a page, from one cell
ERROR_LENGTH, TRACE_LENGTH = 2000, 10**6  # characters that are shown of an error, and looked at
# The last cell of every run; it is not kept.
FINISH = "from lib.study import inside as _inside\nawait _inside.finish()"


def execute(top: Path, path: Path, profile: str, root: Path, changes: dict | None = None, cores: int = 1) -> dict:
    """Execute the chapter at `path` and put the result below `root`; return its record (see :mod:`lib.study`).

    `changes` are parameters set by hand.  Raises `ValueError` for inputs that are refused before a kernel
    starts, :class:`ChapterFailed` for a run that failed.
    """
    chapter = read_chapter(path)
    check_chapter(chapter)
    if absent := declarations.missing(top, chapter):
        raise ValueError("\n".join(absent))
    inputs = provenance.chapter_inputs(top, path, profile, changes)
    workspace = top / "_build" / "tmp"
    workspace.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f"{chapter.stem}-", dir=workspace))
    run = work / "run"
    run.mkdir()
    os.environ.update(_environment(top, run, chapter, profile, cores))
    guard.write(top, work, path, declarations.found(top, chapter))
    try:
        try:
            notebook, cost = _run(chapter, inputs["parameters"], work, run)
            _tell_unread(chapter, work)
            gate.check_outputs(chapter, notebook, run / "figures")
            gate.scrub(notebook, top, run)
            gate.check_paths(chapter, gate.texts_of(notebook, run), top, run)
        except ChapterFailed as failure:
            shutil.rmtree(run, ignore_errors=True)  # first: it may have filled the disk
            _keep_failure(top, root, failure, work / "executed.ipynb", inputs)
            raise
        date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        origin = provenance.run_provenance(top, chapter, profile, inputs["parameters"], threads=runs.THREADS,
                                           date=date, versions=atomic.read_json(run / "versions.json"), **cost)
        return _publish(root, chapter, notebook, run, inputs, origin)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _environment(top: Path, run: Path, chapter: Chapter, profile: str, cores: int) -> dict[str, str]:
    """What a kernel gets besides :func:`lib.study.surroundings.variables`: our own, capped threads, and empty places
    for those of the user's settings."""
    build = top / "_build"
    return {"COMPANION_ROOT": str(top), "COMPANION_PROFILE": profile, "COMPANION_CHAPTER": chapter.stem,
            "COMPANION_RUN": str(run), "IPYTHONDIR": str(run.parent / "ipython"),
            **{f"JUPYTER_{what}_DIR": str(run.parent / "jupyter") for what in ("CONFIG", "DATA", "RUNTIME")},
            **guard.environment(run.parent),
            "MPLCONFIGDIR": str(build / "cache" / "matplotlib"),
            "COMPANION_CORES": str(cores), **runs.numeric_environment(top)}


def _run(chapter: Chapter, parameters: dict, work: Path, run: Path):
    """The executed notebook, and what it cost."""
    skip_address_parser()
    import nbformat
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    notebook = as_notebook(chapter)
    notebook.cells.append(nbformat.v4.new_code_cell(FINISH, id="finish", metadata={"tags": ["finish"]}))
    nbformat.write(notebook, work / "input.ipynb")
    defaults = {name: parameter.default for name, parameter in declared(chapter).items()}
    changed = {name: value for name, value in parameters.items() if value != defaults[name]}
    following = _Following(chapter, work, 60 * chapter.time_limit)
    ended = threading.Event()
    threading.Thread(target=_tell_progress, args=(chapter.stem, run / progress.FILE, ended), daemon=True).start()
    try:
        papermill.execute_notebook(
            _literal(work / "input.ipynb"), _literal(work / "executed.ipynb"), parameters=changed, cwd=run,
            kernel_name="python3", kernel_manager_class=following.kernel_class(),
            progress_bar=False, start_timeout=START_SECONDS, shutdown_kernel="immediate", iopub_timeout=START_SECONDS,
            extra_arguments=["--ext", "lib.study.inside"], timeout_func=lambda cell: max(following.left(), 0.001),
            on_cell_start=following.reach, on_cell_execute=following.begin, on_cell_executed=following.end)
    except PapermillExecutionError as error:
        raise following.failed(plain(f"{error.ename}: {error.evalue}"), _line_of(error.traceback)) from None
    except (CellTimeoutError, OverTime):
        following.refuse_trouble(guard.WAITING)
        raise following.over_time() from None
    except (DeadKernelError, RuntimeError) as error:
        following.refuse_trouble()
        raise following.died(error) from None
    except OSError as error:  # papermill could not write the notebook
        following.refuse_trouble()
        raise following.failed(f"{error.strerror or error}") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        ended.set()
    notebook = nbformat.read(work / "executed.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "finish" not in cell.metadata.get("tags", [])]
    return notebook, {"seconds": following.seconds(), **following.cost}


class OverTime(KeyboardInterrupt):
    """The run is over its limit and nothing else has noticed; of this kind, since event loops let it through."""


class _Following:
    """Where the run of a chapter is, and what has gone wrong in it."""

    def __init__(self, chapter: Chapter, work: Path, limit: float):
        self.chapter, self.work, self.limit = chapter, work, limit
        self.cell = 0  # the code cell that is running, counted from 1
        self.ran: list[int] = []  # the cells, as the kernel counts them
        self.started: float | None = None
        self.status: int | None = None  # of the kernel, where it has ended
        self.kills = _kills_for_memory()
        self.cost = {"core_seconds": 0.0, "peak_memory_bytes": 0}

    def kernel_class(self) -> type:
        """Of a kernel whose end is noted here."""
        from lib.study.kernel import OwnKernel

        following = self

        class Kernel(OwnKernel):
            async def _async_is_alive(self) -> bool:
                if self.provisioner is not None:
                    following.status = await self.provisioner.poll()
                return await super()._async_is_alive()

            is_alive = _async_is_alive

        return Kernel

    def reach(self, cell, cell_index) -> None:
        tags = cell.metadata.get("tags", [])
        self.cell += cell.cell_type == "code" and INJECTED not in tags and "finish" not in tags

    def begin(self, cell, cell_index) -> None:
        """Before a cell runs; the time counts from the first one."""
        if self.started is None:
            self.started = time.monotonic()
            _alarm(self.limit + LATE_SECONDS)
            if not (self.work / guard.READY).exists():
                raise self.failed("the kernel could not load lib.study.inside; its log says why")
        self.ran.append(self.cell)

    def end(self, cell, cell_index, execute_reply) -> None:
        """After a cell has run, well or not."""
        self.cost.update(_kernel_cost(self.cost))
        self.refuse_trouble()
        shown = [output for output in cell.outputs if output.output_type == "error"]
        for error in [execute_reply["content"]] if execute_reply["content"]["status"] == "error" else shown:
            raise self.failed(plain(f"{error['ename']}: {error['evalue']}"), _line_of(error["traceback"]))
        gate.merge_streams(cell)
        if (size := gate.text_size(cell)) > TEXT_BYTES:
            raise self.failed(f"the cell printed {size / 1e3:.0f} kB of text, more than the limit of "
                              f"{TEXT_BYTES / 1e3:g} kB for one cell; try to print less, or into a file")

    def seconds(self) -> float:
        return time.monotonic() - (self.started or time.monotonic())

    def left(self) -> float:
        return self.limit - self.seconds()

    def failed(self, error: str, line: int | None = None, cell: int | None = None, kind: str = "error"):
        """The failure of a cell, by a line of its own; of the one that runs, where none is named."""
        cell = cell or self.cell
        error = error if len(error) <= ERROR_LENGTH else f"{error[:ERROR_LENGTH]} ... ({len(error)} characters)"
        line = self.chapter.cells[cell - 1].line + line - 1 if line and cell else None
        return ChapterFailed(self.chapter, kind, error, cell or None, line)

    def refuse_trouble(self, name: str = guard.TROUBLE) -> None:
        """Raise the first failure that the kernel or one of its workers has noted."""
        for found in guard.notes(self.work / name)[:1]:
            number = found.get("cell") or len(self.ran)
            cell = self.ran[number - 1] if number <= len(self.ran) else self.cell
            raise self.failed(found["error"], found.get("line"), cell) from None

    def over_time(self) -> ChapterFailed:
        minutes = f"{self.chapter.time_limit:g} minutes"
        if self.started is None or self.left() > 1:
            return self.failed(f"the outputs of this cell did not arrive, although the time limit of {minutes} was not "
                               "over; try to print less")
        return self.failed(f"this cell was running when the chapter's time limit of {minutes} was over; "
                           "try fewer samples or epochs, or a larger time_limit_minutes in its front matter",
                           kind="time limit")

    def died(self, error: Exception) -> ChapterFailed:
        """The failure of a kernel that is no more, or has never been there."""
        if self.started is None:
            return self.failed(f"the kernel did not start: {error}")
        status, line = self.status, None
        crash = self.work / guard.CRASH
        if crash.exists():
            line = re.search(r"ipykernel_\d+[^\n]*\.py\", line (\d+)", crash.read_text("utf-8", "replace"))
        if status == -signal.SIGKILL:
            memory = _kills_for_memory() > self.kills
            why = ("the system ended the kernel, since the memory was not enough; try fewer samples" if memory else
                   "the kernel was killed; most often the memory was not enough: try fewer samples")
        elif status is not None and status < 0:
            why = (f"the kernel died of signal {-status} ({signal.Signals(-status).name}), in compiled code; try the "
                   "same with fewer or smaller arrays, and with another version of the library that this line calls")
        else:
            why = f"the kernel died: it ended itself with status {status}; try without the call that ends it"
        return self.failed(why, int(line[1]) if line else None)


def _line_of(trace: list[str]) -> int | None:
    """The line of its cell that an error came from, last."""
    found = re.findall(r"Cell In\[\d+\], line (\d+)", plain("\n".join(trace))[:TRACE_LENGTH])
    return int(found[0]) if found else None


def _alarm(seconds: float) -> None:
    """Have this process stopped from outside whatever it does, merging outputs say."""
    def over(number, frame):
        raise OverTime

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGALRM, over)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _kills_for_memory() -> int:
    """How many processes Linux has ended since it started because the memory was used up."""
    try:
        return int(re.search(r"^oom_kill (\d+)", Path("/proc/vmstat").read_text("utf-8"), re.M)[1])
    except (OSError, TypeError):
        return 0


def _tell_unread(chapter: Chapter, work: Path) -> None:
    """Say which declared inputs no read was seen of."""
    read = {found["entry"] for found in guard.notes(work / guard.READS)}
    for entry in declarations.declared(chapter):
        if entry not in read:
            print(f"  {chapter.stem}: no read was seen of its input {entry}; try to delete it from the front matter, "
                  "unless a compiled library reads it", flush=True)


def _literal(path: Path) -> str:
    """A path for papermill, which takes paths for templates."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _tell_progress(stem: str, path: Path, ended: threading.Event) -> None:
    """Pass on what a long sweep says of its progress, now and then."""
    told = ""
    while not ended.wait(PROGRESS_SECONDS):
        with contextlib.suppress(OSError):
            if (line := path.read_text("utf-8")) != told:
                print(f"    {stem}: {line}", flush=True)
                told = line


def _publish(root: Path, chapter: Chapter, notebook, run: Path, inputs: dict, origin: dict) -> dict:
    """Figures, notebook, record, in this order: the record names the digests of the others and so completes the run."""
    stem = chapter.stem
    notebook.metadata["companion"] = {**chapter.settings, "provenance": origin}
    content = (json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()
    figures = run / "figures"
    figures.mkdir(exist_ok=True)
    digests = {file.relative_to(figures).as_posix(): atomic.sha256(file)
               for file in sorted(figures.rglob("*")) if file.is_file()}
    atomic.swap_directory(figures, root / "files" / stem)
    atomic.write_bytes(root / "executed" / f"{stem}.ipynb", content)
    read = {entry["name"]: entry["digest"] for entry in atomic.read_json(run / runs.EXPERIMENTS_READ) or []}
    record = {"format": runs.FORMAT, "chapter": stem, "number": chapter.number, "title": chapter.title,
              "page": chapter.page, "inputs": inputs | {"data": inputs["data"] | read},
              "experiments_read": sorted(read), "provenance": origin,
              "claims": atomic.read_json(run / "claims.json") or [],
              "numbers": atomic.read_json(run / "numbers.json") or [],
              "sweeps": atomic.read_json(run / "sweeps.json") or [],
              "figures": digests, "notebook": atomic.sha256(root / "executed" / f"{stem}.ipynb")}
    record["check"] = runs.check_sum(record)
    atomic.write_json(root / "executed" / f"{stem}.json", record)
    runs.clear_failure(root, stem)
    return record


def _keep_failure(top: Path, root: Path, failure: ChapterFailed, notebook: Path, inputs: dict) -> None:
    stem = failure.chapter.stem
    runs.clear_failure(root, stem)
    message = str(failure)
    if notebook.exists() and notebook.stat().st_size:
        kept = root / "failed" / f"{stem}.ipynb"
        atomic.write_bytes(kept, notebook.read_bytes())
        message += f"\n    the notebook as far as it came: {kept.relative_to(top)}"
    failure.args = (message,)
    atomic.write_json(root / "failed" / f"{stem}.json", {
        "chapter": stem, "kind": failure.kind, "cell": failure.cell, "line": failure.line,
        "first_line": failure.first_line, "error": failure.error, "message": message, "inputs": inputs})


def _kernel_cost(cost: dict) -> dict:
    """Processor time and peak memory of the kernel (the only child of this process) and of its workers so far."""
    import psutil

    with contextlib.suppress(psutil.Error, IndexError, OSError):
        kernel = psutil.Process().children()[0]
        times, workers = kernel.cpu_times(), _workers_cost(kernel)
        peak = kernel.memory_info().rss
        status = Path(f"/proc/{kernel.pid}/status")
        if status.exists():  # Linux keeps the peak itself
            peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text("utf-8"))[1]) * 1024
        ended = times.children_user + times.children_system
        return {"core_seconds": times.user + times.system + ended + workers[0],
                "peak_memory_bytes": max(peak + workers[1], cost["peak_memory_bytes"])}
    return cost


def _workers_cost(kernel) -> tuple[float, int]:
    """Processor time and memory of the processes that compute points of sweeps for a kernel."""
    import psutil

    seconds, memory = 0.0, 0
    for worker in kernel.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            times = worker.cpu_times()
            seconds, memory = seconds + times.user + times.system, memory + worker.memory_info().rss
    return seconds, memory


def main(arguments: list[str] | None = None) -> int:
    """Command line of one run; messages for people go to stdout, one line where it went well."""
    parser = argparse.ArgumentParser(prog="python -m lib.study.execute", description="Execute one chapter.")
    parser.add_argument("chapter")
    parser.add_argument("--root", type=Path, default=Path.cwd())
    parser.add_argument("--profile", default="laptop")
    parser.add_argument("--params", default="")
    parser.add_argument("--cores", type=int, default=1, help="points of its sweeps that are computed at once")
    parser.add_argument("--output", type=Path, help="where the result goes (default: the profile's place)")
    options = parser.parse_args(arguments)
    lifeline.hold()
    top = options.root.resolve()
    root = options.output or runs.profile_root(top, options.profile)
    try:
        path = find_chapter(top, options.chapter)
        changes = parse_assignments(options.params, read_chapter(path)) if options.params else None
        print(f"  {path.stem} ...", flush=True)
        record = execute(top, path, options.profile, root, changes, options.cores)
    except (ChapterFailed, ValueError) as error:
        print(f"\n{error}\n", flush=True)
        return lifeline.TOLD
    except OSError as error:
        if error.errno not in runs.PLACE_ERRORS:
            raise
        print(f"\nchapter {options.chapter}: {error.strerror}: {error.filename}\n", flush=True)
        return lifeline.TOLD
    cost = record["provenance"]
    print(f"  {path.stem}: {cost['seconds']:.0f} s, {cost['peak_memory_bytes'] / 1e9:.2f} GB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
