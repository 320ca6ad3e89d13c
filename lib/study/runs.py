"""Where the runs of chapters are kept, and whether one is complete."""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lib import atomic
from lib.study import dependence, notebooks, parameters, provenance
from lib.study.claim_files import Settlement
from lib.study.claims import Number
from lib.study.stored import Stored, absent, checked, plain

TIMES = Path("data/records/times.json")  # what chapters took, by profile and chapter
FORMAT = 2  # of what is kept of a run
EXPERIMENTS_READ = "experiments_read.json"  # in the directory of a run: data, by the declarations of experiments
THREADS = 1  # of every numeric library: then the numbers do not depend on how many chapters or points run at once
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS",
                    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")
# Errors of the place where output goes, in words.
PLACE_ERRORS = {errno.ENOSPC: "the disk is full; try to free some space", errno.EDQUOT: "the disk quota is used up",
                errno.EROFS: "the file system is read-only; try a copy of the tree in a place that can be written",
                **dict.fromkeys((errno.EACCES, errno.EPERM),
                                "no permission to write; try a copy of the tree in a place of your own"),
                **dict.fromkeys((errno.ENOTDIR, errno.EEXIST),
                                "a file is where a directory should be; try to move it away")}


@dataclass
class Run(Stored):
    """The last good run of a chapter, `executed/STEM.json`; `executed/STEM.ipynb` is its notebook."""

    format: Literal[FORMAT]
    chapter: str  # its stem, such as "05-positive-states"
    number: str
    title: str
    page: str
    inputs: provenance.Inputs  # at the time of the run
    experiments_read: list[str]  # of the inputs' data, what experiments declare and points computed here have read
    provenance: provenance.Origin
    claims: list[Settlement]
    numbers: list[Number]
    sweeps: list[dict]  # `Sweep._facts`; on its way to a page with `audits.summary`
    figures: dict[str, str]  # SHA-256 of the files in `files/STEM/`
    notebook: str
    check: str | None = absent()  # guards what was measured: who edits a number by hand has the chapter executed again
    text: dict | None = absent()  # on its way to a page: `provenance.commit_of` the present text
    downloads: list[dict] | None = absent()  # and files, as {"label": ..., "path": below the top of the site}

    def sum(self) -> str:
        """What `check` has to be."""
        return atomic.digest({name: value for name, value in self.plain().items() if name != "check"})

    def write(self, root: Path) -> None:
        """Put it in its place, which completes the run."""
        self.check = self.sum()
        atomic.write_json(root / "executed" / f"{self.chapter}.json", self.plain())


@dataclass
class Failure(Stored):
    """The last failed run of a chapter, `failed/STEM.json`; `failed/STEM.ipynb` is its notebook, as far as it came."""

    chapter: str
    kind: Literal["error", "time limit", "gate"]
    cell: int | None
    line: int | None
    first_line: str | None
    error: str
    message: str
    inputs: provenance.Inputs


@dataclass
class Times(Stored):
    """What a chapter took, where and when: an entry of `TIMES`, by profile and chapter."""

    core_seconds: float
    processor: str
    commit: str | None
    date: str


def disk_is_full(top: Path) -> bool:
    """Whether what is built has no room any more."""
    return shutil.disk_usage(top / "_build").free < 10 * 2**20


def numeric_environment(top: Path) -> dict[str, str]:
    """The variables of every process that computes: capped threads, and numba's cache for this very code."""
    return {"NUMBA_CACHE_DIR": str(top / "_build" / "cache" / f"numba-{dependence.compiled_digest(top)}"),
            **{name: str(THREADS) for name in THREAD_VARIABLES}}


def workspace(top: Path) -> Path:
    """Where a build puts what it needs while it runs."""
    place = top / "_build" / "tmp"
    place.mkdir(parents=True, exist_ok=True)
    return place


def profile_root(top: Path, profile: str) -> Path:
    """Where a profile's output goes: `_build` for the laptop profile, `_build/<profile>` for the others."""
    return top / "_build" if profile == "laptop" else top / "_build" / profile


def built(top: Path, profile: str) -> Path:
    """Where the site of a profile is; raises `ValueError` where there is none."""
    html = profile_root(top, profile) / "html"
    if not (html / "index.html").exists():
        raise ValueError("expected a built site, got none; try make book")
    return html


def read_run(root: Path, stem: str) -> Run | None:
    """A chapter's last good run, or None where there is none, or one of another format."""
    return _read(Run, root / "executed" / f"{stem}.json")


def read_failure(root: Path, stem: str) -> Failure | None:
    """A chapter's last failed run, or None."""
    return _read(Failure, root / "failed" / f"{stem}.json")


def _read(kind: type[Stored], path: Path) -> Stored | None:
    try:
        return kind.read(path)
    except (OSError, ValueError):  # it is made again
        return None


def is_complete(root: Path, run: Run) -> bool:
    """Whether the notebook and the figures of a run are those that it names, and it is as written."""
    return (run.check == run.sum() and atomic.sha256(root / "executed" / f"{run.chapter}.ipynb") == run.notebook
            and all(atomic.sha256(root / "files" / run.chapter / name) == sum for name, sum in run.figures.items()))


def is_current(root: Path, stem: str, inputs: provenance.Inputs) -> bool:
    """Whether there is a complete run of a chapter with exactly these inputs."""
    run = read_run(root, stem)
    return run is not None and run.inputs == inputs and is_complete(root, run)


def clear_failure(root: Path, stem: str) -> None:
    """Forget the last failure of a chapter."""
    for suffix in (".ipynb", ".json"):
        (root / "failed" / f"{stem}{suffix}").unlink(missing_ok=True)


def read_times(top: Path) -> dict[str, dict[str, Times]]:
    """What chapters took, by profile and chapter; raises `ValueError` that names a damaged entry."""
    return checked(dict[str, dict[str, Times]], atomic.read_json(top / TIMES) or {}, str(TIMES))


def expected(top: Path, profile: str, chapter: notebooks.Chapter) -> float | None:
    """The seconds that a run of a chapter may take, from its last one here, else from what others have noted."""
    if last := read_run(profile_root(top, profile), chapter.stem):
        return last.provenance.seconds
    noted = read_times(top).get(profile, {}).get(chapter.stem)
    return noted and noted.core_seconds


def note_times(top: Path) -> None:
    """Note what the last good run of each chapter took, at every profile that was built here, with its machine and
    date; what others have noted of the rest stays."""
    stems = [path.stem for path in notebooks.chapter_files(top)]
    known, noted = read_times(top), {}
    for profile in parameters.profiles(top):
        root = profile_root(top, profile)
        found = {stem: made for stem, made in known.get(profile, {}).items() if stem in stems}
        for stem in stems:
            if (run := read_run(root, stem)) and is_complete(root, run):
                made = run.provenance
                found[stem] = Times(made.core_seconds, made.processor, made.commit, made.date)
        noted |= {profile: dict(sorted(found.items()))} if found else {}
    atomic.write_json_if_changed(top / TIMES, plain(noted))
