"""The driver behind `make book`, `make chapter`, `make accept` and `make check`.

It takes the lock of the tree, checks every chapter before anything starts, decides which are stale, has them
executed side by side (:mod:`lib.study.execute`, a process each) and the site rendered (:mod:`lib.study.site`), and
says in a sentence what went wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import errno
import fcntl
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from lib import atomic
from lib.study import (
    anchors,
    gate,
    inputs,
    ledger,
    lifeline,
    notebooks,
    parameters,
    provenance,
    rehearsal,
    results,
    runs,
    site,
    surroundings,
)

DEAD_DRIVER_WAIT = 5.0  # seconds until what a dead driver has started must have ended
FREE_BYTES = 100 * 2**20  # a build needs tens of megabytes; a full disk is better named at the start



class BuildError(Exception):
    """What went wrong, in words for the person who started the build."""


@contextlib.contextmanager
def locked(top: Path) -> Iterator[int]:
    """Hold the tree's lock, so that one build runs at a time; gives its file descriptor.

    The lock belongs to the open file and ends with the processes that hold it, however they die.
    """
    path = top / "_build" / ".lock"
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + DEAD_DRIVER_WAIT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = os.pread(handle, 200, 0).decode("utf-8", "replace").strip() or "unknown"
                if _is_alive(holder):
                    raise BuildError(f"expected no other build in this tree, got one ({holder}); "
                                     "try again when it has finished") from None
                if time.monotonic() > deadline:
                    raise BuildError(_left_over(path, holder)) from None
                time.sleep(0.1)
        now = datetime.datetime.now().strftime("%H:%M:%S")
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}, since {now}".encode(), 0)
        yield handle
    finally:
        os.close(handle)


def _is_alive(holder: str) -> bool:
    """Whether the process that a lock names still runs; yes where the name cannot be read."""
    import psutil

    words = holder.removeprefix("process ").partition(",")[0]
    try:
        return not words.isdecimal() or psutil.Process(int(words)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _left_over(path: Path, holder: str) -> str:
    """What to say where the driver of another build is dead, but not all that it had started."""
    import psutil

    real, found = os.path.realpath(path), []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and any(file.path == real for file in process.open_files()):
                found.append(str(process.pid))
    end = f"end what is left of it: kill {' '.join(found)}" if found else "end what is left of it"
    return (f"expected no other build in this tree, got the rest of one: its driver ({holder}) is dead, but not "
            f"everything that it started; try again in a minute, or {end}")


def prepare(top: Path, profile: str) -> None:
    """Clear away what a killed build left, and make sure that there is room."""
    root = runs.profile_root(top, profile)
    files = [root / "files" / path.stem for path in notebooks.chapter_files(top)]
    for directory in (root / "html", root / "stage", *files):
        atomic.recover_directory(directory)
    for place in (root / "executed", root / "failed"):
        for part in place.glob(".*.part"):
            part.unlink()
    for place in (top / "_build" / "whatif").glob("*"):
        if place.is_dir() and {path.name for path in place.iterdir()} <= {"execute.log"}:
            shutil.rmtree(place)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(top / "_build" / "tmp")
    (top / "_build" / "tmp").mkdir()
    free = shutil.disk_usage(top / "_build").free
    if free < FREE_BYTES:
        raise OSError(errno.ENOSPC, f"{free / 2**20:.0f} MiB left", str(top / "_build"))


def check(top: Path) -> list[str]:
    """What is wrong with the sources, one line each: pages, settings and contents of the book, chapters, their
    parameters and claims, the parameter sets; and with the versions of the packages that they run with."""
    from lib.study import book_files, editing, items, page_text  # load the parsers of the renderer

    problems = parameters.misnamed_sets(top) + notebooks.stray_notebooks(top) + provenance.other_versions(top)
    problems += book_files.problems(top) + editing.problems(top)
    if lost := page_text.problems(top):  # what follows would read another text than its author
        return problems + lost
    problems += ledger.problems(top) + anchors.changed_without_version(top) + results.problems(top)
    sets = {}
    for profile in parameters.profiles(top):
        try:
            sets[profile] = parameters.profile_values(top, profile)
        except ValueError as error:
            problems.append(str(error))
    for path in notebooks.chapter_files(top):
        try:
            chapter = notebooks.read_chapter(path)
            notebooks.check_chapter(chapter)
            parameters.declared(chapter)
            problems += inputs.missing(top, chapter)
        except ValueError as error:
            problems.append(str(error))
            continue
        for profile, values in sets.items():
            try:
                parameters.resolve(chapter, values.get(chapter.number, {}), f"{profile}.yml, section {chapter.number}")
            except ValueError as error:
                problems.append(str(error))
    return problems or parameters.refused_commands(top) + items.problems(top)


def check_style(top: Path) -> list[str]:
    """What ruff finds in the code of the chapters, and numbers typed in their prose, one line each."""
    from lib.study import tidy, typed_numbers

    code = [line for path in notebooks.chapter_files(top) for line in tidy.problems(top, notebooks.read_chapter(path))]
    return code + typed_numbers.problems(top)


def stale_chapters(top: Path, profile: str) -> list[str]:
    """The chapters without a complete run of what they depend on now, those that take longest first.

    The failures of all others are forgotten: they are of an attempt that was taken back.
    """
    root, stale = runs.profile_root(top, profile), {}
    for path in notebooks.chapter_files(top):
        last = runs.read_record(root, path.stem)
        if not runs.is_current(root, path.stem, provenance.chapter_inputs(top, path, profile, last=last)):
            stale[path.stem] = notebooks.read_chapter(path).budget or 0
        else:
            runs.clear_failure(root, path.stem)
    return sorted(stale, key=lambda stem: -stale[stem])


def execute(top: Path, profile: str, jobs: int, stems: list[str], lock: int) -> None:
    """Execute chapters, `jobs` at once; raises :class:`BuildError` when all have ended and one of them failed.

    They share the cores: sweeps never start more processes than there are `jobs`.  The lock lasts as long as any of
    them.  They say themselves what went wrong; a log is shown where one did not.
    """
    root = runs.profile_root(top, profile)
    options = [f"--root={top}", f"--profile={profile}", f"--cores={max(1, jobs // max(1, len(stems)))}"]
    commands = {stem: surroundings.command(top, "lib.study.execute", stem, *options) for stem in stems}
    ended = lifeline.run(commands, root / "logs", jobs, {}, (lock,))
    failed = [root / "logs" / f"{stem}.log" for stem, status in ended.items() if status]
    if not failed:
        return
    untold = [root / "logs" / f"{stem}.log" for stem, status in ended.items() if status not in (0, lifeline.TOLD)]
    tail = "".join("\n" + "".join(log.read_text("utf-8", "replace").splitlines(True)[-15:]) for log in untold)
    raise BuildError("the build failed; the last good output was left as it was "
                     f"(log: {', '.join(str(log.relative_to(top)) for log in failed)}){tail}{_full(top)}")


def _full(top: Path) -> str:
    """Words where the disk is full, which its own errors may have had no room to say."""
    full = shutil.disk_usage(top / "_build").free < FREE_BYTES // 10
    return f"\n{runs.PLACE_ERRORS[errno.ENOSPC]}" if full else ""


def build_book(top: Path, profile: str, jobs: int) -> Path:
    """Bring the whole book up to date and return its first page."""
    with locked(top) as lock:
        prepare(top, profile)
        _refuse(check(top))
        stale = stale_chapters(top, profile)
        _refuse_late(top, jobs, stale)
        what = f"{len(stale)} chapter(s) to execute" if stale else "every chapter is up to date"
        print(f"{profile} profile: {what}", flush=True)
        execute(top, profile, jobs, stale, lock)
        _render(top, profile, lock)
    return runs.profile_root(top, profile) / "html" / "index.html"


def build_chapter(top: Path, profile: str, name: str, jobs: int) -> Path:
    """Bring one chapter up to date, and the site where every chapter has been executed; return its page."""
    from lib.study import whatif

    with locked(top) as lock:
        prepare(top, profile)
        path = notebooks.find_chapter(top, name)
        _refuse(check(top))
        stale = [stem for stem in stale_chapters(top, profile) if stem == path.stem]
        _refuse_late(top, jobs, stale)
        execute(top, profile, jobs, stale, lock)
        root = runs.profile_root(top, profile)
        try:
            site.read_records(root, notebooks.chapter_files(top))
        except ValueError:
            print("  other chapters have not been executed yet: this page is rendered alone", flush=True)
            return whatif.render_alone(top, root, root / "alone" / path.stem, path.stem)
        _render(top, profile, lock)
        return root / "html" / f"{path.stem}.html"


def _render(top: Path, profile: str, lock: int) -> None:
    try:
        rendered = site.build(top, profile, lock)
    except (ValueError, gate.ChapterFailed) as error:
        raise BuildError(f"the site was left as it was: {error}{_full(top)}") from None
    print("  pages rendered" if rendered else "  pages unchanged", flush=True)


def build_whatif(top: Path, profile: str, name: str, text: str, sweep: str, jobs: int) -> Path:
    """Make a page of one chapter with other parameters, or of several values of one, beside the book; return it."""
    from lib.study import vary, whatif

    with locked(top):
        prepare(top, profile)
        path = notebooks.find_chapter(top, name)
        _refuse(check(top) or rehearsal.problems(top))
        if sweep:
            return vary.build(top, path, profile, sweep, text, jobs)
        return whatif.build(top, path, profile, text, jobs)


def _refuse(problems: list[str]) -> None:
    if problems:
        raise BuildError("no chapter was executed, since the sources are not in order:\n  " + "\n  ".join(problems))


def _refuse_late(top: Path, jobs: int, stale: list[str]) -> None:
    """Refuse what would else come out after minutes: pages that the renderer refuses (it says so itself in seconds
    where nothing has to be executed), and code that no longer gives the results that are recorded."""
    _refuse(rehearsal.problems(top) if stale else [])
    moved = [message for message in anchors.check(top, jobs).values() if message]
    if moved:
        raise BuildError("no chapter was executed, since the code no longer gives the results that are recorded:\n  "
                         + "\n  ".join(moved))


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 if all went well, 1 with a sentence on stderr if not."""
    parser = argparse.ArgumentParser(prog="python -m lib.study.build", description="Build the book.")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the top of the repository")
    parser.add_argument("--profile", default="laptop", help="parameter set: laptop (the chapters' own), smoke, paper")
    parser.add_argument("--jobs", default="2", help="chapters at once")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("book", help="execute what is stale and render the site")
    chapter = commands.add_parser("chapter", help="one chapter; with --params or --sweep a page beside the book")
    chapter.add_argument("name")
    chapter.add_argument("--params", default="", type=str.strip)
    chapter.add_argument("--sweep", default="", type=str.strip)
    commands.add_parser("accept", help="accept the present verdicts, and note what chapters took")
    commands.add_parser("check", help="check chapters and parameter sets")
    options = parser.parse_args(arguments)
    top = options.root.resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if os.fsencode(top) != str(top).encode("utf-8", "replace"):
            raise BuildError(f"expected a folder whose name is text in UTF-8, got {str(top)!a}; try to rename it: mv")
        _refuse(parameters.misnamed_sets(top) if options.command != "check" else [])  # before anything is written
        if options.profile not in parameters.profiles(top):
            raise BuildError(f"expected a profile, got {options.profile!r}; try {', '.join(parameters.profiles(top))}")
        if not re.fullmatch("0*[1-9][0-9]{0,5}", options.jobs):
            raise BuildError(f"expected JOBS, the chapters to execute at once, as a whole number from 1, "
                             f"got {options.jobs!r}; try JOBS=2")
        options.jobs = int(options.jobs)
        return _command(top, options)
    except (BuildError, ValueError) as error:
        print(f"\n{error}", file=sys.stderr)
    except OSError as error:
        if isinstance(error, shutil.Error) and _full(top):
            error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(top))  # a copy of a folder has no number
        if error.errno not in runs.PLACE_ERRORS:
            raise
        print(f"\n{error.filename}: {error.strerror}: {runs.PLACE_ERRORS[error.errno]}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstopped; the last good output was left as it was", file=sys.stderr)
        return 130
    return 1


def _command(top: Path, options: argparse.Namespace) -> int:
    if options.command == "book":
        print(f"\nThe book: {build_book(top, options.profile, options.jobs)}")
    elif options.command == "chapter" and (options.params or options.sweep):
        page = build_whatif(top, options.profile, options.name, options.params, options.sweep, options.jobs)
        print(f"\nThe {'page of the sweep' if options.sweep else 'what-if page'}: {page}")
    elif options.command == "chapter":
        print(f"\nThe page: {build_chapter(top, options.profile, options.name, options.jobs)}")
    elif options.command == "accept":
        root = runs.profile_root(top, options.profile)
        records = site.read_records(root, notebooks.chapter_files(top))
        changes = ledger.accept(top, options.profile, [site.described(top, record) for record in records])
        runs.note_times(top)
        print("\n".join(changes) or "every verdict is the accepted one already")
    elif options.command == "check":
        problems = check(top) or check_style(top) + rehearsal.problems(top)
        if problems:
            raise BuildError("\n".join(problems))
        n_chapters = len(notebooks.chapter_files(top))
        print(f"{n_chapters} chapters, their code, prose, claims and parameter sets are in order")
    return 0


if __name__ == "__main__":
    sys.exit(main())
