"""Steps of a build: processes side by side that end when the one that started them dies, however it dies.

The driver keeps the writing end of a pipe whose reading end is the standard input of every step.  Nothing is ever
written: the end of the file means that the driver is gone, or wants no more of it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from lib.study import surroundings
from lib.study.telling import LIVE

VARIABLE = "COMPANION_LIFELINE"  # set where the standard input is such a pipe
TOLD = 3  # exit status of a step that has said itself what is wrong


def run(commands: dict[str, list[str]], logs: Path, jobs: int, environment: dict[str, str],
        inherited: tuple[int, ...] = ()) -> dict[str, int]:
    """Run commands by name, `jobs` at once, and return their exit statuses; one that fails stops no other.

    `environment` comes on top of what passes of the user's (:mod:`lib.study.surroundings`).
    They speak to the terminal (:func:`_pass_on`); what they write to stderr goes to `logs`/NAME.log.
    `inherited` are descriptors, of a lock say, that they hold too.  An exception here ends all of them; so does Ctrl-C,
    which reaches this process alone, and not a cell that would count as failed.
    """
    logs.mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()
    live = sys.stdout.isatty()
    variables = surroundings.variables(os.environ) | environment | {VARIABLE: "stdin"} | ({LIVE: "1"} if live else {})

    def step(name: str) -> int:
        with (logs / f"{name}.log").open("wb") as errors:
            process = subprocess.Popen(commands[name], stdin=reading, stdout=subprocess.PIPE if live else None,
                                       stderr=errors, pass_fds=inherited, env=variables, process_group=0)
            if live:
                shown = threading.Thread(target=_pass_on, args=(process.stdout,), daemon=True)
                shown.start()
            status = process.wait()
            if live:
                shown.join(1.0)  # what a chapter left running may hold the pipe
            return status

    pool = ThreadPoolExecutor(jobs)
    try:
        return dict(zip(commands, pool.map(step, commands), strict=True))
    finally:
        os.close(writing)
        pool.shutdown(cancel_futures=True)
        os.close(reading)


def _pass_on(stream: BinaryIO) -> None:
    """Show what a step writes in a terminal: a line that begins with a carriage return is its present state, which
    stays at the bottom until the next one; all others go above."""
    from tqdm import tqdm  # a terminal alone needs it

    with tqdm(bar_format="{desc}", leave=False, dynamic_ncols=True, file=sys.stdout) as state:
        for line in stream:
            text = line.decode("utf-8", "replace").removesuffix("\n")
            if text.startswith("\r"):
                state.set_description_str(text[1:])
            else:
                tqdm.write(text, file=sys.stdout)


def hold() -> None:
    """Watch the driver from now on, if it gave this process a lifeline: end, with every child, when it dies."""
    if os.environ.get(VARIABLE) == "stdin":
        threading.Thread(target=_watch, name="lifeline", daemon=True).start()


def _watch() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    import psutil

    with contextlib.suppress(psutil.Error):
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    os._exit(1)
