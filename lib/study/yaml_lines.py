"""YAML that people write, with the lines where its mappings and their keys stand.

A key stands once, and is the text that is written, so that 05 stays "05"; 1e-3 is a number, which YAML 1.1 takes for
text.
"""

from __future__ import annotations

import re

import yaml

EXPONENT = re.compile(r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$")


class Marked(dict):
    """A mapping, the line where it begins, and the line of each key."""

    def __init__(self, line: int):
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class Malformed(ValueError):
    """Where a text is no such YAML, and why not, in words."""

    def __init__(self, where: object, line: int, words: str):
        super().__init__(f"{where}, line {line}: {words}")
        self.line, self.words = line, words


def read(text: str, where: object, first: int = 1) -> object:
    """What a text says; raises :class:`Malformed` that names `where`, such as the file, and the line.

    first: the line of the file where the text begins.
    """
    for loader in (_Quick, _Slow):  # the slow one tells better what is wrong
        try:
            return yaml.load(text, loader)
        except Malformed as error:  # of a mapping, whose lines begin with 0
            raise Malformed(where, first + error.line, error.words) from None
        except yaml.YAMLError as error:
            mark, words = getattr(error, "problem_mark", None), getattr(error, "problem", str(error).partition("\n")[0])
    raise Malformed(where, first + (mark.line if mark else 0),
                    f"expected YAML, got {words}; try the indentation and quotes of its neighbours")


class _Quick(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    pass


class _Slow(yaml.SafeLoader):
    pass


def _mapping(loader: _Quick | _Slow, node: yaml.MappingNode) -> Marked:
    found = Marked(node.start_mark.line + 1)
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Malformed("", key.start_mark.line, "expected a plain key")
        if key.value in found:
            raise Malformed("", key.start_mark.line, f"expected {key.value!r} once, got it again; try to join both")
        found[key.value] = loader.construct_object(value, deep=True)
        found.lines[key.value] = key.start_mark.line + 1
    return found


for _loader in (_Quick, _Slow):
    _loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
    _loader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+.0123456789"))
