"""make pdf: the pages of a built site as one, and that printed by Chromium."""

import re
import shutil

import pytest

from lib.pipeline import command, pdf
from lib.pipeline.site import page_names
from tests import toy_book

PAGE = """<html data-theme="dark"><head><link href="_static/a.css" rel="stylesheet"/><script>1</script>
<script>document.documentElement.dataset.theme = localStorage.getItem("theme") || "auto";</script></head><body>
<div class="bd-sidebar-primary">menu</div><article class="bd-article"><section id="{name}-title"><h1>{name}</h1>
<p id="a">So <a href="#a">here</a>, <a href="other.html#a">there</a>, <a href="other.html">other</a>,
<a href="downloads/x.csv" download="">file</a>, <a href="https://example.org/x.html">out</a>,
<a href="gone.html">gone</a></p>
<img alt="A line" loading="lazy" src="a.svg"/><svg><defs><clipPath id="clip"></clipPath></defs></svg>
<details class="hide above-input"><summary>Show</summary><details><summary>deep</summary></details></details>
<details class="code-behind"><summary>The code behind</summary></details>
<details class="companion-box"><summary>Words</summary><p>open</p></details><script>2</script></section></article>
<div class="prev-next-footer">next</div></body></html>"""


@pytest.fixture
def site(tmp_path):
    for name in ("index", "other"):
        toy_book.write(tmp_path, f"_build/html/{name}.html", PAGE.format(name=name))
    toy_book.write(tmp_path, "_toc.yml", "format: jb-book\nroot: index\nparts:\n- chapters:\n  - file: other\n")
    return tmp_path


def test_pages_become_one_whose_links_stay_within_it(site):
    text = pdf.one_page(site / "_build/html", ["index", "other"])
    assert re.findall(r'<article class="bd-article" id="(\w+)"', text) == ["index", "other"]
    anchors = re.findall(r'\bid="([^"]+)"', text)
    assert {"index--a", "other--a", "index", "other"} <= set(anchors) and anchors.count("clip") == 2
    links = re.findall(r'<a(?=[ >])(?: href="([^"]+)")?', text)
    assert "download" not in text
    assert links == ["#index--a", "#other--a", "#other", "", "https://example.org/x.html", "",
                     "#other--a", "#other--a", "#other", "", "https://example.org/x.html", ""]
    assert {link[1:] for link in links if link.startswith("#")} <= set(anchors)
    assert 'data-theme="light"' in text and "dataset.theme" not in text and "<script>1" in text
    assert "menu" not in text and "next" not in text and "<script>2" not in text
    assert text.count("<img") == 2 and "lazy" not in text
    assert text.count("open=") == 2  # words; code stays folded, with all that is in it


def test_pages_come_in_the_order_of_the_contents(tmp_path):
    toy_book.write(tmp_path, "_toc.yml", "format: jb-book\nroot: book/index\nparts:\n- caption: A\n  chapters:\n"
                   "  - file: book/a.md\n    sections:\n    - file: book/a1\n      sections: [{file: book/a2}]\n"
                   "    - url: https://example.org\n  - file: book/b\n")
    assert page_names(tmp_path) == ["index", "a", "a1", "a2", "b"]


def test_without_a_site_or_a_browser_it_says_what_to_do(site, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert command.main(["pdf", "--root", str(site)]) == 1
    assert "expected a browser that prints" in capsys.readouterr().err
    (site / "book/parameters").mkdir(parents=True)
    (site / "book/parameters/smoke.yml").touch()
    assert command.main(["pdf", "--root", str(site), "--profile", "smoke"]) == 1
    assert capsys.readouterr().err == "\nexpected a built site, got none; try make book\n"


def test_a_site_is_printed_with_bookmarks_and_without_menus(site):
    if not any(map(shutil.which, pdf.BROWSERS)):
        pytest.skip("no chromium on this machine")
    assert command.main(["pdf", "--root", str(site)]) == 0
    content = (site / "_build/book.pdf").read_bytes()
    assert content.startswith(b"%PDF-") and content.count(b"/Type /Page\n") >= 1 and b"/Outlines" in content
    assert b"file:///" not in content and str(site).encode() not in content
