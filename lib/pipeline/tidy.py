"""The style of the code in chapters: ruff on their code cells, reported with the lines of the text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lib.study import surroundings
from lib.study.notebooks import Chapter

# Rules for modules that cells break for good reasons: imports where they are needed (E402, F811, I001), long lines of
# text in figures (E501), a last line that is shown (B018) or, with ';', is not (E703).
IGNORED = ("E402", "F811", "I001", "E501", "B018", "E703")


def problems(top: Path, chapter: Chapter) -> list[str]:
    """What ruff says of the code of a chapter, one line each; the settings are those of pyproject.toml."""
    name = f"book/{chapter.stem}.py"  # ruff tells the language by the name
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--quiet", "--output-format", "concise",
               "--extend-ignore", ",".join(IGNORED), "--stdin-filename", name, "-"]
    done = subprocess.run(command, cwd=top, input=code(chapter), capture_output=True, text=True, encoding="utf-8",
                          env=surroundings.variables(os.environ))
    if done.returncode > 1:
        raise ValueError(f"ruff did not run: {done.stderr.strip()}")
    found = [line for line in done.stdout.splitlines() if ".py:" in line]
    return [f"{chapter.path.name}, line {line.split('.py:', 1)[1]}" for line in found]


def code(chapter: Chapter) -> str:
    """The code cells in one text, every line where it is in the file; lines that only IPython understands are empty."""
    lines: list[str] = []
    for cell in chapter.cells:
        lines += [""] * (cell.line - 1 - len(lines))
        lines += cell.python.splitlines()
    return "\n".join(lines) + "\n"
