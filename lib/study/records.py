"""Records: results of long runs in a text file, one line of JSON a point, appended and never rewritten.

A line is written in one go under a lock and flushed to the disk before the next, so a killed run loses only the
points that it was computing, and several processes may write to one file.  Every line begins with a check sum of the
rest.  A last line that a killed run left unfinished is cut off, with a message, and its point is computed again; a
damaged line anywhere else is refused by file and line number.  What a line holds is described in :mod:`lib.study`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

FORMAT = 1
KINDS = ("point", "revalidation")
_START = b'{"check":"'
_MERGE_MARKS = (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")
_BODY = len(_START) + 16 + 2  # where the part begins that the check sum covers: after `0123456789abcdef",`


def encode(body: dict) -> bytes:
    """One line for `body`; raises `ValueError` for NaN, infinities, what JSON cannot hold and what is no line."""
    try:
        text = json.dumps({"format": FORMAT, **body}, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"expected a record of finite numbers, texts, lists and mappings, got: {error}") from None
    content = text[1:].encode()  # without the brace that opens it
    line = b"%b%b\",%b" % (_START, _check(content), content)
    decode(line)  # what could not be read must not be written
    return line + b"\n"


def decode(line: bytes) -> dict:
    """The content of a line, without its end; raises `ValueError` where it is not what was written."""
    if line.startswith(_MERGE_MARKS):
        raise ValueError("a mark of a merge conflict; try to delete the marks and keep the lines of both sides")
    if not _is_checked(line):
        if _is_checked(line.removesuffix(b"\r")):
            raise ValueError("a line that ends as on Windows; try to turn off the conversion of line ends")
        raise ValueError("a line that is damaged or was edited (its check sum is wrong); try the file's last "
                         "committed version, or delete the line, and its point is computed again")
    body = json.loads(line)
    if body.get("format") != FORMAT or body.get("kind") not in KINDS:
        raise ValueError(f"a line of format {body.get('format')!r} and kind {body.get('kind')!r}, where this version "
                         f"reads format {FORMAT} and {', '.join(KINDS)}; try a newer version of this package")
    if not isinstance(body.get("settings"), dict):
        raise ValueError(f"a {body['kind']} without settings")
    del body["check"], body["format"]
    return body


def settings_key(settings: dict) -> str:
    """The text by which a point is known: its settings, in the order of their names."""
    return _key_encoder.encode(settings)


_key_encoder = json.JSONEncoder(sort_keys=True, allow_nan=False)  # made once: there are many keys


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
        self._told = -1  # where the unfinished line begins of which the caller has been told
        self._inode: int | None = None
        self._lock = threading.Lock()  # points are asked for and written in different threads
        self.refresh()

    def refresh(self) -> None:
        """Read what was appended since the last time; raises `ValueError` naming a damaged line."""
        with self._lock, _naming(self.path):
            try:
                file = os.open(self.path, os.O_RDONLY)
            except FileNotFoundError:
                return
            with _locked(file, fcntl.LOCK_SH, self.path):  # nobody is in the middle of a line
                self._begin_anew_if_replaced(file)
                if os.fstat(file).st_size == self._end:
                    return
                rest = self._read(file)
                if _is_whole(rest):  # an editor took its end away; the next writer gives it back
                    self._take(rest, ended=False)
                elif rest and self._told != self._end:
                    self._tell(self._cut(rest) + "; it is ignored")
                    self._told = self._end

    def append(self, body: dict) -> None:
        """Write one line and flush it to the disk; raises `OSError` naming the file, which is then as before."""
        line = encode(body)
        with self._lock, _naming(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not self.path.exists()
            while True:
                file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
                with _locked(file, fcntl.LOCK_EX, self.path):
                    if not self._is_still(file):  # Git put another there while this one waited for the lock
                        continue
                    self._begin_anew_if_replaced(file)
                    self._repair(file)
                    self._write(file, line)
                    self._take(line[:-1])
                    break
            if is_new:
                _flush_folder(self.path.parent)

    def _is_still(self, file: int) -> bool:
        """Whether an open file is the one that the path names."""
        try:
            return os.path.samestat(os.fstat(file), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _begin_anew_if_replaced(self, file: int) -> None:
        """Forget what was read of another file: Git puts a new one in its place."""
        inode = os.fstat(file).st_ino
        if self._inode not in (None, inode):
            self.points, self.revalidations, self._end, self._n_lines, self._told = {}, [], 0, 0, -1
        self._inode = inode

    def _repair(self, file: int) -> None:
        """Read to the end, and cut off what is no whole line, or give a whole one its end."""
        rest = self._read(file)
        if _is_whole(rest):
            self._take(rest, ended=False)  # refuses what it cannot read before anything is written
            self._write(file, b"\n")
            self._n_lines, self._end = self._n_lines + 1, self._end + len(rest) + 1
        elif rest:
            self._tell(self._cut(rest) + "; it was removed")
            os.ftruncate(file, self._end)

    def _write(self, file: int, content: bytes) -> None:
        """Write and flush everything or nothing: whatever goes wrong, half a line must not stay."""
        end = os.fstat(file).st_size
        try:
            if os.write(file, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
        except BaseException:
            os.ftruncate(file, end)
            raise

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

    def _take(self, line: bytes, ended: bool = True) -> None:
        """Store a line, given without its end; an empty one says nothing.  One that has no end is read again later."""
        try:
            body = decode(line) if line else None
        except ValueError as error:
            where = f"{self.path}, line {self._n_lines + 1}"
            raise ValueError(f"{where}: expected a line of a record, got {error}") from None
        if body is not None:
            lines = self.revalidations
            if body["kind"] == "point":
                lines = self.points.setdefault(settings_key(body["settings"]), [])
            if body not in lines:
                lines.append(body)
        if ended:
            self._n_lines, self._end = self._n_lines + 1, self._end + len(line) + 1

    def _cut(self, rest: bytes) -> str:
        return (f"{self.path}, line {self._n_lines + 1}: the last line is not whole ({len(rest)} bytes of a run that "
                "was killed while writing)")


def _check(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:16].encode()


def _is_checked(line: bytes) -> bool:
    """Whether the check sum of a line is right."""
    return line.startswith(_START) and line[len(_START):_BODY] == _check(line[_BODY:]) + b'",'


def _is_whole(rest: bytes) -> bool:
    """Whether what stands after the last end of a line lacks only its own: nothing that a killed run has left."""
    return _is_checked(rest) or rest.startswith(_MERGE_MARKS)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors of the system name the file that the caller knows."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextlib.contextmanager
def _locked(file: int, kind: int, path: Path) -> Iterator[None]:
    """Hold a lock on an open file, and close it at the end."""
    try:
        try:
            fcntl.flock(file, kind)
        except OSError as error:
            if kind == fcntl.LOCK_EX:
                raise OSError(error.errno, "this file system has no locks; try a record on a local disk") from error
            # A file system without locks can still be read.
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough where a process has forked in the meantime
    finally:
        os.close(file)


def _flush_folder(path: Path) -> None:
    """Make the entry of a new file survive a power cut."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
