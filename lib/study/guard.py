"""Refuses reads below the tree that a chapter does not declare: an audit hook in its kernel and in all its workers.

`startup/sitecustomize.py` puts it into every Python process that a kernel starts, before any other code.  What it
cannot see is told, and tested, in `tests/study/test_inputs.py`: files that a compiled library opens by itself.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import signal
import sys
import threading
import urllib.parse
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

VARIABLE = "COMPANION_GUARD"  # the file that says what may be read
SETTINGS = "guard.json"  # and beside it: what was read, what failed, what runs on, where Python crashed, a sign of life
READS, TROUBLE, WAITING, CRASH, READY = "reads.jsonl", "trouble.jsonl", "waiting.jsonl", "crash.txt", "ready"
PLAIN = re.compile(r"[A-Za-z_][\w./+-]*")  # what YAML reads as text without quotes
# Below the tree, without a declaration: code, what runs are made with, and what the machinery itself keeps.
FREE = ("lib", ".venv", ".git", "_build/cache", "_build/points")
# What the machinery reads for itself; what comes of it is compared again when the book is put together.
OWN = {"data/thesis": "claim_files.py", "data/claims": "claim_files.py", "pyproject.toml": "provenance.py",
       "constraints.txt": "provenance.py"}
LISTINGS = ("os.listdir", "os.scandir")
SOURCES = ("sqlite3.connect", "os.link", "os.rename", "ctypes.dlopen")  # their first argument is read, now or later


class UndeclaredRead(Exception):
    """A chapter has read something below the tree that its front matter does not name."""


def write(top: Path, work: Path, page: Path, found: dict[str, tuple[list[str], list[str]]]) -> None:
    """Say what the run of a page in the folder `work` may read: entries, with what they stand for and the folders that
    are listed to find that."""
    settings = {"top": str(top), "page": page.relative_to(top).as_posix(), "place": work.relative_to(top).as_posix(),
                "names": {name: entry for entry, (names, _) in found.items() for name in names},
                "folders": sorted({folder for _, folders in found.values() for folder in folders}),
                "entries": list(found)}
    (work / SETTINGS).write_text(json.dumps(settings), "utf-8")


def environment(work: Path) -> dict[str, str]:
    """The variables of a process that is guarded, and whose children are, by the settings in the folder `work`."""
    return {VARIABLE: str(work / SETTINGS), "PYTHONPATH": _startup()}


@cache
def _startup() -> str:
    """The folder that PYTHONPATH names; a link to it where it could not, since the path has a colon."""
    startup = Path(__file__).with_name("startup")
    if os.pathsep not in str(startup):
        return str(startup)
    import atexit  # here, since every process of Python in a run loads this module
    import tempfile

    folder = tempfile.TemporaryDirectory(prefix="companion-")
    atexit.register(folder.cleanup)
    link = Path(folder.name, "startup")
    link.symlink_to(startup)
    return str(link)


def lines(entries: list[str]) -> str:
    """The lines of the front matter, below `companion`, that declare these entries."""
    quoted = [entry if PLAIN.fullmatch(entry) else json.dumps(entry, ensure_ascii=False) for entry in entries]
    return "\n".join(["  inputs:", *(f"  - {entry}" for entry in quoted)])


def allow(entries: Iterable[str]) -> None:
    """From now on this process may read what an experiment declares, too."""
    if _guard is not None:
        _guard.names |= {entry: None for entry in entries}


@contextlib.contextmanager
def experiment(name: str, version: int, entries: tuple[str, ...]) -> Iterator[None]:
    """While a point of an experiment is computed: it may read what it declares; a function without a version, what the
    chapter declares."""
    if _guard is None or not version:
        yield
        return
    allow(entries)
    before, _guard.experiment = _guard.experiment, (name, version, entries)
    try:
        yield
    finally:
        _guard.experiment = before


def notes(path: Path) -> list[dict]:
    """What processes have noted, a line each, in a file beside the settings of the guard."""
    try:
        return [json.loads(text) for text in path.read_text("utf-8").splitlines()]
    except FileNotFoundError:
        return []


def note(name: str, what: dict) -> None:
    """Append one line to a file beside the settings, whole whatever other processes write."""
    handle = os.open(Path(os.environ[VARIABLE]).with_name(name), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, json.dumps(what).encode() + b"\n")
    finally:
        os.close(handle)


def signal_name(number: int) -> str:
    """A signal in words; those for real time have a number alone."""
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


class _Guard:
    def __init__(self, settings: dict):
        self.page, self.declared = settings["page"], settings["entries"]
        self.tops = {settings["top"], os.path.realpath(settings["top"])}
        self.names, self.folders = settings["names"], set(settings["folders"])
        self.free = [*FREE, settings["place"], *self._below(sys.prefix)]
        self.known: set[tuple[str, bool]] = set()  # what may be read
        self.told: set[str] = set()
        self.experiment: tuple[str, int, tuple[str, ...]] | None = None  # whose point is computed here

    def __call__(self, event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and (flags & os.O_ACCMODE == os.O_WRONLY or flags & os.O_TRUNC):
                return
        elif event in LISTINGS or event in SOURCES:
            path = arguments[0] if arguments and arguments[0] is not None else "."
        else:
            return
        if isinstance(path, (str, bytes, os.PathLike)):
            if event == "sqlite3.connect" and os.fsdecode(path).startswith("file:"):
                path = urllib.parse.unquote(urllib.parse.urlsplit(os.fsdecode(path)).path)
            path = os.path.abspath(os.path.join(getattr(_opening, "folder", ""), os.fsdecode(path)))
            if os.path.basename(path) not in self.cells():
                self.check(path, event in LISTINGS)

    def cells(self) -> set[str]:
        """File names of cells, which Python looks for in many folders when it shows a traceback."""
        return {os.path.basename(name) for name in cells}

    def check(self, path: str, listing: bool) -> None:
        """Raise :class:`UndeclaredRead` for a path that may not be read, or listed."""
        if (path, listing) in self.known or not self._refused(path, listing):
            self.known.add((path, listing))
            return
        name = self._refused(path, listing)
        error = UndeclaredRead(self._message(name, listing))
        note(TROUBLE, {"error": f"UndeclaredRead: {error}", **place()})
        raise error

    def _below(self, path: str) -> list[str]:
        """A path from the top of the tree; nothing where it is outside."""
        return [os.path.relpath(path, top) for top in self.tops if f"{path}/".startswith(top.rstrip("/") + "/")]

    def _refused(self, path: str, listing: bool) -> str | None:
        """The name below the tree of what may not be read."""
        spelled, real = self._below(path), self._below(os.path.realpath(path))
        for name in {*spelled, *real}:
            if self._is_declared(name, listing):
                return None
        inside = real or spelled  # a link out of the tree is what it is called, one into it what it leads to
        if not inside or any(self._is_free(name, listing) for name in inside):
            return None
        return _source(inside[0])

    def _is_declared(self, name: str, listing: bool) -> bool:
        if listing and name in self.folders:
            return True
        while name not in self.names:
            name = os.path.dirname(name)
            if not name:
                return False
        entry = self.names[name]
        if entry is not None and entry not in self.told:
            self.told.add(entry)
            note(READS, {"entry": entry})
        return True

    def _is_free(self, name: str, listing: bool) -> bool:
        if any(name == free or name.startswith(free + "/") for free in self.free):
            return True
        by = _caller()
        if listing and by.startswith("<frozen importlib"):  # Python looks for modules
            return True
        return any(by.endswith(f"lib/study/{module}") for own, module in OWN.items()
                   if name == own or name.startswith(own + "/"))

    def _message(self, name: str, listing: bool) -> str:
        read = "look into the folder" if listing else "read of"
        what = f"expected inputs that {self.page} declares, got a {read} {name}"
        if name == ".":
            return f"{what.removesuffix('.')}at the top of the tree; try to name a folder in it, and to declare that"
        if self.experiment:
            who, version, entries = self.experiment
            data = ", ".join(json.dumps(entry) for entry in [*entries, name])
            return (f"expected data that the experiment {who} declares, got a {read} {name}; try this line above it:\n"
                    f"@experiment(version={version}, data=({data},))")
        if name.split("/")[0] in ("_build", ".git", ".venv", "lib"):
            return f"{what}, which is made anew; try to keep what the chapter needs in data, and to declare that"
        return (f"{what}; try these lines below 'companion:' in its front matter"
                f"{', in place of its inputs' if self.declared else ''}:\n{lines([*self.declared, name])}")


cells: dict[str, int] = {}  # in a kernel: the number of the run cell, by the file name that tracebacks give it


def place(frame=None) -> dict:
    """The cell and line that a frame, or this thread, comes from, {"cell": ..., "line": ...}; {} where from none."""
    frame = frame or sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename in cells:
            return {"cell": cells[frame.f_code.co_filename], "line": frame.f_lineno}
        frame = frame.f_back
    return {}


def _caller() -> str:
    """The file of the nearest code that is not this, nor the standard library or an installed package."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib") or (name != __file__ and not _is_installed(name)):
            return name
        frame = frame.f_back
    return ""


