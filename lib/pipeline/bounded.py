"""The limit for the output of a cell: its kernel counts messages on their way out, and too many end the cell."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
import types
from collections.abc import Callable

from lib.study import guard

OUTPUT_BYTES = 10 * 10**6  # of a cell, as it arrives; a message, however small, counts as MESSAGE_BYTES
MESSAGE_BYTES = 1000
QUICK_MESSAGES, MESSAGE_SECONDS = 500, 0.01  # after so many of a cell, each waits, or the socket would drop some
DELIMITER = b"<IDS|MSG>"  # of a Jupyter message: identities before it, signature and header behind
STOP = signal.SIGUSR1  # ends a cell that has sent too much
UNBOUNDED = ("status", "execute_input", "iopub_welcome", "shutdown_reply")


class Output:
    """What the cell that runs has sent to whoever shows output; `trouble` notes a failure, and where it was."""

    def __init__(self, shell, trouble: Callable[[str, dict], None]):
        self.trouble = trouble
        thread = shell.kernel.iopub_socket.io_thread
        self.send, thread.send_multipart = thread.send_multipart, self.bounded
        signal.signal(STOP, _stop)
        self.begin()

    def begin(self) -> None:
        """Count anew, for the next cell."""
        self.bytes, self.messages, self.is_over = 0, 0, False

    def bounded(self, frames: list, *arguments, **settings) -> None:
        """Send a message, unless the cell has sent too much; then stop the cell."""
        header = json.loads(bytes(frames[frames.index(DELIMITER) + 2]))
        if header["msg_type"] not in UNBOUNDED:
            self.messages += 1
            self.bytes += max(MESSAGE_BYTES, sum(len(frame) for frame in frames))
            if self.messages > QUICK_MESSAGES:
                time.sleep(MESSAGE_SECONDS)
            if self.bytes > OUTPUT_BYTES and header["msg_type"] != "error":
                main = threading.main_thread().ident
                if not self.is_over:
                    self.is_over = True
                    self.trouble(f"the cell wrote more than {OUTPUT_BYTES / 1e6:g} MB of output, the limit for one "
                                 f"cell, in {self.messages} messages (each counts as {MESSAGE_BYTES / 1000:g} kB at "
                                 "least); try to print less, or into a file",
                                 guard.place(sys._current_frames().get(main)))
                signal.pthread_kill(main, STOP)
                return
        self.send(frames, *arguments, **settings)


def _stop(number: int, frame: types.FrameType | None) -> None:
    """Signal handler: end the cell, but leave the kernel itself alone, which is sending what a cell wrote last, say."""
    if guard.place(frame):
        raise KeyboardInterrupt
