"""The page "Where it was tried": its rows name tests that exist."""

import ast
import re

import companion_tried
import pytest

from tests.tree import ROOT

SCRIPTS = ("tests/load.py",)  # that take minutes, and are run by hand
FILES = sorted((ROOT / "book" / "tried").glob("*.yml"))


def test_there_are_tables():
    assert FILES and all(companion_tried.rows_of(path) for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_row_names_a_test_or_a_script_that_exists(path):
    for row in companion_tried.rows_of(path):
        if row["test"] in SCRIPTS:
            assert f"`python -m {row['test'].removesuffix('.py').replace('/', '.')}`" in row["tried"]
            assert "__main__" in (ROOT / row["test"]).read_text("utf-8")
            continue
        name = re.fullmatch(r"(tests/(?:\w+/)*test_\w+\.py)::(test_\w+)", row["test"])
        assert name, row["test"]
        tree = ast.parse((ROOT / name[1]).read_text("utf-8"))
        assert name[2] in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)], row["test"]
        assert all(row[key].strip() for key in companion_tried.FIELDS)


@pytest.mark.parametrize("text", ["- a", "- {kind: a, tried: b, happens: c}", "a: b",
                                  "- {kind: a, tried: 1, happens: c, test: d}",
                                  "- {kind: a, tried: b, happens: c, test: d, more: e}"])
def test_a_row_that_lacks_something_is_refused(tmp_path, text):
    (tmp_path / "x.yml").write_text(text)
    with pytest.raises(ValueError, match="tried/x.yml, row 1: expected the texts kind, tried, happens, test"):
        companion_tried.rows_of(tmp_path / "x.yml")
