"""Settings of all tests: one thread and one compiler cache for the numeric libraries, property tests that repeat."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from lib.study.provenance import compiled_digest

_TOP = Path(__file__).resolve().parents[1]

# Before any test module imports numpy or torch: the libraries read these once.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"
# The cache of the book: what it has compiled, the tests need not compile again.
os.environ["NUMBA_CACHE_DIR"] = str(_TOP / "_build" / "cache" / f"numba-{compiled_digest(_TOP)}")

settings.register_profile("book", deadline=None, derandomize=True, database=None)
settings.load_profile("book")


@pytest.fixture(autouse=True)
def default_sigterm():
    """Commands that run within a test handle SIGTERM, and a forked worker that inherits this can miss its end."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
