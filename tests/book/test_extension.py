"""The book's Sphinx extension, without a build: numbers, boxes and tables from the records of runs."""
# ruff: noqa: E402  (the extension is no package: its folder has to be on the path first)

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("sphinx")
from docutils import nodes

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import companion_data
import companion_files
import companion_numbers
import companion_pages
import companion_search
import companion_tables

from lib.study.parameters import Parameter

PROVENANCE = {
    "commit": "0123456789abcdef0123456789abcdef01234567", "dirty": True, "profile": "smoke",
    "parameters": {"n_spins": 6, "start": "<all up>"}, "seed": None, "versions": {"python": "3.11.2"},
    "processor": "a & b", "device": "cpu", "threads": 1, "seconds": 101.2, "core_seconds": 98.0,
    "peak_memory_bytes": 4.1e8, "budget_core_minutes": 4, "date": "2025-01-31T13:05:00+01:00",
}
CLAIM = {
    "id": "fidelity", "item": "5.1", "statement": "F > 0.99 & rising", "measured": 0.998, "uncertainty": 0.001,
    "expected": {"value": 0.995, "relation": "at least", "upper": None, "where": "Fig. 5.1, p. 61"}, "bound": None,
    "decide": None, "depends_on": [], "records": [], "enough": True, "undecided": "", "notes": [],
    "tolerance": {"absolute": 0.0, "relative": None, "reason": "a bound"}, "scale": "full", "profile": "smoke",
    "source": "live", "verdict": "reproduced", "page": "05-states",
}


def staged(folder, **files):
    """A staged book: `_data` with the given JSON files."""
    (folder / "_data").mkdir()
    for name, content in files.items():
        (folder / "_data" / f"{name}.json").write_text(json.dumps(content))
    return SimpleNamespace(env=SimpleNamespace(srcdir=str(folder)))


@pytest.fixture(autouse=True)
def repository(monkeypatch):
    monkeypatch.setenv("COMPANION_ROOT", str(ROOT))


def render(directive, book, *arguments):
    """The HTML of a directive, for a staged book."""
    instance = directive.__new__(directive)
    instance.arguments = list(arguments)
    instance.state = SimpleNamespace(document=SimpleNamespace(settings=SimpleNamespace(env=book.env)))
    return instance.html()


@pytest.mark.parametrize("seconds, words", [(None, "–"), (0.04, "0.0 s"), (9.96, "10.0 s"), (59.4, "59 s"),
                                            (95.2, "1 min 35 s"), (119.7, "2 min 0 s"), (3661, "1 h 1 min")])
def test_durations_in_words(seconds, words):
    assert companion_data.duration(seconds) == words


def test_dates_commits_and_memory_in_words():
    assert companion_data.date("2025-01-31T13:05:00+01:00") == "31 January 2025, 12:05 UTC"
    assert companion_data.commit({"commit": "0123456789abcdef", "dirty": False}) == "0123456789"
    assert companion_data.commit({"commit": None, "dirty": True}) == "not in a repository"
    assert companion_data.memory(1.2345e9) == "1 234 MB"


def test_text_becomes_html_and_formulas():
    assert companion_data.markup("a < b & $x < 1$, c") == (
        'a &lt; b &amp; <span class="math notranslate nohighlight">\\(x &lt; 1\\)</span>, c')


def test_the_parameter_box_marks_what_was_changed():
    parameters = {"n_spins": Parameter("n_spins", "int", 10, "length", 3, 1000), "start": Parameter(
        "start", "str", "<all up>", "first state", choices=("<all up>", "random"))}
    box = companion_pages.parameter_box(parameters, PROVENANCE)
    assert "profile smoke, 1 changed from the defaults" in box
    assert "<strong>6</strong>" in box and "(laptop: 10)" in box and "3 to 1,000" in box
    assert "<all up>" not in box and box.count("&lt;all up&gt;") == 2
    unchanged = companion_pages.parameter_box(parameters, PROVENANCE | {"parameters": {}, "profile": "laptop"})
    assert "all at their defaults" in unchanged and "(laptop:" not in unchanged


