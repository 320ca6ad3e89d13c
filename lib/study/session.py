"""What code in a chapter finds around it: a notebook or a terminal to show things in, a run to keep them in."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def in_notebook() -> bool:
    """Whether a notebook's kernel executes this."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def in_build() -> bool:
    """Whether this is the run of a chapter by the build."""
    return bool(os.environ.get("COMPANION_RUN"))


def show(text: str, markup: str, companion: dict | None = None) -> None:
    """Display HTML in a notebook, and the same as text elsewhere.

    companion: what the HTML shows, `{"record": name}` or `{"claims": ids}`, so that a page can render it anew.
    """
    if in_notebook():
        from IPython.display import display
        metadata = {} if companion is None else {"companion": companion}
        display({"text/plain": text, "text/html": markup}, raw=True, metadata=metadata)
    else:
        print(text)


def keep(name: str, entry: dict, key: str, *, replace: bool = False) -> None:
    """Add `entry` to the JSON list `name` of the run, in a build.

    Raises `ValueError` where its `key` is there already, unless it may `replace` that.
    The whole file is replaced, so it is never half-written.
    """
    directory = os.environ.get("COMPANION_RUN")
    if not directory:
        return
    path = Path(directory) / name
    entries = json.loads(path.read_text("utf-8")) if path.exists() else []
    if replace:
        entries = [earlier for earlier in entries if earlier[key] != entry[key]]
    if any(earlier[key] == entry[key] for earlier in entries):
        raise ValueError(f"expected every {key} once, got {entry[key]!r} again; try another name")
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps([*entries, entry], ensure_ascii=False, allow_nan=False), "utf-8")
    temporary.replace(path)
