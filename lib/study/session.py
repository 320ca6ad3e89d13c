"""What code in a chapter finds around it: a notebook or terminal to show things and progress in, a run to keep them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from lib import atomic

PROGRESS = "progress.txt"  # in the directory of a chapter's run; the build shows its end


def in_notebook() -> bool:
    """Whether a notebook's kernel executes this."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def in_build() -> bool:
    """Whether this is the run of a chapter by the build."""
    return bool(os.environ.get("COMPANION_RUN"))


def show(text: str, markup: str, companion: dict) -> None:
    """Display HTML in a notebook, and the same as text elsewhere.

    companion: what the HTML shows, `{"record": name}` or `{"claims": ids}`, so that a page can render it anew.
    """
    if in_notebook():
        from IPython.display import display
        display({"text/plain": text, "text/html": markup}, raw=True, metadata={"companion": companion})
    else:
        print(text)


def keep(name: str, entry: dict, key: str, *, replace: bool = False) -> None:
    """Add `entry` to the JSON list `name` of the run, in a build.

    Raises `ValueError` where its `key` is there already, unless it may `replace` that.
    """
    if not in_build():
        return
    path = Path(os.environ["COMPANION_RUN"], name)
    entries = atomic.read_json(path) or []
    kept = [earlier for earlier in entries if earlier[key] != entry[key]]
    if kept != entries and not replace:
        raise ValueError(f"expected every {key} once, got {entry[key]!r} again; try another name")
    atomic.write_json(path, [*kept, entry])


@contextlib.contextmanager
def progress(name: str, total: int) -> Iterator[tqdm]:
    """A bar that counts points: done / total, rate, time left; in a log it moves once a minute at most.

    In a build it is in a file of the run's directory, which the build shows, so that pages hold no trace of it.
    """
    place = Path(os.environ["COMPANION_RUN"], PROGRESS).open("w") if in_build() else contextlib.nullcontext(sys.stderr)
    seconds = 1.0 if in_build() or in_notebook() or sys.stderr.isatty() else 60.0
    with place as file, tqdm(total=total, desc=name, unit=" points", dynamic_ncols=True, mininterval=seconds,
                             maxinterval=float("inf"), miniters=1, file=file) as bar:
        yield bar
