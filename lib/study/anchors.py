"""Anchors: whether the code still does what made the recorded results, on any machine and without a data set.

`tests/anchors` has a module for every experiment, with cases that run the first steps of the experiment itself on
generated input, and beside it the numbers that came out (`NAME.json`), with the version that they belong to.
:func:`check` compares, in processes of their own, and keeps by content what has passed.  An anchor that moves is a
mistake, or an intended change: then the version is raised, and `make anchors` makes
the numbers anew, for raised versions only.
"""

from __future__ import annotations

import importlib
import json
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lib import atomic
from lib.study import lifeline, provenance, results, runs, surroundings
from lib.study.measures import is_number
from lib.study.stored import Stored
from lib.study.telling import telling

FOLDER = "tests/anchors"
ROUNDING = 1e-14  # what a sum that is zero may come to in float64


@dataclass(frozen=True)
class Case(Stored):
    """What an experiment gave at some settings, or what it raised, by names that differ between experiments."""

    tolerance: float
    numbers: dict


@dataclass(frozen=True)
class Anchors(Stored):
    """The anchors of a version of an experiment, `tests/anchors/NAME.json`."""

    experiment: str
    version: int
    cases: dict[str, Case]

    def text(self) -> str:
        """What the file holds, a line a case: a difference shows which moved."""
        cases = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(case.plain())}" for name, case in self.cases.items())
        return f'{{"experiment": "{self.experiment}",\n "version": {self.version},\n "cases": {{\n  {cases}}}}}\n'


def names(top: Path) -> list[str]:
    """The experiments that have anchors in a tree."""
    return sorted(path.stem for path in (top / FOLDER).glob("[!_]*.py"))


def of_modules(top: Path, modules: Iterable[str]) -> list[str]:
    """The experiments with anchors that these modules of `lib` define, such as all that a chapter imports."""
    places = [top / f"{module.replace('.', '/')}.py" for module in modules]
    text = "".join(path.read_text("utf-8") for path in places if path.is_file())  # no package defines any
    return [name for name in names(top) if f"\ndef {name}(" in text]


def check(top: Path, jobs: int = 1, wanted: list[str] | None = None) -> dict[str, str]:
    """For each experiment "" where its anchors pass with the code of this tree, else what moved and what to do.

    wanted: the experiments whose anchors are measured, all if None.
    """
    kept, known = top / "_build" / "anchors.json", names(top)
    passed = atomic.read_json(kept) or {}
    digests = {name: digest(top, name) for name in known if wanted is None or name in wanted}
    waiting = [name for name, now in digests.items() if passed.get(name) != now]
    if waiting:
        print(f"anchors of {len(waiting)} experiments, since their code is new here (with compiling, the first time "
              "takes some minutes) ...", flush=True)
    lacking = provenance.experiment_versions(top).keys() - {*known} if known else ()
    messages = {name: f"{name} has no anchors, so that nothing holds its version; try {FOLDER}/{name}.py, as its "
                      "neighbours are" for name in sorted(lacking)}
    messages |= dict.fromkeys(digests, "") | {name: message(top, name, _read(_path(top, name)), found)
                                             for name, found in _measured(top, waiting, jobs).items()}
    if waiting:
        kept.parent.mkdir(exist_ok=True)
        rest = {name: passed[name] for name in known if name in passed and name not in digests}
        atomic.write_json(kept, rest | {name: digests[name] for name in digests if not messages[name]})
    return messages


def digest(top: Path, name: str) -> str:
    """SHA-256 of all that the anchors of an experiment depend on: code, committed numbers, packages and processor."""
    sources = [(top / FOLDER / f"{name}.py").read_text("utf-8")]
    helpers = {path.stem: path.read_text("utf-8") for path in sorted((top / FOLDER).glob("_[a-z]*.py"))}
    for source in sources:  # with what it imports from the same folder, and so on
        sources += [text for stem, text in helpers.items() if text not in sources and
                    re.search(rf"^(from|import) .*\b{stem}\b", source, re.MULTILINE)]
    modules = provenance.modules_of(top, [module for source in sources for module in provenance.imports(source)])
    sources.append(Path(__file__).read_text("utf-8"))
    parts = [*map(provenance.code_digest, sources), provenance.environment_digest(top), provenance.processor(),
             provenance.versions(top), atomic.sha256(top / FOLDER / f"{name}.json"),
             *(f"{module} {provenance.code_digest(path.read_text('utf-8'))}" for module, path in modules.items())]
    return atomic.digest(parts)


