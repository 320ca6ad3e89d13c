"""A chapter that JupyterLab saves: the same bytes where nothing changed, and one cell's lines where one has."""

import asyncio
import difflib
import json
import shutil

import nbformat
import pytest

from lib.pipeline import command, editing
from lib.study import notebooks
from tests import toy_book

CHAPTERS = [path.name for path in notebooks.chapter_files(toy_book.ROOT)]
FRONT = "---\nkernelspec:\n  display_name: Python 3\n  language: python\n  name: python3\n---\n\n# Title\n\n"
CODE = "```{code-cell} ipython3\nx = 1\n```\n"
CAPTION = ("```{code-cell} ipython3\n---\ntags: [hide-input]\nmystnb:\n  figure:\n    name: fig-a\n    caption: |\n"
           "      A caption of two lines, the first of which is already as long as a program would make it, eighty\n"
           "      and more; with $x: y$, \"quotes\" and # a hash.\n"
           "  image:\n    alt: {alt}\n---\nx = 1\n```\n")
LONG = "Words that go on for much longer than the eighty columns after which a program wraps what it writes, and more."
TEXTS = {
    "options": FRONT + CODE.replace("\nx", "\n:tags: [hide-input]\n\nx") + "\nWords.\n",
    "no blank line below options": FRONT + CODE.replace("\nx", "\n:tags: [hide-input]\nx"),
    "block options without need": FRONT + CODE.replace("\nx", "\n---\ntags: [hide-input]\n---\nx"),
    "comments": FRONT + CODE.replace(
        "\nx", "\n---\n# why\ntags: [hide-input]  # so\nmystnb: {figure: {name: a}}\n---\nx"),
    "a caption": FRONT + CAPTION.replace("{alt}", LONG) + "\nWords.\n",
    "a quoted caption": FRONT + CAPTION.replace("{alt}", f'"{LONG}"'),
    "a folded caption": FRONT + CAPTION.replace("{alt}", f">\n      {LONG}\n      {LONG}"),
    "a stripped block": FRONT + CAPTION.replace("caption: |", "caption: |-").replace("{alt}", LONG),
    "keys in another order": FRONT + CODE.replace(
        "\nx", "\n---\nmystnb:\n  merge_streams: true\ntags:\n- a\n- b\n---\nx"),
    "blank lines": FRONT + "\n\n" + CODE + "\n\n\n" + CODE + "\n\n\nWords.\n\n\n\nMore.\n\n\n",
    "no blank lines": FRONT.rstrip() + "\n" + CODE + "Words.\n" + CODE + CODE,
    "blanks at ends": FRONT + "Words with a break  \nhere.  \n\n" + CODE.replace(
        "x = 1", "x = 1  \n\ny = 2   ") + "\n  \n",
    "blank lines in a cell": FRONT + CODE.replace("x = 1", "\n\nx = 1\n\n\ny = 2\n\n"),
    "no end of line": FRONT + CODE + "\nWords.",
    "long fences": FRONT + CODE.replace("```", "`````") + "\n````markdown\n" + CODE + "````\n",
    "breaks": FRONT + "Words.\n\n+++\n\nMore.\n\n+++ {\"tags\": [\"a\"]}\n\nAgain.\n\n" + CODE + "\n+++\n\nEnd.\n",
    "raw cells": FRONT + CODE + "\n```{raw-cell}\nraw\n```\n",
    "other letters": FRONT + CAPTION.replace("{alt}", "caf\u00e9 \u03c3 \u2192 \u00bd\u00a0m, \U0001f600")
    + "\nstr\u00f6m\n",
    "directives": FRONT + ":::{note}\nWords.\n:::\n\n```{figure} a.png\n:alt: b\n```\n\n$$\nx\n$$ (eq-a)\n\n" + CODE,
    "cells that are equal": FRONT + CODE + "\n" + CODE + "\nA.\n\n" + CODE.replace("\nx", "\n\nx") + "\nA.\n\n" + CODE,
    "a comment": FRONT + "<!-- a\n\nb -->\n\n" + CODE,
    "front matter in another form": FRONT.replace("python\n", "python  # so\n").replace(
        "---\n\n", "companion: {budget_core_minutes: 1,\n  time_limit_minutes: 5}\n---\n\n") + CODE,
    "a magic": FRONT + CODE.replace("x = 1", "%time pass\n!true\n?print"),
    "windows line ends": (FRONT + CODE + "\nWords.\n").replace("\n", "\r\n"),
}


@pytest.fixture
def edit(tmp_path):
    """edit(name, change): open a chapter of the folder as JupyterLab does, change its notebook, save it."""
    from lib.pipeline.contents import ChapterContents

    shutil.copy(toy_book.ROOT / "pyproject.toml", tmp_path)
    manager = ChapterContents(root_dir=str(tmp_path))

    async def opened_and_saved(name, change, kind):
        model = await manager.get(name, type=kind)
        sent = json.loads(json.dumps(model["content"]))  # as the browser gets it and sends it back
        changed = change(sent) if kind == "file" else sent
        if kind == "notebook":
            change(sent)
        await manager.save({"type": kind, "format": "json" if kind == "notebook" else "text", "content": changed}, name)

    def edited(name, change=lambda notebook: None, kind="notebook"):
        asyncio.run(opened_and_saved(f"book/{name}", change, kind))
        return (tmp_path / "book" / name).read_bytes()
    (tmp_path / "book").mkdir()
    return edited