def test_the_provenance_box_holds_every_fact():
    text = {"commit": "fedcba98765", "dirty": False}
    box = companion_pages.provenance_box({"provenance": PROVENANCE, "text": text})
    assert "commit of the text</dt><dd>fedcba9876</dd>" in box
    for fact in ("0123456789, with uncommitted changes", "smoke", "n_spins = 6", "python 3.11.2", "a &amp; b",
                 "cpu, 1 thread(s)", "1 min 41 s", "1.63 core-minutes of 4 budgeted", "410 MB",
                 "31 January 2025, 12:05 UTC"):
        assert fact in box, fact
    assert "seed</dt><dd>–" in box


def test_downloads_separate_notebooks_from_figures():
    links = [{"label": "text (MyST)", "path": "downloads/05/05.md"},
             {"label": "fig-5-1.csv", "path": "downloads/05/figures/fig-5-1.csv"}]
    box = companion_pages.downloads_box(links)
    first, folded = box.split("<details>")
    assert 'href="downloads/05/05.md" download' in first
    assert "fig-5-1.csv" in folded and "fig-5-1.csv" not in first
    assert companion_pages.downloads_box([]) == ""


def test_a_figure_gets_links_to_its_own_files_only():
    names = ("fig-5-1.svg", "fig-5-1.csv", "fig-5-10.svg", "other.png")
    cell = nodes.container("", nodes.figure(), nodes.paragraph())
    links = [{"label": name, "path": f"downloads/05/figures/{name}"} for name in names]
    companion_pages._add_figure_links(cell.children[0], "fig-5-1", links)
    text = cell.children[1].astext()
    assert "figures/fig-5-1.svg" in text and "figures/fig-5-1.csv" in text
    assert "fig-5-10" not in text and "png" not in text


def numbered(docname, figures):
    """The parts of Sphinx's environment that hold numbers, for one page counted as chapter 1."""
    title = nodes.title()
    title["secnumber"] = [1]
    toc = nodes.bullet_list("", *(nodes.reference(secnumber=[1, *rest]) for rest in ([], [1], [2])))
    return SimpleNamespace(
        toc_secnumbers={docname: {"": (1,), "#a": (1, 1), "#b": ()}}, tocs={docname: toc}, titles={docname: title},
        toc_fignumbers={docname: {"figure": {name: (1, n) for n, name in enumerate(figures, 1)}}})


def test_a_chapter_is_numbered_by_its_file():
    env = numbered("05-states", ["fig-a", "fig-b"])
    assert companion_numbers.number_as_in_thesis(None, env) == []
    assert env.toc_secnumbers["05-states"] == {"": (5,), "#a": (5, 1), "#b": ()}
    assert [entry["secnumber"] for entry in env.tocs["05-states"].findall(nodes.reference)] == [[5], [5, 1], [5, 2]]
    assert env.titles["05-states"]["secnumber"] == [5]
    assert env.toc_fignumbers["05-states"]["figure"] == {"fig-a": (5, "a"), "fig-b": (5, "b")}


def test_figures_of_the_thesis_keep_its_numbers_and_others_get_letters():
    env = numbered("05-states", ["fig-5-1-training", "fig-own", "fig-5-4", "fig-more"])
    companion_numbers.number_as_in_thesis(None, env)
    assert env.toc_fignumbers["05-states"]["figure"] == {
        "fig-5-1-training": (5, 1), "fig-own": (5, "a"), "fig-5-4": (5, 4), "fig-more": (5, "b")}


def test_a_page_of_two_digits_is_a_section_of_a_chapter():
    env = numbered("34-widened", ["fig-3-6-families", "fig-own"])
    companion_numbers.number_as_in_thesis(None, env)
    assert env.titles["34-widened"]["secnumber"] == [3, 4]
    assert env.toc_secnumbers["34-widened"] == {"": (3, 4), "#a": (3, 4, 1), "#b": ()}
    assert env.toc_fignumbers["34-widened"]["figure"] == {"fig-3-6-families": (3, 6), "fig-own": (3, 4, "a")}


def test_sphinx_finds_its_own_numbers_when_it_counts_again():
    env = numbered("05-states", ["fig-a"])
    companion_numbers.recall_counting(None, env)  # the first time there are none
    companion_numbers.number_as_in_thesis(None, env)
    assert env.toc_secnumbers["05-states"]["#a"] == (5, 1)
    companion_numbers.recall_counting(None, env)
    assert env.toc_secnumbers == {"05-states": {"": (1,), "#a": (1, 1), "#b": ()}}
    assert env.toc_fignumbers == {"05-states": {"figure": {"fig-a": (1, 1)}}}


