"""Writing so that a reader, or a process killed at any moment, sees the old content or the new, never a part of it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Replace the file `path` by `content`.

    A temporary file beside it is flushed to the disk, then renamed. Whatever goes wrong on the way,
    a full disk or an interrupt, an earlier file stays as it was.

    Parameters
    ----------
    path : pathlib.Path
        A missing folder is made.
    content : bytes
        What the file holds afterwards.

    Raises
    ------
    OSError
        As the system does, naming `path`.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:  # a keyboard interrupt too must leave nothing behind
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):  # about the file that the caller knows
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    with contextlib.suppress(OSError):  # not every system opens folders
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # makes the rename itself survive a power cut
        finally:
            os.close(folder)


def write_json(path: Path, value: object) -> None:
    """Replace `path` by `value` as readable JSON.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    value : object
        What JSON can hold.

    Raises
    ------
    ValueError
        For NaN.
    OSError
        As `write_bytes` does.

    """
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes(path, text.encode("utf-8"))


def write_json_if_changed(path: Path, value: object) -> bool:
    """Like `write_json`, but leave a file that already holds `value` untouched.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    value : object
        What JSON can hold.

    Returns
    -------
    bool
        Whether it wrote.

    """
    if read_json(path) == value:
        return False
    write_json(path, value)
    return True


def read_json(path: Path) -> object | None:
    """The content of a JSON file.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    object or None
        None where the file is missing or damaged (it is then made again).

    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def sha256(path: Path) -> str | None:
    """SHA-256 of a file, or of the names and contents of all files below a directory.

    Parameters
    ----------
    path : pathlib.Path
        The file or directory.

    Returns
    -------
    str or None
        In hexadecimal digits; None where it is missing.

    """
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts):
            digest.update(f"{file.relative_to(path).as_posix()}\0{sha256(file)}\n".encode())
        return digest.hexdigest()
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def digest(value: object) -> str:
    """SHA-256 of what JSON can hold.

    Parameters
    ----------
    value : object
        Mappings count without the order of their keys.

    Returns
    -------
    str
        In hexadecimal digits.

    """
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def swap_directory(new: Path, target: Path) -> None:
    """Put the directory `new` in the place of `target`.

    Two renames, since no portable call exchanges two directories. Should the process die between
    them, `recover_directory` finishes the job.

    Parameters
    ----------
    new : pathlib.Path
        The directory that is moved.
    target : pathlib.Path
        Where it goes; what was there is removed.

    """
    old = _old(target)
    shutil.rmtree(old, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        os.rename(target, old)
    os.rename(new, target)
    shutil.rmtree(old, ignore_errors=True)


def recover_directory(target: Path) -> None:
    """After a death in `swap_directory`: bring the old directory back if nothing is in its place.

    Parameters
    ----------
    target : pathlib.Path
        As in `swap_directory`.

    """
    old = _old(target)
    if old.exists() and not target.exists():
        os.rename(old, target)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Hold a lock file, which stays, while a block of code runs.

    Parameters
    ----------
    path : pathlib.Path
        The file; a missing folder is made.

    Yields
    ------
    bool
        Whether no other process holds it; True where the file system knows no locks.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        is_alone = True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_alone = False
        except OSError:  # no locks here
            pass
        yield is_alone


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")
