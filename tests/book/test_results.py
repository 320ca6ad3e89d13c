"""Pictures of chapters with their verdicts, the summary of the ledger, reading times: a small book, rendered."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import companion_files
import companion_pages
import companion_results
import companion_summary
import pytest
from docutils import nodes
from sphinx.testing.util import SphinxTestApp

from tests import claim_parts
from tests.claim_parts import line
from tests.tree import ROOT

SVG = '<svg width="1pt" xmlns="http://www.w3.org/2000/svg"><path style="fill: #0072b2"/></svg>'
CONF = """
import sys
sys.path.insert(0, {ext!r})
extensions = ["myst_parser", "companion_results", "companion_figures", "companion_summary"]
source_suffix = {{".md": "markdown"}}
numfig = True
"""
CHAPTER = """# States

```{figure} a.svg
:name: fig-5-1-toy
:alt: A curve that rises.

The caption.
```
"""
PAGE = """# Short

```{result} fig-5-1-toy
:claims: fig5.1-toy, fig5.1-late

The *curve* rises.
```
"""
CLAIMS = """
- id: fig5.1-toy
  item: "5.1"
  statement: The curve rises to $x < 1$.
  expected: {at least: 0.5}
  where: Fig. 5.1, p. 61
  bound: ours
  reason: a toy
- id: fig5.1-late
  item: "5.1"
  statement: It stays there.
  expected: {equal: 1}
  where: Fig. 5.1, p. 61
  tolerance: {absolute: 0.1, reason: a toy}
