"""The API reference: what is read of the source, how it is drawn, and that no public module is left out."""

import sys
from pathlib import Path

import pytest
from docutils import nodes

from lib.pipeline import api
from tests.toy_book import ROOT, write

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import companion_api  # noqa: E402
import companion_code  # noqa: E402
import companion_rooms  # noqa: E402

WALKS = '''"""Random walks.

    x_n = x_{n-1} +- 1

for all n.
"""


def walk(n: int, *, seed: int, step=1.0) -> float:
    """Where a walk of `n` |steps| ends (5.1).

    Parameters
    ----------
    n : int
        Steps, at least 1.
    seed : int
        Names the stream.

    Returns
    -------
    float
        The place, in lattice constants.

    Raises
    ------
    ValueError
        For n below 1.

    Notes
    -----
    Takes time ~ n.
    """


class Walker:
    """Walks."""

    @property
    def place(self):
        """Where it is."""

    def _hidden(self):
        """Not shown."""


def _private():
    """Not shown."""
'''


@pytest.fixture
def rooms(tmp_path):
    for name, text in (("__init__", ""), ("walks/__init__", '"""Walks."""'), ("walks/plain", WALKS),
                       ("walks/_loops", WALKS), ("study/__init__", '"""No library."""')):
        write(tmp_path, f"lib/{name}.py", text)
    return api.described(tmp_path)


def test_public_names_are_read_with_their_arguments_and_sections(rooms):
    assert {room: [found["name"] for found in modules] for room, modules in rooms.items()} == {
        "lib": [], "lib.walks": ["lib.walks", "lib.walks.plain"]}
    walk, walker = rooms["lib.walks"][1]["members"]
    assert walk["signature"] == ["n: int", "*", "seed: int", "step=1.0"]
    assert (walk["file"], walk["line"]) == ("lib/walks/plain.py", 9)
    assert [part["title"] for part in walk["sections"]] == ["", "Parameters", "Returns", "Raises", "Notes"]
    assert walk["sections"][1]["items"][0] == ["n", "int", "Steps, at least 1."]
    assert [found["name"] for found in walker["members"]] == ["place"]


def test_a_docstring_is_drawn_as_it_is_written(rooms):
    drawn = companion_api.module(rooms["lib.walks"][1])
    text = drawn.astext()
    assert "Where a walk of n |steps| ends (5.1)." in text and "Takes time ~ n." in text
    assert [found.astext() for found in drawn.findall(nodes.literal_block)] == [
        "x_n = x_{n-1} +- 1", "walk(n: int, *, seed: int, step=1.0)", "class Walker", "place"]
    sections = [found["ids"][0] for found in drawn.findall(nodes.section)]
    assert sections == ["api-lib.walks.plain", "api-lib.walks.plain.walk", "api-lib.walks.plain.Walker",
                        "api-lib.walks.plain.Walker.place"]


def test_names_that_differ_in_capitals_alone_have_entries_of_their_own(tmp_path):
    write(tmp_path, "lib/walks/__init__.py", "def walker():\n    pass\n\n\nclass Walker:\n    pass\n")
    (module,) = api.described(tmp_path)["lib.walks"]
    anchors = [found["ids"][0] for found in companion_api.module(module).findall(nodes.section)]
    assert anchors == ["api-lib.walks", "api-lib.walks.walker", "api-lib.walks.Walker"]
    assert {companion_code.entry(f"lib.walks.more.{name}") for name in ("walk", "Walk")} == {
        "api-walks.html#api-lib.walks.more.walk", "api-walks.html#api-lib.walks.more.Walk"}


@pytest.mark.parametrize("tick", ["", "`"])
def test_names_with_what_they_are_become_a_list_an_entry_each(tick):
    drawn, = companion_api.paragraphs(f"{tick}walk{tick}    where it ends,\n        and when\n"
                                      f"{tick}long_walk{tick}  the same  (5.1)\n"
                                      f"{tick}one{tick}, {tick}two{tick}  of both")
    assert [entry.astext() for entry in drawn] == ["walk where it ends, and when", "long_walk the same (5.1)",
                                                   "one, two of both"]
    assert [found.astext() for found in drawn.findall(nodes.literal)] == ["walk", "long_walk", "one", "two"]


def test_an_edit_of_the_source_is_seen(tmp_path, rooms):
    assert api.described(tmp_path) == rooms
    write(tmp_path, "lib/walks/plain.py", WALKS.replace("def walk(", "def run("))
    assert api.described(tmp_path)["lib.walks"][1]["members"][0]["name"] == "run"


def test_every_room_has_its_page():
    found = {(ROOT / "book" / f"{path.stem}.md").read_text("utf-8").split("```{api} ")[1].split("\n")[0]
             for path in (ROOT / "book").glob("api-*.md")}
    folders = {f"lib.{path.parent.name}" for path in (ROOT / "lib").glob("*/__init__.py")}
    assert found == folders - {"lib.study", "lib.pipeline"} | {"lib"}
    table = (ROOT / "book" / "api.md").read_text("utf-8")
    assert all(f"](api-{Path(path).stem.removeprefix('api-')})" in table for path in (ROOT / "book").glob("api-*.md"))


def test_rooms_know_only_what_stands_below_them():
    found = companion_rooms.Counter({(one, other): n for one, other, n in api.imports(ROOT)})
    order = companion_rooms.rows(found)
    assert order[-1] == ["base", "native"] and order[:2] == [["figures"], ["experiments"]]
    picture = companion_rooms.drawn(found)
    assert picture.count("<rect") == sum(map(len, order)) and picture.count("<path") == len(
        companion_rooms.direct(found))
    assert "study imports base" in picture


def test_lines_that_follow_from_others_are_left_out():
    imports = companion_rooms.Counter({("a", "b"): 1, ("b", "c"): 2, ("a", "c"): 3, ("d", "c"): 1})
    assert companion_rooms.direct(imports) == [("a", "b"), ("b", "c"), ("d", "c")]


def test_rooms_that_import_each_other_are_named():
    with pytest.raises(ValueError, match="got some of rbm, spins, study that import each other"):
        companion_rooms.rows(companion_rooms.Counter({("rbm", "spins"): 1, ("spins", "rbm"): 1, ("study", "rbm"): 2}))
