"""Chapters and their parameters: what is read, and what is refused before a kernel starts."""

import asyncio
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from lib.pipeline import tidy
from lib.study import notebooks, parameters
from tests import toy_book

HEAD = "---\nkernelspec:\n  name: python3\n---\n\n# Title\n\n"
CELL = "```{code-cell} ipython3\n:tags: [parameters]\n\nn: int = 4  # [1, 9]; number; free\n```\n"


def test_code_cells_are_read_with_options_and_lines(write):
    chapter = write(HEAD + CELL + "\n````{note}\n```{code-cell}\nnot_a_cell\n```\n````\n\n"
                    "````{code-cell} ipython3\n---\ntags: [a, b]\nmystnb:\n  figure: {name: f}\n---\n\n"
                    "# comment\nx = '''\n```\n'''\n````\n")
    first, second = chapter.cells
    assert (first.tags, first.line, first.source) == (["parameters"], 11, "n: int = 4  # [1, 9]; number; free")
    assert (second.tags, second.line, second.first_line) == (["a", "b"], 27, "x = '''")
    assert second.options["mystnb"]["figure"]["name"] == "f" and second.source.endswith("```\n'''")
    lines = chapter.path.read_text("utf-8").splitlines()
    assert all(lines[cell.line - 1] == cell.source.splitlines()[0] for cell in chapter.cells)
    assert (chapter.title, chapter.number, chapter.page) == ("Title", "01", "01-first.html")
    assert (chapter.budget, chapter.time_limit) == (None, notebooks.DEFAULT_TIME_LIMIT)


# Whether a change of it needs a kernel.  A new option has to be put on one side or the other.
TAG_SIDES = {"parameters": "code", "sweep": "code", "hide-input": "page", "hide-output": "page", "hide-cell": "page",
             "remove-input": "page", "remove-output": "page", "remove-cell": "page"}
OPTION_SIDES = dict.fromkeys(["code_prompt_show", "code_prompt_hide", "figure", "image", "merge_streams",
                              "output_stderr", "text_lexer", "error_lexer", "number_source_lines"], "page")
SETTING_SIDES = {"budget_core_minutes": "page", "time_limit_minutes": "code", "figures": "code",
                 "inputs": "page"}  # of inputs, what they hold
FRONT_SIDES = {"jupytext": "page", "kernelspec": "code", "companion": None}  # setting by setting


def test_every_option_is_code_or_not():
    assert set(TAG_SIDES) == set(notebooks.TAGS) and set(SETTING_SIDES) == set(notebooks.COMPANION_KEYS)
    assert set(notebooks.CELL_KEYS) == {"tags", "mystnb"} and set(OPTION_SIDES) == set(notebooks.CELL_KEYS["mystnb"])
    plain = notebooks.Cell("x = 1", {}, 1)
    for sides, options in ((TAG_SIDES, lambda name: {"tags": [name]}),
                           (OPTION_SIDES, lambda name: {"mystnb": {name: "anything"}})):
        for name, side in (sides | {"unheard-of": "code"}).items():
            changed = notebooks.Cell("x = 1", options(name), 9).code != plain.code
            assert changed == (side == "code"), name
    empty = notebooks.Chapter(Path("01-a.md"), {}, "", ())
    for sides, front in ((SETTING_SIDES, lambda name: {"companion": {name: 3}}), (FRONT_SIDES, lambda name: {name: 3})):
        for name, side in (sides | {"unheard-of": "code"}).items():
            if side is not None:
                changed = notebooks.Chapter(Path("01-a.md"), front(name), "", ()).code != empty.code
                assert changed == (side == "code"), name
    for path in notebooks.chapter_files(toy_book.ROOT):
        assert set(notebooks.read_chapter(path).front_matter) <= set(FRONT_SIDES)


def test_the_reader_agrees_with_jupytext_on_every_chapter_of_the_book():
    import jupytext
    for path in notebooks.chapter_files(toy_book.ROOT):
        cells = [cell for cell in jupytext.read(path, fmt="md:myst").cells if cell.cell_type == "code"]
        chapter = notebooks.read_chapter(path)
        assert [cell.source for cell in cells] == [cell.source for cell in chapter.cells]
        assert [cell.metadata.get("tags", []) for cell in cells] == [cell.tags for cell in chapter.cells]


@pytest.mark.parametrize(("text", "message"), [
    (HEAD + "```{code-cell} ipython3\nx = 1\n", "line 8: expected the code cell to end"),
    ("---\nkernelspec: {\n---\n" + CELL, "line 2: expected YAML"),
    ("---\nkernelspec:\n", "line 1: expected the front matter to end"),
    (HEAD + "```{code-cell} ipython3\n:tags: parameters\nx = 1\n```\n", "expected a list of tags"),
    (HEAD + "```{code-cell} ipython3\n---\ntags: [a]\nx = 1\n```\n", "expected the options of the cell to end"),
])
def test_malformed_text_is_refused_with_its_line(write, text, message):
    with pytest.raises(ValueError, match=message):
        write(text)


