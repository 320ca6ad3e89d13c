"""Audits: whole points of a record, computed again by the present code, on any processor, and compared with the record.

`make audit CH=34 MINUTES=30` draws points and appends a line for each to `data/records/audits/NAME.jsonl`;
:func:`summary` says what they come to, :func:`contradicted` what a build must not publish.

Every branch of an experiment (`audited.BRANCHES`) takes its turn, the one with the fewest audits first.
Within a branch the order is that of sha256(commit + settings), so that nobody chooses. Points above
`CAP` core-minutes are drawn only where a branch has no cheaper ones, the cheapest first. A point is
drawn once for a version, never again. Which results count is fixed beforehand (`audited.MEASURES`); those
that follow from the settings alone must agree to rounding, or p is 0; of the others
:mod:`lib.study.scatter` says how likely right code gives them. The same seed on the same processor
often gives the very same digits: the test asks only whether points lie too far apart.

Lines that were all shifted by three scatters are contradicted by seven audited points in most cases
and by ten nearly always; right records by far less than one in a thousand, a little more with every
audit that is added (tests/study/test_scatter.py measures both).

A point that is itself many runs (a search) is audited run by run (`audited.PARTS`).

A line of the file is an `Audit` of :mod:`lib.study.record_lines`, or a `Repeat`, for another seed of a point whose
settings have only one.
"""

from __future__ import annotations

import datetime
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lib import atomic
from lib.study import provenance, record_lines, scatter
from lib.study.audited import MEASURES, PARTS, agree, branch_of, values_of
from lib.study.record_lines import Audit, Computed, Machine, Point, Repeat, encode
from lib.study.results import FAILED, VALID, duration, read, settings_key
from lib.study.scatter import FAR, FEWEST, Scatter

LEAST, CONTRADICTED = 5, 1e-3  # audited points before a verdict; the p below which they contradict the record
CAP = 5.0  # core-minutes of a point that is drawn as a rule
OF_THE_MACHINE = ("MemoryError", "OutOfMemoryError", "OSError")  # errors that say nothing about the code


class Points(NamedTuple):
    """Points of a record and their audits, by settings; then points that failed, and other seeds of audited ones."""

    valid: dict[str, Point]
    audits: dict[str, Audit]
    failed: list[Point]
    repeats: list[Repeat]

    def scatter(self) -> Scatter:
        """The scatter between recorded seeds; between repeats and the audit they go with, where one seed is recorded.

        Recorded and present results never mix: their difference would hide in the scatter.
        """
        recorded, repeated = _by_group([*self.valid.values(), *self.failed]), _by_group(self.repeats)
        seeds = {group: lines + repeated[group] for group, lines in _by_group(self.audits.values()).items()
                 if group in repeated}
        seeds = recorded | {group: lines for group, lines in seeds.items() if len(recorded[group]) == 1}
        return Scatter({group: np.array([values_of(line) for line in lines]) for group, lines in seeds.items()},
                       {group: branch_of(lines[0]) for group, lines in seeds.items()})


def audit_file(top: Path, name: str) -> Path:
    """Where the audits of a record are."""
    return top / "data" / "records" / "audits" / f"{name}.jsonl"


def load(top: Path, name: str) -> Points:
    """What is known of a record; raises `ValueError` that names a damaged line."""
    present = {experiment: version for experiment, version in provenance.experiment_versions(top).items()
               if experiment in MEASURES}
    record = read(top / "data" / "records" / f"{name}.jsonl")
    lines = [line for line in record_lines.read(audit_file(top, name), (Audit, Repeat))
             if line.version == present.get(line.experiment)]
    found = {key: record.find(key, experiment, version) for key, points in record.points.items()
             for experiment, version in present.items() if experiment == points[-1].experiment}
    valid = {key: line for key, (state, line) in found.items() if state == VALID}
    valid = {settings_key(part.settings): part for line in valid.values()
             for part in PARTS.get(line.experiment, lambda line: (line,))(line)}
    # Of two audits of a point, from branches that were merged or added by hand, the first counts.
    lines.sort(key=lambda line: (line.date, line.commit))
    return Points(valid, {key: line for line in reversed(lines) if not isinstance(line, Repeat)
                          and (key := settings_key(line.settings)) in valid},
                  [line for state, line in found.values() if state == FAILED],
                  [line for line in lines if isinstance(line, Repeat)])