def _is_installed(name: str) -> bool:
    return name.startswith((*_INSTALLED, "<frozen")) or "site-packages" in name


def _source(name: str) -> str:
    """The name of a module for that of its compiled form."""
    try:
        return importlib.util.source_from_cache(name) if name.endswith(".pyc") else name
    except ValueError:
        return name


def _open(path: str | bytes | os.PathLike, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    """In place of `os.open`, whose event does not tell the folder that a path is relative to."""
    if dir_fd is None:
        return _os_open(path, flags, mode)
    _opening.folder = _folder_of(dir_fd)
    try:
        return _os_open(path, flags, mode, dir_fd=dir_fd)
    finally:
        del _opening.folder


def _folder_of(handle: int) -> str:
    if sys.platform == "darwin":
        import fcntl

        return os.fsdecode(fcntl.fcntl(handle, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{handle}")


_os_open, _opening = os.open, threading.local()
_INSTALLED = (os.path.dirname(os.__file__) + os.sep,)
_guard: _Guard | None = None


def install() -> None:
    """Put the hook into this process, once, where a run says what it may read."""
    global _guard
    if _guard is None and VARIABLE in os.environ:
        _guard = _Guard(json.loads(Path(os.environ[VARIABLE]).read_text("utf-8")))
        sys.addaudithook(_guard)
        os.supports_dir_fd.add(_open)  # which libraries ask before they use it
        os.open = _open
