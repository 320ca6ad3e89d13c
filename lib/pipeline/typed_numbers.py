"""Numbers typed in the prose of chapters and of some other pages: wrong after the next change, if the run has them.

A number belongs to the prose if it stands outside code, formulas, roles (`glue`, `numref`, `cite`, ...), links,
headings, the layout of a grid and the marks of a list, and does not number something: a figure, table, equation,
section, page or chapter.  Part of a name (`ResNet-18`, `float32`) is none.  `book/typed-numbers.yml` lists those that
may be typed, each with its reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lib.pipeline import page_text
from lib.study import yaml_lines
from lib.study.notebooks import chapter_files

ALLOWED = Path("book/typed-numbers.yml")
#: Pages that are no chapters and tell of results, too.
PAGES = ("index", "introduction", "ten-minutes", "conclusions", "scaling", "tried")
NUMBER = re.compile(r"(?<![\w.,/^_=-])[-+]?\d+(?:[.,]\d+)*(?![\w^⁻]|[-/][A-Za-z\d])%?")
_ITEM = r"(?:[A-Z]\.)?\d+(?:\.\d+)*[a-z]?"
_EQUATION = r"[1-9A-Z]\d?\.\d+[a-z]?"
_KINDS = (r"figs?|figures?|tables?|equations?|eqs?|sections?|secs?|chapters?|append(?:ix|ices)|pages?|pp?|thesis|"
          r"parts?|steps?|listings?")
REFERENCES = re.compile(rf"\b(?:{_KINDS})\.?[\s(]+{_ITEM}(?:(?:,? (?:and|or|to) |, ?|–|-)\(?{_ITEM}\)?)*|"
                        rf"\({_EQUATION}(?:(?:,? (?:and|or|to) |, ?|–|-){_EQUATION})*\)", re.IGNORECASE)
# What is no prose, in this order; each becomes blanks, so that columns and line ends stay.
NO_PROSE = (re.compile(r"<!--.*?-->", re.DOTALL), re.compile(r"\$\$.*?\$\$(?: \([\w-]+\))?", re.DOTALL),
            re.compile(r"(?<![\\$])\$(?!\$)(?:[^$]|\n(?!\n))+?\$"),
            re.compile(r"(?:\{[\w:+-]+\})?(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL),
            re.compile(r"\]\([^)\s]*\)|<https?://[^>]*>|https?://\S+"), re.compile(r"^\s*\([\w-]+\)=", re.MULTILINE),
            re.compile(r"^#+ .*$", re.MULTILINE),
            re.compile(r"^:{3,}\{grid\}.*$|^:gutter:.*$|^\d\. ", re.MULTILINE), REFERENCES)


@dataclass(frozen=True)
class Allowed:
    """Words with a number that may be typed, on one page or on all, and why."""

    words: re.Pattern
    page: str
    line: int


def problems(top: Path) -> list[str]:
    """One line for each number typed in a chapter or one of `PAGES`, and for what is wrong with the list."""
    allowed, lines = _allowed(top)
    used = set()
    others = [path for name in PAGES if (path := top / "book" / f"{name}.md").exists()]
    for path in [*chapter_files(top), *others]:
        text = prose(path.read_text("utf-8"))
        name = path.stem if path in others else path.stem[:2]
        for rule in allowed:
            if rule.page not in ("", name):
                continue
            text, count = rule.words.subn(lambda found: _blank(found[0]), text)
            if count:
                used.add(rule)
        for number, line in enumerate(text.splitlines(), start=1):
            lines += [f"{path.name}, line {number}: expected no number typed in the prose, got {found[0]!r} in "
                      f"{_around(line, found)!r}; try claims.number and {{glue:text}}, or {ALLOWED} with a reason"
                      for found in NUMBER.finditer(line)]
    lines += [f"{ALLOWED}, line {rule.line}: expected words that a chapter has, got none of {rule.words.pattern!r}; "
              "try to take it out" for rule in allowed if rule not in used]
    return lines


def prose(text: str) -> str:
    """The text of a chapter with blanks in place of all that is no prose, so that lines and columns stay."""
    text = outside_fences(text)
    for pattern in NO_PROSE:
        text = pattern.sub(lambda found: _blank(found[0]), text)
    return text


def outside_fences(text: str) -> str:
    """The text of a page with empty lines in place of its front matter, its code and what stands between backticks."""
    kept = text.split("\n")
    for block in page_text.blocks(text):
        token = block.token
        is_code = token.type == "fence" or token.type == "colon_fence" and "code" in token.info
        if is_code or token.type == "front_matter":
            kept[block.line - 1:block.line - 1 + len(block.lines)] = [""] * len(block.lines)
    return "\n".join(kept)


def _allowed(top: Path) -> tuple[list[Allowed], list[str]]:
    """The rules of the list, and what is wrong with it."""
    path = top / ALLOWED
    if not path.exists():
        return [], []
    try:
        entries = yaml_lines.read(path.read_text("utf-8"), ALLOWED) or []
    except ValueError as error:
        return [], [str(error)]
    rules, wrong = [], []
    for entry in entries:
        line = getattr(entry, "line", 1)
        keys = {*entry} if isinstance(entry, dict) else set()
        complete = {"words", "reason"} <= keys <= {"words", "reason", "page"}
        if not complete or not all(str(value).strip() for value in entry.values()):
            wrong.append(f"{ALLOWED}, line {line}: expected words and a reason, and perhaps a page, got {entry!r}")
            continue
        # A blank may be a line end in the text, `#` any number.
        words = r"\s+".join(re.escape(word).replace(r"\#", r"[\d.,]*\d") for word in str(entry["words"]).split())
        rules.append(Allowed(re.compile(rf"(?<![\w.]){words}(?![\w])"), str(entry.get("page", "")), line))
    return rules, wrong


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _around(line: str, found: re.Match) -> str:
    return " ".join(line[max(0, found.start() - 25):found.end() + 25].split())
