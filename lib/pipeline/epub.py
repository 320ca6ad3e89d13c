"""`make epub`: the built site as one EPUB with formulas as MathML, made by pandoc, its pages in the book's order.

It has what one reads: no code that the site folds, no facts of claims (the ledger has them), and a still picture for
each that moves.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from lib.pipeline import pdf, site
from lib.study import runs

# What has no use in a reader of books.
GONE = ("head, style, details.hide, details.code-behind, dl.claim-facts, .knob, .living-machine, .figure-files, "
        ".downloads, .ledger-filters, .headerlink, .only-dark, source, .toctree-wrapper, button")


def build(top: Path, profile: str) -> Path:
    """Write the site of a profile; return the EPUB.  Raises `ValueError` where there is no site or no pandoc."""
    html = runs.built(top, profile)
    pandoc = shutil.which("pandoc")
    if pandoc is None:
        raise ValueError("expected pandoc, got none; try apt-get install pandoc, or brew install pandoc")
    with tempfile.TemporaryDirectory(prefix="epub-") as place:
        source, result = Path(place) / "book.html", Path(place) / "book.epub"
        title, text = book(pdf.one_page(html, site.page_names(top)))
        source.write_text(text, "utf-8")
        done = subprocess.run(
            [pandoc, "--from=html+tex_math_single_backslash", "--to=epub3", "--mathml", "--toc", "--toc-depth=2",
             f"--metadata=title:{title}", "--metadata=lang:en", f"--output={result}", source],
            cwd=html, capture_output=True, text=True, encoding="utf-8")
        if done.returncode:
            raise ValueError(f"expected pandoc to write the book, got {done.stderr.strip()[-500:]}; try pandoc 3")
        shutil.move(result, html.with_name("book.epub"))
    return html.with_name("book.epub")


def book(page: str) -> tuple[str, str]:
    """The title, and the pages as pandoc reads them: it keeps names of spans, and no sections."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(page, "html.parser")
    title = soup.title.get_text()
    for gone in soup.select(GONE):
        gone.decompose()
    for image in soup.select("img"):  # as wide as a reader's screen, where it is wider
        image.attrs = {"src": image["src"].partition("#")[0], "alt": image.get("alt", "")}
    for drawing in soup.select("svg"):
        drawing["xmlns"] = "http://www.w3.org/2000/svg"  # becomes a file of its own
    for named in soup.select("body [id]:not(h1, h2, h3, h4, h5, svg, svg *)"):
        span = soup.new_tag("span", id=named.attrs.pop("id"))
        heading = named.find(["h1", "h2", "h3", "h4", "h5"]) if named.name in ("article", "section") else None
        if heading:  # around its words: the contents of the book have no empty ones
            span.extend(list(heading.contents))
            heading.append(span)
            heading["id"] = f"{span['id']}--heading"  # else one that pandoc makes up, perhaps the span's
        else:
            (named.find(["td", "th"]) or named if named.name == "tr" else named).insert(0, span)
    for part in soup.select("article, section, main"):
        part.unwrap()
    return title, str(soup)
