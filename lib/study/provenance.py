"""What a chapter depends on, and where a run came from.

The inputs of a chapter are its code, its parameter values, the data it declares (:mod:`lib.study.inputs`), the
`lib` modules it imports (:mod:`lib.study.dependence`) and the pinned packages.  They are compared by content, never by
time stamps.
"""

from __future__ import annotations

import ast
import platform
import re
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from lib import atomic
from lib.study import inputs, surroundings
from lib.study.dependence import code_digest, imports, modules_of
from lib.study.notebooks import Chapter, read_chapter
from lib.study.parameters import profile_values, resolve
from lib.study.stored import Stored, named

DISTRIBUTION = "deep-quantum-companion"  # the name of the package in pyproject.toml


@dataclass(frozen=True)
class Code(Stored):
    """Digests of what a chapter executes, without what only shapes its page."""

    front_matter: str = named("front matter")
    cells: list[str]


@dataclass(frozen=True)
class Inputs(Stored):
    """What a chapter depends on."""

    code: Code
    parameters: dict[str, object]  # the values of this profile
    modules: dict[str, str]  # digests of the code of `lib`, without docstrings and comments
    data: dict[str, str | None]  # SHA-256 of each declared input, null where it is missing
    environment: str  # digest of the pinned packages and the version of Python


@dataclass(frozen=True)
class Origin(Stored):
    """Where a run came from and what it cost."""

    commit: str | None
    dirty: bool | None
    profile: str
    parameters: dict[str, object]
    seed: object
    versions: dict[str, str]
    processor: str
    device: str
    threads: int
    seconds: float
    core_seconds: float
    peak_memory_bytes: float
    budget_core_minutes: float | None
    time_limit_minutes: float
    date: str


def chapter_inputs(top: Path, path: Path, profile: str, changes: dict | None = None, last=None) -> Inputs:
    """Digests of everything the chapter at `path` depends on; `changes` are parameters set by hand (PARAMS).

    last: its last run (:class:`lib.study.runs.Run`), which tells what data its experiments have read, by their own
    declarations.
    """
    chapter = read_chapter(path)
    parameters = chapter_parameters(top, chapter, profile, changes)
    names = [name for cell in chapter.cells for name in imports(cell.source, path.name, "", cell.line)]
    modules = {module: code_digest(file.read_text("utf-8")) for module, file in modules_of(top, names).items()}
    return Inputs(Code.of(chapter.code, chapter.stem), parameters, modules,
                  inputs.digests(top, chapter) | inputs.of_experiments(top, last), environment_digest(top))


def chapter_parameters(top: Path, chapter: Chapter, profile: str, changes: dict | None = None) -> dict:
    """The checked values of a chapter's parameters: its defaults, what the profile changes, and PARAMS on top."""
    values = profile_values(top, profile).get(chapter.number, {})
    parameters = resolve(chapter, values, f"{profile}.yml, section {chapter.number}")
    if changes:
        parameters |= {name: value for name, value in resolve(chapter, changes, "PARAMS").items() if name in changes}
    return parameters


def differences(then: Inputs, now: Inputs) -> list[str]:
    """What changed between two results of :func:`chapter_inputs`, in words."""
    reasons = _code_differences(then.code, now.code)
    for name in sorted({*then.parameters, *now.parameters}):
        before, after = (inputs.parameters.get(name, "absent") for inputs in (then, now))
        if before != after:
            reasons.append(f"parameter {name}: {before} -> {after}")
    for what, before, after in (("module", then.modules, now.modules), ("data", then.data, now.data)):
        for name in sorted({*before, *after}):
            if name not in before or name not in after:
                # New code brings new imports: the code is then the reason, not each of them.
                if then.code == now.code:
                    reasons.append(f"{what} {name} {'added' if name in after else 'no longer used'}")
            elif before[name] != after[name]:
                reasons.append(f"{what} {name} {'is missing' if after[name] is None else 'changed'}")
    if then.environment != now.environment:
        reasons.append("the pinned packages or the Python version changed")
    return reasons


def _code_differences(then: Code, now: Code) -> list[str]:
    """What changed in the code of a chapter, in words; cells are counted from 1."""
    reasons = ["its front matter changed"] if then.front_matter != now.front_matter else []
    before, after = then.cells, now.cells
    if len(before) != len(after):
        return [*reasons, f"its code cells changed ({len(before)} -> {len(after)})"]
    changed = [str(number) for number, pair in enumerate(zip(before, after, strict=True), 1) if pair[0] != pair[1]]
    if changed:
        reasons.append(f"code cell{'s' if len(changed) > 1 else ''} {', '.join(changed)} changed")
    return reasons


def environment_digest(top: Path) -> str:
    """Digest of the exact versions that the book runs with (constraints.txt), and of Python's (major.minor)."""
    return atomic.digest([_pins(top), sys.version_info[:2]])


