"""The driver behind `make book`, `make chapter`, `make accept` and `make check`.

It takes the lock of the tree, checks every chapter before anything starts, decides which are stale, has them
executed side by side (:mod:`lib.pipeline.execute`, a process each) and the site rendered
(:mod:`lib.pipeline.site`), and says in a sentence what went wrong.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lib import atomic
from lib.pipeline import number_names, rehearsal, site
from lib.study import (
    anchors,
    claim_files,
    inputs,
    ledger,
    lifeline,
    notebooks,
    parameters,
    provenance,
    results,
    runs,
    surroundings,
)
from lib.study.telling import telling

DEAD_DRIVER_WAIT = 5.0  # seconds until what a dead driver has started must have ended
FREE_BYTES = 100 * 2**20  # a build needs tens of megabytes; a full disk is better named at the start


class BuildError(ValueError):
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


def check(top: Path, whole: bool = False) -> list[str]:
    """What is wrong with the sources, one line each, all that can be said at once: pages, settings and contents of the
    book, chapters, their parameters and claims, the parameter sets; and with the versions of the packages.

    Of a page that cannot be read as its author reads it, only that is said.  whole: the style of code and prose, too,
    and what the renderer refuses.
    """
    from lib.pipeline import (  # load the parsers of the renderer
        book_files,
        editing,
        items,
        page_text,
        tidy,
        typed_numbers,
    )

    problems, lost, chapters = [], set(), []

    def note(lines: Iterable[str] | None) -> None:
        """Add what was found, if anything, but for what comes of pages that are lost anyway."""
        problems.extend(line for line in lines or () if line not in problems and not any(name in line for name in lost))

    def attempt(look: Callable, *arguments: object):
        """What a function gives; where it raises, that is a problem, and nothing is given."""
        try:
            return look(*arguments)
        except ValueError as error:
            return note([str(error)])

    for path in sorted((top / "book").glob("*.md")):
        if lines := page_text.of_page(path):
            note(lines)
            lost.add(path.name)
    for path in attempt(notebooks.chapter_files, top) or []:
        if path.name not in lost and (chapter := attempt(notebooks.checked_chapter, path)):
            chapters.append(chapter)
        else:
            lost.add(path.name)
    for look in (parameters.misnamed_sets, notebooks.stray_notebooks, book_files.problems):
        note(attempt(look, top))
    can_be_rendered = not problems and not claim_files.read(top)[1]
    for look in (provenance.other_versions, editing.problems, ledger.problems, anchors.changed_without_version,
                 results.problems, parameters.refused_commands, items.problems):
        note(attempt(look, top))
    sets = {profile: attempt(parameters.profile_values, top, profile) for profile in parameters.profiles(top)}
    for chapter in chapters:
        if attempt(parameters.declared, chapter) is not None:
            note(attempt(inputs.missing, top, chapter))
            for profile, values in sets.items():
                attempt(parameters.resolve, chapter, (values or {}).get(chapter.number, {}),
                        f"{profile}.yml, section {chapter.number}")
    if whole:
        for chapter in chapters:
            note(tidy.problems(top, chapter))
        note(attempt(typed_numbers.problems, top))
        note(attempt(rehearsal.problems, top) if can_be_rendered else [])
        note(attempt(number_names.problems, top) if can_be_rendered else [])
    return problems


def check_all(top: Path) -> str:
    """Say that the sources are in order; raises `ValueError` with all that is wrong with them."""
    if problems := check(top, whole=True):
        raise ValueError("\n".join(problems))
    n_chapters = len(notebooks.chapter_files(top))
    return f"{n_chapters} chapters, their code, prose, claims and parameter sets are in order"


def stale_chapters(top: Path, profile: str) -> list[str]:
    """The chapters without a complete run of what they depend on now, those that take longest first.

    The failures of all others are forgotten: they are of an attempt that was taken back.
    """
    root, stale = runs.profile_root(top, profile), {}
    for path in notebooks.chapter_files(top):
        last = runs.read_run(root, path.stem)
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
    commands = {stem: surroundings.command(top, "lib", "execute", stem, *options) for stem in stems}
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
    return f"\n{runs.PLACE_ERRORS[errno.ENOSPC]}" if runs.disk_is_full(top) else ""


def build_book(top: Path, profile: str, jobs: int) -> Path:
    """Bring the whole book up to date and return its first page."""
    with locked(top) as lock:
        prepare(top, profile)
        _look(top)
        with telling("comparing chapters with their last runs"):
            stale = stale_chapters(top, profile)
        _refuse_late(top, jobs, stale)
        what = f"{len(stale)} chapter(s) to execute" if stale else "every chapter is up to date"
        print(f"{profile} profile: {what}", flush=True)
        execute(top, profile, jobs, stale, lock)
        _render(top, profile, lock)
    return runs.profile_root(top, profile) / "html" / "index.html"


def build_page(top: Path, profile: str, chapter: str, jobs: int, params: str, sweep: str) -> str:
    """Build a chapter, or, with parameters or values of one as typed by hand, a page beside the book; say where."""
    if params or sweep:
        page = build_whatif(top, profile, chapter, params, sweep, jobs)
        return f"{'page of the sweep' if sweep else 'what-if page'}: {page}"
    return f"page: {build_chapter(top, profile, chapter, jobs)}"


def build_chapter(top: Path, profile: str, name: str, jobs: int) -> Path:
    """Bring one chapter up to date, and the site where every chapter has been executed; return its page."""
    from lib.pipeline import whatif

    with locked(top) as lock:
        prepare(top, profile)
        path = notebooks.find_chapter(top, name)
        _look(top)
        with telling("comparing chapters with their last runs"):
            stale = [stem for stem in stale_chapters(top, profile) if stem == path.stem]
            modules = provenance.chapter_inputs(top, path, profile).modules
        _refuse_late(top, jobs, stale, anchors.of_modules(top, modules))
        execute(top, profile, jobs, stale, lock)
        root = runs.profile_root(top, profile)
        try:
            site.read_records(top, profile)
        except ValueError:
            print("  other chapters have not been executed yet: this page is rendered alone", flush=True)
            with telling("rendering the page"):
                return whatif.render_alone(top, root, root / "alone" / path.stem, path.stem)
        _render(top, profile, lock)
        return root / "html" / f"{path.stem}.html"


def _render(top: Path, profile: str, lock: int) -> None:
    try:
        with telling("rendering the pages"):
            rendered = site.build(top, profile, lock)
    except ValueError as error:
        raise BuildError(f"the site was left as it was: {error}{_full(top)}") from None
    print("  pages rendered" if rendered else "  pages unchanged", flush=True)
    if profile == number_names.PROFILE:
        print("".join(f"  {line}\n" for line in number_names.behind(top)), end="", flush=True)


def build_whatif(top: Path, profile: str, name: str, text: str, sweep: str, jobs: int) -> Path:
    """Make a page of one chapter with other parameters, or of several values of one, beside the book; return it.

    What was typed is refused at once, and of the pages only this one is rehearsed.
    """
    from lib.pipeline import vary, whatif

    path = notebooks.find_chapter(top, name)
    chapter = _declaring(path)
    if chapter:
        parameters.check_typed(chapter, text, sweep)
    with locked(top):
        prepare(top, profile)
        _look(top)
        _refuse(rehearsal.problems(top, path))
        if sweep:
            return vary.build(top, path, profile, sweep, text, jobs)
        return whatif.build(top, path, profile, text, jobs)


def _declaring(path: Path) -> notebooks.Chapter | None:
    """A chapter whose parameters are in order; None for another one: `check` says what is wrong there, and all else."""
    with contextlib.suppress(ValueError):
        chapter = notebooks.checked_chapter(path)
        parameters.declared(chapter)
        return chapter
    return None


def _look(top: Path) -> None:
    """Refuse sources that are not in order, and say at the start what is done, since all of them are read."""
    print("looking at the sources ...", flush=True)
    with telling("looking at the sources"):
        problems = check(top)
    _refuse(problems)


def _refuse(problems: list[str]) -> None:
    if problems:
        raise BuildError("no chapter was executed, since the sources are not in order:\n  " + "\n  ".join(problems))


def _refuse_late(top: Path, jobs: int, stale: list[str], experiments: list[str] | None = None) -> None:
    """Refuse what would else come out after minutes: pages that the renderer refuses (it says so itself in seconds
    where nothing has to be executed), and code that no longer gives the results that are recorded, of these
    experiments or, if None, of all."""
    _refuse(rehearsal.problems(top) if stale else [])
    moved = [message for message in anchors.check(top, jobs, experiments).values() if message]
    if moved:
        raise BuildError("no chapter was executed, since the code no longer gives the results that are recorded:\n  "
                         + "\n  ".join(moved))
