"""The built site in a real browser, opened from the disk: no server, no network."""

import json
import re
import tempfile
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from lib.pipeline import links
from tests.browsing import CONTRAST, SITE, in_site, open_page
from tests.tree import ROOT

TEXT_FILES = {".css", ".csv", ".html", ".ipynb", ".js", ".json", ".md", ".svg", ".txt"}

# What a page looks like to its reader; run in the browser, once a page.
INSPECT = r"""() => {
  const visible = document.querySelector('article').cloneNode(true);
  visible.querySelectorAll('pre, code, script, style, mjx-container').forEach(node => node.remove());
  return {
    title: document.title,
    heading: document.querySelector('article h1').innerText,
    raw_tex: (visible.textContent.match(/\\\(|\\\[|\\begin\{|\$\$/g) || []),
    math: document.querySelectorAll('article .math').length,
    unrendered: [...document.querySelectorAll('article .math')].filter(e => !e.querySelector('mjx-container')).length,
    math_errors: document.querySelectorAll('mjx-merror').length,
    images: [...document.querySelectorAll('article img')].map(e => [e.getAttribute('src'), e.alt, e.naturalWidth]),
    figures: document.querySelectorAll('article figure img').length,
    captions: [...document.querySelectorAll('figcaption .caption-number')].map(e => e.innerText.trim()),
    numbers: [...document.querySelectorAll('article .pasted-text')].map(e => e.innerText),
    links: [...document.querySelectorAll('a[href]')].map(e => e.href),
    downloads: [...document.querySelectorAll('a[download]')].map(e => e.href),
    sources: [...document.querySelectorAll('[src], link[href]')].map(e => e.src || e.href),
    code_errors: document.querySelectorAll('.output.traceback').length,
    levels: [...document.querySelectorAll('article :is(h1,h2,h3,h4,h5,h6)')].map(e => +e.tagName[1]),
  };
}"""

LEGIBLE = [".claim-statement", ".claim-facts dt", ".claim-facts dd", ".claim-verdict", ".verdict", ".state",
           "figcaption", ".figure-files", ".companion-table th", ".companion-table td", ".claim-details li",
           ".box-note", ".box-hint", ".provenance dt", ".provenance dd", "article p",
           "article p a:not(.headerlink)", "article li a", "article td a"]
PICTURES = "[...document.querySelectorAll('article .picture img')].filter(e => e.offsetWidth)" \
           ".map(e => [e.className, getComputedStyle(e).filter])"


@pytest.fixture(scope="module")
def visits(browser, pages):
    """Every page, read once: what it shows, what it asked for, what went wrong."""
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    page = context.new_page()
    seen = {}
    for name in pages:
        log = {"requests": [], "failed": [], "console": []}
        handlers = {
            "request": lambda request, log=log: log["requests"].append(request.url),
            # A picture that its page no longer wants, since its colours or width changed meanwhile, is not missing.
            "requestfailed": lambda request, log=log: log["failed"].extend(
                [request.url] * (request.failure != "net::ERR_ABORTED")),
            "console": lambda message, log=log: message.type == "error" and log["console"].append(message.text),
            "pageerror": lambda error, log=log: log["console"].append(str(error)),
        }
        for event, handler in handlers.items():
            page.on(event, handler)
        open_page(page, name)
        seen[name] = log | page.evaluate(INSPECT)
        if re.match(r"\d\d-|index|ledger|status", name):
            seen[name]["modes"] = modes(page)
        page.set_viewport_size({"width": 400, "height": 800})
        seen[name]["narrow"] = page.evaluate("document.documentElement.scrollWidth")
        page.set_viewport_size({"width": 1360, "height": 900})
        for event, handler in handlers.items():
            page.remove_listener(event, handler)
    context.close()
    return seen


def modes(page):
    """In both colour modes, as a click on the button of the page gives them: the mode, contrasts, the
    pictures that show, the paper."""
    found = {}
    page.add_style_tag(content="*, *::before, *::after { transition: none !important; }")  # colours fade else
    for mode in ("light", "dark"):
        for _ in range(3):
            if page.evaluate("document.documentElement.dataset.theme") == mode:
                break
            page.locator(".theme-switch-button:visible").first.click()
        found[mode] = {"theme": page.evaluate("document.documentElement.dataset.theme"),
                       "contrast": page.evaluate(CONTRAST, LEGIBLE), "pictures": page.evaluate(PICTURES),
                       "paper": page.evaluate("getComputedStyle(document.body).backgroundColor")}
    return found


