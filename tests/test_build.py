"""The pipeline end to end on a toy book: what is built, what is refused, and what survives a failure or a kill."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import termios

import nbformat
import psutil
import pytest

from lib.study import build, gate, lifeline, notebooks, rehearsal, runs, site, whatif
from tests import patience, toy_book

HOME = os.path.expanduser("~")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A toy book, built once."""
    top = toy_book.make(tmp_path_factory.mktemp("reference"))
    done = toy_book.run(top, "book")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"The book: {top}/_build/html/index.html\n")
    return top


@pytest.fixture
def top(reference, tmp_path):
    """A copy of the built toy book, to break."""
    return shutil.copytree(reference, tmp_path / "book")


@pytest.fixture
def bare(reference, tmp_path):
    """The toy book, not built; the renderer has taken its pages."""
    top = shutil.copytree(reference, tmp_path / "bare", ignore=shutil.ignore_patterns("_build"))
    (top / "_build").mkdir()
    shutil.copy(reference / rehearsal.PASSED, top / rehearsal.PASSED)
    return top


def html(top):
    return toy_book.contents(top / "_build/html")


def without_stamps(files):
    """Contents of a site without what is taken from the moment of the run."""
    def clean(name, content):
        if name.endswith("-executed.ipynb"):
            notebook = json.loads(content)
            assert notebook["metadata"]["companion"].pop("provenance")["date"]
            content = json.dumps(notebook).encode()
        if name == "searchindex.js":  # Sphinx's own, which the book has not, keeps words that no page has any more
            content = b" ".join(sorted(re.findall(rb"\w+", re.sub(rb'"\w+": \[\]', b"", content))))
        return content
    return {name: clean(name, content) for name, content in files.items() if name != site.DIGEST_FILE}


def fails(done, *words):
    """The build failed and said all these words."""
    assert done.returncode in (1, lifeline.TOLD), done.stdout + done.stderr
    for word in words:
        assert word in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_site_holds_pages_with_their_numbers_and_downloads(reference):
    files = html(reference)
    page = files["01-first.html"].decode()
    total = next(entry["text"] for entry in runs.read_record(reference / "_build", "01-first")["numbers"])
    assert f"The total is {total}" in re.sub("<[^>]+>", "", page) and "claim-reproduced" in page
    downloads = {name for name in files if name.startswith("downloads/01-first/")}
    assert downloads == {f"downloads/01-first/{name}" for name in
                         ("01-first-executed.ipynb", "01-first.ipynb", "01-first.md", "figures/fig-1.svg")}
    clean = json.loads(files["downloads/01-first/01-first.ipynb"])
    assert not any(cell.get("outputs") for cell in clean["cells"])
    assert "provenance" not in clean["metadata"]["companion"]
    assert files["downloads/01-first/01-first.md"] == (reference / "book/01-first.md").read_bytes()


def test_nothing_that_is_published_holds_a_path_of_this_machine(reference):
    for name, content in html(reference).items():
        for place in (str(reference), HOME + "/"):
            assert place.encode() not in content, f"{place} in {name}"
    executed = (reference / "_build/executed/01-first.ipynb").read_text("utf-8")
    assert "./data ~ ." in executed  # what the chapter printed: root, home, its own directory


def test_the_record_names_costs_and_origin(reference):
    record = runs.read_record(reference / "_build", "01-first")
    origin = record["provenance"]
    assert origin["parameters"]["n_points"] == 4 and origin["seed"] == 1 and origin["threads"] == 1
    assert origin["seconds"] > 0 and origin["core_seconds"] > 0 and origin["peak_memory_bytes"] > 10**7
    ledger = json.loads((reference / "_build/ledger.json").read_text("utf-8"))
    assert [claim["id"] for claim in ledger] == ["toy1-offset", "toy2-offset"]
    states = json.loads((reference / "_build/status.json").read_text("utf-8"))["chapters"]
    assert [chapter["state"] for chapter in states] == ["fresh", "fresh"]


def test_a_second_build_changes_no_file(top):
    before = toy_book.contents(top / "_build")
    done = toy_book.run(top, "book")
    assert done.returncode == 0 and "every chapter is up to date" in done.stdout
    after = toy_book.contents(top / "_build")
    kept = [name for name in before if not re.match(r"\.lock|cache", name)]
    assert {name: before[name] for name in kept} == {name: after.get(name) for name in kept}


