"""Schedules of pruning: the counts step by step, by an independent count in tenths of weights, and what is refused."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.pruning.schedule import check_schedule, steps, weights_left

hundredths = st.integers(0, 99).map(lambda n: n / 100)


def test_the_schedule_of_the_thesis():
    counts = weights_left(162, steps(0.4, 0.05, 32))
    # 162 * 0.4 = 64.8, then 4.85, 4.6, 4.35, 4.15, 3.95, ... and 10.5 of 210 etc. are halves
    assert counts[:6] == [97, 92, 87, 83, 79, 75] and len(counts) == 32 and counts[-1] == 21
    assert weights_left(1250, steps(0.4, 0.05, 3)) == [750, 712, 676]  # 37.5 and 35.6 weights
    assert steps(0.4, 0.05, 3) == [0.4, 0.05, 0.05] and steps(0.4, 0.05, 1) == [0.4] and steps(0.4, 0.05, 0) == []


@given(n_weights=st.integers(1, 5000), fractions=st.lists(hundredths, max_size=40))
def test_every_step_removes_the_rounded_fraction_and_at_least_one(n_weights, fractions):
    expected, left = [], n_weights
    for fraction in fractions:
        removed = int((Decimal(str(fraction)) * left).quantize(Decimal(1), rounding=ROUND_HALF_UP))
        if fraction > 0:
            removed = max(1, removed)
        if removed > left:
            with pytest.raises(ValueError, match=f"at most {len(expected)} steps"):
                weights_left(n_weights, fractions)
            return
        left -= removed
        expected.append(left)
    counts = weights_left(n_weights, fractions)
    assert counts == expected and all(type(count) is int for count in counts)
    assert check_schedule(n_weights, counts) == counts


@given(first=hundredths, then=st.integers(0, 50).map(lambda n: n / 100), n_steps=st.integers(1, 20))
def test_what_is_left_of_many_weights_decays_as_a_power(first, then, n_steps):
    n_weights = 10**12
    powers = n_weights * (1 - first) * (1 - then) ** np.arange(n_steps)
    np.testing.assert_allclose(weights_left(n_weights, steps(first, then, n_steps)), powers, atol=n_steps / 2 + 0.01)


def test_a_half_is_rounded_upwards_although_the_fraction_is_no_binary_number():
    assert weights_left(10, [0.05]) == [9] and weights_left(30, [0.05]) == [28]  # 0.5 and 1.5 weights
    assert weights_left(50, [0.29]) == [35]  # 14.5, although 0.29 * 50 is below that in floating point
    assert 0.29 * 50 < 14.5
    assert weights_left(50, [np.float64(0.29)]) == [35] and weights_left(50, [np.float32(0.25)]) == [37]


def test_small_numbers_and_nothing_to_do():
    assert weights_left(3, [0.05, 0.05, 0.05]) == [2, 1, 0]
    assert weights_left(3, [0, 0.0]) == [3, 3] and weights_left(3, []) == []
    assert weights_left(2, [0.9, 0.0]) == [0, 0]  # 1.8 weights


def test_more_than_there_is_is_refused():
    with pytest.raises(ValueError, match="at most 3 steps, after which none of 3 weights is left, got a step 4"):
        weights_left(3, [0.05] * 5)
    with pytest.raises(ValueError, match="from 0 to 162, the weights that there are before step 1, got 163; try"):
        check_schedule(162, [163])
    with pytest.raises(ValueError, match="from 0 to 90, .* before step 3, got 91"):
        check_schedule(162, [100, 90, 91])
    assert check_schedule(162, np.array([100, 100, 0])) == [100, 100, 0] and check_schedule(5, []) == []


@pytest.mark.parametrize("fraction", [-0.01, 1.0, 1, 40, float("nan"), float("inf"), "0.4", None, True])
def test_fractions_outside_are_refused(fraction):
    with pytest.raises(ValueError, match=r"the fraction of step 2 in \[0, 1\), got .*; try 0\.05 for 5 percent"):
        weights_left(100, [0.4, fraction])
    for arguments in ((fraction, 0.05), (0.4, fraction)):
        with pytest.raises(ValueError, match=r"expected (first|then) in \[0, 1\)"):
            steps(*arguments, 3)


@pytest.mark.parametrize("count", [-1, 2.0, None, True])
def test_bad_counts_are_refused(count):
    with pytest.raises(ValueError, match="n_steps to be an integer >= 0"):
        steps(0.4, 0.05, count)
    with pytest.raises(ValueError, match="an integer from 0 to 10"):
        check_schedule(10, [count])
    for function in (weights_left, check_schedule):
        with pytest.raises(ValueError, match="n_weights to be an integer >= 1"):
            function(count, [])


def test_one_number_in_place_of_a_list_is_refused_and_the_hints_work():
    with pytest.raises(ValueError, match=r"fractions as a list, one number a step, got 0\.3; try \[0\.4, 0\.05\]"):
        weights_left(24, 0.3)
    with pytest.raises(ValueError, match=r"weights left after each step as a list, .* got 12; try \[12\]"):
        check_schedule(24, 12)
    with pytest.raises(ValueError, match=r"got 25; try weights_left\(24, \[0\.4, 0\.05\]\)"):
        check_schedule(24, [25])
    assert check_schedule(24, weights_left(24, [0.4, 0.05])) == [14, 13]