@pytest.mark.parametrize(("text", "message"), [
    (HEAD + "prose\n", "expected code cells"),
    (HEAD + "```{code-cell} ipython3\nx = 1\n```\n", "expected one code cell tagged 'parameters', got 0"),
    (HEAD + CELL + CELL, "expected one code cell tagged 'parameters', got 2"),
    ("---\npapermill: {duration: 1}\n---\n" + CELL, "traces of a run, got papermill"),
    (HEAD + CELL + "```{code-cell} ipython3\n---\nexecution: {iopub.status.busy: x}\n---\nx\n```\n", "got execution"),
    (HEAD + CELL + "```{code-cell} ipython3\n:papermill: {duration: 1}\nx\n```\n", "got papermill"),
    (HEAD + CELL + "```{code-cell} ipython3\n:tags: [injected-parameters]\nn = 5\n```\n", "injected-parameters"),
    (HEAD + CELL + "\n![](data:image/png;base64,iVBOR)\n", "line 14: expected no outputs"),
    (HEAD + CELL + "\n```{output}\n3\n```\n", "line 14: expected no outputs"),
    ("---\ncompanion: {budget_minutes: 3}\n---\n" + CELL, "got 'budget_minutes'"),
    ("---\ncompanion: {time_limit_minutes: -3}\n---\n" + CELL, "positive number of minutes"),
    ("---\ncompanion: {time_limit_minutes: soon}\n---\n" + CELL, "positive number of minutes"),
    ("---\ncompanion: {figures: fig-a}\n---\n" + CELL, "list of names"),
    ("---\ncompnaion: {figures: [fig-a]}\n---\n" + CELL, "in the front matter, got 'compnaion'; try companion"),
    ("---\nkernelspecs: {name: python3}\n---\n" + CELL, "got 'kernelspecs'; try kernelspec"),
    ("---\n1: 2\n---\n" + CELL, "got '1'; try to delete 1"),
    ("---\ncompanion: {budget_core_minute: 1}\n---\n" + CELL, "got 'budget_core_minute'; try budget_core_minutes"),
    (HEAD + CELL + "```{code-cell} ipython3\n:tags: [hide-inpt]\nx\n```\n", "got 'hide-inpt'; try hide-input"),
    (HEAD + CELL + "```{code-cell} ipython3\n:tag: [hide-input]\nx\n```\n", "as option one of .*, got 'tag'; try tags"),
    (HEAD + CELL + "```{code-cell} ipython3\n---\nmystnb: {code_promt_show: x}\n---\nx\n```\n", "try code_prompt_show"),
])
def test_chapters_with_outputs_or_without_parameters_are_refused(write, text, message):
    with pytest.raises(ValueError, match=message):
        notebooks.check_chapter(write(text))


def test_chapters_are_found_by_number_or_name(tmp_path):
    for name in ("05-states", "12-more"):
        toy_book.write(tmp_path, f"book/{name}.md", HEAD + CELL)
    for name in ("5", "05", "05-states", "05-states.md"):
        assert notebooks.find_chapter(tmp_path, name).stem == "05-states"
    with pytest.raises(ValueError, match="try one of 05-states, 12-more"):
        notebooks.find_chapter(tmp_path, "07")
    toy_book.write(tmp_path, "book/05-again.md", HEAD + CELL)
    with pytest.raises(ValueError, match="05 in 05-again.md and 05-states.md"):
        notebooks.chapter_files(tmp_path)
    toy_book.write(tmp_path, "book/05-Again.md", HEAD + CELL)
    with pytest.raises(ValueError, match="NN-topic.md"):
        notebooks.chapter_files(tmp_path)


def test_saving_in_jupyterlab_keeps_outputs_and_traces_out_of_the_text(tmp_path):
    from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
    from jupytext.async_contentsmanager import build_async_jupytext_contents_manager_class as build

    toy_book.write(tmp_path, "book/01-first.md", toy_book.CHAPTER.format(stem="1", module="first"))
    shutil.copy(toy_book.ROOT / "pyproject.toml", tmp_path)
    manager = build(AsyncLargeFileManager)(root_dir=str(tmp_path))

    async def save_a_run(name):
        model = await manager.get(name, type="notebook")
        for cell in model["content"].cells:
            if cell.cell_type == "code":
                cell.outputs = [nbformat.v4.new_output("stream", text="an output\n")]
                cell.metadata |= {"papermill": {"duration": 1}, "execution": {"iopub.status.busy": "now"}}
        model["content"].metadata |= {"papermill": {"duration": 1}, "widgets": {}}
        await manager.save({"type": "notebook", "format": "json", "content": model["content"]}, name)

    path = tmp_path / "book/01-first.md"
    cells = notebooks.read_chapter(path).cells
    asyncio.run(save_a_run("book/01-first.md"))
    chapter = notebooks.read_chapter(path)
    notebooks.check_chapter(chapter)
    assert [cell.source for cell in chapter.cells] == [cell.source for cell in cells]
    assert chapter.settings["budget_core_minutes"] == 1
    for trace in ("an output", "papermill", "iopub", "widgets"):
        assert trace not in path.read_text("utf-8")
    assert "an output" in (tmp_path / "_build/edit/01-first.ipynb").read_text("utf-8")
    asyncio.run(save_a_run("book/01-first.md"))
    again = notebooks.read_chapter(path)
    assert (again.cells, again.front_matter) == (chapter.cells, chapter.front_matter)


def test_the_chapter_on_the_page_about_writing_is_complete_and_runs(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "book/writing.md").read_text("utf-8")
    path = tmp_path / "57-errors.md"
    path.write_text(re.search(r"^`{5}markdown\n(.*?)^`{5}$", page, re.DOTALL | re.MULTILINE)[1], "utf-8")
    chapter = notebooks.read_chapter(path)
    notebooks.check_chapter(chapter)
    assert tidy.problems(Path(__file__).parents[2], chapter) == []
    assert set(parameters.declared(chapter)) == {"n_samples", "seed"}
    monkeypatch.chdir(tmp_path)
    claim = tmp_path / "data/thesis/claims/57.yml"
    claim.parent.mkdir(parents=True)
    claim.write_text(re.search(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[1], "utf-8")
    monkeypatch.setenv("COMPANION_ROOT", str(tmp_path))
    names = {"__name__": "chapter"}
    for cell in chapter.cells:
        exec(compile(cell.source, path.name, "exec"), names)
    assert (tmp_path / "figures/fig-spread.csv").exists() and abs(names["power"] + 0.5) < 0.05
