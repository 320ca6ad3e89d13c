"""Settings and contents of the book: a typo, a page that is missing or left out, are named with their line."""

import pytest

from lib.pipeline import book_files
from tests import toy_book

CONFIG = """title: Toy
author: Nobody
execute:
  execute_notebooks: "off"
html:
  use_issues_button: false
sphinx:
  local_extensions:
    companion: _ext
  config:
    anything_at_all: 1
"""
CONTENTS = "format: jb-book\nroot: index\nchapters:\n- file: 01-first\n- file: 02-second\n"


@pytest.fixture
def top(tmp_path):
    """The text of a book, without the machinery."""
    for name in ("book/index.md", "book/01-first.md", "book/02-second.md"):
        toy_book.write(tmp_path, name, toy_book.FILES[name])
    toy_book.write(tmp_path, "_config.yml", CONFIG)
    toy_book.write(tmp_path, "_toc.yml", CONTENTS)
    return tmp_path


@pytest.mark.parametrize(("old", "new", "words"), [
    ("title: Toy", "titel: Toy", "line 1: expected a setting of Jupyter Book, got 'titel'; try title"),
    ("title: Toy", "title: [Toy]", "line 1: expected a value of the type string for title, got ['Toy']"),
    ("title: Toy", "title: Toy\ntitle: Book", "line 2: expected 'title' once, got it again"),
    ("title: Toy", "title: 'Toy", "expected YAML, got"),
    ("title: Toy", "\ttitle: Toy", "line 1: expected YAML, got"),
    ("title: Toy", "%title", "expected YAML, got"),
    ("author: Nobody", "autor: Nobody", "line 2: expected a setting of Jupyter Book, got 'autor'; try author"),
    ("execute:", "exceute:", "line 3: expected a setting of Jupyter Book, got 'exceute'; try execute"),
    ('execute_notebooks: "off"', 'execute_notebook: "off"', "line 4: expected a setting of Jupyter Book below execute, "
     "got 'execute_notebook'; try execute_notebooks"),
    ('"off"', "never", "line 4: expected one of auto, cache, force, inline, off, False for execute/execute_notebooks, "
     "got 'never'"),
    ("html:", "htlm:", "line 5: expected a setting of Jupyter Book, got 'htlm'; try html"),
    ("use_issues_button: false", "use_issue_button: false", "line 6: expected a setting of Jupyter Book below html, "
     "got 'use_issue_button'; try use_issues_button"),
    ("use_issues_button: false", 'use_issues_button: "no"', "line 6: expected a value of the type boolean for "
     "html/use_issues_button, got 'no'"),
    ("html:\n  use_issues_button: false", "html: yes",
     "line 5: expected a value of the type object for html, got True"),
    ("local_extensions:", "local_extension:", "line 8: expected a setting of Jupyter Book below sphinx, got "
     "'local_extension'; try local_extensions"),
    ("  config:", "  settings:",
     "line 10: expected a setting of Jupyter Book below sphinx, got 'settings'; try one of"),
    (CONFIG, "- title\n", "line 1: expected 'key: value' lines, got list"),
    (CONFIG, "", "line 1: expected 'key: value' lines, got NoneType"),
])
def test_a_wrong_setting_is_named(top, old, new, words):
    toy_book.replace(top, "_config.yml", old, new)
    lines = book_files.problems(top)
    assert any(line.startswith("_config.yml") and words in line for line in lines), lines


@pytest.mark.parametrize(("old", "new", "words"), [
    ("- file: 02-second\n", "",
     "_toc.yml, line 1: expected every page of book/, got no entry for 02-second; try '- file"),
    ("02-second", "02-secnod", "_toc.yml, line 5: expected the name of a page of book/, got '02-secnod', which is "
     "missing; try 02-second"),
    ("root: index", "root: indeks", "_toc.yml, line 2: expected the name of a page of book/, got 'indeks', which is "
     "missing; try index"),
    ("02-second\n", "02-second\n- file: notation\n", "_toc.yml, line 6: expected the name of a page of book/, got "
     "'notation', which is missing"),
    ("02-second\n", "02-second\n- file: 01-first\n", "_toc.yml, line 6: expected every page once, got 01-first again, "
     "after line 4"),
    ("02-second\n", "02-second\n  file: 01-first\n", "_toc.yml, line 6: expected 'file' once, got it again"),
    ("chapters:", "chaptres:", "_toc.yml: expected parts with chapters, got"),
    ("- file: 02-second", "- fiel: 02-second",
     "_toc.yml, line 1: expected every page of book/, got no entry for 02-second"),
    ("format: jb-book", "format: jb-bok", "_toc.yml: expected parts with chapters, got"),
    ("root: index\n", "", "_toc.yml, line 1: expected the first page of the book, got none; try root: index"),
    ("chapters:", "chapters: [", "_toc.yml, line"),
    ("chapters:\n", "chapters:\n\t", "_toc.yml, line"),
    (CONTENTS, "", "_toc.yml, line 1: expected the first page of the book, got none; try root: index"),
])
def test_wrong_contents_are_named(top, old, new, words):
    toy_book.replace(top, "_toc.yml", old, new)
    lines = book_files.problems(top)
    assert any(words in line for line in lines), lines


def test_a_page_that_the_contents_leave_out_is_named(top):
    toy_book.write(top, "book/notation.md", "# Notation\n")
    assert book_files.problems(top) == ["_toc.yml, line 1: expected every page of book/, got no entry for notation; "
                                        "try '- file: notation' below a part"]


@pytest.mark.parametrize("name", ["_config.yml", "_toc.yml"])
def test_a_missing_file_is_named(top, name):
    (top / name).unlink()
    (line,) = book_files.problems(top)
    assert line.startswith(f"expected {name} beside book/, got none")


def test_the_files_of_the_book_are_in_order(top):
    assert book_files.problems(top) == [] and book_files.problems(toy_book.ROOT) == []


def test_pages_in_folders_are_pages(top):
    for name in ("more/one", "_drafts/two", ".hidden/three"):
        toy_book.write(top, f"book/{name}.md", "# One\n")
    assert [line.partition("for ")[2] for line in book_files.problems(top)] == [
        "more/one; try '- file: more/one' below a part"]
    toy_book.replace(top, "_toc.yml", "02-second\n", "02-second\n- file: more/one\n")
    assert book_files.problems(top) == []
