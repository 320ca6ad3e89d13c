"""Figures with a knob: what their directive takes from a table, and what it refuses."""

import json
import re
import shutil
import subprocess
from types import SimpleNamespace

import companion_data
import companion_figures
import companion_knobs
import pytest

from lib.pipeline import site
from tests.tree import ROOT

ROWS = [{"n": n, "step": step, "left": left, "d": d, "c": c, "exact": exact} for n, step, left, d, c, exact in (
    ("18", "0", "100.0", "2", "0.5", "0.51"), ("18", "0", "100.0", "1", "0.61234567", "0.62"),
    ("18", "10", "8.0", "1", "0.1", "0.62"), ("18", "2", "60.0", "1", "0.6", "0.62"),
    ("18", "2", "60.0", "2", "", "0.51"), ("50", "0", "100.0", "1", "0.7", "0.71"))]
OPTIONS = {"knob": "step | pruning step", "x": "d | distance", "y": "c | C(d) | log"}


def chosen(**options):
    return companion_knobs.chosen(ROWS, OPTIONS | options)


def test_rows_become_curves_in_order():
    told = chosen(where="n = 18", compare="exact", say="step {step:.0f}, {left:.0f} percent left")
    assert (told["knob"], told["x"], told["y"]) == (
        "pruning step", {"label": "distance", "log": False}, {"label": "C(d)", "log": True})
    (chart,) = told["charts"]
    assert [setting["text"] for setting in chart["settings"]] == [
        "step 0, 100 percent left", "step 2, 60 percent left", "step 10, 8 percent left"]  # as numbers, not as words
    exact, machine = chart["settings"][0]["curves"]
    assert exact == {"look": "exact", "name": "exact", "points": [[1, 0.62], [2, 0.51]]}
    assert machine == {"look": 0, "name": "C(d)", "points": [[1, 0.612346], [2, 0.5]]}  # six digits
    assert chart["settings"][1]["curves"][1]["points"] == [[1, 0.6]]  # an empty cell is no point
    assert chosen(where="n = 18", y="c | C(d) | linear | 0.01 1")["y"] == {
        "label": "C(d)", "log": False, "range": [0.01, 1]}


def test_each_chart_has_the_curves_of_its_own():
    rows = [{"n": n, "step": "0", "d": "1", "c": "1", "way": way} for n, ways in (("a", "pqrs"), ("b", "tu"))
            for way in ways]
    told = companion_knobs.chosen(rows, {"knob": "step", "x": "d", "y": "c", "series": "way", "pick": "n"})
    assert [[curve["name"] for curve in chart["settings"][0]["curves"]] for chart in told["charts"]] == [
        list("pqrs"), list("tu")]


def test_what_is_not_finite_is_no_point():
    rows = [row | {"c": {"100.0": "inf", "60.0": "nan"}.get(row["left"], row["c"])} for row in ROWS]
    (chart,) = companion_knobs.chosen(rows, OPTIONS | {"where": "n = 18"})["charts"]
    assert [setting["curves"][0]["points"] for setting in chart["settings"]] == [[], [], [[1, 0.1]]]


def test_a_list_chooses_among_charts_and_words_tell_curves_apart():
    told = chosen(pick="n | spins")
    assert told["pick"] == "spins" and [chart["name"] for chart in told["charts"]] == ["18", "50"]
    assert [len(chart["settings"]) for chart in told["charts"]] == [3, 1]
    one = companion_knobs.chosen(ROWS, OPTIONS | {"series": "n"})["charts"][0]["settings"][0]["curves"]
    assert [(curve["look"], curve["name"], len(curve["points"])) for curve in one] == [(0, "18", 2), (1, "50", 1)]


@pytest.mark.parametrize("options, words", [
    ({"x": "dd"}, "expected a column of the table, got 'dd'; try d"),
    ({"where": "size = 18"}, "expected a column of the table, got 'size'"),
    ({}, "expected one value at d = 1, got 0.612346 and 0.7; try series"),
    ({"series": "c", "where": "n = 18"}, "expected at most 4 curves, got 6"),
    ({"where": "n = 18", "say": "step {stop}"}, "expected words with columns of the table in braces, got 'step {s"),
    ({"where": "n = 18", "say": "step {step:d}"}, "Unknown format code 'd'"),
    ({"where": "n = 18", "y": "c | C(d) | log | 1"}, "expected two ends of the vertical axis, got '1'; try 0.01 1"),
])
def test_what_cannot_be_drawn_is_refused(options, words):
    rows = [*ROWS, ROWS[0] | {"c": "0.3"}, ROWS[0] | {"c": "0.2"}] if "series" in options else ROWS
    with pytest.raises(ValueError, match=re.escape(words)):
        companion_knobs.chosen(rows, OPTIONS | options)


