"""What the build knows: staged JSON files, and the few ways in which pages show numbers, times and commits."""

from __future__ import annotations

import csv
import difflib
import html
import json
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from docutils import nodes

#: The names of the figures that code saves.
SAVED = re.compile(r"save_figure\([^\"']*[\"']([^\"']+)[\"']")
#: A commit as :func:`commit_markup` writes it: the whole, and what is shown of it.
COMMIT = re.compile(r'<code class="commit" title="([0-9a-f]+)">[0-9a-f]+</code>')
SYMBOLS = {"reproduced": "✓", "reproduced at reduced scale": "◐", "undecided": "?", "differs": "✗", "not run": "○"}
CSS_CLASS = {"reproduced": "reproduced", "reproduced at reduced scale": "reduced", "undecided": "undecided",
             "differs": "differs", "not run": "not-run"}


def staged(srcdir: str | Path, name: str) -> list | dict | None:
    """The staged file ``_data/name``, or None where the build has not made it."""
    path = Path(srcdir) / "_data" / name
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def chapter(srcdir: str | Path, docname: str) -> dict | None:
    """The record of the run that made a chapter's page; None for pages that nothing executed."""
    return staged(srcdir, f"chapters/{docname}.json")


def saved_table(directive, name: str) -> list[dict[str, str]]:
    """The rows of a table that a page's code saves, for a directive on that page; none before anything has run.

    Complains in the directive's name about a table that the page does not save.
    """
    env = directive.env
    text = (repository(env.srcdir) / "book" / f"{env.docname}.md").read_text("utf-8")
    saved = SAVED.findall(text)
    if name not in saved:
        near = (difflib.get_close_matches(name, saved, 1) or [*saved, "a page that saves one"])[0]
        raise directive.error(f"expected a table that this page saves, got {name!r}; try {near}")
    path = Path(env.srcdir) / "_data" / "tables" / env.docname / f"{name}.csv"
    env.note_dependency(str(path))
    if not path.exists() and chapter(env.srcdir, env.docname) is not None:
        raise directive.error(f"expected the table {name} among the files of this page's run, got none; "
                              "try make chapter")
    return list(csv.DictReader(path.read_text("utf-8").splitlines())) if path.exists() else []


def script_box(directive, name: str, told: dict) -> nodes.container:
    """What a script of the page is given, as JSON in a box of its own with the content of a directive.

    The box shows once the script has filled it: without scripts there is nothing to see.
    """
    box = nodes.container(classes=[name])
    directive.state.nested_parse(directive.content, directive.content_offset, box)
    told_json = json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    box += nodes.raw("", f'<script type="application/json">{told_json}</script>', format="html")
    return box


def page_number(page: str) -> str:
    """``34-wide-sparse-resnets`` as "3.4", ``06`` as "6"."""
    return ".".join(page[:2].lstrip("0"))


def pages(srcdir: str | Path) -> list[str]:
    """The pages of the book, in the order of its table of contents."""
    root = _find_lib(srcdir)
    from lib.pipeline import site

    return site.page_names(root)


def in_order(chapters: list[dict]) -> list[dict]:
    """2, 3, 3.4, ..., 4: by the numbers in the names of the pages, 34 being section 3.4."""
    return sorted(chapters, key=lambda chapter: chapter["chapter"].lstrip("0"))


def repository(srcdir: str | Path) -> Path:
    """The root of the repository: ``COMPANION_ROOT``, or the folder above the staged book that holds ``lib``."""
    if os.environ.get("COMPANION_ROOT"):
        return Path(os.environ["COMPANION_ROOT"])
    for folder in Path(srcdir).resolve().parents:
        if (folder / "lib" / "study").is_dir():
            return folder
    raise FileNotFoundError(f"expected the staged book inside the repository, got {srcdir}; try setting COMPANION_ROOT")


def _find_lib(srcdir: str | Path) -> Path:
    """Make :mod:`lib` importable; return the root of the repository."""
    root = repository(srcdir)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return root


def ledger(srcdir: str | Path) -> list:
    """The claims of this build with their verdicts (:class:`lib.study.claim_files.Entry`); none before there is any."""
    _find_lib(srcdir)
    from lib.study import claim_files, stored

    return stored.checked(list[claim_files.Entry], staged(srcdir, "ledger.json") or [], "ledger.json")


