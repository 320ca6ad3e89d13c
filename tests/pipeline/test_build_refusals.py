"""What is wrong in a source, a parameter or a command is refused with its place, before anything starts."""

import re

import nbformat
import pytest

from lib.pipeline import converted, gate
from lib.study import notebooks, runs
from tests import toy_book
from tests.toy_site import fails


@pytest.mark.parametrize(("cell", "words"), [
    ("claims.number('x', float('nan'))", ["code cell 3", "expected a finite number"]),
    ("Path('figures/fig-1.svg').unlink()", ["expected the declared figures/fig-1.*, got none"]),
    ("Path('figures/a.csv').write_text(str(root()))", ["expected no path of this machine in figures/a.csv"]),
])
def test_a_run_that_does_not_pass_the_gate_is_not_published(bare, cell, words):
    toy_book.replace(bare, "book/01-first.md", "measured=offset)", f"measured=offset)\n{cell}")
    fails(toy_book.run(bare, "execute", "01"), "chapter 01-first failed", *words)
    assert not (bare / "_build/executed").exists() and not list((bare / "_build/tmp").iterdir())
    assert runs.read_failure(bare / "_build", "01-first").error


def test_a_cell_that_promises_a_figure_and_draws_none_is_refused(bare):
    toy_book.replace(bare, "book/01-first.md", "```{code-cell} ipython3\nPath(\"figures\")",
                     "```{code-cell} ipython3\n:mystnb: {figure: {name: fig-a}}\nPath(\"figures\")")
    fails(toy_book.run(bare, "execute", "01"), "code cell 3", "expected an image for figure 'fig-a', got none")


def test_a_figure_with_a_second_output_is_refused(bare):
    """A forgotten ; say: each output of the cell would become a figure of one name."""
    cell = "```{code-cell} ipython3\n:mystnb: {figure: {name: fig-a}}\nfrom IPython.display import Image\n" \
           "show = lambda data: display(Image(data, format='png'))\nshow(b'png')\n"
    toy_book.replace(bare, "book/01-first.md", "The total is", f"{cell}'a value'\n```\n\nThe total is")
    fails(toy_book.run(bare, "execute", "01"), "code cell 4", "expected the picture as the one output of figure "
          "'fig-a', got 2, among them", "try ; at the end of the last line")
    toy_book.replace(bare, "book/01-first.md", "'a value'\n```", "claims.number('toy1-more', 1)\n'a value';\n```")
    assert toy_book.run(bare, "execute", "01").returncode == 0


@pytest.mark.parametrize(("kind", "data", "words"), [
    ("display_data", {"text/plain": "'more'"}, "got 2, among them \"'more'\""),
    ("execute_result", {"text/plain": "'a value'"}, "got 2, among them \"'a value'\""),
    ("display_data", {"image/png": "cG5n"}, "got 2, among them 'a picture'"),
    ("display_data", {"application/papermill.record/text/plain": "1"}, None)])
def test_every_kind_of_output_beside_a_picture_is_told_but_a_number(tmp_path, kind, data, words):
    toy_book.write(tmp_path, "book/01-first.md", "---\ncompanion: {budget_core_minutes: 1}\n---\n\n# One\n\n"
                   "```{code-cell} ipython3\n:mystnb: {figure: {name: fig-a}}\nx\n```\n")
    chapter = notebooks.read_chapter(tmp_path / "book/01-first.md")
    notebook = converted.as_notebook(chapter)
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code"]
    cell.outputs = [nbformat.v4.new_output("display_data", data={"image/png": "cG5n"}),
                    nbformat.v4.new_output(kind, data)]
    cell.execution_count = 1
    if words is None:
        gate.check_outputs(chapter, notebook, tmp_path)
        return
    with pytest.raises(gate.ChapterFailed, match=re.escape(words)):
        gate.check_outputs(chapter, notebook, tmp_path)


@pytest.mark.parametrize(("name", "old", "new", "words"), [
    ("book/01-first.md", ":tags: [parameters]\n", "", ["01-first.md", "tagged 'parameters', got 0"]),
    ("book/01-first.md", ":tags: [parameters]\n", ":tags: [parameters]\n:papermill: {a: 1}\n", ["got papermill"]),
    ("book/01-first.md", "import random\n", "import random random\n", ["01-first.md, line 26", "expected Python"]),
    ("book/parameters/smoke.yml", "n_points", "n_spins", ["smoke.yml, section 01", "got n_spins; try n_points, width"]),
    ("book/parameters/smoke.yml", "2", "'two'", ["smoke.yml, section 01: expected n_points as int"]),
    ("book/parameters/smoke.yml", "2", "200", ["smoke.yml, section 01: expected n_points in [1, 100]"]),
    ("book/parameters/smoke.yml", "2\n", "2\n  n_points: 3\n", ["smoke.yml, line 3: expected 'n_points' once"]),
    ("book/parameters/smoke.yml", "  n", "\tn", ["smoke.yml, line 2: expected spaces, got a tab"]),
])
def test_wrong_sources_are_refused_before_anything_starts(bare, name, old, new, words):
    toy_book.replace(bare, name, old, new)
    fails(toy_book.run(bare, "book"), *words)
    assert not (bare / "_build/executed").exists()