def test_pages_that_are_no_chapters_keep_their_numbers():
    env = numbered("notation", ["fig-5-1"])
    assert companion_numbers.number_as_in_thesis(None, env) == []
    assert env.toc_fignumbers["notation"]["figure"] == {"fig-5-1": (1, 1)}


def test_the_ledger_links_each_claim_to_its_line(tmp_path):
    reduced = CLAIM | {"id": "kl", "verdict": "reproduced at reduced scale", "scale": "8 spins"}
    ours = CLAIM | {"id": "ours", "item": "own-34", "bound": "why not"}
    book = staged(tmp_path, ledger=[CLAIM, reduced, ours])
    own = render(companion_tables.ClaimsLedger, book, "own")
    assert own.count("<tr>") == 2 and ">Chapter 3.4</a>" in own and "at least 0.995 (ours)" in own
    text = render(companion_tables.ClaimsLedger, book)
    assert text.count("<tr>") == 3
    assert 'href="05-states.html#claim-fidelity">Figure 5.1</a>' in text
    for words in ("F &gt; 0.99 &amp; rising", "at least 0.995", "Fig. 5.1, p. 61", "± 0.001", "scale: 8 spins",
                  "✓</span>&nbsp;reproduced</span> <strong>1</strong>", "◐</span>&nbsp;reproduced at reduced scale"):
        assert words in text, words


@pytest.mark.parametrize(("change", "expected"), [
    ({}, ["run: <code>make chapter CH=05</code>"]),
    ({"profile": "paper"}, ["run: <code>make chapter CH=05 PROFILE=paper</code>"]),
    ({"source": "record", "records": ["fig-5-2-fields"]},
     ["run: <code>make chapter CH=05</code>", "check the record: <code>make audit CH=05</code>"]),
    ({"source": "record", "records": ["bench"], "page": "36-layers"},
     ["run: <code>make chapter CH=36</code>", "measure: <code>make bench</code>"]),
    ({"verdict": "not run", "measured": None}, []),
])
def test_a_line_of_the_ledger_has_the_commands_that_compute_it_again(tmp_path, change, expected):
    text = render(companion_tables.ClaimsLedger, staged(tmp_path, ledger=[CLAIM | {"profile": "laptop"} | change]))
    assert re.findall(r"<li>([^<]*<code>make [^<]*</code>)</li>", text) == expected


@pytest.mark.parametrize("path", sorted((ROOT / "book").glob("[0-9][0-9]-*.md")), ids=lambda path: path.stem)
def test_records_that_the_ledger_sends_to_an_audit_are_sweeps_of_that_page(path):
    """`make audit` refuses a chapter without such, and what is no record of points is measured by `make bench`."""
    text = path.read_text("utf-8")
    named = {*re.findall(r"^  - data/records/(\S+)$", text, re.MULTILINE)}
    swept = {*re.findall(r"[\"']data/records/(\S+\.jsonl)[\"']", text)}
    assert named - {"bench.json"} == swept


def test_an_item_counts_as_built_only_with_a_settled_claim(tmp_path):
    not_run = CLAIM | {"id": "s2", "item": "5.3", "measured": None, "verdict": "not run"}
    text = render(companion_tables.ItemsStatus, staged(tmp_path, ledger=[CLAIM, not_run]))
    assert "1 of the 33 figures and tables" in text
    assert text.count("not built yet") == 31


def test_the_items_are_those_of_the_thesis():
    items = json.loads((ROOT / "data/thesis/items.json").read_text("utf-8"))
    names = [item["item"] for item in items]
    assert len(names) == len(set(names)) == 33
    assert sum(name.startswith("T") for name in names) == 2
    assert all(item["item"].removeprefix("T").split(".")[0] == item["chapter"] for item in items)


def test_the_status_shows_costs_against_budgets(tmp_path):
    fresh = {"chapter": "05-states", "number": "05", "title": "States", "page": "05-states.html", "state": "fresh",
             "reasons": [], "error": None, "budget_core_minutes": 4, "core_seconds": 120, "seconds": 130,
             "peak_memory_bytes": 1e9, "commit": "0123456789ab", "dirty": False, "date": "2025-01-31T12:00:00+00:00"}
    over = fresh | {"number": "04", "state": "stale", "reasons": ["module lib.rng changed"], "core_seconds": 300}
    never = fresh | {"state": "never run"} | dict.fromkeys(
        ("core_seconds", "seconds", "peak_memory_bytes", "commit", "dirty", "date"))
    text = render(companion_tables.ChapterStatus, staged(tmp_path, status={"profile": "laptop",
                                                                           "chapters": [fresh, over, never]}))
    assert "2.00 of 4<" in text and "width:50%" in text
    assert "5.00 of 4, over budget" in text and "width:100%" in text and "module lib.rng changed" in text
    assert "never run" in text