def test_an_edited_module_makes_exactly_its_chapters_stale(top):
    assert build.stale_chapters(top, "laptop") == []
    toy_book.replace(top, "lib/toy/deep.py", "x * width", "x * width * 2")
    assert build.stale_chapters(top, "laptop") == ["01-first"]


def test_the_longest_chapter_is_started_first(bare):
    assert build.stale_chapters(bare, "laptop") == ["01-first", "02-second"]
    toy_book.replace(bare, "book/02-second.md", "budget_core_minutes: 1", "budget_core_minutes: 2")
    assert build.stale_chapters(bare, "laptop") == ["02-second", "01-first"]


def test_one_worker_and_two_give_the_same_site(reference, bare):
    done = toy_book.run(bare, "--jobs", "1", "book")
    assert done.returncode == 0, done.stdout + done.stderr
    assert without_stamps(html(bare)) == without_stamps(html(reference))
    for stem in ("01-first", "02-second"):
        one, two = runs.read_record(bare / "_build", stem), runs.read_record(reference / "_build", stem)
        assert [one[key] for key in ("inputs", "claims", "numbers", "figures")] == [
            two[key] for key in ("inputs", "claims", "numbers", "figures")]


def test_a_cell_that_raises_leaves_the_site_and_is_named(top):
    before, kept = html(top), (top / "_build/executed/02-second.ipynb").read_bytes()
    toy_book.replace(top, "book/02-second.md", "import random\n", "import random\n\nraise KeyError('no such thing')\n")
    toy_book.replace(top, "book/01-first.md", "import random\n", "import random  # of Python\n")
    done = toy_book.run(top, "book")
    line = (top / "book/02-second.md").read_text().splitlines().index("raise KeyError('no such thing')") + 1
    fails(done, f"chapter 02-second failed in code cell 2 (02-second.md, line {line}): raise KeyError",
          "KeyError: 'no such thing'", "_build/failed/02-second.ipynb", "the last good output was left as it was")
    assert html(top) == before and (top / "_build/executed/02-second.ipynb").read_bytes() == kept
    assert "no such thing" in (top / "_build/failed/02-second.ipynb").read_text("utf-8")
    assert "01-first:" in done.stdout  # the other chapter went on
    shown = toy_book.run(top, module="status").stdout
    assert f"code cell 2, line {line}: KeyError" in shown and "02-second  failed" in shown
    toy_book.replace(top, "book/02-second.md", "\nraise KeyError('no such thing')\n", "")
    assert toy_book.run(top, "book").returncode == 0
    assert not list((top / "_build/failed").iterdir()) and html(top) != before


@pytest.mark.parametrize(("cell", "words"), [
    ("claims.number('x', float('nan'))", ["code cell 3", "expected a finite number"]),
    ("Path('figures/fig-1.svg').unlink()", ["expected the declared figures/fig-1.*, got none"]),
    ("Path('figures/a.csv').write_text(str(root()))", ["expected no path of this machine in figures/a.csv"]),
])
def test_a_run_that_does_not_pass_the_gate_is_not_published(bare, cell, words):
    toy_book.replace(bare, "book/01-first.md", "measured=offset)", f"measured=offset)\n{cell}")
    fails(toy_book.run(bare, "01", module="execute"), "chapter 01-first failed", *words)
    assert not (bare / "_build/executed").exists() and not list((bare / "_build/tmp").iterdir())
    assert runs.read_failure(bare / "_build", "01-first")["error"]


def test_a_cell_that_promises_a_figure_and_draws_none_is_refused(bare):
    toy_book.replace(bare, "book/01-first.md", "```{code-cell} ipython3\nPath(\"figures\")",
                     "```{code-cell} ipython3\n:mystnb: {figure: {name: fig-a}}\nPath(\"figures\")")
    fails(toy_book.run(bare, "01", module="execute"), "code cell 3", "expected an image for figure 'fig-a', got none")


def test_a_figure_with_a_second_output_is_refused(bare):
    """A forgotten ; say: each output of the cell would become a figure of one name."""
    cell = "```{code-cell} ipython3\n:mystnb: {figure: {name: fig-a}}\nfrom IPython.display import Image\n" \
           "show = lambda data: display(Image(data, format='png'))\nshow(b'png')\n"
    toy_book.replace(bare, "book/01-first.md", "The total is", f"{cell}'a value'\n```\n\nThe total is")
    fails(toy_book.run(bare, "01", module="execute"), "code cell 4", "expected the picture as the one output of figure "
          "'fig-a', got 2, among them", "try ; at the end of the last line")
    toy_book.replace(bare, "book/01-first.md", "'a value'\n```", "claims.number('toy1-more', 1)\n'a value';\n```")
    assert toy_book.run(bare, "01", module="execute").returncode == 0


