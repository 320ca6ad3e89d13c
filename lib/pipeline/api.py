"""What the pages of the API reference show: the public names of the science in `lib` with their docstrings.

griffe reads the source; nothing is imported.  The directive ``api`` (book/_ext/companion_api.py) draws the result.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from lib import atomic

LEFT_OUT = ("study", "pipeline", "__main__")  # the machinery of the book is no library


def described(top: Path) -> dict[str, list[dict]]:
    """The modules of each room of `lib`, in the order of their names; kept by the content of `lib`.

    Returns
    -------
    dict
        By room ("lib.rbm"; "lib" holds the modules beside the rooms), a list of modules: name, text, and
        members with name, kind, signature, file, line, sections, and members of their own.
    """
    kept = top / "_build" / "cache" / "api.json"
    digest = atomic.sha256(top / "lib")
    found = atomic.read_json(kept) or {}
    if found.get("digest") != digest:
        found = {"digest": digest, "rooms": _rooms(top)}
        kept.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_json(kept, found)
    return found["rooms"]


def names(rooms: dict[str, list[dict]]) -> dict[str, list[str]]:
    """The dotted names that the pages of the reference describe, by room: pages that only link to them need no more."""
    def below(members: list[dict]) -> list[str]:
        return [name for member in members for name in (member["path"], *below(member["members"]))]

    return {room: [name for module in modules for name in (module["name"], *below(module["members"]))]
            for room, modules in rooms.items()}


def _rooms(top: Path) -> dict[str, list[dict]]:
    import griffe

    package = griffe.load("lib", search_paths=[top], docstring_parser="numpy", try_relative_path=False)
    rooms = {"lib": []}
    for name, module in sorted(package.modules.items()):
        if name in LEFT_OUT or name.startswith("_"):
            continue
        if module.is_init_module:
            rooms[f"lib.{name}"] = [found for inner in _modules(module) if (found := _module(inner, top))]
        elif found := _module(module, top):
            rooms["lib"].append(found)
    return rooms


def _modules(package) -> list:
    """A package and the public modules below it."""
    found = [package]
    for name, module in sorted(package.modules.items()):
        if not name.startswith("_"):
            found += _modules(module) if module.is_init_module else [module]
    return found


def _module(module, top: Path) -> dict | None:
    members = [_member(item, top) for name, item in module.members.items() if _is_public(name, item)]
    text = module.docstring.value if module.docstring else ""
    return {"name": module.path, "text": text, "members": members} if members or text else None


def _is_public(name: str, item) -> bool:
    return not name.startswith("_") and not item.is_alias and (
        item.is_function or item.is_class or _is_property(item))


def _is_property(item) -> bool:
    return item.is_attribute and "property" in item.labels


def _member(item, top: Path) -> dict:
    inner = [_member(found, top) for name, found in item.members.items() if _is_public(name, found)] \
        if item.is_class else []
    return {"name": item.name, "path": item.path, "kind": item.kind.value, "signature": _signature(item),
            "property": _is_property(item),
            "file": Path(item.filepath).relative_to(top).as_posix(), "line": item.lineno,
            "sections": [_section(found) for found in item.docstring.parsed] if item.docstring else [],
            "members": inner}


def _signature(item) -> list[str]:
    """The arguments as they are written: a name, what it is annotated with, its default."""
    from griffe import ParameterKind as Kind

    if item.is_class and "__init__" not in item.members:
        fields = [found for found in item.members.values() if found.is_attribute and found.annotation]
        return [_argument(found.name, found.annotation, found.value) for found in fields] \
            if item.decorators else []  # a dataclass
    if _is_property(item):
        return []
    given = [found for found in item.parameters if found.name not in ("self", "cls")]
    marked = []
    for found in given:
        if found.kind is Kind.keyword_only and not any(text.startswith("*") for text in marked):
            marked.append("*")
        stars = {Kind.var_positional: "*", Kind.var_keyword: "**"}.get(found.kind, "")
        marked.append(stars + _argument(found.name, found.annotation, found.default if not stars else None))
    return marked


def _argument(name: str, annotation, default) -> str:
    text = f"{name}: {annotation}" if annotation else name
    if default is None:
        return text
    return f"{text} = {default}" if annotation else f"{text}={default}"


def _section(section) -> dict:
    """A part of a docstring: text, or items of name, annotation and text."""
    kind, value = section.kind.value, section.value
    if isinstance(value, str):
        return {"title": section.title or "", "text": value}
    if isinstance(value, list):
        items = [["", "", text] if isinstance(found, tuple) and (text := str(found[1])) else
                 [getattr(found, "name", "") or "", str(getattr(found, "annotation", "") or ""), found.description]
                 for found in value]
        return {"title": kind.capitalize(), "items": items}
    return {"title": section.title or kind.capitalize(), "text": value.description}  # an admonition, such as Notes


def imports(top: Path) -> list[list]:
    """Which room of `lib` imports which, and in how many places: [room, other, n]; "base" are the modules beside the
    rooms that import none of them."""
    found: Counter = Counter()
    for path in sorted((top / "lib").glob("*/**/*.py")):
        room = path.relative_to(top / "lib").parts[0]
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lib":
                names = [f"{node.module}.{alias.name}".split(".")[1] for alias in node.names]
                found.update((room, name if (top / "lib" / name).is_dir() else "base") for name in names)
    return [[room, other, n] for (room, other), n in sorted(found.items()) if room != other]
