"""make epub: the pages of a built site as pandoc reads them, and the book that it makes of them."""

import re
import shutil
import zipfile
from xml.etree import ElementTree

import pytest

from lib.pipeline import command, epub, pdf
from tests import toy_book

PAGE = r"""<html data-theme="light"><head><title>A book</title></head><body><article class="bd-article">
<section id="{name}-title"><h1>{name}<a class="headerlink" href="#x">#</a></h1>
<p id="a">So <a href="#a">here</a>, <a href="other.html#row">there</a>, <a href="other.html">other</a></p>
<span class="math">\(x^2\)</span><table><tr id="row"><td>cell</td></tr></table>
<picture><source srcset="_images/a.narrow.svg"/>
<img alt="A line" class="only-light" src="_images/a.svg" width="600"/></picture>
<picture><img alt="A line" class="only-dark" src="_images/a.svg#dark"/></picture>
<style scoped>td { color: red; }</style><details class="hide"><summary>Show</summary><pre>code</pre></details>
<details class="claim" id="claim-a"><summary>It holds</summary><dl class="claim-facts"><dt>facts</dt></dl></details>
</section></article></body></html>"""
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9"/></svg>'


@pytest.fixture
def built(tmp_path):
    for name in ("index", "other"):
        toy_book.write(tmp_path, f"_build/html/{name}.html", PAGE.replace("{name}", name))
    toy_book.write(tmp_path, "_build/html/_images/a.svg", PICTURE)
    toy_book.write(tmp_path, "_toc.yml", "format: jb-book\nroot: index\nparts:\n- chapters:\n  - file: other\n")
    return tmp_path


def test_what_is_linked_to_is_a_span_that_pandoc_keeps(built):
    title, text = epub.book(pdf.one_page(built / "_build/html", ["index", "other"]))
    assert title == "A book"
    names = re.findall(r'<span id="([^"]+)">', text)
    links = re.findall(r'<a href="#([^"]+)"', text)
    assert len(set(names)) == len(names) and links and set(links) <= set(names)
    assert '<td><span id="other--row"></span>cell' in text and "<section" not in text and ">other</span>" in text
    assert text.count("<img") == 2 and "600" not in text and "#dark" not in text and "<source" not in text
    assert "scoped" not in text and "It holds" in text and "facts" not in text
    assert "code" not in text and "headerlink" not in text


def test_without_a_site_or_pandoc_it_says_what_to_do(built, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert command.main(["epub", "--root", str(built)]) == 1
    assert "expected pandoc, got none; try apt-get install pandoc" in capsys.readouterr().err
    (built / "_build/html/index.html").unlink()
    assert command.main(["epub", "--root", str(built)]) == 1
    assert "expected a built site" in capsys.readouterr().err


def test_a_site_becomes_a_book_with_pictures_formulas_and_links_that_lead_somewhere(built):
    if not shutil.which("pandoc"):
        pytest.skip("no pandoc on this machine")
    assert command.main(["epub", "--root", str(built)]) == 0
    with zipfile.ZipFile(built / "_build/book.epub") as book:
        first = book.infolist()[0]
        assert (first.filename, first.compress_type, book.read(first)) == (
            "mimetype", zipfile.ZIP_STORED, b"application/epub+zip")
        parts = {name: ElementTree.fromstring(book.read(name)) for name in book.namelist() if name.endswith(".xhtml")}
        assert sum(name.endswith(".svg") for name in book.namelist()) == 1
    named = [f"{name.rpartition('/')[2]}#{found.get('id')}" for name, part in parts.items()
             for found in part.iter() if found.get("id")]
    ids = {*named}
    assert len(ids) == len(named)
    links = [(name, found.get("href")) for name, part in parts.items() if "/text/ch" in name
             for found in part.iter("{http://www.w3.org/1999/xhtml}a")]
    assert len(links) == 6
    for name, link in links:
        assert (f"{name.rpartition('/')[2]}{link}" if link.startswith("#") else link) in ids
    assert sum(1 for part in parts.values() for _ in part.iter("{http://www.w3.org/1998/Math/MathML}math")) == 2
