"""The progress of long work: a bar in a terminal or notebook, a line now and then in a log."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from lib.study import session

QUIET_SECONDS = 60.0  # between two lines of a log, at least
FILE = "progress.txt"  # in the directory of a chapter's run; the build shows it
LINE = "{desc}: {n_fmt}/{total_fmt} points, {rate_noinv_fmt}, {remaining} left{postfix}"


def bar(name: str, total: int) -> tqdm:
    """A bar that counts points: done / total, rate, time left.

    In a log, and wherever output is not a terminal, it is a line at most once a minute; in a build the same line is in
    a file of the run's directory, which the build shows, so that pages hold no trace of it.
    """
    run = os.environ.get("COMPANION_RUN")
    if not run and (session.in_notebook() or sys.stderr.isatty()):
        return tqdm(total=total, desc=name, unit="point", dynamic_ncols=True)
    return tqdm(total=total, desc=name, unit=" points", bar_format=LINE, file=_Lines(run),
                mininterval=1.0 if run else QUIET_SECONDS, maxinterval=float("inf"), miniters=1)


class _Lines:
    """Takes what tqdm writes: one line after the other to stderr, or only the last one to a file of the run."""

    def __init__(self, run: str | None):
        self.path = Path(run, FILE) if run else None

    def write(self, text: str) -> None:
        if not (line := text.strip()):
            return
        if self.path is None:
            print(line, file=sys.stderr, flush=True)
        else:
            with contextlib.suppress(OSError):
                self.path.write_text(line, "utf-8")

    def flush(self) -> None:
        pass


def pass_on(stream: BinaryIO) -> None:
    """Show what a step writes in a terminal: a line that begins with a carriage return is its present state, which
    stays at the bottom until the next one; all others go above."""
    with tqdm(bar_format="{desc}", leave=False, dynamic_ncols=True, file=sys.stdout) as state:
        for line in stream:
            text = line.decode("utf-8", "replace").removesuffix("\n")
            if text.startswith("\r"):
                state.set_description_str(text[1:])
            else:
                tqdm.write(text, file=sys.stdout)


def duration(seconds: float) -> str:
    """A time in words, to two figures: `45 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
