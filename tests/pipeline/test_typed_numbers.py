"""Numbers typed in the prose of pages are named with their line; code, formulas, roles, references are no prose."""

from pathlib import Path

import pytest

from lib.pipeline import typed_numbers

ROOT = Path(__file__).resolve().parents[2]
PAGE = """---
companion:
  budget_core_minutes: 1
---

# Chapter 5 and 7 more

{text}

```{{code-cell}} ipython3
x = 12
```
"""


@pytest.fixture
def problems(tmp_path):
    """What is wrong with a chapter of this text, by line."""
    def check(text, allowed=""):
        (tmp_path / "book").mkdir(exist_ok=True)
        (tmp_path / "book/05-a.md").write_text(PAGE.format(text=text), "utf-8")
        (tmp_path / typed_numbers.ALLOWED).write_text(allowed, "utf-8")
        return typed_numbers.problems(tmp_path)
    return check


@pytest.mark.parametrize("number", ["12", "0.93", "-3", "10,000", "95%", "1.5"])
def test_a_typed_number_is_named_with_its_line(problems, number):
    (line,) = problems(f"The first line.\nThe fidelity is {number} here.")
    assert line.startswith("05-a.md, line 9: expected no number typed") and repr(number) in line


@pytest.mark.parametrize("text", [
    "It is {glue:text}`ch05-12`.", "See {numref}`fig-5-1` and {cite:p}`belkin2019`.", "With $x = 12$ and $y$.",
    "$$\nx = 12\n$$ (eq-12)", "Call `f(12)` or ``g(`12`)``.", "A [link](page-12.html) and <https://x.org/12>.",
    "```python\nx = 12\n```", "~~~\n12\n~~~",
    "Figure 5.1, figures 3.6 and 3.7, table 3.1, section 3.4.3, p. 12, pp. 12-13.",
    "Equations 3.3 to 3.6, (5.7), (4.20-4.22), (2.1 and 2.2), eqs (5.3), (5.4), thesis 2.32 to 2.34.",
    "appendix A.3, appendices B and E, chapter 12, steps 1 to 4",
    "ResNet-18 in float32 on CIFAR-10, H100, AVX-512, AVX2",
    "<!-- 12 -->", "(sec-07-12)=", "## The 12 of them", "2e5x and 3x3 and 10⁻³",
])
def test_what_is_no_prose_is_not_flagged(problems, text):
    assert problems(text) == []


def test_a_directive_of_colons_has_prose_inside(problems):
    assert len(problems(":::{note}\nIt is 12.\n:::")) == 1


def test_numbers_may_be_allowed_with_a_reason_on_a_page_or_on_all(problems):
    text = "Images of 8 x\n8 pixels, and 32 of them."
    size, count = '- {words: "# x # pixels", reason: a size}', '- {words: "32 of", page: "%s", reason: a count}'
    assert len(problems(text)) == 3
    assert len(problems(text, size)) == 1
    assert problems(text, f"{size}\n{count % '05'}") == []
    assert len(problems(text, f"{size}\n{count % '06'}")) == 2


@pytest.mark.parametrize("name", typed_numbers.PAGES)
def test_other_pages_that_tell_of_results_are_read_too(problems, tmp_path, name):
    (tmp_path / "book").mkdir()
    (tmp_path / f"book/{name}.md").write_text("::::{grid} 1 1 3 3\n:gutter: 3\n::::\n\n1. The first.\n\nIt is 12.\n")
    (line,) = problems("Nothing.")
    assert line.startswith(f"{name}.md, line 7: expected no number typed") and "'12'" in line
    rule = '- {words: "is 12", page: "%s", reason: so}'
    assert problems("Nothing.", rule % name) == [] != problems("Nothing.", rule % "05")
    assert (ROOT / f"book/{name}.md").exists()


@pytest.mark.parametrize(("rule", "words"), [
    ('- {words: "12 of"}', "line 1: expected words and a reason"),
    ('- {words: "12", reason: " "}', "words and a reason"),
    ('- {words: "12", reason: so, colour: red}', "words and a reason"), ("- 12", "words and a reason"),
    ('- {words: "none such", reason: so}', "line 1: expected words that a chapter has"), ("- [", "expected YAML"),
])
def test_a_wrong_list_is_named(problems, rule, words):
    assert any(words in line for line in problems("Nothing.", rule))


def test_lines_and_columns_stay():
    text = PAGE.format(text="$x\n= 1$ 12\n<!-- a\nb --> 13")
    kept = typed_numbers.prose(text)
    lines, before = kept.splitlines(), text.splitlines()
    assert {number: line.split() for number, line in enumerate(lines) if line.split()} == {8: ["12"], 10: ["13"]}
    assert [lines[n].index(x) for n, x in ((8, "12"), (10, "13"))] == [before[8].index("12"), before[10].index("13")]


def test_the_pages_of_the_book_have_none():
    assert typed_numbers.problems(ROOT) == []
