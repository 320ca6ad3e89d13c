"""What a chapter reads: files, folders and patterns below the tree, as its front matter declares them.

The digests of what is declared decide whether a chapter is stale; :mod:`lib.study.guard` refuses all other reads
below the tree while it runs.  An entry is a path as it stands, or, where there is none such, a pattern of `glob`.
"""

from __future__ import annotations

import glob
import json
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lib import atomic
from lib.study.guard import lines

if TYPE_CHECKING:
    from lib.study.notebooks import Chapter

MADE_HERE = ("_build", ".git", ".venv", "lib")  # what a build makes, or what counts as code


def declared(chapter: Chapter) -> list[str]:
    """The entries of `inputs` below `companion`; raises `ValueError` for one that names nothing below the tree."""
    entries, name = chapter.settings.get("inputs") or [], chapter.path.name
    if not isinstance(entries, list):
        raise ValueError(f"{name}: expected a list of paths for inputs, got {entries!r}; try\n{lines([str(entries)])}")
    for entry in entries:
        if not isinstance(entry, str):
            raise ValueError(f"{name}: expected a path among inputs, got {entry!r}; try {json.dumps(str(entry))}")
        parts = entry.split("/")
        if not entry or entry.startswith(("/", "~")) or "\\" in entry or set(parts) & {"", ".", ".."}:
            raise ValueError(f"{name}: expected a path from the top of the repository among inputs, got {entry!r}; "
                             "try data/measurements/NAME.txt")
        if parts[0] in MADE_HERE:
            raise ValueError(f"{name}: expected data among inputs, got {entry!r}, which "
                             + ("is code: what the chapter imports counts by itself" if parts[0] == "lib"
                                else "is made anew") + "; try to delete it there")
    twice = sorted({entry for entry in entries if entries.count(entry) > 1})
    if twice:
        raise ValueError(f"{name}: expected every input once, got {', '.join(twice)} again; try to delete one of them")
    return entries


def names(top: Path, entry: str) -> list[str] | None:
    """The files and folders that an entry stands for, as paths from the top of the tree; None where there are none."""
    if (top / entry).exists():
        return [entry]
    return sorted(PurePosixPath(Path(found)).as_posix() for found in glob.glob(entry, root_dir=top, recursive=True)
                  if found) or None if glob.has_magic(entry) else None


def folders(entry: str, found: list[str], top: Path) -> list[str]:
    """The folders that must be listed to find what an entry stands for."""
    if found == [entry]:
        return []
    fixed = PurePosixPath(*_before_magic(PurePosixPath(entry).parts))
    if "**" in entry:
        below = [str(PurePosixPath(folder).relative_to(top)) for folder, *_ in os.walk(top / fixed, followlinks=True)]
        return sorted(below)
    return sorted({str(parent) for name in found for parent in PurePosixPath(name).parents
                   if parent.is_relative_to(fixed)} | {str(fixed)})


def found(top: Path, chapter: Chapter) -> dict[str, tuple[list[str], list[str]]]:
    """What every declared entry stands for, and the folders that are listed to find it."""
    return {entry: (inside := names(top, entry) or [entry], folders(entry, inside, top)) for entry in declared(chapter)}


def digests(top: Path, chapter: Chapter) -> dict[str, str | None]:
    """The digest of the content of every declared input; None where there is nothing."""
    return {entry: digest(top, entry) for entry in sorted(declared(chapter))}


def of_experiments(top: Path, last) -> dict[str, str | None]:
    """The digests now of what experiments have read in the last run of a chapter, where there is one."""
    return {name: atomic.sha256(top / name) for name in (last.experiments_read if last else ())}


def digest(top: Path, entry: str) -> str | None:
    """Of a file its content; of a folder the names and contents of all files in it, and behind links in it; of a
    pattern the contents of what it finds, and all names in the folders that it looks through, since a chapter that
    lists them sees these."""
    found = names(top, entry)
    if found is None:
        return None
    if found == [entry]:
        return _content(top / entry)
    looked = {folder: sorted(os.listdir(top / folder)) for folder in folders(entry, found, top)}
    return atomic.digest([looked, {name: _content(top / name) for name in found}])


def missing(top: Path, chapter: Chapter) -> list[str]:
    """Declared inputs that are not there, one line each; raises like :func:`declared`.

    A record may be made later: what lacks points says itself what to do.
    """
    return [f"{chapter.path.name}: expected its input {entry}, got nothing there; try to get it as data/README.md "
            "says, or to correct or delete it below inputs in the front matter"
            for entry in declared(chapter) if names(top, entry) is None and not entry.startswith("data/records/")]


def _content(path: Path) -> str | None:
    if not path.is_dir():
        return atomic.sha256(path)
    files, seen = {}, set()
    for folder, below, inside in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        below[:] = [] if real in seen else sorted(below)  # a link may lead back
        seen.add(real)
        for name in inside:
            file = Path(folder, name)
            files[file.relative_to(path).as_posix()] = atomic.sha256(file) if file.is_file() else None
    return atomic.digest(files)


def _before_magic(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(parts[:next(index for index, part in enumerate(parts) if glob.has_magic(part))])
