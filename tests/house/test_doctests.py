"""The examples of docstrings run and show what comes out."""

import doctest
import importlib

import pytest

from tests.tree import ROOT

MODULES = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                 for path in (ROOT / "lib").rglob("*.py") if ">>>" in path.read_text("utf-8"))


@pytest.mark.some(3)
@pytest.mark.parametrize("name", MODULES or ["none was found"])
def test_the_examples_of_a_module_show_what_comes_out(name, tmp_path, monkeypatch):
    (tmp_path / "data").symlink_to(ROOT / "data")  # examples read measurements, and write beside them
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    found = doctest.DocTestFinder(exclude_empty=True).find(module)
    examples = [example for test in found for example in test.examples]
    assert examples and not any(example.options.get(doctest.SKIP) for example in examples)
    assert any(example.want for example in examples), "no example shows a result"
    outcome = doctest.testmod(module)
    assert (outcome.attempted, outcome.failed) == (len(examples), 0)
