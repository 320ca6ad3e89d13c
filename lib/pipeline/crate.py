"""`make crate`: a build as an RO-Crate, a zip whose metadata say what each file is, where it came from and its SHA-256.

It holds the tree that the build was made from and what it published: `make verify CRATE=FOLDER`, or `make verify` in an
unpacked one, says whether everything is as it was made, and names what is not.
"""

from __future__ import annotations

import mimetypes
import os
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml

from lib import atomic
from lib.pipeline import verify
from lib.pipeline.build import locked
from lib.study import ledger, provenance, runs
from lib.study.notebooks import chapter_files

SOURCES = ("book", "data", "lib", "_config.yml", "_toc.yml", "constraints.txt", "pyproject.toml", "environment.yml",
           "Makefile", "README.md", "CONTRIBUTING.md", "CITATION.cff", "LICENSE")
NOT_PACKED = ("__pycache__", ".ipynb_checkpoints", "cache")
LICENCES = {"MIT": "MIT Licence, of the code", "CC-BY-4.0": "CC BY 4.0, of text and figures"}
WHAT = {"book": "source of the book", "data": "facts that the book reads", "lib": "the package", "html": "the site",
        "executed": "a run of a chapter", "files": "what a run drew", "ledger.json": "claims and their verdicts",
        "sums.json": "check sums of what was published"}


def build(top: Path, profile: str) -> Path:
    """Pack the build of a profile; return the zip.  Raises `ValueError` where it is not as it was made, or
    where another build goes on."""
    with locked(top):
        return _pack(top, profile)


def _pack(top: Path, profile: str) -> Path:
    lines, _ = verify.problems(top, profile)
    if lines:
        raise ValueError("expected a build that is as it was made, got\n  " + "\n  ".join(lines) + "\ntry make book")
    from rocrate.model import ContextEntity
    from rocrate.rocrate import ROCrate

    root = runs.profile_root(top, profile)
    config = yaml.safe_load((top / "_config.yml").read_text("utf-8"))
    project = tomllib.loads((top / "pyproject.toml").read_text("utf-8"))["project"]
    commit, dirty = provenance.commit(top)
    crate = ROCrate(gen_preview=False, version="1.2")

    def about(id: str, kind: str, **facts: object):
        return crate.add(ContextEntity(crate, id, {"@type": kind} | facts))

    crate.name, crate.description = config["title"], project["description"]
    crate.license = [about(f"https://spdx.org/licenses/{name}", "CreativeWork", name=name, description=words)
                     for name, words in LICENCES.items()]
    author = about("#authors", "Organization", name=config["author"])
    crate.root_dataset["author"] = crate.root_dataset["publisher"] = author
    verdicts = Counter(claim.verdict for claim in ledger.read(root))
    code = about("#commit", "CreativeWork", name=f"source code of {project['name']}", author=author,
                 version=(commit or "no commit") + (", with uncommitted changes" if dirty else ""))
    entities, actions = {}, []
    for name in packed(top, profile):
        words = WHAT.get(name.removeprefix(f"{root.relative_to(top)}/").split("/")[0], "about the project")
        if name == (root / "ledger.json").relative_to(top).as_posix():
            words += ": " + ", ".join(f"{n} {verdict}" for verdict, n in verdicts.most_common())
        entities[name] = crate.add_file(top / name, name, properties={
            "name": Path(name).name, "description": words, "sha256": atomic.sha256(top / name),
            "contentSize": str((top / name).stat().st_size),
            "encodingFormat": mimetypes.guess_type(name)[0] or "text/plain"})
    for path in chapter_files(top):
        record = runs.read_run(root, path.stem)
        made = record.provenance
        used = [about(f"#{package}-{version}", "SoftwareApplication", name=package, version=version,
                      url="https://www.python.org" if package == "python" else f"pkg:pypi/{package}@{version}")
                for package, version in made.versions.items()]
        own = [f"{root.relative_to(top)}/executed/{path.stem}.{kind}" for kind in ("ipynb", "json")]
        values = ", ".join(f"{key} = {value!r}" for key, value in made.parameters.items())
        actions.append(about(
            f"#run-{path.stem}", "CreateAction", name=f"{record.title}, executed", endTime=made.date,
            agent=author, instrument=[code, *used], object=entities[f"book/{path.name}"],
            result=[entities[name] for name in own],
            description=f"{profile} profile, commit {made.commit}, on {made.processor}; parameters: {values}"))
    crate.root_dataset["mentions"] = actions
    target = root / "crate.zip"
    part = target.with_name(f".{target.stem}.part.zip")
    crate.write_zip(part)
    os.replace(part, target)  # an interrupt leaves an earlier one
    return target


def packed(top: Path, profile: str) -> Iterator[str]:
    """The files of a crate, by their names below the top of the tree."""
    root = runs.profile_root(top, profile)
    published = [root / name for name in ("html", "executed", "files", "ledger.json", verify.SUMS)]
    for place in [*(top / name for name in SOURCES), *published]:
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            name = path.relative_to(top).as_posix()
            if path.is_file() and not set(name.split("/")) & set(NOT_PACKED):
                yield name
