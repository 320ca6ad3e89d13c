"""What tests look at where a toy book was built: the files of its site, what was said, which processes are left."""

import json
import re
import subprocess
from pathlib import Path

import psutil

from lib.pipeline import status
from lib.study import lifeline
from tests import toy_book


def html(top: Path) -> dict[str, bytes]:
    """The files of the built site."""
    return toy_book.contents(top / "_build/html")


def without_stamps(files: dict[str, bytes]) -> dict[str, bytes]:
    """Contents of a site without what is taken from the moment of the run."""
    def clean(name, content):
        if name.endswith("-executed.ipynb"):
            notebook = json.loads(content)
            assert notebook["metadata"]["companion"].pop("provenance")["date"]
            content = json.dumps(notebook).encode()
        if name == "searchindex.js":  # Sphinx's own, which the book has not, keeps words that no page has any more
            content = b" ".join(sorted(re.findall(rb"\w+", re.sub(rb'"\w+": \[\]', b"", content))))
        return content
    return {name: clean(name, content) for name, content in files.items() if name != status.SITE}


def fails(done: subprocess.CompletedProcess, *words: str) -> None:
    """The build failed and said all these words."""
    assert done.returncode in (1, lifeline.TOLD), done.stdout + done.stderr
    for word in words:
        assert word in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def processes_of(top: Path) -> list[psutil.Process]:
    """Processes that were started for a build of this tree."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(word.startswith(str(top)) for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found