def measured(name: str) -> Anchors:
    """The numbers of all cases of an experiment, with the code that this process has imported."""
    module = importlib.import_module(f"{FOLDER.replace('/', '.')}.{name}")
    cases = {"defaults": Case(0, module.DEFAULTS)}
    for case, settings in module.CASES.items():
        try:
            numbers = module.observe(case, settings)
        except Exception as error:  # what a case raises is what it gave
            numbers = {"error": f"{type(error).__name__}: {error}"}
        numbers.pop("margin", None)  # says that no decision hangs by a hair; tests ask for it
        tolerance = getattr(module, "TOLERANCES", {}).get(case, module.TOLERANCE)
        cases[case] = Case(tolerance, numbers)
    text = json.dumps(Anchors(name, module.experiment.version, cases).plain(), default=str)
    return Anchors.of(json.loads(text, parse_float=lambda text: float(f"{float(text):.12g}")), name)


def deviations(recorded: dict, found: dict, tolerance: float, least: float = 1.0) -> Iterator[tuple[float, str]]:
    """What is more than `least` tolerances off: by how many, and in words; lists relative to their largest number."""
    for name in sorted({*recorded, *found}, key=[*recorded, *found].index):
        then, now = (list(_leaves(numbers.get(name, []), name)) for numbers in (recorded, found))
        if [place for place, _ in then] != [place for place, _ in now]:
            yield float("inf"), f"{name}: {len(then)} -> {len(now)} numbers"
            continue
        scale = max([abs(value) for _, value in then if is_number(value)], default=0.0)
        for (place, before), (_, after) in zip(then, now):
            if is_number(before) and is_number(after):
                allowed = tolerance * scale + (ROUNDING if tolerance else 1e-300)
                off = 0.0 if before == after else abs(after - before) / allowed
            else:
                off = 0.0 if before == after else float("inf")
            if not off <= least:  # NaN is not
                yield off, f"{place}: {_shown(before)} -> {_shown(after)}"


def changed_without_version(top: Path) -> list[str]:
    """A line for every experiment whose committed anchor numbers were changed under the same version."""
    problems = []
    for name in names(top):
        path = f"{FOLDER}/{name}.json"
        show = surroundings.git(top, "show", f"HEAD:./{path}")
        then = Anchors.of(json.loads(show.stdout), f"{path} at the last commit") if show.returncode == 0 else None
        now = _read(top / path)
        if None in (then, now) or now.version != then.version:
            continue
        if changed := [name for name, case in then.cases.items() if now.cases.get(name) != case]:
            problems.append(f"{path}: expected the numbers of version {then.version} as they were committed, got "
                            f"others (case {changed[0]!r}); try git checkout {path}, or raise the version")
    return problems


def renewed(top: Path, measure: list[str], output: Path | None) -> None:
    """Make the anchors of raised versions anew, and say which; or only put some measured ones into a folder."""
    if not measure:
        print("\n".join(renew(top)) or "no version was raised: all anchors stay as they are")
    lifeline.hold()  # nothing where it was not started by this module
    for name in measure:
        began = time.perf_counter()
        with telling(f"anchors of {name}", in_log=True):
            atomic.write_bytes(output / f"{name}.json", measured(name).text().encode())
        print(f"  anchors of {name}: {results.duration(time.perf_counter() - began)}", flush=True)


def renew(top: Path) -> list[str]:
    """Make the numbers anew of experiments whose version was raised, or that have none; a line each on what was done.

    Raises ValueError where the numbers of a version that was not raised moved.
    """
    lines, refused = [], []
    for name, found in _measured(top, names(top), 1).items():
        path = _path(top, name)
        recorded = _read(path)
        if isinstance(found, str) or recorded and found.version == recorded.version:
            refused.append(message(top, name, recorded, found))
            continue
        atomic.write_bytes(path, found.text().encode())
        lines.append(f"{name}: {len(found.cases)} anchors of version {found.version} in {path.relative_to(top)}")
    if any(refused):
        raise ValueError("\n".join(filter(None, refused)))
    return lines


