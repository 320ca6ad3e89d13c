"""What code depends on: the modules that it imports in whatever form, and what these do."""

import pytest

from lib import atomic
from lib.study import dependence
from tests import toy_book


@pytest.fixture
def top(tmp_path):
    return toy_book.make(tmp_path)


def imported(top, source):
    return list(dependence.modules_of(top, dependence.imports(source)))


@pytest.mark.parametrize("source", [
    "import lib.toy.deep", "import lib.toy.deep as d", "from lib.toy.deep import scale", "from lib.toy import deep",
    "def f():\n    from lib.toy import deep\n", "try:\n    import lib.toy.deep\nexcept ImportError:\n    pass",
])
def test_every_form_of_import_is_seen(top, source):
    assert imported(top, source) == ["lib", "lib.toy", "lib.toy.deep"]


def test_relative_imports_and_cycles_are_followed(top):
    toy_book.write(top, "lib/toy/a.py", "from . import b\n")
    toy_book.write(top, "lib/toy/b.py", "from .a import b\nfrom ..toy.sub import c\n")
    toy_book.write(top, "lib/toy/sub/__init__.py", "from . import c\n")
    toy_book.write(top, "lib/toy/sub/c.py", "from .. import deep\n")
    assert imported(top, "import lib.toy.a") == ["lib", "lib.toy", "lib.toy.a", "lib.toy.b", "lib.toy.deep",
                                                 "lib.toy.sub", "lib.toy.sub.c"]
    assert imported(top, "import numpy, library") == []


def test_compiled_code_depends_on_what_it_imports_and_on_nothing_else(top):
    toy_book.write(top, "lib/toy/loops.py", "import numba\n\nfrom lib.toy import deep\n")
    then = dependence.compiled_digest(top)
    toy_book.replace(top, "lib/toy/second.py", "x - width", "x - 2 * width  # no numba")
    toy_book.replace(top, "lib/study/runs.py", "THREADS = 1", "THREADS = 2")
    toy_book.replace(top, "lib/toy/deep.py", "# a comment", "# another")
    assert dependence.compiled_digest(top) == then
    toy_book.replace(top, "lib/toy/deep.py", "x * width", "x + width")
    assert dependence.compiled_digest(top) != then


def test_what_was_noted_of_code_is_used_only_for_the_same_code(top, monkeypatch):
    monkeypatch.setattr(dependence, "root", lambda: top)
    (top / "_build").mkdir()
    source = f"import {'lib.toy.deep'}  # {top}\n"
    first = dependence.code_digest(source)
    (note,) = [path for path in (top / "_build/cache/code").iterdir()]
    assert atomic.read_json(note) == first
    note.write_text("")  # damaged
    assert dependence.code_digest(source) == first == dependence.code_digest(source + "# more")
    assert dependence.code_digest(source + "x = 1") != first
