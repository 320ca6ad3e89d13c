"""The built site on a phone: pictures and letters, what scrolls sideways, how long chapters say that they take."""

import re

import pytest

from tests.browsing import SITE, open_page

# The size of the letters of a picture in points, as matplotlib writes it; smaller ones stand within formulas.
SIZES = re.compile(r'<g transform="translate\([^)]*\)(?: rotate\([^)]*\))? scale\((0\.\d+) -0\.\d+\)">')
# What a narrow page shows; run in the browser, once a page.
LOOK = """() => {
  const all = selector => [...document.querySelectorAll(selector)];
  const pictures = all('article .picture img').filter(e => e.offsetWidth);
  return {
    page: document.documentElement.scrollWidth,
    wide: all('article figure, article .result').filter(e => e.scrollWidth > e.clientWidth + 1)
      .map(e => e.id || e.className),
    pictures: pictures.map(e => [e.currentSrc.split('/').pop().split('#')[0], e.offsetWidth,
                                 e.closest('.alone')?.clientWidth || 0]),
    scrolled: all('article mjx-container[display=true], article .companion-table-wrap')
      .filter(e => e.scrollWidth > e.clientWidth).map(e => e.tabIndex),
    reading: all('.reading-time').map(e => e.innerText),
  };
}"""


@pytest.fixture(scope="module")
def seen(browser, pages):
    """Every page on a phone in the dark, read once."""
    page = browser.new_page(viewport={"width": 400, "height": 900}, color_scheme="dark")
    found = {}
    for name in pages:
        open_page(page, name)
        page.wait_for_timeout(100)  # what scrolls is looked for after the formulas are there
        if (last := page.locator("article .picture img:visible")).count():
            last.last.scroll_into_view_if_needed()
        found[name] = page.evaluate(LOOK)
    page.close()
    return found


def test_pictures_fit_on_a_phone(seen):
    for name, found in seen.items():
        # One panel, which cannot be put otherwise, keeps its letters legible and scrolls in its own box.
        shown = [(width, box) for _, width, box in found["pictures"]]
        assert found["wide"] == [] and all(200 < (box or width) <= 400 for width, box in shown), (name, found)


def test_letters_are_legible_on_phones(seen, chapters):
    small, narrow = {}, 0
    for name in chapters:
        assert seen[name]["pictures"] and seen[name]["page"] <= 400, name
        for picture, width, _ in seen[name]["pictures"]:
            text = (SITE / "_images" / picture).read_text("utf-8")
            across = float(re.search(r'viewBox="0 0 ([\d.]+)', text)[1])
            letters = [100 * float(size) * width / across for size in SIZES.findall(text)]
            narrow += ".narrow." in picture
            if letters and min(letters) < 8:
                small[name, picture] = min(letters)
    assert small == {} and narrow > 20


def test_the_keyboard_reaches_what_scrolls_sideways(seen, chapters):
    scrolled = {name: seen[name]["scrolled"] for name in chapters}
    assert {name: indices for name, indices in scrolled.items() if any(indices)} == {}
    assert any(scrolled.values())


def test_chapters_say_how_long_they_take(seen, chapters):
    for name in chapters:
        (words,) = seen[name]["reading"]
        assert re.fullmatch(r"\d+ minutes to read: [\d,]+ words and \d+ figures?\.", words), (name, words)
