"""Numbers of weights by index: those of numpy, to the last bit."""

import numpy as np

from lib.native import weights

RNG = np.random.default_rng(3)


def test_numbers_are_taken_in_the_order_that_is_asked_for():
    numbers, order = RNG.normal(size=50).astype(np.float32), RNG.integers(0, 50, 30).astype(np.int32)
    assert np.array_equal(weights.taken(numbers, order), numbers[order])


def test_sums_over_lanes_are_those_of_numpy_at_the_places_of_the_weights():
    result, order = RNG.normal(size=(40, 16)).astype(np.float32), RNG.permutation(40).astype(np.int32)
    out = np.full(40, np.nan, np.float32)
    weights.lane_totals(result.ravel(), order, out)
    assert np.array_equal(out[order], result.sum(axis=1))
