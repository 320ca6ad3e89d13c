"""What-if pages: one chapter with other parameters, beside the book, and how its numbers moved."""

from __future__ import annotations

import json
import math
import re
import shutil
import tempfile
from pathlib import Path

from lib import atomic
from lib.pipeline import converted, site, status
from lib.study import ledger, lifeline, provenance, runs, surroundings
from lib.study.claim_files import Entry
from lib.study.claim_text import measured_text, typeset
from lib.study.measures import is_number
from lib.study.notebooks import checked_chapter
from lib.study.parameters import parse_assignments
from lib.study.stored import plain

LOG = "execute.log"
COLUMNS = ("", "in the book", "here", "change")
ROUNDING = 1e-9  # a smaller change comes from the order of additions
ABSENT = {"value": None, "error": None, "text": "absent", "verdict": None}


def build(top: Path, path: Path, profile: str, text: str, jobs: int) -> Path:
    """Execute the chapter at `path` with the parameters of `text` (as typed after PARAMS=) and render it alone.

    `jobs` cores are its own.
    Prints how every number and claim moved against the book; nothing of the book is written.  Returns the page.
    """
    book = runs.read_run(runs.profile_root(top, profile), path.stem)
    if not book:
        print(absent(path.stem, profile), flush=True)
    ((place, failed),) = executed(top, path, profile, [text], jobs)
    if failed:
        raise ValueError("the what-if page was not made; the book is untouched "
                         f"(log: {(place / LOG).relative_to(top)})")
    record = runs.read_run(place, path.stem)
    entries = ledger.entries(top, profile, [record])
    rows, same = compare(cells(book, ledger.entries(top, profile, [book])), cells(record, entries)) if book else ([], 0)
    changed = changed_parameters(top, path, profile, record)
    listed = ", ".join(f"{name}: {before} -> {after}" for name, before, after in changed)
    print(f"\nParameters that differ (book -> here): {listed or 'none'}\n")
    if book:
        print(terminal_table(rows, same, COLUMNS), flush=True)
    stale = provenance.differences(book.inputs, provenance.chapter_inputs(
        top, path, profile, last=book)) if book else []
    if stale:
        print(f"\nThe book's own run is stale ({'; '.join(stale)}); try make book first.", flush=True)
    pictures = {f"_{where}/{name}": (root / "files" / path.stem / name).read_bytes()
                for name, digest in record.figures.items() if name.endswith(".svg")
                and not name.endswith(site.NARROW) and book and book.figures.get(name, digest) != digest
                for where, root in (("book", runs.profile_root(top, profile)), ("here", place))}
    text = note(book, record, rows, same, changed, names(path, entries), sorted({name[6:] for name in pictures}))
    return render_alone(top, place, place, path.stem, text, pictures)


def executed(top: Path, path: Path, profile: str, texts: list[str], jobs: int) -> list[tuple[Path, bool]]:
    """Execute the chapter at `path` once with the parameters of each text, `jobs` at once, where no such run is kept.

    All texts are checked before anything starts.  Returns for each the place of its run, and whether it failed; a log
    lies beside the run, and one that was killed leaves nothing.
    """
    chapter = checked_chapter(path)
    places, commands = [], {}
    for text in texts:
        changes = parse_assignments(text, chapter)
        inputs = provenance.chapter_inputs(top, path, profile, changes)
        name = atomic.digest([profile, inputs.parameters])[:8]
        place = top / "_build" / "whatif" / f"{path.stem}-{name}"
        places.append(place)
        last = runs.read_run(place, path.stem)
        if runs.is_current(place, path.stem, provenance.chapter_inputs(top, path, profile, changes, last)):
            print(f"  {path.stem}{f', {text}' if len(texts) > 1 else ''}: kept", flush=True)
        else:
            commands[place.name] = surroundings.command(
                top, "lib", "execute", path.stem, f"--root={top}", f"--profile={profile}", f"--params={text}",
                f"--output={place}", f"--cores={max(1, jobs // len(texts))}")
    logs = runs.workspace(top)
    ended = lifeline.run(commands, logs, jobs, {})
    for place in places:
        if place.name in ended:
            place.mkdir(parents=True, exist_ok=True)
            shutil.move(logs / f"{place.name}.log", place / LOG)
    return [(place, bool(ended.get(place.name))) for place in places]


def changed_parameters(top: Path, path: Path, profile: str, record: runs.Run) -> list[tuple[str, object, object]]:
    """The parameters (name, in the book, here) in which a run differs from the book at a profile."""
    book = provenance.chapter_inputs(top, path, profile).parameters
    return [(name, book.get(name), value) for name, value in record.inputs.parameters.items()
            if book.get(name) != value]


