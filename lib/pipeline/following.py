"""Following the run of a chapter: which cell runs, what it costs, and what to say where it fails or does not end."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import time
from pathlib import Path

from lib.pipeline import gate
from lib.pipeline.gate import ChapterFailed, plain
from lib.study import guard
from lib.study.notebooks import INJECTED, Chapter

LATE_SECONDS = 30.0  # after the limit of a chapter, until a run that does not stop is stopped
TEXT_BYTES = 100_000  # of text on a page, from one cell
ERROR_LENGTH, TRACE_LENGTH = 2000, 10**6  # characters that are shown of an error, and looked at


class OverTime(KeyboardInterrupt):
    """The run is over its limit and nothing else has noticed; of this kind, since event loops let it through."""


class Following:
    """Where the run of a chapter is, and what has gone wrong in it."""

    def __init__(self, chapter: Chapter, work: Path, limit: float):
        self.chapter, self.work, self.limit = chapter, work, limit
        self.cell = 0  # the code cell that is running, counted from 1
        self.ran: list[int] = []  # the cells, as the kernel counts them
        self.started: float | None = None
        self.kills = _kills_for_memory()
        self.cost = {"core_seconds": 0.0, "peak_memory_bytes": 0}

    def reach(self, cell, cell_index) -> None:
        tags = cell.metadata.get("tags", [])
        self.cell += cell.cell_type == "code" and INJECTED not in tags and "finish" not in tags

    def begin(self, cell, cell_index) -> None:
        """Before a cell runs; the time counts from the first one."""
        if self.started is None:
            self.started = time.monotonic()
            _alarm(self.limit + LATE_SECONDS)
            if not (self.work / guard.READY).exists():
                raise self.failed("the kernel could not load lib.pipeline.inside; its log says why")
        self.ran.append(self.cell)

    def end(self, cell, cell_index, execute_reply) -> None:
        """After a cell has run, well or not."""
        self.cost.update(_kernel_cost(self.cost))
        self.refuse_trouble()
        shown = [output for output in cell.outputs if output.output_type == "error"]
        if execute_reply["content"]["status"] == "error" and not shown:  # an error that is shown has a name
            shown = [execute_reply["content"]]
        for error in shown:
            raise self.failed(plain(f"{error['ename']}: {error['evalue']}"), line_of(error["traceback"]))
        gate.merge_streams(cell)
        if (size := gate.text_size(cell)) > TEXT_BYTES:
            raise self.failed(f"the cell printed {size / 1e3:.0f} kB of text, more than the limit of "
                              f"{TEXT_BYTES / 1e3:g} kB for one cell; try to print less, or into a file")

    def seconds(self) -> float:
        return time.monotonic() - self.started if self.started else 0.0

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
        minutes = f"{self.limit / 60:g} minutes"
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
        from lib.pipeline.kernel import OwnKernel

        status, line = OwnKernel.status, None
        crash = self.work / guard.CRASH
        if crash.exists():
            line = re.search(r"ipykernel_\d+[^\n]*\.py\", line (\d+)", crash.read_text("utf-8", "replace"))
        if status == -signal.SIGKILL:
            memory = _kills_for_memory() > self.kills
            why = ("the system ended the kernel, since the memory was not enough; try fewer samples" if memory else
                   "the kernel was killed; most often the memory was not enough: try fewer samples")
        elif status is not None and status < 0:
            why = (f"the kernel died of {guard.signal_name(-status)}, in compiled code; try the "
                   "same with fewer or smaller arrays, and with another version of the library that this line calls")
        else:
            why = f"the kernel died: it ended itself with status {status}; try without the call that ends it"
        return self.failed(why, int(line[1]) if line else None)


def line_of(trace: list[str]) -> int | None:
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


def _kernel_cost(cost: dict) -> dict:
    """Processor time and peak memory of the kernel (the only child of this process) and of its workers so far."""
    import psutil

    with contextlib.suppress(psutil.Error, IndexError, OSError):
        kernel = psutil.Process().children()[0]
        times, memory = kernel.cpu_times(), kernel.memory_info().rss
        seconds = times.user + times.system + times.children_user + times.children_system
        status = Path(f"/proc/{kernel.pid}/status")
        if status.exists():  # Linux keeps the peak itself
            memory = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text("utf-8"))[1]) * 1024
        for worker in kernel.children(recursive=True):  # they compute points of sweeps
            with contextlib.suppress(psutil.Error):
                times, resident = worker.cpu_times(), worker.memory_info().rss
                seconds, memory = seconds + times.user + times.system, memory + resident
        return {"core_seconds": seconds, "peak_memory_bytes": max(memory, cost["peak_memory_bytes"])}
    return cost
