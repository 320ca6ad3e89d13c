"""What the tests of this room share; the extension of the book is no package, so its folder is on the path."""

import re
import shutil
import sys

import pytest

from tests.browsing import ARGUMENTS, SITE, open_page, unavailable
from tests.tree import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))


@pytest.fixture(scope="module")
def pages():
    if not (SITE / "index.html").exists():
        unavailable(f"no built site at {SITE}; make test builds it")
    return sorted(path.name for path in SITE.glob("*.html") if path.name not in ("genindex.html", "search.html"))


@pytest.fixture(scope="module")
def chapters(pages):
    return [name for name in pages if re.match(r"\d\d-", name)]


@pytest.fixture(scope="module")
def browser():
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        unavailable("no chromium on this machine; try: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser):
    """visit(name, **settings): a page of the site in a window of its own."""
    opened = []

    def visit(name, width=1360, **settings):
        page = browser.new_page(viewport={"width": width, "height": 900}, **settings)
        opened.append(page)
        if settings.get("java_script_enabled", True):
            open_page(page, name)
        else:
            page.goto((SITE / name).as_uri())
        return page

    yield visit
    for page in opened:
        page.close()


@pytest.fixture
def repository(monkeypatch):
    """The extension takes this tree for the one that it draws pages of."""
    monkeypatch.setenv("COMPANION_ROOT", str(ROOT))