@pytest.mark.parametrize(("kind", "data", "words"), [
    ("display_data", {"text/plain": "'more'"}, "got 2, among them \"'more'\""),
    ("execute_result", {"text/plain": "'a value'"}, "got 2, among them \"'a value'\""),
    ("display_data", {"image/png": "cG5n"}, "got 2, among them 'a picture'"),
    ("display_data", {"application/papermill.record/text/plain": "1"}, None)])
def test_every_kind_of_output_beside_a_picture_is_told_but_a_number(tmp_path, kind, data, words):
    toy_book.write(tmp_path, "book/01-first.md", "---\ncompanion: {budget_core_minutes: 1}\n---\n\n# One\n\n"
                   "```{code-cell} ipython3\n:mystnb: {figure: {name: fig-a}}\nx\n```\n")
    chapter = notebooks.read_chapter(tmp_path / "book/01-first.md")
    notebook = notebooks.as_notebook(chapter)
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
def test_wrong_parameters_by_hand_are_refused_before_a_kernel_starts(bare, params, words):
    fails(toy_book.run(bare, "chapter", "01", "--params", params), *words)
    assert not (bare / "_build/whatif").exists()


def test_unknown_profiles_and_chapters_are_refused(bare):
    fails(toy_book.run(bare, "--profile", "cluster", "book"), "got 'cluster'; try laptop, smoke")
    fails(toy_book.run(bare, "chapter", "07"), "got '07'; try one of 01-first, 02-second")
    fails(toy_book.run(bare, "--profile", "cluster", module="status"), "got 'cluster'; try laptop, smoke")


def test_a_whatif_page_shows_how_numbers_moved_and_leaves_the_book(top):
    before = {name: content for name, content in toy_book.contents(top).items() if name != "_build/.lock"}
    done = toy_book.run(top, "chapter", "1", "--params", "n_points=8 seed=3")
    assert done.returncode == 0, done.stdout + done.stderr
    page = top / done.stdout.strip().split("The what-if page: ")[1]
    assert page.is_relative_to(top / "_build/whatif") and page.name == "01-first.html"
    old, new = (runs.read_record(root, "01-first")["numbers"][0]["text"]
                for root in (top / "_build", page.parents[1]))
    assert old != new and re.search(rf"toy1-total +{old} +{new} +[+-]", done.stdout)
    text = re.sub("<[^>]+>", "", page.read_text("utf-8"))
    assert done.stdout.index("n_points: 4 -> 8, seed: 1 -> 3") < done.stdout.index("toy1-total")
    assert "1 check unchanged within rounding" in done.stdout and "claim toy1-offset" not in done.stdout
    assert text.index("Toy chapter 1#") < text.index("This is a what-if page") < text.index("import random")
    again = toy_book.run(top, "chapter", "1", "--params", "n_points=8 seed=3").stdout
    assert "01-first: kept" in again and again.split("kept")[1] == done.stdout.split(" GB")[1]
    assert "This is a what-if page" in text and "n_points = 8" in text and old in text and new in text
    after = toy_book.contents(top)
    assert {name: after.get(name) for name in before} == before
    assert all(name.startswith(("_build/whatif/", "_build/.lock", "_build/cache"))
               for name in set(after) - set(before) if "__pycache__" not in name)


def test_what_the_renderer_would_refuse_is_refused_before_a_whatif_page_is_made(bare):
    toy_book.replace(bare, "book/01-first.md", "# Toy chapter 1\n",
                     "# Toy chapter 1\n\n{numref}`fig-none`, [there](02-second),\n[nowhere](nowhere)\n")
    text = (bare / "book/01-first.md").read_text("utf-8")
    place = f"01-first.md, line {text[:text.index('{numref}')].count(chr(10)) + 1}: expected"
    done = toy_book.run(bare, "chapter", "1", "--params", "seed=3")
    fails(done, "no chapter was executed", place, "fig-none", "'nowhere'")
    assert "02-second" not in done.stderr and not (bare / "_build/whatif").exists()
    fails(toy_book.run(bare, "book"), "no chapter was executed", place)
    toy_book.replace(bare, "book/01-first.md", "{numref}`fig-none`, [there](02-second),\n[nowhere](nowhere)",
                     "[there](02-second), {glue:text}`no-such`")
    fails(toy_book.run(bare, "check"), f"{place} the name of a number of this chapter, got 'no-such'")


