"""What numba's cache on disk notices, and what makes it compile again: the advice in `lib.native.lanes`, tried out."""

import os
import subprocess
import sys
import time

import pytest

HELPER = "from numba import njit\n\n\n@njit\ndef value():\n    return {}\n"
CACHED = """from helper import value
from numba import njit


@njit(cache=True)
def result():
    return value()


print(result(), sum(result.stats.cache_hits.values()))
"""


@pytest.fixture
def run(tmp_path):
    """(what the cached function gives, whether it came from the cache) in a process of its own."""
    (tmp_path / "cached.py").write_text(CACHED)
    (tmp_path / "helper.py").write_text(HELPER.format(1))

    def start(**variables):
        environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
        found = subprocess.run([sys.executable, "-B", "-c", "import cached"], cwd=tmp_path, capture_output=True,
                               text=True, check=True, env=environment | variables | {"PYTHONPATH": str(tmp_path)})
        value, hits = found.stdout.split()
        return int(value), hits == "1"
    assert start() == (1, False) and start() == (1, True)
    return start


def _edit_helper(folder):
    (folder / "helper.py").write_text(HELPER.format(2))


def _touch(folder):
    for name in ("cached.py", "helper.py"):
        os.utime(folder / name, (time.time() + 100,) * 2)


def test_an_edit_of_an_imported_module_goes_unnoticed_whatever_the_dates(run, tmp_path):
    # Should numba notice one day, `compiled_digest`, the folders named by it and the advice in `lanes` can go.
    _edit_helper(tmp_path)
    assert run() == (1, True)
    _touch(tmp_path)
    assert run() == (1, True)


@pytest.mark.parametrize("remedy", ["new folder", "delete", "comment"])
def test_every_remedy_makes_the_edit_count(run, tmp_path, remedy):
    _edit_helper(tmp_path)
    if remedy == "delete":  # as written in the module
        subprocess.run('find . -name "*.nb[ic]" -delete', shell=True, cwd=tmp_path, check=True)
    if remedy == "comment":  # any change of the file with the function
        (tmp_path / "cached.py").write_text(CACHED + "# changed\n")
    folder = {"NUMBA_CACHE_DIR": str(tmp_path / "new")} if remedy == "new folder" else {}
    assert run(**folder) == (2, False)
    assert run(**folder) == (2, True)
