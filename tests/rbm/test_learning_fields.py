"""Searches at several fields beside each other, from toy tables whose answers are counted by hand."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import learning_fields as fields
from lib.rbm import learning_searches as searching


def searches(*rows):
    """Searches: n_spins, field, hidden units found, largest error, as of `searching.search_table`."""
    table = pd.DataFrame(rows, columns=["n_spins", "field", "hidden", "error"])
    return table.assign(eps=0.002, low=table.hidden - 1, high=table.hidden + 1, largest=2 * table.n_spins)


FOUND = searches((10, 0.8, 5, 1.0), (10, 1.0, 5, 1.0), (10, 1.2, 5, 1.0), (20, 0.5, 13, 2.0), (20, 0.6, 13, 2.0),
                 (20, 0.8, 11, 0.6), (20, 1.0, 10, 0.8), (20, 1.2, 12, 0.5), (30, 0.8, np.inf, np.nan),
                 (30, 1.0, 14, 1.0))


def test_fields_are_compared_at_the_longest_chain_that_has_both():
    found = fields.compared(FOUND, 0.8, 1.0)
    assert found == {"difference": (1.0, pytest.approx(1.0)), "n_spins": (20.0, None)}
    assert fields.compared(FOUND, 0.5, 2.0)["difference"] == (None, None)


def test_the_peak_is_at_every_field_that_intervals_leave():
    assert fields.peak(FOUND, 20, least=4) == [0.5, 0.6, 0.8, 1.2] and fields.peak(FOUND, 20, least=6) == []
    sure = FOUND.assign(low=FOUND.hidden, high=FOUND.hidden)
    assert fields.peak(sure, 20) == [0.5, 0.6] and fields.peak(sure, 10) == []
    sure.loc[sure.field == 1.2, ["hidden", "low", "high"]] = np.inf, 20, np.inf  # nothing was enough up to twenty
    assert fields.peak(sure, 20) == [1.2]


def test_a_peak_is_told_where_all_fields_or_none_are_near():
    assert fields.middle([0.7, 0.8, 0.9], 0.8, 0.1) == (pytest.approx(0.8), True)
    assert fields.middle([0.6, 0.7], 0.8, 0.1) == (pytest.approx(0.65), False)
    assert fields.middle([0.5, 0.6], 0.8, 0.1) == (pytest.approx(0.55), True)
    assert fields.middle([], 0.8, 0.1) == (None, False)


def test_a_search_that_found_nothing_bounds_a_difference():
    ten, other = FOUND[5:6].reset_index(drop=True), FOUND[6:7]  # 11 and 10 units
    nothing = other.assign(hidden=np.inf, low=20.0, high=np.inf, error=np.nan, largest=25)
    assert fields.apart(ten, other) == (1, pytest.approx(1.0), "")
    assert fields.apart(nothing, other) == (10, pytest.approx(0.8), "at least")
    assert fields.apart(ten, nothing) == (-9, pytest.approx(0.6), "at most")
    assert fields.apart(nothing, nothing) == fields.apart(ten[:0], other) == (None, None, "unknown")
    assert [searching.in_words(row) for row in (ten.iloc[0], nothing.iloc[0], None)] == ["11", "> 25", "not searched"]


def test_what_is_not_there_is_none():
    nothing = FOUND[:0]
    assert fields.compared(nothing, 0.8, 1.0) == {"difference": (None, None), "n_spins": (None, None)}
    assert fields.alike(nothing, [1.0]) == {"spread": (None, None), "n_spins": (None, None)}
    assert fields.peak(nothing, 20) == []


def test_fields_that_are_alike():
    assert fields.alike(FOUND, [0.8, 1.0, 1.2]) == {"spread": (2.0, pytest.approx(np.hypot(0.8, 0.5))),
                                                         "n_spins": (20.0, None)}
    short = fields.alike(FOUND[FOUND.n_spins < 20], [0.8, 1.0, 1.2])
    assert short == {"spread": (0.0, pytest.approx(2**0.5)), "n_spins": (10.0, None)}


def test_searches_reach_as_far_as_they_found_something():
    assert fields.reach(FOUND, "field", 1.0) == fields.reach(FOUND, "eps", 0.002) == "N to 30 (thesis to 100)"
    assert fields.reach(FOUND, "field", 0.8) == "N to 20 (thesis to 100)"  # at 30 nothing was enough
    assert fields.reach(FOUND, "eps", 0.01) == "N to 0 (thesis to 100)"
    assert fields.reach(FOUND.assign(n_spins=100), "field", 1.0) == "full"
