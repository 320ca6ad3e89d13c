"""The package with the oldest and the newest releases that pyproject.toml asks for: `make test-ranges`.

Each end gets an environment of its own and a copy of the commit; all tests that need nothing of the book run in it.
What came out goes to data/records/ranges.json.
"""

from __future__ import annotations

import ast
import json
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from lib import atomic
from lib.study import provenance

TARGET = Path("data/records/ranges.json")
EXTRAS = ("images", "dmrg", "figures")
BESIDE = ("PyYAML",)  # tests/conftest.py reads the settings of the book's cache
PINS = ("house/test_packaging.py", "house/test_setup.py")  # tests of the exact versions, and of setting them up
BOOK = ("lib.study", "tests.toy_book", "tests.browsing", "playwright", "sphinx", "docutils", "jupytext", "nbformat",
        "papermill", "joblib", "tqdm", "psutil", "dask")


def floors(top: Path) -> dict[str, str]:
    """The oldest release asked for, by package, as "2.0"."""
    project = tomllib.loads((top / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *(item for name in EXTRAS for item in project["optional-dependencies"][name])]
    return dict(re.fullmatch(r"([a-z-]+)>=([0-9.]+)", item).groups() for item in asked)


def library_tests(top: Path) -> list[str]:
    """The test files that import nothing of the book, themselves or by what they share."""
    paths = {path.relative_to(top / "tests").as_posix(): path for path in sorted((top / "tests").rglob("test_*.py"))}
    return [f"tests/{name}" for name, path in paths.items() if name not in PINS and
            not any(f"{found}.".startswith(("companion_", *(f"{book}." for book in BOOK)))  # the book's extension
                    for found in _imported(top, path, set()))]


def _imported(top: Path, path: Path, seen: set[Path]) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    for name in sorted(names):
        shared = top / f"{name.replace('.', '/')}.py"
        if name.startswith("tests.") and shared.is_file() and shared not in seen:
            names |= _imported(top, shared, seen | {shared})
    return names


def run(top: Path, end: str, place: Path) -> dict:
    """Install one end of the ranges into `place`, run the tests there, and say what came out."""
    print(f"{end} releases ...", flush=True)
    place.mkdir()
    python = place / "env" / "bin" / "python"
    subprocess.run([sys.executable, "-I", "-m", "venv", place / "env"], check=True)
    with (place / "tree.tar").open("wb") as archive:
        subprocess.run(["git", "archive", "HEAD"], cwd=top, stdout=archive, check=True)
    tree = place / "tree"
    tree.mkdir()
    subprocess.run(["tar", "xf", place / "tree.tar", "-C", tree], check=True)
    constraints = place / "floor.txt"  # ~=2.0.0: the last repair of the oldest release
    constraints.write_text("".join(f"{name}~={floor}.0\n" for name, floor in floors(top).items()
                                   if end == "oldest"), "utf-8")
    subprocess.run([python, "-I", "-m", "pip", "install", "--quiet", "--constraint", constraints,
                    f".[{','.join(EXTRAS)},test]", *BESIDE], cwd=tree, check=True)
    log = top / "_build" / "logs" / f"ranges-{end}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    print(f"{end} releases are installed; what the tests say: {log}", flush=True)
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run([python, "-m", "pytest", "-p", "no:cacheprovider", *library_tests(tree)], cwd=tree,
                              stdout=file, stderr=subprocess.STDOUT)
    said = log.read_text("utf-8")
    sys.stderr.write(said[-4000:] if done.returncode else "")
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped|error)", said[-2000:])}
    listed = json.loads(subprocess.run([python, "-I", "-m", "pip", "list", "--format=json"], check=True,
                                       capture_output=True, text=True).stdout)
    versions = {item["name"].lower(): item["version"] for item in listed}
    return {"end": end, "python": platform.python_version(), "status": done.returncode, "tests": counts,
            "packages": {name: versions[name] for name in floors(top)}}


def main() -> int:
    top = Path(__file__).resolve().parents[1]
    commit, dirty = provenance.commit(top)
    if commit is None or dirty:
        print("expected a commit, got a tree with changes; try git commit", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="ranges-") as place, ThreadPoolExecutor(2) as threads:
        rows = list(threads.map(lambda end: run(top, end, Path(place) / end), ("oldest", "newest")))
    for row in rows:
        row |= {"commit": commit, "date": f"{datetime.now(UTC):%Y-%m-%d}", "processor": provenance.processor()}
        print(f"{row['end']}: {row['tests']} with {row['packages']}", flush=True)
    atomic.write_json(top / TARGET, rows)
    return int(any(row["status"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
