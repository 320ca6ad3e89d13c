"""What-if pages: one chapter with other parameters, beside the book, and how its numbers moved."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import tempfile
from pathlib import Path

from lib import atomic
from lib.study import ledger, lifeline, page_text, provenance, runs, site, surroundings
from lib.study.claim_text import measured_text
from lib.study.notebooks import check_chapter, read_chapter
from lib.study.parameters import parse_assignments

ROUNDING = 1e-9  # a smaller change comes from the order of additions


def build(top: Path, path: Path, profile: str, text: str, jobs: int) -> Path:
    """Execute the chapter at `path` with the parameters of `text` (as typed after PARAMS=) and render it alone.

    `jobs` cores are its own.
    Prints how every number and claim moved against the book; nothing of the book is written.  Returns the page.
    """
    chapter = read_chapter(path)
    check_chapter(chapter)
    changes = parse_assignments(text, chapter)
    inputs = provenance.chapter_inputs(top, path, profile, changes)
    name = hashlib.sha256(json.dumps([profile, inputs["parameters"]], sort_keys=True).encode()).hexdigest()[:8]
    place = top / "_build" / "whatif" / f"{path.stem}-{name}"
    last = runs.read_record(place, path.stem)
    if runs.is_current(place, path.stem, provenance.chapter_inputs(top, path, profile, changes, last)):
        print(f"  {path.stem}: kept", flush=True)
    else:
        _execute(top, path.stem, profile, text, jobs, place)
    record = runs.read_record(place, path.stem)
    book = runs.read_record(runs.profile_root(top, profile), path.stem)
    rows, same = compare(*(run and run | {"claims": ledger.entries(top, profile, [run])} for run in (book, record)))
    changed = changed_parameters(top, path, profile, record)
    listed = ", ".join(f"{name}: {before} -> {after}" for name, before, after in changed)
    print(f"\nParameters that differ (book -> here): {listed or 'none'}\n")
    print(terminal_table(rows, same) if book else absent(profile), flush=True)
    stale = provenance.differences(book["inputs"], provenance.chapter_inputs(
        top, path, profile, last=book)) if book else []
    if stale:
        print(f"\nThe book's own run is stale ({'; '.join(stale)}); try make book first.", flush=True)
    return render_alone(top, place, place, path.stem, note(book, record, rows, same, changed))


def _execute(top: Path, stem: str, profile: str, text: str, jobs: int, place: Path) -> None:
    """Execute a chapter below `place`, with its log beside the page; a killed one leaves nothing there."""
    command = surroundings.command(top, "lib.study.execute", stem, f"--root={top}", f"--profile={profile}",
                                   f"--params={text}", f"--output={place}", f"--cores={jobs}")
    logs = top / "_build" / "tmp"
    failed = lifeline.run({"execute": command}, logs, 1, {})["execute"]
    place.mkdir(parents=True, exist_ok=True)
    log = shutil.move(logs / "execute.log", place / "execute.log")
    if failed:
        raise ValueError(f"the what-if page was not made; the book is untouched (log: {log.relative_to(top)})")


def changed_parameters(top: Path, path: Path, profile: str, record: dict) -> list[tuple[str, object, object]]:
    """The parameters (name, in the book, here) in which a run differs from the book at a profile."""
    book = provenance.chapter_inputs(top, path, profile)["parameters"]
    return [(name, book.get(name), value) for name, value in record["inputs"]["parameters"].items()
            if book.get(name) != value]


def absent(profile: str) -> str:
    """What to say where there is nothing to compare with."""
    return f"the book has no run of this chapter at profile {profile} to compare with; try it without parameters first"


def compare(book: dict | None, record: dict) -> tuple[list[tuple[str, str, str, str]], int]:
    """Rows (what, in the book, here, change) of the numbers and claims that moved between two runs, in the order of
    the page, and how many did not (but for rounding)."""
    rows, same = [], 0
    then = {entry["key"]: entry for entry in book["numbers"]} if book else {}
    now = {entry["key"]: entry for entry in record["numbers"]}
    for key in [*now, *(key for key in then if key not in now)]:
        before, after = then.get(key), now.get(key)
        if before and after and _is_same(before["value"], after["value"]):
            same += 1
        else:
            rows.append((key, before["text"] if before else "absent", after["text"] if after else "absent",
                         _change(before, after, "value")))
    then = {claim["id"]: claim for claim in book["claims"]} if book else {}
    now = {claim["id"]: claim for claim in record["claims"]}
    for name in [*now, *(name for name in then if name not in now)]:
        before, after = then.get(name), now.get(name)
        judged = before and after and before["verdict"] != after["verdict"]
        if before and after and not judged and _is_same(before["measured"], after["measured"]):
            same += 1
            continue
        change = _change(before, after, "measured")
        if judged:
            change = f"{change}; now: {after['verdict']}".lstrip("; ")
        rows.append((f"claim {name}", f"{measured_text(before)}, {before['verdict']}" if before else "absent",
                     f"{measured_text(after)}, {after['verdict']}" if after else "absent", change))
    return rows, same


def folded(same: int) -> str:
    """One line for all that stayed the same."""
    return f"{same} check{'s' if same != 1 else ''} unchanged within rounding"


def terminal_table(rows: list[tuple[str, str, str, str]], same: int) -> str:
    """The comparison in columns."""
    lines = [("", "in the book", "here", "change"), *rows] if rows else []
    widths = [max(len(row[column]) for row in lines) for column in range(4)] if lines else []
    table = ["  ".join(f"{value:<{width}}" for value, width in zip(row, widths, strict=True)).rstrip()
             for row in lines]
    return "\n".join(table + ([folded(same)] if same else []))


def note(book: dict | None, record: dict, rows: list[tuple[str, str, str, str]], same: int,
         changed: list[tuple[str, object, object]]) -> str:
    """The comparison as Markdown for the page."""
    settings = ", ".join(f"`{name} = {after}` (book: `{before}`)" for name, before, after in changed)
    lines = [f"**This is a what-if page, not part of the book.** Parameters that differ: {settings or 'none'}. "
             "Its sentences were written for those of the book.", ""]
    if not book:
        lines += ["There is nothing to compare with: " + absent(record["provenance"]["profile"]) + ".", ""]
    elif rows:
        lines += ["| | in the book | here | change |", "|---|---|---|---|"]
        lines += ["| " + " | ".join(value.replace("|", "\\|") for value in row) + " |" for row in rows]
        lines += [""]
    if book and same:
        lines += [folded(same) + ".", ""]
    return "\n".join(lines)


def render_alone(top: Path, root: Path, place: Path, stem: str, text: str = "") -> Path:
    """Render the run of one chapter below `root` as a site of this page and the list of references below `place`;
    `text` goes below its title.  Links to other pages have no target here, so that what the renderer complains of is
    not told: the sources have passed a rehearsal (:mod:`lib.study.rehearsal`)."""
    record = site.described(top, runs.read_record(root, stem))
    references = [{"file": path.stem} for path in sorted((top / "book").glob("*.md"))
                  if page_text.has_directive(path, "bibliography")]
    toc = {"format": "jb-book", "root": f"{stem}.ipynb"} | ({"chapters": references} if references else {})
    shown = {"ledger": ledger.entries(top, record["provenance"]["profile"], [record])}
    kept = {f"{entry['file']}.md" for entry in references}
    staged = {name: content for name, content in site.stage(top, root, [record], toc, shown).items()
              if "/" in name or name in kept or not name.endswith(".md")}
    if text:
        notebook = site.without_lines(json.loads(staged[f"{stem}.ipynb"]))
        _put_below_title(notebook["cells"], text)
        staged[f"{stem}.ipynb"] = json.dumps(notebook).encode()
    with tempfile.TemporaryDirectory(prefix="alone-", dir=top / "_build" / "tmp") as temporary:
        source, output = Path(temporary) / "stage", Path(temporary) / "output"
        site.write_files(source, staged, {})
        failed, lines = site.render(top, source, output, Path(temporary))
        if failed:
            raise ValueError("expected a page, got\n    " + "\n    ".join(lines))
        html = site.publish(top, root, output / "html", staged, [record], Path(temporary) / "html")
        atomic.swap_directory(html, place / "html")
    return place / "html" / f"{stem}.html"


def _put_below_title(cells: list[dict], text: str) -> None:
    """Put `text` right below the title of a page (or first, where it has none)."""
    banner = {"cell_type": "markdown", "id": "what-if", "metadata": {}, "source": text}
    for index, cell in enumerate(cells):
        lines = "".join(cell["source"]).splitlines() if cell["cell_type"] == "markdown" else []
        title = next((number for number, line in enumerate(lines) if line.startswith("# ")), None)
        if title is not None:
            cell["source"] = "\n".join(lines[:title + 1])
            rest = "\n".join(lines[title + 1:]).strip("\n")
            below = [{"cell_type": "markdown", "id": "below-title", "metadata": {}, "source": rest}] if rest else []
            cells[index + 1:index + 1] = [banner, *below]
            return
    cells.insert(0, banner)


def _is_same(before: float | bool | list | None, after: float | bool | list | None) -> bool:
    if not all(_is_number(value) for value in (before, after)):
        return before is not None and before == after
    return abs(after - before) < ROUNDING


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _change(before: dict | None, after: dict | None, key: str) -> str:
    """How `key` moved between two numbers or claims: by how much, in percent, and in standard errors of the
    difference where both have one."""
    then, now = before and before[key], after and after[key]
    if not _is_number(then) or not _is_number(now):
        return ""
    if abs(now - then) < ROUNDING:
        return "none"
    notes = [f"{100 * (now / then - 1):+.3g} %"] if then else []
    if before["uncertainty"] and after["uncertainty"]:
        error = math.hypot(before["uncertainty"], after["uncertainty"])
        notes.append(f"{abs(now - then) / error:.2g} standard errors")
    return f"{now - then:+.4g}" + (f" ({', '.join(notes)})" if notes else "")
