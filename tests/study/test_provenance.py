"""What a chapter depends on: digests change with content and with nothing else."""

import subprocess

import pytest

from lib import atomic
from lib.study import provenance
from lib.study.notebooks import chapter_files, read_chapter
from tests import toy_book


@pytest.fixture
def top(tmp_path):
    return toy_book.make(tmp_path)


def inputs(top, stem="01-first", profile="laptop", changes=None):
    return provenance.chapter_inputs(top, top / "book" / f"{stem}.md", profile, changes)


def reasons(top, then, **settings):
    return provenance.differences(then, inputs(top, **settings))


def test_imports_are_followed_with_the_packages_on_the_way(top):
    assert list(inputs(top).modules) == [
        "lib", "lib.atomic", "lib.study", "lib.study.claim_files", "lib.study.claim_text", "lib.study.claims",
        "lib.study.measures", "lib.study.notebooks", "lib.study.session", "lib.study.stored", "lib.study.verdicts",
        "lib.study.yaml_lines", "lib.toy", "lib.toy.deep", "lib.toy.first"]
    assert "lib.toy.deep" not in inputs(top, "02-second").modules


def test_an_edited_module_makes_its_dependants_stale_and_no_other(top):
    first, second = inputs(top), inputs(top, "02-second")
    toy_book.replace(top, "lib/toy/deep.py", "x * width", "x * width * 2")
    assert reasons(top, first) == ["module lib.toy.deep changed"]
    assert reasons(top, second, stem="02-second") == []


def test_docstrings_comments_and_layout_change_nothing(top):
    then = inputs(top)
    toy_book.replace(top, "lib/toy/deep.py", "Scale a number.", "Say it\n    in other words.")
    toy_book.replace(top, "lib/toy/deep.py", "# a comment", "\n\n\n# another")
    toy_book.replace(top, "lib/toy/first.py", '"""Toy module."""', '"""A module."""')
    assert reasons(top, then) == []


def test_strings_that_are_not_docstrings_count(top):
    toy_book.write(top, "lib/toy/deep.py", 'def scale(x, width):\n    name = "a"\n    return x\n')
    then = inputs(top)
    toy_book.replace(top, "lib/toy/deep.py", '"a"', '"b"')
    assert reasons(top, then) == ["module lib.toy.deep changed"]


def test_data_parameters_text_and_pins_count_by_content(top):
    then, smoke = inputs(top), inputs(top, profile="smoke")
    (top / "data/offset.txt").touch()
    (top / "book/01-first.md").touch()
    assert reasons(top, then) == []
    toy_book.write(top, "data/offset.txt", "0.6\n")
    assert reasons(top, then) == ["data data/offset.txt changed"]
    (top / "data/offset.txt").unlink()
    assert reasons(top, then) == ["data data/offset.txt is missing"]
    toy_book.write(top, "data/offset.txt", "0.5\n")
    toy_book.replace(top, "book/parameters/smoke.yml", "n_points: 2", "n_points: 3")
    assert reasons(top, smoke, profile="smoke") == ["parameter n_points: 2 -> 3"]
    assert reasons(top, then) == []
    toy_book.replace(top, "constraints.txt", "scipy==", "scipy==9.")
    assert reasons(top, then) == ["the pinned packages or the Python version changed"]


def test_a_new_default_is_both_code_and_parameter(top):
    then = inputs(top)
    toy_book.replace(top, "book/01-first.md", "n_points: int = 4 ", "n_points: int = 5 ")
    assert reasons(top, then) == ["code cell 1 changed", "parameter n_points: 4 -> 5"]


@pytest.mark.parametrize(("old", "new", "said"), [
    ("The total is", "The sum is", []),
    ("# Toy chapter 1", "# Toy chapter one", []),
    ("budget_core_minutes: 1", "budget_core_minutes: 2", []),
    (":tags: [parameters]", ":tags: [parameters, hide-cell]", []),
    (":tags: [parameters]", ":tags: [parameters]\n:mystnb: {code_prompt_show: the cell}", []),
    ("time_limit_minutes: 30", "time_limit_minutes: 2", ["its front matter changed"]),
    ("figures: [fig-1]", "figures: []", ["its front matter changed"]),
    (":tags: [parameters]", ":tags: [parameters, sweep]", ["code cell 1 changed"]),
    ("import random\n", "import random  # of Python\n", ["code cell 2 changed"]),
    ("```{code-cell} ipython3\nimport random\n", "```{code-cell} ipython3\nimport random\n```\n\n"
     "```{code-cell} ipython3\n", ["its code cells changed (3 -> 4)"]),
])
def test_code_makes_a_chapter_stale_and_prose_does_not(top, old, new, said):
    then = inputs(top)
    toy_book.replace(top, "book/01-first.md", old, new)
    assert reasons(top, then) == said


def test_cells_that_change_places_count(top):
    then = inputs(top)
    text = (top / "book/01-first.md").read_text()
    head, one, two, three = text.split("```{code-cell} ipython3\n")
    three, end = three.split("```\n")
    toy_book.write(top, "book/01-first.md", "```{code-cell} ipython3\n".join([head, one, three + "```\n", two + end]))
    assert reasons(top, then) == ["code cells 2, 3 changed"]