def test_records_say_what_tables_rest_on(tmp_path):
    sweep = {"record": "data/records/a.jsonl", "name": "a", "item": "3.5", "points": 12, "errors": [],
             "states": {"valid": 9, "superseded": 2, "not run": 1}, "core_seconds": 95.2,
             "processors": ["a & b"], "commits": ["0123456789"], "audits": {"text": "5 of 12 audited"},
             "dates": ["2025-01-31T13:05:00+01:00", "2025-02-01T13:05:00+01:00"]}
    book = staged(tmp_path, status={"chapters": [{"chapter": "05-a", "page": "05-a.html"},
                                                 {"chapter": "06-b", "page": "06-b.html"}]})
    assert "No chapter has a record yet" in render(companion_tables.Records, book)
    (tmp_path / "_data/chapters").mkdir()
    (tmp_path / "_data/chapters/05-a.json").write_text(json.dumps({"sweeps": [sweep, sweep | {"record": None}]}))
    text = render(companion_tables.Records, book)
    for words in ('<a href="05-a.html">a</a>', "9 of 12", "<li>2 superseded</li>", "1 min 35 s", "a &amp; b",
                  "31 January 2025 to 1 February 2025", "<code>0123456</code>", "5 of 12 audited"):
        assert words in text, text
    assert text.count("05-a.html") == 1


def test_benchmarks_say_whether_the_goal_is_met(tmp_path):
    row = {"name": "a step", "peer": "QuCumber 1.3.3", "ratio": 12.34, "goal": 10, "runs": 5, "threads": 1,
           "dtype": "float32", "seconds_ours": 3e-5, "seconds_peer": 4e-4}
    text = render(companion_tables.Benchmarks, staged(tmp_path, bench=[row, row | {"ratio": 5.0}]))
    assert "<strong>12.3</strong>" in text and text.count("met</span>") == 1 and text.count("missed</span>") == 1


def test_benchmarks_of_one_group_and_what_they_have_besides(tmp_path):
    row = {"peer": "torch", "ratio": 2.0, "goal": None, "threads": 2, "dtype": "float32"}
    memory = row | {"name": "memory", "bytes_ours": 2**20, "bytes_peer": 2**21, "group": "sparse"}
    layer = row | {"name": "layer", "seconds_ours": 1e-3, "seconds_peer": 2e-3, "seconds_csr": 5e-3, "group": "sparse"}
    several = layer | {"name": "several", "sides": {"ours": 1e-3, "sparselab": 2e-3, "dense": 7e-3}}
    other = row | {"name": "chains", "seconds_ours": 1e-3, "seconds_peer": 2e-3, "fidelity_ours": 0.5}
    book = staged(tmp_path, bench=[memory, layer, several, other])
    text = render(companion_tables.Benchmarks, book, "sparse")
    assert "sparselab 2 ms; dense 7 ms" in text
    assert "1 MiB" in text and "2 MiB" in text and "torch.sparse CSR 5 ms" in text and "chains" not in text
    text = render(companion_tables.Benchmarks, book)
    assert "fidelity 0.5000 / –" in text and "memory" in text


def test_benchmarks_stand_with_the_machine_that_measured_them(tmp_path):
    row = {"peer": "torch", "ratio": 2.0, "goal": None, "threads": 2, "dtype": "float32"}
    bench = [row | {"name": name, "machine": machine} for name, machine in (("a step", "X"), ("b step", "Y <1>"),
                                                                          ("c step", "X"))]
    text = render(companion_tables.Benchmarks, staged(tmp_path, bench=bench))
    places = [text.index(words) for words in ("on: X<", "a step", "c step", "on: Y &lt;1&gt;<", "b step")]
    assert places == sorted(places) and text.count("Measured on") == 2


@pytest.mark.parametrize("directive", [companion_tables.ClaimsLedger, companion_tables.ChapterStatus,
                                       companion_tables.Benchmarks])
