"""Chapters as notebooks: with the outputs of a run where its code is theirs, and as readers download them."""

import copy

import nbformat
import pytest

from lib.pipeline import converted
from lib.study import notebooks
from tests import toy_book

HEAD = "---\nkernelspec:\n  name: python3\n---\n\n# Title\n\n"
CELL = "```{code-cell} ipython3\n:tags: [parameters]\n\nn: int = 4  # [1, 9]; number; free\n```\n"


@pytest.fixture
def run_of(tmp_path):
    """A chapter as it would be after a run: every code cell has its own output, as has the one papermill adds."""
    toy_book.write(tmp_path, "01-first.md", HEAD.replace("python3", "python3\n  display_name: P") + CELL
                   + "\nSome prose.\n\n" + "".join(f"```{{code-cell}} ipython3\nprint({n})\n```\n\n" for n in (1, 2)))
    notebook = converted.as_notebook(notebooks.read_chapter(tmp_path / "01-first.md"))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text=f"of {cell.source}")]
    at = next(n for n, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    added = nbformat.v4.new_code_cell("n = 5", metadata={"tags": [notebooks.INJECTED]})
    notebook.cells.insert(at + 1, added)
    notebook.metadata["companion"] = {"provenance": {"seed": 1}}
    return notebook


def outputs(notebook):
    return [(cell.source, [output.text for output in cell.outputs]) for cell in notebook.cells
            if cell.cell_type == "code"]


def test_prose_goes_with_the_outputs_of_the_run(run_of, tmp_path):
    path = tmp_path / "01-first.md"
    text = path.read_text().replace("Some prose", "(there)=\n## Other prose").replace("# Title", "# A title")
    path.write_text(text.replace("ipython3\nprint(2)", "ipython3\n:tags: [hide-input]\nprint(2)"))
    merged = converted.with_outputs(notebooks.read_chapter(path), run_of)
    assert outputs(merged) == outputs(run_of) and outputs(merged)[1] == ("n = 5", [])
    shown = "\n".join(cell.source for cell in merged.cells)
    assert "# A title" in shown and "## Other prose" in shown and "Some prose" not in shown
    assert merged.cells[-1].metadata.tags == ["hide-input"] and merged.metadata.companion.provenance.seed == 1


@pytest.mark.parametrize(("old", "new"), [
    ("print(1)", "print(3)"), ("```{code-cell} ipython3\nprint(2)\n```\n", ""), ("print(2)\n```", "print(2)\n```\n\n"
     "```{code-cell} ipython3\nprint(2)\n```"), ("ipython3\nprint(1)\n", "ipython3\nprint(2)\n")])
def test_outputs_of_other_code_are_refused(run_of, tmp_path, old, new):
    toy_book.replace(tmp_path, "01-first.md", old, new)
    with pytest.raises(ValueError, match="01-first.md: expected the code that was executed"):
        converted.with_outputs(notebooks.read_chapter(tmp_path / "01-first.md"), run_of)


@pytest.mark.parametrize(("old", "new"), [("ipython3\nprint(2)", "ipython3\n\n \nprint(2)"),
                                          ("print(2)", "print(2)  \n")])
def test_blanks_around_the_code_of_a_cell_need_no_run(run_of, tmp_path, old, new):
    """What starts no kernel must go with the outputs of the last one, or no build would ever end well again."""
    path = tmp_path / "01-first.md"
    before = notebooks.read_chapter(path).code
    toy_book.replace(tmp_path, "01-first.md", old, new)
    assert notebooks.read_chapter(path).code == before
    merged = converted.with_outputs(notebooks.read_chapter(path), run_of)
    assert [texts for _, texts in outputs(merged)] == [texts for _, texts in outputs(run_of)]


def test_the_lines_of_cells_and_what_jupytext_says_of_the_text_are_in_the_notebook(run_of, tmp_path):
    path = tmp_path / "01-first.md"
    notebook = converted.as_notebook(notebooks.read_chapter(path))
    lines = path.read_text("utf-8").splitlines()
    assert [lines[line] for line, cell in zip(notebook.metadata.source_map, notebook.cells)
            if cell.cell_type == "code"] == [":tags: [parameters]", "print(1)", "print(2)"]
    assert notebook.metadata.jupytext.default_lexer == "ipython3" and "jupyter" not in notebook.metadata
    merged = converted.with_outputs(notebooks.read_chapter(path), run_of)
    assert len(merged.metadata.source_map) == len(merged.cells) == len(notebook.cells) + 1


def test_a_clean_notebook_is_as_its_author_wrote_it_and_leaves_the_other(run_of, tmp_path):
    chapter = notebooks.read_chapter(tmp_path / "01-first.md")
    executed = converted.without_lines(converted.with_outputs(chapter, run_of))
    before = copy.deepcopy(executed)
    clean = converted.clean(executed)
    assert executed == before and "source_map" not in executed["metadata"] and "provenance" in str(executed)
    assert "provenance" not in str(clean) and "n = 5" not in str(clean) and "print(2)" in str(clean)
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in clean["cells"])
    nbformat.validate(nbformat.from_dict(clean))