def test_a_sentence_stands_once_above_the_rows_of_its_numbers(tmp_path):
    path = tmp_path / "01-first.md"
    path.write_text("# A\n\nSome {glue:text}`a` of {glue:text}`b`, and {glue:text}`c`. One {glue:text}`d` more.\n")
    words = whatif.names(path, [{"id": "x", "statement": "It holds."}, {"id": "y", "statement": "It holds."}])
    rows = [(key, f"1{key}", f"2{key}") for key in ("b", "d", "a", "gone", "claim x", "claim y")]
    shown = whatif.in_words(rows, words)
    assert [what for what, *_ in shown] == ["Some ① of ②, and ….", "② (`b`)", "① (`a`)", "One ▢ more. (`d`)", "`gone`",
                                            "It holds.", "`x`", "`y`"]
    assert [cells for _, *cells in shown] == [["", ""], ["1b", "2b"], ["1a", "2a"], ["1d", "2d"], ["1gone", "2gone"],
                                              ["", ""], ["1claim x", "2claim x"], ["1claim y", "2claim y"]]


def test_a_whatif_page_without_a_run_to_compare_with_names_the_profile(bare):
    done = toy_book.run(bare, "--profile", "smoke", "chapter", "1", "--params", "seed=3")
    assert "the book has no run of this chapter at profile smoke to compare with" in done.stdout
    assert "seed: 1 -> 3" in done.stdout and "n_points" not in done.stdout


def test_changes_are_given_in_standard_errors_where_both_sides_have_one():
    then, now = {"value": 1.0, "uncertainty": 0.3}, {"value": 2.0, "uncertainty": 0.4}
    assert whatif._change(then, now, "value") == "+1 (+100 %, 2 standard errors)"
    assert whatif._change(then, now | {"uncertainty": None}, "value") == "+1 (+100 %)"
    assert whatif._change(then, now | {"value": -1.0}, "value") == "-2 (4 standard errors)"  # no share of another sign
    assert whatif.is_same(0.5, 0.5 + 1e-10) and not whatif.is_same(0.5, 0.5 + 1e-8)
    assert whatif.is_same(True, True) and not whatif.is_same(True, False) and not whatif.is_same(None, None)


@pytest.mark.parametrize(("value", "shown"), [
    (0.5, "`0.5`"), ("a `b`", "`` a `b` ``"), ("``x", "``` ``x ```"), ("two\nlines", "`two lines`")])
def test_values_stay_words_in_markdown(value, shown):
    assert whatif.code(value) == shown


def test_a_run_that_is_kept_is_not_told_as_a_new_one(top):
    toy_book.replace(top, "book/01-first.md", "import random\n", "import random\nraise KeyError\n")
    fails(toy_book.run(top, "book"), "KeyError")
    toy_book.replace(top, "book/01-first.md", "raise KeyError\n", "")
    done = toy_book.run(top, "book")
    assert done.returncode == 0 and "every chapter is up to date" in done.stdout and " GB" not in done.stdout
    assert not list((top / "_build/failed").iterdir())


def test_a_log_is_shown_only_where_no_step_has_said_what_is_wrong(top):
    toy_book.write(top, "data/offset.txt", "half\n")
    done = toy_book.run(top, "book")
    fails(done, "could not convert string to float", "(log: _build/logs/01-first.log, _build/logs/02-second.log)")
    assert done.stderr.strip().count("\n") == 0
    toy_book.replace(top, "lib/study/execute.py", "import argparse\n", "raise RuntimeError('no plan')\n")
    done = toy_book.run(top, "--jobs", "1", "book")
    assert done.returncode == 1 and done.stderr.count("RuntimeError: no plan") == 2


def test_one_chapter_is_rendered_alone_until_the_others_have_run(bare):
    done = toy_book.run(bare, "chapter", "2")
    assert done.returncode == 0 and "rendered alone" in done.stdout, done.stdout + done.stderr
    assert (bare / "_build/alone/02-second/html/02-second.html").exists() and not (bare / "_build/html").exists()
    assert not (bare / "_build/executed/01-first.json").exists()


