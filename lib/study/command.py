"""The command line of the book, `python -m lib COMMAND`: every command, its options, and what becomes of an error.

The Makefile is a list of these.  A command loads its modules itself, since `status` has to be quick.  Steps of a build
are commands, too (`execute`, `render`, `anchors --measure`), which no help lists.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
import shutil
import signal
import sys
from pathlib import Path

from lib.study import lifeline, parameters, runs

STEPS = ("execute", "render")
# What a stopped command leaves, where it is not the site.
LEFT = {"records": "what was recorded is safe, and the same command goes on",
        "audit": "the audits of finished points are kept, and the same command goes on"}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 if all went well, 1 with a sentence on stderr if not; `execute` says it on stdout."""
    # Given by itself, a default is none of a command's own options and leaves what stands before its name.
    options = _parser().parse_args(arguments, argparse.Namespace(root=Path.cwd(), profile=None, jobs=None))
    name, top, left = options.command, options.root.resolve(), LEFT.get(options.command)
    told, status = (sys.stdout, lifeline.TOLD) if name == "execute" else (sys.stderr, 1)
    if name in STEPS:
        lifeline.hold()
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        _refuse_options(top, options)
        return options.run(top, options) or 0
    except ValueError as error:
        print(f"\n{error}", file=told, flush=True)
    except OSError as error:
        if isinstance(error, shutil.Error) and runs.disk_is_full(top):  # a copy of a folder has no number
            error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(top))
        if not left and error.errno not in runs.PLACE_ERRORS:
            raise
        what = [error.filename, error.strerror or str(error), runs.PLACE_ERRORS.get(error.errno)]
        print("\n" + ": ".join(filter(None, what)) + (f"; {left}" if left else ""), file=told, flush=True)
    except KeyboardInterrupt:
        print(f"\nstopped; {left or 'the last good output was left as it was'}", file=sys.stderr)
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lib", description="The book, and what can be done with its code.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(run, name: str, *arguments: str, **settings: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, **settings)
        command.set_defaults(run=run)
        for argument in arguments:
            command.add_argument(argument)
        return command

    add(None, "reconstruct", help="from a file of measurements to a state (reconstruct --help tells the rest)")
    add(_book, "book", help="execute what is stale and render the site")
    chapter = add(_chapter, "chapter", "chapter", help="one chapter; with --params or --sweep a page beside the book")
    chapter.add_argument("--params", default="", type=str.strip)
    chapter.add_argument("--sweep", default="", type=str.strip)
    add(_check, "check", help="say what a build would refuse; nothing is executed")
    add(_accept, "accept", help="accept the present verdicts")
    add(_status, "status", help="which chapters are fresh, stale or failed, and why")
    add(_verify, "verify", help="is everything that is published as the build made it?")
    add(_pdf, "pdf", help="print the built site")
    add(_crate, "crate", help="pack the build as an RO-Crate")
    add(_tidy, "tidy", "chapter", help="write wrapped options of cells again")
    preview = add(_preview, "preview", "chapter", help="show a chapter as it is edited")
    preview.add_argument("--port", type=int, default=8000)
    records = add(_records, "records", "chapter", help="compute the missing points of a chapter's records")
    records.add_argument("--params", default="")
    records.add_argument("--dask", default="", help="address of a Dask scheduler")
    add(_records_status, "records-status", help="how many points exist, what they cost, what the rest may cost")
    add(_audit, "audit", "chapter", help="compute recorded points again").add_argument("minutes", type=float)
    anchors = add(_anchors, "anchors", help="make the anchor numbers of raised versions anew")
    anchors.add_argument("--measure", nargs="+", default=[], metavar="EXPERIMENT", help=argparse.SUPPRESS)
    execute = add(_execute, "execute", "chapter")
    execute.add_argument("--params", default="")
    execute.add_argument("--cores", type=int, default=1)  # points of its sweeps that are computed at once
    execute.add_argument("--output", type=Path)
    render = add(_render, "render", "staged", "place")
    for flag in ("--strict", "--update", "--rehearse"):
        render.add_argument(flag, action="store_true")
    for command in (parser, *commands.choices.values()):
        command.add_argument("--root", type=Path, default=argparse.SUPPRESS, help="the top of the repository")
        command.add_argument("--profile", default=argparse.SUPPRESS,
                             help="parameter set: laptop (the chapters' own), smoke, paper (that of records)")
        command.add_argument("--jobs", default=argparse.SUPPRESS, help="chapters, or points of records, at once")
    return parser


