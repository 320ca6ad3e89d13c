"""Parameters of chapters: how they are declared and given, and what is refused with its line."""

import pytest

from lib.study import notebooks, parameters
from tests import toy_book
from tests.study.test_notebooks import CELL, HEAD
from tests.tree import ROOT


def test_declared_parameters_have_range_and_meaning(chapter):
    found = parameters.declared(chapter)
    assert list(found) == ["n_points", "width", "label", "heights", "fast", "seed"]
    assert found["heights"].range == "[0, 2]" and found["label"].range == "{plain, bold}"
    assert (found["n_points"].meaning, found["n_points"].cost) == ("number of points", "free")


def test_a_cost_may_have_parts_and_may_be_left_out(write):
    declaration = "n: int = 4  # [1, 9]; number; time doubles with each; memory too\nm: int = 1  # -; another"
    found = parameters.declared(write(HEAD + CELL.replace("n: int = 4  # [1, 9]; number; free", declaration)))
    assert [(one.meaning, one.cost) for one in found.values()] == [
        ("number", "time doubles with each; memory too"), ("another", "")]


@pytest.mark.parametrize("path", notebooks.chapter_files(ROOT), ids=lambda path: path.stem)
def test_every_parameter_of_the_book_says_what_it_costs(path):
    chapter = notebooks.read_chapter(path)
    assert [one.name for one in parameters.declared(chapter).values() if not one.cost] == []


def test_the_command_to_begin_with_is_that_of_the_first_exercise_on_the_page(write):
    text = HEAD + CELL
    assert parameters.example(write(text)) == 'make chapter CH=01 PARAMS="n=4"'
    text += 'As `make chapter CH=02 PARAMS="n=5"` and `make chapter CH=01 PARAMS="..."` do:\n'
    assert parameters.example(write(text)) == 'make chapter CH=01 PARAMS="n=4"'
    text += '`make chapter CH=01 SWEEP="n=5,6"`, `make chapter CH=01 PARAMS="n=7"`, `make chapter CH=01 PARAMS="n=8"`\n'
    assert parameters.example(write(text)) == 'make chapter CH=01 PARAMS="n=7"'
    assert parameters.example(write(HEAD + CELL.replace("n: int = 4  # [1, 9]; number; free", ""))) == ""


@pytest.mark.parametrize("path", notebooks.chapter_files(ROOT), ids=lambda path: path.stem)
def test_the_command_of_a_page_is_accepted_and_changes_one_parameter_of_it(path):
    chapter = notebooks.read_chapter(path)
    number, kind, text = parameters.COMMAND.fullmatch(parameters.example(chapter)).groups()
    values = parameters.parse_assignments(text, chapter)
    resolved = parameters.resolve(chapter, values, "PARAMS")
    changed = [name for name, one in parameters.declared(chapter).items() if resolved[name] != one.default]
    assert (number, kind) == (chapter.number, "PARAMS") and changed == list(values) and len(changed) == 1


@pytest.mark.parametrize(("line", "message"), [
    ("n = 4  # [1, 9]; number; free", "expected 'name: type"),
    ("n: int = 4", "expected 'name: type"),
    ("n: int = 4  # [1, 9]", "expected 'name: type"),
    ("n: complex = 4  # -; number; free", "expected a type among"),
    ("n: int = int(4)  # [1, 9]; number; free", "expected a plain value"),
    ("n: int = 4  # 1 to 9; number; free", "expected \\[low, high\\]"),
    ("n: int = 4  # [9, 1]; number; free", "expected \\[low, high\\]"),
    ("n: int = 4  # [5, 9]; number; free", "expected n in \\[5, 9\\], got 4"),
    ("n: int = -1  # [0, 1e6]; number; free", "expected n in \\[0, 1000000\\], got -1"),
    ("x: float = 1.0  # [1e-6, 0.5]; number; free", "expected x in \\[1e-06, 0.5\\], got 1.0"),
    ("n: int = 4.0  # [1, 9]; number; free", "expected n as int"),
    ("n: str = 'a'  # [1, 9]; word; free", "expected \\[low, high\\]"),
    ("n: int = 4  # [1, 9]; number; free\nn: int = 5  # [1, 9]; number; free", "line 12: expected n once"),
    ("print(4)  # [1, 9]; number; free", "expected 'name: type"),
    ("n: int = = 4", "expected Python"),
])
def test_malformed_declarations_are_refused_with_their_line(write, line, message):
    with pytest.raises(ValueError, match=message) as caught:
        parameters.declared(write(HEAD + CELL.replace("n: int = 4  # [1, 9]; number; free", line)))
    assert "01-first.md, line 1" in str(caught.value)