def test_a_worse_verdict_stops_the_build_until_it_is_accepted(top):
    assert "toy1-offset: new -> reproduced" in toy_book.run(top, "accept").stdout
    times, record = json.loads((top / runs.TIMES).read_text()), runs.read_record(top / "_build", "01-first")
    assert set(times) == {"laptop"} and set(times["laptop"]) == {"01-first", "02-second"}
    assert len(times["laptop"]["01-first"]) == 4 and times["laptop"]["01-first"].items() <= record["provenance"].items()
    other = {"smoke": {"01-first": {"core_seconds": 1}}}  # measured by others
    toy_book.write(top, str(runs.TIMES), json.dumps({"laptop": {"09-gone": {}}} | other))
    runs.note_times(top)
    assert json.loads((top / runs.TIMES).read_text()) == times | other
    before = html(top)
    toy_book.write(top, "data/offset.txt", "0.9\n")
    done = toy_book.run(top, "book")
    fails(done, "claim toy1-offset: reproduced -> differs (here 0.9, on page 01-first)", "make accept")
    assert html(top) == before
    assert toy_book.run(top, "accept").stdout.splitlines()[0] == "toy1-offset: reproduced -> differs"
    assert toy_book.run(top, "book").returncode == 0 and html(top) != before


def test_a_changed_bound_renders_the_page_and_starts_no_kernel(top):
    assert toy_book.run(top, module="verify").returncode == 0
    toy_book.replace(top, "data/thesis/claims/01.yml", "expected: {equal: 0.5}", "expected: {equal: 0.9}")
    assert "claim toy1-offset: expected differs, got reproduced" in toy_book.run(top, module="verify").stderr
    done = toy_book.run(top, "book")
    assert done.returncode == 0 and "every chapter is up to date" in done.stdout, done.stdout + done.stderr
    assert b'class="claim claim-differs" id="claim-toy1-offset"' in html(top)["01-first.html"]
    assert toy_book.run(top, module="verify").returncode == 0


def test_a_warning_of_the_renderer_stops_the_build(top):
    before = html(top)
    toy_book.write(top, "book/index.md", "# Toy book\n\nSee {doc}`nowhere` and {glue:text}`no-such-number`.\n")
    fails(toy_book.run(top, "book"), "the site was left as it was", "index.md:3: WARNING", "nowhere",
          "no-such-number")
    assert html(top) == before


def test_a_second_build_in_the_tree_is_refused(top):
    with build.locked(top):
        fails(toy_book.run(top, "book"), f"expected no other build in this tree, got one (process {os.getpid()}, since")
    assert toy_book.run(top, "book").returncode == 0


def test_the_rest_of_a_dead_build_is_named(bare, monkeypatch):
    dead = subprocess.Popen(["true"])
    dead.wait()
    (bare / "_build/.lock").write_text(f"process {dead.pid}, since 12:00:00")
    hold = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, 2); print(1, flush=True); time.sleep(10**6)"
    monkeypatch.setattr(build, "DEAD_DRIVER_WAIT", 0.3)
    with subprocess.Popen([sys.executable, "-c", hold, str(bare / "_build/.lock")], stdout=subprocess.PIPE) as rest:
        rest.stdout.readline()
        words = rf"its driver \(process {dead.pid}, since 12:00:00\) is dead.*try again.*kill {rest.pid}$"
        with pytest.raises(build.BuildError, match=words), build.locked(bare):
            pass
        rest.kill()


def test_a_file_in_the_place_of_the_build_directory_is_named(bare):
    shutil.rmtree(bare / "_build")
    (bare / "_build").write_text("in the way")
    fails(toy_book.run(bare, "book"), "_build", "a file is where a directory should be")


@pytest.mark.parametrize(("number", "words"), [
    (30, "the file system is read-only"), (28, "the disk is full"), (13, "no permission to write")])
def test_errors_of_the_place_are_told_in_words(bare, monkeypatch, capsys, number, words):
    def refuse(*arguments, **settings):
        raise OSError(number, os.strerror(number), "somewhere")

    monkeypatch.setattr(build, "prepare", refuse)
    assert build.main(["--root", str(bare), "book"]) == 1
    assert f"somewhere: {os.strerror(number)}: {words}" in capsys.readouterr().err


