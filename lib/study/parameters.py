"""The parameters of a chapter: declared in its `parameters` cell, changed by parameter sets and by hand.

A declaration is one line, ``name: type = value  # range; meaning; cost``.  The range is ``[low, high]`` for
numbers, ``{a, b, c}`` for a choice, ``-`` where anything goes; for lists it holds for every element.  Nothing
here starts a kernel: a wrong name, type or value is refused before any work is done.
"""

from __future__ import annotations

import ast
import difflib
import io
import math
import re
import tokenize
from dataclasses import dataclass, replace
from pathlib import Path

from lib.study import yaml_lines
from lib.study.notebooks import Chapter, chapter_files, find_chapter, parsed, read_chapter

TYPES = ("int", "float", "str", "bool", "list[int]", "list[float]", "list[str]")
# What `_build` holds besides the output of parameter sets, and the name of the values in the chapters.
TAKEN = ("laptop", "html", "stage", "files", "executed", "failed", "logs", "render", "tmp", "cache", "whatif",
         "alone", "edit", "points", "records", "drafts", "copies", "audits", "peers", "rehearsal", "anchors.json",
         "bench.json", "rehearsed.json", "ledger.json", "status.json", "sums.json", "book.pdf", "book.epub",
         "crate.zip", "state.json", ".lock", ".", "..")
COMMAND = re.compile(r'make chapter CH=(\d+) (PARAMS|SWEEP)="([^"]+)"')
SCALARS = {"int": int, "float": float, "str": str, "bool": bool}


@dataclass(frozen=True)
class Parameter:
    """One declared parameter: `low`, `high` or `choices` bound its value (or every element of a list); `cost` says in
    words what a larger value does to time and memory, and is empty where the declaration does not."""

    name: str
    type: str
    default: object
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: tuple | None = None
    cost: str = ""

    @property
    def range(self) -> str:
        if self.choices is not None:
            return "{" + ", ".join(map(str, self.choices)) + "}"
        return "-" if self.low is None else f"[{_plain(self.low)}, {_plain(self.high)}]"

    def check(self, value: object) -> object:
        """`value` in the declared type (an int is accepted for a float); raises `ValueError` otherwise."""
        if self.type.startswith("list"):
            if not isinstance(value, list) or not value:
                raise ValueError(f"expected {self.name} as a {self.type} with at least one element, got {value!r}")
            return [self._element(element, f"element {index} of {self.name}") for index, element in enumerate(value)]
        return self._element(value, self.name)

    def _element(self, value: object, what: str) -> object:
        kind = SCALARS[self.type.removeprefix("list[").removesuffix("]")]
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not kind:
            whole = kind is int and isinstance(value, float) and value.is_integer()
            hint = f"; try {int(value)}" if whole else ""
            raise ValueError(f"expected {what} as {kind.__name__}, got {value!r} ({type(value).__name__}){hint}")
        if kind is float and not math.isfinite(value):
            raise ValueError(f"expected {what} finite, got {value}")
        outside = self.low is not None and not self.low <= value <= self.high
        if outside or (self.choices is not None and value not in self.choices):
            raise ValueError(f"expected {what} in {self.range}, got {value!r}")
        return value


def declared(chapter: Chapter) -> dict[str, Parameter]:
    """The parameters a chapter declares, by name, in the order of its cell."""
    cell = chapter.parameters_cell
    tree = parsed(cell.source, chapter.path.name, cell.line)
    tokens = tokenize.generate_tokens(io.StringIO(cell.source).readline)
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    found = {}
    for statement in tree.body:
        try:
            parameter = _declaration(statement, comments.get(statement.end_lineno, ""))
            if parameter.name in found:
                raise ValueError(f"expected {parameter.name} once, got it again")
        except ValueError as error:
            raise ValueError(f"{chapter.path.name}, line {cell.line + statement.lineno - 1}: {error}") from None
        found[parameter.name] = parameter
    return found


def resolve(chapter: Chapter, values: dict[str, object], where: str) -> dict[str, object]:
    """The defaults of a chapter with `values` (from `where`, named in errors) put in their place, all checked."""
    parameters = declared(chapter)
    unknown = [name for name in values if name not in parameters]
    if unknown:
        near = [match for name in unknown for match in difflib.get_close_matches(name, parameters, 1, 0.85)]
        others = near if len(near) == len(unknown) else parameters
        raise ValueError(f"{where}: expected parameters of {chapter.stem}, got {', '.join(unknown)}; "
                         f"try {', '.join(others) or 'none: it declares no parameters'}")
    resolved = {name: parameter.default for name, parameter in parameters.items()}
    for name, value in values.items():
        try:
            resolved[name] = parameters[name].check(value)
        except ValueError as error:
            hint = "" if "; try" in str(error) else f"; try {parameters[name].default}"
            raise ValueError(f"{where}: {error}{hint}; {parameters[name].meaning}") from None
    return resolved


