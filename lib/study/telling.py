"""What a command says while it works: in a terminal one line, always the present state; in a log a line now and then.

Steps of a build write their states as lines that begin with a carriage return, which their driver shows
(:mod:`lib.study.lifeline`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator

LIVE = "COMPANION_LIVE"  # set for steps where what they say of their state is shown in a terminal
LOG_SECONDS, LIVE_SECONDS = 15.0, 1.0  # between two lines in a log, and in a terminal

_states: list[Callable[[], str]] = []  # of the blocks that run, the innermost last


@contextlib.contextmanager
def telling(state: str | Callable[[], str], *, in_log: bool = False) -> Iterator[None]:
    """While a block runs, say in a terminal what it does: a text, with the time it takes, or what a function gives.

    in_log: elsewhere, too, every `LOG_SECONDS`.  Inside another such block only the inner one is told.
    """
    began = time.monotonic()
    _states.append(state if callable(state) else lambda: f"{state}, {time.monotonic() - began:.0f} s")
    try:
        with _told(in_log) if len(_states) == 1 else contextlib.nullcontext():
            yield
    finally:
        _states.pop()


@contextlib.contextmanager
def _told(in_log: bool) -> Iterator[None]:
    live, terminal = LIVE in os.environ, sys.stdout.isatty()
    if not (live or terminal or in_log):
        yield
        return
    ended, plain = threading.Event(), lambda state: print(f"\r{state}" if live else state, flush=True)
    with _bottom_line() if terminal else contextlib.nullcontext(plain) as show:

        def tell() -> None:
            while not ended.wait(LIVE_SECONDS if live or terminal else LOG_SECONDS):
                show(f"    {_states[-1]()}")

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@contextlib.contextmanager
def _bottom_line() -> Iterator[Callable[[str], None]]:
    """A last line of the terminal, which gives way to what is printed, and goes in the end."""
    from tqdm import tqdm  # a terminal alone needs it
    from tqdm.contrib import DummyTqdmFile

    with tqdm(bar_format="{desc}", leave=False, file=sys.stdout) as line, \
            contextlib.redirect_stdout(DummyTqdmFile(sys.stdout)):
        yield lambda state: line.set_description_str(state[:shutil.get_terminal_size().columns - 1])
