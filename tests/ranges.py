"""The package with the oldest and the newest releases that pyproject.toml asks for: `make test-ranges`.

Each end gets an environment of its own.  The releases of that end go in first, as somebody's environment might have
them; then `pip install` puts a copy of the commit beside them, and has to leave them as they are.  `CHOSEN` names the
tests that run there: for each package those of modules that lean on it, a few minutes an end.  Of torch the newest
end is that of builds for the CPU, where the package index has any.  What came out
goes to data/records/ranges.json, which the page "The library" shows.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from lib.study import committed, provenance

EXTRAS = ("images", "dmrg", "figures")
TOOLS = ("pytest", "hypothesis", "PyYAML")  # of the tests themselves
#: The test files of an end, by the package that they try.
CHOSEN = {
    "numpy": ("test_conventions.py", "test_rng.py", "spins/test_measurements.py", "rbm/test_files.py"),
    "scipy": ("kernels/test_random_features.py", "kernels/test_arc_cosine.py"),
    "numba": ("native/test_switch.py",),  # every kind of loop, compiled and plain
    "torch": ("models/mlp/test_network.py", "rbm/test_machine.py", "rbm/test_metrics.py"),
    "torchvision": ("test_torchvision.py",
                    "experiments/test_imagenet.py::test_crops_follow_from_seed_epoch_and_image"),
    "pillow": ("test_image_sets.py",),
    "scikit-learn": ("kernels/test_gaussian_process.py",),
    "physics-tenpy": ("spins/test_dmrg.py",),
    "pandas": ("models/test_widening.py", "rbm/test_recorded_runs.py"),
    "matplotlib": ("figures/test_wide_limits.py", "figures/test_resnet_blocks.py"),
    "tqdm": ("test_reconstruct.py::test_two_registers_to_the_state",),
}


def floors(top: Path) -> dict[str, str]:
    """The oldest release asked for, by package, as "2.0"."""
    project = tomllib.loads((top / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *(item for name in EXTRAS for item in project["optional-dependencies"][name])]
    return dict(re.fullmatch(r"([a-z-]+)>=([0-9.]+)", item).groups() for item in asked)


def run(top: Path, end: str, place: Path, commit: str) -> committed.End:
    """Make the environment of one end below `place`, install the package into it, run the tests, say what came out."""
    began, python, tree = time.monotonic(), place / "env" / "bin" / "python", place / "tree"
    print(f"{end} releases ...", flush=True)
    tree.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], cwd=top, capture_output=True, check=True).stdout
    subprocess.run(["tar", "xf", "-", "-C", tree], input=archive, check=True)
    subprocess.run([sys.executable, "-I", "-m", "venv", place / "env"], check=True)
    # ~=2.0.0: the last repair of the oldest release
    asked = [f"{name}~={floor}.0" if end == "oldest" else name for name, floor in floors(top).items()]
    asked += _torch_for_the_cpu(python) if end == "newest" else []
    _pip(python, *asked, *TOOLS)
    before = versions(top, python)
    _pip(python, f"{tree}[{','.join(EXTRAS)}]")
    after = versions(top, python)
    print(f"{end}: installed in {time.monotonic() - began:.0f} s; the package was put beside {after}", flush=True)
    log = top / "_build" / "logs" / f"ranges-{end}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    files = [f"tests/{name}" for names in CHOSEN.values() for name in names]
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run([python, "-m", "pytest", "-p", "no:cacheprovider", "--durations=10", *files], cwd=tree,
                              stdout=file, stderr=subprocess.STDOUT)
    said = log.read_text("utf-8")
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped|error)", said[-2000:])}
    print(f"{end}: {counts} ({log})", flush=True)
    return committed.End(end, platform.python_version(), done.returncode, counts, after, before == after,
                         round(time.monotonic() - began), commit, f"{datetime.now(UTC):%Y-%m-%d}",
                         provenance.processor())


def versions(top: Path, python: Path) -> dict[str, str]:
    """The installed releases of the packages that the package asks for."""
    listed = json.loads(subprocess.run([python, "-I", "-m", "pip", "list", "--format=json"], check=True,
                                       capture_output=True, text=True).stdout)
    found = {item["name"].lower(): item["version"] for item in listed}
    return {name: found[name] for name in floors(top)}


def _torch_for_the_cpu(python: Path) -> list[str]:
    """The newest torch without CUDA, where the package index has such builds: it spares some gigabytes."""
    listed = subprocess.run([python, "-I", "-m", "pip", "index", "versions", "torch"], capture_output=True, text=True)
    return [f"torch=={version}" for version in re.findall(r"[\d.]+\+cpu", listed.stdout)[:1]]


def _pip(python: Path, *what: str) -> None:
    subprocess.run([python, "-I", "-m", "pip", "install", "--quiet", "--no-compile", *what], check=True)


def main() -> int:
    top = Path(__file__).resolve().parents[1]
    commit, dirty = provenance.commit(top)
    if commit is None or dirty:
        print("expected a commit, got a tree with changes; try git commit", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="ranges-") as place:
        rows = [run(top, end, Path(place) / end, commit) for end in ("oldest", "newest")]
    committed.write(top, "ranges", rows)
    return int(any(row.status or not row.left for row in rows))


if __name__ == "__main__":
    sys.exit(main())
