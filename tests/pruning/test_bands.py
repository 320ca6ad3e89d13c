"""Bands: how often they hold one more value, and the first step outside, against a plain search."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.pruning.bands import band, first_outside


@pytest.mark.parametrize("n_values", [2, 3, 8])
@pytest.mark.parametrize("confidence", [0.9, 0.99])
def test_a_band_holds_one_more_value_as_often_as_it_says(n_values, confidence):
    """By simulation: with so few values the normal quantile or a missing 1/n would show."""
    draws = np.random.default_rng(n_values).normal(3, 0.2, (4000, n_values + 1))
    inside = []
    for *values, new in draws:
        low, high = band(values, confidence=confidence)
        inside.append(low <= new <= high)
    error = np.sqrt(confidence * (1 - confidence) / len(draws))
    assert abs(np.mean(inside) - confidence) < 4 * error


def test_a_band_by_hand_and_of_values_that_stand_still():
    low, high = band([1.0, 3.0], confidence=0.5)  # Student's quantile at 0.75 with one degree of freedom is 1
    assert (low, high) == pytest.approx((2 - np.sqrt(2) * np.sqrt(1.5), 2 + np.sqrt(2) * np.sqrt(1.5)))
    assert band([0.5] * 4) == (0.5, 0.5)


@given(values=st.lists(st.integers(-3, 3), max_size=12), in_a_row=st.integers(1, 4),
       side=st.sampled_from(["above", "below", "both"]))
def test_the_first_run_outside(values, in_a_row, side):
    outside = [(side != "below" and value > 1) or (side != "above" and value < -1) for value in values]
    starts = [k for k in range(len(values) - in_a_row + 1) if all(outside[k:k + in_a_row])]
    assert first_outside(values, (-1, 1), side=side, in_a_row=in_a_row) == (starts[0] if starts else None)


def test_one_value_outside_or_the_last_one_alone_do_not_count():
    assert first_outside([0, 5, 5, 0, 5, 5, 5, 0], (-1, 1)) == 4
    assert first_outside([0, 5, 5, 0, 0, 5, 5], (-1, 1)) is None
    assert first_outside([0, 5, 0, 5, 5, 0], (-1, 1), in_a_row=2) == 3
    assert first_outside([0, 5, 0], (-1, 1), in_a_row=1) == 1
    assert first_outside([1, 1, 1], (-1, 1)) is None  # the edge is inside
    assert first_outside([-5, -5, -5], (-1, 1)) is None and first_outside([], (-1, 1)) is None


@pytest.mark.parametrize("call, message", [
    (lambda: band([1.0]), "at least 2 values, .*got 1; try n_control=8"),
    (lambda: band([1.0, np.nan]), "list of finite numbers"), (lambda: band([[1.0, 2.0]]), "list of finite numbers"),
    (lambda: band([1.0, 2.0], confidence=1), "confidence between 0 and 1, got 1"),
    (lambda: first_outside([1.0, np.inf], (0, 1)), "list of finite numbers"),
    (lambda: first_outside([1.0], (1, 0)), "low <= high"), (lambda: first_outside([1.0], (np.nan, 1)), "low <= high"),
    (lambda: first_outside([1.0], (0, 1), side="left"), "side among above, below, both, got 'left'"),
    (lambda: first_outside([1.0], (0, 1), in_a_row=0), "in_a_row to be an integer >= 1, got 0"),
])
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        call()
