"""Paths of this machine that outputs may show, and what pages show instead."""

from __future__ import annotations

import contextlib
import html
import json
import os
import pwd
import re
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

NOT_SEARCHED, DEPTH = (".git", ".venv"), 4  # in these folders, and further down, are no links to be expected
EVERYWHERE = ("/", "/usr", "/usr/local", "/opt", "/tmp", "/var/tmp")  # they say nothing about this machine


def own_paths(top: Path, run: Path) -> list[tuple[re.Pattern, str]]:
    """Patterns of the paths of this machine that may show in outputs, the longest first, with what to write.

    A path may show as it is called or, where a link is on the way, as what is behind that; in HTML, in a URL, or
    in the text of a string.
    """
    return _patterns(top, run, os.environ.get("HOME"), tempfile.gettempdir())


@cache
def _patterns(top: Path, run: Path, home: str | None, temporary: str) -> list[tuple[re.Pattern, str]]:
    found: dict[str, str] = {}
    named = [(run, "."), (run.parent, "."), (top, "."), *_links_of(top), (home or "", "~"), (_home_of_account(), "~"),
             (temporary, "/tmp"), (sys.prefix, "python"), (sys.base_prefix, "python")]
    for path, shown in named:
        for place in (str(path), os.path.realpath(path)):
            if os.path.isabs(path) and place not in EVERYWHERE:
                for text in _spellings(place):
                    found.setdefault(text, shown)
    return [(re.compile(rf"(?<![\w.]){re.escape(place)}(?![\w-])"), shown)
            for place, shown in sorted(found.items(), key=lambda item: -len(item[0]))]


@cache
def _links_of(top: Path) -> list[tuple[str, str]]:
    return list(_links(top))


def _links(top: Path, folder: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """What is behind every link in the tree, step by step, with its name there, also within folders behind links."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(os.path.join(top, folder)):
            name, path = os.path.join(folder, entry.name), entry.path
            for _ in range(40):  # as many as the system follows
                if not os.path.islink(path):
                    break
                path = os.path.join(os.path.dirname(path), os.readlink(path))
                yield path, f"./{name}"
            if name not in NOT_SEARCHED and depth < DEPTH and entry.is_dir():
                yield from _links(top, name, depth + (2 if name == "_build" else 1))


def _home_of_account() -> str:
    with contextlib.suppress(KeyError):  # in a container, say, an account may have no name
        return pwd.getpwuid(os.getuid()).pw_dir
    return ""


def _spellings(place: str) -> set[str]:
    """A path as it is, and as it stands in HTML, in a URL, and in a string."""
    return {place, html.escape(place), html.escape(place, quote=False), quote(place), json.dumps(place)[1:-1],
            json.dumps(place, ensure_ascii=False)[1:-1]}
