"""Waiting and counting in tests that must not hang on how busy a machine is: nothing here is a measure of speed."""

import sys
import time
from collections.abc import Callable

LIMIT = 600.0  # seconds, for whatever must come in the end


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something is so; fail only where it seems never to be."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def steps(call: Callable[[], object]) -> int:
    """How many lines of Python a call executes, which grows as its cost does, on every machine in the same way."""
    count, before = 0, sys.gettrace()

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
