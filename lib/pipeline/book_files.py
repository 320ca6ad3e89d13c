"""What `_config.yml` and `_toc.yml` say, checked against what Jupyter Book reads and which pages there are."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import yaml

from lib.pipeline import site
from lib.study import notebooks, yaml_lines
from lib.study.yaml_lines import Marked

CONFIG, CONTENTS = "_config.yml", "_toc.yml"
UNLISTED = {"project": None, "parse": {"myst_substitutions": None}}  # Jupyter Book reads them, and lists them nowhere


def problems(top: Path) -> list[str]:
    """What is wrong with both files, one line each, with the line of the file."""
    lines = []
    for name, check in ((CONFIG, _config), (CONTENTS, _contents)):
        try:
            content = yaml_lines.read(notebooks.read_text(top / name), name)
            lines += [f"{name}, line {line}: {words}" for line, words in check(top, content)]
        except FileNotFoundError:
            lines.append(f"expected {name} beside book/, got none; try git checkout {name}")
        except ValueError as error:
            lines.append(str(error))
    return lines


def _config(top: Path, settings: object) -> Iterator[tuple[int, str]]:
    """Keys that Jupyter Book does not read, and values of another type; what stands below `sphinx: config` is left to
    Sphinx (:mod:`lib.pipeline.rehearsal`)."""
    if not isinstance(settings, Marked):
        yield 1, f"expected 'key: value' lines, got {type(settings).__name__}; try title: ..."
        return
    notebooks.skip_address_parser()
    import jsonschema

    place = Path(find_spec("jupyter_book").origin).parent
    schema = json.loads((place / "config_schema.json").read_text("utf-8"))
    known = yaml.safe_load((place / "default_config.yml").read_text("utf-8"))
    _join(known, _properties(schema))
    _join(known, UNLISTED)
    yield from _unknown(settings, known, "")
    for error in jsonschema.Draft7Validator(schema).iter_errors(settings):
        where = "/".join(map(str, error.absolute_path))
        yield _line(settings, error.absolute_path), (f"expected {_wanted(error)} for {where or 'the file'}, got "
                                                 f"{error.instance!r}; try to mend or delete it")


def _wanted(error) -> str:
    value = error.validator_value
    if error.validator == "enum":
        return f"one of {', '.join(map(str, value))}"
    if error.validator == "type":
        return "a value of the type " + (value if isinstance(value, str) else " or ".join(value))
    return f"{error.validator} {value}"


def _contents(top: Path, contents: object) -> Iterator[tuple[int, str]]:
    """Pages that are named and missing, there and not named, or named twice; else what has another form."""
    found = sorted(_pages(top, contents))
    if not found:
        site.read_toc(top, [path.stem for path in notebooks.chapter_files(top)])
    yield from found


def _pages(top: Path, contents: object) -> Iterator[tuple[int, str]]:
    found = [path.relative_to(top / "book").with_suffix("") for path in (top / "book").rglob("*.md")]
    pages = {name.as_posix() for name in found if not any(part[0] in "._" for part in name.parts)}
    if "root" not in {key for key, _, _ in _named(contents)}:
        yield 1, "expected the first page of the book, got none; try root: index"
        return
    named: dict[str, int] = {}
    for _, value, line in _named(contents):
        name = value.removeprefix("book/").removesuffix(".md")
        if name in named:
            yield line, f"expected every page once, got {name} again, after line {named[name]}; try to take one out"
        elif name not in pages:
            near = difflib.get_close_matches(name, pages, 1)
            yield line, (f"expected the name of a page of book/, got {value!r}, which is missing; try "
                         + (near[0] if near else "to write it, or to take the line out"))
        named.setdefault(name, line)
    for name in sorted(pages - {*named}):
        yield 1, f"expected every page of book/, got no entry for {name}; try '- file: {name}' below a part"


def _named(contents: object) -> Iterator[tuple[str, str, int]]:
    """The key, name and line of every page that the contents name."""
    for part in contents if isinstance(contents, list) else []:
        yield from _named(part)
    for key, value in contents.items() if isinstance(contents, Marked) else ():
        if key in ("file", "root"):
            yield key, str(value), contents.lines[key]
        else:
            yield from _named(value)


def _unknown(settings: object, known: dict, above: str) -> Iterator[tuple[int, str]]:
    for key, value in settings.items() if isinstance(settings, Marked) else ():
        if key not in known:
            near = difflib.get_close_matches(key, map(str, known), 1)
            where = f" below {above}" if above else ""
            remedy = near[0] if near else f"one of {', '.join(map(str, known))}, or below sphinx: config: one of Sphinx"
            yield settings.lines[key], f"expected a setting of Jupyter Book{where}, got {key!r}; try {remedy}"
        elif isinstance(known[key], dict) and key != "latex":
            yield from _unknown(value, known[key], key)


def _line(content: object, path) -> int:
    """The line of a value, by the keys and positions that lead to it; that of its list in a list of plain values."""
    line = 1
    for step in path:
        line = content.lines[step] if isinstance(content, Marked) else line
        content = content[step]
    return line


def _properties(schema: dict) -> dict | None:
    """The keys that a JSON schema names, nested."""
    return {key: _properties(value) for key, value in schema["properties"].items()} if "properties" in schema else None


def _join(known: dict, more: dict) -> None:
    for key, value in more.items():
        if isinstance(known.get(key), dict) and isinstance(value, dict):
            _join(known[key], value)
        elif known.get(key) is None:
            known[key] = value
