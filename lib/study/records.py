"""Records: results of long runs in a text file, one line of JSON a point, appended and never rewritten.

A line is written in one go under a lock and flushed to the disk before the next, so a killed run loses only the
points that it was computing, and several processes may write to one file.  Every line begins with a check sum of the
rest.  A last line that a killed run left unfinished is cut off, with a message, and its point is computed again; a
damaged line anywhere else is refused by file and line number.  What a line holds is described in :mod:`lib.study`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

FORMAT = 1
KINDS = ("point", "revalidation")
_START = b'{"check":"'
_BODY = len(_START) + 16 + 2  # where the part begins that the check sum covers: after `0123456789abcdef",`


def encode(body: dict) -> bytes:
    """One line for `body`; raises `ValueError` for NaN, infinities, and what JSON cannot hold."""
    try:
        text = json.dumps({"format": FORMAT, **body}, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected a record of finite numbers, texts, lists and mappings, got: {error}") from None
    content = text[1:].encode()  # without the brace that opens it
    return b"%b%b\",%b\n" % (_START, _check(content), content)


def decode(line: bytes) -> dict:
    """The content of a line, without its end; raises `ValueError` where it is not what was written."""
    if line.startswith((b"<<<<<<<", b"=======", b">>>>>>>")):
        raise ValueError("a mark of a merge conflict; try to delete the marks and keep the lines of both sides")
    if not line.startswith(_START) or line[len(_START):_BODY] != _check(line[_BODY:]) + b'",':
        raise ValueError("a line that is damaged or was edited (its check sum is wrong); try the file's last "
                         "committed version, or delete the line, and its point is computed again")
    body = json.loads(line)
    if body.get("format") != FORMAT or body.get("kind") not in KINDS:
        raise ValueError(f"a line of format {body.get('format')!r} and kind {body.get('kind')!r}, where this version "
                         f"reads format {FORMAT} and {', '.join(KINDS)}; try a newer version of this package")
    del body["check"], body["format"]
    return body


def settings_key(settings: dict) -> str:
    """The text by which a point is known: its settings, in the order of their names."""
    return json.dumps(settings, sort_keys=True, allow_nan=False)


class Record:
    """The record in the file `path`, which need not exist yet.

    `points` holds the lines of every point by :func:`settings_key`, in the order of the file, `revalidations` the
    lines that say which earlier code gave the same numbers.  :meth:`refresh` reads what was appended since, by this
    process or others.  `tell` receives the message about a last line that was cut off.
    """

    def __init__(self, path: Path, tell: Callable[[str], None] | None = None):
        self.path = path
        self.points: dict[str, list[dict]] = {}
        self.revalidations: list[dict] = []
        self._tell = tell or (lambda message: print(message, file=sys.stderr))
        self._end = 0  # bytes read so far, always a whole number of lines
        self._n_lines = 0
        self._lock = threading.Lock()  # points are asked for and written in different threads
        self.refresh()

    def refresh(self) -> None:
        """Read what was appended since the last time; raises `ValueError` naming a damaged line."""
        with self._lock:
            try:
                file = os.open(self.path, os.O_RDONLY)
            except FileNotFoundError:
                return
            try:
                if os.fstat(file).st_size == self._end:
                    return
                _lock(file, fcntl.LOCK_SH, self.path)  # nobody is in the middle of a line
                rest = self._read(file)
                if rest and not _is_whole(rest):
                    self._tell(self._cut(rest) + "; it is ignored")
                elif rest:  # an editor took the end of the file's last line away; the next writer gives it back
                    self._store(decode(rest))
            finally:
                os.close(file)

    def append(self, body: dict) -> None:
        """Write one line and flush it to the disk; raises `OSError` naming the file, which is then as before."""
        line = encode(body)
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not self.path.exists()
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                _lock(file, fcntl.LOCK_EX, self.path)
                self._repair(file)
                end = os.fstat(file).st_size
                try:
                    written = os.write(file, line)
                    if written < len(line):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(file)
                except BaseException as error:
                    os.ftruncate(file, end)  # whatever went wrong, half a line must not stay
                    if isinstance(error, OSError):
                        raise OSError(error.errno, error.strerror, str(self.path)) from error
                    raise
                self._take(line[:-1])
            finally:
                os.close(file)
            if is_new:
                _flush_folder(self.path.parent)

    def _repair(self, file: int) -> None:
        """Read to the end, and cut off what is no whole line, or give a whole one its end."""
        rest = self._read(file)
        if not rest:
            return
        if _is_whole(rest):
            os.write(file, b"\n")
            self._take(rest)
        else:
            self._tell(self._cut(rest) + "; it was removed")
            os.ftruncate(file, self._end)

    def _read(self, file: int) -> bytes:
        """Take the whole lines after what is known; return the rest of the last one, which has no end."""
        size = os.fstat(file).st_size
        if size < self._end:
            raise ValueError(f"{self.path}: expected a file that only grows, got one that lost {self._end - size} "
                             "bytes while it was in use; try to start again")
        parts, position = [], self._end
        while part := os.pread(file, 2**24, position):
            parts.append(part)
            position += len(part)
        *lines, rest = b"".join(parts).split(b"\n")
        for line in lines:
            self._take(line)
        return rest

    def _take(self, line: bytes) -> None:
        """Store a line, given without its end; an empty one says nothing."""
        self._n_lines += 1
        try:
            if line:
                self._store(decode(line))
        except ValueError as error:
            raise ValueError(f"{self.path}, line {self._n_lines}: expected a line of a record, got {error}") from None
        self._end += len(line) + 1

    def _store(self, body: dict) -> None:
        if body["kind"] == "revalidation":
            lines = self.revalidations
        else:
            lines = self.points.setdefault(settings_key(body["settings"]), [])
        if body not in lines:
            lines.append(body)

    def _cut(self, rest: bytes) -> str:
        return (f"{self.path}, line {self._n_lines + 1}: the last line is not whole ({len(rest)} bytes of a run that "
                "was killed while writing)")


def _check(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:16].encode()


def _is_whole(line: bytes) -> bool:
    try:
        decode(line)
    except ValueError:
        return False
    return True


def _lock(file: int, kind: int, path: Path) -> None:
    try:
        fcntl.flock(file, kind)
    except OSError as error:
        if kind == fcntl.LOCK_SH:
            return  # a file system without locks can still be read
        raise OSError(error.errno, "this file system has no locks; try a record on a local disk", str(path)) from error


def _flush_folder(path: Path) -> None:
    """Make the entry of a new file survive a power cut."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