@pytest.mark.parametrize(("name", "old", "new", "words"), [
    ("_toc.yml", "- file: 02-second\n", "", ["_toc.yml, line 1: expected every page of book/, got no entry for 02"]),
    ("_toc.yml", "chapters:", "chapters: [", ["_toc.yml, line", "expected YAML"]),
    ("_toc.yml", "chapters:", "chaptres:", ["_toc.yml: expected parts with chapters, got"]),
    ("book/03-more.ipynb", None, "{}", ["book/03-more.ipynb: expected chapters as text", "jupytext --to md:myst"]),
])
def test_chapters_that_would_be_left_out_are_refused_before_anything_starts(bare, name, old, new, words):
    if old is None:
        toy_book.write(bare, name, new)
    else:
        toy_book.replace(bare, name, old, new)
    fails(toy_book.run(bare, "book"), "no chapter was executed", *words)
    assert not (bare / "_build/executed").exists()
    done = toy_book.run(bare, "check")
    fails(done, *words)
    assert "no chapter was executed" not in done.stderr


def test_the_code_of_chapters_is_checked_for_style(bare):
    assert "2 chapters, their code" in toy_book.run(bare, "check").stdout
    toy_book.replace(bare, "book/01-first.md", "import random\n", "import os\nimport random\n%matplotlib inline\n")
    toy_book.replace(bare, "book/02-second.md", "sum(points)", "sum(pionts)")
    fails(toy_book.run(bare, "check"), "01-first.md, line 26:8: F401", "02-second.md, line", "F821", "pionts")


def test_mistakes_of_every_kind_are_told_at_once(bare):
    """But for those of a page that cannot be read, of which only that is said."""
    toy_book.replace(bare, "book/01-first.md", "import random\n", "import os\nimport random\n")
    toy_book.replace(bare, "book/01-first.md", "The total is", "There are 17, see {ref}`nowhere`. The total is")
    toy_book.replace(bare, "book/parameters/smoke.yml", "n_points: 2", "n_spins: 2")
    toy_book.write(bare, "data/thesis/claims/02.yml", toy_book.CLAIMS.format(stem="2").replace("toy2-offset", "toy2-x"))
    kinds = ("01-first.md, line 26:8: F401", "got '17'", "nowhere", "smoke.yml, section 01: expected parameters of",
             "claim toy2-x: expected 02-second.md to settle it", "got 'toy2-offset'")
    fails(toy_book.run(bare, "check"), *kinds)
    toy_book.replace(bare, "book/02-second.md", "import random\n", "import random random\n")
    done = toy_book.run(bare, "check")
    fails(done, "02-second.md, line 26: expected Python", *(words for words in kinds[:4] if words != "nowhere"))
    assert done.stderr.count("02-second") == 1


def test_commands_on_pages_that_would_be_refused_are_named_with_their_line(bare):
    lines = 'make chapter CH=01 PARAMS="n_point=3"\nmake chapter CH=1 SWEEP="width=1"\n'
    lines += 'make chapter CH=77 PARAMS="seed=2"\nmake chapter CH=NN PARAMS="n=1"\n'
    lines += 'make chapter CH=01 PARAMS="..."\nmake chapter CH=01 PARAMS="seed=3"\n'
    toy_book.write(bare, "book/01-first.md", (bare / "book/01-first.md").read_text() + f"\n```bash\n{lines}```\n")
    first = (bare / "book/01-first.md").read_text().split("\n").index('make chapter CH=01 PARAMS="n_point=3"') + 1
    done = toy_book.run(bare, "check")
    fails(done, f"01-first.md, line {first}: PARAMS: expected parameters of 01-first, got n_point; try n_points\n",
          f"line {first + 1}: SWEEP: expected two values", f"line {first + 2}: expected a chapter, got '77'")
    assert len(done.stderr.strip().split("\n")) == 3


@pytest.mark.parametrize("jobs", ["0", "x", "-1", "1.5", ""])
def test_a_number_of_jobs_that_is_none_is_refused(bare, jobs):
    fails(toy_book.run(bare, f"--jobs={jobs}", "book"), f"as a whole number from 1, got {jobs!r}; try JOBS=2")


@pytest.mark.parametrize(("params", "words"), [
    ("n_points=1e1", ["expected n_points as int, got 10.0 (float); try 10; number of points"]),
    ("n_spins=8", ["got n_spins; try n_points, width, label, heights, fast, seed"]),
    ("n_points=many", ["expected n_points as int, got 'many'"]),
    ("n_points=101", ["expected n_points in [1, 100], got 101"]),
    ("heights=[1,3]", ["expected element 1 of heights in [0, 2], got 3"]),
])
def test_wrong_parameters_by_hand_are_refused_before_any_page_is_looked_at(bare, params, words):
    done = toy_book.run(bare, "chapter", "01", "--params", params)
    fails(done, *words)
    assert done.stdout == "" and not (bare / "_build/whatif").exists()


def test_a_chapter_that_declares_no_parameters_is_told_with_all_else(bare):
    toy_book.replace(bare, "book/01-first.md", "[1, 100]", "[1")
    toy_book.replace(bare, "book/02-second.md", "[1, 100]", "[2")
    fails(toy_book.run(bare, "chapter", "1", "--params", "n_spins=8"), "01-first.md, line 17", "02-second.md, line 17")


def test_unknown_profiles_and_chapters_are_refused(bare):
    fails(toy_book.run(bare, "--profile", "cluster", "book"), "got 'cluster'; try laptop, smoke")
    fails(toy_book.run(bare, "chapter", "07"), "got '07'; try one of 01-first, 02-second")
    fails(toy_book.run(bare, "status", "--profile", "cluster"), "got 'cluster'; try laptop, smoke")
