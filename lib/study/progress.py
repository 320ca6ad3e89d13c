"""The progress of long work: a bar in a terminal or notebook, a line now and then in a log."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

from lib.study import session

QUIET_SECONDS = 60.0  # between two lines of a log, at least
FILE = "progress.txt"  # in the directory of a chapter's run; the build shows it


class Progress:
    """Counts what is done: done / total, time left, rate, and how many failed.

    In a terminal or a notebook it is a bar (tqdm); in a log, and wherever output is not a terminal, a line at the
    start, at the end, and at most one a minute; in a build the same line in a file of the run's directory, which
    the build shows, so that pages hold no trace of it.  `total` counts what is to do now.
    """

    def __init__(self, name: str, total: int):
        self.name, self.total, self.done, self.failed = name, total, 0, 0
        self._start = self._told = time.monotonic()
        self._run = os.environ.get("COMPANION_RUN")
        self._bar = None
        if not self._run and total and (session.in_notebook() or sys.stderr.isatty()):
            from tqdm import tqdm

            self._bar = tqdm(total=total, desc=name, unit="point", dynamic_ncols=True, smoothing=0.1)
        elif total:
            self._say()

    def step(self, failed: bool = False) -> None:
        """Count one thing more as done."""
        self.done += 1
        self.failed += failed
        now = time.monotonic()
        if self._bar is not None:
            if self.failed:
                self._bar.set_postfix_str(f"{self.failed} failed", refresh=False)
            self._bar.update()
        elif self.done == self.total or now - self._told >= (1.0 if self._run else QUIET_SECONDS):
            self._told = now
            self._say()

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def line(self) -> str:
        """What a log shows."""
        text = f"{self.name}: {self.done}/{self.total} points"
        seconds = time.monotonic() - self._start
        if self.done and seconds > 0:
            text += f", {_rate(self.done / seconds)}"
            if self.done < self.total:
                text += f", {duration((self.total - self.done) * seconds / self.done)} left"
        return text + (f", {self.failed} failed" if self.failed else "")

    def _say(self) -> None:
        if not self._run:
            print(self.line(), file=sys.stderr, flush=True)
            return
        with contextlib.suppress(OSError):
            Path(self._run, FILE).write_text(self.line(), "utf-8")


def duration(seconds: float) -> str:
    """A time in words, to two figures: `45 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _rate(per_second: float) -> str:
    return f"{per_second:.3g} points/s" if per_second >= 1 else f"{60 * per_second:.2g} points/min"

