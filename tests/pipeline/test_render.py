"""Pages that are brought up to date are those of a site that is made from nothing, file by file."""

import re
import shutil
import subprocess
import urllib.request

import pytest

from lib.pipeline import site
from tests import patience, toy_book

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
FIGURE = f'''
```{{code-cell}} ipython3
---
tags: [hide-input]
mystnb:
  figure:
    name: fig-1-1
    caption: One point.
  image:
    alt: A point, and nothing else around it.
---
import base64

from IPython.display import Image

Image(base64.b64decode("{PIXEL}"), format="png")
```

(a-place)=
A sentence with a place of its own, {{numref}}`fig-1-1` and the claim `toy2-offset`.
'''
PAGES = {
    "index": "# Toy book\n\nSee {doc}`01-first` and {ref}`there <a-place>`.\n",
    "ledger": "# Ledger\n\n```{claims-ledger}\n```\n\n```{items-status}\n```\n",
    "status": "# Status\n\n```{chapter-status}\n```\n\n```{records}\n```\n",
    "cited": "# Cited\n\n{cite:p}`golubeva2021thesis`, {numref}`fig-1-1`\n\n```{bibliography}\n```\n",
}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The toy book with the extension, the style and the settings of the real one, built."""
    top = toy_book.make(tmp_path_factory.mktemp("pages"))
    for name in ("_config.yml", "book/references.bib"):
        toy_book.write(top, name, (toy_book.ROOT / name).read_text("utf-8"))
    toy_book.write(top, "data/thesis/items.json", '[{"item": "1.1", "chapter": "1", "title": "The offset"}]')
    for name in ("_ext", "_search", "_static", "_templates"):
        shutil.copytree(toy_book.ROOT / "book" / name, top / "book" / name,
                        ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in PAGES.items():
        toy_book.write(top, f"book/{name}.md", text)
    toy_book.write(top, "_toc.yml", "format: jb-book\nroot: index\nparts:\n- caption: All\n  numbered: 1\n  chapters:\n"
                   + "".join(f"  - file: {name}\n" for name in ("01-first", "02-second", "ledger", "status", "cited")))
    toy_book.replace(top, "book/01-first.md", "The total is", FIGURE + "\nThe total is")
    toy_book.commit(top)
    build(top)
    return top


def build(top, fails=""):
    done = toy_book.run(top, "book")
    said = done.stdout + done.stderr
    assert (done.returncode == 1 and fails in said) if fails else done.returncode == 0, said
    return said


def read(top):
    """When each page was read by the renderer."""
    return {path.stem: path.stat().st_mtime_ns for path in (top / "_build/render/.doctrees").glob("*.doctree")}


def pages(top):
    return toy_book.contents(top / "_build/html")


def page(top, name):
    return re.sub("<[^>]+>", "", (top / f"_build/html/{name}.html").read_text("utf-8"))


def anew(top, place):
    """The files of a site made from nothing from the same sources and runs."""
    shutil.copytree(top, place, ignore=shutil.ignore_patterns("html", "render", "stage"))
    build(place)
    return pages(place)


def same(one, other):
    assert set(one) == set(other)
    assert [name for name in one if one[name] != other[name]] == []


def test_prose_outputs_and_claims_bring_only_their_own_pages_up_to_date(book, tmp_path):
    toy_book.replace(book, "book/cited.md", "{numref}`fig-1-1`", "{ref}`fig-1-1`")
    build(book)
    before = read(book)
    toy_book.replace(book, "book/01-first.md", "A sentence with", "Another sentence with")
    toy_book.replace(book, "book/02-second.md", "The total is", "The sum of both is")  # two at once
    toy_book.replace(book, "data/thesis/claims/01.yml", "expected: {equal: 0.5}", "expected: {equal: 0.9}")
    assert "every chapter is up to date" in build(book)
    assert "Another sentence" in page(book, "01-first") and "The sum of both" in page(book, "02-second")
    assert "uncommitted" in page(book, "01-first").split("commit of the text")[1][:60]
    assert "differs" in page(book, "01-first") and "differs" in page(book, "ledger")
    toy_book.replace(book, "book/01-first.md", "caption: One point.", "caption: Just one point.")
    toy_book.replace(book, "book/01-first.md", "alt: A point,", "alt: One point,")
    toy_book.replace(book, "book/01-first.md", "budget_core_minutes: 1", "budget_core_minutes: 3")
    assert "every chapter is up to date" in build(book)
    assert "Just one point" in page(book, "01-first") and "Just one point" in page(book, "cited")
    assert "of 3 min budgeted" in page(book, "01-first")
    after = read(book)
    assert {name for name in before if after[name] == before[name]} == {"index", "cited"}
    toy_book.replace(book, "book/01-first.md", "n_points: int = 4 ", "n_points: int = 5 ")  # another number in the text
    assert "1 chapter(s) to execute" in build(book)
    assert read(book)["cited"] == before["cited"] and read(book)["02-second"] == after["02-second"]
    same(pages(book), anew(book, tmp_path / "anew"))


def test_what_other_pages_show_brings_all_pages_up_to_date(book):
    before = read(book)
    toy_book.replace(book, "book/02-second.md", "# Toy chapter 2", "# Second toy chapter")
    build(book)
    assert "Second toy chapter" in page(book, "index") and all(read(book)[name] > before[name] for name in before)
    before = read(book)
    toy_book.write(book, "book/more.md", "# More\n\n{ref}`there <a-place>`\n")
    toy_book.replace(book, "_toc.yml", "  - file: cited\n", "  - file: cited\n  - file: more\n")
    build(book)
    assert "More" in page(book, "index") and all(read(book)[name] > before[name] for name in before)


def test_a_place_that_is_gone_is_missed_until_it_is_back(book):
    before, text = pages(book), (book / "book/01-first.md").read_text("utf-8")
    toy_book.replace(book, "book/01-first.md", "(a-place)=\n", "")
    build(book, fails="a-place")
    build(book, fails="a-place")  # not forgotten
    assert pages(book) == before
    toy_book.write(book, "book/01-first.md", text)
    build(book)
    assert pages(book) == before
    second = (book / "book/02-second.md").read_text("utf-8")
    toy_book.write(book, "book/02-second.md", second + "\n{ref}`nowhere-at-all`\n")
    build(book, fails="nowhere-at-all")
    toy_book.replace(book, "book/index.md", "See ", "Look at ")
    build(book, fails="nowhere-at-all")  # not forgotten either
    toy_book.write(book, "book/02-second.md", second)
    build(book)
    after = pages(book)
    assert "Look at" in page(book, "index") and set(after) == set(before)
    assert [name for name in after if name.endswith(".html") and after[name] != before[name]] == ["index.html"]


def test_a_whatif_page_has_its_citations(book):
    text = (book / "book/01-first.md").read_text("utf-8")
    cites = "{cite:p}`golubeva2021thesis`, {cite:t}`hinton2002`, {doc}`02-second` and {numref}`fig-1-1`"
    toy_book.replace(book, "book/01-first.md", "The total is", f"So {cites}.\n\nThe total is")
    done = toy_book.run(book, "chapter", "1", "--params", "seed=3")
    assert done.returncode == 0 and "refuse" not in done.stdout + done.stderr, done.stdout + done.stderr
    whatif = book / "_build/whatif"
    (made,) = whatif.glob("*/html/01-first.html")
    shown = made.read_text("utf-8")
    words = re.sub("<[^>]+>", "", shown)
    assert "So [Golubeva, 2021], Hinton [2002], " in words and "Fig. 1.1" in words, words
    for page, anchor in re.findall(r'class="reference internal" href="([\w-]+\.html)#([^"]+)"', shown):
        assert f'id="{anchor}"' in (made.parent / page).read_text("utf-8"), (page, anchor)
    assert (made.parent / "cited.html").exists() and not (made.parent / "02-second.html").exists()
    toy_book.write(book, "book/01-first.md", text)
    shutil.rmtree(whatif)


def test_a_preview_follows_what_is_saved(book):
    command = toy_book.command(book, "preview", "1", "--port", "0")
    with subprocess.Popen(command, env=toy_book.environment(book), cwd=book, stdout=subprocess.PIPE, text=True,
                          bufsize=1) as preview:
        try:
            shown = [next(line for line in preview.stdout if line.startswith("http"))]
            toy_book.replace(book, "book/01-first.md", "The total is", "The previewed total is")
            shown += [next(line for line in preview.stdout if line.startswith("http"))]
            with urllib.request.urlopen(shown[1].split()[0], timeout=patience.LIMIT) as answer:
                assert "The previewed total is" in answer.read().decode() and shown[0] == shown[1]
        finally:
            preview.kill()


def test_pages_that_show_what_is_staged_are_never_left_behind(tmp_path):
    place = tmp_path / "stage"
    files = {"a.md": b"one", "_data/b.json": b"two"}
    site.write_files(place, files, {})
    dates = {name: (place / name).stat().st_mtime_ns for name in files}
    known = {name: site.hashlib.sha256(content).hexdigest() for name, content in files.items()}
    site.write_files(place, files, known)
    assert dates == {name: (place / name).stat().st_mtime_ns for name in files}
    site.write_files(place, files, known | {"a.md": "of another text, in the last site"})
    assert (place / "a.md").stat().st_mtime_ns > dates["a.md"]
    site.write_files(place, {"a.md": b"three"}, known)
    assert (place / "a.md").read_bytes() == b"three" and not (place / "_data/b.json").exists()
