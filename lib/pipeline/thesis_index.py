"""Where the book and `lib` treat each equation, figure and table of the thesis: where their texts name its number.

`data/thesis/equations.yml` and `items.json` say what there is, in our words.  All else is found: sections of chapters,
docstrings and errata name numbers, as in "(3.21)", "(thesis 2.14 to 2.18)" or "figures 3.6a and B.1", and figures of
chapters have them in their names.  The directive ``thesis-index`` (book/_ext/companion_thesis.py) draws the result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lib.pipeline import typed_numbers
from lib.study import notebooks, yaml_lines

EQUATIONS, ITEMS = Path("data/thesis/equations.yml"), Path("data/thesis/items.json")
ERRATA = "errata"
_EQUATION = r"[1-9A-F]\.[1-9]\d?(?![\d]|\.\d)"
_JOIN = r"(?:[-–]| to |, and |,? and | or |, |; | with )"
_EQUATIONS = rf"{_EQUATION}(?:{_JOIN}{_EQUATION})*"
_NAMED = re.compile(rf"\((?:thesis |eqs?\.? |equations? )?({_EQUATIONS})(?=[),;]| with )|"
                    rf"\b(?:[Ee]quations?|[Ee]qs?\.|thesis) \(?({_EQUATIONS})")
_FIGURE = r"[1-9A-F]\.[1-9]\d?(?!\d|\.\d)[a-z]?"
_FIGURES = re.compile(rf"\b([Ff]ig(?:ure)?s?|[Tt]ables?)\.? ({_FIGURE}(?:(?:[-–]| to |,? and | or |, ){_FIGURE})*)")
_SHOWN = re.compile(r"^\s*name: (fig-([1-9a-f])-(\d+)(?:-[\w-]+)?)$", re.MULTILINE)
_SPLIT = re.compile(r"\)(-|–| to |, and |,? and | or |, |; )\((?=[1-9A-F]\.\d)")  # (2.14) to (2.18)


@dataclass(frozen=True)
class Entry:
    """An equation (`eq3.21`), figure (`3.8`) or table (`T3.1`): its section or chapter, what it is, and the equation
    that it repeats, if any."""

    item: str
    place: str
    what: str
    repeats: str = ""

    @property
    def chapter(self) -> str:
        return self.item.removeprefix("eq").removeprefix("T").partition(".")[0]


@dataclass(frozen=True)
class Section:
    """A section of a page without its subsections: where it is, and its prose."""

    page: str
    heading: str
    anchor: str
    text: str

    @property
    def link(self) -> str:
        return f"{self.page}.html" + (f"#{self.anchor}" if self.anchor else "")


def equations(top: Path) -> list[Entry]:
    """The numbered equations, in the order of the file; raises ValueError for one that is not of its form."""
    path, found = top / EQUATIONS, []
    content = yaml_lines.read(path.read_text("utf-8"), EQUATIONS) if path.exists() else {}
    if not isinstance(content, dict) or not all(isinstance(entries, dict) for entries in content.values()):
        raise ValueError(f"{EQUATIONS}: expected equations below their sections, got something else; try the "
                         "indentation of their neighbours")
    for section, entries in content.items():
        for number, entry in entries.items():
            entry = entry if isinstance(entry, dict) else {"what": entry}
            if not re.fullmatch(_EQUATION, str(number)) or {*entry} - {"repeats"} != {"what"}:
                raise ValueError(f"{EQUATIONS}: expected a number in quotes and what it is, or what and repeats, got "
                                 f"{number!r}: {entry!r}")
            repeats = f"eq{entry['repeats']}" if "repeats" in entry else ""
            found.append(Entry(f"eq{number}", section, entry["what"], repeats))
    return found


def items(top: Path) -> list[Entry]:
    """The figures and tables of the thesis."""
    path = top / ITEMS
    return [Entry(entry["item"], entry["chapter"], entry["title"])
            for entry in (json.loads(path.read_text("utf-8")) if path.exists() else ())]


def named(text: str) -> set[str]:
    """The items that a text names: equations as `eq3.21`, figures as `3.8`, tables as `T3.1`; ranges in full."""
    text = _SPLIT.sub(r"\1", " ".join(text.split()))
    found = {f"eq{number}" for match in _NAMED.finditer(text) for number in _expanded(match[1] or match[2])}
    return found | {("T" if kind[0] in "tT" else "") + number for kind, listed in _FIGURES.findall(text)
                    for number in _expanded(listed)}


def _expanded(listed: str) -> Iterator[str]:
    """The numbers of "2.14 to 2.18, 3.6"."""
    chapter, last, through = "", 0, False
    for part in re.split(rf"({_JOIN})", listed):
        if found := re.fullmatch(r"([1-9A-F])\.(\d+)[a-z]?", part):
            first = last + 1 if through and found[1] == chapter else int(found[2])
            chapter, last = found[1], int(found[2])
            yield from (f"{chapter}.{n}" for n in range(first, last + 1))
        else:
            through = part.strip() in ("-", "–", "to")


def sections(path: Path) -> list[Section]:
    """The sections of a page, with their prose: no code, no formulas."""
    from docutils.nodes import make_id

    found = [("", "", [])]
    for line in typed_numbers.outside_fences(path.read_text("utf-8")).split("\n"):
        if opened := re.match(r"(#{1,4}) (.+)", line):
            found.append((opened[1], opened[2].strip(), []))
        else:
            found[-1][2].append(line)
    return [Section(path.stem, heading, make_id(heading) if len(level) > 1 else "",
                    re.sub(r"\$\$.*?\$\$|(?<![\\$])\$(?!\$)[^$]+\$", " ", "\n".join(lines), flags=re.DOTALL))
            for level, heading, lines in found]


def figures(top: Path) -> dict[str, list[tuple[str, str]]]:
    """The figures of chapters that show each figure of the thesis, as page and name: `fig-3-6-families` shows 3.6."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in notebooks.chapter_files(top):
        for name, chapter, number in _SHOWN.findall(path.read_text("utf-8")):
            found.setdefault(f"{chapter.upper()}.{number}", []).append((path.stem, name))
    return found