def draw(points: Points, commit: str, minutes: float, here: Callable[[Mapping], bool]) -> Iterator[Point]:
    """The points to compute next, as they are recorded, while their recorded times fit into core-minutes.

    here: whether a point, by its settings, can be computed on this machine.
    """
    def order(key):
        seconds = points.valid[key].core_seconds
        return max(seconds, 60 * CAP), hashlib.sha256((commit + key).encode()).hexdigest()

    queues, turns = defaultdict(list), Counter(map(branch_of, points.audits.values()))
    for key in sorted(points.valid.keys() - points.audits.keys(), key=order):
        line = points.valid[key]
        queue = queues[branch_of(line)] if here(line.settings) else []
        if line.core_seconds <= 60 * CAP or not queue:
            queue.append(line)
    left = 60 * minutes
    while queues:
        branch = min(queues, key=lambda name: (turns[name], name))
        line = next((line for line in queues[branch] if line.core_seconds <= left), None)
        if line is None:
            del queues[branch]
            continue
        queues[branch].remove(line)
        turns[branch] += 1
        left -= line.core_seconds
        yield line


def p_value(points: Points, **options: int) -> float | None:
    """How often right results lie as far from the record as the audited ones; None where too little is known.

    That is below `LEAST` audited points, and where the seeds of the record are too few; but results that follow from
    the settings alone need no scatter.
    """
    if len(points.audits) < LEAST:
        return None
    if differing(points):
        return 0.0
    seeds = points.scatter()
    if seeds.freedom < FEWEST:
        return None
    pairs = [(points.valid[key], now) for key, now in points.audits.items()]
    distances = [seeds.distances(_group(then), values_of(then), values_of(now)) if now.status == "done"
                 else np.full(len(values_of(then)), FAR) for then, now in pairs]
    return seeds.p_value([_group(then) for then, _ in pairs], np.array(distances), **options)


def differing(points: Points) -> list[str]:
    """The results that follow from the settings alone and came out otherwise in some audit."""
    return sorted({name for key, now in points.audits.items() if now.status == "done"
                   for name in MEASURES[now.experiment].exact if not agree(points.valid[key], now, (name,))})


def summary(top: Path, name: str) -> dict:
    """What the audits of a record come to, kept by content in `_build/audits`; `text` is a line for a page."""
    files = [top / "data" / "records" / f"{name}.jsonl", audit_file(top, name), Path(__file__), Path(scatter.__file__)]
    state = atomic.digest([*map(atomic.sha256, files), provenance.experiment_versions(top)])
    kept = top / "_build" / "audits" / f"{name}.json"
    known = atomic.read_json(kept)
    if isinstance(known, dict) and known.get("state") == state:
        return known["summary"]
    points = load(top, name)
    p, n, of = p_value(points), len(points.audits), len(points.valid)
    equal = sum(now.status == "done" and agree(points.valid[key], now, now.results)
                for key, now in points.audits.items())
    found = {"audited": n, "of": of, "last": max((line.date for line in points.audits.values()), default=None),
             "p": p, "contradicted": p is not None and p < CONTRADICTED, "equal": equal,
             "failed": sum(line.status != "done" for line in points.audits.values()), "differing": differing(points)}
    what = "single runs" if any(line.experiment in PARTS for line in points.valid.values()) else "points"
    text = f"audited: {n} of the {of} {what} of the whole record computed again" if of else _why_not(top, name)
    if n:
        verdict = f"no verdict below {LEAST} {what}" if n < LEAST else \
            "no verdict from so few seeds" if p is None else \
            f"further from the record than seeds are (p = {p:.1g})" if found["contradicted"] else \
            f"no further from the record than seeds are (p = {p:.2f})"
        errors = f"{found['failed']} with an error, " if found["failed"] else ""
        errors += f"other values of {', '.join(found['differing'])}, " if found["differing"] else ""
        text += f", last on {found['last']}: {equal} equal to nine digits, {errors}{verdict}"
    elif of and all(line.settings.get("device", "").startswith("cuda") for line in points.valid.values()):
        text += ", which takes a GPU"
    found["text"] = text
    found |= _of_changed_trees(top, name, points)
    atomic.write_json(kept, {"state": state, "summary": found})
    return found


def _of_changed_trees(top: Path, name: str, points: Points) -> dict[str, int]:
    """The recorded points, those made in trees with uncommitted changes, and how many of the latter are audited."""
    record = read(top / "data" / "records" / f"{name}.jsonl")
    recorded = [point.run for same in record.points.values() for point in same]
    changed = {run for run in recorded if record.runs[run].dirty}
    return {"recorded": len(recorded), "uncommitted": sum(run in changed for run in recorded),
            "uncommitted audited": sum(points.valid[key].run in changed for key in points.audits)}