def test_tables_without_data_say_so(tmp_path, directive):
    assert "empty-note" in render(directive, staged(tmp_path))


def test_thebe_and_font_preloads_leave_the_pages(tmp_path):
    context = {"script_files": [SimpleNamespace(filename="a.js", attributes={}), SimpleNamespace(
        filename=None, attributes={"body": "const THEBE_JS_URL = 1"})], "css_files": ["_static/sphinx-thebe.css"]}
    companion_files._drop_thebe(None, "a", "page.html", context, None)
    assert [asset.filename for asset in context["script_files"]] == ["a.js"] and context["css_files"] == []
    (tmp_path / "_static").mkdir()
    page = tmp_path / "a.html"
    page.write_text('<head>\n  <link rel="preload" as="font" href="x.woff2" crossorigin>\n  <title>a</title></head>')
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    companion_files._drop_preloads(app, None)
    assert page.read_text() == "<head>\n  <title>a</title></head>"


def test_mutations_show_who_noticed_and_what_was_not_as_it_should_be(tmp_path):
    row = {"what": "a < b", "files": ["lib/x.py"], "harmless": False, "moved": {"walk": "walk no longer < does"},
           "as expected": True, "commit": "0123456789abcdef", "dirty": False, "date": "2026-11-28"}
    other = row | {"what": "words", "harmless": True, "as expected": False, "dirty": True}
    text = render(companion_tables.Mutations, staged(tmp_path, mutations=[row, other, other | {"moved": {}}]))
    assert "a &lt; b" in text and "<summary>walk</summary><ul><li>walk no longer &lt; does</li>" in text
    assert "<code>0123456789</code>, 2026-11-28<" in text and "2026-11-28, with changes" in text
    assert text.count("not as expected") == 2 and ">nothing<" in text.replace("</strong> nothing", ">nothing")


def test_sections_and_claims_are_places_of_the_search():
    strip = ('<div class="claim-strip"><p>Thesis figure 5.1</p><details class="claim claim-reproduced" id="claim-a-1">'
             '<summary>F &gt; 0.99</summary></details><details class="claim claim-differs" id="claim-b">'
             "<summary>Second Scale: 6 spins.</summary></details>"
             '<details class="claim claim-differs" id="claim-c"><summary>Half. thesis 0.5 here 1</summary></details>'
             f'<details class="claim claim-differs" id="claim-d"><summary>{"word " * 30}</summary></details></div>')
    words = nodes.paragraph("", "At ", nodes.math("", "h/J=\\sigma_{1}"))
    inner = nodes.section("", nodes.title("", "Two valleys"), words, nodes.raw("", strip, format="html"),
                          nodes.literal_block("", "x = 3970\ny = 1"), ids=["two-valleys"])
    made = '<details class="companion-box provenance">torch 2.13</details>'
    points = nodes.bullet_list("", nodes.list_item("", nodes.paragraph("", "a point")))
    page = nodes.section("", nodes.title("", "States"), nodes.paragraph("", "Less than <b>."),
                         nodes.comment("", "hidden"), points, inner, nodes.raw("", made, format="html"), ids=["states"])
    document = nodes.container("", page)
    numbers = {"": (5,), "#two-valleys": None}
    top, section, first, second, third, last = companion_search.places(document, "05-states", numbers)
    assert top == {"page": "05-states", "title": "5. States", "heading": "5. States", "anchor": "",
                   "text": "Less than <b>. a point", "code": ""}
    assert (section["heading"], section["anchor"], section["title"]) == ("Two valleys", "two-valleys", "5. States")
    turned = r"P=\frac{\Phi^2_{0\sigma_1}+1}{4}\langle\lvert m\rvert\rangle\cos(\Delta\theta)"
    assert companion_search._plain(nodes.math("", turned)) == "P=(Phi^2_0 sigma_1+1)/(4)m cos(Delta theta)"
    assert section["text"] == "At h/J=sigma_1 Thesis figure 5.1" and section["code"] == "x = 3970 y = 1"
    assert (first["anchor"], first["heading"], first["text"]) == ("claim-a-1", "Claim: F > 0.99", "F > 0.99")
    assert (second["anchor"], second["heading"]) == ("claim-b", "Claim: Second")
    assert third["heading"] == "Claim: Half." and last["heading"] == f"Claim:{17 * ' word'} …"
