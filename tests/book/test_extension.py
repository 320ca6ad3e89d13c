"""The book's Sphinx extension, without a build: numbers, boxes and tables from the records of runs."""

from types import SimpleNamespace

import companion_data
import companion_files
import companion_math
import companion_numbers
import companion_pages
import companion_search
import pytest
from docutils import nodes
from sphinx.builders.html._assets import _JavaScript

from lib.study.parameters import Parameter

pytestmark = pytest.mark.usefixtures("repository")

PROVENANCE = {
    "commit": "0123456789abcdef0123456789abcdef01234567", "dirty": True, "profile": "smoke",
    "parameters": {"n_spins": 6, "start": "<all up>"}, "seed": None, "versions": {"python": "3.11.2"},
    "processor": "a & b", "device": "cpu", "threads": 1, "seconds": 101.2, "core_seconds": 98.0,
    "peak_memory_bytes": 4.1e8, "budget_core_minutes": 4, "date": "2025-01-31T13:05:00+01:00",
}


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


def test_titles_do_not_break_within_names_of_data_sets_and_networks():
    title = nodes.title("", "ResNet-18 on CIFAR-10, at 3-5 ")
    title += nodes.literal("", "wide-sparse")
    section = nodes.section("", title, nodes.paragraph("", "CIFAR-10"), ids=["resnet-18-on-cifar-10"])
    companion_pages.keep_names_whole(None, nodes.container("", section))
    assert title.astext() == "ResNet‑18 on CIFAR‑10, at 3-5 wide-sparse"
    assert section.children[1].astext() == "CIFAR-10" and section["ids"] == ["resnet-18-on-cifar-10"]


def test_the_parameter_box_marks_what_was_changed():
    parameters = {"n_spins": Parameter("n_spins", "int", 10, "length", 3, 1000, cost="2^n & more"), "start": Parameter(
        "start", "str", "<all up>", "first state", choices=("<all up>", "random"))}
    command = 'make chapter CH=05 PARAMS="n_spins=8"'
    box = companion_pages.parameter_box(parameters, PROVENANCE, command)
    assert "profile smoke, 1 changed from the defaults" in box
    assert "<strong>6</strong>" in box and "(laptop: 10)" in box and "3 to 1,000" in box
    assert "<all up>" not in box and box.count("&lt;all up&gt;") == 2
    assert '<code>n_spins</code> <span class="parameter-type">int</span>' in box
    assert '<td data-label="cost">2^n &amp; more</td>' in box and '<td data-label="cost">not said</td>' in box
    assert f'<div class="highlight"><pre>{command}</pre></div>' in box  # what the theme's button copies
    unchanged = companion_pages.parameter_box(parameters, PROVENANCE | {"parameters": {}, "profile": "laptop"}, "")
    assert "all at their defaults" in unchanged and "(laptop:" not in unchanged and "<pre>" not in unchanged


def test_the_provenance_box_holds_every_fact():
    text = {"commit": "fedcba98765", "dirty": False}
    box = companion_pages.provenance_box({"provenance": PROVENANCE, "text": text})
    assert 'commit of the text</dt><dd><code class="commit" title="fedcba98765">fedcba9876</code></dd>' in box
    for fact in ("0123456789</code>, with uncommitted changes", "smoke", "n_spins = 6", "python 3.11.2", "a &amp; b",
                 "cpu, 1 thread(s)", "1 min 41 s", "processor time of it</dt><dd>1 min 38 s of 4 min budgeted",
                 "410 MB", "31 January 2025, 12:05 UTC"):
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


def test_thebe_and_preloads_leave_the_pages(tmp_path):
    context = {"script_files": [SimpleNamespace(filename="a.js", attributes={}), SimpleNamespace(
        filename=None, attributes={"body": "const THEBE_JS_URL = 1"})], "css_files": ["_static/sphinx-thebe.css"]}
    companion_files._drop_thebe(None, "a", "page.html", context, None)
    assert [asset.filename for asset in context["script_files"]] == ["a.js"] and context["css_files"] == []
    script = tmp_path / "_static/vendor/fontawesome/6/js/all.js"
    script.parent.mkdir(parents=True)
    script.touch()
    page = tmp_path / "a.html"
    page.write_text('<head>\n  <link rel="preload" as="font" href="x.woff2" crossorigin>\n  <title>a</title></head>')
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    companion_files.mend_pages(app, None)
    assert page.read_text() == "<head>\n  <title>a</title></head>" and not script.parent.exists()


def test_scripts_wait_for_the_page_and_colours_do_not_wait_for_scripts():
    page = '<script src="_static/documentation_options.js?v=1"></script><script>a()</script>' \
           '<script src="b.js"></script><script async="async" src="c.js"></script><script defer src="d.js"></script>' \
           '<script src="_static/vendor/fontawesome/6/js/all.min.js?d=1"></script><i class="fa-solid fa-x"></i>' \
           '<script data-x="1">theme = localStorage.getItem("theme") || "auto";</script>'
    mended = companion_files.mended(page)
    assert mended == companion_files.mended(mended) == \
        '<script src="_static/documentation_options.js?v=1"></script><script>a()</script><script defer src="b.js">' \
        '</script><script async="async" src="c.js"></script><script defer src="d.js"></script>' \
        '<i aria-hidden="true" class="fa-solid fa-x"></i><script data-x="1">theme = localStorage.getItem("theme") || ' \
        '(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");</script>'


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


def test_punctuation_stays_with_its_formula_unless_that_is_long():
    short, long, alone = (nodes.math("", text) for text in ("p", "x" * 50, "q"))
    line = nodes.paragraph("", "", nodes.Text("so (as "), alone, nodes.Text(" says, ("), short, nodes.Text("), and"),
                           long, nodes.Text(", too"))
    title = nodes.title("", "", nodes.math("", "n"), nodes.Text(", a count"))
    before = title.deepcopy()
    companion_math.keep_punctuation(None, nodes.container("", line, title))
    (whole,) = line.findall(nodes.inline)
    assert whole["classes"] == ["whole"] and whole.astext() == "(p),"
    assert line.astext() == f"so (as q says, (p), and{long.astext()}, too" and title.astext() == before.astext()


def test_formulas_wait_where_there_are_settings_of_mathjax():
    scripts = [_JavaScript("", body="window.MathJax = {}"), _JavaScript("a.js"), _JavaScript("", body="let a = 1;")]
    for _ in range(2):
        companion_math.wait_for_picture(None, "a", "page.html", {"script_files": scripts}, None)
    bodies = [script.attributes.get("body") for script in scripts]
    assert bodies == ["window.MathJax = {};" + companion_math._AFTER_PICTURE, None, "let a = 1;"]