def test_parameters_set_by_hand_come_on_top_of_the_profile(top):
    found = inputs(top, profile="smoke", changes={"seed": 3}).parameters
    assert (found["n_points"], found["seed"], found["width"]) == (2, 3, 1.0)
    with pytest.raises(ValueError, match="PARAMS: expected seed in"):
        inputs(top, changes={"seed": -1})


def test_code_that_cannot_be_parsed_is_named_with_its_line(top):
    toy_book.replace(top, "book/01-first.md", "import random\n", "%matplotlib inline\nimport random\n")
    inputs(top)
    toy_book.replace(top, "book/01-first.md", "import random\n", "import random random\n")
    line = (top / "book/01-first.md").read_text().splitlines().index("import random random") + 1
    with pytest.raises(ValueError, match=f"01-first.md, line {line}: expected Python"):
        inputs(top)
    toy_book.replace(top, "book/01-first.md", "import random random\n", "import random\n")
    toy_book.write(top, "lib/toy/deep.py", "def scale(:\n")
    with pytest.raises(ValueError, match="lib/toy/deep.py, line 1: expected Python"):
        inputs(top)


def test_a_text_has_a_commit_of_its_own(top):
    page = top / "book/01-first.md"
    assert provenance.commit_of(top, page) == {"commit": None, "dirty": None}
    toy_book.commit(top)
    first, _ = provenance.commit(top)
    assert provenance.commit_of(top, page) == {"commit": first, "dirty": False}
    toy_book.replace(top, "book/02-second.md", "The total is", "The sum is")
    toy_book.commit(top)
    assert provenance.commit_of(top, page) == {"commit": first, "dirty": False}
    assert provenance.commit_of(top, top / "book/02-second.md")["commit"] == provenance.commit(top)[0] != first
    toy_book.replace(top, "book/01-first.md", "The total is", "The sum is")
    assert provenance.commit_of(top, page) == {"commit": first, "dirty": True}


def test_the_commit_and_whether_the_tree_is_dirty(tmp_path):
    assert provenance.commit(tmp_path / "nowhere") == (None, None)

    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e@x", *arguments], cwd=tmp_path, check=True,
                       capture_output=True)

    git("init")
    assert provenance.commit(tmp_path) == (None, None)
    toy_book.write(tmp_path, "a.txt", "a")
    git("add", "a.txt")
    git("commit", "-m", "first")
    name, dirty = provenance.commit(tmp_path)
    assert len(name) == 40 and dirty is False
    toy_book.write(tmp_path, "a.txt", "b")
    assert provenance.commit(tmp_path) == (name, True)


def test_a_run_says_where_it_came_from(top):
    chapter = read_chapter(top / "book/01-first.md")
    found = provenance.origin(top, chapter, "laptop", {"seed": 7}, threads=1, seconds=1.234, core_seconds=1.0,
                                      peak_memory_bytes=5, date="2025-01-31T12:00:00+00:00",
                                      versions=provenance.versions(top))
    assert (found.seed, found.device, found.seconds, found.budget_core_minutes) == (7, "cpu", 1.23, 1)
    assert set(found.versions) == {
        "python", "numpy", "scipy", "scikit-learn", "numba", "torch", "torchvision", "pillow"}
    assert found.processor


def test_the_machinery_that_chapters_import_does_not_load_torch_or_jupyter():
    code = ("import sys, lib.pipeline.status, lib.study.claims, lib.pipeline.build;"
            "print([name for name in ('torch', 'numpy', 'sphinx', 'nbformat', 'papermill', 'jupytext')"
            " if name in sys.modules])")
    top = toy_book.ROOT
    done = subprocess.run([toy_book.command(top)[0], "-c", code], cwd=top, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_files_are_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    assert atomic.write_json_if_changed(path, {"a": 1}) and not atomic.write_json_if_changed(path, {"a": 1})
    with pytest.raises(ValueError):
        atomic.write_json(path, {"a": float("nan")})

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic.write_json(path, {"a": 2})
    assert atomic.read_json(path) == {"a": 1} and [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_swap_that_died_between_its_two_renames_is_undone(tmp_path, monkeypatch):
    target, new = tmp_path / "html", tmp_path / "new"
    toy_book.write(tmp_path, "html/index.html", "old")
    toy_book.write(tmp_path, "new/index.html", "new")
    import os
    rename, calls = os.rename, []

    def die_at_the_second(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        rename(*arguments)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("os.rename", die_at_the_second)
        atomic.swap_directory(new, target)
    assert not target.exists()
    atomic.recover_directory(target)
    assert (target / "index.html").read_text() == "old"
    atomic.swap_directory(new, target)
    atomic.recover_directory(target)
    assert (target / "index.html").read_text() == "new" and [file.name for file in tmp_path.iterdir()] == ["html"]


def test_every_chapter_of_the_book_has_its_inputs_in_place():
    for path in chapter_files(toy_book.ROOT):
        found = provenance.chapter_inputs(toy_book.ROOT, path, "laptop")
        absent = [name for name, digest in found.data.items() if digest is None]
        assert [name for name in absent if not name.startswith("data/records/")] == []  # which are made later
        assert "lib.study.claims" in found.modules
