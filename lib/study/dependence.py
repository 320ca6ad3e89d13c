"""What code depends on: the modules of `lib` that it imports, directly or not, and digests of what these do.

Found in one place, which serves chapters, `make status`, anchors and records alike.
"""

from __future__ import annotations

import ast
import contextlib
import json
import platform
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from lib import atomic
from lib.study.notebooks import parsed, root


def _noted(function: Callable) -> Callable:
    """Remember what a function makes of texts, below `_build` too: to parse all of `lib` takes seconds."""
    @cache
    def noted(*texts):
        folder = root() / "_build" / "cache" / "code"
        path = folder / atomic.digest([_own_digest(), function.__name__, *map(str, texts)])
        if (known := atomic.read_json(path)) is not None:
            return known
        found = function(*texts)
        with contextlib.suppress(OSError):
            if folder.parent.parent.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(found), "utf-8")  # half of it would be no JSON, and is made again
        return found
    return noted


@cache
def _own_digest() -> str:
    return atomic.digest([Path(__file__).read_text("utf-8"), platform.python_version()])


def modules_of(top: Path, names: list[str]) -> dict[str, Path]:
    """The modules of `lib` among the names, and those that they import, directly or not, with their files.

    Packages on the way count too (`lib.rbm` for `lib.rbm.training`), and so do imports inside functions.
    Imports by a computed name are not seen; there are none in `lib`.
    """
    found: dict[str, Path] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found or name.split(".")[0] != "lib":
            continue
        file = _module_file(top, name)
        if file is None:  # a name inside a module, as in `from lib.spins.ising import energy`
            continue
        found[name] = file
        waiting.append(name.rpartition(".")[0])
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        waiting.extend(imports(file.read_text("utf-8"), str(file.relative_to(top)), package))
    return dict(sorted(found.items()))


@_noted
def imports(source: str, where: str = "", package: str = "", first: int = 1) -> list[str]:
    """Dotted names that a text of Python imports; `from a import b` gives both `a` and `a.b`, as b may be a module."""
    names = []
    for node in ast.walk(parsed(source, where, first)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[:len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names


@_noted
def code_digest(source: str) -> str:
    """SHA-256 of a module's syntax tree, without docstrings and comments: rewording changes nothing."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            constant = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            if constant and isinstance(first.value.value, str):
                node.body = node.body[1:]
    return atomic.digest(ast.dump(tree))


def function_digest(top: Path, function: Callable) -> str:
    """Digest of the code that a function of a module depends on: that module, and all of `lib` it imports."""
    module = function.__module__
    source = Path(sys.modules[module].__file__).read_text("utf-8")
    modules = modules_of(top, [module, *imports(source, module)])
    parts = {found: code_digest(path.read_text("utf-8")) for found, path in modules.items()}
    return atomic.digest([module, function.__name__, code_digest(source), parts])


def compiled_digest(top: Path) -> str:
    """Digest of the modules of `lib` that compile and of all that they import, for the name of its cache folder.

    numba's own cache asks only for the content of the file with the compiled function, and would go on using what was
    compiled from an older version of another module.
    """
    names = []
    for file in (top / "lib").rglob("*.py"):
        name = ".".join(file.relative_to(top).with_suffix("").parts)
        if {"numba", "lib.native.switch"} & {*imports(file.read_text("utf-8"), file.name)}:
            names.append(name.removesuffix(".__init__"))
    digests = [code_digest(file.read_text("utf-8")) for file in modules_of(top, names).values()]
    return atomic.digest(digests)[:16]


def _module_file(top: Path, name: str) -> Path | None:
    path = top.joinpath(*name.split("."))
    if (path / "__init__.py").is_file():
        return path / "__init__.py"
    return path.with_suffix(".py") if path.with_suffix(".py").is_file() else None
