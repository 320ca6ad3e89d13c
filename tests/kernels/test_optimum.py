"""Where curves have their top and bottom."""

import numpy as np
import pytest

from lib import rng
from lib.kernels.optimum import best_width, closest_width

WIDTHS = [8, 16, 32, 64, 128]


def test_the_best_width_is_certain_without_scatter_and_uncertain_with_it():
    curve = np.array([1.0, 2.0, 3.0, 2.9, 1.0])
    dice = np.random.default_rng(1)
    calm = curve + 1e-3 * dice.normal(size=(10, 5))
    assert best_width(WIDTHS, calm, rng=rng.stream(1)).tolist() == [32, 32, 32]
    low, middle, high = best_width(WIDTHS, curve + 1.5 * dice.normal(size=(10, 5)), rng=rng.stream(1))
    assert low <= middle <= high and 16 <= low < high <= 64
    assert (best_width(WIDTHS, calm, rng=rng.stream(2)) == best_width(WIDTHS, calm, rng=rng.stream(2))).all()


def test_draws_are_of_seeds_not_of_single_values():
    """What all widths of a seed share does not matter."""
    curve = np.array([1.0, 2.0, 2.2, 2.0, 1.0])
    shared = 100 * np.random.default_rng(2).normal(size=(10, 1))
    assert best_width(WIDTHS, curve + shared, rng=rng.stream(1)).tolist() == [32, 32, 32]


def test_the_share_of_draws_is_that_of_the_bootstrap():
    """Of two seeds that prefer one width each, a quarter of the draws has the second one twice."""
    values = [[1.0, 0.0], [0.0, 1.1]]  # the first wins draws (0, 0) alone
    low, middle, high = best_width([10, 20], values, n_draws=4000, rng=rng.stream(3))
    assert (low, middle, high) == (10, 20, 20)
    low, middle, high = best_width([10, 20], [[1.0, 0.0], [0.0, 0.9]], n_draws=4000, rng=rng.stream(3))
    assert (low, middle, high) == (10, 10, 20)


def test_the_smallest_distance_lies_between_the_widths():
    for centre in (20.0, 33.0, 60.0):
        distances = 1 + np.log(np.array(WIDTHS) / centre) ** 2
        assert closest_width(WIDTHS, distances) == pytest.approx(centre, rel=1e-9)
    assert closest_width(WIDTHS, [5, 4, 3, 2, 1]) == 128 and closest_width(WIDTHS, [1, 2, 3, 4, 5]) == 8


def test_values_without_seeds_or_generator_are_refused():
    with pytest.raises(ValueError, match="rng as a random generator, got 3"):
        best_width(WIDTHS, np.ones((2, 5)), rng=3)
    for values in (np.ones(5), np.ones((3, 4)), np.ones((1, 5))):
        with pytest.raises(ValueError, match="a row for each of at least two seeds"):
            best_width(WIDTHS, values, rng=rng.stream(1))
    with pytest.raises(ValueError, match="finite values"):
        best_width(WIDTHS, np.full((2, 5), np.nan), rng=rng.stream(1))
    for widths, distances in (([8, 16], [1, 2]), ([8, 32, 16], [3, 1, 2]), ([0, 1, 2], [3, 1, 2]),
                              ([1, 2, 3], [3, 1, np.nan]), ([1, 2, 3], [1, 2])):
        with pytest.raises(ValueError, match="at least three increasing widths above 0"):
            closest_width(widths, distances)
