"""The command line of the book, `python -m lib COMMAND`: every command, its options, and what becomes of an error.

The Makefile is a list of these.  A command's module is loaded when it runs, since `status` has to be quick.  Steps of a
build are commands, too, which no help lists.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import re
import shutil
import signal
import sys
from pathlib import Path

COMMON = {"--root": {"type": Path, "help": "the top of the repository"},
          "--profile": {"help": "parameter set: laptop (the chapters' own), smoke, paper (that of records)"},
          "--jobs": {"help": "chapters, or points of records, at once (2; every core for records)"}}
OPTIONS = {"chapter": {"help": "such as 05"}, "minutes": {"type": float, "help": "of one core"},
           "--params": {"default": "", "type": str.strip, "help": "parameters, as in 'n_spins=8 seed=3'"},
           "--sweep": {"default": "", "type": str.strip, "help": "values of one parameter, as in 'field=0.5,1'"},
           "--dask": {"default": "", "help": "address of a Dask scheduler"}, "--port": {"type": int, "default": 8000},
           "--measure": {"nargs": "+", "default": [], "help": argparse.SUPPRESS},
           "--cores": {"type": int, "default": 1}, "--output": {"type": Path},
           "staged": {"type": Path}, "place": {"type": Path},
           "--outside": {"action": "store_true", "help": "ask the addresses outside the site, too"},
           **dict.fromkeys(("--strict", "--update", "--rehearse"), {"action": "store_true"})}
# A command: the function of lib that it calls with the tree and these options, what it does, and how its result is
# said.
COMMANDS = {
    "reconstruct": ("", "", "from a file of measurements to a state (reconstruct --help tells the rest)"),
    "book": ("pipeline.build.build_book", "profile jobs",
             "execute what is stale and render the site", "\nThe book: {}"),
    "chapter": ("pipeline.build.build_page", "profile chapter jobs --params --sweep",
                "one chapter; with --params or --sweep a page beside the book", "\nThe {}"),
    "check": ("pipeline.build.check_all", "", "say what a build would refuse; nothing is executed", "{}"),
    "accept": ("pipeline.site.accept", "profile",
               "accept the present verdicts, and note what chapters took and name", "{}"),
    "status": ("pipeline.status.text", "profile", "which chapters are fresh, stale or failed, and why", "{}"),
    "verify": ("pipeline.verify.verify", "profile", "is everything that is published as the build made it?", "{}"),
    "links": ("pipeline.links.check", "profile --outside", "does every link of the built site lead somewhere?", "{}"),
    "pdf": ("pipeline.pdf.build", "profile", "print the built site", "\nThe PDF: {}"),
    "epub": ("pipeline.epub.build", "profile", "write the built site for readers of books", "\nThe EPUB: {}"),
    "crate": ("pipeline.crate.build", "profile", "pack the build as an RO-Crate", "\nThe crate: {}"),
    "tidy": ("pipeline.editing.tidied", "chapter", "write wrapped options of cells again", "{}"),
    "preview": ("pipeline.preview.serve", "profile chapter jobs --port", "show a chapter as it is edited"),
    "records": ("pipeline.records.extend", "profile chapter jobs --params --dask",
                "compute the missing points of a chapter's records"),
    "records-status": ("pipeline.records.status", "profile", "how many points exist, what the rest may cost", "{}"),
    "audit": ("pipeline.records.audit_chapter", "chapter minutes", "compute recorded points again"),
    "anchors": ("study.anchors.renewed", "--measure --output", "make the anchor numbers of raised versions anew"),
    "execute": ("pipeline.execute.run", "profile chapter --params --cores --output", None),
    "render": ("pipeline.render.render", "staged place --strict --update --rehearse", None)}
# What a stopped command leaves, where it is not the site.
LEFT = {"records": "what was recorded is safe, and the same command goes on",
        "audit": "the audits of finished points are kept, and the same command goes on"}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 if all went well, 1 with a sentence on stderr if not; `execute` says it on stdout."""
    # Given here, and not as defaults of options that may stand before or behind the command's name.
    options = _parser().parse_args(arguments, argparse.Namespace(root=Path.cwd(), profile=None, jobs=None))
    try:
        from lib.study import lifeline, runs, telling
    except ModuleNotFoundError as error:
        print(f"expected the packages that make the book, got none called {error.name}; try pip install '.[book]'",
              file=sys.stderr)
        return 1
    name, top, left = options.command, options.root.resolve(), LEFT.get(options.command)
    told, failed = (sys.stdout, lifeline.TOLD) if name == "execute" else (sys.stderr, 1)
    function, words, what, *said = COMMANDS[name]
    if what is None:
        lifeline.hold()
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        _refuse(top, options)
        module, _, function = function.rpartition(".")
        call = getattr(importlib.import_module(f"lib.{module}"), function)
        # The others say more than one line while they work.
        with contextlib.nullcontext() if name in ("book", "chapter") or not said else telling.telling(f"make {name}"):
            found = call(top, **{word.lstrip("-"): getattr(options, word.lstrip("-")) for word in words.split()})
        print(said[0].format(found), flush=True) if said else None
        return 0 if said else int(found or 0)
    except ValueError as error:
        print(f"\n{error}", file=told, flush=True)
    except OSError as error:
        if isinstance(error, shutil.Error) and runs.disk_is_full(top):  # a copy of a folder has no number
            error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(top))
        if not left and error.errno not in runs.PLACE_ERRORS:
            raise
        parts = [error.filename, error.strerror or str(error), runs.PLACE_ERRORS.get(error.errno)]
        print("\n" + ": ".join(filter(None, parts)) + (f"; {left}" if left else ""), file=told, flush=True)
    except KeyboardInterrupt:
        print(f"\nstopped; {left or 'the last good output was left as it was'}", file=sys.stderr)
        return 130
    return failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lib", description="The book, and what can be done with its code.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, words, what, *_) in COMMANDS.items():
        command = commands.add_parser(name, **({"help": what} if what else {}))
        for word in words.split():
            if f"--{word}" not in COMMON:
                command.add_argument(word, **OPTIONS[word])
    for each in (parser, *commands.choices.values()):
        for option, settings in COMMON.items():
            each.add_argument(option, default=argparse.SUPPRESS, **settings)
    return parser


def _refuse(top: Path, options: argparse.Namespace) -> None:
    """Put the defaults in place; raises `ValueError` for what no command takes, before anything is written."""
    from lib.study import parameters

    of_records = options.command.startswith("records")
    if os.fsencode(top) != str(top).encode("utf-8", "replace"):
        raise ValueError(f"expected a folder whose name is text in UTF-8, got {str(top)!a}; try to rename it: mv")
    if options.command != "check" and (problems := parameters.misnamed_sets(top)):
        raise ValueError("\n".join(problems))
    if options.profile is None:
        options.profile = "paper" if of_records else "laptop"
    elif options.profile not in (known := parameters.profiles(top)):
        raise ValueError(f"expected a profile, got {options.profile!r}; try {', '.join(known)}")
    if options.jobs is not None and not re.fullmatch("0*[1-9][0-9]{0,5}", options.jobs):
        raise ValueError("expected JOBS, the chapters or points to compute at once, as a whole number from 1, got "
                         f"{options.jobs!r}; try JOBS=2")
    options.jobs = int(options.jobs or 2) if options.jobs or not of_records else None  # None: every core