def as_browser(notebook):
    """What JupyterLab adds to a notebook that it shows, executes and saves."""
    notebook["metadata"]["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python",
                                          "name": "python3"}
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.11.7", "pygments_lexer": "ipython3"}
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] |= {"trusted": True, "editable": True, "slideshow": {"slide_type": ""}}
        if cell["cell_type"] == "code":
            cell["metadata"] |= {"execution": {"iopub.status.busy": "now"}, "collapsed": False}
            cell |= {"execution_count": number, "outputs": [nbformat.v4.new_output("stream", text="an output\n")]}


@pytest.mark.some(6)
@pytest.mark.parametrize("change", [lambda notebook: None, as_browser], ids=["untouched", "executed"])
@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_saved_without_a_change_keeps_its_bytes(edit, tmp_path, name, change):
    shutil.copy(toy_book.ROOT / "book" / name, tmp_path / "book")
    before = (tmp_path / "book" / name).read_bytes()
    assert edit(name, change) == before
    assert edit(name, change) == before  # now beside a notebook with outputs


@pytest.mark.some(30)
@pytest.mark.parametrize("change", [lambda notebook: None, as_browser], ids=["untouched", "executed"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_saved_without_a_change_keeps_its_bytes(edit, tmp_path, text, change):
    path = tmp_path / "book/01-first.md"
    path.write_bytes(TEXTS[text].encode())
    assert edit("01-first.md", change) == TEXTS[text].encode()


@pytest.mark.some(6)
@pytest.mark.parametrize("kind", ["code", "markdown"])
@pytest.mark.parametrize("name", CHAPTERS)
def test_an_edited_cell_changes_its_own_lines_alone(edit, tmp_path, name, kind):
    shutil.copy(toy_book.ROOT / "book" / name, tmp_path / "book")
    before = (tmp_path / "book" / name).read_text("utf-8").splitlines()

    def change(notebook):
        as_browser(notebook)
        cell = [cell for cell in notebook["cells"] if cell["cell_type"] == kind][3]
        first, *rest = cell["source"].splitlines()
        cell["source"] = "\n".join([first + "  # or so", *rest])
    after = edit(name, change).decode().splitlines()
    lines = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    assert len(lines) == 2 and lines[0][2:] + "  # or so" == lines[1][2:], lines


CHANGES = {
    "a new cell": lambda cells: cells.insert(2, nbformat.v4.new_code_cell("y = 2")),
    "new words": lambda cells: cells.insert(2, nbformat.v4.new_markdown_cell("New words.")),
    "first": lambda cells: cells.insert(0, nbformat.v4.new_markdown_cell("New words.")),
    "last": lambda cells: cells.append(nbformat.v4.new_code_cell("y = 2")),
    "a cell less": lambda cells: cells.pop(1), "the last one less": lambda cells: cells.pop(),
    "the first one less": lambda cells: cells.pop(0), "another order": lambda cells: cells.insert(1, cells.pop(3)),
    "a new caption": lambda cells: cells[1]["metadata"].update(mystnb={"figure": {"caption": f"{LONG}\n{LONG}\n"}}),
    "a long caption": lambda cells: cells[1]["metadata"].update(mystnb={"figure": {"caption": LONG + LONG}}),
    "nothing left": lambda cells: cells.clear(), "twice": lambda cells: cells.insert(1, dict(cells[1])),
}


@pytest.mark.some(24)
@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("text", ["breaks", "blank lines", "cells that are equal", "no blank lines", "comments"])
def test_a_change_of_cells_is_saved_as_it_is_and_in_our_form(edit, tmp_path, text, name):
    path = tmp_path / "book/01-first.md"
    path.write_text(TEXTS[text] + "\n" + CODE.replace("1", "3") + "\nMore.\n\n" + CODE.replace("1", "4"), "utf-8")
    kept = []

    def change(notebook):
        CHANGES[name](notebook["cells"])
        kept.extend((cell["cell_type"], cell["source"].strip("\n"),
                     {key: value for key, value in cell["metadata"].items() if key in ("tags", "mystnb")})
                    for cell in notebook["cells"])
    saved = edit("01-first.md", change)
    import jupytext

    cells = jupytext.read(path, fmt="md:myst").cells
    assert [(cell.cell_type, cell.source.strip("\n"), dict(cell.metadata)) for cell in cells] == kept
    assert editing.wrapped(path) == []
    assert edit("01-first.md") == saved


def test_a_new_chapter_is_written_in_our_form(edit, tmp_path):
    from lib.pipeline.contents import ChapterContents

    shutil.copy(toy_book.ROOT / "pyproject.toml", tmp_path)
    options = {"mystnb": {"figure": {"caption": f"{LONG}\n{LONG}\n", "name": "a"}}}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"display_name": "Python 3", "name": "python3"}},
                                        cells=[nbformat.v4.new_code_cell("x = 1", metadata=options)])
    manager = ChapterContents(root_dir=str(tmp_path))
    asyncio.run(manager.save({"type": "notebook", "format": "json", "content": json.loads(json.dumps(notebook))},
                             "book/01-new.md"))
    text = (tmp_path / "book/01-new.md").read_text("utf-8")
    assert text.startswith("---\n") and f"caption: |\n      {LONG}\n      {LONG}\n" in text
    saved = edit("01-new.md")
    assert saved.decode() == text


