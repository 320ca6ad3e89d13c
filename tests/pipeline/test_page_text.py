"""Text that a renderer would take otherwise than it was meant is named, with page and line, before anything runs."""

import pytest

from lib.pipeline import page_text
from lib.study import notebooks
from tests import toy_book

FRONT = "---\nkernelspec:\n  name: python3\n---\n\n# Title\n\n"
CELL = "```{code-cell} ipython3\n:tags: [parameters]\n\nn: int = 4  # [1, 9]; number; free\n```\n"
SECOND = "```{code-cell} ipython3\nx = 1\n```"


@pytest.fixture
def problems(tmp_path):
    """What is wrong with a chapter that holds a text between two cells; its first line is the 14th of the page."""
    def check(text, name="01-first.md", front=FRONT):
        path = tmp_path / name
        path.write_bytes(f"{front}{CELL}\n{text}\n\nThe end.\n".encode())
        return page_text.of_page(path)
    return check


INDENTED = "\n".join("  " + line for line in SECOND.splitlines())
IN_SOMETHING = {
    f"<!--\n{SECOND}\n-->": (15, "a comment"),
    f"<!-- not now: -->\n\n<!--\nwords\n{SECOND}\nmore\n-->": (18, "a comment"),
    f"<div>\n{SECOND}\n</div>": (15, "HTML"),
    f":::{{note}}\n{SECOND}\n:::": (15, "the directive note"),
    f"::::{{admonition}} A title\n:class: tip\n\n{SECOND}\n::::": (17, "the directive admonition"),
    f"````{{dropdown}} More\n{SECOND}\n````": (15, "the directive dropdown"),
    f":::::{{grid}} 2\n::::{{grid-item}}\n:::{{card}}\n{SECOND}\n:::\n::::\n:::::": (17, "the directive card"),
    f"- a point\n\n{INDENTED}": (16, "a list"),
    "1. a step\n\n" + INDENTED.replace("  ", "   "): (16, "a list"),
    "> " + SECOND.replace("\n", "\n> "): (14, "a block quote"),
    "- " + SECOND.replace("\n", "\n  "): (14, "a list"),
    "    " + SECOND.replace("\n", "\n    "): (14, "an indented listing"),
    "Term\n: " + SECOND.replace("\n", "\n  "): (15, "a list"),
}


@pytest.mark.parametrize("text", IN_SOMETHING)
def test_a_code_cell_inside_of_something_is_named(problems, text):
    line, place = IN_SOMETHING[text]
    assert problems(text) == [f"01-first.md, line {line}: expected a code cell by itself, got one in {place}, where it "
                              "would not run; try to take it out"]


@pytest.mark.parametrize("fence", ["~~~", "~~~~", ":::", "::::"])
def test_a_code_cell_of_another_fence_is_named(problems, fence):
    (line,) = problems(SECOND.replace("```", fence))
    assert line.startswith(f"01-first.md, line 14: expected a code cell to open with ```, got {fence}")


@pytest.mark.parametrize("text", [SECOND, SECOND.replace("```", "````"), SECOND.replace("ipython3", "python")])
def test_a_code_cell_on_a_page_that_is_no_chapter_is_named(problems, text):
    lines = problems(text, "notation.md")
    assert [line.partition(": expected")[0] for line in lines] == ["notation.md, line 8", "notation.md, line 14"]
    assert all("chapters (NN-topic.md) alone" in line for line in lines)


OPENINGS = ["```{note} Seen `x` here\nwords\n```", "````{note} Seen `x` here\nwords\n````", "``` a `b`\nwords\n```",
            "```{admonition} The `fit` and the `rest`\nwords\n```", "```python title=`x`\nwords\n```",
            "- a point\n\n  ```{tip} with `y`\n  words\n  ```", ":::{note}\n```{tip} with `y`\nwords\n```\n:::",
            "> ```{tip} with `y`\n> words\n> ```", "```{note} An `open one\nwords\n```",
            "A paragraph\n```{note} Seen `x` here\nwords\n```"]


@pytest.mark.parametrize("text", OPENINGS)
def test_a_line_that_looks_as_if_it_opened_a_fence_is_named(problems, text):
    lines = problems(text)
    number = 14 + next(n for n, line in enumerate(text.split("\n")) if "```" in line)
    opening = next(line for line in text.split("\n") if "```" in line).lstrip("> ")
    assert lines[0].startswith(f"01-first.md, line {number}: expected no ` in the line that opens a fence, got "
                               f"{opening!r}"), lines
    assert "try ::: in place of" in lines[0]


UNCLOSED = {"```python\nx = 1": 14, "```\nwords": 14, "~~~\nwords\n```": 14, ":::{note}\nwords": 14,
            "````{note}\nwords\n```": 14, "::::{note}\nwords\n:::": 14, "- a point\n\n  ```\n  words\n\nafter": 16,
            ":::{note}\n```python\nx\n:::": 15, "<!-- a comment\n\nwords": 14, "```{math}\nx": 14,
            ":::{note}\n<!-- a comment\n:::": 15, "words\n\n$$\nx = 1": 16, "A formula $$x = 1$ and more": 14,
            "``{note}\nwords\n```": 16, "```{code-cell} ipython3\nx = 1": 14}


@pytest.mark.parametrize("text", UNCLOSED)
def test_what_nothing_closes_is_named(problems, text):
    lines = problems(text)
    assert lines and lines[0].startswith(f"01-first.md, line {UNCLOSED[text]}: expected"), lines


