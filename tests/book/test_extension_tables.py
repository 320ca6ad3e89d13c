"""Tables that the extension draws: the ledger, the items, costs, records, benchmarks, mutations."""

import json
import re
from types import SimpleNamespace

import companion_behind
import companion_tables
import pytest

from tests.tree import ROOT

pytestmark = pytest.mark.usefixtures("repository")


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
    return SimpleNamespace(env=SimpleNamespace(srcdir=str(folder), note_dependency=lambda name: None))


def render(directive, book, *arguments):
    """The HTML of a directive, for a staged book."""
    instance = directive.__new__(directive)
    instance.arguments = list(arguments)
    instance.state = SimpleNamespace(document=SimpleNamespace(settings=SimpleNamespace(env=book.env)))
    return instance.html()


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


def test_powers_of_ten_are_typeset_in_the_ledger(tmp_path):
    small = CLAIM | {"measured": -1.3e-5, "uncertainty": 2e-6}
    text = render(companion_tables.ClaimsLedger, staged(tmp_path, ledger=[small]))
    assert '<span class="number">−1.3\xa0×\xa010⁻⁵</span> <span class="number">± 2\xa0×\xa010⁻⁶</span>' in text


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


def test_a_claim_is_shown_behind_the_figure_and_the_calls_of_its_section():
    def code(source, *claims, **metadata):
        shown = [{"metadata": {"companion": {"claims": [*claims]}}}] * bool(claims)
        return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": shown}

    def figure(name):
        return code("plotting.save_figure(f)", mystnb={"figure": {"name": name}})

    heading = {"cell_type": "markdown", "source": "## More", "metadata": {}}
    found = companion_behind.of_page({"cells": [
        code("from lib import plotting, rng\nfrom lib.spins import ising\nimport numpy"), code("%time"),
        code("x = 1", tags=["injected-parameters"]), figure("fig-a"), figure("fig-5-2-b"),
        code("e = ising.energy(numpy.sum(rng.stream(1)))", "one", "two"), code("ising.gap()", "three"), heading,
        code("e", "four"), figure("fig-c"), code("e", "five")]}, "54-page")
    assert found == {
        "one": (5, ("fig-5-2-b", "5.2"), ["lib.spins.ising.energy", "lib.rng.stream"]), "two": found["one"],
        "three": (6, ("fig-5-2-b", "5.2"), ["lib.spins.ising.gap"]), "four": (7, None, []),
        "five": (9, ("fig-c", "5.4.b"), [])}


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
    sweep = {"record": "data/records/a.jsonl", "name": "a", "item": "3.5", "points": 12, "errors": {},
             "states": {"valid": 9, "superseded": 2, "not run": 1}, "core_seconds": 95.2,
             "processors": ["a & b"], "commits": ["0123456789"], "audits": {"text": "5 of 12 audited"},
             "dates": ["2025-01-31T13:05:00+01:00", "2025-02-01T13:05:00+01:00"]}
    book = staged(tmp_path, status={"chapters": [{"chapter": "05-a", "page": "05-a.html"},
                                                 {"chapter": "06-b", "page": "06-b.html"}]})
    assert "No chapter has a record yet" in render(companion_tables.Records, book)
    (tmp_path / "_data/chapters").mkdir()
    (tmp_path / "_data/chapters/05-a.json").write_text(json.dumps({"sweeps": [sweep, sweep | {"record": None}]}))
    text = render(companion_tables.Records, book)
    for words in ('<a id="record-a" href="05-a.html">a</a>', "9 of 12", "<li>2 superseded</li>", "1 min 35 s",
                  "a &amp; b", "31 January 2025 to 1 February 2025", ">0123456789</code>", "5 of 12 audited"):
        assert words in text, text
    assert text.count("05-a.html") == 1
    assert ">none</td>" in text and "In all, 0 points" in text
    sweep["audits"] |= {"recorded": 1200, "uncommitted": 1100, "uncommitted audited": 4}
    (tmp_path / "_data/chapters/05-a.json").write_text(json.dumps({"sweeps": [sweep]}))
    (tmp_path / "_data/chapters/06-b.json").write_text(json.dumps({"sweeps": [sweep]}))
    text = render(companion_tables.Records, book)
    assert text.count("1,100 of all 1,200, 4 of them audited") == 2
    assert "In all, 1,100 points were made in trees with uncommitted changes." in text  # two pages, one record
    text = render(companion_tables.Records, book)  # the same record, of which the first row has the anchor
    assert text.count('id="record-a"') == 1 and '<a href="06-b.html">a</a>' in text


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


def test_prose_has_the_ratio_of_the_row_that_it_names(tmp_path):
    book = staged(tmp_path, bench=[{"name": "a step", "ratio": 66.58}, {"name": "b step", "ratio": 9.06}])
    reporter, noted = SimpleNamespace(error=lambda message, line: (message, line)), []
    env = SimpleNamespace(srcdir=book.env.srcdir, note_dependency=noted.append)

    def ratio(name):
        role = companion_tables.Ratio()
        role.text, role.lineno = name, 7
        role.inliner = SimpleNamespace(reporter=reporter, document=SimpleNamespace(settings=SimpleNamespace(env=env)))
        return role.run()

    assert ratio("a step")[0][0].astext() == "67" and ratio("b step")[0][0].astext() == "9.1"
    assert noted[0].endswith("bench.json")
    (texts, ((message, line),)) = ratio("c step")
    assert not texts and "got 'c step', which 0 have" in message and line == 7


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


def test_ranges_show_both_ends_and_whether_an_installation_left_them(tmp_path):
    row = {"end": "oldest", "python": "3.11.7", "status": 0, "tests": {"passed": 7}, "packages": {"numpy": "2.0.2"},
           "left": True, "seconds": 60, "commit": "0123456789abcdef", "date": "2026-11-30", "processor": "a <name>"}
    other = row | {"end": "newest", "packages": {"numpy": "2.4.6"}, "tests": {"passed": 6, "failed": 1}, "left": False}
    text = render(companion_tables.Ranges, staged(tmp_path, ranges=[row, other]))
    for words in (">2.0.2<", ">2.4.6<", "6 passed, 1 failed", "as before</span>", "changed</span>", "a &lt;name&gt;"):
        assert words in text, text


def test_mutations_show_who_noticed_and_what_was_not_as_it_should_be(tmp_path):
    row = {"what": "a < b", "files": ["lib/x.py"], "harmless": False, "moved": {"walk": "walk no longer < does"},
           "as expected": True, "commit": "0123456789abcdef", "dirty": False, "date": "2026-11-28"}
    other = row | {"what": "words", "harmless": True, "as expected": False, "dirty": True}
    text = render(companion_tables.Mutations, staged(tmp_path, mutations=[row, other, other | {"moved": {}}]))
    assert "a &lt; b" in text and "<summary>walk</summary><ul><li>walk no longer &lt; does</li>" in text
    assert ">0123456789</code>, 2026-11-28<" in text and ">0123456789</code>, with uncommitted changes, 2026" in text
    assert text.count("not as expected") == 2 and ">nothing<" in text.replace("</strong> nothing", ">nothing")
