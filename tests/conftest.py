"""Settings of all tests: one thread and one compiler cache for the numeric libraries, property tests that repeat.

Tests that would take minutes draw some of their cases, by a seed that moves with the commit and is printed; `--all`
(make test-all) runs every one of them.
"""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from lib.study import surroundings
from lib.study.dependence import compiled_digest
from lib.study.notebooks import skip_address_parser
from tests.toy_fixtures import bare, chapter, record, reference, small_disk, top, write  # noqa: F401, for all rooms

_TOP = Path(__file__).resolve().parents[1]

# What the user has set reaches no test, nor the repositories that tests make: in a hook, GIT_DIR names our own.
for _variable in list(os.environ):
    if not surroundings.stays(_variable) and not _variable.startswith("PYTEST_"):
        del os.environ[_variable]
os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
# Before any test module imports numpy or torch: the libraries read these once.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"
# The cache of the book: what it has compiled, the tests need not compile again.
os.environ["NUMBA_CACHE_DIR"] = str(_TOP / "_build" / "cache" / f"numba-{compiled_digest(_TOP)}")

skip_address_parser()  # tests read notebooks too

settings.register_profile("book", deadline=None, derandomize=True, database=None)
settings.load_profile("book")


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="run all cases of the tests that else draw some")
    parser.addoption("--draw", type=int, metavar="SEED", help="draw them by this seed in place of the commit's")


def _seed(config) -> int:
    if config.getoption("--draw") is not None:
        return config.getoption("--draw")
    shown = subprocess.run(["git", "rev-parse", "--short=8", "HEAD"], cwd=_TOP, capture_output=True, text=True)
    return int(shown.stdout, 16) if shown.returncode == 0 else 0  # 0: no repository


def pytest_configure(config):
    config.addinivalue_line("markers", "some(n): of the cases of this test run n that are drawn, or all with --all")


def pytest_collection_modifyitems(config, items):
    """Leave out the cases that a test marked `some` does not draw; every worker draws the same."""
    cases = {}
    for item in items:
        if (mark := item.get_closest_marker("some")) and not config.getoption("--all"):
            cases.setdefault((item.path, item.originalname, mark.args[0]), []).append(item)
    out = set()
    for (_, name, n), found in cases.items():
        kept = random.Random(f"{_seed(config)} {name}").sample(range(len(found)), min(n, len(found)))
        out |= {item for place, item in enumerate(found) if place not in kept}
    if out:
        config.hook.pytest_deselected(items=sorted(out, key=lambda item: item.nodeid))
        items[:] = [item for item in items if item not in out]


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("--all"):
        terminalreporter.write_line(f"Tests drew some of their cases by seed {_seed(config)}: --draw={_seed(config)} "
                                    "draws the same, make test-all runs all of them.")


@pytest.fixture(scope="module")
def drawn_for_all(request):
    """drawn_for_all(cases, n): as `drawn`, once for all tests of a file."""
    return lambda cases, n: _draw(request, cases, n)


@pytest.fixture
def drawn(request):
    """drawn(cases, n): n of the cases, in their order; all of them with --all."""
    return lambda cases, n: _draw(request, cases, n)


def _draw(request, cases, n):
    cases = list(cases)
    if request.config.getoption("--all"):
        return cases
    places = random.Random(f"{_seed(request.config)} {request.node.nodeid}").sample(range(len(cases)), n)
    return [cases[place] for place in sorted(places)]


@pytest.fixture(autouse=True)
def default_sigterm():
    """Commands that run within a test handle SIGTERM, and a forked worker that inherits this can miss its end."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(autouse=True)
def style_of_figures():
    """Cells of chapters that run within a test set the style of figures, and another test would meet it."""
    before = dict(sys.modules["matplotlib"].rcParams) if "matplotlib" in sys.modules else None
    yield
    if (loaded := sys.modules.get("matplotlib")) and before is None:
        loaded.rcdefaults()
    elif loaded and (after := dict(loaded.rcParams)) != before:
        loaded.rcParams.update({name: value for name, value in before.items() if after[name] != value})