def collect(visits, key):
    """What is wrong, by page; an empty dictionary is a pass."""
    return {name: visit[key] for name, visit in visits.items() if visit[key]}


def test_chapters_are_there(chapters):
    assert len(chapters) >= 2


def test_no_request_leaves_the_site_and_none_fails(visits):
    outside = {name: [url for url in visit["requests"] if not url.startswith("data:") and in_site(url) is None]
               for name, visit in visits.items()}
    assert {name: urls for name, urls in outside.items() if urls} == {}
    assert collect(visits, "failed") == {}
    assert all(visit["requests"] for visit in visits.values())


def test_nothing_on_a_page_is_loaded_from_elsewhere(visits):
    for name, visit in visits.items():
        outside = [url for url in visit["sources"] if not url.startswith("data:") and in_site(url) is None]
        assert outside == [], name


def test_the_console_is_silent(visits):
    assert collect(visits, "console") == {}


def test_formulas_are_rendered(visits, chapters):
    assert all(visits[name]["math"] > 0 for name in [*chapters, "notation.html"])  # else nothing is tested below
    for key in ("raw_tex", "unrendered", "math_errors"):
        assert collect(visits, key) == {}, key


def test_figures_load_and_have_alternative_text(visits, chapters):
    assert all(visits[name]["figures"] > 0 for name in chapters)
    for name, visit in visits.items():
        for source, text, width in visit["images"]:
            assert width > 0, f"{name}: {source} does not load"
            # Without a text of its own Sphinx puts the file's name there.
            assert len(text) > 15 and "_images/" not in text, f"{name}: {source} has no alternative text"


def test_chapters_and_figures_carry_the_thesis_number(visits, chapters):
    for name in chapters:
        number = ".".join(name[:2].lstrip("0"))  # page 34 is section 3.4, with figures of chapter 3 and its own
        assert re.match(rf"{re.escape(number)}\. ", visits[name]["heading"]), visits[name]["heading"]
        assert visits[name]["captions"], name
        assert all(caption.startswith(f"Fig. {number[0]}.") for caption in visits[name]["captions"])


def test_numbers_in_the_prose_are_numbers(visits, chapters):
    # The renderer evaluates what looks like Python: an unquoted "4,000" would come out as "(4, 0)".
    numbers = {name: visits[name]["numbers"] for name in chapters}
    assert any(numbers.values())
    for name, texts in numbers.items():
        assert [text for text in texts if not re.match(r"[-+−]?\d|\(not run\)$", text)] == [], name


def test_no_page_shows_an_error(visits):
    assert collect(visits, "code_errors") == {}


def test_headings_follow_each_other(visits):
    for name, visit in visits.items():
        levels = visit["levels"]
        assert levels[0] == 1 and levels.count(1) == 1, name
        assert all(after <= before + 1 for before, after in zip(levels, levels[1:])), (name, levels)


def test_links_and_anchors_lead_somewhere(visits):
    anchors = {}
    for name, visit in visits.items():
        for url in visit["links"]:
            if not url.startswith("file:"):
                assert re.match(r"https?://|mailto:", url), f"{name}: {url}"
                continue
            target = in_site(url)
            assert target is not None and target.exists(), f"{name}: {url}"
            fragment = unquote(urldefrag(url).fragment)
            if fragment and target.suffix == ".html":
                text = anchors.setdefault(target, target.read_text("utf-8"))
                assert f'id="{fragment}"' in text, f"{name}: no {fragment} in {target.name}"


def test_every_page_has_its_anchors_once_and_no_link_leads_nowhere(pages):
    found = {path.name: links.Page(path.read_text("utf-8")) for path in SITE.glob("*.html")}
    assert {*pages} <= {*found} and links.problems(SITE, found) == []


def test_the_errata_link_to_the_boxes_that_prove_them(visits):
    claims = re.findall(r"(?<!})`((?:eq|fig|s)[\d.]+-[\w-]+)`", (ROOT / "book/errata.md").read_text("utf-8"))
    linked = {unquote(urldefrag(url).fragment) for url in visits["errata.html"]["links"]}
    assert len(claims) > 30 and {f"claim-{claim}" for claim in claims} <= linked