def committed(srcdir: str | Path, name: str) -> list:
    """The rows of what somebody measured and committed (:mod:`lib.study.committed`); none where nobody did."""
    _find_lib(srcdir)
    from lib.study import committed

    return committed.rows(name, staged(srcdir, f"{name}.json") or [])


def claim_words(srcdir: str | Path):
    """:mod:`lib.study.claim_text`, so that the ledger words a claim exactly as the chapter's strip does."""
    _find_lib(srcdir)
    from lib.study import claim_text

    return claim_text


def known_claims(srcdir: str | Path) -> dict:
    """What the claims files of the repository say, by id (:class:`lib.study.claim_files.Claim`)."""
    root = _find_lib(srcdir)
    from lib.study import claim_files

    return claim_files.read(root)[0]


def thesis_index(srcdir: str | Path):
    """:mod:`lib.pipeline.thesis_index`: what the thesis has, and where the book and `lib` name it."""
    _find_lib(srcdir)
    from lib.pipeline import thesis_index

    return thesis_index


def declared_parameters(srcdir: str | Path, docname: str) -> dict:
    """The parameters that a chapter's text declares, by name (:class:`lib.study.parameters.Parameter`)."""
    root = _find_lib(srcdir)
    from lib.study import notebooks, parameters

    return parameters.declared(notebooks.read_chapter(root / "book" / f"{docname}.md"))


def example_command(srcdir: str | Path, docname: str) -> str:
    """A command that makes a chapter's page with other parameters (:func:`lib.study.parameters.example`)."""
    root = _find_lib(srcdir)
    from lib.study import notebooks, parameters

    return parameters.example(notebooks.read_chapter(root / "book" / f"{docname}.md"))


def badge(verdict: str) -> str:
    """A verdict as a symbol, a word and a colour: any one of the three suffices."""
    return (f'<span class="verdict verdict-{CSS_CLASS[verdict]}"><span aria-hidden="true">{SYMBOLS[verdict]}</span>'
            f"&nbsp;{verdict}</span>")


def markup(text: str) -> str:
    """Plain text as HTML; ``$...$`` becomes a formula."""
    parts = re.split(r"\$([^$]+)\$", text)
    return "".join(f'<span class="math notranslate nohighlight">\\({html.escape(part)}\\)</span>' if n % 2
                   else html.escape(part) for n, part in enumerate(parts))


def breakable(name: str) -> str:
    """The name of a file, a test or a function as HTML that breaks at its parts, not within a word."""
    return re.sub(r"(?<=[._/])(?![._/])|(?<=::)", "<wbr>", html.escape(name))


def duration(seconds: float | None) -> str:
    """``95.2`` as "1 min 35 s"."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def memory(n_bytes: float | None) -> str:
    """Bytes as "410 MB"."""
    return "–" if n_bytes is None else f"{n_bytes / 1e6:,.0f} MB".replace(",", " ")


def commit(data: dict) -> str:
    """A short commit, and whether files differed from it."""
    if not data.get("commit"):
        return "not in a repository"
    return data["commit"][:10] + (", with uncommitted changes" if data.get("dirty") else "")


def commit_markup(data: dict) -> str:
    """The same as HTML, the whole commit to be read by pointing at it; :mod:`companion_paths` may make it a link."""
    whole, words = data.get("commit") or "", html.escape(commit(data))
    return re.sub(r"^[0-9a-f]+", lambda short: f'<code class="commit" title="{whole}">{short[0]}</code>', words)


def date(text: str | None) -> str:
    """An ISO date as "31 January 2025, 12:00 UTC"."""
    if not text:
        return "–"
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def table(head: list[str], rows: list[list[str]], name: str) -> str:
    """An HTML table whose cells carry their column's name, so that a narrow screen can stack them."""
    cells = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "".join("<tr>" + "".join(f'<td data-label="{html.escape(title)}">{cell}</td>'
                                    for title, cell in zip(head, row, strict=True)) + "</tr>" for row in rows)
    return (f'<div class="companion-table-wrap"><table class="companion-table {name}"><thead><tr>{cells}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")