def treated(top: Path) -> dict[str, list[Section]]:
    """The sections of chapters that name each item, in their order."""
    found: dict[str, list[Section]] = {}
    for path in sorted(notebooks.chapter_files(top), key=lambda path: path.stem.lstrip("0")):  # 2, 3, 34, ..., 4
        for section in sections(path):
            for item in named(f"{section.heading}. {section.text}"):
                found.setdefault(item, []).append(section)
    return found


def errata(top: Path) -> dict[str, list[Section]]:
    """The entries of the errata whose heading, or words on what is printed, name each item."""
    found: dict[str, list[Section]] = {}
    path = top / "book" / f"{ERRATA}.md"
    for section in sections(path) if path.exists() else ():
        printed = re.search(r"\*\*Printed\.\*\*(.*?)(?=\n\s*\n|\Z)", section.text, re.DOTALL)
        for item in named(section.heading + " " + (printed[1] if printed else "")):
            found.setdefault(item, []).append(section)
    return found


def in_lib(rooms: dict[str, list[dict]]) -> dict[str, list[tuple[str, str]]]:
    """Where the docstrings of `lib` name each item, as rooms and paths of what :func:`lib.pipeline.api.described` has:
    functions and classes whose first words do, else those that do further down, else modules."""
    found: dict[str, list[list[tuple[str, str]]]] = {}

    def note(room: str, path: str, text: str, rank: int) -> None:
        for item in named(text):
            found.setdefault(item, [[], [], []])[rank].append((room, path))

    def member(room: str, entry: dict) -> None:
        texts = [part.get("text", "") for part in entry["sections"]]
        texts += [text for part in entry["sections"] for *_, text in part.get("items", [])]
        first, *others = texts or [""]
        note(room, entry["path"], first, 0)
        note(room, entry["path"], "\n\n".join(others), 1)
        for inner in entry["members"]:
            member(room, inner)

    for room, modules in rooms.items():
        for module in modules:
            note(room, module["name"], module["text"], 2)
            for entry in module["members"]:
                member(room, entry)
    return {item: next(filter(None, ranks)) for item, ranks in found.items()}


def problems(top: Path) -> list[str]:
    """Equations, figures and tables that chapters or errata name and the thesis does not have, one line each."""
    try:
        known = {entry.item for entry in equations(top)}
    except ValueError as error:
        return [str(error)]
    known |= {entry.item for entry in items(top)}
    return [f"{_where(top, place, item)}: expected a number of the thesis ({EQUATIONS.parent}), got "
            f"{item.removeprefix('eq')}; try {_neighbours(item, known)}" for found in (treated(top), errata(top))
            for item, places in found.items() if item not in known for place in places]


def _where(top: Path, place: Section, item: str) -> str:
    """The page and the line in which a section names an item; the section, where a range does."""
    lines = typed_numbers.outside_fences((top / "book" / f"{place.page}.md").read_text("utf-8")).split("\n")
    start = next((at for at, line in enumerate(lines) if line.lstrip("#").strip() == place.heading), 0)
    number = re.compile(rf"(?<![\d.]){re.escape(item.removeprefix('eq').removeprefix('T'))}(?!\d)")
    line = next((at for at, line in enumerate(lines[start:], start + 1) if number.search(line)), None)
    return f"{place.page}.md, line {line}" if line else f"{place.page}.md, section {place.heading!r}"


def _neighbours(item: str, known: set[str]) -> str:
    """The numbers that the thesis has in the chapter of an item, first to last."""
    kind, chapter, _ = re.fullmatch(r"(eq|T|)(\w)\.(\d+)", item).groups()
    found = sorted(int(other.rpartition(".")[2]) for other in known if re.fullmatch(rf"{kind}{chapter}\.\d+", other))
    return f"{chapter}.{found[0]} to {chapter}.{found[-1]}" if found else f"another one: chapter {chapter} has none"
