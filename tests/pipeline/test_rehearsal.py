"""What the renderer would refuse is said before anything runs, with page and line: all faults in one reading."""

import re
import shutil

import pytest

from lib.pipeline import rehearsal
from lib.study import notebooks
from tests import toy_book

FIGURE = '''
```{{code-cell}} ipython3
---
tags: [hide-input]
mystnb:
  figure:
    name: {name}
    caption: |
      {caption}
---
figure = 1
```
'''
BIBLIOGRAPHY = "# References\n\n```{bibliography}\n```\n"
# A fault, by a name that stands in its line, and what has to be said of it.
FAULTS = {
    "{doc}`no-page`": "no-page", "[there](no-other-page)": "no-other-page",
    "[there](no-page-at-all.md)": "no-page-at-all",
    "{doc}`01-first-renamed`": "01-first-renamed", "{ref}`no-label`": "no-label", "[](no-place)": "no-place",
    "{numref}`fig-none`": "fig-none", "{eq}`eq-none`": "eq-none", "{cite:p}`nobody2026`": "nobody2026",
    "{cite:t}`somebody2026`": "somebody2026", "{norole}`words`": "norole", "{glue:txt}`toy1-total`": "glue:txt",
    "![A picture](no-picture.png)": "no-picture.png", "```{nodirective}\nwords\n```": "nodirective",
    "```{image} no-image.png\n:alt: none\n```": "no-image.png",
    "```{figure} no-figure.png\nwords\n```": "no-figure.png",
    "```{note}\n:no-option: x\n\nwords\n```": "no-option", "```{include} no-file.md\n```": "no-file.md",
    "```{literalinclude} no-code.py\n```": "no-code.py", "```nolanguage\nx = 1\n```": "nolanguage",
    "{term}`no-term`": "no-term", "{download}`no-download.csv`": "no-download.csv",
    "(eq-twice)=\nA place.\n\n(eq-twice)=\nAnother": "eq-twice",
    "$$\nx\n$$ (eq-two)\n\n$$\ny\n$$ (eq-two)": "eq-two",
    "```{list-table}\nwords\n```": "list-table", "```{math}\n:label: eq-two\n\nx\n```": "eq-two",
    "```{admonition}\n```": "admonition", "{any}`no-such-thing`": "no-such-thing",
}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The toy book with the extension, the style and the settings of the real one, not built."""
    top = toy_book.make(tmp_path_factory.mktemp("rehearsed"))
    for name in ("_config.yml", "book/references.bib"):
        toy_book.write(top, name, (toy_book.ROOT / name).read_text("utf-8"))
    for name in ("_ext", "_search", "_static", "_templates"):
        shutil.copytree(toy_book.ROOT / "book" / name, top / "book" / name,
                        ignore=shutil.ignore_patterns("__pycache__"))
    toy_book.write(top, "book/references.md", BIBLIOGRAPHY)
    toy_book.replace(top, "_toc.yml", "- file: 02-second\n", "- file: 02-second\n- file: references\n")
    return top


def in_lines(text, faults):
    """A text with these faults below each other, and the line where each begins."""
    lines = {}
    for fault in faults:
        lines[fault] = text.count("\n") + 2
        text += f"\n{fault}\n"
    return text, lines


@pytest.fixture(scope="module")
def said(book, tmp_path_factory):
    """What is said of a chapter and of a page that have all the faults, and the lines of these."""
    top = shutil.copytree(book, tmp_path_factory.mktemp("faults") / "book")
    places = {}
    for name in ("book/02-second.md", "book/index.md"):
        text, places[name] = in_lines((top / name).read_text("utf-8"), FAULTS)
        toy_book.write(top, name, text)
    return rehearsal._rendered(top, [notebooks.read_chapter(path) for path in notebooks.chapter_files(top)]), places


@pytest.mark.parametrize("name", ["02-second.md", "index.md"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_page_and_line(said, name, fault):
    lines, places = said
    first = places[f"book/{name}"][fault]
    last = first + fault.count("\n")
    found = [line for line in lines if line.startswith(f"{name}, ") and FAULTS[fault] in line and "; try " in line]
    numbers = [int(number) for line in found for number in re.findall(r"^[^:]*, line (\d+): expected", line)]
    # A transform of docutils may tell the line of what stands around.
    assert any(first - 1 <= number <= last + 1 for number in numbers), (found or lines, first)


def test_figures_labels_numbers_and_citations_of_other_pages_are_known(book, tmp_path):
    top = shutil.copytree(book, tmp_path / "book")
    figure = FIGURE.format(name="fig-1-1", caption="One. See {numref}`fig-1-2` and {cite:p}`golubeva2021thesis`.")
    other = FIGURE.format(name="fig-1-2", caption="Two.")
    toy_book.replace(top, "book/01-first.md", "The total is",
                     f"{figure}{other}\n(a-place)=\n## A section\n\nThe total is")
    toy_book.replace(top, "book/02-second.md", "The total is", "See {ref}`a-place`. The total is")
    toy_book.write(top, "book/index.md", "# Toy book\n\n{doc}`01-first`, {ref}`a-place`, {numref}`fig-1-1`, "
                   "{cite:t}`golubeva2021thesis`, {glue:text}`02-second.ipynb::toy2-total:s`\n")

    def read():
        return {path.stem: path.stat().st_mtime_ns for path in (top / rehearsal.KEPT).glob("pages/.doctrees/*.doctree")}

    assert rehearsal.problems(top) == []
    assert rehearsal.problems(top) == [] and (top / rehearsal.PASSED).exists()
    before = read()
    toy_book.replace(top, "book/01-first.md", "Two.", "Two, {ref}`nowhere-at-all`.")
    (line,) = rehearsal.problems(top)
    assert line.startswith("01-first.md, line ") and "nowhere-at-all" in line
    assert {name for name, time in read().items() if time != before[name]} == {"01-first"}  # others are not read again
    toy_book.replace(top, "book/01-first.md", "Two, {ref}`nowhere-at-all`.", "Two.")
    toy_book.replace(top, "book/01-first.md", "(a-place)=\n", "")
    line, other = sorted(rehearsal.problems(top), reverse=True)
    assert other.startswith("02-second.md, line ")  # which is not read on every occasion, as the first page is
    assert line == "index.md, line 3: expected a text that can be rendered, got: undefined label: 'a-place'; try " \
                   "to mend or take out what it names"
    toy_book.replace(top, "book/01-first.md", "## A section", "(a-place)=\n## A section")
    toy_book.replace(top, "book/01-first.md", "name: fig-1-2", "name: fig-1-1")
    with rehearsal._place(top) as place:  # another rehearsal is there: this one goes on elsewhere
        assert place == top / rehearsal.KEPT and any("fig-1-1" in line for line in rehearsal.problems(top))


def test_a_page_alone_is_read_without_the_others_and_takes_what_they_name_for_known(book, tmp_path, monkeypatch):
    top = shutil.copytree(book, tmp_path / "book")
    toy_book.replace(top, "book/01-first.md", "The total is", "(a-place)=\n## A section\n\nThe total is")
    toy_book.replace(top, "book/02-second.md", "The total is", "[](a-place), {doc}`index`, {term}`a word`. That is")
    text = "# Toy book\n\n{ref}`no-label`\n\n```{glossary}\na word\n: One.\n```\n"
    toy_book.write(top, "book/index.md", text)
    page = top / "book/02-second.md"
    assert rehearsal.problems(top, page) == []
    (line,) = rehearsal.problems(top)
    assert line.startswith("index.md, line 3: ")
    monkeypatch.setattr(rehearsal, "_rendered_alone", lambda *_: ["read again"])
    assert rehearsal.problems(top, page) == [] and rehearsal.problems(top, top / "book/01-first.md") == ["read again"]
    monkeypatch.undo()
    toy_book.write(top, "book/02-second.md", page.read_text("utf-8") + "\n[](no-place), {term}`a wort`\n")
    n_lines = page.read_text("utf-8").count("\n")
    lines = rehearsal.problems(top, page)
    assert len(lines) == 2 and all(line.startswith(f"02-second.md, line {n_lines}: ") for line in lines), lines
    toy_book.write(top, "book/02-second.md", page.read_text("utf-8") + "\n{glue:text}`toy2-totl`\n")
    (line,) = rehearsal.problems(top, page)
    assert "got 'toy2-totl'; try toy2-total" in line


@pytest.mark.parametrize("name", ["book/index.md", "_config.yml", "_toc.yml", "lib/pipeline/site.py",
                                  "data/thesis/items.json"])
def test_sources_that_passed_are_read_again_when_one_of_them_changes(tmp_path, name, monkeypatch):
    top, read = tmp_path, []
    toy_book.make(top)
    monkeypatch.setattr(rehearsal, "_rendered", lambda *_: read.append(name) or [])
    (top / rehearsal.PASSED).unlink(missing_ok=True)
    assert rehearsal.problems(top) == rehearsal.problems(top) == [] and len(read) == 1
    path = top / name
    toy_book.write(top, name, (path.read_text() if path.exists() else "[]") + "\n")
    assert rehearsal.problems(top) == [] and len(read) == 2


SETTINGS = {  # wrong settings, and a word of what is said of each
    "html_show_sourcelink: false": ("html_show_sorcelink: false", "html_show_sorcelink"),
    "nb_render_markdown_format: myst": ("nb_render_markdown_format: mist", "render_markdown_format"),
    "bibtex_bibfiles: [references.bib]": ("bibtex_bibfiles: [refs.bib]", "refs.bib"),
    "bibtex_reference_style: author_year": ("bibtex_reference_style: author_yaer", "author_yaer"),
    "show_navbar_depth: 1": ("show_navbar_dpeth: 1", "show_navbar_dpeth"),
    "companion: _ext": ("companoin: _ext", "companoin"),
}
TOLD_TOGETHER = ["html_show_sourcelink: false", "show_navbar_depth: 1"]
ENDING = [setting for setting in SETTINGS if setting not in TOLD_TOGETHER]  # after one, the renderer says no more


@pytest.mark.some(3)
@pytest.mark.parametrize("settings", [TOLD_TOGETHER, *([setting] for setting in ENDING)])
def test_a_wrong_setting_of_sphinx_is_named(book, tmp_path, settings):
    top = shutil.copytree(book, tmp_path / "book")
    for setting in settings:
        toy_book.replace(top, "_config.yml", setting, SETTINGS[setting][0])
    lines = rehearsal.problems(top)
    assert [word for _, word in map(SETTINGS.get, settings) if not any(word in line for line in lines)] == [], lines


@pytest.mark.parametrize(("line", "words"), [
    ("01-a.md:14: WARNING: undefined label: 'fig-non' [ref.ref]", "01-a.md, line 14: expected a text that can be "
     "rendered, got: undefined label: 'fig-non'; try fig-none"),
    ("01-a.md:3: WARNING: unknown document: '02-secnod' [ref.doc]", "unknown document: '02-secnod'; try 02-second"),
    ("01-a.md:3: WARNING: equation not found: eq-onee [ref.eq]", "equation not found: eq-onee; try eq-one"),
    ("01-a.md: WARNING: could not find bibtex key \"hinton202\" [bibtex.key_not_found]",
     "01-a.md: expected a text that can be rendered, got: could not find bibtex key \"hinton202\"; try hinton2002"),
    ("01-a.md:5: WARNING: image file not readable: pitcure.png [image.not_readable]", "; try picture.png"),
    ("01-a.md:5: CRITICAL: Directive \"include\": file not found: 'no.md'", "file not found: 'no.md'; try to mend"),
    ("WARNING: unknown config value 'numfg' in override, ignoring", "_config.yml: expected a text that can be"),
    ("Extension error: Could not import extension companoin", "Extension error: Could not import extension companoin"),
])
def test_complaints_of_the_renderer_are_put_into_words(tmp_path, line, words):
    toy_book.write(tmp_path, "book/02-second.md", "(a-place)=\n$$\nx\n$$ (eq-one)\n\n    name: fig-none\n")
    toy_book.write(tmp_path, "book/references.bib", "@article{hinton2002,\n}\n")
    toy_book.write(tmp_path, "book/picture.png", "")
    (said,) = rehearsal.in_words(tmp_path, [line, line])
    assert words in said
