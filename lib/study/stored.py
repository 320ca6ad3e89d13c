"""Formats of JSON files, as dataclasses that read and write themselves.

A subclass of :class:`Stored` names the keys of a file and their types.  `of` and `read` build one from what JSON gives,
and refuse other keys and other types by the place where they stand; `plain` gives back just what was read, in the
order of the fields.
"""

from __future__ import annotations

import functools
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from pathlib import Path

_WORDS = {float: "a number", int: "an integer", str: "a text", bool: "true or false", list: "a list", dict: "a mapping",
          type(None): "null"}


class Stored:
    """What a mapping of a JSON file holds, for dataclasses; a list or mapping of such ones: see :func:`checked`."""

    @classmethod
    def of(cls, value: object, where: str) -> typing.Self:
        """From what JSON gives; raises `ValueError` that names `where`, such as the file, and the key."""
        return checked(cls, value, where)

    @classmethod
    def read(cls, path: Path) -> typing.Self:
        """From a file; raises `ValueError` that names it where it holds something else, `OSError` where it is gone."""
        try:
            value = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: expected JSON, got {error}") from None
        return cls.of(value, str(path))

    def plain(self) -> dict:
        """As JSON holds it."""
        return plain(self)


def absent(key: str | None = None):
    """A field whose key is left out where it is None."""
    return field(default=None, metadata={"absent": True, "key": key})


def named(key: str):
    """A field whose key is no name of Python, such as "front matter"."""
    return field(metadata={"key": key})


def plain(value: object) -> object:
    """Stored dataclasses, and lists and mappings that hold some, as JSON holds them."""
    if is_dataclass(value):
        found = {key: (getattr(value, part.name), part) for key, part, _ in _parts(type(value))}
        return {key: plain(inner) for key, (inner, part) in found.items()
                if inner is not None or "absent" not in part.metadata}
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def checked(kind: object, value: object, where: str) -> object:
    """A value of JSON as this type: a dataclass, list[...], dict[str, ...], a union, or what JSON has itself.

    Raises `ValueError` that names the place, such as "FILE: claims[3].scale".
    """
    inner, of = typing.get_args(kind), typing.get_origin(kind)
    if of in (typing.Union, types.UnionType):
        return _one_of(inner, value, where)
    if of is typing.Literal:
        if value in inner:
            return value
        raise _refused(" or ".join(map(repr, inner)), value, where)
    base = of or kind
    if kind is object:
        return value
    if is_dataclass(base):
        return _dataclass(base, value, where)
    if not isinstance(value, (int, float) if base is float else base) or isinstance(value, bool) and base is not bool:
        raise _refused(_WORDS.get(base, str(base)), value, where)
    if base is list and inner:
        return [checked(inner[0], part, f"{where}[{n}]") for n, part in enumerate(value)]
    if base is dict and inner:
        return {key: checked(inner[1], part, _at(where, key)) for key, part in value.items()}
    return value


def _one_of(kinds: tuple, value: object, where: str) -> object:
    """As the first of several types that fits; the complaint is that of the only one that is not null, if there is."""
    complaints = []
    for kind in kinds:
        try:
            return checked(kind, value, where)
        except ValueError as error:
            complaints += [error] if kind is not type(None) else []
    if len(complaints) == 1:
        raise complaints[0]
    raise _refused(" or ".join(_WORDS.get(typing.get_origin(kind) or kind, str(kind)) for kind in kinds), value, where)


def _dataclass(kind: type, value: object, where: str) -> object:
    if not isinstance(value, Mapping):
        raise _refused(f"a mapping with {', '.join(key for key, *_ in _parts(kind))}", value, where)
    parts = {key: (part, of) for key, part, of in _parts(kind)}
    needed = [key for key, (part, _) in parts.items() if part.default is MISSING and part.default_factory is MISSING]
    if wrong := [f"no {key}" for key in needed if key not in value] + [repr(key) for key in value if key not in parts]:
        raise ValueError(f"{where}: expected the keys {', '.join(parts)}, got {', '.join(wrong)}; try the command that "
                         "writes it again, or its last committed version")
    return kind(**{part.name: checked(of, value[key], _at(where, key)) for key, (part, of) in parts.items()
                   if key in value})


def _at(where: str, key: str) -> str:
    return f"{where}{'.' if ': ' in where else ': '}{key}"


@functools.cache
def _parts(kind: type) -> tuple[tuple[str, object, object], ...]:
    """Key, field and type of each field of a dataclass."""
    hints = typing.get_type_hints(kind)
    return tuple((part.metadata.get("key") or part.name, part, hints[part.name]) for part in fields(kind))


def _refused(expected: str, value: object, where: str) -> ValueError:
    shown = repr(value)
    return ValueError(f"{where}: expected {expected}, got {shown if len(shown) < 80 else shown[:77] + '...'}; try the "
                      "command that writes it again, or its last committed version")
