"""Strips of verdicts: what they say, in which form, and where pages show them."""

from lib.pipeline import strips
from lib.study import claim_text, verdicts
from tests.claim_parts import claim, settled


def entry(name, item="5.1", measured=1.0, **changes):
    return verdicts.entry(claim(id=name, item=item, **changes), settled(name, measured), "05-first", "laptop")


def test_a_strip_escapes_its_text_names_each_item_once_and_tells_verdicts_in_words():
    markup = claim_text.strip([entry("one", statement="1 < 2 & so on"), entry("two", measured=7.0),
                               entry("three", "T3.1", bound="ours", reason="half a <percent>")])
    assert "1 &lt; 2 &amp; so on" in markup and "half a &lt;percent&gt;" in markup
    assert markup.count("Thesis figure 5.1") == 1 and markup.count("Thesis table 3.1") == 1
    for words in ('class="claim claim-differs" id="claim-two"', ">differs<", 'id="claim-one"', ">reproduced<"):
        assert words in markup


def test_claims_of_an_item_stand_together():
    markup = claim_text.strip([entry("one"), entry("two", "T3.1"), entry("three")])
    assert markup.count("Thesis figure 5.1") == markup.count("Thesis table 3.1") == 1
    assert markup.index('id="claim-one"') < markup.index('id="claim-three"') < markup.index('id="claim-two"')


def test_a_scale_is_said_once_and_in_full_where_the_line_is_unfolded():
    entries = [verdicts.entry(claim(id=name), settled(name, scale="N = 6"), "05-first", "laptop") for name in "ab"]
    markup = claim_text.strip(entries)
    assert markup.count("Scale: N = 6.") == 1 and markup.count("Scale: as above.") == 1
    assert markup.count("<dt>scale</dt><dd>N = 6</dd>") == 2


def output(*ids, record=None, **data):
    """An output of a cell: of claims, of a record, or another."""
    companion = {"claims": list(ids)} if ids else {"record": record} if record else None
    return {"output_type": "display_data", "data": data or {"text/html": "as the kernel showed it"},
            "metadata": {"companion": companion} if companion else {}}


def cell(*outputs, tags=("hide-input",)):
    return {"cell_type": "code", "source": "x = 1", "metadata": {"tags": list(tags)}, "outputs": list(outputs)}


def filled(*cells, records=()):
    """The outputs of a notebook after filling, a list a cell: ids of claims, or the first words."""
    entries = {name: entry(name) for name in ("a", "b", "c", "d")}
    notebook = {"cells": list(cells)}
    strips.fill(notebook, entries, dict(records))
    shown = []
    for found in notebook["cells"]:
        shown.append([item.get("metadata", {}).get("companion", {}).get("claims")
                      or item.get("data", {}).get("text/html", "")[:9] for item in found.get("outputs", [])])
    return shown


def test_claims_that_follow_each_other_become_one_strip():
    number = output(**{"application/papermill.record/text/plain": "'1'"})
    prose, empty = ({"cell_type": "markdown", "source": text, "metadata": {}} for text in ("So.", " "))
    assert filled(cell(output("a"), output("b"))) == [[["a", "b"]]]
    assert filled(cell(output("a"), number, output("b")), empty, cell(output("c"))) == [[["a", "b", "c"], ""], [], []]
    assert filled(cell(output("a")), prose, cell(output("b"))) == [[["a"]], [], [["b"]]]
    assert filled(cell(output("a")), cell(output("b"), tags=())) == [[["a"]], [["b"]]]
    assert filled(cell(output("a"), output(**{"image/png": "..."}), output("b"))) == [[["a"], "", ["b"]]]
    stream = {"output_type": "stream", "name": "stdout", "text": "1"}
    assert filled(cell(output("a"), stream, output("b"))) == [[["a"], "", ["b"]]]


def test_what_the_ledger_does_not_have_stays_as_the_kernel_showed_it():
    assert filled(cell(output("unknown"))) == [[["unknown"]]]
    notebook = {"cells": [cell(output("unknown"))]}
    strips.fill(notebook, {}, {})
    assert notebook["cells"][0]["outputs"][0]["data"]["text/html"] == "as the kernel showed it"


def test_negative_numbers_have_minus_signs_on_pages_and_nothing_else_has():
    for text, shown in [("-0.31 ± 0.02", "−0.31 ± 0.02"), ("'-.5'", "'−.5'"), ("from -1 to -3", "from −1 to −3"),
                        *((same, same) for same in ("1e-05", "2026-01-31", "5-3", "CIFAR-10", "f(x)-1", "a - 1"))]:
        assert claim_text.with_minus(text) == shown
    for text, shown in [("8.2e-06", "8.2\xa0×\xa010⁻⁶"), ("1.5e+10", "1.5\xa0×\xa010¹⁰"), ("-2 ± 1", "−2\xa0±\xa01"),
                        ("page-5", "page-5")]:
        assert claim_text.typeset(text) == shown
    number = output(**{"application/papermill.record/text/plain": "'-2.5 J'"})
    notebook = {"cells": [cell(number)]}
    strips.fill(notebook, {}, {})
    assert notebook["cells"][0]["outputs"][0]["data"] == {"application/papermill.record/text/plain": "'−2.5 J'"}
    markup = claim_text.strip([entry("one", measured=-1.5)])
    assert "−1.5" in markup and "-1.5" not in markup
    assert "-1.5" in claim_text.text([entry("one", measured=-1.5)])


def test_powers_of_ten_are_typeset_on_pages_alone():
    small = entry("one", measured=1.3e-5, tolerance={"absolute": 1e-10, "reason": "rounding"})
    markup = claim_text.strip([small])
    assert "1.3\xa0×\xa010⁻⁵" in markup and "1\xa0×\xa010⁻¹⁰ (rounding)" in markup
    assert "e-" not in markup.split("<dl")[1]
    assert "1.3e-05" in claim_text.text([small]) and "1e-10" in claim_text.text([small])


def test_filling_again_with_a_changed_bound_gives_the_new_verdict():
    notebook = {"cells": [cell(output("a"), output("b"))]}
    strips.fill(notebook, {"a": entry("a"), "b": entry("b")}, {})
    strips.fill(notebook, {"a": entry("a", expected={"equal": 5}), "b": entry("b")}, {})
    (only,) = notebook["cells"][0]["outputs"]
    assert 'class="claim claim-differs" id="claim-a"' in only["data"]["text/html"]
    assert only["metadata"]["companion"]["claims"] == ["a", "b"]


def test_a_box_of_a_record_is_rendered_with_its_audits():
    summary = {"name": "fig-1", "experiment": "f", "version": 2, "points": 3, "states": {"valid": 3},
               "commits": ["abc"], "dates": ["2026-01-01T00:00:00", "2026-01-02T00:00:00"], "dirty": 0,
               "core_seconds": 9.0, "audits": {"text": "2 of 3 points audited", "contradicted": False}}
    notebook = {"cells": [cell(output(record="fig-1"))]}
    strips.fill(notebook, {}, {"fig-1": summary})
    markup = notebook["cells"][0]["outputs"][0]["data"]["text/html"]
    assert "version 2" in markup and "2 of 3 points audited" in markup
