"""The names of numbers that pages show, and those that chapters give: a misspelt one is named before anything runs.

Where the code of a chapter puts names together, or a function of `lib` gives them, only a run tells which there are.
`data/numbers.json` holds those of the laptop profile by chapter, so that a tree without runs knows them; a build says
where it is behind, and `make accept` writes it.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from lib import atomic
from lib.study import notebooks, parameters, provenance, runs
from lib.study.notebooks import Chapter
from lib.study.stored import checked

FILE, PROFILE = Path("data/numbers.json"), "laptop"
GLUE = re.compile(r"\{glue:(\w*)\}(`+)([^`]+)\2|^[`:~]{3,}[ \t]*\{glue:\w*\}[ \t]*(\S+)", re.MULTILINE)


def problems(top: Path) -> list[str]:
    """What is wrong with the names that pages show, and with the file of all names, one line each."""
    return unknown(top, by_file=True) + behind(top)


def unknown(top: Path, page: Path | None = None, *, by_file: bool = False) -> list[str]:
    """Numbers that a page, or any one, shows and their chapter does not give, one line each.

    A name that its code may put together has to be one of those that a run of the same code gave, where there is one.
    by_file: else one of the names in the file, which new code may not have reached yet.
    """
    names = {path.stem: _names(notebooks.read_chapter(path)) for path in notebooks.chapter_files(top)}
    lines, given, stored = [], cache(lambda stem: _given(top, stem)), read(top) if by_file else {}
    for path in [page] if page else sorted((top / "book").glob("*.md")):
        for of, key, line in shown(path.read_text("utf-8")):
            stem = of or path.stem
            exact, forms = names.get(stem, ({key}, []))  # a page that is missing is the renderer's to tell
            if key in exact:
                continue
            is_made = any(form.fullmatch(key) for form in forms)
            ran = given(stem)
            found = ran if ran is not None else stored.get(stem)
            if is_made if found is None else key in found:
                continue
            near = difflib.get_close_matches(key, exact | {*(found or ())}, 1, 0.7)
            hint = near[0] if near else f"claims.number({key!r}, ...) in its code"
            if is_made and ran is None:
                hint += f", or, where that is new, make chapter CH={stem[:2]}"
            lines.append(f"{path.name}, line {line}: expected the name of a number of {of or 'this chapter'}, "
                         f"got {key!r}; try {hint}")
    return lines


def read(top: Path) -> dict[str, list[str]]:
    """The names in the file, by chapter; raises `ValueError` where it is none of ours."""
    return checked(dict[str, list[str]], atomic.read_json(top / FILE) or {}, str(FILE))


def behind(top: Path) -> list[str]:
    """A line for every chapter whose run, where it is up to date, gave other names than those in the file."""
    if not (top / FILE).exists():
        return []
    lines, stored = [], read(top)
    for path in notebooks.chapter_files(top):
        there, ran = {*stored.get(path.stem, ())}, _ran(top, path.stem, PROFILE)
        if ran is not None and ran != there:
            some = ", ".join(sorted(ran ^ there)[:3])
            lines.append(f"{FILE}: expected the numbers of {path.stem} as its run gave them, got {len(there - ran)} "
                         f"others, and {len(ran - there)} are missing ({some}); try make accept")
    return lines


def accept(top: Path) -> list[str]:
    """Write the names that the last runs gave into the file; return which are new or gone, one line a chapter."""
    root, before = runs.profile_root(top, PROFILE), read(top)
    after = {path.stem: sorted(_of_run(root, path.stem)) for path in notebooks.chapter_files(top)}
    atomic.write_json_if_changed(top / FILE, after)
    return [f"{FILE}: {stem}: {len({*new} - {*old})} names new, {len({*old} - {*new})} gone"
            for stem, new in after.items() if (old := before.get(stem, [])) != new]


def _given(top: Path, stem: str) -> set[str] | None:
    """The names of all numbers that the last run of a chapter gave, at any profile; None where none is up to date."""
    found = (_ran(top, stem, profile) for profile in parameters.profiles(top))
    return next((names for names in found if names is not None), None)


def _ran(top: Path, stem: str, profile: str) -> set[str] | None:
    """The same at one profile."""
    root = runs.profile_root(top, profile)
    run = runs.read_run(root, stem)
    inputs = provenance.chapter_inputs(top, top / "book" / f"{stem}.md", profile, last=run) if run else None
    return _of_run(root, stem) if run and runs.is_current(root, stem, inputs) else None


def _of_run(root: Path, stem: str) -> set[str]:
    cells = atomic.read_json(root / "executed" / f"{stem}.ipynb")["cells"]
    return {output["metadata"]["scrapbook"]["name"] for cell in cells for output in cell.get("outputs", [])
            if "scrapbook" in output.get("metadata", {})}


def _names(chapter: Chapter) -> tuple[set[str], list[re.Pattern]]:
    """The numbers that a chapter may name: every text of its code, and what those put together may become."""
    exact, forms = set(), []
    for cell in chapter.cells:
        nodes = [*ast.walk(notebooks.parsed(cell.source, chapter.path.name, cell.line))]
        made = [(node, _form(node)) for node in nodes if isinstance(node, (ast.JoinedStr, ast.BinOp, ast.Call))]
        parts = {part for node, form in made if form for part in ast.walk(node) if part is not node}
        forms += [re.compile(form) for node, form in made if node not in parts and form not in ("", ".+")]
        exact |= {node.value for node in nodes
                  if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts}
        forms += [re.compile(form) for node in nodes if isinstance(node, ast.Call) for form in _noted(node)]
    return exact, forms


def _noted(call: ast.Call) -> Iterator[str]:
    """Patterns for the names that `settling.notes(prefix, {key: ...})` gives: the prefix, a hyphen, and each key."""
    if ast.unparse(call.func).rpartition(".")[2] == "notes" and len(call.args) == 2:
        prefix, tables = call.args[0], [part for part in ast.walk(call.args[1])
                                        if isinstance(part, (ast.Dict, ast.DictComp))]
        for key in (key for table in tables for key in (table.keys if isinstance(table, ast.Dict) else [table.key])):
            yield f"{_form(prefix) or '.+'}-{key and _form(key) or '.+'}"


def _form(node: ast.AST) -> str:
    """A pattern for the texts that an expression may become; nothing where it is none that is put together."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_form(part) or ".+" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _form(node.left), _form(node.right)
        return (left or ".+") + (right or ".+") if left or right else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
        return ".+".join(map(re.escape, re.split(r"%(?:\(\w+\))?[-+ #0-9.]*\w", str(node.left.value))))
    called = node.func if isinstance(node, ast.Call) else None
    if isinstance(called, ast.Attribute) and called.attr == "format" and isinstance(called.value, ast.Constant):
        return ".+".join(map(re.escape, re.split(r"\{[^}]*\}", str(called.value.value))))
    return ""


def shown(text: str) -> Iterator[tuple[str, str, int]]:
    """The numbers that a page shows: the chapter that names each (nothing: this one), its name, and the line."""
    for found in GLUE.finditer(text):
        page, _, key = (found[3] or found[4]).rpartition("::")
        name = key.partition(":")[0] if found[1] == "text" else key  # a format may follow
        yield PurePosixPath(page).stem, name, text.count("\n", 0, found.start()) + 1
