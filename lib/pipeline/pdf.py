"""`make pdf`: the built site as one PDF, its pages in the order of the contents, printed by Chromium in light colours.

Links between pages lead to their place in the PDF.  What is folded on the site is open, but for the code of figures and
the facts of claims, which the ledger has.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from lib import atomic
from lib.pipeline import site
from lib.study import runs

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Code, what the ledger tells of claims, and what it links them to.
FOLDED = "details.hide, details.toggle-details, details.code-behind, details.claim, details.claim-behind"
FOOTER = ('<div style="font: 8px sans-serif; width: 100%; text-align: center">'
          '<span class="pageNumber"></span></div>')


def build(top: Path, profile: str) -> Path:
    """Print the site of a profile; return the PDF.  Raises `ValueError` where there is no site or no browser."""
    html = runs.built(top, profile)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ValueError(f"expected a browser that prints ({', '.join(BROWSERS)}), got none; try apt-get install "
                         "chromium, or brew install --cask chromium")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="pdf-") as place, sync_playwright() as driver:
        for folder in html.iterdir():
            if folder.is_dir():
                (Path(place) / folder.name).symlink_to(folder)
        (Path(place) / "book.html").write_text(one_page(html, site.page_names(top)), "utf-8")
        chromium = driver.chromium.launch(executable_path=browser, args=["--disable-gpu"])
        page = chromium.new_page(color_scheme="light")
        page.set_default_timeout(0)
        page.goto((Path(place) / "book.html").as_uri())
        page.evaluate("window.MathJax ? MathJax.startup.promise.then(() => null) : null")
        printed = page.pdf(
            format="A4", scale=0.75, print_background=True, outline=True, tagged=True, display_header_footer=True,
            header_template="<span></span>", footer_template=FOOTER,
            margin={"top": "16mm", "bottom": "18mm", "left": "16mm", "right": "16mm"})
        chromium.close()
    atomic.write_bytes(html.with_name("book.pdf"), printed)
    return html.with_name("book.pdf")


def one_page(html: Path, pages: list[str]) -> str:
    """The articles of some pages as one, each anchor with the name of its page before it; links to files are words."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup((html / "index.html").read_text("utf-8"), "html.parser")
    body = BeautifulSoup('<body class="printed"><main class="bd-main"></main></body>', "html.parser").body
    for name in pages:
        page = BeautifulSoup((html / f"{name}.html").read_text("utf-8"), "html.parser")
        article = page.select_one("article.bd-article")
        for element in article.select("[id]"):
            if element.find_parent("svg") is None:
                element["id"] = f"{name}--{element['id']}"
        for link in article.select("a[href]"):
            target, _, anchor = link["href"].partition("#")
            other = target.removesuffix(".html") or name
            if other in pages:
                link["href"] = f"#{other}--{anchor}" if anchor else f"#{other}"
            elif "//" not in target:
                for gone in ("href", "download"):
                    link.attrs.pop(gone, None)
        for details in article.select("details"):
            if details.css.closest(FOLDED) is None:
                details["open"] = ""
        for image in article.select("img[loading]"):
            del image["loading"]  # nobody scrolls to it
        for gone in article.select("script"):
            gone.decompose()
        article["id"] = name
        body.main.append(article)
    for script in soup.head.find_all("script", string=lambda text: text and "dataset.theme" in text):
        script.decompose()  # would choose a theme again, which no script of the body makes one of light and dark
    soup.body.replace_with(body)
    soup.html["data-theme"] = soup.html["data-mode"] = "light"
    return str(soup)