def absent(stem: str, profile: str) -> str:
    """What to say where there is nothing to compare with."""
    other = "" if profile == "laptop" else f" PROFILE={profile}"
    return (f"the book has no run of {stem} at profile {profile} to compare with; for a comparison, try "
            f"make chapter CH={stem[:2]}{other} first")


def cells(record: runs.Run, claims: list[Entry]) -> dict[str, dict]:
    """What a run gives to compare, its numbers by key and its claims as `claim ID`: value, error, text, verdict."""
    found = {number.key: {"value": number.value, "error": number.uncertainty, "text": number.text, "verdict": None}
             for number in record.numbers}
    return found | {f"claim {claim.id}": {"value": claim.measured, "error": claim.uncertainty,
                                          "text": f"{measured_text(claim)}, {claim.verdict}", "verdict": claim.verdict}
                    for claim in claims}


def moved(runs: list[dict[str, dict]]) -> tuple[dict[str, list[dict]], int]:
    """The cells that are not the same in all runs (but for rounding), in the order of the last one, and how many are.
    """
    found = {key: [run.get(key, ABSENT) for run in runs] for run in reversed(runs) for key in run}
    other = {key: row for key, row in found.items() if len({cell["verdict"] for cell in row}) > 1
             or not all(is_same(row[0]["value"], cell["value"]) for cell in row)}
    return other, len(found) - len(other)


def compare(book: dict[str, dict], here: dict[str, dict]) -> tuple[list[tuple[str, str, str, str]], int]:
    """Rows (what, in the book, here, change) of the cells that moved between two runs, and how many did not."""
    rows, same = moved([book, here])
    return [(key, before["text"], after["text"], _change(before, after)) for key, (before, after) in rows.items()], same


def folded(same: int) -> str:
    """One line for all that stayed the same."""
    return f"{same} check{'s' if same != 1 else ''} unchanged within rounding"


def terminal_table(rows: list[tuple[str, ...]], same: int, head: tuple[str, ...]) -> str:
    """A comparison in columns."""
    lines = [head, *rows] if rows else []
    return "\n".join(status.columns(lines) + ([folded(same)] if same else []))


def names(path: Path, claims: list[Entry]) -> dict[str, str]:
    """What the claims and numbers of a chapter are, in words, by id and key: the statement of a claim, the sentence in
    which a number stands, as Markdown, with `▢key▢` in the places of numbers."""
    found = {}
    for paragraph in re.split(r"\n\s*\n", path.read_text("utf-8")):
        for sentence in re.split(r"(?<=[.:?!])\s+(?=[A-Z*\[{$])", " ".join(paragraph.split())):
            for key in re.findall(r"\{glue:text\}`([^`]+)`", sentence):
                words = re.sub(r"\{glue:text\}`([^`]+)`", r"▢\1▢", sentence)
                words = re.sub(r"\s*\{[\w:]+\}`[^`]*`", " …", words)  # other numbers, references
                words = re.sub(r"\[([^\]]*)\]\([^)]*\)|\*\*|^[-*#>|:]+ ", r"\1", words)
                found.setdefault(key, words.strip(" |`"))
    return found | {claim.id: claim.statement for claim in claims}


def note(book: runs.Run | None, record: runs.Run, rows: list[tuple[str, str, str, str]], same: int,
         changed: list[tuple[str, object, object]], words: dict[str, str], pictures: list[str]) -> str:
    """The comparison as Markdown for the page; `words` say what its rows are, `pictures` are those that differ."""
    settings = ", ".join(f"{code(f'{name} = {after}')} (book: {code(before)})" for name, before, after in changed)
    lines = [f"**This is a what-if page, not part of the book.** Parameters that differ: {settings or 'none'}. "
             "Its sentences were written for those of the book.", ""]
    if not book:
        lines += ["There is nothing to compare with: " + absent(record.chapter, record.provenance.profile) + ".", ""]
    elif rows:
        lines += markdown_table(("what", *COLUMNS[1:]), in_words(rows, words))
        lines += ["", "Changes are those of the unrounded values.", ""]
    if book and same:
        lines += [folded(same) + ".", ""]
    if pictures:
        table = markdown_table(COLUMNS[1:3], [
            (f"![{name}, in the book](_book/{name})", f"![{name}, here](_here/{name})") for name in pictures])
        lines += ["```{dropdown} Pictures that differ", *table, "```", ""]
    return "\n".join(lines)


