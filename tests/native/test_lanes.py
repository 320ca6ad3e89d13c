"""Operations on sixteen lanes have the bits of numpy."""

import numpy as np
import pytest
from numba import njit

from lib.native.lanes import load, square_root, store


@njit
def roots(values, out):
    store(out, 0, square_root(load(values, 0)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_square_roots_are_those_of_numpy(dtype):
    values = np.random.default_rng(2).random(16).astype(dtype) * 1000
    out = np.empty_like(values)
    roots(values, out)
    np.testing.assert_array_equal(out, np.sqrt(values))
