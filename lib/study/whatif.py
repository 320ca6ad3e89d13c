"""What-if pages: one chapter with other parameters, beside the book, and how its numbers moved."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from lib.study import atomic, provenance, runs, site
from lib.study.claims import measured_text
from lib.study.notebooks import check_chapter, read_chapter
from lib.study.parameters import parse_assignments


def build(top: Path, path: Path, profile: str, text: str) -> Path:
    """Execute the chapter at `path` with the parameters of `text` (as typed after PARAMS=) and render it alone.

    Prints how every number and claim moved against the book; nothing of the book is written.  Returns the page.
    """
    chapter = read_chapter(path)
    check_chapter(chapter)
    inputs = provenance.chapter_inputs(top, path, profile, parse_assignments(text, chapter))
    name = hashlib.sha256(json.dumps([profile, inputs["parameters"]], sort_keys=True).encode()).hexdigest()[:8]
    place = top / "_build" / "whatif" / f"{path.stem}-{name}"
    command = [sys.executable, "-m", "lib.study.execute", path.stem, "--root", str(top), "--profile", profile,
               "--params", text, "--output", str(place)]
    place.mkdir(parents=True, exist_ok=True)
    log = place / "execute.log"
    with log.open("wb") as errors:
        step = subprocess.run(command, stderr=errors)
    if step.returncode:
        raise ValueError(f"the what-if page was not made; the book is untouched (log: {log.relative_to(top)})")
    record = runs.read_record(place, path.stem)
    book = runs.read_record(runs.profile_root(top, profile), path.stem)
    rows = compare(book, record)
    print("\n" + terminal_table(rows) if book else "\nthe book has no run of this chapter to compare with", flush=True)
    stale = provenance.differences(book["inputs"], provenance.chapter_inputs(top, path, profile)) if book else []
    if stale:
        print(f"\nThe book's own run is stale ({'; '.join(stale)}); try make book first.", flush=True)
    return render_alone(top, place, place, path.stem, note(book, record, rows))


def compare(book: dict | None, record: dict) -> list[tuple[str, str, str, str]]:
    """Rows (what, in the book, here, change) for every number and claim of the two runs, in the order of the page."""
    rows = []
    then = {entry["key"]: entry for entry in book["numbers"]} if book else {}
    now = {entry["key"]: entry for entry in record["numbers"]}
    for key in [*now, *(key for key in then if key not in now)]:
        before, after = then.get(key), now.get(key)
        rows.append((key, before["text"] if before else "absent", after["text"] if after else "absent",
                     _change(before and before["value"], after and after["value"])))
    then = {claim["id"]: claim for claim in book["claims"]} if book else {}
    now = {claim["id"]: claim for claim in record["claims"]}
    for name in [*now, *(name for name in then if name not in now)]:
        before, after = then.get(name), now.get(name)
        change = _change(before and before["measured"], after and after["measured"])
        if before and after and before["verdict"] != after["verdict"]:
            change = f"{change}; now: {after['verdict']}".lstrip("; ")
        rows.append((f"claim {name}", f"{measured_text(before)}, {before['verdict']}" if before else "absent",
                     f"{measured_text(after)}, {after['verdict']}" if after else "absent", change))
    return rows


def terminal_table(rows: list[tuple[str, str, str, str]]) -> str:
    """The comparison in columns."""
    rows = [("", "in the book", "here", "change"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("  ".join(f"{value:<{width}}" for value, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)


def note(book: dict | None, record: dict, rows: list[tuple[str, str, str, str]]) -> str:
    """The comparison as Markdown for the page."""
    changed = record["inputs"]["parameters"]
    usual = book["inputs"]["parameters"] if book else {}
    settings = ", ".join(f"`{name} = {value}` (book: {usual.get(name, 'not run')})"
                         for name, value in changed.items() if usual.get(name) != value)
    lines = [f"**This is a what-if page, not part of the book.** Parameters that differ: {settings or 'none'}.", ""]
    if book:
        lines += ["| | in the book | here | change |", "|---|---|---|---|"]
        lines += ["| " + " | ".join(value.replace("|", "\\|") for value in row) + " |" for row in rows]
    return "\n".join(lines)


def render_alone(top: Path, root: Path, place: Path, stem: str, text: str = "") -> Path:
    """Render the run of one chapter below `root` as a site of one page below `place`; `text` goes before its
    parameters.  Links to other pages have no target here, so warnings do not count."""
    record = runs.read_record(root, stem)
    workspace = top / "_build" / "tmp"
    with tempfile.TemporaryDirectory(prefix="alone-", dir=workspace) as temporary:
        staged = Path(temporary) / "stage"
        shutil.copytree(top / "book", staged, ignore=site.NOT_STAGED)
        for page in staged.glob("*.md"):
            page.unlink()
        site.write_config(top, staged)
        (staged / "_toc.yml").write_text(yaml.safe_dump({"format": "jb-book", "root": f"{stem}.ipynb"}), "utf-8")
        site.stage_chapters(top, root, staged, [record])
        if text:
            notebook = atomic.read_json(staged / f"{stem}.ipynb")
            tags = [cell["metadata"].get("tags", []) for cell in notebook["cells"]]
            position = next(index for index, found in enumerate(tags) if "parameters" in found)
            cell = {"cell_type": "markdown", "id": "what-if", "metadata": {}, "source": text}
            notebook["cells"].insert(position, cell)
            atomic.write_json(staged / f"{stem}.ipynb", notebook)
        html = site.render(top, staged, Path(temporary) / "output", strict=False)
        atomic.swap_directory(html, place / "html")
    return place / "html" / f"{stem}.html"


def _change(before: float | bool | None, after: float | bool | None) -> str:
    if before is None or after is None or isinstance(after, bool):
        return ""
    if after == before:
        return "none"
    relative = f" ({100 * (after / before - 1):+.3g} %)" if before else ""
    return f"{after - before:+.4g}{relative}"