@pytest.mark.parametrize(("values", "message"), [
    ({"n_spins": 4}, "got n_spins; try n_points, width, label, heights, fast, seed"),
    ({"n_points": "4"}, "expected n_points as int, got '4' \\(str\\)"),
    ({"n_points": 4.0}, "expected n_points as int, got 4.0 \\(float\\); try 4;"),
    ({"n_points": 4.5}, "expected n_points as int, got 4.5 \\(float\\);"),
    ({"n_points": True}, "expected n_points as int"),
    ({"n_points": 101}, "expected n_points in \\[1, 100\\], got 101"),
    ({"width": "wide"}, "expected width as float"),
    ({"width": float("nan")}, "expected width finite"),
    ({"width": -0.1}, "expected width in \\[0, 10\\]"),
    ({"label": "thin"}, "expected label in {plain, bold}"),
    ({"label": 3}, "expected label as str"),
    ({"fast": 1}, "expected fast as bool"),
    ({"heights": 1.0}, "expected heights as a list\\[float\\]"),
    ({"heights": []}, "at least one element"),
    ({"heights": [1.0, 3.0]}, "expected element 1 of heights in \\[0, 2\\], got 3.0"),
    ({"heights": [1.0, "x"]}, "expected element 1 of heights as float"),
])
def test_wrong_values_are_refused_naming_where_they_came_from(chapter, values, message):
    with pytest.raises(ValueError, match=f"^there: .*{message}"):
        parameters.resolve(chapter, values, "there")


def test_values_replace_defaults(chapter):
    values = parameters.resolve(chapter, {"width": 2, "heights": [1, 2.0]}, "there")
    assert values == {"n_points": 4, "width": 2.0, "label": "plain", "heights": [1.0, 2.0], "fast": True, "seed": 1}
    assert type(values["width"]) is float


def test_assignments_are_typed_by_hand(chapter):
    text = "n_points=8  heights=[0.5, 1.0] label=bold fast=False width=1e-3"
    assert parameters.parse_assignments(text, chapter) == {
        "n_points": 8, "heights": [0.5, 1.0], "label": "bold", "fast": False, "width": 0.001}
    for text in ("n_points", "n_points 8", "seed=1 seed=2", "=3"):
        with pytest.raises(ValueError, match="^PARAMS: expected"):
            parameters.parse_assignments(text, chapter)


def test_a_parameter_set_is_read_as_written(tmp_path):
    path = tmp_path / "smoke.yml"
    path.write_text('08:\n  a: 1e-3\n  b: [1, 2.5]\n"05": {}\n07:\n')
    assert parameters.read_parameter_set(path) == {"08": {"a": 0.001, "b": [1, 2.5]}, "05": {}, "07": {}}
    path.write_text("# nothing\n")
    assert parameters.read_parameter_set(path) == {}


@pytest.mark.parametrize(("text", "message"), [
    ('"01":\n  n: 1\n  n: 2\n', "smoke.yml, line 3: expected 'n' once"),
    ('"01":\n  n: 1\n"01":\n  m: 2\n', "smoke.yml, line 3: expected '01' once"),
    ('"01":\n\tn: 1\n', "smoke.yml, line 2: expected spaces, got a tab"),
    ('"01": 3\n', "smoke.yml, line 1: expected 'name: value'"),
    ("- 3\n", "smoke.yml, line 1: expected 'key: value'"),
    ('"01":\n  n: [1\n', "smoke.yml, line 3: expected YAML"),
])
def test_malformed_parameter_sets_are_refused_with_their_line(tmp_path, text, message):
    path = tmp_path / "smoke.yml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        parameters.read_parameter_set(path)


def test_sections_and_profiles_that_do_not_exist_are_refused(tmp_path):
    top = toy_book.make(tmp_path)
    assert parameters.profile_values(top, "laptop") == {}
    assert parameters.profile_values(top, "smoke") == {"01": {"n_points": 2}}
    with pytest.raises(ValueError, match="try laptop, smoke"):
        parameters.profile_values(top, "cluster")
    toy_book.write(top, "book/parameters/smoke.yml", '"07":\n  n_points: 2\n')
    with pytest.raises(ValueError, match="expected sections 01, 02, got 07"):
        parameters.profile_values(top, "smoke")
