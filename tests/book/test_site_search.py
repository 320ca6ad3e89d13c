"""The search of the built site: what readers look for is found, and what is nowhere is said to be nowhere."""

import hashlib
import re
from urllib.parse import unquote, urldefrag

import pytest

from tests.browsing import CONTRAST, SITE, in_site, open_page
from tests.tree import ROOT

# What readers of this book look for, and a page that has to be among the places shown.
SEARCHED = {
    "Ising": "05-quantum-state-reconstruction.html", "3970": "03-wide-sparse-networks.html", "3.29": "errata.html",
    "ReLU": "03-wide-sparse-networks.html", "fidelity": "05-quantum-state-reconstruction.html",
    "water-filling": "03-wide-sparse-networks.html", "h/J": "07-pruning.html", "hamiltonian": "notation.html",
    "QuCumber": "05-quantum-state-reconstruction.html", "ResNet-18": "03-wide-sparse-networks.html",
    "CIFAR-10": "34-widened-resnets.html", "golubeva": "references.html",
    "Cho and Saul": "02-theoretical-approaches.html",
    "partition function": "04-restricted-boltzmann-machines.html", "Gibbs": "04-restricted-boltzmann-machines.html",
    "0.995": "05-quantum-state-reconstruction.html", "10,000": "35-sparse-kernels.html",
    "10000": "35-sparse-kernels.html",
    "Kullback-Leibler": "04-restricted-boltzmann-machines.html", "table 3.1": "34-widened-resnets.html",
    "float32": "36-sparse-layers.html", "make book": "index.html", "free_fermions": "07-pruning.html",
    "equation 3.29": "errata.html", "isng": "05-quantum-state-reconstruction.html",
    "MNIST": "03-wide-sparse-networks.html",
}


# Questions in words that the place which answers does not have, or not alone, and the place that comes first.
FIRST = {
    "errors in the thesis": "errata.html", "mistakes in the thesis": "errata.html", "typos": "errata.html",
    "title of the thesis": "index.html", "who wrote the thesis": "index.html", "Who is the author?": "index.html",
    "how do I run it": "index.html#run-it-change-it", "How can I run the book?": "index.html#run-it-change-it",
    "how fast is it": "performance.html", "summary of the thesis": "ten-minutes.html",
}


@pytest.fixture(scope="module")
def search(browser, pages):
    """search(words): the first places that the search page shows, as links with their headings and excerpts."""
    page = browser.new_page(viewport={"width": 1360, "height": 900})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.goto((SITE / "search.html").as_uri())

    def found(words):
        page.locator(".bd-search-container input[name=q]").fill(words)
        assert errors == []
        return page.locator("#search-results li").evaluate_all(
            "lines => lines.map(line => [line.querySelector('a').href, line.querySelector('a').textContent, "
            "line.querySelector('p').textContent, [...line.querySelectorAll('mark')].map(mark => mark.textContent)])")
    yield found
    page.close()


@pytest.mark.parametrize("words", SEARCHED)
def test_readers_find_what_they_look_for(search, words):
    hits = search(words)
    assert any(in_site(url).name == SEARCHED[words] for url, *_ in hits), [url for url, *_ in hits]
    assert words == "golubeva" or any(urldefrag(url).fragment for url, *_ in hits)  # else not at the top of pages alone
    for url, heading, text, marks in hits:
        target, fragment = in_site(url), unquote(urldefrag(url).fragment)
        assert not fragment or f'id="{fragment}"' in target.read_text("utf-8"), url
        # Nearly every place shows the words where they stand; a heading alone, or a word of the address, is a hit too.
        assert heading and (marks or words.split()[0].lower() in heading.lower() or len(text) < 300), (words, heading)
    assert sum(bool(marks) for *_, marks in hits) > 0.6 * len(hits)


@pytest.mark.parametrize("words", FIRST)
def test_questions_lead_first_to_the_place_that_answers(search, words):
    url, *_ = search(words)[0]
    place, fragment = urldefrag(url)
    assert in_site(place).name + f"#{fragment}" * bool(fragment) == FIRST[words]


@pytest.mark.parametrize("words", ["claims that differ", "differs", "undecided", "not run", "undecided claims"])
def test_the_ledger_is_found_by_its_verdicts(search, words):
    assert any("ledger.html#what-differs" in url for url, *_ in search(words)[:3])


def test_a_search_that_finds_claims_leaves_the_console_clean(browser, pages):
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((SITE / "search.html").as_uri() + "?q=fidelity")  # names with dots are among what is found
    assert page.locator("#search-results a[href*='#claim-'][href*='.html#']").count() > 1
    page.evaluate("new Promise(done => setTimeout(done, 100))")  # what the theme does once all is loaded
    assert errors == []
    page.close()


@pytest.mark.parametrize("words", ["pruning", "fidelity", "water-filling"])
def test_prose_comes_before_docstrings(search, words):
    pages = [in_site(url).name for url, *_ in search(words)]
    assert any(re.match(r"\d\d-", name) for name in pages[:3]), pages
    assert not [name for name in pages[:8] if name.startswith("api")], pages


def test_a_name_that_only_the_library_has_is_found_there(search):
    assert in_site(search("draw_comparison")[0][0]).name.startswith("api")


@pytest.mark.parametrize("words", ["xyzzy", "31415926", "", " ", "...", "<xyzzy>", "\\", "((", "a" * 300])
def test_what_is_nowhere_is_said_to_be_nowhere(search, words):
    assert search(words) == []


def test_the_search_of_every_page_leads_to_the_places(browser):
    page = browser.new_page()
    open_page(page, "index.html")
    page.locator(".search-button-field").first.click()
    page.locator(".search-button__search-container input[type=search]").fill("Ising chain")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?*")
    page.wait_for_selector("#search-results ul.search li mark")
    page.locator("#search-results li a[href*='#']").first.click()
    page.wait_for_url("**/*.html#*")
    page.close()


def test_the_search_page_is_legible_and_narrow_enough(browser, pages):
    selectors = ["#search-summary", "#search-results li a", "#search-results li p", "#search-results mark",
                 "#search-results .search-where:not(:empty)"]
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme, viewport={"width": 400, "height": 800})
        page.goto((SITE / "search.html").as_uri() + "?q=Ising")
        page.wait_for_selector("#search-results mark")
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        ratios = page.evaluate(CONTRAST, selectors)
        assert len(ratios) == len(selectors) and min(ratios.values()) >= 4.5, (scheme, ratios)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        page.close()


def test_the_vendored_library_is_the_one_that_it_says():
    folder = ROOT / "book/_search"
    text = (folder / "LICENSE.txt").read_text("utf-8")
    assert "MiniSearch 7.2.0" in text and "MIT License" in text and "Permission is hereby granted" in text
    content = (folder / "minisearch.js").read_bytes()
    assert hashlib.sha256(content).hexdigest() == "03c27931eb603af1d3358579e9885eafdb6a2f5fa9929557b3e77d7e99d06d03"
    assert len(content) < 100_000
