"""What readers look things up in: the glossary, the references, exercises that can be run, what is left open."""

import re

import companion_glossary
import companion_results
import companion_search
import pytest
from docutils import nodes
from sphinx import addnodes

from lib.pipeline import typed_numbers
from lib.study import claim_files, claim_text, notebooks, parameters
from tests import toy_book
from tests.claim_parts import entries, line
from tests.tree import ROOT

PAGES = sorted((ROOT / "book").glob("*.md"))
CHAPTERS = notebooks.chapter_files(ROOT)
COMMAND = re.compile(r"make chapter CH=(\S+) PARAMS=\"([^\"]*)\"")


def terms():
    """The terms of the glossary, in their order."""
    text = (ROOT / "book/glossary.md").read_text("utf-8")
    fences = re.findall(r"^```\{glossary\}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [line for fence in fences for line in fence.splitlines() if line and not line.startswith(" ")]


def tail(path, heading):
    """The text of a section of the second level, or None."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return found and found[1]


def test_terms_are_there_once_and_every_link_to_one_has_a_target():
    known = [term.lower() for term in terms()]
    assert len(known) == len({*known}) >= 40
    for path in PAGES:
        for found in re.findall(r"\{term\}`([^`]+)`", path.read_text("utf-8")):
            target = re.sub(r".*<([^<>]+)>", r"\1", " ".join(found.split()))
            assert target.lower() in known, (path.name, target)


def test_terms_are_explained_shortly():
    text = (ROOT / "book/glossary.md").read_text("utf-8")
    for term in terms():
        words = re.search(rf"^{re.escape(term)}\n((?:  .*\n)+)", text, re.MULTILINE)[1]
        assert 5 <= len(words.split()) <= 75, term


def test_terms_lead_to_the_pages_that_link_to_them(tmp_path):
    toy_book.write(tmp_path, "34-b.md", "A {term}`mask`, {term}`two\nmasks <mask>` and {term}`Ising chain`.")
    toy_book.write(tmp_path, "04-a.md", "{term}`masks <Mask>`")
    toy_book.write(tmp_path, "glossary.md", "{term}`mask` and {term}`nat`")
    toy_book.write(tmp_path, "index.md", "{term}`mask`")
    found = companion_glossary.pages(tmp_path)
    assert found == {"mask": ["34-b", "04-a", "index"], "ising chain": ["34-b"]}
    shown = nodes.paragraph("", "", *companion_glossary._links(found["mask"]))
    assert shown.astext() == "page 3.4, page 4, index" and [link["refuri"] for link in shown.findall(nodes.reference)] \
        == ["34-b.html", "04-a.html", "index.html"]


@pytest.mark.parametrize("name", ["introduction", "conclusions"])
def test_the_pages_around_the_chapters_are_short_and_lead_to_them(name):
    text = (ROOT / f"book/{name}.md").read_text("utf-8")
    results = text.count("```{result}")
    assert len(text.split()) / 200 + results / 2 < 8  # minutes: 200 words, or two pictures that chapters have explained
    numbers = {"introduction": "1", "conclusions": "8"}
    assert text.startswith(f"# {numbers[name]}. ") and text.count("\n# ") == 0
    linked = {*re.findall(r"\{doc\}`([^`]+)`", text)}
    assert name != "introduction" or linked >= {path.stem for path in CHAPTERS}
    judged = re.findall(r"^:claims: (.*)$", text, re.MULTILINE)
    assert name != "conclusions" or len(judged) == 4 and all(len(claims.split(",")) >= 4 for claims in judged)


@pytest.mark.parametrize("name", ["introduction", "conclusions"])
def test_claims_that_a_page_around_the_chapters_names_are_there(name):
    known = claim_files.read(ROOT)[0]
    named = re.findall(r"`((?:fig|eq|s|table|own|t)[\d.][^`]*-[^`]*)`", (ROOT / f"book/{name}.md").read_text("utf-8"))
    assert not {*named} - {*known} and bool(named) == (name == "conclusions")


def test_every_chapter_links_to_the_glossary():
    assert [path.stem for path in CHAPTERS if "{term}`" not in path.read_text("utf-8")] == []


def test_the_search_finds_terms():
    term = nodes.term("", "nat", ids=["term-nat"])
    item = nodes.definition_list_item("", term, nodes.definition("", nodes.paragraph("", "a < b")))
    section = nodes.section("", nodes.title("", "Words"), addnodes.glossary("", nodes.definition_list("", item)),
                            ids=["words"])
    document = nodes.section("", nodes.title("", "Glossary"), section, ids=["glossary"])
    _, part, found = companion_search.places(document, "glossary", {})
    assert part["text"] == "" and (found["heading"], found["anchor"]) == ("Term: nat", "term-nat")
    assert found["text"] == "a < b" and found["page"] == "glossary"


def test_the_search_finds_a_place_by_what_it_is_asked_for_as():
    own = nodes.comment("", "If you want to know more\n Asked for as: errors; mistakes\nA remark of another kind")
    part = nodes.section("", nodes.title("", "Part"), nodes.paragraph("", "Words."), ids=["part"])
    document = nodes.section("", nodes.title("", "Errata"), own, part, ids=["errata"])
    whole, section = companion_search.places(document, "errata", {})
    assert whole["asked"] == "know more; errors; mistakes" and "errors" not in whole["text"]
    assert "asked" not in section and section["text"] == "Words."


def test_every_reference_is_used_and_every_use_has_its_reference():
    listed = re.findall(r"^@\w+\{([^,]+),", (ROOT / "book/references.bib").read_text("utf-8"), re.MULTILINE)
    used = [re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", path.read_text("utf-8")) for path in PAGES]
    cited = [key.strip() for found in sum(used, []) for key in found.split(",")]
    assert len(listed) == len({*listed})
    assert {*listed} == {*cited}


def test_the_front_page_counts_the_published_chapters_and_the_introduction_names_the_same_articles():
    first, second = ((ROOT / f"book/{name}.md").read_text("utf-8") for name in ("index", "introduction"))
    sentence = re.search(r"(\w+) chapters of the thesis have been published: (.*?`)\.", first, re.DOTALL)
    published = re.findall(r"chapter (\d) as\s+\{cite:t\}`(\w+)`", sentence[2])
    assert ["Two", "Three", "Four", "Five"].index(sentence[1]) + 2 == len(published)
    assert published == re.findall(r"^\*\*Chapter (\d)\*\* \{cite:p\}`(\w+)`", second, re.MULTILINE)


def test_words_in_place_of_the_title_of_the_thesis_are_marked_as_such():
    listed = (ROOT / "book/references.bib").read_text("utf-8"), (ROOT / "CITATION.cff").read_text("utf-8")
    assert all("[" in words and "in place of its title]" in words for words in listed)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_commands_of_a_page_can_be_run(path):
    for number, text in COMMAND.findall(path.read_text("utf-8")):
        if number == "NN" or text == "...":  # a form to fill in
            continue
        chapter = notebooks.read_chapter(notebooks.find_chapter(ROOT, number))
        values = parameters.parse_assignments(text, chapter)
        resolved = parameters.resolve(chapter, values, f"{path.name}: {text}")
        declared = parameters.declared(chapter)
        assert values and all(resolved[name] != declared[name].default for name in values), text


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_ends_with_exercises_and_what_is_open(path):
    text = path.read_text("utf-8")
    headings = re.findall(r"^## (.*)$", typed_numbers.outside_fences(text), re.MULTILINE)
    assert re.search(r"^# .*\n\n% If you want to .*\n\n\*\*In short\.\*\*", text, re.MULTILINE)
    assert headings[-3:] == ["What to remember", "Exercises", "Open questions"]
    exercises = tail(path, "Exercises")
    commands = COMMAND.findall(exercises)
    assert 2 <= len(commands) <= 4 and {number for number, _ in commands} == {path.stem[:2]}
    questions = re.findall(r"^\*\*[^*]+\?\*\*", exercises, re.MULTILINE)
    assert exercises.count(":::{dropdown} ") == len(commands) == len(questions)
    assert "```{open-claims}\n```" in tail(path, "Open questions")


def test_a_page_lists_what_it_leaves_undecided():
    verdicts = {"one": "undecided", "two": "differs", "three": "not run", "four": "undecided"}
    ledger = entries(*(line(name, statement="A < B.", verdict=verdict, page="02-b" if name == "four" else "35-a")
                       for name, verdict in verdicts.items()))
    shown = companion_results.open_claims(ledger, "35-a", claim_text)
    assert "<summary>2 claims of this page are undecided or not run in this build</summary>" in shown
    assert re.findall(r"35-a\.html#claim-(\w+)", shown) == ["one", "three"] and "A &lt; B." in shown
    nothing = companion_results.open_claims(ledger[1:2], "35-a", claim_text)
    assert nothing.startswith('<p class="open-claims">This build decides')
