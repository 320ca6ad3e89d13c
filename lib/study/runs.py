"""Where the runs of chapters are kept, and whether one is complete."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from lib import atomic
from lib.study import notebooks, parameters, provenance

TIMES = Path("data/records/times.json")  # what chapters took, by profile and chapter
FORMAT = 2  # of the record of a run
EXPERIMENTS_READ = "experiments_read.json"  # in the directory of a run: data, by the declarations of experiments
THREADS = 1  # of every numeric library: then the numbers do not depend on how many chapters or points run at once
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS",
                    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")
# Errors of the place where output goes, in words.
PLACE_ERRORS = {errno.ENOSPC: "the disk is full; try to free some space", errno.EDQUOT: "the disk quota is used up",
                errno.EROFS: "the file system is read-only; try a copy of the tree in a place that can be written",
                errno.EACCES: "no permission to write; try a copy of the tree in a place of your own",
                errno.EPERM: "no permission to write; try a copy of the tree in a place of your own",
                errno.ENOTDIR: "a file is where a directory should be; try to move it away",
                errno.EEXIST: "a file is where a directory should be; try to move it away"}


def disk_is_full(top: Path) -> bool:
    """Whether what is built has no room any more."""
    return shutil.disk_usage(top / "_build").free < 10 * 2**20


def numeric_environment(top: Path) -> dict[str, str]:
    """The variables of every process that computes: capped threads, and numba's cache for this very code."""
    return {"NUMBA_CACHE_DIR": str(top / "_build" / "cache" / f"numba-{provenance.compiled_digest(top)}"),
            **{name: str(THREADS) for name in THREAD_VARIABLES}}


def profile_root(top: Path, profile: str) -> Path:
    """Where a profile's output goes: `_build` for the laptop profile, `_build/<profile>` for the others."""
    return top / "_build" if profile == "laptop" else top / "_build" / profile


def read_record(root: Path, stem: str) -> dict | None:
    """The record of a chapter's last good run, or None where there is none."""
    record = atomic.read_json(root / "executed" / f"{stem}.json")
    return record if isinstance(record, dict) and record.get("format") == FORMAT else None


def check_sum(record: dict) -> str:
    """Guards what a run measured: who edits a number by hand has the chapter executed again."""
    return atomic.digest({name: value for name, value in record.items() if name != "check"})


def is_complete(root: Path, record: dict) -> bool:
    """Whether the notebook and the figures of a run are those that its record names, and the record is as written."""
    stem, figures = record["chapter"], record["figures"]
    return (record.get("check") == check_sum(record)
            and atomic.sha256(root / "executed" / f"{stem}.ipynb") == record["notebook"]
            and all(atomic.sha256(root / "files" / stem / name) == digest for name, digest in figures.items()))


def is_current(root: Path, stem: str, inputs: dict) -> bool:
    """Whether there is a complete run of a chapter with exactly these inputs."""
    record = read_record(root, stem)
    return record is not None and record["inputs"] == inputs and is_complete(root, record)


def read_failure(root: Path, stem: str) -> dict | None:
    """The record of a chapter's last failed run, or None."""
    failure = atomic.read_json(root / "failed" / f"{stem}.json")
    return failure if isinstance(failure, dict) else None


def clear_failure(root: Path, stem: str) -> None:
    """Forget the last failure of a chapter."""
    for suffix in (".ipynb", ".json"):
        (root / "failed" / f"{stem}{suffix}").unlink(missing_ok=True)


def note_times(top: Path) -> None:
    """Note what the last good run of each chapter took, at every profile that was built here, with its machine and
    date; what others have noted of the rest stays."""
    stems = [path.stem for path in notebooks.chapter_files(top)]
    known, noted = atomic.read_json(top / TIMES) or {}, {}
    for profile in parameters.profiles(top):
        last = {stem: read_record(profile_root(top, profile), stem) for stem in stems}
        now = {stem: {name: record["provenance"][name] for name in ("core_seconds", "processor", "commit", "date")}
               for stem, record in last.items() if record and is_complete(profile_root(top, profile), record)}
        kept = {stem: entry for stem, entry in known.get(profile, {}).items() if stem in stems}
        noted |= {profile: dict(sorted((kept | now).items()))} if kept or now else {}
    atomic.write_json_if_changed(top / TIMES, noted)
