"""A chapter with other parameters: how its numbers moved, beside the book, which stays as it is."""

import re

import pytest

from lib.pipeline import whatif
from lib.study import runs
from tests import toy_book
from tests.claim_parts import entries, line
from tests.toy_site import fails


def test_a_whatif_page_shows_how_numbers_moved_and_leaves_the_book(top):
    before = {name: content for name, content in toy_book.contents(top).items() if name != "_build/.lock"}
    done = toy_book.run(top, "chapter", "1", "--params", "n_points=8 seed=3")
    assert done.returncode == 0, done.stdout + done.stderr
    page = top / done.stdout.strip().split("The what-if page: ")[1]
    assert page.is_relative_to(top / "_build/whatif") and page.name == "01-first.html"
    old, new = (runs.read_run(root, "01-first").numbers[0].text
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
    assert done.stdout.startswith("looking at the sources ...\n  01-first: read as the renderer does")
    fails(toy_book.run(bare, "book"), "no chapter was executed", place)
    toy_book.replace(bare, "book/01-first.md", "{numref}`fig-none`, [there](02-second),\n[nowhere](nowhere)",
                     "[there](02-second), {glue:text}`no-such`")
    fails(toy_book.run(bare, "check"), f"{place} the name of a number of this chapter, got 'no-such'")


def test_a_sentence_stands_once_above_the_rows_of_its_numbers(tmp_path):
    path = tmp_path / "01-first.md"
    path.write_text("# A\n\nSome {glue:text}`a` of {glue:text}`b`, and {glue:text}`c`. One {glue:text}`d` more.\n")
    words = whatif.names(path, entries(*(line(name, statement="It holds.") for name in "xy")))
    rows = [(key, f"1{key}", f"2{key}") for key in ("b", "d", "a", "gone", "claim x", "claim y")]
    shown = whatif.in_words(rows, words)
    assert [what for what, *_ in shown] == ["Some ① of ②, and ….", "② (`b`)", "① (`a`)", "One ▢ more. (`d`)", "`gone`",
                                            "It holds.", "`x`", "`y`"]
    assert [cells for _, *cells in shown] == [["", ""], ["1b", "2b"], ["1a", "2a"], ["1d", "2d"], ["1gone", "2gone"],
                                              ["", ""], ["1claim x", "2claim x"], ["1claim y", "2claim y"]]


def test_a_whatif_page_without_a_run_to_compare_with_says_so_before_it_is_executed(bare):
    done = toy_book.run(bare, "--profile", "smoke", "chapter", "1", "--params", "seed=3")
    missing = ("the book has no run of 01-first at profile smoke to compare with; for a comparison, try make chapter "
               "CH=01 PROFILE=smoke first\n")
    assert done.stdout.count(missing) == 1, done.stdout
    assert done.stdout.index(missing) < done.stdout.index("  01-first, seed=3 ...")
    assert missing.strip() in (bare / done.stdout.strip().split("The what-if page: ")[1]).read_text("utf-8")
    assert "seed: 1 -> 3" in done.stdout and "n_points" not in done.stdout


def test_changes_are_given_in_standard_errors_where_both_sides_have_one():
    then, now = ({"value": value, "error": error, "text": "", "verdict": verdict}
                 for value, error, verdict in ((1.0, 0.3, "reproduced"), (2.0, 0.4, "differs")))

    def changed(**other):
        (row,), _ = whatif.compare({"claim a": then}, {"claim a": now | {"verdict": "reproduced"} | other})
        return row[3]

    assert changed() == "+1 (+100 %, 2 standard errors)" and changed(error=None) == "+1 (+100 %)"
    assert changed(value=-1.0) == "-2 (4 standard errors)"  # no share of another sign
    assert changed(value=1.0, verdict="differs") == "none; now: differs"
    assert whatif.compare({"a": then}, {"a": then}) == ([], 1)
    assert [row[3] for row in whatif.compare({"a": then}, {"b": now})[0]] == ["", ""]
    assert whatif.is_same(0.5, 0.5 + 1e-10) and not whatif.is_same(0.5, 0.5 + 1e-8)
    assert whatif.is_same(True, True) and not whatif.is_same(True, False) and not whatif.is_same(None, None)


@pytest.mark.parametrize(("value", "shown"), [
    (0.5, "`0.5`"), ("a `b`", "`` a `b` ``"), ("``x", "``` ``x ```"), ("two\nlines", "`two lines`")])
def test_values_stay_words_in_markdown(value, shown):
    assert whatif.code(value) == shown


def test_one_chapter_is_rendered_alone_until_the_others_have_run(bare):
    done = toy_book.run(bare, "chapter", "2")
    assert done.returncode == 0 and "rendered alone" in done.stdout, done.stdout + done.stderr
    assert (bare / "_build/alone/02-second/html/02-second.html").exists() and not (bare / "_build/html").exists()
    assert not (bare / "_build/executed/01-first.json").exists()
