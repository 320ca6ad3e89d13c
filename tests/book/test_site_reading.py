"""The built site as readers meet it: pictures in both colour modes and on phones, results, headings, the ledger's
filters.  What is built, and where a browser comes from, says ``test_site``."""

import io
import re
import unicodedata

import pytest

from tests.book.test_pictures import contrast
from tests.browsing import CONTRAST, SITE

RESULTS = ("index.html", "ten-minutes.html", "conclusions.html")
FAINT = {"dddddd", "9aa5b1", "440154"}  # grids, frames of groups, the lower end of a colour map
LETTERS = re.compile(r'<g id="text_\d+">.*?\n {2,}</g>\n', re.DOTALL)
OPENED = ("02", "03", "04", "05", "07", "34", "35", "54", "72")  # chapters that open with their answer


@pytest.mark.parametrize("scheme, paper", [("light", (255, 255, 255)), ("dark", (18, 18, 18))])
def test_pictures_have_the_paper_of_the_page(visit, pages, scheme, paper):
    image = pytest.importorskip("PIL.Image")
    opened = [visit(name, color_scheme=scheme) for name in ("index.html", "54-complex-states.html")]
    for place in [place for page in opened for place in page.locator(".picture img:visible").all()]:
        place.scroll_into_view_if_needed()
        shown = image.open(io.BytesIO(place.screenshot())).convert("RGB")
        assert shown.getpixel((2, 2)) == paper
        counts = {colour for number, colour in shown.getcolors(1 << 24) if number > 20}
        assert any(sum(colour) > 600 for colour in counts) and any(
            sum(colour) < 150 for colour in counts
        )


def test_curves_and_letters_stand_out_in_every_picture(pages):
    seen = {}
    for path in (SITE / "_images").glob("*.svg"):
        text = path.read_text("utf-8")
        light, dark = (
            dict(re.findall(r"--c(\w{6}):(#\w{6})", part))
            for part in re.search(r"<style>:root(.*?):root:target(.*?)</style>", text).groups()
        )
        letters = {*re.findall(r"var\(--c(\w{6})\)", " ".join(LETTERS.findall(text)))}
        for name in light.keys() - FAINT:
            ratios = contrast(light[name], "#ffffff"), contrast(dark[name], "#121212")
            ground = max(ratios) < 1.5  # paper, and what is written on in other colours
            assert ground or min(ratios) >= (4.5 if name in letters else 3), (
                path.name,
                name,
                ratios,
            )
            seen[name] = seen.get(name, 0) + (name in letters)
    assert len(seen) >= 10 and seen["6b6b6b"]


@pytest.mark.parametrize("width", [400, 320])
def test_pictures_fit_on_a_phone_and_none_scrolls(visit, pages, width):
    seen, narrow = 0, 0
    page = visit(pages[0], width=width)
    for name in pages:
        page.goto((SITE / name).as_uri())
        wide = page.evaluate(
            "[...document.querySelectorAll('article figure, article .result, article .picture, article .picture *')]"
            ".filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1).map(e => e.id || e.className)"
        )
        assert wide == [], name
        page.evaluate(  # also those that load only when they come near
            "Promise.all([...document.querySelectorAll('article .picture img')].filter(e => e.offsetWidth)"
            ".map(e => { e.loading = 'eager'; return e.decode() }))"
        )
        shown = page.evaluate(
            "[...document.querySelectorAll('article .picture img')].filter(e => e.offsetWidth)"
            ".map(e => [e.currentSrc.split('/').pop().split('#')[0], e.getBoundingClientRect().right])"
        )
        for picture, right in shown:
            seen += 1
            narrow += picture.endswith(".narrow.svg")
            assert right <= width, (name, picture)
            assert smallest_letters(SITE / "_images" / picture, width) >= (8 if width == 400 else 6.2), (name, picture)
    assert seen > 50 and narrow > 0.9 * seen