def _refuse_options(top: Path, options: argparse.Namespace) -> None:
    """Put the defaults in place; raises `ValueError` for what no command takes, before anything is written."""
    if os.fsencode(top) != str(top).encode("utf-8", "replace"):
        raise ValueError(f"expected a folder whose name is text in UTF-8, got {str(top)!a}; try to rename it: mv")
    if options.command != "check" and (problems := parameters.misnamed_sets(top)):
        raise ValueError("\n".join(problems))
    if options.profile is None:
        options.profile = "paper" if options.command.startswith("records") else "laptop"
    elif options.profile not in (known := parameters.profiles(top)):
        raise ValueError(f"expected a profile, got {options.profile!r}; try {', '.join(known)}")
    if options.jobs is not None and not re.fullmatch("0*[1-9][0-9]{0,5}", options.jobs):
        raise ValueError("expected JOBS, the chapters or points to compute at once, as a whole number from 1, got "
                         f"{options.jobs!r}; try JOBS=2")
    if options.jobs is not None or not options.command.startswith("records"):  # those take every core
        options.jobs = int(options.jobs or 2)


def _book(top: Path, options: argparse.Namespace) -> None:
    from lib.study import build

    print(f"\nThe book: {build.build_book(top, options.profile, options.jobs)}")


def _chapter(top: Path, options: argparse.Namespace) -> None:
    from lib.study import build

    if options.params or options.sweep:
        page = build.build_whatif(top, options.profile, options.chapter, options.params, options.sweep, options.jobs)
        print(f"\nThe {'page of the sweep' if options.sweep else 'what-if page'}: {page}")
    else:
        print(f"\nThe page: {build.build_chapter(top, options.profile, options.chapter, options.jobs)}")


def _check(top: Path, options: argparse.Namespace) -> None:
    from lib.study import build, notebooks

    if problems := build.check(top, whole=True):
        raise ValueError("\n".join(problems))
    n_chapters = len(notebooks.chapter_files(top))
    print(f"{n_chapters} chapters, their code, prose, claims and parameter sets are in order")


def _accept(top: Path, options: argparse.Namespace) -> None:
    from lib.study import ledger, site

    records = [site.described(top, record) for record in site.read_records(top, options.profile)]
    print("\n".join(ledger.accept(top, options.profile, records)) or "every verdict is the accepted one already")


def _status(top: Path, options: argparse.Namespace) -> None:
    from lib.study import status

    parameters.profile_values(top, options.profile)  # raises for one that cannot be read
    print(status.table(status.book_status(top, options.profile)))


def _verify(top: Path, options: argparse.Namespace) -> None:
    from lib.study import verify

    print(verify.verify(top, options.profile))


def _pdf(top: Path, options: argparse.Namespace) -> None:
    from lib.study import pdf

    print(f"\nThe PDF: {pdf.build(top, options.profile)}")


def _crate(top: Path, options: argparse.Namespace) -> None:
    from lib.study import crate

    print(f"\nThe crate: {crate.build(top, options.profile)}")


def _tidy(top: Path, options: argparse.Namespace) -> None:
    from lib.study import editing, notebooks

    path = notebooks.find_chapter(top, options.chapter)
    print(f"{path.name}: {editing.tidy(path)} cell(s) written again")


def _preview(top: Path, options: argparse.Namespace) -> None:
    from lib.study import preview

    preview.serve(top, options.profile, options.chapter, options.jobs, options.port)


def _records(top: Path, options: argparse.Namespace) -> int:
    from lib.study import records

    failed = records.extend(top, options.profile, options.chapter, options.params, options.jobs, options.dask)
    if failed:
        print(f"{failed} points failed; the same command tries them again", file=sys.stderr)
    return bool(failed)


def _records_status(top: Path, options: argparse.Namespace) -> None:
    from lib.study import records

    print("\n".join(records.status_lines(top, options.profile)), flush=True)


def _audit(top: Path, options: argparse.Namespace) -> int:
    from lib.study import audits

    return audits.audit_chapter(top, options.chapter, options.minutes)


def _anchors(top: Path, options: argparse.Namespace) -> None:
    import json

    from lib.study import anchors

    for name in options.measure:
        print(json.dumps(anchors.measure(name)), flush=True)
    if not options.measure:
        print("\n".join(anchors.renew(top)) or "no version was raised: all anchors stay as they are")


def _execute(top: Path, options: argparse.Namespace) -> None:
    from lib.study import execute

    execute.run(top, options.profile, options.chapter, options.params, options.cores, options.output)


def _render(top: Path, options: argparse.Namespace) -> int:
    from lib.study import render

    return render.render(Path(options.staged), Path(options.place), strict=options.strict, update=options.update,
                         rehearse=options.rehearse)