def in_words(rows: list[tuple[str, ...]], words: dict[str, str]) -> list[tuple[str, ...]]:
    """The rows of a comparison with what they are, as Markdown, before their ids or keys.

    Where several rows are of one sentence, it stands once, in a row of its own, with the numbers of these rows.
    """
    of: dict[str, list[tuple[str, ...]]] = {}
    for key, *cells in rows:
        name = key.removeprefix("claim ")
        of.setdefault(words.get(name, name), []).append((name, *map(typeset, cells)))
    shown = []
    for sentence, found in of.items():
        parts = sentence.split("▢")  # every second one is a key
        moved = [key for key in parts[1::2] if key in {name for name, *_ in found}]
        marks = {key: chr(0x2460 + n) if len(found) > 1 and n < 20 else "▢" for n, key in enumerate(moved)}
        said = "".join(marks.get(part, "…") if n % 2 else part for n, part in enumerate(parts))
        if len(found) > 1:
            shown.append((said, *("",) * (len(found[0]) - 1)))
        for name, *cells in found:
            mark = (said if len(found) == 1 else marks.get(name, "")) if name in words else ""
            shown.append((f"{mark} (`{name}`)" if mark else f"`{name}`", *cells))
    return shown


def code(value: object) -> str:
    """A value as code in Markdown, whatever stands in it."""
    text = " ".join(str(value).split())
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"`{text}`" if fence == "`" and text else f"{fence} {text} {fence}"


def markdown_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """The lines of a table."""
    return ["| " + " | ".join(value.replace("|", "\\|") for value in row) + " |"
            for row in (head, ("---",) * len(head), *rows)]


def render_alone(top: Path, root: Path, place: Path, stem: str, text: str = "",
                 more: dict[str, bytes] | None = None) -> Path:
    """Render the run of one chapter below `root` as a site of this page and the list of references below `place`;
    `text`, which may show `more` files, goes below its title.  Links to other pages have no target here, so that what
    the renderer complains of is not told: the sources have passed a rehearsal (:mod:`lib.pipeline.rehearsal`)."""
    record = site.described(top, runs.read_run(root, stem))
    toc = site.toc_alone(top, stem)
    shown = {"ledger": plain(ledger.entries(top, record.provenance.profile, [record]))}
    staged = site.only(site.stage(top, root, [record], toc, shown), toc) | (more or {})
    if text:
        notebook = converted.without_lines(json.loads(staged[f"{stem}.ipynb"]))
        _put_below_title(notebook["cells"], text)
        staged[f"{stem}.ipynb"] = json.dumps(notebook).encode()
    return publish(top, root, place, staged, [record]) / f"{stem}.html"


def publish(top: Path, root: Path, place: Path, staged: dict[str, bytes], records: list[runs.Run]) -> Path:
    """Render staged sources of a few pages, and put them in place of what was below `place`; return their directory."""
    with tempfile.TemporaryDirectory(prefix="alone-", dir=runs.workspace(top)) as temporary:
        source, output = Path(temporary) / "stage", Path(temporary) / "output"
        site.write_files(source, staged, {})
        failed, lines = site.render(top, source, output, Path(temporary))
        if failed:
            raise ValueError("expected a page, got\n    " + "\n    ".join(lines))
        html = site.publish(top, root, output / "html", staged, records, Path(temporary) / "html")
        atomic.swap_directory(html, place / "html")
    return place / "html"


def _put_below_title(cells: list[dict], text: str) -> None:
    """Put `text` right below the title of a page (or first, where it has none)."""
    banner = {"cell_type": "markdown", "id": "what-if", "metadata": {}, "source": text}
    for index, cell in enumerate(cells):
        title = re.search("^# .*$", "".join(cell["source"]), re.MULTILINE) if cell["cell_type"] == "markdown" else None
        if title:
            cell["source"], rest = title.string[:title.end()], title.string[title.end():].strip("\n")
            below = [{**banner, "id": "below-title", "source": rest}] if rest else []
            cells[index + 1:index + 1] = [banner, *below]
            return
    cells.insert(0, banner)


def is_same(before: float | bool | list | None, after: float | bool | list | None) -> bool:
    if not all(is_number(value) for value in (before, after)):
        return before is not None and before == after
    return abs(after - before) < ROUNDING


def _change(before: dict, after: dict) -> str:
    """How a cell moved: by how much, in percent where the sign stayed, in standard errors of the difference where both
    have one; and the new verdict, where it is another."""
    then, now, words = before["value"], after["value"], []
    if is_number(then) and is_number(now):
        notes = [f"{100 * (now / then - 1):+.3g} %"] if then * now > 0 else []
        if before["error"] and after["error"]:
            error = math.hypot(before["error"], after["error"])
            notes.append(f"{abs(now - then) / error:.2g} standard errors")
        size = f"{now - then:+.4g}" + (f" ({', '.join(notes)})" if notes else "")
        words.append("none" if is_same(then, now) else size)
    if before["verdict"] != after["verdict"] and ABSENT not in (before, after):
        words.append(f"now: {after['verdict']}")
    return "; ".join(words)