LEFT_OVER = {"See {numref} `fig-a`.": "{numref}", "See {numref}`fig-a.": "{numref}",
             "By {cite:p} hinton2002.": "{cite:p}",
             "It is {glue:text}.": "{glue:text}", "Where \\sigma is": "\\sigma", "A $x and \\psi here": "\\psi",
             "- a point with {ref}": "{ref}", "> {eq} `eq-a`": "{eq}", "One $\\psi$, \\phi": "\\phi",
             ":::{note}\nSee {doc} `a`\n:::": "{doc}", "| a |\n|---|\n| {term} |": "{term}"}


@pytest.mark.parametrize("text", LEFT_OVER)
def test_roles_without_a_text_and_tex_outside_of_formulas_are_named(problems, text):
    (line,) = problems(text)
    number = 14 + next(n for n, words in enumerate(text.split("\n")) if LEFT_OVER[text] in words)
    assert line.startswith(f"01-first.md, line {number}: expected ") and LEFT_OVER[text] in line


@pytest.mark.parametrize(("front", "text", "line"), [
    (FRONT.replace("---\n\n", "kernelspec: {}\n---\n\n"), "", 4),
    (FRONT.replace("python3", "python3\n  name: python"), "", 4),
    (FRONT, SECOND.replace("\nx", "\n---\ntags: [a]\ntags: [b]\n---\nx"), 17),
    (FRONT, SECOND.replace("\nx", "\n---\nmystnb:\n  figure:\n    name: a\n    name: b\n---\nx"), 19),
    (FRONT, SECOND.replace("\nx", "\n:tags: [a]\n:tags: [b]\n\nx"), 16),
])
def test_a_key_that_stands_twice_is_named(problems, front, text, line):
    (said,) = problems(text, front=front)
    assert said.startswith(f"01-first.md, line {line}: expected '") and "once, got it again" in said


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\u2029",
                                       "\ufeff"])
def test_characters_that_nobody_sees_are_named(problems, character):
    (line,) = problems(f"one\ntwo{character}three")
    assert line.startswith("01-first.md, line 15: expected plain text, got ")


@pytest.mark.parametrize("name", ["01-first.md", "notation.md"])
def test_a_byte_order_mark_is_named(problems, name):
    (line,) = problems("words", name, "\ufeff" + FRONT)
    assert line == (f"{name}, line 1: expected plain text, got a byte order mark; try to save it as UTF-8 without one")


@pytest.mark.parametrize("front", ["# Title\n\n", "\n" + FRONT, "  " + FRONT, "--\nx: 1\n--\n"])
def test_a_chapter_without_its_front_matter_is_named(problems, front):
    assert problems("words", front=front)[0].startswith("01-first.md, line 1: expected the front matter of a chapter")


def test_another_encoding_is_named(tmp_path):
    path = tmp_path / "01-first.md"
    path.write_bytes((FRONT + CELL + "\nstr\u00f6m\n").encode("latin-1"))
    assert page_text.of_page(path) == ["01-first.md: expected text in UTF-8, got byte 0xf6 at position "
                                       f"{len(FRONT + CELL) + 4}; try to save it as UTF-8"]


@pytest.mark.parametrize("text", [
    SECOND, SECOND.replace("```", "`````"), f"````markdown\n{SECOND}\n````", f"~~~\n{SECOND}\n~~~",
    f"````{{code-block}} markdown\n{SECOND}\n````", ":::{note}\nSeen `x` here\n:::",
    ":::{note} Seen `x` here\nwords\n:::",
    "~~~{note} Seen `x` here\nwords\n~~~", "```x``` and `y`", "```{note}\nSeen `x` here\n```", "Call ``f(`x`)`` now.",
    "$$\nx = 1\n$$ (eq-x)", "It costs `$$` a month.", "<!-- a comment -->", "<!-- a\n\ncomment -->",
    "words\n\n+++\n\nmore",
    "- a point\n\n  ```python\n  x\n  ```", "::::{grid}\n:::{card}\nwords\n:::\n::::", "Term\n: words", "> words",
    "| a | b |\n|---|---|\n| `x` | y |", "\\begin{align}\nx &= 1\n\\end{align}",
    "caf\u00e9 \u03c3 \u2192 \u00bd\u00a0m",
    "```{code-cell} ipython3\ntext = '<!-- ~~~ $$ '\n```", "{ref}`a` and {glue:text}`b:.2f`",
    "A set {a, b} and {x}.", "Costs $5 and more.", "[text](a_{b}.md)", "{ref}`two\nlines <a>` and $\\psi\nx$",
    "C:\\n and \\$ and \\*", "``{ref}`` and `\\sigma`",
])
def test_what_is_in_order_is_not_named(problems, text):
    assert problems(text) == []


def test_line_ends_of_another_system_are_in_order(tmp_path):
    path = tmp_path / "01-first.md"
    path.write_bytes((FRONT + CELL + SECOND + "\n").replace("\n", "\r\n").encode())
    assert page_text.of_page(path) == []


def test_the_pages_of_the_book_are_in_order_and_their_cells_are_those_that_run():
    assert [line for path in (toy_book.ROOT / "book").glob("*.md") for line in page_text.of_page(path)] == []
    for path in notebooks.chapter_files(toy_book.ROOT):
        found = [block for block in page_text.blocks(path.read_text("utf-8"))
                 if block.directive == "code-cell" and not block.inside]
        cells = notebooks.read_chapter(path).cells
        assert [cell.line in range(block.line + 1, block.line + len(block.lines) + 1)
                for cell, block in zip(cells, found, strict=True)].count(False) == 0