def profiles(top: Path) -> list[str]:
    """The names of the parameter sets; `laptop` is the chapters' own defaults."""
    return ["laptop", *sorted(path.stem for path in (top / "book" / "parameters").glob("*.yml"))]


def misnamed_sets(top: Path) -> list[str]:
    """A line for every parameter set whose output would be where something else is."""
    return [f"book/parameters: expected a name of its own for a parameter set, got {name}.yml, but "
            f"{'laptop is the values in the chapters' if name == 'laptop' else f'_build/{name} is taken'}; "
            f"try git mv to my-{name.strip('.') or 'set'}.yml"
            for name in profiles(top)[1:] if name.lower() in TAKEN]


def profile_values(top: Path, profile: str) -> dict[str, dict[str, object]]:
    """What the parameter set of `profile` changes, by chapter number; checked but for the chapters' own rules."""
    if profile == "laptop":
        return {}
    if profile not in profiles(top):
        raise ValueError(f"expected a profile, got {profile!r}; try {', '.join(profiles(top))}")
    path = top / "book" / "parameters" / f"{profile}.yml"
    values = read_parameter_set(path)
    numbers = [file.name[:2] for file in chapter_files(top)]
    unknown = [number for number in values if number not in numbers]
    if unknown:
        raise ValueError(f"{path.name}: expected sections {', '.join(numbers)}, got {', '.join(unknown)}")
    return values


