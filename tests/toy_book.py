"""A small book to build in tests: the real pipeline on a toy `lib`, with chapters that take a moment.

The copy is a repository of its own, so a test may break anything in it.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from lib.study import surroundings
from tests import forks, patience
from tests.tree import ROOT

NOTES = Path("_build/cache/code")

CHAPTER = '''---
kernelspec:
  display_name: Python 3
  name: python3
companion:
  budget_core_minutes: 1
  time_limit_minutes: 30
  figures: [fig-{stem}]
  inputs: [data/offset.txt]
---

# Toy chapter {stem}

```{{code-cell}} ipython3
:tags: [parameters]

n_points: int = 4             # [1, 100]; number of points; free
width: float = 1.0            # [0.0, 10.0]; width of the curve; free
label: str = "plain"          # {{plain, bold}}; how the curve is drawn; free
heights: list[float] = [1.0]  # [0.0, 2.0]; heights of the curves; free
fast: bool = True             # -; leaves out nothing here; free
seed: int = 1                 # [0, 1000]; seed; free
```

```{{code-cell}} ipython3
import random
from pathlib import Path

from lib.study import claims
from lib.study.notebooks import root
from lib.toy import {module}

offset = float((root() / "data/offset.txt").read_text())
points = {module}.points(n_points, width, random.Random(seed)) + [offset]
print(root() / "data", Path.home(), Path.cwd())
```

```{{code-cell}} ipython3
Path("figures").mkdir()
Path("figures/fig-{stem}.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
claims.number("toy{stem}-total", sum(points), fmt=".4f")
claims.settle("toy{stem}-offset", measured=offset)
```

The total is {{glue:text}}`toy{stem}-total`.
'''

MODULE = '''"""Toy module."""

from lib.toy.deep import scale


def points(n_points, width, generator):
    """Points of a curve."""
    return [scale(generator.random(), width) for _ in range(n_points)]
'''

CLAIMS = """
- id: toy{stem}-offset
  item: "1.1"
  statement: The offset is half.
  expected: {{equal: 0.5}}
  where: Fig. 1.1, p. 1
  tolerance: {{absolute: 0.1, reason: toy}}
"""

FILES = {
    "lib/__init__.py": '"""Toy library."""\n',
    "lib/toy/__init__.py": "",
    "lib/toy/first.py": MODULE,
    "lib/toy/second.py": MODULE.replace("from lib.toy.deep import scale", "def scale(x, width):\n    return x - width"),
    "lib/toy/deep.py": 'def scale(x, width):\n    """Scale a number."""\n    return x * width  # a comment\n',
    "data/offset.txt": "0.5\n",
    "data/thesis/claims/01.yml": CLAIMS.format(stem="1"),
    "data/thesis/claims/02.yml": CLAIMS.format(stem="2"),
    "book/index.md": "# Toy book\n\nSee {doc}`01-first`.\n",
    "book/01-first.md": CHAPTER.format(stem="1", module="first"),
    "book/02-second.md": CHAPTER.format(stem="2", module="second"),
    "book/parameters/smoke.yml": '"01":\n  n_points: 2\n',
    "_config.yml": "title: Toy\nauthor: Nobody\nlogo: ''\nhtml:\n  use_issues_button: false\n"
                   "sphinx:\n  config:\n    html_copy_source: false\n",
    "_toc.yml": "format: jb-book\nroot: index\nchapters:\n- file: 01-first\n- file: 02-second\n",
}


def make(top: Path) -> Path:
    """Write the toy book to the directory `top` and return it."""
    for name, text in FILES.items():
        write(top, name, text)
    for room in ("study", "pipeline"):
        shutil.copytree(ROOT / "lib" / room, top / "lib" / room)  # with what is compiled, and its dates
    for name in ("__main__.py", "atomic.py", "checks.py", "plain_arrays.py"):
        shutil.copy(ROOT / "lib" / name, top / "lib" / name)
    write(top, "lib/experiments/__init__.py", (ROOT / "lib/experiments/__init__.py").read_text("utf-8"))
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, top / name)
    return top


def write(top: Path, name: str, text: str) -> None:
    """Write one file of the book."""
    path = top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def replace(top: Path, name: str, old: str, new: str) -> None:
    """Change one place of a file."""
    text = (top / name).read_text("utf-8")
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
    write(top, name, text.replace(old, new))


def write_cells(top: Path, *cells: str, companion: str = "  time_limit_minutes: 30\n") -> None:
    """Put a chapter with these cells, behind an empty one for the parameters, in the place of 01-first."""
    fenced = [f"```{{code-cell}} ipython3\n{cell}\n```\n" for cell in (":tags: [parameters]", *cells)]
    write(top, "book/01-first.md", f"---\ncompanion:\n{companion}---\n\n# Toy chapter 1\n\n" + "\n".join(fenced))


def git(top: Path, *arguments: str) -> str:
    """What a git command says in the book."""
    who = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
    return subprocess.run(["git", *who, *arguments], cwd=top, check=True, capture_output=True, text=True).stdout.strip()


def commit(top: Path) -> None:
    """Commit everything as it is, in a repository of the book's own."""
    write(top, ".gitignore", "/_build/\n/data/cache\n__pycache__\n")
    git(top, "init", "--quiet")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "as it is")


def run(top: Path, *arguments: str, limit: float = patience.LIMIT) -> subprocess.CompletedProcess:
    """Run a command of `python -m lib` on the toy book, as :func:`command` does but sooner; for `limit` seconds."""
    know(top)
    words = [surroundings.MADE, "lib", "--root", str(top), *arguments]
    done = forks.run(top, words, top, surroundings.variables(os.environ), limit)
    if (notes := top / NOTES).is_dir():
        shutil.copytree(notes, _notes(), dirs_exist_ok=True)
    return done


def know(top: Path) -> None:
    """Give a toy book that was not run yet what others have noted."""
    if not (top / NOTES).exists() and (not (top / "_build").exists() or (top / "_build").is_dir()):
        shutil.copytree(_notes(), top / NOTES)


@cache
def _notes() -> Path:
    """What runs have noted of the syntax of modules, by content (`dependence.code_digest`)."""
    place = tempfile.TemporaryDirectory()
    atexit.register(place.cleanup)
    return Path(place.name)


def command(top: Path, *arguments: str) -> list[str]:
    """The command line of a command of `python -m lib`."""
    return [sys.executable, "-m", "lib", "--root", str(top), *arguments]


def environment(top: Path) -> dict[str, str]:
    """The toy `lib` comes first, in place of the real one."""
    return os.environ | {"PYTHONPATH": str(top)}


def contents(directory: Path) -> dict[str, bytes]:
    """Every file below a directory, by relative name."""
    return {path.relative_to(directory).as_posix(): path.read_bytes()
            for path in sorted(directory.rglob("*")) if path.is_file()}
