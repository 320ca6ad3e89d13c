"""What tests of the machinery share: a toy book, built once, and copies of it to break."""

import shutil
import subprocess

import pytest

from lib.pipeline import rehearsal
from lib.study import notebooks
from tests import toy_book


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """A toy book, built once."""
    top = toy_book.make(tmp_path_factory.mktemp("reference"))
    done = toy_book.run(top, "book")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"The book: {top}/_build/html/index.html\n")
    return top


@pytest.fixture
def top(reference, tmp_path):
    """A copy of the built toy book, to break."""
    return shutil.copytree(reference, tmp_path / "book")


@pytest.fixture
def bare(reference, tmp_path):
    """The toy book, not built; the renderer has taken its pages."""
    top = shutil.copytree(reference, tmp_path / "bare", ignore=shutil.ignore_patterns("_build"))
    (top / "_build").mkdir()
    shutil.copy(reference / rehearsal.PASSED, top / rehearsal.PASSED)
    return top


@pytest.fixture
def small_disk(tmp_path):
    """A file system of our own; skipped where the user may not mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", str(place)], capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("mounting a small file system needs root; the same errors are injected in another test")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def record(tmp_path):
    return tmp_path / "data" / "lines.jsonl"


@pytest.fixture
def write(tmp_path):
    """Write a chapter and read it."""
    def written(text):
        path = tmp_path / "01-first.md"
        path.write_text(text, "utf-8")
        return notebooks.read_chapter(path)
    return written


@pytest.fixture
def chapter(write):
    return write(toy_book.CHAPTER.format(stem="1", module="first"))