@pytest.fixture
def directive(tmp_path, monkeypatch):
    """A directive on a page that saves a table, as far as `saved_table` and `script_box` know one."""
    monkeypatch.setenv("COMPANION_ROOT", str(tmp_path))
    (tmp_path / "book").mkdir()
    (tmp_path / "book/07-a.md").write_text('plotting.save_figure(\n    figure, "fig-a", table)\n')
    env = SimpleNamespace(srcdir=str(tmp_path / "stage"), docname="07-a", note_dependency=lambda path: None)
    return SimpleNamespace(env=env, error=ValueError, content=["A < b."], content_offset=0, state=SimpleNamespace(
        nested_parse=lambda content, offset, node: None))


def test_the_table_of_a_page_is_read_and_others_are_refused(directive, tmp_path):
    assert companion_data.saved_table(directive, "fig-a") == []  # before anything has run
    with pytest.raises(ValueError, match="expected a table that this page saves, got 'fig-b'; try fig-a"):
        companion_data.saved_table(directive, "fig-b")
    tables, chapters = (tmp_path / "stage/_data" / name for name in ("tables/07-a", "chapters"))
    chapters.mkdir(parents=True)
    (chapters / "07-a.json").write_text("{}")
    with pytest.raises(ValueError, match="expected the table fig-a among the files of this page's run"):
        companion_data.saved_table(directive, "fig-a")
    tables.mkdir(parents=True)
    (tables / "fig-a.csv").write_text("x,y\n1,2\n")
    assert companion_data.saved_table(directive, "fig-a") == [{"x": "1", "y": "2"}]


def test_no_word_of_a_table_ends_the_script(directive):
    box = companion_data.script_box(directive, "knob", {"name": "</script><b>"})
    markup = box.children[-1].astext()
    assert markup.count("</script>") == 1 and markup.endswith("</script>") and "<b>" not in markup
    assert json.loads(markup[markup.index("{"):markup.rindex("}") + 1]) == {"name": "</script><b>"}


@pytest.mark.parametrize("fence", ["```", "````", ":::", "~~~"])
def test_tables_are_found_behind_every_fence(fence):
    assert site.TABLES.findall(f"Words.\n\n{fence}{{knob}} fig-a\n:x: d\n{fence}\n") == ["fig-a"]


def test_the_build_hands_over_just_the_tables_that_a_page_shows():
    shown = {path.stem: site.TABLES.findall(path.read_text("utf-8")) for path in (ROOT / "book").glob("*.md")}
    shown = {stem: names for stem, names in shown.items() if names}
    assert {"03-wide-sparse-networks", "07-pruning", "72-what-pruning-keeps"} <= shown.keys()
    assert "fig-living-machine" in shown["07-pruning"] and "fig-7-4-decay" in shown["72-what-pruning-keeps"]


def test_curves_have_the_colours_of_the_pictures():
    style = (ROOT / "book/_static/companion.css").read_text("utf-8")
    curves = [re.findall(rf"--curve-{n}: (#\w{{6}})", style) for n in range(1, companion_knobs.MOST_CURVES + 1)]
    assert all(tuple(pair) in companion_figures.CURVES.values() for pair in curves) and len(set(map(str, curves))) == 4


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
@pytest.mark.parametrize(("ends", "log", "whole", "marks"), [
    ([0, 10], False, False, [0, 2, 4, 6, 8, 10]), ([3, 3], False, False, [3]),
    ([-0.1, 0.8], False, False, [0, 0.2, 0.4, 0.6, 0.8]), ([1, 3], False, True, [1, 2, 3]), ([4, 4], False, True, [4]),
    ([0.01, 1], True, False, [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]), ([1, 1000], True, True, [1, 10, 100, 1000]),
    ([2.1, 4.9], True, False, [3, 4])])
def test_axes_have_round_marks(ends, log, whole, marks):
    text = (ROOT / "book/_static/knobs.js").read_text("utf-8")
    call = f"ticks({ends}, {json.dumps(log)}, 5, {json.dumps(whole)})"
    code = f"globalThis.document = {{ addEventListener() {{}} }};\n{text}\nconsole.log(JSON.stringify({call}))"
    done = subprocess.run(["node", "-"], input=code, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == pytest.approx(marks)
