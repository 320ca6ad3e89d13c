"""What searches have found, from toy tables whose answers are counted by hand."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import learning_searches as searching
from lib.rbm import missing_units, weight_shapes
from lib.rbm.learning_searches import minimal
from lib.rbm.learning_thresholds import Interval, half_point


def test_the_smallest_machine_of_a_search_has_an_interval_around_it():
    run = {"smallest": 10, "tried hidden": [10, 10, 10, 6, 6, 6, 8, 8, 8, 9, 9, 9, 9],
           "tried learnt": [1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]}
    found = minimal(run)
    assert found.value == 10 and 8 < found.low <= 10 <= found.high <= 11
    assert searching.saved(run, 5) == pytest.approx(50 / 13)
    alone = minimal({"smallest": 1, "tried hidden": [2, 1], "tried learnt": [1, 1]})
    assert alone == Interval(1, 1, 1)
    nothing = minimal({"smallest": None, "tried hidden": [3, 5, 8], "tried learnt": [0, 0, 0]})
    assert nothing == Interval(np.inf, 8, np.inf)
    assert minimal({"smallest": np.nan, "tried hidden": [3], "tried learnt": [0]}).value == np.inf  # as tables have it


def test_where_no_threshold_is_seen_the_interval_reaches_from_any_success_to_none_but_successes():
    def run(smallest, counts, n_seeds=5):
        tried = [(size, k < learnt) for size, (learnt, seen) in counts.items() for k in range(seen)]
        return {"smallest": smallest, "tried hidden": [size for size, _ in tried],
                "tried learnt": [int(learnt) for _, learnt in tried]}

    soft = run(87, {25: (0, 3), 50: (2, 5), 60: (2, 5), 75: (0, 3), 86: (0, 3), 87: (3, 5), 88: (3, 5), 90: (3, 4)})
    found = minimal(soft)
    assert (found.value, found.low, found.high) == (87, 50, 88) or (found.value, found.low, found.high) == (87, 50, 87)
    assert minimal(run(26, {25: (0, 3), 26: (3, 5), 28: (1, 4), 30: (3, 3), 50: (0, 3)})).high == 30
    assert minimal(run(None, {41: (0, 3), 60: (0, 3), 90: (1, 4), 100: (1, 4)})) == Interval(np.inf, 60, np.inf)
    assert minimal(run(None, {2: (1, 4), 3: (0, 3)})) == Interval(np.inf, 0, np.inf)


def test_searches_that_begin_elsewhere_are_one():
    """Sizes from 5 to 7 are enough, which the first search steps over."""
    shared = {"n_spins": 20, "field": 1.0, "eps": 0.001, "n_seeds": 3, "seed": 1, "first": 4, "largest": 9}
    over = shared | {"smallest": None, "tried hidden": [4, 4, 9, 9], "tried seed": [1, 2, 1, 2],
                     "tried bound": [4.0, 4.0, 9.0, None], "tried learnt": [0, 0, 0, 0]}
    found = shared | {"first": 7, "smallest": 5, "tried hidden": [7, 7, 4, 4, 5, 5, 5], "tried seed": [1, 2] * 3 + [3],
                      "tried bound": [7.0, 7.0, 40.0, 40.0, 5.0, 50.0, 5.0], "tried learnt": [1, 1, 0, 0, 1, 0, 1]}
    other = over | {"eps": 0.002}
    for order in ([over, other, found], [found, other, over]):
        merged = searching.pooled(order)
        assert [run["eps"] for run in merged] == list(dict.fromkeys(run["eps"] for run in order))
        one = next(run for run in merged if run["eps"] == 0.001)
        machines = set(zip(one["tried hidden"], one["tried seed"], one["tried learnt"]))
        assert one["smallest"] == 5 and len(one["tried hidden"]) == len(machines) == 9
        sizes, outcomes = searching.rising(one)
        assert sizes.max() == 7 and sizes.min() == 0 and len(sizes) == 8  # those of nine, which fail, are no step up
        assert minimal(one) == minimal(found)
    assert minimal(searching.pooled([over, over])[0]) == Interval(np.inf, 9, np.inf) == minimal(over)
    assert searching.pooled([over | {"smallest": np.nan}])[0]["smallest"] is None and searching.pooled([]) == []


def test_the_table_of_searches_has_a_row_for_each_and_says_where_nothing_was_found():
    shared = {"n_spins": 20, "eps": 0.002, "n_seeds": 5}
    runs = [shared | {"field": 1.0, "smallest": 2, "tried hidden": [2, 1], "tried learnt": [1, 0]},
            shared | {"field": 0.5, "smallest": None, "tried hidden": [4, 6], "tried learnt": [0, 0]}]
    table = searching.search_table(runs)
    assert list(table.field) == [0.5, 1.0] and list(table.hidden) == [np.inf, 2] and list(table.machines) == [2, 2]
    assert table.low[0] == 6 and np.isnan(table.error[0]) and table.error[1] >= 12**-0.5 and table.saved[1] == 5
    assert searching.search_table([]).empty


def machines(*rows):
    """Machines of fifty spins: hidden units, bound, error of the size of the magnetization."""
    table = pd.DataFrame(rows, columns=["n_hidden", "bound", "abs m error"])
    return table.assign(mROE=table["abs m error"] + 2.576 * 0.003, **{"energy error": table.bound - 0.0004})


USUAL = machines((20, 0.009, 0.2), (24, 0.003, 0.04), (25, 0.0015, 0.05), (26, np.nan, np.nan), (28, 0.001, 0.03))


def test_machines_of_one_length():
    found = searching.procedure(USUAL, machines((22, 0.004, 0.1), (25, 0.001, 0.1)), half=25)
    point = half_point(USUAL.n_hidden, [0, 0, 1, 0, 1])
    assert found["half"] == (point.value, pytest.approx((point.high - point.low) / 2))
    assert (found["half low"], found["half high"]) == ((point.low, None), (point.high, None))
    assert found["first"] == (25, None) and found["below"] == (0.003, None) and found["longer below"] == (0.004, None)
    assert found["blind"][0] == pytest.approx(0.04) and found["blind worst"] == (0.05, None)
    assert found["blind noise"][0] == pytest.approx(0.003)
    assert found["blind rms"][0] == pytest.approx(np.sqrt((0.05**2 + 0.03**2) / 2 - 0.003**2))
    assert found["chance"][0] == pytest.approx(0.2)


def test_what_is_not_there_is_none_and_not_nan():
    for usual in (USUAL[:0], USUAL[:1]):
        found = searching.procedure(usual, USUAL[:0], half=25)
        assert found["half"] == found["first"] == found["longer below"] == found["blind rms"] == (None, None)
    assert None is missing_units.two_units([], 10, 0.5)
    assert missing_units.spared(0.1, None) is None
    assert set(weight_shapes.shapes(pd.DataFrame({"magnitudes": []})).values()) == {(None, None)}
    assert searching.known(np.inf, 1.0) == (None, None) and searching.known(2, np.nan) == (2.0, None)


def test_half_points_move_with_the_prior_where_outcomes_leave_room():
    sharp = {"field": 1.0, "smallest": 10, "tried hidden": [9] * 5 + [10] * 5, "tried learnt": [0] * 5 + [1] * 5}
    vague = {"field": 0.5, "smallest": 8, "tried hidden": [2, 4, 6, 8, 12], "tried learnt": [0, 1, 0, 1, 1]}
    nothing = sharp | {"smallest": None, "tried learnt": [0] * 10}
    found = searching.prior_moves([sharp, vague, nothing])
    wide, narrow = (half_point([0, 2, 4, 6, 8, 12], [0, 0, 1, 0, 1, 1], widest=w).value for w in (1.0, 0.2))
    assert list(found.field) == [1.0, 0.5] and found.units[1] == abs(wide - narrow) > 3 * found.units[0]