def test_every_chapter_offers_its_notebooks_and_numbers(visits, chapters):
    for name in chapters:
        files = [in_site(url) for url in visits[name]["downloads"]]
        assert all(path is not None and path.stat().st_size > 0 for path in files), name
        assert {".ipynb", ".md", ".svg", ".png", ".csv"} <= {path.suffix for path in files}, name
        notebooks = [json.loads(path.read_text("utf-8")) for path in set(files) if path.suffix == ".ipynb"]
        outputs = sorted(sum(bool(cell.get("outputs")) for cell in notebook["cells"]) for notebook in notebooks)
        assert outputs[0] == 0 and outputs[-1] > 0, f"{name}: expected one clean and one executed notebook"


def test_a_click_brings_the_numbers_of_a_figure(browser, chapters):
    # From the disk browsers save a CSV but show a notebook, which is text to them: only the former can be tested here.
    page = browser.new_page()
    open_page(page, chapters[0])
    with page.expect_download() as download:
        page.locator('.figure-files a[href$=".csv"]').first.click()
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert len(lines) > 1 and all(line.count(",") >= lines[0].count(",") > 0 for line in lines)
    page.close()


def test_a_whatif_page_of_every_chapter_has_its_citations(pages, drawn, tmp_path, monkeypatch):
    if SITE != (ROOT / "_build/smoke/html").resolve():
        pytest.skip("the runs behind another site are not here")
    from lib.pipeline import whatif
    from lib.study import notebooks

    monkeypatch.setenv("COMPANION_PROFILE", "smoke")
    (ROOT / "_build/tmp").mkdir(exist_ok=True)
    for path in drawn(notebooks.chapter_files(ROOT), 1):
        place = tmp_path / path.stem
        place.mkdir()
        text = whatif.render_alone(ROOT, SITE.parent, place, path.stem, "**A note.**").read_text("utf-8")
        cited = set(re.findall(r"\{cite:\w\}`([^`]+)`", path.read_text("utf-8")))
        linked = re.findall(r'href="references\.html#([^"]+)"', text)
        listed = (place / "html/references.html").read_text("utf-8")
        assert bool(cited) == bool(linked) and all(f'id="{anchor}"' in listed for anchor in linked), path.stem
        assert "A note." in text and "[]" not in re.sub(r"<pre>.*?</pre>|<[^>]+>", "", text, flags=re.DOTALL), path.stem


def test_both_colour_modes_are_legible(visits, chapters):
    for name in [*chapters, "index.html", "ledger.html", "status.html"]:
        for mode, found in visits[name]["modes"].items():
            assert found["theme"] == mode and found["contrast"], f"{name}, {mode}"
            assert {key: value for key, value in found["contrast"].items() if value < 4.5} == {}, f"{name}, {mode}"
            assert all(picture == [f"only-{mode}", "none"] for picture in found["pictures"]), f"{name}, {mode}"
            assert found["pictures"] or not re.match(r"\d\d-|index", name), name
            assert found["paper"] == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 18, 18)"}[mode]  # of pictures
    light, dark = ({key: value for name in chapters for key, value in visits[name]["modes"][mode]["contrast"].items()}
                   for mode in ("light", "dark"))
    assert light != dark  # the colours did change


def test_a_narrow_screen_needs_no_sideways_scrolling(visits, browser):
    assert {name: visit["narrow"] for name, visit in visits.items() if visit["narrow"] > 400} == {}
    page = browser.new_page(viewport={"width": 400, "height": 800})  # narrow from the start
    open_page(page, "ledger.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.close()


def test_no_file_names_this_machine(pages):
    places = {f"{place}/" for place in (ROOT, Path.home(), tempfile.gettempdir()) if len(Path(place).parts) > 1}
    for path in SITE.rglob("*"):
        if path.suffix in TEXT_FILES and "vendor" not in path.parts:
            text = path.read_text("utf-8", errors="replace")
            found = [place for place in places if place in text]
            assert found == [], f"{path.relative_to(SITE)} names {found}"


def test_the_site_is_small(pages):
    size = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file() and "downloads" not in path.parts)
    assert size < 40e6