def smallest_letters(path, width):
    """The size of a picture's smallest letters, in pixels, on a screen of so many."""
    text = path.read_text("utf-8")
    across = float(re.search(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+)', text)[1])
    sizes = [100 * float(size) for size in re.findall(r"scale\((0\.\d+) -\1\)", text)]
    return min(sizes, default=99) * (width - 40) / across


def test_results_show_pictures_with_verdicts(visit, chapters):
    opened = [name for name in chapters if name[:2] in OPENED]
    assert len(opened) == len(OPENED)
    for name in (*RESULTS, *opened):
        page = visit(name)
        results = page.locator("article .result").all()
        assert len(results) >= {"index.html": 4, "ten-minutes.html": 10, "conclusions.html": 4}.get(name, 1)
        for result in results:
            assert result.locator("img:visible").count() == 1, name
            assert result.locator(".result-claims a .verdict").count() >= 2, name
            assert not result.locator(".not-built").count(), name
            assert re.match(
                r"Figure \d\.(\d|[a-z])", result.locator(".result-source").inner_text()
            ), name
        page.close()


def test_chapters_say_how_long_they_take(visit, chapters):
    for name in chapters:
        words = visit(name).locator(".reading-time").inner_text()
        assert re.fullmatch(r"\d+ minutes to read: [\d,]+ words and \d+ figures?\.", words), (
            name,
            words,
        )


def test_the_ledger_is_filtered(visit, pages):
    page = visit("ledger.html")
    table = page.locator("table.ledger-table").first
    bar = page.locator(".ledger-filters").first
    everything = table.locator("tbody tr").count()
    assert bar.locator("output").inner_text() == f"{everything} of {everything} claims"
    bar.get_by_label("chapter").select_option("5.4")
    bar.get_by_label("verdict").select_option("reproduced")
    shown = table.locator("tbody tr:visible")
    assert 0 < shown.count() < everything
    assert bar.locator("output").inner_text() == f"{shown.count()} of {everything} claims"
    for row in shown.all():
        assert row.locator("a").first.get_attribute("href").startswith("54-")
        assert row.locator(".verdict").inner_text().endswith("reproduced")
    bar.get_by_label("words").fill("no such words")
    assert shown.count() == 0
    bar.get_by_label("words").fill("")
    for name in ("chapter", "verdict"):
        bar.get_by_label(name).select_option("all")
    assert shown.count() == everything
    names = page.locator(".ledger-filters").evaluate_all(
        "bars => bars.map(bar => bar.getAttribute('aria-label'))"
    )
    assert len(names) == len({*names}) == 2


def test_links_open_the_ledger_filtered(visit, pages):
    page = visit("ledger.html")
    page.goto((SITE / "ledger.html").as_uri() + "#verdict=differs&chapter=3.5")
    page.reload()
    shown = page.locator("table.ledger-table").first.locator("tbody tr:visible")
    assert {words.split("\xa0")[1] for words in shown.locator(".verdict").all_inner_texts()} == {"differs"}
    assert {href[:3] for href in shown.locator("td:first-child a").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))")} == {"35-"}
    bar = page.locator(".ledger-filters").first
    page.wait_for_function("document.querySelector('.ledger-filters').getBoundingClientRect().top < innerHeight / 4")
    said = bar.locator("output")
    assert said.bounding_box()["y"] > 0 and re.fullmatch(rf"{shown.count()} of \d+ claims", said.inner_text())
    page.locator("a[href='#verdict=differs']").first.click()
    page.wait_for_function("!location.hash.includes('chapter')")
    assert bar.get_by_label("chapter").input_value() == "" and bar.get_by_label("verdict").input_value() == "differs"
    n_differ = shown.count()
    counted = page.locator("[id='verdict=differs'] strong").inner_text()
    assert n_differ == int(counted) > 1
    bar.get_by_label("verdict").select_option("all")
    assert shown.count() > n_differ
    page.locator("a[href='#verdict=differs']").first.click()  # once more
    page.wait_for_function("n => document.querySelectorAll('.ledger-table')[0].querySelectorAll("
                           "'tbody tr:not([hidden])').length === n", arg=n_differ)


