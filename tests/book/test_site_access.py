"""Every page of the built site by axe-core, in a real browser: WCAG 2.2, levels A and AA."""

import pytest

from tests.browsing import SITE, open_page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def axe():
    return pytest.importorskip("axe_playwright_python.sync_playwright").Axe()


# Everything unfolded, and no colours that fade in.
UNFOLD = """() => {
  document.querySelectorAll('details').forEach(details => { details.open = true; });
  const style = document.createElement('style');
  style.textContent = '*, *::before, *::after { animation: none !important; transition: none !important; }';
  document.head.append(style);
}"""
# Of what a page repeats (the colours of code, formulas, rows, entries), the first few: the check takes a seventh.
FIRST = """() => {
  [...document.querySelectorAll('div.highlight pre')].slice(5).forEach(code => code.replaceChildren(code.textContent));
  const rest = [...document.querySelectorAll('table')].flatMap(table => [...table.rows].slice(25));
  for (const [repeated, kept] of [['mjx-container', 5], ['.api-items > *', 40], ['.claim-strip', 5]])
    rest.push(...[...document.querySelectorAll(repeated)].slice(kept));
  rest.forEach(part => part.remove());
}"""


def violations(axe, page):
    """What axe-core finds on a page: the rule, and where it is broken."""
    found = axe.run(page, options={"runOnly": RULES, "resultTypes": ["violations"]}).response["violations"]
    return [f"{rule['id']} ({rule['help']}), {len(rule['nodes'])} times, such as {rule['nodes'][0]['html'][:200]}"
            for rule in found]


@pytest.fixture(scope="module")
def checked(axe, browser, pages, request):
    """checked(scheme, width): what is found on every page, by page; pages without faults are left out."""
    def check(scheme, width):
        page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
        found = {}
        for name in [*pages, "search.html"]:
            if name == "search.html":
                page.goto(f"{(SITE / name).as_uri()}?q=Ising")
            else:
                open_page(page, name)
            assert page.evaluate("document.documentElement.dataset.theme") == scheme
            page.evaluate(UNFOLD)
            if not request.config.getoption("--all"):
                page.evaluate(FIRST)
            if faults := violations(axe, page):
                found[name] = faults
        page.close()
        return found

    return check


@pytest.mark.some(1)
@pytest.mark.parametrize("scheme, width", [("light", 1360), ("dark", 1360), ("light", 400)])
def test_no_page_keeps_anybody_out(checked, scheme, width):
    assert checked(scheme, width) == {}


def test_the_check_sees_what_is_wrong(axe, browser):
    page = browser.new_page()
    page.set_content("<html lang=en><title>A</title><main><h1>A</h1><img src=data:,><input>"
                     "<p style='color:#aaa;background:#fff'>grey</p></main></html>")
    found = " ".join(violations(axe, page))
    assert all(rule in found for rule in ("image-alt", "label", "color-contrast"))
    page.close()
