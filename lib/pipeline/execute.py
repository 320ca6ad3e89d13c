"""Execute one chapter: text -> checked parameters -> papermill in a fresh process and directory -> gate -> output.

Each in a process of its own, ``python -m lib execute``.  Nothing reaches `executed/` before the whole
notebook has passed the gate; a run that failed is kept under `failed/`, as far as it came.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import signal
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from lib import atomic
from lib.pipeline import gate
from lib.pipeline.converted import as_notebook
from lib.pipeline.following import Following, OverTime, line_of
from lib.pipeline.gate import ChapterFailed, plain
from lib.study import guard, provenance, results, runs, session
from lib.study import inputs as declarations
from lib.study.claim_files import Settlement
from lib.study.claims import Number
from lib.study.notebooks import (
    Chapter,
    checked_chapter,
    find_chapter,
    read_chapter,
    skip_address_parser,
)
from lib.study.parameters import declared, parse_assignments
from lib.study.stored import checked
from lib.study.telling import telling

START_SECONDS = 600  # for a kernel to start, and for outputs to arrive, on a machine that is busy with other things
LONGER = {"paper": 10}  # times the limit of a chapter, which is for the settings in its text
# The last cell of every run; it is not kept.
FINISH = "from lib.pipeline import inside as _inside\nawait _inside.finish()"


def execute(top: Path, path: Path, profile: str, root: Path, changes: dict | None = None, cores: int = 1) -> runs.Run:
    """Execute the chapter at `path` and put the result below `root`; return it.

    `changes` are parameters set by hand.  Raises `ValueError` for inputs that are refused before a kernel
    starts, :class:`ChapterFailed` for a run that failed.
    """
    chapter = checked_chapter(path)
    if absent := declarations.missing(top, chapter):
        raise ValueError("\n".join(absent))
    inputs = provenance.chapter_inputs(top, path, profile, changes)
    work = Path(tempfile.mkdtemp(prefix=f"{chapter.stem}-", dir=runs.workspace(top)))
    run = work / "run"
    run.mkdir()
    os.environ.update(_environment(top, run, chapter, profile, cores))
    guard.write(top, work, path, declarations.found(top, chapter))
    try:
        try:
            limit = 60 * chapter.time_limit * LONGER.get(profile, 1)
            notebook, cost = _run(chapter, inputs.parameters, work, run, limit, runs.expected(top, profile, chapter))
            _tell_unread(chapter, work)
            gate.check_outputs(chapter, notebook, run / "figures")
            gate.scrub(notebook, top, run)
            gate.check_paths(chapter, gate.texts_of(notebook, run), top, run)
        except ChapterFailed as failure:
            shutil.rmtree(run, ignore_errors=True)  # first: it may have filled the disk
            _keep_failure(top, root, failure, work / "executed.ipynb", inputs)
            raise
        date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        origin = provenance.origin(top, chapter, profile, inputs.parameters, threads=runs.THREADS, date=date,
                                   versions=atomic.read_json(run / "versions.json"), **cost)
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


def _run(chapter: Chapter, parameters: dict, work: Path, run: Path, limit: float, expected: float | None):
    """The executed notebook, and what it cost; `expected` are the seconds that it may take."""
    skip_address_parser()
    import nbformat
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from lib.pipeline.kernel import OwnKernel

    notebook = as_notebook(chapter)
    del notebook.metadata["source_map"]
    notebook.cells.append(nbformat.v4.new_code_cell(FINISH, id="finish", metadata={"tags": ["finish"]}))
    nbformat.write(notebook, work / "input.ipynb")
    defaults = {name: parameter.default for name, parameter in declared(chapter).items()}
    changed = {name: value for name, value in parameters.items() if value != defaults[name]}
    following = Following(chapter, work, limit)
    try:
        with telling(partial(_state, following, run / session.PROGRESS, expected), in_log=True):
            papermill.execute_notebook(
                _literal(work / "input.ipynb"), _literal(work / "executed.ipynb"), parameters=changed, cwd=run,
                kernel_name="python3", kernel_manager_class=OwnKernel, progress_bar=False,
                start_timeout=START_SECONDS, shutdown_kernel="immediate", iopub_timeout=START_SECONDS,
                extra_arguments=["--ext", "lib.pipeline.inside"],
                timeout_func=lambda cell: max(following.left(), 0.001),
                on_cell_start=following.reach, on_cell_execute=following.begin, on_cell_executed=following.end)
    except PapermillExecutionError as error:
        raise following.failed(plain(f"{error.ename}: {error.evalue}"), line_of(error.traceback)) from None
    except (CellTimeoutError, OverTime):
        following.refuse_trouble()
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
    notebook = nbformat.read(work / "executed.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "finish" not in cell.metadata.get("tags", [])]
    return notebook, {"seconds": following.seconds(), **following.cost}


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


def _state(following: Following, path: Path, expected: float | None) -> str:
    """Where a run is, and what a long sweep says of its progress."""
    about = f" of about {results.duration(expected)}" if expected else ""
    state = (f"{following.chapter.stem}: cell {max(following.cell, 1)} of {len(following.chapter.cells)}, "
             f"{results.duration(following.seconds())}{about}")
    with contextlib.suppress(OSError):
        state += f"; {path.read_text('utf-8').strip().rpartition(chr(10))[2]}"  # read, a return is a new line
    return state


def _publish(root: Path, chapter: Chapter, notebook, run: Path, inputs: provenance.Inputs,
             origin: provenance.Origin) -> runs.Run:
    """Figures, notebook, record, in this order: the record names the digests of the others and so completes the run."""
    stem = chapter.stem
    notebook.metadata["companion"] = {**chapter.settings, "provenance": origin.plain()}
    content = (json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()
    figures = run / "figures"
    figures.mkdir(exist_ok=True)
    digests = {file.relative_to(figures).as_posix(): atomic.sha256(file)
               for file in sorted(figures.rglob("*")) if file.is_file()}
    atomic.swap_directory(figures, root / "files" / stem)
    atomic.write_bytes(root / "executed" / f"{stem}.ipynb", content)
    kept = {name: atomic.read_json(run / f"{name}.json") or [] for name in ("claims", "numbers", "sweeps")}
    read = {entry["name"]: entry["digest"] for entry in atomic.read_json(run / runs.EXPERIMENTS_READ) or []}
    made = runs.Run(runs.FORMAT, stem, chapter.number, chapter.title, chapter.page,
                    replace(inputs, data=inputs.data | read), sorted(read), origin,
                    checked(list[Settlement], kept["claims"], "claims.json"),
                    checked(list[Number], kept["numbers"], "numbers.json"), kept["sweeps"], digests,
                    atomic.sha256(root / "executed" / f"{stem}.ipynb"))
    made.write(root)
    runs.clear_failure(root, stem)
    return made


def _keep_failure(top: Path, root: Path, failure: ChapterFailed, notebook: Path, inputs: provenance.Inputs) -> None:
    stem = failure.chapter.stem
    runs.clear_failure(root, stem)
    message = str(failure)
    if notebook.exists() and notebook.stat().st_size:
        kept = root / "failed" / f"{stem}.ipynb"
        atomic.write_bytes(kept, notebook.read_bytes())
        message += f"\n    the notebook as far as it came: {kept.relative_to(top)}"
    failure.args = (message,)
    atomic.write_json(root / "failed" / f"{stem}.json", runs.Failure(
        stem, failure.kind, failure.cell, failure.line, failure.first_line, failure.error, message, inputs).plain())


def run(top: Path, profile: str, chapter: str, params: str, cores: int, output: Path | None) -> None:
    """Execute a chapter as a step of a build, and say so; `params` as typed after PARAMS=.

    output: where the result goes, in place of the profile's place.
    """
    path = find_chapter(top, chapter)
    changes = parse_assignments(params, read_chapter(path)) if params else None
    what = f"{path.stem}, {params}" if params else path.stem
    print(f"  {what} ...", flush=True)
    cost = execute(top, path, profile, output or runs.profile_root(top, profile), changes, cores).provenance
    print(f"  {what}: {cost.seconds:.0f} s, {cost.peak_memory_bytes / 1e9:.2f} GB", flush=True)
