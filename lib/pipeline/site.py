"""From executed chapters to a site: check the ledger, stage the sources, render them, publish in one step.

What is staged is the present text with the outputs of the last run.  A site is made anew from what the last one left
(:mod:`lib.pipeline.render`): only pages whose sources changed are rendered, and all of them, from nothing, where
something changed that any page may show.  Only a finished site takes the place of the old one.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import yaml

from lib import atomic
from lib.pipeline import api, converted, gate, number_names, page_text, status, strips, verify
from lib.pipeline.render import FACTS, MOVED
from lib.study import ledger, lifeline, notebooks, provenance, runs, surroundings
from lib.study.claim_files import Entry
from lib.study.notebooks import chapter_files
from lib.study.runs import Run
from lib.study.stored import checked, plain

BENCHMARKS, MUTATIONS, RANGES = (Path(f"data/records/{name}.json") for name in ("bench", "mutations", "ranges"))
CONTRIBUTING = "CONTRIBUTING.md"
NOT_STAGED = ("parameters", "__pycache__", ".ipynb_checkpoints")
NARROW = ".narrow.svg"  # end of the name of a picture for phones (lib/plotting.py, which loads matplotlib)
PAGES = re.compile(r"[^/]+\.(md|ipynb)|_data/.*\.(json|csv|svg)")  # staged files of only the pages that read them
#: Tables whose rows a script of the page is given.
TABLES = re.compile(r"(?m)^ *(?:`{3,}|~{3,}|:{3,})\{(?:knob|living-machine)\} *(\S+)")


def read_records(top: Path, profile: str) -> list[Run]:
    """The records of the last good runs; raises `ValueError` naming the chapters that have none."""
    root, files = runs.profile_root(top, profile), chapter_files(top)
    records = [runs.read_run(root, path.stem) for path in files]
    missing = [path.stem for path, record in zip(files, records, strict=True)
               if not record or not runs.is_complete(root, record)]
    if missing:
        raise ValueError(f"expected every chapter executed, got no complete run of {', '.join(missing)}; try make book")
    return records


def accept(top: Path, profile: str) -> str:
    """Accept the verdicts of the last runs, and note what chapters took and how they name their numbers; return what
    changed, a line each."""
    records = [described(top, record) for record in read_records(top, profile)]
    changes = ledger.accept(top, profile, records)
    if profile == number_names.PROFILE:
        changes += number_names.accept(top)
    runs.note_times(top)
    return "\n".join(changes) or "every verdict is the accepted one already"


def build(top: Path, profile: str, lock: int) -> bool:
    """Bring the site of a profile up to date; return whether it had to be rendered.

    Raises `ValueError` for a verdict worse than accepted, a record that its audits contradict, or warnings of the
    renderer.  The old site is untouched then.
    """
    from lib.study import audits  # loads numpy

    if messages := audits.contradicted(top):
        raise ValueError("\n    ".join(messages))
    root, files = runs.profile_root(top, profile), chapter_files(top)
    records = [described(top, record) for record in read_records(top, profile)]
    shown = {"ledger": plain(ledger.check(top, profile, records)), "status": plain(status.book_status(top, profile)),
             **{path.stem: atomic.read_json(top / path) for path in (BENCHMARKS, MUTATIONS, RANGES)},
             "times": plain(runs.read_times(top))}  # one that is missing would be news to every page
    if (top / "book" / "api.md").exists():
        rooms = api.described(top)
        shown |= {"api": rooms, "names": api.names(rooms), "imports": api.imports(top)}
    made = {"digest": _digest(top, records, shown), "pages": status.made_of(top, profile)}
    current = (atomic.read_json(root / "html" / status.SITE) == made
               and not [*verify.published(root, [])])  # no hand and no fault has changed a file since
    if not current:
        toc = read_toc(top, [path.stem for path in files])
        staged = stage(top, root, records, toc, shown)
        if lines := update(top, root / "stage", root / "render", staged, root / "logs", inherited=(lock,)):
            raise ValueError("expected pages without warnings, got\n    " + "\n    ".join(lines))
        with tempfile.TemporaryDirectory(prefix="site-", dir=runs.workspace(top)) as temporary:
            site = publish(top, root, root / "render" / "html", staged, records, Path(temporary) / "html")
            atomic.write_json(site / status.SITE, made)
            atomic.swap_directory(site, root / "html")
    for name in ("ledger", "status"):
        atomic.write_json_if_changed(root / f"{name}.json", shown[name])
    if not current:
        verify.seal(root)
    return not current


def described(top: Path, run: Run) -> Run:
    """A run with what its page says besides: title, budget and commit of its present text, the audits
    of the records that it reads, files to download."""
    from lib.study import audits

    stem, path = run.chapter, top / "book" / f"{run.chapter}.md"
    chapter = notebooks.read_chapter(path)
    offered = {"executed notebook": f"{stem}-executed.ipynb", "notebook without outputs": f"{stem}.ipynb",
               "text (MyST)": f"{stem}.md",
               **{name: f"figures/{name}" for name in run.figures if not name.endswith(NARROW)}}
    sweeps = [sweep | ({"audits": audits.summary(top, sweep["name"])} if sweep["record"] else {})
              for sweep in run.sweeps]
    return replace(run, title=chapter.title, sweeps=sweeps, text=provenance.commit_of(top, path),
                   provenance=replace(run.provenance, budget_core_minutes=chapter.budget),
                   downloads=[{"label": label, "path": f"downloads/{stem}/{name}"} for label, name in offered.items()])


def _digest(top: Path, records: list[Run], shown: dict) -> str:
    """Digest of everything that shapes the site."""
    places = ("book", "_config.yml", "_toc.yml", CONTRIBUTING, "lib/study", "lib/pipeline", "data/thesis",
              "data/claims")
    parts = [[atomic.sha256(top / place) for place in places], provenance.environment_digest(top), plain(records),
             shown]
    return atomic.digest(parts)


def read_toc(top: Path, stems: list[str]) -> object:
    """The table of contents with chapters as executed notebooks, all names relative to the staged sources.

    Raises `ValueError` where it is not of the form of a table of contents; pages that are missing or left out are named
    before (:mod:`lib.pipeline.book_files`).
    """
    def rewrite(node):
        if isinstance(node, list):
            return [rewrite(entry) for entry in node]
        if not isinstance(node, dict):
            return node
        result = {key: rewrite(value) for key, value in node.items()}
        for key in ("file", "root"):
            if isinstance(result.get(key), str):
                name = result[key].removeprefix("book/").removesuffix(".md")
                result[key] = f"{name}.ipynb" if name in stems else name
        return result

    toc = rewrite(yaml.safe_load((top / "_toc.yml").read_text("utf-8")))
    from sphinx_external_toc.parsing import MalformedError, parse_toc_data

    try:
        parse_toc_data(toc)
    except MalformedError as error:
        raise ValueError(f"_toc.yml: expected parts with chapters, got {error}; try the indentation of its "
                         "neighbours") from None
    return toc


def page_names(top: Path) -> list[str]:
    """The pages of the book in the order of its contents."""
    from sphinx_external_toc.parsing import parse_toc_data

    return [*parse_toc_data(read_toc(top, []))]


def toc_alone(top: Path, stem: str) -> dict:
    """A table of contents of one chapter and the lists of references, as `read_toc` gives that of the book."""
    lists = [{"file": path.stem} for path in sorted((top / "book").glob("*.md"))
             if page_text.has_directive(path, "bibliography")]
    return {"format": "jb-book", "root": f"{stem}.ipynb"} | ({"chapters": lists} if lists else {})


def only(staged: dict[str, bytes], toc: dict) -> dict[str, bytes]:
    """Of staged files those that a rendering of these contents alone reads: no other page."""
    kept = {f"{entry['file']}.md" for entry in toc.get("chapters", [])}
    return {name: content for name, content in staged.items() if "/" in name or name in kept or name[-3:] != ".md"}


def stage(top: Path, root: Path, records: list[Run], toc: object, shown: dict) -> dict[str, bytes]:
    """The files that the renderer reads, by name: all of `book`, the chapters with their outputs, and in `_data` what
    pages show of the build."""
    staged = sources(top, toc)
    claims = {entry.id: entry for entry in checked(list[Entry], shown["ledger"], "ledger")}
    for run in records:
        stem, files = run.chapter, root / "files" / run.chapter
        del staged[f"{stem}.md"]
        notebook = _with_outputs(top, root, stem)
        strips.fill(notebook, claims, {sweep["name"]: sweep for sweep in run.sweeps})
        staged[f"{stem}.ipynb"] = _json(notebook)
        text = (top / "book" / f"{stem}.md").read_text("utf-8")
        staged |= {f"_data/tables/{stem}/{name}": (files / name).read_bytes()
                   for name in {f"{table}.csv" for table in TABLES.findall(text)} & set(run.figures)}
        staged |= {f"_data/narrow/{stem}/{name}": (files / name).read_bytes()
                   for name in run.figures if name.endswith(NARROW)}
    described = {f"chapters/{run.chapter}": run.plain() for run in records}
    return staged | {f"_data/{name}.json": _json(content) for name, content in (shown | described).items()
                     if content is not None}


def sources(top: Path, toc: object) -> dict[str, bytes]:
    """All files of `book` by name, and what a rendering reads besides: settings, contents, what pages include."""
    staged = {path.relative_to(top / "book").as_posix(): path.read_bytes() for path in (top / "book").rglob("*")
              if path.is_file() and not set(path.relative_to(top / "book").parts) & set(NOT_STAGED)}
    if (top / CONTRIBUTING).exists():  # a page includes a part of it
        staged[CONTRIBUTING] = (top / CONTRIBUTING).read_bytes()
    config = yaml.safe_load((top / "_config.yml").read_text("utf-8"))
    config["only_build_toc_files"] = True  # else Sphinx finds pages twice
    config["execute"] = {"execute_notebooks": "off"}  # papermill has executed them
    config.setdefault("sphinx", {}).setdefault("extra_extensions", []).append("lib.pipeline.render")
    for name, content in (("_config.yml", config), ("_toc.yml", toc)):
        staged[name] = yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode()
    return staged


def _with_outputs(top: Path, root: Path, stem: str) -> dict:
    """The present text of a chapter with the outputs of its last run; passes the gate like the run itself."""
    notebooks.skip_address_parser()
    import nbformat

    chapter = notebooks.read_chapter(top / "book" / f"{stem}.md")
    executed = nbformat.read(root / "executed" / f"{stem}.ipynb", as_version=4)
    notebook = converted.with_outputs(chapter, executed)
    gate.check_outputs(chapter, notebook, root / "files" / stem)
    gate.check_paths(chapter, {"its text": chapter.path.read_text("utf-8")}, top, root / "files" / stem)
    return notebook


def update(top: Path, source: Path, place: Path, staged: dict[str, bytes], logs: Path, *options: str,
           inherited: tuple[int, ...] = ()) -> list[str]:
    """Render staged sources, by name, from `source` below `place`, as far as they are others than the last ones there;
    return what the renderer complained of.

    `state.json` beside the pages names the sources of the last rendering without warnings, and what it left, which is
    of no use where it was changed since.  It is away while one goes on.
    """
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in staged.items()}
    frame = {name: digest for name, digest in digests.items() if not PAGES.fullmatch(name)}
    links = {entry["id"]: entry["page"] for entry in json.loads(staged.get("_data/ledger.json", b"[]"))}
    state = {"place": str(top), "links": links, "frame": frame,
             "machinery": [atomic.sha256(top / "lib" / room) for room in ("study", "pipeline")],
             "environment": provenance.environment_digest(top), "names": sorted(digests), "files": digests}
    known = atomic.read_json(place / "state.json") or {}
    write_files(source, staged, known.get("files", {}))
    if known == state | {"left": _left(place)}:
        return []  # only what was made of these pages is gone
    if {**known, "files": 0, "left": 0} == {**state, "files": 0, "left": 0} and known["left"] == _left(place):
        (place / "state.json").unlink()
        failed, lines = render(top, source, place, logs, "--strict", "--update", *options, inherited=inherited)
        if failed and failed != MOVED:  # what was read stays of use: pages that differ from `known` are read again
            atomic.write_json(place / "state.json", known | {"left": _left(place)})
            return lines
        if not failed:
            atomic.write_json(place / "state.json", state | {"left": _left(place)})
            return []
    shutil.rmtree(place, ignore_errors=True)
    failed, lines = render(top, source, place, logs, "--strict", *options, inherited=inherited)
    if failed:
        return lines
    atomic.write_json(place / "state.json", state | {"left": _left(place)})
    return []


def _left(place: Path) -> list[str | None]:
    """Digests of what a rendering leaves for the next one."""
    return [atomic.sha256(place / name) for name in ("html", ".doctrees", FACTS)]


def write_files(place: Path, files: dict[str, bytes], known: dict[str, str]) -> None:
    """Make the directory `place` hold just these files.  Those whose digest is not the `known` one get a new date,
    by which Sphinx finds what to read again; no other does."""
    for name, content in files.items():
        path = place / name
        if known.get(name) != hashlib.sha256(content).hexdigest() or not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for path in place.rglob("*"):
        if path.is_file() and path.relative_to(place).as_posix() not in files:
            path.unlink()


def publish(top: Path, root: Path, html: Path, staged: dict[str, bytes], records: list[Run], site: Path) -> Path:
    """A copy of rendered pages, with the files that they offer for download."""
    shutil.copytree(html, site)
    for stem in (run.chapter for run in records):
        shutil.copytree(root / "files" / stem, site / "downloads" / stem / "figures")
        executed = converted.without_lines(json.loads(staged[f"{stem}.ipynb"]))
        for name, content in ((f"{stem}-executed.ipynb", _json(executed)),
                              (f"{stem}.ipynb", _json(converted.clean(executed))),
                              (f"{stem}.md", (top / "book" / f"{stem}.md").read_bytes())):
            (site / "downloads" / stem / name).write_bytes(content)
    return site


def render(top: Path, staged: Path, place: Path, logs: Path, *options: str,
           inherited: tuple[int, ...] = ()) -> tuple[int, list[str]]:
    """Render staged sources below `place`; return the exit status, and what the renderer complained of.

    All that it says goes to `logs`/render.log.
    """
    command = surroundings.command(top, "lib", "render", str(staged), str(place), *options)
    environment = {"COMPANION_ROOT": str(top), "NO_COLOR": "1"}
    failed = lifeline.run({"render": command}, logs, 1, environment, inherited)["render"]
    said = (logs / "render.log").read_text("utf-8", "replace")
    text = gate.plain(said).replace(f"{staged}/", "")
    text = re.sub(r"(?m)^([^\s:]+)\.ipynb:", r"\1.md:", text)  # the notebook has the lines of its text
    lines = [line for line in text.splitlines() if re.search(r"WARNING|ERROR|CRITICAL|Error|Errno", line)]
    silent = [f"status {failed} without a word"]  # as where the log has no room
    return failed, lines or (text.splitlines()[-15:] or silent if failed else [])


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
