"""Names of numbers that pages show and no chapter gives are named before anything runs, and in a tree without runs."""

import pytest

from lib import atomic
from lib.pipeline import number_names
from tests import toy_book

CODE = '```{code-cell} ipython3\nfor kind in ("relu", "erf"):\n    claims.number(f"toy-{kind}-last", 1)\n' \
       'claims.number("toy-sum", 2)\nclaims.number(\n    "toy-mean", 3\n)\nname = "toy-named"\n%time pass\n' \
       'for n in (5, 10):\n    claims.number("toy-" + name[3:] + f"-at-{n}", 1)\n' \
       'claims.number("toy-%s-low" % n, 1); notes("toy", {"kept": ("d", 1)} | {f"{n}-end": ("d", 1) for n in (1,)})\n' \
       'claims.number("toy-{}-high".format(n), 1)\n```\n'


@pytest.fixture
def unknown(tmp_path):
    """Unknown numbers of a chapter, or of a page beside it, that ends with a text."""
    def check(text, page="01-first"):
        toy_book.write(tmp_path, "book/01-first.md", f"---\nx: 1\n---\n{CODE}\n{text}\n")
        toy_book.write(tmp_path, f"book/{page}.md", f"---\nx: 1\n---\n{CODE}\n{text}\n")
        return number_names.unknown(tmp_path)
    return check


@pytest.mark.parametrize("key", ["toy-sum", "toy-mean", "toy-named", "toy-relu-last", "toy-erf-last:.2f", "toy-sum:s",
                                 "toy-named-at-5", "toy-5-low", "toy-10-high", "toy-kept", "toy-1-end"])
@pytest.mark.parametrize("form", ["{{glue:text}}`{}`", "Words {{glue:text}}`{}` words.", "{{glue:text}}``{}``",
                                  "{{glue:text}}`01-first.ipynb::{}`"])
def test_numbers_that_the_code_names_are_known(unknown, key, form):
    assert unknown(form.format(key)) == [] and unknown(form.format(f"01-first::{key}"), "errata") == []


@pytest.mark.parametrize(("key", "remedy"), [
    ("toy-som", "try toy-sum"), ("toy-mean-", "try toy-mean"), ("relu-last", "try claims.number('relu-last', ...)"),
    ("toy-relu-first", "try "), ("other", "try claims.number('other', ...) in its code"), ("Toy-sum", "try toy-sum")])
@pytest.mark.parametrize("form", ["{{glue:text}}`{}`", "{{glue:text}}`{}:.2f`", "{{glue:}}`{}`"])
def test_numbers_that_no_code_names_are_named(unknown, key, remedy, form):
    (line,) = unknown("So " + form.format(key))
    assert line.startswith(f"01-first.md, line 19: expected the name of a number of this chapter, got {key!r}")
    assert remedy in line
    line = unknown("So " + form.format(f"01-first.ipynb::{key}"), "errata")[-1]
    assert line.startswith(f"errata.md, line 19: expected the name of a number of 01-first, got {key!r}")


def test_a_number_that_code_puts_together_has_to_be_one_that_a_run_of_the_same_code_gave(top):
    toy_book.replace(top, "book/01-first.md", 'claims.number("toy1-total", sum(points), fmt=".4f")',
                     'for name in ("total", "half"):\n    claims.number(f"toy1-{name}", sum(points))\n'
                     'claims.number("toy1-" + "none", None)')
    text = "# Toy\n\n{glue:text}`01-first::toy1-totl`, {glue:text}`01-first::toy1-none`\n"
    toy_book.write(top, "book/index.md", text)
    assert number_names.unknown(top) == []  # nothing was run with this code
    toy_book.write(top, "book/index.md", "# Toy\n")
    assert toy_book.run(top, "--profile", "smoke", "chapter", "1").returncode == 0
    toy_book.write(top, "book/index.md", text)
    (line,) = number_names.unknown(top)
    assert line == "index.md, line 3: expected the name of a number of 01-first, got 'toy1-totl'; try toy1-total"


@pytest.fixture
def assembled(bare):
    """A book without runs, whose first chapter puts the names of its numbers together, and the file of names."""
    toy_book.replace(bare, "book/01-first.md", 'claims.number("toy1-total", sum(points), fmt=".4f")',
                     'for name in ("total", "half"):\n    claims.number(f"toy1-{name}", sum(points))')
    atomic.write_json(bare / number_names.FILE, {"01-first": ["toy1-half", "toy1-total"], "02-second": ["toy2-total"]})
    return bare


def test_a_tree_without_runs_knows_the_names_that_code_puts_together(assembled):
    assert number_names.problems(assembled) == []
    text = "# Toy\n\n{glue:text}`01-first::toy1-half`, {glue:text}`01-first.ipynb::toy1-halfs:s`\n"
    toy_book.write(assembled, "book/index.md", text)
    said = ("index.md, line 3: expected the name of a number of 01-first, got 'toy1-halfs'; try toy1-half, or, where "
            "that is new, make chapter CH=01")
    assert number_names.problems(assembled) == [said]
    done = toy_book.run(assembled, "check")
    assert done.returncode == 1 and said in done.stderr
    # New code may give it: a build does not refuse it, and neither does a check where the file does not know the page.
    assert number_names.unknown(assembled) == []
    atomic.write_json(assembled / number_names.FILE, {"02-second": ["toy2-total"]})
    assert number_names.problems(assembled) == []


def test_a_file_of_names_that_is_damaged_is_named(assembled):
    toy_book.write(assembled, str(number_names.FILE), '{"01-first": "toy1-half"}')
    with pytest.raises(ValueError, match="numbers.json.*01-first"):
        number_names.problems(assembled)


def test_names_are_accepted_from_the_runs_and_a_build_says_where_they_are_behind(top):
    assert number_names.behind(top) == []  # there is no such file
    changes = number_names.accept(top)
    assert changes == [f"data/numbers.json: {stem}: 1 names new, 0 gone" for stem in ("01-first", "02-second")]
    names = {"01-first": ["toy1-total"], "02-second": ["toy2-total"]}
    assert number_names.read(top) == names and number_names.problems(top) == number_names.accept(top) == []
    atomic.write_json(top / number_names.FILE, names | {"02-second": ["toy2-sum", "toy2-total", "toy2-width"]})
    line = ("data/numbers.json: expected the numbers of 02-second as its run gave them, got 2 others, and 0 are "
            "missing (toy2-sum, toy2-width); try make accept")
    assert number_names.problems(top) == [line]
    assert f"\n  {line}\n" in toy_book.run(top, "book").stdout
    assert toy_book.run(top, "accept").stdout.endswith("\ndata/numbers.json: 02-second: 0 names new, 2 gone\n")
    assert number_names.read(top) == names
