"""The experiments of chapter 6 with few fresh samples, and none that another case has drawn."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest import mock

from lib.experiments.learning import _chain
from lib.rbm import learning
from tests.anchors import _chains

N_FRESH = 30


@contextlib.contextmanager
def small(case: str) -> Iterator[None]:
    """What a case runs in."""
    _chain.cache_clear()
    with _chains.engine(case), mock.patch.object(learning, "N_FRESH", N_FRESH):
        yield
    _chain.cache_clear()
