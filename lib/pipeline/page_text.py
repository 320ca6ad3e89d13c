"""Pages as a renderer reads them: text that would be cut off, cells that are none, characters that nobody sees.

A page is parsed into blocks by the parser that renders it (myst-parser's), directives inside directives too.  What is
refused here renders without a warning, and not as it was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from lib.study import notebooks, yaml_lines

BLOCKS = ("amsmath", "colon_fence", "deflist", "dollarmath", "substitution")  # extensions that know of blocks
VERBATIM = ("code", "code-block", "sourcecode", "parsed-literal", "literalinclude", "raw", "math", "mermaid",
            "eval-rst")
CODE_CELL = re.compile(r"[\s>]*(?:(?:[-*+:]|\d+[.)])\s+)*(`{3,}|~{3,}|:{3,})\s*\{code-cell\}")
ROLES = (r"ref|numref|eq|doc|any|term|download|math|cite(?::\w+)?|glue:\w*|sub|sup|abbr|kbd|code|py:\w+|footcite")
LEFT_OVER = re.compile(r"\{(?:" + ROLES + r")\}|\\[A-Za-z]{2,}(?![A-Za-z])")
NO_WORDS = (r"(?s)(?<!`)(?:\{[\w:+-]+\})?(`+)(?!`).+?(?<!`)\1(?!`)", r"(?s)(?<![\\$])\$(?!\$).+?\$", r"\]\([^)]*\)")
OPENING = re.compile(r"[\s>]*(`{3,})([^`].*)$")
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ufeff]")
CONTAINERS = {"bullet_list_open": "a list", "ordered_list_open": "a list", "blockquote_open": "a block quote",
              "dl_open": "a list", "footnote_block_open": "a footnote"}


@dataclass(frozen=True)
class Block:
    """A block of a page: markdown-it's token, its first line (from 1), its lines, and what it stands in, outermost
    first."""

    token: object
    line: int
    lines: list[str]
    inside: tuple[str, ...]

    @property
    def directive(self) -> str:
        """The name of the directive that a fence opens, else nothing."""
        found = re.match(r"\{([^}\s]+)\}", self.token.info.strip())
        return found[1] if found and self.token.type in ("fence", "colon_fence") else ""


def of_page(path: Path) -> list[str]:
    """What is wrong with the text of one page, in the order of its lines."""
    try:
        text = notebooks.read_text(path)
    except ValueError as error:
        return [str(error)]
    found = [*_unseen(text)]
    if found:  # a parser would take them for blanks or ends of lines
        return [f"{path.name}, line {line}: {words}" for line, words in found]
    chapter = bool(notebooks.CHAPTER_NAME.fullmatch(path.stem))
    shown = blocks(text)
    found += [*_front(text)] if chapter else []
    for block in shown:
        found += [*_cut_off(block), *_not_opened(block), *_left_over(block), *_twice(block)]
    found += _lost_cells(text, shown, chapter)
    return [f"{path.name}, line {line}: {words}" for line, words in sorted({*found})]


def has_directive(path: Path, name: str) -> bool:
    """Whether a page has a directive of this name."""
    return any(block.directive == name for block in blocks(path.read_text("utf-8")))


@lru_cache(maxsize=64)
def blocks(text: str) -> tuple[Block, ...]:
    """All blocks of a page, those inside of directives too."""
    return tuple(_blocks(text, 1, ()))


def _blocks(text: str, first: int, inside: tuple[str, ...]) -> Iterator[Block]:
    lines, stack = text.split("\n"), []
    for token in _parser(first == 1).parse(text):
        if token.nesting == -1:
            stack.pop()
            continue
        here = inside + tuple(filter(None, stack))
        if token.map:
            block = Block(token, first + token.map[0], lines[token.map[0]:token.map[1]], here)
            yield block
            if block.directive and block.directive not in (*VERBATIM, "code-cell"):
                yield from _blocks(token.content, block.line + 1, (*here, f"the directive {block.directive}"))
        if token.nesting == 1:
            stack.append(CONTAINERS.get(token.type, ""))


@cache
def _parser(front_matter: bool):
    """The parser of the pages, without what stands inside of a line."""
    from markdown_it.renderer import RendererHTML
    from myst_parser.config.main import MdParserConfig
    from myst_parser.parsers.mdit import create_md_parser

    parser = create_md_parser(MdParserConfig(enable_extensions={*BLOCKS}), RendererHTML)
    parser.disable("inline", True)
    return parser if front_matter else parser.disable("front_matter", True)


def _unseen(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if found := UNSEEN.search(line):
            mark = found[0] == "\ufeff"
            what = "a byte order mark" if mark else f"the character U+{ord(found[0]):04X}, which nobody sees"
            remedy = "save it as UTF-8 without one" if mark else "delete it"
            yield number, f"expected plain text, got {what}; try to {remedy}"


def _front(text: str) -> Iterator[tuple[int, str]]:
    first = text.split("\n", 1)[0]
    if first.rstrip() != "---":
        yield 1, (f"expected the front matter of a chapter, which begins with '---' in the first line, got "
                  f"{first.strip()[:40]!r}; try that of another chapter")


def _cut_off(block: Block) -> Iterator[tuple[int, str]]:
    """Fences and comments that end with the page (or the list, the directive) because nothing closes them."""
    token = block.token
    if token.type in ("fence", "colon_fence"):
        last = re.sub(r"^[\s>]*", "", block.lines[-1]).rstrip()
        closed = len(block.lines) > 1 and len(last) >= len(token.markup) and {*last} == {token.markup[0]}
        if not closed:
            where = f"the end of {block.inside[-1]}" if block.inside else "the end of the page"
            yield block.line, (f"expected {(token.markup + token.info).strip()!r} to end with {token.markup!r}, got "
                               f"{where}: all that follows would be inside")
    if token.type == "html_block" and "<!--" in token.content.rpartition("-->")[2]:
        yield block.line, "expected the comment to end with '-->', got the end of the page: all that follows is lost"
    if token.type in ("paragraph_open", "inline") and "$$" in (words := re.sub(r"(`+).*?\1", "", token.content)):
        at = block.line + words[:words.index("$$")].count("\n")
        yield at, "expected '$$' to open or close a formula, got one alone; try to give it its other end"


def _not_opened(block: Block) -> Iterator[tuple[int, str]]:
    """Lines that look as if they opened a fence, and are words of a paragraph: what closes it opens a listing."""
    if block.token.type != "inline":
        return
    for number, line in enumerate(block.token.content.split("\n")):
        found = OPENING.match(line)
        if found and "`" in found[2] and not re.search(rf"(?<!`){found[1]}(?!`)", found[2]):
            yield block.line + number, ("expected no ` in the line that opens a fence, got "
                                        f"{line.strip()[:60]!r}, which opens none, so that the rest of the page "
                                        f"becomes a listing; try ::: in place of {found[1]}, above and below")


def _left_over(block: Block) -> Iterator[tuple[int, str]]:
    """Roles without their text, and TeX outside of formulas: both would be shown as they are typed."""
    if block.token.type != "inline":
        return
    words = block.token.content
    for pattern in NO_WORDS:
        words = re.sub(pattern, lambda found: re.sub(r"[^\n]", " ", found[0]), words)
    for number, line in enumerate(words.split("\n")):
        for found in LEFT_OVER.finditer(line):
            role = found[0][0] == "{"
            yield block.line + number, (f"expected {found[0]}`...`, got it without a text between two `" if role else
                                        f"expected TeX in a formula, got {found[0]} outside of one; try ${found[0]}$, "
                                        "or ` around it where it is something else")


def _twice(block: Block) -> Iterator[tuple[int, str]]:
    """A key that stands twice in the front matter or the options of a cell: the first would be lost."""
    content, first = block.token.content, block.line + 1
    if block.directive == "code-cell" and (options := re.match(r"---\n(.*?)^---", content, re.DOTALL | re.MULTILINE)):
        content, first = options[1], first + 1
    elif block.directive == "code-cell" and (options := re.match(r"(?::[\w-]+:.*\n)+", content)):
        content = re.sub(r"(?m)^:([\w-]+):", r"\1: ", options[0])
    elif block.token.type != "front_matter":
        return
    try:
        yaml_lines.read(content, "", first)
    except yaml_lines.Malformed as error:
        yield error.line, error.words


def _lost_cells(text: str, shown: tuple[Block, ...], chapter: bool) -> Iterator[tuple[int, str]]:
    """Code cells that would not run: those that stand inside of something, or on a page that is no chapter."""
    listing, cells, places = set(), set(), {}
    for block in shown:
        lines = range(block.line, block.line + len(block.lines))
        kind = block.token.type
        if kind == "fence" and block.directive == "code-cell" and not block.inside and block.token.markup[0] == "`":
            listing.update(lines[1:])
            cells.add(block.line)
        elif kind in ("fence", "colon_fence") and block.directive in ("", *VERBATIM):
            listing.update(lines[1:])
        place = {"html_block": "a comment" if "<!--" in block.token.content else "HTML", "code_block":
                 "an indented listing"}.get(kind) or (block.inside[-1] if block.inside else "")
        places.update(dict.fromkeys(lines, place) if place else {})
    for number, line in enumerate(text.split("\n"), start=1):
        found = CODE_CELL.match(line)
        if not found or number in listing or (chapter and number in cells):
            continue
        if not chapter:
            yield number, ("expected code cells in chapters (NN-topic.md) alone, got one on a page that nothing "
                           "executes; try ```python")
        elif place := places.get(number):
            yield number, (f"expected a code cell by itself, got one in {place}, where it would not run; try to take "
                           "it out")
        else:
            yield number, f"expected a code cell to open with ```, got {found[1]}; try ``` above and below"