def read_parameter_set(path: Path) -> dict[str, dict[str, object]]:
    """Read a parameter file; duplicates, tabs and sections that are not mappings are refused with their line."""
    text = path.read_text("utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        if "\t" in line:
            raise ValueError(f"{path.name}, line {number}: expected spaces, got a tab")
    sections = yaml_lines.read(text, path.name) or {}
    if not isinstance(sections, dict):
        raise ValueError(f"{path.name}, line 1: expected 'key: value' lines")
    for number, values in sections.items():
        if values is not None and not isinstance(values, dict):
            raise ValueError(f"{path.name}, line {sections.lines[number]}: expected 'name: value' lines below "
                             f"{number!r}")
    return {number: values or {} for number, values in sections.items()}


def parse_sweep(text: str, chapter: Chapter) -> tuple[str, dict[str, object]]:
    """`field=0.5,1,2`, as typed after SWEEP=: the name of a parameter, and its values by what was typed of each.

    Lists stand in their brackets: `fields=[0.5],[0.5,1]`.  Raises `ValueError` for what is no such parameter or value,
    for one value alone, and for one twice.
    """
    name, _, typed = (part.strip() for part in text.partition("="))
    if name.isidentifier() and not typed.strip("[, ]"):
        raise ValueError(f"SWEEP: expected name=value,value, got {text!r}; try SWEEP=\"{name}=...,...\"")
    known = declared(chapter).get(name)
    if known and known.type.startswith("list") != typed.startswith("["):
        bare = [piece.strip("[ ]") for piece in typed.split(",")]
        meant = ",".join(f"[{piece}]" for piece in bare) if known.type.startswith("list") else ",".join(bare)
        raise ValueError(f"SWEEP: expected values of {name}, each as {known.type}, got {typed}; try "
                         f"SWEEP=\"{name}={meant}\"")
    pieces = [piece.strip() for piece in re.split(r",(?![^\[]*\])", typed)]
    values = {}
    for piece in pieces:
        given = parse_assignments(f"{name}={piece}", chapter, "SWEEP")
        if list(given) != [name]:
            raise ValueError(f"SWEEP: expected one parameter, got {', '.join(given)}; try PARAMS for the others")
        values[piece] = resolve(chapter, given, "SWEEP")[name]
    shown = list(map(repr, values.values()))
    if len(set(shown)) < len(pieces) or len(pieces) < 2:
        raise ValueError(f"SWEEP: expected two values of {name} or more, each once, got {', '.join(pieces)}; try "
                         f"SWEEP=\"{name}=...,...\", or PARAMS for one value")
    return name, values


def parse_assignments(text: str, chapter: Chapter, where: str = "PARAMS") -> dict[str, object]:
    """`n_spins=8 fields=[0.5, 1.0]`, as typed after PARAMS=, as values; checked by :func:`resolve`."""
    parameters = declared(chapter)
    pieces = [piece for piece in re.split(r"(?:^|\s)\s*(?=[A-Za-z_]\w*=)", text.strip()) if piece]
    values = {}
    for piece in pieces:
        name, equals, value = piece.partition("=")
        if not equals or not name.isidentifier():
            some = next(iter(parameters.values()), None)
            example = f"{some.name}={some.default}".replace(" ", "") if some else "seed=3"
            raise ValueError(f"{where}: expected name=value, without spaces around =, got {piece!r}; try "
                             f"{where}=\"{example}\"")
        if name in values:
            raise ValueError(f"{where}: expected {name} once, got it twice")
        try:
            values[name] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            values[name] = value.strip()
        known = parameters.get(name)
        if known and known.type == "str":
            values[name] = value.strip().strip("'\"")
    return values


def example(chapter: Chapter) -> str:
    """The command that makes the page of a chapter with another value of one parameter, to begin with; "" without one.

    The value is what the first command of the page, that of an exercise, changes first, else the default.
    """
    values = {name: parameter.default for name, parameter in declared(chapter).items()}
    for number, kind, text in COMMAND.findall(chapter.path.read_text("utf-8")):
        if number == chapter.number and kind == "PARAMS" and text != "...":
            values = parse_assignments(text, chapter)
            break
    name, value = next(iter(values.items()), ("", ""))
    return f'make chapter CH={chapter.number} PARAMS="{name}={value}"'.replace(", ", ",") if name else ""


def check_typed(chapter: Chapter, params: str = "", sweep: str = "") -> None:
    """Refuse what was typed after PARAMS= and SWEEP=, before anything else is done: raises `ValueError` for a wrong
    name, type or value, and for a parameter in both."""
    given = parse_assignments(params, chapter)
    resolve(chapter, given, "PARAMS")
    if sweep and (name := parse_sweep(sweep, chapter)[0]) in given:
        raise ValueError(f"expected {name} in SWEEP or in PARAMS, got it in both; try PARAMS without it")


def refused_commands(top: Path) -> list[str]:
    """The commands on pages, of exercises for example, that would be refused, one line each with page and line."""
    lines = []
    for path in sorted((top / "book").glob("*.md")):
        text = path.read_text("utf-8")
        for found in COMMAND.finditer(text):
            number, kind, given = found.groups()
            try:
                chapter = read_chapter(find_chapter(top, number))
                if given != "...":  # a form to fill in
                    check_typed(chapter, **{kind.lower(): given})
            except ValueError as error:
                lines.append(f"{path.name}, line {text.count(chr(10), 0, found.start()) + 1}: {error}")
    return lines


def _plain(number: float) -> str:
    """A bound as a person writes it: 1000000, not 1e+06."""
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e12 else f"{number:g}"


def _declaration(statement: ast.stmt, comment: str) -> Parameter:
    form = "name: type = value  # range; meaning; cost"
    if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value):
        raise ValueError(f"expected '{form}', got {ast.unparse(statement)!r}")
    name, kind = statement.target.id, ast.unparse(statement.annotation)
    if kind not in TYPES:
        raise ValueError(f"expected a type among {', '.join(TYPES)} for {name}, got {kind}")
    try:
        value = ast.literal_eval(statement.value)
    except ValueError:
        raise ValueError(f"expected a plain value for {name}, got {ast.unparse(statement.value)}") from None
    bounds, _, meaning = comment.partition(";")
    if not meaning.strip():
        raise ValueError(f"expected '{form}', got {comment!r} after {name}")
    low, high, choices = _range(bounds.strip(), kind, name)
    meaning, _, cost = map(str.strip, meaning.partition(";"))
    parameter = Parameter(name, kind, value, meaning, low, high, choices, cost)
    return replace(parameter, default=parameter.check(value))


def _range(text: str, kind: str, name: str) -> tuple[float | None, float | None, tuple | None]:
    if text == "-":
        return None, None, None
    scalar = kind.removeprefix("list[").removesuffix("]")
    inside = [piece.strip() for piece in text[1:-1].split(",")]
    try:
        if text.startswith("[") and text.endswith("]") and scalar in ("int", "float"):
            low, high = map(float, inside)
            if low <= high:
                return low, high, None
        if text.startswith("{") and text.endswith("}") and scalar != "bool":
            return None, None, tuple(SCALARS[scalar](piece.strip("'\"")) for piece in inside)
    except ValueError:
        pass
    raise ValueError(f"expected [low, high], {{a, b, c}} or - as the range of {name} ({kind}), got {text!r}")