def _why_not(top: Path, name: str) -> str:
    """Why no point of a record is ever audited."""
    present = provenance.experiment_versions(top)
    record = read(top / "data" / "records" / f"{name}.jsonl")
    n_valid = sum(point.status == "done" and present.get(point.experiment) == point.version
                  for points in record.points.values() for point in points)
    if 0 < n_valid < LEAST:
        return f"not audited: its {n_valid} points are fewer than the {LEAST} that a verdict takes"
    return "not audited: no valid points that audits can compare"


def contradicted(top: Path) -> list[str]:
    """A message for every record that its audits contradict: what a build refuses to publish."""
    messages = []
    for path in sorted((top / "data" / "records" / "audits").glob("*.jsonl")):
        facts = summary(top, path.stem)
        if facts["contradicted"]:
            messages.append(f"record {path.stem}: expected points that the present code gives again, got "
                            f"{facts['audited']} audited ones further from it than seeds are (p = {facts['p']:.1g}, "
                            f"{path.relative_to(top)}); try to find what differs and mend it, or raise the version of "
                            "the experiment, say why, and make the record again: make records CH=...")
    return messages


def audit(top: Path, experiments: Mapping[str, Callable], minutes: float) -> None:
    """Compute points again and append a line for each.

    experiments: by the names of their records, which share the core-minutes. A record whose settings have one seed each
    gets two more for every point, so that their scatter is known. Raises `ValueError` in a tree that differs from
    its commit.
    """
    from lib.study.points import compute, thread_limit, without_gpu  # joblib takes its time

    commit, dirty = provenance.commit(top, besides="data/records")
    if commit is None or dirty:
        raise ValueError("expected a tree without changes, since an audit says which commit it judges, got one that "
                         "differs from its commit; try git status, then git commit or git stash")
    for name, function in experiments.items():
        absent = set()

        def here(settings, function=function, absent=absent):
            missing = {place for place in function.data(settings) if not (top / place).exists()}
            absent.update(missing | ({"a GPU"} if without_gpu([settings]) else set()))
            return not missing and not without_gpu([settings])

        points = load(top, name)
        alone = points.scatter().freedom < FEWEST
        for line in draw(points, commit, minutes / len(experiments), here):
            seed = line.settings.get("seed")
            repeats = [(Repeat, {**line.settings, "seed": seed + n}) for n in ((1, 2) if alone else ())]
            for kind, settings in [(Audit, line.settings), *repeats]:
                print(f"{name}: {kind.kind}, {', '.join(branch_of(line))}, seed {settings.get('seed')}, recorded in "
                      f"{duration(line.core_seconds)} of processor time ... ", end="", flush=True)
                with thread_limit(1):
                    now, machine = compute(function, settings)
                if now.status != "done" and now.error.startswith(OF_THE_MACHINE):
                    print(f"not counted: {now.error}", flush=True)
                    continue
                append(top, name, kept(kind, now, machine, commit))
                print(f"{now.status} in {now.core_seconds:.0f} s", flush=True)
        lacking = f"; no points that need {', '.join(sorted(absent))}, which is not here" if absent else ""
        print(f"{name}: {summary(top, name)['text']}{lacking}", flush=True)


def kept(kind: type[Audit], point: Computed, machine: Machine, commit: str) -> Audit:
    """What is kept of a point that was computed again today: of its results those that are compared."""
    names = [result for results in MEASURES[point.experiment] for result in results]
    found = point.results and {result: point.results[result] for result in names if result in point.results}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return kind(**vars(point) | {"results": found}, commit=commit, **vars(machine), date=today)


def append(top: Path, name: str, audit: Audit) -> None:
    """Add an audit to those of a record."""
    path = audit_file(top, name)
    before = path.read_bytes() if path.exists() else b""
    atomic.write_bytes(path, before + encode(audit).encode())


def _group(point: Computed) -> str:
    """The settings of a point but for its seed."""
    return settings_key({name: value for name, value in point.settings.items() if name != "seed"})


def _by_group(points: Iterable[Computed]) -> dict[str, list[Computed]]:
    found = defaultdict(list)
    for point in points:
        found[_group(point)].append(point)
    return dict(found)