@pytest.mark.parametrize("width", [1200, 760])
def test_tables_fit_between_the_columns_beside_them(browser, chapters, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    for name in (*chapters, "ledger.html", "errata.html", "ten-minutes.html", "status.html"):
        page.goto((SITE / name).as_uri())
        cut = page.evaluate("""[...document.querySelectorAll('article table')].filter(table => {
            const box = table.closest('.text_html, .companion-table-wrap, .pst-scrollable-table-container');
            return box && table.offsetWidth > box.clientWidth + 1;
        }).map(table => table.innerText.slice(0, 60))""")
        assert cut == [], name
    page.close()


def test_the_ledger_is_sorted_by_the_keyboard(visit, pages):
    page = visit("ledger.html")
    table = page.locator("table.ledger-table").first
    rows, head = table.locator("tbody tr"), table.locator("th", has_text="verdict")

    def order():
        return rows.evaluate_all("rows => rows.map(row => row.querySelector('a').getAttribute('href'))")

    def verdicts():
        return [words.split("\xa0")[1] for words in table.locator("td .verdict").all_inner_texts()]

    book, best_first = order(), ["reproduced", "reproduced at reduced scale", "undecided", "differs", "not run"]
    assert table.locator("th button").count() == 5 and head.get_attribute("aria-sort") is None
    head.get_by_role("button").focus()
    for said, sign in (("ascending", 1), ("descending", -1)):
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == said
        ranks = [sign * best_first.index(verdict) for verdict in verdicts()]
        assert ranks == sorted(ranks) and len({*ranks}) > 1 and order() != book
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") is None and order() == book
    table.get_by_role("button", name="here").click()
    here = unicodedata.normalize("NFKD", "\n".join(table.locator("td:nth-child(4)").all_inner_texts()))
    here = here.replace("−", "-").replace(" × 10", "e")
    numbers = re.findall(r"^-?[\d.]+(?:e-?\d+)?(?= ±|$)", here, re.MULTILINE)
    assert any("e-" in number for number in numbers)
    assert len(numbers) > 100 and [float(number) for number in numbers] == sorted(map(float, numbers))
    page.locator(".ledger-filters").first.get_by_label("verdict").select_option("differs")
    assert {*table.locator("tr:visible .verdict").all_inner_texts()} == {"✗\xa0differs"}
    assert [*table.locator("th[aria-sort]").all_inner_texts()] == ["here"]


def test_what_stands_behind_claims_is_in_the_site(pages):
    ledger, ids = (SITE / "ledger.html").read_text("utf-8"), {}
    behind = re.findall(r'<details class="claim-behind">.*?</details>|<li>figure: .*?</li>', ledger)
    found = [link for part in behind for link in re.findall(r'href="([^"]+)"', part)]
    for link in {*found}:
        name, _, anchor = link.partition("#")
        if name not in ids:
            text = (SITE / name).read_text("utf-8")
            ids[name] = {*re.findall(r' id="([^"]+)"', text)}
            numbers = re.findall(r'<figure [^>]*id="([^"]+)".*?Fig. ([\w.]+\w) ', text, re.DOTALL)
            ids[name] |= {f"{figure}>{number}" for figure, number in numbers}
        assert not anchor or anchor in ids[name], link
    for name, figure, number in re.findall(r'<li>figure: <a href="([^"#]+)#([^"]+)">([^<]+)</a>', ledger):
        assert f"{figure}>{number}" in ids[name], (name, figure, number)
    kinds = ("#cell-", "#fig-", "records.html#record-", "api-experiments.html#api-", "api-rbm.html#api-", ".csv")
    assert all(sum(kind in link for link in found) > 50 for kind in kinds)
    assert ledger.count('class="claim-behind"') == ledger.count(">Behind it<") > 300


def test_ten_questions_are_answered_where_they_say(visit, pages):
    page = visit("ten-minutes.html")
    rows = [[cell.inner_text() for cell in row.locator("td").all()] + [row.locator("a").get_attribute("href")]
            for row in page.locator(".answers-table tbody tr").all()]
    assert len(rows) == 10 and all(question.endswith("?") for question, *_ in rows)
    for _, answer, expected, verdict, _, link in rows:
        name, anchor = link.split("#")
        line = visit(name).locator(f"[id='{anchor}'] > summary")
        values = line.locator(".claim-value").all_inner_texts()
        assert values[1].split(maxsplit=1)[1] == answer
        assert expected.removesuffix(" (ours)") in values[0]
        assert line.locator(".claim-verdict").inner_text().endswith(verdict.split("\xa0")[1])


def test_the_first_page_sends_to_every_chapter(visit, chapters):
    page = visit("index.html")
    rows = page.locator("section#where-to-go table tbody tr")
    links = rows.evaluate_all("rows => rows.map(row => row.querySelector('a').getAttribute('href').split('#')[0])")
    assert {*chapters} <= {*links} and len(links) == len({*links})


def test_the_ledger_is_whole_without_scripts(visit, pages):
    with_scripts = visit("ledger.html").locator("tbody tr:visible").count()
    page = visit("ledger.html", java_script_enabled=False)
    assert page.locator("tbody tr:visible").count() == with_scripts > 250
    assert page.locator(".ledger-filters").count() == 0
    assert (
        visit("index.html", java_script_enabled=False).locator(".picture img:visible").count() == 4
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_stands_beside_results_is_legible(visit, pages, scheme):
    selectors = {
        "ten-minutes.html": [
            ".result-text p",
            ".result-source",
            ".result-numbers",
            ".summary-table td",
        ],
        "ledger.html": [
            ".verdict-sentence",
            *(f".ledger-filters {name}" for name in ("label", "select", "output")),
        ],
        "05-quantum-state-reconstruction.html": [".reading-time"],
    }
    for name, wanted in selectors.items():
        page = visit(name, color_scheme=scheme)
        ratios = page.evaluate(CONTRAST, wanted)
        assert len(ratios) == len(wanted) and min(ratios.values()) >= 4.5, (name, ratios)


def test_the_keyboard_reaches_what_scrolls_sideways(visit, chapters):
    found = 0
    for name in chapters:
        page = visit(name, width=400)
        page.wait_for_timeout(100)
        boxes = page.evaluate(
            "[...document.querySelectorAll('article mjx-container[display=true], article .companion-table-wrap')]"
            ".filter(e => e.scrollWidth > e.clientWidth).map(e => e.tabIndex)"
        )
        assert all(index == 0 for index in boxes), name
        found += len(boxes)
        page.close()
    assert found > 0
