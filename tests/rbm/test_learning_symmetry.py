"""Broken symmetry and tied biases, from toy tables counted by hand."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import learning_symmetry as symmetry
from lib.spins import product_states


def searches(*rows):
    """Searches: n_spins, field, hidden units found, largest error, as of `learning_searches.search_table`."""
    table = pd.DataFrame(rows, columns=["n_spins", "field", "hidden", "error"])
    return table.assign(eps=0.002, low=table.hidden - 1, high=table.hidden + 1, largest=2 * table.n_spins)


FOUND = searches((10, 0.8, 5, 1.0), (10, 1.0, 5, 1.0), (10, 1.2, 5, 1.0), (20, 0.5, 13, 2.0), (20, 0.6, 13, 2.0),
                 (20, 0.8, 11, 0.6), (20, 1.0, 10, 0.8), (20, 1.2, 12, 0.5), (30, 0.8, np.inf, np.nan),
                 (30, 1.0, 14, 1.0))
MANY = searches(*((50, h, units, 1.0) for h, units in ((0.5, 1), (0.6, 30), (0.7, 33), (0.8, 31), (0.9, 26))))
NONE = MANY.assign(hidden=[1, np.inf, 33, np.inf, 26], low=[1, 40, 32, 50, 25], high=[2, np.inf, 34, np.inf, 27],
                   largest=50)


def test_states_with_broken_symmetry_lie_above_the_ground_state_by_half_of_the_splitting():
    runs = pd.DataFrame([{"n_spins": n, "field": h, "magnetization": 0.9, "plain magnetization": 0.1,
                          "plain fidelity": 0.5, "splitting": 0.04} for n, h in ((20, 0.8), (20, 0.7), (40, 0.8))])
    found = symmetry.broken_states(runs, lambda n, h: -1.0 * n)
    assert found.index.tolist() == [(20, 0.7), (20, 0.8), (40, 0.8)]
    assert found["half splitting"].tolist() == pytest.approx([0.5, 0.5, 0.25])  # 0.02 of the 0.04 that are allowed
    assert list(found.columns) == ["half splitting", "magnetization", "plain magnetization", "plain fidelity"]


def test_counts_at_every_field_stand_in_a_table_without_gaps():
    table = symmetry.peaks_table({"kept": pd.concat([NONE, FOUND[FOUND.n_spins == 20]]), "broken": MANY})
    assert list(table.columns) == ["0.5", "0.6", "0.7", "0.8", "0.9", "1", "1.2", "most at"]
    assert table.loc[("N = 50", "kept")].tolist() == ["1", "> 50", "33", "> 50", "26", *["not searched"] * 2,
                                                      "0.6 to 0.8"]
    assert table.loc[("N = 50", "broken"), "most at"] == "0.7 to 0.8"  # the intervals of these two overlap
    assert table.loc[("N = 20", "broken")].tolist() == ["not searched"] * 7 + ["too few"]


def test_broken_symmetry_in_numbers():
    states = pd.DataFrame([(20, 0.8, 0.5, 0.07), (50, 0.8, 0.9, 0.01), (50, 0.5, 1.0, 0.0)],
                          columns=["n_spins", "field", "plain fidelity", "half splitting"])
    states = states.assign(**{"plain magnetization": 0.3}).set_index(["n_spins", "field"])
    found = symmetry.broken_numbers(NONE, pd.concat([MANY, FOUND[FOUND.n_spins == 20]]), states)
    assert [found[f"50-{name}"] for name in ("broken-8", "kept-8", "kept-7")] == [(31, None), (None, None), (33, None)]
    assert [found[f"50-{name}"][0] for name in ("broken-low", "broken-high", "kept-low", "kept-high")] \
        == [0.7, 0.8, 0.6, 0.8]
    assert found["20-broken-low"] == (0.5, None) and found["20-half"] == (pytest.approx(7), None)
    assert found["spins"] == (50, None) and found["dmrg"] == (0.9, None) and found["50-plain-fidelity"] == (0.9, None)
    nothing = symmetry.broken_numbers(NONE[:0], MANY[:0], states[:0])
    assert nothing == {"spins": (None, None), "dmrg": (None, None)}


def test_one_or_two_units_are_expected_where_the_likeliest_product_state_is_within_the_bound():
    kept = searches((20, 0.5, 13, 2.0), (40, 0.5, 1, 0.3), (40, 0.6, np.inf, np.nan), (30, 0.5, 28, 2.0),
                    (50, 0.9, 9, 1.0), (20, 0.8, 9, 1.0))  # the last two: beyond the fields, and too short
    broken = searches((50, 0.7, 2, 0.3)).assign(eps=0.01)
    table = symmetry.steps({"broken": broken, "kept": kept, "none": kept[:0]}, to=0.8)
    assert table["measurements"].tolist() == ["broken", "kept", "kept", "kept", "kept"]
    assert table["n_spins"].tolist() == [50, 20, 30, 40, 40] and table["field"].tolist() == [0.7, 0.5, 0.5, 0.5, 0.6]
    assert table["product state"][0] == product_states.likeliest_error(50, 0.7) / 0.01
    assert table["hidden"].tolist() == [2, 13, 28, 1, np.inf] and table["largest"].tolist() == [100, 40, 60, 80, 80]
    assert table["as expected"].tolist() == [True, True, False, True, True]
    assert symmetry.steps({}, to=0.8).empty


def variants_of(free):
    return symmetry.tied_beside(searches((30, 1.0, 14, 0.3)), free)[1]


def test_tied_biases_stand_beside_free_ones():
    tied = searches((10, 1.0, 5, 0.3), (20, 1.0, 9, 0.3), (40, 1.0, 18, 0.3), (50, 0.8, np.inf, np.nan))
    table, numbers = symmetry.tied_beside(tied, FOUND)
    assert table.loc[(1.0, 20)].tolist() == ["10", "9"] and table.loc[(1.0, 40)].tolist() == ["not searched", "18"]
    assert table.loc[(0.8, 50)].tolist() == ["not searched", "> 100"]
    assert numbers == {"more": (-1.0, pytest.approx(np.hypot(0.3, 0.8))), "lengths": (2.0, None),
                       "fewer": (1, None), "greater": (0, None),
                       "10-10": (5, None), "share-10-10": (1, pytest.approx(np.hypot(0.3, 1.0) / 5)),
                       "20-10": (9, None), "share-20-10": (0.9, pytest.approx(0.9 * np.hypot(0.3 / 9, 0.8 / 10))),
                       "40-10": (18, None), "share-40-10": (None, None)}
    fields = searches((50, 0.6, 20, 0.3), (50, 0.7, 30, 0.3), (50, 0.8, 30, 0.3), (50, 1.0, 25, 0.3))
    highest = {name: value for name, (value, _) in symmetry.tied_beside(fields, FOUND)[1].items() if "highest" in name}
    assert highest == {"highest-50-low": 0.7, "highest-50-high": 0.8}
    free = FOUND[FOUND.n_spins == 30].assign(hidden=np.inf)
    assert variants_of(free)["share-30-10"] == (None, None)  # no more than "at most 14 of more than were tried"
    assert symmetry.tied_beside(tied[:0], FOUND)[1] == {
        "more": (None, None), "lengths": (0.0, None), "fewer": (0, None), "greater": (0, None)}
    both = searches((10, 1.0, 4, 0.3), (20, 1.0, 11, 0.3))  # as far off either way: the error of ten spins is larger
    assert symmetry.tied_beside(both, FOUND)[1]["more"] == (1.0, pytest.approx(np.hypot(0.3, 0.8)))


def test_sizes_that_were_tried_are_counted_with_those_that_are_enough():
    run = {"n_spins": 50, "field": 0.6, "eps": 0.002, "tried hidden": [10, 10, 20, 20, 30]}
    run |= {"tried learnt": [0, 0, 1, 0, 0]}
    others = [run | {"n_spins": 40, "tried learnt": [1] * 5}, run | {"eps": 0.005, "tried learnt": [1] * 5}]
    assert symmetry.sizes_tried([run, *others], 50, 0.6) == {"sizes": (3, None), "enough": (1, None)}
    assert symmetry.sizes_tried([run, *others], 50, 0.7) == {"sizes": (None, None), "enough": (None, None)}


def test_machines_that_are_too_small_are_held_against_the_likeliest_product_state():
    product = product_states.likeliest_error(50, 0.6)
    run = {"n_spins": 50, "field": 0.6, "tried hidden": [1, 2, 8, 9], "tried seed": [1, 1, 1, 1],
           "tried bound": [1.1 * product, 1.2 * product, 1.4 * product, 1.0]}
    assert symmetry.plateau([run, run | {"n_spins": 40}], 50, [0.5, 0.6]) == pytest.approx([1.2])
    assert symmetry.plateau([run], 50, [0.6], at_most=2) == pytest.approx([1.15])
