"""The directive ``code-behind``: a function with the private ones that it calls, folded, and its link to the API."""

import re

import companion_api
import companion_code as code
import companion_search
import pytest

from lib.pipeline import api
from tests.toy_book import ROOT, write

PAIRS = '''"""Pairs."""


def _one(x):
    return _other(x)


def unused(x):
    return _alone(x)


@cached
def drawn(x):
    """Draws <x>."""
    return [_one(y) for y in x]


def _other(x):
    return _one(x)


def _alone(x):
    return x
'''


def test_a_function_comes_with_the_private_ones_it_calls_in_the_order_of_the_file(tmp_path):
    write(tmp_path, "lib/pairs.py", PAIRS)
    path = tmp_path / "lib" / "pairs.py"
    text = code.source(path, "drawn")
    assert re.findall(r"^def (\w+)", text, re.M) == ["_one", "drawn", "_other"]
    assert "@cached\ndef drawn" in text and "_alone" not in text and '"""Draws <x>."""' in text
    assert code.source(path, "_one") == code.source(path, "none") == ""
    assert code.public(path) == ["unused", "drawn"]


def test_it_is_folded_and_escaped():
    start, listing, end = code.folded("lib.figures.pruning.decay", "x < 1")
    assert start.astext().startswith('<details class="code-behind"><summary>') and end.astext() == "</details>"
    assert listing.astext() == "x < 1" and listing["language"] == "python"
    words = [part for part in companion_search._texts([start, listing, end]) if companion_search._stripped(part)]
    assert words == []  # the search finds its code, and no fold


def test_links_are_those_of_the_reference():
    rooms = api.described(ROOT)
    for room, page, module in (("lib.figures", "api-figures", "lib.figures.pruning"),
                               ("lib", "api-base", "lib.plotting"), ("lib.rbm", "api-rbm", "lib.rbm.pruning_growth")):
        found = next(found for found in rooms[room] if found["name"] == module)
        ids = {section["ids"][0] for section in companion_api.module(found).findall(
            companion_api.nodes.section)}
        for member in found["members"]:
            address, _, anchor = code.entry(f"{module}.{member['name']}").partition("#")
            assert address == f"{page}.html" and anchor in ids


def test_every_function_that_a_page_names_exists():
    text = "".join(path.read_text("utf-8") for path in sorted((ROOT / "book").glob("[0-9]*.md")))
    named = " ".join(re.findall(r"^```\{code-behind\} (.*)$", text, re.M)).split()
    assert len(named) > 9
    for name in named:
        module, _, function = name.rpartition(".")
        assert code.source(ROOT / (module.replace(".", "/") + ".py"), function), name


@pytest.mark.parametrize("name, message", [("os.path", "expected a function of a module of lib, got 'os.path'"),
                                           ("lib.nowhere.f", "got 'lib.nowhere.f'"),
                                           ("lib.figures.pruning.f", "expected a public function of lib.figures.p"),
                                           ("lib.figures.pruning._width", "try one of before_and_after, measures")])
def test_other_names_are_refused(name, message, monkeypatch):
    class Environment:
        srcdir = str(ROOT / "book")

        def note_dependency(self, path):
            pass

    directive = object.__new__(code.CodeBehind)
    directive.arguments = [name]
    directive.state = type("", (), {"document": type("", (), {"settings": type("", (), {"env": Environment()})})})
    monkeypatch.setattr(code.CodeBehind, "error", lambda self, text: ValueError(text))
    monkeypatch.setenv("COMPANION_ROOT", str(ROOT))
    with pytest.raises(ValueError, match=message):
        directive.run()