def message(top: Path, name: str, recorded: Anchors | None, found: Anchors | str) -> str:
    """"" where all cases agree, else what moved first, and what to do."""
    if isinstance(found, str):
        return f"the anchors of {name} do not run: {found}"
    if recorded is None:
        return f"{name} has no anchor numbers yet; try make anchors"
    version = recorded.version
    if found.version != version:
        return f"{name} is version {found.version}, but its anchors are those of version {version}; try make anchors"
    for case in recorded.cases | found.cases:
        then, now = (anchors.cases.get(case) for anchors in (recorded, found))
        if then is None or now is None or then.tolerance != now.tolerance:
            moved = "its cases are others than those of its numbers"
        elif "error" in now.numbers and "error" not in then.numbers:
            moved = f"which now raises {now.numbers['error']}"
        else:
            moved = next((text for _, text in deviations(then.numbers, now.numbers, then.tolerance)), None)
        if moved:
            n_points = _recorded_points(top, name, version)
            return (f"{name} no longer does what made version {version} (case {case!r}, {moved}). A mistake: mend it. "
                    f"Meant: raise its version to {version + 1} with a line that says why, then make anchors; "
                    f"{n_points} recorded points become superseded and have to be made again (make records)")
    return ""


def _recorded_points(top: Path, name: str, version: int) -> int:
    lines = (line for path in (top / "data" / "records").glob("*.jsonl") for line in path.open(encoding="utf-8"))
    points = (json.loads(line) for line in lines if f'"{name}"' in line)
    return sum(point.get("experiment") == name and point.get("version") == version for point in points)


def _measured(top: Path, waiting: list[str], jobs: int) -> dict[str, Anchors | str]:
    """What `measured` gives for each experiment, or the last line of its error; by `jobs` fresh processes, which end
    when this one does."""
    environment = runs.numeric_environment(top) | {"COMPANION_ROOT": str(top)}
    jobs = max(1, min(jobs, len(waiting)))
    parts = _parts({name: _compiled(top, name) for name in waiting}, jobs)
    (top / "_build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="anchors-", dir=top / "_build") as folder:
        place = Path(folder)

        def run(parts: list[list[str]]) -> None:
            commands = {some[0]: surroundings.command(top, "lib", "anchors", f"--output={place}", "--measure", *some)
                        for some in parts}
            lifeline.run(commands, place, jobs, environment)

        run(parts)
        # One that cannot even be imported takes those behind it along: each by itself.
        run([[name] for name in waiting if len(waiting) > 1 and not (place / f"{name}.json").exists()])
        return {name: _found(place, name) for name in waiting}


def _found(place: Path, name: str) -> Anchors | str:
    """What a process has left of an experiment."""
    if found := _read(place / f"{name}.json"):
        return found
    lines = (place / f"{name}.log").read_text("utf-8", "replace").strip().splitlines()
    return (lines or ["killed"])[-1]


def _parts(compiled: dict[str, list[str]], jobs: int) -> list[list[str]]:
    """Experiments for each of some processes: those with the same compiled modules together, so that these are compiled
    once."""
    groups: dict[tuple, list[str]] = {}
    for name, modules in compiled.items():
        groups.setdefault(tuple(modules), []).append(name)
    parts: list[list[str]] = [[] for _ in range(jobs)]
    for group in sorted(groups.values(), key=len, reverse=True):
        min(parts, key=len).extend(group)
    return [part for part in parts if part]


def _compiled(top: Path, name: str) -> list[str]:
    """The modules with compiled code that the anchors of an experiment use."""
    path = top / FOLDER / f"{name}.py"
    modules = provenance.modules_of(top, provenance.imports(path.read_text("utf-8")) if path.is_file() else [])
    return [module for module, path in modules.items() if "import njit" in path.read_text("utf-8")]


def _leaves(value: object, place: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            yield from _leaves(part, f"{place}[{index}]")
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, f"{place}, {key}")
    else:
        yield place, value


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def _path(top: Path, name: str) -> Path:
    return top / FOLDER / f"{name}.json"


def _read(path: Path) -> Anchors | None:
    return Anchors.read(path) if path.is_file() else None