@pytest.fixture
def small_disk(tmp_path):
    """A file system of our own; skipped where the user may not mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", str(place)], capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("mounting a small file system needs root; the same errors are injected in another test")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_read_only_tree_is_named_and_keeps_its_site(small_disk, reference):
    top = shutil.copytree(reference, small_disk / "book")
    before = toy_book.contents(top)
    toy_book.replace(top, "data/offset.txt", "0.5", "0.6")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    fails(toy_book.run(top, "book"), "_build", "the file system is read-only; try a copy of the tree")
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    changed = {name for name, content in toy_book.contents(top).items() if before.get(name) != content}
    assert changed == {"data/offset.txt"}


def test_a_full_disk_is_named_and_keeps_the_site(small_disk, reference):
    top = shutil.copytree(reference, small_disk / "book")
    before = html(top)
    toy_book.replace(top, "book/01-first.md", "import random\n",
                     "import random\nopen('big', 'wb').write(bytes(10**9))\n")
    fails(toy_book.run(top, "book"), "chapter 01-first failed in code cell 2", "No space left on device")
    assert html(top) == before
    (small_disk / "filler").write_bytes(bytes(80 * 2**20))
    fails(toy_book.run(top, "book"), "_build", "MiB left", "the disk is full; try to free some space")
    assert html(top) == before


def processes_of(top):
    """Processes that were started for a build of this tree."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(word.startswith(str(top)) for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_build_killed_at_random_moments_ends_in_the_same_site(reference, bare, drawn):
    """Some of a hundred times: start a build and kill all of it at a random moment, after a change or where the last
    one got; then let one finish."""
    for attempt, number in enumerate(drawn(range(100), 6)):
        if attempt % 4 == 0:
            toy_book.write(bare, "data/offset.txt", f"0.5{attempt:02d}\n")
        process = subprocess.Popen(toy_book.command(bare, "book"), cwd=bare, env=toy_book.environment(bare),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=random.Random(number).uniform(0.3, 7.0))
        except subprocess.TimeoutExpired:
            tree = psutil.Process(process.pid)
            for each in [tree, *tree.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            process.wait()
        if (bare / "_build/html").exists():  # whatever is there is a whole site
            assert set(html(bare)) == set(html(reference))
    toy_book.write(bare, "data/offset.txt", "0.5\n")
    done = toy_book.run(bare, "book")
    assert done.returncode == 0, done.stdout + done.stderr
    assert without_stamps(html(bare)) == without_stamps(html(reference))
    assert not list((bare / "_build/tmp").iterdir()) and not list((bare / "_build").rglob(".*.old"))
    patience.wait_for(lambda: processes_of(bare) == [])  # kernels notice within a second or two


@pytest.mark.parametrize("arguments", [["book"], ["chapter", "1", "--params", "seed=3"]])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_stopped_build_stops_all_that_it_started(bare, arguments, number, status):
    """Only the driver gets the signal, as from the system when memory is short."""
    toy_book.replace(bare, "lib/toy/first.py", '"""Toy module."""\n', "import time\n\ntime.sleep(10**6)\n")
    process = subprocess.Popen(toy_book.command(bare, *arguments), cwd=bare, env=toy_book.environment(bare),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patience.wait_for(lambda: any("lib.study.kernel" in " ".join(found.cmdline()) for found in processes_of(bare)))
    process.send_signal(number)
    assert process.wait(timeout=patience.LIMIT) == status
    patience.wait_for(lambda: processes_of(bare) == [])
    with build.locked(bare):
        assert not list((bare / "_build").glob("whatif/*"))


def test_a_terminal_shows_where_a_build_is_and_what_to_expect(bare):
    """In a terminal the state stays at the bottom; elsewhere it is a line now and then."""
    toy_book.replace(bare, "book/01-first.md", "import random\n", "import random\nimport time\n\ntime.sleep(3)\n")
    toy_book.replace(bare, "lib/study/execute.py", "LIVE_SECONDS = 15.0, 1.0", "LIVE_SECONDS = 0.5, 0.5")
    said = toy_book.run(bare, "book").stdout
    assert re.search(r"^    01-first: cell 2 of 3, \d s$", said, re.M) and "\r" not in said, said
    toy_book.replace(bare, "book/01-first.md", "time.sleep(3)\n", "time.sleep(3.0)\n")
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(toy_book.command(bare, "book"), cwd=bare, env=toy_book.environment(bare) | {
        "TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # the end, on Linux
        while part := os.read(ours, 2**16):
            said += part
    assert process.wait() == 0, said
    text = said.decode()
    assert re.search(r"\r    01-first: cell 2 of 3, \d s of about 3 s", text), text
    shown = [line.rpartition("\r")[2].strip() for line in text.split("\r\n")]  # what stays in the terminal
    assert any(re.fullmatch(r"01-first: \d s, [\d.]+ GB", line) for line in shown), shown
    assert not any("of about" in line for line in shown), shown
