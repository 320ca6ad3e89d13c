"""The pages rendered before anything runs, with outputs that are made up: what the renderer would refuse afterwards.

Every chapter is staged from its text, with a picture where one is promised and a word for each number that its code
names.  Sphinx reads that as it will read the book, and writes no page.  What it complains of is said with the lines of
the text; sources that passed are not rehearsed again, and where some have changed, only those are read.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lib import atomic
from lib.pipeline import converted, number_names, site
from lib.study import notebooks, provenance
from lib.study.notebooks import Chapter
from lib.study.telling import telling

PASSED, KEPT, ALL = Path("_build/rehearsed.json"), Path("_build/rehearsal"), "all pages"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
RECORD = "application/papermill.record/"
COMPLAINT = re.compile(r"(?:(\S+\.md):(?:(\d+):)? )?(?:WARNING|ERROR|CRITICAL): (.*?)(?: \[[\w.-]+\])?$")
# Names that a page can refer to: labels, figures, equations, entries of the bibliography.
NAMES = re.compile(r"^\(([\w.-]+)\)=|^\s*:?(?:name|label): *([\w.-]+)|\$\$ \(([\w.-]+)\)|^@\w+\{([^,\s]+),",
                   re.MULTILINE)


def problems(top: Path, page: Path | None = None) -> list[str]:
    """What the renderer would refuse, one line each, with page and line; nothing is executed.

    Of one `page` of a chapter alone, where it is given: what other pages name is taken for what it refers to then.
    The sources have to be in order otherwise (:func:`lib.pipeline.build.check`).
    """
    chapters = [notebooks.read_chapter(path) for path in notebooks.chapter_files(top)]
    # The tables read the items of the thesis.
    places = ("book", "_config.yml", "_toc.yml", site.CONTRIBUTING, "lib/study", "lib/pipeline", "data/thesis")
    digest = atomic.digest([[atomic.sha256(top / place) for place in places], provenance.environment_digest(top)])
    name, passed = page.stem if page else ALL, atomic.read_json(top / PASSED) or {}
    if digest in (passed.get(ALL), passed.get(name)):
        return []
    print(f"  {name}: read as the renderer does, before anything runs ...", flush=True)
    with telling(f"{name}: read as the renderer does"):
        lines = number_names.unknown(top, page) or (
            _rendered_alone(top, notebooks.read_chapter(page)) if page else _rendered(top, chapters))
    if not lines:
        (top / PASSED).parent.mkdir(exist_ok=True)
        atomic.write_json(top / PASSED, passed | {name: digest})
    return lines


def _rendered(top: Path, chapters: list[Chapter]) -> list[str]:
    """The complaints of the renderer about pages with made-up outputs."""
    staged = site.sources(top, site.read_toc(top, [chapter.stem for chapter in chapters]))
    shown = [(page or path.stem, key) for path in sorted((top / "book").glob("*.md"))
             for page, key, _ in number_names.shown(path.read_text("utf-8"))]
    for chapter in chapters:
        del staged[f"{chapter.stem}.md"]
        numbers = list(dict.fromkeys(key for page, key in shown if page == chapter.stem))
        staged[f"{chapter.stem}.ipynb"] = json.dumps(_with_made_up_outputs(chapter, numbers)).encode()
    with _place(top) as place:
        lines = site.update(top, place / "stage", place / "pages", staged, place / "logs", "--rehearse")
    return in_words(top, lines)


def _rendered_alone(top: Path, chapter: Chapter) -> list[str]:
    """The complaints of the renderer about one chapter, but for those about what other pages name."""
    toc = site.toc_alone(top, chapter.stem)
    numbers = dict.fromkeys(key for _, key, _ in number_names.shown(chapter.path.read_text("utf-8")))
    staged = site.only(site.sources(top, toc), toc)
    staged[f"{chapter.stem}.ipynb"] = json.dumps(_with_made_up_outputs(chapter, [*numbers])).encode()
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as place:
        lines = site.update(top, Path(place, "stage"), Path(place, "pages"), staged, Path(place, "logs"), "--rehearse")
    others = [path for path in (top / "book").glob("*.md") if path != chapter.path]
    known = "\n".join(text for path in others for text in (path.stem, path.read_text("utf-8")))
    told = [COMPLAINT.match(line) for line in lines]
    return in_words(top, [line for line, found in zip(lines, told)
                          if not found or not (names := _named(found[3])) or names[-1] not in known])


@contextlib.contextmanager
def _place(top: Path) -> Iterator[Path]:
    """Where what Sphinx has read is kept for the next rehearsal; a passing folder while another one is there."""
    with atomic.alone(top / KEPT / ".lock") as is_alone, tempfile.TemporaryDirectory(prefix="rehearsal-") as passing:
        yield top / KEPT if is_alone else Path(passing)


def in_words(top: Path, lines: list[str]) -> list[str]:
    """What the renderer complains of, as the other checks say it, with the nearest name of what is there."""
    files = [path for path in (top / "book").rglob("*") if path.is_file()]
    known = {path.stem if path.suffix == ".md" else path.name for path in files}
    for path in files:
        if path.suffix in (".md", ".bib"):
            known |= {next(filter(None, found.groups())) for found in NAMES.finditer(path.read_text("utf-8"))}
    said = []
    for line in dict.fromkeys(lines):
        if not (found := COMPLAINT.match(line)):
            said.append(line)
            continue
        page, number, words = found.groups()
        alike = (difflib.get_close_matches(name, known - {name}, 1) for name in _named(words))
        near = next((match for matches in alike for match in matches), "")
        where = f"{page or '_config.yml'}, line {number}" if number else page or "_config.yml"
        said.append(f"{where}: expected a text that can be rendered, got: {words}; try "
                    + (near or "to mend or take out what it names"))
    return said


def _named(words: str) -> list[str]:
    """What a complaint names, in its order."""
    return [(quoted or last).rpartition("/")[2].removesuffix(".md")
            for quoted, last in re.findall(r"['\"]([^'\"]+)['\"]|: ([^\s'\"]+)$", words)]


def _with_made_up_outputs(chapter: Chapter, numbers: list[str]):
    """The notebook of a chapter with a picture for every figure and a text for each of these numbers, without code."""
    notebook = converted.as_notebook(chapter)
    outputs = [_output({f"{RECORD}text/plain": "'0'"}, {"scrapbook": {"name": key, "mime_prefix": RECORD}})
               for key in numbers]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            figure = (cell.metadata.get("mystnb") or {}).get("figure")
            cell.source, cell.outputs = "pass", [_output({"image/png": PIXEL}, {})] if figure else outputs
            outputs = outputs if figure else []
    return notebook


def _output(data: dict, metadata: dict) -> dict:
    return {"output_type": "display_data", "data": data, "metadata": metadata}