def test_a_text_that_is_typed_is_saved_as_it_is_typed(edit, tmp_path):
    path = tmp_path / "book/01-first.md"
    path.write_text(TEXTS["a caption"], "utf-8")
    for typed in (TEXTS["comments"], TEXTS["a quoted caption"], TEXTS["blank lines"], "words"):
        assert edit("01-first.md", lambda text, typed=typed: typed, "file") == typed.encode()


@pytest.mark.parametrize("kind", ["notebook", "file"])
def test_a_page_that_another_program_has_changed_is_told_and_nothing_is_lost(tmp_path, kind):
    from tornado.web import HTTPError

    from lib.pipeline.contents import ChapterContents

    shutil.copy(toy_book.ROOT / "pyproject.toml", tmp_path)
    toy_book.write(tmp_path, "book/01-first.md", TEXTS["a caption"])
    path, manager = tmp_path / "book/01-first.md", ChapterContents(root_dir=str(tmp_path))

    def edited(model, words):
        content = json.loads(json.dumps(model["content"]))
        if kind == "file":
            return {"type": kind, "format": "text", "content": content.replace("Words.", words)}
        content["cells"][-1]["source"] = words
        return {"type": kind, "format": "json", "content": content}

    async def work():
        model = await manager.get("book/01-first.md", type=kind)
        await manager.save(edited(model, "Ours."), "book/01-first.md")  # nobody else was there
        theirs = path.read_text("utf-8").replace("Ours.", "Theirs.")
        path.write_text(theirs, "utf-8")
        with pytest.raises(HTTPError, match="another program has changed since; its text is kept in _build/edit/c"):
            await manager.save(edited(model, "Ours again."), "book/01-first.md")
        assert path.read_text("utf-8") == theirs
        (kept,) = (tmp_path / "_build/edit/conflicts").iterdir()
        assert kept.read_text("utf-8") == theirs and kept.name.startswith("01-first-")
        await manager.save(edited(model, "Ours again."), "book/01-first.md")
        assert "Ours again." in path.read_text("utf-8") and kept.read_text("utf-8") == theirs
        path.write_text(theirs, "utf-8")
        model = await manager.get("book/01-first.md", type=kind)  # reloaded
        await manager.save(edited(model, "Ours."), "book/01-first.md")
        assert path.read_text("utf-8") == (theirs if kind == "file" else theirs.replace("Theirs.", "Ours."))

    asyncio.run(work())


def as_jupytext_writes(path):
    """A chapter as other programs save it."""
    import jupytext

    path.write_text(jupytext.writes(jupytext.read(path, fmt="md:myst", config=jupytext.config.load_jupytext_config(
        str(toy_book.ROOT / "pyproject.toml"))), fmt="md:myst"), "utf-8")


@pytest.mark.parametrize("name", CHAPTERS)
def test_options_that_a_program_wrapped_are_named_and_mended(tmp_path, name):
    path = tmp_path / "book" / name
    path.parent.mkdir()
    shutil.copy(toy_book.ROOT / "book" / name, path)
    before = path.read_text("utf-8").partition("\n# ")[2]
    assert editing.problems(tmp_path) == []
    as_jupytext_writes(path)
    lines = editing.problems(tmp_path)
    assert lines and all(line.startswith(f"{name}, line ") and f"try make tidy CH={name[:2]}" in line for line in lines)
    number = int(lines[0].split("line ")[1].split(":")[0])
    option = path.read_text("utf-8").splitlines()[number - 1].strip().partition(":")[0]
    assert option in ("caption", "alt", "code_prompt_show")
    assert command.main(["tidy", name[:2], "--root", str(tmp_path)]) == 0
    assert editing.problems(tmp_path) == []
    # Only what jupytext does to lines outside of options is left.
    after = path.read_text("utf-8").partition("\n# ")[2]
    diff = [line for line in difflib.ndiff(before.splitlines(), after.splitlines())
            if line[0] in "+-" and line[2:].strip()]
    assert diff == []
    assert command.main(["tidy", "99", "--root", str(tmp_path)]) == 1


def test_jupyterlab_is_started_with_what_saves_so():
    from traitlets.utils.importstring import import_item

    line = next(line for line in (toy_book.ROOT / "Makefile").read_text("utf-8").splitlines()
                if "contents_manager_class=" in line)
    assert import_item(line.split("=")[1].split()[0]).__name__ == "ChapterContents"