"""
ENTRY = line(
    "fig5.1-toy",
    statement="The curve rises to $x < 1$.",
    measured=0.75,
    expected={"value": 0.5, "relation": "at least", "upper": None, "where": "Fig. 5.1, p. 61"},
    bound="a toy",
    page="05-states",
    profile="smoke",
)


@pytest.fixture
def book(tmp_path, monkeypatch):
    """render(page): the page `short` of a small book as HTML, and the warnings."""
    (tmp_path / "lib/study").mkdir(parents=True)
    (tmp_path / "data/thesis/claims").mkdir(parents=True)
    (tmp_path / "data/thesis/claims/05.yml").write_text(CLAIMS)
    monkeypatch.setenv("COMPANION_ROOT", str(tmp_path))
    source = tmp_path / "stage"
    (source / "_data").mkdir(parents=True)
    (source / "conf.py").write_text(CONF.format(ext=str(ROOT / "book/_ext")))
    (source / "a.svg").write_text(SVG)
    (source / "05-states.md").write_text(CHAPTER)
    (source / "index.md").write_text("# Book\n\n```{toctree}\n:numbered:\n05-states\nshort\n```\n")
    (source / "_data/ledger.json").write_text(json.dumps([ENTRY]))

    def render(page=PAGE, chapter=CHAPTER):
        (source / "short.md").write_text(page)
        (source / "05-states.md").write_text(chapter)
        app = SphinxTestApp(srcdir=source, builddir=tmp_path / "built", freshenv=True)
        try:
            app.build()
            text = (Path(app.outdir) / "short.html").read_text("utf-8")
            return text, re.sub(r"\x1b\[[0-9;]*m", "", app.warning.getvalue()), Path(app.outdir)
        finally:
            app.cleanup()

    return render


def test_a_result_shows_the_picture_of_its_chapter(book):
    text, warnings, out = book()
    assert warnings == ""
    assert text.count('alt="A curve that rises."') == 2  # for light and for dark
    assert 'src="_images/a.svg#dark"' in text and "The <em>curve</em> rises." in text
    assert 'href="05-states.html#fig-5-1-toy">Figure 1.1</a> in “States”' in text
    assert "The caption." not in text
    assert 'id="dark"' in (out / "_images/a.svg").read_text()


def test_verdicts_come_from_the_ledger(book):
    text, _, _ = book()
    line, later = re.findall(r"<li>(<(?:a|span).*?)</li>", text.partition("result-claims")[2])
    assert '<a href="05-states.html#claim-fig5.1-toy"><span class="verdict' in line
    assert "\\(x &lt; 1\\)" in line and "bound of ours: at least 0.5; here: 0.75" in line
    assert "fig5.1-late: no verdict yet" in later


def test_a_page_can_open_with_a_picture_of_its_own(book):
    chapter = CHAPTER.replace("# States\n", "# States\n\n" + PAGE.partition("\n\n")[2])
    _, warnings, out = book(chapter=chapter)
    text = (out / "05-states.html").read_text("utf-8")
    assert warnings == "" and text.count('alt="A curve that rises."') == 4
    assert 'href="#fig-5-1-toy">Figure 1.1</a></p>' in text and text.count('id="fig-5-1-toy"') == 1


@pytest.mark.parametrize(
    "old, new, words",
    [
        (
            "fig-5-1-toy",
            "fig-5-1-tow",
            "expected a figure of 05-states, got 'fig-5-1-tow'; try fig-5-1-toy",
        ),
        ("fig5.1-late", "fig5.1-lake", "got 'fig5.1-lake'; try fig5.1-late"),
        (
            ":claims: fig5.1-toy, fig5.1-late\n",
            "",
            "expected the claims that belong to the picture, got none",
        ),
    ],
)
def test_what_is_not_there_is_named(book, old, new, words):
    text, warnings, _ = book(PAGE.replace(old, new))
    assert words in warnings and "short.md:3" in warnings
    assert "<img" not in text


def test_a_figure_without_a_picture_does_not_count():
    empty, full = (
        nodes.figure(names=["fig-a"]),
        nodes.figure("", nodes.image(uri="b.svg"), names=["fig-b"]),
    )
    page = nodes.container("", empty, full)
    assert companion_results.find_figure(page, "fig-b")[0] is full
    assert companion_results.find_figure(page, "fig-a") == (None, "fig-b")
    assert companion_results.find_figure(nodes.container(), "fig-a") == (
        None,
        "a page with figures",
    )


def entries(**counts):
    """A ledger with so many claims of each item and verdict."""
    return [
        ENTRY | {"item": item, "verdict": verdict.replace("_", " "), "page": page}
        for verdict, items in counts.items()
        for item, page in items
    ]


def test_the_sentence_counts_what_the_thesis_says():
    ledger = entries(
        reproduced=[("5.1", "05-states"), ("eq3.29", "35-kernels"), ("own-05", "05-states")],
        differs=[("s6.4", "06-size")],
        reproduced_at_reduced_scale=[("T3.1", "34-resnets")],
    )
    assert companion_summary.sentence(claim_parts.entries(*ledger)) == (
        "Of 4 statements of the thesis put to the test, 2 reproduced, 1 reproduced at reduced scale "
        "and 1 found to differ (profile smoke)."
    )
    assert companion_summary.sentence(claim_parts.entries(ledger[0])) == (
        "Of 1 statements of the thesis put to the test, 1 reproduced (profile smoke)."
    )


@pytest.mark.parametrize(
    "item, kind",
    [("5.1", ""), ("B.1", ""), ("T3.1", ""), ("eq3.29", "eq"), ("s6.4.1", "s"), ("own-05", "own-")],
)
def test_items_have_a_kind(item, kind):
    assert companion_summary.kind(item) == kind and kind in companion_summary.KINDS


def test_the_summary_counts_by_kind_and_page(tmp_path, repository):
    ledger = entries(
        reproduced=[("5.1", "05-states"), ("5.2", "05-states"), ("own-05", "05-states")],
        not_run=[("eq3.29", "35-kernels")],
    )
    directive = companion_summary.VerdictSummary.__new__(companion_summary.VerdictSummary)
    settings = SimpleNamespace(env=SimpleNamespace(srcdir=str(tmp_path)))
    directive.state = SimpleNamespace(document=SimpleNamespace(settings=settings))
    assert "empty-note" in directive.html()
    (tmp_path / "_data").mkdir()
    (tmp_path / "_data/ledger.json").write_text(json.dumps(ledger))
    text = directive.html()
    rows = [
        re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(<td.*?)</tr>", text)
    ]
    counts = {re.sub("<.*?>", "", name): numbers for name, *numbers in rows}
    assert counts == {
        "figures and tables": ["2", "–", "–", "–", "–", "2"],
        "equations": ["–", "–", "–", "–", "1", "1"],
        "results that the thesis does not have": ["1", "–", "–", "–", "–", "1"],
        "Page 3.5": ["–", "–", "–", "–", "1", "1"],
        "Page 5": ["3", "–", "–", "–", "–", "3"],
        "all": ["3", "–", "–", "–", "1", "4"],
    }
    assert text.index("Page 3.5") < text.index("Page 5") and 'href="35-kernels.html"' in text


def test_reading_time_counts_words_and_figures_and_no_code():
    words = nodes.paragraph("", " ".join(["word"] * 590))
    caption = nodes.caption("", " ".join(["word"] * 9))
    figure = nodes.figure("", nodes.image(), caption)
    code = nodes.literal_block("", " ".join(["code"] * 5000))
    section = nodes.section("", nodes.title("", "States"), words, figure, code)
    assert "4 minutes to read: 600 words and 1 figure." in companion_pages.reading_time(section)
    assert "1 minute to read" in companion_pages.reading_time(
        nodes.section("", nodes.title("", "States"))
    )


def test_the_head_of_a_page_says_what_it_takes_at_each_profile_and_where_that_was_measured():
    noted = {"core_seconds": 95.2, "processor": "A <chip>", "commit": None, "date": "2026-01-31T12:00:00+00:00"}
    times = {"laptop": noted, "smoke": noted | {"core_seconds": 4.0}, "paper": noted | {"processor": "B"}}
    where = "noted on one core of A &lt;chip&gt;, 31 January 2026"
    assert companion_pages.computing_time(times | {"paper": None}) == (
        f'<p class="computing-time">Processor time to compute: 4.0 s at smoke, 1 min 35 s at laptop ({where}); '
        "paper: not measured.</p>")
    assert "1 min 35 s at paper (noted on one core of B, 31 January 2026).<" in companion_pages.computing_time(times)
    assert companion_pages.computing_time({}) == companion_pages.computing_time({"laptop": None}) == ""


def test_entries_of_the_bibliography_are_items_of_a_list(tmp_path):
    (tmp_path / "_static").mkdir()
    page = tmp_path / "a.html"
    page.write_text(
        '<div role="list"><div class="citation" role="doc-biblioentry">A, 2021</div></div>'
    )
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    companion_files.mend_pages(app, None)
    assert (
        page.read_text()
        == '<div role="list"><div class="citation" role="listitem">A, 2021</div></div>'
    )
