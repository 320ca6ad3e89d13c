"""Processes of a build that end when the one that started it dies, however it dies.

The driver keeps the writing end of a pipe whose reading end is the standard input of every step (each passes its own
on to what it starts).  Nothing is ever written: the end of the file means that the driver is gone.
"""

from __future__ import annotations

import contextlib
import os
import threading

VARIABLE = "COMPANION_LIFELINE"  # set where the standard input is such a pipe


def hold() -> None:
    """Watch the driver from now on, if it gave this process a lifeline: end, with every child, when it dies."""
    if os.environ.get(VARIABLE) == "stdin":
        threading.Thread(target=_watch, name="lifeline", daemon=True).start()


def _watch() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    _end()


def _end() -> None:
    import psutil

    with contextlib.suppress(psutil.Error):
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    os._exit(1)
