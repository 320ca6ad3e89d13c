"""The numbers that chapter 6 names, from toy tables whose answers are counted by hand."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import learning_figures as laws
from lib.rbm import learning_summaries as summaries


def machines(*rows):
    """Machines of fifty spins: hidden units, bound, error of the size of the magnetization."""
    table = pd.DataFrame(rows, columns=["n_hidden", "bound", "abs m error"])
    return table.assign(mROE=table["abs m error"] + 2.576 * 0.003, **{"energy error": table.bound - 0.0004})


USUAL = machines((20, 0.009, 0.2), (24, 0.003, 0.04), (25, 0.0015, 0.05), (26, np.nan, np.nan), (28, 0.001, 0.03))


def searches(*rows):
    """Searches: n_spins, field, hidden units found, largest error, as of `laws.search_table`."""
    table = pd.DataFrame(rows, columns=["n_spins", "field", "hidden", "error"])
    return table.assign(eps=0.002, low=table.hidden - 1, high=table.hidden + 1)


FOUND = searches((10, 0.8, 5, 1.0), (10, 1.0, 5, 1.0), (10, 1.2, 5, 1.0), (20, 0.5, 13, 2.0), (20, 0.6, 13, 2.0),
                 (20, 0.8, 11, 0.6), (20, 1.0, 10, 0.8), (20, 1.2, 12, 0.5), (30, 0.8, np.inf, np.nan),
                 (30, 1.0, 14, 1.0))


def test_machines_of_one_length():
    found = summaries.procedure(USUAL, machines((22, 0.004, 0.1), (25, 0.001, 0.1)), half=25)
    point = laws.half_point(USUAL.n_hidden, [0, 0, 1, 0, 1])
    assert found["half"] == (point.value, pytest.approx((point.high - point.low) / 2))
    assert (found["half low"], found["half high"]) == ((point.low, None), (point.high, None))
    assert found["first"] == (25, None) and found["below"] == (0.003, None) and found["longer below"] == (0.004, None)
    assert found["blind"][0] == pytest.approx(0.04) and found["blind worst"] == (0.05, None)
    assert found["blind noise"][0] == pytest.approx(0.003)
    assert found["blind rms"][0] == pytest.approx(np.sqrt((0.05**2 + 0.03**2) / 2 - 0.003**2))
    assert found["chance"][0] == pytest.approx(0.2)


def test_what_is_not_there_is_none_and_not_nan():
    for usual in (USUAL[:0], USUAL[:1]):
        found = summaries.procedure(usual, USUAL[:0], half=25)
        assert found["half"] == found["first"] == found["longer below"] == found["blind rms"] == (None, None)
    nothing = FOUND[:0]
    assert summaries.compared(nothing, 0.8, 1.0) == {"difference": (None, None), "n_spins": (None, None)}
    assert summaries.alike(nothing, [1.0]) == {"spread": (None, None), "n_spins": (None, None)}
    assert summaries.peak(nothing, 20) is None is summaries.two_units([], 10, 0.5) is summaries.spared(0.1, None)
    assert set(summaries.shapes(pd.DataFrame({"magnitudes": []})).values()) == {(None, None)}
    assert summaries.known(np.inf, 1.0) == (None, None) and summaries.known(2, np.nan) == (2.0, None)


def test_fields_are_compared_at_the_longest_chain_that_has_both():
    found = summaries.compared(FOUND, 0.8, 1.0)
    assert found == {"difference": (1.0, pytest.approx(1.0)), "n_spins": (20.0, None)}
    assert summaries.compared(FOUND, 0.5, 2.0)["difference"] == (None, None)


def test_the_peak_is_the_lowest_of_equal_ones_and_needs_four_fields():
    assert summaries.peak(FOUND, 20) == 0.5 and summaries.peak(FOUND, 10) is None
    assert summaries.peak(FOUND, 10, least=3) == 0.8
    assert summaries.peak(FOUND[FOUND.field > 0.6], 20, least=3) == 1.2


def test_bounds_of_two_units():
    run = {"n_spins": 10, "field": 0.5, "eps": 0.002, "tried bound": [0.004, 0.9, 0.006, 0.008],
           "tried hidden": [2, 3, 2, 2]}
    assert summaries.two_units([run, run | {"eps": 0.01, "tried bound": [1.0] * 4}], 10, 0.5) == 0.006
    assert summaries.two_units([run], 10, 1.0) is None


def test_half_points_move_with_the_prior_where_outcomes_leave_room():
    sharp = {"field": 1.0, "smallest": 10, "tried hidden": [9] * 5 + [10] * 5, "tried learnt": [0] * 5 + [1] * 5}
    vague = {"field": 0.5, "smallest": 8, "tried hidden": [2, 4, 6, 8, 12], "tried learnt": [0, 1, 0, 1, 1]}
    nothing = sharp | {"smallest": None, "tried learnt": [0] * 10}
    found = summaries.prior_moves([sharp, vague, nothing])
    wide, narrow = (laws.half_point([0, 2, 4, 6, 8, 12], [0, 0, 1, 0, 1, 1], widest=w).value for w in (1.0, 0.2))
    assert list(found.field) == [1.0, 0.5] and found.units[1] == abs(wide - narrow) > 3 * found.units[0]


@pytest.mark.parametrize("allowed, left", [(0.05, 0), (0.1, 1), (0.29, 1), (0.31, 2), (0.51, 3)])
def test_the_first_unit_spared_leaves_one_bond_alone_and_each_other_one_two(allowed, left):
    assert summaries.spared(allowed, 0.1) == left  # one unit costs 0.1, two 0.3, three 0.5
    assert sum(allowed >= cost for cost in (0.1, 0.3, 0.5)) == left


def test_predictions_use_the_cost_at_ten_spins_and_the_same_field():
    costs = pd.DataFrame([(10, 1.0, 1, 0.06), (20, 1.0, 1, 9.0), (10, 1.0, 2, 9.0), (10, 1.2, 1, 0.01)],
                         columns=["n_spins", "field", "missing", "cost"])
    energy = lambda n, field: -1.3 * n  # 0.026, 0.052 and 0.078 J are allowed
    assert summaries.predictions(FOUND, costs, energy, [1.0]) == [0, 0, 0]  # 5, 10, and 14 = 15 less one
    assert summaries.predictions(FOUND, costs, energy, [1.2, 2.0]) == [5 - 5 + 1, 12 - 10 + 3]


def test_fields_that_are_alike():
    assert summaries.alike(FOUND, [0.8, 1.0, 1.2]) == {"spread": (2.0, None), "n_spins": (20.0, None)}
    short = summaries.alike(FOUND[FOUND.n_spins < 20], [0.8, 1.0, 1.2])
    assert short == {"spread": (0.0, None), "n_spins": (10.0, None)}


def test_shapes_are_means_with_standard_errors():
    lists = [np.exp(-np.linspace(0, length, 50)).tolist() for length in (2.0, 4.0)]
    found = summaries.shapes(pd.DataFrame({"magnitudes": lists}))
    decays = [laws.weight_decay(one) for one in lists]
    for name in laws.Decay._fields:
        values = [getattr(decay, name) for decay in decays]
        assert found[name] == (pytest.approx(np.mean(values)), pytest.approx(np.ptp(values) / 2))
    assert found["noise"][0] == pytest.approx(np.mean([laws.noise_distance(one) for one in lists]))
    assert summaries.shapes(pd.DataFrame({"magnitudes": lists[:1]}))["large"][1] is None


def test_ways_to_train():
    rows = [(10, "a", 4, 0.005, 0.01), (10, "a", 5, 0.001, 0.02), (10, "a", 5, 0.004, 0.04), (10, "b", 5, 0.003, 0.05),
            (10, "b", 6, np.nan, np.nan), (20, "a", 10, 0.001, 0.06)]
    runs = pd.DataFrame(rows, columns=["n_spins", "way", "n_hidden", "bound", "abs m error"])
    assert summaries.ways_needed(runs) == {(10, "a"): 5, (10, "b"): None, (20, "a"): 10}
    table = summaries.ways_table(runs)
    assert table.loc[("N = 10", "a")].tolist() == [3, 5, "0.00250", "3.0"]
    assert table.loc[("N = 10", "b"), "hidden units needed"] == "more than 6"


def test_broken_symmetry_beside_the_symmetry_kept():
    runs = pd.DataFrame([{"n_spins": n, "field": h, "eps": 0.002, "smallest": 3, "tried hidden": [2, 2, 3, 3],
                          "tried learnt": [0, 0, 1, 1], "n_seeds": 3, "magnetization": 0.9, "plain magnetization": 0.1,
                          "plain fidelity": 0.5, "splitting": 0.04} for n, h in ((20, 0.8), (20, 0.7), (40, 0.8))])
    found = summaries.broken_table(FOUND, runs, lambda n, h: -1.0 * n).set_index(["n_spins", "field"])
    assert found.loc[(20, 0.8), ["kept", "kept error", "broken"]].tolist() == [11, 0.6, 3]
    assert found.loc[(20, 0.8), "half splitting"] == pytest.approx(0.5)  # 0.02 of the 0.04 that are allowed
    assert np.isnan(found.loc[(20, 0.7), "kept"]) and np.isnan(found.loc[(40, 0.8), "kept"]) and len(found) == 3


def joint_runs():
    rows = [(True, 2, 500, 1, [0.01, 0.03]), (False, 0, 500, 1, [0.04, 0.08]), (True, 2, 500, 2, [0.02, 0.02]),
            (False, 0, 500, 2, [0.04, 0.04]), (True, 1, 2000, 1, [0.01, 0.01])]
    return pd.DataFrame([{"together": together, "degree": degree, "n_samples": n, "seed": seed, "parameters": 100,
                          **dict.fromkeys(("kl", "energy error", "held out energy error", "held out kl"), values)}
                         for together, degree, n, seed, values in rows])


def test_machines_for_all_fields_are_compared_seed_by_seed():
    table = summaries.joint_table(joint_runs())
    assert table.kind.tolist() == ["degree 2", "one a field", "degree 2", "one a field", "degree 1"]
    assert table.kl.tolist() == pytest.approx([0.02, 0.06, 0.02, 0.04, 0.01]) and table.worst[1] == 0.08
    gain, error = summaries.joint_gain(table, "degree 2", 500)
    assert gain == pytest.approx(2.5) and error == pytest.approx(0.5)
    assert summaries.joint_gain(table, "degree 1", 2000) == summaries.joint_gain(table, "degree 2", 9) == (None, None)
    assert list(summaries.joint_table(joint_runs()[:0]).columns) == list(table.columns)


def test_chains_have_their_names():
    run = {"n_spins": 6, "eps": 0.002, "smallest": 3, "tried hidden": [2, 3], "tried learnt": [0, 1], "n_seeds": 1}
    runs = pd.DataFrame([run | {"model": "b", "parameter": 2.5}, run | {"model": "a", "parameter": 1.0, "n_spins": 8}])
    found = summaries.chains_table(runs)
    assert found.model.tolist() == ["b", "a"] and found.field.tolist() == [2.5, 1.0] and found.hidden.tolist() == [3, 3]
    assert len(summaries.chains_table(runs[:0])) == 0