def other_versions(top: Path) -> list[str]:
    """A line for every package of the book that is missing here, or has another version than its pin."""
    lines = []
    for pin in _pins(top):
        try:
            found = metadata.version(_name(pin)).partition("+")[0]  # without the kind of a build, as in 2.13.0+cpu
        except metadata.PackageNotFoundError:
            found = "none"
        if f"{_name(pin)}=={found}" != pin.lower():
            lines.append(f"constraints.txt: expected {pin} installed, got {found}; try .venv/bin/python -m pip install "
                         f"--constraint constraints.txt {pin}")
    return lines


def _pins(top: Path) -> list[str]:
    """The exact versions of the packages that the book runs with, in order."""
    lines = (top / "constraints.txt").read_text("utf-8").splitlines()
    names = _requirements(top, "images", "figures", "book")
    return sorted(line for line in lines if line and not line.startswith("#") and _name(line) in names)


def _requirements(top: Path, *extras: str) -> list[str]:
    """Names of the packages that pyproject.toml asks for, with some extras."""
    project = tomllib.loads((top / "pyproject.toml").read_text("utf-8"))["project"]
    asked = project.get("dependencies", []) + [
        item for extra in extras for item in project.get("optional-dependencies", {}).get(extra, [])]
    return [_name(item) for item in asked]


def _name(requirement: str) -> str:
    """The package in a line such as "torch>=2.5"."""
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower()


def experiment_versions(top: Path) -> dict[str, int]:
    """The declared version of every experiment in `lib/experiments`, read without importing them."""
    found = {}
    for path in sorted((top / "lib" / "experiments").glob("[a-z]*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            for call in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "experiment":
                    found[node.name] = next(word.value.value for word in call.keywords if word.arg == "version")
    return found


def commit(top: Path, besides: str | None = None) -> tuple[str | None, bool | None]:
    """The commit of the tree and whether anything in it differs from that, but in the folder `besides`.

    (None, None) where there is no commit, or one of a repository around the tree that does not hold it.
    """
    others = [f":(exclude){besides}"] if besides else []
    try:
        git(top, "rev-parse", "--verify", "--quiet", "HEAD:./")
        return git(top, "rev-parse", "HEAD"), bool(git(top, "status", "--porcelain", "--", ".", *others))
    except (OSError, ValueError):
        return None, None


def commit_of(top: Path, path: Path) -> dict:
    """The last commit that changed one file, and whether it differs from that: as `commit`, for its text alone."""
    name = str(path.relative_to(top))
    try:
        return {"commit": git(top, "rev-list", "--max-count=1", "HEAD", "--", name) or None,
                "dirty": bool(git(top, "status", "--porcelain", "--", name))}
    except (OSError, ValueError):
        return {"commit": None, "dirty": None}


def git(top: Path, command: str, *arguments: str) -> str:
    """What git says of the tree; raises ValueError where it fails."""
    done = surroundings.git(top, command, *arguments)
    if done.returncode:
        raise ValueError(f"expected git {command} to go through, got {done.stderr.strip()}; try git status")
    return done.stdout.strip()


@cache
def versions(top: Path) -> dict[str, str]:
    """The installed versions of Python and of the packages that the calculations use.

    `top` may also be where the package alone is installed: its own metadata then name the packages.
    """
    try:
        names = _requirements(top, "images")
    except FileNotFoundError:
        names = [_name(item) for item in metadata.requires(DISTRIBUTION) or [] if "extra ==" not in item]
    found = {"python": platform.python_version()}
    for name in (name for name in names if name not in ("matplotlib", "tqdm")):  # no number comes from these
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


@cache
def processor() -> str:
    """The name of the processor, with the numbers that tell its kind where the name does not ("AMD EPYC")."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").split("\n\n")[0].splitlines()
    except OSError:
        lines = []
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    name = facts.get("model name") or platform.processor() or platform.machine()
    kind = [f"{word} {facts[key]}" for word, key in (("family", "cpu family"), ("model", "model")) if key in facts]
    return f"{name} ({', '.join(kind)})" if kind else name


def origin(top: Path, chapter: Chapter, profile: str, parameters: dict, *, seconds: float, core_seconds: float,
           **more: object) -> Origin:
    """Where a run came from and what it cost, as stored with it and shown at the foot of its page.

    more: versions of the packages, as the process that computed had them; threads, peak_memory_bytes, date.
    """
    name, dirty = commit(top)
    return Origin(name, dirty, profile, parameters, parameters.get("seed"), processor=processor(),
                  device=parameters.get("device", "cpu"), seconds=round(seconds, 2),
                  core_seconds=round(core_seconds, 2), budget_core_minutes=chapter.budget,
                  time_limit_minutes=chapter.time_limit, **more)
