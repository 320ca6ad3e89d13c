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
import sys
import tempfile
import threading
import time
from pathlib import Path

from lib import atomic
from lib.study import gate, lifeline, progress, provenance, runs
from lib.study.gate import ChapterFailed, plain
from lib.study.notebooks import Chapter, as_notebook, check_chapter, find_chapter, read_chapter, skip_address_parser
from lib.study.parameters import declared, parse_assignments

PROGRESS_SECONDS = 15.0  # between two lines about a sweep, at least


def execute(top: Path, path: Path, profile: str, root: Path, changes: dict | None = None, cores: int = 1) -> dict:
    """Execute the chapter at `path` and put the result below `root`; return its record (see :mod:`lib.study`).

    `changes` are parameters set by hand.  Raises `ValueError` for inputs that are refused before a kernel
    starts, :class:`ChapterFailed` for a run that failed.
    """
    chapter = read_chapter(path)
    check_chapter(chapter)
    inputs = provenance.chapter_inputs(top, path, profile, changes)
    workspace = top / "_build" / "tmp"
    workspace.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f"{chapter.stem}-", dir=workspace))
    run = work / "run"
    run.mkdir()
    os.environ.update(_environment(top, run, chapter, profile, cores))
    try:
        try:
            notebook, cost = _run(chapter, inputs["parameters"], work, run)
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
            "MPLCONFIGDIR": str(build / "cache" / "matplotlib"),
            "COMPANION_CORES": str(cores), **runs.numeric_environment(top)}


def _run(chapter: Chapter, parameters: dict, work: Path, run: Path):
    """The executed notebook, and what it cost."""
    skip_address_parser()
    import nbformat
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from lib.study.kernel import OwnKernel

    nbformat.write(as_notebook(chapter), work / "input.ipynb")
    defaults = {name: parameter.default for name, parameter in declared(chapter).items()}
    changed = {name: value for name, value in parameters.items() if value != defaults[name]}
    started, limit = time.monotonic(), 60 * chapter.time_limit
    at = {"cell": 0}  # the code cell that is running, counted from 1
    cost = {"core_seconds": 0.0, "peak_memory_bytes": 0}

    def begin(cell, cell_index):
        at["cell"] += cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])

    def measure(cell, cell_index, execute_reply):
        cost.update(_kernel_cost(cost))

    ended = threading.Event()
    threading.Thread(target=_tell_progress, args=(chapter.stem, run / progress.FILE, ended), daemon=True).start()
    try:
        papermill.execute_notebook(
            _literal(work / "input.ipynb"), _literal(work / "executed.ipynb"), parameters=changed, cwd=run,
            kernel_name="python3", kernel_manager_class=OwnKernel,
            progress_bar=False, start_timeout=120, coalesce_streams=True, shutdown_kernel="immediate",
            # What is left of the chapter's time, for each cell anew: the limit is for all of them together.
            timeout_func=lambda cell: max(limit - (time.monotonic() - started), 0.001),
            on_cell_execute=begin, on_cell_executed=measure)
    except PapermillExecutionError as error:
        cell = chapter.cells[at["cell"] - 1]
        here = re.search(r"Cell In\[\d+\], line (\d+)", plain("\n".join(error.traceback)))
        line = cell.line + (int(here[1]) - 1 if here else 0)
        raise ChapterFailed(chapter, "error", plain(f"{error.ename}: {error.evalue}"), at["cell"], line) from None
    except CellTimeoutError:
        message = (f"this cell was running when the chapter's time limit of {chapter.time_limit:g} minutes was over; "
                   "try fewer samples or epochs, or a larger time_limit_minutes in its front matter")
        raise ChapterFailed(chapter, "time limit", message, at["cell"]) from None
    except DeadKernelError:
        message = "the kernel died; most often the memory was not enough: try fewer samples"
        raise ChapterFailed(chapter, "error", message, at["cell"]) from None
    except OSError as error:  # papermill could not write the notebook
        raise ChapterFailed(chapter, "error", f"{error.strerror or error}", at["cell"] or None) from None
    finally:
        ended.set()
    notebook = nbformat.read(work / "executed.ipynb", as_version=4)
    return notebook, {"seconds": time.monotonic() - started, **cost}


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
    record = {"format": runs.FORMAT, "chapter": stem, "number": chapter.number, "title": chapter.title,
              "page": chapter.page, "inputs": inputs, "provenance": origin,
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
